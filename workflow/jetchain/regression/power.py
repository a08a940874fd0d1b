"""How small a change a test notices: what a comparison can't see should be known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jetchain.regression.compare import FALSE_ALARM, empty, test
from jetchain.regression.quantities import Exact, Histogram, Number, Quantity
from jetchain.regression.references import Reference, References

STEPS = 10
"""Of the bisection, which ends within 1 % of the answer."""
LEAST = 1e-3
"""Relative change at which the search begins."""


def changed(quantity: Number | Histogram, share: float) -> Number | Histogram:
    """A quantity that moved by a share.

    Of a number: of its value. Of a histogram: so much of all entries lies in its emptiest bin.
    """
    if isinstance(quantity, Number):
        return replace(quantity, value=(1.0 + share) * quantity.value)
    there = np.zeros(len(quantity.values))
    there[np.argmin(quantity.values)] = share
    return replace(
        quantity,
        values=(1.0 - share) * quantity.values + there * quantity.values.sum(),
        variances=(1.0 - share) * quantity.variances + there * quantity.variances.sum(),
    )


def noticed(reference: Reference, threshold: float) -> float | None:
    """The smallest change that a test calls moved.

    Args:
        reference: with what other seeds showed.
        threshold: p-value below which the test says so.

    Returns:
        a share, see `changed`; None where not even a number of zero or of twice the value, or all
        entries in the emptiest bin, are noticed.
    """
    quantity: Quantity = reference.quantity
    if isinstance(quantity, Exact) or empty(quantity):
        return None

    def moved(share: float) -> bool:
        return test(reference, changed(quantity, share)).p < threshold

    low, high = LEAST, 1.0
    if not moved(high):
        return None
    for _ in range(STEPS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if moved(middle) else (middle, high)
    return high


def with_power(references: References) -> References:
    """References that say how small a change each of their tests notices."""
    tests = sum(reference.test != "exact" for reference in references.values())
    return {
        name: replace(
            each,
            tolerance=replace(each.tolerance, noticed=noticed(each, FALSE_ALARM / max(tests, 1))),
        )
        for name, each in references.items()
    }
