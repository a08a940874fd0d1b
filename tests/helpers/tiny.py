"""The finished run of the tiny configuration that all tests share, and the traces of its jobs."""

import contextlib
import fcntl
import sysconfig
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from helpers.snakemake import snakemake
from jetchain.core.errors import DataError

TRACING = Path(__file__).parent / "tracing"


def traces_of(folder: Path) -> Path:
    """Where the jobs of a run leave their traces: see tracing/trace_jobs.py."""
    return folder / "traces"


def tracing_python(folder: Path) -> Path:
    """A Python with the packages of this one, that traces the jobs that it runs."""
    venv.create(folder, clear=True, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "tracing.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
        f"{TRACING}\nimport trace_jobs\n"
    )
    return folder / "bin" / "python"


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
            done = snakemake(
                folder,
                "all",
                python=tracing_python(folder / "tracing"),
                environment={"JETCHAIN_TRACES": str(traces_of(folder))},
            )
            outcome.write_text("" if done.returncode == 0 else done.stdout[-6000:])
        failure = outcome.read_text()
    assert not failure, failure
