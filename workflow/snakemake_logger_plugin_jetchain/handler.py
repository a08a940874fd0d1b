"""Snakemake's messages, with the progress of the run in place of a block for each job.

Errors, warnings and all other messages go through Snakemake's own handler and formatter. So does
everything where the user asked for less or more than usual: --dry-run, --quiet, --verbose.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import threading
import time
import traceback
from contextlib import nullcontext
from itertools import islice
from logging import LogRecord
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake.logging import ColorizingTextHandler, DefaultFormatter, logger
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from jetchain.core.progress import latest
from jetchain.plumbing.scheduling import EXPECTED
from snakemake_logger_plugin_jetchain import mistakes, text
from snakemake_logger_plugin_jetchain.account import Account, Job, rooms_of_rules

if TYPE_CHECKING:
    from snakemake_logger_plugin_jetchain.display import Display

SECONDS_BETWEEN_DRAWINGS = 0.5
SECONDS_BETWEEN_LINES = 30.0
JOBS_WITH_LINES = 10
_VERB = re.compile(r"python -m jetchain (\S+)")
# What the progress of the run says better.
_REPLACED = {
    LogEvent.RUN_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.JOB_INFO,
    LogEvent.JOB_FINISHED,
    LogEvent.GROUP_INFO,
    LogEvent.PROGRESS,
}
_REPLACED_MESSAGES = ("Select jobs to execute...", "Provided resources: ")
_INTERRUPTED = "Terminating processes on user request"


class LogHandler(LogHandlerBase):
    """Prints what Snakemake logs, and how far the run has come."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        settings = self.common_settings
        self._stream = sys.stdout if settings.stdout else sys.stderr
        nocolor = settings.nocolor or bool(os.environ.get("NO_COLOR"))
        self._messages = ColorizingTextHandler(
            nocolor=nocolor,
            stream=self._stream,
            formatter=DefaultFormatter(settings.quiet, settings.show_failed_logs),
        )
        self._nocolor = nocolor
        self._on_terminal = self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._account = Account({})
        self._display: Display | None = None
        self._said: dict[Job, str] = {}
        self._stopped = threading.Event()
        # Handler.handle holds the handler's own lock while it emits.
        self._guard = self.lock or threading.RLock()
        quiet = {each.name for each in settings.quiet or ()} & {"ALL", "RULES", "PROGRESS"}
        logger.addFilter(mistakes.explain)
        self._active = not (settings.dryrun or settings.verbose or settings.debug_dag or quiet)

    def emit(self, record: LogRecord) -> None:
        """Take one message of Snakemake's; a fault of the display never loses one."""
        event = getattr(record, "event", None)
        if self._active:
            try:
                self._note(event, record.__dict__)
            except Exception:
                self._give_up()
        replaced = event in _REPLACED or str(record.msg).startswith(_REPLACED_MESSAGES)
        if not (self._active and replaced):
            with self._display.hidden() if self._display else nullcontext():
                self._messages.emit(record)

    def close(self) -> None:
        """End of the run, however it ended: restore the terminal, print the summary."""
        self._stopped.set()
        with self._guard:
            if self._display is not None:
                self._display.close()
                self._display = None
            if self._active and self._account.began:
                self._active = False
                self._line(f"\n{text.summary(self._account, time.time(), _command())}")
        super().close()

    def _note(self, event: LogEvent | None, said: dict[str, Any]) -> None:
        """Enter a message into the account."""
        if event == LogEvent.WORKFLOW_STARTED:
            self._account = Account({}, opened=said["created"])
        elif event == LogEvent.RUN_INFO:
            self._account.room_of = rooms_of_rules()
            self._account.plan({rule: n for rule, n in said["stats"].items() if rule != "total"})
            self._line(text.plan_line(self._account))
        elif event == LogEvent.RESOURCES_INFO:
            self._account.cores = said.get("cores", self._account.cores)
        elif event == LogEvent.JOB_INFO:
            self._job_started(said)
        elif event == LogEvent.JOB_FINISHED:
            self._job_finished(said)
        elif event == LogEvent.JOB_ERROR:
            self._account.fail(said["jobid"])
        elif str(said["msg"]).startswith(_INTERRUPTED):
            self._account.stopped = True

    def _job_started(self, said: dict[str, Any]) -> None:
        rule = said["rule_name"]
        verb = _VERB.search(said["shellcmd"] or "")
        item = "/".join(str(value) for value in (said["wildcards"] or {}).values())
        job = Job(
            rule=rule,
            room=self._account.room(rule),
            name=f"{verb[1] if verb else rule} {item}".rstrip(),
            log=said["log"][0] if said["log"] else None,
            started=said["created"],
            typical=EXPECTED.get(rule, {}).get(said["jobid"], 0.0),
        )
        first = not self._account.began
        if first:
            self._account.typical = {name: sum(each.values()) for name, each in EXPECTED.items()}
        self._account.start(said["jobid"], job)
        if first:
            if self._on_terminal:
                from snakemake_logger_plugin_jetchain.display import Display

                self._display = Display(self._stream, self._nocolor)
            threading.Thread(target=self._watch, name="progress", daemon=True).start()

    def _job_finished(self, said: dict[str, Any]) -> None:
        job = self._account.finish(said["job_id"], said["created"])
        if job is not None:
            self._said.pop(job, None)
            if self._display is None:
                self._line(text.finished_line(self._account, job, said["created"]))

    def _watch(self) -> None:
        """Show how far the running jobs have come, until the run ends."""
        pause = SECONDS_BETWEEN_DRAWINGS if self._display else SECONDS_BETWEEN_LINES
        while not self._stopped.wait(pause):
            with self._guard:
                if self._stopped.is_set() or not self._active:
                    return
                try:
                    self._draw(time.time())
                except Exception:
                    self._give_up()

    def _draw(self, now: float) -> None:
        if self._display is not None:
            shown = islice(self._account.running.values(), self._display.lines_for_jobs)
            self._display.show(self._account, {job: self._report(job, now) for job in shown}, now)
            return
        for job in islice(self._account.running.values(), JOBS_WITH_LINES):
            if now - job.started >= SECONDS_BETWEEN_LINES:
                report = self._report(job, now)
                if report and report != self._said.get(job):
                    self._said[job] = report
                    self._line(text.running_line(self._account, job, report, now))

    def _report(self, job: Job, now: float) -> str:
        """What a running job says of its progress."""
        report = latest(Path(job.log), job.started) if job.log else None
        if report is None:
            return ""
        if report.fraction > 0:
            self._account.expect(job, (now - job.started) / report.fraction)
        return report.text

    def _line(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def _give_up(self) -> None:
        """Go on with Snakemake's messages alone."""
        self._active = False
        if self._display is not None:
            self._display.close()
            self._display = None
        self._line(f"The progress of the run cannot be shown:\n{traceback.format_exc()}")


def _command() -> str:
    """The command that the user gave."""
    name = Path(sys.argv[0]).name
    program = ["python", "-m", "snakemake"] if name == "__main__.py" else [name]
    return shlex.join([*program, *sys.argv[1:]])
