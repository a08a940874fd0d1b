"""Parametrised showers: how much energy a particle leaves in every slab, and in which cells.

Electromagnetic: Grindhammer-Peters, homogeneous medium (hep-ex/0001020). Hadronic: CMS FastSim's
HDShower (cms-sw/cmssw, FastSimulation/ShowerDevelopment). Compiled with numba; energies in MeV,
lengths in mm, unless a name says otherwise.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from jetchain.detector.geometry import SlabArrays

ELECTRON, PHOTON, CHARGED_HADRON, NEUTRAL_HADRON, MUON = 0, 1, 2, 3, 4
"""How a particle behaves in the calorimeter."""

DEPOSITED, PASSIVE, LEAKED, INVISIBLE = 0, 1, 2, 3
"""Columns of a particle's energy account: cells, gap, beyond the cells, nuclear losses."""

PHOTON_PATH = 9.0 / 7.0
"""Mean depth of a photon's conversion, X0."""

# The electromagnetic part of a hadronic shower, f = 1 - (E / 1 GeV)^(k - 1) with k = 0.82 (Groom,
# NIM A 572 (2007) 633), gives the calorimeter's response; HDShower's `part` only the shape.
WIGMANS_POWER = 0.82 - 1.0
EM_FRACTION_SPREAD = 0.35  # relative, Gaussian, truncated to [0, 1]
# Share of the other part that is seen; the rest breaks up nuclei. Chosen for COCOA's own response
# to charged pions (0.50 +- 0.23 at 20 GeV after clustering; pflow_configuration/*.csv).
VISIBLE_FRACTION = 0.48
VISIBLE_SPREAD = 0.45  # relative, times 1 / sqrt(hadronic energy / GeV)

EM_SPOT, EM_SPOTS_MAX = 40.0, 40  # MeV a spot; spots a layer
HADRON_SPOT, HADRON_SPOTS_MAX = 200.0, 60  # HSParameters_cfi.py: 0.2 GeV
# Spots lie within this many times the scale of their radial profile (HSParameters_cfi.py: 4).
EM_RADIUS_MAX, HADRON_RADIUS_MAX = 8.0, 4.0
MIP_SPREAD = 0.08  # width of the Moyal distribution over the mean loss
MOYAL_MEAN = 1.2703628454614782  # Euler's gamma + ln 2


@numba.njit(cache=True)
def regularised_gamma(shape: float, x: float) -> float:
    """P(shape, x), the regularised lower incomplete gamma function (Numerical Recipes 6.2)."""
    if x <= 0.0:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        n = shape
        for _ in range(500):
            n += 1.0
            term *= x / n
            total += term
            if term < total * 1e-12:
                break
        return min(total * front, 1.0)
    b = x + 1.0 - shape
    c = 1e300
    d = 1.0 / b
    h = d
    for i in range(1, 500):
        a = -i * (i - shape)
        b += 2.0
        d = 1.0 / (a * d + b)
        c = b + a / c
        delta = d * c
        h *= delta
        if abs(delta - 1.0) < 1e-12:
            break
    return 1.0 - front * h


@numba.njit(cache=True)
def electromagnetic_profile(
    rng: np.random.Generator, energy: float, critical: float, z: float
) -> tuple[float, float, float]:
    """Draw alpha and T of one shower (hep-ex/0001020, eqs. 11 - 14; homogeneous medium).

    Returns:
        alpha, T (X0), and exp<ln alpha>, which the radial profile needs. alpha is 0 below
        2.25 Ec, where the parametrisation ends and the energy is left where it is.
    """
    log_y = math.log(energy / critical)
    if log_y <= 0.82:  # y = 2.25 is 0.811
        return 0.0, 0.0, 0.0
    mean_log_t = math.log(log_y - 0.812)
    mean_alpha = 0.81 + (0.458 + 2.26 / z) * log_y
    # Both widths have a pole at a few Ec; 0.5 keeps the low-energy showers sane.
    spread_t = 0.5
    if -1.4 + 1.26 * log_y > 2.0:
        spread_t = 1.0 / (-1.4 + 1.26 * log_y)
    spread_alpha = 0.5
    if -0.58 + 0.86 * log_y > 2.0:
        spread_alpha = 1.0 / (-0.58 + 0.86 * log_y)
    correlation = min(max(0.705 - 0.023 * log_y, -1.0), 1.0)
    first, second = rng.standard_normal(), rng.standard_normal()
    plus = math.sqrt(0.5 * (1.0 + correlation)) * first
    minus = math.sqrt(0.5 * (1.0 - correlation)) * second
    depth = math.exp(mean_log_t + spread_t * (plus + minus))
    alpha = math.exp(math.log(mean_alpha) + spread_alpha * (plus - minus))
    return max(alpha, 1.05), depth, mean_alpha


@numba.njit(cache=True)
def electromagnetic_radii(energy_gev: float, tau: float, z: float) -> tuple[float, float, float]:
    """Core radius, tail radius (Moliere radii) and core share (hep-ex/0001020, eqs. 23 - 26)."""
    log_e = math.log(energy_gev)
    core = 0.0251 + 0.00319 * log_e + (0.1162 - 0.000381 * z) * tau
    k1, k4 = 0.659 - 0.00309 * z, 0.3585 + 0.0412 * log_e
    tail = k1 * (math.exp(-2.59 * (tau - 0.645)) + math.exp(min(k4 * (tau - 0.645), 5.0)))
    p1, p2, p3 = 2.632 - 0.00094 * z, 0.401 + 0.00187 * z, 1.313 - 0.0686 * log_e
    p3 = max(p3, 0.3)
    scaled = (p2 - tau) / p3
    share = p1 * math.exp(scaled - math.exp(scaled))
    return max(core, 0.005), max(tail, 0.01), min(max(share, 0.0), 1.0)


@numba.njit(cache=True)
def hadronic_profile(energy_gev: float) -> tuple[float, float, float, float, float]:
    """HDShower's longitudinal parameters: alpha_EM, beta_EM (1/X0), alpha_HD, beta_HD (1/lambda),
    and the share of the first (cms-sw/cmssw, HDShowerParametrization.h)."""
    e = min(max(energy_gev, 2.0), 500.0)
    a = math.log(e * (0.35 + 0.09 * math.log(e)))
    if e < 10.0:
        return (
            1.08 + 0.24 * a,
            0.478 - 0.135 * a,
            1.17 + 0.21 * a,
            2.10 - 0.72 * a,
            min(0.751 - 0.177 * a, 1.0),
        )
    return (
        1.30 + 0.255 * a,
        0.289 - 0.010 * a,
        0.38 + 0.23 * a,
        0.83 - 0.049 * a,
        min(0.509 - 0.021 * a, 1.0),
    )


@numba.njit(cache=True)
def truncated_gaussian(rng: np.random.Generator, mean: float, spread: float) -> float:
    """A Gaussian deviate, drawn again until it lies in [0, 1]."""
    for _ in range(100):
        value = mean + spread * rng.standard_normal()
        if 0.0 <= value <= 1.0:
            return value
    return min(max(mean, 0.0), 1.0)


@numba.njit(cache=True)
def shower_event(
    rng: np.random.Generator,
    kind: np.ndarray,  # (particles,) int8; -1 for those that do not arrive
    energy: np.ndarray,  # (particles,) MeV that can be deposited
    path: np.ndarray,  # (particles, slabs + 1) mm along the flight to the slabs' borders
    border_eta: np.ndarray,  # (particles, slabs + 1) of the flight at the borders
    border_phi: np.ndarray,  # (particles, slabs + 1)
    border_rho: np.ndarray,  # (particles, slabs + 1) mm from the beam axis
    slabs: SlabArrays,
    eta_max: float,
    critical: float,
    effective_z: float,
    scratch: np.ndarray,  # (cells,) float64, all 0; is returned so
    scratch_cells: np.ndarray,  # (at least spots of a particle,) int32
    out_cell: np.ndarray,  # (capacity,) int32
    out_particle: np.ndarray,  # (capacity,) int32
    out_energy: np.ndarray,  # (capacity,) float64
    account: np.ndarray,  # (particles, 4) MeV: DEPOSITED, PASSIVE, LEAKED, INVISIBLE
    by_layer: np.ndarray,  # (particles, layers) MeV
) -> int:
    """Simulate the showers of one event.

    Returns:
        the number of deposits (one for every cell that a particle touches), written into out_*.
    """
    n_slabs = slabs.thickness.size
    in_slab = np.empty(n_slabs)
    scale = np.empty(n_slabs)  # radial scale, mm
    tail = np.empty(n_slabs)
    share = np.empty(n_slabs)
    middle = np.empty(n_slabs)  # where along the slab the spots lie, 0 to 1
    depth_x0 = np.empty(n_slabs + 1)
    depth_lambda = np.empty(n_slabs + 1)
    count = 0
    for p in range(kind.size):
        if kind[p] < 0 or energy[p] <= 0.0:
            continue
        depth_x0[0] = depth_lambda[0] = 0.0
        for k in range(n_slabs):
            step = path[p, k + 1] - path[p, k]
            depth_x0[k + 1] = depth_x0[k] + step / slabs.radiation_length[k]
            depth_lambda[k + 1] = depth_lambda[k] + step / slabs.interaction_length[k]
            in_slab[k] = 0.0
            scale[k] = 0.1 * slabs.moliere_radius[k]
            tail[k] = scale[k]
            share[k] = 1.0
            middle[k] = 0.5
        left = energy[p]
        spot, spots_max, radius_max = EM_SPOT, EM_SPOTS_MAX, EM_RADIUS_MAX
        hadronic = False

        start = 0.0
        if kind[p] == CHARGED_HADRON or kind[p] == NEUTRAL_HADRON:
            start = rng.standard_exponential()
        elif kind[p] == MUON:
            start = 1e9
        if kind[p] == CHARGED_HADRON or kind[p] == MUON:
            for k in range(n_slabs):
                if depth_lambda[k] >= start:
                    break
                step = path[p, k + 1] - path[p, k]
                if depth_lambda[k + 1] > start:
                    step *= (start - depth_lambda[k]) / (depth_lambda[k + 1] - depth_lambda[k])
                moyal = -math.log(max(rng.standard_normal() ** 2, 1e-12))
                loss = slabs.mip[k] * step * (1.0 + MIP_SPREAD * (moyal - MOYAL_MEAN))
                loss = min(max(loss, 0.0), left)
                in_slab[k] += loss
                left -= loss

        if kind[p] == ELECTRON or kind[p] == PHOTON:
            if kind[p] == PHOTON:
                start = PHOTON_PATH * rng.standard_exponential()
            alpha, peak, mean_alpha = electromagnetic_profile(rng, left, critical, effective_z)
            if alpha == 0.0:  # below 2.25 Ec: all of it where it starts
                for k in range(n_slabs):
                    if depth_x0[k + 1] > start:
                        in_slab[k] += left
                        left = 0.0
                        break
            else:
                beta = (alpha - 1.0) / peak
                norm = math.lgamma(alpha + 1.0)
                before = before_next = 0.0
                total = left
                for k in range(n_slabs):
                    x = beta * (depth_x0[k + 1] - start)
                    if x <= 0.0:
                        continue
                    after = regularised_gamma(alpha, x)
                    # P(alpha + 1, x) gives the mean depth of what this slab gets.
                    after_next = after - math.exp(alpha * math.log(x) - x - norm)
                    fraction = after - before
                    if fraction > 1e-7:
                        in_slab[k] = total * fraction
                        mean = alpha / beta * (after_next - before_next) / fraction
                        tau = mean / peak * (alpha - 1.0) / alpha * mean_alpha / (mean_alpha - 1.0)
                        core, wide, weight = electromagnetic_radii(1e-3 * total, tau, effective_z)
                        scale[k] = core * slabs.moliere_radius[k]
                        tail[k] = wide * slabs.moliere_radius[k]
                        share[k] = weight
                        width = depth_x0[k + 1] - depth_x0[k]
                        middle[k] = min(max((start + mean - depth_x0[k]) / width, 0.0), 1.0)
                        left -= in_slab[k]
                    before, before_next = after, after_next
        elif kind[p] != MUON and left > 0.0 and start < depth_lambda[n_slabs]:
            hadronic = True
            spot, spots_max, radius_max = HADRON_SPOT, HADRON_SPOTS_MAX, HADRON_RADIUS_MAX
            gev = 1e-3 * left
            mean = max(1.0 - gev**WIGMANS_POWER, 0.0) if gev > 1.0 else 0.0
            fraction = truncated_gaussian(rng, mean, EM_FRACTION_SPREAD * mean)
            nuclear = (1.0 - fraction) * left
            spread = VISIBLE_SPREAD * VISIBLE_FRACTION / math.sqrt(max(1e-3 * nuclear, 0.5))
            visible = truncated_gaussian(rng, VISIBLE_FRACTION, min(spread, 0.3))
            unseen = nuclear * (1.0 - visible)
            account[p, INVISIBLE] += unseen
            left -= unseen
            alpha_em, beta_em, alpha_hd, beta_hd, part = hadronic_profile(gev)
            if mean > 0.0:
                part = min(part * fraction / mean, 1.0)
            log_e = math.log(min(max(gev, 2.0), 500.0))
            width = (0.0124 + 0.359 - 0.0511 * log_e) * (1.0 + rng.random())
            start_x0 = 0.0
            for k in range(n_slabs):
                if start < depth_lambda[k + 1]:
                    inside = (start - depth_lambda[k]) / (depth_lambda[k + 1] - depth_lambda[k])
                    start_x0 = depth_x0[k] + inside * (depth_x0[k + 1] - depth_x0[k])
                    break
            before = 0.0
            total = left
            for k in range(n_slabs):
                t = depth_lambda[k + 1] - start
                if t <= 0.0:
                    continue
                after = part * regularised_gamma(alpha_em, beta_em * (depth_x0[k + 1] - start_x0))
                after += (1.0 - part) * regularised_gamma(alpha_hd, beta_hd * t)
                amount = total * (after - before)
                # A slab in which the hadron flew and then showered gets both.
                in_slab[k] += amount
                left -= amount
                first = max(depth_lambda[k] - start, 0.0)
                scale[k] = max(width * 0.5 * (first + t), 0.02) * slabs.interaction_length[k]
                tail[k] = scale[k]
                inside = (start + first - depth_lambda[k]) / (depth_lambda[k + 1] - depth_lambda[k])
                middle[k] = 0.5 * (inside + 1.0)
                before = after
        account[p, LEAKED] += max(left, 0.0)  # rounding

        # Spread the slabs' energies over cells.
        touched = 0
        for k in range(n_slabs):
            amount = in_slab[k]
            if amount <= 0.0:
                continue
            layer = slabs.layer_of_slab[k]
            if layer < 0:
                account[p, PASSIVE] += amount
                continue
            n_eta, n_phi = slabs.cells_eta[layer], slabs.cells_phi[layer]
            at = middle[k]
            eta0 = border_eta[p, k] + at * (border_eta[p, k + 1] - border_eta[p, k])
            turn = border_phi[p, k + 1] - border_phi[p, k]
            if turn > math.pi:
                turn -= 2 * math.pi
            elif turn < -math.pi:
                turn += 2 * math.pi
            phi0 = border_phi[p, k] + at * turn
            # A step perpendicular to the flight changes eta and phi by step / rho alike.
            rho = border_rho[p, k] + at * (border_rho[p, k + 1] - border_rho[p, k])
            spots = 1
            if kind[p] != MUON:
                spots = min(1 + int(amount / spot), spots_max)
            each = amount / spots
            angle = 2 * math.pi * rng.random()
            offset = rng.random()
            for j in range(spots):
                if hadronic:
                    u = rng.random()
                    angle = 2 * math.pi * rng.random()
                else:
                    # Electromagnetic showers are smooth: quasi-random spots, one stratum each.
                    u = (j + offset) / spots
                    angle += 2.399963229728653  # the golden angle
                size = scale[k]
                if u < share[k]:
                    u /= share[k]
                else:
                    u = (u - share[k]) / (1.0 - share[k])
                    size = tail[k]
                u *= radius_max**2 / (1.0 + radius_max**2)
                step = size * math.sqrt(u / (1.0 - u)) / rho
                eta = eta0 + step * math.cos(angle)
                phi = phi0 + step * math.sin(angle)
                i = math.floor((eta + eta_max) / (2 * eta_max) * n_eta)
                if i < 0 or i >= n_eta:
                    account[p, LEAKED] += each
                    continue
                m = math.floor((phi + math.pi) / (2 * math.pi) * n_phi) % n_phi
                cell = slabs.first_cell[layer] + i * n_phi + m
                if scratch[cell] == 0.0:
                    scratch_cells[touched] = cell
                    touched += 1
                scratch[cell] += each
                by_layer[p, layer] += each
                account[p, DEPOSITED] += each
        for j in range(touched):
            cell = scratch_cells[j]
            out_cell[count] = cell
            out_particle[count] = p
            out_energy[count] = scratch[cell]
            scratch[cell] = 0.0
            count += 1
    return count


def deposits_capacity(particles: int, layers: int) -> int:
    """The largest number of deposits that `shower_event` can return."""
    return particles * layers * max(EM_SPOTS_MAX, HADRON_SPOTS_MAX)
