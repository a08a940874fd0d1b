"""What a run was made with: configuration, versions, commit, dates, digest of its manifest."""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from jetchain.plumbing.configuration import Configuration, load
from jetchain.plumbing.provenance import last
from jetchain.plumbing.provenance.artefacts import Artefact
from jetchain.plumbing.provenance.manifest import MANIFEST

ABSENT = "(absent)"
NONE = "none"


@dataclass(frozen=True)
class Change:
    """A key of the configuration that is not at its default; values as JSON."""

    path: str
    default: str
    used: str


@dataclass(frozen=True)
class Origin:
    """What a run was made with, as text.

    Attributes:
        seed: root seed.
        changes: keys that are not at their defaults.
        configuration: the whole, as YAML.
        remembered: whether that is of the run itself, as it kept it; else of the command that made
            the page.
        versions: of the libraries that the jobs computed with; of Python, Snakemake and jetchain
            those that made the page.
        commit: of the code, empty if it is not under git.
        manifest: SHA-256 of the manifest, empty if there is none.
        began, ended: date and time of the first job's start and of the last one's end.
    """

    seed: int
    changes: list[Change]
    configuration: str
    remembered: bool
    versions: dict[str, str]
    commit: str
    manifest: str
    began: str
    ended: str


def origin(config: Mapping[str, Any], artefacts: Iterable[Artefact], house: Path) -> Origin:
    """Gather it.

    Args:
        config: the configuration as Snakemake has it, which counts where the run kept none.
        artefacts: what the jobs of the run made.
        house: folder of the Snakefile.
    """
    kept = last.configuration()
    used = (kept or load(config)).model_dump(mode="json")
    made = [each for each in artefacts if each.ended]
    programs = {
        "Python": platform.python_version(), "snakemake": version("snakemake"),
        "jetchain": version("jetchain"),
    }  # fmt: skip
    return Origin(
        seed=used["seed"],
        changes=changes(Configuration().model_dump(mode="json"), used),
        configuration=yaml.safe_dump(used, sort_keys=False, width=90),
        remembered=kept is not None,
        versions=dict(
            sorted((programs | versions(made)).items(), key=lambda item: item[0].lower())
        ),
        commit=commit(house),
        manifest=hashlib.sha256(MANIFEST.read_bytes()).hexdigest() if MANIFEST.exists() else "",
        began=_date(min((each.started for each in made), default=None)),
        ended=_date(max((each.ended for each in made), default=None)),
    )


def versions(made: Iterable[Artefact]) -> dict[str, str]:
    """The versions of each library that jobs computed with: several if it changed between them.

    Returns:
        by library, such as ``2.4.5, 2.4.6``, in the order of use.
    """
    found: dict[str, list[str]] = {}
    for each in sorted(made, key=lambda artefact: artefact.started):
        for name, number in each.making.libraries.items():
            if number not in found.setdefault(name, []):
                found[name].append(number)
    return {name: ", ".join(numbers) for name, numbers in found.items()}


def changes(default: Mapping[str, Any], used: Mapping[str, Any], above: str = "") -> list[Change]:
    """The keys whose values differ, with the path to each.

    A section that only one side has, such as a sample of the user's, is one change.
    """
    found = []
    for name in [*default, *(name for name in used if name not in default)]:
        path = f"{above}{name}"
        here, there = default.get(name, ABSENT), used.get(name, ABSENT)
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            found += changes(here, there, f"{path}.")
        elif here != there:
            found.append(Change(path, _text(here), _text(there)))
    return found


def _text(value: Any) -> str:
    if value == ABSENT:
        return ABSENT
    return NONE if value is None else json.dumps(value, ensure_ascii=False)


def commit(house: Path) -> str:
    """The commit that the code is at, with a word if files differ from it; empty without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(house), "describe", "--always", "--abbrev=40", "--exclude=*",
             "--dirty= with changes"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _date(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.datetime.fromtimestamp(seconds).strftime("%d %B %Y, %H:%M").lstrip("0")
