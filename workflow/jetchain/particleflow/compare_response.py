"""The simulated response to charged pions beside Geant4's in COCOA, bin by bin."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.particleflow import (
    ComparedBin,
    PublishedResponse,
    ResponseComparison,
    ResponseTable,
)
from jetchain.core.schema.validation import ValidationNumber
from jetchain.core.validation import number
from jetchain.core.verbs import Input, Output, Resource

LEAST = 200
"""Pions in a bin that is judged alone: its mean is known to 2 %, its spread to 5 %. Our choice."""
MEAN_TOLERANCE, SPREAD_TOLERANCE = 0.05, 0.15
"""Relative differences from Geant4 within which a bin agrees. Our choice."""
SOURCE = "Geant4: COCOA, pflow_configuration/*.csv"
HARD, TO = 30.0, 60.0
"""GeV in pT: the last bin of COCOA's table, which has no upper edge, and where ours begins to hold
pions that COCOA's will hardly have."""
CENTRAL, SHARP = 1.0, (1, 3)
"""Largest |eta|, and the layers ECAL2 and HCAL1: there is little material in front, and pions that
shower in one layer are measured best."""


def compare_response(*, calibration: Input, cocoa: Resource, output: Output) -> None:
    """Compare mean and spread of E/p with COCOA's table, from full simulation with Geant4.

    Args:
        calibration: what `particleflow.calibrate` wrote.
        cocoa: COCOA's table.
        output: written: the bins of pT, |eta| and layer that both tables have; how many agree.
    """
    table = read_result(calibration, ResponseTable)
    published = read_result(cocoa, PublishedResponse)
    bins = compared_bins(table, published)
    rows = numbers(bins) + resolutions(table, published)
    write_result(output, ResponseComparison(least=LEAST, bins=bins, numbers=rows))


def compared_bins(table: ResponseTable, published: PublishedResponse) -> list[ComparedBin]:
    """The bins that both tables have, with values of their own in ours.

    COCOA's last bin in pT has no upper edge; ours that begins with it stands for it.
    """
    found = []
    columns = (
        published.layer, published.eta, published.pt, published.mean, published.spread
    )  # fmt: skip
    for layer, eta, pt, mean, spread in zip(*columns, strict=True):
        if pt not in table.pt_edges or eta not in table.eta_edges:
            continue
        i, j = table.pt_edges.index(pt), table.eta_edges.index(eta)
        if table.filled[i][j][layer]:
            found.append(
                ComparedBin(
                    layer=layer, eta=eta, pt=pt, entries=table.entries[i][j][layer],
                    mean=table.mean[i][j][layer], spread=table.sigma[i][j][layer],
                    cocoa_mean=mean, cocoa_spread=spread,
                )
            )  # fmt: skip
    return found


def numbers(bins: list[ComparedBin]) -> list[ValidationNumber]:
    """Rows for the table of the validation: how many bins of `LEAST` pions agree, and by how much
    all bins together are off."""
    rows = []
    enough = [each for each in bins if each.entries >= LEAST]
    if enough:
        mean, spread = _differences(enough)
        close, sharp = np.abs(mean) <= MEAN_TOLERANCE, np.abs(spread) <= SPREAD_TOLERANCE
        sample = f"charged pion, {len(enough)} bins of {LEAST} or more"
        rows += [
            _row("E/p: share of bins, mean within 5 % of Geant4's", close.mean(), 1.0, sample),
            _row("E/p: share of bins, spread within 15 % of Geant4's", sharp.mean(), 1.0, sample),
            _row("E/p: share of bins, both", (close & sharp).mean(), 1.0, sample),
        ]
    if bins:
        mean, spread = _differences(bins)
        entries = np.array([each.entries for each in bins])
        relative = np.array([each.spread / each.mean for each in bins])
        sample = f"charged pion, {len(bins)} bins"
        for name, off, error in (
            ("means", mean, relative / np.sqrt(entries)),
            ("spreads", spread, 1 / np.sqrt(2 * entries)),
        ):
            weight = error**-2
            rows.append(
                _row(
                    f"E/p: mean relative difference of the {name}",
                    float((weight * off).sum() / weight.sum()), 0.0, sample,
                    error=float(weight.sum() ** -0.5),
                )
            )  # fmt: skip
    return rows


def _differences(bins: list[ComparedBin]) -> tuple[np.ndarray, np.ndarray]:
    """Relative differences of the means and spreads, (bins,) each."""
    mean = np.array([each.mean / each.cocoa_mean - 1 for each in bins])
    spread = np.array([each.spread / each.cocoa_spread - 1 for each in bins])
    return mean, spread


def resolutions(table: ResponseTable, published: PublishedResponse) -> list[ValidationNumber]:
    """Rows: sigma/E of hard pions, in the layers where it is best, and of all showers together.

    COCOA's table has the layers apart; all showers together, of which the means differ as well, are
    less sharp. Both are put together here with our numbers of pions in the bins, so that like is
    compared with like.
    """
    entries, mean, sigma = (
        np.array(values, np.float64) for values in (table.entries, table.mean, table.sigma)
    )
    reference = np.full((2, *entries.shape[1:]), np.nan)
    columns = (
        published.layer, published.eta, published.pt, published.mean, published.spread
    )  # fmt: skip
    for layer, eta, pt, *values in zip(*columns, strict=True):
        if pt == HARD and eta in table.eta_edges:
            reference[:, table.eta_edges.index(eta), layer] = values
    known = np.isfinite(reference[0])
    central = np.array(table.eta_edges) < CENTRAL
    layers = np.isin(np.arange(entries.shape[2]), SHARP)
    rows = []
    for i, low in enumerate(table.pt_edges):
        high = table.pt_edges[i + 1] if i + 1 < len(table.pt_edges) else None
        name = f"pT {low:g} to {high:g} GeV" if high else f"pT above {low:g} GeV"
        for text, mine in (
            ("|eta| < 1, densest in ECAL2 or HCAL1", known & central[:, None] & layers),
            ("|eta| < 2.5, all showers", known & (np.array(table.eta_edges)[:, None] < 2.5)),
        ):
            n = np.where(mine, entries[i], 0.0)
            if low < HARD or n.sum() < 2:
                continue
            at, geant4 = (
                _together(n, values, together=text.endswith("all showers"))
                for values in ((mean[i], sigma[i]), np.nan_to_num(reference, nan=1.0))
            )
            rows.append(
                number(
                    f"sigma/E of the clusters, {name}", at, at / np.sqrt(2 * n.sum()),
                    sample=f"charged pion, {text}",
                    reference=geant4 if high and high <= TO else None,
                    tolerance=SPREAD_TOLERANCE * geant4, source=SOURCE,
                )
            )  # fmt: skip
    return rows


def _together(entries: np.ndarray, values: Iterable[np.ndarray], *, together: bool) -> float:
    """sigma/E of some bins: of the mixture, or the mean of their own.

    Args:
        entries: (eta, layer) pions of each bin, 0 for those that do not count.
        values: means and spreads, (eta, layer) each.
        together: whether the bins are one distribution.
    """
    mean, sigma = values
    weight = entries / entries.sum()
    if not together:
        return float((weight * sigma / mean).sum())
    centre = (weight * mean).sum()
    return float(np.sqrt((weight * (sigma**2 + (mean - centre) ** 2)).sum()) / centre)


def _row(
    quantity: str, value: float, reference: float, sample: str, error: float = 0.0
) -> ValidationNumber:
    return number(quantity, value, error, sample=sample, reference=reference, source=SOURCE)
