"""What the jobs of a rule take: resources/costs.csv, and what follows for other numbers of events.

The table is measured, by ``python -m jetchain.provenance costs``, from finished runs: one line for
the jobs of a rule and a sample, and one, without a sample, for all jobs of the rule. Between and
beyond what was measured, time and output grow in a straight line with the events that a job
reads, memory with those of its largest shard; the time of a training also with its epochs or its
number, of a limit with its toys. Sizes of networks do not count.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jetchain.core.resources import RESOURCES

TABLE = RESOURCES / "costs.csv"
# Keys of settings by which work is repeated; of several kinds the first counts.
_REPEATS = (("trainings", "members"), ("epochs",), ("toys",))
_SHARD = re.compile(r"/(\w+)/(\d{4})(?:\.\w+)+$")


class Events(NamedTuple):
    """Generated events that a job reads, and those of the largest shard among them.

    None where the number is unknown: of files that a user brings.
    """

    all: int | None
    shard: int | None


UNKNOWN = Events(None, None)


@dataclass(frozen=True)
class Cost:
    """A line of the table: the mean of the jobs, and what of it does not grow with events.

    Attributes:
        rule: name of the rule.
        seconds: wall time of a job, with the start of Python.
        max_rss_mb: the largest peak memory among the jobs, MB.
        output_mb: what a job writes, MB.
        sample: of these jobs; empty for all jobs of the rule.
        events, shard_events: as `Events`; 0 if unknown.
        repeats: of their work, see `repeats`.
        start_seconds, start_rss_mb, start_output_mb: where the straight line begins.
    """

    rule: str
    seconds: float
    max_rss_mb: float
    output_mb: float
    sample: str
    events: float
    shard_events: float
    repeats: float
    start_seconds: float
    start_rss_mb: float
    start_output_mb: float

    def time(self, events: Events, repeats: float = 0.0) -> float:
        """Wall time of a job, s."""
        often = repeats / self.repeats if repeats and self.repeats else 1.0
        whole = self.start_seconds + often * (self.seconds - self.start_seconds)
        return _grown(whole, self.start_seconds, events.all, self.events)

    def output(self, events: Events) -> float:
        """What a job writes, MB."""
        return _grown(self.output_mb, self.start_output_mb, events.all, self.events)

    def memory(self, events: Events) -> float:
        """Peak memory of a job, MB."""
        return _grown(self.max_rss_mb, self.start_rss_mb, events.shard, self.shard_events)


def _grown(measured: float, start: float, events: float | None, typical: float) -> float:
    if events is None or not typical:
        return measured
    return start + (measured - start) * events / typical


def repeats(settings: Any) -> float:
    """How often the settings of a job repeat its work: trainings, epochs or toys; 0 if unknown."""
    for kind in _REPEATS:
        numbers = [sum(_leaves(settings, name)) for name in kind]
        if all(numbers):
            return float(math.prod(numbers))
    return 0.0


def most_events(settings: Any) -> int | None:
    """The most events that a job of these settings takes from a shard; None for all."""
    return int(max(_leaves(settings, "max_events"), default=0)) or None


def _leaves(settings: Any, name: str) -> Iterator[float]:
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            if key == name and isinstance(value, int | float):
                yield value
            yield from _leaves(value, name)


class Costs:
    """The table by rule and sample.

    Args:
        lines: of the table.
    """

    def __init__(self, lines: Iterable[Cost]) -> None:
        self._lines = {(line.rule, line.sample): line for line in lines}
        rules = [line for line in self._lines.values() if not line.sample]
        # A rule that was never measured may need as much as the greediest that was.
        self._unmeasured = Cost(
            "",
            max(line.seconds for line in rules),
            max(line.max_rss_mb for line in rules),
            max(line.output_mb for line in rules),
            *("", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        )

    def find(self, rule: str, sample: str = "") -> Cost:
        """The line of a rule, for a sample if it was measured."""
        return self._lines.get((rule, sample), self._lines.get((rule, ""), self._unmeasured))

    def rules(self) -> set[str]:
        """The rules that were measured."""
        return {rule for rule, _ in self._lines}


@cache
def read(path: Path = TABLE) -> Costs:
    """Read the table."""
    with path.open(encoding="utf-8", newline="") as file:
        return Costs(
            Cost(**{name: _value(name, text) for name, text in row.items()})
            for row in csv.DictReader(file)
        )


def _value(name: str, text: str) -> Any:
    return text if name in ("rule", "sample") else float(text)


def write(path: Path, lines: Iterable[Cost]) -> None:
    """Write the table, a rule's own line after those of its samples."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Cost)])
        for line in sorted(lines, key=lambda each: (each.rule, not each.sample, each.sample)):
            writer.writerow(map(_text, astuple(line)))


def _text(value: str | float) -> str:
    """Three digits, without an exponent in large numbers."""
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


class Counter:
    """Counts the events that jobs read.

    Args:
        generated: events of one shard by sample; a sample that is not here has an unknown number.
        parents: what the job that makes a file reads; nothing for a source.
    """

    def __init__(
        self, generated: Mapping[str, int], parents: Callable[[str], Sequence[str]]
    ) -> None:
        self._generated = generated
        self._parents = parents
        self._made: dict[str, Events] = {}

    def of_job(self, output: str, inputs: Sequence[str], most: int | None = None) -> Events:
        """Events of the shard that a job makes, else of those it reads, else of what lies above.

        Args:
            output: its first output.
            inputs: its inputs.
            most: how many of each shard it takes at most, see `most_events`.
        """
        own = _SHARD.search(output)
        if own:
            events = self._generated.get(own[1])
            return Events(events, events)
        # Of one shard several files may be read.
        found = {(match[1], match[2]) for match in map(_SHARD.search, inputs) if match}
        if not found:
            above = [self.of_file(path) for path in inputs]
            known = [each for each in above if each.all is not None]
            return max(known, key=lambda each: each.all or 0, default=UNKNOWN)
        shards = [self._generated[sample] for sample, _ in found if sample in self._generated]
        if not shards:
            return UNKNOWN
        taken = [min(each, most or each) for each in shards]
        return Events(sum(taken), max(taken))

    def of_file(self, path: str) -> Events:
        """Events that went into a file."""
        if path not in self._made:
            self._made[path] = UNKNOWN  # a file that is made from itself has none
            self._made[path] = self.of_job(path, self._parents(path))
        return self._made[path]
