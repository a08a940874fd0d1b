"""Inject faults into a real run: find its processes, kill them, damage its files."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from helpers.snakemake import start

PATIENCE = 300  # seconds until something that must happen counts as never happening


@contextmanager
def running(folder: Path, *targets: str, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """A Snakemake that runs beside the test, in a session of its own; killed at the end."""
    process = start(folder, *targets, start_new_session=True, **how)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until a condition gives something, and return that."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.02)
    return found


def jobs_of(folder: Path, verb: str = "") -> list[psutil.Process]:
    """The job processes that are at work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            called = words[1:3] == ["-m", "jetchain"] and words[3].startswith(verb)
            if called and process.cwd() == str(folder) and process.status() != "zombie":
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return found


def wait_for_job(folder: Path, verb: str = "") -> psutil.Process:
    """Wait until a job of a verb is at work."""
    return until(lambda: jobs_of(folder, verb), f"a job {verb}")[0]


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every artefact of a run."""
    results = folder / "results"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.relative_to(results).parts[0] not in ("logs", "provenance")
    }


def replace(path: Path, content: bytes) -> None:
    """Put other content in the place of a file, as an editor or a broken disk would."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def flip(content: bytes) -> bytes:
    """One bit in the middle of the content, the other way round."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
