"""Helices against their closed form, perigees, resolutions."""

import numpy as np
import pytest

from jetchain.detector import tracker

FIELD = 3.8
SURFACE = {"field": FIELD, "radius": 1500.0, "half_length": 3193.9, "eta_max": 3.0}


def momenta(pt, eta, phi):
    pt, eta, phi = np.broadcast_arrays(*(np.atleast_1d(a).astype(float) for a in (pt, eta, phi)))
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=1)


def test_radius_is_pt_over_0_3_b():
    # PDG 2024, eq. 35.2x: p = 0.3 B R with p in GeV, B in T, R in m; 1 GeV at 3.8 T: 0.8778 m.
    radius = tracker.curvature_radius(np.array([1.0, 1.0]), np.array([1.0, -1.0]), FIELD)
    assert radius == pytest.approx([877.8, -877.8], rel=1e-4)


def test_arrival_on_the_barrel_matches_the_arcsine_formula():
    # From the origin, the chord to r meets the circle of radius R after a turn 2 asin(r / 2R).
    pt = np.array([1.0, 2.0, 10.0, 200.0])
    for charge in (1.0, -1.0):
        arrival = tracker.propagate(
            np.zeros((4, 3)), momenta(pt, 0.2, 0.7), np.full(4, charge), **SURFACE
        )
        big = 1e3 * pt / (tracker.LIGHT * FIELD)
        half = np.arcsin(1500.0 / (2 * big))
        phi = np.arctan2(arrival.position[:, 1], arrival.position[:, 0])
        assert (arrival.status == tracker.REACHED).all()
        np.testing.assert_allclose(phi, 0.7 - charge * half, atol=1e-9)
        np.testing.assert_allclose(arrival.position[:, 2], 2 * big * half * np.sinh(0.2), rtol=1e-9)
        direction = np.arctan2(arrival.direction[:, 1], arrival.direction[:, 0])
        np.testing.assert_allclose(direction, 0.7 - charge * 2 * half, atol=1e-9)


def test_neutral_particles_fly_straight_and_very_stiff_ones_nearly():
    vertex = np.array([[3.0, -2.0, 40.0]])
    momentum = momenta(5.0, 2.0, 1.1)
    neutral = tracker.propagate(vertex, momentum, np.array([0.0]), **SURFACE)
    stiff = tracker.propagate(vertex, 1e7 * momentum, np.array([1.0]), **SURFACE)
    path = neutral.position - vertex
    np.testing.assert_allclose(np.cross(path, momentum), 0.0, atol=1e-8)
    assert neutral.position[0, 2] == pytest.approx(3193.9)  # eta = 2 meets the endcap
    np.testing.assert_allclose(stiff.position, neutral.position, atol=1e-3)


def test_low_momenta_curl_up_and_never_count_as_reached():
    # 2R < 1.5 m below pT = 0.854 GeV: the barrel is out of reach, and the endcap too at eta = 0.
    arrival = tracker.propagate(
        np.zeros((3, 3)), momenta([0.8, 0.86, 0.3], [0.0, 0.0, 2.8], 0.0), np.ones(3), **SURFACE
    )
    assert arrival.status.tolist() == [tracker.CURLED, tracker.REACHED, tracker.REACHED]
    assert arrival.position[2, 2] == pytest.approx(3193.9)


def test_particles_born_behind_the_face_or_leaving_beside_it():
    vertex = np.array([[1600.0, 0, 0], [0, 0, 0], [0, 0, 0]])
    arrival = tracker.propagate(vertex, momenta(5.0, [0.1, 3.2, 1.0], 0.0), np.zeros(3), **SURFACE)
    assert arrival.status.tolist() == [tracker.BEHIND, tracker.OUTSIDE, tracker.REACHED]


@pytest.mark.parametrize("charge", [1.0, -1.0])
def test_perigee_is_found_again_from_any_point_of_the_helix(charge):
    rng = np.random.default_rng(1)
    n = 200
    phi = rng.uniform(-np.pi, np.pi, n)
    d0, z0 = rng.normal(0, 5, n), rng.normal(0, 50, n)
    pt, eta = rng.uniform(1, 50, n), rng.uniform(-2.5, 2.5, n)
    start = np.stack([-d0 * np.sin(phi), d0 * np.cos(phi), z0], axis=1)
    charges = np.full(n, charge)
    bend = 1.0 / tracker.curvature_radius(pt, charges, FIELD)
    path = rng.uniform(-400, 400, n)
    vertex, direction = tracker.along_helix(start, phi, np.sinh(eta), bend, path)
    found = tracker.perigee(vertex, momenta(pt, eta, direction), charges, FIELD)
    np.testing.assert_allclose(found[0], d0, atol=1e-8)
    np.testing.assert_allclose(found[1], z0, atol=1e-6)
    np.testing.assert_allclose(np.exp(1j * found[2]), np.exp(1j * phi), atol=1e-9)


def test_resolutions_meet_the_table_and_continue_its_slopes():
    for name, values in tracker.RESOLUTIONS.items():
        found = tracker.resolution(name, tracker.RESOLUTION_PT)
        np.testing.assert_allclose(found, values)
    # Halfway in log(pT) lies the geometric mean; at 1 TeV the last decade's ratio applies again.
    middle = tracker.resolution("d0", np.array([np.sqrt(10.0)]))
    assert middle[0] == pytest.approx(np.sqrt(0.060 * 0.0172))
    relative = tracker.resolution("qoverp", np.array([1000.0]))[0] * 1e6
    assert relative == pytest.approx(4e-7 * (4e-7 / 1.5e-6) * 1e6)


def test_smearing_folds_angles_back():
    parameters = np.array([[0.0, 0.0, 0.01, 3.1, 1e-5]])
    errors = np.array([[0.0, 0.0, 0.02, 0.1, 0.0]])
    measured = tracker.smear(parameters, errors, np.array([[0, 0, -1.0, 1.0, 0]]))[0]
    assert measured[2] == pytest.approx(0.01)  # theta = -0.01 is 0.01 on the other side
    assert measured[3] == pytest.approx(3.2 - np.pi)
