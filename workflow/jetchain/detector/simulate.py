"""Simulate the detector for one shard of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.io import read_events, write_event_chunks, write_json
from jetchain.core.progress import Progress
from jetchain.core.schema import DETECTED, GENERATED
from jetchain.core.verbs import Input, Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.geometry import build_geometry, read_geometry
from jetchain.detector.particles import Primaries, select_primaries
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.table import Account, detected_table
from jetchain.detector.tracks import make_tracks


def simulate(
    *,
    events: Input,
    geometry: Resource,
    output: Output,
    account: Output,
    settings: SimulationSettings,
    seed: int,
) -> None:
    """Simulate tracks, cells and topological clusters of every event.

    Args:
        events: table GENERATED.
        geometry: resources/geometry/<name>.yaml.
        output: written, table DETECTED, the same events in the same order.
        account: written, cutflow of the particles and account of their energy (GeV).
        settings: the simulation.
        seed: seed of this shard; an event's numbers depend on it and on the event's number alone.
    """
    simulation = EventSimulation(build_geometry(read_geometry(geometry)), settings, seed)
    generated = read_events(events, GENERATED, {"particle": None})
    totals = Account(simulation.geometry)
    write_event_chunks(output, DETECTED, simulate_chunks(generated, simulation, totals))
    write_json(account, totals.summary())


def simulate_chunks(
    generated: Mapping[str, Any], simulation: EventSimulation, totals: Account
) -> Iterator[dict[str, Any]]:
    """Simulate chunk after chunk, and report progress.

    Args:
        generated: table GENERATED as arrays (its event and particle records).
        simulation: the detector.
        totals: filled with the account of the particles and of their energy.

    Yields:
        table DETECTED as arrays, at most ``settings.chunk_events`` events at a time.
    """
    n = len(generated["event"])
    size = simulation.settings.chunk_events
    progress = Progress(n, "events")
    for first in range(0, max(n, 1), size):
        chunk = slice(first, first + size)
        yield simulate_chunk(
            generated["event"][chunk], generated["particle"][chunk], simulation, totals
        )
        progress.report(min(first + size, n))


def simulate_chunk(
    event: ak.Array, particle: ak.Array, simulation: EventSimulation, totals: Account
) -> dict[str, Any]:
    """Simulate some events; see `simulate_chunks`."""
    settings = simulation.settings
    primaries: Primaries = select_primaries(particle, settings)
    numbers = np.asarray(event["number"])
    records = []
    for i, number in enumerate(numbers):
        inside = slice(int(primaries.offset[i]), int(primaries.offset[i + 1]))
        records.append(simulation.run(int(number), primaries, inside))
    tracks = make_tracks(records, simulation)
    totals.add(primaries, records, tracks)
    return detected_table(event, records, tracks, simulation.geometry)
