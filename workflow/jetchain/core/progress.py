"""How far a long loop has come: one line in the job's log, now and then.

A loop makes a `Progress` and calls its `report`; the log gets lines like ::

    progress: 5,200/8,000 events, 172/s
    progress: particlenet 7/12 epochs, loss 0.41, validation 0.44

which a person can read, and which `latest` reads back for the display of a run
(snakemake_logger_plugin_jetchain). Nothing here touches a result, so the digest of a verb's code
leaves this module out (plumbing/digest.py): another wording reruns nothing.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SECONDS_BETWEEN_REPORTS = 5.0
_TAIL_BYTES = 4096
_LINE = re.compile(r"^progress: ((?:.* )?([\d,]+)/([\d,]+) .*)\n", re.MULTILINE)


def duration(seconds: float) -> str:
    """A time for people: 23 s, 3 min 20 s, 1 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress:
    """The progress of one loop.

    Args:
        total: how many items the loop works through.
        unit: what they are, in the plural.
        name: what is worked on, where a job has several loops.
    """

    def __init__(self, total: int, unit: str, name: str = "") -> None:
        self._total = total
        self._unit = unit
        self._name = f"{name} " if name else ""
        self._started = self._reported = time.monotonic()

    def report(self, done: int, **metrics: float) -> None:
        """Print how much is done if the last line is old enough, or a long loop has ended.

        Args:
            done: items so far.
            metrics: figures of merit so far, by the name to print.
        """
        now = time.monotonic()
        is_early = now - self._reported < SECONDS_BETWEEN_REPORTS
        if is_early and (done < self._total or self._reported == self._started):
            return
        self._reported = now
        parts = [f"progress: {self._name}{done:,}/{self._total:,} {self._unit}"]
        rate = done / max(now - self._started, 1e-6)
        if metrics:
            parts += [f"{name} {value:.4g}" for name, value in metrics.items()]
        elif rate >= 1:
            parts.append(f"{rate:,.0f}/s")
        print(", ".join(parts), file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Report:
    """What the latest line of a log says.

    Attributes:
        text: the line, for people.
        fraction: how much of the loop is done, 0 to 1.
    """

    text: str
    fraction: float


def latest(log: Path, since: float) -> Report | None:
    """The newest report at the end of a log; None if there is none yet.

    Args:
        log: of a job.
        since: start of the job in seconds since the epoch: an older log is an earlier run's.
    """
    try:
        with log.open("rb") as file:
            if log.stat().st_mtime < since - 1:
                return None
            file.seek(-min(_TAIL_BYTES, log.stat().st_size), 2)
            tail = file.read().decode("utf-8", errors="replace")
    except OSError:
        return None
    found = _LINE.findall(tail)
    if not found:
        return None
    text, done, total = found[-1]
    whole = int(total.replace(",", ""))
    return Report(text, int(done.replace(",", "")) / whole if whole else 1.0)
