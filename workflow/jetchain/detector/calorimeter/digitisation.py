"""From deposits to measured cell energies: sampling fluctuations and electronic noise.

COCOA keeps each Geant4 step with probability f and gives it the weight 1/f (SteppingAction.cc).
For N steps of energy s the sum then has the mean E = N s and the variance E s (1 - f) / f. The same
two moments come from a Poisson number of quanta of q = s (1 - f) / f with the mean E / q, which is
what is drawn here for each cell: a stochastic term of sqrt(q / E), 10 %/sqrt(E / GeV) in the ECAL
for s = 0.75 MeV, and, as in COCOA, small deposits are often not seen at all.

Every cell has Gaussian noise, but no more of it is drawn than clustering looks at: at once for the
cells that were hit, and for those of the others whose noise exceeds the seed threshold (drawn as a
Bernoulli process over all cells, and from the Gaussian's tail or, where thresholds are symmetric,
from both); for the neighbours of growing clusters when they are looked at, from the rest of the
Gaussian. The joint distribution is that of one draw for each of the 157,000 cells, for a fraction
of the time; a test compares the two.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

GAUSSIAN_ABOVE = 30.0
"""Mean number of quanta above which the Poisson is drawn as a Gaussian."""


class Readout(NamedTuple):
    """The cells of one event that were hit or looked at, numbered in that order; the measured ones
    come first.

    Of all arrays that an event reads in no order only `number` is over all cells. The others are
    filled from the front, and stay in the processor's caches.
    """

    number: np.ndarray  # (cells,) int32, -1 for cells that have none
    cell: np.ndarray  # (cells,) int32, by number
    significance: np.ndarray  # (cells,) float32, by number: E / sigma(noise), or NaN
    numbered: np.ndarray  # (1,) int64, how many cells have a number


class Hits(NamedTuple):
    """What particles left in the cells that they hit, by the number that `Readout` gives a cell."""

    layer: np.ndarray  # (cells,) int8
    energy: np.ndarray  # (cells,) float64, true, MeV
    newest: np.ndarray  # (cells,) int32, its last deposit, -1 for none


class Deposits(NamedTuple):
    """The energy that each particle left in each cell, particle after particle.

    Those in a cell are chained, newest first: newest[hit], following[newest[hit]], ... until -1.
    """

    hit: np.ndarray  # (capacity,) int32, number of the cell
    particle: np.ndarray  # (capacity,) int32
    energy: np.ndarray  # (capacity,) float64, MeV
    following: np.ndarray  # (capacity,) int32


def empty_readout(cells: int) -> Readout:
    """A readout in which no cell has a number."""
    return Readout(
        np.full(cells, -1, np.int32),
        np.empty(cells, np.int32),
        np.empty(cells, np.float32),
        np.zeros(1, np.int64),
    )


def full_readout(significance: np.ndarray) -> Readout:
    """A readout of given cells, whose numbers are their own.

    Args:
        significance: (cells,) E / sigma.
    """
    cells = np.arange(len(significance), dtype=np.int32)
    return Readout(cells, cells.copy(), significance.astype(np.float32), np.array([len(cells)]))


def empty_hits(cells: int) -> Hits:
    """Memory for the cells that particles hit."""
    return Hits(np.empty(cells, np.int8), np.empty(cells), np.empty(cells, np.int32))


def empty_deposits(capacity: int) -> Deposits:
    """Memory for deposits."""
    hit, particle, following = np.empty((3, capacity), np.int32)
    return Deposits(hit, particle, np.empty(capacity), following)


@numba.njit(cache=True)
def forget(readout: Readout) -> None:
    """Make a readout empty."""
    number, cell, _, numbered = readout
    for m in range(numbered[0]):
        number[cell[m]] = -1
    numbered[0] = 0


@numba.njit(cache=True)
def digitise(
    rng: np.random.Generator,
    readout: Readout,  # of the cells that were hit; is filled
    layer: np.ndarray,  # (hit cells,) int8
    true_energy: np.ndarray,  # (hit cells,) MeV
    quantum: np.ndarray,  # (layers,) MeV, 0 for no fluctuations
    noise: np.ndarray,  # (layers,) float32, MeV
    noisy: bool,
    tail: float,  # noise above this many sigma is drawn for every cell
    symmetric: bool,  # and below minus as many
) -> None:
    """Measure the cells that were hit, and those whose noise alone exceeds `tail`."""
    number, cells, significance, numbered = readout
    n = numbered[0]
    for m in range(n):
        value = sampled(rng, true_energy[m], quantum[layer[m]]) / noise[layer[m]]
        if noisy:
            value += rng.standard_normal()
        significance[m] = value
    if noisy:
        sides = 2.0 if symmetric else 1.0
        step = math.log1p(-0.5 * sides * math.erfc(tail / math.sqrt(2.0)))
        rate = 0.5 * (tail + math.sqrt(tail * tail + 4.0))
        cell = -1
        while step < 0.0:  # 0 where no cell ever exceeds the tail
            gap = -rng.standard_exponential() / step
            if gap >= number.size - 1 - cell:
                break
            cell += 1 + int(gap)
            # Robert's rejection from a shifted exponential (Stat. Comput. 5 (1995) 121).
            value = tail + rng.standard_exponential() / rate
            while rng.random() > math.exp(-0.5 * (value - rate) ** 2):
                value = tail + rng.standard_exponential() / rate
            if symmetric and rng.random() < 0.5:
                value = -value
            if number[cell] < 0:  # those that were hit have their noise
                number[cell] = n
                cells[n] = cell
                significance[n] = value
                n += 1
    numbered[0] = n


@numba.njit(cache=True)
def sampled(rng: np.random.Generator, energy: float, quantum: float) -> float:
    """Energy of a cell after sampling fluctuations, MeV."""
    if quantum <= 0.0:
        return energy
    mean = energy / quantum
    if mean > GAUSSIAN_ABOVE:
        return quantum * max(mean + math.sqrt(mean) * rng.standard_normal(), 0.0)
    # Knuth: multiply uniforms until they fall below exp(-mean).
    quanta = 0
    limit = math.exp(-mean)
    product = rng.random()
    while product > limit:
        quanta += 1
        product *= rng.random()
    return quantum * quanta


@numba.njit(cache=True, inline="always")
def noise_below(rng: np.random.Generator, noisy: bool, tail: float, symmetric: bool) -> np.float32:
    """E / sigma of a cell of which it is known that its noise, or its size, is below `tail`."""
    if not noisy:
        return np.float32(0.0)
    value = np.float32(rng.standard_normal())
    while value > tail or (symmetric and -value > tail):
        value = np.float32(rng.standard_normal())
    return value


def sampling_quantum(step: float, sampling: np.ndarray) -> np.ndarray:
    """Energy of a quantum, step (1 - f) / f, (layers,), MeV.

    Args:
        step: mean energy of a step, MeV.
        sampling: (layers,) probability f with which a step is kept.
    """
    return step * (1.0 - sampling) / sampling
