"""The account of a run: which jobs run, how many are left, where the time goes.

Every event costs the same however many jobs there are: sums are kept by rule and by room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jetchain.plumbing.rules import BOOK

# As many finished jobs of a rule as its typical time counts for.
TYPICAL_COUNTS = 2
# What belongs to no room: `all` and the other rules that only name targets.
TARGETS = "targets"


def rooms_of_rules() -> dict[str, str]:
    """The room of every rule that this process has read, in the order of the Snakefile."""
    return {name: record.room for name, record in BOOK.items()}


@dataclass(frozen=True)
class Job:
    """A job that runs or ran.

    Attributes:
        rule, room: where it belongs.
        name: for people, such as ``detector.simulate quark/0001``.
        log: path of its log, None if it has none.
        started: seconds since the epoch.
        typical: seconds that it should take by what was measured elsewhere; 0 if unknown.
    """

    rule: str
    room: str
    name: str
    log: str | None
    started: float
    typical: float = 0.0


@dataclass
class Tally:
    """Jobs of a rule or a room, and their time.

    Attributes:
        total, done: jobs of this run.
        seconds: of the finished jobs.
        running: jobs that run now, and the sum of their starts: together they give the time
            spent in them without a look at each.
        longest: seconds and name of the longest job.
        typical: seconds that the finished jobs should have taken by what was measured elsewhere.
        expected: seconds that running jobs will take in all, of those whose progress tells.
    """

    total: int = 0
    done: int = 0
    seconds: float = 0.0
    running: int = 0
    starts: float = 0.0
    longest: tuple[float, str] = (0.0, "")
    typical: float = 0.0
    expected: dict[Job, float] = field(default_factory=dict)

    def start(self, job: Job) -> None:
        self.running += 1
        self.starts += job.started

    def stop(self, job: Job) -> None:
        self.running -= 1
        self.starts -= job.started
        self.expected.pop(job, None)

    def finish(self, job: Job, seconds: float) -> None:
        self.stop(job)
        self.done += 1
        self.seconds += seconds
        self.typical += job.typical
        self.longest = max(self.longest, (seconds, job.name))

    def spent(self, now: float) -> float:
        """Seconds spent in its running jobs so far."""
        return self.running * now - self.starts

    def left(self, now: float, typical: float | None = None, pace: float = 1.0) -> float | None:
        """Seconds of work left in it; None if nothing tells how long its jobs take.

        Args:
            now: seconds since the epoch.
            typical: what all its jobs should take by what was measured elsewhere, s.
            pace: how much longer than that the jobs of this run take.
        """
        if self.done >= self.total:
            return 0.0
        seconds = self.seconds + sum(self.expected.values())
        if typical is not None:
            known = self.typical + sum(job.typical for job in self.expected)
            weight = TYPICAL_COUNTS * typical / self.total
            own = (seconds + weight * pace) / (known + weight) if known + weight else pace
            work = (typical - self.typical) * own
        elif known := self.done + len(self.expected):
            work = (self.total - self.done) * seconds / known
        else:
            return None
        running = sum(
            max(seconds + job.started - now, 0.0) for job, seconds in self.expected.items()
        )
        return max(work - self.spent(now), running)


@dataclass
class Account:
    """Of one run.

    Attributes:
        room_of: room of each rule, in the order to show them in.
        typical: seconds that the jobs of each rule should take together.
        opened, began: when the run and its first job started, seconds since the epoch; 0 before.
        cores: of this machine that the run may use; 0 on a cluster.
        stopped: whether the user interrupted it.
        total, done: jobs of the run.
        running: by Snakemake's number of the job.
        failed: the same, of those that failed and were not started again.
        rules, rooms: tallies by name.
    """

    room_of: Mapping[str, str]
    typical: Mapping[str, float] = field(default_factory=dict)
    opened: float = 0.0
    began: float = 0.0
    cores: int = 0
    stopped: bool = False
    total: int = 0
    done: int = 0
    running: dict[int, Job] = field(default_factory=dict)
    failed: dict[int, Job] = field(default_factory=dict)
    rules: dict[str, Tally] = field(default_factory=dict)
    rooms: dict[str, Tally] = field(default_factory=dict)

    def plan(self, jobs: Mapping[str, int]) -> None:
        """Take over the numbers of jobs by rule, as Snakemake tells them before a run."""
        self.total = sum(jobs.values())
        for room in (*dict.fromkeys(self.room_of.values()), TARGETS):
            inside = {rule: n for rule, n in jobs.items() if self.room(rule) == room}
            if inside:
                self.rooms[room] = Tally(total=sum(inside.values()))
                self.rules |= {rule: Tally(total=number) for rule, number in inside.items()}

    def busy(self, now: float) -> float:
        """Which part of the cores' time since the run began was spent in jobs; 0 if none can say.

        A job counts as one core, so this is a lower bound where jobs use several.
        """
        available = self.cores * (now - self.opened)
        return sum(tally.seconds for tally in self.rooms.values()) / available if available else 0.0

    def room(self, rule: str) -> str:
        return self.room_of.get(rule, TARGETS)

    def start(self, number: int, job: Job) -> None:
        """A job starts, for the first time or again after a failure."""
        self.began = self.began or job.started
        self.failed.pop(number, None)
        self.running[number] = job
        for tally in self._tallies(job):
            tally.start(job)

    def finish(self, number: int, now: float) -> Job | None:
        """A job is done; gives the job, None if its start was not seen."""
        job = self.running.pop(number, None)
        self.done += 1
        if job is not None:
            for tally in self._tallies(job):
                tally.finish(job, now - job.started)
        return job

    def fail(self, number: int) -> None:
        """A job failed."""
        job = self.running.pop(number, None)
        if job is not None:
            self.failed[number] = job
            for tally in self._tallies(job):
                tally.stop(job)

    def expect(self, job: Job, seconds: float) -> None:
        """A running job's progress tells how long it will take in all."""
        self.rules[job.rule].expected[job] = seconds

    def left(self, now: float) -> tuple[float, bool]:
        """Seconds until the end at the present rate, and whether all that is left is counted.

        Jobs of a rule that was never measured, and of which none has finished or reported progress,
        are not counted. It is no less than the longest job that is left.
        """
        pace = self._pace()
        work = {
            rule: tally.left(now, self.typical.get(rule), pace)
            for rule, tally in self.rules.items()
            if self.room(rule) != TARGETS
        }
        spent = sum(tally.seconds + tally.spent(now) for tally in self.rooms.values())
        at_once = max(1.0, spent / max(now - self.began, 1e-6))
        running = [
            self.rules[job.rule].expected.get(job, job.typical * pace) + job.started - now
            for job in self.running.values()
        ]
        waiting = [
            pace * seconds / tally.total
            for rule, seconds in self.typical.items()
            if (tally := self.rules.get(rule)) and tally.done + tally.running < tally.total
        ]
        seconds = sum(each for each in work.values() if each is not None) / at_once
        return max(seconds, *running, *waiting, 0.0), None not in work.values()

    def _pace(self) -> float:
        """How long the jobs that are done took, relative to what they should."""
        done = [tally for rule, tally in self.rules.items() if rule in self.typical]
        typical = sum(tally.typical for tally in done)
        return sum(tally.seconds for tally in done) / typical if typical else 1.0

    def _tallies(self, job: Job) -> tuple[Tally, Tally]:
        return (
            self.rules.setdefault(job.rule, Tally()),
            self.rooms.setdefault(job.room, Tally()),
        )
