"""Files in results/ that no job of this folder made: a user's own, or ones whose past is lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import atomic
from jetchain.plumbing import checksums, runs
from jetchain.plumbing.provenance.artefacts import read_artefacts


def adopt(result: Path, source: Path | None = None) -> list[Path]:
    """Take in a user's own file in the place of a result: jobs below read it from now on.

    Snakemake forgets how the job's outputs were made, so no changed key of that job makes them
    anew. It still makes them anew when a file that the job reads does: the user keeps the source.

    Args:
        result: its place, results/<room>/...
        source: the user's file, copied there; None if it lies there already.

    Returns:
        what was taken in: the file, and the other outputs of the job that would have made it.

    Raises:
        DataError: a file is missing, does not lie where a result does, or a run is at work.
    """
    runs.require_alone()
    if checksums.record_of(result) is None:
        raise DataError(
            f"{result}: not the place of a result.",
            "Name it from the run's folder: results/<room>/...",
        )
    if not (source or result).is_file():
        raise DataError(f"{source or result}: no such file.", "Correct its name.")
    known = read_artefacts(also_missing=True)
    job = known[str(result)].making.job if str(result) in known else None
    outputs = [Path(path) for path, each in known.items() if job and each.making.job == job]
    if source is not None:
        # Not written over: in a fork, what is there is the other run's as well.
        with atomic(result) as temporary:
            shutil.copyfile(source, temporary)
    taken = sorted({result, *filter(Path.is_file, outputs)})
    records = dict(runs.metadata_files())
    for path in taken:
        checksums.record(path, adopted=True)
        os.utime(path)  # newer than what its job reads
    for path in {result, *outputs}:
        if str(path) in records:
            records[str(path)].unlink()
    return taken


def forget() -> list[Path]:
    """Remove artefacts that Snakemake has no metadata of, and that are no user's own.

    Raises:
        DataError: a run is at work.
    """
    runs.require_alone()
    lost = [Path(path) for path in runs.artefacts_without_metadata()]
    for path in lost:
        path.unlink()
    return lost
