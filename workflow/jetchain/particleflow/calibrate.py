"""Expected calorimeter response <E/p> of charged hadrons, measured on single pions.

p is the true momentum: that of a track above 100 GeV is worse than the response.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.events import read_event_chunks
from jetchain.core.io.tables import write_result
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.particleflow import CalibrationCutflow, ResponseTable
from jetchain.core.verbs import Inputs, Output, Resource
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.detected import (
    COLUMNS,
    Clusters,
    Tracks,
    flatten_clusters,
    flatten_tracks,
)
from jetchain.particleflow.layers import N_LAYERS, Layers, read_layers
from jetchain.particleflow.robust import bounded_moments
from jetchain.particleflow.subtraction import MATCH_LAYER, densest_layer, distance

MEV_PER_GEV = 1000.0
LEPTONS = (11, 13)
MATCHED = 0.1
"""E/p above which clusters count as a hadron's, in COCOA's table as in its match of tracks."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def calibrate(
    *, detected: Inputs, geometry: Resource, calibration: Output, settings: CalibrationSettings
) -> None:
    """Measure <E/p> and its spread in bins of track pT, |eta| and shower layer; write JSON.

    Args:
        detected: detector files of single charged pions.
        geometry: the detector's geometry file.
        calibration: the table, see `response_table`.
        settings: bins and cuts.

    Raises:
        EmptySampleError: no pion left a track and a cluster, or too few for any bin.
    """
    measured: list[tuple[Floats, Floats, Floats, Ints, Floats]] = []
    cutflow = dict.fromkeys(("tracks", "lepton", "not_isolated", "no_cluster", "used"), 0)
    layers = read_layers(geometry)
    columns = {**COLUMNS, "track": [*COLUMNS["track"], "parent_idx"], "particle": ["pt", "eta"]}
    chunks = (
        (path, data) for path in detected for data in read_event_chunks(path, DETECTED, columns)
    )
    for source, data in chunks:
        tracks = flatten_tracks(data["track"], source)
        clusters = flatten_clusters(data, layers, source)
        pt, eta = true_directions(data)
        chosen, counts = isolated_hadrons(tracks, 2 * settings.radius)
        by_layer, layer = shower_of_tracks(tracks, clusters, layers, settings.radius)
        ratio = by_layer.sum(axis=1) / (pt * np.cosh(eta))
        seen = chosen & (layer >= 0) & (ratio > MATCHED)
        counts |= {
            "no_cluster": int(np.count_nonzero(chosen & ~seen)),
            "used": int(np.count_nonzero(seen)),
        }
        for name, count in counts.items():
            cutflow[name] += count
        measured.append(
            (
                pt[seen] / MEV_PER_GEV,
                np.abs(eta[seen]),
                ratio[seen],
                layer[seen],
                by_layer[seen] / by_layer[seen].sum(axis=1, keepdims=True),
            )
        )
    pt, eta, ratio, layer, share = (
        np.concatenate(columns) for columns in zip(*measured, strict=True)
    )
    if len(pt) == 0:
        raise EmptySampleError(
            f"particleflow.calibrate: none of the {cutflow['tracks']} tracks in "
            f"{samples_of(detected)} is an isolated charged hadron with a cluster.",
            "particleflow.calibration.samples must name guns of single charged pions.",
        )
    table = response_table(pt, eta, ratio, layer, share, settings)
    write_result(calibration, ResponseTable(**table, cutflow=CalibrationCutflow(**cutflow)))


def true_directions(data: Any) -> tuple[Floats, Floats]:
    """True pT (MeV) and eta of the particles that left the reconstructed tracks, (tracks,)."""
    track = data["track"]
    parent = data["particle"][track["parent_idx"][track["reconstructed"] == 1]]
    pt, eta = (np.asarray(ak.flatten(parent[name]), np.float64) for name in ("pt", "eta"))
    return pt, eta


def isolated_hadrons(tracks: Tracks, radius: float) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Tracks of charged hadrons with no other track within dR of them at ECAL2.

    Returns:
        mask (tracks,); the number of all tracks and of those that each cut removes.
    """
    lepton = np.isin(np.abs(tracks.pdgid), LEPTONS)
    crowded = _crowded(
        tracks.offset, tracks.layer_eta[:, MATCH_LAYER], tracks.layer_phi[:, MATCH_LAYER], radius
    )
    counts = {
        "tracks": len(lepton),
        "lepton": int(np.count_nonzero(lepton)),
        "not_isolated": int(np.count_nonzero(crowded & ~lepton)),
    }
    return ~lepton & ~crowded, counts


@numba.njit(cache=True)
def _crowded(offset: Ints, eta: Floats, phi: Floats, radius: float) -> NDArray[np.bool_]:
    crowded = np.zeros(len(eta), np.bool_)
    for event in range(len(offset) - 1):
        for one in range(offset[event], offset[event + 1]):
            for other in range(one + 1, offset[event + 1]):
                if distance(eta[one], phi[one], eta[other], phi[other]) < radius:
                    crowded[one] = crowded[other] = True
    return crowded


def shower_of_tracks(
    tracks: Tracks, clusters: Clusters, layers: Layers, radius: float
) -> tuple[Floats, Ints]:
    """Energy of all clusters around each track, and the shower's layer of highest density.

    Returns:
        energy (tracks, layers) MeV within `radius` of the track at ECAL2; layer (tracks,), seen in
        the most energetic of these clusters, -1 where there is none.
    """
    return _shower_of_tracks(
        tracks.offset, tracks.layer_eta, tracks.layer_phi, clusters, layers.centre, radius
    )


@numba.njit(cache=True)
def _shower_of_tracks(
    track_offset: Ints,
    track_eta: Floats,
    track_phi: Floats,
    clusters: Clusters,
    centre: Floats,
    radius: float,
) -> tuple[Floats, Ints]:
    energy, eta, phi = clusters.e, clusters.eta, clusters.phi
    total = np.zeros((len(track_eta), N_LAYERS))
    layer = np.full(len(track_eta), -1)
    for event in range(len(track_offset) - 1):
        for t in range(track_offset[event], track_offset[event + 1]):
            best = -1
            for cluster in range(clusters.offset[event], clusters.offset[event + 1]):
                r = distance(
                    eta[cluster], phi[cluster], track_eta[t, MATCH_LAYER], track_phi[t, MATCH_LAYER]
                )
                if r < radius and energy[cluster] > 0:
                    for cell in range(
                        clusters.cell_offset[cluster], clusters.cell_offset[cluster + 1]
                    ):
                        total[t, clusters.cell_layer[cell]] += clusters.cell_e[cell]
                    if best < 0 or energy[cluster] > energy[best]:
                        best = cluster
            if best >= 0:
                layer[t] = densest_layer(best, clusters, track_eta[t], track_phi[t], centre)
    return total, layer


def response_table(
    pt: Floats,
    eta: Floats,
    ratio: Floats,
    layer: Ints,
    share: Floats,
    settings: CalibrationSettings,
) -> dict[str, Any]:
    """Mean and spread of E/p in bins of pT, |eta| and layer of highest energy density.

    Both are robust (`bounded_moments`): one decay in flight can measure E/p = 44.

    A bin with too few entries takes the values of the nearest bin that has enough, a step in the
    layer counting as two in pT or |eta| (the response changes fastest with the layer).

    Args:
        pt: (pions,) GeV.
        eta: (pions,) absolute.
        ratio: (pions,) E/p.
        layer: (pions,) 0 to 5.
        share: (pions, layers) of each layer in the energy.
        settings: edges and the least number of entries.

    Returns:
        pt_edges, eta_edges: lower edges; mean, sigma, entries: nested lists (pt, eta, layer);
        share: of the layers in the mean, (pt, eta, layer, layers);
        filled: (pt, eta, layer) whether a bin has a value of its own;
        bins_filled, bins_from_neighbours: how many.

    Raises:
        EmptySampleError: no bin has enough entries.
    """
    shape = (len(settings.pt_edges), len(settings.eta_edges), N_LAYERS)
    i = np.searchsorted(settings.pt_edges, pt, side="right") - 1
    j = np.searchsorted(settings.eta_edges, eta, side="right") - 1
    index = np.ravel_multi_index((i, j, layer), shape)
    entries, mean, sigma = _moments(index, ratio, shape)
    shares = (
        np.stack(
            [np.bincount(index, part, minlength=mean.size).reshape(shape) for part in share.T],
            axis=-1,
        )
        / np.maximum(entries, 1)[..., None]
    )
    filled = (entries >= settings.minimum_entries) & (sigma > 0)
    if not filled.any():
        raise EmptySampleError(
            f"particleflow.calibrate: no bin of the calibration is filled: {len(pt)} pions, "
            f"{entries.max()} at most in one bin of pT, |eta| and layer, where "
            f"particleflow.calibration.minimum_entries = {settings.minimum_entries} with a spread "
            "of their response are needed.",
            "Generate more single pions (particleflow.calibration.samples), or take fewer bins or "
            "entries.",
        )
    where = np.argwhere(filled)  # (filled, 3)
    for target in np.argwhere(~filled):
        steps = np.abs(where - target) @ np.array([1, 1, 2])
        source = tuple(where[np.argmin(steps)])
        for values in (mean, sigma, shares):
            values[tuple(target)] = values[source]
    return {
        "pt_edges": settings.pt_edges,
        "eta_edges": settings.eta_edges,
        "mean": mean,
        "sigma": sigma,
        "share": shares,
        "entries": entries,
        "filled": filled,
        "bins_filled": int(filled.sum()),
        "bins_from_neighbours": int((~filled).sum()),
    }


def _moments(index: Ints, values: Floats, shape: tuple[int, ...]) -> tuple[Ints, Floats, Floats]:
    """Entries, and `bounded_moments` of the values in each bin; 0 in empty bins."""
    size = int(np.prod(shape))
    entries = np.bincount(index, minlength=size)
    mean, sigma = np.zeros(size), np.zeros(size)
    order = np.argsort(index, kind="stable")
    for part in np.split(order, np.cumsum(entries)[:-1]):
        if len(part):
            mean[index[part[0]]], sigma[index[part[0]]] = bounded_moments(values[part])
    return entries.reshape(shape), mean.reshape(shape), sigma.reshape(shape)
