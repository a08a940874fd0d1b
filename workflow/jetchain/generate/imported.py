"""One shard of a sample from a file of events that another program made."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.events import write_event_chunks
from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED, VARIATIONS, Cutflow, ShardAccount
from jetchain.core.trees import EVENTS_PER_FILE, REPLACE, Part
from jetchain.generate.history import History, truth_of_history, without_loops
from jetchain.generate.properties import Properties
from jetchain.generate.record import Truth, join_truths
from jetchain.generate.settings import HARDEST, ParticleSettings

HEAVIEST = 1e100
"""Weights from here on have squares whose sum may be infinite."""
SHOWN = 3
"""Loops of histories that are named, of all that were cut."""
SPACELIKE = 0.01
"""Part of its momentum by which a final particle's energy may be too small: rounding, no more."""


class Chunk(NamedTuple):
    """Some events.

    Attributes:
        event: weight, process and pthat of each.
        truth: of them.
        cut: event in the chunk and particle in the event, from 0, of every loop that was cut.
    """

    event: dict[str, NDArray[Any]]
    truth: Truth
    cut: list[tuple[int, int]]


def chunk_of(event: dict[str, NDArray[Any]], history: History) -> Chunk:
    """Some events from their histories, without the loops in them."""
    history, cut = without_loops(history)
    of = np.searchsorted(history.offsets, cut, side="right") - 1
    where = [*zip(of.tolist(), (cut - history.offsets[of]).tolist(), strict=True)]
    return Chunk(event, truth_of_history(history), where)


class EventFile(Protocol):
    """A file of events of one format."""

    format: str
    path: Path
    part: Part

    def chunks(self) -> Iterator[Chunk]:
        """Yield the part's events, their final particles without charge, seen_as and ctau.

        Raises DataError where the file is not whole.
        """

    def cross_section(self) -> tuple[float | None, float | None]:
        """Those of the file in pb, after the last chunk; None where it has none."""


def write_imported(
    events: Path, summary: Path, file: EventFile, settings: ParticleSettings
) -> None:
    """Write the events of a file's part and their account, chunk by chunk.

    Args:
        events: written, table GENERATED.
        summary: written, the account that `generate.sample` writes. Every event counts as
            generated and kept: nothing says what was cut before.
        file: the events.
        settings: particles that a detector sees in another way.

    Raises:
        DataError: a weight, momentum or place is not finite, a weight is too large to add up, an
            energy is negative, below the momentum or above `HARDEST`, all weights are 0, the
            cross-section is not finite, or the detector cannot simulate a particle.
    """
    weights: list[NDArray[np.float64]] = []
    write_event_chunks(events, GENERATED, _numbered(file, settings, weights))
    weight = np.concatenate(weights)
    total = float(weight.sum())
    value, error = _cross_section(file)
    write_result(
        summary,
        ShardAccount(
            process=file.format,
            shard=file.part.shard,
            lowest_pthat=None,
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
            filter_efficiency=1.0 if len(weight) else None,
            cross_section_pb=value,
            cross_section_error_pb=error,
            cross_section_kept_pb=value,
        ),
    )


def _numbered(
    file: EventFile, settings: ParticleSettings, weights: list[NDArray[np.float64]]
) -> Iterator[dict[str, Any]]:
    """The file's events as tables GENERATED; their weights are added to `weights`.

    All is checked here, so that no file of events is there without its account.
    """
    properties, read, loops = Properties(settings), 0, []
    for event, truth, cut in file.chunks():
        before = file.part.first + read
        _check(file.path, event["weight"], truth, before)
        loops += [f"event {before + i + 1}, particle {j + 1}" for i, j in cut]
        number = read + np.arange(len(event["weight"]))
        place = file.part.first + number + 1
        particle, of = truth.columns["particle"], np.repeat(place, truth.counts["particle"])
        particle |= properties.columns(particle["pdgid"], str(file.path), of)
        read += len(number)
        weights.append(event["weight"])
        number += file.part.shard * EVENTS_PER_FILE
        varied = dict.fromkeys(VARIATIONS, event["weight"])  # no file tells them
        yield {"event": {"number": number, **event, **varied}, **join_truths([truth])}
    if not weights:  # a shard without events is as good as any other: see `generate.summarise`
        weights.append(np.empty(0))
        none = {name: np.empty(0, column.dtype) for name, column in GENERATED.event.items()}
        yield {"event": none, **join_truths([])}
    # In a part of a file, single events may have all of the weight of 0 that there is.
    if read and file.part.whole and not any(np.any(weight) for weight in weights):
        raise DataError(
            f"{file.path}: the weight of event 1 is 0, and so are those of all {read} events.",
            f"Write the file with the weights of its events. {REPLACE}",
        )
    _cross_section(file)
    if loops:
        more = f" and {len(loops) - SHOWN} more" if len(loops) > SHOWN else ""
        print(
            f"{file.path}: particles that are their own ancestors have lost their mothers: "
            f"{'; '.join(loops[:SHOWN])}{more}",
            file=sys.stderr,
        )


def _check(path: Path, weight: NDArray[np.float64], truth: Truth, read: int) -> None:
    """Refuse events with values that nothing behind could use.

    Args:
        path: their file.
        weight: (events,)
        truth: of the events.
        read: number of events before them.
    """
    if not np.all(usable := np.abs(weight) < HEAVIEST):
        event = int(np.argmin(usable))
        raise _refusal(path, read + event, "the weight", weight[event])
    for collection, columns in truth.columns.items():
        of = np.repeat(np.arange(len(weight)), truth.counts[collection])
        for name, values in columns.items():
            if values.dtype.kind == "f" and not np.all(finite := np.isfinite(values)):
                row = int(np.argmin(finite))
                what = f"{name} of a {collection} with PDG code {columns['pdgid'][row]}"
                raise _refusal(path, read + of[row], what, values[row])
    particle = {n: truth.columns["particle"][n].astype(float) for n in ("px", "py", "pz", "e")}
    momentum = np.sqrt(particle["px"] ** 2 + particle["py"] ** 2 + particle["pz"] ** 2)
    for wrong, why in (
        (particle["e"] < (1 - SPACELIKE) * momentum, ""),
        (particle["e"] > HARDEST, f" (at most {HARDEST:g} GeV can be simulated)"),
    ):
        if np.any(wrong):
            row = int(np.argmax(wrong))
            event = int(np.searchsorted(np.cumsum(truth.counts["particle"]), row, side="right"))
            code = truth.columns["particle"]["pdgid"][row]
            what = (
                f"the energy of a particle with PDG code {code} and momentum "
                f"{momentum[row]:g} GeV{why}"
            )
            raise _refusal(path, read + event, what, particle["e"][row])


def _refusal(path: Path, event: int, what: str, value: float) -> DataError:
    return DataError(
        f"{path}: in event {event + 1} of the file, {what} is {value:g}.",
        f"Take the event out of the file, or find what wrote it so. {REPLACE}",
    )


def _cross_section(file: EventFile) -> tuple[float | None, float | None]:
    """Cross-section and error, None where it is not positive: nobody told the writer."""
    return stated(file.path, *file.cross_section(), file.part)


def stated(
    path: Path, value: float | None, error: float | None, part: Part
) -> tuple[float | None, float | None]:
    """What a shard knows of the cross-section that a file states.

    `generate.summarise` takes the shards for independent estimates. So the error of each of a
    file's parts is larger than the file's, which all of them together have again.

    Args:
        path: the file.
        value, error: in pb, as it states them.
        part: of the file.

    Returns:
        both, or None where it is not positive.

    Raises:
        DataError: they are not finite.
    """
    if value is None or error is None:
        return None, None
    if not (math.isfinite(value) and math.isfinite(error)):
        raise DataError(
            f"{path}: the cross-section is {value:g} pb, with an error of {error:g} pb.",
            f"Correct it in the file. {REPLACE}",
        )
    if value <= 0 or error < 0:
        return None, None
    return value, error * math.sqrt(part.parts)
