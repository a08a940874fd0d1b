"""Tables of a trigger in front of the search: scores of events, and what it leaves."""

from __future__ import annotations

from jetchain.core.schema.base import Result, Tensor, TensorTable

TRIGGER_SCORES = TensorTable(
    name="trigger scores of events",
    tensors={
        "event_number": Tensor("int64", ("events",), "", "of events with a jet that it sees"),
        "score": Tensor("float64", ("events",), "", "of the jet with the largest one"),
        "saturated": Tensor("int64", ("events",), "", "numbers that did not fit in the port"),
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
