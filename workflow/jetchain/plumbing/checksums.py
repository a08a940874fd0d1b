"""A checksum beside every artefact, so that damage is found by the job that would read it.

The launcher writes ``results/provenance/checksums/<path>.json`` for each output of a job and
compares each input with it. SHA-256 is what the manifest publishes; XXH3, far quicker, is what the
jobs compare. Both are taken in one reading.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError

RESULTS = Path("results")
CHECKSUMS = RESULTS / "provenance" / "checksums"
# What lies in results/ beside artefacts: it differs between runs, or describes them.
_NO_ARTEFACTS = ("logs", "bench", "provenance")
_BLOCK = 1 << 20
_WAITS = (0.5, 2.0)  # seconds before a difference is looked at again


@dataclass(frozen=True)
class Checksum:
    """What a file's content was when its job ended, and what the job took.

    `adopted` marks a file that a user put in the place of a job's output. `seconds` are wall time,
    `cpu_seconds` and `memory_mb` (the peak) those of the job's process and of its children.
    """

    sha256: str
    xxh3: str
    bytes: int
    adopted: bool = False
    seconds: float | None = None
    cpu_seconds: float | None = None
    memory_mb: int | None = None


def record_of(path: Path) -> Path | None:
    """Where the checksum of an artefact is kept; None for a file that is no artefact."""
    parts = path.parts
    if len(parts) < 3 or parts[0] != RESULTS.name or parts[1] in _NO_ARTEFACTS:
        return None
    return CHECKSUMS.joinpath(*parts[1:-1], f"{parts[-1]}.json")


def artefact_of(record: Path) -> Path:
    """The artefact that a checksum belongs to: the inverse of `record_of`."""
    return (RESULTS / record.relative_to(CHECKSUMS)).with_suffix("")


def compute(path: Path, **more: Any) -> Checksum:
    """Read a file once and take both checksums; `more` are the other fields of `Checksum`."""
    import xxhash

    sha256, xxh3, size = hashlib.sha256(), xxhash.xxh3_128(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sha256.update(block)
            xxh3.update(block)
            size += len(block)
    return Checksum(sha256.hexdigest(), xxh3.hexdigest(), size, **more)


def read(path: Path) -> Checksum | None:
    """The recorded checksum of an artefact, None where there is none."""
    record = record_of(path)
    try:
        return Checksum(**json.loads(record.read_text(encoding="utf-8"))) if record else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


def record(path: Path, **more: Any) -> None:
    """Take and record the checksum of an artefact; files that are none are passed over.

    Args:
        path: the artefact.
        more: the other fields of `Checksum`.
    """
    where = record_of(path)
    if where is None:
        return
    text = json.dumps(asdict(compute(path, **more)), sort_keys=True) + "\n"
    where.parent.mkdir(parents=True, exist_ok=True)
    temporary = where.with_name(f".{where.name}.{os.getpid()}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(where)


def require_unchanged(paths: Iterable[Path]) -> None:
    """Refuse inputs whose content is not what the job that made them wrote.

    On a shared file system a record may come into sight seconds after its file, so a difference is
    looked at again before it counts.

    Raises:
        DataError: an artefact has no checksum, or its content is another.
    """
    for path in paths:
        if record_of(path) is None or not path.is_file():
            continue
        for wait in (*_WAITS, None):
            found = _difference(path)
            if found is None:
                break
            if wait is None:
                raise found
            time.sleep(wait)


def _difference(path: Path) -> DataError | None:
    """What is wrong with an artefact, if anything."""
    import xxhash

    known = read(path)
    if known is None:
        return DataError(
            f"{path}: nothing says how this file was made.",
            "Remove it and run the same command again, or, if it is your own, take it in with "
            f"`python -m jetchain.provenance adopt {path}`.",
        )
    size = path.stat().st_size
    xxh3 = xxhash.xxh3_128()
    if size == known.bytes:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                xxh3.update(block)
        if xxh3.hexdigest() == known.xxh3:
            return None
    how = f"{size} bytes instead of {known.bytes}" if size != known.bytes else "same size"
    return DataError(
        f"{path}: not what its job wrote ({how}): cut short, damaged or changed by hand.",
        "Remove it and run the same command again: it is made anew. If the change is your own, "
        f"take it in with `python -m jetchain.provenance adopt {path}`.",
    )
