"""What a figure shows: its jets or events and their luminosity, as the run's own tables state them.

That is less than all that a figure traces back to, trainings and calibrations included: `samples`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.io.tables import read_json
from snakemake_report_plugin_jetchain.numbers import counted, luminosity
from snakemake_report_plugin_jetchain.rooms import REPORTING

_TAGGER = re.compile(r"results/tagging/\w+/metrics\.json")


def _read(path: str) -> Any:
    """A table of the run; None if it is not there."""
    return read_json(Path(path)) if Path(path).exists() else None


def _of_taggers(tables: Collection[str], count: Callable[[Any], int], what: str) -> str:
    """A number of jets of the taggers that a figure shows: one, since they share a data set."""
    metrics = map(_read, filter(_TAGGER.fullmatch, tables))
    numbers = sorted({count(each) for each in metrics if each})
    return ", ".join(counted(number, what) for number in numbers)


def evaluation_jets(tables: Collection[str]) -> str:
    """Jets that the taggers were evaluated on."""
    return _of_taggers(tables, lambda each: int(np.sum(each["confusion"]["counts"])), "test jet")


def training_jets(tables: Collection[str]) -> str:
    """Jets that the taggers were trained on."""
    return _of_taggers(tables, lambda each: each["training_jets"], "training jet")


def signal_region(_tables: Collection[str]) -> str:
    """Events that anomaly scores are compared on."""
    table = _read("results/anomaly/metrics.json")
    if table is None:
        return ""
    events = table["background_events"], table["signal_events_evaluated"]
    return "{:,} background and {:,} signal events of the signal region".format(*events)


def pseudo_data(_tables: Collection[str]) -> str:
    """The data of the search, and their luminosity."""
    counts = _read("results/anomaly/cutflow.json")
    normalisation = _read("results/background/normalisation.json")
    stated = [f"pseudo-data of {counted(counts['data'], 'event')}"] if counts else []
    stated += [luminosity(normalisation["luminosity_fb"])] if normalisation else []
    return ", ".join(stated)


def trigger_jets(_tables: Collection[str]) -> str:
    """Jets that the firmware was evaluated on."""
    # All designs are evaluated on the same.
    reports = sorted(Path("results/firmware").glob("*/latency.json"))
    table = _read(str(reports[0])) if reports else None
    return f"{counted(table['test_jets'], 'test jet')} of the trigger tagger" if table else ""


# By the path below results/reporting; the first pattern that matches counts.
_STATED: tuple[tuple[str, tuple[Callable[[Collection[str]], str], ...]], ...] = (
    ("tagging/tagging_history.*", (training_jets,)),
    ("tagging/*", (evaluation_jets,)),
    ("anomaly/*", (signal_region,)),
    ("background/*", (pseudo_data,)),
    ("inference/*", (pseudo_data,)),
    ("firmware/firmware_weights_*", ()),
    ("firmware/*", (trigger_jets,)),
    ("overview.*", (evaluation_jets, signal_region, pseudo_data, trigger_jets)),
)


def contents(path: Path, tables: Collection[str]) -> str:
    """What a figure shows, empty where no table states it.

    Args:
        path: of the figure or table of results/reporting.
        tables: the files that it was drawn from.
    """
    name = str(path.relative_to(REPORTING)) if path.is_relative_to(REPORTING) else ""
    stated = next((each for pattern, each in _STATED if fnmatch(name, pattern)), ())
    return "; ".join(filter(None, (state(tables) for state in stated)))
