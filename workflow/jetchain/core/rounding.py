"""As many digits as an uncertainty warrants."""

from __future__ import annotations

import math


def decimals_of(error: float) -> int:
    """Decimals to write an uncertainty with, by the rule of the Particle Data Group, 0 or more.

    Two digits where the leading ones are 355 at most, else one.

    Reference: Review of Particle Physics, Introduction, section 5.3.
    """
    exponent = math.floor(math.log10(error))
    digits = 2 if error / 10**exponent < 3.55 else 1
    return max(0, digits - 1 - exponent)


def with_error(value: float, error: float) -> str:
    """A number and its uncertainty, in the decimals of `decimals_of`.

    Args:
        value, error: in the same unit. Without an error above 0 the number has three digits.
    """
    if not error > 0:
        return f"{value:.3g} ± {error:g}"
    decimals = decimals_of(error)
    return f"{value:,.{decimals}f} ± {error:,.{decimals}f}"
