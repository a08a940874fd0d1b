"""Maximum-likelihood fits of many rows at once: Newton's method within bounds.

A parameter that the gradient pushes against its bound stays there, the others take Newton's step,
shortened until -log L falls (two-metric projection: Bertsekas 1982). Nothing depends on the size of
a parameter, a signal strength of 1e-6 is like one of 1e6.

Where a model has many parameters, and more than bins, the steps are those of Gauss and Newton
first: without the second derivatives of the expected events the Hessian is the diagonal of the
constraints and one row a bin, and its inverse that of a matrix (bins, bins) by Woodbury's identity.
They end at the same minimum; a fit that they do not bring there is left to Newton's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.inference.likelihood import Derivatives, Likelihood, Rows, Slopes

Array = NDArray[np.floating]
STEPS = 100
HALVINGS = 20
ROUNDING = 1e-12
"""Of -log L, relative."""
CONVERGED = 1e-9
"""Decrease of -log L that Newton's step promises, where a fit ends."""
ACCEPTED = 1e-4
"""The same, where one that makes no progress still counts as done."""
DAMPING = (0.0, 1e-3, 1e-1, 10.0, 1e3)
"""Of the diagonal, relative: where a step does not help, a shorter and safer one."""
APPROACHED = 1e-14
"""The same as `CONVERGED` without the second derivatives: what is left falls by a share a step."""
UNCONSTRAINED = 1e-7
"""Curvature that a parameter without a constraint is given in such a step, relative to its own."""
MANY = 60
"""Parameters, and more than bins, with which the Hessian takes longer than all else of a fit."""
LARGEST = 2_000_000
"""Numbers that the arrays of the rows of one call may hold."""


@dataclass(frozen=True)
class Minima:
    """(rows,) -log L, (rows, parameters) where, and (rows,) whether a minimum was found."""

    value: Array
    parameters: Array
    found: NDArray[np.bool_]


@dataclass(frozen=True)
class Range:
    """Bounds (parameters,) or (rows, parameters), and which parameters are held at the start."""

    low: Array
    high: Array
    fixed: NDArray[np.bool_]

    def chosen(self, rows: NDArray[np.int64], many: int) -> Range:
        """For some of many rows."""

        def part(each: NDArray[Any]) -> NDArray[Any]:
            return each[rows] if each.shape[:-1] == (many,) else each

        return Range(part(self.low), part(self.high), part(self.fixed))


def minimise(likelihood: Likelihood, data: Rows, start: Array, within: Range) -> Minima:
    """Fit all rows, in parts that fit the memory.

    Args:
        likelihood: of the model.
        data: a row a fit.
        start: (rows, parameters)
        within: bounds, and what is held.
    """
    rows = len(start)
    if not rows:
        return Minima(np.empty(0), np.asarray(start, float), np.empty(0, dtype=bool))
    most = max(LARGEST // likelihood.size, 1)
    parts = []
    for first in range(0, rows, most):
        part = np.arange(first, min(first + most, rows))
        parts.append(_minimise(likelihood, data.chosen(part), start[part],
                               within.chosen(part, rows)))  # fmt: skip
    return Minima(
        np.concatenate([each.value for each in parts]),
        np.concatenate([each.parameters for each in parts]),
        np.concatenate([each.found for each in parts]),
    )


def _minimise(likelihood: Likelihood, data: Rows, start: Array, within: Range) -> Minima:
    many = len(start)
    fixed = np.broadcast_to(within.fixed, start.shape)
    low, high = (np.broadcast_to(each, start.shape) for each in (within.low, within.high))
    within, parameters = Range(low, high, fixed), np.where(fixed, start, np.clip(start, low, high))
    if start.shape[1] < max(MANY, data.counts.shape[1] + 1):
        return _newton(likelihood, data, parameters, within)
    near = _approach(likelihood, data, parameters, within)
    rows = np.flatnonzero(~near.found)
    if len(rows):
        more = _newton(
            likelihood, data.chosen(rows), near.parameters[rows], within.chosen(rows, many)
        )
        near.value[rows], near.parameters[rows] = more.value, more.parameters
        near.found[rows] = more.found
    return near


def _approach(likelihood: Likelihood, data: Rows, parameters: Array, within: Range) -> Minima:
    """Fit rows by steps without second derivatives; what does not converge so is not found."""
    with np.errstate(all="ignore"):
        value = likelihood.values(parameters, data)
        found = np.zeros(len(value), dtype=bool)
        rows = np.flatnonzero(np.isfinite(value))
        for _ in range(STEPS):
            if not len(rows):
                break
            at, bounds = parameters[rows], within.chosen(rows, len(value))
            slopes = likelihood.slopes(at, data.chosen(rows))
            still = held(at, slopes.gradient, bounds)
            step = _woodbury(slopes, still)
            # The step of all may lead beyond a bound that the gradient leads away from.
            beyond = ((at <= bounds.low) & (step > 0)) | ((at >= bounds.high) & (step < 0))
            again = np.flatnonzero(beyond.any(axis=1))
            if len(again):
                still[again] |= beyond[again]
                part = Slopes(slopes.gradient[again], slopes.curve[again], slopes.response[again])
                step[again] = _woodbury(part, still[again])
            promised = np.sum(np.where(still, 0.0, step * slopes.gradient), axis=1)
            done = (np.abs(promised) < APPROACHED) & ~beyond.any(axis=1)
            found[rows[done]] = True
            rows, step = rows[~done & (promised > 0)], step[~done & (promised > 0)]
            tried, moved = np.arange(len(rows)), np.zeros(len(rows), dtype=bool)
            at, now = parameters[rows], value[rows]
            for halving in range(HALVINGS):
                which = rows[tried]
                bounds = within.chosen(which, len(value))
                trial = np.clip(at[tried] - 0.5**halving * step[tried], bounds.low, bounds.high)
                trial = np.where(bounds.fixed, at[tried], trial)
                new = likelihood.values(trial, data.chosen(which))
                good = np.isfinite(new) & (new <= now[tried] + ROUNDING * (1 + np.abs(now[tried])))
                parameters[which[good]], value[which[good]] = trial[good], new[good]
                moved[tried[good]] = True
                tried = tried[~good]
                if not len(tried):
                    break
            rows = rows[moved]
    return Minima(value, parameters, found)


def _woodbury(slopes: Slopes, still: NDArray[np.bool_]) -> Array:
    """(rows, parameters) steps with the Hessian `positive`, zero for what is held."""
    response = np.where(still[:, None, :], 0.0, slopes.response)
    free = np.where(still, 0.0, slopes.gradient)
    own = np.sum(response**2, axis=1)
    curve = np.maximum(slopes.curve, UNCONSTRAINED * own)
    inverse = np.divide(1.0, curve, out=np.zeros_like(curve), where=(curve > 0) & ~still)
    scaled = response * inverse[:, None, :]
    matrix = scaled @ np.swapaxes(response, 1, 2) + np.eye(response.shape[1])
    right = np.einsum("rbp,rp->rb", scaled, free)
    try:
        inner = np.linalg.solve(matrix, right[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return np.full_like(free, np.nan)
    return np.asarray(inverse * free - np.einsum("rbp,rb->rp", scaled, inner))


def _newton(likelihood: Likelihood, data: Rows, start: Array, within: Range) -> Minima:
    """Fit rows with the exact Hessian, from starts within the bounds."""
    many, parameters = len(start), start.copy()
    low, high, fixed = within.low, within.high, within.fixed
    with np.errstate(all="ignore"):  # a trial may lie anywhere; what is not finite is refused
        now = likelihood.derivatives(parameters, data)
        value, gradient = np.array(now.value), np.array(now.gradient)
        hessian, positive = np.array(now.hessian), np.array(now.positive)
        found = np.zeros(many, dtype=bool)
        damping = np.zeros(many, dtype=int)
        rows = np.flatnonzero(np.isfinite(value))
        for _ in range(STEPS):
            if not len(rows):
                break
            at = parameters[rows]
            step, promised = newton(
                at, Derivatives(value[rows], gradient[rows], hessian[rows], positive[rows]),
                Range(low[rows], high[rows], fixed[rows]), damping[rows],
            )  # fmt: skip
            done = (promised < CONVERGED) & (damping[rows] == 0)
            found[rows[done]] = True
            rows, at, step, promised = (each[~done] for each in (rows, at, step, promised))
            if not len(rows):
                break
            moved = np.zeros(len(rows), dtype=bool)
            tried = np.arange(len(rows))
            allowed = value[rows] + ROUNDING * (1 + np.abs(value[rows]))
            for halving in range(HALVINGS):
                which = rows[tried]
                trial = np.clip(at[tried] - 0.5**halving * step[tried], low[which], high[which])
                trial = np.where(fixed[which], at[tried], trial)
                new = likelihood.derivatives(trial, data.chosen(which))
                good = np.isfinite(new.value) & (new.value <= allowed[tried])
                better = which[good]
                parameters[better], value[better] = trial[good], new.value[good]
                gradient[better], hessian[better] = new.gradient[good], new.hessian[good]
                positive[better] = new.positive[good]
                moved[tried[good]] = True
                tried = tried[~good]
                if not len(tried):
                    break
            damping[rows[moved]] = np.maximum(damping[rows[moved]] - 1, 0)
            stuck = rows[~moved]
            # The first promise is that of a step that is not damped.
            first = damping[stuck] == 0
            found[stuck[first]] = promised[~moved][first] < ACCEPTED
            damping[stuck] += 1
            lost = found[stuck] | (damping[stuck] >= len(DAMPING))
            rows = np.concatenate([rows[moved], stuck[~lost]])
    return Minima(value, parameters, found)


def held(at: Array, gradient: Array, within: Range) -> NDArray[np.bool_]:
    """Which parameters do not move: those held, and those pushed against a bound."""
    return np.asarray(
        within.fixed
        | ((at <= within.low) & (gradient > 0))
        | ((at >= within.high) & (gradient < 0))
    )


def newton(
    at: Array, derivatives: Derivatives, within: Range, damping: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Newton's step of the parameters that may move, and twice the decrease that it promises.

    Args:
        at: (rows, parameters)
        derivatives: there.
        within: bounds, and what is held, (rows, parameters) each.
        damping: (rows,) places in `DAMPING`.
    """
    gradient = derivatives.gradient
    still = held(at, gradient, within)
    free = np.where(still, 0.0, gradient)
    crossed = still[:, :, None] | still[:, None, :]
    eye = np.eye(at.shape[1])
    step = _solved(np.where(crossed, eye, derivatives.hessian), free, damping)
    promised = np.sum(step * free, axis=1)
    # Where the exact Hessian bends down or is singular, the positive one takes its place.
    rows = np.flatnonzero(~(promised > 0) | ~np.isfinite(promised))
    if len(rows):
        matrix = np.where(crossed[rows], eye, derivatives.positive[rows])
        step[rows] = _solved(matrix, free[rows], np.maximum(damping[rows], 1))
        promised[rows] = np.sum(step[rows] * free[rows], axis=1)
        promised[rows] = np.where(np.isfinite(promised[rows]), promised[rows], np.inf)
        step[rows] = np.where(np.isfinite(step[rows]), step[rows], 0.0)
    return step, promised


def _solved(matrix: Array, right: Array, damping: NDArray[np.int64]) -> Array:
    """The solution, with each parameter in units of its own curvature; NaN where singular."""
    diagonal = np.einsum("rpp->rp", matrix)
    unit = 1 / np.sqrt(np.where(diagonal > 0, diagonal, np.maximum(np.abs(diagonal), 1e-300)))
    scaled = matrix * unit[:, :, None] * unit[:, None, :]
    size = matrix.shape[1]
    scaled[:, np.arange(size), np.arange(size)] += 1e-13 + np.array(DAMPING)[damping][:, None]
    try:
        found = np.linalg.solve(scaled, (right * unit)[..., None])[..., 0]
    except np.linalg.LinAlgError:  # one singular matrix refuses all
        scaled[:, np.arange(size), np.arange(size)] += 1e-6
        try:
            found = np.linalg.solve(scaled, (right * unit)[..., None])[..., 0]
        except np.linalg.LinAlgError:
            return np.full_like(right, np.nan)
    return np.asarray(found * unit)
