"""A profile likelihood along a parameter: minima, and the intervals in which it stays low.

The parameter may set several of the model's: an operator's coefficient c sets the factors c and
c^2 of its samples, kappa_c the strengths of H -> cc and H -> bb. Everything else is profiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from jetchain.core.errors import DataError
from jetchain.core.schema.applications import Interval, Minimum, Scan
from jetchain.core.settings import did_you_mean
from jetchain.inference.fit import load_model
from jetchain.inference.toys import NoMinimumError

THRESHOLDS = {"intervals_68": 1.0, "intervals_95": 3.841458820694124}
"""Of q: the quantiles of chi^2 with one degree of freedom at 68.3 % and 95 %."""
FAILURES = (NoMinimumError, ValueError, ArithmeticError, RuntimeError, LookupError)


class Profile:
    """-2 log L of a workspace, profiled; made and used within `numpy_backend`.

    Args:
        spec: pyhf workspace.
        path: of it, for messages.
        held: parameters that the scans set: factors without a constraint.

    Raises:
        DataError: no such parameter, or one that a constraint holds or that is of many bins.
    """

    def __init__(self, spec: dict[str, Any], path: str, held: list[str]) -> None:
        self.model, data = load_model(spec, path)
        self.data = np.asarray(data, float)
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
        self.index = {name: config.par_slice(name).start for name in held}
        self.start = [float(each) for each in config.suggested_init()]
        self.fixed = [
            bool(fixed) or place in self.index.values()
            for place, fixed in enumerate(config.suggested_fixed())
        ]
        self.near = list(self.start)

    def value(self, settings: Mapping[str, float]) -> float:
        """The least -2 log L with these parameters held.

        Raises:
            NoMinimumError: a bin expects fewer events than none, or no start of Minuit succeeds.
        """
        import pyhf

        bounds = list(self.model.config.suggested_bounds())
        for name, value in settings.items():
            bounds[self.index[name]] = (min(value, 0.0) - 1.0, max(value, 0.0) + 1.0)
        starts = []
        for base in (self.near, self.start):
            values = list(base)
            for name, value in settings.items():
                values[self.index[name]] = value
            starts.append(values)
        self._require_possible(starts[1], settings)
        if all(self.fixed):
            return float(-2 * self.model.logpdf(starts[1], self.data)[0])
        for start in starts:
            try:
                found, least = pyhf.infer.mle.fit(
                    self.data, self.model, start, bounds, self.fixed, return_fitted_val=True
                )
            except (pyhf.exceptions.FailedMinimization, ValueError, ArithmeticError):
                continue
            if np.isfinite(least) and np.all(np.isfinite(found)):
                self.near = [float(each) for each in found]
                return float(least)
        raise NoMinimumError(f"no start of Minuit succeeds at {_shown(settings)}")

    def _require_possible(self, values: list[float], settings: Mapping[str, float]) -> None:
        expected = np.asarray(self.model.expected_actualdata(values), float)
        counts = self.data[: len(expected)]
        if not np.all((expected > 0) | ((expected == 0) & (counts == 0))):
            place = int(np.argmin(expected))
            for name, part in self.model.config.channel_slices.items():
                if part.start <= place < part.stop:
                    raise NoMinimumError(
                        f"channel '{name}', bin {place - part.start} expects "
                        f"{expected[place]:.3g} events at {_shown(settings)}"
                    )


def _shown(settings: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:.4g}" for name, value in settings.items())


def scan(
    values: NDArray[np.floating], likelihood: Callable[[float], float], name: str, unit: str = ""
) -> Scan:
    """Minima and intervals of a function along a grid, each found beyond the grid's spacing.

    Args:
        values: the grid, rising; (points,).
        likelihood: -2 log L at a value; `FAILURES` where there is none.
        name, unit: of the parameter.
    """
    failed: list[str] = []

    def value(at: float) -> float:
        try:
            return likelihood(float(at))
        except FAILURES as error:
            failed.append(str(error))
            return np.inf

    raw = np.array([value(at) for at in values])
    if not np.isfinite(raw).any():
        return Scan(
            name=name, unit=unit, values=values, q=[None] * len(values),
            reason=f"no point has a likelihood ({failed[0]})",
        )  # fmt: skip
    minima = _minima(values, raw, value)
    least = min(raw.min(), *(low for _, low in minima))
    q = raw - least
    top = THRESHOLDS["intervals_95"]
    kept = sorted(
        (Minimum(at=at, q=low - least) for at, low in minima if low - least <= top),
        key=lambda each: each.q,
    )
    intervals = {
        # Of what has no likelihood, a number that a root finder can take.
        field: _below(
            values, q, minima, lambda at, limit=limit: min(value(at) - least - limit, 1e6), limit
        )
        for field, limit in THRESHOLDS.items()
    }
    return Scan(
        name=name, unit=unit, values=values, q=[_finite(each) for each in q], minima=tuple(kept),
        **intervals,
        reason=f"points lack ({failed[0]})" if failed else None,
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _minima(
    values: NDArray[np.floating], raw: NDArray[np.floating], value: Callable[[float], float]
) -> list[tuple[float, float]]:
    """Local minima of the grid, refined between their neighbours."""
    found = []
    padded = np.concatenate([[np.inf], raw, [np.inf]])
    for index in np.flatnonzero(
        np.isfinite(raw) & (padded[1:-1] <= padded[:-2]) & (padded[1:-1] < padded[2:])
    ):
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
    values: NDArray[np.floating],
    q: NDArray[np.floating],
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
