"""Helices in the solenoid: the way to the calorimeter, the perigee, and the smearing of tracks.

A particle of charge q moves on a circle of radius R = pT / (0.2998 q B) (R in m, pT in GeV, B in T)
in the transverse plane, signed like q; its centre lies at x + R sin(phi), y - R cos(phi), and it
turns clockwise for q > 0. The field ends at the calorimeter's face, behind which the way is
straight, as in COCOA (Tracking_func.cc).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jetchain.detector.geometry import Geometry, depth_of

LIGHT = 0.299792458
"""GeV / (T m): pT = LIGHT q B R."""

REACHED, CURLED, OUTSIDE, BEHIND = 0, 1, 2, 3
"""Reaches the calorimeter's face; never does; leaves beside it; was born behind it."""

RESOLUTION_PT = np.array([1.0, 10.0, 100.0])
"""GeV. The table of COCOA/tracking_configuration/*.csv."""
RESOLUTIONS = {
    "d0": np.array([0.060, 0.0172, 0.0160]),  # mm
    "z0": np.array([0.105, 0.0552, 0.0543]),  # mm
    "theta": np.array([3.0e-3, 7.1e-4, 6.4e-4]),  # rad
    "phi": np.array([2.0e-3, 2.7e-4, 1.5e-4]),  # rad
    "qoverp": np.array([1.0e-6, 1.5e-6, 4.0e-7]),  # 1/MeV
}
PARAMETERS = tuple(RESOLUTIONS)
"""Order of the track parameters."""


class Arrival(NamedTuple):
    """Where particles meet a surface."""

    position: np.ndarray  # (n, 3) mm
    direction: np.ndarray  # (n, 3) unit vector
    status: np.ndarray  # (n,) REACHED, CURLED, OUTSIDE or BEHIND


def curvature_radius(pt: np.ndarray, charge: np.ndarray, field: float) -> np.ndarray:
    """Signed radius of the helix, (n,), mm; infinite for neutral particles.

    Args:
        pt: (n,), GeV.
        charge: (n,), e.
        field: T.
    """
    with np.errstate(divide="ignore"):
        return np.where(charge == 0, np.inf, 1e3 * pt / (LIGHT * field * charge))


def propagate(
    vertex: np.ndarray,
    momentum: np.ndarray,
    charge: np.ndarray,
    *,
    field: float,
    radius: float,
    half_length: float,
    eta_max: float,
) -> Arrival:
    """Follow particles from their vertex to the closed cylinder r = radius, |z| = half_length.

    A helix that needs more than one full turn is counted as curled up.

    Args:
        vertex: (n, 3), mm.
        momentum: (n, 3), GeV.
        charge: (n,), e.
        field: T.
        radius, half_length: mm.
        eta_max: particles that arrive beyond are OUTSIDE.
    """
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    pt = np.maximum(pt, 1e-9)
    slope = momentum[:, 2] / pt
    phi = np.arctan2(momentum[:, 1], momentum[:, 0])
    signed = curvature_radius(pt, charge, field)
    straight = ~np.isfinite(signed)
    bend = np.where(straight, 0.0, 1.0 / np.where(straight, 1.0, signed))

    to_barrel = _path_to_cylinder(vertex, phi, bend, radius)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_plane = (np.sign(slope) * half_length - vertex[:, 2]) / slope
    to_plane = np.where(slope == 0, np.inf, to_plane)
    path = np.minimum(to_barrel, to_plane)
    turns = path * np.abs(bend)
    curled = ~np.isfinite(path) | (turns > 2 * np.pi)
    path = np.where(curled, 0.0, path)

    behind = (np.hypot(vertex[:, 0], vertex[:, 1]) >= radius) | (
        np.abs(vertex[:, 2]) >= half_length
    )
    path = np.where(behind, 0.0, path)
    position, phi_end = along_helix(vertex, phi, slope, bend, path)
    direction = np.stack([np.cos(phi_end), np.sin(phi_end), slope], axis=1)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)

    eta = np.arcsinh(position[:, 2] / np.maximum(np.hypot(position[:, 0], position[:, 1]), 1e-9))
    status = np.where(np.abs(eta) > eta_max, OUTSIDE, REACHED)
    status = np.where(curled, CURLED, status)
    status = np.where(behind, BEHIND, status)
    return Arrival(position, direction, status)


def along_helix(
    vertex: np.ndarray, phi: np.ndarray, slope: np.ndarray, bend: np.ndarray, path: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Position (n, 3) and azimuth of flight (n,) after a transverse path.

    Args:
        vertex: (n, 3), mm.
        phi: (n,) azimuth of flight at the vertex.
        slope: (n,) pz / pT.
        bend: (n,) 1 / R, signed like the charge, 0 for straight lines, 1/mm.
        path: (n,) transverse path length, mm.
    """
    half = 0.5 * path * bend
    chord = path * np.sinc(half / np.pi)
    middle = phi - half
    return (
        np.stack(
            [
                vertex[:, 0] + chord * np.cos(middle),
                vertex[:, 1] + chord * np.sin(middle),
                vertex[:, 2] + path * slope,
            ],
            axis=1,
        ),
        phi - path * bend,
    )


def _path_to_cylinder(
    vertex: np.ndarray, phi: np.ndarray, bend: np.ndarray, radius: float
) -> np.ndarray:
    """Transverse path to r = radius, inf where a helix never gets there, (n,), mm.

    On a circle the crossing is found from the angle between the directions in which the circle's
    centre sees the beam axis and the crossing (law of cosines).
    """
    along = vertex[:, 0] * np.cos(phi) + vertex[:, 1] * np.sin(phi)
    missing = radius**2 - vertex[:, 0] ** 2 - vertex[:, 1] ** 2
    line = -along + np.sqrt(np.maximum(along**2 + missing, 0.0))

    signed = 1.0 / np.where(bend == 0, 1e-12, bend)
    centre_x = vertex[:, 0] + signed * np.sin(phi)
    centre_y = vertex[:, 1] - signed * np.cos(phi)
    distance = np.hypot(centre_x, centre_y)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = (distance**2 + signed**2 - radius**2) / (2 * distance * np.abs(signed))
        opening = np.arccos(cosine)
    to_origin = np.arctan2(-centre_y, -centre_x)
    start = np.arctan2(vertex[:, 1] - centre_y, vertex[:, 0] - centre_x)
    # Flight turns clockwise about the centre for positive charge: turn = sign (start - crossing).
    sign = np.sign(signed)
    turns = np.stack([sign * (start - to_origin - opening), sign * (start - to_origin + opening)])
    turns = np.mod(turns, 2 * np.pi)
    circle = np.where(np.isfinite(opening), np.min(turns, axis=0) * np.abs(signed), np.inf)
    # Circles of more than 100 km are straight within a detector (and numerically unpleasant).
    return np.where(np.abs(bend) < 1e-8, line, circle)


def perigee(
    vertex: np.ndarray, momentum: np.ndarray, charge: np.ndarray, field: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signed impact parameters to the z axis, and the azimuth of flight at the perigee.

    The point of closest approach is (-d0 sin(phi), d0 cos(phi), z0), the convention of ATLAS.

    Args:
        vertex: (n, 3) production vertex, mm.
        momentum: (n, 3), GeV.
        charge: (n,), e, not 0.
        field: T.

    Returns:
        d0 (n,) mm, z0 (n,) mm, phi (n,) rad.
    """
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    phi = np.arctan2(momentum[:, 1], momentum[:, 0])
    signed = curvature_radius(pt, charge, field)
    centre_x = vertex[:, 0] + signed * np.sin(phi)
    centre_y = vertex[:, 1] - signed * np.cos(phi)
    sign = np.sign(signed)
    d0 = signed - sign * np.hypot(centre_x, centre_y)
    phi_perigee = np.arctan2(sign * centre_x, -sign * centre_y)
    turn = np.mod(phi_perigee - phi + np.pi, 2 * np.pi) - np.pi
    z0 = vertex[:, 2] - signed * turn * momentum[:, 2] / pt
    return d0, z0, phi_perigee


def resolution(quantity: str, pt: np.ndarray) -> np.ndarray:
    """Resolution of a track parameter at eta = 0, (n,), in the units of `RESOLUTIONS`.

    The table is interpolated linearly in log(pT) and log(sigma), and continued with its outer
    slopes: 10.7 % on q/pT at 1 TeV.

    Args:
        quantity: a key of `RESOLUTIONS`.
        pt: (n,) true transverse momentum, GeV.
    """
    x, y = np.log(RESOLUTION_PT), np.log(RESOLUTIONS[quantity])
    log_pt = np.log(pt)
    piece = np.clip(np.searchsorted(x, log_pt) - 1, 0, len(x) - 2)
    slope = np.diff(y) / np.diff(x)
    return np.exp(y[piece] + slope[piece] * (log_pt - x[piece]))


def true_tracks(
    vertex: np.ndarray, momentum: np.ndarray, charge: np.ndarray, field: float
) -> tuple[np.ndarray, np.ndarray]:
    """Perigee parameters and their resolutions, (n, 5) each, in the order of `PARAMETERS`.

    COCOA's resolutions depend on pT alone; that of q/p is taken at eta = 0 and scaled by
    sin(theta), which leaves sigma(pT)/pT the same at every eta.

    Args:
        vertex: (n, 3), mm.
        momentum: (n, 3), GeV.
        charge: (n,), e, not 0.
        field: T.
    """
    d0, z0, phi = perigee(vertex, momentum, charge, field)
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    total = np.hypot(pt, momentum[:, 2])
    theta = np.arctan2(pt, momentum[:, 2])
    parameters = np.stack([d0, z0, theta, phi, charge / (1e3 * total)], axis=1)
    errors = np.stack([resolution(name, pt) for name in PARAMETERS], axis=1)
    errors[:, 4] *= pt / total
    return parameters, errors


def smear(parameters: np.ndarray, errors: np.ndarray, pulls: np.ndarray) -> np.ndarray:
    """Measured track parameters, (n, 5), with the angles folded back into their ranges.

    Args:
        parameters, errors: (n, 5), see `true_tracks`.
        pulls: (n, 5) deviations in units of the resolutions.
    """
    measured = parameters + errors * pulls
    theta, phi = measured[:, 2], measured[:, 3]
    over_pole = (theta < 0) | (theta > np.pi)
    phi = np.where(over_pole, phi + np.pi, phi)
    theta = np.abs(theta)
    measured[:, 2] = np.where(theta > np.pi, 2 * np.pi - theta, theta)
    measured[:, 3] = np.mod(phi + np.pi, 2 * np.pi) - np.pi
    return measured


def slab_positions(
    geometry: Geometry, arrival: Arrival, iterations: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Straight flight behind the face: where the slabs' borders are crossed.

    Returns:
        path (n, slabs + 1), mm from the arrival, and position (n, slabs + 1, 3), mm. The path to
        a border that lies before the arrival (particles born inside the calorimeter) is 0.
    """
    start_depth = np.maximum(depth_of(geometry.table, arrival.position), 0.0)
    wanted = np.maximum(geometry.depths[None, :] - start_depth[:, None], 0.0)
    radial = arrival.position / np.linalg.norm(arrival.position, axis=1, keepdims=True)
    cosine = np.clip(np.sum(radial * arrival.direction, axis=1), 0.2, 1.0)
    path = wanted / cosine[:, None]
    for _ in range(iterations):
        position = arrival.position[:, None] + path[..., None] * arrival.direction[:, None]
        reached = depth_of(geometry.table, position) - start_depth[:, None]
        path = np.maximum(path + (wanted - reached), 0.0)
    path = np.maximum.accumulate(np.where(wanted > 0, path, 0.0), axis=1)
    position = arrival.position[:, None] + path[..., None] * arrival.direction[:, None]
    return path, position
