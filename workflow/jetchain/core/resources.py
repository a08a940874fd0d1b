"""The small inputs that ship with jetchain: geometry, process cards, published numbers.

A job gets one as ``geometry/cocoa.yaml@1f0c9a3b5d``: its name in resources/ and the digest of what
it says. So another value reruns what reads it, while a comment reruns nothing; neither does the
folder that jetchain lies in: a finished run can be carried anywhere.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml

from jetchain.core.errors import ConfigurationError, DataError

RESOURCES = Path(__file__).resolve().parents[3] / "resources"


def resource_name(name: str) -> str:
    """Name and content digest of a file in resources/, for a rule's params."""
    return f"{name}@{_digest(RESOURCES / name)}"


def file_digest(name: str) -> str:
    """The same of a file of the user's, ``~`` being the home folder.

    Raises:
        ConfigurationError: there is none.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        raise ConfigurationError(
            f"{name}: no such file, seen from {Path.cwd()}.", "Correct its name."
        )
    return f"{name}@{_digest(path)}"


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
    """Of the values in a YAML or JSON file, whose comments and layout do not enter; else of all."""
    content = path.read_bytes()
    if path.suffix == ".json":
        content = _canonical(json.loads(content))
    elif path.suffix == ".yaml":
        content = _canonical(yaml.load(content, yaml.CSafeLoader))
    return hashlib.sha256(content).hexdigest()[:10]


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
