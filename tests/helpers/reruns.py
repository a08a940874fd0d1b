"""What must rerun, from what the jobs of the finished run did: their traces and the job graph."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from helpers.planner import HOUSE, Job, Plan, Planner
from jetchain.core.settings import Settings
from jetchain.plumbing import configuration, digest
from jetchain.plumbing.provenance.manifest import MANIFEST, read_rules
from jetchain.plumbing.rules import module_of

PACKAGE = HOUSE / "workflow" / "jetchain"
# Every module of the package that holds something, with its file.
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.stat().st_size
}


@dataclass(frozen=True)
class Trace:
    """What a job did: see tracing/trace_jobs.py."""

    executed: frozenset[str]
    handed: frozenset[str]
    read: frozenset[str]


def tiny_configuration() -> dict[str, Any]:
    """The values of the tiny configuration."""
    values = configuration.Configuration().model_dump(mode="json")
    return merged(values, yaml.safe_load((HOUSE / "config" / "test.yaml").read_text()))


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge as Snakemake merges configuration files."""
    return base | {
        name: merged(base[name], value)
        if isinstance(value, dict) and isinstance(base.get(name), dict)
        else value
        for name, value in over.items()
    }


def overlay(path: str, value: Any) -> dict[str, Any]:
    """A configuration with one key, given by its dotted path."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


def leaves(settings: Settings, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a configuration, by its dotted path, with its value."""
    for name, value in settings:
        nodes = value if isinstance(value, dict) else {"": value}
        for inner, node in nodes.items():
            below = ".".join(filter(None, [path, name, inner]))
            if isinstance(node, Settings):
                yield from leaves(node, below)
            else:
                yield below, node


class FinishedRun:
    """The finished tiny run: its jobs, what they did, and what Snakemake plans for variants."""

    def __init__(self, planner: Planner, traces: Path) -> None:
        self.planner = planner
        self.graph = planner.plan(None, "--forceall")
        self._traces = traces
        self.rules = read_rules(planner.folder / MANIFEST)

    @property
    def jobs(self) -> list[Job]:
        """Those that run a verb: all but the target."""
        return [job for job, step in self.graph.items() if step.command]

    @cached_property
    def traces(self) -> dict[Job, Trace]:
        """What each job did."""
        by_arguments = {}
        for path in self._traces.glob("*.json"):
            content = json.loads(path.read_text())
            sets = (frozenset(content[name]) for name in ("executed", "handed", "read"))
            by_arguments[tuple(content["arguments"])] = Trace(*sets)
        return {job: by_arguments[self._arguments(job)] for job in self.jobs}

    def _arguments(self, job: Job) -> tuple[str, ...]:
        words = shlex.split(self.graph[job].command)
        return tuple(words[words.index("jetchain") + 1 : words.index("||")])

    def verb(self, job: Job) -> str:
        """The name of the job's verb."""
        return self._arguments(job)[0]

    def closure(self, job: Job) -> tuple[set[tuple[str, str]], set[str]]:
        """The definitions and libraries that the digest of the job's code covers."""
        members = [module_of(self._filled(job, each)) for each in self.rules[job.rule]["members"]]
        pieces, libraries = digest.closure(self.verb(job), *members)
        return set(pieces), set(libraries)

    def _filled(self, job: Job, text: str) -> str:
        return text.format_map(self.graph[job].wildcards)

    def key_in_section(self, job: Job, key: str) -> str | None:
        """Where a key of the configuration stands in what the job is handed over, if it does."""
        for field, place in self.rules[job.rule]["settings"].items():
            path = self._filled(job, place)
            if key == path:
                return field
            if key.startswith(f"{path}."):
                return ".".join(filter(None, [field, key.removeprefix(f"{path}.")]))
        return None

    @cached_property
    def read(self) -> dict[str, set[str]]:
        """What of the settings handed over the jobs of each verb read."""
        found: dict[str, set[str]] = {}
        for job, trace in self.traces.items():
            found.setdefault(self.verb(job), set()).update(trace.read)
        return found

    def readers(self, key: str, unseen: Collection[str] = ()) -> set[Job]:
        """The jobs of the verbs that read a key of the configuration.

        Args:
            key: its dotted path.
            unseen: ``verb: key in what is handed over``, taken as read.
        """
        return {
            job
            for job in self.jobs
            for place in [self.key_in_section(job, key)]
            if place is not None
            and (self._reads(self.verb(job), place) or f"{self.verb(job)}: {place}" in unseen)
        }

    def _reads(self, verb: str, place: str) -> bool:
        """Whether a verb read a place of its settings, or a section of plain values around it."""
        parts = place.split(".")
        return any(".".join(parts[:n]) in self.read[verb] for n in range(1, len(parts) + 1))

    def derived(self, graph: Plan) -> set[Job]:
        """The jobs of this run that another graph hands other radii, which follow from several
        sections of the configuration (`jetchain.plumbing.radii`)."""

        def radii(plan: Plan, job: Job) -> dict[str, Any]:
            words = shlex.split(plan[job].command)
            settings = json.loads(words[words.index("--settings") + 1])
            return {name: settings.get(name) for name in ("radii", "truth_radii", "radius")}

        rules = ("cluster_jets", "cluster_uncalibrated", "calibrate_jets", "display_jets")
        return {
            job
            for job in self.jobs
            if job.rule in rules and job in graph and radii(graph, job) != radii(self.graph, job)
        }

    def affected(self, jobs: Collection[Job], graph: Plan | None = None) -> set[Job]:
        """The jobs and all below them, in this run's graph or in another; and what simulates again
        the detector events that they read and that were removed (`detector.passing_samples`)."""
        graph = self.graph if graph is None else graph
        found = set(jobs)
        while True:
            written = {path for job in found for path in job.outputs}
            more = {job for job, step in graph.items() if written & set(step.inputs)} - found
            if not more:
                break
            found |= more
        read = {path for job in found if job in graph for path in graph[job].inputs}
        passing = {job for job in graph if job.rule == "simulate_passing"}
        return found | {job for job in passing if read & set(job.outputs)}


def difference(planned: Collection[Job], expected: Collection[Job]) -> dict[str, list[str]]:
    """Jobs planned but not expected, and the other way; empty if all is well."""
    sides = {"too many": set(planned) - set(expected), "missing": set(expected) - set(planned)}
    return {
        side: sorted(f"{job.rule} {' '.join(job.outputs)}" for job in jobs)
        for side, jobs in sides.items()
        if jobs
    }


def in_house(path: Path) -> str:
    """A file's path in the house."""
    return str(path.relative_to(HOUSE))


def plan_with(finished: FinishedRun, texts: dict[str, str]) -> Plan:
    """The plan with files of other content, by their paths in the house."""
    with finished.planner.edited(texts):
        return finished.planner.plan()
