"""How fast generation is against a bare ``pythia.next()`` loop on the same events."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jetchain.core.io.events import write_events
from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED, GenerationBench, GenerationRates
from jetchain.core.verbs import Output
from jetchain.generate.collisions import CHUNK, Collisions
from jetchain.generate.processes import start_pythia
from jetchain.generate.sample import collect
from jetchain.generate.settings import BenchSettings, GenerationSettings

ROUNDS = 6


def bench(*, report: Output, settings: BenchSettings, seed: int) -> None:
    """Measure events per CPU second of a bare loop and of our generation, for each process.

    Ours goes from `nextBatch` to the written ROOT file; initialisation and imports are in neither.
    Both start from the same seed and so make the same events; they take turns in rounds, so that a
    change of the machine's load meets both.

    Args:
        report: written, rates in events per CPU second and their ratio by process.
        settings: which processes, and how many events of each in a round.
        seed: of both.
    """
    results = {name: compare(name, settings.events, seed) for name in settings.processes}
    for name, result in results.items():
        print(
            f"generate.bench: {name}: {result.ours_events_per_cpu_s:.0f} events/CPU-s of "
            f"{result.bare_events_per_cpu_s:.0f} in a bare loop, ratio {result.ratio:.3f}",
            file=sys.stderr,
            flush=True,
        )
    write_result(
        report,
        GenerationBench(events=ROUNDS * settings.events, chunk=CHUNK, processes=results),
    )


def compare(process: str, events: int, seed: int) -> GenerationRates:
    """Median rates of both in events per CPU second, and the median of their ratio by round."""
    settings = GenerationSettings(process=process, events=events)
    bare = start_pythia(process, [], seed)
    ours = Collisions(settings, seed)
    seconds: dict[str, list[float]] = {"bare": [], "ours": []}

    def loop() -> None:
        for _ in range(events):
            bare.next()

    def generation() -> None:
        data, _ = collect(ours.chunks(), ours, settings, shard=0)
        with tempfile.TemporaryDirectory() as folder:
            write_events(Path(folder) / "events.root", GENERATED, data)

    loop()
    generation()  # imports what is needed at first use
    for each in range(ROUNDS):
        # Whoever goes second finds a warmer machine: take turns.
        turns = [("bare", loop), ("ours", generation)]
        for name, work in turns if each % 2 == 0 else reversed(turns):
            seconds[name].append(_cpu_seconds(work))
    return GenerationRates(
        bare_events_per_cpu_s=events / statistics.median(seconds["bare"]),
        ours_events_per_cpu_s=events / statistics.median(seconds["ours"]),
        ratio=statistics.median(
            bare / ours for bare, ours in zip(seconds["bare"], seconds["ours"], strict=True)
        ),
    )


def _cpu_seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
