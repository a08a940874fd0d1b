"""The simulated response to charged pions beside Geant4's in COCOA, bin by bin."""

from __future__ import annotations

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
"""Pions in a bin that is compared: its mean is then known to 2 %, its spread to 5 %. Our choice."""
MEAN_TOLERANCE, SPREAD_TOLERANCE = 0.05, 0.15
"""Relative differences from Geant4 within which a bin agrees. Our choice."""
SOURCE = "Geant4: COCOA, pflow_configuration/*.csv"


def compare_response(*, calibration: Input, cocoa: Resource, output: Output) -> None:
    """Compare mean and spread of E/p with COCOA's table, from full simulation with Geant4.

    Args:
        calibration: what `particleflow.calibrate` wrote.
        cocoa: COCOA's table.
        output: written: the bins of pT, |eta| and layer that both tables have; how many agree.
    """
    bins = compared_bins(
        read_result(calibration, ResponseTable), read_result(cocoa, PublishedResponse)
    )
    write_result(output, ResponseComparison(least=LEAST, bins=bins, numbers=numbers(bins)))


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
    """Rows for the table of the validation: of the bins with `LEAST` pions, how many agree."""
    enough = [each for each in bins if each.entries >= LEAST]
    if not enough:
        return []
    mean = np.array([each.mean / each.cocoa_mean - 1 for each in enough])
    spread = np.array([each.spread / each.cocoa_spread - 1 for each in enough])
    close, sharp = np.abs(mean) <= MEAN_TOLERANCE, np.abs(spread) <= SPREAD_TOLERANCE
    sample = f"charged pion, {len(enough)} bins of {LEAST} or more"
    return [
        _row("E/p: share of bins, mean within 5 % of Geant4's", close.mean(), 1.0, sample),
        _row("E/p: share of bins, spread within 15 % of Geant4's", sharp.mean(), 1.0, sample),
        _row("E/p: share of bins, both", (close & sharp).mean(), 1.0, sample),
        _row("E/p: mean relative difference of the means", mean.mean(), 0.0, sample),
        _row("E/p: mean relative difference of the spreads", spread.mean(), 0.0, sample),
    ]


def _row(quantity: str, value: float, reference: float, sample: str) -> ValidationNumber:
    return number(quantity, value, 0.0, sample=sample, reference=reference, source=SOURCE)
