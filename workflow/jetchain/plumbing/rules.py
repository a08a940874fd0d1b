"""What the rules call: `job`, `shards`, and the tables of figures.

The Snakefile makes one `Rules` from the validated configuration; common.smk gives its methods
their short names. Everything here returns plain strings and integers, since Snakemake stores them
and compares them with those of the next run. What the rules say is recorded as they are read
(`BOOK`): the display of a run, its manifest and the report look it up there.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import shlex
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeVar

from jetchain.core.errors import ConfigurationError
from jetchain.core.registry import Registry
from jetchain.core.seeds import derive_seed
from jetchain.plumbing import digest
from jetchain.plumbing.numbers import no_number

WILDCARDS = (
    "sample", "shard", "algorithm", "model", "part", "method", "design", "collection", "scan",
    "window", "strength", "replica", "constituents", "sparsity", "beta", "rate", "systematic",
    "start", "mean", "mitigation",
)  # fmt: skip
DERIVED = "derived"
Parameter = str | int | Callable[[Any], str | int]
Called = TypeVar("Called", bound=Callable[..., Any])


@dataclass(frozen=True)
class Record:
    """What is known of a rule.

    Attributes:
        verb: that it launches.
        settings: where in the configuration the settings of its jobs stand: a dotted path for each
            field, or for all of them under ""; braces stand for the rule's wildcards.
        members: of families, that the verb loads by name; likewise.
    """

    verb: str
    settings: dict[str, str]
    members: list[str]

    @property
    def room(self) -> str:
        """The room that the verb belongs to."""
        return self.verb.partition(".")[0]


BOOK: dict[str, Record] = {}
"""The rules of the Snakefile that this process has read, by name, in their order there."""


@dataclass(frozen=True)
class Figure:
    """A figure of the report: what it is drawn from and how it is shown there.

    Attributes:
        name: its path below results/reporting; it may have wildcards.
        verb: that draws it, as PNG, PDF and its numbers as JSON.
        category: of the report.
        labels: of the report; braces are filled from the wildcards.
        inputs: files by name, as in a rule.
        params: further params of the job.
        over: values of the wildcards for which `all` has it.
        caption: name of its text in workflow/report, if it is not its own.
    """

    kind: ClassVar[str] = "figure"
    kinds: ClassVar[tuple[str, ...]] = ("png", "pdf", "json")  # the report shows the first

    name: str
    verb: str
    category: str
    labels: Mapping[str, str]
    inputs: Mapping[str, Any]
    params: Mapping[str, Any] = field(default_factory=dict)
    over: Mapping[str, Sequence[str]] = field(default_factory=dict)
    caption: str = ""

    @property
    def path(self) -> str:
        """Where it is written, without the kind of file."""
        return f"results/reporting/{self.name}"

    @property
    def stem(self) -> str:
        """Its name without folder and wildcards."""
        return re.sub(r"_?\{\w+\}", "", self.name.rpartition("/")[2]).strip("_")

    @property
    def rule(self) -> str:
        """Name of the rule that draws it."""
        return f"{self.kind}_{self.stem}"


class Table(Figure):
    """A table of the report: the same, but its verb writes a CSV file."""

    kind = "table"
    kinds = ("csv",)


def family(package: str) -> Registry[Any]:
    """The table of a family, such as ``tagging.models``."""
    module = importlib.import_module(f"{digest.PACKAGE}.{package}")
    return getattr(module, package.rpartition(".")[2].upper())


def module_of(member: str) -> str:
    """The module of a family's member, such as ``tagging.models.pfn``."""
    package, _, name = member.rpartition(".")
    return family(package).module(name)


LAUNCH = "{params.command} > {log:q} 2>&1"
"""The shell command of every rule: that of its job, with its output in the log."""

LAUNCH_POINT = (
    f"{LAUNCH} || python -m jetchain.plumbing.refused $? {{log:q}} {{input:q}} -- {{output:q}}"
)
"""That of a point of a scan, which may end without a result: see `plumbing.refused`."""


class Rules:
    """The helpers of the rules, bound to one configuration.

    Args:
        configuration: the validated configuration as plain builtins.
        derived: what follows from several of its sections, a section of its own by the name of
            ``derived``: places there are no places of the configuration, and are not recorded.
    """

    def __init__(
        self, configuration: Mapping[str, Any], derived: Mapping[str, Any] | None = None
    ) -> None:
        self._configuration = {**configuration, DERIVED: derived or {}}
        self._jobs: dict[Callable[..., str], Record] = {}

    def job(
        self,
        verb: str,
        *,
        settings: str | Mapping[str, str] | None = None,
        seed: Sequence[str] | Callable[[Any], Sequence[str]] | None = None,
        members: Sequence[str] | Callable[[Any], Sequence[str]] = (),
        **more: Any,
    ) -> dict[str, Any]:
        """The params of a job, by which Snakemake knows when to run it again.

        Braces in texts are filled from the rule's wildcards.

        Args:
            verb: that the job launches. Of its keywords, those annotated Input, Inputs, Output and
                Outputs are the rule's named inputs and outputs, and one named like a wildcard gets
                its value; the others are `settings`, `seed` and what stands in `more`.
            settings: where in the configuration the verb's settings stand: one dotted path, or one
                for each field of the settings.
            seed: what the job is, or how its wildcards say what it is; its seed is a hash of this
                and of the root seed.
            members: of families, that the verb loads by name: ``tagging.models.{model}``; or how
                the rule's wildcards say which.
            more: other values that the verb takes, such as resources; and params that it does not
                take, whose change runs the job again.

        Raises:
            TypeError: the verb has a keyword for which there is nothing.
        """
        places = {"": settings} if isinstance(settings, str) else dict(settings or {})
        handed: dict[str, Any] = dict(more)
        if places:
            handed["settings"] = self._section(places)
        if seed is not None:
            handed["seed"] = self._seed(seed)
        # Snakemake does not compare the command: it is derived from files. All else it does.
        code, run = self._code(verb, members), _command(verb, handed)
        params = {"verb": verb, **handed, "code": code, "command": run}
        own = {field: at for field, at in places.items() if not at.startswith(f"{DERIVED}.")}
        listed = [] if callable(members) else list(members)
        self._jobs[run] = Record(verb, own, listed)
        return params

    def record(self, rules: Iterable[Any]) -> None:
        """Fill `BOOK` from Snakemake's rules."""
        BOOK.clear()
        for rule in rules:
            command = rule.params.get("command")
            if command in self._jobs:
                BOOK[rule.name] = self._jobs[command]

    def _section(self, places: Mapping[str, str]) -> Parameter:
        """The part of the configuration that stands at these places, as JSON."""

        # Once per text, not per job: ten thousand shards of a sample share one.
        @cache
        def encode(*filled: str) -> str:
            values = [self._look_up(path) for path in filled]
            value = values[0] if "" in places else dict(zip(places, values, strict=True))
            return json.dumps(value, sort_keys=True)

        return _fill([*places.values()], encode)

    def _seed(self, identity: Sequence[str] | Callable[[Any], Sequence[str]]) -> Parameter:
        root = self._configuration["seed"]
        if callable(identity):
            return signed(lambda wildcards: derive_seed(root, *identity(wildcards)))
        return _fill(identity, lambda *filled: derive_seed(root, *filled))

    def _code(
        self, verb: str, members: Sequence[str] | Callable[[Any], Sequence[str]]
    ) -> Parameter:
        """The digest of the verb's source closure, with that of members it reaches by name only."""

        def find(*names: str) -> str:
            return digest.code_digest(verb, *[module_of(name) for name in names])

        if callable(members):
            return signed(lambda wildcards: find(*members(wildcards)))
        return _fill(members, find)

    def labels(self, package: str, names: Iterable[str] | None = None) -> str:
        """The displayed names of a family's members by their keys, as JSON for a figure's params.

        One whose section of the configuration names a `network` is called as that class.

        Args:
            package: the family: ``tagging.models``.
            names: of the members wanted; all if not given.
        """
        found = family(package).labels(names)
        sections: Any = self._configuration
        for part in package.split("."):
            sections = sections.get(part) if isinstance(sections, Mapping) else None
        for name in found if isinstance(sections, Mapping) else ():
            section = sections.get(name)
            network = section.get("network") if isinstance(section, Mapping) else None
            found[name] = network.rpartition(".")[2] if network else found[name]
        return json.dumps(found)

    def shard_names(self, sample: str) -> list[str]:
        """The shards of a sample: 0000, 0001, ..."""
        # Of published jets there are samples of a room of their own.
        imported = self._configuration.get("graphs", {}).get("samples", {})
        samples = {**self._look_up("generate.samples"), **imported}
        if sample not in samples:
            raise ConfigurationError(
                f"Sample '{sample}' is used but not defined.",
                f"Define it in generate.samples; defined are: {', '.join(samples)}.",
            )
        return [f"{index:04d}" for index in range(samples[sample]["shards"])]

    def shards(
        self, pattern: str, samples: Sequence[str] | None = None
    ) -> list[str] | Callable[[Any], list[str]]:
        """The pattern for every shard of the samples, or of the rule's own sample if none is given.

        Wildcards other than the shard, and the sample where samples are given, are the rule's.
        """

        def paths(filled: str, *own: str) -> list[str]:
            return [
                filled.replace("{sample}", sample).replace("{shard}", shard)
                for sample in samples or own
                for shard in self.shard_names(sample)
            ]

        # What is listed here keeps its braces while the rule's own wildcards are filled in.
        kept = pattern.replace("{shard}", "{{shard}}")
        if samples:
            return _fill([kept.replace("{sample}", "{{sample}}")], paths)
        return _fill([kept, "{sample}"], paths)

    def _look_up(self, path: str) -> Any:
        value: Any = self._configuration
        for part in path.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise ConfigurationError(
                    f"The configuration has no '{path}'.", "Define it, or correct the target."
                )
            value = value[part]
        return value


def _command(verb: str, handed: Mapping[str, Any]) -> Callable[..., str]:
    """What writes a job's command from its wildcards and files."""
    keywords = digest.signature(verb)
    files = ("Input", "Inputs", "Output", "Outputs")
    for name, kind in keywords.items():
        if kind not in files and name not in WILDCARDS and name not in handed:
            raise TypeError(f"job() gives {verb} no '{name}'")

    def command(wildcards: Any, input: Any, output: Any) -> str:
        words = ["python", "-m", "jetchain", verb]
        for name, kind in keywords.items():
            if kind in files:
                value = _files((input if kind.startswith("Input") else output)[name])
            elif name in handed:
                value = handed[name](wildcards) if callable(handed[name]) else handed[name]
            else:
                value = wildcards[name]
                if wrong := no_number(name, value):  # which `plumbing.targets` tells the user
                    raise ConfigurationError(f"A target is wrong: {wrong}", "Correct the target.")
            words.append(f"--{name.replace('_', '-')}")
            words += [str(value)] if isinstance(value, str | int | float) else value
        run = " ".join(words[:4] + [shlex.quote(word) for word in words[4:]])
        # The shell lives on where a signal ends the job, and says so.
        return f"{{ {run} || python -m jetchain.plumbing.ended {verb} $?; }}"

    return signed(command)


def signed(function: Called) -> Called:
    """The function, with its signature kept: Snakemake asks for it several times a job."""
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function


def _files(value: str | Sequence[str]) -> list[str]:
    """One file or several, none of whose names looks like an option."""
    names = [value] if isinstance(value, str) else value
    return [f"./{name}" if name.startswith("-") else name for name in names]


def _fill(templates: Sequence[str], make: Callable[..., Any]) -> Any:
    """Call make with the texts now if none has a wildcard, else once the wildcards are known."""
    formatter = string.Formatter()
    if not any(field for text in templates for _, field, _, _ in formatter.parse(text)):
        return make(*[text.format() for text in templates])

    def from_wildcards(wildcards: Any) -> Any:
        return make(*[text.format_map(wildcards) for text in templates])

    return signed(from_wildcards)
