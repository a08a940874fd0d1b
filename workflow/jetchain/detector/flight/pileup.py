"""Pile-up: minimum-bias collisions laid over the hard one.

Beside the hard collision of an event happens a Poisson number of others, drawn from a generated
pool. Each stands at its own place along the beam, and is turned by its own angle around it: since
nothing prefers an azimuth, that makes as good a collision, and the pool serves for many more
events. The beam has no width across. The hard collision stays where it was generated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import awkward as ak
import numpy as np

from jetchain.core.errors import DataError, EmptySampleError, samples_of
from jetchain.core.io.events import read_event_chunks
from jetchain.core.schema.generate import GENERATED, UNSEEN
from jetchain.core.seeds import generator
from jetchain.detector.flight.origins import PILEUP
from jetchain.detector.flight.particles import number_of_vertices
from jetchain.detector.settings import PileupSettings, SimulationSettings

LARGER_POOL = (
    "Let the sample that detector.pileup_sample names (its generation.events, its shards) have "
    "several times detector.simulation.pileup.mean events, or lower this mean."
)
COLUMNS = tuple(GENERATED.collections["particle"])


@dataclass(frozen=True)
class Pool:
    """The minimum-bias events, flat, with only the particles that are simulated."""

    offset: np.ndarray  # (events + 1,)
    particles: dict[str, np.ndarray]  # (n,) columns of `particle` in GENERATED, GeV and mm

    @property
    def events(self) -> int:
        """Number of events."""
        return len(self.offset) - 1


@dataclass(frozen=True)
class Drawn:
    """The collisions that are laid over some events."""

    event: np.ndarray  # (collisions,) number of the event in the chunk, rising
    source: np.ndarray  # (collisions,) event of the pool
    z: np.ndarray  # (collisions,) mm
    turn: np.ndarray  # (collisions,) rad


def read_pool(paths: Sequence[Path], settings: SimulationSettings) -> Pool:
    """Read the minimum-bias events.

    Args:
        paths: tables GENERATED.
        settings: the cuts of the simulation; invisible particles are left out too.

    Raises:
        EmptySampleError: there is no event.
        DataError: their weights differ: each is drawn as often as any other.
    """
    counts, columns, weights = [], [], []
    for weight, particle in _events(paths):
        weights.append(weight)
        pt = np.hypot(particle["px"], particle["py"])
        eta = np.arcsinh(particle["pz"] / np.maximum(pt, 1e-12))
        kept = particle[
            (pt >= settings.particle_pt_min)
            & (abs(eta) <= settings.particle_eta_max)
            & (particle["seen_as"] != UNSEEN)
        ]
        counts.append(np.asarray(ak.num(kept)))
        columns.append({name: np.asarray(ak.flatten(kept[name])) for name in COLUMNS})
    if not sum(map(len, counts)):
        raise EmptySampleError(
            f"The pool of pile-up, {samples_of(paths)}, holds no event.", LARGER_POOL
        )
    weight = np.concatenate(weights)
    if np.any(weight != weight[0]):
        raise DataError(
            f"The pool of pile-up, {samples_of(paths)}, holds events of different weights, "
            f"{weight.min():g} to {weight.max():g}, but is drawn from as if all counted alike.",
            "Let detector.pileup_sample name a sample of unweighted events.",
        )
    return Pool(
        np.concatenate([[0], np.cumsum(np.concatenate(counts))]),
        {name: np.concatenate([part[name] for part in columns]) for name in COLUMNS},
    )


def _events(paths: Sequence[Path]) -> Iterator[tuple[np.ndarray, ak.Array]]:
    """Weights (events,) and particles (events, var), some events at a time."""
    for path in paths:
        for chunk in read_event_chunks(path, GENERATED, {"particle": COLUMNS}):
            yield np.asarray(chunk["event"]["weight"]), chunk["particle"]


def draw(numbers: np.ndarray, events: int, settings: PileupSettings, seed: int) -> Drawn:
    """Draw the collisions of some events; those of an event depend on its number and the seed only.

    Args:
        numbers: (n,) numbers of the events.
        events: number of events in the pool; an event draws each at most once.
        settings: mean number of collisions and their spread along the beam.
        seed: of the shard.

    Raises:
        EmptySampleError: an event needs more collisions than the pool has.
    """
    source, z, turn = [], [], []
    for number in numbers:
        random = generator(seed, "pileup", int(number))
        collisions = random.poisson(settings.mean)
        if collisions > events:
            raise EmptySampleError(
                f"Event {number} has {collisions} pile-up collisions, the pool {events} events.",
                LARGER_POOL,
            )
        source.append(random.choice(events, collisions, replace=False))
        z.append(random.normal(0.0, settings.spread_z, collisions))
        turn.append(random.uniform(-np.pi, np.pi, collisions))
    event = np.repeat(np.arange(len(numbers)), [len(part) for part in source])
    joined = [np.concatenate([np.empty(0), *parts]) for parts in (source, z, turn)]
    return Drawn(event, joined[0].astype(np.int64), joined[1], joined[2])


def overlay(
    numbers: np.ndarray,
    particle: ak.Array,
    pool: Pool | None,
    settings: PileupSettings,
    seed: int,
) -> ak.Array:
    """Append the particles of pile-up to those of some events.

    Args:
        numbers: (events,) their numbers.
        particle: (events, var) collection `particle` of GENERATED.
        pool: the minimum-bias events; None for no pile-up.
        settings: mean number of collisions and their spread along the beam.
        seed: of the shard.

    Returns:
        (events, var) the same columns and `truth_idx`, the index in the event as it was generated,
        -1 for a particle of pile-up; the generated particles come first. Those of pile-up have
        the origin pileup, and vertices of their own for each collision, after the generated ones.

    Raises:
        EmptySampleError: an event needs more collisions than the pool has.
    """
    hard = ak.with_field(particle, ak.local_index(particle, axis=1), "truth_idx")
    if pool is None:
        return hard
    drawn = draw(numbers, pool.events, settings, seed)
    lengths = np.diff(pool.offset)[drawn.source]
    total = int(lengths.sum())
    first = pool.offset[drawn.source] - np.concatenate([[0], np.cumsum(lengths)[:-1]])
    index = np.arange(total) + np.repeat(first, lengths)
    columns = {name: values[index] for name, values in pool.particles.items()}
    turn = np.repeat(drawn.turn, lengths)
    cosine, sine = np.cos(turn), np.sin(turn)
    for one, two in (("px", "py"), ("x", "y")):
        columns[one], columns[two] = (
            cosine * columns[one] - sine * columns[two],
            sine * columns[one] + cosine * columns[two],
        )
    columns["z"] = columns["z"] + np.repeat(drawn.z, lengths)
    columns["origin"] = np.full(total, PILEUP)
    before = _vertices_before(drawn, particle["vertex"], pool)
    columns["vertex"] = np.maximum(columns["vertex"], 0) + np.repeat(before, lengths)
    counts = np.bincount(drawn.event, weights=lengths, minlength=len(numbers)).astype(np.int64)
    added = {
        name: ak.unflatten(values.astype(pool.particles[name].dtype), counts)
        for name, values in columns.items()
    }
    added["truth_idx"] = ak.unflatten(np.full(total, -1), counts)
    return ak.concatenate([hard[[*added]], ak.zip(added, depth_limit=2)], axis=1)


def _vertices_before(drawn: Drawn, vertex: ak.Array, pool: Pool) -> np.ndarray:
    """Vertices of the event before those of each collision, (collisions,).

    Args:
        drawn: the collisions.
        vertex: (events, var) of the generated particles.
        pool: the minimum-bias events.
    """
    offset = np.concatenate([[0], np.cumsum(np.asarray(ak.num(vertex)))])
    hard = number_of_vertices(np.asarray(ak.flatten(vertex)), offset)
    added = number_of_vertices(pool.particles["vertex"], pool.offset)[drawn.source]
    running = np.concatenate([[0], np.cumsum(added)])
    first = np.searchsorted(drawn.event, np.arange(len(hard)))  # collision of each event
    return hard[drawn.event] + running[:-1] - running[first[drawn.event]]
