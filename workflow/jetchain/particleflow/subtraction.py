"""The loops of parametric particle flow, compiled: matching, shower layer, subtraction of cells.

Reference: COCOA (arXiv 2303.02101, section 5), cocoa-hep/cocoa-hep: `Particle_flow_func.cc`, which
follows ATLAS particle flow (arXiv 1703.10485, section 6). Momenta and energies in MeV.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.compiled import delta_phi
from jetchain.particleflow.detected import Clusters
from jetchain.particleflow.layers import N_LAYERS, Layers

HADRON, ELECTRON, MUON = 0, 1, 2

# Width in dR of the Gaussian that weights cells around the track (ATLAS: arXiv 1703.10485,
# section 6.3; COCOA takes the same).
DENSITY_WIDTH = 0.035
# Width of a ring in units of the layer's cell size in eta.
RING_WIDTH = 1.2
# Rings farther out than this are subtracted together, last.
N_RINGS = 64
# The clusters of split showers and the match use the track's position at ECAL2.
MATCH_LAYER = 1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Seeds(NamedTuple):
    """The tracks that look for clusters."""

    offset: Ints  # (events + 1,) first track of each event
    order: Ints  # (tracks,) those of each event in the order they are worked through
    kind: Ints  # (tracks,) HADRON, ELECTRON or MUON
    p: Floats  # (tracks,) MeV
    pt: Floats  # (tracks,) MeV
    abs_eta: Floats  # (tracks,)
    layer_eta: Floats  # (tracks, layers) where the track enters each layer
    layer_phi: Floats  # (tracks, layers)


class Response(NamedTuple):
    """Expected E/p of charged hadrons."""

    pt_edges: Floats  # (pt,) lower edges, MeV
    eta_edges: Floats  # (eta,) lower edges
    mean: Floats  # (pt, eta, layer)
    sigma: Floats  # (pt, eta, layer)


class Cuts(NamedTuple):
    """`ParametricSettings` for compiled code."""

    match_distance: Floats  # (3,) largest R' of a match below 2, below 5 and from 5 GeV
    minimum_ep: float
    recover_below: float  # sigma
    recover_radius: float
    remove_below: float  # sigma
    electron_maximum_ep: float


@numba.njit(cache=True)
def distance(eta: float, phi: float, other_eta: float, other_phi: float) -> float:
    """dR, with the azimuth wrapped."""
    return np.sqrt((eta - other_eta) ** 2 + delta_phi(phi, other_phi) ** 2)


@numba.njit(cache=True)
def bin_of(value: float, edges: Floats) -> int:
    """Index of the bin whose lower edge lies below the value; the last bin is open."""
    found = 0
    for index in range(len(edges)):
        if value >= edges[index]:
            found = index
    return found


@numba.njit(cache=True)
def best_cluster(
    first: int, last: int, clusters: Clusters, p: float, eta: float, phi: float, cuts: Cuts
) -> int:
    """The cluster with E/p above the minimum and the smallest R' within the limit, or -1.

    R' = sqrt((dphi / sigma_phi)^2 + (deta / sigma_eta)^2) at ECAL2; its limit falls at p = 2 and
    5 GeV (`Particle_flow_func.cc`; a missing break keeps COCOA's own code from the first one).

    Args:
        first, last: the event's clusters.
        clusters: of all events.
        p, eta, phi: of the track; the direction is that at ECAL2.
        cuts: of the algorithm.
    """
    limits = cuts.match_distance
    limit = limits[0] if p < 2000.0 else (limits[1] if p < 5000.0 else limits[2])
    best, smallest = -1, limit
    for cluster in range(first, last):
        if clusters.e[cluster] <= cuts.minimum_ep * p:
            continue
        r = np.sqrt(
            (delta_phi(phi, clusters.phi[cluster]) / clusters.sigma_phi[cluster]) ** 2
            + ((eta - clusters.eta[cluster]) / clusters.sigma_eta[cluster]) ** 2
        )
        if r < smallest:
            best, smallest = cluster, r
    return best


@numba.njit(cache=True)
def densest_layer(
    cluster: int, clusters: Clusters, track_eta: Floats, track_phi: Floats, centre: Floats
) -> int:
    """Layer of highest energy density (LHED) of a track's shower in a cluster.

    The density of a layer is the sum of its cells' E/V, weighted by a Gaussian of width 0.035
    around the track; the layer is that of the largest rise in density per interaction length
    from the layer before it (arXiv 1703.10485, equations 1 and 2).

    Args:
        cluster: its number among all.
        clusters: of all events.
        track_eta, track_phi: (layers,) where the track enters each layer.
        centre: (layers,) as in `Layers`.
    """
    density = np.zeros(N_LAYERS)
    for cell in range(clusters.cell_offset[cluster], clusters.cell_offset[cluster + 1]):
        if clusters.cell_e[cell] <= 0:
            continue
        layer = clusters.cell_layer[cell]
        r = distance(
            clusters.cell_eta[cell], clusters.cell_phi[cell], track_eta[layer], track_phi[layer]
        )
        weight = np.exp(-0.5 * (r / DENSITY_WIDTH) ** 2)
        density[layer] += weight * clusters.cell_e[cell] / clusters.cell_volume[cell]
    best, largest, before, depth = 0, -np.inf, 0.0, 0.0
    for layer in range(N_LAYERS):
        rise = (density[layer] - before) / (centre[layer] - depth)
        if rise > largest:
            best, largest = layer, rise
        before, depth = density[layer], centre[layer]
    return best


@numba.njit(cache=True)
def subtract_rings(
    amount: float,
    chosen: Ints,
    clusters: Clusters,
    track_eta: Floats,
    track_phi: Floats,
    delta_eta: Floats,
) -> None:
    """Take an energy out of the cells, in rings around the track in falling energy density.

    Rings are 1.2 cells wide in eta and belong to one layer. The last ring that is touched is
    scaled. Changes `clusters.cell_e` in place; the amount must not exceed the cells' energy.

    Args:
        amount: MeV.
        chosen: (chosen,) the clusters it is taken from.
        clusters: of all events.
        track_eta, track_phi: (layers,) where the track enters each layer.
        delta_eta: (layers,) as in `Layers`.
    """
    offset, cell_e = clusters.cell_offset, clusters.cell_e
    ring_e = np.zeros(N_LAYERS * N_RINGS)
    ring_v = np.zeros(N_LAYERS * N_RINGS)
    cells = 0
    for cluster in chosen:
        cells += offset[cluster + 1] - offset[cluster]
    ring_of = np.empty(cells, np.int64)
    position = 0
    for cluster in chosen:
        for cell in range(offset[cluster], offset[cluster + 1]):
            layer = clusters.cell_layer[cell]
            r = distance(
                clusters.cell_eta[cell], clusters.cell_phi[cell], track_eta[layer], track_phi[layer]
            )
            ring = min(int(r / (RING_WIDTH * delta_eta[layer])), N_RINGS - 1)
            ring_of[position] = layer * N_RINGS + ring
            ring_e[ring_of[position]] += cell_e[cell]
            ring_v[ring_of[position]] += clusters.cell_volume[cell]
            position += 1
    density = np.where(ring_v > 0, ring_e / np.maximum(ring_v, 1e-30), 0.0)
    keep = np.ones(N_LAYERS * N_RINGS)
    for ring in np.argsort(-density):
        if amount <= 0 or ring_e[ring] <= 0:
            break
        taken = min(amount, ring_e[ring])
        keep[ring] = 1.0 - taken / ring_e[ring]
        amount -= taken
    position = 0
    for cluster in chosen:
        for cell in range(offset[cluster], offset[cluster + 1]):
            cell_e[cell] *= keep[ring_of[position]]
            position += 1


@numba.njit(cache=True)
def _clear(chosen: Ints, clusters: Clusters) -> None:
    for cluster in chosen:
        clusters.e[cluster] = 0.0
        clusters.cell_e[clusters.cell_offset[cluster] : clusters.cell_offset[cluster + 1]] = 0.0


@numba.njit(cache=True)
def link(
    tracks: Seeds, clusters: Clusters, layers: Layers, response: Response, cuts: Cuts
) -> tuple[Ints, Floats]:
    """Run the algorithm on all events; `clusters.e` and `.cell_e` are left with the remnants.

    An electron takes its cluster up to an E/p of `electron_maximum_ep`; above it the cluster holds
    other particles too, and loses the electron's momentum instead.

    Returns:
        match (tracks,): cluster of each track, -1 for none; taken (tracks,): the energy of the
        cluster that an electron took, 0 for all other tracks.
    """
    energy, cell_e, cell_offset = clusters.e, clusters.cell_e, clusters.cell_offset
    match = np.full(len(tracks.p), -1)
    taken = np.zeros(len(tracks.p))
    for event in range(len(tracks.offset) - 1):
        first, last = clusters.offset[event], clusters.offset[event + 1]
        for position in range(tracks.offset[event], tracks.offset[event + 1]):
            t = tracks.order[position]
            if tracks.kind[t] == MUON:
                continue
            p, track_eta, track_phi = tracks.p[t], tracks.layer_eta[t], tracks.layer_phi[t]
            at_eta, at_phi = track_eta[MATCH_LAYER], track_phi[MATCH_LAYER]
            found = best_cluster(first, last, clusters, p, at_eta, at_phi, cuts)
            match[t] = found
            if found < 0:
                continue
            chosen = np.array([found])
            total = energy[found]
            if tracks.kind[t] == ELECTRON:
                if total <= cuts.electron_maximum_ep * p:
                    taken[t] = total
                    _clear(chosen, clusters)
                    continue
                expected, spread = p, 0.0
            else:
                layer = densest_layer(found, clusters, track_eta, track_phi, layers.centre)
                i = bin_of(tracks.pt[t], response.pt_edges)
                j = bin_of(tracks.abs_eta[t], response.eta_edges)
                expected = response.mean[i, j, layer] * p
                spread = response.sigma[i, j, layer] * p
                if total - expected < cuts.recover_below * spread:
                    near = [found]
                    for cluster in range(first, last):
                        r = distance(clusters.eta[cluster], clusters.phi[cluster], at_eta, at_phi)
                        if cluster != found and energy[cluster] > 0 and r < cuts.recover_radius:
                            near.append(cluster)
                            total += energy[cluster]
                    chosen = np.array(near)
            if total - expected <= cuts.remove_below * spread:
                _clear(chosen, clusters)
                continue
            subtract_rings(expected, chosen, clusters, track_eta, track_phi, layers.delta_eta)
            for cluster in chosen:
                energy[cluster] = np.sum(cell_e[cell_offset[cluster] : cell_offset[cluster + 1]])
    return match, taken
