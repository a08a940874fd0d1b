"""Detector events as flat arrays, cells grouped by their topocluster: what the algorithms eat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.events import flat_columns, read_event_chunks
from jetchain.core.schema.detector import DETECTED
from jetchain.particleflow.layers import N_LAYERS, Layers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = {
    "cell": ["layer", "topo_idx", "rho", "eta", "phi", "e"],
    "track": [
        "pdgid", "reconstructed", "d0", "z0", "theta", "phi", "qoverp", "d0_err", "z0_err",
        "qoverp_err", "origin", "vertex",
        *(f"{axis}_layer_{layer}" for layer in range(N_LAYERS) for axis in "xyz"),
    ],
    "topo": ["idx", "bary_eta", "bary_phi", "bary_sigma_eta", "bary_sigma_phi", "e"],
}  # fmt: skip


@dataclass(frozen=True)
class Tracks:
    """Reconstructed tracks of all events, flat; momenta in MeV."""

    offset: Ints  # (events + 1,) first track of each event
    index: Ints  # (tracks,) index in the track collection of its event
    pdgid: Ints  # (tracks,)
    p: Floats  # (tracks,) MeV
    p_error: Floats  # (tracks,) relative
    theta: Floats  # (tracks,) at the perigee
    phi: Floats  # (tracks,) at the perigee
    charge: Floats  # (tracks,)
    impact: Floats  # (tracks, 4) mm: d0, z0, d0_err, z0_err
    truth: Ints  # (tracks, 2) origin and vertex, which no algorithm looks at
    position: Floats  # (tracks, layers, 3) mm, where it enters each layer
    layer_eta: Floats  # (tracks, layers) of these
    layer_phi: Floats  # (tracks, layers)

    @property
    def pt(self) -> Floats:
        """Transverse momentum, MeV (tracks,)."""
        return self.p * np.sin(self.theta)

    @property
    def eta(self) -> Floats:
        """Pseudorapidity at the perigee (tracks,)."""
        return -np.log(np.tan(self.theta / 2))


class Clusters(NamedTuple):
    """Topoclusters of all events, flat, and their cells; energies in MeV."""

    offset: Ints  # (events + 1,) first cluster of each event
    idx: Ints  # (clusters,) index from 1 in its event
    e: Floats  # (clusters,) MeV
    eta: Floats  # (clusters,)
    phi: Floats  # (clusters,)
    sigma_eta: Floats  # (clusters,)
    sigma_phi: Floats  # (clusters,)
    cell_offset: Ints  # (clusters + 1,) first cell of each cluster
    cell_layer: Ints  # (cells,)
    cell_e: Floats  # (cells,) MeV, scaled so that a cluster's cells add up to its energy
    cell_eta: Floats  # (cells,)
    cell_phi: Floats  # (cells,)
    cell_volume: Floats  # (cells,) mm3


def read_detected(path: Path, layers: Layers) -> Iterator[tuple[Any, Tracks, Clusters]]:
    """Read a detector file, some events at a time.

    Args:
        path: the file.
        layers: the calorimeter's layers.

    Yields:
        the event columns (number, weight), the reconstructed tracks, the clusters.

    Raises:
        DataError: the file is damaged, or a cell names a cluster that its event does not have.
    """
    for data in read_event_chunks(path, DETECTED, COLUMNS):
        tracks = flatten_tracks(data["track"], path)
        yield data["event"], tracks, flatten_clusters(data, layers, path)


def flatten_tracks(tracks: Any, path: Path) -> Tracks:
    """The reconstructed tracks of a jagged track collection, flat."""
    columns = flat_columns(tracks)
    kept = columns["reconstructed"] == 1
    counts = np.asarray(ak.num(tracks), dtype=np.int64)
    offset = _offsets(counts)
    index = (np.arange(len(kept)) - np.repeat(offset[:-1], counts))[kept]

    def flat(name: str) -> Floats:
        return columns[name][kept].astype(np.float64)

    qoverp = flat("qoverp")
    if np.any(qoverp == 0) or not np.all(np.isfinite(qoverp)):
        raise DataError(f"{path}: track_qoverp holds zeros or numbers that are not finite.", REMAKE)
    x, y, z = (
        np.stack([flat(f"{axis}_layer_{layer}") for layer in range(N_LAYERS)], axis=-1)
        for axis in "xyz"
    )  # each (tracks, layers)
    return Tracks(
        offset=_offsets(kept)[offset],
        index=index,
        pdgid=columns["pdgid"][kept].astype(np.int64),
        p=1.0 / np.abs(qoverp),
        p_error=flat("qoverp_err") / np.abs(qoverp),
        theta=flat("theta"),
        phi=flat("phi"),
        charge=np.sign(qoverp),
        impact=np.stack([flat(n) for n in ("d0", "z0", "d0_err", "z0_err")], axis=-1),
        truth=np.stack(
            [columns[name][kept].astype(np.int64) for name in ("origin", "vertex")], axis=-1
        ),
        position=np.stack([x, y, z], axis=-1),
        layer_eta=_eta(x, y, z),
        layer_phi=np.arctan2(y, x),
    )


def _eta(x: Floats, y: Floats, z: Floats) -> Floats:
    return np.arcsinh(z / np.maximum(np.hypot(x, y), 1e-6))


def exits(position: Floats, layers: Layers) -> tuple[Floats, Floats]:
    """Where tracks leave the layers, from where they enter them: pseudorapidity and azimuth.

    The way is straight behind the calorimeter's face; the last layer is left at the slant at which
    the one before was crossed. A soft track, which the field bends until it meets the face at a
    slant, leaves a layer far from where it enters it: one of 1 GeV nine cells of ECAL2 further.

    Args:
        position: (tracks, layers, 3) mm, of `Tracks`.
        layers: of the calorimeter.

    Returns:
        (tracks, layers) twice.
    """
    way, depth = np.diff(position, axis=1), np.diff(layers.start)
    way = np.concatenate([way, way[:, -1:]], axis=1)
    part = layers.depth / np.append(depth, depth[-1])
    x, y, z = np.moveaxis(position + way * part[:, None], -1, 0)
    return _eta(x, y, z), np.arctan2(y, x)


def flatten_clusters(data: Any, layers: Layers, path: Path) -> Clusters:
    """Clusters and their cells, flat; cells sorted by cluster.

    A cell is stored with the one cluster that takes most of it, while a cluster's energy counts
    its shares of shared cells: the cells of each cluster are scaled to add up to its energy, so
    that subtraction conserves the clusters' energies exactly.
    """
    topo, cell = flat_columns(data["topo"]), flat_columns(data["cell"])
    counts = np.asarray(ak.num(data["topo"]), dtype=np.int64)
    offset = _offsets(counts)
    idx = topo["idx"].astype(np.int64)
    if not np.array_equal(idx, np.arange(len(idx)) - np.repeat(offset[:-1], counts) + 1):
        raise DataError(f"{path}: topo_idx does not run from 1 in every event.", REMAKE)
    of_cell = np.asarray(ak.num(data["cell"]), dtype=np.int64)
    local = cell["topo_idx"]
    if len(idx) > 0 and len(local) == 0:
        raise DataError(
            f"{path}: has topoclusters and no cells, which parametric particle flow subtracts.",
            "Set detector.simulation.store_cells to true and make the file anew.",
        )
    if np.any((local < 1) | (local > np.repeat(counts, of_cell))):
        raise DataError(
            f"{path}: a cell_topo_idx names a topocluster that its event does not have.", REMAKE
        )
    cluster = local - 1 + np.repeat(offset[:-1], of_cell)
    if np.any(cluster[1:] < cluster[:-1]):  # not our own detector's
        order = np.argsort(cluster, kind="stable")
        cluster, cell = cluster[order], {name: values[order] for name, values in cell.items()}

    energy, cell_e = topo["e"].astype(np.float64), cell["e"].astype(np.float64)
    layer = cell["layer"].astype(np.int64)
    total = np.bincount(cluster, cell_e, minlength=len(idx))
    scale = np.divide(energy, total, out=np.zeros_like(energy), where=total > 0)
    return Clusters(
        offset=offset,
        idx=idx,
        e=energy,
        eta=topo["bary_eta"].astype(np.float64),
        phi=topo["bary_phi"].astype(np.float64),
        sigma_eta=topo["bary_sigma_eta"].astype(np.float64),
        sigma_phi=topo["bary_sigma_phi"].astype(np.float64),
        cell_offset=_offsets(np.bincount(cluster, minlength=len(idx))),
        cell_layer=layer,
        cell_e=cell_e * scale[cluster],
        cell_eta=cell["eta"].astype(np.float64),
        cell_phi=cell["phi"].astype(np.float64),
        cell_volume=layers.volume(cell["rho"].astype(np.float64), layer),
    )


def _offsets(counts: Any) -> Ints:
    return np.concatenate([[0], np.cumsum(np.asarray(counts, dtype=np.int64))])
