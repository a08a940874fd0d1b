"""The three kinds of physics quantity that a run is compared by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Exact:
    """What does not depend on chance, nor on the processor's last bits.

    Attributes:
        value: what it is.
        reason: why it may not move.
        tolerance: relative, for what an iteration ends with.
    """

    value: str | float | bool
    reason: str = "it does not depend on chance"
    tolerance: float = 0.0


@dataclass(frozen=True)
class Number:
    """A number that depends on chance.

    Attributes:
        value: what it is.
        error: its standard error; None where nobody knows it, or where what is quoted leaves out
            most of what makes it move, as with the result of a training.
        entries: how many independent entries the error was estimated from; None for many.
        unit: of the value.
        reason: why this test suits it.
        floor: share of the value that its spread from seed to seed is taken for at least: some
            seeds do not show that a number never moves.
    """

    value: float
    error: float | None = None
    entries: int | None = None
    unit: str = ""
    reason: str = "its error is stated"
    floor: float = 0.02


@dataclass(frozen=True)
class Histogram:
    """Sums of weights in bins.

    Attributes:
        values: (bins,) sums of weights; with `edges`, underflow comes first and overflow last.
        variances: (bins,) sums of squared weights.
        edges: (bins - 1,) edges; none for categories.
        categories: names of the bins, neighbours next to each other; none for bins of an axis.
        label: what the axis shows, with its unit.
        reason: why this test suits it.
    """

    values: Array
    variances: Array
    edges: Array = field(default_factory=lambda: np.zeros(0))
    categories: tuple[str, ...] = ()
    label: str = ""
    reason: str = "entries fluctuate as a Poisson process"

    @property
    def effective(self) -> float:
        """The number of unweighted entries that would be known as well."""
        squares = float(self.variances.sum())
        return float(self.values.sum()) ** 2 / squares if squares > 0 else 0.0


Quantity = Exact | Number | Histogram
Quantities = dict[str, Quantity]
