"""Position and width of a mass peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from iminuit import Minuit
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from jetchain.core.spectrum import effective_number

BIN_WIDTH = 2.0  # GeV
MINIMUM_MASS = 40.0  # GeV: below lie the jets whose decay soft drop has groomed away
WINDOW = 1.5  # in widths, below and above the peak


@dataclass(frozen=True)
class Peak:
    """A Gaussian peak.

    Attributes:
        position, position_error: mean in GeV.
        width, width_error: standard deviation in GeV.
        jets: number of jets in the window of the last fit.
        chi2_per_bin: Pearson's chi2 over the window divided by bins less parameters.
        valid: whether the fit converged with an accurate covariance.
    """

    position: float
    position_error: float
    width: float
    width_error: float
    jets: int
    chi2_per_bin: float
    valid: bool


def fit_peak(
    mass: ArrayLike, mass_max: float = 250.0, weight: ArrayLike | None = None
) -> Peak | None:
    """Fit the core of a mass peak with a Gaussian.

    An extended binned likelihood in a window of 1.5 widths around the peak, which moves with the
    fit. Tails outside it, from decays that the cone does not hold, do not enter. In so narrow a
    window a background under the peak cannot be told from its width, so none is fitted.

    Args:
        mass: (jets,) in GeV.
        mass_max: where to look.
        weight: (jets,); 1 if not given. The sums of a window's bins are scaled to its effective
            number of jets, so that errors are those of the weighted sample.

    Returns:
        the peak, or None where (effectively) fewer than 20 jets lie around the highest bin.
    """
    mass = np.asarray(mass, dtype=np.float64)
    weights = np.ones(len(mass)) if weight is None else np.asarray(weight, dtype=np.float64)
    edges = np.arange(MINIMUM_MASS, mass_max + BIN_WIDTH, BIN_WIDTH)
    smooth = np.convolve(np.histogram(mass, edges, weights=weights)[0], np.ones(5), mode="same")
    position = float(edges[int(np.argmax(smooth))] + BIN_WIDTH / 2)
    near = np.abs(mass - position) < 0.2 * position
    if effective_number(weights[near]) < 20:
        return None
    order = np.argsort(mass[near])
    share = np.cumsum(weights[near][order])
    quarters = np.interp([0.25, 0.75], share / share[-1], mass[near][order])
    width = float(np.diff(quarters)[0] / 1.349)
    result = None
    for _ in range(6):
        width = max(width, BIN_WIDTH)
        low, high = position - WINDOW * width, position + WINDOW * width
        bins = max(8, round((high - low) / BIN_WIDTH))
        window = np.linspace(low, high, bins + 1)
        inside = (mass >= window[0]) & (mass <= window[-1])
        effective = effective_number(weights[inside])
        if effective < 20:
            return result
        counts = np.histogram(mass, window, weights=weights)[0]
        counts *= effective / counts.sum()
        result = _fit(counts, window, position, width, int(inside.sum()))
        moved = abs(result.position - position) + abs(result.width - width)
        position, width = result.position, min(result.width, 0.25 * result.position)
        if moved < 0.05:
            break
    return result


def _fit(counts: NDArray, edges: NDArray, position: float, width: float, jets: int) -> Peak:
    total, bins = counts.sum(), len(counts)

    def expected(signal: float, mean: float, sigma: float) -> NDArray:
        return signal * np.diff(norm.cdf(edges, mean, sigma))

    def twice_nll(signal: float, mean: float, sigma: float) -> float:
        rate = np.maximum(expected(signal, mean, sigma), 1e-9)
        log = np.where(counts > 0, counts * np.log(np.where(counts > 0, counts, 1) / rate), 0.0)
        return float(2 * np.sum(rate - counts + log))

    minuit = Minuit(twice_nll, signal=1.15 * total, mean=position, sigma=width)
    minuit.errordef = Minuit.LEAST_SQUARES
    span = edges[-1] - edges[0]
    minuit.limits["signal"] = (0, 3 * total)
    minuit.limits["mean"] = (edges[0], edges[-1])
    minuit.limits["sigma"] = (0.05 * span, span)
    minuit.strategy = 1
    minuit.migrad()
    minuit.hesse()
    rate = np.maximum(expected(*minuit.values), 1e-9)
    chi2 = float(np.sum((counts - rate) ** 2 / rate))
    return Peak(
        position=float(minuit.values["mean"]),
        position_error=float(minuit.errors["mean"]),
        width=float(minuit.values["sigma"]),
        width_error=float(minuit.errors["sigma"]),
        jets=jets,
        chi2_per_bin=chi2 / (bins - 3),
        valid=bool(minuit.valid),
    )
