"""What a configuration takes from nothing to `all`: cores, GPUs, memory, disk and files."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from jetchain.core.progress import duration
from jetchain.plumbing.provenance.explain import dry_run
from jetchain.plumbing.rules import BOOK
from jetchain.plumbing.scheduling import Planner

_FILES_OF_OUTPUT = 3  # itself, its checksum, Snakemake's record of it
_FILES_OF_JOB = 1  # its log


@dataclass
class Sum:
    """Of jobs: their number, core and GPU seconds, MB that stay and that go, files."""

    jobs: int = 0
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    kept_mb: float = 0.0
    passing_mb: float = 0.0
    files: int = 0

    def add(self, seconds: float, output_mb: float, outputs: int, *, gpu: bool, kept: bool) -> None:
        """Count a job."""
        self.jobs += 1
        self.seconds += seconds
        self.gpu_seconds += seconds if gpu else 0.0
        if kept:
            self.kept_mb += output_mb
        else:
            self.passing_mb += output_mb
        self.files += _FILES_OF_JOB + _FILES_OF_OUTPUT * outputs


@dataclass
class Estimate:
    """Of a configuration.

    Attributes:
        whole: all jobs.
        rooms: the same by room, in the order of the Snakefile.
        events: that are generated.
        chain: seconds of the jobs that can only follow each other.
        memory: MB of the job that takes most, and its rule.
        longest: seconds of the longest job, and its rule.
    """

    whole: Sum = field(default_factory=Sum)
    rooms: dict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    events: int = 0
    chain: float = 0.0
    memory: tuple[float, str] = (0.0, "")
    longest: tuple[float, str] = (0.0, "")


def estimate(arguments: list[str]) -> str:
    """Plan as ``snakemake`` does with these arguments, and add up what all its jobs take.

    Raises:
        DataError: Snakemake cannot plan; it has said why.
    """
    dag, _ = dry_run(arguments)
    return as_text(add_up(dag, dag.workflow.globals["PLANNER"]))


def add_up(dag: Any, planner: Planner) -> Estimate:
    """Add up the jobs of a plan, those that are done as well."""
    found = Estimate(rooms={record.room: Sum() for record in BOOK.values()})
    ends: dict[Any, float] = {}
    for level in dag.toposorted():
        for job in level:
            rule = job.rule.name
            above = max((ends[other] for other in dag.dependencies[job]), default=0.0)
            ends[job] = above
            if rule not in BOOK:
                continue
            cost, events, seconds = planner.cost(job), planner.events(job), planner.seconds(job)
            ends[job] += seconds
            for total in (found.whole, found.rooms[BOOK[rule].room]):
                total.add(
                    seconds,
                    cost.output(events),
                    len(job.output),
                    gpu=planner.gpu(job),
                    kept=not any(job.temp_output),
                )
            found.memory = max(found.memory, (cost.memory(events), rule))
            found.longest = max(found.longest, (seconds, rule))
            if rule == "generate_sample":
                found.events += events.all or 0
    found.chain = max(ends.values(), default=0.0)
    return found


def as_text(found: Estimate) -> str:
    """The estimate as a user reads it."""
    whole, gpu = found.whole, found.whole.gpu_seconds
    lines = [
        f"{whole.jobs:,} jobs from nothing, {found.events:,} generated events.",
        "",
        f"  CPU     {_hours(whole.seconds)} of one core; on any number of cores no less than "
        f"{duration(found.chain)}",
        f"          longest job: {duration(found.longest[0])} ({found.longest[1]})",
        f"  GPU     {_hours(gpu)} if a GPU is no faster than a core: it is less"
        if gpu
        else "  GPU     none: no training asks for one (device: cuda)",
        f"  memory  {_gigabytes(found.memory[0])} for the job that takes most ({found.memory[1]})",
        f"  disk    {_gigabytes(whole.kept_mb)} in {whole.files:,} files, and no more than "
        f"{_gigabytes(whole.passing_mb)} that go during the run",
        "",
        f"  {'room':<14}{'jobs':>8}{'core hours':>13}{'disk':>12}",
    ]
    for room, part in found.rooms.items():
        if part.jobs:
            lines.append(
                f"  {room:<14}{part.jobs:>8,}{part.seconds / 3600:>13,.1f}"
                f"{_gigabytes(part.kept_mb):>12}"
            )
    lines += [
        "",
        "From resources/costs.csv, measured at laptop scale, in a straight line with events,",
        "epochs, trainings and toys. Larger networks than the default's are not counted.",
    ]
    return "\n".join(lines) + "\n"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} hours"


def _gigabytes(megabytes: float) -> str:
    return f"{megabytes / 1000:,.1f} GB"
