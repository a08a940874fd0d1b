"""Files of events that a configuration names: patterns, and what is refused before any job."""

from __future__ import annotations

import glob
import importlib.util
import re
import shlex
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

# What stands in the first bytes of a file, what that is, and in which formats it is read.
KINDS = (
    (b"HepMC::", "HepMC", ("hepmc3",)),
    (b"<LesHouchesEvents", "Les Houches", ("lhe",)),
    (b"root", "ROOT", ("delphes", "cocoa")),
)
PEEK = 1024  # bytes
GZIP = b"\x1f\x8b"


# What names an object in a storage, and Snakemake's plugin that fetches it.
STORAGES = {"s3": "s3", "root": "xrootd"}


def is_stored(name: str) -> bool:
    """Whether a name is that of an object in a storage, such as s3://bucket/events.hepmc."""
    return re.match(r"[a-z][a-z0-9]*://", name) is not None


def found(names: Sequence[str]) -> list[str]:
    """The files that are named, by themselves or by patterns.

    Args:
        names: of objects in a storage, which are left as they are, and of files: ``~`` is the home
            folder, and ``*``, ``?``, ``[a-c]`` and ``**`` are a pattern, unless a file has that
            very name.

    Raises:
        ValueError: for use in validators: nothing has such a name, or a file is named twice.
    """
    files: list[str] = []
    for name in names:
        try:
            plain = str(Path(name).expanduser()) if name.startswith("~") else name
        except RuntimeError as error:
            raise ValueError(f"'{name}': {error}; write the folder out") from None
        if is_stored(plain) or Path(plain).is_file() or not glob.has_magic(plain):
            files.append(plain)
            continue
        matches = sorted(each for each in glob.glob(plain, recursive=True) if Path(each).is_file())
        if not matches:
            raise ValueError(f"no file matches '{name}' (seen from {Path.cwd()})")
        files += matches
    for name, times in Counter(files).items():
        if times > 1:
            raise ValueError(f"'{name}' is named twice: its events would count twice")
    return files


def require_usable(name: str) -> None:
    """Raise ValueError unless a file is there, and Snakemake can take it for an input."""
    if not Path(name).is_file():
        raise ValueError(f"there is no file '{name}' (seen from {Path.cwd()})")
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


def require_kind(name: str, format: str) -> None:
    """Raise ValueError where a file cannot be read, or is plainly of another kind.

    What has none of the marks is left to the job that reads it.
    """
    try:
        with Path(name).open("rb") as file:
            start = file.read(PEEK)
    except OSError as error:
        raise ValueError(
            f"the file '{name}' cannot be read ({error.strerror}): give yourself the right to "
            f"(chmod u+r {shlex.quote(name)})"
        ) from None
    if start.startswith(GZIP):
        try:
            start = zlib.decompressobj(wbits=31).decompress(start, PEEK)
        except zlib.error:
            return
    for mark, kind, formats in KINDS:
        if (start.startswith(mark) if kind == "ROOT" else mark in start) and format not in formats:
            raise ValueError(
                f"'{name}' is a {kind} file, but the format is {format}: give the files of each "
                f"kind a sample of their own (format {' or '.join(formats)})"
            )
