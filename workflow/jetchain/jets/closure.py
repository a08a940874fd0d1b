"""The test of the jets' calibration: what is left of the response, and the uncertainties.

Each shard of the calibration's sample is tested with the calibration that the others make: all jets
test, and none is tested with a calibration that it helped to make. As for the calibration, events
count once each: medians and resolutions are those of jets of given true values, which do not depend
on how often these occur.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.jets import (
    CLOSURE_WANTED,
    JET_CLASSES,
    PEAK_MASSES,
    PEAK_WANTED,
    ClosureRow,
    JetCalibration,
    JetCalibrations,
    JetClosure,
    Response,
    UncertaintyRow,
)
from jetchain.core.schema.validation import ValidationNumber
from jetchain.core.validation import number, worst
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.jets.calibrate import derive, pairs
from jetchain.jets.pairs import MINIMUM_MASS, Columns, read_jets, spread
from jetchain.jets.response import calibrated_values, response_error
from jetchain.jets.settings import LEAST_RESPONSE, ClosureJobSettings, ResponseSettings

Interval = tuple[float, float]
Bin = tuple[Interval, Interval]
Pairs = tuple[Columns, Columns]

NEAR = 0.2
"""A true jet lies in the peak if its soft-drop mass is that near, relative to the mass."""

ALL = "all"
TEXT = {"pt": "pT", "m": "mass"}


def closure(
    *,
    jets: Inputs,
    classes: Inputs,
    calibration: Input,
    closure: Output,
    settings: ClosureJobSettings,
) -> None:
    """Measure the response before and after the calibration.

    Args:
        jets: those that the calibration was made from, by shard; at least two.
        classes: calibrated jets of the samples of the classes; of one radius, that of the summary.
        calibration: `JetCalibrations`.
        closure: written, `JetClosure`.
        settings: bins and selection.

    Raises:
        EmptySampleError: without one of the shards, no bin has enough jets.
    """
    rows: list[ClosureRow] = []
    uncertainties: list[UncertaintyRow] = []
    in_peaks: list[ValidationNumber] = []
    for known in read_result(calibration, JetCalibrations).radii:
        shards = [_pairs([path], known.radius, settings) for path in jets]
        try:
            tested = cross_calibrated(shards, known.radius, settings)
        except EmptySampleError as error:
            raise EmptySampleError(f"{samples_of(jets)}: {error.cause}", error.remedy) from None
        found = measure(tested, ALL, known.radius, settings)
        rows += found
        if known.radius == settings.class_radius:
            labelled = _pairs(classes, known.radius, settings)
            for label, name in enumerate(JET_CLASSES):
                mine = _of(labelled, label)
                rows += measure(
                    mine, name, known.radius, settings, settings.class_pt_min / LEAST_RESPONSE
                )
            in_peaks += peaks(labelled, known.radius, settings)
        uncertainties += uncertainty(found, tested, known, settings)
    write_result(
        closure,
        JetClosure(
            closure=rows,
            uncertainties=uncertainties,
            numbers=[*numbers(rows, settings), *in_peaks],
        ),
    )


def _pairs(paths: Sequence[Input], radius: float, settings: ResponseSettings) -> Pairs:
    levels, _ = read_jets(paths, radius)
    return pairs(levels["reconstructed"], levels["truth"], radius, settings)


def cross_calibrated(shards: Sequence[Pairs], radius: float, settings: ResponseSettings) -> Pairs:
    """All jets, those of each shard calibrated with what the other shards make."""
    tested = []
    for index, (ours, truth) in enumerate(shards):
        rest = _joined([*shards[:index], *shards[index + 1 :]])
        tested.append((applied(ours, derive(*rest, radius, settings)), truth))
    return _joined(tested)


def applied(ours: Columns, known: JetCalibration) -> Columns:
    """Reconstructed jets with calibrated pt, m and msd."""
    raw = ours | {name: ours[f"{name}_raw"] for name in ("pt", "m", "msd")}
    return ours | calibrated_values(known, raw)


def _joined(parts: Sequence[Pairs]) -> Pairs:
    ours, truth = (
        {name: np.concatenate([part[side][name] for part in parts]) for name in parts[0][side]}
        for side in (0, 1)
    )
    return ours, truth


def measure(
    paired: Pairs, name: str, radius: float, settings: ClosureJobSettings, lowest: float = 0.0
) -> list[ClosureRow]:
    """The rows of some matched jets, in the bins that have enough.

    All jets stand in bins of pT and |eta|, and in each of them alone; a class in bins of pT.

    Args:
        paired: the jets.
        name: ALL, or of their class.
        radius: of the jets.
        settings: bins and least number of jets.
        lowest: true pT, GeV, from which on the jets are all there; bins begin there at the lowest.
    """
    by_pt, by_eta, cells = _bins(settings)
    rows = []
    for (low, high), eta in dict.fromkeys([*by_pt, *by_eta, *cells] if name == ALL else by_pt):
        pt = (max(low, lowest), high)
        row = _row(paired, pt, eta, settings.minimum_jets)
        if row is not None:
            rows.append(
                ClosureRow(
                    jets=name, radius=radius, pt_low=pt[0], pt_high=pt[1],
                    eta_low=eta[0], eta_high=eta[1], **row,
                )
            )  # fmt: skip
    return rows


def _bins(settings: ClosureJobSettings) -> tuple[list[Bin], list[Bin], list[Bin]]:
    """The bins of pT, those of |eta|, and the cells of both, which may be the same bins."""
    pt, eta = settings.closure.pt_edges, settings.closure.eta_edges
    pts, etas = list(itertools.pairwise(pt)), list(itertools.pairwise(eta))
    by_pt = [(each, (eta[0], eta[-1])) for each in pts]
    by_eta = [((pt[0], pt[-1]), each) for each in etas]
    return by_pt, by_eta, list(itertools.product(pts, etas))


def _bin(row: ClosureRow) -> Bin:
    return (row.pt_low, row.pt_high), (row.eta_low, row.eta_high)


def _row(
    paired: Pairs, pt: Interval, eta: Interval, fewest: int
) -> dict[str, int | Response] | None:
    ours, truth = paired
    place = np.abs(truth["eta"])
    inside = (truth["pt"] >= pt[0]) & (truth["pt"] < pt[1]) & (place >= eta[0]) & (place < eta[1])
    row: dict[str, int | Response] = {"number": int(np.count_nonzero(inside))}
    for name in ("pt", "m", "msd"):
        used = inside & (truth[name] > (0.0 if name == "pt" else MINIMUM_MASS))
        if np.count_nonzero(used) < fewest:
            return None
        for column in (name, f"{name}_raw"):
            row[column] = spread(ours[column][used] / truth[name][used])
    return row


def numbers(rows: list[ClosureRow], settings: ClosureJobSettings) -> list[ValidationNumber]:
    """Rows of the validation: bins of pT, bins of |eta|, and the cell of both that closes worst."""
    found = []
    sample = settings.sample
    by_pt, by_eta, cells = _bins(settings)
    alone = dict.fromkeys([*by_pt, *by_eta])
    radii = dict.fromkeys(row.radius for row in rows)
    for radius, (name, wanted) in itertools.product(radii, CLOSURE_WANTED.items()):
        mine = {_bin(row): row for row in rows if row.jets == ALL and row.radius == radius}
        shown = [("", 1, mine[each]) for each in alone if each in mine]
        if inner := [mine[each] for each in cells if each in mine]:
            each_cell: list[Response] = [getattr(row, name) for row in inner]
            far = worst(
                [each.median for each in each_cell],
                [each.median_error for each in each_cell], 1.0, wanted,
            )  # fmt: skip
            shown.append((", worst cell", len(inner), inner[far]))
        for which, of, row in shown:
            left: Response = getattr(row, name)
            found.append(
                number(
                    f"closure of the jets' {TEXT[name]}{which}",
                    left.median, left.median_error, reference=1.0, tolerance=wanted,
                    rule="measured", cells=of,
                    sample=f"{sample}, R = {radius:g}, true pT {row.pt_low:g} to {row.pt_high:g} "
                    f"GeV, |eta| {row.eta_low:g} to {row.eta_high:g}",
                    source="true jets; each shard with the calibration that the others make",
                )
            )  # fmt: skip
    return found


def peaks(paired: Pairs, radius: float, settings: ClosureJobSettings) -> list[ValidationNumber]:
    """Rows of the validation: the soft-drop mass of each class with a peak, of true jets in it.

    They are chosen by true values alone: jets above a reconstructed pT have on a falling spectrum
    more often fluctuated up, and with the pT their mass, by what no calibration can know.
    """
    pt = settings.closure.pt_edges
    found = []
    for name, mass in PEAK_MASSES.items():
        ours, truth = _of(paired, JET_CLASSES.index(name))
        inside = (truth["pt"] >= pt[0]) & (truth["pt"] < pt[-1])
        inside &= np.abs(truth["msd"] - mass) < NEAR * mass
        if np.count_nonzero(inside) < settings.minimum_jets:
            continue
        left = spread(ours["msd"][inside] / truth["msd"][inside])
        found.append(
            number(
                f"soft-drop mass of {name} jets",
                left.median, left.median_error, reference=1.0, tolerance=PEAK_WANTED,
                rule="measured",
                sample=f"R = {radius:g}, true pT {pt[0]:g} to {pt[-1]:g} GeV, true soft-drop mass "
                f"within {NEAR:.0%} of {mass:g} GeV",
                source="true jets; median of the ratio",
            )
        )  # fmt: skip
    return found


def uncertainty(
    rows: list[ClosureRow], tested: Pairs, known: JetCalibration, settings: ClosureJobSettings
) -> list[UncertaintyRow]:
    """The uncertainties in the bins of pT and |eta|; see `UncertaintyRow`.

    The difference of quark and gluon jets is that of the nearest bin of pT with enough of both.
    """
    quark, gluon = (
        {row.pt_low: row for row in measure(_of(tested, label), name, known.radius, settings)}
        for label, name in enumerate(JET_CLASSES[:2])
    )
    flavours = [(quark[low], gluon[low]) for low in quark if low in gluon]
    if not flavours:
        print(
            f"R = {known.radius:g}: no bin of pT has {settings.minimum_jets} quark and as many "
            "gluon jets: their difference is no part of the uncertainties",
            file=sys.stderr,
        )
    _, _, cells = _bins(settings)
    result = []
    for row in rows:
        if _bin(row) not in cells:
            continue
        near = min(flavours, key=lambda both: _apart(both[0], row), default=None)
        found: dict[str, float] = {}
        for scale, resolution, name in (("jes", "jer", "pt"), ("jms", "jmr", "m")):
            left: Response = getattr(row, name)
            apart, wider = (
                abs(getattr(getattr(near[0], name), which) - getattr(getattr(near[1], name), which))
                / 2
                if near
                else 0.0
                for which in ("median", "resolution")
            )
            parts = {
                "closure": abs(left.median - 1.0),
                "fit": _fit_error(known, name, row, tested),
                "flavour": apart,
            }
            found[scale] = float(np.sqrt(sum(part**2 for part in parts.values())))
            found |= {f"{scale}_{part}": value for part, value in parts.items()}
            found[resolution] = left.resolution
            found[f"{resolution}_uncertainty"] = float(np.hypot(left.resolution_error, wider))
        result.append(
            UncertaintyRow(
                **row.model_dump(include={"radius", "pt_low", "pt_high", "eta_low", "eta_high"}),
                **found,
            )
        )
    return result


def _apart(one: ClosureRow, other: ClosureRow) -> float:
    """How far the middles of two bins of pT lie apart, in the logarithm."""
    return abs(math.log((one.pt_low * one.pt_high) / (other.pt_low * other.pt_high)))


def _fit_error(known: JetCalibration, name: str, row: ClosureRow, tested: Pairs) -> float:
    """The median error of the fitted response of the jets in a bin."""
    _, truth = tested
    place = np.abs(truth["eta"])
    inside = (truth["pt"] >= row.pt_low) & (truth["pt"] < row.pt_high)
    inside &= (place >= row.eta_low) & (place < row.eta_high)
    pt, eta = truth["pt"][inside], truth["eta"][inside]
    error = response_error(getattr(known, name), pt, eta, truth["m"][inside] / pt)
    return float(np.median(error))


def _of(paired: Pairs, label: int) -> Pairs:
    """The jets whose true jet has this label."""
    ours, truth = paired
    chosen: NDArray[np.bool_] = truth["label"] == label
    return (
        {name: values[chosen] for name, values in ours.items()},
        {name: values[chosen] for name, values in truth.items()},
    )
