"""Which jobs would run and why, in words: which key changed from what to what, which module, which
library, which file; with the time that the same jobs took before.

The plan is Snakemake's own, of a dry run; the words come from comparing how each job's outputs
were made with how they would be made now.
"""

from __future__ import annotations

import contextlib
import io
import os
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest import mock

from jetchain.core.errors import DataError
from jetchain.core.progress import duration
from jetchain.plumbing.provenance.artefacts import (
    ADOPTED,
    Artefact,
    Making,
    read_artefacts,
    room_of,
)
from jetchain.plumbing.rules import BOOK

_ABSENT = "(not set)"
_LONGEST_VALUE = 60


@dataclass(frozen=True)
class PlannedJob:
    """A job that would run.

    `causes` are why it runs by itself; empty where it only follows jobs above it. `above` are the
    planned jobs whose outputs it reads, `seconds` what it took before, None where nobody knows.
    """

    name: str
    rule: str
    room: str
    causes: list[str]
    above: list[str]
    seconds: float | None


@dataclass(frozen=True)
class Plan:
    """All jobs that would run, of how many, and on how many cores."""

    jobs: list[PlannedJob]
    total: int
    cores: int


def plan(arguments: list[str]) -> Plan:
    """The plan of ``snakemake --dry-run`` with these arguments.

    Raises:
        DataError: Snakemake cannot plan; it has said why.
    """
    dag, folder = dry_run(arguments)
    with contextlib.chdir(folder):
        artefacts = read_artefacts(also_missing=True)
    durations = _durations(artefacts.values())
    planned = [job for job in dag.needrun_jobs() if job.output]
    names = {job: _name(job) for job in planned}
    jobs = [
        PlannedJob(
            name=names[job],
            rule=job.rule.name,
            room=room_of(str(job.output[0])),
            causes=sorted(_causes(job, dag.reason(job), artefacts)),
            above=[names[other] for other in dag.dependencies[job] if other in names],
            seconds=durations.get(str(job.output[0]), durations.get(job.rule.name)),
        )
        for job in planned
    ]
    return Plan(jobs, sum(1 for job in dag.jobs if job.output), dag.workflow.cores or 1)


def dry_run(arguments: list[str]) -> tuple[Any, str]:
    """Let Snakemake's own command line plan, so that profile, targets and overlays are as ever.

    Returns:
        Snakemake's graph of jobs, and the folder that it plans for.
    """
    from snakemake import cli
    from snakemake.dag import DAG

    seen: list[tuple[Any, str]] = []
    postprocess = DAG.postprocess

    async def remember(dag: Any, *args: Any, **kwargs: Any) -> None:
        await postprocess(dag, *args, **kwargs)
        seen.append((dag, os.getcwd()))

    # Options with a value of their own come first: the user's targets may follow.
    dry = ["--quiet", "rules", "progress", "--dry-run"]
    said = io.StringIO()
    with (
        mock.patch.object(DAG, "postprocess", remember),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        try:
            cli.main([*dry, *arguments])
            failed = False
        except SystemExit as end:
            failed = bool(end.code)
    if failed or not seen:  # an option such as --list asks for no plan
        raise DataError(
            f"Snakemake {'cannot' if failed else 'does not'} plan:\n{said.getvalue()}",
            "Correct what it names, then ask again."
            if failed
            else "Give options and targets of a run alone.",
        )
    return seen[-1]


def _name(job: Any) -> str:
    wildcards = "/".join(job.wildcards)
    return f"{job.rule.name} {wildcards}".strip()


def _durations(artefacts: Iterable[Artefact]) -> dict[str, float]:
    """Seconds by artefact, and the mean by rule."""
    by_rule = defaultdict(list)
    found = {}
    for artefact in artefacts:
        if artefact.making.rule == ADOPTED:
            continue
        found[artefact.path] = max(0.0, artefact.ended - artefact.started)
        by_rule[artefact.making.rule].append(found[artefact.path])
    return found | {rule: statistics.mean(seconds) for rule, seconds in by_rule.items()}


def _causes(job: Any, reason: Any, artefacts: Mapping[str, Artefact]) -> Iterator[str]:
    """Why a job runs by itself; nothing if it only follows others.

    Snakemake stops at the first reason that it finds, so what changed is compared here.
    """
    if reason.forced:
        yield "asked for by --force, --forcerun or --forceall"
    before = next((artefacts[str(path)] for path in job.output if str(path) in artefacts), None)
    missing = sorted(map(str, reason.missing_output))
    if missing:
        yield f"missing: {missing[0]}" if before else "never made"
    if reason.incomplete_output:
        yield "cut off before it was finished"
    for path in sorted(map(str, reason.updated_input)):
        yield f"changed by hand or made anew: {path}"
    if before is None:
        return
    inputs, known = set(map(str, job.input)), set(before.parents)
    yield from _set_change("more", inputs - known)
    yield from _set_change("fewer", known - inputs)
    now = Making.of(job.rule.name, job.shellcmd, [value for _, value in job.params._allitems()])
    changed = changes(before.making, now, _paths(job))
    yield from changed
    if reason.code_changed and not changed:
        yield "its command in the rule"


def _set_change(how: str, paths: set[str]) -> Iterator[str]:
    if paths:
        files = f"{len(paths)} {how} file{'s' if len(paths) > 1 else ''}"
        yield f"reads {files} ({min(paths)}{' ...' if len(paths) > 1 else ''})"


def _paths(job: Any) -> Mapping[str, str]:
    """Where in the configuration the settings of a job stand: by their first key, "" for all."""
    places = BOOK[job.rule.name].settings
    return {field: place.format_map(job.wildcards) for field, place in places.items()}


def changes(before: Making, now: Making, paths: Mapping[str, str]) -> list[str]:
    """What differs between two makings, each as one line.

    Args:
        before, now: how a job's outputs were made, and how they would be made.
        paths: where in the configuration each first key of the settings stands; under "" where
            all of them stand.
    """
    found = []
    for keys, old, new in _leaves(before.settings, now.settings):
        path = ".".join(keys)
        if "" in paths:
            path = ".".join([paths[""], *keys])
        elif keys and keys[0] in paths:
            path = ".".join([paths[keys[0]], *keys[1:]])
        found.append(f"{path}: {_shown(old)} -> {_shown(new)}")
    if before.seed != now.seed:
        found.append("seed: another root seed")
    found += [f"module jetchain.{name}" for name in _differing(before.code, now.code)]
    found += [
        f"library {name}: {before.libraries.get(name, 'none')} -> {now.libraries.get(name, 'none')}"
        for name in _differing(before.libraries, now.libraries)
    ]
    found += [f"resources/{name}" for name in _differing(before.resources, now.resources)]
    return found


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _leaves(old: Any, new: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any, Any]]:
    """Keys whose values differ: (path, old value, new value)."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _leaves(old.get(name, _ABSENT), new.get(name, _ABSENT), (*keys, name))
    elif old != new:
        yield keys, old, new


def _shown(value: Any) -> str:
    text = value if value is _ABSENT else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def expected_seconds(found: Plan) -> float:
    """Wall time of the plan: the work shared by the cores, but no less than its longest chain."""
    jobs = {job.name: job for job in found.jobs}
    ends: dict[str, float] = {}

    def end(name: str) -> float:
        if name not in ends:
            stack = [name]
            while stack:
                job = jobs[stack[-1]]
                waiting = [above for above in job.above if above not in ends]
                if waiting:
                    stack.extend(waiting)
                    continue
                start = max((ends[above] for above in job.above), default=0.0)
                ends[stack.pop()] = start + (job.seconds or 0.0)
        return ends[name]

    longest = max(map(end, jobs), default=0.0)
    return max(longest, sum(job.seconds or 0.0 for job in found.jobs) / found.cores)


def as_text(found: Plan) -> str:
    """The plan as a user reads it."""
    if not found.jobs:
        return f"Nothing would run: all {found.total} jobs are up to date.\n"
    timed = any(job.seconds is not None for job in found.jobs)
    cores = f"{found.cores} core{'s' if found.cores > 1 else ''}"
    how_long = (
        f"about {duration(expected_seconds(found))} on {cores}"
        if timed
        else "for how long nobody knows: none has run here yet"
    )
    lines = [f"{len(found.jobs)} of {found.total} jobs would run, {how_long}.", "", "Why"]
    by_cause = defaultdict(list)
    for job in found.jobs:
        for cause in job.causes:
            by_cause[cause].append(job)
    for cause, jobs in sorted(by_cause.items(), key=lambda each: (-len(each[1]), each[0])):
        lines += [f"  {cause}", f"      {_listed(jobs)}"]
    below = [job for job in found.jobs if not job.causes]
    if below:
        lines += ["  and what lies below", f"      {_listed(below)}"]
    lines += ["", f"  {'room':<14}{'jobs':>6}  time of the jobs"]
    for room, jobs in _by_room(found.jobs).items():
        known = [job.seconds for job in jobs if job.seconds is not None]
        unknown = len(jobs) - len(known)
        time = duration(sum(known)) if known else ""
        lines.append(
            f"  {room:<14}{len(jobs):>6}  {time}"
            + (f"{', and ' if known else ''}{unknown} never timed" if unknown else "")
        )
    return "\n".join(lines) + "\n"


def _by_room(jobs: Iterable[PlannedJob]) -> dict[str, list[PlannedJob]]:
    rooms = defaultdict(list)
    for job in jobs:
        rooms[job.room].append(job)
    return rooms


def _listed(jobs: list[PlannedJob]) -> str:
    counts = Counter(job.rule for job in jobs)
    single = {job.rule: job.name for job in jobs}
    return ", ".join(
        single[rule] if number == 1 else f"{rule} ({number} jobs)"
        for rule, number in counts.most_common()
    )


def explain(arguments: list[str]) -> str:
    """Plan in this folder, or in the one that ``--directory`` names, and put it into words."""
    return as_text(plan(arguments))
