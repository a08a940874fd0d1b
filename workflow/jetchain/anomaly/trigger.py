"""The search behind a trigger: events that it rejects are gone, from data and simulated signal.

The trigger scores events of files (TRIGGER_SCORES); the events of the search are shuffled, without
their numbers. They are known again by their dijet mass, which is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.features import COLUMNS, dijet_features, passes, triggered
from jetchain.anomaly.settings import FeatureSettings
from jetchain.core.dijets import Array, Table, read_dijets
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.jets import jet_collection, jets_table
from jetchain.core.schema.trigger import TRIGGER_SCORES, TriggerPoint
from jetchain.core.verbs import Input, Inputs, Output

UNSEEN = -np.inf
"""Score of an event without a jet that the trigger sees."""


def apply(
    *,
    jets: Inputs,
    scores: Inputs,
    pool_data: Input,
    pool_truth: Input,
    pool_signal: Input,
    normalisation: Input,
    data: Output,
    truth: Output,
    signal_test: Output,
    scaled: Output,
    point: Output,
    design: str,
    rate: str,
    settings: FeatureSettings,
) -> None:
    """Take out of the search what a trigger of some rate rejects.

    The threshold is set on the data, which know no truth; what is left of the signal lowers the
    number of events that a cross-section stands for.

    Args:
        jets: of the files of background and signal.
        scores: TRIGGER_SCORES of the same files.
        pool_data, pool_truth, pool_signal: the events of the search (`anomaly.features`).
        normalisation: of the search.
        data, truth, signal_test: written, what is accepted of them.
        scaled: written, the normalisation behind the trigger.
        point: written, TriggerPoint.
        design: of the trigger.
        rate: share of the data that it may accept; 1 is no trigger.
        settings: the cuts of the search.

    Raises:
        DataError: files do not hold the events of the search.
        EmptySampleError: no data or no signal is left.
    """
    known = [scored(path, table, settings) for path, table in zip(jets, scores, strict=True)]
    mass, score, saturated = (np.concatenate(column) for column in zip(*known, strict=True))
    tables = {
        pool_data: read_dijets(pool_data), pool_signal: read_dijets(pool_signal)
    }  # fmt: skip
    rows = {path: found(table["m_jj"], mass, path) for path, table in tables.items()}
    asked, of_data = float(rate), score[rows[pool_data]]
    lowest = threshold(of_data, asked)
    kept = {path: score[row] >= lowest for path, row in rows.items()}
    for path, chosen in kept.items():
        if not chosen.any():
            raise EmptySampleError(
                f"The trigger '{design}' at a rate of {rate} leaves no event of {path}.",
                "Raise firmware.trigger.rates, or generate more events.",
            )
    is_signal = read_tensors(pool_truth, DIJET_TRUTH)
    background = is_signal["is_signal"] == 0
    for written, source in ((data, pool_data), (signal_test, pool_signal)):
        write_tensors(written, DIJETS, _chosen(tables[source], kept[source]))
    write_tensors(truth, DIJET_TRUTH, _chosen(is_signal, kept[pool_data]))
    whole = read_result(normalisation, Normalisation)
    efficiency = float(kept[pool_signal].mean())
    write_result(scaled, behind(whole, efficiency))
    write_result(
        point,
        TriggerPoint(
            design=design,
            asked=asked,
            threshold=float(lowest) if np.isfinite(lowest) else None,
            accepted=float(kept[pool_data].mean()),
            background=int(background.sum()),
            background_accepted=int(kept[pool_data][background].sum()),
            accepted_fb=float(kept[pool_data][background].sum() / whole.luminosity_fb),
            signal_efficiency=efficiency,
            unseen=int(np.sum(of_data == UNSEEN)),
            saturated=float(np.mean(saturated[rows[pool_data]] > 0)),
        ),
    )


def behind(whole: Normalisation, efficiency: float) -> Normalisation:
    """The normalisation behind a trigger with this efficiency for the signal.

    The signal of strength 1 has the cross-section that it had, and fewer events; to whole events it
    is rounded, and the cross-section with it.
    """
    reference = max(round(whole.reference_events * efficiency), 1)
    acceptance = whole.signal_acceptance * efficiency
    return whole.model_copy(
        update={
            "signal_acceptance": acceptance,
            "reference_events": reference,
            "reference_cross_section_fb": reference / (whole.luminosity_fb * acceptance),
            "injected_events": round(whole.injected_events * efficiency),
        }
    )


def scored(
    jets: Input, scores: Input, settings: FeatureSettings
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Dijet mass, trigger score and saturated numbers of a file's events of the search."""
    events = selected(jets, settings)
    score, saturated = looked_up(scores, events.number)
    return events.mass, score, saturated


class Selected(NamedTuple):
    """A file's events of the search, (events,) each: dijet mass, and of their jets the largest pT
    and H_T, the sum of pT, GeV."""

    number: NDArray[np.int64]
    mass: Array
    leading_pt: Array
    ht: Array


def selected(jets: Input, settings: FeatureSettings) -> Selected:
    """The events of a file that pass the cuts of the search."""
    collection = jet_collection(settings.radius)
    read = read_events(jets, jets_table((settings.radius,)), {collection: list(COLUMNS)})
    of_jets, number = read[collection], np.asarray(read["event"]["number"])
    leading = np.asarray(ak.fill_none(ak.max(of_jets.pt, axis=1), 0.0), np.float64)
    ht = np.asarray(ak.sum(of_jets.pt, axis=1), np.float64)
    chosen = passes(of_jets, settings.trigger_pt)
    pair, finite = triggered(of_jets, settings.trigger_pt)
    masses, _ = dijet_features(*({n: v[:, jet] for n, v in pair.items()} for jet in (0, 1)))
    leading, ht = leading[chosen][finite], ht[chosen][finite]
    return Selected(number[chosen][finite], masses[finite], leading, ht)


def looked_up(scores: Input, number: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """Trigger score and saturated numbers of these events (events,) of a file."""
    table = read_tensors(scores, TRIGGER_SCORES)
    if not len(table["event_number"]):
        return np.full(len(number), UNSEEN), np.zeros(len(number), np.int64)
    place = np.minimum(
        np.searchsorted(table["event_number"], number), len(table["event_number"]) - 1
    )
    seen = table["event_number"][place] == number
    return (
        np.where(seen, table["score"][place], UNSEEN),
        np.where(seen, table["saturated"][place], 0),
    )


def found(wanted: Array, mass: Array, path: Input) -> NDArray[np.int64]:
    """Where these masses (events,) stand among those of the files.

    Raises:
        DataError: one is not there, or there are two of it.
    """
    order = np.argsort(mass, kind="stable")
    place = np.searchsorted(mass[order], wanted)
    last = np.searchsorted(mass[order], wanted, side="right")
    if np.any(last - place != 1):
        raise DataError(
            f"{path}: {int(np.sum(last - place != 1))} of {len(wanted)} events are not known again "
            "by their mass among those of the jets.",
            REMAKE,
        )
    return order[place]


def threshold(score: Sequence[float] | Array, share: float) -> float:
    """The smallest score that is accepted, so that at most this share of the events is.

    Equal scores, of which fixed point has many, are accepted or rejected together. All events are
    accepted with a share of 1; events that the trigger does not see never are, with less.
    """
    if share >= 1.0:
        return -np.inf
    values, counts = np.unique(np.asarray(score), return_counts=True)
    above = np.cumsum(counts[::-1])[::-1]  # events at or above each value
    fits = values[(above <= share * len(score)) & (values > UNSEEN)]
    return float(fits[0]) if len(fits) else np.inf


def _chosen(table: Table, kept: NDArray[np.bool_]) -> Table:
    return {name: values[kept] for name, values in table.items()}
