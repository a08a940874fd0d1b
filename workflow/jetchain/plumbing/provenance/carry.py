"""Take a run elsewhere: pack it into one file, unpack it in a fresh clone, fork it for a second
analysis of the same simulation.

What has to travel is results/ and Snakemake's metadata: with both, no job runs again. A fork
shares the artefacts by hard links, which is safe since no job writes into a file that exists.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path

from jetchain.core.checkpoints import SUFFIX
from jetchain.core.errors import DataError, JetchainError
from jetchain.core.io.archives import extract
from jetchain.plumbing import checksums, runs
from jetchain.plumbing.provenance.artefacts import read_artefacts
from jetchain.plumbing.provenance.manifest import MANIFEST, verify, write_manifest
from jetchain.plumbing.provenance.slim import bulk


def _carried(left_out: Collection[Path] = ()) -> Iterator[Path]:
    """Every file that a run consists of but some, in the order to write them elsewhere.

    Checksums come first and metadata last: results of which the metadata are missing are refused,
    so a copy that was cut off is never taken for a whole one. A folder on another disk, with a link
    in its place, is gone through like others.
    """
    for top in (checksums.CHECKSUMS, checksums.RESULTS, runs.METADATA):
        for folder, folders, names in os.walk(top, followlinks=True):
            if top == checksums.RESULTS and Path(folder) == checksums.CHECKSUMS.parent:
                folders.remove(checksums.CHECKSUMS.name)
            for name in sorted(names):
                path = Path(folder, name)
                unfinished = {Path(folder).suffix, path.suffix} & {".part", SUFFIX}
                if not unfinished and path not in left_out:
                    yield path


def _require_whole() -> None:
    """Bring the manifest up to date; refuse a run at work, cut off or damaged, and none at all."""
    runs.require_alone()
    if runs.is_unfinished():
        raise DataError(
            "A run in this folder was cut off.", "Finish it with the same snakemake command."
        )
    if not write_manifest():
        raise DataError(
            f"{checksums.RESULTS.absolute()} holds nothing that a job has made.",
            "Finish a run here first, or name the folder of one (--directory).",
        )
    damaged = [each.path for each in verify(MANIFEST)[0]] + runs.artefacts_without_metadata()
    if damaged:
        raise DataError(
            f"{len(damaged)} results are not what their jobs wrote, {damaged[0]} first.",
            "Remove them and run the same snakemake command again; `make verify` lists them.",
        )


def pack(archive: Path, *, slim: bool = False) -> int:
    """Write results/ and the metadata into a tar archive (what is large in it is compressed).

    Args:
        archive: where to.
        slim: leave out what `slim.slim` would remove.

    Returns:
        the number of files.

    Raises:
        DataError: a run is at work here, it is damaged, or the archive exists.
    """
    _require_whole()
    if archive.exists():
        raise DataError(f"{archive}: exists.", "Name another file, or remove it.")
    temporary = archive.with_name(f".{archive.name}.part")
    left_out = bulk(read_artefacts().values()) if slim else set()
    files = list(_carried(left_out))
    listed = MANIFEST.with_name(f".{MANIFEST.name}.part")
    write_manifest(listed, left_out)
    try:
        # What a link leads to, not the link: elsewhere it would lead to nothing.
        with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT, dereference=True) as tar:
            for path in files:
                tar.add(listed if path == MANIFEST else path, path, recursive=False)
        temporary.replace(archive)
    finally:
        temporary.unlink(missing_ok=True)
        listed.unlink(missing_ok=True)
    return len(files)


def unpack(archive: Path) -> int:
    """Unpack an archive into this folder and check every file against its manifest.

    Returns:
        the number of artefacts.

    Raises:
        DataError: this folder has results already, or the archive is none of `pack`'s or damaged;
            nothing of it stays then.
    """
    _require_empty(Path())
    try:
        with tarfile.open(archive) as tar:
            extract(tar, Path(), _require_of_a_run)
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
    except BaseException:
        _remove_unpacked()
        raise
    return number


def _require_of_a_run(name: str) -> None:
    """Let through what `pack` writes, and refuse an archive that holds anything else."""
    if not any(Path(name).is_relative_to(top) for top in (checksums.RESULTS, runs.METADATA)):
        raise tarfile.ReadError(f"it is no run of jetchain (it holds {name})")


def _remove_unpacked() -> None:
    for folder in (checksums.RESULTS, runs.METADATA):
        shutil.rmtree(folder, ignore_errors=True)


def _require_empty(folder: Path) -> None:
    for top in (checksums.RESULTS, runs.METADATA):
        if (folder / top).exists() and any((folder / top).iterdir()):
            raise DataError(
                f"{folder / top} is not empty: its content would be mixed with the run's.",
                "Use a fresh clone or an empty folder, or remove results and .snakemake in "
                f"{folder.absolute()}.",
            )


def fork(target: Path) -> int:
    """Make a second working folder with the same finished run, for another configuration.

    Artefacts are hard links (copies on another file system), so the simulation takes no room and
    no time again; what the other configuration changes is made anew in the fork alone.
    """
    for top in (checksums.RESULTS, runs.METADATA):
        if target.resolve().is_relative_to(top.resolve()):
            raise DataError(f"{target}: inside {top}, which it would copy.", "Name one beside it.")
    _require_whole()
    _require_empty(target)
    number = 0
    for path in _carried():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        if checksums.record_of(path) is None:
            shutil.copy2(path, target / path)  # logs and records are written into
            continue
        try:
            os.link(path.resolve(), target / path)
        except OSError:
            shutil.copy2(path, target / path)
        number += 1
    return number
