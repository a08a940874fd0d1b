"""From a varied signal to a modifier of HistFactory.

A variation has an effect on the norm and one on the shape, which share one parameter, N(0, 1):

- the norm is log-normal (normsys): hi = 1 / lo = exp(k). Where both directions change it to the
  same side, or there is one direction alone, the larger change counts, up and down;
- the shape is linear (histosys): half the difference of both directions, each scaled to the norm
  of the signal; of one direction alone the mirror image is the other. No bin loses more than it
  has, and a bin without signal gets none.

Both are smooth at 0, where the data put a parameter that they don't know: one that is bent there
keeps a fit from its minimum. What has no effect makes no modifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.schema.background import SignalVariation

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Systematic:
    """The effect of one parameter on the signal.

    Attributes:
        name: of the parameter.
        norm: (bins,) logarithm of the factor; the same in all bins of a channel.
        tilt: (bins,) relative change of the shape, from -1 to 1.
    """

    name: str
    norm: Array
    tilt: Array


def effect(variation: SignalVariation, *, of_channel: bool) -> Systematic | None:
    """The effect of a variation of the signal; None if there is none.

    Args:
        variation: finite numbers.
        of_channel: all bins are those of one channel; else each is a channel of its own.
    """
    nominal = np.array(variation.nominal, float)
    ends = [None if end is None else np.array(end) for end in (variation.up, variation.down)]
    up, down = (None if end is None else np.maximum(end, 0.0) for end in ends)
    norm: Array = np.zeros(len(nominal))
    tilt: Array = np.zeros(len(nominal))
    if of_channel and nominal.sum() > 0:
        totals = [None if end is None else float(end.sum()) for end in (up, down)]
        norm = norm + _norm(float(nominal.sum()), *totals)
        tilt = _tilt(nominal, up, down)
    elif not of_channel:
        for index, events in enumerate(nominal.tolist()):
            one = [None if end is None else float(end[index]) for end in (up, down)]
            norm[index] = _norm(events, *one)
    if not (norm.any() or tilt.any()):
        return None
    return Systematic(variation.systematic, norm, tilt)


def _norm(nominal: float, up: float | None, down: float | None) -> float:
    """Logarithm of the factor by which one standard deviation changes a number of events."""
    if nominal <= 0:
        return 0.0
    more, less = (0.0 if end is None else end / nominal - 1 for end in (up, down))
    larger = more if abs(more) >= abs(less) else -less
    change = (more - less) / 2 if more * less < 0 else larger
    return float(np.sign(change) * np.log1p(abs(change)))


def _tilt(nominal: Array, up: Array | None, down: Array | None) -> Array:
    """(bins,) relative change of the shape by one standard deviation."""
    known = [
        sign * (end * (nominal.sum() / end.sum()) - nominal)
        for end, sign in ((up, 1), (down, -1))
        if end is not None and end.sum() > 0
    ]
    change = np.mean(known, axis=0) if known else np.zeros(len(nominal))
    relative = np.divide(change, nominal, out=np.zeros(len(nominal)), where=nominal > 0)
    return np.clip(relative, -1.0, 1.0)


def extended(arrays: dict[str, Array], systematics: Sequence[Systematic]) -> dict[str, Any]:
    """Arrays of `toys.Counting` with a column or an entry more for each systematic, and `tilt`."""
    norm, tilt = (
        np.array([getattr(each, name) for each in systematics]).T for name in ("norm", "tilt")
    )
    more = {"kappa": norm, "held": np.ones(len(systematics))}
    return {
        **{name: np.hstack([old, more.get(name, 0 * norm)]) for name, old in arrays.items()},
        "tilt": np.hstack([np.zeros_like(arrays["kappa"]), tilt]),
    }


def best_rate(
    counts: Array, rate: Array, error: Array, measured: Array | float
) -> tuple[Array, Array, Array]:
    """Expected events (..., bins) where the statistics of the simulation fit them best.

    The bin's parameter beta, N(measured, 1), adds beta error events; at the minimum of -log L it is
    the root of a quadratic equation: Barlow and Beeston's method with one parameter a bin. A bin
    without a count may want less than nothing, and gets nothing.
    Reference: arXiv 1103.0354.

    Args:
        counts: observed.
        rate: expected with beta = 0.
        error: events that beta = 1 adds.
        measured: where the auxiliary measurement of beta is.

    Returns:
        The expected events, and first and second derivative of -log L in those with beta = 0.
    """
    part, moved = rate + error * (measured - error), 4 * counts * error**2
    root = np.sqrt(part**2 + moved)
    best = np.where(part > 0, (part + root) / 2, moved / 2 / np.maximum(root - part, 1e-300))
    best = np.maximum(best, 1e-120)
    excess, weight = 1 - counts / best, counts / best**2
    weight = weight / (1 + weight * error**2)
    ended = (counts == 0) & (part < 0) & (error > 0)
    square = np.where(ended, error, 1.0) ** 2
    return best, np.where(ended, 1 + part / square, excess), np.where(ended, 1 / square, weight)
