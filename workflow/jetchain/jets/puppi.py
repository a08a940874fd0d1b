"""PUPPI: pile-up taken off by a weight a particle (arXiv 1407.6013).

A particle of the hard collision has hard particles near; alpha measures that. Charged particles of
pile-up, which their tracks tell, show what alpha pile-up has in this event, and each neutral
particle is weighted by how far it lies above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.compiled import delta_phi
from jetchain.core.kinematics import pt_eta_phi, rapidity
from jetchain.jets.containers import Array, Integers, Particles, offsets

R0, R_MIN = 0.3, 0.02  # between these distances lie the neighbours
LEAST_WEIGHT = 0.1  # less is none
LEAST_PT = (0.1, 0.007)  # GeV a weighted neutral has at least, and what each collision adds
ALONG, ACROSS = 2.0, 2.0
"""Largest abs(z0 sin(theta)) of a track from the hard collision (ATLAS, arXiv 1703.10485), and
abs(d0) of any from a collision, mm: what begins farther off the beam may come from either, and is
weighted as a neutral particle."""


@dataclass(frozen=True)
class Tracks:
    """The tracks of particles, 0 for neutral ones.

    Attributes:
        charge: (particles,).
        d0, z0: (particles,) mm; the latter from the hard collision.
    """

    charge: Array
    d0: Array
    z0: Array


def hard_z(particle: Any) -> Array:
    """Where each event's hard collision lies along the beam, (events,), mm.

    That is known to some 0.01 mm where many tracks begin at it, so it is taken from the truth: the
    median of what comes from the primary vertex, or from one that the file does not tell.

    Args:
        particle: collection `particle` of GENERATED: z, vertex.
    """
    import awkward as ak

    z = ak.sort(particle["z"][particle["vertex"] <= 0], axis=1)
    middle = z[ak.local_index(z) == (ak.num(z) - 1) // 2]
    return ak.to_numpy(ak.fill_none(ak.firsts(middle), 0.0)).astype(np.float64)


def puppi(particles: Particles, tracks: Tracks, mean: float, track_eta_max: float) -> Particles:
    """The particles with weighted four-momenta; those without weight are left out.

    Args:
        particles: of all events.
        tracks: theirs.
        mean: pile-up collisions an event.
        track_eta_max: within, alpha counts the charged particles of the hard collision alone;
            beyond, where no track tells them, all particles.
    """
    weight = weights(particles, tracks, mean, track_eta_max)
    events = len(particles.offset) - 1
    event = np.repeat(np.arange(events), np.diff(particles.offset))
    keep = weight > 0
    return Particles(
        particles.momentum[keep] * weight[keep, None],
        offsets(np.bincount(event[keep], minlength=events)),
        particles.index[keep],
    )


def weights(particles: Particles, tracks: Tracks, mean: float, track_eta_max: float) -> Array:
    """The weight of each particle, (particles,); see `puppi`."""
    pt, eta, phi = pt_eta_phi(*particles.momentum[:, :3].T)
    y = np.full(len(pt), np.inf)
    y[pt > 0] = rapidity(*particles.momentum[pt > 0].T)
    from_beam = (tracks.charge != 0) & (np.abs(tracks.d0) < ACROSS)
    hard = from_beam & (np.abs(tracks.z0) / np.cosh(eta) < ALONG)
    soft = from_beam & ~hard
    near_hard, near_any = _shapes(pt, y, phi, particles.offset, hard)
    central = np.abs(eta) < track_eta_max
    result = np.where(hard, 1.0, 0.0)
    open_ones = ~hard & ~soft
    for start, stop in zip(particles.offset[:-1], particles.offset[1:], strict=True):
        mine = np.arange(start, stop)
        for shape, place in ((near_hard, central), (near_any, ~central)):
            rows = mine[open_ones[mine] & place[mine]]
            result[rows] = _weight(shape[rows], shape[mine[soft[mine]]])
    least = LEAST_PT[0] + LEAST_PT[1] * mean
    result[open_ones & ((result < LEAST_WEIGHT) | (result * pt < least))] = 0.0
    return result


def _weight(alpha: Array, pileup: Array) -> Array:
    """Chi-squared probability of alphas (particles,) above the median of pile-up's (tracks,).

    The spread is that below the median, since above it are those that lie beside hard particles. A
    particle without a neighbour has alpha = -inf and no weight; without pile-up to compare with,
    all are kept.
    """
    known = pileup[np.isfinite(pileup)]
    if not len(known):
        return np.ones(len(alpha))
    median = np.median(known)
    below = known[known < median] - median
    spread = np.sqrt(np.mean(below**2)) if len(below) else 1.0
    from scipy.special import erf

    return erf(np.maximum(alpha - median, 0.0) / spread / np.sqrt(2.0))


@numba.njit(cache=True)
def _shapes(
    pt: Array, y: Array, phi: Array, offset: Integers, hard: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Alpha = log(sum of pT / dR) over the neighbours of each particle: hard ones, and all."""
    sums = np.zeros((2, len(pt)))
    for event in range(len(offset) - 1):
        for one in range(offset[event], offset[event + 1]):
            for two in range(one + 1, offset[event + 1]):
                if abs(y[one] - y[two]) > R0:
                    continue
                distance = np.hypot(y[one] - y[two], delta_phi(phi[one], phi[two]))
                if not R_MIN <= distance <= R0:
                    continue
                sums[1, one] += pt[two] / distance
                sums[1, two] += pt[one] / distance
                if hard[two]:
                    sums[0, one] += pt[two] / distance
                if hard[one]:
                    sums[0, two] += pt[one] / distance
    return np.log(sums[0]), np.log(sums[1])
