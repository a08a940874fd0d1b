"""Splitting of proto-clusters on a chain of cells, by hand."""

import numpy as np
import pytest

from jetchain.detector.clusters.splitting import Thresholds, divide, find_maxima, share, split
from jetchain.detector.geometry.grid import Adjacency, Spot, build_grid, position

ENERGY = np.array([10e3, 8e3, 6e3, 1e3, 3e3, 4e3, 5e3], np.float32)  # maxima at both ends
N = len(ENERGY)
PLACE = np.arange(N, dtype=np.int32)  # a cell's number in the readout is its place
GROUP = np.zeros(N, np.int32)
THRESHOLDS = Thresholds(
    seed=4.6, growth=2.0, boundary=0.0, split_energy=400.0, split_neighbours=1,
    sharing_length=50.0, symmetric=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def grid(geometry):
    return build_grid(geometry)


def in_a_row(layer=1):
    """Neighbouring columns of one row."""
    columns = np.arange(20, 20 + N, dtype=np.int16)
    return Spot(np.full(N, layer, np.int16), np.full(N, 100, np.int16), columns)


@pytest.fixture
def chain():
    """Each cell has the one before and the one behind as neighbours."""
    near, border = [], np.zeros((N, 4), np.int32)
    for cell in range(N):
        border[cell, :2] = len(near)
        near += [other for other in (cell - 1, cell + 1) if 0 <= other < N]
        border[cell, 2:] = len(near)
    return Adjacency(np.array(near, np.int32), border)


def maxima_of(chain, grid, energy, spot, **thresholds):
    found = np.empty(N, np.int32)
    count = find_maxima(
        np.arange(N, dtype=np.int32), PLACE, GROUP, spot, energy, chain, grid,
        THRESHOLDS._replace(**thresholds), found,
    )  # fmt: skip
    return found[:count].tolist()


def test_maxima_come_in_falling_energy_above_the_threshold_with_enough_neighbours(chain, grid):
    assert maxima_of(chain, grid, ENERGY, in_a_row()) == [0, 6]
    assert maxima_of(chain, grid, ENERGY[::-1].copy(), in_a_row()) == [6, 0]
    assert maxima_of(chain, grid, ENERGY, in_a_row(), split_energy=5e3) == [0]
    assert maxima_of(chain, grid, ENERGY, in_a_row(), split_neighbours=2) == []


def test_electromagnetic_maxima_come_first_and_shadow_hadronic_cells_behind_them(chain, grid):
    spot = in_a_row()
    spot.layer[0] = 3  # HCAL1, whose cells are four times as large
    spot.row[0], spot.column[0] = 60, 60
    assert maxima_of(chain, grid, ENERGY, spot) == [6, 0]
    spot.row[0], spot.column[0] = 100 // 4, 26 // 4  # it contains the other maximum
    assert maxima_of(chain, grid, ENERGY, spot) == [6]


def test_a_shadow_reaches_across_the_seam_in_azimuth(chain, grid):
    spot = in_a_row()
    spot.layer[0], spot.row[0], spot.column[0] = 3, 25, 63  # the last column of HCAL1
    spot.column[6] = 255  # of ECAL2, inside of it
    assert maxima_of(chain, grid, ENERGY, spot) == [6]
    spot.column[6] = 0  # its neighbour, one step over the seam: the centre lies outside
    assert maxima_of(chain, grid, ENERGY, spot) == [6, 0]


def test_a_cell_that_two_clusters_reach_in_one_ring_is_shared(chain, grid):
    owner, second = np.full((2, N), -1, np.int32)
    ring_of = np.concatenate([np.full(N, 2**31 - 1), [-1]]).astype(np.int32)
    divide(
        np.array([0, 6], np.int32), 5, PLACE, ENERGY, chain, grid.most_neighbours,
        owner, second, np.empty((N, 2), np.float32), ring_of,
    )  # fmt: skip
    assert owner.tolist() == [5, 5, 5, 5, 6, 6, 6]  # its neighbour of 6 GeV beats that of 3
    assert second.tolist() == [-1, -1, -1, 6, -1, -1, -1]
    assert ring_of.tolist() == [0, 1, 2, 3, 2, 1, 0, -1]


def test_a_shared_cell_is_weighted_by_energies_and_distances(chain, grid):
    spot, sharing = in_a_row(), 50.0
    owner = np.array([0, 0, 0, 0, 1, 1, 1], np.int32)
    second = np.array([-1, -1, -1, 1, -1, -1, -1], np.int32)
    weight = np.ones(N)
    share(np.arange(N, dtype=np.int32), 2, 0, spot, ENERGY, grid, sharing, owner, second, weight)
    at = np.array([position(*cell, grid.row, grid.column) for cell in zip(*spot, strict=True)])
    totals, far = [], []
    for cells in (slice(0, 3), slice(4, 7)):
        totals.append(ENERGY[cells].astype(float).sum())
        centre = np.average(at[cells], axis=0, weights=ENERGY[cells])
        far.append(np.linalg.norm(at[3] - centre))
    # w1 = E1 / (E1 + r E2), r = exp(d1 - d2) (arXiv:1603.02934, equations 4 and 5).
    expected = totals[0] / (totals[0] + np.exp((far[0] - far[1]) / sharing) * totals[1])
    assert weight[3] == pytest.approx(expected, rel=1e-9)
    assert 0.5 < expected < 1
    assert np.all(np.delete(weight, 3) == 1)


def test_two_proto_clusters_become_three_clusters_numbered_in_order(grid, chain):
    """One proto-cluster of two maxima, and one of a single cell, which stays whole."""
    group = np.array([0, 0, 0, 0, 0, 0, 1], np.int32)
    final, owner, second, _ = split(2, PLACE, group, in_a_row(), ENERGY, chain, grid, THRESHOLDS)
    assert final == 3
    assert owner.tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert second.tolist() == [-1] * N
