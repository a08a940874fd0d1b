"""Topological clusters: growth by significance, splitting at local maxima.

COCOA's Topo_clust_func.cc, after ATLAS (arXiv:1603.02934). The result does not depend on the order
of the seeds: clusters are the connected groups of cells above the growth threshold that hold a
seed, and a cell between the boundary and the growth threshold joins its most significant neighbour.

A few thousand of the 157,000 cells are clustered. `grow` numbers them from 0 and all later steps
work on arrays over these numbers, which stay in the processor's cache; only the way from a
neighbour to its number (`place`) needs an array over all cells.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector import moments
from jetchain.detector.calorimeter import Readout, look_up
from jetchain.detector.geometry import Geometry
from jetchain.detector.grid import ETA, PHI, Grid, Spot, build_grid, locate, neighbours, position
from jetchain.detector.settings import ClusteringSettings

UNREACHED = 2**31 - 1


class Thresholds(NamedTuple):
    """`ClusteringSettings` for compiled code."""

    seed: float  # sigma
    growth: float  # sigma
    boundary: float  # sigma
    split_energy: float  # MeV
    split_neighbours: int
    sharing_length: float  # mm


class Buffers(NamedTuple):
    """Memory for the clustered cells of an event, (cells,) each; see `grow`."""

    members: np.ndarray
    group: np.ndarray
    edge: np.ndarray
    spot: Spot
    energy: np.ndarray


class Clusters(NamedTuple):
    """The clusters of an event, in falling energy."""

    start: np.ndarray  # (clusters + 1,) int64: entries of cluster k are start[k]:start[k + 1]
    cell: np.ndarray  # (entries,) int32
    weight: np.ndarray  # (entries,) share of the cell's energy that the cluster gets
    clustered: np.ndarray  # (clustered cells,) int32, rising
    energy: np.ndarray  # (clustered cells,) float32, measured, MeV
    main: np.ndarray  # (clustered cells,) int32, the cluster that takes most of the cell
    moments: np.ndarray  # (clusters, len(moments.MOMENTS))
    by_layer: np.ndarray  # (clusters, layers) energy, MeV


@numba.njit(cache=True)
def grow(
    rng: np.random.Generator,
    readout: Readout,
    noisy: bool,
    grid: Grid,
    thresholds: Thresholds,
    place: np.ndarray,  # (cells,) int32, all -1; is filled with the clustered cells' numbers
    members: np.ndarray,  # (cells,) int32; is filled with the clustered cells
    group: np.ndarray,  # (cells,) int32; with their proto-clusters
    spot: Spot,  # (cells,) int16; with their places
    energy: np.ndarray,  # (cells,) float32; with their energies, MeV
    edge: np.ndarray,  # (cells,) int32, a buffer
) -> tuple[int, int]:
    """Make the proto-clusters; returns their number and that of their cells.

    Cells above the seed threshold must be drawn; the noise of others is drawn where needed.
    """
    significance, live, drawn = readout
    layout, overlap, noise = grid.layout, grid.overlap, grid.noise
    layers, rows, columns = spot
    found = np.empty(grid.most_neighbours, np.int32)
    clusters = n = n_edge = 0
    for m in range(drawn[0]):
        seed = live[m]
        if not significance[seed] > thresholds.seed or place[seed] >= 0:
            continue
        place[seed] = n
        members[n] = seed
        group[n] = clusters
        energy[n] = significance[seed]
        head = n
        n += 1
        while head < n:
            cell = members[head]
            layer, row, column = locate(cell, layout)
            layers[head], rows[head], columns[head] = layer, row, column
            for e in range(neighbours(cell, layer, row, column, layout, overlap, found)):
                other = found[e]
                at = place[other]
                if at >= 0:
                    continue
                if at == -1:
                    value = look_up(rng, other, noisy, thresholds.seed, significance, live, drawn)
                    if value > thresholds.growth:
                        place[other] = n
                        members[n] = other
                        group[n] = clusters
                        energy[n] = value
                        n += 1
                    else:
                        place[other] = -2 - head
                        edge[n_edge] = other
                        n_edge += 1
                elif energy[head] > energy[-2 - at]:
                    place[other] = -2 - head  # its most significant neighbour up to now
            head += 1
        clusters += 1
    least = max(thresholds.boundary, 0.0)
    for m in range(n_edge):
        cell = edge[m]
        value = significance[cell]
        if value <= least:
            place[cell] = -1
            continue
        group[n] = group[-2 - place[cell]]
        place[cell] = n
        members[n] = cell
        layers[n], rows[n], columns[n] = locate(cell, layout)
        energy[n] = value
        n += 1
    for m in range(n):
        energy[m] *= noise[layers[m]]
    return clusters, n


@numba.njit(cache=True)
def find_maxima(
    inside: np.ndarray,  # (cells of the proto-cluster,) their numbers
    place: np.ndarray,  # (cells,)
    members: np.ndarray,  # (clustered cells,) int32
    group: np.ndarray,  # (clustered cells,) int32
    spot: Spot,  # (clustered cells,)
    energy: np.ndarray,  # (clustered cells,) float32, MeV
    grid: Grid,
    thresholds: Thresholds,
    maxima: np.ndarray,  # (clustered cells,) int32; is filled
) -> int:
    """Local maxima of a proto-cluster, electromagnetic before hadronic, in falling energy."""
    layers, rows, columns = spot
    found = np.empty(grid.most_neighbours, np.int32)
    count = 0
    for m in inside:
        if energy[m] <= thresholds.split_energy:
            continue
        around = 0
        highest = True
        n = neighbours(members[m], layers[m], rows[m], columns[m], grid.layout, grid.overlap, found)
        for e in range(n):
            at = place[found[e]]
            if at >= 0 and group[at] == group[m]:
                around += 1
                if energy[at] > energy[m]:
                    highest = False
                    break
        if highest and around >= thresholds.split_neighbours:
            maxima[count] = m
            count += 1
    if count < 2:
        return count
    rank = np.empty(count)
    for i in range(count):
        rank[i] = -energy[maxima[i]]
        if grid.hadronic[layers[maxima[i]]]:
            rank[i] += 1e12
    by_rank = maxima[:count][np.argsort(rank)]
    count = 0
    for m in by_rank:
        layer = layers[m]
        vetoed = False
        if grid.hadronic[layer]:
            eta, phi = grid.row[layer, rows[m], ETA], grid.column[layer, columns[m], PHI]
            for earlier in maxima[:count]:
                d_phi = abs(grid.column[layers[earlier], columns[earlier], PHI] - phi)
                d_phi = min(d_phi, 2 * np.pi - d_phi)
                d_eta = abs(grid.row[layers[earlier], rows[earlier], ETA] - eta)
                if 2 * d_eta < grid.width[layer, 0] and 2 * d_phi < grid.width[layer, 1]:
                    vetoed = True
                    break
        if not vetoed:
            maxima[count] = m
            count += 1
    return count


@numba.njit(cache=True)
def divide(
    maxima: np.ndarray,  # (maxima,) int32, numbers of cells
    first: int,  # number of the first of the new clusters
    place: np.ndarray,
    members: np.ndarray,
    group: np.ndarray,
    spot: Spot,
    energy: np.ndarray,
    grid: Grid,
    owner: np.ndarray,  # (clustered cells,) int32, -1 here; is filled with the new clusters
    second: np.ndarray,  # (clustered cells,) int32, -1; with the cluster that shares the cell
    reached: np.ndarray,  # (clustered cells, 2) float32, a buffer
    ring_of: np.ndarray,  # (clustered cells + 1,) int32, UNREACHED for the proto-cluster's, else -1
) -> None:
    """Grow the maxima of a proto-cluster together, one ring of neighbours at a time.

    A cell goes to the cluster of the most energetic cell that reaches it in its ring; it is shared
    with that of the most energetic one of another cluster that does so in the same ring.
    """
    layout, overlap = grid.layout, grid.overlap
    layers, rows, columns = spot
    frontier = np.empty(members.size, np.int32)
    fresh = np.empty(members.size, np.int32)
    shared = np.empty(members.size, np.int32)
    found = np.empty(grid.most_neighbours, np.int32)
    width = maxima.size
    for i in range(width):
        owner[maxima[i]] = first + i
        ring_of[maxima[i]] = 0
        frontier[i] = maxima[i]
    n_shared = ring = 0
    for phase in range(2):
        if phase == 1:  # what only shared cells touch is shared like them
            frontier, shared = shared, frontier
            width = n_shared
        while width > 0:
            ring += 1
            n_fresh = 0
            for i in range(width):
                m = frontier[i]
                if phase == 0 and second[m] >= 0:
                    shared[n_shared] = m
                    n_shared += 1
                    continue
                mine, strength = owner[m], energy[m]
                n = neighbours(members[m], layers[m], rows[m], columns[m], layout, overlap, found)
                n_open = 0
                for e in range(n):
                    at = place[found[e]]
                    found[n_open] = at
                    n_open += ring_of[at] >= ring  # ring_of[-1] stands for cells of no cluster
                for e in range(n_open):
                    at = found[e]
                    if ring_of[at] > ring:
                        owner[at] = mine
                        second[at] = second[m]
                        reached[at, 0] = strength
                        reached[at, 1] = 0.0
                        ring_of[at] = ring
                        fresh[n_fresh] = at
                        n_fresh += 1
                    elif phase == 1:
                        if strength > reached[at, 0]:
                            owner[at] = mine
                            second[at] = second[m]
                            reached[at, 0] = strength
                    elif owner[at] == mine:
                        reached[at, 0] = max(reached[at, 0], strength)
                    elif strength > reached[at, 0]:
                        second[at] = owner[at]
                        reached[at, 1] = reached[at, 0]
                        owner[at] = mine
                        reached[at, 0] = strength
                    elif strength > reached[at, 1]:
                        second[at] = mine
                        reached[at, 1] = strength
            frontier, fresh = fresh, frontier
            width = n_fresh


@numba.njit(cache=True)
def share(
    inside: np.ndarray,  # (cells of the proto-cluster,) their numbers
    count: int,
    first: int,
    spot: Spot,
    energy: np.ndarray,
    grid: Grid,
    sharing_length: float,
    owner: np.ndarray,
    second: np.ndarray,
    weight: np.ndarray,  # (clustered cells,) float64; is filled with the owners' shares
) -> None:
    """Weights of the shared cells, from energies and centres of the clusters without them."""
    layers, rows, columns = spot
    row_table, column_table = grid.row, grid.column
    total = np.zeros(count)
    centre = np.zeros((count, 3))
    for m in inside:
        if second[m] < 0:
            i = owner[m] - first
            x, y, z = position(layers[m], rows[m], columns[m], row_table, column_table)
            total[i] += energy[m]
            centre[i, 0] += energy[m] * x
            centre[i, 1] += energy[m] * y
            centre[i, 2] += energy[m] * z
    distance = np.zeros(2)
    for m in inside:
        if second[m] < 0:
            continue
        x, y, z = position(layers[m], rows[m], columns[m], row_table, column_table)
        one, two = owner[m] - first, second[m] - first
        for which, i in enumerate((one, two)):
            distance[which] = np.sqrt(
                (x - centre[i, 0] / total[i]) ** 2
                + (y - centre[i, 1] / total[i]) ** 2
                + (z - centre[i, 2] / total[i]) ** 2
            )
        power = min(max((distance[0] - distance[1]) / sharing_length, -500.0), 500.0)
        weight[m] = total[one] / (total[one] + np.exp(power) * total[two])


@numba.njit(cache=True)
def split(
    clusters: int,
    place: np.ndarray,
    members: np.ndarray,
    group: np.ndarray,
    spot: Spot,
    energy: np.ndarray,
    grid: Grid,
    thresholds: Thresholds,
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Split proto-clusters at their local maxima.

    Returns:
        The final number of clusters; over the clustered cells the cluster (int32), the one that
        shares the cell (-1 for none), and the first one's share.
    """
    n = members.size
    start = np.zeros(clusters + 1, np.int64)
    for m in range(n):
        start[group[m] + 1] += 1
    start = np.cumsum(start)
    fill = start[:-1].copy()
    ordered = np.empty(n, np.int32)
    for m in range(n):
        ordered[fill[group[m]]] = m
        fill[group[m]] += 1
    owner, second = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    weight = np.ones(n)
    reached, ring_of = np.empty((n, 2), np.float32), np.full(n + 1, -1, np.int32)
    maxima = np.empty(n, np.int32)
    final = 0
    for k in range(clusters):
        inside = ordered[start[k] : start[k + 1]]
        count = find_maxima(inside, place, members, group, spot, energy, grid, thresholds, maxima)
        if count < 2:
            owner[inside] = final
            final += 1
            continue
        ring_of[inside] = UNREACHED
        divide(
            maxima[:count], final, place, members, group, spot, energy, grid,
            owner, second, reached, ring_of,
        )  # fmt: skip
        ring_of[inside] = -1
        share(
            inside, count, final, spot, energy, grid, thresholds.sharing_length,
            owner, second, weight,
        )  # fmt: skip
        final += count
    return final, owner, second, weight


@numba.njit(cache=True)
def collect(
    clusters: int,
    energy: np.ndarray,
    owner: np.ndarray,
    second: np.ndarray,
    weight: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """List the cells of every cluster, clusters in falling energy.

    Clusters of no or negative energy are dropped.

    Returns:
        start (clusters + 1,), number of the cell (entries,) int32, weight (entries,), and over the
        clustered cells the cluster that takes most of it (int32, -1 for none).
    """
    n = owner.size
    total = np.zeros(clusters)
    sizes = np.zeros(clusters, np.int64)
    for m in range(n):
        total[owner[m]] += weight[m] * energy[m]
        sizes[owner[m]] += 1
        if second[m] >= 0:
            total[second[m]] += (1.0 - weight[m]) * energy[m]
            sizes[second[m]] += 1
    new = np.full(clusters, -1, np.int32)
    start = np.zeros(clusters + 1, np.int64)
    kept = 0
    for k in np.argsort(-total):
        if total[k] > 0.0:
            new[k] = kept
            kept += 1
            start[kept] = start[kept - 1] + sizes[k]
    start = start[: kept + 1]
    fill = start.copy()
    entry = np.empty(start[kept], np.int32)
    share_of = np.empty(start[kept])
    main = np.empty(n, np.int32)
    for m in range(n):
        k = new[owner[m]]
        main[m] = k
        if k >= 0:
            entry[fill[k]] = m
            share_of[fill[k]] = weight[m]
            fill[k] += 1
        if second[m] >= 0:
            k = new[second[m]]
            if weight[m] < 0.5:
                main[m] = k
            if k >= 0:
                entry[fill[k]] = m
                share_of[fill[k]] = 1.0 - weight[m]
                fill[k] += 1
    return start, entry, share_of, main


@numba.njit(cache=True)
def cluster_event(
    rng: np.random.Generator,
    readout: Readout,
    noisy: bool,
    grid: Grid,
    thresholds: Thresholds,
    place: np.ndarray,  # (cells,) int32, all -1, also at the end
    buffers: Buffers,
) -> Clusters:
    """Cluster one event; see `Clusterer`."""
    proto, n = grow(
        rng, readout, noisy, grid, thresholds, place,
        buffers.members, buffers.group, buffers.spot, buffers.energy, buffers.edge,
    )  # fmt: skip
    members, group, energy = buffers.members[:n], buffers.group[:n], buffers.energy[:n]
    spot = buffers.spot
    final, owner, second, weight = split(
        proto, place, members, group, spot, energy, grid, thresholds
    )
    start, entry, weights, main = collect(final, energy, owner, second, weight)
    described, by_layer = moments.describe(start, entry, weights, energy, spot, grid)
    moments.isolate(
        start, entry, members, spot, main, place, by_layer, grid, buffers.edge, described[:, -1]
    )
    place[members] = -1
    listed = np.flatnonzero(main >= 0)
    listed = listed[np.argsort(members[listed])]
    return Clusters(
        start,
        members[entry],
        weights,
        members[listed],
        energy[listed],
        main[listed],
        described,
        by_layer,
    )


class Clusterer:
    """Clusters the cells of one event after the other, in buffers that are made once."""

    def __init__(self, geometry: Geometry, settings: ClusteringSettings) -> None:
        n = geometry.cells.layer.size
        self._grid = build_grid(geometry)
        self._thresholds = Thresholds(
            settings.seed_threshold,
            settings.growth_threshold,
            settings.boundary_threshold,
            settings.split_energy,
            settings.split_neighbours,
            settings.sharing_length,
        )
        self._place = np.full(n, -1, np.int32)
        self._buffers = Buffers(
            np.empty(n, np.int32),
            np.empty(n, np.int32),
            np.empty(n, np.int32),
            Spot(np.empty(n, np.int16), np.empty(n, np.int16), np.empty(n, np.int16)),
            np.empty(n, np.float32),
        )

    def __call__(self, rng: np.random.Generator, readout: Readout, noisy: bool) -> Clusters:
        """Cluster the cells of one event.

        Args:
            rng: for noise that is not drawn yet.
            readout: the measured cells; all above the seed threshold are drawn.
            noisy: whether unknown cells have noise; else they are empty.
        """
        return cluster_event(
            rng, readout, noisy, self._grid, self._thresholds, self._place, self._buffers
        )
