"""Nodes of the event graphs: tracks and topoclusters.

Arrays are flat over all events of a file; nodes of an event are its tracks, then its topoclusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.kinematics import pt_eta_phi
from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES, TRACK_TRUTH
from jetchain.core.schema.particleflow import PARTICLE_CLASSES

GEV = 1e-3  # one MeV in GeV
LAYERS = 6
CALORIMETER_LAYER = 1  # tracks meet clusters at the entrance of ECAL2, as in COCOA


@dataclass(frozen=True)
class Nodes:
    """Nodes of all events of a file.

    Attributes:
        event: event of each node, rising; (nodes,).
        is_track: track or topocluster; (nodes,).
        position: eta, phi at the calorimeter; (nodes, 2).
        features: see EVENT_GRAPH_FEATURES; (nodes, features).
        momentum: px, py, pz, e in GeV, massless; (nodes, 4).
        track: d0, z0, d0_err, z0_err in mm, 0 for topoclusters; (nodes, 4).
        index: index of the track, or idx of the topocluster (from 1); (nodes,).
        truth: see TRACK_TRUTH, -1 for topoclusters; (nodes, 2).
        offset: first node of each event; (events + 1,).
    """

    event: NDArray[np.int64]
    is_track: NDArray[np.bool_]
    position: NDArray[np.float64]
    features: NDArray[np.float32]
    momentum: NDArray[np.float32]
    track: NDArray[np.float32]
    index: NDArray[np.int32]
    truth: NDArray[np.int32]
    offset: NDArray[np.int64]


def offsets(counts: Any) -> NDArray[np.int64]:
    """First element of each row, and the end: (rows + 1,) from the rows' lengths."""
    counts = np.asarray(counts, dtype=np.int64)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def event_nodes(track: Any, topo: Any) -> Nodes:
    """Nodes of the event graphs.

    Args:
        track: the tracks of the detector events (events, var), MeV and mm; those that are not
            reconstructed become no node.
        topo: their topoclusters (events, var), MeV and mm.
    """
    track = ak.with_field(track, ak.local_index(track, axis=1), "position")
    track = track[track.reconstructed == 1]
    columns = [_track_columns(flat_columns(track)), _topo_columns(flat_columns(topo))]
    counts = [np.asarray(ak.num(track)), np.asarray(ak.num(topo))]
    event = np.concatenate([np.repeat(np.arange(len(n)), n) for n in counts])
    # Stable: the tracks of an event stay before its topoclusters, each in their order.
    order = np.argsort(event, kind="stable")
    both = {name: np.concatenate([part[name] for part in columns])[order] for name in columns[0]}
    pt, eta, phi, energy = both["pt"], both["eta"], both["phi"], both["energy"]
    values = both | {
        "is_topo": 1.0 - both["is_track"],
        "log_energy_gev": np.log(energy),
        "log_pt_gev": np.log(pt),
        "sin_phi": np.sin(phi),
        "cos_phi": np.cos(phi),
        "sin_phi_calo": np.sin(both["phi_calo"]),
        "cos_phi_calo": np.cos(both["phi_calo"]),
    }
    return Nodes(
        event=event[order],
        is_track=both["is_track"] > 0,
        position=np.stack([both["eta_calo"], both["phi_calo"]], axis=1),
        features=np.stack(
            [values[name] for name in EVENT_GRAPH_FEATURES], axis=1, dtype=np.float32
        ),
        momentum=np.stack(
            [pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy],
            axis=1,
            dtype=np.float32,
        ),
        track=np.stack(
            [both[name] for name in ("d0", "z0", "d0_err", "z0_err")], axis=1, dtype=np.float32
        ),
        index=both["index"].astype(np.int32),
        truth=np.stack([both[name] for name in TRACK_TRUTH], axis=1).astype(np.int32),
        offset=offsets(counts[0] + counts[1]),
    )


def _track_columns(track: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    theta, phi = track["theta"].astype(np.float64), track["phi"].astype(np.float64)
    momentum = GEV / np.abs(track["qoverp"].astype(np.float64))
    x, y, z = (track[f"{axis}_layer_{CALORIMETER_LAYER}"].astype(np.float64) for axis in "xyz")
    radius, eta_calo, phi_calo = pt_eta_phi(x, y, z)
    eta = -np.log(np.tan(theta / 2))
    # A track that is not extrapolated (it curls up before the calorimeter) stays where it started.
    reached = np.isfinite(eta_calo) & (radius > 0)
    flavour = np.abs(track["pdgid"])
    zero = np.zeros(len(theta))
    return {
        "is_track": zero + 1,
        "energy": momentum,
        "pt": momentum * np.sin(theta),
        "eta": eta,
        "phi": phi,
        "eta_calo": np.where(reached, eta_calo, eta),
        "phi_calo": np.where(reached, phi_calo, phi),
        "charge": np.sign(track["qoverp"]).astype(np.float64),
        "is_muon": (flavour == 13).astype(np.float64),
        "is_electron": (flavour == 11).astype(np.float64),
        **{name: track[name].astype(np.float64) for name in ("d0", "z0", "d0_err", "z0_err")},
        "d0_significance": track["d0"].astype(np.float64) / track["d0_err"],
        "z0_significance": track["z0"].astype(np.float64) / track["z0_err"],
        **{f"fraction_layer_{layer}": zero for layer in range(LAYERS)},
        "sigma_eta": zero,
        "sigma_phi": zero,
        "index": track["position"].astype(np.float64),
        **{name: track[name].astype(np.float64) for name in TRACK_TRUTH},
    }


def _topo_columns(topo: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
    energy = topo["e"].astype(np.float64)
    if np.any(energy <= 0):
        raise DataError(
            "The detector events hold a topocluster without positive energy.",
            "The detector room drops such clusters; make its files again.",
        )
    eta, phi = topo["bary_eta"].astype(np.float64), topo["bary_phi"].astype(np.float64)
    zero = np.zeros(len(energy))
    return {
        "is_track": zero,
        "energy": GEV * energy,
        "pt": GEV * energy / np.cosh(eta),
        "eta": eta,
        "phi": phi,
        "eta_calo": eta,
        "phi_calo": phi,
        **dict.fromkeys(("charge", "is_muon", "is_electron", "d0", "z0", "d0_err", "z0_err"), zero),
        "d0_significance": zero,
        "z0_significance": zero,
        **{
            f"fraction_layer_{layer}": topo[f"e_layer_{layer}"].astype(np.float64) / energy
            for layer in range(LAYERS)
        },
        "sigma_eta": topo["bary_sigma_eta"].astype(np.float64),
        "sigma_phi": topo["bary_sigma_phi"].astype(np.float64),
        "index": topo["idx"].astype(np.float64),
        **dict.fromkeys(TRACK_TRUTH, zero - 1),
    }


def incidence(track: Any, topo: Any, particle_to_node: Any) -> Any:
    """The truth incidence on the nodes that the graph has.

    Args:
        track, topo, particle_to_node: collections of the detector events (events, var).

    Returns:
        particle_to_node with idx counting the graph's nodes; entries on tracks that are not
        reconstructed are gone.
    """
    is_node = ak.concatenate([track.reconstructed == 1, topo.idx > 0], axis=1)
    flat, counts = np.asarray(ak.flatten(is_node), dtype=bool), np.asarray(ak.num(is_node))
    before = offsets(flat)[:-1]  # nodes before each one, in the file
    number = before - np.repeat(offsets(flat)[offsets(counts)[:-1]], counts)
    number = ak.unflatten(number, counts)
    return ak.with_field(particle_to_node, number[particle_to_node.idx], "idx")[
        is_node[particle_to_node.idx]
    ]


def flat_columns(objects: Any) -> dict[str, NDArray[Any]]:
    """The columns of a collection (events, var) as flat arrays."""
    return {name: np.asarray(ak.flatten(objects[name])) for name in objects.fields}


def particle_label(pdgid: NDArray[np.integer], charge: NDArray[np.floating]) -> NDArray[np.int64]:
    """Index into PARTICLE_CLASSES of detectable particles from PDG code and charge, (n,)."""
    code = np.abs(np.asarray(pdgid, dtype=np.int64))
    charged, neutral = map(PARTICLE_CLASSES.index, ("charged_hadron", "neutral_hadron"))
    label = np.where(charge != 0, charged, neutral)
    for special, name in ((22, "photon"), (11, "electron"), (13, "muon")):
        label[code == special] = PARTICLE_CLASSES.index(name)
    return label


def truth_momentum(particle: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """pt, eta, phi, e of the true particles in GeV; (particles, 4)."""
    return np.stack(
        [GEV * particle["pt"], particle["eta"], particle["phi"], GEV * particle["e"]],
        axis=1,
        dtype=np.float32,
    )
