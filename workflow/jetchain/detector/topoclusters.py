"""Topological clusters: growth by significance, splitting at local maxima, moments.

COCOA's Topo_clust_func.cc, after ATLAS (arXiv:1603.02934). The result does not depend on the order
of the seeds: clusters are the connected groups of cells above the growth threshold that hold a
seed, and a cell between the boundary and the growth threshold joins its most significant neighbour.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.calorimeter import Readout, look_up
from jetchain.detector.geometry import CellArrays, Geometry
from jetchain.detector.settings import ClusteringSettings

MINIMUM_WIDTH = 0.05
"""Floor of a cluster's spread in eta and phi (COCOA, Topo_clust_var.cc)."""


class Clusters(NamedTuple):
    """The clusters of an event, in falling energy, as a list of their cells."""

    start: np.ndarray  # (clusters + 1,) int64: entries of cluster k are start[k]:start[k + 1]
    cell: np.ndarray  # (entries,) int32
    weight: np.ndarray  # (entries,) share of the cell's energy that the cluster gets
    clustered: np.ndarray  # (clustered cells,) int32, rising
    main: np.ndarray  # (clustered cells,) int32, the cluster that takes most of the cell


@numba.njit(cache=True)
def grow(
    rng: np.random.Generator,
    readout: Readout,
    noisy: bool,
    noise: np.ndarray,  # (cells,) float32
    neighbour_start: np.ndarray,
    neighbours: np.ndarray,
    seed_threshold: float,
    growth_threshold: float,
    boundary_threshold: float,
    label: np.ndarray,  # (cells,) int32, all -1; is filled with the cluster's number
    members: np.ndarray,  # (cells,) int32; is filled with the clustered cells
    edge: np.ndarray,  # (cells,) int32, a buffer
    energy: np.ndarray,  # (cells,) float32; is filled for the clustered cells
) -> tuple[int, int]:
    """Label the cells of every proto-cluster; returns the numbers of clusters and of cells.

    Cells above the growth threshold must be drawn; the noise of others is drawn where needed.
    """
    significance = readout.significance
    clusters = n = n_edge = 0
    for m in range(readout.drawn[0]):
        seed = readout.live[m]
        if label[seed] >= 0 or not significance[seed] > seed_threshold:
            continue
        label[seed] = clusters
        members[n] = seed
        head = n
        n += 1
        while head < n:
            cell = members[head]
            head += 1
            for e in range(neighbour_start[cell], neighbour_start[cell + 1]):
                other = neighbours[e]
                if label[other] != -1:
                    continue
                if significance[other] > growth_threshold:
                    label[other] = clusters
                    members[n] = other
                    n += 1
                else:  # also where it is not drawn
                    label[other] = -2
                    edge[n_edge] = other
                    n_edge += 1
        clusters += 1
    least = max(boundary_threshold, 0.0)
    for m in range(n_edge):
        cell = edge[m]
        if look_up(rng, cell, noisy, growth_threshold, readout) <= least:
            label[cell] = -1
            continue
        # Attach to the most significant neighbour above the growth threshold.
        best = growth_threshold
        for e in range(neighbour_start[cell], neighbour_start[cell + 1]):
            near = neighbours[e]
            if significance[near] > best and label[near] >= 0:
                best = significance[near]
                label[cell] = label[near]
        members[n] = cell
        n += 1
    for m in range(n):
        energy[members[m]] = significance[members[m]] * noise[members[m]]
    return clusters, n


@numba.njit(cache=True)
def split(
    energy: np.ndarray,
    label: np.ndarray,  # (cells,) int32, as `grow` leaves it
    clusters: int,
    members: np.ndarray,  # (clustered cells,) int32
    cells: CellArrays,
    hadronic: np.ndarray,  # (layers,) bool
    eta_width: np.ndarray,  # (layers,)
    phi_width: np.ndarray,  # (layers,)
    split_energy: float,
    split_neighbours: int,
    sharing_length: float,
    owner: np.ndarray,  # (cells,) int32, all -1; is filled with the cluster's final number
    second: np.ndarray,  # (cells,) int32, all -1; with that of the cluster that shares the cell
    weight: np.ndarray,  # (cells,) float64, filled with the first cluster's share
    ring_of: np.ndarray,  # (cells,) int32, a buffer
) -> int:
    """Split proto-clusters at their local maxima; returns the final number of clusters."""
    n = members.size
    sizes = np.zeros(clusters + 1, np.int64)
    for m in range(n):
        sizes[label[members[m]] + 1] += 1
    start = np.cumsum(sizes)
    fill = start[:-1].copy()
    ordered = np.empty(n, np.int32)
    for m in range(n):
        k = label[members[m]]
        ordered[fill[k]] = members[m]
        fill[k] += 1
    frontier = np.empty(n, np.int32)
    fresh = np.empty(n, np.int32)
    shared = np.empty(n, np.int32)
    maxima = np.empty(n, np.int32)
    final = 0
    for k in range(clusters):
        group = ordered[start[k] : start[k + 1]]
        count = 0
        for cell in group:
            weight[cell] = 1.0
            if energy[cell] <= split_energy:
                continue
            around = 0
            highest = True
            for e in range(cells.neighbour_start[cell], cells.neighbour_start[cell + 1]):
                other = cells.neighbours[e]
                if label[other] == k:
                    around += 1
                    if energy[other] > energy[cell]:
                        highest = False
                        break
            if highest and around >= split_neighbours:
                maxima[count] = cell
                count += 1
        if count > 1:
            # Electromagnetic maxima first, then hadronic ones, each in falling energy.
            rank = np.empty(count)
            for m in range(count):
                rank[m] = -energy[maxima[m]]
                if hadronic[cells.layer[maxima[m]]]:
                    rank[m] += 1e12
            by_rank = maxima[:count][np.argsort(rank)]
            count = 0
            for cell in by_rank:
                layer = cells.layer[cell]
                vetoed = False
                if hadronic[layer]:
                    for m in range(count):
                        d_phi = abs(cells.phi[maxima[m]] - cells.phi[cell])
                        d_phi = min(d_phi, 2 * np.pi - d_phi)
                        d_eta = abs(cells.eta[maxima[m]] - cells.eta[cell])
                        if 2 * d_eta < eta_width[layer] and 2 * d_phi < phi_width[layer]:
                            vetoed = True
                            break
                if not vetoed:
                    maxima[count] = cell
                    count += 1
        if count < 2:
            for cell in group:
                owner[cell] = final
            final += 1
            continue
        # Grow all maxima together, one ring of neighbours at a time, the most energetic cells
        # first; a cell that two of them reach in the same ring is shared.
        for m in range(count):
            owner[maxima[m]] = final + m
            ring_of[maxima[m]] = 0
            frontier[m] = maxima[m]
        width = count
        n_shared = 0
        for phase in range(2):
            if phase == 1:  # what only shared cells touch is shared like them
                for m in range(n_shared):
                    frontier[m] = shared[m]
                width = n_shared
            ring = 0
            while width > 0:
                ring += 1
                ranked = frontier[:width][np.argsort(-energy[frontier[:width]])]
                width = 0
                for cell in ranked:
                    if phase == 0 and second[cell] >= 0:
                        shared[n_shared] = cell
                        n_shared += 1
                        continue
                    for e in range(cells.neighbour_start[cell], cells.neighbour_start[cell + 1]):
                        other = cells.neighbours[e]
                        if label[other] != k:
                            continue
                        if owner[other] < 0:
                            owner[other] = owner[cell]
                            second[other] = second[cell]
                            ring_of[other] = ring
                            fresh[width] = other
                            width += 1
                        elif (
                            phase == 0
                            and second[other] < 0
                            and owner[other] != owner[cell]
                            and ring_of[other] == ring
                        ):
                            second[other] = owner[cell]
                for m in range(width):
                    frontier[m] = fresh[m]
        # Energies and centres of the new clusters without the shared cells.
        total = np.zeros(count)
        centre = np.zeros((count, 3))
        for cell in group:
            if second[cell] >= 0:
                continue
            m = owner[cell] - final
            total[m] += energy[cell]
            centre[m, 0] += energy[cell] * cells.x[cell]
            centre[m, 1] += energy[cell] * cells.y[cell]
            centre[m, 2] += energy[cell] * cells.z[cell]
        for cell in group:
            if second[cell] < 0:
                continue
            one, two = owner[cell] - final, second[cell] - final
            distance = np.zeros(2)
            for which, m in enumerate((one, two)):
                distance[which] = np.sqrt(
                    (cells.x[cell] - centre[m, 0] / total[m]) ** 2
                    + (cells.y[cell] - centre[m, 1] / total[m]) ** 2
                    + (cells.z[cell] - centre[m, 2] / total[m]) ** 2
                )
            power = min(max((distance[0] - distance[1]) / sharing_length, -500.0), 500.0)
            weight[cell] = total[one] / (total[one] + np.exp(power) * total[two])
        final += count
    return final


@numba.njit(cache=True)
def collect(
    energy: np.ndarray,
    members: np.ndarray,
    owner: np.ndarray,
    second: np.ndarray,
    weight: np.ndarray,
    clusters: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the cells of every cluster, clusters in falling energy; resets nothing.

    `owner` and `second` are renumbered to match. Clusters of no or negative energy are dropped:
    their cells get the owner -1.
    """
    total = np.zeros(clusters)
    sizes = np.zeros(clusters, np.int64)
    for cell in members:
        total[owner[cell]] += weight[cell] * energy[cell]
        sizes[owner[cell]] += 1
        if second[cell] >= 0:
            total[second[cell]] += (1.0 - weight[cell]) * energy[cell]
            sizes[second[cell]] += 1
    order = np.argsort(-total)
    new = np.full(clusters, -1, np.int32)
    kept = 0
    for k in order:
        if total[k] > 0.0:
            new[k] = kept
            kept += 1
    start = np.zeros(kept + 1, np.int64)
    for k in range(clusters):
        if new[k] >= 0:
            start[new[k] + 1] = sizes[k]
    start = np.cumsum(start)
    fill = start.copy()
    cell_list = np.empty(start[kept], np.int32)
    weights = np.empty(start[kept])
    for cell in members:
        owner[cell] = new[owner[cell]]
        k = owner[cell]
        if k >= 0:
            cell_list[fill[k]] = cell
            weights[fill[k]] = weight[cell]
            fill[k] += 1
        if second[cell] >= 0:
            second[cell] = new[second[cell]]
            k = second[cell]
            if k >= 0:
                cell_list[fill[k]] = cell
                weights[fill[k]] = 1.0 - weight[cell]
                fill[k] += 1
    return start, cell_list, weights


@numba.njit(cache=True)
def moments(
    energy: np.ndarray,
    cells: CellArrays,
    layers: int,
    start: np.ndarray,
    cell_list: np.ndarray,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Cluster moments (clusters, 6): eta, phi, rho, sigma_eta, sigma_phi, e; and (clusters,
    layers) energies; MeV and mm."""
    n = start.size - 1
    result = np.zeros((n, 6))
    by_layer = np.zeros((n, layers))
    for k in range(n):
        total = eta = phi = rho = eta2 = phi2 = 0.0
        reference = cells.phi[cell_list[start[k]]]
        for m in range(start[k], start[k + 1]):
            cell = cell_list[m]
            e = weights[m] * energy[cell]
            d_phi = cells.phi[cell] - reference
            d_phi -= 2 * np.pi * np.round(d_phi / (2 * np.pi))
            total += e
            eta += e * cells.eta[cell]
            phi += e * d_phi
            eta2 += e * cells.eta[cell] ** 2
            phi2 += e * d_phi**2
            rho += e * np.sqrt(cells.x[cell] ** 2 + cells.y[cell] ** 2)
            by_layer[k, cells.layer[cell]] += e
        eta /= total
        phi /= total
        result[k, 0] = eta
        mean_phi = reference + phi
        result[k, 1] = mean_phi - 2 * np.pi * np.round(mean_phi / (2 * np.pi))
        result[k, 2] = rho / total
        result[k, 3] = max(np.sqrt(max(eta2 / total - eta**2, 0.0)), MINIMUM_WIDTH)
        result[k, 4] = max(np.sqrt(max(phi2 / total - phi**2, 0.0)), MINIMUM_WIDTH)
        result[k, 5] = total
    return result, by_layer


class Clusterer:
    """Clusters the cells of one event after the other, in buffers that are made once."""

    def __init__(self, geometry: Geometry, settings: ClusteringSettings) -> None:
        n = geometry.cells.layer.size
        self.geometry = geometry
        self.settings = settings
        self.eta_width = 2 * geometry.table.eta_max / geometry.slabs.cells_eta
        self.phi_width = 2 * np.pi / geometry.slabs.cells_phi
        self._label, self._members = np.full(n, -1, np.int32), np.empty(n, np.int32)
        self._owner, self._second = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
        self._weight, self._ring = np.empty(n), np.empty(n, np.int32)
        self._edge, self.energy = np.empty(n, np.int32), np.empty(n, np.float32)

    def __call__(self, rng: np.random.Generator, readout: Readout, noisy: bool) -> Clusters:
        """Cluster the cells of one event; `energy` then holds those of the clustered cells, MeV.

        Args:
            rng: for noise that is not drawn yet.
            readout: the measured cells.
            noisy: whether unknown cells have noise; else they are empty.
        """
        settings, cells = self.settings, self.geometry.cells
        energy = self.energy
        clusters, n = grow(
            rng,
            readout,
            noisy,
            cells.noise,
            cells.neighbour_start,
            cells.neighbours,
            settings.seed_threshold,
            settings.growth_threshold,
            settings.boundary_threshold,
            self._label,
            self._members,
            self._edge,
            energy,
        )
        members = self._members[:n]
        final = split(
            energy,
            self._label,
            clusters,
            members,
            cells,
            self.geometry.slabs.hadronic,
            self.eta_width,
            self.phi_width,
            settings.split_energy,
            settings.split_neighbours,
            settings.sharing_length,
            self._owner,
            self._second,
            self._weight,
            self._ring,
        )
        start, cell_list, weights = collect(
            energy, members, self._owner, self._second, self._weight, final
        )
        # A shared cell's main cluster is the one that takes most of it.
        shared = members[(self._second[members] >= 0) & (self._weight[members] < 0.5)]
        self._owner[shared] = self._second[shared]
        clustered = np.sort(members[self._owner[members] >= 0])
        result = Clusters(start, cell_list, weights, clustered, self._owner[clustered])
        for buffer in (self._label, self._owner, self._second):
            buffer[members] = -1
        return result
