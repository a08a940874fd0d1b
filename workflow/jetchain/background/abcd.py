"""The ABCD method: two independent cuts predict the background that passes both, A = B C / D.

A passes both cuts, B only the first, C only the second, D neither. What the prediction lacks in the
sidebands corrects the one in the signal region: b = kappa B C / D, with kappa = A D / (B C) of the
sidebands. All eight counts may hold signal; `Correction.response` says what it does to b.

Reference: arXiv 2007.14400, section II.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jetchain.background.settings import AbcdJob
from jetchain.background.yields import make_yields
from jetchain.core.dijets import Array, Table, inside, read_scores, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.anomaly import DIJETS
from jetchain.core.schema.background import AbcdEstimate, Normalisation
from jetchain.core.verbs import Input, Output

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
                "Generate more background, or loosen background.abcd.efficiency.",
            )
        return self.b * self.c / self.d

    @property
    def prediction_error(self) -> float:
        """Statistical error of the prediction; an empty region counts as one event in it."""
        _, b, c, d = self.filled
        return b * c / d * np.sqrt(1 / b + 1 / c + 1 / d)

    @property
    def filled(self) -> tuple[float, float, float, float]:
        """The counts of A to D; an empty region counts as one event."""
        return max(self.a, 1.0), max(self.b, 1.0), max(self.c, 1.0), max(self.d, 1.0)

    @property
    def kappa(self) -> float:
        """A D / (B C), 1 for independent cuts; an empty region counts as one event."""
        a, b, c, d = self.filled
        return a * d / (b * c)

    @property
    def pull(self) -> float:
        """(A - B C / D) / sqrt(A + error^2), the closure in standard deviations."""
        return (self.a - self.prediction) / np.sqrt(max(self.a, 1.0) + self.prediction_error**2)

    @property
    def closure(self) -> float:
        """Predicted over observed, 1 for independent cuts; infinite if A is empty."""
        return self.prediction / self.a if self.a else float("inf")


@dataclass(frozen=True)
class Correction:
    """What B C / D lacks in the sidebands, and how far that holds elsewhere.

    Attributes:
        cuts: on the first and the second rank.
        sidebands, below, above: counts of the data in both sidebands, and in each of them.
    """

    cuts: tuple[float, float]
    sidebands: Counts
    below: Counts
    above: Counts

    @property
    def uncertainty(self) -> float:
        """Relative: statistical, and how far kappa on either side is from kappa of both."""
        statistical = sum(1 / count for count in self.sidebands.filled)
        kappa = self.sidebands.kappa
        spread = max(abs(side.kappa / kappa - 1) for side in (self.below, self.above))
        return float(np.sqrt(statistical + spread**2))

    def estimate(self, found: Counts) -> tuple[float, float]:
        """Background in A from the counts of the same region of the mass, and its uncertainty.

        Raises:
            EmptySampleError: B, C or D is empty.
        """
        if found.prediction == 0:
            raise EmptySampleError(
                "Region B or C of the ABCD method is empty in the signal region.",
                "Generate more background, or raise background.abcd.efficiency.",
            )
        background = self.sidebands.kappa * found.prediction
        return background, background * float(
            np.hypot(self.uncertainty, found.prediction_error / found.prediction)
        )

    def response(
        self, found: Counts, plane: Array, in_region: NDArray[np.bool_], side: NDArray[np.bool_]
    ) -> Array:
        """By how much one more event raises the estimate, to first order, (events,).

        Args:
            found: counts of the signal region that the estimate is made from.
            plane: (events, 2) ranks of the events.
            in_region, side: (events,) which lie in the signal region, and in the sidebands.
        """
        background, _ = self.estimate(found)
        region = 2 * (plane[:, 0] < self.cuts[0]) + (plane[:, 1] < self.cuts[1])
        in_prediction = np.array([0.0, 1.0, 1.0, -1.0]) / found.filled
        in_kappa = np.array([1.0, -1.0, -1.0, 1.0]) / self.sidebands.filled
        return background * (in_region * in_prediction[region] + side * in_kappa[region])


def correction(
    plane: Array, cuts: tuple[float, float], m_jj: Array, signal_region: Sequence[float],
    mass_range: Sequence[float],
) -> Correction:  # fmt: skip
    """Count the sidebands of the data: ranks (events, 2) and masses (events,)."""
    below = inside(m_jj, (mass_range[0], signal_region[0]))
    above = inside(m_jj, (signal_region[1], mass_range[1]))
    return Correction(cuts, *(count(plane, cuts, each) for each in (below | above, below, above)))


def to_choose(table: Table) -> NDArray[np.bool_]:
    """Every second event (events,) of each fold: on these the cuts are chosen.

    The efficiency is measured on the others. Both have events of all networks.
    """
    chosen = np.zeros(len(table["fold"]), dtype=bool)
    for fold in np.unique(table["fold"]):
        chosen[np.flatnonzero(table["fold"] == fold)[::2]] = True
    return chosen


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
    """The pair of cuts with most net signal at a given background efficiency of region A.

    Net is the signal in A less what that in B to D adds to the prediction. The two outputs need not
    be equally strong, so the cuts need not be equal. Along a ladder of cuts on the second rank, the
    first cut is the one that keeps the fraction wanted.

    Args:
        plane: (events, 2) ranks in [0, 1] of background-like events.
        signal: (events, 2) ranks of simulated signal.
        efficiency: fraction of `plane` in region A.
    """
    if len(signal) == 0 or len(plane) == 0:
        raise EmptySampleError(
            f"{len(plane)} sideband events and {len(signal)} of simulated signal in the signal "
            "region: the ABCD method has nothing to choose its cuts on.",
            "Generate more background and signal, or move anomaly.signal_region to the signal.",
        )
    best, cuts = -np.inf, (0.0, 0.0)
    for second in LADDER:
        above = np.sort(plane[plane[:, 1] >= second, 0])
        wanted = max(round(efficiency * len(plane)), 1)
        if len(above) < 2 * wanted:  # keep the first cut a cut: half of the events at most
            continue
        first = float(above[-wanted])
        pair = (first, float(second))
        found = count(signal, pair, np.ones(len(signal), dtype=bool))
        background = count(plane, pair, np.ones(len(plane), dtype=bool))
        _, b, c, d = background.filled
        net = found.a - background.a * (found.b / b + found.c / c - found.d / d)
        if net > best:
            best, cuts = net, pair
    if np.isinf(best):
        raise EmptySampleError(
            f"No pair of cuts leaves the fraction {efficiency:g} of {len(plane)} sideband events "
            "in region A.",
            "Lower background.abcd.efficiency, or generate more background.",
        )
    return cuts


def contamination(signal: Counts, background: Counts) -> float:
    """Normalised signal contamination r = (d_B + d_C - d_D) / d_A, d = signal over background.

    The signal in the control regions raises the prediction by the share r of the signal strength
    in A; well below 1 is needed. arXiv 2007.14400, eq. 2.6.
    """
    ratios = {name: getattr(signal, name) / max(getattr(background, name), 1.0) for name in "abcd"}
    return (ratios["b"] + ratios["c"] - ratios["d"]) / ratios["a"] if ratios["a"] else float("inf")


def predict(
    *,
    data: Input,
    signal_test: Input,
    planes: Input,
    signal_planes: Input,
    normalisation: Input,
    yields: Output,
    method: str,
    settings: AbcdJob,
) -> None:
    """Estimate the background in region A of the signal region from the data.

    The cuts keep a fixed fraction of the sidebands of the data, and most of the simulated signal
    for that, judged by half of its events; the other half gives the yield. In the sidebands the
    same cuts predict a region A that can be looked at: what the prediction lacks there corrects the
    one in the signal region. As with a fit of the sidebands, the
    signal yield is net of what the estimate takes from the signal.
    """
    table, signal = (read_tensors(path, DIJETS) for path in (data, signal_test))
    plane, signal_plane = read_scores(planes, table), read_scores(signal_planes, signal)
    side = sidebands(table["m_jj"], settings.signal_region, settings.mass_range)
    in_region = inside(signal["m_jj"], settings.signal_region)
    first = to_choose(signal)
    cuts = choose_cuts(plane[side], signal_plane[in_region & first], settings.efficiency)
    found = count(plane, cuts, inside(table["m_jj"], settings.signal_region))
    kappa = correction(plane, cuts, table["m_jj"], settings.signal_region, settings.mass_range)
    signal_side = sidebands(signal["m_jj"], settings.signal_region, settings.mass_range)
    in_bin = in_region & (signal_plane >= cuts).all(axis=1)
    absorbed = kappa.response(found, signal_plane, in_region, signal_side)
    result = make_yields(
        method,
        found.a,
        kappa.estimate(found),
        (in_bin[~first], absorbed[~first]),
        read_result(normalisation, Normalisation),
        settings.signal_region,
        "poisson",
        AbcdEstimate(
            cuts=cuts,
            uncorrected=found.prediction,
            kappa=kappa.sidebands.kappa,
            kappa_below=kappa.below.kappa,
            kappa_above=kappa.above.kappa,
            kappa_relative_uncertainty=kappa.uncertainty,
        ),
    )
    write_result(yields, result)
