"""Two samples of one distribution? Pure functions that answer with a p-value.

Both samples fluctuate: the reference is one run like the other. The p-values of tests that suppose
independent entries or stated errors are corrected by what other seeds showed, see `Tolerance`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from jetchain.regression.quantities import Array, Histogram, Number

EXPECTED = 10.0
"""Effective entries that the smaller sample expects at least in a bin of the chi2 test."""
KS_BELOW = 100.0
"""Effective entries below which two samples are compared by their cumulative distributions."""
KOLMOGOROV_MEAN = math.pi**2 / 12
"""Mean of n D^2 without a difference, for large n."""


@dataclass(frozen=True)
class Tolerance:
    """What reruns with other seeds say about a test.

    Attributes:
        inflation: factor on the variance (chi2, KS, pull) that makes the test's mean what it
            should be; 1 where no seed was run, and never below.
        freedom: degrees of freedom of chi2 over the counted ones: correlated bins have fewer.
        spread: standard deviation of a number from seed to seed.
        seeds: how many runs say so; 0 for none.
        noticed: the smallest change that the test notices, see `jetchain.regression.power`; None
            if it notices none, or before any seed was run.
    """

    inflation: float = 1.0
    freedom: float = 1.0
    spread: float = 0.0
    seeds: int = 0
    noticed: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a test says.

    Attributes:
        statistic: chi2, the largest distance of the cumulative distributions, or the pull.
        freedom: of chi2 or Student's t; infinite for a Gaussian.
        p: how often chance alone gives this or more.
    """

    statistic: float
    freedom: float
    p: float


def merge_bins(entries: Array, smaller: float) -> NDArray[np.intp]:
    """Where merged bins begin, so that the smaller sample expects `EXPECTED` entries in each.

    Neighbours are joined; only the sum of the samples decides, which says nothing about their
    difference.

    Args:
        entries: (bins,) effective entries of both samples together.
        smaller: effective entries of the smaller sample.
    """
    needed = EXPECTED * entries.sum() / max(smaller, 1e-300)
    starts, held = [0], 0.0
    for index, count in enumerate(entries):
        if held >= needed:
            starts.append(index)
            held = 0.0
        held += count
    if held < needed and len(starts) > 1:
        starts.pop()
    return np.array(starts)


def chi2(first: Histogram, second: Histogram, tolerance: Tolerance = Tolerance()) -> Outcome:
    """Homogeneity of two weighted histograms: do they have the same shape?

    Weights are first scaled so that each sample's sum and sum of squares agree. With unit weights
    it is then Pearson's test of a contingency table; with others the variance of a bin is that of
    both samples together, which unlike each sample's own (arXiv physics/0605123; ROOT's
    TH1::Chi2Test "WW") holds for a few entries too. Bins are merged. Neither may be empty: there
    is no shape without entries.
    """
    sizes = first.effective, second.effective
    columns = []
    for histogram in (first, second):
        ratio = histogram.values.sum() / histogram.variances.sum()
        columns += [histogram.values * ratio, histogram.variances * ratio**2]
    starts = merge_bins(columns[0] + columns[2], min(sizes))
    one, var_one, two, var_two = (np.add.reduceat(column, starts) for column in columns)
    scale = sizes[0] * sizes[1] * (var_one + var_two)
    difference = (sizes[0] * two - sizes[1] * one) ** 2
    statistic = float(np.divide(difference, scale, out=np.zeros_like(one), where=scale > 0).sum())
    freedom = len(starts) - 1.0
    if not freedom:
        return Outcome(0.0, 0.0, 1.0)
    corrected = max(freedom * tolerance.freedom, 0.5)
    p = float(stats.chi2.sf(statistic / tolerance.inflation, corrected))
    return Outcome(statistic, freedom, p)


def kolmogorov(first: Histogram, second: Histogram, tolerance: Tolerance = Tolerance()) -> Outcome:
    """Kolmogorov-Smirnov on binned samples; bins make its p-value too large, never too small.

    The exact distribution for whole entries, Kolmogorov's for weighted or correlated ones.
    Neither may be empty.
    """
    sizes = first.effective, second.effective
    cumulative = [np.cumsum(each.values) / each.values.sum() for each in (first, second)]
    distance = float(np.abs(cumulative[0] - cumulative[1]).max())
    effective = sizes[0] * sizes[1] / (sizes[0] + sizes[1]) / tolerance.inflation
    p = float(stats.kstwobign.sf(math.sqrt(effective) * distance))
    if all(np.array_equal(each.values, each.variances) for each in (first, second)):
        one, two = (
            np.repeat(np.arange(len(each.values)), each.values.astype(int))
            for each in (first, second)
        )
        with warnings.catch_warnings():  # many entries: scipy takes Kolmogorov's, and says so
            warnings.simplefilter("ignore", RuntimeWarning)
            p = max(p, float(stats.ks_2samp(one, two, method="exact").pvalue))
    return Outcome(distance, math.inf, p)


def pull(first: Number, second: Number, tolerance: Tolerance = Tolerance()) -> Outcome:
    """Difference of two numbers over their errors, those of both; Student's t for few entries."""
    assert first.error is not None
    assert second.error is not None
    variance = tolerance.inflation * (first.error**2 + second.error**2)
    counts = [n - 1.0 for n in (first.entries, second.entries) if n is not None]
    if tolerance.inflation > 1.0:
        counts.append(max(tolerance.seeds - 1.0, 1.0))
    return _student(second.value - first.value, variance, max(min(counts, default=math.inf), 1.0))


def spread(first: Number, second: Number, tolerance: Tolerance) -> Outcome:
    """Difference of two numbers over their spread from seed to seed."""
    width = max(tolerance.spread, first.floor * abs(first.value))
    return _student(second.value - first.value, 2 * width**2, max(tolerance.seeds - 1.0, 1.0))


def _student(difference: float, variance: float, freedom: float) -> Outcome:
    if difference == 0.0:
        return Outcome(0.0, freedom, 1.0)
    value = (
        difference / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, difference)
    )
    p = 2 * (stats.norm.sf(abs(value)) if math.isinf(freedom) else stats.t.sf(abs(value), freedom))
    return Outcome(value, freedom, float(p))


def holm(p_values: Mapping[str, float], alpha: float) -> dict[str, float]:
    """Share out a probability of false alarm over tests (Holm, Scand. J. Stat. 6 (1979) 65).

    However the tests are correlated, the probability that any true hypothesis is rejected is at
    most alpha. The smallest p-value is held against alpha / tests, as in Bonferroni's way, the
    next against alpha / (tests - 1), until one passes.

    Returns:
        by name the threshold that its p-value must reach to be compatible.
    """
    order = sorted(p_values, key=lambda name: (p_values[name], name))
    thresholds, rejecting = {}, True
    step = len(order)
    for name in order:
        thresholds[name] = alpha / step
        rejecting = rejecting and p_values[name] < alpha / step
        step = step - 1 if rejecting else step
    return thresholds


def measure_numbers(values: Array, pulls: Array, seeds: int) -> Tolerance:
    """Tolerance of a number from runs with different seeds.

    Args:
        values: (runs,) the number.
        pulls: (pairs,) of the runs' differences, by their stated errors; empty if none is stated.
        seeds: number of runs.
    """
    return Tolerance(
        inflation=max(float(np.mean(pulls**2)), 1.0) if len(pulls) else 1.0,
        spread=float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        seeds=seeds,
    )


def measure_chi2(ratios: Array, freedom: Array, seeds: int) -> Tolerance:
    """Tolerance of a chi2 test from pairs of runs with different seeds.

    chi2 of correlated entries is close to c chi2(f): c and f follow from its mean and variance
    (Satterthwaite, Biometrics 2 (1946) 110).

    Args:
        ratios: (pairs,) chi2 / freedom.
        freedom: (pairs,) counted degrees of freedom.
        seeds: number of runs.
    """
    if not len(ratios):
        return Tolerance(seeds=seeds)
    mean, counted = float(ratios.mean()), float(freedom.mean())
    scale = max(float(ratios.var()) * counted / (2 * mean) if mean > 0 else 1.0, mean, 1.0)
    # Never more degrees of freedom than were counted, and a mean of one at least.
    return Tolerance(scale, min(max(mean, 1.0) / scale, 1.0), seeds=seeds)


def measure_kolmogorov(distances: Array, sizes: Array, seeds: int) -> Tolerance:
    """Tolerance of a KS test from pairs of runs: D (pairs,), and n1 n2 / (n1 + n2) (pairs,)."""
    if not len(distances):
        return Tolerance(seeds=seeds)
    return Tolerance(max(float((sizes * distances**2).mean()) / KOLMOGOROV_MEAN, 1.0), seeds=seeds)
