"""The calorimeter's cells as rows (eta) and columns (phi) of layers: positions and neighbours.

A cell's facts follow from its layer, row and column by tables of a few hundred entries, and its
neighbours by arithmetic. Arrays over all cells would be megabytes, and waiting for the memory
takes several times as long as working things out anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.geometry.description import Geometry, distance_to_face

ETA, RHO, Z, DENSITY = range(4)
"""Columns of `Grid.row`; DENSITY is 1 / volume of a cell."""

PHI, COSINE, SINE = range(3)
"""Columns of `Grid.column`."""


class Grid(NamedTuple):
    """The layers for compiled code.

    Cells are numbered layer after layer, row by row. Compiled functions take the arrays that they
    need, not the tuple: in loops, numba counts references to what it takes out of tuples.
    """

    layout: np.ndarray  # (layers, 3) int32: number of the first cell, of rows, of columns
    overlap: np.ndarray  # (2, layers, parts, 2, 2) int16: rows, columns; see `overlaps`
    most_neighbours: int
    row: np.ndarray  # (layers, rows, 4) eta, mm, mm, 1/mm^3
    column: np.ndarray  # (layers, columns, 3) rad
    noise: np.ndarray  # (layers,) float32, MeV
    hadronic: np.ndarray  # (layers,) bool
    width: np.ndarray  # (layers, 2) of a cell in eta and in phi
    face: tuple[float, float]  # mm: radius of the barrel, |z| of the endcap


class Spot(NamedTuple):
    """Layer, row and column of cells, (cells,) int16."""

    layer: np.ndarray
    row: np.ndarray
    column: np.ndarray


class Adjacency(NamedTuple):
    """The neighbours of some cells, as numbers in the readout.

    Those of cell m are near[border[m, 0]:border[m, 3]], of which near[border[m, 1]:border[m, 2]]
    are in its own layer.
    """

    near: np.ndarray  # int32
    border: np.ndarray  # (cells, 4) int32


def build_grid(geometry: Geometry) -> Grid:
    """The grid of a detector.

    The volume of a cell is its solid angle times (r_out^3 - r_in^3) / 3, with the distances r from
    the origin at the cell's centre.
    """
    table, slabs = geometry.table, geometry.slabs
    active = [slab for slab in table.slabs if slab.kind != "passive"]
    rows, columns = slabs.cells_eta, slabs.cells_phi
    eta_width, phi_width = 2 * table.eta_max / rows, 2 * np.pi / columns
    row_table = np.zeros((len(active), rows.max(), 4))
    column_table = np.zeros((len(active), columns.max(), 3))
    for layer, slab in enumerate(active):
        eta = -table.eta_max + (np.arange(rows[layer]) + 0.5) * eta_width[layer]
        near = distance_to_face(table, eta) + geometry.layer_entrances[layer]
        far = near + slab.thickness
        solid_angle = phi_width[layer] * (
            np.tanh(eta + 0.5 * eta_width[layer]) - np.tanh(eta - 0.5 * eta_width[layer])
        )
        middle = 0.5 * (near + far)
        row_table[layer, : rows[layer]] = np.stack(
            [
                eta,
                middle / np.cosh(eta),
                middle * np.tanh(eta),
                3.0 / (solid_angle * (far**3 - near**3)),
            ],
            axis=1,
        )
        phi = -np.pi + (np.arange(columns[layer]) + 0.5) * phi_width[layer]
        column_table[layer, : columns[layer]] = np.stack([phi, np.cos(phi), np.sin(phi)], axis=1)
    overlap = overlaps(np.stack([rows, columns]))
    return Grid(
        np.stack([slabs.first_cell[:-1], rows, columns], axis=1).astype(np.int32),
        overlap,
        8 + 2 * int(np.prod(np.diff(overlap)[..., 0].max(axis=(1, 2, 3)))),
        row_table,
        column_table,
        np.array([slab.noise for slab in active], np.float32),
        slabs.hadronic,
        np.stack([eta_width, phi_width], axis=1),
        (table.inner_radius, geometry.tracker.face_z),
    )


def overlaps(divisions: np.ndarray) -> np.ndarray:
    """Which parts of the adjacent layers share a length with each of a layer's equal parts.

    Args:
        divisions: (axes, layers) number of parts.

    Returns:
        (axes, layers, parts, 2, 2) int16: first and last + 1, in the layer below and in that above;
        equal where there is none.
    """
    axes, layers = divisions.shape
    result = np.zeros((axes, layers, divisions.max(), 2, 2), np.int16)
    for axis, layer in np.ndindex(axes, layers):
        n = int(divisions[axis, layer])
        i = np.arange(n)
        for side, other in enumerate((layer - 1, layer + 1)):
            if 0 <= other < layers:
                result[axis, layer, :n, side, 0] = i * divisions[axis, other] // n
                result[axis, layer, :n, side, 1] = -(-(i + 1) * divisions[axis, other] // n)
    return result


@numba.njit(cache=True)
def locate(cell: int, layout: np.ndarray) -> tuple[int, np.int64, np.int64]:
    """Layer, row and column of a cell.

    Args:
        cell: its number.
        layout: see `Grid`.
    """
    layer = 0
    while layer + 1 < len(layout) and cell >= layout[layer + 1, 0]:
        layer += 1
    local = np.uint32(cell - layout[layer, 0])
    columns = np.uint32(layout[layer, 2])
    row = local // columns
    return layer, np.int64(row), np.int64(local - row * columns)


@numba.njit(cache=True)
def position(
    layer: int, row: int, column: int, rows: np.ndarray, columns: np.ndarray
) -> tuple[float, float, float]:
    """Centre of a cell, x, y and z, mm.

    Args:
        layer, row, column: the cell.
        rows, columns: `Grid.row` and `Grid.column`.
    """
    rho = rows[layer, row, RHO]
    return (
        rho * columns[layer, column, COSINE],
        rho * columns[layer, column, SINE],
        rows[layer, row, Z],
    )


@numba.njit(cache=True)
def neighbours(
    cell: int,
    layer: int,
    row: int,
    column: int,
    layout: np.ndarray,
    overlap: np.ndarray,
    found: np.ndarray,
    n: int,
) -> tuple[int, int, int]:
    """List a cell's neighbours: 8 in its layer (phi wraps), and all that overlap one layer away.

    Args:
        cell, layer, row, column: the cell; see `locate`.
        layout, overlap: see `Grid`.
        found: int32, is filled from found[n] on, with at most `Grid.most_neighbours`.

    Returns:
        Where those in the layer below, in its own, and in that above end.
    """
    # Of literals numba would compile it for each.
    lower, upper = np.int64(0), np.int64(1)
    below = _overlapping(layer, row, column, lower, layout, overlap, found, n)
    same = _around(cell, layer, row, column, layout, found, below)
    return below, same, _overlapping(layer, row, column, upper, layout, overlap, found, same)


@numba.njit(cache=True)
def _around(
    cell: int, layer: int, row: int, column: int, layout: np.ndarray, found: np.ndarray, n: int
) -> int:
    columns = layout[layer, 2]
    left = cell - 1 if column > 0 else cell + columns - 1
    right = cell + 1 if column < columns - 1 else cell + 1 - columns
    if row > 0:
        found[n] = left - columns
        found[n + 1] = cell - columns
        found[n + 2] = right - columns
        n += 3
    found[n] = left
    found[n + 1] = right
    n += 2
    if row < layout[layer, 1] - 1:
        found[n] = left + columns
        found[n + 1] = cell + columns
        found[n + 2] = right + columns
        n += 3
    return n


@numba.njit(cache=True)
def _overlapping(
    layer: int,
    row: int,
    column: int,
    side: int,
    layout: np.ndarray,
    overlap: np.ndarray,
    found: np.ndarray,
    n: int,
) -> int:
    for i in range(overlap[0, layer, row, side, 0], overlap[0, layer, row, side, 1]):
        other = layer + 2 * side - 1
        start = layout[other, 0] + i * layout[other, 2]
        for j in range(overlap[1, layer, column, side, 0], overlap[1, layer, column, side, 1]):
            found[n] = start + j
            n += 1
    return n
