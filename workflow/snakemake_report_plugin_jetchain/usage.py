"""Where the time and the memory of a run went, room by room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jetchain.plumbing.provenance.artefacts import Artefact


@dataclass(frozen=True)
class Job:
    """What a job took.

    Attributes:
        name, rule: of the job.
        seconds: from its start to its end.
        cpu_seconds, memory_mb: processor time, and peak memory in MiB; None where it is not known.
    """

    name: str
    rule: str
    seconds: float
    cpu_seconds: float | None
    memory_mb: int | None


@dataclass(frozen=True)
class Usage:
    """What the jobs of a room took.

    Attributes:
        room: its name.
        jobs: number.
        seconds: summed over the jobs; `share` is its part of all rooms'.
        cpu_seconds: the same of processor time, of the jobs that know it.
        longest: the longest job.
        largest: the one with the highest peak of memory; None if none knows it.
    """

    room: str
    jobs: int
    seconds: float
    share: float
    cpu_seconds: float
    longest: Job
    largest: Job | None


def jobs_of(artefacts: Iterable[Artefact]) -> dict[str, Job]:
    """The jobs that made some files, by the name of the job."""
    found = {}
    for each in artefacts:
        making, known = each.making, each.checksum
        found[making.job] = Job(
            making.job,
            making.rule,
            each.ended - each.started,
            known.cpu_seconds if known else None,
            known.memory_mb if known else None,
        )
    return found


def by_room(jobs: Iterable[Job], room_of: Mapping[str, str]) -> list[Usage]:
    """What each room took, in the order of `room_of`.

    Args:
        jobs: all of them.
        room_of: room of each rule; a rule without one does not count.
    """
    inside: dict[str, list[Job]] = {room: [] for room in room_of.values()}
    for job in jobs:
        if job.rule in room_of:
            inside[room_of[job.rule]].append(job)
    total = sum(job.seconds for members in inside.values() for job in members)
    return [
        Usage(
            room,
            len(members),
            seconds := sum(job.seconds for job in members),
            seconds / total if total else 0.0,
            sum(job.cpu_seconds or 0.0 for job in members),
            max(members, key=lambda job: job.seconds),
            max(
                (job for job in members if job.memory_mb is not None),
                key=lambda job: job.memory_mb or 0,
                default=None,
            ),
        )
        for room, members in inside.items()
        if members
    ]
