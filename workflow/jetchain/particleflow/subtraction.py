"""The parts of parametric particle flow, compiled: matching, shower layer, subtraction of cells.

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
# A muon's cells: those within so many cell sizes of its way through their layer. Our choice: those
# that it crosses and their neighbours.
MUON_TUBE = 1.5
MUON_REACH = 0.6  # dR of its way within which its clusters are looked for

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Seeds(NamedTuple):
    """The tracks that look for clusters."""

    offset: Ints  # (events + 1,) first track of each event
    order: Ints  # (tracks,) those of each event in the order they are worked through
    kind: Ints  # (tracks,) HADRON, ELECTRON or MUON
    p: Floats  # (tracks,) MeV
    error: Floats  # (tracks,) of p, relative
    pt: Floats  # (tracks,) MeV
    phi: Floats  # (tracks,) at the perigee
    eta: Floats  # (tracks,) likewise
    layer_eta: Floats  # (tracks, layers) where the track enters each layer
    layer_phi: Floats  # (tracks, layers)
    exit_eta: Floats  # (tracks, layers) where it leaves each; of muons alone
    exit_phi: Floats  # (tracks, layers)


class Way(NamedTuple):
    """How a track goes through the layers; a point in each where it leaves as it enters."""

    eta: Floats  # (layers,) where it enters each layer
    phi: Floats  # (layers,)
    end_eta: Floats  # (layers,) where it leaves each
    end_phi: Floats  # (layers,)


class Response(NamedTuple):
    """Expected E/p of charged hadrons and energy of muons, and how the layers share it."""

    pt_edges: Floats  # (pt,) lower edges, MeV
    eta_edges: Floats  # (eta,) lower edges
    mean: Floats  # (pt, eta, layer)
    sigma: Floats  # (pt, eta, layer)
    share: Floats  # (pt, eta, layer, layers), adds up to 1
    muon_edges: Floats  # (eta,) lower edges
    muon_mean: Floats  # (eta,) MeV
    muon_sigma: Floats  # (eta,) MeV
    muon_share: Floats  # (eta, layers), adds up to 1


class Cuts(NamedTuple):
    """`ParametricSettings` for compiled code."""

    match_distance: Floats  # (3,) largest R' of a match below 2, below 5 and from 5 GeV
    minimum_ep: float
    recover_below: float  # sigma
    recover_radius: float
    isolated_below: float  # sigma
    remove_below: float  # sigma
    electron_maximum_ep: float


@numba.njit(cache=True)
def distance(eta: float, phi: float, other_eta: float, other_phi: float) -> float:
    """dR, with the azimuth wrapped."""
    return np.sqrt((eta - other_eta) ** 2 + delta_phi(phi, other_phi) ** 2)


@numba.njit(cache=True)
def beside(eta: float, phi: float, layer: int, way: Way) -> float:
    """dR of a place to the nearest point of a track's way through a layer."""
    apart, turn = eta - way.eta[layer], delta_phi(phi, way.phi[layer])
    along, end = way.end_eta[layer] - way.eta[layer], way.end_phi[layer]
    if along != 0.0 or end != way.phi[layer]:  # most ways are points
        around = delta_phi(end, way.phi[layer])
        square = max(along**2 + around**2, 1e-30)  # two names of one azimuth are a point too
        part = min(max((apart * along + turn * around) / square, 0.0), 1.0)
        apart, turn = apart - part * along, turn - part * around
    return np.sqrt(apart**2 + turn**2)


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
        apart = (eta - clusters.eta[cluster]) / clusters.sigma_eta[cluster]
        if abs(apart) > smallest:  # most are: the azimuth takes longer
            continue
        r = np.sqrt(
            (delta_phi(phi, clusters.phi[cluster]) / clusters.sigma_phi[cluster]) ** 2 + apart**2
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
def subtract(
    amount: float,
    share: Floats,
    chosen: Ints,
    clusters: Clusters,
    way: Way,
    delta_eta: Floats,
) -> None:
    """Take an energy out of the cells, in rings around the track in falling energy density.

    Rings are 1.2 cells wide in eta and belong to one layer. First each layer gives its share of the
    amount, so that a photon beside a hadron is not taken for the densest part of its shower; what a
    layer lacks comes out of the densest rings left. The last ring that is touched is scaled.
    Changes `clusters.cell_e` in place, and `clusters.e` to the sums of what is left; the amount
    must not exceed the cells' energy.

    Args:
        amount: MeV.
        share: (layers,) of the amount; zeros for no expectation.
        chosen: (chosen,) the clusters it is taken from.
        clusters: of all events.
        way: of the track, around which the rings lie.
        delta_eta: (layers,) as in `Layers`.
    """
    # Half of the algorithm's time goes by here, for millions of cells: what does not change from
    # cell to cell stands before the loop.
    offset, layers, cell_e = clusters.cell_offset, clusters.cell_layer, clusters.cell_e
    cell_eta, cell_phi, volume = clusters.cell_eta, clusters.cell_phi, clusters.cell_volume
    way_eta, way_phi, width = way.eta, way.phi, RING_WIDTH * delta_eta
    is_point = np.all(way.end_eta == way_eta) and np.all(way.end_phi == way_phi)
    ring_e = np.zeros(N_LAYERS * N_RINGS)
    ring_v = np.zeros(N_LAYERS * N_RINGS)
    cells = 0
    for cluster in chosen:
        cells += offset[cluster + 1] - offset[cluster]
    ring_of = np.empty(cells, np.int64)
    position = 0
    for cluster in chosen:
        for cell in range(offset[cluster], offset[cluster + 1]):
            layer = layers[cell]
            if is_point:
                r = distance(cell_eta[cell], cell_phi[cell], way_eta[layer], way_phi[layer])
            else:
                r = beside(cell_eta[cell], cell_phi[cell], layer, way)
            ring = layer * N_RINGS + min(int(r / width[layer]), N_RINGS - 1)
            ring_of[position] = ring
            ring_e[ring] += cell_e[cell]
            ring_v[ring] += volume[cell]
            position += 1
    full = np.flatnonzero(ring_e > 0)
    order = full[np.argsort(-ring_e[full] / ring_v[full])]
    left = ring_e.copy()
    quota = amount * share
    for by_layer in (True, False):
        for ring in order:
            if amount <= 0:
                break
            layer = ring // N_RINGS
            taken = min(min(amount, left[ring]), quota[layer] if by_layer else amount)
            left[ring] -= taken
            quota[layer] -= taken
            amount -= taken
    kept = np.ones(N_LAYERS * N_RINGS)
    for ring in order:
        kept[ring] = left[ring] / ring_e[ring]
    position = 0
    for cluster in chosen:
        total = 0.0
        for cell in range(offset[cluster], offset[cluster + 1]):
            cell_e[cell] *= kept[ring_of[position]]
            total += cell_e[cell]
            position += 1
        clusters.e[cluster] = total


@numba.njit(cache=True)
def entered_cluster(
    near: Ints, clusters: Clusters, track_eta: Floats, track_phi: Floats, least: float
) -> int:
    """The cluster with the most energy where a track goes through it, or -1.

    It stands in where a shower lies in a cluster whose barycentre is that of other particles.

    Args:
        near: the clusters to choose from.
        clusters: of all events.
        track_eta, track_phi: (layers,) where the track enters each layer.
        least: MeV, of the energy weighted by the Gaussian of `densest_layer`.
    """
    best, most = -1, least
    cell_e = clusters.cell_e
    for cluster in near:
        total = 0.0  # what it would be if all of it lay on the track: most have too little
        for cell in range(clusters.cell_offset[cluster], clusters.cell_offset[cluster + 1]):
            total += max(cell_e[cell], 0.0)
        if total <= most:
            continue
        total = 0.0
        for cell in range(clusters.cell_offset[cluster], clusters.cell_offset[cluster + 1]):
            layer = clusters.cell_layer[cell]
            r = distance(
                clusters.cell_eta[cell], clusters.cell_phi[cell], track_eta[layer], track_phi[layer]
            )
            total += np.exp(-0.5 * (r / DENSITY_WIDTH) ** 2) * clusters.cell_e[cell]
        if total > most:
            best, most = cluster, total
    return best


@numba.njit(cache=True)
def clear(chosen: Ints, clusters: Clusters) -> None:
    for cluster in chosen:
        clusters.e[cluster] = 0.0
        clusters.cell_e[clusters.cell_offset[cluster] : clusters.cell_offset[cluster + 1]] = 0.0


@numba.njit(cache=True)
def energy_of(chosen: Ints, clusters: Clusters) -> float:
    total = 0.0
    for cluster in chosen:
        total += clusters.e[cluster]
    return total


@numba.njit(cache=True)
def clusters_near(
    first: int, last: int, clusters: Clusters, eta: float, phi: float, radius: float
) -> Ints:
    """The clusters of an event, `first` to `last`, with energy and within a radius."""
    near = np.empty(last - first, np.int64)
    count = 0
    for cluster in range(first, last):
        if (
            clusters.e[cluster] > 0
            and abs(clusters.eta[cluster] - eta) <= radius  # most are not: the azimuth takes longer
            and distance(clusters.eta[cluster], clusters.phi[cluster], eta, phi) < radius
        ):
            near[count] = cluster
            count += 1
    return near[:count]


@numba.njit(cache=True)
def within(chosen: Ints, clusters: Clusters, eta: float, phi: float, radius: float) -> Ints:
    """Those of some clusters that lie within a radius."""
    kept = np.empty(len(chosen), np.int64)
    count = 0
    for cluster in chosen:
        if distance(clusters.eta[cluster], clusters.phi[cluster], eta, phi) < radius:
            kept[count] = cluster
            count += 1
    return kept[:count]


@numba.njit(cache=True)
def crossed_clusters(
    first: int, last: int, clusters: Clusters, way: Way, delta_eta: Floats
) -> Ints:
    """The clusters of an event that have a cell within `MUON_TUBE` cells of a track's way.

    Args:
        first, last: the event's clusters; those with energy and near the way are looked at.
        clusters: of all events.
        way: of the track.
        delta_eta: (layers,) as in `Layers`.
    """
    crossed = np.empty(last - first, np.int64)
    count = 0
    for cluster in range(first, last):
        if clusters.e[cluster] <= 0:
            continue
        apart = np.inf
        for layer in range(N_LAYERS):
            apart = min(apart, beside(clusters.eta[cluster], clusters.phi[cluster], layer, way))
        if apart >= MUON_REACH:
            continue
        for cell in range(clusters.cell_offset[cluster], clusters.cell_offset[cluster + 1]):
            layer = clusters.cell_layer[cell]
            r = beside(clusters.cell_eta[cell], clusters.cell_phi[cell], layer, way)
            if r < MUON_TUBE * delta_eta[layer]:
                crossed[count] = cluster
                count += 1
                break
    return crossed[:count]
