"""The p-value of a discovery from toys of the background alone."""

from __future__ import annotations

import numpy as np

from jetchain.inference.toys import (
    ROOT_STEPS,
    Array,
    Counting,
    Data,
    draw,
    fitted,
    free_minimum,
    profile,
)


def p0_from_toys(model: Counting, observed: Array, toys: int, random: np.random.Generator) -> float:
    """p-value of the hypothesis of no signal, from toys of the background alone.

    Args:
        model: the model.
        observed: (bins,) counts.
        toys: their number.
        random: generator.

    Returns:
        Share of the toys whose q0 (arXiv 1007.1727, eq. 12) is that of the data or larger, the
        data counted among them: at least 1 / (toys + 1).

    Raises:
        NoMinimumError: the fit of the data fails, or more than one toy's in a hundred.
    """
    data = Data.observed(model, observed)
    without = draw(model, 0.0, profile(model, data, 0.0)[2][0], toys, random)
    q_observed = float(fitted(q_discovery(model, data), 1)[0])
    q_toys = fitted(q_discovery(model, without), toys)
    return float((1 + np.sum(q_toys >= q_observed - 1e-6)) / (1 + len(q_toys)))


def q_discovery(model: Counting, data: Data) -> Array:
    """The test statistic of discovery, q0 of arXiv 1007.1727, eq. 12, (toys,)."""
    at_zero, slope, nuisances = profile(model, data, 0.0)
    result = np.zeros(len(at_zero))
    rows = np.flatnonzero(slope < 0)  # the best fit lies above zero
    high = np.zeros(len(at_zero))
    high[rows] = (3 + np.sqrt(data.counts[rows].sum(1))) / model.signal.sum()
    rising = slope.copy()
    left = rows
    for _ in range(ROOT_STEPS):
        rising[left] = profile(model, data.chosen(left), high[left], nuisances[left])[1]
        left = left[~(rising[left] > 0)]
        if not len(left):
            break
        high[left] *= 2
    if len(rows):
        best = free_minimum(
            model, data.chosen(rows), high[rows], (slope[rows], rising[rows]), nuisances[rows]
        )
        result[rows] = np.maximum(2 * (at_zero[rows] - best), 0.0)
    return result
