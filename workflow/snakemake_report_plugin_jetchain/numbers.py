"""Numbers as people read them: as many digits as the uncertainty warrants."""

from __future__ import annotations

import math

from jetchain.core.rounding import decimals_of

# Errors above and below that differ by less than this part of their mean are written as one.
_ALIKE = 0.25
_PLURALS = ("cycles",)
_INVERSE_UNITS = ((1e3, 1e-3, "ab⁻¹"), (0.1, 1.0, "fb⁻¹"), (0.0, 1e3, "pb⁻¹"))


def measured(value: float, low: float | None, high: float | None, unit: str = "") -> str:
    """A number with its interval: ``0.9894 ± 0.0018``, ``6.6 +0.9 −0.4 fb``, ``1 cycle``.

    An interval that does not hold the number, as one of a bootstrap may, is written out:
    ``1.010 [1.013, 1.060]``.

    Args:
        value: the number.
        low, high: ends of its 68 % interval, None if it has none.
        unit: its unit, empty if it has none.
    """
    text = plain(value)
    if low is not None and high is not None and high > low:
        above, below = high - value, value - low
        if min(above, below) < 0:
            digits = decimals_of((high - low) / 2)
            text = f"{value:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}]"
        elif abs(above - below) <= _ALIKE * (above + below) / 2:
            digits = decimals_of((above + below) / 2)
            text = f"{value:,.{digits}f} ± {(above + below) / 2:,.{digits}f}"
        else:
            # A side without width says nothing about the digits.
            digits = decimals_of(min(each for each in (above, below) if each > 0))
            text = f"{value:,.{digits}f} +{above:,.{digits}f} -{below:,.{digits}f}"
    if value == 1 and unit in _PLURALS:
        unit = unit.removesuffix("s")
    return f"{text} {unit}".rstrip().replace("-", "−")


def plain(value: float) -> str:
    """A number without an uncertainty: four digits, and all of those before the point."""
    if not math.isfinite(value):
        return str(value)
    if value == round(value) or abs(value) >= 1e3:
        return f"{value:,.0f}" if abs(value) < 1e7 else f"{value:.3e}"
    return f"{value:.4g}"


def luminosity(inverse_fb: float) -> str:
    """An integrated luminosity in the unit that suits it, with two digits.

    Args:
        inverse_fb: in inverse femtobarn.
    """
    factor, unit = next((by, unit) for least, by, unit in _INVERSE_UNITS if inverse_fb >= least)
    value = inverse_fb * factor
    digits = max(0, 1 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{digits}f} {unit}"


def counted(number: int, singular: str, plural: str = "") -> str:
    """``1 job``, ``1,200 jobs``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
