"""Hits in the tracker with the particle that left each, for one shard of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.events import count_events, read_event_chunks, write_event_chunks
from jetchain.core.progress import Progress
from jetchain.core.schema.detector import DETECTED, HITS
from jetchain.core.schema.generate import GENERATED
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Inputs, Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight.hits import crossing_points, hit_resolutions, measure
from jetchain.detector.flight.particles import select_primaries
from jetchain.detector.flight.pileup import Pool, overlay, read_pool
from jetchain.detector.flight.states import COLUMNS, SOURCE
from jetchain.detector.flight.tracks import acceptance, join
from jetchain.detector.geometry.description import DISKS, build_geometry, read_geometry
from jetchain.detector.settings import SimulationSettings


def hits(
    *,
    events: Input,
    pileup: Inputs,
    detected: Input,
    geometry: Resource,
    output: Output,
    settings: SimulationSettings,
    seed: int,
) -> None:
    """Write the hits of the events that `detector.simulate` made, by flying their particles again.

    Each charged particle that may leave a track has a hit where its helix crosses a layer, up to
    where it decays or interacts; no other particle has any, and there is no noise. The hits are
    smeared with the resolutions from which the covariance of tracks is fitted; scattering,
    which that fit has too, does not move them. Tracks are measured from COCOA's resolutions, not
    from these hits.

    Args:
        events, pileup, geometry: as of `detector.simulate`.
        detected: table DETECTED that it wrote.
        output: written, table HITS, the same events in the same order.
        settings, seed: as of `detector.simulate`; the smearing has random numbers of its own.

    Raises:
        DataError: the events, settings or the seed are not those of `detected`.
    """
    simulation = EventSimulation(build_geometry(read_geometry(geometry)), settings, seed)
    pool = read_pool(pileup, settings) if settings.pileup.mean > 0 and pileup else None
    progress = Progress(count_events(events, GENERATED), "events")

    def chunks() -> Iterator[dict[str, Any]]:
        done = 0
        columns = {"particle": ["truth_idx"], "track": ["parent_idx"]}
        for generated, known in zip(
            read_event_chunks(events, GENERATED, {"particle": None}),
            read_event_chunks(detected, DETECTED, columns),
            strict=True,
        ):
            found, again = hit_chunk(generated["event"], generated["particle"], simulation, pool)
            if not _same(again, known):
                raise DataError(
                    f"{detected}: is not what detector.simulate makes of {events} with these "
                    "settings and this seed: the hits would name other particles.",
                    REMAKE,
                )
            yield found
            done += len(generated["event"])
            progress.report(done)

    write_event_chunks(output, HITS, chunks())


def hit_chunk(
    event: ak.Array, particle: ak.Array, simulation: EventSimulation, pool: Pool | None = None
) -> tuple[dict[str, Any], dict[str, ak.Array]]:
    """The hits of some events.

    Args:
        event, particle: records of GENERATED.
        simulation: the detector, with settings and seed.
        pool: minimum-bias events for pile-up; None for none.

    Returns:
        table HITS as arrays; and, to compare with DETECTED, the numbers of the events, the
        `truth_idx` of their particles and the `parent_idx` of their tracks.
    """
    geometry, settings = simulation.geometry, simulation.settings
    numbers = np.asarray(event["number"])
    particle = overlay(numbers, particle, pool, settings.pileup, simulation.seed)
    flights = simulation.fly(numbers, select_primaries(particle, settings))
    counts = np.array([len(each.flown.candidates) for each in flights], np.int64)
    rows = join([each.flown.candidates for each in flights], (0, COLUMNS))
    parent = rows[:, SOURCE].astype(np.int64)
    accepted = acceptance(rows, simulation)
    of = np.repeat(np.arange(len(counts)), counts)
    before = np.concatenate([[0], np.cumsum(accepted)])  # tracks before each candidate
    first = before[np.searchsorted(of, np.arange(len(counts)))]
    track = np.where(accepted, before[:-1] - first[of], -1)

    owner, layer, point = crossing_points(
        rows, join([each.flown.hits for each in flights]).astype(np.int64), geometry.tracker
    )
    number = np.bincount(of[owner], minlength=len(counts))
    if settings.smear_tracks:
        pulls = [
            generator(simulation.seed, "hits", int(event)).standard_normal((size, 2))
            for event, size in zip(numbers, number.tolist(), strict=True)
        ]
        disks = geometry.tracker.layers[layer, DISKS] > 0
        point = measure(point, hit_resolutions(geometry.table)[layer], disks, join(pulls, (0, 2)))
    flat = {
        "layer": layer,
        **dict(zip("xyz", point.T, strict=True)),
        "particle": parent[owner],
        "track": track[owner],
    }
    found = {
        "event": {name: np.asarray(event[name]) for name in HITS.event},
        "hit": {name: ak.unflatten(values, number) for name, values in flat.items()},
    }
    again = {
        "number": numbers,
        "truth_idx": ak.unflatten(
            join([each.truth_idx for each in flights]).astype(np.int64),
            np.array([len(each.truth_idx) for each in flights], np.int64),
        ),
        "parent_idx": ak.unflatten(
            parent[accepted], np.bincount(of[accepted], minlength=len(counts))
        ),
    }
    return found, again


def _same(again: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether particles and tracks that were flown again are those of DETECTED."""
    return (
        np.array_equal(again["number"], known["event"]["number"])
        and ak.array_equal(again["truth_idx"], known["particle"]["truth_idx"], dtype_exact=False)
        and ak.array_equal(again["parent_idx"], known["track"]["parent_idx"], dtype_exact=False)
    )
