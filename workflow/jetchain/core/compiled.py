"""Wrapped azimuths for compiled code; apart from `core.kinematics`, as numba is slow to import."""

from __future__ import annotations

import numba
import numpy as np

TURN = 2 * np.pi


@numba.njit(cache=True)
def delta_phi(first: float, second: float) -> float:
    """`kinematics.delta_phi` of numbers, to the last bit.

    Where no more than one turn is off, the remainder is a sum or a difference, for a fraction of
    the time: the difference is exact, and the sum is what Python's remainder makes of it.
    """
    angle = first - second + np.pi
    if 0.0 <= angle < TURN:
        return angle - np.pi
    if TURN <= angle < 2 * TURN:
        return (angle - TURN) - np.pi
    if -TURN <= angle < 0.0:
        return (angle + TURN) - np.pi
    return (first - second + np.pi) % (2 * np.pi) - np.pi


@numba.njit(cache=True)
def wrapped(angle: float) -> float:
    """An azimuth, or a difference of two, in [-pi, pi]; of one that is off by at most one turn.

    `delta_phi` adds pi and takes it off again, which rounds to the spacing of
    numbers up to 2 pi (9e-16); this leaves angles inside the range as they are. So the last
    bits differ, and each caller keeps to one form: the moments, splitting and isolation of clusters
    and the distances of jet substructure to this, all others to `delta_phi`.
    """
    if angle > np.pi:
        return angle - 2 * np.pi
    if angle < -np.pi:
        return angle + 2 * np.pi
    return angle
