"""How fast generation is against a bare ``pythia.next()`` loop on the same events."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jetchain.core.io import write_events, write_json
from jetchain.core.schema import GENERATED
from jetchain.core.verbs import Inputs, Output
from jetchain.generate.collisions import CHUNK, Collisions
from jetchain.generate.processes import start_pythia
from jetchain.generate.sample import collect
from jetchain.generate.settings import GenerationSettings

ROUNDS = 5


def bench(*, cards: Inputs, report: Output, events: int, seed: int) -> None:
    """Measure events per CPU second of a bare loop and of our generation, for each card.

    Ours goes from `nextBatch` to the written ROOT file; initialisation is in neither. Both start
    from the same seed and so make the same events; they take turns in rounds, so that a change of
    the machine's load meets both.

    Args:
        cards: process cards.
        report: written, rates in events per CPU second and their ratio by process.
        events: events of each, in each round.
        seed: of both.
    """
    results = {card.stem: compare(card, events, seed) for card in cards}
    for name, result in results.items():
        print(
            f"generate.bench: {name}: {result['ours_events_per_cpu_s']:.0f} events/CPU-s of "
            f"{result['bare_events_per_cpu_s']:.0f} in a bare loop, ratio {result['ratio']:.3f}",
            file=sys.stderr,
            flush=True,
        )
    write_json(report, {"events": ROUNDS * events, "chunk": CHUNK, "processes": results})


def compare(card: Path, events: int, seed: int) -> dict[str, Any]:
    """Rates of both in events per CPU second, and ours over the bare loop's."""
    settings = GenerationSettings(process=card.stem, events=events)
    bare = start_pythia(card, [], seed)
    ours = Collisions(card, settings, seed)
    seconds = {"bare": 0.0, "ours": 0.0}

    def loop() -> None:
        for _ in range(events):
            bare.next()

    def generation() -> None:
        data, _ = collect(ours.chunks(), ours, settings, shard=0)
        with tempfile.TemporaryDirectory() as folder:
            write_events(Path(folder) / "events.root", GENERATED, data)

    for each in range(ROUNDS):
        # Whoever goes second finds a warmer machine: take turns.
        turns = [("bare", loop), ("ours", generation)]
        for name, work in turns if each % 2 == 0 else reversed(turns):
            seconds[name] += _cpu_seconds(work)
    rates = {name: ROUNDS * events / value for name, value in seconds.items()}
    return {
        "bare_events_per_cpu_s": rates["bare"],
        "ours_events_per_cpu_s": rates["ours"],
        "ratio": rates["ours"] / rates["bare"],
    }


def _cpu_seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
