"""Moments of hand-made clusters against plain numpy, and their limits."""

import numpy as np
import pytest

from helpers.neighbours import neighbour_lists
from jetchain.detector.calorimeter.digitisation import full_readout
from jetchain.detector.clusters.moments import MOMENTS
from jetchain.detector.clusters.topoclusters import Clusterer
from jetchain.detector.geometry.description import distance_to_face
from jetchain.detector.geometry.grid import build_grid
from jetchain.detector.settings import ClusteringSettings


@pytest.fixture(scope="module")
def clustered(geometry):
    """Three showers, of which two share cells, over noise: energies and clusters."""
    cells, slabs = geometry.cells, geometry.slabs
    rng = np.random.default_rng(3)
    energy = rng.normal(0.0, cells.noise).astype(np.float32)
    for eta, phi in ((0.3, 3.13), (0.36, -3.1), (-1.9, 1.0)):  # two over the phi border
        for layer, peak in enumerate((900.0, 8000.0, 500.0, 2500.0, 900.0, 0.0)):
            inside = cells.layer == layer
            d_phi = (cells.phi - phi + np.pi) % (2 * np.pi) - np.pi
            width = 0.03 if not slabs.hadronic[layer] else 0.12
            profile = np.exp(-np.hypot(cells.eta - eta, d_phi) / width)
            energy[inside] += (peak * profile)[inside].astype(np.float32)
    clusterer = Clusterer(geometry, ClusteringSettings())
    readout = full_readout(energy / cells.noise)
    return energy, clusterer(np.random.default_rng(0), readout, False)


def moment(clusters, name):
    return clusters.moments[:, MOMENTS.index(name)]


def test_moments_equal_a_plain_sum_over_the_cells(geometry, clustered):
    energy, clusters = clustered
    cells = geometry.cells
    position = np.stack([cells.x, cells.y, cells.z], axis=1).astype(float)
    assert len(clusters.start) > 3
    assert (np.bincount(clusters.entry) > 1).sum() > 10  # some are shared
    for k in range(len(clusters.start) - 1):
        inside = slice(clusters.start[k], clusters.start[k + 1])
        cell = clusters.entry[inside]
        e = clusters.weight[inside] * energy[cell]
        total, at = e.sum(), position[cell]
        centre = (e @ at) / total
        axis = centre / np.linalg.norm(centre)
        along = (at - centre) @ axis
        across = np.linalg.norm(np.cross(at - centre, axis), axis=1)
        phase = e @ np.exp(1j * cells.phi[cell].astype(float)) / total
        expected = {
            "bary_eta": e @ cells.eta[cell] / total,
            "bary_rho": e @ np.hypot(at[:, 0], at[:, 1]) / total,
            "e": total,
            "n_cells": len(cell),
            "significance": total / np.sqrt((cells.noise[cell].astype(float) ** 2).sum()),
            "second_r": e @ across**2 / total,
            "second_lambda": e @ along**2 / total,
            "center_lambda": np.linalg.norm(centre)
            - distance_to_face(geometry.table, np.arcsinh(centre[2] / np.hypot(*centre[:2]))),
            "eng_frac_max": e.max() / total,
        }
        for name, value in expected.items():
            got = moment(clusters, name)[k]
            # Positions of the cells are single precision: 1e-4 mm of 2 m.
            assert got == pytest.approx(value, rel=1e-5, abs=1e-2 if "second" in name else 1e-5)
        turn = np.angle(phase * np.exp(-1j * moment(clusters, "bary_phi")[k]))
        assert abs(turn) < 2e-3  # the mean angle and the angle of the mean differ in third order


def test_isolation_equals_a_plain_count_of_the_neighbours(geometry, clustered):
    _, clusters = clustered
    cells = geometry.cells
    start, listed = neighbour_lists(geometry.slabs.cells_eta, geometry.slabs.cells_phi)
    owner = np.full(len(cells.layer), -1)
    owner[clusters.listed] = clusters.main
    for k in range(len(clusters.start) - 1):
        mine = np.flatnonzero(owner == k)
        around = [listed[start[c] : start[c + 1]] for c in mine]
        inside = [near[cells.layer[near] == cells.layer[c]]
                  for near, c in zip(around, mine, strict=True)]  # fmt: skip
        near = np.unique(np.concatenate(inside))
        near = near[owner[near] != k]
        weights = weighted = 0.0
        for layer, energy in enumerate(clusters.by_layer[k]):
            inside = near[cells.layer[near] == layer]
            if energy > 0 and len(inside):
                weights += energy
                weighted += energy * np.mean(owner[inside] < 0)
        assert moment(clusters, "isolation")[k] == pytest.approx(weighted / weights)
    assert (moment(clusters, "isolation") < 0.9).any()
    assert moment(clusters, "isolation").max() == 1.0


def test_a_single_cell_has_no_width_and_lies_in_the_middle_of_its_layer(geometry):
    cells = geometry.cells
    energy = np.zeros(len(cells.layer), np.float32)
    number = int(geometry.slabs.first_cell[1]) + 100 * 256 + 17
    energy[number] = 1000.0
    clusterer = Clusterer(geometry, ClusteringSettings())
    clusters = clusterer(np.random.default_rng(0), full_readout(energy / cells.noise), False)
    values = dict(zip(MOMENTS, clusters.moments[0], strict=True))
    assert values["n_cells"] == values["eng_frac_max"] == values["isolation"] == 1
    assert values["second_r"] == pytest.approx(0.0, abs=1e-6)
    assert values["second_lambda"] == pytest.approx(0.0, abs=1e-6)
    assert values["significance"] == pytest.approx(1000.0 / 34.0, rel=1e-6)
    first, last = geometry.slabs.depth[2:4]  # ECAL2
    assert values["center_lambda"] == pytest.approx((first + last) / 2, rel=1e-6)


def test_volumes_of_all_cells_fill_the_layers(geometry):
    # The barrel's rows: the shell between two cylinders, whose borders are r cosh(eta) + depth
    # along the ray; integrated over eta independently on a fine grid.
    grid = build_grid(geometry)
    table, slabs = geometry.table, geometry.slabs
    fine = (np.arange(20000) + 0.5) / 20000 * 2 * table.eta_max - table.eta_max
    step = fine[1] - fine[0]
    face = np.where(
        np.abs(fine) < table.barrel_eta,
        table.inner_radius * np.cosh(fine),
        geometry.tracker.face_z / np.abs(np.tanh(fine)),
    )
    for layer, entrance in enumerate(geometry.layer_entrances):
        thickness = np.diff(slabs.depth)[slabs.layer_of_slab >= 0][layer]
        near, far = face + entrance, face + entrance + thickness
        whole = (2 * np.pi * step / np.cosh(fine) ** 2 * (far**3 - near**3) / 3).sum()
        rows = slabs.cells_eta[layer]
        volumes = slabs.cells_phi[layer] / grid.row[layer, :rows, 3]
        assert volumes.sum() == pytest.approx(whole, rel=2e-3), layer


def test_density_is_the_energy_over_the_volume_of_a_cell(geometry):
    cells, grid = geometry.cells, build_grid(geometry)
    energy = np.zeros(len(cells.layer), np.float32)
    number = int(geometry.slabs.first_cell[3]) + 20 * 64 + 5
    energy[number] = 5000.0
    clusterer = Clusterer(geometry, ClusteringSettings())
    clusters = clusterer(np.random.default_rng(0), full_readout(energy / cells.noise), False)
    density = moment(clusters, "first_eng_dens")[0]
    assert density == pytest.approx(5000.0 * grid.row[3, 20, 3], rel=1e-6)
