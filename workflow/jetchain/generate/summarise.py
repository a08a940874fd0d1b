"""The spectra, cross-section and cutflow of a whole sample, from its shards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import hist
import numpy as np

from jetchain.core.errors import MORE_EVENTS, DataError, EmptySampleError
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.luminosity import FB_PER_PB, Stated, apart
from jetchain.core.schema.generate import GENERATED, Cutflow, SampleAccount, ShardAccount
from jetchain.core.verbs import Inputs, Output
from jetchain.generate.settings import RateSettings

AS_GENERATED = RateSettings()

# What counts as a charged particle of the event: within reach of a tracker.
CHARGED_PT_MIN, CHARGED_ETA_MAX = 0.5, 2.5  # GeV

SHOWN = 5
"""Shards without a cross-section that are named."""

NEEDED = {
    "particle": ["px", "py", "pz", "charge"],
    "parton": ["px", "py"],
}


def summarise(
    *,
    events: Inputs,
    summaries: Inputs,
    spectra: Output,
    summary: Output,
    sample: str,
    settings: RateSettings = AS_GENERATED,
) -> None:
    """Fill the spectra of a sample, and add up the accounts of its shards.

    Args:
        events: the shards' events, table GENERATED.
        summaries: the shards' accounts, in the same order.
        spectra: written, histograms.
        summary: written, the sample's account.
        sample: its name.
        settings: cross-section in the place of the shards', and luminosity to which the spectra
            are normalised.

    Raises:
        EmptySampleError: no shard holds an event.
        DataError: a luminosity is asked for, and no cross-section known.
    """
    account = combine(sample, [read_result(path, ShardAccount) for path in summaries], settings)
    histograms = sum_spectra(events)
    if account.weight_to_luminosity is not None:
        histograms = {n: each * account.weight_to_luminosity for n, each in histograms.items()}
    save_histograms(spectra, histograms)
    write_result(summary, account)


def sum_spectra(paths: Sequence[Path]) -> dict[str, hist.Hist]:
    """Histograms over all shards, read one at a time; see `fill_spectra`."""
    total: dict[str, hist.Hist] = {}
    for path in paths:
        for name, histogram in fill_spectra(read_events(path, GENERATED, NEEDED)).items():
            total[name] = total[name] + histogram if name in total else histogram
    return total


def fill_spectra(data: Mapping[str, Any]) -> dict[str, hist.Hist]:
    """Histograms of some events, filled with their weights.

    Args:
        data: table GENERATED with the columns `NEEDED`.

    Returns:
        `pthat` (GeV), `parton_pt`: pT of the hardest parton, boson or decay product (GeV), and
        `charged`: number of charged particles with pT > 0.5 GeV in abs(eta) < 2.5.
    """
    weight = np.asarray(data["event"].weight)
    parton, particle = data["parton"], data["particle"]
    leading = ak.fill_none(ak.max(np.hypot(parton.px, parton.py), axis=1), 0.0)
    pt = np.hypot(particle.px, particle.py)
    inside = (pt > CHARGED_PT_MIN) & (np.abs(particle.pz) < pt * math.sinh(CHARGED_ETA_MAX))
    charged = ak.sum(inside & (particle.charge != 0), axis=1)
    gev = np.linspace(0, 2000, 41)
    return {
        "pthat": weighted("pthat", data["event"].pthat, gev, weight, label="pTHat [GeV]"),
        "parton_pt": weighted(
            "parton_pt", leading, gev, weight, label="leading parton or boson pT [GeV]"
        ),
        "charged": weighted(
            "charged", charged, np.linspace(0, 300, 31), weight, label="charged particles"
        ),
    }


def combine(
    sample: str, accounts: Sequence[ShardAccount], settings: RateSettings = AS_GENERATED
) -> SampleAccount:
    """One account of all shards.

    Each shard estimates the cross-section independently, from as many generated events as its
    weight in the mean; one that the settings state has no error.

    Raises:
        EmptySampleError: no shard holds an event.
        DataError: see `summarise`.
    """
    cutflow = Cutflow(
        **{
            cut: sum(getattr(account.cutflow, cut) for account in accounts)
            for cut in Cutflow.model_fields
        }
    )
    if not cutflow.kept:
        raise EmptySampleError(
            f"Sample '{sample}' holds no event: {cutflow.tried} were tried in its "
            f"{len(accounts)} shards, {cutflow.failed_in_generator} given up by the generator and "
            f"{cutflow.removed_by_filter} removed by the filter.",
            MORE_EVENTS,
        )
    generated = math.fsum(account.sum_of_weights_generated for account in accounts)
    kept = math.fsum(account.sum_of_weights_kept for account in accounts)
    value, error, unknown = mean_cross_section(accounts)
    if settings.cross_section is not None:
        value, error, unknown = settings.cross_section / FB_PER_PB, 0.0, None
    scale = None
    if settings.luminosity is not None:
        scale = _scale(sample, settings.luminosity, value, generated, unknown)
    # All is kept where nothing is filtered, also of weights that add up to 0.
    efficiency = 1.0 if kept == generated else kept / generated
    return SampleAccount(
        sample=sample,
        process=accounts[0].process,
        shards=len(accounts),
        cutflow=cutflow,
        sum_of_weights_generated=generated,
        sum_of_weights_kept=kept,
        sum_of_squared_weights_kept=math.fsum(
            account.sum_of_squared_weights_kept for account in accounts
        ),
        filter_efficiency=efficiency,
        cross_section_pb=value,
        cross_section_error_pb=error,
        cross_section_kept_pb=None if value is None else value * efficiency,
        cross_section_unknown=unknown,
        luminosity_fb=settings.luminosity,
        weight_to_luminosity=scale,
        expected_events=None if scale is None else scale * kept,
    )


def _scale(
    sample: str, luminosity: float, value: float | None, generated: float, unknown: str | None
) -> float:
    """What weights are multiplied by, so that all that were generated add up to L sigma."""
    if value is None:
        raise DataError(
            f"Sample '{sample}' is to be normalised to {luminosity:g}/fb, but its cross-section is "
            f"unknown: {unknown}.",
            f"Set generate.samples.{sample}.cross_section, or take out luminosity.",
        )
    if not generated:
        raise DataError(
            f"Sample '{sample}' is to be normalised to {luminosity:g}/fb, but its weights add up "
            "to 0.",
            f"Take more events, or take out generate.samples.{sample}.luminosity.",
        )
    return luminosity * value * FB_PER_PB / generated


def mean_cross_section(
    accounts: Sequence[ShardAccount],
) -> tuple[float | None, float | None, str | None]:
    """Cross-section and its error in pb, weighted by generated events; if unknown, the reason."""
    events = sum(account.cutflow.generated for account in accounts)
    values, errors, without, stated = [], [], [], []
    for account in accounts:
        if not account.cutflow.generated:
            continue
        value, error = account.cross_section_pb, account.cross_section_error_pb
        if value is None or error is None:
            without.append(f"{account.shard:04d}")
            continue
        stated.append(Stated(f"{account.shard:04d}", value, error, account.lowest_pthat is None))
        share = account.cutflow.generated / events
        values.append(share * value)
        errors.append(share * error)
    if without:
        named = ", ".join(without[:SHOWN]) + (", ..." if len(without) > SHOWN else "")
        return None, None, f"{len(without)} of {len(accounts)} shards state none: {named}"
    if two := apart(stated):
        return None, None, f"{two}, and the mean is that of no process"
    return math.fsum(values), math.hypot(*errors), None
