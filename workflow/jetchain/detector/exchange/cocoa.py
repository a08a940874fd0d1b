"""COCOA's branches and our table of detector events: from one to the other.

What differs (cocoa-hep/cocoa-hep, COCOA/src): the truth incidence, which COCOA keeps by particle,
on cells and tracks (GraphConstructor.cc), and we on tracks and topoclusters; and what COCOA has
not: resolutions of the tracks, energies of the clusters by layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.schema.detector import COCOA, DETECTED
from jetchain.core.trees import REPLACE
from jetchain.detector.flight import tracker
from jetchain.detector.flight.particles import GEV
from jetchain.detector.table import CORRELATIONS

LAYERS = 6
TRACK_WEIGHT = 0.5
"""Weight of a particle's track among its nodes; its cells share the rest (GraphConstructor.cc)."""
MEASURED = {
    "cell": ("e", "x", "y", "z", "eta", "phi", "parent_energy"),
    "track": ("d0", "z0", "theta", "phi", "qoverp"),
    "particle": ("pt", "eta", "phi", "e", "dep_energy"),
    "topo": ("e", "bary_eta", "bary_phi", "bary_rho"),
}
"""Columns of COCOA's without which an event is none; others may be NaN."""
CELL_TRUTH = ("parent_idx", "che", "nue", "parent_list", "parent_energy")
"""Columns of COCOA's cells that say what each particle left in them."""
Columns = dict[str, ak.Array]


def from_cocoa(
    arrays: Mapping[str, Any], event: Mapping[str, Any], charge: ak.Array, path: Path
) -> dict[str, Any]:
    """The table DETECTED from COCOA's branches, and the truth of its cells, for `to_cocoa`.

    Tracks outside of the acceptance, which COCOA may write with d0 = -1e7 and the like, count as
    not reconstructed. COCOA's d0 has the sign of the charge.

    Args:
        arrays: COCOA's branches of some events; MeV, mm and rad.
        event: number and weight of each of them.
        charge: of their particles, which COCOA does not write, e.
        path: the file they come from.

    Raises:
        DataError: the events name topoclusters or particles that they do not have, or hold values
            that are not finite.
    """
    own = {
        collection: {name: arrays[f"{collection}_{name}"] for name in declared}
        for collection, declared in COCOA.collections.items()
    }
    _check_values(own, event["number"], path)
    particle, track, cell = own["particle"], own["track"], own["cell"]
    topo = _in_order(own["topo"], path)
    _check_indices(cell, track, particle, topo, path)
    track["reconstructed"] = track["reconstructed"] * track["in_acceptance"]
    track |= _resolutions(track)
    unknown = ak.full_like(track["pdgid"], -1)
    cell["rho"] = np.hypot(cell["x"], cell["y"])
    track |= {"origin": unknown, "vertex": unknown}  # COCOA's truth graph is not read
    particle |= {"truth_idx": ak.local_index(particle["pdgid"]), "charge": charge}
    topo |= _by_layer(topo, cell) | _moments(topo, cell)
    found = {
        "cell": cell,
        "track": track,
        "particle": particle,
        "topo": topo,
        "particle_to_node": _incidence(cell, track, topo),
    }
    return {"event": event, "cell_truth": {name: cell[name] for name in CELL_TRUTH}} | {
        collection: {name: found[collection][name] for name in declared}
        for collection, declared in DETECTED.collections.items()
    }


def to_cocoa(data: Mapping[str, Any]) -> dict[str, Any]:
    """The table COCOA from the table DETECTED.

    A particle's nodes are the cells that list it among their parents (COCOA itself takes those with
    less than 1 % of the cell's energy as well), and the track that it names.

    Args:
        data: table DETECTED as arrays, and `cell_truth` (CELL_TRUTH) of its cells.
    """
    at, truth = data["cell"], data["cell_truth"]
    position = {
        "x": at["rho"] * np.cos(at["phi"]),
        "y": at["rho"] * np.sin(at["phi"]),
        "z": at["rho"] * np.sinh(at["eta"]),
        "conv_el_idx": ak.full_like(at["layer"], -1),
    }
    known = {
        **data,
        "cell": {**position, **truth, **{name: at[name] for name in DETECTED.collections["cell"]}},
    }
    own = {
        collection: {
            name: known[collection][name] for name in declared if not name.startswith("to_node_")
        }
        for collection, declared in COCOA.collections.items()
    }
    own["particle"] |= _nodes_of_particles(own["cell"], own["particle"]["track_idx"])
    return {"event": data["event"], **own}


def _flat(values: ak.Array) -> NDArray[Any]:
    return np.asarray(ak.flatten(values))


def _first(values: ak.Array) -> NDArray[np.int64]:
    """First row of each event, and the number of rows, (events + 1,)."""
    return np.concatenate([[0], np.cumsum(np.asarray(ak.num(values)))])


def _index(values: ak.Array) -> NDArray[np.int64]:
    """Indices, which COCOA writes as floating-point numbers in places."""
    return _flat(values).astype(np.int64)


def _check_values(own: Mapping[str, Columns], number: NDArray[Any], path: Path) -> None:
    """Refuse columns of unequal lengths, and measured values that are not finite."""
    for collection, columns in own.items():
        counts = ak.num(next(iter(columns.values())))
        for name, values in columns.items():
            if ak.any(ak.num(values) != counts):
                raise DataError(
                    f"{path}: {collection}_{name} is longer or shorter than others.", REPLACE
                )
            wrong = ~np.isfinite(ak.flatten(values, axis=None))
            if name in MEASURED.get(collection, ()) and ak.any(wrong):
                flat = np.asarray(ak.flatten(values, axis=None))
                # Lists of lists are joined within each event.
                joined = ak.flatten(values, axis=2) if values.ndim > 2 else values
                row = int(np.argmax(np.asarray(wrong)))
                event = int(np.searchsorted(_first(joined), row, side="right")) - 1
                raise DataError(
                    f"{path}: in the event that has the number {int(number[event])}, "
                    f"{collection}_{name} is {flat[row]:g}.",
                    REPLACE,
                )


def _in_order(topo: Columns, path: Path) -> Columns:
    """The clusters in rising order of their idx, which must run from 1 in every event."""
    order = ak.argsort(topo["idx"])
    topo = {name: values[order] for name, values in topo.items()}
    if ak.any(topo["idx"] != ak.local_index(topo["idx"]) + 1):
        raise DataError(f"{path}: topo_idx does not count each event's clusters from 1.", REPLACE)
    return topo


def _check_indices(
    cell: Columns, track: Columns, particle: Columns, topo: Columns, path: Path
) -> None:
    particles, clusters = ak.num(particle["pdgid"]), ak.num(topo["idx"])
    limits = {
        "cell_topo_idx": (cell["topo_idx"], 1, clusters + 1, "topoclusters"),
        "cell_parent_idx": (cell["parent_idx"], -1, particles, "particles"),
        "cell_parent_list": (ak.flatten(cell["parent_list"], axis=2), 0, particles, "particles"),
        "cell_layer": (cell["layer"], 0, 0 * particles + LAYERS, "layers"),
        "track_parent_idx": (track["parent_idx"], 0, particles, "particles"),
        "particle_track_idx": (particle["track_idx"], -1, ak.num(track["pdgid"]), "tracks"),
    }
    for name, (values, least, beyond, what) in limits.items():
        if not ak.all((values >= least) & (values < beyond) & (values == np.floor(values))):
            raise DataError(f"{path}: {name} names {what} that its event does not have.", REPLACE)
    if ak.any(ak.num(cell["parent_list"], axis=2) != ak.num(cell["parent_energy"], axis=2)):
        raise DataError(
            f"{path}: cell_parent_list and cell_parent_energy have unequal lengths.", REPLACE
        )


def _resolutions(track: Columns) -> Columns:
    """COCOA's resolutions at the track's pT; it smears the parameters independently."""
    counts = ak.num(track["theta"])
    theta, qoverp = _flat(track["theta"]).astype(float), _flat(track["qoverp"]).astype(float)
    pt = np.abs(np.sin(theta) / qoverp) / GEV
    result = {}
    for name in tracker.PARAMETERS:
        error = tracker.cocoa_resolution(name, pt)
        # Of q/p at eta = 0, as in tracker.true_tracks.
        error = error * np.abs(np.sin(theta)) if name == "qoverp" else error
        result[f"{name}_err"] = ak.unflatten(error, counts)
    return result | {name: ak.zeros_like(track["theta"]) for name in CORRELATIONS}


def _by_layer(topo: Columns, cell: Columns) -> Columns:
    """Energy of the clusters in each layer: of their cells, scaled to the clusters' energies.

    COCOA stores a cell with one cluster, though two may share it.
    """
    first, counts = _first(topo["idx"]), ak.num(topo["idx"])
    of_cell = np.repeat(first[:-1], np.asarray(ak.num(cell["e"])))
    key = (_index(cell["topo_idx"]) - 1 + of_cell) * LAYERS + _index(cell["layer"])
    energy = np.bincount(key, _flat(cell["e"]), minlength=LAYERS * int(first[-1]))
    energy = energy.reshape(-1, LAYERS).astype(float)  # of no cells, bincount has whole numbers
    total = energy.sum(axis=1)
    cluster = _flat(topo["e"]).astype(float)
    energy *= np.divide(cluster, total, out=np.ones_like(total), where=total > 0)[:, None]
    return {f"e_layer_{layer}": ak.unflatten(energy[:, layer], counts) for layer in range(LAYERS)}


def _moments(topo: Columns, cell: Columns) -> Columns:
    """Moments that follow from the listed cells; the others need the detector and are NaN."""
    first, counts = _first(topo["idx"]), ak.num(topo["idx"])
    n = int(first[-1])
    of = _index(cell["topo_idx"]) - 1 + np.repeat(first[:-1], np.asarray(ak.num(cell["e"])))
    energy = _flat(cell["e"]).astype(float)
    at = np.stack([_flat(cell[axis]).astype(float) for axis in "xyz"])

    def summed(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(of, values, minlength=n).astype(float)

    total = np.maximum(summed(energy), np.finfo(float).tiny)
    centre = np.stack([summed(energy * axis) for axis in at]) / total
    axis = centre / np.maximum(np.linalg.norm(centre, axis=0), np.finfo(float).tiny)
    away = at - centre[:, of]
    along = (away * axis[:, of]).sum(axis=0)
    across = (away**2).sum(axis=0) - along**2
    largest = np.zeros(n)
    np.maximum.at(largest, of, energy)
    known = {
        "n_cells": np.bincount(of, minlength=n),
        "second_r": summed(energy * across) / total,
        "second_lambda": summed(energy * along**2) / total,
        "eng_frac_max": largest / total,
    }
    unknown = {
        name: np.full(n, np.nan)
        for name in ("significance", "center_lambda", "first_eng_dens", "isolation")
    }
    return {name: ak.unflatten(values, counts) for name, values in (known | unknown).items()}


def _deposits(cell: Columns) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Cell (flat), particle (event-local) and energy of every listed deposit."""
    number = _flat(ak.num(cell["parent_list"], axis=2)).astype(np.int64)
    particle = np.asarray(ak.flatten(cell["parent_list"], axis=None)).astype(np.int64)
    energy = np.asarray(ak.flatten(cell["parent_energy"], axis=None)).astype(float)
    return np.repeat(np.arange(len(number)), number), particle, energy


def _incidence(cell: Columns, track: Columns, topo: Columns) -> Columns:
    """Truth incidence on tracks and topoclusters, from the parents of the clusters' cells.

    Deposits of less than 1 % of a cell's energy, which the cells do not list, are missing.
    """
    tracks, first = np.asarray(ak.num(track["pdgid"])), _first(topo["idx"])
    event_of_cell = np.repeat(np.arange(len(tracks)), np.asarray(ak.num(cell["e"])))
    which, particle, energy = _deposits(cell)
    cluster = (_index(cell["topo_idx"]) - 1 + first[event_of_cell])[which]
    span = int(particle.max(initial=0)) + 1
    key, inverse = np.unique(cluster * span + particle, return_inverse=True)
    shared = np.bincount(inverse, energy, minlength=len(key))
    cluster, particle = key // span, key % span
    weight = shared / np.bincount(cluster, shared, minlength=int(first[-1]))[cluster]
    event = np.searchsorted(first, cluster, side="right") - 1

    track_event = np.repeat(np.arange(len(tracks)), tracks)
    columns = {
        "particle": (_index(track["parent_idx"]), particle),
        "idx": (_flat(ak.local_index(track["pdgid"])), cluster - first[event] + tracks[event]),
        "weight": (np.ones(len(track_event)), weight),
    }
    events = np.concatenate([track_event, event])
    order = np.argsort(events, kind="stable")  # tracks first in every event
    counts = np.bincount(events, minlength=len(tracks))
    return {
        name: ak.unflatten(np.concatenate(parts)[order], counts) for name, parts in columns.items()
    }


def _nodes_of_particles(cell: Columns, track_idx: ak.Array) -> Columns:
    """The nodes of each particle and their weights: its cells, then its track."""
    first, counts = _first(track_idx), np.asarray(ak.num(track_idx))
    cells = np.asarray(ak.num(cell["e"]))
    which, particle, energy = _deposits(cell)
    event = np.repeat(np.arange(len(cells)), cells)[which]
    owner = particle + first[event]
    node = which - _first(cell["e"])[event]

    track = _flat(track_idx)
    tracked = np.flatnonzero(track >= 0)
    share = np.where(track >= 0, 1.0 - TRACK_WEIGHT, 1.0)
    total = np.bincount(owner, energy, minlength=len(track))
    owners = np.concatenate([owner, tracked])
    nodes = np.concatenate([node, (track + np.repeat(cells, counts))[tracked]])
    weights = np.concatenate(
        [energy / total[owner] * share[owner], np.full(len(tracked), TRACK_WEIGHT)]
    )
    order = np.argsort(owners, kind="stable")
    number = np.bincount(owners, minlength=len(track))
    return {
        name: ak.unflatten(ak.unflatten(values[order], number), counts)
        for name, values in (("to_node_idx", nodes), ("to_node_weight", weights))
    }
