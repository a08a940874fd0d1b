"""Lists of every cell's neighbours, worked out cell by cell: an oracle of `geometry.grid`."""

from __future__ import annotations

import numba
import numpy as np


def neighbour_lists(cells_eta: np.ndarray, cells_phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of every cell: 8 in its layer (phi wraps), and all that overlap one layer away.

    Args:
        cells_eta, cells_phi: (layers,) numbers of cells, at least 3 in phi; two cells of adjacent
            layers overlap where their eta-phi rectangles share an area.

    Returns:
        start (cells + 1,) and neighbours (edges,), int32: cell c has
        ``neighbours[start[c]:start[c + 1]]``.
    """
    start = np.zeros(int(np.sum(cells_eta * cells_phi)) + 1, np.int32)
    _list_neighbours(cells_eta, cells_phi, start, np.empty(0, np.int32))
    start = np.cumsum(start, dtype=np.int32)
    neighbours = np.empty(start[-1], np.int32)
    _list_neighbours(cells_eta, cells_phi, start, neighbours)
    return start, neighbours


@numba.njit(cache=True)
def _list_neighbours(
    cells_eta: np.ndarray, cells_phi: np.ndarray, start: np.ndarray, neighbours: np.ndarray
) -> None:
    """Fill `neighbours`; where it is empty, count cell c's neighbours in start[c + 1] instead."""
    counting = neighbours.size == 0
    layers = cells_eta.size
    first = np.zeros(layers + 1, np.int64)
    first[1:] = np.cumsum(cells_eta * cells_phi)
    for layer in range(layers):
        n_eta, n_phi = cells_eta[layer], cells_phi[layer]
        for i in range(n_eta):
            for j in range(n_phi):
                cell = first[layer] + i * n_phi + j
                at = 0
                for other in range(max(layer - 1, 0), min(layer + 2, layers)):
                    m_eta, m_phi = cells_eta[other], cells_phi[other]
                    if other == layer:
                        rows, columns = (i - 1, i + 2), (j - 1, j + 2)
                    else:  # all divisions that share a length with this cell's
                        rows = (i * m_eta // n_eta, -(-(i + 1) * m_eta // n_eta))
                        columns = (j * m_phi // n_phi, -(-(j + 1) * m_phi // n_phi))
                    for row in range(max(rows[0], 0), min(rows[1], m_eta)):
                        for column in range(columns[0], columns[1]):
                            near = first[other] + row * m_phi + column % m_phi
                            if near == cell:
                                continue
                            if not counting:
                                neighbours[start[cell] + at] = near
                            at += 1
                if counting:
                    start[cell + 1] = at
