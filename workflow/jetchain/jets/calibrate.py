"""The calibration of jets: their response in bins of the true values, fitted."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.tables import write_result
from jetchain.core.schema.jets import JetCalibration, JetCalibrations, ResponseFit
from jetchain.core.verbs import Inputs, Output
from jetchain.jets.pairs import Columns, isolated, match, read_jets, spread
from jetchain.jets.response import Bins, fit_response, invert_pt
from jetchain.jets.settings import CalibrationJobSettings, ResponseSettings

Array = NDArray[np.floating]


def calibrate(*, jets: Inputs, calibration: Output, settings: CalibrationJobSettings) -> None:
    """Derive the calibration of every radius.

    Events count once each, whatever their weight: the median at given true values does not depend
    on how often these occur, and the sample is made with about as many jets at every pT.

    Args:
        jets: not calibrated, of the shards that the calibration is made from.
        calibration: written, `JetCalibrations`.
        settings: bins and selection.

    Raises:
        EmptySampleError: no bin has enough jets.
    """
    found = []
    for radius in settings.radii:
        levels, _ = read_jets(jets, radius)
        ours, truth = pairs(levels["reconstructed"], levels["truth"], radius, settings)
        try:
            found.append(derive(ours, truth, radius, settings))
        except EmptySampleError as error:
            raise EmptySampleError(f"{samples_of(jets)}: {error.cause}", error.remedy) from None
    write_result(calibration, JetCalibrations(radii=found))


def pairs(
    reconstructed: Columns, truth: Columns, radius: float, settings: ResponseSettings
) -> tuple[Columns, Columns]:
    """Isolated true jets, and the reconstructed jets matched to them, row by row."""
    ours, theirs = match(reconstructed, truth, settings.match_radius)
    distance = settings.isolation * radius
    alone = isolated(truth, distance)[theirs] & isolated(reconstructed, distance)[ours]
    return (
        {name: values[ours[alone]] for name, values in reconstructed.items()},
        {name: values[theirs[alone]] for name, values in truth.items()},
    )


def derive(
    ours: Columns, truth: Columns, radius: float, settings: ResponseSettings
) -> JetCalibration:
    """The responses of matched jets, first in pT, then in the masses behind it.

    Raises:
        EmptySampleError: no bin has enough jets.
    """
    fewest = settings.minimum_jets
    bins = _bins(
        truth, "m", ours["pt_raw"] / truth["pt"], (settings.pt_edges, settings.eta_edges), fewest
    )
    pt = fit_response(bins, _centres(settings.eta_edges), _ends(settings.pt_edges))
    calibrated = invert_pt(pt, ours["pt_raw"], ours["eta"])
    edges = (settings.mass_pt_edges, settings.mass_eta_edges, settings.mass_ratio_edges)
    masses: dict[str, ResponseFit] = {}
    for name in ("m", "msd"):
        scaled = ours[f"{name}_raw"] * calibrated / ours["pt_raw"]
        ratio = np.divide(scaled, truth[name], out=np.zeros(len(scaled)), where=truth[name] > 0)
        masses[name] = fit_response(
            _bins(truth, name, ratio, edges, fewest),
            _centres(settings.mass_eta_edges),
            _ends(settings.mass_pt_edges),
            _ends(settings.mass_ratio_edges),
        )
    print(f"R = {radius:g}: {len(calibrated)} jets, {len(bins.median)} bins", file=sys.stderr)
    return JetCalibration(radius=radius, jets=len(calibrated), pt=pt, **masses)


def _bins(
    truth: Columns, mass: str, ratio: Array, edges: Sequence[Sequence[float]], fewest: int
) -> Bins:
    """The median of a ratio in the bins that have enough jets; the fit bridges the others.

    Raises:
        EmptySampleError: no bin has enough.
    """
    values = (truth["pt"], np.abs(truth["eta"]), truth[mass] / truth["pt"])
    rows = []
    for limits in itertools.product(*(itertools.pairwise(each) for each in edges)):
        inside = np.ones(len(ratio), bool)
        for value, (low, high) in zip(values, limits, strict=False):
            inside &= (value >= low) & (value < high)
        if np.count_nonzero(inside) < fewest:
            continue
        found = spread(ratio[inside])
        # The fit speaks of the logarithms of pT and mass.
        rows.append(
            [
                np.exp(np.log(values[0][inside]).mean()),
                values[1][inside].mean(),
                np.exp(np.log(np.maximum(values[2][inside], 1e-6)).mean()),
                found.median,
                max(found.median_error, 1e-4),
            ]
        )
    if not rows:
        raise EmptySampleError(
            f"no bin of the calibration of the jets' {'mass' if len(edges) == 3 else 'pT'} has "
            f"{fewest} of the {len(ratio)} isolated jets that have a true one.",
            "Generate more events of jets.calibration.sample, widen the bins of jets.calibration, "
            "or set jets.calibration.enabled to false.",
        )
    return Bins(*np.array(rows).T)


def _centres(edges: Sequence[float]) -> Array:
    return (np.asarray(edges[1:]) + np.asarray(edges[:-1])) / 2


def _ends(edges: Sequence[float]) -> tuple[float, float]:
    return (float(edges[0]), float(edges[-1]))
