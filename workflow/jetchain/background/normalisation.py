"""Luminosity of the background sample, and the cross-sections that signal events stand for.

The data of the search are the background sample as generated: with N events of cross-section
sigma they are worth L = N / sigma. A signal cross-section is the one that puts a number of signal
events past the trigger in that luminosity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jetchain.background.settings import NormalisationJob
from jetchain.core.errors import DataError
from jetchain.core.io import read_json, write_json
from jetchain.core.verbs import Input, Inputs, Output

FB_PER_PB = 1000.0


def luminosity(accounts: Sequence[dict[str, Any]]) -> float:
    """Integrated luminosity of a sample in 1/fb, from the accounts of its shards.

    Every shard estimates the cross-section of the same process; the estimates are averaged with
    the generated weight.

    Raises:
        DataError: no positive cross-section.
    """
    weight = sum(account["sum_of_weights_generated"] for account in accounts)
    sigma = sum(
        (account["cross_section_pb"] or 0.0) * account["sum_of_weights_generated"]
        for account in accounts
    ) / max(weight, 1e-300)
    if not sigma > 0:
        raise DataError(
            f"The background sample has the cross-section {sigma} pb.",
            "Generate it again; anomaly.background must name samples of collisions, not of guns.",
        )
    return weight / (sigma * FB_PER_PB)


def normalisation(
    *,
    cutflow: Input,
    background: Inputs,
    signal: Inputs,
    normalisation: Output,
    settings: NormalisationJob,
) -> None:
    """Turn numbers of signal events into cross-sections."""
    counts = read_json(cutflow)
    lumi = luminosity([read_json(path) for path in background])
    generated = sum(read_json(path)["sum_of_weights_generated"] for path in signal)
    acceptance = counts["signal"]["finite features"] / generated
    write_json(
        normalisation,
        {
            "luminosity_fb": lumi,
            "signal_acceptance": acceptance,
            "reference_events": settings.reference_events,
            "reference_cross_section_fb": settings.reference_events / (lumi * acceptance),
            "injected_events": counts["injected"],
            "injected_cross_section_fb": counts["injected"] / (lumi * acceptance),
        },
    )
