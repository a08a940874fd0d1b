"""From deposits to measured cell energies: sampling fluctuations and electronic noise.

COCOA keeps each Geant4 step with probability f and gives it the weight 1/f (SteppingAction.cc).
For N steps of energy s the sum then has the mean E = N s and the variance E s (1 - f) / f. The same
two moments come from a Poisson number of quanta of q = s (1 - f) / f with the mean E / q, which is
what is drawn here for each cell: a stochastic term of sqrt(q / E), 10 %/sqrt(E / GeV) in the ECAL
for s = 0.75 MeV, and, as in COCOA, small deposits are often not seen at all.

Every cell has Gaussian noise, but no more of it is drawn than clustering looks at: at once for the
cells that were hit, and for those of the others whose noise exceeds the seed threshold (drawn as a
Bernoulli process over all cells, and from the Gaussian's tail); for the neighbours of growing
clusters when they are looked at, from the rest of the Gaussian. The joint distribution is that of
one draw for each of the 157,000 cells, for a fraction of the time; a test compares the two.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

GAUSSIAN_ABOVE = 30.0
"""Mean number of quanta above which the Poisson is drawn as a Gaussian."""


class Readout(NamedTuple):
    """The measured cells of one event: E / sigma(noise), NaN where it is not drawn yet."""

    significance: np.ndarray  # (cells,) float32
    live: np.ndarray  # (cells,) int32, the drawn cells, in the order in which they were drawn
    drawn: np.ndarray  # (1,) int64, their number


def empty_readout(cells: int) -> Readout:
    """A readout in which nothing is drawn."""
    return Readout(
        np.full(cells, np.nan, np.float32), np.empty(cells, np.int32), np.zeros(1, np.int64)
    )


def full_readout(significance: np.ndarray) -> Readout:
    """A readout of given cells.

    Args:
        significance: (cells,) E / sigma.
    """
    cells = len(significance)
    return Readout(
        significance.astype(np.float32), np.arange(cells, dtype=np.int32), np.array([cells])
    )


@numba.njit(cache=True)
def forget(readout: Readout) -> None:
    """Make a readout empty."""
    significance, live, drawn = readout
    for m in range(drawn[0]):
        significance[live[m]] = np.nan
    drawn[0] = 0


@numba.njit(cache=True)
def index_deposits(
    count: int,
    deposit_cell: np.ndarray,  # (capacity,) int32
    deposit_energy: np.ndarray,  # (capacity,) float64
    first: np.ndarray,  # (cells,) int32, all -1
    following: np.ndarray,  # (capacity,) int32
    true_energy: np.ndarray,  # (cells,) float64, all 0
    touched: np.ndarray,  # (cells,) int32
) -> int:
    """Chain the deposits by cell (newest first) and sum them; returns the number of cells hit.

    Cell c holds the deposits first[c], following[first[c]], ... until -1.
    """
    n = 0
    for d in range(count):
        cell = deposit_cell[d]
        if first[cell] < 0:
            touched[n] = cell
            n += 1
        following[d] = first[cell]
        first[cell] = d
        true_energy[cell] += deposit_energy[d]
    return n


@numba.njit(cache=True)
def digitise(
    rng: np.random.Generator,
    touched: np.ndarray,  # (hit cells,) int32
    true_energy: np.ndarray,  # (cells,) MeV
    layer: np.ndarray,  # (cells,) int8
    quantum: np.ndarray,  # (layers,) MeV, 0 for no fluctuations
    noise: np.ndarray,  # (cells,) float32, MeV
    noisy: bool,
    tail: float,  # noise above this many sigma is drawn for every cell
    readout: Readout,  # empty; is filled
) -> None:
    """Measure the cells that were hit, and those whose noise alone exceeds `tail`."""
    significance, live, drawn = readout
    n = 0
    for m in range(touched.size):
        cell = touched[m]
        value = sampled(rng, true_energy[cell], quantum[layer[cell]]) / noise[cell]
        if noisy:
            value += rng.standard_normal()
        significance[cell] = value
        live[n] = cell
        n += 1
    if noisy:
        step = math.log1p(-0.5 * math.erfc(tail / math.sqrt(2.0)))
        rate = 0.5 * (tail + math.sqrt(tail * tail + 4.0))
        cell = -1
        while step < 0.0:  # 0 where no cell ever exceeds the tail
            gap = -rng.standard_exponential() / step
            if gap >= noise.size - 1 - cell:
                break
            cell += 1 + int(gap)
            # Robert's rejection from a shifted exponential (Stat. Comput. 5 (1995) 121).
            value = tail + rng.standard_exponential() / rate
            while rng.random() > math.exp(-0.5 * (value - rate) ** 2):
                value = tail + rng.standard_exponential() / rate
            if np.isnan(significance[cell]):  # those that were hit have their noise
                significance[cell] = value
                live[n] = cell
                n += 1
    drawn[0] = n


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


@numba.njit(cache=True)
def look_up(
    rng: np.random.Generator,
    cell: int,
    noisy: bool,
    tail: float,
    significance: np.ndarray,
    live: np.ndarray,
    drawn: np.ndarray,
) -> float:
    """E / sigma of a cell; draws its noise, which is below `tail`, if that was not done yet.

    The last three arguments are those of `Readout`.
    """
    value = significance[cell]
    if np.isnan(value):
        value = np.float32(0.0)
        if noisy:
            value = np.float32(rng.standard_normal())
            while value > tail:
                value = np.float32(rng.standard_normal())
        significance[cell] = value
        live[drawn[0]] = cell
        drawn[0] += 1
    return value


def sampling_quantum(step: float, sampling: np.ndarray) -> np.ndarray:
    """Energy of a quantum, step (1 - f) / f, (layers,), MeV.

    Args:
        step: mean energy of a step, MeV.
        sampling: (layers,) probability f with which a step is kept.
    """
    return step * (1.0 - sampling) / sampling
