"""Simulate the detector for one shard of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.io.events import count_events, read_event_chunks, write_event_chunks
from jetchain.core.io.tables import write_result
from jetchain.core.progress import Progress
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.core.verbs import Input, Inputs, Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight.particles import Primaries, select_primaries
from jetchain.detector.flight.pileup import Pool, overlay, read_pool
from jetchain.detector.flight.tracks import make_tracks
from jetchain.detector.geometry.description import build_geometry, read_geometry
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.table import Account, cell_truth, detected_table


def simulate(
    *,
    events: Input,
    pileup: Inputs,
    geometry: Resource,
    output: Output,
    account: Output,
    settings: SimulationSettings,
    seed: int,
) -> None:
    """Simulate tracks, cells and topological clusters of every event.

    Args:
        events: table GENERATED.
        pileup: tables GENERATED of minimum-bias events; none where there is no pile-up.
        geometry: resources/geometry/<name>.yaml.
        output: written, table DETECTED, the same events in the same order.
        account: written, cutflow of the particles and account of their energy (GeV).
        settings: the simulation.
        seed: seed of this shard; an event's numbers depend on it and on the event's number alone.

    Raises:
        EmptySampleError: there is pile-up, and the pool has too few events.
    """
    simulation = EventSimulation(build_geometry(read_geometry(geometry)), settings, seed)
    totals = Account(simulation.geometry)
    write_event_chunks(output, DETECTED, simulate_file(events, pileup, simulation, totals))
    write_result(account, totals.summary())


def simulate_file(
    events: Path, pileup: Sequence[Path], simulation: EventSimulation, totals: Account
) -> Iterator[dict[str, Any]]:
    """Simulate the events of a file, chunk after chunk; see `simulate` and `simulate_chunks`."""
    settings = simulation.settings
    pool = read_pool(pileup, settings) if settings.pileup.mean > 0 and pileup else None
    progress = Progress(count_events(events, GENERATED), "events")
    for generated in read_event_chunks(events, GENERATED, {"particle": None}):
        yield from simulate_chunks(generated, simulation, totals, pool)
        progress.report(totals.events)


def simulate_chunks(
    generated: Mapping[str, Any],
    simulation: EventSimulation,
    totals: Account,
    pool: Pool | None = None,
) -> Iterator[dict[str, Any]]:
    """Simulate chunk after chunk.

    Args:
        generated: table GENERATED as arrays (its event and particle records).
        simulation: the detector.
        totals: filled with the account of the particles and of their energy.
        pool: minimum-bias events for pile-up; None for none.

    Yields:
        table DETECTED as arrays, at most ``settings.chunk_events`` events at a time; with
        `cell_truth`, see `table.cell_truth`, where the simulation keeps it.
    """
    size = simulation.settings.chunk_events
    for first in range(0, max(len(generated["event"]), 1), size):
        chunk = slice(first, first + size)
        yield simulate_chunk(
            generated["event"][chunk], generated["particle"][chunk], simulation, totals, pool
        )


def simulate_chunk(
    event: ak.Array,
    particle: ak.Array,
    simulation: EventSimulation,
    totals: Account,
    pool: Pool | None = None,
) -> dict[str, Any]:
    """Simulate some events; see `simulate_chunks`."""
    settings = simulation.settings
    numbers = np.asarray(event["number"])
    particle = overlay(numbers, particle, pool, settings.pileup, simulation.seed)
    primaries: Primaries = select_primaries(particle, settings)
    records = simulation.run(numbers, primaries)
    tracks = make_tracks(records, simulation)
    totals.add(primaries, records, tracks)
    table = detected_table(event, records, tracks, simulation.geometry)
    if simulation.keep_cell_truth:
        table["cell_truth"] = cell_truth(records)
    return table
