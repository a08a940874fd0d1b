"""The loops of parametric particle flow, compiled: matching, shower layer, subtraction of cells.

Reference: COCOA (arXiv 2303.02101, section 5), cocoa-hep/cocoa-hep: `Particle_flow_func.cc`, which
follows ATLAS particle flow (arXiv 1703.10485, section 6). Momenta and energies in MeV.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.particleflow.layers import N_LAYERS

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


@numba.njit(cache=True)
def distance(eta: float, phi: float, other_eta: float, other_phi: float) -> float:
    """dR, with the azimuth wrapped."""
    d_phi = (phi - other_phi + np.pi) % (2 * np.pi) - np.pi
    return np.sqrt((eta - other_eta) ** 2 + d_phi**2)


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
    first: int,
    last: int,
    energy: Floats,
    eta: Floats,
    phi: Floats,
    sigma_eta: Floats,
    sigma_phi: Floats,
    track_p: float,
    track_eta: float,
    track_phi: float,
    minimum_ep: float,
    limits: Floats,
) -> int:
    """The cluster with E/p above the minimum and the smallest R' within the limit, or -1.

    R' = sqrt((dphi / sigma_phi)^2 + (deta / sigma_eta)^2) at ECAL2; its limit falls at p = 2 and
    5 GeV (`Particle_flow_func.cc`; a missing break keeps COCOA's own code from the first one).
    """
    limit = limits[0] if track_p < 2000.0 else (limits[1] if track_p < 5000.0 else limits[2])
    best, smallest = -1, limit
    for cluster in range(first, last):
        if energy[cluster] <= minimum_ep * track_p:
            continue
        d_phi = (track_phi - phi[cluster] + np.pi) % (2 * np.pi) - np.pi
        r = np.sqrt(
            (d_phi / sigma_phi[cluster]) ** 2
            + ((track_eta - eta[cluster]) / sigma_eta[cluster]) ** 2
        )
        if r < smallest:
            best, smallest = cluster, r
    return best


@numba.njit(cache=True)
def densest_layer(
    first: int,
    last: int,
    cell_layer: Ints,
    cell_e: Floats,
    cell_eta: Floats,
    cell_phi: Floats,
    cell_volume: Floats,
    track_eta: Floats,
    track_phi: Floats,
    centre: Floats,
) -> int:
    """Layer of highest energy density (LHED) of a track's shower in the cells first to last.

    The density of a layer is the sum of its cells' E/V, weighted by a Gaussian of width 0.035
    around the track; the layer is that of the largest rise in density per interaction length
    from the layer before it (arXiv 1703.10485, equations 1 and 2).
    """
    density = np.zeros(N_LAYERS)
    for cell in range(first, last):
        if cell_e[cell] <= 0:
            continue
        layer = cell_layer[cell]
        r = distance(cell_eta[cell], cell_phi[cell], track_eta[layer], track_phi[layer])
        weight = np.exp(-0.5 * (r / DENSITY_WIDTH) ** 2)
        density[layer] += weight * cell_e[cell] / cell_volume[cell]
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
    clusters: Ints,
    cell_offset: Ints,
    cell_layer: Ints,
    cell_e: Floats,
    cell_eta: Floats,
    cell_phi: Floats,
    cell_volume: Floats,
    track_eta: Floats,
    track_phi: Floats,
    delta_eta: Floats,
) -> None:
    """Take an energy out of the cells, in rings around the track in falling energy density.

    Rings are 1.2 cells wide in eta and belong to one layer. The last ring that is touched is
    scaled. Changes `cell_e` in place; the amount must not exceed the cells' energy.
    """
    ring_e = np.zeros(N_LAYERS * N_RINGS)
    ring_v = np.zeros(N_LAYERS * N_RINGS)
    cells = 0
    for cluster in clusters:
        cells += cell_offset[cluster + 1] - cell_offset[cluster]
    ring_of = np.empty(cells, np.int64)
    position = 0
    for cluster in clusters:
        for cell in range(cell_offset[cluster], cell_offset[cluster + 1]):
            layer = cell_layer[cell]
            r = distance(cell_eta[cell], cell_phi[cell], track_eta[layer], track_phi[layer])
            ring = min(int(r / (RING_WIDTH * delta_eta[layer])), N_RINGS - 1)
            ring_of[position] = layer * N_RINGS + ring
            ring_e[ring_of[position]] += cell_e[cell]
            ring_v[ring_of[position]] += cell_volume[cell]
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
    for cluster in clusters:
        for cell in range(cell_offset[cluster], cell_offset[cluster + 1]):
            cell_e[cell] *= keep[ring_of[position]]
            position += 1


@numba.njit(cache=True)
def _clear(clusters: Ints, cell_offset: Ints, cell_e: Floats, energy: Floats) -> None:
    for cluster in clusters:
        energy[cluster] = 0.0
        cell_e[cell_offset[cluster] : cell_offset[cluster + 1]] = 0.0


@numba.njit(cache=True)
def link(
    track_offset: Ints,
    order: Ints,
    track_p: Floats,
    track_pt: Floats,
    track_abs_eta: Floats,
    track_kind: Ints,
    track_eta: Floats,
    track_phi: Floats,
    cluster_offset: Ints,
    energy: Floats,
    eta: Floats,
    phi: Floats,
    sigma_eta: Floats,
    sigma_phi: Floats,
    cell_offset: Ints,
    cell_layer: Ints,
    cell_e: Floats,
    cell_eta: Floats,
    cell_phi: Floats,
    cell_volume: Floats,
    centre: Floats,
    delta_eta: Floats,
    pt_edges: Floats,
    eta_edges: Floats,
    mean: Floats,
    sigma: Floats,
    limits: Floats,
    minimum_ep: float,
    recover_below: float,
    recover_radius: float,
    remove_below: float,
    electron_maximum_ep: float,
) -> tuple[Ints, Floats]:
    """Run the algorithm on all events; `energy` and `cell_e` are left with the remnants.

    Args:
        order: (tracks,) the tracks of each event in the order they are worked through.
        track_eta, track_phi: (tracks, layers) where the track enters each layer.
        centre, delta_eta: (layers,) as in `Layers`.
        mean, sigma: (pt, eta, layer) expected E/p of charged hadrons and its spread.
        electron_maximum_ep: an electron takes its cluster up to this E/p; above it the cluster
            holds other particles too, and loses the electron's momentum instead.

    Returns:
        match (tracks,): cluster of each track, -1 for none; taken (tracks,): the energy of the
        cluster that an electron took, 0 for all other tracks.
    """
    match = np.full(len(track_p), -1)
    taken = np.zeros(len(track_p))
    for event in range(len(track_offset) - 1):
        first, last = cluster_offset[event], cluster_offset[event + 1]
        for position in range(track_offset[event], track_offset[event + 1]):
            t = order[position]
            if track_kind[t] == MUON:
                continue
            at_eta, at_phi = track_eta[t, MATCH_LAYER], track_phi[t, MATCH_LAYER]
            found = best_cluster(
                first, last, energy, eta, phi, sigma_eta, sigma_phi,
                track_p[t], at_eta, at_phi, minimum_ep, limits,
            )  # fmt: skip
            match[t] = found
            if found < 0:
                continue
            clusters = np.array([found])
            total = energy[found]
            if track_kind[t] == ELECTRON:
                if total <= electron_maximum_ep * track_p[t]:
                    taken[t] = total
                    _clear(clusters, cell_offset, cell_e, energy)
                    continue
                expected, spread = track_p[t], 0.0
            else:
                layer = densest_layer(
                    cell_offset[found], cell_offset[found + 1], cell_layer, cell_e, cell_eta,
                    cell_phi, cell_volume, track_eta[t], track_phi[t], centre,
                )  # fmt: skip
                i, j = bin_of(track_pt[t], pt_edges), bin_of(track_abs_eta[t], eta_edges)
                expected = mean[i, j, layer] * track_p[t]
                spread = sigma[i, j, layer] * track_p[t]
                if total - expected < recover_below * spread:
                    chosen = [found]
                    for cluster in range(first, last):
                        near = distance(eta[cluster], phi[cluster], at_eta, at_phi)
                        if cluster != found and energy[cluster] > 0 and near < recover_radius:
                            chosen.append(cluster)
                            total += energy[cluster]
                    clusters = np.array(chosen)
            if total - expected <= remove_below * spread:
                _clear(clusters, cell_offset, cell_e, energy)
                continue
            subtract_rings(
                expected, clusters, cell_offset, cell_layer, cell_e, cell_eta, cell_phi,
                cell_volume, track_eta[t], track_phi[t], delta_eta,
            )  # fmt: skip
            for cluster in clusters:
                energy[cluster] = np.sum(cell_e[cell_offset[cluster] : cell_offset[cluster + 1]])
    return match, taken
