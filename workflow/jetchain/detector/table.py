"""From the records of single events to the table DETECTED and to the account of a shard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.schema.detector import DetectorAccount
from jetchain.detector.clusters.incidence import isolated
from jetchain.detector.clusters.moments import MOMENTS
from jetchain.detector.event import EventRecord, directions
from jetchain.detector.flight import tracker
from jetchain.detector.flight.helix import propagate
from jetchain.detector.flight.particles import GEV, Primaries
from jetchain.detector.flight.states import (
    CHARGE,
    CODE,
    COLUMNS,
    COUNTS,
    DEPOSITED,
    FATES,
    PX,
    PY,
    PZ,
    E,
    X,
    Z,
    behaviour,
)
from jetchain.detector.flight.tracks import Tracks, join
from jetchain.detector.geometry.description import CellArrays, Geometry

ISOLATION_CONE = 0.1
KINDS = ("electron", "photon", "charged_hadron", "neutral_hadron", "muon")
CORRELATIONS = {
    "corr_d0_phi": (0, 3), "corr_d0_qoverp": (0, 4), "corr_phi_qoverp": (3, 4),
    "corr_z0_theta": (1, 2),
}  # fmt: skip
"""Correlations of the track parameters that are not 0, and their places among PARAMETERS."""


def _jagged(flat: np.ndarray, counts: np.ndarray) -> ak.Array:
    offsets = ak.index.Index64(np.concatenate([[0], np.cumsum(counts)]))
    content = ak.contents.NumpyArray(np.ascontiguousarray(flat))
    return ak.Array(ak.contents.ListOffsetArray(offsets, content))


def _nested(flat: np.ndarray, lengths: np.ndarray, counts: np.ndarray) -> ak.Array:
    inner = ak.contents.ListOffsetArray(
        ak.index.Index64(np.concatenate([[0], np.cumsum(lengths)])),
        ak.contents.NumpyArray(flat),
    )
    offsets = ak.index.Index64(np.concatenate([[0], np.cumsum(counts)]))
    return ak.Array(ak.contents.ListOffsetArray(offsets, inner))


def _eta_phi(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rho = np.maximum(np.hypot(position[:, 0], position[:, 1]), 1e-9)
    return np.arcsinh(position[:, 2] / rho), np.arctan2(position[:, 1], position[:, 0])


def detected_table(
    event: ak.Array, records: Sequence[EventRecord], tracks: Tracks, geometry: Geometry
) -> dict[str, Any]:
    """Join the records of some events into the table DETECTED."""
    return {
        "event": {name: np.asarray(event[name]) for name in ("number", "weight")},
        "cell": _cells(records, geometry.cells),
        "track": _tracks(tracks),
        "particle": _particles(records, tracks, geometry),
        "topo": _clusters(records, geometry.slabs.cells_eta.size),
        "particle_to_node": _incidence(records, tracks),
    }


def _cells(records: Sequence[EventRecord], cells: CellArrays) -> dict[str, ak.Array]:
    counts = np.array([r.cells.size for r in records], np.int64)
    numbers = join([r.cells for r in records]).astype(np.int64)
    flat = {
        "layer": cells.layer[numbers].astype(np.int32),
        "topo_idx": join([r.cell_cluster for r in records]).astype(np.int32) + 1,
        **{name: getattr(cells, name)[numbers] for name in ("rho", "eta", "phi")},
        "e": join([r.cell_energy for r in records]),
    }
    return {name: _jagged(values, counts) for name, values in flat.items()}


def cell_truth(records: Sequence[EventRecord]) -> dict[str, ak.Array]:
    """What each particle left in the cells of some events, as in the table COCOA.

    Args:
        records: of a simulation that keeps it.
    """
    counts = np.array([r.cells.size for r in records], np.int64)
    parent, charged, neutral, lengths, parents, energies = (
        join([r.cell_truth[k] for r in records]) for k in range(6)
    )
    lengths = lengths.astype(np.int64)
    return {
        "parent_idx": _jagged(parent.astype(np.int32), counts),
        "che": _jagged(charged, counts),
        "nue": _jagged(neutral, counts),
        "parent_list": _nested(parents, lengths, counts),
        "parent_energy": _nested(energies, lengths, counts),
    }


def _tracks(tracks: Tracks) -> dict[str, ak.Array]:
    flat = {
        "pdgid": tracks.pdgid,
        "parent_idx": tracks.parent,
        "reconstructed": tracks.reconstructed.astype(np.int32),
        "in_acceptance": np.ones(len(tracks.parent), np.int32),
        **dict(zip(tracker.PARAMETERS, tracks.values.T, strict=True)),
        **{
            f"{name}_err": error
            for name, error in zip(tracker.PARAMETERS, tracks.errors.T, strict=True)
        },
        "origin": tracks.truth[:, 0],
        "vertex": tracks.truth[:, 1],
        **{name: tracks.correlation[:, a, b] for name, (a, b) in CORRELATIONS.items()},
    }
    for layer in range(tracks.position.shape[1]):
        for k, axis in enumerate("xyz"):
            flat[f"{axis}_layer_{layer}"] = tracks.position[:, layer, k]
    counts = np.diff(tracks.offset)
    return {name: _jagged(column, counts) for name, column in flat.items()}


def _particles(
    records: Sequence[EventRecord], tracks: Tracks, geometry: Geometry
) -> dict[str, ak.Array]:
    counts = np.array([len(r.flown.particles) for r in records], np.int64)
    first = np.concatenate([[0], np.cumsum(counts)])
    rows = join([r.flown.particles for r in records], (0, COLUMNS))
    event = np.repeat(np.arange(len(records)), np.diff(tracks.offset))
    track = np.full(len(rows), -1, np.int32)
    # A converted photon has no track of its own.
    own = ~tracks.conversion
    local = np.arange(len(event)) - tracks.offset[event]
    track[(first[event] + tracks.parent)[own]] = local[own]
    table = geometry.table
    arrivals = []
    for scale in (1.0, table.tracker_radius / table.inner_radius):
        position, _, _ = propagate(
            np.ascontiguousarray(rows[:, X : Z + 1]), np.ascontiguousarray(rows[:, PX : PZ + 1]),
            rows[:, CHARGE].copy(), table.magnetic_field, scale * table.inner_radius,
            scale * geometry.tracker.face_z, table.eta_max,
        )  # fmt: skip
        arrivals.append(_eta_phi(position))
    eta, phi = directions(rows)
    flat = {
        "pdgid": rows[:, CODE],
        "charge": rows[:, CHARGE],
        "truth_idx": join([r.truth_idx for r in records]),
        "track_idx": track,
        "isIso": isolated(eta, phi, first, ISOLATION_CONE),
        "pt": np.hypot(rows[:, PX], rows[:, PY]),
        "eta": eta,
        "phi": phi,
        "e": rows[:, E],
        **{f"prod_{axis}": rows[:, X + k] for k, axis in enumerate("xyz")},
        "eta_extrap_calo": arrivals[0][0],
        "phi_extrap_calo": arrivals[0][1],
        "eta_extrap_its": arrivals[1][0],
        "phi_extrap_its": arrivals[1][1],
        "dep_energy": join([r.flown.account[:, DEPOSITED] for r in records]),
    }
    return {name: _jagged(column, counts) for name, column in flat.items()}


def _clusters(records: Sequence[EventRecord], layers: int) -> dict[str, ak.Array]:
    counts = np.array([len(r.moments) for r in records], np.int64)
    moments = join([r.moments for r in records], (0, len(MOMENTS)))
    by_layer = join([r.cluster_by_layer for r in records], (0, layers))
    flat = {name: moments[:, k] for k, name in enumerate(MOMENTS)}
    flat["idx"] = join([np.arange(1, n + 1) for n in counts])
    flat |= {f"e_layer_{layer}": by_layer[:, layer] for layer in range(layers)}
    return {name: _jagged(column, counts) for name, column in flat.items()}


def _incidence(records: Sequence[EventRecord], tracks: Tracks) -> dict[str, ak.Array]:
    particle, node, weight, counts = [], [], [], []
    for i, record in enumerate(records):
        of_track = tracks.parent[tracks.offset[i] : tracks.offset[i + 1]]
        of_cluster, cluster, fraction = record.incidence
        particle += [of_track, of_cluster]
        node += [np.arange(len(of_track)), cluster + len(of_track)]
        weight += [np.ones(len(of_track), np.float32), fraction]
        counts.append(len(of_track) + len(of_cluster))
    sizes = np.array(counts, np.int64)
    return {
        "particle": _jagged(join(particle), sizes),
        "idx": _jagged(join(node), sizes),
        "weight": _jagged(join(weight), sizes),
    }


class Account:
    """What became of all particles and of their energy, summed over the events of a shard."""

    def __init__(self, geometry: Geometry) -> None:
        self.events = 0
        self.particles: dict[str, int] = dict.fromkeys(COUNTS, 0)
        self.cut_energy: dict[str, float] = {"decay_neutrinos": 0.0}
        self.objects = {"tracks": 0, "tracks_reconstructed": 0, "clusters": 0, "cells": 0}
        self.energy = {kind: dict.fromkeys(("true", *FATES), 0.0) for kind in KINDS}
        self.layers = [slab.name for slab in geometry.table.slabs if slab.kind != "passive"]
        self.by_layer = {kind: np.zeros(len(self.layers)) for kind in KINDS}
        self.cells = {"deposited": 0.0, "in_clustered_cells": 0.0, "measured_in_clusters": 0.0}

    def add(self, primaries: Primaries, records: Sequence[EventRecord], tracks: Tracks) -> None:
        """Add some events."""
        self.events += len(records)
        for name, number in primaries.cutflow.items():
            self.particles[name] = self.particles.get(name, 0) + number
        for name, value in primaries.cut_energy.items():
            self.cut_energy[name] = self.cut_energy.get(name, 0.0) + value
        for record in records:
            for name, number in zip(COUNTS, record.flown.counts.tolist(), strict=True):
                self.particles[name] = self.particles.get(name, 0) + number
            self.cut_energy["decay_neutrinos"] += record.flown.neutrinos / GEV
            self.objects["clusters"] += len(record.moments)
            self.objects["cells"] += len(record.cells)
            self.cells["in_clustered_cells"] += record.clustered / GEV
            self.cells["measured_in_clusters"] += (
                float(record.moments[:, MOMENTS.index("e")].sum()) / GEV
            )
        self.objects["tracks"] += len(tracks.parent)
        self.objects["tracks_reconstructed"] += int(tracks.reconstructed.sum())
        rows = join([r.flown.particles for r in records], (0, COLUMNS))
        account = join([r.flown.account for r in records], (0, len(FATES))) / GEV
        by_layer = join([r.by_layer for r in records], (0, len(self.layers))) / GEV
        self.cells["deposited"] += float(account[:, DEPOSITED].sum())
        of = behaviour(rows[:, CODE], rows[:, CHARGE])
        for code, kind in enumerate(KINDS):
            mine = of == code
            total = self.energy[kind]
            total["true"] += float(rows[mine, E].sum()) / GEV
            for k, fate in enumerate(FATES):
                total[fate] += float(account[mine, k].sum())
            self.by_layer[kind] += by_layer[mine].sum(axis=0)

    def summary(self) -> DetectorAccount:
        """Everything so far; energies in GeV."""
        deposited = self.cells["deposited"]
        return DetectorAccount(
            events=self.events,
            particles=self.particles,
            particle_energy=self.cut_energy,
            objects=self.objects,
            energy=self.energy,
            energy_by_layer={
                kind: dict(zip(self.layers, values.tolist(), strict=True))
                for kind, values in self.by_layer.items()
            },
            energy_in_cells=self.cells
            | {"below_threshold": deposited - self.cells["in_clustered_cells"]},
        )
