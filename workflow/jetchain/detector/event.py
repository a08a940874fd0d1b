"""Simulation of one event: track smearing, showers, cells, clusters and their truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from jetchain.core.seeds import generator
from jetchain.detector.calorimeter import digitisation, response, showers, spots
from jetchain.detector.clusters import incidence, topoclusters
from jetchain.detector.flight import decays, states, tracker, transport
from jetchain.detector.flight.origins import origins
from jetchain.detector.flight.particles import Primaries
from jetchain.detector.geometry.description import Geometry
from jetchain.detector.settings import SimulationSettings


@dataclass(frozen=True)
class EventRecord:
    """What the detector sees of one event, and its truth; MeV, mm and rad."""

    flown: states.Flown  # its particles, their account, and what may leave a track
    truth_idx: np.ndarray  # (particles,) index of the generated particle each comes from
    track_pulls: np.ndarray  # (candidates, 5) standard normal
    track_luck: np.ndarray  # (candidates,) uniform; below the efficiency the track is found
    track_truth: np.ndarray  # (candidates, 2) origin and vertex
    by_layer: np.ndarray  # (particles, layers) deposited
    moments: np.ndarray  # (clusters, moments) columns moments.MOMENTS
    cluster_by_layer: np.ndarray  # (clusters, layers)
    incidence: tuple[np.ndarray, np.ndarray, np.ndarray]  # particle, cluster, fraction
    clustered: float  # deposited in clustered cells
    cells: np.ndarray  # (listed cells,) numbers
    cell_energy: np.ndarray  # (listed cells,)
    cell_cluster: np.ndarray  # (listed cells,)
    cell_truth: tuple[np.ndarray, ...]  # see incidence.cell_truth; empty if it is not kept


class Flight(NamedTuple):
    """An event between the tracker and the calorimeter."""

    rng: np.random.Generator  # of the event
    flown: states.Flown
    truth_idx: np.ndarray  # (particles,) index of the generated particle each comes from
    pulls: np.ndarray  # (candidates, 5)
    luck: np.ndarray  # (candidates,)
    truth: np.ndarray  # (candidates, 2) origin and vertex


class EventSimulation:
    """Simulates events in buffers that are made once.

    Args:
        geometry: of the detector.
        settings: of the simulation.
        seed: an event's numbers depend on it and on the event's number alone.
        keep_cell_truth: whether the records say which particle left what in each cell.
    """

    def __init__(
        self,
        geometry: Geometry,
        settings: SimulationSettings,
        seed: int,
        keep_cell_truth: bool = False,
    ) -> None:
        cells = geometry.cells.layer.size
        self.geometry, self.settings, self.seed = geometry, settings, seed
        self.keep_cell_truth = keep_cell_truth
        self.clusterer = topoclusters.Clusterer(geometry, settings.clustering)
        self.quantum = digitisation.sampling_quantum(
            settings.sampling_step, geometry.slabs.sampling
        )
        self.correlations = tracker.correlations(geometry.table)
        self.fitted_momentum = tracker.fitted_momentum(geometry.table)
        self.decays = decays.decay_table()
        self._readout = digitisation.empty_readout(cells)
        self.seconds: dict[str, float] = {}  # CPU time by step, for `detector.bench`
        self.clock: Callable[[], float] = _stopped  # asking for the time takes time as well
        self._hits = digitisation.empty_hits(cells)
        self._deposits = digitisation.empty_deposits(0)
        self._shower = spots.empty_shower(geometry.slabs.mip.size)
        self._medium = showers.Medium(
            geometry.slabs,
            geometry.tracker,
            geometry.table.critical_energy,
            geometry.table.effective_z,
            settings.material,
        )
        self._response = response.response_map(geometry.table, geometry.slabs)
        self._segmentation = spots.segmentation(geometry.slabs, geometry.tracker.eta_max)

    def run(self, numbers: np.ndarray, primaries: Primaries) -> list[EventRecord]:
        """Simulate some events.

        The flights of all come first, then the showers and what follows event by event: the code
        of either fits into the processor's caches, but not that of both.

        Args:
            numbers: (events,) of the events; with the seed a number fixes all that is random.
            primaries: their simulated particles.
        """
        clock = self.clock()
        flights = self.fly(numbers, primaries)
        self._lap("transport", clock)
        return [self._detect(flight) for flight in flights]

    def fly(self, numbers: np.ndarray, primaries: Primaries) -> list[Flight]:
        """Follow the particles of some events to the calorimeter; see `run`."""
        return [
            self._fly(generator(self.seed, "detector", int(number)), primaries, event)
            for event, number in enumerate(numbers)
        ]

    def _fly(self, rng: np.random.Generator, primaries: Primaries, event: int) -> Flight:
        settings = self.settings
        inside = slice(primaries.offset[event], primaries.offset[event + 1])
        flown = transport.fly(
            rng,
            primaries.rows[inside],
            self.geometry.tracker,
            self.decays,
            settings.material,
            settings.decays,
        )
        pulls = np.zeros((len(flown.candidates), len(tracker.PARAMETERS)))
        if settings.smear_tracks:
            rng.standard_normal(out=pulls)
        source = flown.particles[:, states.SOURCE].astype(np.int64)
        return Flight(
            rng,
            flown,
            primaries.truth_idx[inside][source],
            pulls,
            rng.random(len(pulls)),
            origins(
                flown.candidates,
                flown.particles,
                primaries.rows[inside],
                primaries.truth[inside],
                primaries.vertices[event],
            ),
        )

    def _detect(self, flight: Flight) -> EventRecord:
        rng, flown, settings = flight.rng, flight.flown, self.settings
        clock = self.clock()
        readout, hits = self._readout, self._hits
        by_layer = self.deposit(rng, flown)
        hit = readout.numbered[0]
        clock = self._lap("showers", clock)
        digitisation.digitise(
            rng,
            readout,
            hits.layer,
            hits.energy,
            self.quantum,
            self.clusterer.grid.noise,
            settings.noise,
            settings.clustering.seed_threshold,
            settings.clustering.symmetric,
        )
        clock = self._lap("noise and sampling", clock)
        clusters = self.clusterer(rng, readout, settings.noise)
        clock = self._lap("clusters", clock)
        numbered, particles = readout.numbered[0], flown.particles
        hits.energy[hit:numbered], hits.newest[hit:numbered] = 0.0, -1
        fractions = incidence.cluster_incidence(
            clusters.start,
            clusters.entry,
            clusters.weight,
            hits.newest,
            self._deposits,
            len(particles),
            settings.truth_fraction,
        )
        kept = slice(None if settings.store_cells else 0)
        listed = clusters.listed[kept]
        truth = (
            incidence.cell_truth(
                listed,
                particles[:, states.CHARGE] != 0,
                hits.newest,
                hits.energy,
                self._deposits,
                settings.truth_fraction,
            )
            if self.keep_cell_truth
            else ()
        )
        record = EventRecord(
            flown=flown,
            truth_idx=flight.truth_idx,
            track_pulls=flight.pulls,
            track_luck=flight.luck,
            track_truth=flight.truth,
            by_layer=by_layer,
            moments=clusters.moments,
            cluster_by_layer=clusters.by_layer,
            incidence=fractions,
            clustered=float(hits.energy[clusters.clustered].sum()),
            cells=readout.cell[listed],
            cell_energy=clusters.energy[kept],
            cell_cluster=clusters.main[kept],
            cell_truth=truth,
        )
        digitisation.forget(readout)
        self._lap("truth", clock)
        return record

    def _lap(self, step: str, started: float) -> float:
        now = self.clock()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - started
        return now

    def deposit(self, rng: np.random.Generator, flown: states.Flown) -> np.ndarray:
        """Shower what arrives: energies in the layers, (particles, layers).

        The account of `flown` is added to.
        """
        layers = self.geometry.slabs.cells_eta.size
        capacity = spots.deposits_capacity(flown.pieces[:, states.E], layers)
        if capacity > self._deposits.energy.size:
            self._deposits = digitisation.empty_deposits(2 * capacity)
        by_layer = np.zeros((len(flown.particles), layers))
        showers.shower_event(
            rng,
            flown,
            self._medium,
            self._segmentation,
            self._response,
            self._shower,
            spots.cells_of(self._readout, self._hits, self._deposits),
            by_layer,
        )
        return by_layer


def _stopped() -> float:
    return 0.0


def directions(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pseudorapidity and azimuth of flight of some particles, (n,) each.

    Args:
        rows: (n, states.COLUMNS).
    """
    px, py, pz = rows[:, states.PX], rows[:, states.PY], rows[:, states.PZ]
    return np.arcsinh(pz / np.maximum(np.hypot(px, py), 1e-9)), np.arctan2(py, px)
