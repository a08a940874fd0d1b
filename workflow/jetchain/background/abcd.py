"""The ABCD method: two independent cuts predict the background that passes both, A = B C / D.

A passes both cuts, B only the first, C only the second, D neither.

Reference: arXiv 2007.14400, section II.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError

Array = NDArray[np.float64]

# Cuts that choose_cuts tries: from a loose one to one that keeps 5 % of the background.
LADDER = np.linspace(0.3, 0.95, 14)


@dataclass(frozen=True)
class Counts:
    """Events of the four regions."""

    a: float
    b: float
    c: float
    d: float

    @property
    def prediction(self) -> float:
        """B C / D.

        Raises:
            EmptySampleError: D is empty.
        """
        if self.d == 0:
            raise EmptySampleError(
                "Region D of the ABCD method is empty.",
                "Generate more background, or loosen background.disco.efficiency.",
            )
        return self.b * self.c / self.d

    @property
    def prediction_error(self) -> float:
        """Statistical error of the prediction; an empty B or C counts as one event in it."""
        b, c = max(self.b, 1.0), max(self.c, 1.0)
        return b * c / max(self.d, 1.0) * np.sqrt(1 / b + 1 / c + 1 / max(self.d, 1.0))

    @property
    def pull(self) -> float:
        """(A - B C / D) / sqrt(A + error^2), the closure in standard deviations."""
        return (self.a - self.prediction) / np.sqrt(max(self.a, 1.0) + self.prediction_error**2)

    @property
    def closure(self) -> float:
        """Predicted over observed, 1 for independent cuts; infinite if A is empty."""
        return self.prediction / self.a if self.a else float("inf")


def count(plane: Array, cuts: tuple[float, float], chosen: NDArray[np.bool_]) -> Counts:
    """Count the chosen events of a plane in the four regions.

    Args:
        plane: (events, 2) both scores.
        cuts: on the first and the second.
        chosen: (events,) which events to count.
    """
    first, second = plane[chosen, 0] >= cuts[0], plane[chosen, 1] >= cuts[1]
    return Counts(
        float(np.sum(first & second)),
        float(np.sum(first & ~second)),
        float(np.sum(~first & second)),
        float(np.sum(~first & ~second)),
    )


def choose_cuts(plane: Array, signal: Array, efficiency: float) -> tuple[float, float]:
    """The pair of cuts that keeps most signal at a given background efficiency of region A.

    The two outputs need not be equally strong, so the cuts need not be equal. Along a ladder of
    cuts on the second rank, the first cut is the one that keeps the fraction wanted.

    Args:
        plane: (events, 2) ranks in [0, 1] of background-like events.
        signal: (events, 2) ranks of simulated signal.
        efficiency: fraction of `plane` in region A.
    """
    best, cuts = -1.0, (0.0, 0.0)
    for second in LADDER:
        above = np.sort(plane[plane[:, 1] >= second, 0])
        wanted = max(round(efficiency * len(plane)), 1)
        if len(above) < 2 * wanted:  # keep the first cut a cut: half of the events at most
            continue
        first = float(above[-wanted])
        kept = float(np.mean((signal[:, 0] >= first) & (signal[:, 1] >= second)))
        if kept > best:
            best, cuts = kept, (first, float(second))
    if best < 0:
        raise EmptySampleError(
            f"No pair of cuts leaves the fraction {efficiency:g} of {len(plane)} sideband events "
            "in region A.",
            "Lower background.disco.efficiency, or generate more background.",
        )
    return cuts


def contamination(signal: Counts, background: Counts) -> float:
    """Normalised signal contamination r = (d_B + d_C - d_D) / d_A, d = signal over background.

    The signal in the control regions raises the prediction by the share r of the signal strength
    in A; well below 1 is needed. arXiv 2007.14400, eq. 2.6.
    """
    ratios = {name: getattr(signal, name) / max(getattr(background, name), 1.0) for name in "abcd"}
    return (ratios["b"] + ratios["c"] - ratios["d"]) / ratios["a"] if ratios["a"] else float("inf")
