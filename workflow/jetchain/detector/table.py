"""From the records of single events to the table DETECTED and to the account of a shard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import awkward as ak
import numpy as np

from jetchain.detector import tracker
from jetchain.detector.event import EventRecord
from jetchain.detector.geometry import Geometry
from jetchain.detector.moments import MOMENTS
from jetchain.detector.particles import GEV, Primaries

KINDS = ("electron", "photon", "charged_hadron", "neutral_hadron", "muon")
FATES = ("deposited", "passive", "leaked", "invisible")


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


def _join(parts: Sequence[np.ndarray], empty: tuple[int, ...] = (0,)) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(empty)


def _eta_phi(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rho = np.maximum(np.hypot(position[:, 0], position[:, 1]), 1e-9)
    return np.arcsinh(position[:, 2] / rho), np.arctan2(position[:, 1], position[:, 0])


def detected_table(
    event: ak.Array, primaries: Primaries, records: Sequence[EventRecord], geometry: Geometry
) -> dict[str, Any]:
    """Join the records of some events into the table DETECTED."""
    tracks_per_event = np.array([len(r.track_pulls) for r in records], np.int64)
    return {
        "event": {name: np.asarray(event[name]) for name in ("number", "weight")},
        "cell": _cells(records, geometry),
        "track": _tracks(primaries, records, geometry, tracks_per_event),
        "particle": _particles(primaries, records),
        "topo": _clusters(records, geometry.slabs.cells_eta.size),
        "particle_to_node": _incidence(primaries, records, tracks_per_event),
    }


def _cells(records: Sequence[EventRecord], geometry: Geometry) -> dict[str, ak.Array]:
    counts = np.array([r.cells.size for r in records], np.int64)
    numbers = _join([r.cells for r in records]).astype(np.int64)
    cells = geometry.cells
    parent, charged, neutral, lengths, parents, energies = (
        _join([r.cell_truth[k] for r in records]) for k in range(6)
    )
    flat = {
        "layer": cells.layer[numbers].astype(np.int32),
        "topo_idx": _join([r.cell_cluster for r in records]).astype(np.int32) + 1,
        "parent_idx": parent.astype(np.int32),
        "conv_el_idx": np.full(len(numbers), -1, np.int32),
        **{name: getattr(cells, name)[numbers] for name in ("x", "y", "z", "eta", "phi")},
        "e": _join([r.cell_energy for r in records]),
        "che": charged,
        "nue": neutral,
    }
    columns = {name: _jagged(values, counts) for name, values in flat.items()}
    lengths = lengths.astype(np.int64)
    columns["parent_list"] = _nested(parents, lengths, counts)
    columns["parent_energy"] = _nested(energies, lengths, counts)
    return columns


def _tracks(
    primaries: Primaries, records: Sequence[EventRecord], geometry: Geometry, counts: np.ndarray
) -> dict[str, ak.Array]:
    has_track = primaries.has_track
    local = np.arange(len(has_track)) - np.repeat(primaries.offset[:-1], np.diff(primaries.offset))
    errors = primaries.track_errors
    values = tracker.smear(
        primaries.tracks, errors, _join([r.track_pulls for r in records], (0, 5))
    )
    flat = {
        "pdgid": primaries.pdgid[has_track],
        "parent_idx": local[has_track],
        "reconstructed": np.ones(len(values), np.int32),
        "in_acceptance": np.ones(len(values), np.int32),
        "d0": values[:, 0],
        "z0": values[:, 1],
        "theta": values[:, 2],
        "phi": values[:, 3],
        "qoverp": values[:, 4],
        "d0_err": errors[:, 0],
        "z0_err": errors[:, 1],
    }
    entrances = np.flatnonzero(geometry.slabs.layer_of_slab >= 0)
    for layer, slab in enumerate(entrances):
        for k, axis in enumerate("xyz"):
            flat[f"{axis}_layer_{layer}"] = primaries.border[has_track, slab, k]
    return {name: _jagged(column, counts) for name, column in flat.items()}


def _particles(primaries: Primaries, records: Sequence[EventRecord]) -> dict[str, ak.Array]:
    counts = np.diff(primaries.offset)
    running = np.concatenate([[0], np.cumsum(primaries.has_track)])
    track = running[:-1] - np.repeat(running[primaries.offset[:-1]], counts)
    eta_calo, phi_calo = _eta_phi(primaries.arrival.position)
    eta_its, phi_its = _eta_phi(primaries.tracker_exit)
    flat = {
        "pdgid": primaries.pdgid,
        "truth_idx": primaries.truth_idx,
        "track_idx": np.where(primaries.has_track, track, -1),
        "isIso": _join([r.isolated for r in records]),
        "pt": primaries.pt,
        "eta": primaries.eta,
        "phi": primaries.phi,
        "e": primaries.energy,
        **{f"prod_{axis}": primaries.vertex[:, k] for k, axis in enumerate("xyz")},
        "eta_extrap_calo": eta_calo,
        "phi_extrap_calo": phi_calo,
        "eta_extrap_its": eta_its,
        "phi_extrap_its": phi_its,
        "dep_energy": _join([r.account[:, 0] for r in records]),
    }
    return {name: _jagged(column, counts) for name, column in flat.items()}


def _clusters(records: Sequence[EventRecord], layers: int) -> dict[str, ak.Array]:
    counts = np.array([len(r.moments) for r in records], np.int64)
    moments = _join([r.moments for r in records], (0, len(MOMENTS)))
    by_layer = _join([r.cluster_by_layer for r in records], (0, layers))
    flat = {name: moments[:, k] for k, name in enumerate(MOMENTS)}
    flat["idx"] = _join([np.arange(1, n + 1) for n in counts])
    flat |= {f"e_layer_{layer}": by_layer[:, layer] for layer in range(layers)}
    return {name: _jagged(column, counts) for name, column in flat.items()}


def _incidence(
    primaries: Primaries, records: Sequence[EventRecord], tracks: np.ndarray
) -> dict[str, ak.Array]:
    particle, node, weight, counts = [], [], [], []
    for i, record in enumerate(records):
        of_track = np.flatnonzero(
            primaries.has_track[primaries.offset[i] : primaries.offset[i + 1]]
        )
        of_cluster, cluster, fraction = record.incidence
        particle += [of_track, of_cluster]
        node += [np.arange(tracks[i]), cluster + tracks[i]]
        weight += [np.ones(tracks[i], np.float32), fraction]
        counts.append(len(of_track) + len(of_cluster))
    sizes = np.array(counts, np.int64)
    return {
        "particle": _jagged(_join(particle), sizes),
        "idx": _jagged(_join(node), sizes),
        "weight": _jagged(_join(weight), sizes),
    }


class Account:
    """What became of all particles and of their energy, summed over the events of a shard."""

    def __init__(self, geometry: Geometry) -> None:
        self.events = 0
        self.particles: dict[str, int] = {}
        self.cut_energy: dict[str, float] = {}
        self.objects = {"tracks": 0, "clusters": 0, "cells": 0}
        self.energy = {kind: dict.fromkeys(("true", *FATES, "rest_mass", "missed"), 0.0)
                       for kind in KINDS}  # fmt: skip
        self.layers = [slab.name for slab in geometry.table.slabs if slab.kind != "passive"]
        self.by_layer = {kind: np.zeros(len(self.layers)) for kind in KINDS}
        self.clustered = 0.0

    def add(self, primaries: Primaries, records: Sequence[EventRecord]) -> None:
        """Add some events."""
        self.events += len(records)
        for name, number in primaries.cutflow.items():
            self.particles[name] = self.particles.get(name, 0) + number
        for name, value in primaries.cut_energy.items():
            self.cut_energy[name] = self.cut_energy.get(name, 0.0) + value
        for record in records:
            self.objects["tracks"] += len(record.track_pulls)
            self.objects["clusters"] += len(record.moments)
            self.objects["cells"] += len(record.cells)
            self.clustered += float(record.moments[:, MOMENTS.index("e")].sum()) / GEV
        account = _join([r.account for r in records], (0, 4)) / GEV
        by_layer = _join([r.by_layer for r in records], (0, len(self.layers))) / GEV
        seen = account.sum(axis=1)
        for code, kind in enumerate(KINDS):
            mine = primaries.kind == code
            simulated = mine & (seen > 0)
            total = self.energy[kind]
            total["true"] += float(primaries.energy[mine].sum()) / GEV
            for k, fate in enumerate(FATES):
                total[fate] += float(account[mine, k].sum())
            total["missed"] += float(primaries.energy[mine & ~simulated].sum()) / GEV
            rest = primaries.energy[simulated] - primaries.available[simulated]
            total["rest_mass"] += float(rest.sum()) / GEV
            self.by_layer[kind] += by_layer[mine].sum(axis=0)

    def summary(self) -> dict[str, Any]:
        """Everything as plain numbers; energies in GeV."""
        return {
            "events": self.events,
            "particles": self.particles,
            "particle_energy": self.cut_energy,
            "objects": self.objects,
            "energy": self.energy,
            "energy_by_layer": {
                kind: dict(zip(self.layers, values.tolist(), strict=True))
                for kind, values in self.by_layer.items()
            },
            "energy_in_clusters": self.clustered,
        }
