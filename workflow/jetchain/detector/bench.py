"""How fast the detector is, step by step, beside Pythia on the same process."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import GeneratorError
from jetchain.core.io import read_events, write_events, write_json
from jetchain.core.schema import DETECTED, GENERATED
from jetchain.core.verbs import Input, Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.geometry import build_geometry, read_geometry
from jetchain.detector.particles import select_primaries
from jetchain.detector.pileup import overlay
from jetchain.detector.settings import BenchJobSettings
from jetchain.detector.table import detected_table
from jetchain.detector.tracks import make_tracks

WARM_UP = 3
"""Events simulated before the clock starts: compiled code is loaded at its first call."""

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

    Args:
        card: process card of Pythia.
        events: table GENERATED, made with that card.
        geometry: resources/geometry/<name>.yaml.
        report: written: CPU milliseconds an event by step, events per CPU second, ratio.
        settings: number of events, and the simulation; pile-up is left out.
        seed: of both.
    """
    generated = read_events(events, GENERATED, {"particle": None})
    n = min(settings.bench.events, len(generated["event"]))
    simulation = EventSimulation(build_geometry(read_geometry(geometry)), settings.simulation, seed)
    steps = time_steps(generated, simulation, n)
    ours = sum(steps.values())
    pythia = time_pythia(card, n, seed)
    simulated = ours - sum(steps[name] for name in OUTPUT_STEPS)
    result = {
        "events": n,
        "milliseconds_per_event": {name: 1e3 * value / n for name, value in steps.items()},
        "events_per_cpu_s": n / ours,
        "simulated_events_per_cpu_s": n / simulated,
        "pythia_events_per_cpu_s": n / pythia,
        "ratio_of_cpu_time_to_pythia": ours / pythia,
        "ratio_of_simulation_to_pythia": simulated / pythia,
    }
    lines = [f"{name:20} {1e3 * value / n:6.3f} ms an event" for name, value in steps.items()]
    lines += [
        f"simulation of tracks, cells and clusters: {n / simulated:.0f} events/CPU-s, "
        f"{simulated / pythia:.2f} of Pythia's time ({n / pythia:.0f} events/CPU-s)",
        f"with table and file: {n / ours:.0f} events/CPU-s, {ours / pythia:.2f} of Pythia's time",
    ]
    for line in lines:
        print(f"detector.bench: {line}", file=sys.stderr, flush=True)
    write_json(report, result)


def time_steps(generated: dict[str, Any], simulation: EventSimulation, n: int) -> dict[str, float]:
    """CPU seconds of every step for n events."""
    geometry = simulation.geometry
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        result = work()
        seconds[name] = time.process_time() - started
        return result

    event = generated["event"]
    settings = simulation.settings
    numbers = np.asarray(event["number"])
    particle = overlay(numbers, generated["particle"], None, settings.pileup, simulation.seed)
    warm = select_primaries(particle[:WARM_UP], settings)
    records = simulation.run(numbers[:WARM_UP], warm)
    detected_table(event[:WARM_UP], records, make_tracks(records, simulation), geometry)
    primaries = timed("selection", lambda: select_primaries(particle[:n], settings))
    simulation.seconds.clear()
    records = timed("simulation", lambda: simulation.run(numbers[:n], primaries))
    inner = dict(simulation.seconds)
    total = seconds.pop("simulation")
    seconds |= inner
    seconds["other"] = max(total - sum(inner.values()), 0.0)
    tracks = timed("tracks", lambda: make_tracks(records, simulation))
    table = timed("table", lambda: detected_table(event[:n], records, tracks, geometry))
    with tempfile.TemporaryDirectory() as folder:
        timed("writing", lambda: write_events(Path(folder) / "events.root", DETECTED, table))
    return seconds


def time_pythia(card: Path, n: int, seed: int) -> float:
    """CPU seconds of Pythia's own event loop, without initialisation."""
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
    started = time.process_time()
    for _ in range(n):
        pythia.next()
    return time.process_time() - started
