"""The part of the configuration that a result was made with, as the manifest has it.

The manifest has the settings of every job, and where in the configuration those of each rule stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jetchain.core.errors import DataError
from jetchain.plumbing.provenance.artefacts import ancestors
from jetchain.plumbing.provenance.manifest import Entries

# Where the settings of a rule stand: a dotted path for each field, or for all of them under "".
Places = Mapping[str, Mapping[str, str]]


def settings_behind(path: str, artefacts: Entries, places: Places) -> dict[str, Any]:
    """The configuration as far as a result depends on it, nested as in config.yaml.

    Sections of single samples and models, whose paths have wildcards, are left out.

    Args:
        path: of the result.
        artefacts: of the manifest.
        places: of the rules: see `manifest.read_rules`.

    Raises:
        DataError: the manifest does not know it, or two of the files that it is made from were made
            with different settings of one section.
    """
    if path not in artefacts:
        raise DataError(
            f"The manifest does not know {path}.",
            "Finish the run with the same snakemake command: it writes the manifest at its end.",
        )
    parents = {each: entry["parents"] for each, entry in artefacts.items()}
    made_from = sorted(ancestors(path, parents) & artefacts.keys())
    found = [each for file in made_from for each in _settings(artefacts[file], places)]
    configuration: dict[str, Any] = {}
    for place, value in sorted(found, key=lambda each: each[0].count(".")):  # whole sections first
        *sections, last = place.split(".")
        inside = configuration
        for section in sections:
            inside = inside.setdefault(section, {})
        if inside.setdefault(last, value) != value:
            raise DataError(
                f"{path} is made from files with different {place}.",
                "Finish the run with the same snakemake command.",
            )
    return configuration


def _settings(entry: Mapping[str, Any], places: Places) -> Iterator[tuple[str, Any]]:
    """The settings of an artefact's job, each with its place in the configuration."""
    settings = entry["settings"] or {}
    for field, place in places.get(entry["rule"], {}).items():
        if "{" not in place and (not field or field in settings):
            yield place, settings[field] if field else settings
