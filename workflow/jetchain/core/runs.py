"""Runs that end badly: what a killed Snakemake leaves, and what a new one does about it.

Snakemake's lock files outlive it, and so do its jobs. A new run removes the locks of dead runs;
a job whose Snakemake is gone ends by itself and publishes nothing, since the new run may use
another configuration.
"""

from __future__ import annotations

import base64
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from jetchain.core import checksums
from jetchain.core.errors import DataError

_VARIABLE = "JETCHAIN_SNAKEMAKE"
METADATA = Path(".snakemake/metadata")
INCOMPLETE = Path(".snakemake/incomplete")
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
    os.environ[_VARIABLE] = str(os.getpid())
    if not main_process or not checksums.RESULTS.exists():
        return
    if not _held:
        _clear_stale_locks()
    _require_metadata()


def _clear_stale_locks() -> None:
    """Remove Snakemake's locks if no Snakemake is alive in this folder.

    Every run holds a shared lock of the kernel's on one file until it ends, however it ends. Who
    gets it exclusively is alone, so any lock files are left from a dead run.
    """
    folder = Path(".snakemake")
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / "jetchain.lock", os.O_RDWR | os.O_CREAT, 0o666)
    _held.append(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder / "locks", ignore_errors=True)
    except OSError:
        pass  # another run is alive: what it has locked stays locked
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def metadata_files(kept: Path = METADATA) -> Iterator[tuple[str, Path]]:
    """Every output that Snakemake keeps metadata of, and the file that holds them (JSON).

    Args:
        kept: the folder of metadata, or that of the marks of jobs at work or cut off.
    """
    for folder, _, names in os.walk(kept):
        # Snakemake splits a name that is too long into folders that begin with @.
        prefix = "".join(part[1:] for part in Path(folder).relative_to(kept).parts)
        for name in names:
            yield base64.urlsafe_b64decode(prefix + name).decode(), Path(folder, name)


def artefacts_without_metadata() -> list[str]:
    """Artefacts of which Snakemake does not know how they were made, and no user took in.

    Those of a job that was cut off before its metadata were written do not count: Snakemake knows
    of it, and makes them anew.
    """
    known = {output for output, file in metadata_files() if is_whole(file)}
    known |= {output for output, _ in metadata_files(INCOMPLETE)}
    lost = []
    for folder, _, names in os.walk(checksums.CHECKSUMS):
        for name in names:
            record = Path(folder, name)
            artefact = checksums.artefact_of(record)
            if str(artefact) not in known and record.suffix == ".json" and artefact.exists():
                found = checksums.read(artefact)
                if found is None or not found.adopted:
                    lost.append(str(artefact))
    return sorted(lost)


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
    with file.open("rb") as content:
        content.seek(0, os.SEEK_END)
        content.seek(max(0, content.tell() - 1))
        return content.read() == b"}"


def orphaned() -> bool:
    """Whether the Snakemake that started this job is gone."""
    started_by = os.environ.get(_VARIABLE)
    if not started_by:
        return False  # started by hand
    try:
        os.kill(int(started_by), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def end_with_snakemake(seconds: float = 0.5) -> None:
    """Watch, in a thread of its own, the Snakemake of this job; end the job when it is gone."""
    if not os.environ.get(_VARIABLE):
        return

    def watch() -> None:
        while not orphaned():
            time.sleep(seconds)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="snakemake-watch").start()
