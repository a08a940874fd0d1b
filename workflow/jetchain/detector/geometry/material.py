"""What particles meet in the tracker: crossings of layers, and the interactions there.

Photons convert after 9/7 X0 on average, electrons radiate with the distribution of Bethe and
Heitler, hadrons interact after one lambda (PDG 2024, passage of particles through matter).
Compiled; lengths in mm, energies in MeV.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from jetchain.detector.flight.helix import Flight, advance, to_cylinder, to_plane
from jetchain.detector.geometry.description import (
    DISKS,
    END,
    INTERACTION,
    POSITION,
    RADIATION,
    START,
)

CONVERSION_LENGTH = 9.0 / 7.0
"""Mean path of a photon before it converts, X0."""

LEAST_COSINE = 0.1
"""A layer is at most this inverse times as thick as at normal incidence."""


@numba.njit(cache=True)
def crossing(line: Flight, end: float, layers: np.ndarray, k: int) -> tuple[float, float]:
    """Path to a layer, inf where it is not crossed before the path `end`.

    Args:
        line: the flight.
        end: mm.
        layers: (layers, columns of geometry.TrackerArrays)
        k: which of them.

    Returns:
        the path, mm; the component of the transverse unit of flight across the layer, of the slope
        for disks.
    """
    position, disks = layers[k, POSITION], layers[k, DISKS] > 0.0
    if disks:
        at = to_plane(line, math.copysign(position, line.slope))
    else:
        at = to_cylinder(line, position)
    if at >= end or at < 1e-6:
        return math.inf, 0.0
    # As in `advance`, which takes ten times as long.
    if not disks and abs(line.z + at * line.slope) > layers[k, END]:
        return math.inf, 0.0
    x, y, _, phi = advance(line, at)
    if disks:
        radius = math.hypot(x, y)
        if radius < layers[k, START] or radius > layers[k, END]:
            return math.inf, 0.0
        return at, abs(line.slope)
    return at, abs((x * math.cos(phi) + y * math.sin(phi)) / position)


@numba.njit(cache=True)
def crossings(
    line: Flight,
    end: float,
    layers: np.ndarray,  # (layers, columns of geometry.TrackerArrays)
    path: np.ndarray,  # (at least layers,), is filled, rising
    radiation: np.ndarray,  # (at least layers,), is filled with X0 along the flight
    interaction: np.ndarray,  # (at least layers,), is filled with lambda along the flight
) -> int:
    """The layers that a particle crosses before the path `end`; returns their number."""
    n = 0
    length = math.sqrt(1.0 + line.slope**2)
    for k in range(len(layers)):
        at, across = crossing(line, end, layers, k)
        if at == math.inf:
            continue
        cosine = max(across / length, LEAST_COSINE)
        m = n
        while m > 0 and path[m - 1] > at:
            path[m] = path[m - 1]
            radiation[m] = radiation[m - 1]
            interaction[m] = interaction[m - 1]
            m -= 1
        path[m] = at
        radiation[m] = layers[k, RADIATION] / cosine
        interaction[m] = layers[k, INTERACTION] / cosine
        n += 1
    return n


@numba.njit(cache=True)
def stopped_at(thickness: np.ndarray, n: int, depth: float) -> int:
    """The crossing at which a depth is used up, -1 if it lies beyond the n crossings."""
    total = 0.0
    for m in range(n):
        total += thickness[m]
        if total > depth:
            return m
    return -1


@numba.njit(cache=True)
def electron_share(rng: np.random.Generator) -> float:
    """Share of a converting photon's energy that one electron takes.

    The high-energy limit 1 - 4/3 x (1 - x) (PDG 2024, eq. 34.31).
    """
    while True:
        x = rng.random()
        if rng.random() <= 1.0 - 4.0 / 3.0 * x * (1.0 - x):
            return x


@numba.njit(cache=True)
def energy_kept(rng: np.random.Generator, thickness: float) -> float:
    """Share of its energy that an electron keeps in a thickness, X0.

    -ln z follows a gamma distribution with the shape t / ln 2 (Bethe and Heitler, Proc. Roy. Soc. A
    146 (1934) 83).
    """
    return math.exp(-rng.standard_gamma(thickness / math.log(2.0)))
