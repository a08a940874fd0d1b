"""Parametrised showers: how much energy a particle leaves in every slab, and in which cells.

The profiles are those of `detector.calorimeter.profiles`. Compiled with numba; energies in MeV,
lengths in mm, unless a name says otherwise.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from jetchain.detector.calorimeter.hadrons import SECONDARIES, hadronic
from jetchain.detector.calorimeter.profiles import (
    electromagnetic_profile,
    electromagnetic_radii,
    regularised_gamma,
)
from jetchain.detector.calorimeter.response import ResponseMap, respond
from jetchain.detector.calorimeter.spots import TAIL_SPOT, Cells, Segmentation, Shower, spread
from jetchain.detector.flight.states import (
    CHARGE,
    CHARGED_HADRON,
    CODE,
    ELECTRON,
    INVISIBLE,
    LEAKED,
    MUON,
    PHOTON,
    SOURCE,
    E,
    Flown,
    X,
    Y,
    Z,
    kind_of,
)
from jetchain.detector.geometry.description import SlabArrays, TrackerArrays, slab_paths
from jetchain.detector.geometry.material import CONVERSION_LENGTH

MIP_SPREAD = 0.08  # width of the Moyal distribution over the mean loss
MOYAL_MEAN = 1.2703628454614782  # Euler's gamma + ln 2


# COCOA's iron stands off the calorimeter: what has showered in it arrives spread. So much of the
# core goes into the tail for each X0 behind it, and the tail widens, up to this scale (mm). Tuned
# to the response to neutral pions of COCOA's own check (validation/pions.py) on 2026-11-28.
SCATTERED, SCATTERED_TO = 0.04, 150.0

LEAST_COSINE = 0.2
"""The support is at most this inverse times as thick as at normal incidence."""

SCATTER = 21.2
"""MeV: a Moliere radius is X0 times this over the critical energy (hep-ex/0001020)."""


class Medium(NamedTuple):
    """What particles shower in."""

    slabs: SlabArrays
    tracker: TrackerArrays
    critical_energy: float  # MeV, of the ECAL
    effective_z: float  # of the ECAL
    support: bool  # whether the support in front of the face is there


@numba.njit(cache=True)
def support_path(
    at: tuple[float, float, float],
    unit: tuple[float, float, float],
    slabs: SlabArrays,
    tracker: TrackerArrays,
) -> float:
    """Length of a flight through the support in front of the calorimeter's face, mm."""
    rho = math.hypot(at[0], at[1])
    if rho > tracker.face_radius + 1e-3 or abs(at[2]) > tracker.face_z + 1e-3:
        return 0.0  # born behind it
    if rho / tracker.face_radius > abs(at[2]) / tracker.face_z:
        cosine = abs(at[0] * unit[0] + at[1] * unit[1]) / rho
        return slabs.support_barrel / max(cosine, LEAST_COSINE)
    return slabs.support_endcap / max(abs(unit[2]), LEAST_COSINE)


@numba.njit(cache=True)
def ionise(
    rng: np.random.Generator, energy: float, depth: float, slabs: SlabArrays, shower: Shower
) -> float:
    """Losses of a charged particle up to a depth (lambda); returns what it has left, MeV.

    The losses in a slab are distributed like Moyal's approximation to Landau's.
    """
    mip, interaction = slabs.mip, slabs.interaction_length
    path, deposited = shower.path, shower.energy
    start = 0.0
    for k in range(mip.size):
        if start >= depth:
            break
        step = path[k + 1] - path[k]
        thickness = step / interaction[k]
        if start + thickness > depth:
            step *= (depth - start) / thickness
        moyal = -math.log(max(rng.standard_normal() ** 2, 1e-12))
        loss = mip[k] * step * (1.0 + MIP_SPREAD * (moyal - MOYAL_MEAN))
        loss = min(max(loss, 0.0), energy)
        deposited[k] += loss
        energy -= loss
        start += thickness
    return energy


@numba.njit(cache=True)
def electromagnetic(
    rng: np.random.Generator,
    energy: float,
    photon: bool,
    slabs: SlabArrays,
    critical: float,
    effective_z: float,
    shower: Shower,
) -> float:
    """Shower of an electron or photon; returns the energy that leaks out behind, MeV.

    The profile is that of the ECAL. A slab of another material counts with its own X0, and by how
    much earlier a shower in it would reach its maximum: ln(E/Ec) - 0.812 with its critical energy.
    """
    radiation, moliere = slabs.radiation_length, slabs.moliere_radius
    path, deposited, depth = shower.path, shower.energy, shower.depth
    cores, tails, shares, middle = shower.core, shower.tail, shower.share, shower.middle
    n = radiation.size
    log_y = math.log(energy / critical)
    for k in range(n):
        own = SCATTER * radiation[k] / moliere[k]
        scale = 1.0
        if log_y > 2.0:
            scale = (log_y - 0.812) / max(log_y - math.log(own / critical) - 0.812, 0.5)
        step = path[k + 1] - path[k]
        depth[k + 1] = depth[k] + scale * step / radiation[k]
    start = CONVERSION_LENGTH * rng.standard_exponential() if photon else 0.0
    alpha, peak, mean_alpha = electromagnetic_profile(rng, energy, critical, effective_z)
    if alpha == 0.0:  # below 2.25 Ec: all of it where it starts
        for k in range(n):
            if depth[k + 1] > start:
                deposited[k] += energy
                return 0.0
        return energy
    beta = (alpha - 1.0) / peak
    scattered = 1.0 - math.exp(-SCATTERED * max(depth[1] - start, 0.0))
    widened = SCATTERED_TO * scattered
    log_gamma, norm = math.lgamma(alpha), math.lgamma(alpha + 1.0)
    before = before_next = 0.0
    left = energy
    for k in range(n):
        x = beta * (depth[k + 1] - start)
        if x <= 0.0:
            continue
        after = regularised_gamma(alpha, x, log_gamma)
        # P(alpha + 1, x) gives the mean depth of what this slab gets.
        after_next = after - math.exp(alpha * math.log(x) - x - norm)
        fraction = after - before
        if fraction > 1e-7:
            deposited[k] += energy * fraction
            left -= energy * fraction
            mean = alpha / beta * (after_next - before_next) / fraction
            tau = mean / peak * (alpha - 1.0) / alpha * mean_alpha / (mean_alpha - 1.0)
            core, wide, weight = electromagnetic_radii(1e-3 * energy, tau, effective_z)
            cores[k] = core * moliere[k]
            tails[k] = math.hypot(wide * moliere[k], widened)
            shares[k] = weight * (1.0 - scattered)
            inside = (start + mean - depth[k]) / (depth[k + 1] - depth[k])
            middle[k] = min(max(inside, 0.0), 1.0)
        before, before_next = after, after_next
    return left


@numba.njit(cache=True)
def shower_event(
    rng: np.random.Generator,
    flown: Flown,  # the pieces of a particle stand together; its account is added to
    medium: Medium,
    segmentation: Segmentation,
    response: ResponseMap,
    shower: Shower,
    cells: Cells,
    by_layer: np.ndarray,  # (particles, layers) MeV; is added to
) -> None:
    """Simulate the showers of one event: a deposit for every cell that a particle touches."""
    # In loops numba counts references to what it takes out of tuples: once is enough.
    pieces, direction, started, account = (
        flown.pieces, flown.direction, flown.started, flown.account,
    )  # fmt: skip
    slabs, tracker, critical, effective_z, support = medium
    path, deposited, cores = shower.path, shower.energy, shower.core
    shares, middle, spots = shower.share, shower.middle, shower.spot
    depths, moliere, interaction = slabs.depth[1:], slabs.moliere_radius, slabs.interaction_length
    deposit_hit, deposit_energy, hit_energy = (
        cells.deposit_hit, cells.deposit_energy, cells.hit_energy,
    )  # fmt: skip
    p = -1
    count = first = np.int64(0)  # not 0: of a literal numba compiles `spread` once more
    for piece in range(len(pieces)):
        if int(pieces[piece, SOURCE]) != p:
            p = int(pieces[piece, SOURCE])
            first = count
        kind = kind_of(int(pieces[piece, CODE]), pieces[piece, CHARGE])
        at = (pieces[piece, X], pieces[piece, Y], pieces[piece, Z])
        unit = (direction[piece, 0], direction[piece, 1], direction[piece, 2])
        slab_paths(at, unit, depths, tracker.face_radius, tracker.face_z, path[1:])
        path[0] = path[1]
        if support:
            path[0] -= support_path(at, unit, slabs, tracker)
        for k in range(moliere.size):
            deposited[k] = 0.0
            shower.own[k] = 0.0
            cores[k] = 0.1 * moliere[k]
            shares[k] = 1.0
            middle[k] = 0.5
            spots[k] = TAIL_SPOT
        left = pieces[piece, E]
        if kind == MUON:
            left = ionise(rng, left, math.inf, slabs, shower)
        elif kind in (ELECTRON, PHOTON):
            left = electromagnetic(rng, left, kind == PHOTON, slabs, critical, effective_z, shower)
        else:
            start = 0.0 if started[piece] else rng.standard_exponential()
            if kind == CHARGED_HADRON:
                left = ionise(rng, left, start, slabs, shower)
            whole = 0.0
            for k in range(moliere.size):
                whole += (path[k + 1] - path[k]) / interaction[k]
            if left > 0.0 and start < whole:
                hadrons = SECONDARIES if started[piece] else 1
                entered = left
                left, unseen = hadronic(rng, left, start, hadrons, slabs, shower)
                unseen = respond(
                    rng, pieces[piece, E], entered - left, unseen, at, unit, segmentation, response,
                    shower,
                )  # fmt: skip
                account[p, INVISIBLE] += unseen
        account[p, LEAKED] += max(left, 0.0)  # rounding
        count = spread(
            rng, p, at, unit, segmentation, shower, cells, first, count, account[p],
            by_layer[p],
        )  # fmt: skip
    for d in range(count):
        hit_energy[deposit_hit[d]] += deposit_energy[d]
