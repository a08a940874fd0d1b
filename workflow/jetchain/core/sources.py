"""Files of events or jets that others made, as a configuration names them: patterns, shards, and
what is refused before any job.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import re
import shlex
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationInfo, field_validator

from jetchain.core.settings import Settings, key, require_known

# What stands in the first bytes of a file, and what that is.
MARKS = (
    (b"HepMC::", "HepMC"),
    (b"<LesHouchesEvents", "Les Houches"),
    (b"root", "ROOT"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "Parquet"),
)
TEXTS = ("HepMC", "Les Houches")  # whose mark may stand anywhere in the first bytes
PEEK = 1024  # bytes
GZIP = b"\x1f\x8b"


# What names an object in a storage, and Snakemake's plugin that fetches it.
STORAGES = {"s3": "s3", "root": "xrootd", "https": "http"}


def is_stored(name: str) -> bool:
    """Whether a name is that of an object in a storage, such as s3://bucket/events.hepmc."""
    return re.match(r"[a-z][a-z0-9]*://", name) is not None


def at_home(name: Any) -> Any:
    """The name of a file with ``~`` filled in; raises ValueError where there is no such folder."""
    if not isinstance(name, str) or not name.startswith("~"):
        return name
    try:
        return str(Path(name).expanduser())
    except RuntimeError as error:
        raise ValueError(f"'{name}': {error}; write the folder out") from None


def found(names: Sequence[str]) -> list[str]:
    """The files that are named, by themselves or by patterns.

    Args:
        names: of objects in a storage, which are left as they are, and of files: ``~`` is the home
            folder, and ``*``, ``?``, ``[a-c]`` and ``**`` are a pattern, unless a file has that
            very name.

    Raises:
        ValueError: for use in validators: nothing has such a name, it cannot be looked at, or a
            file is named twice, also by two spellings or by a link to it.
    """
    files: list[str] = []
    for name in names:
        plain = at_home(name)
        with _looked_at(name):
            if is_stored(plain) or Path(plain).is_file() or not glob.has_magic(plain):
                files.append(plain)
                continue
            every = glob.glob(plain, recursive=True)
            matches = sorted(each for each in every if Path(each).is_file())
        if not matches:
            raise ValueError(f"no file matches '{name}' (seen from {Path.cwd()})")
        files += matches
    first: dict[str, str] = {}
    for name in files:
        itself = name if is_stored(name) else os.path.realpath(name)
        if itself in first:
            same = first[itself]
            both = f"'{name}' is named twice"
            both = both if same == name else f"'{same}' and '{name}' are the same file"
            raise ValueError(f"{both}: its events would count twice")
        first[itself] = name
    return files


@contextmanager
def _looked_at(name: str) -> Iterator[None]:
    """Turn what the system says of a name that it cannot look at into a ValueError."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"'{name}' cannot be looked at ({error.strerror or error}): correct the name, or give "
            "yourself the right to read its folder"
        ) from None


def require_usable(name: str) -> None:
    """Raise ValueError unless a file is there, and Snakemake can take it for an input."""
    with _looked_at(name):
        _require_usable(name)


def _require_usable(name: str) -> None:
    if Path(name).is_dir():
        raise ValueError(f"'{name}' is a folder: name its files, or a pattern such as '{name}/*'")
    if not Path(name).is_file():
        hint = ": variables are not filled in, write ~ for your home folder" * ("$" in name)
        hint += ": name one file, a pattern is not filled in" * glob.has_magic(name)
        raise ValueError(f"there is no file '{name}' (seen from {Path.cwd()}){hint}")
    if "{" in name or "}" in name:
        raise ValueError(
            f"the name '{name}' has braces, which Snakemake takes for a wildcard's: rename "
            "the file or its folder, or name a link to it"
        )
    for path in (Path(name), Path(name).resolve()):  # a link has a time of its own
        changed = path.lstat().st_mtime
        if changed > time.time() + 1.0:  # no job is as quick
            raise ValueError(
                f"'{path}' was changed on {datetime.fromtimestamp(changed):%Y-%m-%d %H:%M},"
                " in the future, so nothing made from it would be newer: give it the "
                f"present time (touch -h {shlex.quote(str(path))})"
            )


def require_plugin(name: str) -> None:
    """Raise ValueError unless Snakemake can fetch an object from its storage."""
    scheme = name.partition(":")[0]
    if scheme not in STORAGES:
        raise ValueError(f"'{name}': storages are {', '.join(f'{s}://' for s in STORAGES)}")
    package = f"snakemake-storage-plugin-{STORAGES[scheme]}"
    if importlib.util.find_spec(package.replace("-", "_")) is None:
        raise ValueError(
            f"'{name}' needs a plugin of Snakemake's, {package}, which is not installed: see "
            "docs/howto/storage.md"
        )


def require_kind(name: str, format: str, kinds: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError where a file cannot be read, or is plainly of another kind.

    What has none of the marks is left to the job that reads it.

    Args:
        name: of the file.
        format: that it is said to have.
        kinds: of files, by format.
    """
    try:
        with Path(name).open("rb") as file:
            start = file.read(PEEK)
    except OSError as error:
        raise ValueError(
            f"the file '{name}' cannot be read ({error.strerror}): give yourself the right to "
            f"(chmod u+r {shlex.quote(name)})"
        ) from None
    if packed := start.startswith(GZIP):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, PEEK)
        except zlib.error:
            return
    for mark, kind in MARKS:
        if packed and kind not in TEXTS and start.startswith(mark):
            raise ValueError(
                f"'{name}' is a {kind} file compressed by gzip, and only {' and '.join(TEXTS)} "
                f"files are read so: unpack it (gunzip {shlex.quote(name)})"
            )
        if (mark in start if kind in TEXTS else start.startswith(mark)) and (
            kind not in kinds[format]
        ):
            right = [each for each, of in kinds.items() if kind in of]
            raise ValueError(
                f"'{name}' is a {kind} file, but the format is {format}: give the files of each "
                f"kind a sample of their own (format {' or '.join(right) or 'that there is not'})"
            )


class FileSettings(Settings):
    """Files of one format, each split into equally many shards; a room says which formats."""

    kinds: ClassVar[Mapping[str, Sequence[str]]]
    """Of files that are read, by format."""

    format: str = key(..., "what the files are")
    files: list[str] = key(
        ...,
        "files, relative to the folder that the run is in, and patterns of files (*, ?, [a-c], **) "
        "in the order of their names; ~ is the home folder. Or objects in a storage: s3://...",
        min_length=1,
    )
    events: int | None = key(
        None, "events taken from each file, its first ones; all if not given", ge=1
    )

    checksums: dict[str, str] = key(
        {}, "of files, by their names without folders: 'md5:...' or 'sha256:...'"
    )

    @field_validator("checksums")
    @classmethod
    def _of_known_methods(cls, value: dict[str, str]) -> dict[str, str]:
        for name, each in value.items():
            if not re.fullmatch("md5:[0-9a-fA-F]{32}|sha256:[0-9a-fA-F]{64}", each):
                raise ValueError(
                    f"'{name}': write md5: and 32, or sha256: and 64 hexadecimal digits, not "
                    f"'{each}'"
                )
        return value

    @field_validator("checksums")
    @classmethod
    def _of_its_files(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if "files" in info.data:  # else they are refused themselves
            known = {name.rpartition("/")[2] for name in info.data["files"]}
            for name in value:
                require_known(name, known, "name of a file, without its folder,")
        return value

    @field_validator("files")
    @classmethod
    def _present(cls, value: list[str], info: ValidationInfo) -> list[str]:
        files = found(value)
        for name in files:
            if is_stored(name):  # Snakemake looks for it
                require_plugin(name)
                continue
            require_usable(name)
            if "format" in info.data:  # else it is refused itself
                require_kind(name, info.data["format"], cls.kinds)
        return files


def require_sample_names(names: Iterable[str]) -> None:
    """Raise ValueError, for use in validators, where a sample has a name that no file can have."""
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_]+", name):
            raise ValueError(
                f"sample name '{name}' stands in file names: use letters, digits and _ only"
            )


def require_four_digits(shards: int) -> int:
    """The number of shards; raises ValueError, for use in validators, where it is too large."""
    if shards > 10_000:
        raise ValueError("shards are numbered with four digits: at most 10000")
    return shards


def shards_of(sample: Settings, files: int, shards: int) -> int:
    """The shards of a sample from files: one each if not given.

    Args:
        sample: the sample, of which `shards` is a key.
        files: that it is made from.
        shards: what that key says.

    Raises:
        ValueError: for use in validators: the files cannot be split into equally many.
    """
    if "shards" not in sample.model_fields_set:
        return files  # a pattern's files are not counted by hand
    if shards % files:
        raise ValueError(
            f"shards is {shards}, but source.files names {files}; each file is split "
            f"into equally many shards: set shards to {files}, or a multiple of it"
        )
    return shards
