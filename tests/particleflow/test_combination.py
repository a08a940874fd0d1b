"""Momenta from tracks and calorimeter: the fit of least squares, and who belongs together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from jetchain.particleflow.combination import Shares, fitted_momenta, join, no_shares

QUANTILES = (0.16, 0.5, 0.84)


def shares(expected, spread, taken, owner) -> Shares:
    columns = [np.array(values, float) for values in (expected, spread, taken)]
    return Shares(*columns, np.array(owner), np.arange(max(owner) + 1))


@pytest.mark.parametrize("error", [0.01, 0.1, 0.3])
def test_one_track_is_the_weighted_mean(error):
    """1 TeV, and a shower of 0.8 +- 0.08 of it that gave 0.72: E/p says 900 GeV."""
    (found,) = fitted_momenta(
        np.array([1e6]), np.array([error]), shares([8e5], [8e4], [7.2e5], [0])
    )  # fmt: skip
    weights = np.array([(error * found / 1e6) ** -2, 0.1**-2])
    assert found == pytest.approx(np.average([1e6, 9e5], weights=weights), rel=2e-3)


def test_a_group_is_the_fit_of_least_squares():
    p, error, response = np.array([8e5, 3e5, 5e4]), np.array([0.2, 0.1, 0.02]), 0.75
    spread = np.array([0.1, 0.1, 0.12]) * p
    taken = np.array([5.5e5, 2e5, 2e4])
    groups = shares(response * p, spread, taken, [0, 1, 2])
    join(0, np.array([1]), groups.joined)
    join(2, np.array([1]), groups.joined)
    found = fitted_momenta(p, error, groups)

    def chi2(x):
        shower = (taken.sum() - response * x.sum()) ** 2 / np.sum(spread**2)
        return np.sum(((x - p) / (error * found)) ** 2) + shower

    expected = minimize(chi2, p, method="Nelder-Mead", options={"maxiter": 10_000, "fatol": 1e-12})
    np.testing.assert_allclose(found, expected.x, rtol=3e-3)


def test_apart_or_in_disagreement_tracks_stay_as_measured():
    p, error = np.array([1e5, 1e5, 1e5]), np.full(3, 0.04)
    groups = shares([8e4, 8e4, 8e4], [8e3] * 3, [8e4, 8e3, 7.2e4], [0, 1, 2])
    found = fitted_momenta(p, error, groups)
    assert found[:2].tolist() == [1e5, 1e5]
    assert found[2] < 1e5


def test_without_a_shower_nothing_changes():
    p = np.array([1e3, 1e6])
    assert fitted_momenta(p, np.ones(2), no_shares(2, 3)).tolist() == p.tolist()


def test_momenta_stay_positive():
    """A track without any certainty gives up at most nine tenths."""
    groups = shares([1e5, 1e6], [1e4, 2e5], [0.0, 5e5], [0, 0])
    found = fitted_momenta(np.array([1.2e5, 1.2e6]), np.array([3.0, 0.01]), groups)
    assert np.all(found > 0)


@pytest.mark.parametrize("error", [0.1, 0.2, 0.3])
def test_the_fit_is_nearly_optimal_and_without_bias(error):
    """Pions of 500 GeV, whose q/p is Gaussian, and whose shower is known to 10 %."""
    random = np.random.default_rng(4)
    n, true = 20_000, 5e5
    p = true / np.maximum(1 + error * random.normal(size=n), 0.05)
    taken = 0.8 * true * (1 + 0.1 * random.normal(size=n))
    groups = Shares(0.8 * p, 0.08 * p, taken, np.arange(n), np.arange(n))
    low, median, high = np.quantile(fitted_momenta(p, error * p / true, groups) / true, QUANTILES)
    assert (high - low) / 2 < 1.08 / np.hypot(1 / error, 1 / 0.1)
    assert median == pytest.approx(1.0, abs=0.015)


@pytest.mark.parametrize("times", [5.0, 20.0, 1000.0])
def test_a_track_that_is_nearly_straight_has_the_momentum_of_its_shower(times):
    """1 TeV, known to 60 %, whose q/p comes out 5, 20 or 1000 times too small; its shower to 10 %.

    The relative error of p is as many times larger, and a shower of 0.8 is left."""
    p = np.array([1e6 * times])
    groups = shares(0.8 * p, 0.08 * p, [8e5], [0])
    (found,) = fitted_momenta(p, np.array([0.6 * times]), groups)
    assert found == pytest.approx(1e6, rel=0.25)


def test_beside_a_straight_track_a_good_one_keeps_its_momentum():
    """300 GeV known to 1 %, and a track of 1 PeV that must share 800 GeV of shower with it."""
    p = np.array([3e5, 1e9])
    groups = shares(0.8 * p, 0.08 * p, [2.4e5, 4e5], [0, 0])
    good, straight = fitted_momenta(p, np.array([0.01, 500.0]), groups)
    assert good == pytest.approx(3e5, rel=0.02)
    assert straight == pytest.approx(5e5, rel=0.05)
