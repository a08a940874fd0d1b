"""Tables of a trigger in front of the search: scores of events, and what it leaves."""

from __future__ import annotations

from jetchain.core.schema.base import Result, Tensor, TensorTable
from jetchain.core.schema.particleflow import Ratio

TRIGGER_SCORES = TensorTable(
    name="trigger scores of events",
    tensors={
        "event_number": Tensor("int64", ("events",), "", "of events with a jet that it sees"),
        "score": Tensor("float64", ("events",), "", "of the jet with the largest one"),
        "saturated": Tensor("int64", ("events",), "", "numbers that did not fit in the port"),
    },
)


TRIGGER_EVENTS = TensorTable(
    name="the search's data in its files",
    tensors={
        "file": Tensor("int64", ("events",), "", "of the search's background and signal"),
        "event_number": Tensor("int64", ("events",), "", "event number in that file"),
        "split": Tensor("int64", ("events",), "", "0: training, 1: validation, 2: test"),
    },
)


class TriggerPoint(Result):
    """The events of the search behind a trigger, ``point.json``; all are past the cut on pT.

    Attributes:
        design: whose score it cuts on.
        asked: share of the data that it may accept.
        threshold: smallest score that is accepted; null where all events are.
        accepted: share of the data.
        background, background_accepted: events of the data that are no signal, by the truth.
        accepted_fb: cross-section of the accepted background.
        signal_efficiency: share of the simulated signal.
        unseen: events of the data without a jet that the trigger sees: it rejects them.
        saturated: share of the events of the data with a number that did not fit in the port.
    """

    design: str
    asked: float
    threshold: float | None
    accepted: float
    background: int
    background_accepted: int
    accepted_fb: float
    signal_efficiency: float
    unseen: int
    saturated: float


class TriggerRate(Result):
    """A trigger at one rate.

    Attributes:
        asked: share of the data that it may accept.
        threshold: smallest score that is accepted; null where none is.
        background: share of the background kept.
        signal: share of the signal kept.
    """

    asked: float
    threshold: float | None
    background: Ratio
    signal: Ratio


class TriggerRates(Result):
    """Triggers at named rates, ``trigger_rates.json``, with binomial errors.

    Attributes:
        triggers: by name; `leading_pt` and `ht` are cuts on the jets' momenta.
    """

    triggers: dict[str, list[TriggerRate]]
