"""How fast the detector is, step by step, beside Pythia on the same process."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import GeneratorError, no_event
from jetchain.core.io.events import read_events, write_events
from jetchain.core.io.tables import write_result
from jetchain.core.schema.detector import DETECTED, DetectorBench
from jetchain.core.schema.generate import GENERATED
from jetchain.core.stopwatch import Stopwatch
from jetchain.core.verbs import Input, Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight.particles import select_primaries
from jetchain.detector.flight.pileup import overlay
from jetchain.detector.flight.tracks import make_tracks
from jetchain.detector.geometry.description import build_geometry, read_geometry
from jetchain.detector.settings import BenchJobSettings
from jetchain.detector.table import detected_table

WARM_UP = 3
"""Events simulated before the clock starts."""

ROUNDS = 10

OUTPUT_STEPS = ("table", "writing")
"""Steps that make the file; the others simulate."""


def bench(
    *,
    card: Resource,
    events: Input,
    geometry: Resource,
    report: Output,
    settings: BenchJobSettings,
    seed: int,
) -> None:
    """Measure CPU seconds an event of every step, and of a bare ``pythia.next()`` loop.

    Both take turns in rounds, so that a change of the machine's load meets both.

    Args:
        card: process card of Pythia.
        events: table GENERATED, made with that card.
        geometry: resources/geometry/<name>.yaml.
        report: written: CPU milliseconds an event by step, events per CPU second, and the ratios
            to Pythia: the rounds' medians, with the least and the largest ratio.
        settings: number of events of a round, and the simulation; pile-up is left out.
        seed: of both.

    Raises:
        EmptySampleError: there is no event to time.
    """
    generated = read_events(events, GENERATED, {"particle": None})
    n = min(settings.bench.events, len(generated["event"]))
    if not n:
        raise no_event([events])
    simulation = EventSimulation(build_geometry(read_geometry(geometry)), settings.simulation, seed)
    loop = pythia_loop(card, n, seed)
    simulation.clock = time.process_time
    warm_up(generated, simulation)
    rounds: dict[str, list[float]] = {}
    for each in range(ROUNDS):
        # Whoever goes second finds a warmer machine: take turns.
        turns = (lambda: time_steps(generated, simulation, n), lambda: {"pythia": loop()})
        for turn in turns if each % 2 == 0 else reversed(turns):
            for name, seconds in turn().items():
                rounds.setdefault(name, []).append(seconds / n)
    times = {name: np.array(values) for name, values in rounds.items()}
    pythia = times.pop("pythia")
    ours = sum(times.values())
    simulated = ours - sum(times[name] for name in OUTPUT_STEPS)
    result = DetectorBench(
        events=n,
        rounds=ROUNDS,
        milliseconds_per_event={name: 1e3 * np.median(value) for name, value in times.items()},
        events_per_cpu_s=1 / np.median(ours),
        simulated_events_per_cpu_s=1 / np.median(simulated),
        pythia_events_per_cpu_s=1 / np.median(pythia),
        ratio_of_cpu_time_to_pythia=np.median(ours / pythia),
        ratio_of_simulation_to_pythia=np.median(simulated / pythia),
        ratio_of_simulation_to_pythia_by_round=sorted(simulated / pythia),
    )
    lines = [
        f"{name:20} {value:6.3f} ms an event"
        for name, value in result.milliseconds_per_event.items()
    ]
    least, *_, largest = result.ratio_of_simulation_to_pythia_by_round
    lines += [
        f"simulation of tracks, cells and clusters: {result.simulated_events_per_cpu_s:.0f} "
        f"events/CPU-s, {result.ratio_of_simulation_to_pythia:.2f} of Pythia's time "
        f"({result.pythia_events_per_cpu_s:.0f} events/CPU-s); {least:.2f} to {largest:.2f} in "
        f"{ROUNDS} rounds",
        f"with table and file: {result.events_per_cpu_s:.0f} events/CPU-s, "
        f"{result.ratio_of_cpu_time_to_pythia:.2f} of Pythia's time",
    ]
    for line in lines:
        print(f"detector.bench: {line}", file=sys.stderr, flush=True)
    write_result(report, result)


def warm_up(generated: dict[str, Any], simulation: EventSimulation) -> None:
    """Simulate a few events: compiled code is loaded at its first call."""
    few = {name: column[:WARM_UP] for name, column in generated.items()}
    time_steps(few, simulation, WARM_UP)


def time_steps(generated: dict[str, Any], simulation: EventSimulation, n: int) -> dict[str, float]:
    """CPU seconds of every step for n events."""
    geometry = simulation.geometry
    timed = Stopwatch()
    event = generated["event"]
    settings = simulation.settings
    numbers = np.asarray(event["number"])
    particle = overlay(numbers, generated["particle"], None, settings.pileup, simulation.seed)
    primaries = timed("selection", lambda: select_primaries(particle[:n], settings))
    simulation.seconds.clear()
    records = timed("simulation", lambda: simulation.run(numbers[:n], primaries))
    inner = dict(simulation.seconds)
    seconds = timed.seconds
    total = seconds.pop("simulation")
    seconds |= inner | {"other": max(total - sum(inner.values()), 0.0)}
    tracks = timed("tracks", lambda: make_tracks(records, simulation))
    table = timed("table", lambda: detected_table(event[:n], records, tracks, geometry))
    with tempfile.TemporaryDirectory() as folder:
        timed("writing", lambda: write_events(Path(folder) / "events.root", DETECTED, table))
    return seconds


def pythia_loop(card: Path, n: int, seed: int) -> Callable[[], float]:
    """Pythia's own event loop, initialised: what it does to n more events, in CPU seconds."""
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    pythia.readFile(str(card))
    for line in (
        "Print:quiet = on",
        "Random:setSeed = on",
        f"Random:seed = {1 + seed % 900000000}",
    ):
        pythia.readString(line)
    if not pythia.init():
        raise GeneratorError(
            f"{card}: Pythia refuses this process.", "Correct the card, or choose another sample."
        )

    def loop() -> float:
        started = time.process_time()
        for _ in range(n):
            pythia.next()
        return time.process_time() - started

    return loop
