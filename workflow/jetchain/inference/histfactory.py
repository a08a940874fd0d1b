"""Fits of any HistFactory workspace, whatever its parameter of interest.

Newton's method with exact derivatives (`inference.minimise`) takes all strengths and toys at once.
Where it finds no minimum, or the model is not one it knows, Minuit tries on pyhf's own likelihood:
it wants numbers of order one and a start near the minimum, so that the range of the signal strength
is that of the model's own sensitivity, not the one that its authors wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.schema.inference import AtBound
from jetchain.inference.bowed import bowed, lowest
from jetchain.inference.fit import load_model
from jetchain.inference.likelihood import Likelihood, Rows, UnlikeError
from jetchain.inference.minimise import Minima, Range, minimise
from jetchain.inference.newton import Tails, asymptotic_tails
from jetchain.inference.toys import NoMinimumError

Array = NDArray[np.floating]
REACH = 1e4
"""Largest strength that is tried, in rough upper limits."""
NEAR = 1e-4
"""Of its range, a parameter that Minuit leaves at the end of it."""
STARTS = (1.0, 0.1, 3.0, 0.01, 10.0)
"""Of the strength, in rough upper limits: where fits that fail start anew."""


class Model:
    """A pyhf model with its data; made and used within `numpy_backend`.

    Attributes:
        model: pyhf's.
        likelihood: the same as arrays; None if only pyhf can evaluate it.
        data: counts, then auxiliary data.
        name: of the parameter of interest.
        poi: its index.
        background, signal: (bins,) events expected without signal, and what strength 1 adds.
        unit: a rough upper limit on the strength.
        room: strength at which a bin where events are seen expects none; infinite mostly.
        lowest: strength that a fit allows; below zero where the workspace allows it.
    """

    def __init__(self, spec: dict[str, Any], path: str) -> None:
        self.model, data = load_model(spec, path)
        self.data = np.asarray(data, float)
        config = self.model.config
        self.name, self.poi = str(config.poi_name), int(config.poi_index)
        config.param_set(self.name).suggested_fixed = [False]  # whatever the workspace says
        self.start = [float(each) for each in config.suggested_init()]
        for name in _hold_what_changes_nothing(self.model):
            print(f"{path}: '{name}' changes no bin: it is held.", file=sys.stderr)
        self.fixed = list(config.suggested_fixed())
        self.likelihood: Likelihood | None = None
        try:
            self.likelihood = Likelihood(self.model)
        except UnlikeError as error:
            print(f"{path}: pyhf alone evaluates this model, slowly ({error}).", file=sys.stderr)
        self.background = self._expected(0.0)
        self.signal = self._expected(1.0) - self.background
        counts = self.data[: len(self.background)]
        significance = np.sum(self.signal**2 / (np.maximum(self.background, counts) + 1))
        self.unit = 3 / float(np.sqrt(significance))
        takes = (self.signal < 0) & (counts > 0) & (self.background > 0)
        ends = self.background[takes] / -self.signal[takes]
        self.room = float(np.min(ends, initial=np.inf))
        lowest = float(config.suggested_bounds()[self.poi][0])
        adds = self.signal > 0  # below zero, no more than 90 % of a bin's background is taken away
        room = np.min(self.background[adds] / self.signal[adds]) if adds.any() else 0.0
        self.lowest = -min(-min(lowest, 0.0), 0.9 * max(float(room), 0.0))

    @property
    def rows(self) -> Rows:
        """The data as one row."""
        bins = len(self.background)
        return Rows(self.data[None, :bins], self.data[None, bins:])

    @cached_property
    def width(self) -> float:
        """The larger of `unit` and the error of the strength with all parameters free.

        The former where only pyhf evaluates the model. Fits need it; limits do not.
        """
        if self.likelihood is None:
            return self.unit
        at = np.array(self.start)
        at[self.poi] = 0.0
        matrix = self.likelihood.derivatives(at[None], self.expected(at[None])).positive[0]
        free = ~np.array(self.fixed)
        size = np.sqrt(np.where(np.diag(matrix) > 0, np.diag(matrix), 1.0))
        scaled = (matrix / size / size[:, None])[np.ix_(free, free)]
        place = int(np.flatnonzero(free).searchsorted(self.poi))
        variance = np.linalg.pinv(scaled, rcond=1e-10, hermitian=True)[place, place]
        error = float(np.sqrt(max(variance, 0.0))) / float(size[self.poi])
        return max(self.unit, min(error, REACH * self.unit))

    @cached_property
    def bowed(self) -> list[int]:
        """Parameters of which both sides are tried; see `inference.bowed`."""
        assert self.likelihood is not None
        points = np.repeat(np.array(self.start)[None], 2, 0)
        points[:, self.poi] = (0.0, 3 * self.unit)
        return bowed(self.model.config, self.likelihood, points, np.array(self.fixed, bool))

    def _expected(self, strength: float) -> Array:
        values = list(self.start)
        values[self.poi] = strength
        return np.asarray(self.model.expected_actualdata(values), float)

    def expected(self, parameters: Array) -> Rows:
        """Counts and auxiliary data that are expected at (rows, parameters)."""
        if self.likelihood is not None:
            return self.likelihood.expected(parameters)
        values = [self.model.expected_data(each.tolist()) for each in parameters]
        bins = len(self.background)
        whole = np.asarray(values, float)
        return Rows(whole[:, :bins], whole[:, bins:])

    def bounds(self, lowest: float, highest: float) -> list[tuple[float, float]]:
        """Of all parameters, with a range for the strength."""
        every = list(self.model.config.suggested_bounds())
        every[self.poi] = (lowest, highest)
        return every

    def within(self, lowest: float, highest: float, held: bool) -> Range:
        """The same for `minimise`; the strength is held, or free in its range."""
        low, high = np.array(self.bounds(lowest, highest), float).T
        fixed = np.array(self.fixed, bool)
        fixed[self.poi] = held
        return Range(low, high, fixed)

    def at_bounds(self, parameters: Array) -> tuple[AtBound, ...]:
        """Parameters that a fit to the data has pushed against the workspace's bounds.

        Args:
            parameters: (parameters,) of the fit. The strength counts at the end below, if it is
                the workspace that ends there.
        """
        low, high = np.array(self.bounds(self.lowest, np.inf), float).T
        ours = self.model.config.suggested_bounds()[self.poi][0] == self.lowest
        near = NEAR * (np.where(np.isfinite(high), high, 0.0) - low)
        near[self.poi] = NEAR * self.unit if ours else -1.0
        below, above = parameters - low <= near, high - parameters <= near
        at = np.where(below, low, np.where(above, high, parameters))
        if self.likelihood is not None:  # a range may be wide; only what is pushed is at its end
            slope = self.likelihood.slopes(at[None], self.rows).gradient[0]
            below, above = below & (slope > 0), above & (slope < 0)
        names = self.model.config.par_names
        return tuple(
            AtBound(name=names[index], bound=float(at[index]))
            for index in np.flatnonzero((below | above) & ~np.array(self.fixed, bool))
        )

    def starts(
        self, near: list[float] | None, bounds: tuple[float, float]
    ) -> Iterator[list[float]]:
        """Where fits start: near another minimum, then at strengths of several sizes."""
        if near is not None:
            yield list(near)
        for size in STARTS:
            values = list(self.start)
            values[self.poi] = min(max(size * self.unit, bounds[0]), bounds[1])
            yield values

    def minima(
        self, data: Rows, near: Array, strengths: Array | None = None
    ) -> tuple[Array, Array]:
        """The least -2 log L of rows, and the parameters there; NaN where no minimum is found.

        Args:
            data: a row a fit.
            near: (parameters,) or (rows, parameters) where to start.
            strengths: (rows,) at which the strength is held; free in zero and above without.

        Returns:
            (rows,) up to a constant of the row, and (rows, parameters).
        """
        many = len(data.counts)
        near = np.array(np.broadcast_to(near, (many, len(self.start))))
        value, parameters = np.full(many, np.nan), near.copy()
        found = np.zeros(many, dtype=bool)
        if self.likelihood is not None:
            value, parameters, found = self._newton(data, near, strengths)
        for row in np.flatnonzero(~found):
            try:
                value[row], parameters[row] = self._minuit(
                    data.joined()[row], None if strengths is None else float(strengths[row]),
                    near[row].tolist(),
                )  # fmt: skip
            except NoMinimumError:
                value[row] = np.nan
                continue
            if self.likelihood is not None:  # with the constant of the others
                value[row] = 2 * self.likelihood.values(parameters[[row]], data.chosen([row]))[0]
        return value, parameters

    def _newton(
        self, data: Rows, near: Array, strengths: Array | None
    ) -> tuple[Array, Array, NDArray[np.bool_]]:
        """The minima of rows, from near, and from other starts where that fails."""
        assert self.likelihood is not None
        within = self.within(0.0, REACH * self.unit, strengths is not None)
        if strengths is not None:
            near[:, self.poi] = strengths
        best = self.minimised(data, near, within)
        value, parameters, found = 2 * best.value, best.parameters, best.found
        for start in self.starts(None, (0.0, REACH * self.unit)):
            rows = np.flatnonzero(~found)
            if not len(rows):
                break
            other = np.repeat(np.array(start)[None], len(rows), 0)
            if strengths is not None:
                other[:, self.poi] = strengths[rows]
            again = minimise(self.likelihood, data.chosen(rows), other, within)
            value[rows], parameters[rows] = 2 * again.value, again.parameters
            found[rows] = again.found
        return value, parameters, found

    def minimised(self, data: Rows, start: Array, within: Range) -> Minima:
        """`minimise`, and the lower of two minima in what is `bowed`."""
        assert self.likelihood is not None
        return lowest(self.likelihood, data, start, within, self.bowed)

    def _minuit(
        self, data: Array, strength: float | None, near: list[float]
    ) -> tuple[float, list[float]]:
        """The least -2 log L of pyhf and the parameters there.

        Args:
            data: counts and auxiliary data.
            strength: held at this value, or free in zero and above.
            near: where to start.

        Raises:
            NoMinimumError: from no start.
        """
        import pyhf

        fixed = list(self.fixed)
        fixed[self.poi] = strength is not None
        highest = 10 * self.unit
        while True:
            bounds = self.bounds(0.0, max(highest, strength or 0.0))
            found = None
            for start in self.starts(near, bounds[self.poi]):
                if strength is not None:
                    start[self.poi] = strength
                if not np.isfinite(self.model.logpdf(start, data.tolist())[0]):
                    continue  # fewer than no events: Minuit would not leave from there
                try:
                    values, least = pyhf.infer.mle.fit(
                        data, self.model, start, bounds, fixed, return_fitted_val=True
                    )
                except (pyhf.exceptions.FailedMinimization, ValueError, ArithmeticError):
                    continue
                if np.isfinite(least) and np.all(np.isfinite(values)):
                    found = float(least), [float(each) for each in values]
                    break
            if found is None:
                what = "free" if strength is None else f"{strength:.4g}"
                raise NoMinimumError(f"no start of Minuit succeeds with {self.name} {what}")
            if strength is not None or found[1][self.poi] < 0.99 * highest:
                return found
            if highest > REACH * self.unit:
                raise NoMinimumError(f"the best {self.name} lies beyond {highest:.4g}")
            highest, near = 10 * highest, found[1]

    def q_tilde(
        self, data: Rows, strengths: Array, near: Array, free: tuple[Array, Array] | None = None
    ) -> Array:
        """q~_mu of rows (arXiv 1007.1727, eq. 16); NaN where a fit fails.

        Args:
            data: a row a test.
            strengths: (rows,)
            near: (rows, parameters) or (parameters,) where fits start.
            free: (rows,) least -2 log L and best strength, if they are known.
        """
        at_mu, parameters = self.minima(data, near, strengths)
        least, best = self.free(data, parameters) if free is None else free
        return np.where(best < strengths, np.maximum(at_mu - least, 0.0), 0.0 * at_mu)

    def free(self, data: Rows, near: Array) -> tuple[Array, Array]:
        """The least -2 log L of rows with the strength free in zero and above, and the strength."""
        least, parameters = self.minima(data, near)
        return least, parameters[:, self.poi]


def _hold_what_changes_nothing(model: Any) -> list[str]:
    """Hold the norms, of a sample or of its bins, that change no bin of a pyhf model; their names.

    No data measure them, so that a fit would not find their errors. Published workspaces have
    such ones where a sample is empty.
    """
    config = model.config
    low, high = np.array(config.suggested_bounds(), float).T
    start, fixed = np.array(config.suggested_init(), float), np.array(config.suggested_fixed())
    shift = np.random.default_rng(1).uniform(-0.3, 0.3, len(start))
    point = np.where(fixed, start, np.clip(start + shift, low, high))
    usual, held = np.asarray(model.expected_actualdata(point.tolist())), []
    for name in config.par_order:
        found, places = config.param_set(name), config.par_slice(name)
        if found.constrained or name == config.poi_name:
            continue
        for place in np.flatnonzero(~fixed[places]) + places.start:
            moved = point + 0.1 * (np.arange(len(point)) == place)
            if np.array_equal(usual, np.asarray(model.expected_actualdata(moved.tolist()))):
                fixed[place] = True
                held.append(config.par_names[place])
        found.suggested_fixed = fixed[places].tolist()
    return held


class Hypotheses:
    """Asymptotic CLs of q~ at any strengths; what does not depend on them is fitted once.

    Args:
        model: the model.

    Attributes:
        best: strength that fits the data best, zero or above.
        q0: test statistic of discovery.
        null: (parameters,) that fit the data best without signal.

    Raises:
        NoMinimumError: a fit fails.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        at_zero, null = model.minima(model.rows, np.array(model.start), np.zeros(1))
        if not np.isfinite(at_zero[0]):
            raise NoMinimumError(f"no start of Newton's method or of Minuit succeeds with "
                                 f"{model.name} 0")  # fmt: skip
        self.null = null[0]
        asimov = model.expected(null)
        # From two starts: a free fit may stop elsewhere.
        starts = np.stack([self.null, np.array(model.start)])
        starts[:, model.poi] = (0.1 * model.unit, model.unit)
        least, free = model.minima(model.rows.chosen([0, 0]), starts)
        values = np.append(least, at_zero)
        if not np.any(np.isfinite(least)):
            raise NoMinimumError(f"no start of Newton's method or of Minuit succeeds with "
                                 f"{model.name} free")  # fmt: skip
        place = int(np.nanargmin(values))
        self.best_parameters = np.concatenate([free, null])[place]
        self.best = float(self.best_parameters[model.poi])
        self.q0 = float(max(at_zero[0] - values[place], 0.0))
        at_asimov, null = model.minima(asimov, self.null, np.zeros(1))
        if not np.isfinite(at_asimov[0]):
            raise NoMinimumError("the fit of the expectation without signal fails")
        self._data = Rows(
            np.concatenate([model.rows.counts, asimov.counts]),
            np.concatenate([model.rows.auxiliary, asimov.auxiliary]),
        )
        self._least = np.array([values[place], at_asimov[0]])
        # Strengths that were tried, and the parameters there, of data and expectation.
        self._tried = [[(self.best, self.best_parameters)], [(0.0, null[0])]]

    def at_bounds(self, strengths: Array) -> tuple[AtBound, ...]:
        """Parameters at a bound without signal, at the best strength, or where it was tried."""
        fits = [self.null, *(each for mu, each in self._tried[0] if mu in (self.best, *strengths))]
        free = [
            found for each in fits for found in self.model.at_bounds(np.asarray(each))
            if found.name != self.model.name  # its end at zero is that of q~
        ]  # fmt: skip
        return tuple(dict.fromkeys(free))

    @property
    def least(self) -> float:
        """The least -2 log L of the data."""
        return float(self._least[0])

    def cls(self, strengths: Array) -> Array:
        """CLs observed, and expected at -2 to 2 sigma: (strengths, 6); see `tails`."""
        return self.tails(strengths).cls

    def tails(self, strengths: Array) -> Tails:
        """CLs and CLb at (strengths,).

        Raises:
            NoMinimumError: a fit fails.
        """
        many = len(strengths)
        rows = np.repeat([0, 1], many)
        both = np.tile(strengths, 2)
        near = np.stack([
            min(self._tried[row], key=lambda each: abs(each[0] - mu))[1]
            for row, mu in zip(rows, both, strict=True)
        ])  # fmt: skip
        values, parameters = self.model.minima(self._data.chosen(rows), near, both)
        if not np.all(np.isfinite(values)):
            where = both[~np.isfinite(values)][0]
            raise NoMinimumError(f"no fit succeeds with {self.model.name} at {where:.4g}")
        for row, mu, each in zip(rows, both, parameters, strict=True):
            self._tried[row].append((float(mu), each))
        # A free fit that had stopped above its minimum is put right.
        least = values.reshape(2, many).min(axis=1)
        self._least = np.minimum(self._least, least)
        q = values.reshape(2, many) - self._least[:, None]
        best = np.array([self.best, 0.0])[:, None]
        q = np.where(best < strengths, np.maximum(q, 0.0), 0.0)
        return asymptotic_tails(q[0], q[1])
