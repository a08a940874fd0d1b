"""Histograms and numbers of all jets: mass peaks, substructure, response."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import write_result
from jetchain.core.schema.jets import (
    JET_CLASSES,
    PEAK_MASSES,
    JetPeak,
    JetResponse,
    JetSummary,
)
from jetchain.core.verbs import Inputs, Output
from jetchain.jets.pairs import LEVELS, MINIMUM_MASS, Columns, match, read_jets, spread
from jetchain.jets.peaks import fit_peak
from jetchain.jets.settings import SummarySettings

Array = NDArray[np.floating]

ALL = "all"
"""In the place of a class: all jets above the threshold of the clustering, without a window."""


def summarise(
    *, jets: Inputs, histograms: Output, summary: Output, settings: SummarySettings
) -> None:
    """Fill the histograms of each class, fit its mass peak, measure the response."""
    levels, events = read_jets(jets, settings.radius)
    counts = {level: count_labels(levels[level], settings) for level in LEVELS}
    if not sum(counts["reconstructed"].values()):
        raise EmptySampleError(
            f"No reconstructed jet of {settings.pt_min:g} < pT < {settings.pt_max:g} GeV is left "
            f"of {events} events in {samples_of(jets)}.",
            "Generate more events, or widen jets.summary.pt_min and pt_max.",
        )
    save_histograms(
        histograms,
        {
            f"{level}/{name}": histogram
            for level in LEVELS
            for name, histogram in (
                fill(levels[level], settings) | fill_all(levels[level], settings.radius)
            ).items()
        },
    )
    write_result(
        summary,
        JetSummary(
            radius=settings.radius,
            events=events,
            jets=counts,
            peaks=[row for level in LEVELS for row in peaks(level, levels[level], settings)],
            response=response(levels["reconstructed"], levels["truth"], settings),
        ),
    )


def _select(jets: Columns, settings: SummarySettings, label: int | None = None) -> Columns:
    chosen = (jets["pt"] > settings.pt_min) & (jets["pt"] < settings.pt_max)
    if label is not None:
        chosen &= jets["label"] == label
    return {name: values[chosen] for name, values in jets.items()}


def count_labels(jets: Columns, settings: SummarySettings) -> dict[str, int]:
    """Number of jets in the pT window by class, and of those that no class claims."""
    names = (*JET_CLASSES, "unmatched")
    return {
        name: len(_select(jets, settings, label)["pt"])
        for name, label in zip(names, (*range(len(JET_CLASSES)), -1), strict=True)
    }


def fill(jets: Columns, settings: SummarySettings) -> dict[str, hist.Hist]:
    """Histograms ``<class>/<variable>`` of mass, soft-drop mass, tau21 and tau32.

    A ratio whose denominator is zero (no more constituents than axes) goes to the underflow.
    """
    result = {}
    mass = np.linspace(0, settings.mass_max, settings.mass_bins + 1)
    unit = np.linspace(0, 1.2, 49)
    for label, name in enumerate(JET_CLASSES):
        chosen = _select(jets, settings, label)
        for variable, values, edges, text in (
            ("m", chosen["m"], mass, "jet mass [GeV]"),
            ("msd", chosen["msd"], mass, "soft-drop mass [GeV]"),
            ("tau21", _ratio(chosen["tau2"], chosen["tau1"]), unit, r"$\tau_{21}$"),
            ("tau32", _ratio(chosen["tau3"], chosen["tau2"]), unit, r"$\tau_{32}$"),
        ):
            result[f"{name}/{variable}"] = weighted(
                variable, values, edges, chosen["weight"], label=text
            )
    return result


def fill_all(jets: Columns, radius: float) -> dict[str, hist.Hist]:
    """Histograms ``all/<variable>`` of all jets: kinematics, groomed splitting, reach, shapes.

    A jet without a splitting that soft drop accepts has zg = rg = 0.
    """
    unit = np.linspace(0, 1.2, 49)
    return {
        f"{ALL}/{variable}": weighted(variable, values, edges, jets["weight"], label=text)
        for variable, values, edges, text in (
            ("pt", jets["pt"], np.linspace(0, 1500, 61), "jet $p_T$ [GeV]"),
            ("eta", jets["eta"], np.linspace(-3, 3, 61), r"jet $\eta$"),
            ("zg", jets["zg"], np.linspace(0, 0.5, 51), r"groomed momentum sharing $z_g$"),
            ("rg", jets["rg"], np.linspace(0, 1.2, 61), r"groomed radius $r_g$"),
            (
                "reach", jets["reach"], np.linspace(0, 1.5 * radius, 61),
                r"$\Delta R$ from the axis to the farthest constituent",
            ),
            ("tau21", _ratio(jets["tau2"], jets["tau1"]), unit, r"$\tau_{21}$"),
            ("tau32", _ratio(jets["tau3"], jets["tau2"]), unit, r"$\tau_{32}$"),
        )
    }  # fmt: skip


def _ratio(numerator: NDArray, denominator: NDArray) -> Array:
    return np.divide(
        numerator, denominator, out=np.full(len(numerator), -1.0), where=denominator > 0
    )


def peaks(level: str, jets: Columns, settings: SummarySettings) -> list[JetPeak]:
    """The fitted soft-drop mass peak of each class with a resonance and enough jets."""
    rows = []
    for name in PEAK_MASSES:
        chosen = _select(jets, settings, JET_CLASSES.index(name))
        peak = None
        if len(chosen["msd"]) >= settings.minimum_jets:
            peak = fit_peak(chosen["msd"], settings.mass_max, chosen["weight"])
        if peak is not None:
            rows.append(JetPeak(level=level, jet_class=name, **asdict(peak)))
    return rows


def response(
    reconstructed: Columns, truth: Columns, settings: SummarySettings
) -> list[JetResponse]:
    """Median and resolution of reconstructed over true pT and mass, in bins of true pT.

    The mass response takes jets whose true mass is above 10 GeV.

    Bins with fewer than ``minimum_jets`` pairs give counts only.
    """
    ours, theirs = match(reconstructed, truth, settings.match_radius)
    pt = truth["pt"][theirs]
    rows = []
    for low, high in itertools.pairwise(settings.response_pt_edges):
        inside = (pt >= low) & (pt < high)
        number = int(np.count_nonzero(inside))
        row: dict[str, Any] = {
            "pt_low": low,
            "pt_high": high,
            "truth_jets": int(np.count_nonzero((truth["pt"] >= low) & (truth["pt"] < high))),
            "matched": number,
        }
        for variable, smallest in (("pt", 0.0), ("m", MINIMUM_MASS)):
            expected = truth[variable][theirs]
            used = inside & (expected > smallest)
            if np.count_nonzero(used) < settings.minimum_jets:
                continue
            found = spread(reconstructed[variable][ours][used] / expected[used])
            row |= {f"{variable}_{name}": value for name, value in found.model_dump().items()}
        rows.append(JetResponse(**row))
    return rows
