"""The geometry table, its cells and their neighbours."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import sparse

from helpers.neighbours import neighbour_lists
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.detector.geometry.description import (
    DISKS,
    RADIATION,
    distance_to_face,
    read_geometry,
    slab_paths,
)

COCOA = Path(__file__).parents[3] / "resources" / "geometry" / "cocoa.yaml"


def test_depths_and_radii_are_those_of_cocoa(geometry):
    slabs = geometry.slabs
    thickness = np.diff(slabs.depth)
    x0 = thickness / slabs.radiation_length
    np.testing.assert_allclose(x0[1:4], [4, 16, 2], rtol=1e-3)
    interaction = thickness / slabs.interaction_length
    np.testing.assert_allclose(interaction[5:], [1.5, 4.1, 1.8], rtol=1e-3)
    # cocoa-hep/cocoa-hep, reference table: radii of the layers' ends at eta = 0, mm.
    ends = geometry.table.inner_radius + slabs.depth[2:]
    expected = [1594.1, 1970.6, 2017.6, 2097.6, 2496.2, 3585.6, 4063.8]
    np.testing.assert_allclose(ends, expected, atol=0.1)
    assert geometry.cells.layer.size == 2 * 256**2 + 128**2 + 2 * 64**2 + 32**2


def test_critical_energy_and_moliere_radius_follow_from_the_material(geometry):
    # hep-ex/0001020: Ec = 2.66 (X0 Z/A)^1.1 MeV, X0 in g/cm2; R_M = X0 21.2 MeV / Ec.
    critical = 2.66 * (2.353 * 3.451 * 61.55 / 153.8) ** 1.1
    assert geometry.table.critical_energy == pytest.approx(critical, rel=2e-3)
    assert geometry.slabs.moliere_radius[1] == pytest.approx(23.53 * 21.2 / critical, rel=2e-3)


def test_every_ray_from_the_origin_crosses_the_same_depth(geometry):
    depths = geometry.slabs.depth[1:]
    for eta in np.linspace(-2.9, 2.9, 59):
        unit = np.array([1.0, 0.0, np.sinh(eta)]) / np.cosh(eta)
        face = distance_to_face(geometry.table, np.array([eta]))[0]
        path = np.empty(depths.size)
        tracker = geometry.tracker
        slab_paths(tuple(face * unit), tuple(unit), depths, tracker.face_radius, tracker.face_z,
                   path)  # fmt: skip
        np.testing.assert_allclose(path, depths, atol=1e-6)


def test_slanting_flights_reach_each_depth(geometry):
    rng = np.random.default_rng(2)
    depths, tracker = geometry.slabs.depth[1:], geometry.tracker
    for eta, slant in zip(rng.uniform(-2.6, 2.6, 50), rng.normal(0, 0.15, (50, 3)), strict=True):
        unit = np.array([1.0, 0.0, np.sinh(eta)]) / np.cosh(eta)
        start = distance_to_face(geometry.table, np.array([eta]))[0] * unit
        unit = (unit + slant) / np.linalg.norm(unit + slant)
        path = np.empty(depths.size)
        slab_paths(tuple(start), tuple(unit), depths, tracker.face_radius, tracker.face_z, path)
        assert (np.diff(path) > 0).all()
        position = start + path[:, None] * unit
        radius = np.hypot(position[:, 0], position[:, 1])
        face = distance_to_face(geometry.table, np.arcsinh(position[:, 2] / radius))
        reached = np.linalg.norm(position, axis=1) - face
        # The face has an edge, at which depth along the flight has a kink.
        if not 1.3 < abs(eta) < 1.7:
            np.testing.assert_allclose(reached, depths, atol=1.0)


def test_the_tracker_is_a_fifth_of_a_radiation_length_at_eta_0(geometry):
    # InnerConstruction.cc: 5 layers of 0.15 mm and 4 of 0.32 mm of silicon, each with 0.35 mm of
    # iron; X0 93.7 mm and 17.57 mm (PDG).
    layers = geometry.tracker.layers
    central = layers[:, DISKS] == 0
    expected = (5 * 0.15 + 4 * 0.32) / 93.7 + 9 * 0.35 / 17.57
    assert layers[central, RADIATION].sum() == pytest.approx(expected)
    assert expected == pytest.approx(0.201, abs=0.001)


def test_neighbours_are_mutual_and_counted_by_hand(geometry):
    cells = geometry.cells
    start, neighbours = neighbour_lists(geometry.slabs.cells_eta, geometry.slabs.cells_phi)
    counts = np.diff(start)
    matrix = sparse.csr_array((np.ones(len(neighbours), np.int8), neighbours, start))
    assert (matrix != matrix.T).nnz == 0
    assert matrix.max() == 1
    inner = np.abs(cells.eta) < 2.5
    # 8 in the layer; ECAL1: 1 above; ECAL2: 1 + 1; ECAL3: 4 + 1; HCAL1: 4 + 1; HCAL2: 1 + 1;
    # HCAL3: 4.
    for layer, expected in enumerate([9, 10, 13, 13, 10, 12]):
        assert set(counts[inner & (cells.layer == layer)]) == {expected}


def test_neighbours_wrap_in_phi_and_end_in_eta():
    start, neighbours = neighbour_lists(np.array([3]), np.array([4]))
    corner = set(neighbours[start[0] : start[1]].tolist())
    assert corner == {1, 3, 4, 5, 7}


def test_neighbours_of_layers_that_do_not_divide_each_other():
    # 3 and 2 divisions in eta: the middle third overlaps both halves; 3 in phi, all adjacent.
    start, neighbours = neighbour_lists(np.array([3, 2]), np.array([3, 3]))
    assert set(neighbours[start[3] : start[4]].tolist()) == {0, 1, 2, 4, 5, 6, 7, 8, 9, 12}
    assert set(neighbours[start[0] : start[1]].tolist()) == {1, 2, 3, 4, 5, 9}


@pytest.mark.parametrize(("name", "factor"), [("cocoa_low", 0.5), ("cocoa_high", 2)])
def test_other_granularities_differ_in_cells_and_noise_alone(geometry, name, factor):
    other = read_geometry(COCOA.with_name(f"{name}.yaml")).model_dump()
    ours = geometry.table.model_dump()
    assert other.pop("name") == name
    ours.pop("name")
    for slab in ours["slabs"]:
        slab["cells_eta"] *= factor
        slab["cells_phi"] *= factor
        slab["noise"] /= factor
    assert other == ours


def test_bad_geometry_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_geometry(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("slabs: [")
    with pytest.raises(DataError, match="not valid YAML"):
        read_geometry(broken)
    broken.write_text(COCOA.read_text().replace("inner_radius", "inner_radios"))
    with pytest.raises(ConfigurationError, match=r"inner_radios.*\n?.*inner_radius"):
        read_geometry(broken)
    broken.write_text(
        COCOA.read_text().replace("materials: {silicon: 0.15", "materials: {glass: 1")
    )
    with pytest.raises(ConfigurationError, match="glass"):
        read_geometry(broken)
    broken.write_text(COCOA.read_text().replace("cells_phi: 32", "cells_phi: 0"))
    with pytest.raises(ConfigurationError, match="cells exactly where it is not passive"):
        read_geometry(broken)
    content = yaml.safe_load(COCOA.read_text())
    two = content["tracker"][0] | {"positions": [39.0, 75.0]}
    for left in ([], content["tracker"][2:], [two]):
        broken.write_text(yaml.safe_dump(content | {"tracker": left}))
        with pytest.raises(ConfigurationError, match=r"cylinders at [02] radii"):
            read_geometry(broken)
