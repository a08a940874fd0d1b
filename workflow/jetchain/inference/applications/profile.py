"""A profile likelihood along a parameter: minima, and the intervals in which it stays low.

The parameter may set several of the model's: an operator's coefficient c sets the factors c and
c^2 of its samples, kappa_c the strengths of H -> cc and H -> bb. Everything else is profiled.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from jetchain.core.errors import DataError
from jetchain.core.schema.applications import Interval, Minimum, Scan
from jetchain.core.settings import did_you_mean
from jetchain.inference.bowed import bowed, lowest
from jetchain.inference.faults import silent_faults
from jetchain.inference.fit import REMAKE, load_model
from jetchain.inference.likelihood import Likelihood, Rows, UnlikeError
from jetchain.inference.minimise import Range
from jetchain.inference.published import check, chosen, first_line

Array = NDArray[np.floating]

THRESHOLDS = {"intervals_68": 1.0, "intervals_95": 3.841458820694124}
"""Of q: the quantiles of chi^2 with one degree of freedom at 68.3 % and 95 %."""


class Profile:
    """-2 log L of a workspace, profiled; made and used within `numpy_backend`.

    Args:
        spec: pyhf workspace.
        path: of it, for messages.
        held: parameters that the scans set: factors without a constraint.

    Raises:
        DataError: no workspace, or one that pyhf would not take as it is written; no such
            parameter, or one that a constraint holds or that is of many bins.

    Attributes:
        reasons: why points had no likelihood, in their order.
    """

    def __init__(self, spec: dict[str, Any], path: str, held: list[str]) -> None:
        spec = chosen(spec, None, path)
        check(spec, path, silent_faults, "nothing can be scanned")
        self.model, data = load_model(spec, path)
        config = self.model.config
        for name in held:
            if name not in config.par_map:
                near = did_you_mean(name, config.par_map)
                raise DataError(f"{path}: there is no parameter '{name}'.", near)
            found = config.param_set(name)
            if found.n_parameters != 1 or found.constrained:
                raise DataError(
                    f"{path}: the parameter '{name}' is no free factor of samples.",
                    "Scale the samples by a normfactor of this name.",
                )
        counts = np.asarray(data, float)
        if (
            len(counts) != config.nmaindata + config.nauxdata
            or not (counts[: config.nmaindata] >= 0).all()
        ):
            raise DataError(
                f"{path}: its observations lack bins, have too many, or are no counts.", REMAKE
            )
        self.index = {name: config.par_slice(name).start for name in held}
        self.start = np.array(config.suggested_init(), float)
        bounds = np.array(config.suggested_bounds(), float).T
        fixed = np.array(config.suggested_fixed(), bool)
        fixed[list(self.index.values())] = True
        self.within = Range(bounds[0], bounds[1], fixed)
        self.bins = config.nmaindata
        self.data = counts
        self.reasons: list[str] = []
        self.likelihood: Likelihood | None = None
        try:
            self.likelihood = Likelihood(self.model)
        except UnlikeError as error:
            print(f"{path}: pyhf alone evaluates this model, slowly ({error}).", file=sys.stderr)

    def expected(self, settings: Mapping[str, float]) -> Array:
        """The counts and auxiliary data that are expected at the start, with these parameters."""
        return np.asarray(self.model.expected_data(self._starts([settings])[0].tolist()), float)

    def values(self, points: Sequence[Mapping[str, float]]) -> Array:
        """The least -2 log L at some points, up to a constant; infinite where there is none.

        Args:
            points: what the held parameters are set to; (points,).
        """
        starts = self._starts(points)
        many = len(starts)
        value, parameters = np.full(many, np.inf), starts.copy()
        found = np.zeros(many, bool)
        rows = Rows(
            np.repeat(self.data[None, : self.bins], many, 0),
            np.repeat(self.data[None, self.bins :], many, 0),
        )
        if self.likelihood is not None:
            some = starts[sorted({0, many // 2, many - 1})]
            both = bowed(self.model.config, self.likelihood, some, self.within.fixed)
            best = lowest(self.likelihood, rows, starts, self.within, both)
            value[best.found] = 2 * best.value[best.found]
            parameters, found = best.parameters, best.found
        for row in np.flatnonzero(~found).tolist():
            value[row], parameters[row] = self._minuit(starts[row], points[row])
            if self.likelihood is not None and np.isfinite(value[row]):
                value[row] = 2 * self.likelihood.values(parameters[[row]], rows.chosen([row]))[0]
        for row in range(many):
            if np.isfinite(value[row]) and (lacking := self._impossible(parameters[row])):
                self.reasons.append(f"{lacking} at {_shown(points[row])}")
                value[row] = np.inf
        return value

    def _starts(self, points: Sequence[Mapping[str, float]]) -> Array:
        starts = np.repeat(self.start[None], len(points), 0)
        for row, point in zip(starts, points, strict=True):
            for name, value in point.items():
                row[self.index[name]] = value
        return starts

    def _minuit(self, start: Array, point: Mapping[str, float]) -> tuple[float, Array]:
        """-2 log L of pyhf and the parameters there, where Newton's method does not serve."""
        import pyhf

        bounds = list(zip(self.within.low.tolist(), self.within.high.tolist(), strict=True))
        for index in self.index.values():
            bounds[index] = (min(start[index], 0.0) - 1.0, max(start[index], 0.0) + 1.0)
        if lacking := self._impossible(start):
            self.reasons.append(f"{lacking} at {_shown(point)}")
            return np.inf, start
        if self.within.fixed.all():
            return float(-2 * self.model.logpdf(start.tolist(), self.data)[0]), start
        try:
            found, least = pyhf.infer.mle.fit(
                self.data, self.model, start.tolist(), bounds, self.within.fixed.tolist(),
                return_fitted_val=True,
            )  # fmt: skip
        except (pyhf.exceptions.FailedMinimization, ValueError, ArithmeticError) as error:
            self.reasons.append(f"no fit succeeds at {_shown(point)} ({first_line(error)})")
            return np.inf, start
        return float(least), np.asarray(found, float)

    def _impossible(self, parameters: Array) -> str:
        """Which bin expects fewer events than none, or none where some are seen; or empty."""
        expected = np.asarray(self.model.expected_actualdata(parameters.tolist()), float)
        wrong = ~((expected > 0) | ((expected == 0) & (self.data[: self.bins] == 0)))
        for name, part in self.model.config.channel_slices.items():
            if wrong[part].any():
                place = int(np.argmax(wrong[part]))
                return f"channel '{name}', bin {place} expects {expected[part][place]:.3g} events"
        return ""


def _shown(settings: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:.4g}" for name, value in settings.items())


def scan(values: Array, likelihood: Callable[[Array], Array], name: str, unit: str = "") -> Scan:
    """Minima and intervals of a function along a grid, each found beyond the grid's spacing.

    Args:
        values: the grid, rising; (points,).
        likelihood: -2 log L at (points,) values, up to a constant; infinite where there is none.
        name, unit: of the parameter.
    """
    raw = likelihood(values)
    if not np.isfinite(raw).any():
        return Scan(name=name, unit=unit, values=values, q=[None] * len(values))

    def value(at: float) -> float:
        # Of what has no likelihood, a number that root finders can take.
        return float(min(likelihood(np.array([at]))[0], np.nanmin(raw) + 1e6))

    def above(limit: float, at: float) -> float:
        return value(at) - least - limit

    minima = _minima(values, raw, value)
    least = min(raw.min(), *(low for _, low in minima))
    q = raw - least
    top = THRESHOLDS["intervals_95"]
    kept = sorted(
        (Minimum(at=at, q=low - least) for at, low in minima if low - least <= top),
        key=lambda each: each.q,
    )
    return Scan(
        name=name,
        unit=unit,
        values=values,
        q=[float(each) if np.isfinite(each) else None for each in q],
        minima=tuple(kept),
        **{
            field: _below(values, q, minima, functools.partial(above, limit), limit)
            for field, limit in THRESHOLDS.items()
        },
    )


def _minima(
    values: Array, raw: Array, value: Callable[[float], float]
) -> list[tuple[float, float]]:
    """Local minima of the grid, refined between their neighbours."""
    found = []
    padded = np.concatenate([[np.inf], raw, [np.inf]])
    lowest = np.isfinite(raw) & (padded[1:-1] <= padded[:-2]) & (padded[1:-1] < padded[2:])
    for index in np.flatnonzero(lowest).tolist():
        low, high = values[max(index - 1, 0)], values[min(index + 1, len(values) - 1)]
        best = (float(values[index]), float(raw[index]))
        near = minimize_scalar(
            value, bounds=(low, high), method="bounded", options={"xatol": 1e-4 * (high - low)}
        )
        if np.isfinite(near.fun) and near.fun < best[1]:
            best = (float(near.x), float(near.fun))
        found.append(best)
    return found


def _below(
    values: Array,
    q: Array,
    minima: list[tuple[float, float]],
    above: Callable[[float], float],
    limit: float,
) -> tuple[Interval, ...]:
    """Where q stays at or below a limit.

    Args:
        values, q: the grid.
        minima: places that the grid may have stepped over.
        above: q minus the limit at a value.
        limit: of q.
    """
    places = sorted({*values.tolist(), *(at for at, _ in minima)})
    known = dict(zip(values.tolist(), (q - limit).tolist(), strict=True))
    excess = [known[at] if at in known else above(at) for at in places]

    def edge(left: int, right: int) -> float:
        """Between a place inside and one outside; of a place without likelihood, the inner one."""
        ends = (places[left], places[right])
        if not np.isfinite(excess[left]) or not np.isfinite(excess[right]):
            return ends[0] if np.isfinite(excess[left]) else ends[1]
        return float(brentq(above, *ends, xtol=1e-4 * (places[-1] - places[0]), rtol=1e-6))

    found: list[Interval] = []
    low: float | None = None
    inside = False
    for index, each in enumerate(excess):
        if each <= 0 and not inside:
            inside, low = True, None if index == 0 else edge(index - 1, index)
        elif each > 0 and inside:
            inside = False
            found.append(Interval(low=low, high=edge(index - 1, index)))
    if inside:
        found.append(Interval(low=low, high=None))
    return tuple(found)
