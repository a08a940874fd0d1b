"""What is kept from one job, or one plan, to the next: machine code, and what sources say.

Numba sees changes of a function's own file, not of what it takes from others. So each state of the
compiled functions and of what they reach has a folder of its own, named by `digest.kernel_digest`.
That takes some tenths of a second, and every job needs it at its start: it is looked up by the
names, times and sizes of the sources, as numba itself looks at a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

KEPT = 14 * 86400.0
"""Seconds after its last use that a cache is kept."""
_OURS = re.compile(r"[0-9a-f]{16}(\.\w+)?")
_NUMBAS = re.compile(r"\.nb[ic](\.tmp\.\w+)?$")


def machine_code(package: Path, digest: Callable[[], str]) -> Path:
    """The folder for the machine code of a package as it is; old ones are removed on the way.

    Args:
        package: its folder.
        digest: works out its `kernel_digest`.
    """
    caches = _folder()
    looked_up = caches / f"{_signature(package)}.key"
    key = looked_up.read_text(encoding="ascii") if looked_up.is_file() else ""
    with contextlib.suppress(OSError):  # no place to write: numba compiles in each job
        if not key:
            key = digest()
            caches.mkdir(parents=True, exist_ok=True)
            _write(looked_up, key)
            remove_unused(caches)
        (caches / key).mkdir(exist_ok=True)
        os.utime(caches / key)
        os.utime(looked_up)
    return caches / key


def kept(name: str, make: Callable[[], Any]) -> Any:
    """What JSON can hold, made once and kept.

    Args:
        name: 16 hexadecimal digits, a digest of all that it depends on.
        make: makes it, where it is not there.
    """
    path = _folder() / f"{name}.json"
    with contextlib.suppress(OSError, ValueError):  # not there, or not whole
        value = json.loads(path.read_bytes())
        os.utime(path)
        return value
    text = json.dumps(make())
    with contextlib.suppress(OSError):  # no place to write: it is made each time
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text)
    return json.loads(text)


def _write(path: Path, text: str) -> None:
    """All of it or nothing, whoever else writes the same."""
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(text, encoding="ascii")
    part.replace(path)


def home() -> Path:
    """The home folder of jobs, where libraries find no settings and keep caches of their own."""
    folder = _folder() / "home"
    with contextlib.suppress(OSError):  # no place to write: libraries do without
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _folder() -> Path:
    """In the user's caches, or where these cannot be written in `.snakemake` of the run."""
    user = os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    folder = Path(user) / "jetchain"
    with contextlib.suppress(OSError):
        if folder.is_absolute():  # it is not where there is no home
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    return Path(".snakemake/jetchain").absolute()


def _signature(package: Path) -> str:
    """Of a package's sources, without reading them."""
    seen = hashlib.sha256(os.fsencode(package))
    for folder, folders, files in os.walk(package):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                status = os.stat(os.path.join(folder, name))
                seen.update(os.fsencode(f"{folder}/{name} {status.st_mtime_ns} {status.st_size}\n"))
    return seen.hexdigest()[:16]


def remove_unused(caches: Path) -> None:
    """Remove what no job has used for `KEPT` seconds, and nothing that we or numba did not make.

    Several jobs may do so at once, and one may begin to use what another takes away: numba compiles
    what is not there.
    """
    for path in caches.iterdir():
        with contextlib.suppress(OSError):
            if not _OURS.fullmatch(path.name) or path.stat().st_mtime > time.time() - KEPT:
                continue
            if path.is_file():
                path.unlink()
            for folder, _, files in os.walk(path, topdown=False):
                for name in filter(_NUMBAS.search, files):
                    Path(folder, name).unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # it holds something else
                    os.rmdir(folder)
