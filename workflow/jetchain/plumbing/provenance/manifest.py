"""The manifest: every artefact with its SHA-256, how it was made, and its parents.

It holds no time, host or folder: two runs of one configuration have the same manifest. `verify`
compares files with it, or two manifests, and finds the first stage at which they differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_json
from jetchain.plumbing import checksums
from jetchain.plumbing.provenance import last
from jetchain.plumbing.provenance.artefacts import Artefact, read_artefacts
from jetchain.plumbing.rules import BOOK

MANIFEST = checksums.RESULTS / "provenance" / "manifest.json"
Entries = dict[str, dict[str, Any]]


def write_manifest(path: Path = MANIFEST, left_out: Collection[Path] = ()) -> int:
    """Write the manifest of this folder, but for some files; returns the number of artefacts.

    The rules are those that this process has read; where it has read none, as they were.
    """
    rules = {name: asdict(record) for name, record in BOOK.items()}
    if not rules and MANIFEST.exists():
        rules = read_rules(MANIFEST)
    artefacts = {
        name: entry(artefact)
        for name, artefact in read_artefacts().items()
        if artefact.checksum and Path(name) not in left_out
    }
    # Of the last run, beside the defaults.
    configuration = last.read()
    write_json(path, {"artefacts": artefacts, "rules": rules, "configuration": configuration})
    return len(artefacts)


def entry(artefact: Artefact) -> dict[str, Any]:
    """What the manifest says of one artefact."""
    assert artefact.checksum is not None
    return {
        "sha256": artefact.checksum.sha256,
        "bytes": artefact.checksum.bytes,
        **asdict(artefact.making),
        "parents": artefact.parents,
    }


def read_manifest(path: Path) -> Entries:
    """The artefacts of a manifest.

    Raises:
        DataError: there is none, or it is none.
    """
    return _read(path)["artefacts"]


def read_rules(path: Path) -> dict[str, dict[str, Any]]:
    """The rules of a manifest by name: verb, places of the settings and members of families.

    Raises:
        DataError: there is no manifest, or it is none.
    """
    return _read(path).get("rules", {})  # older manifests have none


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise DataError(
            f"{path}: no manifest.",
            "Every run that ends writes one; `python -m jetchain.provenance manifest` writes it "
            "of what is here.",
        )
    content = read_json(path)
    if not isinstance(content, dict) or "artefacts" not in content:
        raise DataError(f"{path}: not a manifest of jetchain.", "Name a manifest.json.")
    return content


@dataclass(frozen=True)
class Difference:
    """One artefact that differs from the manifest, and whether its parents are the same."""

    path: str
    how: str
    first: bool


def compare(
    here: Mapping[str, Mapping[str, Any]], there: Mapping[str, Mapping[str, Any]]
) -> list[Difference]:
    """How this run's artefacts differ from a manifest's, those with equal parents first.

    Args:
        here: this run's artefacts, with the checksums that their files have now.
        there: the manifest's.

    Returns:
        one for each artefact that is missing here or has another content. Artefacts that only this
        run has are no difference: it may have made more.
    """
    differ = {
        path: _how(here.get(path), there[path])
        for path in there
        if path not in here or here[path]["sha256"] != there[path]["sha256"]
    }
    found = [
        Difference(path, how, not any(parent in differ for parent in there[path]["parents"]))
        for path, how in differ.items()
    ]
    return sorted(found, key=lambda each: (not each.first, each.path))


def _how(here: Mapping[str, Any] | None, there: Mapping[str, Any]) -> str:
    if here is None:
        return "missing here"
    causes = [
        cause
        for cause in ("verb", "settings", "seed", "code", "libraries", "resources", "parents")
        if cause in here and here[cause] != there[cause]
    ]
    if not causes:
        return "another content, though made alike"
    shown = [_changed(cause, here[cause], there[cause]) for cause in causes]
    return "made with other " + "; ".join(shown)


def _changed(cause: str, here: Any, there: Any) -> str:
    if isinstance(here, dict) and isinstance(there, dict):
        keys = sorted(key for key in {*here, *there} if here.get(key) != there.get(key))
        return f"{cause} ({', '.join(keys)})"
    return cause


def current(paths: Iterable[str], known: Mapping[str, Mapping[str, Any]]) -> Entries:
    """The artefacts that are here, with the SHA-256 of their files as they are now.

    Args:
        paths: which.
        known: how this folder's artefacts were made, as far as it is known.
    """
    present = [path for path in paths if Path(path).is_file()]
    with ThreadPoolExecutor() as pool:  # hashing releases the interpreter's lock
        found = pool.map(checksums.compute, map(Path, present))
        return {
            path: {**known.get(path, {}), "sha256": checksum.sha256}
            for path, checksum in zip(present, found, strict=True)
        }


def verify(manifest: Path) -> tuple[list[Difference], list[str], int]:
    """Compare the files of this folder with a manifest: its own, or another run's.

    Returns:
        the differences, the artefacts that the manifest does not know, and how many it knows.
    """
    there = read_manifest(manifest)
    artefacts = {
        path: entry(artefact) for path, artefact in read_artefacts().items() if artefact.checksum
    }
    here = current(sorted({*there, *artefacts}), artefacts)
    return compare(here, there), sorted(set(here) - set(there)), len(there)
