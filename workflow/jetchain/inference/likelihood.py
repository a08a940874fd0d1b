"""The likelihood of any HistFactory model as arrays: many fits at once, with exact derivatives.

pyhf evaluates one set of parameters after the other, and Minuit differences it. Here each row is a
set of parameters with its data (a signal strength, a toy), and value, gradient and Hessian of all
rows come from a few products of matrices. It is pyhf's own model (interpolation codes 4 and 4p);
`Likelihood` compares itself with pyhf when it is made.

Reference: CERN-OPEN-2012-016 (HistFactory).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.inference.toys import deviance

Array = NDArray[np.floating]
SMALLEST_RATE = 1e-120
SMALLEST_FACTOR = 1e-60
"""Of a norm, so that its logarithmic derivative stays finite where it is zero."""
AGREEMENT = 1e-7
"""With pyhf, relative, of -2 log L and of the expected events."""
LARGEST_POWER = 200.0
"""Logarithm of a factor."""
# Coefficients 1 to 6 of pyhf's interpolation code 4 from the values and the first two derivatives
# at +1 and -1 (`pyhf.interpolators.code4`, with alpha0 = 1).
CODE4 = np.array([
    [15, -15, -7, -7, 1, -1],
    [24, 24, -9, 9, 1, 1],
    [-10, 10, 10, 10, -2, 2],
    [-24, -24, 14, -14, -2, -2],
    [3, -3, -3, -3, 1, -1],
    [8, 8, -5, 5, 1, 1],
]) / 16.0  # fmt: skip


class UnlikeError(Exception):
    """The model is not one that is understood here: pyhf itself must evaluate it."""


@dataclass(frozen=True)
class Rows:
    """Data, a row a fit: (rows, bins) counts and (rows, auxiliary) auxiliary data."""

    counts: Array
    auxiliary: Array

    def chosen(self, rows: Any) -> Rows:
        """Some of the rows: a mask, indices or a slice."""
        return Rows(self.counts[rows], self.auxiliary[rows])

    def joined(self) -> Array:
        """(rows, bins + auxiliary), as pyhf has them."""
        return np.concatenate([self.counts, self.auxiliary], axis=1)


@dataclass(frozen=True)
class Derivatives:
    """Of -log L: (rows,) value, (rows, parameters) gradient, and two Hessians.

    Attributes:
        value: half the deviance, 0 where the model meets the data in all bins and constraints.
        gradient: of it.
        hessian: exact.
        positive: without the second derivatives of the expected events: never negative.
    """

    value: Array
    gradient: Array
    hessian: Array
    positive: Array


@dataclass(frozen=True)
class Slopes:
    """Of -log L: (rows, parameters) gradient, and the factors of the Hessian `positive`.

    Attributes:
        gradient: of it.
        curve: (rows, parameters) second derivatives of the constraints.
        response: (rows, bins, parameters) of the expected events, weighted: the Hessian is the
            diagonal of `curve` and the product of this with its transpose.
    """

    gradient: Array
    curve: Array
    response: Array


@dataclass(frozen=True)
class _Responses:
    """What derivatives at (rows, parameters) are made of.

    Attributes:
        rate, response: (rows, bins) expected events, and their (rows, bins, parameters) slopes.
        cells, scale: (rows, cells) events, and what scales them.
        logs, additions: (rows, cells, parameters) derivatives of the logarithm of what scales a
            cell, and of what is added to it.
        norm_curve, bend_curve: second derivatives, of `_slopes` and of `_bends`.
    """

    rate: Array
    response: Array
    cells: Array
    scale: Array
    logs: Array
    additions: Array
    norm_curve: Array
    bend_curve: Array


class Likelihood:
    """A pyhf model, evaluated for many rows.

    Args:
        model: pyhf's.

    Raises:
        UnlikeError: it has a modifier that is not known here, or pyhf's values differ.

    Attributes:
        low, high, start: (parameters,) pyhf's bounds and initial values.
        fixed: (parameters,) held by the workspace.
        auxiliary: (auxiliary,) pyhf's auxiliary data.
    """

    def __init__(self, model: Any) -> None:
        config = model.config
        self.low, self.high = np.array(config.suggested_bounds(), float).T
        self.start = np.array(config.suggested_init(), float)
        self.fixed = np.array(config.suggested_fixed(), bool)
        self.auxiliary = np.array(config.auxdata, float)
        self._cells(model)
        self._constraints(config)
        self._compare(model)

    # A cell is a bin of a sample in a channel; cells of a bin lie side by side.
    def _cells(self, model: Any) -> None:
        config = model.config
        spec = {each["name"]: each["samples"] for each in model.spec["channels"]}
        slices = {name: config.par_slice(name) for name in config.par_order}
        bins: list[int] = []
        groups: list[int] = []
        nominal: list[float] = []
        linear: list[list[int]] = []
        factors: dict[tuple[int, int], tuple[float, float]] = {}
        ends: dict[int, list[tuple[int, Array, Array]]] = {}
        group = 0
        offsets: dict[str, int] = {}  # of statistical errors that channels share
        for channel in config.channels:
            first = config.channel_slices[channel].start
            size = config.channel_nbins[channel]
            used = set()
            for sample in spec[channel]:
                cell = len(nominal)
                bins += range(first, first + size)
                groups += [group] * size
                values = np.asarray(sample["data"], float)
                nominal += values.tolist()
                rows: list[list[int]] = [[] for _ in range(size)]
                modifiers = {(each["type"], each["name"]): each for each in sample["modifiers"]}
                for (kind, name), modifier in modifiers.items():
                    at = slices[name].start
                    data = modifier.get("data")
                    if kind in ("normfactor", "lumi"):
                        for row in rows:
                            row.append(at)
                    elif kind in ("staterror", "shapesys", "shapefactor"):
                        shift = 0 if kind == "shapefactor" else offsets.get(name, 0)
                        used |= {name} if kind != "shapefactor" else set()
                        for index, row in enumerate(rows):
                            row.append(at + shift + index)
                    elif kind == "normsys":
                        factors[group, at] = (float(data["hi"]), float(data["lo"]))
                    elif kind == "histosys":
                        high, low = (
                            np.asarray(data[end], float) - values for end in ("hi_data", "lo_data")
                        )
                        ends.setdefault(at, []).append((cell, high, low))
                    else:
                        raise UnlikeError(f"the modifier type '{kind}' is not known")
                linear += rows
                group += 1
            for name in used:
                offsets[name] = offsets.get(name, 0) + size
        self._arrange(np.array(bins), np.array(groups), np.array(nominal), linear)
        self._interpolate(factors, ends, group)

    def _arrange(
        self, bins: NDArray[np.int64], groups: NDArray[np.int64], nominal: Array,
        linear: list[list[int]],
    ) -> None:  # fmt: skip
        """Order the cells by bin, and say which parameters multiply each."""
        order = np.argsort(bins, kind="stable")
        self._order = order
        self._bin = bins[order]
        self._first = np.searchsorted(self._bin, np.arange(bins.max() + 1))
        self._group, self._nominal = groups[order], nominal[order]
        parameters = len(self.start)
        self._scaling = np.zeros((len(order), parameters))
        longest = max([len(row) for row in linear] + [1])
        self._scales = np.full((len(order), longest), parameters)  # the last is a column of ones
        for place, cell in enumerate(order):
            row = linear[cell]
            self._scaling[place, row] = 1.0
            self._scales[place, : len(row)] = row

    def _interpolate(
        self, factors: dict[tuple[int, int], tuple[float, float]],
        ends: dict[int, list[tuple[int, Array, Array]]], groups: int,
    ) -> None:  # fmt: skip
        """What scales a sample in a channel (normsys), and what is added to its bins (histosys)."""
        norms = sorted({at for _, at in factors})
        self._norms = np.array(norms, dtype=int)
        hi, lo = np.ones((2, groups, len(norms)))
        for (group, at), (up, down) in factors.items():
            hi[group, norms.index(at)], lo[group, norms.index(at)] = up, down
        logs = np.log(np.stack([hi, lo]))
        up, down = logs
        ends_of = np.stack([hi - 1, lo - 1, up * hi, -down * lo, up**2 * hi, down**2 * lo])
        self._up, self._down = up, down
        self._polynomial = np.einsum("rc,cgk->rgk", CODE4, ends_of)
        powers = np.arange(1, 7)[:, None, None]
        self._first_derivative = powers * self._polynomial
        self._second_derivative = ((powers - 1) * self._first_derivative)[1:]
        shapes = sorted(ends)
        self._shapes = np.array(shapes, dtype=int)
        high, low = np.zeros((2, len(self._nominal), len(shapes)))
        for index, at in enumerate(shapes):
            for cell, upper, lower in ends[at]:
                high[cell : cell + len(upper), index] = upper
                low[cell : cell + len(lower), index] = lower
        self._both = np.intersect1d(self._norms, self._shapes)
        # delta = mean x alpha + bend x v(alpha): code 4p.
        self._mean = ((high - low) / 2)[self._order]
        self._bend = ((high + low) / 16)[self._order]

    def _constraints(self, config: Any) -> None:
        normal, poisson, at = [], [], 0
        for name in config.auxdata_order:
            parameters = config.param_set(name)
            first, size = config.par_slice(name).start, parameters.n_parameters
            places = zip(range(first, first + size), range(at, at + size), strict=True)
            at += size
            if parameters.pdf_type == "normal":
                normal += [(*place, w) for place, w in zip(places, parameters.width(), strict=True)]
            else:
                poisson += [
                    (*place, tau) for place, tau in zip(places, parameters.factors, strict=True)
                ]
        columns = [np.array(each, float).reshape(-1, 3) for each in (normal, poisson)]
        self._normal, self._poisson = (
            (each[:, 0].astype(int), each[:, 1].astype(int), each[:, 2]) for each in columns
        )

    def _compare(self, model: Any) -> None:
        """Hold values at the start and away from it against pyhf's."""
        random = np.random.default_rng(1)
        width = np.minimum(0.3, 0.1 * (self.high - self.low))
        points = self.start + width * random.uniform(-1, 1, (3, len(self.start)))
        points = np.clip(np.concatenate([self.start[None], points]), self.low, self.high)
        points = np.where(self.fixed, self.start, points)
        ours = self.expected(points)
        filled = np.all(ours.counts > 0, axis=0)
        data = np.where(filled, np.round(np.maximum(ours.counts[:1], 0.0)) + 1.0, 0.0)
        rows = Rows(
            np.repeat(data, len(points), 0), np.repeat(self.auxiliary[None], len(points), 0)
        )
        theirs = np.array([model.expected_data(point.tolist()) for point in points], float)
        near = np.allclose(theirs, ours.joined(), rtol=AGREEMENT, atol=1e-9)
        if near and np.all(ours.counts >= 0):
            value = 2 * self.values(points, rows)
            logs = [
                -2 * float(model.logpdf(point.tolist(), row.tolist())[0])
                for point, row in zip(points, rows.joined(), strict=True)
            ]
            gaps = np.array(logs) - logs[0] - (value - value[0])
            near = bool(np.all(np.abs(gaps) < AGREEMENT * (1 + np.abs(logs))))
        if not near:
            raise UnlikeError("its expected events or its likelihood are not those of pyhf")

    @property
    def size(self) -> int:
        """Numbers that the arrays of one row hold, roughly."""
        parameters = len(self.start)
        return parameters * (3 * len(self._bin) + 3 * parameters)

    def rates(self, parameters: Array) -> Array:
        """(rows, bins) expected events; never below a tiny number."""
        scale = self._norm(parameters)[0] * self._grown(self._factors(parameters)[0])
        cells = self._added(parameters) * scale
        return np.asarray(np.add.reduceat(cells, self._first, axis=1))

    def expected(self, parameters: Array) -> Rows:
        """The data that the model expects, auxiliary ones among them."""
        auxiliary = np.repeat(self.auxiliary[None], len(parameters), 0)
        for (at, place, _), power in ((self._normal, 0), (self._poisson, 1)):
            factor = self._poisson[2] if power else 1.0
            auxiliary[:, place] = parameters[:, at] * factor
        return Rows(self.rates(parameters), auxiliary)

    def draw(self, parameters: Array, random: np.random.Generator) -> Rows:
        """Toys: (toys, parameters) to counts and auxiliary data, all of them thrown."""
        auxiliary = np.repeat(self.auxiliary[None], len(parameters), 0)
        at, place, width = self._normal
        auxiliary[:, place] = random.normal(parameters[:, at], width)
        # A statistical error without any is a parameter that is held, not one that is measured.
        held = place[self.fixed[at]]
        auxiliary[:, held] = self.auxiliary[held]
        at, place, tau = self._poisson
        thrown = random.poisson(np.maximum(parameters[:, at] * tau, 0.0)).astype(float)
        auxiliary[:, place] = np.where(self.fixed[at], self.auxiliary[place], thrown)
        counts = random.poisson(np.maximum(self.rates(parameters), 0.0)).astype(float)
        return Rows(counts, auxiliary)

    def _grown(self, factor: Array) -> Array:
        """(rows, cells) products of the interpolated factors of each cell."""
        return np.asarray(np.prod(factor, axis=2)[:, self._group])

    def _added(self, parameters: Array) -> Array:
        alpha = parameters[:, self._shapes]
        bend = _bends(alpha)[0]
        return np.asarray(self._nominal + alpha @ self._mean.T + bend @ self._bend.T)

    def _norm(self, parameters: Array) -> tuple[Array, Array]:
        """(rows, cells) products of the norms of each cell, and (rows, parameters) the norms."""
        size = np.where(parameters < 0, -1.0, 1.0) * np.maximum(np.abs(parameters), SMALLEST_FACTOR)
        wide = np.concatenate([size, np.ones((len(size), 1))], axis=1)
        return np.prod(wide[:, self._scales], axis=2), size

    def _factors(self, parameters: Array) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
        """(rows, groups, norms) interpolated factors, alpha, the logarithm beyond 1, and where."""
        alpha = parameters[:, None, self._norms]
        factor = 1 + alpha * _horner(self._polynomial, alpha)
        log = np.where(alpha > 0, self._up, -self._down)
        outside = np.broadcast_to(np.abs(alpha) >= 1, factor.shape)
        if outside.any():
            far = np.exp(np.clip(alpha * log, -LARGEST_POWER, LARGEST_POWER))
            factor = np.where(outside, far, factor)
        return np.maximum(factor, SMALLEST_FACTOR), alpha, log, outside

    def _slopes(
        self, factor: Array, alpha: Array, log: Array, outside: NDArray[np.bool_]
    ) -> tuple[Array, Array]:
        """First and second derivatives of factors, over the factors; arguments of `_factors`."""
        slope = np.where(outside, log, _horner(self._first_derivative, alpha) / factor)
        curve = np.where(outside, log**2, _horner(self._second_derivative, alpha) / factor)
        return slope, curve

    def values(self, parameters: Array, data: Rows) -> Array:
        """-log L at (rows, parameters)."""
        rate = np.maximum(self.rates(parameters), SMALLEST_RATE)
        value = np.sum(deviance(data.counts, rate), axis=1)
        return np.asarray(value + self._priors(parameters, data)[0])

    def _priors(self, parameters: Array, data: Rows) -> tuple[Array, Array, Array]:
        """-log of the constraints, (rows,), and its first and second derivatives."""
        slope, curve = np.zeros((2, *parameters.shape))
        at, place, width = self._normal
        pull = (parameters[:, at] - data.auxiliary[:, place]) / width
        slope[:, at] = pull / width
        curve[:, at] = 1 / width**2
        at, place, tau = self._poisson
        mean = np.maximum(parameters[:, at], SMALLEST_FACTOR) * tau
        seen = data.auxiliary[:, place]
        slope[:, at] += tau * (1 - seen / mean)
        curve[:, at] += tau**2 * seen / mean**2
        value = 0.5 * np.sum(pull**2, axis=1) + np.sum(deviance(seen, mean), axis=1)
        return value, slope, curve

    def _responses(self, parameters: Array) -> _Responses:
        scale, size = self._norm(parameters)
        factors = self._factors(parameters)
        norm_slope, norm_curve = self._slopes(*factors)
        scale = scale * self._grown(factors[0])
        cells = self._added(parameters) * scale
        logs = self._scaling / size[:, None, :]
        logs[:, :, self._norms] += norm_slope[:, self._group]
        bend_slope, bend_curve = _bends(parameters[:, self._shapes])[1:]
        additions = np.zeros_like(logs)
        additions[:, :, self._shapes] = scale[:, :, None] * (
            self._mean + bend_slope[:, None, :] * self._bend
        )
        rate = np.maximum(np.add.reduceat(cells, self._first, axis=1), SMALLEST_RATE)
        response = np.add.reduceat(cells[:, :, None] * logs + additions, self._first, axis=1)
        return _Responses(rate, response, cells, scale, logs, additions, norm_curve, bend_curve)

    def slopes(self, parameters: Array, data: Rows) -> Slopes:
        """The first derivatives at (rows, parameters), much faster than the Hessians."""
        at = self._responses(parameters)
        _, slope, curve = self._priors(parameters, data)
        gradient = np.einsum("rb,rbp->rp", 1 - data.counts / at.rate, at.response) + slope
        root = np.sqrt(data.counts) / at.rate
        return Slopes(gradient, curve, root[:, :, None] * at.response)

    def derivatives(self, parameters: Array, data: Rows) -> Derivatives:
        """-log L and its derivatives at (rows, parameters)."""
        at = self._responses(parameters)
        rate, response, cells, scale = at.rate, at.response, at.cells, at.scale
        logs, additions = at.logs, at.additions
        value = np.sum(deviance(data.counts, rate), axis=1)
        excess, weight = 1 - data.counts / rate, data.counts / rate**2
        gradient = np.einsum("rb,rbp->rp", excess, response)
        positive = np.swapaxes(response, 1, 2) @ (weight[:, :, None] * response)
        # The second derivatives of the expected events, weighted with the excess.
        each = excess[:, self._bin]
        mixed = np.swapaxes(logs, 1, 2) @ (
            (0.5 * each * cells)[:, :, None] * logs + each[:, :, None] * additions
        )
        second = mixed + np.swapaxes(mixed, 1, 2)
        diagonal = np.arange(parameters.shape[1])
        second[:, diagonal, diagonal] = 0.0
        bent = np.zeros_like(parameters)
        bent[:, self._norms] = np.einsum("rc,rck->rk", each * cells, at.norm_curve[:, self._group])
        bent[:, self._shapes] += at.bend_curve * ((each * scale) @ self._bend)
        both = self._both
        if len(both):  # a parameter that scales a cell and adds to it
            bent[:, both] += 2 * np.einsum(
                "rc,rck,rck->rk", each, logs[:, :, both], additions[:, :, both]
            )
        second[:, diagonal, diagonal] = bent
        prior, slope, curve = self._priors(parameters, data)
        value, gradient = value + prior, gradient + slope
        positive[:, diagonal, diagonal] += curve
        return Derivatives(value, gradient, positive + second, positive)


def _horner(coefficients: Array, x: Array) -> Array:
    """The polynomials with (powers, groups, norms) coefficients, from the constant on."""
    total = np.broadcast_to(coefficients[-1], np.broadcast_shapes(coefficients[0].shape, x.shape))
    for coefficient in coefficients[-2::-1]:
        total = coefficient + x * total
    return np.asarray(total)


def _bends(alpha: Array) -> tuple[Array, Array, Array]:
    """The even part of interpolation code 4p and its first two derivatives."""
    square = alpha**2
    inside = np.abs(alpha) <= 1
    return (
        np.where(inside, square * (15 + square * (3 * square - 10)), 8 * np.abs(alpha)),
        np.where(inside, alpha * (30 + square * (18 * square - 40)), 8 * np.sign(alpha)),
        np.where(inside, 30 + square * (90 * square - 120), 0.0),
    )
