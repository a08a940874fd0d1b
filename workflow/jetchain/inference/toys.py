"""Toy experiments for counting searches, all at once.

Asymptotic formulae (arXiv 1007.1727) fail where a bin holds about ten events or fewer. pyhf's own
toys do not run with numpy 2.4 and take two fits each, one after the other; here the profile
likelihood of all toys is maximised together. The tests hold the statistic against pyhf's.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.inference.settings import WorkspaceSettings
from jetchain.inference.systematics import best_rate, extended
from jetchain.inference.yields import ABCD_RATIOS, Shape, Yields

Array = NDArray[np.floating]
Ends = tuple[Array, Array]
NEWTON_STEPS = 60
HALVINGS = 25
ROUNDING = 1e-12  # of -log L
CONVERGED = 1e-11  # of the decrease that Newton's step promises
ROOT_STEPS = 100
CLOSE = 1e-8  # of -log L to its minimum
LARGEST_HESSIANS = 4_000_000  # numbers that the Hessians of the toys of one step may hold
SMALLEST_GAMMA = 1e-9
LARGEST_GROWTH = 100.0  # logarithm
SMALLEST_UNCERTAINTY = 1e-4  # relative; below, a background counts as exact


class NoMinimumError(Exception):
    """The likelihood has no minimum that is found; the message says what is wrong."""


@dataclass(frozen=True)
class Counting:
    """Counts n_i are Poisson with the mean, sums over k and j,

    mu s_i (1 + t_ik alpha_k) (1 + u_i beta_i) exp(kappa_ik alpha_k) + d_ik alpha_k
    + exp(g_ik alpha_k) gamma_j b_ji.
    alpha_k ~ N(a_k, 1) or free; beta_i ~ N(c_i, 1), at its best value (`systematics.best_rate`).
    Control region: m_j ~ Poisson(gamma_j tau_j), or m_j ~ N(gamma_j, width_j) with
    tau_j = 1/width_j^2; without one, tau_j = 0.

    Attributes:
        signal: (bins,) expected events.
        background: (gammas, bins) the same; one gamma a bin, or the templates of a shape.
        tau: (gammas,) inverse square of the relative uncertainty of the background.
        gaussian: which of the two constraints.
        kappa: (bins, alphas) logarithms of the relative uncertainties of the signal.
        exact: (gammas,) backgrounds without uncertainty, whose gamma is held at 1 by a huge tau.
        shift: (bins, alphas) events that alphas add.
        growth: (bins, alphas) logarithms by which alphas scale the background, g.
        held: (alphas,) 1 for those with an auxiliary measurement, 0 for free ones.
        tilt: (bins, alphas) relative changes of the signal's shape, t; None without any.
        own: (bins,) relative statistical errors of the simulated signal, u; None without any.
    """

    signal: Array
    background: Array
    tau: Array
    gaussian: bool
    kappa: Array
    exact: NDArray[np.bool_]
    shift: Array
    growth: Array
    held: Array
    tilt: Any = None
    own: Any = None

    @classmethod
    def of(cls, yields: Yields, settings: WorkspaceSettings) -> Counting:
        """The same model as `workspace.build` makes."""
        model = cls._without_systematics(yields, settings)
        if yields.statistics is not None and yields.statistics.any():
            model = dataclasses.replace(model, own=yields.statistics)
        if not yields.systematics:
            return model
        arrays = {name: getattr(model, name) for name in ("kappa", "shift", "growth", "held")}
        return dataclasses.replace(model, **extended(arrays, yields.systematics))

    @classmethod
    def _without_systematics(cls, yields: Yields, settings: WorkspaceSettings) -> Counting:
        if yields.shape is not None:
            return cls._of_shape(yields.signal, yields.shape, settings)
        relative = yields.background_uncertainty / yields.background
        bins = len(yields.names)
        ratio = np.divide(
            yields.signal_uncertainty,
            yields.signal,
            out=np.zeros(bins),
            where=yields.signal > 0,
        )
        columns = [np.full((bins, 1), np.log1p(settings.luminosity_uncertainty))]
        columns.append(np.diag(np.log1p(ratio)))
        kappa = np.concatenate(columns, axis=1)
        kappa = kappa[:, np.any(kappa > 0, axis=0)]
        if yields.constraint == "abcd":
            return cls._of_abcd(yields, kappa)
        return cls(
            yields.signal,
            np.diag(yields.background),
            1 / np.maximum(relative, SMALLEST_UNCERTAINTY) ** 2,
            yields.constraint == "gaussian",
            kappa,
            relative < SMALLEST_UNCERTAINTY,
            np.zeros_like(kappa),
            np.zeros_like(kappa),
            np.ones(kappa.shape[1]),
        )

    @classmethod
    def _of_abcd(cls, yields: Yields, kappa: Array) -> Counting:
        """A free norm; the last alphas are kappa's and the logarithms of two free ratios to D."""
        of_kappa = np.array([[np.log1p(yields.kappa_relative)], [0.0], [0.0], [0.0]])
        growth = np.hstack([np.zeros_like(kappa), of_kappa, np.array(ABCD_RATIOS, float)])
        return cls(
            yields.signal,
            yields.background[None],
            np.zeros(1),
            True,
            np.hstack([kappa, np.zeros((4, 3))]),
            np.zeros(1, dtype=bool),
            np.zeros_like(growth),
            growth,
            np.append(np.ones(kappa.shape[1] + 1), [0.0, 0.0]),
        )

    @classmethod
    def _of_shape(cls, signal: Array, shape: Shape, settings: WorkspaceSettings) -> Counting:
        """Free norms; luminosity, efficiency and spurious signal are the alphas."""
        components = len(shape.norms)
        relative = np.array([settings.luminosity_uncertainty, shape.signal_relative, 0.0])
        shift = np.outer(shape.spurious, [0.0, 0.0, 1.0])
        used = (relative > 0) | shift.any(0)
        return cls(
            signal,
            shape.templates,
            np.zeros(components),
            True,
            np.broadcast_to(np.log1p(relative), shift.shape)[:, used],
            np.zeros(components, dtype=bool),
            shift[:, used],
            np.zeros_like(shift[:, used]),
            np.ones(int(used.sum())),
        )

    @property
    def gammas(self) -> int:
        return len(self.background)

    @property
    def free(self) -> NDArray[np.bool_]:
        """(gammas,) which have no control region."""
        return self.tau == 0

    def rates(self, mu: Array | float, nuisances: Array) -> Array:
        """Expected events (..., bins) at nuisance parameters (..., gammas + alphas)."""
        gamma, alpha = nuisances[..., : self.gammas], nuisances[..., self.gammas :]
        signal = np.asarray(mu)[..., None] * self.signal * self.factors(alpha)
        background = self.scales(alpha) * (gamma @ self.background)
        return np.asarray(signal + alpha @ self.shift.T + background)

    def factors(self, alpha: Array) -> Array:
        """What the alphas (..., alphas) scale the signal by (..., bins)."""
        factors = np.exp(alpha @ self.kappa.T)
        if self.tilt is not None:
            factors = factors * (1 + alpha @ self.tilt.T)
        return np.asarray(factors)

    def scales(self, alpha: Array) -> Array:
        """What the alphas (..., alphas) scale the background by (..., bins); always finite."""
        return np.exp(np.clip(alpha @ self.growth.T, -LARGEST_GROWTH, LARGEST_GROWTH))


@dataclass(frozen=True)
class Data:
    """Toys or data: (toys, bins) counts, (toys, gammas) m / tau (or m), (toys, alphas) a, and c."""

    counts: Array
    control: Array
    alphas: Array
    own: Any = 0.0

    def chosen(self, rows: Any) -> Data:
        """Some of the toys: a mask, indices or a slice."""
        own = self.own[rows] if np.ndim(self.own) else self.own
        return Data(self.counts[rows], self.control[rows], self.alphas[rows], own)

    @classmethod
    def observed(cls, model: Counting, counts: Array) -> Data:
        """One row: the data, with the auxiliary measurements at their nominal values."""
        return cls(
            np.asarray(counts, float)[None], np.ones((1, model.gammas)),
            np.zeros((1, model.kappa.shape[1])),
        )  # fmt: skip


def draw(
    model: Counting, mu: float, nuisances: Array, toys: int, random: np.random.Generator
) -> Data:
    """Toys at a signal strength and nuisance parameters (gammas + alphas,), beta being 0."""
    gamma, alpha = nuisances[: model.gammas], nuisances[model.gammas :]
    rate = np.maximum(model.rates(mu, nuisances), 0.0)
    tau = np.where(model.free, 1.0, model.tau)
    if model.gaussian:
        control = random.normal(gamma, 1 / np.sqrt(tau), (toys, model.gammas))
    else:
        control = random.poisson(gamma * tau, (toys, model.gammas)) / tau
    control = np.where(model.exact | model.free, 1.0, control)
    return Data(
        random.poisson(rate, (toys, len(rate))).astype(float),
        control,
        np.where(model.held > 0, random.normal(alpha, 1.0, (toys, len(alpha))), alpha),
        0.0 if model.own is None else random.normal(size=(toys, len(rate))),
    )


def profile(
    model: Counting, data: Data, mu: Array | float, start: Array | None = None
) -> tuple[Array, Array, Array]:
    """Minimise -log L over the nuisance parameters at fixed mu, for all toys.

    Newton's method with halved steps; gamma stays positive.

    Args:
        model: the model.
        data: toys.
        mu: one for all, or (toys,).
        start: (toys, gammas + alphas) where to start; from the auxiliary measurements if not given.

    Returns:
        (toys,) -log L above that of the saturated model, (toys,) its derivative in mu,
        (toys, gammas + alphas) the nuisance parameters.
    """
    toys = len(data.counts)
    mu = np.broadcast_to(np.asarray(mu, float), (toys,))
    nuisances = start
    if nuisances is None:
        nuisances = np.concatenate([np.maximum(data.control, 0.05), data.alphas], axis=1)
    nuisances = np.array(nuisances)
    value, slope, gradient, hessian = derivatives(model, data, mu, nuisances)
    rows: NDArray[np.int64] = np.arange(toys)  # those that have not converged
    for _ in range(NEWTON_STEPS):
        step, decrement = newton_step(model, nuisances[rows], gradient[rows], hessian[rows])
        active = decrement > CONVERGED
        rows, step = rows[active], step[active]
        if not len(rows):
            break
        left, at, before = data.chosen(rows), nuisances[rows], value[rows]
        lowest = np.maximum(0.1 * at[:, : model.gammas], SMALLEST_GAMMA)
        lowest[:, model.free] = 0.0
        allowed = before + ROUNDING * (1 + np.abs(before))
        tried = np.arange(len(rows))  # of these, those whose step is still too long
        last = HALVINGS - 1
        for halving in range(last + 1):  # with tilts a bin may reach zero, and none may help
            trial = at[tried] - 0.5**halving * step[tried]
            trial[:, : model.gammas] = np.maximum(trial[:, : model.gammas], lowest[tried])
            new = derivatives(model, left.chosen(tried), mu[rows[tried]], trial)
            good = (new[0] <= allowed[tried]) | (model.tilt is None and halving == last)
            done = rows[tried[good]]
            nuisances[done] = trial[good]
            value[done], slope[done], gradient[done], hessian[done] = (each[good] for each in new)
            tried = tried[~good]
            if not len(tried):
                break
        rows = np.delete(rows, tried)
    return value, slope, nuisances


def newton_step(
    model: Counting, nuisances: Array, gradient: Array, hessian: Array
) -> tuple[Array, Array]:
    """Newton's step and what it promises; a gamma that is pushed against zero stays there."""
    stuck = np.zeros(nuisances.shape, dtype=bool)
    stuck[:, : model.gammas] = (nuisances[:, : model.gammas] <= 2 * SMALLEST_GAMMA) & (
        gradient[:, : model.gammas] > 0
    )
    free = np.where(stuck, 0.0, gradient)
    crossed = stuck[:, :, None] | stuck[:, None, :]
    matrix = np.where(crossed, np.eye(nuisances.shape[1]), hessian)
    try:
        step = np.linalg.solve(matrix, free[..., None])[..., 0]
    except np.linalg.LinAlgError:  # one singular matrix refuses all
        floor = 1e-12 * np.trace(matrix, axis1=1, axis2=2)[:, None, None] + 1e-300
        step = np.linalg.solve(matrix + floor * np.eye(matrix.shape[1]), free[..., None])[..., 0]
    return step, np.sum(step * free, axis=1)


def deviance(counts: Array, rate: Array) -> Array:
    """rate - n + n log(n / rate), half of the deviance, without the loss of digits at rate = n."""
    filled = np.where(counts > 0, counts, 1.0)
    excess = rate / filled - 1
    log = np.where(excess > -0.5, np.log1p(np.maximum(excess, -0.5)), np.log(rate / filled))
    return np.where(counts > 0, filled * (excess - log), rate)


def derivatives(
    model: Counting, data: Data, mu: Array, nuisances: Array
) -> tuple[Array, Array, Array, Array]:
    """-log L, its derivative in mu, and gradient and (positive) Hessian in the nuisances."""
    gammas = model.gammas
    gamma, alpha = nuisances[:, :gammas], nuisances[:, gammas:]
    unit = model.signal * model.factors(alpha)  # (toys, bins), per mu
    scale = model.scales(alpha)
    grown = scale * (gamma @ model.background)
    rate: Array = mu[:, None] * unit + alpha @ model.shift.T + grown
    if model.own is not None:
        error = mu[:, None] * unit * model.own
        rate, excess, weight = best_rate(data.counts, rate, error, data.own)
    else:
        rate = np.maximum(rate, 1e-120)
        excess, weight = 1 - data.counts / rate, data.counts / rate**2
    value = np.sum(deviance(data.counts, rate), axis=1)
    if model.own is not None:
        value += 0.5 * np.sum((error * excess) ** 2, axis=1)
        unit = unit * (1 + model.own * (data.own - error * excess))
    signal = mu[:, None] * unit
    if model.gaussian:
        value += np.sum(0.5 * model.tau * (gamma - data.control) ** 2, axis=1)
        control_slope = model.tau * (gamma - data.control)
        control_curve = np.broadcast_to(model.tau, gamma.shape)
    else:
        value += np.sum(model.tau * deviance(data.control, gamma), axis=1)
        control_slope = model.tau * (1 - data.control / gamma)
        # Without a control event the curvature would vanish; a floor keeps Newton's step finite.
        control_curve = model.tau * np.maximum(data.control / gamma**2, 1e-3)
    value += 0.5 * np.sum(model.held * (alpha - data.alphas) ** 2, axis=1)

    # d rate_i / d alpha_k
    response = np.array(np.broadcast_to(model.shift, (*rate.shape, alpha.shape[1])))
    norms, grows = (np.flatnonzero(each.any(0)) for each in (model.kappa, model.growth))
    response[:, :, norms] += signal[:, :, None] * model.kappa[:, norms]
    response[:, :, grows] += grown[:, :, None] * model.growth[:, grows]
    if model.tilt is not None:
        shape, tilted = 1 + alpha @ model.tilt.T, np.flatnonzero(model.tilt.any(0))
        flat = np.divide(signal, shape, out=np.zeros_like(signal), where=shape != 0)
        response[:, :, tilted] += flat[:, :, None] * model.tilt[:, tilted]
    gradient = np.concatenate(
        [
            (excess * scale) @ model.background.T + control_slope,
            np.einsum("ti,tik->tk", excess, response) + model.held * (alpha - data.alphas),
        ],
        axis=1,
    )
    size = nuisances.shape[1]
    hessian = np.zeros((len(gamma), size, size))
    weighted = (weight * scale)[:, None, :] * model.background  # (toys, gammas, bins)
    hessian[:, :gammas, :gammas] = (weighted * scale[:, None, :]) @ model.background.T
    diagonal = np.arange(gammas)
    hessian[:, diagonal, diagonal] += control_curve
    mixed = weighted @ response
    hessian[:, :gammas, gammas:] = mixed
    hessian[:, gammas:, :gammas] = np.swapaxes(mixed, 1, 2)
    # The second derivative of the rate is kept only where it adds curvature.
    hessian[:, gammas:, gammas:] = np.swapaxes(response, 1, 2) @ (weight[:, :, None] * response)
    for columns, logs, part in ((norms, model.kappa, signal), (grows, model.growth, grown)):
        own = logs[:, columns]
        bent = (np.maximum(excess, 0.0) * part)[:, :, None] * own
        places = np.ix_(np.arange(len(hessian)), gammas + columns, gammas + columns)
        hessian[places] += np.swapaxes(bent, 1, 2) @ own
    hessian[:, gammas:, gammas:] += np.diag(model.held)
    return value, np.sum(excess * unit, axis=1), gradient, hessian


def q_tilde(model: Counting, data: Data, mu: Array | float) -> Array:
    """The test statistic of upper limits, q~_mu of arXiv 1007.1727, eq. 16, (toys,).

    Args:
        model: the model.
        data: toys.
        mu: one for all, or (toys,).
    """
    mu = np.broadcast_to(np.asarray(mu, float), (len(data.counts),))
    size = model.gammas + model.kappa.shape[1]
    chunk = max(LARGEST_HESSIANS // size**2, 1)
    parts = [
        _q_tilde(model, data.chosen(slice(first, first + chunk)), mu[first : first + chunk])
        for first in range(0, len(mu), chunk)
    ]
    return np.concatenate(parts)


def _q_tilde(model: Counting, data: Data, mu: Array) -> Array:
    at_mu, slope, _ = profile(model, data, mu)
    result = np.zeros(len(at_mu))
    below = slope > 0  # the best fit lies below mu
    if not below.any():
        return result
    chosen = data.chosen(below)
    best, rising, nuisances = profile(model, chosen, 0.0)
    inside = rising < 0  # the best fit lies above zero
    if inside.any():
        best[inside] = free_minimum(
            model, chosen.chosen(inside), (np.zeros(inside.sum()), mu[below][inside]),
            (rising[inside], slope[below][inside]), nuisances[inside],
        )  # fmt: skip
    result[below] = np.maximum(2 * (at_mu[below] - best), 0.0)
    return result


def free_minimum(model: Counting, data: Data, ends: Ends, slopes: Ends, nuisances: Array) -> Array:
    """-log L at the best mu between two, where the profile's slope is zero: by regula falsi.

    The slope at an end that stays is halved (the Illinois rule), which makes it converge faster
    than linearly.

    Args:
        model: the model.
        data: toys.
        ends: strengths below and above it, (toys,) each.
        slopes: of the profile there, negative and positive, (toys,) each.
        nuisances: (toys, gammas + alphas) the profile's at the lower end.
    """
    low, high = (np.array(each) for each in ends)
    at_low, at_high = (np.array(each) for each in slopes)
    value = np.full(len(low), np.inf)
    active = np.arange(len(low))
    for _ in range(ROOT_STEPS):
        a, b, f, g = low[active], high[active], at_low[active], at_high[active]
        middle = np.clip(b - g * (b - a) / (g - f), a + 1e-3 * (b - a), b - 1e-3 * (b - a))
        now, slope, found = profile(model, data.chosen(active), middle, nuisances[active])
        value[active] = np.minimum(value[active], now)
        nuisances[active] = found
        falls = slope < 0
        low[active], high[active] = np.where(falls, middle, a), np.where(falls, b, middle)
        at_low[active] = np.where(falls, slope, f / 2)
        at_high[active] = np.where(falls, g / 2, slope)
        active = active[np.abs(slope) * (high - low)[active] > CLOSE]
        if not len(active):
            break
    return value


def fitted(q: Array, toys: int) -> Array:
    """The test statistics of the toys whose fits succeeded, sorted; a failed toy is left out.

    Raises:
        NoMinimumError: less than 99 % of them did.
    """
    found = np.sort(q[np.isfinite(q)])
    if len(found) < 0.99 * toys:
        raise NoMinimumError(f"the fits of {toys - len(found)} of {toys} toys find no minimum")
    return found
