"""Formulas of parametrised showers.

Electromagnetic: Grindhammer-Peters, homogeneous medium (hep-ex/0001020). Hadronic: CMS FastSim's
HDShower (cms-sw/cmssw, FastSimulation/ShowerDevelopment). Compiled with numba; energies in MeV,
lengths in mm, unless a name says otherwise.
"""

from __future__ import annotations

import math

import numba
import numpy as np


@numba.njit(cache=True)
def regularised_gamma(shape: float, x: float, log_gamma: float) -> float:
    """P(shape, x), the regularised lower incomplete gamma function (Numerical Recipes 6.2).

    To 1e-8. Asked for at several x, so ln Gamma(shape) is handed over.
    """
    if x <= 0.0:
        return 0.0
    if x > 30.0 + 3.0 * shape:
        return 1.0
    front = math.exp(shape * math.log(x) - x - log_gamma)
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        n = shape
        for _ in range(500):
            n += 1.0
            term *= x / n
            total += term
            if term < total * 1e-8:
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
        if abs(delta - 1.0) < 1e-8:
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
def hadronic_profile(energy_gev: float) -> tuple[float, float, float, float]:
    """HDShower's longitudinal parameters: alpha_EM, beta_EM (1/X0), alpha_HD, beta_HD (1/lambda)
    (cms-sw/cmssw, HDShowerParametrization.h)."""
    e = min(max(energy_gev, 2.0), 500.0)
    a = math.log(e * (0.35 + 0.09 * math.log(e)))
    if e < 10.0:
        return (
            1.08 + 0.24 * a,
            0.478 - 0.135 * a,
            1.17 + 0.21 * a,
            2.10 - 0.72 * a,
        )
    return (
        1.30 + 0.255 * a,
        0.289 - 0.010 * a,
        0.38 + 0.23 * a,
        0.83 - 0.049 * a,
    )
