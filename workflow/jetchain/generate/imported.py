"""One shard of a sample from a file of events that another program made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.events import write_event_chunks
from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED, Cutflow, ShardAccount
from jetchain.generate.properties import Properties
from jetchain.generate.record import Truth, join_truths
from jetchain.generate.settings import ParticleSettings

EVENTS_PER_FILE = 10_000_000
"""Event numbers of shard i start at i times this, since nobody knows how many a file holds."""

Chunk = tuple[dict[str, NDArray[Any]], Truth]
"""Some events: weight, process and pthat of each, and their truth."""


class EventFile(Protocol):
    """A file of events of one format."""

    format: str
    path: Path

    def chunks(self) -> Iterator[Chunk]:
        """Yield all events, their final particles without charge, seen_as and ctau.

        Raises DataError where the file is not whole.
        """

    def cross_section(self) -> tuple[float | None, float | None]:
        """Cross-section and its error in pb after the last chunk; None where the file has none."""


def write_imported(
    events: Path, summary: Path, file: EventFile, shard: int, settings: ParticleSettings
) -> None:
    """Write the events of a file and their account, chunk by chunk.

    Args:
        events: written, table GENERATED.
        summary: written, the account that `generate.sample` writes. Every event counts as
            generated and kept: nothing says what was cut before.
        file: the events.
        shard: number of the shard.
        settings: particles that a detector sees in another way.

    Raises:
        DataError: the file is not whole, or the detector cannot simulate one of its particles.
    """
    weights: list[NDArray[np.float64]] = []
    write_event_chunks(events, GENERATED, _numbered(file, shard, settings, weights))
    weight = np.concatenate(weights)
    total = float(weight.sum())
    value, error = file.cross_section()
    write_result(
        summary,
        ShardAccount(
            process=file.format,
            shard=shard,
            cutflow=Cutflow(
                tried=len(weight),
                failed_in_generator=0,
                generated=len(weight),
                removed_by_filter=0,
                kept=len(weight),
            ),
            sum_of_weights_generated=total,
            sum_of_weights_kept=total,
            sum_of_squared_weights_kept=float((weight**2).sum()),
            filter_efficiency=1.0,
            cross_section_pb=value,
            cross_section_error_pb=error,
            cross_section_kept_pb=value,
        ),
    )


def _numbered(
    file: EventFile, shard: int, settings: ParticleSettings, weights: list[NDArray[np.float64]]
) -> Iterator[dict[str, Any]]:
    """The events as tables GENERATED, chunk by chunk; their weights are added to `weights`."""
    properties, read = Properties(settings), 0
    for event, truth in file.chunks():
        number = read + np.arange(len(event["weight"]))
        particle, of = truth.columns["particle"], np.repeat(number + 1, truth.counts["particle"])
        particle |= properties.columns(particle["pdgid"], str(file.path), of)
        read += len(number)
        weights.append(event["weight"])
        number += shard * EVENTS_PER_FILE
        yield {"event": {"number": number, **event}, **join_truths([truth])}
