"""Fit, discovery test and asymptotic CLs from the likelihood of the toys, by Newton's method.

Minuit takes numerical derivatives of a pyhf model within pyhf's bounds, which serves one bin of
moderate counts; with many bins or large numbers it is slow or finds no minimum. Here the same
likelihood (`toys.Counting`) is minimised with analytic derivatives: nothing depends on the scale of
the signal strength, and all strengths of a scan go at once.

Reference: arXiv 1007.1727 (test statistics and their asymptotic distributions).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr

from jetchain.inference.toys import (
    Counting,
    Data,
    NoMinimumError,
    derivatives,
    newton_step,
    profile,
    q_tilde,
)

Array = NDArray[np.floating]
SIGMAS = np.array([2.0, 1.0, 0.0, -1.0, -2.0])
STEP = 1e-3
"""Of the differences that give the Hessian, in rough standard deviations."""
SLACK = 1e-3
"""Largest distance of -log L to its minimum, as Newton's method sees it, that is accepted."""


@dataclass(frozen=True)
class BestFit:
    """The maximum of the likelihood.

    Attributes:
        mu, error: signal strength, and its standard deviation from the curvature; where -log L has
            none, at the end of the range, `up` in its place.
        down, up: distances to where -log L is 1/2 higher; None where the range ends before.
        nuisances, errors: (gammas + alphas,) the gammas, then the alphas.
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
    """Maximise the likelihood in mu >= `lowest` and in all nuisance parameters.

    Args:
        model: the model.
        counts: (bins,) observed.
        lowest: a signal strength, zero or less, where every expected count is positive.

    Raises:
        NoMinimumError: no minimum is found, or -log L does not rise from it.
    """
    data = Data.observed(model, counts)

    def value(mu: float) -> float:
        return float(profile(model, data, mu)[0][0])

    def slope(mu: float) -> float:
        return float(profile(model, data, mu)[1][0])

    unit = 1 / float(np.sum(model.signal))
    mu = lowest
    if slope(lowest) < 0:
        mu = float(brentq(slope, lowest, _rising(slope, 0.0, unit), xtol=1e-12 * unit, rtol=1e-12))
    least, _, nuisances = (part[0] for part in profile(model, data, mu))

    def rise(other: float) -> float:
        return value(other) - float(least) - 0.5

    up = float(brentq(rise, mu, _rising(rise, mu, unit))) - mu
    error, errors = _errors(model, data, mu, nuisances)
    return BestFit(
        mu=mu,
        error=up if error is None else error,
        down=mu - float(brentq(rise, lowest, mu)) if rise(lowest) > 0 else None,
        up=up,
        nuisances=nuisances,
        errors=errors,
        q0=max(2 * (value(0.0) - float(least)), 0.0) if mu > 0 else 0.0,
    )


def _rising(function: Callable[[float], float], start: float, step: float) -> float:
    """A point above the start where the function is positive."""
    for _ in range(60):
        if function(start + step) > 0:
            return start + step
        step *= 4
    raise NoMinimumError("the likelihood does not fall with the signal strength")


def _errors(model: Counting, data: Data, mu: float, nuisances: Array) -> tuple[float | None, Array]:
    """Standard deviations of mu and of the nuisances, from the curvature of -log L.

    The Hessian is that of differences of the gradient; where it is not positive, mu has none and
    the nuisances have those at fixed mu.

    Raises:
        NoMinimumError: the gradient is not that of a minimum.
    """
    point = np.concatenate([[mu], nuisances])
    events = np.sqrt(np.sum(data.counts) + 1) / np.sum(model.signal)
    width = 1 / np.sqrt(np.where(model.free, 1.0, model.tau))
    width = np.minimum(width, nuisances[: model.gammas])
    scale = np.concatenate([[events], width, np.ones(model.kappa.shape[1])])
    moves = STEP * np.diag(scale)
    points = np.concatenate([point + moves, point - moves, point[None]])
    rows = data.chosen(np.zeros(len(points), dtype=int))
    _, in_mu, in_nuisances, curvature = derivatives(model, rows, points[:, 0], points[:, 1:])
    gradient = np.concatenate([in_mu[:, None], in_nuisances], axis=1) * scale
    size = len(point)
    hessian = (gradient[:size] - gradient[size:-1]) / (2 * STEP)
    if not np.all(np.isfinite(hessian)):
        raise NoMinimumError("its derivatives at the best fit are not finite")
    _, promised = newton_step(model, points[-1:, 1:], in_nuisances[-1:], curvature[-1:])
    distance = 0.5 * float(promised[0])
    if not distance < SLACK:
        raise NoMinimumError(f"the nuisance parameters stay {distance:.2g} above the minimum")
    try:
        factor = np.linalg.inv(np.linalg.cholesky((hessian + hessian.T) / 2))
    except np.linalg.LinAlgError:
        return None, np.sqrt(np.diag(np.linalg.inv(curvature[-1])))
    errors = np.sqrt(np.sum(factor**2, axis=0)) * scale
    return float(errors[0]), errors[1:]


@dataclass(frozen=True)
class Tails:
    """What q~_mu says of signal strengths.

    Attributes:
        cls: (strengths, 6) CLs observed, and expected at -2 to 2 sigma.
        clb: (strengths,) CLb observed, the probability without signal of data that are no less
            like the signal. A CLs beside a small one comes of a deficit.
    """

    cls: Array
    clb: Array


def tails_of(model: Counting, counts: Array, mu: Array) -> Tails:
    """CLs and CLb of q~_mu, asymptotically: eqs. 61 to 68 of the reference, and 89 for the band.

    Args:
        model: the model.
        counts: (bins,) observed.
        mu: (strengths,)
    """
    data = Data.observed(model, counts)
    nuisances = profile(model, data, 0.0)[2]
    gamma = nuisances[:, : model.gammas]
    control = np.where(model.exact | model.free, 1.0, gamma)
    asimov = Data(model.rates(0.0, nuisances), control, nuisances[:, model.gammas :])
    same = np.zeros(len(mu), dtype=int)
    q, q_asimov = (q_tilde(model, each.chosen(same), mu) for each in (data, asimov))
    return asymptotic_tails(q, q_asimov)


def asymptotic_tails(q: Array, q_asimov: Array) -> Tails:
    """CLs and CLb from the test statistics.

    Args:
        q: (strengths,) q~_mu of the data.
        q_asimov: (strengths,) of the expectation without signal.
    """
    root = np.sqrt(np.maximum(q_asimov, np.finfo(float).tiny))
    distance = np.where(q <= q_asimov, np.sqrt(q) - root, (q - q_asimov) / (2 * root))
    each = np.column_stack([distance, np.broadcast_to(SIGMAS, (len(q), len(SIGMAS)))])
    log_clb = log_ndtr(-each)
    return Tails(np.exp(log_ndtr(-each - root[:, None]) - log_clb), np.exp(log_clb[:, 0]))
