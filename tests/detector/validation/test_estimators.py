"""Estimators: known cores, known resolutions, with tolerances from statistics."""

import numpy as np
import pytest
from scipy.stats import norm

from jetchain.detector.settings import EstimatorSettings
from jetchain.detector.validation.estimators import (
    CORE,
    CORE_SPREAD,
    STOCHASTIC_CONSTANT_NOISE,
    core,
    describe,
    fit_resolution,
    gaussian_core,
    half_width,
    in_bins,
)

TRUE = {"a": 0.10, "b": 0.01, "c": 0.2}
ENERGY = np.geomspace(1.5, 180.0, 10)


def true_resolution(energy):
    return np.sqrt(TRUE["a"] ** 2 / energy + TRUE["b"] ** 2 + (TRUE["c"] / energy) ** 2)


def test_the_correction_is_the_spread_of_a_truncated_gaussian():
    variance = 1 - 2 * CORE * norm.pdf(CORE) / (norm.cdf(CORE) - norm.cdf(-CORE))
    assert pytest.approx(variance, rel=1e-12) == CORE_SPREAD**2


def test_the_core_of_a_gaussian_is_its_mean_and_width_within_the_bootstrap_errors():
    random = np.random.default_rng(1)
    pulls = []
    for _ in range(40):
        found = gaussian_core(random.normal(3.0, 0.5, 1000), replicas=50, seed=2)
        pulls.append([
            (found["mean"] - 3.0) / found["mean_error"],
            (found["width"] - 0.5) / found["width_error"],
        ])  # fmt: skip
    pulls = np.array(pulls)
    # Mean and width of 40 pulls each; the errors of 50 replicas are good to 10 %.
    assert np.abs(pulls.mean(axis=0)).max() < 4 / np.sqrt(40)
    assert np.abs(pulls.std(axis=0) - 1).max() < 4 / np.sqrt(80) + 0.1


def test_tails_and_zeros_do_not_move_the_core():
    random = np.random.default_rng(3)
    clean = random.normal(0.7, 0.1, 4000)
    dirty = np.concatenate([clean, np.zeros(200), random.uniform(1.5, 4.0, 200)])
    mean, sigma = core(dirty)
    # A window of two widths holds hardly any of the 9 % in the tails.
    assert mean == pytest.approx(0.7, abs=4 * 0.1 / np.sqrt(4000))
    assert sigma == pytest.approx(0.1, rel=0.05)
    assert dirty.std() > 3 * sigma


def test_equal_values_have_a_core_without_width():
    assert core(np.full(10, 0.4)) == (0.4, 0.0)


def test_half_width_is_one_sigma():
    values = norm.ppf((np.arange(100_000) + 0.5) / 100_000, 5.0, 2.0)
    assert half_width(values) == pytest.approx(2.0, rel=1e-4)


def test_exact_points_give_back_a_b_and_c():
    resolution = true_resolution(ENERGY)
    fit = fit_resolution(ENERGY, resolution, 0.01 * resolution, STOCHASTIC_CONSTANT_NOISE)
    assert {name: fit[name] for name in TRUE} == pytest.approx(TRUE, rel=1e-9)
    assert fit["chi2"] == pytest.approx(0, abs=1e-12)
    assert fit["ndf"] == 7


def test_toy_points_give_a_b_and_c_within_their_errors_and_a_true_chi2():
    random = np.random.default_rng(5)
    fits = []
    for _ in range(200):
        resolution = true_resolution(ENERGY) * random.normal(1, 0.05, len(ENERGY))
        error = 0.05 * resolution
        fits.append(fit_resolution(ENERGY, resolution, error, STOCHASTIC_CONSTANT_NOISE))
    for name, value in TRUE.items():
        pulls = np.array([(fit[name] - value) / fit[f"{name}_error"] for fit in fits])
        # The errors are those of a linear fit of the squares: exact to first order only.
        assert abs(pulls.mean()) < 4 / np.sqrt(200) + 0.1, name
        assert pulls.std() == pytest.approx(1, abs=4 / np.sqrt(400) + 0.1), name
    chi2 = np.array([fit["chi2"] for fit in fits])
    assert chi2.mean() == pytest.approx(7, abs=4 * np.sqrt(2 * 7 / 200) + 0.1)


def test_a_term_that_is_not_there_is_zero_within_its_error():
    random = np.random.default_rng(6)
    truth = 0.3 / np.sqrt(ENERGY)
    fits = [
        fit_resolution(
            ENERGY, truth * random.normal(1, 0.05, len(ENERGY)), 0.05 * truth,
            STOCHASTIC_CONSTANT_NOISE,
        )
        for _ in range(50)
    ]  # fmt: skip
    for name in "bc":
        values, errors = (np.array([fit[key] for fit in fits]) for key in (name, f"{name}_error"))
        # The square fluctuates upwards by more than its standard deviation in 16 % of the toys.
        assert (values <= errors).mean() == pytest.approx(0.84, abs=4 * np.sqrt(0.16 * 0.84 / 50))


def test_points_without_width_do_not_count_and_too_few_are_not_fitted():
    resolution = true_resolution(ENERGY)
    resolution[3] = 0.0
    error = 0.01 * resolution
    error[5] = 0.0

    def fit(points):
        return fit_resolution(
            ENERGY[:points], resolution[:points], error[:points], STOCHASTIC_CONSTANT_NOISE
        )

    assert fit(10)["ndf"] == 10 - 2 - 3
    assert fit(10)["a"] == pytest.approx(TRUE["a"], rel=1e-9)
    assert fit(5)["ndf"] == 1
    assert fit(4) is None


def test_bins_with_few_entries_are_left_out():
    values = np.array([1.0, 1.5, 2.0, 2.5, 2.7, 4.0])
    found = list(in_bins(values, np.array([1.0, 2.0, 3.0, 4.0]), minimum=2))
    assert [(low, high, members.sum()) for low, high, members in found] == [
        (1.0, 2.0, 2), (2.0, 3.0, 3),
    ]  # fmt: skip


def test_the_mean_counts_what_the_core_leaves_out():
    values = np.concatenate([np.zeros(10), np.random.default_rng(8).normal(1.0, 0.1, 90)])
    found = describe(values, EstimatorSettings(replicas=20), seed=1)
    assert found["mean"] == pytest.approx(values.mean())
    assert found["core"] > found["mean"] + 4 * found["core_error"]
