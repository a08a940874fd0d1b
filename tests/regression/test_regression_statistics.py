"""The tests of a comparison: p-values that are uniform without a difference, and fall with one."""

import numpy as np
import pytest
from scipy import stats

from jetchain.regression.quantities import Histogram, Number
from jetchain.regression.statistics import (
    EXPECTED,
    Tolerance,
    chi2,
    holm,
    kolmogorov,
    measure_chi2,
    measure_numbers,
    merge_bins,
    pull,
    spread,
)

EDGES = np.linspace(-4, 4, 41)
# Several checks of one kind each: a chance of 1e-4 each to fail for a correct test.
CHANCE = 1e-4


def filled(values, weights=None) -> Histogram:
    """A histogram with its flow bins."""
    bins = np.concatenate([[-np.inf], EDGES, [np.inf]])
    weights = np.ones(len(values)) if weights is None else weights
    return Histogram(
        np.histogram(values, bins, weights=weights)[0],
        np.histogram(values, bins, weights=weights**2)[0],
        EDGES,
    )


def thrown(random, entries, shift=0.0, weighted=False) -> Histogram:
    values = random.normal(shift, 1, random.poisson(entries))
    return filled(values, random.uniform(0.2, 2.0, len(values)) if weighted else None)


def require_uniform(p_values, discrete=0.0):
    """The rate of small p-values is what they say, within what chance gives."""
    for level in (0.5, 0.1, 0.02):
        seen = int(np.sum(p_values < level))
        few, many = stats.binom.ppf([CHANCE, 1 - CHANCE], len(p_values), level)
        assert seen <= many, level
        assert seen >= few * (1 - discrete), level


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("one", "two"), [(2000, 2000), (60, 60), (100, 1500)])
def test_chi2_of_two_samples_is_uniform(one, two, weighted):
    random = np.random.default_rng([one, two, weighted])
    p = [
        chi2(thrown(random, one, weighted=weighted), thrown(random, two, weighted=weighted)).p
        for _ in range(1500)
    ]
    require_uniform(np.array(p), discrete=0.3)  # few merged bins have few possible values


@pytest.mark.shared
def test_small_p_values_of_chi2_are_not_too_many():
    # A gate asks for one in a million: the tail must not be heavy. 30,000 toys of few entries.
    random = np.random.default_rng(3)
    p = np.array([chi2(thrown(random, 110), thrown(random, 110)).p for _ in range(30_000)])
    for level in (1e-3, 1e-4):
        assert np.sum(p < level) <= stats.binom.ppf(1 - CHANCE, len(p), level)


def test_chi2_of_weight_one_is_that_of_a_contingency_table():
    random = np.random.default_rng(4)
    first, second = (
        Histogram(counts, counts, categories=tuple("abcdef"))
        for counts in (random.poisson(mean, 6).astype(float) for mean in (40, 90))
    )
    ours = chi2(first, second)
    theirs = stats.chi2_contingency([first.values, second.values], correction=False)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.freedom == theirs.dof
    assert ours.p == pytest.approx(theirs.pvalue)


def test_chi2_does_not_depend_on_the_unit_of_the_weights():
    random = np.random.default_rng(5)
    first, second = thrown(random, 500, weighted=True), thrown(random, 500, weighted=True)
    scaled = Histogram(7 * second.values, 49 * second.variances, EDGES)
    assert chi2(first, scaled).p == pytest.approx(chi2(first, second).p)
    assert chi2(second, first).p == pytest.approx(chi2(first, second).p)


def test_merged_bins_hold_enough_and_keep_every_entry():
    random = np.random.default_rng(6)
    both = thrown(random, 150).values + thrown(random, 450).values
    merged = np.add.reduceat(both, merge_bins(both, 150))
    assert merged.sum() == both.sum()
    assert np.all(merged * 150 / both.sum() >= EXPECTED)
    assert len(merged) > 5


def test_chi2_finds_a_shift_of_a_fifth_of_the_width():
    random = np.random.default_rng(7)
    found = [chi2(thrown(random, 3000), thrown(random, 3000, 0.2)).p for _ in range(100)]
    # Expected: 60 more than the degrees of freedom, n/2 x 0.2^2.
    assert np.mean(np.array(found) < 1.5e-6) > 0.5


@pytest.mark.parametrize("entries", [25, 80])
def test_kolmogorov_is_never_too_sure(entries):
    random = np.random.default_rng(entries)
    p = np.array(
        [kolmogorov(thrown(random, entries), thrown(random, entries)).p for _ in range(800)]
    )
    for level in (0.5, 0.1, 0.02):
        assert np.sum(p < level) <= stats.binom.ppf(1 - CHANCE, len(p), level)


def test_kolmogorov_is_scipys_on_the_bins():
    random = np.random.default_rng(9)
    one, two = random.normal(size=60), random.normal(0.7, 1, 45)
    found = kolmogorov(filled(one), filled(two))
    oracle = stats.ks_2samp(np.digitize(one, EDGES), np.digitize(two, EDGES), method="exact")
    assert found.statistic == pytest.approx(oracle.statistic)
    assert oracle.pvalue <= found.p < 2 * oracle.pvalue  # Kolmogorov's, where that is larger


def test_kolmogorov_finds_another_distribution():
    random = np.random.default_rng(10)
    assert kolmogorov(thrown(random, 60), thrown(random, 60, 2.0)).p < 1e-8


def test_one_bin_has_no_shape_to_compare():
    assert chi2(filled(np.zeros(500)), filled(np.zeros(400))).p == 1  # all in one bin


def test_pulls_are_gaussian_or_students():
    assert pull(Number(1.0, 0.3), Number(2.5, 0.4)).statistic == pytest.approx(3.0)
    assert pull(Number(1.0, 0.3), Number(2.5, 0.4)).p == pytest.approx(2 * stats.norm.sf(3))
    few = pull(Number(1.0, 0.3, 9), Number(2.5, 0.4, 30))
    assert few.p == pytest.approx(2 * stats.t.sf(3, 8))
    wide = pull(Number(1.0, 0.3), Number(2.5, 0.4), Tolerance(inflation=9.0, seeds=21))
    assert wide.p == pytest.approx(2 * stats.t.sf(1, 20))


def test_pulls_of_small_samples_are_uniform():
    random = np.random.default_rng(11)
    p = []
    for _ in range(4000):
        one, two = random.normal(size=(2, 8))
        p.append(pull(*(Number(x.mean(), x.std(ddof=1) / np.sqrt(8), 8) for x in (one, two))).p)
    require_uniform(np.array(p), discrete=0.3)  # 7 degrees of freedom where 14 would be right


def test_spread_of_seeds_is_students_with_a_floor():
    tolerance = Tolerance(spread=2.0, seeds=21)
    found = spread(Number(10.0), Number(16.0), tolerance)
    assert found.statistic == pytest.approx(6 / np.sqrt(8))
    assert found.p == pytest.approx(2 * stats.t.sf(6 / np.sqrt(8), 20))
    still = spread(Number(10.0), Number(10.5), Tolerance(spread=0.0, seeds=21))
    assert still.statistic == pytest.approx(0.5 / (np.sqrt(2) * 0.2))
    assert spread(Number(0.0), Number(0.0), Tolerance(seeds=21)).p == 1
    assert spread(Number(0.0), Number(1.0), Tolerance(seeds=21)).p == 0


def test_holm_steps_down_and_keeps_its_promise():
    thresholds = holm({"a": 1e-5, "b": 0.02, "c": 0.9, "d": 1e-3}, 0.05)
    assert thresholds == {"a": 0.05 / 4, "d": 0.05 / 3, "b": 0.05 / 2, "c": 0.05}
    assert holm({"a": 0.02, "b": 0.03}, 0.05) == {"a": 0.025, "b": 0.025 * 2}
    # Once one passes, those after it are held against the same.
    assert holm({"a": 0.03, "b": 0.04, "c": 0.045}, 0.06)["c"] == pytest.approx(0.02)
    random = np.random.default_rng(12)
    alarms = 0
    for _ in range(4000):
        p = {str(i): value for i, value in enumerate(random.uniform(size=40))}
        limits = holm(p, 0.05)
        alarms += any(p[name] < limits[name] for name in p)
    assert stats.binom.ppf(CHANCE, 4000, 0.045) < alarms <= stats.binom.ppf(1 - CHANCE, 4000, 0.05)


def correlated(random) -> Histogram:
    """Entries that come in fours: an event's."""
    return filled(np.repeat(random.normal(size=random.poisson(500)), 4))


def test_what_seeds_show_makes_correlated_entries_uniform():
    random = np.random.default_rng(13)
    runs = [correlated(random) for _ in range(21)]
    pairs = [chi2(a, b) for i, a in enumerate(runs) for b in runs[:i]]
    freedom = np.array([each.freedom for each in pairs])
    measured = measure_chi2(np.array([each.statistic for each in pairs]) / freedom, freedom, 21)
    assert measured.inflation == pytest.approx(4.0, rel=0.4)
    wrong = np.array([chi2(correlated(random), correlated(random)).p for _ in range(100)])
    assert np.mean(wrong < 1e-6) > 0.5
    p = np.array([chi2(correlated(random), correlated(random), measured).p for _ in range(1500)])
    for level in (1e-2, 1e-3):
        assert np.sum(p < level) <= stats.binom.ppf(1 - CHANCE, len(p), 2 * level)
    assert np.mean(p < 0.5) > 0.3


def test_measured_tolerances_never_sharpen_a_test():
    quiet = measure_chi2(np.full(40, 0.3), np.full(40, 10.0), 10)
    assert (quiet.inflation, quiet.freedom) == (1.0, 1.0)
    assert measure_chi2(np.zeros(0), np.zeros(0), 3) == Tolerance(seeds=3)
    numbers = measure_numbers(np.array([1.0, 2.0, 3.0]), np.array([0.1, -0.1]), 3)
    assert numbers == Tolerance(inflation=1.0, spread=1.0, seeds=3)
