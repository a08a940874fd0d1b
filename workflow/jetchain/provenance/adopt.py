"""Files in results/ that no job of this folder made: a user's own, or ones whose past is lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jetchain.core import checksums, runs
from jetchain.core.errors import DataError


def adopt(paths: Iterable[Path]) -> list[Path]:
    """Take in a user's own files in the place of results: jobs below read them from now on.

    Snakemake forgets how the file that was there was made, so no changed key makes it anew.

    Raises:
        DataError: a file is missing, or does not lie where a result does.
    """
    taken = list(paths)
    for path in taken:
        if not path.is_file():
            raise DataError(f"{path}: no such file.", "Copy your file there first.")
        if checksums.record_of(path) is None:
            raise DataError(
                f"{path}: not the place of a result.",
                "Name it from the run's folder: results/<room>/...",
            )
    records = dict(runs.metadata_files())
    for path in taken:
        checksums.record(path, adopted=True)
        if str(path) in records:
            records[str(path)].unlink()
    return taken


def forget() -> list[Path]:
    """Remove artefacts that Snakemake has no metadata of, and that are no user's own."""
    lost = [Path(path) for path in runs.artefacts_without_metadata()]
    for path in lost:
        path.unlink()
    return lost
