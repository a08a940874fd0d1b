"""Figures of merit of classifiers, each with an uncertainty.

Labels are 1 for signal and 0 for background; a larger score is more signal-like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn import metrics as sklearn_metrics

from jetchain.core.errors import EmptySampleError
from jetchain.core.seeds import generator
from jetchain.core.spectrum import effective_number

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with the central 68 % interval and the standard deviation of its replicas."""

    value: float
    low: float
    high: float
    std: float


def _require_both_classes(labels: np.ndarray) -> None:
    if not (np.any(labels == 1) and np.any(labels == 0)):
        raise EmptySampleError(
            "A figure of merit needs both signal and background, and one of them is empty.",
            "Generate more events, or loosen the selection.",
        )


def roc_curve(
    labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None
) -> tuple[Array, Array, Array]:
    """Background efficiency, signal efficiency and threshold, from the tightest cut on.

    Args:
        labels: (n,) 1 for signal, 0 for background.
        scores: (n,)
        weights: (n,) optional.

    Raises:
        EmptySampleError: one of the two classes is empty.
    """
    labels = np.asarray(labels)
    _require_both_classes(labels)
    return sklearn_metrics.roc_curve(
        labels, np.asarray(scores), sample_weight=weights, drop_intermediate=False
    )


def auc(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve, of which weights below 0 take away."""
    labels = np.asarray(labels)
    _require_both_classes(labels)
    if weights is not None and np.any(np.asarray(weights) < 0):  # scikit-learn has no such curve
        leaked, kept, _ = roc_curve(labels, scores, weights)
        return float(np.trapezoid(kept, leaked))
    return float(sklearn_metrics.roc_auc_score(labels, np.asarray(scores), sample_weight=weights))


def working_points(signal_efficiency: ArrayLike, efficiency: ArrayLike) -> NDArray[np.int64]:
    """The tightest cut of a ROC curve that keeps at least a share of the signal.

    A ROC curve of events is one of steps: between two of its cuts there is none, so that a line
    between them promises what no cut keeps.

    Args:
        signal_efficiency: (cuts,) of `roc_curve`; rising but for weights below 0.
        efficiency: wanted; (points,) or one.

    Returns:
        Index of the cut, of the shape of `efficiency`.
    """
    wanted = np.asarray(efficiency) * (1 - 1e-9)  # sums of weights are rounded
    reached = np.maximum.accumulate(np.asarray(signal_efficiency))
    return np.searchsorted(reached, wanted, side="left")


def rejection(
    labels: ArrayLike,
    scores: ArrayLike,
    efficiency: float,
    weights: ArrayLike | None = None,
) -> float:
    """1 / background efficiency at the tightest cut that keeps a share of the signal.

    With no background above the cut the rejection is only bounded: one event stands in for it, so
    the result is at most the (effective) number of background events.
    """
    labels = np.asarray(labels)
    fpr, tpr, _ = roc_curve(labels, scores, weights)
    passed = float(fpr[working_points(tpr, efficiency)])
    if passed > 0:
        return 1.0 / passed
    background = labels == 0
    if weights is None:
        return float(np.count_nonzero(background))
    return effective_number(np.asarray(weights)[background])


def balanced_accuracy(
    label: NDArray[np.int64], scores: NDArray[np.floating], weight: Array
) -> float:
    """Mean over the classes of the part of their jets, by weight, that are recognised.

    Equal to the accuracy on a sample with as many jets of each class, which is what publications
    quote. The first of equal scores counts as chosen, as in firmware.

    Args:
        label: (jets,) index of the true class.
        scores: (jets, classes), logits or probabilities.
        weight: (jets,)

    Raises:
        EmptySampleError: a class has no jet.
    """
    classes = scores.shape[1]
    total = np.bincount(label, weight, minlength=classes)
    if np.any(total == 0):
        raise EmptySampleError("A class has no test jet.", "Generate more events for its sample.")
    hit = np.argmax(scores, axis=1) == label
    right = np.bincount(label[hit], weight[hit], minlength=classes)
    return float(np.mean(right / total))


def bootstrap(
    statistic: Callable[..., float], *arrays: ArrayLike, replicas: int = 100, seed: int
) -> Estimate:
    """A statistic with the spread of its bootstrap replicas.

    Args:
        statistic: called with the arrays, resampled together along their first axis. Replicas for
            which it raises `EmptySampleError` are drawn again.
        arrays: each (n, ...).
        replicas: number of replicas.
        seed: of the resampling.
    """
    data = [np.asarray(array) for array in arrays]
    value = float(statistic(*data))
    random = generator(seed, "bootstrap")
    length = len(data[0])
    spread: list[float] = []
    for _ in range(10 * replicas):
        if len(spread) == replicas:
            break
        chosen = random.integers(0, length, length)
        try:
            spread.append(float(statistic(*(array[chosen] for array in data))))
        except EmptySampleError:
            continue
    if len(spread) < replicas:
        raise EmptySampleError(
            "Too few events for a bootstrap: most replicas lack signal or background.",
            "Generate more events, or loosen the selection.",
        )
    low, high = np.percentile(spread, [15.87, 84.13])
    return Estimate(value, float(low), float(high), float(np.std(spread, ddof=1)))


def resampled(
    truth: NDArray[np.int64], replicas: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """How often each event stands in each replica of a bootstrap; (replicas, events).

    Signal and background are drawn apart, so that each replica has as many of both.

    Args:
        truth: (events,) 1 for signal, 0 for background.
        replicas: how many.
        random: draws them.
    """
    times = np.zeros((replicas, len(truth)), dtype=np.int64)
    for rows in (np.flatnonzero(truth == each) for each in (1, 0)):
        for replica in times:
            drawn = random.integers(0, len(rows), len(rows))
            replica[rows] = np.bincount(drawn, minlength=len(rows))
    return times


def binomial_interval(
    passed: ArrayLike, total: ArrayLike, level: float = 0.6827
) -> tuple[Array, Array]:
    """Clopper-Pearson interval of an efficiency; [0, 1] where nothing was tried.

    By weights below 0 less than none may pass, or more than all: as many as that then count.
    """
    n = np.asarray(total, dtype=float)
    k = np.clip(np.asarray(passed, dtype=float), 0, n)
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(k > 0, stats.beta.ppf(tail, k, n - k + 1), 0.0)
        high = np.where(k < n, stats.beta.ppf(1 - tail, k + 1, n - k), 1.0)
    return low, high


def counting_significance(
    observed: ArrayLike, expected: ArrayLike, error: ArrayLike = 0.0
) -> Array:
    """Signed normal quantile of a count's p-value: above 0 for an excess, below for a deficit.

    The p-value is that of as many or more (or less, in a deficit) than observed; where it is above
    one half, as of none where less than 0.69 are expected, the quantile is 0.

    Args:
        observed: whole numbers.
        expected: above 0.
        error: of what is expected, whose prior is then a gamma distribution with this mean and
            width; 0 where it is known.
    """
    n, b, width = np.broadcast_arrays(
        *(np.asarray(each, dtype=float) for each in (observed, expected, error))
    )
    shape = np.where(width > 0, b / np.where(width > 0, width, 1.0), 1.0) ** 2
    chance = shape / (shape + b)
    above = np.where(width > 0, stats.nbinom.sf(n - 1, shape, chance), stats.poisson.sf(n - 1, b))
    below = np.where(width > 0, stats.nbinom.cdf(n, shape, chance), stats.poisson.cdf(n, b))
    z = np.where(n > b, stats.norm.isf(above), -stats.norm.isf(below))
    return np.where(np.where(n > b, above, below) < 0.5, z, 0.0)


def significance_improvement(
    labels: ArrayLike, scores: ArrayLike, minimum_background: int = 10
) -> tuple[Array, Array]:
    """Signal efficiency and significance improvement eS / sqrt(eB), from the tightest cut on.

    Cuts that keep fewer than `minimum_background` background events are left out: there the
    curve is a fluctuation.
    """
    labels = np.asarray(labels)
    fpr, tpr, _ = roc_curve(labels, scores)
    kept = fpr * np.count_nonzero(labels == 0) >= max(minimum_background, 1) - 1e-9
    return tpr[kept], tpr[kept] / np.sqrt(fpr[kept])
