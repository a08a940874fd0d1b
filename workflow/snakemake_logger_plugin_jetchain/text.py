"""The account of a run as plain text: lines of a log file, and the summary at its end."""

from __future__ import annotations

import shlex
from pathlib import Path

from jetchain.core.progress import duration
from jetchain.plumbing.environment import from_where_called
from snakemake_logger_plugin_jetchain.account import TARGETS, Account, Job

REPORTING = Path("results/reporting")


def jobs(number: int) -> str:
    """A number of jobs in words."""
    return "1 job" if number == 1 else f"{number:,} jobs"


def time_left(account: Account, now: float) -> str:
    """How long the run still takes: ``about 12 min``; nothing before there is an idea.

    ``or more`` while some rule is untimed: none of its jobs has finished or reported progress.
    """
    seconds, complete = account.left(now)
    if not seconds:
        return ""
    # An estimate, so without seconds beyond the first minutes.
    tens, minutes = round(seconds / 10) * 10, round(seconds / 60)
    if tens < 60:
        rounded = f"{max(10, tens)} s"
    else:
        rounded = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
    return f"about {rounded}{'' if complete else ' or more'}"


def counter(account: Account) -> str:
    """How many jobs are done: ``[ 57/257]``."""
    return f"[{account.done:{len(str(account.total))}}/{account.total}]"


def plan_line(account: Account) -> str:
    """What will run, by room."""
    rooms = [f"{room} {tally.total:,}" for room, tally in account.rooms.items() if room != TARGETS]
    return ": ".join(filter(None, [f"{jobs(account.total)} to run", ", ".join(rooms)]))


def finished_line(account: Account, job: Job, now: float) -> str:
    """One finished job, and what is left."""
    line = f"{counter(account)} {job.name} in {duration(now - job.started)}"
    left = [f"{jobs(account.total - account.done)} left", time_left(account, now)]
    return f"{line}; {', '.join(filter(None, left))}"


def running_line(account: Account, job: Job, report: str, now: float) -> str:
    """How far one long job has come."""
    return f"{' ' * len(counter(account))} {job.name} for {duration(now - job.started)}: {report}"


def times_table(account: Account) -> str:
    """Time by room: jobs, their time summed, its share, the longest job."""
    rows = [("room", "jobs", "time in jobs", "share", "longest job")]
    total = sum(tally.seconds for tally in account.rooms.values())
    for room, tally in account.rooms.items():
        if tally.done and room != TARGETS:
            seconds, name = tally.longest
            share = f"{tally.seconds / total:.0%}" if total else "-"
            rows.append(
                (room, f"{tally.done:,}", duration(tally.seconds), share,
                 f"{name}, {duration(seconds)}")
            )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}"
        + "".join(f"  {row[column]:>{widths[column]}}" for column in (1, 2, 3))
        + f"  {row[4]}"
        for row in rows
    )


def summary(account: Account, now: float, command: str) -> str:
    """The end of a run: where its time went, and its headline, or its failures and how to go on."""
    parts = []
    if any(tally.done for room, tally in account.rooms.items() if room != TARGETS):
        parts.append(times_table(account))
    done = f"{account.done:,} of {jobs(account.total)} done in {duration(now - account.opened)}"
    busy = account.busy(now)
    done += f"; the {account.cores} cores worked {busy:.0%} of it on jobs." if busy else "."
    if account.done >= account.total and not account.failed:
        return "\n\n".join([*parts, done, *headline(account.began)])
    parts.append(f"{done} What was finished is kept.")
    unfinished = [*account.failed.values(), *account.running.values()]
    if unfinished:
        end = "did not finish" if account.stopped or account.running else "failed"
        lines = [f"{jobs(len(unfinished))} {end}:"]
        lines += [
            f"  {job.name}" + (f"  (log: {job.log})" if job.log else "") for job in unfinished
        ]
        parts.append("\n".join(lines))
    parts.append(f"To go on, run the same command:\n  {command}")
    return "\n\n".join(parts)


def headline(since: float) -> list[str]:
    """The headline results, if this run wrote them; and where to look."""
    text = REPORTING / "summary.txt"
    if not text.is_file() or text.stat().st_mtime < since:
        return []
    run = from_where_called(Path())
    report = "make report" if run == "." else f"make report RUN={shlex.quote(run)}"
    return [
        text.read_text(encoding="utf-8").rstrip(),
        f"Figures: {from_where_called(REPORTING)}; overview.png shows the chain, summary.csv holds "
        "these numbers.\n"
        f"`{report}` writes all figures with their captions to "
        f"{from_where_called(Path('report.html'))}.",
    ]
