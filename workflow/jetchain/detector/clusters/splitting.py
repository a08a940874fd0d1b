"""Splitting of proto-clusters at their local maxima.

COCOA's Topo_clust_func.cc, after ATLAS (arXiv:1603.02934, section 3.3).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from jetchain.core.compiled import wrapped
from jetchain.detector.geometry.grid import ETA, PHI, Adjacency, Grid, Spot, position

UNREACHED = 2**31 - 1


class Thresholds(NamedTuple):
    """`ClusteringSettings` for compiled code."""

    seed: float  # sigma
    growth: float  # sigma
    boundary: float  # sigma
    split_energy: float  # MeV
    split_neighbours: int
    sharing_length: float  # mm
    symmetric: bool  # whether they are on |E| / sigma


@numba.njit(cache=True)
def find_maxima(
    inside: np.ndarray,  # (cells of the proto-cluster,) their numbers
    place: np.ndarray,  # (cells,) by number in the readout: where it stands, -1 for nowhere
    group: np.ndarray,  # (clustered cells,) int32
    spot: Spot,  # (clustered cells,)
    energy: np.ndarray,  # (clustered cells,) float32, MeV
    adjacency: Adjacency,  # of the clustered cells
    grid: Grid,
    thresholds: Thresholds,
    maxima: np.ndarray,  # (clustered cells,) int32; is filled
) -> int:
    """Local maxima of a proto-cluster, electromagnetic before hadronic, in falling energy."""
    layers, rows, columns = spot
    near, border = adjacency
    count = 0
    for m in inside:
        if energy[m] <= thresholds.split_energy:
            continue
        around = 0
        highest = True
        for e in range(border[m, 0], border[m, 3]):
            at = place[near[e]]
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
                d_phi = abs(wrapped(grid.column[layers[earlier], columns[earlier], PHI] - phi))
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
    energy: np.ndarray,
    adjacency: Adjacency,
    most_neighbours: int,
    owner: np.ndarray,  # (clustered cells,) int32, -1 here; is filled with the new clusters
    second: np.ndarray,  # (clustered cells,) int32, -1; with the cluster that shares the cell
    reached: np.ndarray,  # (clustered cells, 2) float32, a buffer
    ring_of: np.ndarray,  # (clustered cells + 1,) int32, UNREACHED for the proto-cluster's, else -1
) -> None:
    """Grow the maxima of a proto-cluster together, one ring of neighbours at a time.

    A cell goes to the cluster of the most energetic cell that reaches it in its ring; it is shared
    with that of the most energetic one of another cluster that does so in the same ring.
    """
    near, border = adjacency
    frontier, fresh, shared = np.empty((3, energy.size), np.int32)
    opened = np.empty(most_neighbours, np.int32)
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
                n_open = 0
                for e in range(border[m, 0], border[m, 3]):
                    at = place[near[e]]
                    opened[n_open] = at
                    n_open += ring_of[at] >= ring  # ring_of[-1] stands for cells of no cluster
                for e in range(n_open):
                    at = opened[e]
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
    """Weights of the shared cells, from energies and centres of the clusters without them.

    Energies are counted without sign: with symmetric thresholds there are negative ones.
    """
    layers, rows, columns = spot
    row_table, column_table = grid.row, grid.column
    total = np.zeros(count)
    centre = np.zeros((count, 3))
    for m in inside:
        if second[m] < 0:
            i = owner[m] - first
            x, y, z = position(layers[m], rows[m], columns[m], row_table, column_table)
            size = abs(energy[m])
            total[i] += size
            centre[i, 0] += size * x
            centre[i, 1] += size * y
            centre[i, 2] += size * z
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
    group: np.ndarray,
    spot: Spot,
    energy: np.ndarray,
    adjacency: Adjacency,
    grid: Grid,
    thresholds: Thresholds,
) -> tuple[np.int64, np.ndarray, np.ndarray, np.ndarray]:
    """Split proto-clusters at their local maxima.

    Returns:
        The final number of clusters; over the clustered cells the cluster (int32), the one that
        shares the cell (-1 for none), and the first one's share.
    """
    n = energy.size
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
    final = np.int64(0)  # not 0: of a literal numba compiles what takes it once more
    for k in range(clusters):
        inside = ordered[start[k] : start[k + 1]]
        count = find_maxima(inside, place, group, spot, energy, adjacency, grid, thresholds, maxima)
        if count < 2:
            owner[inside] = final
            final += 1
            continue
        ring_of[inside] = UNREACHED
        divide(
            maxima[:count], final, place, energy, adjacency, grid.most_neighbours,
            owner, second, reached, ring_of,
        )  # fmt: skip
        ring_of[inside] = -1
        share(
            inside, count, final, spot, energy, grid, thresholds.sharing_length,
            owner, second, weight,
        )  # fmt: skip
        final += count
    return final, owner, second, weight
