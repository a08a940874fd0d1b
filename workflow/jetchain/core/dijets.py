"""What the rooms of the search share: regions of the dijet mass, and the scores of its events.

A region of the mass is half-open, [low, high), wherever it is used: neighbouring regions share no
event and leave none out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES
from jetchain.core.schema.base import TensorTable

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
                "background.sideband.spectrum.mass_range or the method's sideband_width.",
            )


def read_dijets(path: Path) -> Table:
    """Dijet events as DIJETS says; `DataError` if a number of theirs is none that an event has."""
    table = read_tensors(path, DIJETS)
    for name in ("m_jj", "features"):
        _require_finite(path, name, table[name])
    for name, least in (("m_jj", table["m_jj"] > 0), ("fold", table["fold"] >= 0)):
        if not least.all():
            event = int(np.argmin(least))
            raise DataError(
                f"{path}: event {event} has the {name} {table[name][event]:g}.",
                "Correct or leave out that event: masses are above 0, and folds count from 0.",
            )
    return table


def read_scores(path: Path, table: Table) -> Array:
    """Scores (events, columns) of a table's events.

    Raises:
        DataError: they are of other events, or not all of them numbers.
    """
    scores = _of_events(path, SCORES, table)["score"]
    _require_finite(path, "score", scores)
    return scores


def read_truth(path: Path, table: Table) -> NDArray[np.int64]:
    """1 for the signal among a table's events (events,); `DataError` if it is of other events."""
    return _of_events(path, DIJET_TRUTH, table)["is_signal"]


def _of_events(path: Path, kind: TensorTable, table: Table) -> Table:
    stored = read_tensors(path, kind)
    if not np.array_equal(stored["event_id"], table["event_id"]):
        raise DataError(
            f"{path}: its events are not those of the data.",
            "It is from another run. Remove it and run the same command again.",
        )
    return stored


def _require_finite(path: Path, name: str, values: NDArray) -> None:
    """Raise `DataError` unless all values (events, ...) are finite."""
    finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if not finite.all():
        event = int(np.argmin(finite))
        raise DataError(
            f"{path}: {name} of {np.sum(~finite)} of {len(values)} events is no finite number, the "
            f"first of event {event}: {values[event]}.",
            "No cut or fit knows where such an event belongs: correct it, or leave it out.",
        )
