"""Moments that no single particle can move: the response has tails, and guns are small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLIP = 4.0
"""Half-width, in robust standard deviations, to which values are drawn in. Our choice."""
GAUSSIAN_68 = (0.15865525393145707, 0.5, 0.8413447460685429)
"""Quantiles at -1, 0 and +1 standard deviations of a Gaussian."""

Floats = NDArray[np.float64]


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
