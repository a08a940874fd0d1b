"""Photons that convert before the tracker's inner layers leave two tracks of electrons.

The two start parallel at one point away from the beam: both miss the vertex, they share the polar
angle, and the field alone turns their azimuths at the perigee apart. A track of radius R that
starts at a distance r in the direction of the photon misses the beam by d0 = r^2 / 2R and is turned
by r / R = sqrt(2 d0 / R).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.particleflow.detected import Tracks

ELECTRON, PHOTON = (PARTICLE_CLASSES.index(name) for name in ("electron", "photon"))
BENDING = 3.8 * 0.299792458
"""MeV per mm of radius: pT = 0.3 B R, in 3.8 T."""
MARGIN = 0.01
"""rad, of the polar angles and of the azimuths: some times their resolutions at 2 GeV. Our choice.
"""
TURN_MARGIN = 0.1
"""Relative, of the angle by which the field turns the two apart. Our choice."""
DISPLACED = 3.0
"""Sigma by which one of two tracks misses the beam. Our choice."""
FIRST_LAYER = 39.0
"""mm, of the tracker (COCOA): hardly a photon converts before it. Two legs so hard that they would
not miss the beam by `DISPLACED` from there are taken for a conversion: pairs from Dalitz decays are
far fewer."""
ALONE = 1.0
"""mm by which one without a partner misses it: those of b hadrons stay below. Our choice."""

MOMENTUM = ("px", "py", "pz", "e")


def merge_conversions(tracks: Tracks, particles: dict[str, Any]) -> None:
    """Make one photon of the two electrons of a conversion; changes `particles` in place.

    The photon takes the place of the harder electron, with the sum of their momenta; the other is
    left with energy 0. An electron far from the beam whose partner left no track is one alone.

    Args:
        tracks: of all events.
        particles: columns of one particle a track.
    """
    d0, _, d0_err, _ = tracks.impact.T
    event = np.repeat(np.arange(len(tracks.offset) - 1), np.diff(tracks.offset))
    legs = np.flatnonzero(particles["label"] == ELECTRON)
    legs = legs[np.lexsort((-tracks.pt[legs], event[legs]))]
    displaced = np.abs(d0) > DISPLACED * d0_err
    turn = np.sqrt(2 * np.abs(d0) * BENDING / tracks.pt)
    unresolved = FIRST_LAYER**2 * BENDING / (2 * tracks.pt) < DISPLACED * d0_err
    free = np.ones(len(d0), bool)
    for position, one in enumerate(legs):
        for other in legs[position + 1 :]:
            if event[other] != event[one]:
                break
            apart = abs(delta_phi(tracks.phi[one], tracks.phi[other]))
            both = turn[one] + turn[other]
            if (
                free[one]
                and free[other]
                and tracks.charge[one] != tracks.charge[other]
                and (displaced[one] or displaced[other] or (unresolved[one] and unresolved[other]))
                and abs(tracks.theta[one] - tracks.theta[other]) < MARGIN
                and abs(apart - both) < TURN_MARGIN * both + MARGIN
            ):
                free[one] = free[other] = False
                for name in MOMENTUM:
                    particles[name][one] += particles[name][other]
                    particles[name][other] = 0.0
                _make_photon(particles, int(one))
        if free[one] and displaced[one] and abs(d0[one]) > ALONE:
            _make_photon(particles, int(one))


def _make_photon(particles: dict[str, Any], row: int) -> None:
    px, py, pz = (particles[name][row] for name in MOMENTUM[:3])
    particles["e"][row] = np.sqrt(px**2 + py**2 + pz**2)
    particles["label"][row] = PHOTON
    for name in ("charge", "d0", "z0", "d0_err", "z0_err"):
        particles[name][row] = 0.0
    for name in ("track_idx", "origin", "vertex"):
        particles[name][row] = -1
