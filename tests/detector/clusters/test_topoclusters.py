"""Topological clusters on hand-made maps of cells, and on pure noise."""

from math import erfc, sqrt

import numpy as np
import pytest

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import parse
from jetchain.detector.calorimeter.digitisation import (
    Readout,
    digitise,
    empty_readout,
    forget,
    full_readout,
)
from jetchain.detector.clusters import topoclusters
from jetchain.detector.clusters.moments import MINIMUM_WIDTH
from jetchain.detector.settings import ClusteringSettings


@pytest.fixture(scope="module")
def cluster(geometry):
    """Cluster a dense map of energies: clusters, and the energies."""
    clusterer = topoclusters.Clusterer(geometry, ClusteringSettings())

    def run(energy):
        readout = full_readout(energy / geometry.cells.noise)
        return clusterer(np.random.default_rng(0), readout, False)

    return run


@pytest.fixture
def empty(geometry):
    return np.zeros(geometry.cells.layer.size)


def cell_number(geometry, layer, i, j):
    slabs = geometry.slabs
    return int(
        slabs.first_cell[layer]
        + (i % slabs.cells_eta[layer]) * slabs.cells_phi[layer]
        + j % slabs.cells_phi[layer]
    )


def blob(geometry, energy, layer, i, j, peak, ring):
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            number = cell_number(geometry, layer, i + di, j + dj)
            energy[number] += peak if di == dj == 0 else ring


def totals(energy, clusters):
    return np.array(
        [
            (clusters.weight[a:b] * energy[clusters.entry[a:b]]).sum()
            for a, b in zip(clusters.start[:-1], clusters.start[1:], strict=True)
        ]
    )


def test_one_blob_is_one_cluster_with_all_its_energy(geometry, cluster, empty):
    blob(geometry, empty, 1, 100, 50, 2000.0, 100.0)
    clusters = cluster(empty)
    np.testing.assert_allclose(totals(empty, clusters), [2800.0], rtol=1e-6)
    assert len(clusters.clustered) == 9


def test_a_cell_below_the_seed_threshold_makes_no_cluster(geometry, cluster, empty):
    number = cell_number(geometry, 1, 100, 50)
    empty[number] = 4.59 * geometry.cells.noise[number]
    assert len(cluster(empty).start) == 1
    empty[number] = 4.61 * geometry.cells.noise[number]
    assert len(cluster(empty).start) == 2


def test_growth_stops_at_two_sigma_and_the_boundary_is_one_cell_wide(geometry, cluster, empty):
    significance = [5.0, 2.5, 1.0, 1.0, 3.0]  # along eta: seed, growth, boundary, beyond, apart
    for step, value in enumerate(significance):
        number = cell_number(geometry, 1, 100 + step, 50)
        empty[number] = value * geometry.cells.noise[number]
    expected = [cell_number(geometry, 1, 100 + step, 50) for step in range(3)]
    assert cluster(empty).clustered.tolist() == expected


def test_negative_cells_never_join(geometry, cluster, empty):
    blob(geometry, empty, 1, 100, 50, 1000.0, -200.0)
    np.testing.assert_allclose(totals(empty, cluster(empty)), [1000.0], rtol=1e-6)


def test_clusters_cross_the_phi_border_and_layers(geometry, cluster, empty):
    blob(geometry, empty, 1, 100, 0, 2000.0, 100.0)  # wraps from cell 255 to 0
    empty[cell_number(geometry, 2, 50, 0)] += 300.0  # ECAL3, behind it
    clusters = cluster(empty)
    assert len(clusters.start) == 2
    first = geometry.cells.phi[cell_number(geometry, 1, 100, 0)]
    assert abs(clusters.moments[0, 1] - first) < geometry.cells.phi[1] - geometry.cells.phi[0]
    np.testing.assert_allclose(clusters.by_layer[0], [0, 2800.0, 300.0, 0, 0, 0], rtol=1e-6)
    assert clusters.moments[0, 3] == MINIMUM_WIDTH


def test_two_blobs_that_touch_are_split_and_keep_all_energy(geometry, cluster, empty):
    blob(geometry, empty, 1, 100, 50, 2000.0, 150.0)
    blob(geometry, empty, 1, 102, 50, 1000.0, 150.0)  # the ring between them is shared
    clusters = cluster(empty)
    energies = totals(empty, clusters)
    assert len(energies) == 2
    assert energies.sum() == pytest.approx(empty.sum(), rel=1e-6)
    assert energies[0] > energies[1] > 1000.0
    weight = np.zeros(len(empty))
    np.add.at(weight, clusters.entry, clusters.weight)
    np.testing.assert_allclose(weight[clusters.clustered], 1.0)


def test_maxima_below_the_threshold_or_with_few_neighbours_do_not_split(geometry, cluster, empty):
    blob(geometry, empty, 1, 100, 50, 2000.0, 150.0)
    blob(geometry, empty, 1, 102, 50, 390.0 - 0.0, 150.0)
    assert len(cluster(empty).start) == 2
    empty[:] = 0.0
    for step, value in enumerate([2000.0, 100.0, 900.0]):  # a row: 1 or 2 neighbours each
        empty[cell_number(geometry, 1, 100 + step, 50)] = value
    assert len(cluster(empty).start) == 2


def test_a_hadronic_maximum_behind_an_electromagnetic_one_does_not_split(geometry, cluster, empty):
    blob(geometry, empty, 1, 101, 49, 3000.0, 300.0)
    blob(geometry, empty, 2, 50, 24, 350.0, 300.0)
    blob(geometry, empty, 3, 25, 12, 5000.0, 300.0)  # contains the ECAL cell in eta and phi
    assert len(cluster(empty).start) == 2
    empty[:] = 0.0
    blob(geometry, empty, 1, 101, 49, 3000.0, 300.0)
    blob(geometry, empty, 2, 50, 24, 350.0, 300.0)
    blob(geometry, empty, 3, 26, 12, 5000.0, 300.0)  # its neighbour does not
    assert len(cluster(empty).start) == 3


def test_rotating_the_cells_in_phi_rotates_the_clusters(geometry, cluster, empty):
    rng = np.random.default_rng(7)
    cells = geometry.cells
    energy = rng.normal(0, cells.noise)
    hit = rng.choice(2 * 256 * 256, 400, replace=False)
    energy[hit] += rng.exponential(800.0, 400)
    for _ in range(60):
        blob(geometry, energy, 1, *rng.integers(10, 240, 2), 1500.0, 300.0)
    reference = totals(energy, cluster(energy))
    # An eighth of a turn moves every layer by a whole number of cells.
    rotated = np.concatenate(
        [
            np.roll(energy[a:b].reshape(n, m), m // 8, axis=1).ravel()
            for a, b, n, m in zip(
                geometry.slabs.first_cell[:-1], geometry.slabs.first_cell[1:],
                geometry.slabs.cells_eta, geometry.slabs.cells_phi, strict=True,
            )
        ]
    )  # fmt: skip
    np.testing.assert_allclose(totals(rotated, cluster(rotated)), reference, rtol=1e-4)
    assert len(reference) > 100


def test_order_of_the_seeds_does_not_matter(geometry):
    rng = np.random.default_rng(8)
    cells = geometry.cells
    significance = rng.normal(size=cells.layer.size)
    significance[rng.choice(len(significance), 3000, replace=False)] += 6.0
    clusterer = topoclusters.Clusterer(geometry, ClusteringSettings())
    first = clusterer(rng, full_readout(significance), False)
    cell = rng.permutation(len(significance)).astype(np.int32)  # the order of the numbers
    number = np.argsort(cell).astype(np.int32)
    count = np.array([len(cell)])
    readout = Readout(number, cell, significance[cell].astype(np.float32), count)
    second = clusterer(rng, readout, False)
    # Sums run in another order: equal up to float rounding, and the same cells in each cluster.
    assert np.array_equal(first.clustered, cell[second.clustered])
    assert np.array_equal(np.diff(first.start), np.diff(second.start))
    assert np.array_equal(first.listed, cell[second.listed])
    assert np.array_equal(first.main, second.main)


@pytest.mark.parametrize("symmetric", [False, True])
def test_noise_drawn_on_demand_is_distributed_like_noise_on_every_cell(geometry, symmetric):
    cells, settings = geometry.cells, ClusteringSettings(symmetric=symmetric)
    clusterer = topoclusters.Clusterer(geometry, settings)
    no_layers, no_energy = np.empty(0, np.int8), np.empty(0)
    numbers = {"lazy": [], "dense": []}
    readout = empty_readout(cells.layer.size)
    seeds = []
    for event in range(400):
        rng = np.random.default_rng(event)
        digitise(
            rng, readout, no_layers, no_energy, np.zeros(6), clusterer.grid.noise,
            True, settings.seed_threshold, settings.symmetric,
        )  # fmt: skip
        drawn = readout.significance[: readout.numbered[0]].copy()
        assert ((np.abs(drawn) if symmetric else drawn) > settings.seed_threshold).all()
        assert (drawn < 0).any() <= symmetric
        seeds.append(len(drawn))
        clusters = clusterer(rng, readout, True)
        numbers["lazy"] += np.diff(clusters.start).tolist()
        forget(readout)
        if event < 100:
            dense = full_readout(rng.standard_normal(cells.layer.size))
            numbers["dense"] += np.diff(clusterer(rng, dense, False).start).tolist()
    # The Gaussian expectation for cells above 4.6 sigma: 0.331 an event.
    expected = 400 * cells.layer.size * 0.5 * erfc(4.6 / sqrt(2))
    sides = 2 if symmetric else 1
    assert abs(sum(seeds) - sides * expected) < 4 * sqrt(sides * expected)
    if not symmetric:  # else some of them are not positive, and dropped
        assert abs(len(numbers["dense"]) - expected / 4) < 4 * sqrt(expected / 4)
    assert abs(len(numbers["dense"]) - len(numbers["lazy"]) / 4) < 4 * sqrt(expected / 4)
    lazy, dense = np.array(numbers["lazy"]), np.array(numbers["dense"])
    error = np.hypot(lazy.std() / sqrt(len(lazy)), dense.std() / sqrt(len(dense)))
    assert abs(lazy.mean() - dense.mean()) < 4 * error


@pytest.mark.parametrize(("symmetric", "lift"), [(False, True), (True, False)])
def test_symmetric_thresholds_leave_the_mean_energy_as_it_is(geometry, symmetric, lift):
    cells = geometry.cells
    clusterer = topoclusters.Clusterer(geometry, ClusteringSettings(symmetric=symmetric))
    rng = np.random.default_rng(4)
    signal = np.zeros(cells.layer.size)
    blob(geometry, signal, 1, 100, 50, 3000.0, 300.0)
    expected = signal.sum()
    found = []
    for _ in range(200):
        energy = signal + cells.noise * rng.standard_normal(len(signal))
        found.append(totals(energy, clusterer(rng, full_readout(energy / cells.noise), False))[0])
    pull = (np.mean(found) - expected) / (np.std(found) / sqrt(len(found)))
    assert pull > 10 if lift else abs(pull) < 4


def test_the_moments_of_clusters_with_negative_cells_stay_among_their_cells(geometry):
    cells = geometry.cells
    clusterer = topoclusters.Clusterer(geometry, ClusteringSettings(symmetric=True))
    rng = np.random.default_rng(5)
    energy = cells.noise * rng.standard_normal(cells.layer.size)
    for _ in range(200):
        blob(geometry, energy, 1, *rng.integers(10, 240, 2), 400.0, 30.0)
    readout = full_readout(energy / cells.noise)
    clusters = clusterer(rng, readout, False)
    assert (energy[clusters.clustered] < 0).any()
    assert np.isfinite(clusters.moments).all()
    assert (clusters.moments[:, 5] > 0).all()
    for k, (a, b) in enumerate(zip(clusters.start[:-1], clusters.start[1:], strict=True)):
        eta = cells.eta[clusters.entry[a:b]]
        assert eta.min() - 1e-6 <= clusters.moments[k, 0] <= eta.max() + 1e-6
        assert 0 < clusters.moments[k, 12] <= 1


def test_thresholds_must_fall():
    with pytest.raises(ConfigurationError, match="must fall in this order"):
        parse(ClusteringSettings, {"growth_threshold": 5.0})
