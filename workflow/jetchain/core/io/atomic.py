"""Files that are whole or not there: written beside their place and renamed at the end."""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jetchain.core.errors import DataError

SNAKEMAKE = "JETCHAIN_SNAKEMAKE"
"""Environment variable that names to a job the process of its Snakemake."""

REMAKE = (
    "If a job made it, remove it and run the same command again: Snakemake makes it anew. If it is "
    "a file of your own, name the one that is meant."
)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path, renamed to `path` when the block ends without error.

    It lies beside `path` in a folder of the process's own, since a job whose Snakemake was killed
    may still be writing; such a job publishes nothing. What it left is removed. The file has its
    final name there already: ROOT files hold theirs. Others may read it as the umask says, whatever
    the library that wrote it gave it: safetensors makes files that only their owner can read.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        shutil.rmtree(left, ignore_errors=True)
    folder = path.with_name(f".{path.name}.{os.getpid()}.part")
    folder.mkdir()
    try:
        yield folder / path.name
        if orphaned():
            raise DataError(
                f"{path}: not written, since the Snakemake that asked for it is gone.",
                "Run the same command again.",
            )
        # The new folder has the umask's mode, which can't be asked for without setting it.
        os.chmod(folder / path.name, folder.stat().st_mode & 0o666)
        os.replace(folder / path.name, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def missing(path: Path) -> DataError:
    """The error for a file that is not there, or is a folder."""
    what = "a folder, no file" if path.is_dir() else "no such file"
    return DataError(f"{path}: {what}.", "Run the rule that makes it, or correct the path.")


def orphaned() -> bool:
    """Whether the Snakemake that started this job is gone."""
    started_by = os.environ.get(SNAKEMAKE)
    if not started_by:
        return False  # started by hand
    try:
        os.kill(int(started_by), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
