"""Helices in the solenoid, scalar and compiled: where a particle crosses cylinders and planes.

A particle of charge q moves on a circle of radius R = pT / (0.2998 q B) (R in m, pT in GeV, B in T)
in the transverse plane, signed like q; its centre lies at x + R sin(phi), y - R cos(phi), and it
turns clockwise for q > 0. Paths are transverse path lengths in mm; bend is 1 / R in 1/mm, signed
like the charge and 0 for straight lines.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

LIGHT = 0.299792458
"""GeV / (T m): pT = LIGHT q B R."""

STRAIGHT = 1e-8
"""1/mm: circles of more than 100 km are straight within a detector."""

REACHED, CURLED, OUTSIDE, BEHIND = 0, 1, 2, 3
"""Reaches the calorimeter's face; never does; leaves beside it; was born behind it."""


class Flight(NamedTuple):
    """A helix from a point on, with what its crossings have in common."""

    x: float  # mm
    y: float  # mm
    z: float  # mm
    phi: float  # azimuth of flight
    slope: float  # pz / pT
    bend: float  # 1/mm
    distance: float  # of the circle's centre from the beam axis, mm
    start: float  # turning angle from the start to the direction of the beam axis, rad


@numba.njit(cache=True)
def flight(
    x: float, y: float, z: float, px: float, py: float, pz: float, charge: float, field: float
) -> Flight:
    """The helix of a particle; positions in mm, momenta in MeV, field in T."""
    pt = max(math.hypot(px, py), 1e-6)
    phi = math.atan2(py, px)
    bend = LIGHT * field * charge / pt
    distance = start = 0.0
    if abs(bend) >= STRAIGHT:
        radius = 1.0 / bend
        centre_x, centre_y = x + radius * math.sin(phi), y - radius * math.cos(phi)
        distance = math.hypot(centre_x, centre_y)
        turned = math.atan2(y - centre_y, x - centre_x) - math.atan2(-centre_y, -centre_x)
        # Flight turns clockwise about the centre for positive charge.
        start = math.copysign(1.0, bend) * turned
    return Flight(x, y, z, phi, pz / pt, bend, distance, start)


@numba.njit(cache=True)
def to_cylinder(line: Flight, radius: float) -> float:
    """Path to r = radius, inf where the helix never gets there.

    On a circle the crossing is found from the angle between the directions in which the circle's
    centre sees the beam axis and the crossing (law of cosines).
    """
    if abs(line.bend) < STRAIGHT:
        along = line.x * math.cos(line.phi) + line.y * math.sin(line.phi)
        square = along**2 + radius**2 - line.x**2 - line.y**2
        if square < 0.0:
            return math.inf
        root = math.sqrt(square)
        if -along - root > 0.0:
            return -along - root
        return -along + root if -along + root > 0.0 else math.inf
    size = 1.0 / abs(line.bend)
    cosine = line.distance**2 + size**2 - radius**2
    if abs(cosine) > 2 * line.distance * size:
        return math.inf
    opening = math.acos(cosine / (2 * line.distance * size)) if line.distance > 0.0 else 0.0
    first = (line.start - opening) % (2 * math.pi)
    second = (line.start + opening) % (2 * math.pi)
    return min(first, second) * size


@numba.njit(cache=True)
def to_plane(line: Flight, z: float) -> float:
    """Path to the plane at z, inf where the particle flies away from it."""
    if line.slope == 0.0:
        return math.inf
    path = (z - line.z) / line.slope
    return path if path > 0.0 else math.inf


@numba.njit(cache=True)
def advance(line: Flight, path: float) -> tuple[float, float, float, float]:
    """Position (mm) and azimuth of flight after a path."""
    half = 0.5 * path * line.bend
    chord = path
    if abs(half) > 1e-9:
        chord = path * math.sin(half) / half
    middle = line.phi - half
    return (
        line.x + chord * math.cos(middle),
        line.y + chord * math.sin(middle),
        line.z + path * line.slope,
        line.phi - path * line.bend,
    )


@numba.njit(cache=True)
def to_face(line: Flight, radius: float, half_length: float) -> tuple[float, int]:
    """Path to the closed cylinder r = radius, |z| = half_length, and REACHED, CURLED or BEHIND.

    A helix that needs more than one full turn is counted as curled up.
    """
    if math.hypot(line.x, line.y) >= radius or abs(line.z) >= half_length:
        return 0.0, BEHIND
    path = min(to_cylinder(line, radius), to_plane(line, math.copysign(half_length, line.slope)))
    if path == math.inf or path * abs(line.bend) > 2 * math.pi:
        return math.inf, CURLED
    return path, REACHED


@numba.njit(cache=True)
def propagate(
    vertex: np.ndarray,
    momentum: np.ndarray,
    charge: np.ndarray,
    field: float,
    radius: float,
    half_length: float,
    eta_max: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow particles from their vertex to the closed cylinder r = radius, |z| = half_length.

    Args:
        vertex: (n, 3), mm.
        momentum: (n, 3), MeV.
        charge: (n,), e.
        field: T.
        radius, half_length: mm.
        eta_max: particles that arrive beyond are OUTSIDE.

    Returns:
        position (n, 3), mm; direction (n, 3), unit vectors; status (n,). The position is the vertex
        for particles that are CURLED or BEHIND.
    """
    n = charge.size
    position, direction = np.empty((n, 3)), np.empty((n, 3))
    status = np.empty(n, np.int8)
    for i in range(n):
        line = flight(
            vertex[i, 0], vertex[i, 1], vertex[i, 2],
            momentum[i, 0], momentum[i, 1], momentum[i, 2], charge[i], field,
        )  # fmt: skip
        path, status[i] = to_face(line, radius, half_length)
        if status[i] == CURLED:
            path = 0.0
        x, y, z, phi = advance(line, path)
        if status[i] == REACHED and abs(z) > math.sinh(eta_max) * math.hypot(x, y):
            status[i] = OUTSIDE
        position[i] = (x, y, z)
        length = math.sqrt(1.0 + line.slope**2)
        direction[i] = (math.cos(phi) / length, math.sin(phi) / length, line.slope / length)
    return position, direction, status
