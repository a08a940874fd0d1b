"""Helices against their closed form, perigees, resolutions."""

import numpy as np
import pytest

from jetchain.detector.flight import helix, tracker

FIELD = 3.8
SURFACE = (FIELD, 1500.0, 3193.9, 3.0)


def momenta(pt, eta, phi):
    """MeV, from pT in GeV."""
    pt, eta, phi = np.broadcast_arrays(*(np.atleast_1d(a).astype(float) for a in (pt, eta, phi)))
    return 1e3 * np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=1)


def test_radius_is_pt_over_0_3_b():
    # PDG 2024, eq. 35.2x: p = 0.3 B R with p in GeV, B in T, R in m; 1 GeV at 3.8 T: 0.8778 m.
    radius = tracker.curvature_radius(np.array([1e3, 1e3]), np.array([1.0, -1.0]), FIELD)
    assert radius == pytest.approx([877.8, -877.8], rel=1e-4)


def test_arrival_on_the_barrel_matches_the_arcsine_formula():
    # From the origin, the chord to r meets the circle of radius R after a turn 2 asin(r / 2R).
    pt = np.array([1.0, 2.0, 10.0, 200.0])
    for charge in (1.0, -1.0):
        position, direction, status = helix.propagate(
            np.zeros((4, 3)), momenta(pt, 0.2, 0.7), np.full(4, charge), *SURFACE
        )
        big = 1e3 * pt / (helix.LIGHT * FIELD)
        half = np.arcsin(1500.0 / (2 * big))
        phi = np.arctan2(position[:, 1], position[:, 0])
        assert (status == helix.REACHED).all()
        np.testing.assert_allclose(phi, 0.7 - charge * half, atol=1e-9)
        np.testing.assert_allclose(position[:, 2], 2 * big * half * np.sinh(0.2), rtol=1e-9)
        flying = np.arctan2(direction[:, 1], direction[:, 0])
        np.testing.assert_allclose(flying, 0.7 - charge * 2 * half, atol=1e-9)


def test_neutral_particles_fly_straight_and_very_stiff_ones_nearly():
    vertex = np.array([[3.0, -2.0, 40.0]])
    momentum = momenta(5.0, 2.0, 1.1)
    neutral = helix.propagate(vertex, momentum, np.array([0.0]), *SURFACE)[0]
    stiff = helix.propagate(vertex, 1e7 * momentum, np.array([1.0]), *SURFACE)[0]
    path = neutral - vertex
    np.testing.assert_allclose(np.cross(path, momentum), 0.0, atol=1e-8)
    assert neutral[0, 2] == pytest.approx(3193.9)  # eta = 2 meets the endcap
    np.testing.assert_allclose(stiff, neutral, atol=1e-3)


def test_low_momenta_curl_up_and_never_count_as_reached():
    # 2R < 1.5 m below pT = 0.854 GeV: the barrel is out of reach, and the endcap too at eta = 0.
    position, _, status = helix.propagate(
        np.zeros((3, 3)), momenta([0.8, 0.86, 0.3], [0.0, 0.0, 2.8], 0.0), np.ones(3), *SURFACE
    )
    assert status.tolist() == [helix.CURLED, helix.REACHED, helix.REACHED]
    assert position[2, 2] == pytest.approx(3193.9)


def test_particles_born_behind_the_face_or_leaving_beside_it():
    vertex = np.array([[1600.0, 0, 0], [0, 0, 0], [0, 0, 0]])
    _, _, status = helix.propagate(
        vertex, momenta(5.0, [0.1, 3.2, 1.0], 0.0), np.zeros(3), *SURFACE
    )
    assert status.tolist() == [helix.BEHIND, helix.OUTSIDE, helix.REACHED]


@pytest.mark.parametrize("charge", [1.0, -1.0])
def test_perigee_is_found_again_from_any_point_of_the_helix(charge):
    rng = np.random.default_rng(1)
    n = 200
    phi = rng.uniform(-np.pi, np.pi, n)
    d0, z0 = rng.normal(0, 5, n), rng.normal(0, 50, n)
    pt, eta = rng.uniform(1, 50, n), rng.uniform(-2.5, 2.5, n)
    start = np.stack([-d0 * np.sin(phi), d0 * np.cos(phi), z0], axis=1)
    charges = np.full(n, charge)
    begin = momenta(pt, eta, phi)
    path = rng.uniform(-400, 400, n)
    vertex, direction = np.empty((n, 3)), np.empty(n)
    for k in range(n):
        line = helix.flight(*start[k], *begin[k], charge, FIELD)
        *vertex[k], direction[k] = helix.advance(line, path[k])
    found = tracker.perigee(vertex, momenta(pt, eta, direction), charges, FIELD)
    np.testing.assert_allclose(found[0], d0, atol=1e-8)
    np.testing.assert_allclose(found[1], z0, atol=1e-6)
    np.testing.assert_allclose(np.exp(1j * found[2]), np.exp(1j * phi), atol=1e-9)


def test_resolutions_meet_cocoas_table_and_stay_at_its_last_row():
    for name, values in tracker.RESOLUTIONS.items():
        found = tracker.cocoa_resolution(name, tracker.table_pt(name))
        np.testing.assert_allclose(found, values)
        assert tracker.cocoa_resolution(name, np.array([5000.0]))[0] == pytest.approx(values[-1])
    # Halfway in log(pT) lies the geometric mean.
    middle = tracker.cocoa_resolution("d0", np.array([np.sqrt(10.0)]))
    assert middle[0] == pytest.approx(np.sqrt(0.060 * 0.0172))


def test_momenta_are_measured_as_cocoa_says_but_never_better_than_the_hits(geometry):
    fitted = tracker.fitted_momentum(geometry.table)
    pt = np.array([0.3, 1.0, 2.0, 10.0, 100.0, 200.0, 300.0, 400.0, 500.0, 1000.0])
    relative = 1e3 * pt * tracker.resolution("qoverp", pt, fitted)
    # COCOA's rows from 10 GeV on; 0.45 % from multiple scattering below (Gluckstern: constant).
    expected = [0.0045, 0.0045, 0.0045, 0.015, 0.04, 0.08, 0.10, 0.20, 0.30, 0.60]
    np.testing.assert_allclose(relative, expected, rtol=0.03)
    hits = [1e3 * p * tracker.fitted_covariance(geometry.table, 1e3 * p)[4, 4] ** 0.5 for p in pt]
    assert (relative >= 0.99 * np.array(hits)).all()
    for name in ("d0", "z0", "theta", "phi"):
        np.testing.assert_array_equal(
            tracker.resolution(name, pt, fitted), tracker.cocoa_resolution(name, pt)
        )


def test_half_the_field_measures_momenta_half_as_well(geometry):
    """What is measured is the curvature, 0.3 q B / pT; both limits of q/p, COCOA's and the fit's.

    Multiple scattering, too, deflects the same momentum by the same angle in any field.
    """
    weak = geometry.table.model_copy(update={"magnetic_field": FIELD / 2})
    pt = np.array([0.5, 10.0, 100.0, 700.0])
    flown = momenta(pt, 0.7, 0.2)
    strong, halved = (
        tracker.true_tracks(
            np.zeros((4, 3)), flown, np.ones(4), table.magnetic_field,
            tracker.fitted_momentum(table),
        )[1]
        for table in (geometry.table, weak)
    )  # fmt: skip
    np.testing.assert_allclose(halved[:, 4], 2 * strong[:, 4], rtol=1e-9)
    np.testing.assert_array_equal(halved[:, :4], strong[:, :4])


@pytest.mark.parametrize("charge", [1.0, -1.0])
def test_the_helix_of_track_parameters_is_the_one_they_describe(charge):
    rng = np.random.default_rng(6)
    n = 100
    vertex = rng.normal(0, 5, (n, 3))
    flown = momenta(rng.uniform(1, 50, n), rng.uniform(-2.5, 2.5, n), rng.uniform(-3, 3, n))
    d0, z0, phi = tracker.perigee(vertex, flown, np.full(n, charge), FIELD)
    total = np.linalg.norm(flown, axis=1)
    theta = np.arccos(flown[:, 2] / total)
    at, momentum, charges = tracker.helices(np.stack([d0, z0, theta, phi, charge / total], axis=1))
    assert (charges == charge).all()
    np.testing.assert_allclose(np.linalg.norm(momentum, axis=1), total)
    ends = [
        helix.propagate(x, p, np.full(n, charge), *SURFACE)[0]
        for x, p in ((vertex, flown), (at, momentum))
    ]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-6)


def test_smearing_folds_angles_back():
    parameters = np.array([[0.0, 0.0, 0.01, 3.1, 1e-5]])
    errors = np.array([[0.0, 0.0, 0.02, 0.1, 0.0]])
    measured = tracker.smear(parameters, errors, np.eye(5)[None], np.array([[0, 0, -1.0, 1.0, 0]]))[
        0
    ]
    assert measured[2] == pytest.approx(0.01)  # theta = -0.01 is 0.01 on the other side
    assert measured[3] == pytest.approx(3.2 - np.pi)


def test_smeared_parameters_have_the_covariance_that_is_stated(geometry):
    n = 40_000
    matrices = tracker.correlations(geometry.table)
    correlation = tracker.correlation_at(np.full(n, 10.0), matrices)
    errors = np.tile([0.02, 0.05, 1e-3, 3e-4, 1.5e-6], (n, 1))
    true = np.tile([0.0, 0.0, 1.2, 0.4, 1e-4], (n, 1))
    pulls = np.random.default_rng(3).standard_normal((n, 5))
    pulled = (tracker.smear(true, errors, correlation, pulls) - true) / errors
    np.testing.assert_allclose(np.corrcoef(pulled.T), matrices[1], atol=4 / np.sqrt(n))
    np.testing.assert_allclose(pulled.std(axis=0), 1.0, atol=4 / np.sqrt(2 * n))


def test_a_fit_of_toy_hits_scatters_as_the_fitted_covariance_says(geometry):
    # Straight tracks at 1 TeV, where scattering is nothing: an independent fit with numpy.
    table = geometry.table
    rng = np.random.default_rng(8)
    groups = [group for group in table.tracker if group.shape == "cylinder"]
    radius = np.concatenate([group.positions for group in groups])
    hit = np.concatenate([np.full(len(g.positions), g.resolution[0]) for g in groups])
    matrix = np.stack([np.ones_like(radius), radius, -0.5 * radius**2], axis=1)
    hits = rng.normal(0, hit, (5000, len(radius)))
    fitted = np.linalg.lstsq(matrix / hit[:, None], (hits / hit).T, rcond=None)[0]
    found = np.cov(fitted)
    expected = tracker.fitted_covariance(table, 1e6)[np.ix_([0, 3, 4], [0, 3, 4])]
    scale = np.array([1, 1, helix.LIGHT * table.magnetic_field])
    np.testing.assert_allclose(found, expected * np.outer(scale, scale), rtol=0.1)


@pytest.mark.parametrize(("pt", "tolerance"), [(1.0, 0.35), (10.0, 0.5)])
def test_the_layers_would_measure_about_as_well_as_cocoa_says(geometry, pt, tolerance):
    error = np.sqrt(np.diag(tracker.fitted_covariance(geometry.table, 1e3 * pt)))
    for k, name in enumerate(("d0", "z0", "theta", "phi")):
        expected = tracker.cocoa_resolution(name, np.array([pt]))[0]
        assert error[k] == pytest.approx(expected, rel=tolerance)
