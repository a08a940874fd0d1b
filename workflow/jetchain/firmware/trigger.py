"""A firmware design as a trigger: a score of every event, bit for bit that of the chip.

The chip compares logits: a jet's score is its largest logit of a signal class less its largest one
of a background class, and an event has that of its most signal-like jet. No exponential is needed.
An autoencoder's output is the score of a jet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import ConfigurationError
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.graphs import JET_GRAPHS
from jetchain.core.schema.trigger import TRIGGER_SCORES
from jetchain.core.verbs import Input, Output
from jetchain.firmware.dataset import leading_constituents
from jetchain.firmware.design import read_fixed
from jetchain.firmware.settings import TriggerJobSettings


def score(
    *, weights: Input, graphs: Input, scores: Output, design: str, settings: TriggerJobSettings
) -> None:
    """Score the events of a file.

    Args:
        weights: of the quantised design (`firmware.train.quantised`).
        graphs: JET_GRAPHS, the jets that the trigger sees.
        scores: written, TRIGGER_SCORES.
        design: its key.
        settings: its numbers, its inputs and its classes.
    """
    network = read_fixed(weights, design, settings.model, settings.formats, settings.headroom)
    table, data = read_tensors(graphs, JET_GRAPHS), settings.dataset
    features = leading_constituents(
        table, data.constituents, data.pt_scale, data.angle_scale, data.mass_scale
    )
    x = network.design.select(features).astype(np.float64)
    at_port = network.at_port(x)
    outside = np.sum(np.abs(at_port - x) > network.port.step, axis=1)
    outputs = network.forward(at_port)
    of_jets = (
        outputs[:, 0]
        if outputs.shape[1] == 1  # of an autoencoder
        else of_class(outputs, data.classes, settings.background)
    )
    number, event = np.unique(table["event_number"], return_inverse=True)
    largest = np.full(len(number), -np.inf)
    np.maximum.at(largest, event, of_jets)
    write_tensors(
        scores, TRIGGER_SCORES,
        {
            "event_number": number,
            "score": largest,
            "saturated": np.bincount(event, outside, minlength=len(number)).astype(np.int64),
        },
    )  # fmt: skip


def of_class(
    logits: NDArray[np.float64], classes: Sequence[str], background: Sequence[str]
) -> NDArray[np.float64]:
    """The largest logit of a signal class less that of a background class, (jets,).

    Args:
        logits: (jets, classes)
        classes: in their order.
        background: some of them; the others are signal.

    Raises:
        ConfigurationError: a class is unknown, or none is left for signal.
    """
    is_background = np.isin(classes, background)
    unknown = sorted({*background} - {*classes})
    if unknown or is_background.all():
        raise ConfigurationError(
            f"firmware.trigger.background is {', '.join(background)}, but the classes are "
            f"{', '.join(classes)}.",
            "Name some of firmware.dataset.classes there, and leave one or more for signal.",
        )
    return np.asarray(logits[:, ~is_background].max(axis=1) - logits[:, is_background].max(axis=1))
