"""What the detector's histograms are filled with: tracks, clusters, and both against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.kinematics import delta_phi
from jetchain.detector.flight.helix import LIGHT
from jetchain.detector.flight.particles import GEV
from jetchain.detector.flight.states import behaviour
from jetchain.detector.table import KINDS

COLUMNS: dict[str, list[str] | None] = {
    "particle": ["pdgid", "charge", "track_idx", "pt", "eta", "phi", "e", "eta_extrap_calo",
                 "phi_extrap_calo", "prod_x", "prod_y"],
    "topo": ["bary_eta", "bary_phi", "bary_sigma_eta", "e",
             *(f"e_layer_{layer}" for layer in range(6))],
    "track": ["pdgid", "parent_idx", "reconstructed", "d0", "d0_err", "theta", "phi", "qoverp",
              *(f"{axis}_layer_0" for axis in "xyz")],
    "particle_to_node": None,
}  # fmt: skip
SHOWERING = ("electron", "photon", "charged_hadron", "neutral_hadron")
HISTOGRAMS = {
    "clusters_per_event": (np.arange(0, 601, 20), "topological clusters per event"),
    "tracks_per_event": (np.arange(0, 201, 5), "tracks per event"),
    "cluster_energy": (np.geomspace(0.1, 1000, 41), "cluster energy [GeV]"),
    "track_pt": (np.geomspace(0.5, 1000, 41), "track $p_T$ [GeV]"),
    "d0": (np.linspace(-0.3, 0.3, 61), "$d_0$ of the tracks [mm]"),
    "d0_significance": (np.linspace(-20, 20, 81), r"$d_0/\sigma(d_0)$"),
    "d0_pull": (
        np.linspace(-10, 10, 81),
        r"($d_0$ - true $d_0$) / $\sigma(d_0)$, tracks from 0.1 to 5 mm off the beam",
    ),
    "pt_residual": (np.linspace(-0.1, 0.1, 81), "track $p_T$ / true $p_T$ - 1"),
    "bending": (np.linspace(2.6, 5.0, 61), "field that the bending shows (T), 2 to 30 GeV"),
    **{
        f"response_{kind}": (
            np.linspace(0, 2, 101),
            f"E(clusters) / E(true), {kind.replace('_', ' ')} above 5 GeV",
        )
        for kind in SHOWERING
    },
    "hcal_share": (
        np.linspace(0, 1, 51),
        "share of the HCAL in the clusters of charged hadrons above 5 GeV",
    ),
}
"""Edges and label of each histogram."""

DISPLACED = (0.1, 5.0)
"""mm; farther out the straight line of `impact_of_vertex` is no longer the track."""
BENT_PT = (2.0, 30.0)
"""GeV; the tracks whose bending is measured well."""
PROMPT_D0 = 1.0
"""mm; the bending is measured from the beam axis."""
SHOWER_ENERGY = 5.0
"""GeV; below, thresholds and noise make the response."""


@dataclass(frozen=True)
class Attributed:
    """What the clusters hold of each particle, by the truth incidence; GeV."""

    kind: np.ndarray  # (particles,) index into table.KINDS
    energy: np.ndarray  # (particles,) true
    seen: np.ndarray  # (particles,) in clusters
    seen_hcal: np.ndarray  # (particles,) of it in the HCAL


def distributions(data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The flat values of `HISTOGRAMS`, from a table DETECTED with the columns `COLUMNS`."""
    track, particle = reconstructed(data["track"]), data["particle"]
    index = track["parent_idx"]
    parent = particle[ak.mask(index, index >= 0)]
    pt = np.abs(np.sin(track["theta"]) / track["qoverp"]) / GEV
    # Not of a conversion or a decay, nor from another simulation that does not say whose it is.
    own = ak.fill_none(track["pdgid"] == parent["pdgid"], False)
    distance = np.hypot(parent["prod_x"], parent["prod_y"])
    displaced = own & ak.fill_none((distance > DISPLACED[0]) & (distance < DISPLACED[1]), False)
    bent = own & (pt > BENT_PT[0]) & (pt < BENT_PT[1]) & (np.abs(track["d0"]) < PROMPT_D0)
    shower = attribute(data)
    response = np.divide(shower.seen, shower.energy)
    hard = shower.energy > SHOWER_ENERGY
    hadron = hard & (shower.kind == KINDS.index("charged_hadron")) & (shower.seen > 0)
    return {
        "clusters_per_event": np.asarray(ak.num(data["topo"]["e"])),
        "tracks_per_event": np.asarray(ak.num(track["d0"])),
        "cluster_energy": np.asarray(ak.flatten(data["topo"]["e"])) / GEV,
        "track_pt": flat(pt),
        "d0": flat(track["d0"]),
        "d0_significance": flat(track["d0"] / track["d0_err"]),
        "d0_pull": flat(
            ((track["d0"] - impact_of_vertex(track, parent)) / track["d0_err"])[displaced]
        ),
        "pt_residual": flat((pt * GEV / parent["pt"] - 1)[own]),
        "bending": flat(bending(track, pt)[bent]),
        **{
            f"response_{kind}": response[hard & (shower.kind == KINDS.index(kind))]
            for kind in SHOWERING
        },
        "hcal_share": shower.seen_hcal[hadron] / shower.seen[hadron],
    }


def spectrum_weights(data: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Weights of the entries of those `HISTOGRAMS` that follow the spectrum of the events.

    The others compare an object with its particle: of these each counts once, whatever its event.
    """
    weight = np.asarray(data["event"]["weight"])
    track = np.repeat(weight, np.asarray(ak.num(reconstructed(data["track"])["d0"])))
    return {
        **dict.fromkeys(("clusters_per_event", "tracks_per_event"), weight),
        "cluster_energy": np.repeat(weight, np.asarray(ak.num(data["topo"]["e"]))),
        **dict.fromkeys(("track_pt", "d0", "d0_significance"), track),
    }


def flat(jagged: ak.Array) -> np.ndarray:
    """The values of all events, one after the other."""
    return np.asarray(ak.flatten(jagged), dtype=float)


def reconstructed(track: ak.Array) -> ak.Array:
    """The tracks that were found."""
    return track[track["reconstructed"] == 1]


def impact_of_vertex(track: ak.Array, parent: ak.Array) -> ak.Array:
    """d0 (mm) of a straight line from the true vertex; see `tracker.perigee` for its sign."""
    return parent["prod_y"] * np.cos(track["phi"]) - parent["prod_x"] * np.sin(track["phi"])


def bending(track: ak.Array, pt: ak.Array) -> ak.Array:
    """Field (T) on the way to the calorimeter, of tracks from the beam axis.

    A circle of radius R = pT / (0.2998 B) is met at the distance rho under the angle
    asin(rho / (2 R)) to its direction at the start.
    """
    rho = 1e-3 * np.hypot(track["x_layer_0"], track["y_layer_0"])  # m
    turned = delta_phi_of(track["phi"], np.arctan2(track["y_layer_0"], track["x_layer_0"]))
    return np.sign(track["qoverp"]) * 2 * pt * np.sin(turned) / (LIGHT * rho)


def delta_phi_of(first: ak.Array, second: ak.Array) -> ak.Array:
    """`delta_phi` of jagged arrays of one structure."""
    return ak.unflatten(delta_phi(flat(first), flat(second)), ak.num(first))


def attribute(data: Mapping[str, Any]) -> Attributed:
    """Share the energy of the clusters among the true particles.

    A particle's cluster energy is what the truth incidence gives it of each cluster's energy.
    """
    particle, topo, link = data["particle"], data["topo"], data["particle_to_node"]
    energy = flat(particle["e"]) / GEV
    n_tracks = np.asarray(ak.num(data["track"]["d0"]))
    links = np.asarray(ak.num(link["idx"]))
    node = np.asarray(ak.flatten(link["idx"])) - np.repeat(n_tracks, links)
    owner = np.asarray(ak.flatten(link["particle"])) + np.repeat(offsets(particle["e"])[:-1], links)
    cluster = node + np.repeat(offsets(topo["e"])[:-1], links)
    to_cluster = node >= 0
    share = np.asarray(ak.flatten(link["weight"]))[to_cluster]
    hcal = topo["e_layer_3"] + topo["e_layer_4"] + topo["e_layer_5"]

    def shared(cluster_energy: ak.Array) -> np.ndarray:
        return np.bincount(
            owner[to_cluster],
            weights=share * flat(cluster_energy)[cluster[to_cluster]] / GEV,
            minlength=len(energy),
        )

    pdgid = np.asarray(ak.flatten(particle["pdgid"]))
    kind = behaviour(pdgid, flat(particle["charge"]))
    return Attributed(kind, energy, shared(topo["e"]), shared(hcal))


def offsets(jagged: ak.Array) -> np.ndarray:
    """The first object of each event among all, and their number."""
    return np.concatenate([[0], np.cumsum(np.asarray(ak.num(jagged)))])
