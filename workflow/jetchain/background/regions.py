"""Masses, scores and cuts that all methods share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.anomaly import SCORES
from jetchain.core.verbs import Input

Array = NDArray[np.float64]
Table = dict[str, NDArray]


def inside(m_jj: Array, region: Sequence[float]) -> NDArray[np.bool_]:
    """Which masses (events,) lie in a region [low, high)."""
    return (region[0] <= m_jj) & (m_jj < region[1])


def sidebands(
    m_jj: Array, signal_region: Sequence[float], mass_range: Sequence[float]
) -> NDArray[np.bool_]:
    """Which masses (events,) lie in the range and outside the signal region."""
    return inside(m_jj, mass_range) & ~inside(m_jj, signal_region)


def require_regions(m_jj: Array, signal: NDArray[np.bool_], sideband: NDArray[np.bool_]) -> None:
    """Raise `EmptySampleError` if the signal region or the sidebands hold no event."""
    for name, chosen in (("signal region", signal), ("sidebands", sideband)):
        if not chosen.any():
            span = f"{m_jj.min():.2f} to {m_jj.max():.2f} TeV" if len(m_jj) else "no event at all"
            raise EmptySampleError(
                f"No event lies in the {name}; the dijet masses are {span}.",
                "Generate more background, or change anomaly.signal_region, "
                "background.sideband.spectrum.mass_range or background.cwola.sideband_width.",
            )


def cut_by_fold(
    scores: Array,
    fold: NDArray[np.int64],
    calibration: NDArray[np.bool_],
    efficiency: float,
) -> Array:
    """The threshold that a fraction of the calibration events of each fold exceeds.

    Models differ between folds, and so do their scores: each fold has its own threshold.

    Args:
        scores: (events,)
        fold: (events,)
        calibration: (events,) which events set the thresholds.
        efficiency: the fraction to keep.

    Returns:
        Thresholds (folds,).

    Raises:
        EmptySampleError: a fold has no calibration event.
    """
    thresholds = np.empty(int(fold.max()) + 1)
    for each in range(len(thresholds)):
        chosen = scores[calibration & (fold == each)]
        if len(chosen) == 0:
            raise EmptySampleError(
                f"Fold {each} has no event in the sidebands to set its cut with.",
                "Generate more background, or widen background.sideband.spectrum.mass_range.",
            )
        thresholds[each] = np.quantile(chosen, 1 - efficiency, method="higher")
    return thresholds


def ranks(values: Array, fold: NDArray[np.int64], reference: Table, scores: Array) -> Array:
    """The fraction of reference events of the same fold with a smaller score (events,).

    Args:
        values: (events,) scores to rank.
        fold: (events,) their folds.
        reference: table with "fold" of the reference events.
        scores: (reference events,) their scores.
    """
    result = np.zeros(len(values))
    for each in np.unique(fold):
        ladder = np.sort(scores[reference["fold"] == each])
        own = fold == each
        result[own] = np.searchsorted(ladder, values[own]) / max(len(ladder), 1)
    return result


def read_scores(path: Input, table: Table) -> Array:
    """Scores (events, columns) of a table's events; `DataError` if they are of other events."""
    stored = read_tensors(path, SCORES)
    if not np.array_equal(stored["event_id"], table["event_id"]):
        raise DataError(
            f"{path}: its events are not those of the data.",
            "It is from another run. Remove it and run the same command again.",
        )
    return stored["score"]
