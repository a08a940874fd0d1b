"""Cells as rows and columns: positions and neighbours are those of the lists over all cells."""

import numpy as np
import pytest

from helpers.neighbours import neighbour_lists
from jetchain.detector.geometry.grid import build_grid, locate, neighbours, overlaps, position


def test_positions_are_those_of_the_cells(geometry):
    grid, cells = build_grid(geometry), geometry.cells
    for cell in np.random.default_rng(1).choice(len(cells.layer), 500, replace=False):
        layer, row, column = locate(cell, grid.layout)
        assert layer == cells.layer[cell]
        expected = cells.x[cell], cells.y[cell], cells.z[cell]
        found = position(layer, row, column, grid.row, grid.column)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-3)
        assert grid.row[layer, row, 0] == pytest.approx(cells.eta[cell], abs=1e-6)
        assert grid.column[layer, column, 0] == pytest.approx(cells.phi[cell], abs=1e-6)


@pytest.mark.parametrize(
    ("cells_eta", "cells_phi"),
    [([4, 4, 2], [8, 8, 4]), ([3, 5, 2], [4, 7, 3]), ([6], [3])],
    ids=["halving", "not dividing", "one layer"],
)
def test_neighbours_are_those_of_the_lists(cells_eta, cells_phi):
    start, listed = neighbour_lists(np.array(cells_eta), np.array(cells_phi))
    first = np.cumsum([0, *np.multiply(cells_eta, cells_phi)])
    layout = np.stack([first[:-1], cells_eta, cells_phi], axis=1).astype(np.int32)
    overlap = overlaps(np.stack([cells_eta, cells_phi]))
    found = np.empty(64, np.int32)
    for cell in range(first[-1]):
        place = locate(cell, layout)
        below, same, n = neighbours(cell, *place, layout, overlap, found, 0)
        assert found[:n].tolist() == listed[start[cell] : start[cell + 1]].tolist()
        layers = [locate(other, layout)[0] - place[0] for other in found[:n]]
        assert layers == [-1] * below + [0] * (same - below) + [1] * (n - same)
