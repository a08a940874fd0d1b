"""The rows of the table of validation numbers: each with its statistical error and, where there is
one, the value to compare it with."""

from __future__ import annotations

import numpy as np

from jetchain.core.schema.validation import ValidationNumber


def number(
    quantity: str,
    value: float,
    error: float,
    *,
    sample: str,
    unit: str = "",
    reference: float | None = None,
    tolerance: float = 0.0,
    rule: bool = False,
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
        rule: the tolerance is the source's own rule: it says whether the value passes.
        source: where the reference comes from.

    Returns:
        the row; its pull is (value - reference) / sqrt(error^2 + tolerance^2).
    """
    scale = float(np.hypot(error, tolerance))
    known = reference is not None and scale > 0
    return ValidationNumber(
        quantity=quantity,
        value=float(value),
        error=float(error),
        unit=unit,
        sample=sample,
        reference=reference,
        tolerance=tolerance if reference is not None else None,
        pull=(float(value) - reference) / scale if reference is not None and known else None,
        passed=bool(abs(value - reference) <= tolerance)
        if reference is not None and rule
        else None,
        source=source,
    )
