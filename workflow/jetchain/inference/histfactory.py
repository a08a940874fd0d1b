"""Fits of any HistFactory workspace by pyhf and Minuit, whatever its parameter of interest.

Minuit wants numbers of order one and a start near the minimum: the range of the signal strength is
that of the model's own sensitivity, not the one that its authors wrote, and where a fit fails it
starts anew elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.inference.fit import load_model
from jetchain.inference.newton import asymptotic_cls
from jetchain.inference.toys import NoMinimumError

Array = NDArray[np.floating]
REACH = 1e4
"""Largest strength that is tried, in rough upper limits."""
STARTS = (1.0, 0.1, 3.0, 0.01, 10.0)
"""Of the strength, in rough upper limits: where fits that fail start anew."""


class Model:
    """A pyhf model with its data; made and used within `numpy_backend`.

    Attributes:
        model: pyhf's.
        data: counts, then auxiliary data.
        name: of the parameter of interest.
        poi: its index.
        background, signal: (bins,) events expected without signal, and what strength 1 adds.
        unit: a rough upper limit on the strength.
        lowest: strength that a fit allows; below zero where the workspace allows it.
    """

    def __init__(self, spec: dict[str, Any], path: str) -> None:
        self.model, data = load_model(spec, path)
        self.data = np.asarray(data, float)
        config = self.model.config
        self.name, self.poi = str(config.poi_name), int(config.poi_index)
        self.start, self.fixed = list(config.suggested_init()), list(config.suggested_fixed())
        self.fixed[self.poi] = False
        self.background = self._expected(0.0)
        self.signal = self._expected(1.0) - self.background
        counts = self.data[: len(self.background)]
        significance = np.sum(self.signal**2 / (np.maximum(self.background, counts) + 1))
        self.unit = 3 / float(np.sqrt(significance))
        lowest = float(config.suggested_bounds()[self.poi][0])
        adds = self.signal > 0  # below zero, no more than 90 % of a bin's background is taken away
        room = np.min(self.background[adds] / self.signal[adds]) if adds.any() else 0.0
        self.lowest = -min(-min(lowest, 0.0), 0.9 * max(float(room), 0.0))

    def _expected(self, strength: float) -> Array:
        values = list(self.start)
        values[self.poi] = strength
        return np.asarray(self.model.expected_actualdata(values), float)

    def bounds(self, lowest: float, highest: float) -> list[tuple[float, float]]:
        """Of all parameters, with a range for the strength."""
        every = list(self.model.config.suggested_bounds())
        every[self.poi] = (lowest, highest)
        return every

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

    def minimum(
        self, data: Array, strength: float | None = None, near: list[float] | None = None
    ) -> tuple[float, list[float]]:
        """The least -2 log L and the parameters there.

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


@dataclass
class _Fitted:
    """Data, their least -2 log L and best strength, and where their last fit ended."""

    data: Array
    least: float
    best: float
    near: list[float]


class Hypotheses:
    """Asymptotic CLs of q~ at any strength; what does not depend on the strength is fitted once.

    Args:
        model: the model.

    Raises:
        NoMinimumError: a fit fails.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        at_zero, self._null = model.minimum(model.data, 0.0)
        asimov = np.asarray(model.model.expected_data(self._null), float)
        least, best = model.minimum(model.data, near=self._null)
        if at_zero < least:
            least, best = at_zero, self._null
        self.best = best[model.poi]
        self.q0 = max(at_zero - least, 0.0)
        null = model.minimum(asimov, 0.0, self._null)
        self._sets = [
            _Fitted(model.data, least, self.best, best),
            _Fitted(asimov, null[0], 0.0, null[1]),
        ]

    def cls(self, strength: float) -> list[float]:
        """CLs observed, and expected at -2 to 2 sigma."""
        q = np.zeros((2, 1))
        for row, fitted in zip(q, self._sets, strict=True):
            if fitted.best < strength:
                value, fitted.near = self.model.minimum(fitted.data, strength, fitted.near)
                # A free fit that had stopped above its minimum is put right.
                fitted.least = min(fitted.least, value)
                row[0] = value - fitted.least
        return [float(each) for each in asymptotic_cls(q[0], q[1])[0]]
