"""The finished run of the tiny configuration that all tests share, and the traces of its jobs."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.snakemake import snakemake

HOOK = Path(__file__).parent / "tracing"


def traces_of(folder: Path) -> Path:
    """Where the jobs of a run leave their traces: see tracing/sitecustomize.py."""
    return folder / "traces"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only worker that runs Snakemake in the shared folder, or that copies it as a whole."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def finish(folder: Path) -> None:
    """Run the tiny configuration in a folder to its end, each job traced; at most once at a time.

    Whoever comes second waits, and finds it done; a failure is everyone's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outcome = folder / ".outcome"
    with alone(folder):
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
