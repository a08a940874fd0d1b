"""The table of costs, measured from the records of finished runs."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from jetchain.core.errors import DataError
from jetchain.plumbing.costs import Cost, Counter, Events, most_events, repeats
from jetchain.plumbing.provenance.artefacts import ADOPTED, Artefact, read_artefacts

_GENERATED = "generate_sample"
# Their verbs take events in chunks: memory does not grow with a shard, once it is larger than one.
_CHUNKED = {
    "generate_sample", "simulate_detector", "simulate_passing", "untrained_particleflow",
    "cluster_uncalibrated", "cluster_jets",
}  # fmt: skip


class Measured(NamedTuple):
    """One job of a finished run: wall time (s), peak memory and output (MB), and its work."""

    rule: str
    sample: str
    seconds: float
    memory_mb: float
    output_mb: float
    events: Events
    repeats: float


def measure(runs: Sequence[Path]) -> list[Cost]:
    """The lines of the table.

    Args:
        runs: folders of finished runs, the one to take the typical values from first. A second one
            with other numbers of events says how much of a job does not grow with them.

    Raises:
        DataError: a folder holds no finished job.
    """
    typical, *others = [list(_jobs_of(run)) for run in runs]
    further = [job for jobs in others for job in jobs]
    lines: dict[tuple[str, str], Cost] = {}
    # A rule's own line comes first: the others fall back on where it begins.
    for rule, sample in sorted(
        {(job.rule, each) for job in typical + further for each in ("", job.sample)}
    ):
        here, there = (
            [job for job in jobs if job.rule == rule and sample in ("", job.sample)]
            for jobs in (typical, further)
        )
        lines[rule, sample] = line_of(rule, sample, here or there, there, lines.get((rule, "")))
    return [*lines.values()]


def line_of(
    rule: str,
    sample: str,
    here: Sequence[Measured],
    there: Sequence[Measured],
    known: Cost | None = None,
) -> Cost:
    """A line of the table.

    Args:
        rule, sample: of these jobs.
        here: the jobs that are typical.
        there: further ones, with other numbers of events.
        known: the line of the rule, which tells where the straight line begins if these do not.
    """
    jobs = [*here, *there]
    events = [float(job.events.all or 0) for job in jobs]
    shards = [float(job.events.shard or 0) for job in jobs]
    seconds = float(np.mean([job.seconds for job in here]))
    memory = float(max(job.memory_mb for job in here))
    output = float(np.mean([job.output_mb for job in here]))

    def start(
        sizes: Sequence[float], values: Sequence[float], typical: float, name: str, untold: float
    ) -> float:
        found = _start(sizes, values)
        return min(typical, (getattr(known, name) if known else untold) if found is None else found)

    return Cost(
        rule=rule,
        seconds=seconds,
        max_rss_mb=memory,
        output_mb=output,
        sample=sample,
        events=float(np.mean(events[: len(here)])),
        shard_events=float(np.mean(shards[: len(here)])),
        repeats=float(np.mean([job.repeats for job in here])),
        start_seconds=start(events, [job.seconds for job in jobs], seconds, "start_seconds", 0.0),
        # Where nothing tells how memory grows most is of libraries, and an attempt that lacks it is
        # followed by one with more.
        start_rss_mb=memory
        if rule in _CHUNKED
        else start(shards, [job.memory_mb for job in jobs], memory, "start_rss_mb", memory),
        start_output_mb=start(
            events, [job.output_mb for job in jobs], output, "start_output_mb", 0.0
        ),
    )


def _start(events: Sequence[float], values: Sequence[float]) -> float | None:
    """Where a rising line through the values begins; each counts by its relative difference.

    None where all have one number of events, and nothing tells.
    """
    sizes = np.maximum(np.asarray(values, float), 1e-6)
    if not any(events):
        return float(np.mean(sizes))
    if len(set(events)) < 2:
        return None
    lines = np.column_stack([np.ones(len(sizes)), np.asarray(events) / max(events)])
    return float(nnls(lines / sizes[:, None], np.ones(len(sizes)))[0][0])


def _jobs_of(run: Path) -> Iterable[Measured]:
    with contextlib.chdir(run):
        artefacts = read_artefacts(also_missing=True)
    generated = {
        Path(path).parent.name: artefact.making.settings["events"]
        for path, artefact in artefacts.items()
        if artefact.making.rule == _GENERATED
    }
    counter = Counter(generated, lambda path: artefacts[path].parents if path in artefacts else [])
    jobs: dict[str, list[Artefact]] = defaultdict(list)
    for artefact in artefacts.values():
        if artefact.making.rule != ADOPTED and artefact.checksum is not None:
            jobs[artefact.making.job].append(artefact)
    if not jobs:
        raise DataError(f"{run}: no finished job here.", "Name the folder of a finished run.")
    for outputs in jobs.values():
        first = outputs[0]
        names = {Path(each.path).parent.name for each in outputs}
        checksums = [each.checksum for each in outputs if each.checksum is not None]
        yield Measured(
            rule=first.making.rule,
            sample=next(iter(names & generated.keys()), ""),
            seconds=first.ended - first.started,
            memory_mb=max(each.memory_mb or 0 for each in checksums),
            output_mb=sum(each.bytes for each in checksums) / 1e6,
            events=counter.of_job(first.path, first.parents, most_events(first.making.settings)),
            repeats=repeats(first.making.settings),
        )
