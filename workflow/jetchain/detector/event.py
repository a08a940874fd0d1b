"""Simulation of one event: track smearing, showers, cells, clusters and their truth."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from jetchain.core.seeds import generator
from jetchain.detector import calorimeter, incidence, showers, topoclusters, tracker
from jetchain.detector.geometry import Geometry
from jetchain.detector.particles import Primaries
from jetchain.detector.settings import SimulationSettings

ISOLATION_CONE = 0.1


@dataclass(frozen=True)
class EventRecord:
    """What the detector sees of one event, and its truth; MeV, mm and rad."""

    track_pulls: np.ndarray  # (tracks, 5) deviations of tracker.PARAMETERS in their resolutions
    account: np.ndarray  # (particles, 4), columns of showers
    by_layer: np.ndarray  # (particles, layers) deposited
    isolated: np.ndarray  # (particles,)
    moments: np.ndarray  # (clusters, moments) columns moments.MOMENTS
    cluster_by_layer: np.ndarray  # (clusters, layers)
    incidence: tuple[np.ndarray, np.ndarray, np.ndarray]  # particle, cluster, fraction
    cells: np.ndarray  # (listed cells,) numbers
    cell_energy: np.ndarray  # (listed cells,)
    cell_cluster: np.ndarray  # (listed cells,)
    cell_truth: tuple[np.ndarray, ...]  # see incidence.cell_truth


class EventSimulation:
    """Simulates one event after the other, in buffers that are made once."""

    def __init__(self, geometry: Geometry, settings: SimulationSettings, seed: int) -> None:
        cells = geometry.cells.layer.size
        self.geometry, self.settings, self.seed = geometry, settings, seed
        self.clusterer = topoclusters.Clusterer(geometry, settings.clustering)
        self.quantum = calorimeter.sampling_quantum(settings.sampling_step, geometry.slabs.sampling)
        self._readout = calorimeter.empty_readout(cells)
        self.seconds: dict[str, float] = {}  # CPU time by step, for `detector.bench`
        self._true = np.zeros(cells)
        self._first = np.full(cells, -1, np.int32)
        self._touched = np.empty(cells, np.int32)
        self._scratch = np.zeros(cells)
        self._reserve(0)

    def _reserve(self, capacity: int) -> None:
        self._cell = np.empty(capacity, np.int32)
        self._particle = np.empty(capacity, np.int32)
        self._energy = np.empty(capacity)
        self._following = np.empty(capacity, np.int32)

    def run(self, number: int, primaries: Primaries, inside: slice) -> EventRecord:
        """Simulate one event.

        Args:
            number: its number, which with the seed fixes all its random numbers.
            primaries: the simulated particles of several events.
            inside: which of them belong to this event.
        """
        rng = generator(self.seed, "detector", number)
        clock = time.process_time()
        pulls = np.zeros((int(primaries.has_track[inside].sum()), len(tracker.PARAMETERS)))
        if self.settings.smear_tracks:
            rng.standard_normal(out=pulls)
        count, account, by_layer = self.deposit(rng, primaries, inside)
        touched = self._touched[
            : calorimeter.index_deposits(
                count,
                self._cell,
                self._energy,
                self._first,
                self._following,
                self._true,
                self._touched,
            )
        ]
        clock = self._lap("showers", clock)
        calorimeter.digitise(
            rng,
            touched,
            self._true,
            self.geometry.cells.layer,
            self.quantum,
            self.geometry.cells.noise,
            self.settings.noise,
            self.settings.clustering.seed_threshold,
            self._readout,
        )
        clock = self._lap("noise and sampling", clock)
        clusters = self.clusterer(rng, self._readout, self.settings.noise)
        lists = (clusters.start, clusters.cell, clusters.weight)
        clock = self._lap("clusters", clock)
        chain = (self._first, self._following, self._particle, self._energy)
        fractions = incidence.cluster_incidence(
            *lists, *chain, len(account), self.settings.truth_fraction
        )
        kept = slice(None) if self.settings.store_cells else slice(0)
        listed = clusters.clustered[kept]
        truth = incidence.cell_truth(
            listed, primaries.charge[inside] != 0, *chain, self._true, self.settings.truth_fraction
        )
        record = EventRecord(
            track_pulls=pulls,
            account=account,
            by_layer=by_layer,
            isolated=incidence.isolated(
                primaries.eta[inside], primaries.phi[inside], ISOLATION_CONE
            ),
            moments=clusters.moments,
            cluster_by_layer=clusters.by_layer,
            incidence=fractions,
            cells=listed,
            cell_energy=clusters.energy[kept],
            cell_cluster=clusters.main[kept],
            cell_truth=truth,
        )
        self._true[touched] = 0.0
        self._first[touched] = -1
        calorimeter.forget(self._readout)
        self._lap("truth", clock)
        return record

    def _lap(self, step: str, started: float) -> float:
        now = time.process_time()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - started
        return now

    def deposit(
        self, rng: np.random.Generator, primaries: Primaries, inside: slice
    ) -> tuple[int, np.ndarray, np.ndarray]:
        """Shower the particles: number of deposits, account and layers' energies (see showers)."""
        table, slabs = self.geometry.table, self.geometry.slabs
        layers = slabs.cells_eta.size
        n = inside.stop - inside.start
        capacity = showers.deposits_capacity(n, layers)
        if capacity > self._cell.size:
            self._reserve(2 * capacity)
        account, by_layer = np.zeros((n, 4)), np.zeros((n, layers))
        arrives = np.isin(primaries.arrival.status[inside], (tracker.REACHED, tracker.BEHIND))
        count = showers.shower_event(
            rng,
            np.where(arrives, primaries.kind[inside], -1).astype(np.int8),
            primaries.available[inside],
            primaries.path[inside],
            primaries.border_eta[inside],
            primaries.border_phi[inside],
            primaries.border_rho[inside],
            slabs,
            table.eta_max,
            table.critical_energy,
            table.effective_z,
            self._scratch,
            self._touched,
            self._cell,
            self._particle,
            self._energy,
            account,
            by_layer,
        )
        return count, account, by_layer
