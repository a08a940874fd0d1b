"""Projects of many files as one file whose bytes depend on their content alone."""

from __future__ import annotations

import gzip
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jetchain.core.errors import DataError
from jetchain.core.io.archives import extract
from jetchain.core.io.atomic import atomic


@contextmanager
def scratch(output: Path) -> Iterator[Path]:
    """An empty folder beside an output file for the time of a build.

    It lies with the results and not in the system's temporary folder, which may be small; what a
    killed job left there is removed first.
    """
    folder = output.resolve().with_name(f".build-{output.name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pack(folder: Path, archive: Path) -> None:
    """Write a folder as tar.gz: files sorted by name, no times, no owners, fixed modes."""
    with (
        atomic(archive) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            member.mode = 0o755 if path.suffix == ".sh" else 0o644
            with path.open("rb") as file:
                tar.addfile(member, file)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack such a file; raises `DataError` if it is missing or damaged."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            extract(tar, folder)
    except (OSError, EOFError, tarfile.TarError) as error:
        if isinstance(error, OSError) and error.errno is not None and archive.exists():
            raise  # the disk, not the archive
        raise DataError(
            f"{archive}: missing, cut short or damaged ({error}).",
            "Remove it and run the same command again: Snakemake makes it anew.",
        ) from error
