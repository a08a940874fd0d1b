"""The targets that a user asks for by name: what none makes is refused with the nearest that is."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import SEPARATOR
from jetchain.plumbing import checksums
from jetchain.plumbing.numbers import no_number

_RESULTS = str(checksums.RESULTS)
_NEAR = 0.6
_SHOWN = 3


KNOWN: Targets | None = None
"""Those of the Snakefile that this process has read; they are only looked at after an error."""


class Targets:
    """What can be asked for.

    Args:
        workflow: of Snakemake: its rules, and what the user asked for.
        shards: the names of the shards of each sample.
        known: the other names that a wildcard may have, by the wildcard.
        listed: the files of the target `all`.
    """

    def __init__(
        self,
        workflow: Any,
        shards: Mapping[str, Sequence[str]],
        known: Mapping[str, Collection[str]],
        listed: Iterable[str],
    ) -> None:
        self._workflow = workflow
        self._shards = shards
        self._known = {"sample": shards, **known}
        self._listed = list(listed)

    def require_known(self) -> None:
        """Refuse targets that no rule makes.

        Raises:
            ConfigurationError: with each of them, what is wrong, and the nearest right names.
        """
        asked = self._workflow.dag_settings.targets if self._workflow.dag_settings else ()
        wrong = [f"{target}: {why}" for target in asked if (why := self._why_not(target))]
        if wrong:
            raise ConfigurationError(
                f"No rule makes what is asked for:{SEPARATOR}{SEPARATOR.join(wrong)}",
                "Correct the names; docs/reference lists the files of every room, and `snakemake "
                "--list-target-rules` the targets that have a name, one for each room among them.",
            )

    def _why_not(self, target: str) -> str:
        """What is wrong with a target; nothing if a rule makes it."""
        complaints = self._complaints(target)
        if "" in complaints:
            return ""
        if Path(target).is_file():
            named = " A configuration is named behind --configfile." * (
                Path(target).suffix in (".yaml", ".yml", ".json")
            )
            return f"a file that is there, but that no rule makes.{named}"
        near = [name for name in self._corrected(target) if "" in self._complaints(name)]
        names = [*self._listed, *(rule.name for rule in self._workflow.rules)]
        if not complaints:
            near = near or difflib.get_close_matches(target, names, n=_SHOWN, cutoff=_NEAR)
        shown = " or ".join(f"'{name}'" for name in dict.fromkeys(near[:_SHOWN]))
        above = target.rpartition(f"{_RESULTS}/")[0].rstrip("/")
        sentences = [
            next(iter(complaints), "no such file."),
            f"Did you mean {shown}?" * bool(near),
            f"The folder of a run is named by --directory {above}." * bool(above.strip("./")),
        ]
        return " ".join(filter(None, sentences))

    def _complaints(self, target: str) -> list[str]:
        """For each rule that makes files of this form what it lacks; nothing where it makes it."""
        if any(target == rule.name for rule in self._workflow.rules):
            return [""]
        return [
            self._wrong_value(rule.get_wildcards(target))
            for rule in self._workflow.rules
            if rule.is_producer(target)
        ]

    def _wrong_value(self, wildcards: Mapping[str, str]) -> str:
        for name, value in wildcards.items():
            if value not in self._known.get(name, (value,)):
                return f"there is no {name} '{value}'."
            if wrong := no_number(name, value):
                return wrong
        sample, shard = wildcards.get("sample", ""), wildcards.get("shard")
        names = self._shards.get(sample, ())
        if shard is not None and names and shard not in names:
            return f"the shards of '{sample}' are {names[0]} to {names[-1]}."
        return ""

    def _corrected(self, target: str) -> Iterator[str]:
        """The target from the run's folder, or with one part, or two, replaced by near names."""
        within = os.path.normpath(target).rpartition(f"{_RESULTS}/")[2]
        yield from (within, f"{_RESULTS}/{within}")
        names = {name for each in self._known.values() for name in each}
        names |= {part.partition(".")[0] for path in self._listed for part in path.split("/")}
        for once in _replaced(target, names):
            yield once
            yield from _replaced(once, names)


def that_are_made(paths: Collection[str]) -> list[str]:
    """Those of some files that are there, without what lies beside a picture or table that is not.

    A report shows the picture (PNG) or table (CSV) of a result: what else its job wrote is no cause
    to ask for it.
    """
    gone = {path for path in paths if not os.path.exists(path)}
    shown = {os.path.splitext(path)[0] for path in gone if path.endswith((".png", ".csv"))}
    return [path for path in paths if path not in gone and os.path.splitext(path)[0] not in shown]


def _replaced(target: str, names: Collection[str]) -> Iterator[str]:
    parts = target.split("/")
    for place, part in enumerate(parts):
        stem, dot, kind = part.partition(".")
        for near in difflib.get_close_matches(stem, names, n=_SHOWN, cutoff=_NEAR):
            if near != stem:
                yield "/".join([*parts[:place], f"{near}{dot}{kind}", *parts[place + 1 :]])
