"""Moments that no single particle can move: the response has tails, and guns are small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

CLIP = 4.0
"""Half-width, in robust standard deviations, to which values are drawn in. Our choice."""
GAUSSIAN_68 = (0.15865525393145707, 0.5, 0.8413447460685429)
"""Quantiles at -1, 0 and +1 standard deviations of a Gaussian."""
DEGREE = 3
"""Of the polynomial in the logarithm of the energy that the logarithm of a factor follows."""
ITERATIONS = 8
"""Of `closing_factors`: each corrects the closure of the one before."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def bounded_moments(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation with values drawn in to within 4 robust sigma of the median.

    The robust sigma is half the width of the central 68 %. The mean of all is what makes sums of
    energies come out right, and drawing in bounds the influence of each value to 4 sigma / n
    (Huber's winsorised mean: P. J. Huber, E. M. Ronchetti, Robust Statistics, section 3.2).

    Args:
        values: (n,), n >= 1.

    Returns:
        mean and standard deviation; those of the median, 0, if 68 % of the values are the same.
    """
    low, median, high = np.quantile(values, GAUSSIAN_68)
    half = CLIP * (high - low) / 2
    drawn_in = np.clip(values, median - half, median + half)
    return float(drawn_in.mean()), float(drawn_in.std())


def closing_factors(
    true: Floats, known: Floats, owner: Ints, seen: Floats, groups: Sequence[Ints], nodes: Floats
) -> Floats:
    """Factors of measured energies, by which particles come out right on average in each group.

    The factor is a function of a cluster's measured energy, linear between the nodes in its
    logarithm and constant beyond. Each iteration divides it by the closure that is left: the
    bounded mean of the calibrated energy over the true one, as one sees a particle in the
    validation, less what is known of it already. It is then drawn to a smooth curve: the measured
    energies of neighbouring groups overlap, and factors that are free make up for the noise of one
    by that of the next, so that they swing, and close on no other particles.

    Args:
        true: (particles,)
        known: (particles,) energy that is calibrated otherwise.
        owner: (clusters,) the particle of each cluster.
        seen: (clusters,) measured, positive.
        groups: the particles of each node.
        nodes: (nodes,) measured energies, rising.
    """
    logarithm = np.log(nodes)
    known_by = np.ones(len(nodes))  # inverse relative errors
    factor = np.array([true[g].sum() / seen[np.isin(owner, g)].sum() for g in groups])
    for _ in range(ITERATIONS):
        weights = seen * np.interp(np.log(seen), logarithm, factor)
        calibrated = np.bincount(owner, weights, minlength=len(true))
        for n, group in enumerate(groups):
            mine = group[known[group] + calibrated[group] > 0]
            before = float(np.mean(known[mine] / true[mine]))
            closure, spread = bounded_moments((known + calibrated)[mine] / true[mine])
            known_by[n] = np.sqrt(len(mine)) / max(spread, 0.01)
            factor[n] *= min(max((1 - before) / max(closure - before, 0.1), 0.5), 2.0)
        if len(np.unique(nodes)) > DEGREE + 1:
            curve = Polynomial.fit(logarithm, np.log(factor), DEGREE, w=known_by)
            factor = np.exp(curve(logarithm))
    return factor
