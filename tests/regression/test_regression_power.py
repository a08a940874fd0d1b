"""What a comparison can notice: against closed forms, and against the comparison itself."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from jetchain.regression import compare as comparing
from jetchain.regression.compare import sensitivity
from jetchain.regression.power import changed, noticed
from jetchain.regression.quantities import Exact, Histogram, Number
from jetchain.regression.references import Reference
from jetchain.regression.statistics import Tolerance

THRESHOLD = 1e-6


def test_smallest_pull_is_that_of_the_gaussian():
    reference = Reference(Number(50.0, 1.0), "pull")
    expected = stats.norm.isf(THRESHOLD / 2) * np.sqrt(2) / 50
    assert noticed(reference, THRESHOLD) == pytest.approx(expected, rel=0.02)


def test_smallest_change_of_a_training_is_students():
    reference = Reference(Number(0.8), "spread", Tolerance(spread=0.02, seeds=21))
    expected = stats.t.isf(THRESHOLD / 2, 20) * np.sqrt(2) * 0.02 / 0.8
    assert noticed(reference, THRESHOLD) == pytest.approx(expected, rel=0.02)


def test_what_can_not_be_noticed_is_none():
    wide = Tolerance(spread=0.3, seeds=21)
    assert noticed(Reference(Number(0.8), "spread", wide), THRESHOLD) is None
    assert noticed(Reference(Number(0.0, 1.0), "pull"), THRESHOLD) is None
    assert noticed(Reference(Exact(1), "exact"), THRESHOLD) is None
    nothing = Histogram(np.zeros(5), np.zeros(5), np.arange(4.0))
    assert noticed(Reference(nothing, "chi2"), THRESHOLD) is None


@pytest.mark.parametrize("kind", ["chi2", "ks"])
def test_smallest_change_of_a_shape_is_where_its_test_begins_to_see_it(kind):
    counts = np.array([0.0, 5, 20, 40, 20, 5, 0])
    reference = Reference(Histogram(counts, counts, np.arange(6.0)), kind)
    least = noticed(reference, THRESHOLD)
    assert 0.05 < least < 0.9
    assert comparing.test(reference, changed(reference.quantity, 0.98 * least)).p >= THRESHOLD
    assert comparing.test(reference, changed(reference.quantity, least)).p < THRESHOLD
    wider = replace(reference, tolerance=Tolerance(inflation=3.0, seeds=21))
    assert noticed(wider, THRESHOLD) is None or noticed(wider, THRESHOLD) > 1.3 * least


def test_a_moved_histogram_keeps_its_entries():
    counts = np.array([3.0, 0, 7, 9])
    moved = changed(Histogram(counts, 2 * counts, np.arange(3.0)), 0.25)
    assert moved.values.tolist() == [2.25, 19 * 0.25, 5.25, 6.75]
    assert moved.variances.sum() == pytest.approx(38)


def test_sensitivity_counts_only_what_seeds_measured():
    tolerances = [Tolerance(seeds=21, noticed=each) for each in (0.05, 0.2, 0.9, None)]
    assert sensitivity([*tolerances, Tolerance()]) == [
        "Of 4 tests notice a change: 1 one of 10%, 2 one of 30%, 3 one of 100%; "
        "the others, none so small."
    ]
    assert sensitivity([Tolerance()]) == []
