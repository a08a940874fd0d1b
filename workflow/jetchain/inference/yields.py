"""The yields of a search: what the background room writes, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result
from jetchain.core.schema.background import BackgroundShape, Search
from jetchain.inference.systematics import Systematic, effect

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Shape:
    """A background whose norms are fitted with the signal.

    Attributes:
        templates: (components, bins) events at norm 1.
        norms: (components,) fitted.
        spurious: (bins,) events of the signal's shape that the background may make up.
        signal_relative: relative uncertainty of the signal in all bins together.
        refusal: why no result can be had with this background; empty if it can.
    """

    templates: Array
    norms: Array
    spurious: Array
    signal_relative: float
    refusal: str = ""


@dataclass(frozen=True)
class Yields:
    """The counts of one search.

    Attributes:
        method: its name.
        names: of the bins.
        observed: (bins,) events.
        background, background_uncertainty: (bins,) expected events and absolute uncertainty.
        signal, signal_uncertainty: (bins,) events expected for the reference cross-section, net of
            what the background estimate takes from them. Below zero only without sensitivity.
        luminosity: 1/fb.
        cross_section: reference cross-section of the signal in fb, where mu = 1.
        constraint: of the background: a key of `CONSTRAINTS`; "free" with a shape; "abcd" where
            the first of four bins has the background kappa b_B b_C / b_D.
        shape: the background's templates, where it is free.
        kappa_relative: uncertainty of kappa.
        kappa_scatter: by what its variance exceeds that of the sidebands' counts, 1 or more.
        systematics: of the signal.
        statistics: (bins,) relative error of the signal by the statistics of its simulation, a
            parameter for each bin where it is not 0; None if `signal_uncertainty` holds it.
        regions: (bins,) the channels of a spectrum; empty if it is one.
    """

    method: str
    names: tuple[str, ...]
    observed: Array
    background: Array
    background_uncertainty: Array
    signal: Array
    signal_uncertainty: Array
    luminosity: float
    cross_section: float
    constraint: str
    shape: Shape | None = None
    kappa_relative: float = 0.0
    kappa_scatter: float = 1.0
    systematics: tuple[Systematic, ...] = ()
    statistics: Array | None = None
    regions: tuple[str, ...] = ()

    @property
    def counted(self) -> slice:
        """The bins that are searched: A of the ABCD method, all of others."""
        return slice(0, 1) if self.constraint == "abcd" else slice(None)

    @property
    def net_signal(self) -> float:
        """Events of signal that show as an excess over the background, to first order."""
        return float((_in_excess(self.constraint, self.background) * self.signal).sum())

    @property
    def refusal(self) -> str:
        """Why no limit is set: the background, or a signal that is hardly known; or empty."""
        if self.shape is not None and self.shape.refusal:
            return self.shape.refusal
        relative = self.signal_relative
        if relative > MOST_UNCERTAIN:
            return (
                f"the net signal efficiency is uncertain by {100 * relative:.0f} %, more than half"
            )
        return ""

    @property
    def signal_relative(self) -> float:
        """Relative uncertainty of the signal in all bins together, of a sensitive search."""
        if self.shape is not None:
            own = 0.0 if self.statistics is None else self.statistics
            counted = float(np.sqrt(np.sum((own * self.signal) ** 2))) / self.net_signal
            norms = [float(np.expm1(abs(each.norm[0]))) for each in self.systematics]
            return math.hypot(self.shape.signal_relative, counted, *norms)
        errors = _in_excess(self.constraint, self.background) * self.signal_uncertainty
        return float(np.sqrt(np.sum(errors**2))) / self.net_signal

    @property
    def low_counts(self) -> bool:
        """Whether the bins of the signal's peak expect so few events that toys are called for."""
        signal = self.signal[self.counted]
        peak = signal >= 0.5 * signal.max()
        return float(self.background[self.counted][peak].sum()) < FEW_EVENTS

    @property
    def sensitive(self) -> bool:
        """Whether signal shows anywhere; if not, no signal strength can be fitted or limited."""
        return _sensitive(self.constraint, self.background, self.signal)


def _in_excess(constraint: str, background: Array) -> Array:
    """By how much one event in each bin (bins,) raises the excess over the background.

    In B and C an event raises the ABCD method's b_A, in D it lowers it.
    """
    if constraint != "abcd":
        return np.ones(len(background))
    a, b, c, d = background
    return np.array([1.0, -a / b, -a / c, a / d])


def _sensitive(constraint: str, background: Array, signal: Array) -> bool:
    if constraint == "abcd":
        return bool(signal[0] > 0 and (_in_excess(constraint, background) * signal).sum() > 0)
    return bool(np.any(signal > 0))


# By which modifier of HistFactory the background is constrained: poisson if it was counted in a
# control region, gaussian if it came from a fit.
CONSTRAINTS = {"poisson": "shapesys", "gaussian": "staterror"}
ABCD_RATIOS = ((1, 1), (1, 0), (0, 1), (0, 0))
"""Which ratios scale the background of A, B, C and D: b_B / b_D and b_C / b_D."""
TAKEN = {"mu", "luminosity", "signal_efficiency", "spurious_signal", "kappa"}
"""Names of parameters that a variation may not have."""
NO_SIGNAL = "no sensitivity: the net signal yield is not positive in any bin"
MOST_UNCERTAIN = 0.5
"""Relative, of the signal: beyond, no limit is set."""
FEW_EVENTS = 200.0
"""Of background under a peak: below, toys stand beside the asymptotic formulae. With four free
norms the asymptotic tail of q~ of 5 % holds 4 to 6 % of the toys from 150 events on, 5 to 8 % at
100, and 8 to 11 % at 25 and 50."""
LARGEST = 1e15
"""Of all events: larger counts are not exact as floating-point numbers."""
COLUMNS = ("observed", "background", "background_uncertainty", "signal", "signal_uncertainty")


def read_yields(path: Path) -> Yields:
    """Read and check the yields of a search.

    A search without net signal in any bin is no error: see `Yields.sensitive`.

    Raises:
        DataError: the file is not of its form, or a value is not finite or outside its range: no
            background, a negative count, a negative signal in one bin beside a positive one in
            another.
    """
    found = read_result(path, Search)
    names = tuple(each.name for each in found.bins)
    columns = {
        column: np.array([float(getattr(each, column)) for each in found.bins])
        for column in COLUMNS
    }
    complaints = _complaints(names, columns, found.constraint) + _of_signal(found)
    complaints += [
        f"{name} is {value:g}, but must be positive"
        for name, value in (
            ("luminosity_fb", found.luminosity_fb),
            ("reference_cross_section_fb", found.reference_cross_section_fb),
        )
        if not 0 < value < math.inf
    ]
    if (found.constraint == "free") != (found.shape is not None):
        complaints.append("the background is free exactly where there is a shape of it")
    if (found.constraint == "abcd") != (found.abcd is not None):
        complaints.append("the background is that of ABCD exactly where it tells of kappa")
    if complaints:
        raise _refusal(path, "; ".join(complaints))
    arrays: dict[str, Any] = columns | _uncertainties(found, columns["signal"])
    return Yields(
        method=found.method,
        names=names,
        **arrays,
        luminosity=found.luminosity_fb,
        cross_section=found.reference_cross_section_fb,
        constraint=found.constraint,
        shape=None if found.shape is None else _shape(path, found.shape, columns),
        kappa_relative=0.0 if found.abcd is None else found.abcd.kappa_relative_uncertainty,
        kappa_scatter=1.0
        if found.abcd is None
        else max(1.0, found.abcd.kappa_chi2 / max(found.abcd.kappa_ndf, 1)),
    )


def _of_signal(found: Search) -> list[str]:
    """What is wrong with the uncertainties of the signal."""
    complaints = []
    bins, names = len(found.bins), [each.systematic for each in found.variations]
    for name in sorted({name for name in names if names.count(name) > 1}):
        complaints.append(f"the variation '{name}' is there twice")
    for name in sorted({*names} & TAKEN):
        complaints.append(f"the variation '{name}' has the name of another parameter")
    lists: dict[str, Sequence[float] | None] = {"signal_statistics": found.signal_statistics}
    for each in found.variations:
        ends = {"nominal": each.nominal, "up": each.up, "down": each.down}
        lists |= {f"variation '{each.systematic}', {end}": row for end, row in ends.items()}
        if each.up is None and each.down is None:
            complaints.append(f"the variation '{each.systematic}' has neither up nor down")
    for what, row in lists.items():
        if row is not None and len(row) != bins:
            complaints.append(f"{what}: {len(row)} bins, but the search has {bins}")
        for index, value in enumerate(row or ()):
            if not math.isfinite(value) or abs(value) > LARGEST:
                complaints.append(f"{what}: bin {index} is {value:g}")
            elif value < 0 and what == "signal_statistics":
                complaints.append(f"{what}: bin {index} is negative, {value:g}")
    if found.regions is not None and len(found.regions) != bins:
        complaints.append(f"regions: {len(found.regions)} bins, but the search has {bins}")
    if found.shape is None and (found.regions or found.signal_statistics):
        complaints.append("regions and signal_statistics are of a background with a shape alone")
    return complaints


def _uncertainties(found: Search, signal: Array) -> dict[str, Any]:
    """The uncertainties of the signal, by the fields of `Yields`."""
    of_channel = found.shape is not None
    effects = [effect(each, of_channel=of_channel) for each in found.variations]
    statistics = None
    if found.signal_statistics is not None:
        error = np.array(found.signal_statistics, float)
        statistics = np.divide(error, signal, out=np.zeros(len(signal)), where=signal > 0)
    return {
        "systematics": tuple(each for each in effects if each is not None),
        "statistics": statistics,
        "regions": tuple(found.regions or ()),
    }


def _shape(path: Path, found: BackgroundShape, columns: dict[str, Array]) -> Shape:
    """Check the templates and take them over."""
    templates, norms = np.array(found.templates, float), np.array(found.norms, float)
    if templates.shape != (len(norms), len(columns["signal"])):
        raise _refusal(path, "its templates do not have the bins of the spectrum")
    if not (np.isfinite(templates).all() and np.isfinite(norms).all()):
        raise _refusal(path, "a template or norm of the background is not finite")
    if (templates < 0).any() or (templates.sum(0) <= 0).any() or (norms < 0).any():
        raise _refusal(path, "a template or norm of the background is negative, or a bin is empty")
    return Shape(
        templates,
        norms,
        found.spurious_mu * columns["signal"],
        found.signal_relative_uncertainty,
        ""
        if found.accepted
        else f"no model of the background describes the data: p = {found.p_value:.2g}",
    )


def _complaints(names: tuple[str, ...], columns: dict[str, Array], constraint: str) -> list[str]:
    if not names:
        return ["there is no bin"]
    if constraint == "abcd" and len(names) != 4:
        return ["the ABCD method has four bins, A to D"]
    found = []
    with np.errstate(divide="ignore", invalid="ignore"):  # an empty background is refused below
        sensitive = _sensitive(constraint, columns["background"], columns["signal"])
    if len(set(names)) != len(names):
        found.append("two bins have the same name")
    for index, name in enumerate(names):
        for column in COLUMNS:
            value = columns[column][index]
            negative = value < 0 and (sensitive or column != "signal")
            if not math.isfinite(value) or negative:
                found.append(f"bin '{name}': {column} is {value:g}")
            elif abs(value) > LARGEST:
                found.append(f"bin '{name}': {column} is {value:g}, above {LARGEST:g}")
        if columns["background"][index] == 0:
            found.append(f"bin '{name}': the expected background is zero")
    return found


def _refusal(path: Path, what: str) -> DataError:
    return DataError(
        f"{path}: no limit can be set with these yields: {what}.",
        "Check the cut of the search: it must leave an expected background above zero in every "
        "bin. Loosen background.sideband.efficiency or background.abcd.efficiency, or generate "
        "more events.",
    )
