"""Simulation of one event: smeared tracks, showers, cells, clusters and their truth."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from jetchain.core.seeds import generator
from jetchain.detector import calorimeter, incidence, showers, topoclusters, tracker
from jetchain.detector.geometry import Geometry
from jetchain.detector.particles import GEV, Primaries
from jetchain.detector.settings import SimulationSettings

TRACK_PARAMETERS = ("d0", "z0", "theta", "phi", "qoverp")
ISOLATION_CONE = 0.1


@dataclass(frozen=True)
class EventRecord:
    """What the detector sees of one event, and its truth; MeV, mm and rad."""

    tracks: np.ndarray  # (tracks, 5) TRACK_PARAMETERS
    track_errors: np.ndarray  # (tracks, 5)
    account: np.ndarray  # (particles, 4), columns of showers
    by_layer: np.ndarray  # (particles, layers) deposited
    isolated: np.ndarray  # (particles,)
    moments: np.ndarray  # (clusters, 6), see topoclusters.moments
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
        self.measured = np.zeros(cells, np.float32)
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
        tracks, errors = smear_tracks(
            rng, primaries, inside, self.geometry.table.magnetic_field, self.settings.smear_tracks
        )
        clock = self._lap("tracks", clock)
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
        self.digitise(rng, touched)
        clock = self._lap("noise and sampling", clock)
        clusters = self.clusterer(self.measured)
        moments, cluster_by_layer = topoclusters.moments(
            self.measured, self.geometry.cells, by_layer.shape[1], *clusters
        )
        clock = self._lap("clusters", clock)
        chain = (self._first, self._following, self._particle, self._energy)
        fractions = incidence.cluster_incidence(
            *clusters, *chain, len(account), self.settings.truth_fraction
        )
        owner = self.clusterer.owner
        listed = np.flatnonzero(owner >= 0) if self.settings.store_cells else np.empty(0, np.int64)
        truth = incidence.cell_truth(
            listed, primaries.charge[inside] != 0, *chain, self._true, self.settings.truth_fraction
        )
        record = EventRecord(
            tracks=tracks,
            track_errors=errors,
            account=account,
            by_layer=by_layer,
            isolated=incidence.isolated(
                primaries.eta[inside], primaries.phi[inside], ISOLATION_CONE
            ),
            moments=moments,
            cluster_by_layer=cluster_by_layer,
            incidence=fractions,
            cells=listed,
            cell_energy=self.measured[listed],
            cell_cluster=owner[listed],
            cell_truth=truth,
        )
        self._true[touched] = 0.0
        self._first[touched] = -1
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
        border = primaries.border[inside]
        rho = np.hypot(border[..., 0], border[..., 1])
        account, by_layer = np.zeros((n, 4)), np.zeros((n, layers))
        arrives = np.isin(primaries.arrival.status[inside], (tracker.REACHED, tracker.BEHIND))
        count = showers.shower_event(
            rng,
            np.where(arrives, primaries.kind[inside], -1).astype(np.int8),
            primaries.available[inside],
            primaries.path[inside],
            np.arcsinh(border[..., 2] / np.maximum(rho, 1e-9)),
            np.arctan2(border[..., 1], border[..., 0]),
            np.maximum(rho, 1.0),
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

    def digitise(self, rng: np.random.Generator, touched: np.ndarray) -> None:
        """Fill `measured` with noise and with the sampled energies of the cells hit."""
        cells = self.geometry.cells
        if self.settings.noise:
            rng.standard_normal(out=self.measured, dtype=np.float32)
            self.measured *= cells.noise
        else:
            self.measured.fill(0.0)
        calorimeter.sample_energy(
            rng, touched, self._true, cells.layer, self.quantum, self.measured
        )


def smear_tracks(
    rng: np.random.Generator, primaries: Primaries, inside: slice, field: float, smear: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Perigee parameters of an event's tracks and their resolutions, (tracks, 5) each.

    COCOA's resolutions depend on pT alone; that of q/p is taken at eta = 0 and scaled by
    sin(theta), which leaves sigma(pT)/pT the same at every eta.
    """
    chosen = np.flatnonzero(primaries.has_track[inside]) + inside.start
    momentum = primaries.momentum[chosen] / GEV
    charge = primaries.charge[chosen]
    d0, z0, phi = tracker.perigee(primaries.vertex[chosen], momentum, charge, field)
    pt = primaries.pt[chosen] / GEV
    total = np.hypot(pt, momentum[:, 2])
    true = np.stack([d0, z0, np.arctan2(pt, momentum[:, 2]), phi, charge / (GEV * total)], axis=1)
    errors = np.stack([tracker.resolution(name, pt) for name in TRACK_PARAMETERS], axis=1)
    errors[:, 4] *= pt / total
    if not smear:
        return true, errors
    tracks = true + errors * rng.standard_normal(true.shape)
    # Fold the angles back: theta beyond the poles, phi beyond pi.
    flipped = (tracks[:, 2] < 0) | (tracks[:, 2] > np.pi)
    tracks[:, 3] += np.where(flipped, np.pi, 0.0)
    tracks[:, 2] = np.abs(tracks[:, 2])
    tracks[:, 2] = np.where(tracks[:, 2] > np.pi, 2 * np.pi - tracks[:, 2], tracks[:, 2])
    tracks[:, 3] = np.mod(tracks[:, 3] + np.pi, 2 * np.pi) - np.pi
    return tracks, errors
