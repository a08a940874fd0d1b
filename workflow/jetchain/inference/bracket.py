"""Where CLs falls through its level, observed and expected, with several strengths at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jetchain.inference.toys import NoMinimumError

Array = NDArray[np.floating]
FIRST = np.geomspace(0.1, 3.0, 8)
"""Strengths that are tried first, in rough upper limits."""
ROUNDS = 40
PRECISION = 1e-4
"""Relative, of CLs to its level or of a limit."""


def upper_limits(
    cls: Callable[[Array], Array], start: float, ceiling: float, level: float
) -> tuple[list[float] | None, Array, Array]:
    """The strengths where CLs, observed and at -2 to 2 sigma, falls through the level.

    Args:
        cls: (strengths,) to (strengths, 6).
        start: a rough upper limit.
        ceiling: largest strength that is tried.
        level: 1 - confidence level.

    Returns:
        the six limits, None if not even the ceiling is excluded by all; and what was tried,
        (strengths,) sorted and (strengths, 6).

    Raises:
        NoMinimumError: CLs is not a number, or stays below the level towards zero.
    """
    mu, values = _around(cls, start, ceiling, level)
    if values[-1].max() > level:
        return None, mu, values
    ends = np.empty((2, 6))
    heights = np.empty((2, 6))  # log CLs over the level, at both ends
    logs = np.log(np.maximum(values, 1e-300) / level)
    for index in range(6):
        last = int(np.flatnonzero(values[:, index] >= level)[-1])
        ends[:, index] = mu[last : last + 2]
        heights[:, index] = logs[last : last + 2, index]
    result = np.where(np.abs(heights[0]) < PRECISION, ends[0], np.nan)
    moved = [-1] * 6
    for _ in range(ROUNDS):
        left = np.flatnonzero(np.isnan(result))
        if not len(left):
            break
        # Regula falsi; the height of an end that stays twice is halved (the Illinois rule).
        width = ends[1] - ends[0]
        share = heights[0] / (heights[0] - heights[1])
        middle = (ends[0] + np.clip(share, 0.01, 0.99) * width)[left]
        tried = _checked(cls, middle)
        mu, values = np.concatenate([mu, middle]), np.concatenate([values, tried])
        for curve, at, found in zip(left.tolist(), middle, tried, strict=True):
            height = float(np.log(max(found[curve], 1e-300) / level))
            side, other = (0, 1) if height >= 0 else (1, 0)
            ends[side, curve], heights[side, curve] = at, height
            if moved[curve] == side:
                heights[other, curve] /= 2
            moved[curve] = side
            if abs(height) < PRECISION or ends[1, curve] - ends[0, curve] < PRECISION * at:
                result[curve] = at
    order = np.argsort(mu, kind="stable")
    return result.tolist(), mu[order], values[order]


def _around(
    cls: Callable[[Array], Array], start: float, ceiling: float, level: float
) -> tuple[Array, Array]:
    """Strengths from where all six lie above the level to where all lie below, and their CLs."""
    mu = np.unique(np.minimum(start * FIRST, ceiling))
    values = _checked(cls, mu)
    while values[-1].max() > level and mu[-1] < ceiling:
        more = np.minimum(mu[-1] * np.array([2.0, 4.0]), ceiling)
        more = np.unique(more)
        mu, values = np.append(mu, more), np.concatenate([values, _checked(cls, more)])
    for _ in range(30):
        if values[0].min() >= level:
            return mu, values
        less = mu[0] / np.array([4.0, 2.0])
        mu, values = np.append(less, mu), np.concatenate([_checked(cls, less), values])
    raise NoMinimumError(f"CLs stays below {level:g} down to the signal strength {mu[0]:.4g}")


def _checked(cls: Callable[[Array], Array], mu: Array) -> Array:
    values = cls(mu)
    if not np.all(np.isfinite(values)):
        where = mu[~np.all(np.isfinite(values), axis=1)][0]
        raise NoMinimumError(f"CLs at the signal strength {where:.4g} is not a number")
    return values
