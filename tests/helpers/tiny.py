"""The finished run of the tiny configuration that all tests share, and the traces of its jobs."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from helpers.snakemake import snakemake
from jetchain.core.errors import DataError

HOOK = Path(__file__).parent / "tracing"


def traces_of(folder: Path) -> Path:
    """Where the jobs of a run leave their traces: see tracing/sitecustomize.py."""
    return folder / "traces"


Made = TypeVar("Made")


def at_rest(action: Callable[[], Made]) -> Made:
    """Do what is refused while a run is at work, such as another worker's dry run.

    Args:
        action: raises DataError as long as it is refused.
    """
    for _ in range(200):
        with contextlib.suppress(DataError):
            return action()
        time.sleep(0.3)
    return action()


def finish(folder: Path) -> None:
    """Run the tiny configuration in a folder to its end, each job traced; at most once at a time.

    Whoever comes second waits, and finds it done; a failure is everyone's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outcome = folder / ".outcome"
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not outcome.exists():
            paths = [str(HOOK), *filter(None, [os.environ.get("PYTHONPATH")])]
            done = snakemake(
                folder,
                "all",
                environment={
                    "PYTHONPATH": os.pathsep.join(paths),
                    "JETCHAIN_TRACES": str(traces_of(folder)),
                },
            )
            outcome.write_text("" if done.returncode == 0 else done.stdout[-6000:])
        failure = outcome.read_text()
    assert not failure, failure
