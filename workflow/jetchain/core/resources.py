"""The small inputs that ship with jetchain: geometry, process cards, published numbers.

A job gets one as ``geometry/cocoa.yaml@1f0c9a3b5d``: its name in resources/ and the digest of its
content. So its content reruns what reads it, and the folder that jetchain lies in reruns nothing:
a finished run can be carried anywhere.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from jetchain.core.errors import DataError

RESOURCES = Path(__file__).resolve().parents[3] / "resources"


def resource_name(name: str) -> str:
    """Name and content digest of a file in resources/, for a rule's params."""
    return f"{name}@{_digest(RESOURCES / name)}"


def resource_path(text: str) -> Path:
    """The file that `resource_name` named.

    Raises:
        DataError: there is none, or its content changed since the job was planned.
    """
    name, _, digest = text.partition("@")
    path = RESOURCES / name
    if not path.is_file():
        raise DataError(f"{path}: no such file.", "Restore it, or correct the name.")
    if digest and digest != _digest(path):
        raise DataError(
            f"{path}: changed since this job was planned.",
            "Run the same snakemake command again: it plans with the new content.",
        )
    return path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]
