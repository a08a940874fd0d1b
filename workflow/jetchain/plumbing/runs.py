"""Runs that end badly: what a killed Snakemake leaves, and what a new one does about it.

Snakemake's lock files outlive it, and so do its jobs. On one machine, a new run removes the locks
of dead runs, and a job whose Snakemake is gone ends by itself and publishes nothing, since the new
run may use another configuration. Jobs that went to a cluster live on: there Snakemake's own locks
and its message stay.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import platform
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import SNAKEMAKE, orphaned
from jetchain.plumbing import checksums

METADATA = Path(".snakemake/metadata")
LOCK = Path(".snakemake/jetchain.lock")
_SHOWN = 5
_held: list[int] = []


def begin(*, main_process: bool) -> None:
    """Called by the Snakefile: clear the locks of dead runs, name this process to its jobs.

    Args:
        main_process: whether this is the Snakemake that the user started, not one that it started
            on a node of a cluster.

    Raises:
        DataError: results have lost what Snakemake knew of how they were made.
    """
    os.environ[SNAKEMAKE] = str(os.getpid())
    if not main_process:
        return
    if not _held:
        _clear_stale_locks()
    if checksums.RESULTS.exists():
        _bring_to_present()
        _require_metadata()


def _bring_to_present() -> None:
    """Give results with a time in the future the present one, as clocks and archives may differ.

    Snakemake would take nothing that is made from them for newer; contents it compares apart.
    """
    now = time.time()
    for path in _recorded():
        with contextlib.suppress(OSError):  # it is not there, or another's
            if path.stat().st_mtime > now:
                os.utime(path)


def _clear_stale_locks() -> None:
    """Remove Snakemake's locks if they are those of dead runs of this machine.

    Every run holds a shared lock of the kernel's on one file until it ends, however it ends. Who
    gets it exclusively is alone on this machine, so any lock files are left from a dead run. A file
    system without such locks, or a folder that cannot be written, leaves all as it is.
    """
    try:
        LOCK.parent.mkdir(exist_ok=True)
        descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        _held.append(descriptor)
        if _lock(descriptor):
            host = platform.node().encode()
            last = os.read(descriptor, 1000)
            locks = LOCK.parent / "locks"
            if last in (b"", host) and not _jobs_on_a_cluster():
                shutil.rmtree(locks, ignore_errors=True)
            if not any(locks.glob("*")):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, host, 0)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError:
        return


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _jobs_on_a_cluster() -> bool:
    """Whether a job that was handed to a cluster has not come back."""
    return any(b'"external_jobid": null' not in file.read_bytes() for _, file in _marks())


def require_alone() -> None:
    """Refuse to change results while a run is at work in this folder.

    Raises:
        DataError: one is.
    """
    if not LOCK.exists():
        return
    descriptor = os.open(LOCK, os.O_RDONLY)
    try:
        if not _lock(descriptor):
            raise DataError("A run is at work in this folder.", "Wait for its end, or stop it.")
    finally:
        os.close(descriptor)


def metadata_files() -> Iterator[tuple[str, Path]]:
    """Every output that Snakemake keeps metadata of, and the file that holds them (JSON)."""
    return _kept(METADATA)


def _marks() -> Iterator[tuple[str, Path]]:
    """Every output of jobs that are at work or were cut off, and Snakemake's mark of it (JSON)."""
    return _kept(Path(".snakemake/incomplete"))


def _kept(top: Path) -> Iterator[tuple[str, Path]]:
    for folder, _, names in os.walk(top):
        # Snakemake splits a name that is too long into folders that begin with @.
        prefix = "".join(part[1:] for part in Path(folder).relative_to(top).parts)
        for name in names:
            yield base64.urlsafe_b64decode(prefix + name).decode(), Path(folder, name)


def is_unfinished() -> bool:
    """Whether jobs are at work here, or were cut off."""
    return any(True for _ in _marks())


def _recorded() -> Iterator[Path]:
    """Every artefact that has a checksum, whether it is there or not."""
    for folder, _, names in os.walk(checksums.CHECKSUMS):
        for name in names:
            if name.endswith(".json"):
                yield checksums.artefact_of(Path(folder, name))


def artefacts_without_metadata() -> list[str]:
    """Artefacts of which Snakemake does not know how they were made, and no user took in.

    Those of a job that was cut off before its metadata were written do not count: Snakemake knows
    of it, and makes them anew.
    """
    # In the order in which a job that ends meanwhile leaves them: none of its files looks lost.
    made = {str(artefact): artefact for artefact in _recorded() if artefact.exists()}
    known = {output for output, _ in _marks()}
    known |= {output for output, file in metadata_files() if is_whole(file)}
    unknown = ((name, checksums.read(path)) for name, path in made.items() if name not in known)
    return sorted(name for name, found in unknown if found is None or not found.adopted)


def _require_metadata() -> None:
    """Refuse results without Snakemake's metadata: a changed key would not rerun them."""
    lost = artefacts_without_metadata()
    if lost:
        shown = " ".join(lost[:_SHOWN]) + (" ..." if len(lost) > _SHOWN else "")
        raise DataError(
            f"{len(lost)} results have no record in {METADATA} of how they were made, so a "
            f"changed key would leave them as they are: {shown}",
            f"Bring {METADATA} back from where the results came (`make pack` takes it along), or "
            "remove these files (`python -m jetchain.provenance forget`) and run again.",
        )


def is_whole(file: Path) -> bool:
    """Whether a metadata record was written to its end."""
    try:
        with file.open("rb") as content:
            content.seek(0, os.SEEK_END)
            content.seek(max(0, content.tell() - 1))
            return content.read() == b"}"
    except FileNotFoundError:
        return False  # its job is made anew at this moment


def end_with_snakemake(seconds: float = 0.5) -> None:
    """Watch, in a thread of its own, the Snakemake of this job; end the job when it is gone."""
    if not os.environ.get(SNAKEMAKE):
        return

    def watch() -> None:
        while not orphaned():
            time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="snakemake-watch").start()
