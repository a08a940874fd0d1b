"""Fit, discovery test and asymptotic limits from the likelihood of the toys.

Minuit takes numerical derivatives of a pyhf model, within pyhf's bounds. It serves one bin of
moderate counts; with many bins or large counts it is slow or finds no minimum. Here the same
likelihood (`toys.Counting`) is minimised by Newton's method with analytic derivatives: no bound but
that of positive rates, nothing that depends on the scale of the signal strength, and all strengths
of a scan at once.

Reference: arXiv 1007.1727 (asymptotic distributions), arXiv 2007.14400 is not needed here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr

from jetchain.inference.toys import Counting, Data, derivatives, profile, q_tilde

Array = NDArray[np.floating]
SIGMAS = np.array([2.0, 1.0, 0.0, -1.0, -2.0])
STEP = 1e-4
"""Of the differences that give the Hessian, in standard deviations before the fit."""


class NoMinimumError(Exception):
    """The likelihood has no minimum that Newton's method finds; the message says which."""


@dataclass(frozen=True)
class BestFit:
    """The maximum of the likelihood.

    Attributes:
        mu, error: signal strength and its standard deviation from the curvature.
        down, up: distances to where -log L is 1/2 higher; None where the range ends before.
        nuisances, errors: (bins + alphas,) the gammas and then the alphas.
        q0: discovery test statistic, 0 for a deficit.
    """

    mu: float
    error: float
    down: float | None
    up: float | None
    nuisances: Array
    errors: Array
    q0: float


def best_fit(model: Counting, counts: Array, lowest: float) -> BestFit:
    """Maximise the likelihood in mu >= `lowest` and all nuisance parameters.

    Args:
        model: the model.
        counts: (bins,) observed.
        lowest: a negative signal strength at which all expectations are still positive.

    Raises:
        NoMinimumError: no minimum is found, or the likelihood is flat there.
    """
    data = Data.observed(model, counts)

    def value(mu: float) -> float:
        return float(profile(model, data, mu)[0][0])

    def slope(mu: float) -> float:
        return float(profile(model, data, mu)[1][0])

    scale = float(np.sqrt(np.sum(model.background) + 1) / np.sum(model.signal))
    highest = _above(slope, scale)
    mu = lowest if slope(lowest) >= 0 else float(brentq(slope, lowest, highest, rtol=1e-12))
    least = value(mu)
    nuisances = profile(model, data, mu)[2][0]
    errors = np.sqrt(np.diag(_covariance(model, data, mu, nuisances)))
    if not np.all(np.isfinite([least, mu, *errors])):
        raise NoMinimumError("its curvature at the minimum is not positive")

    def rise(other: float) -> float:
        return value(other) - least - 0.5

    down = mu - float(brentq(rise, lowest, mu)) if rise(lowest) > 0 else None
    top = _above(rise, float(errors[0]), mu)
    return BestFit(
        mu=mu,
        error=float(errors[0]),
        down=down,
        up=float(brentq(rise, mu, top)) - mu,
        nuisances=nuisances,
        errors=errors[1:],
        q0=max(2 * (value(0.0) - least), 0.0) if mu > 0 else 0.0,
    )
