"""CLs from toys of both hypotheses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jetchain.inference.toys import (
    Array,
    Counting,
    Data,
    draw,
    fitted,
    profile,
    q_tilde,
)


class ToyCls(NamedTuple):
    """CLs at a signal strength, from toys.

    Attributes:
        cls, error: observed, and its statistical error.
        band: (5,) expected at -2, -1, 0, 1, 2 sigma of the background-only data.
        clb: observed.
    """

    cls: float
    band: Array
    error: float
    clb: float


def cls_from_toys(
    model: Counting, observed: Array, mu: float, toys: int, random: np.random.Generator
) -> ToyCls:
    """CLs at a signal strength: p_mu / (1 - p_b) from toys of both hypotheses.

    The nuisance parameters of the toys are those that fit the data best at each hypothesis, and
    their auxiliary measurements are drawn too.

    Args:
        model: the model.
        observed: (bins,) counts.
        mu: signal strength.
        toys: for each hypothesis.
        random: generator.

    Raises:
        NoMinimumError: the fit of the data fails, or more than one toy's in a hundred.
    """
    data = Data.observed(model, observed)
    with_signal = draw(model, mu, profile(model, data, mu)[2][0], toys, random)
    without = draw(model, 0.0, profile(model, data, 0.0)[2][0], toys, random)
    q_signal, q_background = (
        fitted(q_tilde(model, each, mu), toys) for each in (with_signal, without)
    )
    q_observed = float(fitted(q_tilde(model, data, mu), 1)[0])
    return cls_of(q_signal, q_background, q_observed)


def cls_of(q_signal: Array, q_background: Array, q_observed: float) -> ToyCls:
    """CLs from the test statistics of toys; see `cls_from_toys`.

    Args:
        q_signal, q_background: (toys,) sorted, of both hypotheses.
        q_observed: of the data.
    """
    toys = min(len(q_signal), len(q_background))

    def tails(q: Array) -> tuple[Array, Array]:
        # Counts are discrete: ties, up to rounding of the fits, belong to the tail.
        cut = np.asarray(q) - 1e-6
        return (
            (len(q_signal) - np.searchsorted(q_signal, cut)) / len(q_signal),
            (len(q_background) - np.searchsorted(q_background, cut)) / len(q_background),
        )

    numerator, denominator = (float(each) for each in tails(np.array(q_observed)))
    cls = numerator / max(denominator, 1 / toys)
    error = np.sqrt(max(numerator, 1 / toys) * (1 - numerator) / toys) / max(denominator, 1 / toys)
    # Per toy of the background: a larger q is a smaller CLs. pyhf orders from -2 to 2 sigma, where
    # -2 sigma is a deficit, with a small CLs.
    signal_tail, background_tail = tails(q_background)
    every = np.sort(signal_tail / np.maximum(background_tail, 1 / toys))
    quantiles = [0.02275, 0.15866, 0.5, 0.84134, 0.97725]
    band = np.quantile(every, quantiles, method="inverted_cdf")
    return ToyCls(cls, band, float(error), denominator)
