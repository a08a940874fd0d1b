"""Hadronic showers: how much energy a hadron leaves in every slab, and how widely.

A shower has an electromagnetic part, of neutral pions, and a nuclear one, of which a share is seen;
the rest breaks up nuclei. The profiles along the depth are HDShower's (CMS FastSim), the constants
here ours: tuned to COCOA's table of E/p (resources/published/cocoa_response.json), which is from
full simulation with Geant4, and to the spread of COCOA's own check (validation/pions.py), on
2026-11-28: by evolution (CMA-ES) of all of them at once on 8,000 pions of 1 to 60 GeV in pT and
|eta| < 2.5 at a time, with a last step by hand. Each stands for a cause, but none is measured
alone. How much of a shower is seen is mapped to that table afterwards (`response`).

Compiled with numba; energies in MeV, lengths in mm, unless a name says otherwise.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from jetchain.detector.calorimeter.profiles import hadronic_profile, regularised_gamma
from jetchain.detector.calorimeter.spots import TAIL_SPOT, Shower
from jetchain.detector.geometry.description import SlabArrays

# Mean electromagnetic part 1 - (E / E0)^(k - 1), k = 0.82 (Groom, NIM A 572 (2007) 633). It
# fluctuates as a beta distribution, as if it were made of so many independent shares.
EM_POWER = 0.82 - 1.0
EM_SCALE = 1.59  # GeV
EM_SHARES, EM_SHARES_POWER = 2.0, 0.4  # at 1 GeV, and the power of E with which they grow
LEAST_EM = 0.02
# Seen share of the nuclear part in the slabs before the HCAL and in it, at high energy; less by
# this times a power of E (GeV). A shower's share fluctuates, relative, with 1 / sqrt(GeV) up to a
# largest spread.
VISIBLE_ECAL, VISIBLE_HCAL = 0.552, 0.57
UNSEEN, UNSEEN_POWER = 0.368, 0.787
VISIBLE_SPREAD, VISIBLE_SPREAD_MAX = 0.7, 0.08
LEAST_VISIBLE = 0.1
# Share of the electromagnetic part that comes of the first interaction, along HDShower's
# electromagnetic profile; the rest comes where the nuclear part is. Lengths over HDShower's, and
# the relative spread of the nuclear one; below LONG_BELOW GeV it grows as this power of 1 / E.
FIRST = 0.962
EM_LENGTH, LENGTH, LENGTH_SPREAD = 0.61, 0.74, 0.06
LENGTH_POWER, LONG_BELOW = 0.2, 10.0
# Radial scales: of the core, Moliere radii; of the tail, interaction lengths for each length of
# depth behind a point so far before the start. The tail's fluctuates, and falls with the energy as
# a power of E / WIDE_AT.
CORE_RADIUS = 0.145
TAIL_ECAL, TAIL_HCAL, TAIL_BEFORE = 0.11, 0.607, 0.247
TAIL_SPREAD, TAIL_POWER, WIDE_AT = 0.286, 0.262, 10.0  # GeV
# A spot of the tail is what a track leaves that crosses this share of a slab, up to so many MeV: it
# must stay well below the 400 MeV of a local maximum.
TRACK_SHARE, TRACK_MAX = 0.9, 130.0
# Hadrons that share the energy of one that interacted in the tracker, about the multiplicity of
# pions on nuclei at 20 GeV. In 3.8 T and over a metre each leaves the axis by 0.57 m GeV / E, at
# most by FAN_MAX; that wide, the showers lie around it.
SECONDARIES, FAN, FAN_MAX = 12, 570.0, 400.0  # mm GeV, mm


@numba.njit(cache=True)
def parts(rng: np.random.Generator, gev: float) -> tuple[float, float]:
    """Draw the electromagnetic share of a hadron's energy, and the factor on what is seen of the
    rest.

    Args:
        rng: draws.
        gev: its energy, GeV.
    """
    mean = LEAST_EM
    if gev > EM_SCALE:
        mean = max(1.0 - (gev / EM_SCALE) ** EM_POWER, LEAST_EM)
    shares = EM_SHARES * gev**EM_SHARES_POWER
    pure, rest = rng.standard_gamma(shares * mean), rng.standard_gamma(shares * (1.0 - mean))
    fraction = pure / max(pure + rest, 1e-300)
    nuclear = max((1.0 - fraction) * gev, 0.5)
    spread = min(VISIBLE_SPREAD / math.sqrt(nuclear), VISIBLE_SPREAD_MAX)
    factor = max(1.0 + spread * rng.standard_normal(), LEAST_VISIBLE)
    return fraction, factor * max(1.0 - UNSEEN * gev**-UNSEEN_POWER, LEAST_VISIBLE)


@numba.njit(cache=True)
def hadronic(
    rng: np.random.Generator,
    energy: float,
    start: float,
    hadrons: int,
    slabs: SlabArrays,
    shower: Shower,
) -> tuple[float, float]:
    """Shower of hadrons that interact at a depth (lambda) inside the slabs.

    Args:
        rng: draws.
        energy: of all, MeV.
        start: depth.
        hadrons: how many share the energy.
        slabs: of the geometry.
        shower: its paths are read; energies are added, the rest is filled in.

    Returns:
        the energy that leaks out behind, and what nuclei swallow, MeV.
    """
    radiation, interaction = slabs.radiation_length, slabs.interaction_length
    moliere, layer_of_slab, mip = slabs.moliere_radius, slabs.layer_of_slab, slabs.mip
    path, deposited, cores, middle = shower.path, shower.energy, shower.core, shower.middle
    tails, shares, spots = shower.tail, shower.share, shower.spot
    n = radiation.size
    depth, depth_em = shower.depth, shower.depth_em
    start_em = -1.0
    for k in range(n):
        step = path[k + 1] - path[k]
        depth[k + 1] = depth[k] + step / interaction[k]
        depth_em[k + 1] = depth_em[k] + step / radiation[k]
        if start_em < 0.0 and start < depth[k + 1]:
            inside = (start - depth[k]) / (depth[k + 1] - depth[k])
            start_em = depth_em[k] + inside * (depth_em[k + 1] - depth_em[k])
    gev = 1e-3 * energy / hadrons
    fraction, factor = parts(rng, gev)
    pure, nuclear = fraction * energy, (1.0 - fraction) * energy
    alpha_em, beta_em, alpha_hd, beta_hd = hadronic_profile(gev)
    beta_em /= EM_LENGTH
    beta_hd *= min(gev / LONG_BELOW, 1.0) ** LENGTH_POWER / LENGTH
    beta_hd *= math.exp(LENGTH_SPREAD * rng.standard_normal())
    fan = min(FAN / gev, FAN_MAX) if hadrons > 1 else 0.0
    width = math.exp(TAIL_SPREAD * rng.standard_normal()) * (gev / WIDE_AT) ** -TAIL_POWER
    log_em, log_hd = math.lgamma(alpha_em), math.lgamma(alpha_hd)
    before_em = before_hd = unseen = 0.0
    left = energy
    for k in range(n):
        t = depth[k + 1] - start
        if t <= 0.0:
            continue
        after_em = regularised_gamma(alpha_em, beta_em * (depth_em[k + 1] - start_em), log_em)
        after_hd = regularised_gamma(alpha_hd, beta_hd * t, log_hd)
        here_hd = after_hd - before_hd
        from_em = pure * (FIRST * (after_em - before_em) + (1.0 - FIRST) * here_hd)
        from_hd = nuclear * here_hd
        in_hcal = layer_of_slab[k] >= 0 and slabs.hadronic[layer_of_slab[k]]
        seen = from_hd * min((VISIBLE_HCAL if in_hcal else VISIBLE_ECAL) * factor, 1.0)
        left -= from_em + from_hd
        unseen += from_hd - seen
        # A slab in which the hadron flew and then showered gets both.
        deposited[k] += from_em + seen
        shower.own[k] = from_em + seen
        first = max(depth[k] - start, 0.0)
        cores[k] = math.hypot(CORE_RADIUS * moliere[k], fan)
        scale = (TAIL_HCAL if in_hcal else TAIL_ECAL) * width * interaction[k]
        tails[k] = math.hypot(scale * (TAIL_BEFORE + 0.5 * (first + t)), fan)
        shares[k] = (deposited[k] - seen) / max(deposited[k], 1e-9)
        spots[k] = max(min(TRACK_SHARE * mip[k] * (path[k + 1] - path[k]), TRACK_MAX), TAIL_SPOT)
        if depth[k + 1] > depth[k]:
            inside = (start + first - depth[k]) / (depth[k + 1] - depth[k])
            middle[k] = 0.5 * (inside + 1.0)
        before_em, before_hd = after_em, after_hd
    return max(left, 0.0), unseen
