"""Take a run elsewhere: pack it into one file, unpack it in a fresh clone, fork it for a second
analysis of the same simulation.

What has to travel is results/ and Snakemake's metadata: with both, no job runs again. A fork
shares the artefacts by hard links, which is safe since no job writes into a file that exists.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from jetchain.core import checksums, runs
from jetchain.core.errors import DataError, JetchainError
from jetchain.provenance.manifest import MANIFEST, read_manifest, verify


def _carried() -> Iterator[Path]:
    """Every file that a run consists of."""
    for top in (checksums.RESULTS, runs.METADATA):
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                if ".part" not in (Path(folder).suffix, Path(name).suffix):
                    yield Path(folder, name)


def _require_finished() -> None:
    read_manifest(MANIFEST)
    if any(runs.metadata_files(runs.INCOMPLETE)):
        raise DataError(
            "A run in this folder is at work, or was cut off.",
            "Wait for its end, or finish it with the same snakemake command.",
        )


def pack(archive: Path) -> int:
    """Write results/ and the metadata into a tar archive (what is large in it is compressed).

    Returns:
        the number of files.

    Raises:
        DataError: a run is at work here, there is no manifest, or the archive exists.
    """
    _require_finished()
    if archive.exists():
        raise DataError(f"{archive}: exists.", "Name another file, or remove it.")
    temporary = archive.with_name(f".{archive.name}.part")
    files = list(_carried())
    try:
        with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
            for path in files:
                tar.add(path, recursive=False)
        temporary.replace(archive)
    finally:
        temporary.unlink(missing_ok=True)
    return len(files)


def unpack(archive: Path) -> int:
    """Unpack an archive into this folder and check every file against its manifest.

    Raises:
        DataError: this folder has results already, or the archive is damaged; nothing stays then.
    """
    _require_empty(Path())
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(filter="data")
        if not MANIFEST.exists():
            raise tarfile.ReadError("it has no manifest")
        differences, _, number = verify(MANIFEST)
        damaged = [each.path for each in differences] + runs.artefacts_without_metadata()
        if damaged:
            raise tarfile.ReadError(f"{len(damaged)} files are not whole, {damaged[0]} first")
    except (OSError, tarfile.TarError, JetchainError) as error:
        _remove_unpacked()
        raise DataError(
            f"{archive}: cannot be unpacked: {error}.", "Bring it over once more, or pack it anew."
        ) from error
    return number


def _remove_unpacked() -> None:
    for folder in (checksums.RESULTS, runs.METADATA):
        shutil.rmtree(folder, ignore_errors=True)


def _require_empty(folder: Path) -> None:
    for top in (checksums.RESULTS, runs.METADATA):
        if (folder / top).exists() and any((folder / top).iterdir()):
            raise DataError(
                f"{folder / top} is not empty: its content would be mixed with the archive's.",
                "Use a fresh clone or an empty folder, or `make clean` first.",
            )


def fork(target: Path) -> int:
    """Make a second working folder with the same finished run, for another configuration.

    Artefacts are hard links (copies on another file system), so the simulation takes no room and
    no time again; what the other configuration changes is made anew in the fork alone.
    """
    _require_finished()
    _require_empty(target)
    number = 0
    for path in _carried():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        if checksums.record_of(path) is None:
            shutil.copy2(path, target / path)  # logs and records are written into
            continue
        try:
            os.link(path, target / path)
        except OSError:
            shutil.copy2(path, target / path)
        number += 1
    return number
