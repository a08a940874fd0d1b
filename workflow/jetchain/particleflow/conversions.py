"""Photons that convert before the tracker's inner layers leave two tracks of electrons.

The two start parallel at one point away from the beam: both miss the vertex, they share the polar
angle, and the field alone turns their azimuths at the perigee apart. A track of radius R that
starts at a distance r in the direction of the photon misses the beam by d0 = r^2 / 2R and is turned
by r / R = sqrt(2 d0 / R).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.compiled import delta_phi
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.particleflow.detected import Tracks
from jetchain.particleflow.layers import Layers

ELECTRON, PHOTON = (PARTICLE_CLASSES.index(name) for name in ("electron", "photon"))
BENDING = 0.299792458
"""MeV per T and mm of radius: pT = 0.3 B R."""
MARGIN = 0.01
"""rad, of the polar angles and of the azimuths: some times their resolutions at 2 GeV. Our choice.
"""
TURN_MARGIN = 0.1
"""Relative, of the angle by which the field turns the two apart. Our choice."""
DISPLACED = 3.0
"""Sigma by which one of two tracks misses the beam. Our choice. Hardly a photon converts before the
tracker's first layer: two legs so hard that they would not miss it by that from there are taken for
a conversion, as pairs from Dalitz decays are far fewer."""
ALONE = 1.0
"""mm by which one without a partner misses it: those of b hadrons stay below. Our choice."""

MOMENTUM = ("px", "py", "pz", "e")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def merge_conversions(tracks: Tracks, particles: dict[str, Any], layers: Layers) -> None:
    """Make one photon of the two electrons of a conversion; changes `particles` in place.

    The photon takes the place of the harder electron, with the sum of their momenta; the other is
    left with energy 0. An electron far from the beam whose partner left no track is one alone.

    Args:
        tracks: of all events.
        particles: columns of one particle a track.
        layers: of the detector, for its field and first layer.
    """
    bending = BENDING * layers.field
    d0, _, d0_err, _ = tracks.impact.T
    event = np.repeat(np.arange(len(tracks.offset) - 1), np.diff(tracks.offset))
    legs = np.flatnonzero(particles["label"] == ELECTRON)
    legs = legs[np.lexsort((-tracks.pt[legs], event[legs]))]
    displaced = np.abs(d0) > DISPLACED * d0_err
    turn = np.sqrt(2 * np.abs(d0) * bending / tracks.pt)
    unresolved = layers.innermost**2 * bending / (2 * tracks.pt) < DISPLACED * d0_err
    ones, others = pairs(
        legs, event[legs], tracks.charge, tracks.theta, tracks.phi, turn, displaced, unresolved
    )
    alone = np.setdiff1d(legs, [ones, others])
    alone = alone[displaced[alone] & (np.abs(d0[alone]) > ALONE)]
    for name in MOMENTUM:
        particles[name][ones] += particles[name][others]
        particles[name][others] = 0.0
    _make_photons(particles, np.concatenate([ones, alone]))


@numba.njit(cache=True)
def pairs(
    legs: Ints,
    event: Ints,
    charge: Floats,
    theta: Floats,
    phi: Floats,
    turn: Floats,
    displaced: Flags,
    unresolved: Flags,
) -> tuple[Ints, Ints]:
    """The two electrons of each conversion, the harder first.

    Args:
        legs: (legs,) tracks of electrons, event by event, in falling pT.
        event: (legs,) of each.
        charge, theta, phi: (tracks,)
        turn: (tracks,) rad, by which the field turned a conversion's track.
        displaced, unresolved: (tracks,) whether it misses the beam, or could not be seen to.
    """
    partner = np.full(len(legs), -1)
    number = 0
    for i in range(len(legs)):
        one = legs[i]
        for j in range(i + 1, len(legs)):
            other = legs[j]
            if event[j] != event[i] or partner[i] >= 0:
                break
            if partner[j] >= 0 or charge[one] == charge[other]:
                continue
            both = turn[one] + turn[other]
            if (
                (displaced[one] or displaced[other] or (unresolved[one] and unresolved[other]))
                and abs(theta[one] - theta[other]) < MARGIN
                and abs(abs(delta_phi(phi[one], phi[other])) - both) < TURN_MARGIN * both + MARGIN
            ):
                partner[i], partner[j] = j, i
                number += 1
    first, second = np.empty(number, np.int64), np.empty(number, np.int64)
    number = 0
    for i in range(len(legs)):
        if partner[i] > i:
            first[number], second[number] = legs[i], legs[partner[i]]
            number += 1
    return first, second


def _make_photons(particles: dict[str, Any], rows: Ints) -> None:
    px, py, pz = (particles[name][rows] for name in MOMENTUM[:3])
    particles["e"][rows] = np.sqrt(px**2 + py**2 + pz**2)
    particles["label"][rows] = PHOTON
    for name in ("charge", "d0", "z0", "d0_err", "z0_err"):
        particles[name][rows] = 0.0
    for name in ("track_idx", "origin", "vertex"):
        particles[name][rows] = -1
