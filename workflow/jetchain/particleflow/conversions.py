"""Photons that convert before the tracker's inner layers leave two tracks of electrons.

The two start parallel at one point away from the beam: both miss the vertex, they share the polar
angle, and the field alone turns their azimuths at the perigee apart. A track of radius R that starts
at a distance r in the direction of the photon misses the beam by d0 = r^2 / 2R and is turned by
r / R = sqrt(2 d0 / R).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.particleflow.detected import Tracks

ELECTRON, PHOTON = (PARTICLE_CLASSES.index(name) for name in ("electron", "photon"))
BENDING = 3.8 * 0.299792458
"""MeV per mm of radius: pT = 0.3 B R, in 3.8 T."""
MARGIN = 0.01
"""rad, of the polar angles and of the azimuths: some times their resolutions at 2 GeV. Our choice.
"""
DISPLACED = 3.0
"""Sigma by which both tracks miss the beam. Our choice."""

Floats = NDArray[np.float64]


def merge_conversions(tracks: Tracks, particles: dict[str, Any]) -> None:
    """Make one photon of the two electrons of a conversion; changes `particles` in place.

    The photon takes the place of the harder electron, with the sum of their momenta; the other is
    left with energy 0.

    Args:
        tracks: of all events.
        particles: columns of one particle a track.
    """
    d0, _, d0_err, _ = tracks.impact.T
    leg = (particles["label"] == ELECTRON) & (np.abs(d0) > DISPLACED * d0_err)
    event = np.repeat(np.arange(len(tracks.offset) - 1), np.diff(tracks.offset))
    legs = np.flatnonzero(leg)
    legs = legs[np.lexsort((-tracks.pt[legs], event[legs]))]
    free = np.ones(len(leg), bool)
    turn = np.sqrt(2 * np.abs(d0) * BENDING / tracks.pt)
    for position, one in enumerate(legs):
        for other in legs[position + 1 :]:
            if event[other] != event[one]:
                break
            if (
                free[one]
                and free[other]
                and tracks.charge[one] != tracks.charge[other]
                and abs(tracks.theta[one] - tracks.theta[other]) < MARGIN
                and abs(delta_phi(tracks.phi[one], tracks.phi[other]))
                < turn[one] + turn[other] + MARGIN
            ):
                free[one] = free[other] = False
                _merge(particles, int(one), int(other))


def _merge(particles: dict[str, Any], one: int, other: int) -> None:
    for name in ("px", "py", "pz", "e"):
        particles[name][one] += particles[name][other]
        particles[name][other] = 0.0
    momentum = np.sqrt(sum(particles[name][one] ** 2 for name in ("px", "py", "pz")))
    particles["e"][one] = momentum  # a photon has no mass
    particles["label"][one] = PHOTON
    for name in ("charge", "d0", "z0", "d0_err", "z0_err"):
        particles[name][one] = 0.0
    for name in ("track_idx", "origin", "vertex"):
        particles[name][one] = -1
