"""A file that says why a job has no result, in the place of its result; see `plumbing.refused`."""

from __future__ import annotations

import json
from pathlib import Path

from jetchain.core.io.tables import write_json

KEY = "refused"
_START = json.dumps({KEY: ""}, indent=1)[:-3].encode()


def write_refusal(path: Path, reason: str) -> None:
    """Write why there is no result."""
    write_json(path, {KEY: reason})


def refusal(path: Path) -> str | None:
    """Why there is no result in a file; None if there is one."""
    with Path(path).open("rb") as file:
        if file.read(len(_START)) != _START:
            return None
    return str(json.loads(Path(path).read_text(encoding="utf-8"))[KEY])
