"""Wrapped azimuths for compiled code; apart from `core.kinematics`, as numba is slow to import."""

from __future__ import annotations

import numba
import numpy as np

from jetchain.core import kinematics

delta_phi = numba.njit(cache=True)(kinematics.delta_phi)


@numba.njit(cache=True)
def wrapped(angle: float) -> float:
    """An azimuth, or a difference of two, in [-pi, pi]; of one that is off by at most one turn.

    `delta_phi` adds pi and takes it off again, which rounds what it gives to the spacing of
    numbers near pi (up to 4e-16); this leaves angles inside the range as they are. So the last
    bits differ, and each caller keeps to one form: the moments, splitting and isolation of clusters
    and the distances of jet substructure to this, all others to `delta_phi`.
    """
    if angle > np.pi:
        return angle - 2 * np.pi
    if angle < -np.pi:
        return angle + 2 * np.pi
    return angle
