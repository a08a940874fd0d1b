"""Moments of clusters: position, size, depth, density and isolation, after COCOA and ATLAS.

The first five are COCOA's (Topo_clust_var.cc). The others are those of ATLAS (arXiv:1603.02934,
section 4.1; Athena's CaloClusterMomentsMaker), over the cells' weighted energies E = w E_cell. As
there, weights are their sizes |E|, since with symmetric thresholds cells may be negative:

- significance: sum E / sqrt(sum sigma_noise^2); a shared cell's noise counts fully, as in Athena.
- second_r, second_lambda: E-weighted mean square distances of the cells from the shower axis and,
  along it, from the centre of gravity. ATLAS takes the axis from a principal-component analysis
  where that lies within 30 degrees of the line from the origin through the centre, else this line;
  here it is always this line.
- center_lambda: distance along the axis from the calorimeter's face to the centre.
- first_eng_dens: E-weighted mean of E / V, V the volume of the cell.
- eng_frac_max: share of the most energetic cell.
- isolation: of the neighbours in the same layer that the cluster does not own, the fraction that no
  cluster has; averaged over the layers with their positive energies as weights. A shared cell is
  owned by the cluster that takes most of it.
"""

from __future__ import annotations

import numba
import numpy as np

from jetchain.core.compiled import wrapped
from jetchain.detector.geometry.grid import DENSITY, ETA, PHI, RHO, Adjacency, Grid, Spot, position

MINIMUM_WIDTH = 0.05
"""Floor of a cluster's spread in eta and phi (COCOA, Topo_clust_var.cc)."""

MOMENTS = (
    "bary_eta", "bary_phi", "bary_rho", "bary_sigma_eta", "bary_sigma_phi", "e",
    "n_cells", "significance", "second_r", "second_lambda", "center_lambda",
    "first_eng_dens", "eng_frac_max", "isolation",
)  # fmt: skip
"""Columns of `topo` in the table DETECTED; mm, rad, MeV."""


@numba.njit(cache=True)
def describe(
    start: np.ndarray,  # (clusters + 1,) entries of cluster k are start[k]:start[k + 1]
    entry: np.ndarray,  # (entries,) numbers of clustered cells
    weight: np.ndarray,  # (entries,)
    energy: np.ndarray,  # (clustered cells,) MeV
    spot: Spot,  # (clustered cells,)
    grid: Grid,
) -> tuple[np.ndarray, np.ndarray]:
    """All moments but the isolation, which is left 0: (clusters, len(MOMENTS)); and the energies
    in the layers, (clusters, layers), MeV."""
    layers, rows, columns = spot
    row_table, column_table, noise = grid.row, grid.column, grid.noise
    n = start.size - 1
    result = np.zeros((n, len(MOMENTS)))
    by_layer = np.zeros((n, len(grid.layout)))
    for k in range(n):
        energy_sum = total = eta = phi = rho = eta2 = phi2 = 0.0
        x = y = z = xx = yy = zz = xy = xz = yz = 0.0
        noise2 = density = largest = 0.0
        reference = column_table[layers[entry[start[k]]], columns[entry[start[k]]], PHI]
        for m in range(start[k], start[k + 1]):
            at = entry[m]
            layer, row, column = layers[at], rows[at], columns[at]
            signed = weight[m] * energy[at]
            e = abs(signed)
            energy_sum += signed
            d_phi = wrapped(column_table[layer, column, PHI] - reference)
            total += e
            eta += e * row_table[layer, row, ETA]
            eta2 += e * row_table[layer, row, ETA] ** 2
            phi += e * d_phi
            phi2 += e * d_phi**2
            rho += e * row_table[layer, row, RHO]
            at_x, at_y, at_z = position(layer, row, column, row_table, column_table)
            ex, ey, ez = e * at_x, e * at_y, e * at_z
            x += ex
            y += ey
            z += ez
            xx += ex * at_x
            yy += ey * at_y
            zz += ez * at_z
            xy += ex * at_y
            xz += ex * at_z
            yz += ey * at_z
            noise2 += noise[layer] ** 2
            density += e * e * row_table[layer, row, DENSITY]
            largest = max(largest, e)
            by_layer[k, layer] += signed
        eta /= total
        phi /= total
        x /= total
        y /= total
        z /= total
        distance = np.sqrt(x * x + y * y + z * z)
        # Mean squares of the positions: all, and along the axis (x, y, z) / distance.
        square = (xx + yy + zz) / total
        along = (
            x * x * xx + y * y * yy + z * z * zz + 2 * (x * y * xy + x * z * xz + y * z * yz)
        ) / (total * distance**2)
        outside = max(np.hypot(x, y) / grid.face[0], abs(z) / grid.face[1])
        result[k, 0] = eta
        result[k, 1] = wrapped(reference + phi)
        result[k, 2] = rho / total
        result[k, 3] = max(np.sqrt(max(eta2 / total - eta**2, 0.0)), MINIMUM_WIDTH)
        result[k, 4] = max(np.sqrt(max(phi2 / total - phi**2, 0.0)), MINIMUM_WIDTH)
        result[k, 5] = energy_sum
        result[k, 6] = start[k + 1] - start[k]
        result[k, 7] = energy_sum / np.sqrt(noise2)
        result[k, 8] = max(square - along, 0.0)
        result[k, 9] = max(along - distance**2, 0.0)
        result[k, 10] = distance * (1.0 - 1.0 / outside)
        result[k, 11] = density / total
        result[k, 12] = largest / total
    return result, by_layer


@numba.njit(cache=True)
def isolate(
    start: np.ndarray,  # (clusters + 1,)
    entry: np.ndarray,  # (entries,) numbers of clustered cells
    members: np.ndarray,  # (clustered cells,) int32, their numbers in the readout
    layers: np.ndarray,  # (clustered cells,)
    main: np.ndarray,  # (clustered cells,) int32, the clusters that own them
    adjacency: Adjacency,  # of the clustered cells
    numbered: int,  # cells in the readout
    by_layer: np.ndarray,  # (clusters, layers) MeV
    isolation: np.ndarray,  # (clusters,); is filled
) -> None:
    """Isolation of the clusters."""
    near, border = adjacency
    n_layers = by_layer.shape[1]
    owner = np.full(numbered, -1, np.int32)
    for m in range(members.size):
        owner[members[m]] = main[m]
    seen = np.full(numbered, -1, np.int32)  # the last cluster that a cell belonged or was next to
    neighbours, free = np.empty(n_layers, np.int64), np.empty(n_layers, np.int64)
    for k in range(start.size - 1):
        neighbours[:] = 0
        free[:] = 0
        mine = entry[start[k] : start[k + 1]]
        for m in mine:
            if main[m] == k:
                seen[members[m]] = k
        for m in mine:
            if main[m] != k:
                continue
            n_new = n_free = 0
            # No branches: the processor could not predict them.
            for e in range(border[m, 1], border[m, 2]):
                other = near[e]
                new = seen[other] != k
                seen[other] = k
                n_new += new
                n_free += new & (owner[other] < 0)
            neighbours[layers[m]] += n_new
            free[layers[m]] += n_free
        weights = weighted = 0.0
        for layer in range(n_layers):
            if by_layer[k, layer] > 0.0 and neighbours[layer] > 0:
                weights += by_layer[k, layer]
                weighted += by_layer[k, layer] * free[layer] / neighbours[layer]
        if weights > 0.0:
            isolation[k] = weighted / weights
