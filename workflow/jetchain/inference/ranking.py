"""What the fit of a search says of its model: impacts, correlations, channels, and its Asimov fit.

The same as `inference.others.diagnose` says of the workspaces of others, from the likelihood of the
toys with its derivatives: a search has dozens of parameters, and one fit takes milliseconds.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2

from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.inference import ChannelYields, Impact, ModelFit, Nuisance
from jetchain.core.verbs import Input, Output
from jetchain.inference.fit import (
    best_of,
    nuisances_of,
    parameter_names,
    scaled_model,
    widths_of,
)
from jetchain.inference.newton import STEP, BestFit, best_fit
from jetchain.inference.toys import (
    SMALLEST_GAMMA,
    Counting,
    Data,
    NoMinimumError,
    derivatives,
    profile,
)
from jetchain.inference.workspace import plain_names, regions_of
from jetchain.inference.yields import NO_SIGNAL, Yields, read_yields

Array = NDArray[np.floating]
FAILURES = (NoMinimumError, ValueError, ArithmeticError, np.linalg.LinAlgError)
FIXED = 1e12
"""Weight of the auxiliary measurement of a parameter that is held."""
REACH = 5.0
"""Errors of the strength within which it moves where a parameter is held."""


def diagnose(*, workspace: Input, yields: Input, model: Output) -> None:
    """Write the impacts, correlations and channels of a search; null and why where no fit is."""
    spec, counts = read_json(workspace), read_yields(yields)
    reason = NO_SIGNAL if not counts.sensitive else (counts.shape.refusal if counts.shape else "")
    if reason:
        write_result(model, ModelFit(method=counts.method, reason=reason))
        return
    try:
        result = diagnosis(spec, counts, str(workspace))
    except FAILURES as error:
        words = f"no minimum of the likelihood is found ({error})"
        result = ModelFit(method=counts.method, reason=words)
    write_result(model, result)


def diagnosis(spec: dict[str, Any], yields: Yields, path: str) -> ModelFit:
    """Of the workspace of a search, a sensitive one whose background is accepted.

    Raises:
        NoMinimumError: no minimum of the likelihood is found.
    """
    unit, model = scaled_model(spec, yields, path)
    best = best_of(model, yields, unit)
    gammas, alphas = parameter_names(yields, model)
    names = np.array(["mu", *gammas, *alphas])
    covariance, moving = covariance_of(model, Data.observed(model, yields.observed), best)
    errors = np.sqrt(np.diag(covariance))
    ranked = [
        Impact(name=str(names[index]), up=ends[0], down=ends[1])
        for index, error in zip(moving[1:], errors[1:], strict=True)
        for ends in [_impact(model, yields.observed, best, (int(index) - 1, error), unit)]
    ]
    least = float(profile(model, Data.observed(model, yields.observed), best.mu)[0][0])
    free = 1 + int(model.free.sum()) + int(np.sum(model.held == 0))
    return ModelFit(
        method=yields.method,
        goodness_of_fit=_p_value(2 * least, len(yields.observed) - free),
        parameters=tuple(str(name) for name in names[moving]),
        correlations=tuple(tuple(row) for row in (covariance / np.outer(errors, errors)).tolist()),
        impacts=tuple(sorted(ranked, key=lambda row: -max(abs(row.up or 0), abs(row.down or 0)))),
        channels=_channels(yields, model, best, (covariance, moving)),
        asimov=_asimov(model, yields, best, unit),
    )


def _p_value(deviance: float, freedom: int) -> float | None:
    """Against the saturated model; None without degrees of freedom."""
    return float(chi2.sf(deviance, freedom)) if freedom > 0 else None


def covariance_of(model: Counting, data: Data, best: BestFit) -> tuple[Array, NDArray[np.int64]]:
    """Covariance (moving, moving) of the strength and the nuisances at the best fit, and which.

    Those that don't move are norms at zero.
    """
    point = np.concatenate([[best.mu], best.nuisances])
    stuck = np.zeros(len(point), bool)
    stuck[1 : 1 + model.gammas] = best.nuisances[: model.gammas] <= 2 * SMALLEST_GAMMA
    stuck[1 : 1 + model.gammas] |= model.exact
    moving = np.flatnonzero(~stuck)
    scale = np.concatenate([[best.error], np.minimum(best.errors, 1.0)])[moving]
    moves = np.zeros((len(moving), len(point)))
    moves[np.arange(len(moving)), moving] = STEP * scale
    points = np.concatenate([point + moves, point - moves])
    rows = data.chosen(np.zeros(len(points), dtype=int))
    _, in_mu, in_nuisances, _ = derivatives(model, rows, points[:, 0], points[:, 1:])
    gradient = np.concatenate([in_mu[:, None], in_nuisances], axis=1)[:, moving]
    size = len(moving)
    hessian = (gradient[:size] - gradient[size:]) / (2 * STEP * scale[:, None])
    hessian = (hessian + hessian.T) / 2
    np.linalg.cholesky(hessian)  # positive, or there is no covariance
    return np.linalg.inv(hessian), moving


def _impact(
    model: Counting, counts: Array, best: BestFit, which: tuple[int, float], unit: float
) -> tuple[float | None, float | None]:
    """Change of the strength with a nuisance held one error above and below its best value."""
    index, error = which
    held, data = holding(model, counts, index)
    changes: list[float | None] = []
    for sign in (1, -1):
        value = best.nuisances[index] + sign * error
        if index < model.gammas:
            value = max(value, 0.0)
            data.control[0, index] = value
        else:
            data.alphas[0, index - model.gammas] = value
        start = np.array(best.nuisances)[None]
        start[0, index] = value
        try:
            changes.append(unit * (_best_strength(held, data, best, start) - best.mu))
        except FAILURES:
            changes.append(None)
    return changes[0], changes[1]


def holding(model: Counting, counts: Array, index: int) -> tuple[Counting, Data]:
    """The model with one nuisance held where its auxiliary measurement is, and the data."""
    data = Data.observed(model, counts)
    if index < model.gammas:
        tau = np.array(model.tau)
        tau[index] = FIXED
        return dataclasses.replace(model, tau=tau), data
    weights = np.array(model.held)
    weights[index - model.gammas] = FIXED
    return dataclasses.replace(model, held=weights), data


def _best_strength(model: Counting, data: Data, best: BestFit, start: Array) -> float:
    """Where the profile's slope is zero, near the best fit."""

    def slope(mu: float) -> float:
        return float(profile(model, data, mu, start)[1][0])

    low, high = best.mu - REACH * best.error, best.mu + REACH * best.error
    return float(brentq(slope, low, high, xtol=1e-4 * best.error))


def _asimov(model: Counting, yields: Yields, best: BestFit, unit: float) -> tuple[Nuisance, ...]:
    """Parameters of the fit to the expectation at strength 1, the background as fitted."""
    at = np.array(best.nuisances)
    held = np.flatnonzero(model.held > 0) + model.gammas
    at[held] = 0.0
    at[: model.gammas][~model.free] = 1.0
    expected = model.rates(np.array(1 / unit), at)
    found = best_fit(model, expected, 0.0)
    gammas, alphas = parameter_names(yields, model)
    pairs = zip(found.nuisances.tolist(), found.errors.tolist(), strict=True)
    fitted = dict(zip([*gammas, *alphas], pairs, strict=True))
    widths = widths_of(yields, model)
    constrained = {name: fitted[name] for name in alphas if name in widths}
    return nuisances_of(yields, constrained, widths)


def _channels(
    yields: Yields, model: Counting, best: BestFit, fitted: tuple[Array, NDArray[np.int64]]
) -> tuple[ChannelYields, ...]:
    """Every channel before the fit, without signal and with the constraints, and after it."""
    before = np.array(best.nuisances)
    before[np.flatnonzero(model.held > 0) + model.gammas] = 0.0
    before[: model.gammas] = 1.0
    free = np.concatenate([[True], model.free, model.held == 0])
    widths = np.concatenate([[0.0], 1 / np.sqrt(np.where(model.free, 1, model.tau)),
                             np.ones(len(model.held))])  # fmt: skip
    prior = np.diag(np.where(free, 0.0, widths) ** 2)
    covariance, moving = fitted
    after = np.zeros_like(prior)
    after[np.ix_(moving, moving)] = covariance
    lines = {
        "before": _expected(model, np.concatenate([[0.0], before]), prior),
        "after": _expected(model, np.concatenate([[best.mu], best.nuisances]), after),
    }
    if yields.shape is not None:
        parts = regions_of(yields)
    else:
        names = plain_names(yields.names)
        parts = [(name, index, index + 1) for index, name in enumerate(names)]
    return tuple(
        ChannelYields(
            name=name,
            observed=yields.observed[first:last],
            before=lines["before"][0][first:last],
            before_error=lines["before"][1][first:last],
            after=lines["after"][0][first:last],
            after_error=lines["after"][1][first:last],
        )
        for name, first, last in parts
    )


def _expected(model: Counting, point: Array, covariance: Array) -> tuple[Array, Array]:
    """Events (bins,) at strength and nuisances, and their errors to first order."""
    moves = STEP * np.eye(len(point))
    up, down = (
        np.stack([model.rates(row[:1], row[None, 1:])[0] for row in point + sign * moves])
        for sign in (1, -1)
    )
    slope = (up - down) / (2 * STEP)  # (parameters, bins)
    variance = np.einsum("pb,pq,qb->b", slope, covariance, slope)
    return model.rates(point[:1], point[None, 1:])[0], np.sqrt(np.maximum(variance, 0.0))
