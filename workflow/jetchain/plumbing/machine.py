"""What the machine has for a run: memory and disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

_CONTROL = Path("/sys/fs/cgroup")
_MB = 1_000_000


def memory_mb() -> int:
    """Memory that a run can have now, MB: what is free, and no more than a container grants."""
    return min([psutil.virtual_memory().available, *_granted()]) // _MB


def _granted(membership: Path = Path("/proc/self/cgroup"), top: Path = _CONTROL) -> Iterator[int]:
    """The limits of the control groups that this process is in, bytes; none on other systems."""
    text = membership.read_text(encoding="utf-8") if membership.exists() else ""
    for line in text.splitlines():
        _, kinds, group = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        root, name = (top / "memory", "memory.limit_in_bytes") if kinds else (top, "memory.max")
        # Inside a container its own group is the root, whatever the line says.
        folders = [root, root / group.lstrip("/")]
        for file in {folder / name for folder in folders}:
            limit = file.read_text(encoding="ascii").strip() if file.is_file() else "max"
            if limit != "max":
                yield int(limit)


def disk_mb(folder: Path) -> int:
    """Free disk where a folder lies, MB."""
    return shutil.disk_usage(folder).free // _MB
