"""Moments of clusters: position, size, depth, density and isolation, as COCOA and ATLAS define them.

The first five are COCOA's (Topo_clust_var.cc). The others are those of ATLAS (arXiv:1603.02934,
section 4.1; Athena's CaloClusterMomentsMaker), over the cells' weighted energies E = w E_cell:

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

from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.geometry import CellArrays, Geometry, distance_to_face

MINIMUM_WIDTH = 0.05
"""Floor of a cluster's spread in eta and phi (COCOA, Topo_clust_var.cc)."""

MOMENTS = (
    "bary_eta", "bary_phi", "bary_rho", "bary_sigma_eta", "bary_sigma_phi", "e",
    "n_cells", "significance", "second_r", "second_lambda", "center_lambda",
    "first_eng_dens", "eng_frac_max", "isolation",
)  # fmt: skip
"""Columns of `topo` in the table DETECTED; mm, rad, MeV."""


class Facts(NamedTuple):
    """What the moments need of the cells and of the detector."""

    cells: np.ndarray  # (cells, 8) float32: eta, phi, x, y, z, rho, noise, 1 / volume
    layer: np.ndarray  # (cells,) int8
    first_cell: np.ndarray  # (layers + 1,) int64
    face_radius: float  # mm, of the barrel
    face_z: float  # mm, of the endcap


def gather_facts(geometry: Geometry) -> Facts:
    """Put what the moments need of a cell side by side, so that it is fetched at once."""
    cells, slabs = geometry.cells, geometry.slabs
    table = np.stack(
        [
            cells.eta, cells.phi, cells.x, cells.y, cells.z,
            np.hypot(cells.x, cells.y), cells.noise, 1.0 / cell_volumes(geometry),
        ],
        axis=1,
    )  # fmt: skip
    return Facts(
        np.ascontiguousarray(table, np.float32),
        cells.layer,
        slabs.first_cell,
        geometry.table.inner_radius,
        geometry.half_length,
    )


def cell_volumes(geometry: Geometry) -> np.ndarray:
    """Volumes of the cells, (cells,), mm^3: the solid angle times (r_out^3 - r_in^3) / 3.

    The distances from the origin, r_in and r_out, are those at the cell's centre.
    """
    cells, slabs = geometry.cells, geometry.slabs
    layer = cells.layer.astype(int)
    face = distance_to_face(geometry.table, cells.eta.astype(float))
    near = face + geometry.layer_entrances[layer]
    far = near + slabs.thickness[slabs.layer_of_slab >= 0][layer]
    half_width = (geometry.table.eta_max / slabs.cells_eta)[layer]
    width_phi = (2 * np.pi / slabs.cells_phi)[layer]
    solid_angle = width_phi * (np.tanh(cells.eta + half_width) - np.tanh(cells.eta - half_width))
    return solid_angle * (far**3 - near**3) / 3.0


@numba.njit(cache=True)
def describe(
    start: np.ndarray,  # (clusters + 1,) entries of cluster k are start[k]:start[k + 1]
    cell: np.ndarray,  # (entries,)
    energy: np.ndarray,  # (entries,) MeV, weighted
    facts: Facts,
) -> tuple[np.ndarray, np.ndarray]:
    """All moments but the isolation, which is left 0: (clusters, len(MOMENTS)); and the energies
    in the layers, (clusters, layers), MeV."""
    n = start.size - 1
    result = np.zeros((n, len(MOMENTS)))
    by_layer = np.zeros((n, facts.first_cell.size - 1))
    for k in range(n):
        total = eta = phi = rho = eta2 = phi2 = 0.0
        x = y = z = xx = yy = zz = xy = xz = yz = 0.0
        noise2 = density = largest = 0.0
        reference = facts.cells[cell[start[k]], 1]
        for m in range(start[k], start[k + 1]):
            row, e = facts.cells[cell[m]], energy[m]
            d_phi = row[1] - reference
            d_phi -= 2 * np.pi * np.round(d_phi / (2 * np.pi))
            total += e
            eta += e * row[0]
            eta2 += e * row[0] ** 2
            phi += e * d_phi
            phi2 += e * d_phi**2
            rho += e * row[5]
            ex, ey, ez = e * row[2], e * row[3], e * row[4]
            x += ex
            y += ey
            z += ez
            xx += ex * row[2]
            yy += ey * row[3]
            zz += ez * row[4]
            xy += ex * row[3]
            xz += ex * row[4]
            yz += ey * row[4]
            noise2 += row[6] ** 2
            density += e * e * row[7]
            largest = max(largest, e)
            by_layer[k, facts.layer[cell[m]]] += e
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
        outside = max(np.hypot(x, y) / facts.face_radius, abs(z) / facts.face_z)
        mean_phi = reference + phi
        result[k, 0] = eta
        result[k, 1] = mean_phi - 2 * np.pi * np.round(mean_phi / (2 * np.pi))
        result[k, 2] = rho / total
        result[k, 3] = max(np.sqrt(max(eta2 / total - eta**2, 0.0)), MINIMUM_WIDTH)
        result[k, 4] = max(np.sqrt(max(phi2 / total - phi**2, 0.0)), MINIMUM_WIDTH)
        result[k, 5] = total
        result[k, 6] = start[k + 1] - start[k]
        result[k, 7] = total / np.sqrt(noise2)
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
    members: np.ndarray,  # (clustered cells,) int32
    main: np.ndarray,  # (clustered cells,) int32, the clusters that own them
    place: np.ndarray,  # (cells,) int32: the number of a clustered cell, else -1
    by_layer: np.ndarray,  # (clusters, layers) MeV
    cells: CellArrays,
    first_cell: np.ndarray,  # (layers + 1,)
    isolation: np.ndarray,  # (clusters,); is filled
) -> None:
    """Isolation of the clusters."""
    layers = first_cell.size - 1
    seen = np.full(members.size, -1, np.int32)  # the last cluster that counted a clustered cell
    counted = np.empty(place.size, np.int32)  # the other cells that were counted
    n_counted = 0
    neighbours, free = np.empty(layers), np.empty(layers)
    for k in range(start.size - 1):
        neighbours[:] = 0.0
        free[:] = 0.0
        for m in entry[start[k] : start[k + 1]]:
            if main[m] != k:
                continue
            cell = members[m]
            layer = cells.layer[cell]
            for e in range(cells.neighbour_start[cell], cells.neighbour_start[cell + 1]):
                other = cells.neighbours[e]
                if other < first_cell[layer] or other >= first_cell[layer + 1]:
                    continue
                at = place[other]
                if at >= 0:
                    if main[at] != k and seen[at] != k:
                        seen[at] = k
                        neighbours[layer] += 1.0
                        free[layer] += main[at] < 0  # its cluster was dropped
                elif at != -2 - k:
                    if at == -1:
                        counted[n_counted] = other
                        n_counted += 1
                    place[other] = -2 - k
                    neighbours[layer] += 1.0
                    free[layer] += 1.0
        weights = weighted = 0.0
        for layer in range(layers):
            if by_layer[k, layer] > 0.0 and neighbours[layer] > 0.0:
                weights += by_layer[k, layer]
                weighted += by_layer[k, layer] * free[layer] / neighbours[layer]
        if weights > 0.0:
            isolation[k] = weighted / weights
    for m in range(n_counted):
        place[counted[m]] = -1
