"""Rows of the validation: pulls, and what a rule says of a number and of the worst of many."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from jetchain.core.validation import errors_of_worst, number, worst

RULE = {"sample": "s", "reference": 0.50, "tolerance": 0.05}


def test_a_pull_takes_error_and_tolerance():
    row = number("x", 0.58, 0.03, sample="s", reference=0.50, tolerance=0.04)
    assert row.pull == pytest.approx(0.08 / 0.05)
    assert number("x", 0.58, 0.03, sample="s").pull is None


@pytest.mark.parametrize(
    ("value", "status"),
    [(0.549, "passed"), (0.551, "undecided"), (0.44, "undecided"), (0.609, "undecided"),
     (0.611, "failed"), (0.389, "failed")],
)  # fmt: skip
def test_a_number_fails_two_errors_beyond_the_tolerance(value, status):
    """0.05 are tolerated, and 2 x 0.03 more are what the error may have made."""
    assert number("x", value, 0.03, rule="measured", **RULE).status == status
    assert number("x", value, 0.03, **RULE).status is None


@pytest.mark.parametrize(
    ("value", "status"), [(0.549, "passed"), (0.551, "failed"), (0.44, "failed")]
)
def test_an_exact_rule_of_the_source_adds_no_error(value, status):
    assert number("x", value, 0.03, rule="exact", **RULE).status == status


def test_the_worst_of_many_is_as_rarely_failed_as_a_single_number():
    """18 numbers that lie where they may just be: as one fails by a chance of 2.3 %."""
    assert errors_of_worst(1) == 2.0
    assert norm.cdf(errors_of_worst(18)) ** 18 == pytest.approx(norm.cdf(2.0), rel=1e-9)
    errors = np.random.default_rng(5).uniform(0.01, 0.03, (20_000, 18))
    values = 0.55 + errors * np.random.default_rng(6).standard_normal(errors.shape)
    failed = 0
    for row, each in zip(values, errors, strict=True):
        far = worst(row, each, 0.50, 0.05)
        found = number("x", row[far], each[far], rule="measured", cells=18, **RULE)
        failed += found.status == "failed"
    assert failed / 20_000 == pytest.approx(norm.sf(2.0), abs=4 * np.sqrt(0.0228 / 20_000))


def test_the_worst_is_off_by_the_most_errors_where_one_is_beyond_the_tolerance():
    assert worst([1.04, 1.05, 0.9], [0.02, 0.002, 0.2], 1.0, 0.01) == 1
    assert worst([1.004, 0.992, 1.0], [0.001, 0.1, 0.0], 1.0, 0.01) == 1
    assert worst([1.02], [0.0], 1.0, 0.01) == 0


def test_a_row_of_the_worst_says_when_it_fails():
    found = number("x", 0.63, 0.03, rule="measured", cells=18, source="theory", **RULE)
    assert found.status == "undecided"  # 2.7 errors beyond: one number would have failed
    assert found.source == "theory; worst of 18: fails from 3.0 errors on"
