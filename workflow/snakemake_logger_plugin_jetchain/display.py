"""The live display of a run on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jetchain.core.progress import duration
from snakemake_logger_plugin_jetchain.account import TARGETS, Account, Job
from snakemake_logger_plugin_jetchain.text import jobs, time_left

LINES_BESIDE_JOBS = 5


class Display:
    """Shows an account at the bottom of the terminal until it is closed."""

    def __init__(self, stream: TextIO, nocolor: bool) -> None:
        self.console = Console(file=stream, no_color=nocolor, highlight=False)
        self._live = self._start()

    @property
    def lines_for_jobs(self) -> int:
        """How many running jobs the terminal has lines for."""
        return max(1, self.console.height // 2 - LINES_BESIDE_JOBS)

    def show(self, account: Account, reports: Mapping[Job, str], now: float) -> None:
        """Draw the present state.

        Args:
            account: of the run.
            reports: the running jobs to show, with what each says of its progress.
            now: seconds since the epoch.
        """
        lines = self.console.height - len(reports) - LINES_BESIDE_JOBS
        rooms = {name: tally for name, tally in account.rooms.items() if name != TARGETS}
        if len(rooms) > lines:
            rooms = {name: tally for name, tally in rooms.items() if tally.running}
        bars = Table.grid(padding=(0, 2))
        for name, tally in rooms.items():
            finished = tally.done >= tally.total
            bars.add_row(
                Text(name, style="dim" if finished else "bold"),
                ProgressBar(total=tally.total, completed=tally.done, width=30),
                Text(f"{tally.done:,}/{tally.total:,}", justify="right"),
                Text(f"{tally.running:,} running" if tally.running else ""),
                Text(duration(tally.seconds) if tally.done else "", style="dim"),
            )
        rows = [(job.name, duration(now - job.started), said) for job, said in reports.items()]
        running = Table.grid(padding=(0, 2))
        for column in range(2):
            running.add_column(min_width=max((len(row[column]) for row in rows), default=0))
        running.add_column(no_wrap=True, overflow="ellipsis")
        for row in rows:
            running.add_row(*row)
        foot = Text(_foot(account, now), no_wrap=True, overflow="ellipsis")
        self._live.update(Group(Text(), bars, Text(), running, foot), refresh=True)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Make way for something that is printed."""
        self._live.stop()
        try:
            yield
        finally:
            self._live = self._start()

    def close(self) -> None:
        """Remove the display and give the terminal back as it was."""
        self._live.stop()

    def _start(self) -> Live:
        # What anything else prints meanwhile (a hook of the Snakefile) goes above the display.
        live = Live(
            console=self.console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        live.start()
        return live


def _foot(account: Account, now: float) -> str:
    left = time_left(account, now)
    parts = [
        f"{account.done:,} of {jobs(account.total)} done, {account.total - account.done:,} left",
        f"{len(account.failed):,} FAILED" if account.failed else "",
        f"{left} to go" if left else "",
        f"{duration(now - account.opened)} so far",
    ]
    return "; ".join(filter(None, parts))
