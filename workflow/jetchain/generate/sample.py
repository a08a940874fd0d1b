"""Generate one shard of a sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from jetchain.core.io.events import write_events
from jetchain.core.io.tables import write_result
from jetchain.core.progress import Progress
from jetchain.core.schema.generate import GENERATED, VARIATIONS, Cutflow, ShardAccount
from jetchain.core.verbs import Output
from jetchain.generate import guns
from jetchain.generate.collisions import Batches, Chunk, Collisions
from jetchain.generate.filters import passes
from jetchain.generate.record import join_truths
from jetchain.generate.settings import GUN, GenerationSettings


def sample(
    *,
    events: Output,
    summary: Output,
    settings: GenerationSettings,
    shard: str,
    seed: int,
) -> None:
    """Generate one shard of a sample with Pythia 8, or with a particle gun.

    A shard of which the filter leaves no event is as good as any other; see `generate.summarise`.

    Args:
        events: written, table GENERATED.
        summary: written, cross-section in pb and cutflow.
        settings: the sample's physics.
        shard: its number, which sets the event numbers.
        seed: seed of this shard.

    Raises:
        GeneratorError: Pythia refuses the process or gives up too many events.
    """
    data, account = generate(settings, int(shard), seed)
    write_events(events, GENERATED, data)
    write_result(summary, account)


def generate(
    settings: GenerationSettings, shard: int, seed: int
) -> tuple[dict[str, Any], ShardAccount]:
    """Generate the events of one shard, and account for them; see `collect`."""
    if settings.process == GUN:
        return collect(_gun_chunks(settings, seed), None, settings, shard)
    collisions = Collisions(settings, seed)
    return collect(reported(collisions.chunks(), settings.events), collisions, settings, shard)


def collect(
    chunks: Iterable[Chunk],
    collisions: Batches | None,
    settings: GenerationSettings,
    shard: int,
    first: int | None = None,
) -> tuple[dict[str, Any], ShardAccount]:
    """Filter and join the chunks of one shard.

    Args:
        chunks: all events of the shard.
        collisions: where they come from; None for a gun.
        settings: the filter, and the number of events of a shard.
        shard: its number.
        first: number of the first event; follows from the shard's if not given.

    Returns:
        the table GENERATED as arrays, and the account: cross-section in pb (null for a gun) before
        and after the filter, and the cutflow in events and in sum of weights.
    """
    first = shard * settings.events if first is None else first
    kept: list[Chunk] = []
    tried = generated = 0
    weight_generated, lowest = 0.0, np.inf
    for chunk in chunks:
        number = first + generated + np.arange(len(chunk.event["weight"]))
        tried += chunk.tried
        generated += len(number)
        weight_generated += float(chunk.event["weight"].sum())
        lowest = min(lowest, float(chunk.event["pthat"].min(initial=np.inf)))
        chunk.event["number"] = number.astype(np.int64)
        kept.append(_filtered(chunk, collisions, settings))
    event = {
        name: np.concatenate([np.empty(0, column.dtype), *(chunk.event[name] for chunk in kept)])
        for name, column in GENERATED.event.items()
    }
    cutflow = Cutflow(
        tried=tried,
        failed_in_generator=tried - generated,
        generated=generated,
        removed_by_filter=generated - len(event["number"]),
        kept=len(event["number"]),
    )
    weight_kept = float(event["weight"].sum())
    efficiency = weight_kept / weight_generated if weight_generated else None
    value, error = collisions.cross_section() if collisions else (None, None)
    account = ShardAccount(
        process=settings.process,
        shard=shard,
        lowest_pthat=lowest if generated else None,
        cutflow=cutflow,
        sum_of_weights_generated=weight_generated,
        sum_of_weights_kept=weight_kept,
        sum_of_squared_weights_kept=float((event["weight"] ** 2).sum()),
        filter_efficiency=efficiency,
        cross_section_pb=value,
        cross_section_error_pb=error,
        cross_section_kept_pb=(None if value is None or efficiency is None else value * efficiency),
    )
    return {"event": event, **join_truths([chunk.truth for chunk in kept])}, account


def _gun_chunks(settings: GenerationSettings, seed: int) -> Iterator[Chunk]:
    events = settings.events
    yield Chunk(
        {
            **dict.fromkeys(("weight", *VARIATIONS), np.ones(events)),
            "process": np.zeros(events, np.int32),
            "pthat": np.zeros(events, np.float32),
        },
        guns.throw(settings.gun, events, seed),
        events,
    )


def _filtered(chunk: Chunk, collisions: Batches | None, settings: GenerationSettings) -> Chunk:
    if collisions is None or settings.filter.jet_pt_min == 0:
        return chunk
    keep = passes(chunk.truth, settings.filter)
    event = {name: values[keep] for name, values in chunk.event.items()}
    return Chunk(event, chunk.truth.select(keep), chunk.tried)


def reported(chunks: Iterator[Chunk], events: int) -> Iterator[Chunk]:
    """Pass chunks on, and report the progress."""
    progress = Progress(events, "events")
    done = 0
    for chunk in chunks:
        yield chunk
        done += chunk.tried
        progress.report(done)
