"""The calibration of jets: their response in bins of the true values, fitted."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.tables import write_result
from jetchain.core.schema.jets import SHARES, JetCalibration, JetCalibrations
from jetchain.core.verbs import Inputs, Output
from jetchain.jets.pairs import Columns, isolated, match, read_jets, spread
from jetchain.jets.response import OF_MASS, OF_SHARES, Bins, fit_response, invert_pt, response
from jetchain.jets.settings import CalibrationJobSettings, ResponseSettings

Array = NDArray[np.floating]

# Edges of the bins in the share of the pT that neutral hadrons or photons have: about as many jets
# each. The fit speaks of its logarithm; outside, the value at the end holds.
SHARE_EDGES = (0.02, 0.06, 0.1, 0.15, 0.2, 0.27, 0.35, 0.5, 0.8)


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
    """The responses of matched jets, first in pT, then by the shares, then in mass behind both.

    Raises:
        EmptySampleError: no bin has enough jets.
    """
    fewest = settings.minimum_jets
    place = (truth["pt"], np.abs(truth["eta"]))
    ratio = truth["m"] / truth["pt"]
    bins = _bins(
        (*place, ratio), ours["pt_raw"] / truth["pt"], (settings.pt_edges, settings.eta_edges),
        fewest,
    )  # fmt: skip
    _require(bins, "pT", len(ratio), fewest)
    pt = fit_response(bins, _centres(settings.eta_edges), _ends(settings.pt_edges))
    found = invert_pt(pt, ours["pt_raw"], ours["eta"])
    wide = (settings.mass_pt_edges, settings.mass_eta_edges)
    nodes, span = _centres(settings.mass_eta_edges), _ends(settings.mass_pt_edges)
    shares = []
    for name in SHARES:
        left = _bins((*place, ours[name]), found / truth["pt"], (*wide, SHARE_EDGES), fewest)
        shares.append(fit_response(left, nodes, span, _ends(SHARE_EDGES), OF_SHARES))
        found = found / response(shares[-1], found, ours["eta"], ours[name])
    scaled = ours["m_raw"] * found / ours["pt_raw"]
    masses = _bins(
        (*place, ratio),
        np.divide(scaled, truth["m"], out=np.zeros(len(scaled)), where=truth["m"] > 0),
        (*wide, settings.mass_ratio_edges),
        fewest,
    )
    _require(masses, "mass", len(ratio), fewest)
    print(f"R = {radius:g}: {len(ratio)} jets, {len(bins.median)} bins", file=sys.stderr)
    return JetCalibration(
        radius=radius,
        jets=len(ratio),
        pt=pt,
        shares=shares,
        m=fit_response(masses, nodes, span, _ends(settings.mass_ratio_edges), OF_MASS),
    )


def _bins(
    values: Sequence[Array], ratio: Array, edges: Sequence[Sequence[float]], fewest: int
) -> Bins:
    """The median of a ratio in the bins that have enough jets; the fit bridges the others.

    Args:
        values: (jets,) each, the three variables of `Bins`.
        ratio: (jets,).
        edges: of the first variables.
        fewest: jets of a bin.
    """
    rows = []
    for limits in itertools.product(*(itertools.pairwise(each) for each in edges)):
        inside = np.ones(len(ratio), bool)
        for value, (low, high) in zip(values, limits, strict=False):
            inside &= (value >= low) & (value < high)
        if np.count_nonzero(inside) < fewest:
            continue
        found = spread(ratio[inside])
        # The fit speaks of the logarithms of pT and the third variable.
        rows.append(
            [
                np.exp(np.log(values[0][inside]).mean()),
                values[1][inside].mean(),
                np.exp(np.log(np.maximum(values[2][inside], 1e-6)).mean()),
                found.median,
                max(found.median_error, 1e-4),
            ]
        )
    return Bins(*np.array(rows).reshape(-1, 5).T)


def _require(bins: Bins, of: str, jets: int, fewest: int) -> None:
    """Raise `EmptySampleError` if no bin had enough jets."""
    if not len(bins.median):
        raise EmptySampleError(
            f"no bin of the calibration of the jets' {of} has {fewest} of the {jets} isolated jets "
            "that have a true one.",
            "Generate more events of jets.calibration.sample, widen the bins of jets.calibration, "
            "or set jets.calibration.enabled to false.",
        )


def _centres(edges: Sequence[float]) -> Array:
    return (np.asarray(edges[1:]) + np.asarray(edges[:-1])) / 2


def _ends(edges: Sequence[float]) -> tuple[float, float]:
    return (float(edges[0]), float(edges[-1]))
