"""From deposits to measured cell energies: sampling fluctuations and electronic noise.

COCOA keeps each Geant4 step with probability f and gives it the weight 1/f (SteppingAction.cc).
For N steps of energy s the sum then has the mean E = N s and the variance E s (1 - f) / f. The same
two moments come from a Poisson number of quanta of q = s (1 - f) / f with the mean E / q, which is
what is drawn here for each cell: a stochastic term of sqrt(q / E), 10 %/sqrt(E / GeV) in the ECAL
for s = 0.75 MeV, and, as in COCOA, small deposits are often not seen at all.
"""

from __future__ import annotations

import math

import numba
import numpy as np

GAUSSIAN_ABOVE = 30.0
"""Mean number of quanta above which the Poisson is drawn as a Gaussian."""


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
def sample_energy(
    rng: np.random.Generator,
    touched: np.ndarray,  # (hit cells,) int32
    true_energy: np.ndarray,  # (cells,) MeV
    layer: np.ndarray,  # (cells,) int8
    quantum: np.ndarray,  # (layers,) MeV, 0 for no fluctuations
    measured: np.ndarray,  # (cells,) float32, MeV; the sampled energies are added
) -> None:
    """Add the sampled energies of the cells hit to `measured`."""
    for n in range(touched.size):
        cell = touched[n]
        energy = true_energy[cell]
        q = quantum[layer[cell]]
        if q > 0.0:
            mean = energy / q
            if mean > GAUSSIAN_ABOVE:
                energy = q * max(mean + math.sqrt(mean) * rng.standard_normal(), 0.0)
            else:
                # Knuth: the number of unit exponentials that fit into the mean.
                quanta = 0
                limit = math.exp(-mean)
                product = rng.random()
                while product > limit:
                    quanta += 1
                    product *= rng.random()
                energy = q * quanta
        measured[cell] += np.float32(energy)


def sampling_quantum(step: float, sampling: np.ndarray) -> np.ndarray:
    """Energy of a quantum, step (1 - f) / f, (layers,), MeV.

    Args:
        step: mean energy of a step, MeV.
        sampling: (layers,) probability f with which a step is kept.
    """
    return step * (1.0 - sampling) / sampling
