"""Figures of merit against closed forms, and intervals that cover."""

import numpy as np
import pytest
from scipy import integrate, stats

from jetchain.core import metrics
from jetchain.core.errors import EmptySampleError


def gaussians(n=20000, shift=1.5, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n)
    return labels, random.normal(size=2 * n) + shift * labels


def test_gaussian_classes_have_the_closed_form_auc_and_rejection():
    labels, scores = gaussians()
    assert metrics.auc(labels, scores) == pytest.approx(stats.norm.cdf(1.5 / 2**0.5), abs=4e-3)
    for efficiency, error in ((0.5, 0.06), (0.3, 0.15)):  # three sigma
        expected = 1 / stats.norm.sf(1.5 + stats.norm.isf(efficiency))
        assert metrics.rejection(labels, scores, efficiency) == pytest.approx(expected, rel=error)


def test_rejection_is_bounded_by_the_background_count():
    labels = np.repeat([0, 1], 50)
    assert metrics.rejection(labels, labels.astype(float), 0.5) == pytest.approx(50)


def test_significance_improvement_of_noise_is_the_root_of_the_efficiency():
    labels, scores = gaussians(shift=0.0)
    efficiency, improvement = metrics.significance_improvement(labels, scores, 400)
    assert np.all(np.abs(improvement - np.sqrt(efficiency)) < 0.1)


def test_significance_improvement_keeps_the_floor_on_background():
    labels, scores = gaussians(200, shift=3.0)
    efficiency, improvement = metrics.significance_improvement(labels, scores, 10)
    background = (efficiency / improvement) ** 2 * 200
    assert background.min() >= 10 - 1e-6


@pytest.mark.shared
def test_bootstrap_interval_covers_the_truth_in_about_two_thirds():
    truth, hits = stats.norm.cdf(1.0 / 2**0.5), 0
    for seed in range(60):
        labels, scores = gaussians(150, 1.0, seed)
        estimate = metrics.bootstrap(metrics.auc, labels, scores, replicas=60, seed=seed)
        hits += estimate.low <= truth <= estimate.high
    assert 30 <= hits <= 52  # 41 expected, three sigma


def test_bootstrap_spread_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(3).normal(size=400)
    estimate = metrics.bootstrap(np.mean, values, replicas=400, seed=1)
    # 400 replicas know their spread to 3.5 %, and 400 values their own to as much.
    assert estimate.std == pytest.approx(1 / 20, rel=0.15)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1 / 20, rel=0.2)


def test_binomial_interval_against_the_exact_one():
    low, high = metrics.binomial_interval([0, 5, 10], [10, 10, 10], level=0.95)
    assert low == pytest.approx([0, 0.18709, 0.69150], abs=1e-4)
    assert high == pytest.approx([0.30850, 0.81291, 1], abs=1e-4)


def test_one_class_is_no_sample():
    with pytest.raises(EmptySampleError, match="both signal and background"):
        metrics.auc(np.ones(5), np.arange(5))


def test_with_weights_below_zero_an_area_is_the_sum_over_pairs():
    labels, scores = gaussians(300, 1.0)
    scores = np.round(scores, 1)  # ties count half
    weights = np.random.default_rng(5).choice([1.0, 2.0, -1.0], len(labels), p=[0.6, 0.3, 0.1])
    (s, v), (b, w) = ((scores[labels == n], weights[labels == n]) for n in (1, 0))
    above = (s[:, None] > b) + 0.5 * (s[:, None] == b)
    assert metrics.auc(labels, scores, weights) == pytest.approx(
        v @ above @ w / (v.sum() * w.sum()), rel=1e-12
    )


def test_a_working_point_is_the_first_cut_that_keeps_enough_signal():
    kept = np.array([0.0, 0.3, 0.2, 0.5, 0.45, 1.0])
    assert metrics.working_points(kept, [0.25, 0.31, 0.5, 0.6]).tolist() == [1, 3, 3, 5]


def test_less_than_none_passes_as_none_does():
    assert metrics.binomial_interval(-0.5, 10) == metrics.binomial_interval(0, 10)


@pytest.mark.parametrize(
    ("observed", "expected", "p", "sign"),
    [
        (1, 0.068, 1 - np.exp(-0.068), 1),
        (0, 3.0, np.exp(-3.0), -1),
        (5, 2.0, 1 - np.exp(-2.0) * (1 + 2 + 2 + 4 / 3 + 2 / 3), 1),
        (0, 0.3, 0.5, 1),  # 0.74 of such counts have none
        (2, 2.0, 0.5, 1),
    ],
)
def test_significances_of_counts_are_those_of_poissons_tails(observed, expected, p, sign) -> None:
    found = metrics.counting_significance(observed, expected)
    assert found == pytest.approx(sign * stats.norm.isf(p), abs=1e-9)


def test_an_uncertain_expectation_is_integrated_over() -> None:
    b, error = 4.0, 1.5
    shape = (b / error) ** 2
    prior = stats.gamma(shape, scale=b / shape)
    mean, width = prior.mean(), prior.std()
    assert (mean, width) == pytest.approx((b, error))
    more, _ = integrate.quad(lambda x: prior.pdf(x) * stats.poisson.sf(8, x), 0, 60)
    less, _ = integrate.quad(lambda x: prior.pdf(x) * stats.poisson.cdf(1, x), 0, 60)
    found = metrics.counting_significance([9, 1], [b, b], [error, error])
    assert found == pytest.approx([stats.norm.isf(more), -stats.norm.isf(less)], abs=1e-6)
    assert abs(found[0]) < metrics.counting_significance(9, b)
    many = metrics.counting_significance([10400, 9600], 10000.0, [100.0, 0.0])
    assert many == pytest.approx([400 / np.hypot(100, 100), -4.0], rel=0.02)
