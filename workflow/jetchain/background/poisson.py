"""Maximum-likelihood fits of sums of templates to counts, of many data sets at once.

The expectation is linear in the parameters: c_k T_k + mu s, with c_k >= 0 and mu of either sign.
-log L is then convex, and Newton's method with an active set (Bertsekas 1982, SIAM J. Control
Optim. 20, 221) finds its one minimum from any start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetchain.core.dijets import Array

STEPS = 200
HALVINGS = 30
CONVERGED = 1e-9
"""Of -log L, that the next step promises."""
EMPTY = 1e-4
"""Events that an empty bin counts as: its expectation stays positive also where mu is negative."""


@dataclass(frozen=True)
class Fitted:
    """Fits of (sets,) spectra.

    Attributes:
        norms: (sets, components) c_k.
        mu: (sets,) strength of the signal, 0 where it does not float.
        mu_error: (sets,) from the curvature, at the norms that are not zero.
        expected: (sets, bins) signal and background.
        deviance: (sets,) -2 ln of the likelihood over that of the saturated model (Baker and
            Cousins 1984).
        covariance: (sets, components + 1, components + 1) of norms and mu.
    """

    norms: Array
    mu: Array
    mu_error: Array
    expected: Array
    deviance: Array
    covariance: Array


def half_deviance(counts: Array, expected: Array) -> Array:
    """Sum over the last axis of expected - n + n ln(n / expected)."""
    ratio = np.log(np.where(counts > 0, counts, 1.0) / expected)
    return np.asarray(np.sum(expected - counts + np.where(counts > 0, counts * ratio, 0.0), -1))


def fit_templates(
    templates: Array, signal: Array, counts: Array, *, floating: bool = True
) -> Fitted:
    """Fit norms of the background and, unless held at zero, the strength of the signal.

    Args:
        templates: (components, bins) of the background, no bin of them all zero.
        signal: (bins,) at mu = 1.
        counts: (sets, bins)
        floating: whether mu floats.
    """
    design = np.vstack([templates, signal]) if floating else templates
    components, sets = len(templates), len(counts)
    filled = np.maximum(counts, EMPTY)
    values = np.zeros((sets, len(design)))
    values[:, :components] = (filled.sum(1) / templates.sum())[:, None]
    rows: NDArray[np.int64] = np.arange(sets)
    for _ in range(STEPS):
        step, promised, value = _newton(design, filled[rows], values[rows], components)
        goes_on = promised > CONVERGED
        rows, step, value = rows[goes_on], step[goes_on], value[goes_on]
        if not len(rows):
            break
        left = np.arange(len(rows))
        for _ in range(HALVINGS):
            trial = values[rows[left]] - step[left]
            trial[:, :components] = np.maximum(trial[:, :components], 0.0)
            falls = _value(design, filled[rows[left]], trial) < value[left]
            values[rows[left[falls]]] = trial[falls]
            left = left[~falls]
            if not len(left):
                break
            step[left] /= 2
        rows = np.delete(rows, left)  # no step lowers them: rounding
    rate = values @ design
    hessian, _, held = _curvature(design, filled, values, components)
    inverse = np.linalg.inv(_without(hessian, held))
    covariance = np.where(held[:, :, None] | held[:, None, :], 0.0, inverse)
    full = np.zeros((sets, components + 1, components + 1))
    full[:, : len(design), : len(design)] = covariance
    return Fitted(
        norms=values[:, :components],
        mu=values[:, components] if floating else np.zeros(sets),
        mu_error=np.sqrt(full[:, -1, -1]),
        expected=rate,
        deviance=2 * half_deviance(counts, rate),
        covariance=full,
    )


def _value(design: Array, counts: Array, values: Array) -> Array:
    """-log L (sets,), infinite where an expectation is not positive."""
    rate = values @ design
    allowed = (rate > 0).all(1)
    return np.where(allowed, half_deviance(counts, np.where(rate > 0, rate, 1.0)), np.inf)


def _curvature(
    design: Array, counts: Array, values: Array, components: int
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Hessian and gradient of -log L, and which norms are held at zero."""
    rate = values @ design
    gradient = (1 - counts / rate) @ design.T
    weighted = design * (np.sqrt(counts) / rate)[:, None, :]
    held = np.asarray((values <= 0) & (gradient > 0))
    held[:, components:] = False
    return weighted @ np.swapaxes(weighted, 1, 2), gradient, held


def _newton(
    design: Array, counts: Array, values: Array, components: int
) -> tuple[Array, Array, Array]:
    """Newton's step, what it promises, and -log L."""
    hessian, gradient, held = _curvature(design, counts, values, components)
    free = np.where(held, 0.0, gradient)
    step = np.asarray(np.linalg.solve(_without(hessian, held), free[..., None])[..., 0])
    return step, np.asarray(np.sum(step * free, 1)), _value(design, counts, values)


def _without(hessian: Array, held: NDArray[np.bool_]) -> Array:
    """The Hessian (sets, p, p), with rows and columns of held parameters those of a unit matrix."""
    crossed = held[:, :, None] | held[:, None, :]
    unit = np.trace(hessian, axis1=1, axis2=2)[:, None, None] * np.eye(hessian.shape[-1])
    return np.asarray(np.where(crossed, unit, hessian) + 1e-13 * unit)
