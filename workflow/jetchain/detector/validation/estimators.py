"""Estimators of the validation: Gaussian cores, widths, bins, and the resolution's a, b and c."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import nnls

from jetchain.core.metrics import bootstrap
from jetchain.detector.settings import EstimatorSettings

CORE = 2.0
"""Half-width of the window that holds the core, in standard deviations. Our choice."""
CORE_SPREAD = 0.8796256610342398
"""Standard deviation of a unit Gaussian within +-2: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1))."""

STOCHASTIC_CONSTANT_NOISE = {"a": 0.5, "b": 0.0, "c": 1.0}
"""Terms of a calorimeter's resolution, and the power of E with which they fall."""


def core(values: np.ndarray, iterations: int = 30) -> tuple[float, float]:
    """Mean and standard deviation of the Gaussian core of a distribution.

    Mean and spread of the values within two standard deviations of the mean, the spread corrected
    for the truncation of a Gaussian, until the window holds the same values as before. Starts from
    the median and the interquartile range.

    Args:
        values: (n,), n >= 1.
        iterations: at most so many.

    Returns:
        mean and standard deviation; of values that are half or more the same, that value and 0.
    """
    low, mean, high = np.quantile(values, [0.25, 0.5, 0.75])
    sigma = (high - low) / 1.349
    kept = 0
    for _ in range(iterations):
        inside = values[np.abs(values - mean) <= CORE * sigma]
        if len(inside) == kept or sigma == 0:
            break
        kept = len(inside)
        mean, sigma = inside.mean(), inside.std() / CORE_SPREAD
    return float(mean), float(sigma)


def relative_core(values: np.ndarray) -> float:
    """Standard deviation over mean of the Gaussian core."""
    mean, sigma = core(values)
    return sigma / mean


def half_width(values: np.ndarray) -> float:
    """Half the distance of the 16 % and 84 % quantiles: one sigma of a Gaussian."""
    low, high = np.quantile(values, [0.15865, 0.84135])
    return float(high - low) / 2


def gaussian_core(values: np.ndarray, replicas: int, seed: int) -> dict[str, float]:
    """Mean and width of the Gaussian core of values (n,), with bootstrap errors."""
    errors = [
        bootstrap(lambda x, k=k: core(x)[k], values, replicas=replicas, seed=seed).std
        for k in range(2)
    ]
    mean, width = core(values)
    return {
        "n": len(values),
        "mean": mean,
        "mean_error": errors[0],
        "width": width,
        "width_error": errors[1],
    }


def describe(values: np.ndarray, settings: EstimatorSettings, seed: int) -> dict[str, float]:
    """Mean of all values, and mean and relative width of the core, each with its error.

    Args:
        values: (n,), such as a response.
        settings: number of bootstrap replicas, from which the errors of the core come.
        seed: of the replicas.
    """
    mean, sigma = core(values)
    replicas = settings.replicas
    return {
        "n": len(values),
        "mean": float(values.mean()),
        "mean_error": float(values.std(ddof=1) / np.sqrt(len(values))),
        "spread": float(values.std(ddof=1)),
        "core": mean,
        "core_error": bootstrap(lambda x: core(x)[0], values, replicas=replicas, seed=seed).std,
        "resolution": sigma / mean,
        "resolution_error": bootstrap(relative_core, values, replicas=replicas, seed=seed).std,
    }


def in_bins(
    values: np.ndarray, edges: np.ndarray, minimum: int
) -> Iterator[tuple[float, float, np.ndarray]]:
    """Lower edge, upper edge and members (n,) bool of every bin with enough of them."""
    for low, high in pairwise(edges):
        members = (values >= low) & (values < high)
        if members.sum() >= minimum:
            yield float(low), float(high), members


def fit_resolution(
    energy: np.ndarray, resolution: np.ndarray, error: np.ndarray, powers: dict[str, float]
) -> dict[str, Any] | None:
    """Fit a relative resolution by terms that fall with powers of the energy, added in quadrature.

    With `STOCHASTIC_CONSTANT_NOISE`: sigma/E = a/sqrt(E) (+) b (+) c/E.

    Linear in the squares of the terms, which are >= 0: non-negative least squares of (sigma/E)^2.
    The relative error of a point is taken as measured, its size from the fit, in five steps, since
    points that happen to lie low would else weigh too much. A term's
    error is the longer side of the interval that one standard deviation of its square covers, from
    the covariance of the squares without the bounds; so a term near zero has an error as well.

    Args:
        energy: (points,), GeV.
        resolution: (points,) sigma/E.
        error: (points,) of the resolution. Points without width or error are left out.
        powers: by name, the power with which each term falls.

    Returns:
        the terms by name (GeV to their powers), their errors as <name>_error, chi2 and ndf; None
        where there are no more points than terms.
    """
    usable = (resolution > 0) & (error > 0)
    energy, resolution, error = energy[usable], resolution[usable], error[usable]
    ndf = len(energy) - len(powers)
    if ndf < 1:
        return None
    terms = np.stack([energy ** (-2 * power) for power in powers.values()], axis=1)
    squares = resolution**2
    model = squares
    for _ in range(5):
        weight = 1 / (2 * model * error / resolution)
        values, norm = nnls(terms * weight[:, None], squares * weight)
        model = terms @ values
    weighted = terms * weight[:, None]
    deviation = np.sqrt(np.diag(np.linalg.inv(weighted.T @ weighted)))
    fitted = np.sqrt(values)
    above = np.sqrt(values + deviation) - fitted
    below = fitted - np.sqrt(np.maximum(values - deviation, 0))
    errors = np.maximum(above, below)
    return {
        **dict(zip(powers, fitted.tolist(), strict=True)),
        **dict(zip((f"{name}_error" for name in powers), errors.tolist(), strict=True)),
        "chi2": float(norm**2),
        "ndf": ndf,
    }
