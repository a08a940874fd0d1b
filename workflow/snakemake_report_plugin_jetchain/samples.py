"""The samples that a figure traces back to: events of each, and the luminosity they are worth.

What it was trained and calibrated with is among them; what it shows may be less: `contents`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jetchain.core.io.tables import read_json
from jetchain.generate.settings import GUN
from jetchain.plumbing.provenance.artefacts import ancestors
from snakemake_report_plugin_jetchain.numbers import counted, luminosity

_SHARD = re.compile(r"results/generate/(\w+)/(\d{4})\.root")
_PB_TO_FB = 1e3
# So many samples stand in the text; more are folded away.
IN_THE_TEXT = 3


@dataclass(frozen=True)
class Source:
    """The part of a sample that something is made from.

    Attributes:
        sample: its name.
        events: after the filter of the generator.
        luminosity_fb: that they are worth, in inverse femtobarn; None without a cross-section.
        is_gun: whether these are single particles, not collisions.
    """

    sample: str
    events: int
    luminosity_fb: float | None
    is_gun: bool

    @property
    def text(self) -> str:
        """``quark 4,000 events (27 pb⁻¹)``."""
        if self.is_gun:
            return f"{self.sample} {counted(self.events, 'event')} (particle gun)"
        worth = "no cross-section" if self.luminosity_fb is None else luminosity(self.luminosity_fb)
        return f"{self.sample} {counted(self.events, 'event')} ({worth})"


def shards_above(path: str, parents: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The shards of generated events that a file is made from, by sample.

    Args:
        path: the file.
        parents: the files that each file was made from.
    """
    found = defaultdict(list)
    for match in filter(None, map(_SHARD.fullmatch, sorted(ancestors(path, parents)))):
        found[match[1]].append(match[2])
    return dict(found)


def equivalent_luminosity(
    weights: float, squared_weights: float, cross_section_pb: float | None
) -> float | None:
    """The luminosity in which data have the relative statistical error of these events.

    Args:
        weights, squared_weights: sums over the events.
        cross_section_pb: of the events that were kept, in pb; None if unknown.

    Returns:
        in inverse femtobarn; None without a cross-section or events.
    """
    if not cross_section_pb or not squared_weights:
        return None
    return weights**2 / squared_weights / cross_section_pb / _PB_TO_FB


class Samples:
    """The generated samples of a run, and what is made from them.

    Args:
        parents: the files that each file was made from.
        folder: of the generated events.
    """

    def __init__(
        self, parents: Mapping[str, Sequence[str]], folder: Path = Path("results/generate")
    ) -> None:
        self._parents = parents
        self._folder = folder
        self._read = cache(read_json)  # many figures are made from the same shards

    def above(self, path: str) -> list[Source]:
        """The samples that a file is made from, collisions first, each by name."""
        found = [self._source(*each) for each in shards_above(path, self._parents).items()]
        return sorted(found, key=lambda source: (source.is_gun, source.sample.lower()))

    def _source(self, sample: str, shards: list[str]) -> Source:
        whole = self._folder / sample / "summary.json"
        accounts = [self._read(self._folder / sample / f"{shard}.json") for shard in shards]
        # All shards with events know the cross-section; together they know it best.
        known = [each for each in accounts if each["cutflow"]["kept"]] or accounts
        best = self._read(whole) if whole.exists() else known[0]
        return Source(
            sample,
            sum(account["cutflow"]["kept"] for account in accounts),
            equivalent_luminosity(
                sum(account["sum_of_weights_kept"] for account in accounts),
                sum(account["sum_of_squared_weights_kept"] for account in accounts),
                best["cross_section_kept_pb"],
            ),
            best["process"] == GUN,
        )


def summary(sources: Sequence[Source]) -> str:
    """In one line: how many samples, collisions and events of particle guns."""
    parts = [
        counted(sum(each.events for each in chosen), *words)
        for chosen, words in (
            ([each for each in sources if not each.is_gun], ("collision",)),
            ([each for each in sources if each.is_gun], ("event of particle guns",
                                                         "events of particle guns")),
        )
        if chosen
    ]  # fmt: skip
    return (
        f"Traces back to {counted(len(sources), 'sample')}, trainings and calibrations included: "
        f"{', '.join(parts)}"
    )
