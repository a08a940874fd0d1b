"""The tracks of some events: which charged particles leave one, and what is measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jetchain.detector.event import EventRecord, EventSimulation, directions
from jetchain.detector.flight import tracker
from jetchain.detector.flight.helix import REACHED, propagate
from jetchain.detector.flight.states import (
    CHARGE,
    CODE,
    COLUMNS,
    CONVERSION,
    PX,
    PZ,
    SECONDARY,
    SOURCE,
    X,
    Y,
    Z,
)


@dataclass(frozen=True)
class Tracks:
    """The tracks in acceptance of some events, flat; MeV, mm and rad."""

    offset: np.ndarray  # (events + 1,)
    parent: np.ndarray  # (tracks,) its particle within the event
    pdgid: np.ndarray  # (tracks,) of what left it: +-11 for a conversion's electron
    conversion: np.ndarray  # (tracks,) bool
    truth: np.ndarray  # (tracks, 2) origin and vertex
    reconstructed: np.ndarray  # (tracks,) bool
    values: np.ndarray  # (tracks, 5) measured tracker.PARAMETERS
    errors: np.ndarray  # (tracks, 5) their resolutions
    correlation: np.ndarray  # (tracks, 5, 5)
    position: np.ndarray  # (tracks, layers, 3) where the measured track enters the layers


def make_tracks(records: Sequence[EventRecord], simulation: EventSimulation) -> Tracks:
    """Measure the charged particles of some events.

    A track is in acceptance if it begins where tracks may begin, flies inside track_eta_max, and
    would reach the calorimeter; it is reconstructed if it crossed enough layers before it decayed
    or interacted, and with the probability track_efficiency. Radiation and interactions do not
    change what is measured: resolutions are COCOA's. The measured track leads to the calorimeter;
    a found one that misses its face, as very soft ones may, counts as not reconstructed, and has
    the entrances of the true flight.
    """
    geometry, settings = simulation.geometry, simulation.settings
    table = geometry.table
    rows = join([r.flown.candidates for r in records], (0, COLUMNS))
    counts = np.array([len(r.flown.candidates) for r in records], np.int64)
    hits = join([r.flown.hits for r in records])
    luck = join([r.track_luck for r in records])
    pulls = join([r.track_pulls for r in records], (0, len(tracker.PARAMETERS)))
    vertex, momentum, charge = _helices(rows)
    conversion = rows[:, SECONDARY] == CONVERSION
    accepted = acceptance(rows, simulation)
    event = np.repeat(np.arange(len(records)), counts)[accepted]
    true, errors = tracker.true_tracks(
        vertex[accepted], momentum[accepted], charge[accepted], table.magnetic_field,
        simulation.fitted_momentum,
    )  # fmt: skip
    pt = 1e-3 * np.hypot(momentum[accepted, 0], momentum[accepted, 1])
    correlation = tracker.correlation_at(pt, simulation.correlations)
    values = tracker.smear(true, errors, correlation, pulls[accepted])
    status, position = tracker.extrapolate(
        *tracker.helices(values), geometry.tracker, geometry.slabs
    )
    arrives = status == REACHED
    astray = np.flatnonzero(accepted)[~arrives]
    position[~arrives] = tracker.extrapolate(
        vertex[astray], momentum[astray], charge[astray], geometry.tracker, geometry.slabs
    )[1]
    return Tracks(
        offset=np.concatenate([[0], np.cumsum(np.bincount(event, minlength=len(records)))]),
        parent=rows[accepted, SOURCE].astype(np.int64),
        pdgid=rows[accepted, CODE].astype(np.int64),
        conversion=conversion[accepted],
        truth=join([r.track_truth for r in records], (0, 2))[accepted],
        reconstructed=(hits >= np.where(conversion, table.conversion_hits, table.minimum_hits))[
            accepted
        ]
        & (luck[accepted] < settings.track_efficiency)
        & arrives,
        values=values,
        errors=errors,
        correlation=correlation,
        position=position,
    )


def acceptance(rows: np.ndarray, simulation: EventSimulation) -> np.ndarray:
    """Which charged particles make a track, (n,) bool; see `make_tracks`.

    Args:
        rows: (n, states.COLUMNS) candidates.
        simulation: geometry and settings.
    """
    tracker, table, settings = (
        simulation.geometry.tracker, simulation.geometry.table, simulation.settings
    )  # fmt: skip
    conversion = rows[:, SECONDARY] == CONVERSION
    eta, _ = directions(rows)
    *_, status = propagate(
        *_helices(rows), tracker.field, tracker.face_radius, tracker.face_z, tracker.eta_max
    )
    radius = np.where(conversion, table.conversion_radius, table.vertex_radius)
    length = np.where(conversion, table.conversion_z, table.vertex_z)
    return np.asarray(
        (np.abs(eta) < settings.track_eta_max)
        & (np.hypot(rows[:, X], rows[:, Y]) < radius)
        & (np.abs(rows[:, Z]) < length)
        & (status == REACHED)
    )


def _helices(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertex (n, 3), momentum (n, 3) and charge (n,) of candidates."""
    return (
        np.ascontiguousarray(rows[:, X : Z + 1]),
        np.ascontiguousarray(rows[:, PX : PZ + 1]),
        rows[:, CHARGE].copy(),
    )


def join(parts: Sequence[np.ndarray], empty: tuple[int, ...] = (0,)) -> np.ndarray:
    """Concatenate what may be nothing at all."""
    return np.concatenate(parts) if parts else np.empty(empty)
