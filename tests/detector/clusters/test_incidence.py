"""Truth of clusters and cells against sums over dense tables."""

import numpy as np
import pytest

from jetchain.detector.calorimeter.digitisation import Deposits
from jetchain.detector.clusters.incidence import cell_truth, cluster_incidence, isolated

CELLS, PARTICLES = 40, 6
RANDOM = np.random.default_rng(3)
LEAST = 0.05


@pytest.fixture(scope="module")
def deposited():
    """The energy of each particle in each cell as a table, and as chains of deposits."""
    table = RANDOM.exponential(100.0, (CELLS, PARTICLES)) ** 2
    table[RANDOM.random(table.shape) < 0.5] = 0.0
    table[7] = 0.0  # a cell of noise
    hit, particle = np.nonzero(table)
    order = np.argsort(particle, kind="stable")
    hit, particle = hit[order].astype(np.int32), particle[order].astype(np.int32)
    newest, following = np.full(CELLS, -1, np.int32), np.empty(len(hit), np.int32)
    for deposit, cell in enumerate(hit):
        following[deposit], newest[cell] = newest[cell], deposit
    return table, newest, Deposits(hit, particle, table[hit, particle], following)


def test_fractions_of_clusters_are_those_of_their_cells(deposited):
    table, newest, deposits = deposited
    members = [RANDOM.choice(CELLS, 12, replace=False), [7], RANDOM.choice(CELLS, 5, replace=False)]
    start = np.cumsum([0, *(len(cells) for cells in members)])
    entry = np.concatenate(members).astype(np.int32)
    weights = RANDOM.uniform(0.2, 1.0, len(entry))
    particle, cluster, fraction = cluster_incidence(
        start, entry, weights, newest, deposits, PARTICLES, LEAST
    )
    found = np.zeros((3, PARTICLES))
    found[cluster, particle] = fraction
    for k in range(3):
        cells = slice(start[k], start[k + 1])
        expected = weights[cells] @ table[entry[cells]]
        expected[expected < LEAST * expected.sum()] = 0.0
        np.testing.assert_allclose(found[k], expected / max(expected.sum(), 1e-9), rtol=1e-6)
    assert found[1].sum() == 0  # noise
    assert sorted(zip(cluster, particle, strict=True)) == list(zip(cluster, particle, strict=True))


def test_more_entries_than_fit_at_first_are_all_kept(deposited):
    table, newest, deposits = deposited
    clusters = 30  # of one cell each, with up to six particles
    entry = np.resize(np.delete(np.arange(CELLS), 7), clusters).astype(np.int32)
    found = cluster_incidence(
        np.arange(clusters + 1), entry, np.ones(clusters), newest, deposits, PARTICLES, 0.0
    )
    assert len(found[0]) == np.count_nonzero(table[entry]) > 64
    np.testing.assert_allclose(np.bincount(found[1], found[2]), 1.0, rtol=1e-6)


def test_truth_of_cells(deposited):
    table, newest, deposits = deposited
    listed = np.array([3, 7, 11, 12], np.int32)
    charged = np.array([True, False, True, False, False, True])
    parent, charged_energy, neutral_energy, counts, parents, energies = cell_truth(
        listed, charged, newest, table.sum(axis=1), deposits, LEAST
    )
    np.testing.assert_allclose(charged_energy, table[listed][:, charged].sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(neutral_energy, table[listed][:, ~charged].sum(axis=1), rtol=1e-5)
    assert parent.tolist() == [int(np.argmax(row)) if row.any() else -1 for row in table[listed]]
    first = 0
    for row, count in zip(table[listed], counts, strict=True):
        shown = dict(zip(parents[first : first + count], energies[first : first + count],
                         strict=True))  # fmt: skip
        expected = {k: e for k, e in enumerate(row) if e > 0 and e >= LEAST * row.sum()}
        assert {int(k) for k in shown} == set(expected)
        np.testing.assert_allclose([shown[k] for k in expected], list(expected.values()), rtol=1e-6)
        first += count
    assert first == len(parents)


def test_particles_are_isolated_by_dr_across_the_seam():
    eta = np.array([0.0, 0.0, 1.0, 1.3, -2.0])
    phi = np.array([np.pi - 0.1, -np.pi + 0.1, 0.0, 0.4, 0.0])
    event = np.array([0, 5])
    assert isolated(eta, phi, event, 0.21).tolist() == [0, 0, 1, 1, 1]
    assert isolated(eta, phi, event, 0.51).tolist() == [0, 0, 0, 0, 1]  # 0.5 between the next two
    assert isolated(eta, phi, event, 0.19).tolist() == [1, 1, 1, 1, 1]
    assert isolated(eta, phi, np.array([0, 0, 1, 5]), 0.51).tolist() == [1, 1, 0, 0, 1]
