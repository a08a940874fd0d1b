"""The ABCD method: two independent cuts predict the background that passes both, A = B C / D.

A passes both cuts, B only the first, C only the second, D neither. What the prediction lacks in the
sidebands corrects the one in the signal region: b = kappa B C / D. Kappa = A D / (B C) depends on
the mass, and is interpolated from slices of the sidebands. Signal may be in all regions: the
inference room fits it in A to D at once, and `Correction.response` says what it does to kappa.

Reference: arXiv 2007.14400, section II.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from jetchain.background.settings import AbcdJob
from jetchain.background.yields import abcd_yields
from jetchain.core.dijets import Array, Table, inside, read_dijets, read_scores, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.background import AbcdEstimate, Normalisation
from jetchain.core.verbs import Input, Output

# Cuts that choose_cuts tries: from a loose one to one that keeps 5 % of the background.
LADDER = np.linspace(0.3, 0.95, 14)
SLICES = 2
"""Of either sideband: the least that shows whether kappa is a line in the mass."""


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
    def all(self) -> tuple[float, float, float, float]:
        """Of A to D."""
        return self.a, self.b, self.c, self.d

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
    def variance(self) -> float:
        """Of log kappa."""
        return sum(1 / count for count in self.filled)

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
    """Kappa against the mass: a line in log kappa through slices of the sidebands.

    Attributes:
        cuts: on the first and the second rank.
        slices: [low, high) of each, TeV.
        masses: (slices,) mean mass of the data in each, TeV.
        counts: of the data in each.
    """

    cuts: tuple[float, float]
    slices: tuple[tuple[float, float], ...]
    masses: Array
    counts: tuple[Counts, ...]

    @property
    def variances(self) -> Array:
        """(slices,) of log kappa."""
        return np.array([each.variance for each in self.counts])

    @property
    def logs(self) -> Array:
        """(slices,) log kappa."""
        return np.log([each.kappa for each in self.counts])

    def shares(self, mass: float) -> Array:
        """The weights (slices,) of the slices' log kappa in that of the line at a mass."""
        line = np.stack([np.ones_like(self.masses), self.masses - mass], axis=1)
        weighted = line / self.variances[:, None]
        return np.asarray(np.linalg.solve(line.T @ weighted, weighted.T)[0])

    @property
    def slope(self) -> float:
        """Of log kappa, 1/TeV."""
        return float((self.shares(1.0) - self.shares(0.0)) @ self.logs)

    @property
    def chi2(self) -> float:
        """Of the slices about the line; it has `ndf` degrees of freedom."""
        expected = np.array([self.shares(mass) @ self.logs for mass in self.masses])
        return float(np.sum((self.logs - expected) ** 2 / self.variances))

    @property
    def ndf(self) -> int:
        return len(self.counts) - 2

    def kappa(self, mass: float) -> tuple[float, float]:
        """Kappa at a mass in TeV, and its relative uncertainty.

        Where the slices scatter about the line by more than their statistical errors, these are
        scaled to the scatter: what kappa does there it may do in the signal region.
        """
        shares = self.shares(mass)
        scatter = max(1.0, self.chi2 / self.ndf)
        return (
            float(np.exp(shares @ self.logs)),
            float(np.sqrt(scatter * np.sum(shares**2 * self.variances))),
        )

    def estimate(self, found: Counts, mass: float) -> tuple[float, float]:
        """Background in A from the counts of the other regions, and its uncertainty.

        Args:
            found: of the same slice of the mass.
            mass: mean in the slice, TeV.

        Raises:
            EmptySampleError: B, C or D is empty.
        """
        if found.prediction == 0:
            raise EmptySampleError(
                "Region B or C of the ABCD method is empty in the signal region.",
                "Generate more background, or raise background.abcd.efficiency.",
            )
        kappa, uncertainty = self.kappa(mass)
        background = kappa * found.prediction
        return background, background * float(
            np.hypot(uncertainty, found.prediction_error / found.prediction)
        )

    def response(self, plane: Array, m_jj: Array, mass: float) -> Array:
        """By how much one more event raises log kappa at a mass, to first order, (events,).

        Args:
            plane: (events, 2) ranks of the events.
            m_jj: (events,) their masses, TeV.
            mass: where kappa is wanted, TeV.
        """
        region = region_of(plane, self.cuts)
        result = np.zeros(len(m_jj))
        for share, between, counts in zip(self.shares(mass), self.slices, self.counts, strict=True):
            per_event = np.array([1.0, -1.0, -1.0, 1.0]) / counts.filled
            result += share * inside(m_jj, between) * per_event[region]
        return result


def region_of(plane: Array, cuts: tuple[float, float]) -> NDArray[np.int64]:
    """0 to 3 (events,) for the regions A to D, of ranks (events, 2)."""
    return 2 * (plane[:, 0] < cuts[0]) + (plane[:, 1] < cuts[1])


def correction(
    plane: Array, cuts: tuple[float, float], m_jj: Array, signal_region: Sequence[float],
    mass_range: Sequence[float],
) -> Correction:  # fmt: skip
    """Count the sidebands of the data: ranks (events, 2) and masses (events,), TeV.

    Either sideband is cut into slices of as many events each.

    Raises:
        EmptySampleError: a sideband holds no event in each slice.
    """
    slices = []
    for low, high in ((mass_range[0], signal_region[0]), (signal_region[1], mass_range[1])):
        own = m_jj[inside(m_jj, (low, high))]
        if len(own) < SLICES:
            raise EmptySampleError(
                f"{len(own)} events between {low:g} and {high:g} TeV are too few for kappa.",
                "Generate more background, or widen background.sideband.spectrum.mass_range.",
            )
        edges = [low, *np.quantile(own, np.arange(1, SLICES) / SLICES), high]
        slices += [(float(a), float(b)) for a, b in pairwise(edges)]
    chosen = [inside(m_jj, each) for each in slices]
    if not all(each.any() for each in chosen):
        raise EmptySampleError(
            "The masses of a sideband are too alike to be cut into slices with events for kappa.",
            "Generate more background, or widen background.sideband.spectrum.mass_range.",
        )
    return Correction(
        cuts,
        tuple(slices),
        np.array([m_jj[each].mean() for each in chosen]),
        tuple(count(plane, cuts, each) for each in chosen),
    )


def to_choose(table: Table) -> NDArray[np.bool_]:
    """Every second event (events,) of each fold: on these the cuts are chosen.

    The efficiency is measured on the others. Both have events of all networks.
    """
    chosen = np.zeros(len(table["fold"]), dtype=bool)
    for fold in np.unique(table["fold"]):
        chosen[np.flatnonzero(table["fold"] == fold)[::2]] = True
    return chosen


def count(plane: Array, cuts: tuple[float, float], chosen: NDArray[np.bool_] | slice) -> Counts:
    """Count the chosen events of a plane in the four regions.

    Args:
        plane: (events, 2) both scores.
        cuts: on the first and the second.
        chosen: which events to count, a mask (events,) or a slice.
    """
    a, b, c, d = np.bincount(region_of(plane[chosen], cuts), minlength=4).tolist()
    return Counts(float(a), float(b), float(c), float(d))


def choose_cuts(plane: Array, signal: Array, efficiency: float) -> tuple[float, float]:
    """The pair of cuts with most net signal over its error at a given background efficiency of A.

    Net is the signal in A less what that in B to D adds to the prediction; the error is that of A
    and of the prediction. The two outputs need not be equally strong, so the cuts need not be
    equal. Along a ladder of cuts on the second rank, the first cut is the one that keeps the
    fraction wanted.

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
        # As a share of the events in A the error does not depend on how many there are.
        merit = net / np.sqrt(1 + background.a * (1 / b + 1 / c + 1 / d))
        if merit > best:
            best, cuts = merit, pair
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
    """Count the four regions in the signal region, and find kappa there from the sidebands.

    The cuts keep a fixed fraction of the sidebands of the data, and most of the simulated signal
    for that, judged by half of its events; the other half gives the signal in each region. Signal
    in the sidebands moves kappa: to first order by the share that is taken off the signal in A.
    """
    table, signal = (read_dijets(path) for path in (data, signal_test))
    plane, signal_plane = read_scores(planes, table), read_scores(signal_planes, signal)
    side = sidebands(table["m_jj"], settings.signal_region, settings.mass_range)
    region = inside(table["m_jj"], settings.signal_region)
    in_region = inside(signal["m_jj"], settings.signal_region)
    first = to_choose(signal)
    cuts = choose_cuts(plane[side], signal_plane[in_region & first], settings.efficiency)
    found = count(plane, cuts, region)
    kappa = correction(plane, cuts, table["m_jj"], settings.signal_region, settings.mass_range)
    mass = float(table["m_jj"][region].mean())
    background = kappa.estimate(found, mass)
    rest, own = signal_plane[~first], in_region[~first]
    regions = region_of(rest, cuts)
    taken = background[0] * kappa.response(rest, signal["m_jj"][~first], mass)
    value, uncertainty = kappa.kappa(mass)
    result = abcd_yields(
        method,
        np.array(found.all),
        background,
        (np.stack([own & (regions == each) for each in range(4)], axis=1), taken),
        read_result(normalisation, Normalisation),
        settings.signal_region,
        AbcdEstimate(
            cuts=cuts,
            uncorrected=found.prediction,
            kappa=value,
            kappa_relative_uncertainty=uncertainty,
            kappa_slope=kappa.slope,
            kappa_chi2=kappa.chi2,
            kappa_ndf=kappa.ndf,
        ),
    )
    write_result(yields, result)
