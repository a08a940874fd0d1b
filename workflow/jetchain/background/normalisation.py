"""Luminosity of the background sample, and the cross-sections that signal events stand for.

The data of the search are the background sample as generated, or the part of it that a stated
luminosity takes: N events of cross-section sigma are worth L = N / sigma. A signal cross-section is
the one that puts a number of signal events past the trigger in that luminosity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jetchain.background.settings import NormalisationJob
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_json, read_result, write_result
from jetchain.core.luminosity import generated_events
from jetchain.core.luminosity import luminosity as luminosity_of
from jetchain.core.schema.anomaly import DijetCutflow
from jetchain.core.schema.background import Normalisation
from jetchain.core.verbs import Input, Inputs, Output


def require_plain(accounts: Sequence[dict[str, Any]], key: str) -> None:
    """Raise `DataError` unless all shards are of one process, and the events of each of one weight.

    The search counts events: it can neither weight them nor mix cross-sections. What the one weight
    is does not count: files of unweighted events have 1, or their cross-section over their number.

    Args:
        accounts: of the shards of a sample.
        key: of the configuration that names the samples.
    """
    processes = sorted({account["process"] for account in accounts})
    if len(processes) > 1:
        raise DataError(
            f"The samples of {key} are of {len(processes)} processes ({', '.join(processes)}); "
            "their events stand for different luminosities.",
            f"Name samples of one process in {key}.",
        )
    for account in accounts:
        kept = account["cutflow"]["kept"]
        # The square of the sum is as large as N times the sum of squares only if every w is equal.
        total, squares = account["sum_of_weights_kept"], account["sum_of_squared_weights_kept"]
        if abs(total * abs(total) - kept * squares) > 1e-6 * kept * squares:
            raise DataError(
                f"A shard of process {account['process']} holds weighted events (weights add up to "
                f"{total:g}, their squares to {squares:g}, for {kept} events); the search counts "
                "events.",
                f"Name samples in {key} whose events have one weight, none of them negative: "
                "without a bias of Pythia's, and unweighted ones of files.",
            )


def normalisation(
    *,
    cutflow: Input,
    background: Inputs,
    signal: Inputs,
    normalisation: Output,
    settings: NormalisationJob,
    luminosity: float = 0.0,
    cross_section: float = 0.0,
) -> None:
    """Turn numbers of signal events into cross-sections.

    Args:
        cutflow: `DijetCutflow`.
        background, signal: accounts of the shards.
        normalisation: written.
        settings: the reference.
        luminosity, cross_section: that the background states, in 1/fb and fb; 0 for none. Of a
            luminosity, `anomaly.features` has taken the events.

    Raises:
        DataError: see `core.luminosity` and `require_plain`.
        EmptySampleError: no signal event passes the trigger.
    """
    counts = read_result(cutflow, DijetCutflow)
    backgrounds, signals = ([read_json(path) for path in paths] for paths in (background, signal))
    require_plain(backgrounds, "anomaly.background")
    require_plain(signals, "anomaly.signal")
    lumi = luminosity or luminosity_of(backgrounds, cross_section)
    generated = sum(map(generated_events, signals))
    if not counts.signal.selected:
        raise EmptySampleError(
            f"None of the {generated:g} generated signal events passes the trigger: no number of "
            "them stands for a cross-section.",
            "Lower anomaly.features.trigger_pt, or generate more signal.",
        )
    acceptance = counts.signal.selected / generated
    reference = settings.reference_events or counts.injected_events
    write_result(
        normalisation,
        Normalisation(
            luminosity_fb=lumi,
            signal_acceptance=acceptance,
            reference_events=reference,
            reference_cross_section_fb=reference / (lumi * acceptance),
            injected_events=counts.injected_events,
            injected_cross_section_fb=counts.injected_events / (lumi * acceptance),
        ),
    )
