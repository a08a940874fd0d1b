"""Where charged particles cross the tracker's layers, and what is measured there."""

from __future__ import annotations

import math

import numba
import numpy as np

from jetchain.detector.flight.helix import CURLED, advance, flight, to_face
from jetchain.detector.flight.states import CHARGE, PX, PY, PZ, X, Y, Z
from jetchain.detector.geometry.description import GeometryTable, TrackerArrays
from jetchain.detector.geometry.material import crossing


@numba.njit(cache=True)
def crossing_points(
    candidates: np.ndarray,  # (candidates, states.COLUMNS)
    crossed: np.ndarray,  # (candidates,) layers that each crosses
    tracker: TrackerArrays,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The points where particles cross layers, each particle's in the order of its flight.

    Args:
        candidates, crossed: `candidates` and `hits` of states.Flown.
        tracker: layers and field.

    Returns:
        row of the particle and layer, (points,) each; x, y, z, (points, 3), mm.
    """
    total = crossed.sum()
    owner, layer = np.empty(total, np.int64), np.empty(total, np.int64)
    point = np.empty((total, 3))
    path = np.empty(len(tracker.layers))
    n = 0
    for i in range(len(candidates)):
        row = candidates[i]
        line = flight(row[X], row[Y], row[Z], row[PX], row[PY], row[PZ], row[CHARGE], tracker.field)
        end, status = to_face(line, tracker.face_radius, tracker.face_z)
        if status == CURLED:
            end = 2 * math.pi / max(abs(line.bend), 1e-12)
        for k in range(len(path)):
            path[k], _ = crossing(line, end, tracker.layers, k)
        # A decay or an interaction ends it before the face: the first crossings are those made.
        for k in np.argsort(path)[: crossed[i]]:
            owner[n], layer[n] = i, k
            x, y, z, _ = advance(line, path[k])
            point[n, 0], point[n, 1], point[n, 2] = x, y, z
            n += 1
    return owner, layer, point


def hit_resolutions(table: GeometryTable) -> np.ndarray:
    """Resolutions of every layer, (layers, 2), mm: across the track, and along the beam (disks:
    radially)."""
    return np.array([group.resolution for group in table.tracker for _ in group.positions])


def measure(
    point: np.ndarray, resolution: np.ndarray, disks: np.ndarray, pulls: np.ndarray
) -> np.ndarray:
    """Measured points, (n, 3), mm: on the same cylinder or disk, shifted by the resolution.

    Args:
        point: (n, 3), mm.
        resolution: (n, 2), of `hit_resolutions`.
        disks: (n,) bool, whether the layer is a disk.
        pulls: (n, 2) standard normal.
    """
    across, along = (resolution * pulls).T
    radius = np.hypot(point[:, 0], point[:, 1])
    azimuth = np.arctan2(point[:, 1], point[:, 0]) + across / radius
    radius = radius + np.where(disks, along, 0.0)
    z = point[:, 2] + np.where(disks, 0.0, along)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z], axis=1)
