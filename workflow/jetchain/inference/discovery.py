"""How far the best strength lies from a hypothesis, and the p-value of none from toys of the
background alone."""

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


def p0_from_toys(
    model: Counting, observed: Array, toys: int, random: np.random.Generator, lowest: float
) -> float:
    """p-value of the hypothesis of no signal, from toys of the background alone.

    Args:
        model: the model.
        observed: (bins,) counts.
        toys: their number.
        random: generator.
        lowest: strength, zero or less.

    Returns:
        Share of the toys whose `signed_root` of no signal is that of the data or larger, the data
        counted among them: at least 1 / (toys + 1). For an excess these are the toys whose q0
        (arXiv 1007.1727, eq. 12) is as large; deficits have up to 1.

    Raises:
        NoMinimumError: the fit of the data fails, or more than one toy's in a hundred.
    """
    data = Data.observed(model, observed)
    without = draw(model, 0.0, profile(model, data, 0.0)[2][0], toys, random)
    found = float(fitted(signed_root(model, data, 0.0, lowest), 1)[0])
    # Behind an excess it is enough to know that a toy is a deficit.
    of_toys = fitted(signed_root(model, without, 0.0, lowest if found < 0 else 0.0), toys)
    return float((1 + np.sum(of_toys >= found - 1e-6)) / (1 + len(of_toys)))


@np.errstate(over="ignore", invalid="ignore")  # steps that are too long, and halved
def signed_root(model: Counting, data: Data, mu: float, lowest: float) -> Array:
    """sign(best mu - mu) sqrt(t_mu) of arXiv 1007.1727, eq. 8, (toys,): a pull of the likelihood.

    If mu is true it is standard normal for many events, whatever scales the signal, whereas a
    strength over its error is too small where the signal's efficiency is uncertain, or events few.

    Args:
        model: the model.
        data: toys.
        mu: the hypothesis.
        lowest: best strength that is allowed, mu or less.
    """
    at_mu, slope, nuisances = profile(model, data, mu)
    best = np.array(at_mu)
    rows = np.flatnonzero(slope < 0)
    if len(rows):
        above = data.chosen(rows)
        high, rising = _above(model, above, mu, nuisances[rows])
        best[rows] = free_minimum(
            model, above, (np.full(len(rows), mu), high), (slope[rows], rising), nuisances[rows]
        )
    rows = np.flatnonzero(slope > 0) if lowest < mu else rows[:0]
    if len(rows):
        below = data.chosen(rows)
        best[rows], falling, starts = profile(model, below, lowest, nuisances[rows])
        inside = np.flatnonzero(falling < 0)  # of the others the best strength is the lowest
        if len(inside):
            ends = np.full((2, len(inside)), [[lowest], [mu]])
            best[rows[inside]] = free_minimum(
                model, below.chosen(inside), (ends[0], ends[1]),
                (falling[inside], slope[rows[inside]]), starts[inside],
            )  # fmt: skip
    return -np.sign(slope) * np.sqrt(np.maximum(2 * (at_mu - best), 0.0))


def _above(model: Counting, data: Data, mu: float, nuisances: Array) -> tuple[Array, Array]:
    """Strengths (toys,) above the best ones, and the slopes of the profile there."""
    high = mu + (3 + np.sqrt(data.counts.sum(1))) / model.signal.sum()
    slope = np.zeros(len(high))
    left = np.flatnonzero(high > mu)
    for _ in range(ROOT_STEPS):
        slope[left] = profile(model, data.chosen(left), high[left], nuisances[left])[1]
        left = left[~(slope[left] > 0)]
        if not len(left):
            break
        high[left] += high[left] - mu
    return high, slope
