"""Particle guns as the detector saw them: the thrown particle, its clusters and its track."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.kinematics import pt_eta_phi
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.core.verbs import Inputs
from jetchain.detector.flight.particles import GEV
from jetchain.detector.flight.states import NUCLEON_MASS, baryon_number

KINDS = {
    "electron": 11,
    "photon": 22,
    "neutral pion": 111,
    "charged pion": 211,
    "K0L": 130,
    "neutron": 2112,
    "muon": 13,
}
"""Absolute PDG codes of the particles whose response is measured."""
LAYERS = tuple(f"e_layer_{layer}" for layer in range(6))


@dataclass(frozen=True)
class Thrown:
    """One thrown particle an event, and its clusters; energies in GeV.

    The energy that a calorimeter can see is a baryon's energy less its rest mass, and all of any
    other particle's. A particle's clusters are those to which it, or what it decayed into, gave
    energy: clusters of noise or of pile-up are not.
    """

    pdgid: np.ndarray  # (n,)
    energy: np.ndarray  # (n,) that a calorimeter can see
    pt: np.ndarray  # (n,)
    eta: np.ndarray  # (n,)
    clustered: np.ndarray  # (n,) energy of its clusters
    layers: np.ndarray  # (n, layers) of its clusters
    clusters: np.ndarray  # (n,) their number
    all_clustered: np.ndarray  # (n,) energy of all clusters of the event
    deposited: np.ndarray  # (n,) true energy in the cells

    def of(self, kind: str) -> Thrown:
        """Those of a kind, a key of `KINDS`."""
        return self.where(np.abs(self.pdgid) == KINDS[kind])

    def where(self, chosen: np.ndarray) -> Thrown:
        """Those chosen by (n,) bool."""
        return Thrown(**{each.name: getattr(self, each.name)[chosen] for each in fields(self)})


def read_thrown(events: Inputs, truth: Inputs) -> Thrown:
    """Read the shards of a gun of one particle an event.

    Events in which a particle was too soft to be simulated (one photon of a neutral pion, say) are
    left out.

    Args:
        events: tables DETECTED.
        truth: tables GENERATED of the same shards.

    Raises:
        DataError: they do not hold the same events.
        EmptySampleError: no event is left.
    """
    parts = []
    for path, true_path in zip(events, truth, strict=True):
        detected = read_events(
            path,
            DETECTED,
            {
                "particle": ["truth_idx", "dep_energy"],
                "track": ["d0"],
                "topo": ["e", *LAYERS],
                "particle_to_node": ["particle", "idx"],
            },
        )
        generated = read_events(
            true_path,
            GENERATED,
            {"particle": ["e"], "parton": ["pdgid", "px", "py", "pz", "e"]},
        )
        require_same_events(detected, generated, f"{path} and {true_path}")
        parts.append(thrown_particles(detected, generated))
    joined = [np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True)]
    if len(joined[0]) == 0:
        raise EmptySampleError(
            f"No thrown particle of {samples_of(events)} was simulated.",
            "Generate more events, raise the gun's energy, or lower "
            "detector.simulation.particle_pt_min.",
        )
    return Thrown(*joined)


def _columns(thrown: Thrown) -> list[np.ndarray]:
    return [getattr(thrown, each.name) for each in fields(thrown)]


def thrown_particles(detected: dict[str, Any], generated: dict[str, Any]) -> Thrown:
    """The thrown particles of some events; see `read_thrown`."""
    parton = generated["parton"][:, 0]
    momentum = [np.asarray(parton[name], float) for name in ("px", "py", "pz")]
    pdgid = np.asarray(parton["pdgid"])
    pt, eta, _ = pt_eta_phi(*momentum)
    baryons = np.array([baryon_number(code) for code in pdgid.tolist()])
    topo, particle = detected["topo"], detected["particle"]
    mine = belongs_to_truth(detected)
    layers = np.stack([np.asarray(ak.sum(topo[name][mine], axis=1)) for name in LAYERS], axis=1)
    thrown = Thrown(
        pdgid=pdgid,
        energy=np.asarray(parton["e"], float) - NUCLEON_MASS / GEV * baryons,
        pt=pt,
        eta=eta,
        clustered=np.asarray(ak.sum(topo["e"][mine], axis=1)) / GEV,
        layers=layers / GEV,
        clusters=np.asarray(ak.sum(mine, axis=1)),
        all_clustered=np.asarray(ak.sum(topo["e"], axis=1)) / GEV,
        deposited=np.asarray(ak.sum(particle["dep_energy"][particle["truth_idx"] >= 0], axis=1))
        / GEV,
    )
    return thrown.where(all_simulated(detected, generated))


def all_simulated(detected: dict[str, Any], generated: dict[str, Any]) -> np.ndarray:
    """Whether every generated particle of the event, or a daughter of it, was simulated, (n,)."""
    index = ak.sort(detected["particle"]["truth_idx"], axis=1)
    index = index[index >= 0]
    different = ak.sum(index[:, 1:] != index[:, :-1], axis=1) + (ak.num(index) > 0)
    return np.asarray(different == ak.num(generated["particle"]["e"]))


def belongs_to_truth(detected: dict[str, Any]) -> ak.Array:
    """Which clusters hold energy of the event's own generated particles, (events, var) bool."""
    link = detected["particle_to_node"]
    own = detected["particle"]["truth_idx"][link["particle"]] >= 0
    node = link["idx"] - ak.num(detected["track"]["d0"])
    counts = np.asarray(ak.num(detected["topo"]["e"]))
    first = np.concatenate([[0], np.cumsum(counts)])
    flags = np.zeros(first[-1], bool)
    cluster = node + first[:-1]
    flags[np.asarray(ak.flatten(cluster[own & (node >= 0)]))] = True
    return ak.unflatten(flags, counts)
