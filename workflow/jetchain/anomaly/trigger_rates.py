"""Triggers against each other: the signal that they keep at named rates of background.

A trigger that is trained on the data of the search is trained on a part of them, its threshold is
set on another, without the truth, and its rate is measured on the rest. The signal is that which
was not injected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.settings import FeatureSettings
from jetchain.anomaly.trigger import found, looked_up, selected, threshold
from jetchain.core.dijets import Array, read_dijets
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.metrics import binomial_interval
from jetchain.core.schema.anomaly import DIJET_TRUTH
from jetchain.core.schema.particleflow import Ratio
from jetchain.core.schema.trigger import TRIGGER_EVENTS, TriggerRate, TriggerRates
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Inputs, Labels, Output

TRAIN, VALIDATION, TEST = 0, 1, 2


class TriggerSplitJob(Settings):
    """What `split` reads."""

    features: FeatureSettings
    validation_fraction: float
    test_fraction: float


class TriggerRatesJob(Settings):
    """What `compare` reads."""

    features: FeatureSettings
    rates: list[float]


def split(*, jets: Inputs, pool_data: Input, events: Output, settings: TriggerSplitJob) -> None:
    """Find the events of the search's data in their files, and say what each is used for.

    Args:
        jets: of the files of background and signal.
        pool_data: the data of the search.
        events: written, TRIGGER_EVENTS in the order of the data, which is a random one.
        settings: the cuts of the search, and the parts.

    Raises:
        DataError: files do not hold the events of the search.
        EmptySampleError: a part has no event.
    """
    of_files = [selected(path, settings.features) for path in jets]
    file = np.repeat(np.arange(len(jets)), [len(each.number) for each in of_files])
    mass, number = (
        np.concatenate([getattr(each, name) for each in of_files]) for name in ("mass", "number")
    )
    row = found(read_dijets(pool_data)["m_jj"], mass, pool_data)
    part = parts(len(row), settings.validation_fraction, settings.test_fraction)
    write_tensors(
        events, TRIGGER_EVENTS, {"file": file[row], "event_number": number[row], "split": part}
    )


def parts(events: int, validation: float, test: float) -> NDArray[np.int64]:
    """Training, validation or test, (events,): shares of events that stand in a random order.

    Raises:
        EmptySampleError: a part has no event.
    """
    tested, held = round(test * events), round(validation * events)
    part = np.full(events, TRAIN, np.int64)
    part[:tested], part[tested : tested + held] = TEST, VALIDATION
    if min(np.bincount(part, minlength=3)) == 0:
        raise EmptySampleError(
            f"The {events} events of the search's data are too few to train a trigger on a part, "
            "set its threshold on another and test it on a third.",
            "Generate more events, or change the fractions of firmware.autoencoder.",
        )
    return part


def compare(
    *,
    jets: Inputs,
    scores: Inputs,
    events: Input,
    pool_data: Input,
    pool_truth: Input,
    pool_signal: Input,
    rates: Output,
    names: Labels,
    settings: TriggerRatesJob,
) -> None:
    """Measure each trigger at each rate, beside cuts on the leading jet's pT and on H_T.

    Args:
        jets: of the files of background and signal.
        scores: TRIGGER_SCORES of the same files, design by design.
        events: TRIGGER_EVENTS.
        pool_data, pool_truth, pool_signal: the events of the search (`anomaly.features`).
        rates: written, TriggerRates.
        names: of the designs, displayed, in their order.
        settings: the cuts of the search, and the rates.

    Raises:
        DataError: files do not hold the events of the search.
    """
    of_files = [selected(path, settings.features) for path in jets]
    triggers = {
        design: np.concatenate(
            [
                looked_up(path, each.number)[0]
                for path, each in zip(scores[first : first + len(jets)], of_files, strict=True)
            ]
        )
        for design, first in zip(names, range(0, len(scores), len(jets)), strict=True)
    }
    for cut in ("leading_pt", "ht"):
        triggers[cut] = np.concatenate([getattr(each, cut) for each in of_files])
    mass = np.concatenate([each.mass for each in of_files])
    data, signal = (
        found(read_dijets(path)["m_jj"], mass, path) for path in (pool_data, pool_signal)
    )
    part = read_tensors(events, TRIGGER_EVENTS)["split"]
    background = (part == TEST) & (read_tensors(pool_truth, DIJET_TRUTH)["is_signal"] == 0)
    write_result(
        rates,
        TriggerRates(
            triggers={
                name: [
                    at_rate(
                        rate, score[data[part == VALIDATION]], score[data[background]],
                        score[signal],
                    )
                    for rate in settings.rates
                ]
                for name, score in triggers.items()
            }
        ),
    )  # fmt: skip


def at_rate(rate: float, data: Array, background: Array, signal: Array) -> TriggerRate:
    """A trigger whose threshold accepts at most this share of data, on other events.

    Args:
        rate: the share.
        data, background, signal: scores (events,) of each; no event is in two of them.
    """
    lowest = threshold(data, rate)
    return TriggerRate(
        asked=rate,
        threshold=float(lowest) if np.isfinite(lowest) else None,
        background=_share(background >= lowest),
        signal=_share(signal >= lowest),
    )


def _share(kept: NDArray[np.bool_]) -> Ratio:
    passed, total = int(kept.sum()), len(kept)
    low, high = binomial_interval(passed, total)
    value = passed / total if total else None
    return Ratio(passed=passed, total=total, value=value, low=float(low), high=float(high))
