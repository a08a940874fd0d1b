"""How fast jets are clustered and described, step by step, beside FastJet alone."""

from __future__ import annotations

import sys
import time

import fastjet
import numpy as np

from jetchain.core.errors import no_event
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import write_result
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.jets import JetsBench
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.stopwatch import Stopwatch
from jetchain.core.verbs import Input, Output
from jetchain.jets.cluster import MOMENTUM, describe, find_jets, flatten, flatten_partons
from jetchain.jets.containers import Particles
from jetchain.jets.settings import BenchJobSettings

ROUNDS = 6


def bench(*, truth: Input, particles: Input, report: Output, settings: BenchJobSettings) -> None:
    """Measure CPU milliseconds an event of every step, and of FastJet alone.

    FastJet is its Python package's loop: the particles of an event are handed over one by one, and
    only ``ClusterSequence`` and ``inclusive_jets`` are timed, which run in C++. Both take turns in
    rounds, so that a change of the machine's load meets both.

    Args:
        truth: generated events.
        particles: the reconstructed particles of the same events.
        report: written: medians of the rounds.
        settings: of the clustering, and the radius.

    Raises:
        EmptySampleError: there is no event to time.
    """
    rounds: dict[str, list[float]] = {}
    for each in range(ROUNDS + 1):
        steps = time_steps(truth, particles, settings)
        if each:  # the first loads what is compiled
            for name, seconds in steps.items():
                rounds.setdefault(name, []).append(1e3 * seconds)
    times = {name: float(np.median(values)) for name, values in rounds.items()}
    alone = times.pop("FastJet alone")
    result = JetsBench(
        radius=settings.radius,
        rounds=ROUNDS,
        milliseconds_per_event=times,
        fastjet_milliseconds_per_event=alone,
        ratio_to_fastjet=sum(times.values()) / alone,
    )
    print(f"jets.bench: {result.model_dump_json()}", file=sys.stderr, flush=True)
    write_result(report, result)


def time_steps(truth: Input, particles: Input, settings: BenchJobSettings) -> dict[str, float]:
    """CPU seconds an event of one round."""
    timed = Stopwatch()
    generated = read_events(truth, GENERATED, {"parton": None})
    if not len(generated["event"]):
        raise no_event([truth])
    partons = flatten_partons(generated["parton"])
    flow = timed("reading", lambda: read_events(particles, RECONSTRUCTED, {"pflow": MOMENTUM}))
    flat = timed("flat arrays", lambda: flatten(flow["pflow"], str(particles)))
    cuts = {"pt_min": settings.pt_min, "eta_max": settings.eta_max}
    jets = timed("clustering", lambda: find_jets(flat, settings.radius, **cuts))
    timed("substructure", lambda: describe(jets, flat, partons, settings.radius, settings))
    seconds = timed.seconds
    seconds["FastJet alone"] = fastjet_alone(flat, settings.radius, settings.pt_min)
    return {name: value / len(generated["event"]) for name, value in seconds.items()}


def fastjet_alone(particles: Particles, radius: float, pt_min: float) -> float:
    """CPU seconds of FastJet's anti-kT clustering, event by event."""
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    total = 0.0
    for start, stop in zip(particles.offset[:-1], particles.offset[1:], strict=True):
        inputs = [fastjet.PseudoJet(*row) for row in particles.momentum[start:stop].tolist()]
        started = time.process_time()
        sequence = fastjet.ClusterSequence(inputs, definition)
        sequence.inclusive_jets(pt_min)
        total += time.process_time() - started
    return total
