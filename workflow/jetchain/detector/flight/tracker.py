"""Tracks: their perigee, resolutions and correlations, their smearing, and where they lead.

Conventions of the helix: see `jetchain.detector.flight.helix`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from jetchain.core.kinematics import delta_phi
from jetchain.detector.flight.helix import LIGHT, OUTSIDE, REACHED, advance, flight, to_face
from jetchain.detector.geometry.description import (
    GeometryTable,
    SlabArrays,
    TrackerArrays,
    slab_paths,
    tracker_thickness,
)

RESOLUTION_PT = np.array([1.0, 10.0, 100.0])
"""GeV. The table of COCOA/tracking_configuration/*.csv, which for q/p goes on."""
MOMENTUM_PT = np.array([1.0, 10.0, 100.0, 200.0, 300.0, 400.0, 500.0])
"""GeV."""
RESOLUTIONS = {
    "d0": np.array([0.060, 0.0172, 0.0160]),  # mm
    "z0": np.array([0.105, 0.0552, 0.0543]),  # mm
    "theta": np.array([3.0e-3, 7.1e-4, 6.4e-4]),  # rad
    "phi": np.array([2.0e-3, 2.7e-4, 1.5e-4]),  # rad
    "qoverp": 1e-7 * np.array([10.0, 15.0, 4.0, 4.0, 3.33, 5.0, 6.0]),  # 1/MeV
}
COCOA_FIELD = 3.8
"""T, of the table."""
PARAMETERS = tuple(RESOLUTIONS)
"""Order of the track parameters."""

HIGHLAND = 13.6
"""MeV, of the width of multiple scattering (PDG 2024, eq. 34.16)."""

FIT_PT = np.geomspace(0.1, 100.0, 31)
"""GeV, where the fit of the hits says how well q/p can be known; below and above it is constant."""


class FittedMomentum(NamedTuple):
    """How well a fit of the layers' hits knows q/p, and the field that it is in."""

    error: np.ndarray  # (points,) 1/MeV, at `FIT_PT`
    field: float  # T


def curvature_radius(pt: np.ndarray, charge: np.ndarray, field: float) -> np.ndarray:
    """Signed radius of the helix of charged particles, (n,), mm.

    Args:
        pt: (n,), MeV.
        charge: (n,), e, not 0.
        field: T.
    """
    return pt / (LIGHT * field * charge)


def perigee(
    vertex: np.ndarray, momentum: np.ndarray, charge: np.ndarray, field: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signed impact parameters to the z axis, and the azimuth of flight at the perigee.

    The point of closest approach is (-d0 sin(phi), d0 cos(phi), z0), the convention of ATLAS.

    Args:
        vertex: (n, 3) production vertex, mm.
        momentum: (n, 3), MeV.
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
    turn = delta_phi(phi_perigee, phi)
    z0 = vertex[:, 2] - signed * turn * momentum[:, 2] / pt
    return d0, z0, phi_perigee


def table_pt(quantity: str) -> np.ndarray:
    """Transverse momenta (GeV) of a parameter's row in `RESOLUTIONS`."""
    return MOMENTUM_PT if quantity == "qoverp" else RESOLUTION_PT


def cocoa_resolution(quantity: str, pt: np.ndarray) -> np.ndarray:
    """COCOA's resolution of a track parameter at eta = 0, (n,), in the units of `RESOLUTIONS`.

    The table is interpolated linearly in log(pT) and log(sigma), continued below with its first
    slope, and constant above its last row, as in COCOA: 60 % on q/pT at 1 TeV.

    Args:
        quantity: a key of `RESOLUTIONS`.
        pt: (n,) true transverse momentum, GeV.
    """
    x, y = np.log(table_pt(quantity)), np.log(RESOLUTIONS[quantity])
    log_pt = np.minimum(np.log(pt), x[-1])
    piece = np.clip(np.searchsorted(x, log_pt) - 1, 0, len(x) - 2)
    slope = np.diff(y) / np.diff(x)
    return np.exp(y[piece] + slope[piece] * (log_pt - x[piece]))


def fitted_momentum(table: GeometryTable) -> FittedMomentum:
    """Resolution of q/p that a fit of the layers' hits has."""
    error = [np.sqrt(fitted_covariance(table, 1e3 * pt)[4, 4]) for pt in FIT_PT]
    return FittedMomentum(np.array(error), table.magnetic_field)


def resolution(quantity: str, pt: np.ndarray, fitted: FittedMomentum) -> np.ndarray:
    """Resolution of a track parameter at eta = 0, (n,), in the units of `RESOLUTIONS`.

    It is COCOA's; that of q/p where the hits allow no better, from the fit: COCOA's table has
    0.10 % at 1 GeV, where multiple scattering alone gives 0.45 %. What hits measure is the
    curvature: of q/p COCOA's table goes as the inverse of the field.

    Args:
        quantity: a key of `RESOLUTIONS`.
        pt: (n,) true transverse momentum, GeV.
        fitted: of `fitted_momentum`.
    """
    table = cocoa_resolution(quantity, pt)
    if quantity != "qoverp":
        return table
    table *= COCOA_FIELD / fitted.field
    return np.maximum(table, np.exp(np.interp(np.log(pt), np.log(FIT_PT), np.log(fitted.error))))


def true_tracks(
    vertex: np.ndarray,
    momentum: np.ndarray,
    charge: np.ndarray,
    field: float,
    fitted: FittedMomentum,
) -> tuple[np.ndarray, np.ndarray]:
    """Perigee parameters and their resolutions, (n, 5) each, in the order of `PARAMETERS`.

    The resolutions depend on pT alone; that of q/p is taken at eta = 0 and scaled by sin(theta),
    which leaves sigma(pT)/pT the same at every eta.

    Args:
        vertex: (n, 3), mm.
        momentum: (n, 3), MeV.
        charge: (n,), e, not 0.
        field: T.
        fitted: of `fitted_momentum`.
    """
    d0, z0, phi = perigee(vertex, momentum, charge, field)
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    total = np.hypot(pt, momentum[:, 2])
    theta = np.arctan2(pt, momentum[:, 2])
    parameters = np.stack([d0, z0, theta, phi, charge / total], axis=1)
    errors = np.stack([resolution(name, 1e-3 * pt, fitted) for name in PARAMETERS], axis=1)
    errors[:, 4] *= pt / total
    return parameters, errors


def helices(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Perigee (n, 3) mm, momentum there (n, 3) MeV and charge (n,) of tracks; see `perigee`.

    Args:
        parameters: (n, 5) in the order of `PARAMETERS`; charges are 1 or -1.
    """
    d0, z0, theta, phi, qoverp = parameters.T
    total = 1.0 / np.maximum(np.abs(qoverp), 1e-12)
    return (
        np.stack([-d0 * np.sin(phi), d0 * np.cos(phi), z0], axis=1),
        np.stack(
            [
                total * (np.sin(theta) * np.cos(phi)),
                total * (np.sin(theta) * np.sin(phi)),
                total * np.cos(theta),
            ],
            axis=1,
        ),
        np.sign(qoverp),
    )


def smear(
    parameters: np.ndarray, errors: np.ndarray, correlation: np.ndarray, pulls: np.ndarray
) -> np.ndarray:
    """Measured track parameters, (n, 5), with the angles folded back into their ranges.

    Args:
        parameters, errors: (n, 5), see `true_tracks`.
        correlation: (n, 5, 5), see `correlation_at`.
        pulls: (n, 5) independent standard normal deviates.
    """
    measured = parameters + errors * correlated(pulls, correlation)
    theta, phi = measured[:, 2], measured[:, 3]
    over_pole = (theta < 0) | (theta > np.pi)
    phi = np.where(over_pole, phi + np.pi, phi)
    theta = np.abs(theta)
    measured[:, 2] = np.where(theta > np.pi, 2 * np.pi - theta, theta)
    measured[:, 3] = delta_phi(phi, 0.0)
    return measured


def correlated(pulls: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Deviates with given correlations from independent ones, (n, 5).

    Cholesky's root of the two blocks (d0, phi, q/p) and (z0, theta), written out; a matrix at a
    time costs several times as much.
    """
    d0, z0, theta, phi, qoverp = pulls.T
    a, b, c = correlation[:, 0, 3], correlation[:, 0, 4], correlation[:, 3, 4]
    z = correlation[:, 1, 2]
    rest = np.sqrt(1 - a**2)
    third = (c - a * b) / rest
    result = np.stack(
        [
            d0,
            z0,
            z * z0 + np.sqrt(1 - z**2) * theta,
            a * d0 + rest * phi,
            b * d0 + third * phi + np.sqrt(1 - b**2 - third**2) * qoverp,
        ],
        axis=1,
    )
    return np.asarray(result)


def fitted_covariance(table: GeometryTable, pt: float) -> np.ndarray:
    """Covariance of a least-squares fit to the hits of a central track, (5, 5).

    Straight up at eta = 0 the track crosses the cylinders. Across its direction it deviates by
    d0 + phi r - kappa r^2 / 2, along the beam by z0 - theta r (small angles); the hits scatter with
    the layers' resolutions, and with multiple scattering in all layers before (Gluckstern, NIM 24
    (1963) 381; Billoir, NIM A 225 (1984) 352). COCOA gives resolutions only: from this fit come
    the correlations, and a check of COCOA's numbers.

    Args:
        table: the geometry.
        pt: MeV.

    Returns:
        in the order and units of `PARAMETERS`.
    """
    layers = sorted(
        (radius, *tracker_thickness(table, group), *group.resolution)
        for group in table.tracker
        if group.shape == "cylinder"
        for radius in group.positions
    )
    radius, thickness, _, *resolutions = np.array(layers).T
    angle = HIGHLAND / pt * np.sqrt(thickness) * (1 + 0.038 * np.log(thickness))
    lever = np.maximum(radius[:, None] - radius[None, :], 0.0) * angle  # (hits, scatterers)
    scattering = lever @ lever.T
    covariance = np.zeros((5, 5))
    ones = np.ones_like(radius)
    for columns, design, which in (
        ((0, 3, 4), (ones, radius, -0.5 * radius**2), 0),
        ((1, 2), (ones, -radius), 1),
    ):
        hits = np.diag(resolutions[which] ** 2) + scattering
        matrix = np.stack(design, axis=1)
        found = np.linalg.inv(matrix.T @ np.linalg.solve(hits, matrix))
        covariance[np.ix_(columns, columns)] = found
    scale = np.ones(5)
    scale[4] = 1.0 / (LIGHT * table.magnetic_field)  # from 1/R to q/p
    return covariance * np.outer(scale, scale)


def correlations(table: GeometryTable) -> np.ndarray:
    """Correlations of the track parameters at `RESOLUTION_PT`, (3, 5, 5)."""
    matrices = []
    for pt in RESOLUTION_PT:
        covariance = fitted_covariance(table, 1e3 * pt)
        error = np.sqrt(np.diag(covariance))
        matrices.append(covariance / np.outer(error, error))
    return np.array(matrices)


def correlation_at(pt: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Correlations of tracks, (n, 5, 5), interpolated linearly in log(pT).

    Args:
        pt: (n,) GeV; outside `RESOLUTION_PT` the nearest matrix holds.
        matrices: of `correlations`.
    """
    at = np.interp(np.log(pt), np.log(RESOLUTION_PT), np.arange(len(matrices)))
    lower = np.minimum(at.astype(int), len(matrices) - 2)
    share = (at - lower)[:, None, None]
    return (1 - share) * matrices[lower] + share * matrices[lower + 1]


@numba.njit(cache=True)
def extrapolate(
    vertex: np.ndarray,
    momentum: np.ndarray,
    charge: np.ndarray,
    tracker: TrackerArrays,
    slabs: SlabArrays,
) -> tuple[np.ndarray, np.ndarray]:
    """Where charged particles that nothing disturbs would enter each layer of cells.

    Args:
        vertex: (n, 3), mm.
        momentum: (n, 3), MeV.
        charge: (n,), e.
        tracker, slabs: of the geometry.

    Returns:
        status of the arrival at the face (n,), see helix; position (n, layers, 3), mm, 0 where the
        face is not reached.
    """
    n = charge.size
    status = np.empty(n, np.int8)
    position = np.zeros((n, slabs.cells_eta.size, 3))
    path = np.empty(slabs.depth.size - 1)
    for i in range(n):
        line = flight(
            vertex[i, 0], vertex[i, 1], vertex[i, 2],
            momentum[i, 0], momentum[i, 1], momentum[i, 2], charge[i], tracker.field,
        )  # fmt: skip
        way, status[i] = to_face(line, tracker.face_radius, tracker.face_z)
        if status[i] != REACHED:
            continue
        x, y, z, phi = advance(line, way)
        if abs(z) > np.sinh(tracker.eta_max) * np.hypot(x, y):
            status[i] = OUTSIDE
        length = np.sqrt(1.0 + line.slope**2)
        unit = (np.cos(phi) / length, np.sin(phi) / length, line.slope / length)
        slab_paths((x, y, z), unit, slabs.depth[1:], tracker.face_radius, tracker.face_z, path)
        for k in range(slabs.layer_of_slab.size):
            layer = slabs.layer_of_slab[k]
            if layer >= 0:
                way = path[k - 1]
                position[i, layer, 0] = x + way * unit[0]
                position[i, layer, 1] = y + way * unit[1]
                position[i, layer, 2] = z + way * unit[2]
    return status, position
