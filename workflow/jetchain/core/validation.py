"""The rows of the table of validation numbers: each with its statistical error and, where there is
one, the value to compare it with.

Where the tolerance is a rule, a row has a status. It is `passed` within the tolerance, and `failed`
where it is off by more than two of its errors beyond it; between, the error is too large to say:
`undecided`. The worst of many cells is off by chance more often than one number is, so it fails
where it is off by so many errors as the worst of so many independent ones at the tolerance's edge
is by a chance of 2.3 %, that of a single one (the correction by Sidak, J. Am. Stat. Assoc. 62
(1967) 626; with correlated cells the chance is smaller).
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np

from jetchain.core.schema.validation import Status, ValidationNumber

ERRORS = 2.0
"""By so many of its errors beyond the tolerance a single number fails. Our choice."""
Rule = Literal["measured", "exact"]


def errors_of_worst(cells: int) -> float:
    """By how many errors the worst of some independent numbers is off as rarely as one by two."""
    unit = NormalDist()
    return ERRORS if cells == 1 else unit.inv_cdf(unit.cdf(ERRORS) ** (1 / cells))


def worst(
    values: Sequence[float], errors: Sequence[float], reference: float, tolerance: float
) -> int:
    """Which of some numbers is off the most.

    Beyond the tolerance the one by the most of its errors, so that a badly known number hides no
    other; where all are within, the one off by the most.

    Args:
        values, errors: at least one each, as many.
        reference, tolerance: of all.
    """
    excess = np.abs(np.asarray(values, np.float64) - reference) - tolerance
    beyond = excess > 0
    if not np.any(beyond):
        return int(np.argmax(excess))
    known = np.maximum(np.asarray(errors, np.float64), np.finfo(np.float64).tiny)
    return int(np.argmax(np.where(beyond, excess / known, -np.inf)))


def judged(
    value: float, error: float, reference: float, tolerance: float, rule: Rule, cells: int = 1
) -> Status:
    """What a rule says of a number; see the module.

    Args:
        value, error: measured, with its statistical error.
        reference, tolerance: where it should be, and how far off it may be.
        rule: `exact` is a rule of the source to which no error is added: nothing is undecided.
        cells: number of those that it is the worst of.
    """
    excess = abs(value - reference) - tolerance
    if excess <= 0:
        return "passed"
    margin = 0.0 if rule == "exact" else errors_of_worst(cells) * error
    return "failed" if excess > margin else "undecided"


def number(
    quantity: str,
    value: float,
    error: float,
    *,
    sample: str,
    unit: str = "",
    reference: float | None = None,
    tolerance: float = 0.0,
    rule: Rule | None = None,
    cells: int = 1,
    source: str = "",
) -> ValidationNumber:
    """One row of the table of validation numbers.

    Args:
        quantity: what it is.
        value, error: measured, with its statistical error.
        sample: what it was measured on.
        unit: of both.
        reference: published or expected value, if there is one.
        tolerance: how far off it is allowed to be, besides the error.
        rule: how the tolerance judges the value, if it does; see `judged`.
        cells: of how many it is the worst.
        source: where the reference comes from.

    Returns:
        the row; its pull is (value - reference) / sqrt(error^2 + tolerance^2).
    """
    scale = float(np.hypot(error, tolerance))
    known = reference is not None and scale > 0
    if cells > 1:
        source += f"; worst of {cells}: fails from {errors_of_worst(cells):.1f} errors on"
    return ValidationNumber(
        quantity=quantity,
        value=float(value),
        error=float(error),
        unit=unit,
        sample=sample,
        reference=reference,
        tolerance=tolerance if reference is not None else None,
        pull=(float(value) - reference) / scale if reference is not None and known else None,
        status=judged(float(value), float(error), reference, tolerance, rule, cells)
        if reference is not None and rule is not None
        else None,
        source=source,
    )
