"""The papers of a run, as BibTeX: those that its jobs' code names, and those of its libraries.

The manifest says which modules and libraries each job reached, so a paper of a method, tagger or
algorithm that no job used is not among them. Papers are named where they are used, by arXiv id;
resources/references.bib has what BibTeX needs of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from jetchain.core.io.atomic import atomic
from jetchain.core.resources import RESOURCES
from jetchain.generate.tunes import TUNES
from jetchain.plumbing import checksums, digest
from jetchain.plumbing.provenance.manifest import MANIFEST, Entries, read_manifest

BIBLIOGRAPHY = RESOURCES / "references.bib"
REFERENCES = checksums.RESULTS / "provenance" / "references.bib"
# The names of all members of a table; a job uses one, whose own module or settings say which.
_TABLES = {"generate.tunes", "tagging.models", "anomaly.methods", "particleflow.algorithms"}
_ARXIV = re.compile(  # the form since April 2007, and that before it, by archive
    r"(?<![\d.])((?:0[7-9]|1\d|2\d)(?:0[1-9]|1[0-2])\.\d{4,5}"
    r"|(?:astro-ph|hep-(?:ex|lat|ph|th)|math|nucl-(?:ex|th)|physics)/\d{7})(?![\d.]\d)"
)
_OWN = """@software{{jetchain,
  author = {{{{The jetchain project}}}},
  title = {{{{jetchain: from collisions to limits and trigger firmware as one Snakemake DAG}}}},
  version = {{{version}}},
  year = {{2026}},
}}
"""


def entries(text: str) -> dict[str, dict[str, str]]:
    """The entries of a bibliography by key: their fields, and all of one as `text`."""
    found = {}
    for block in re.findall(r"^@\w+\{.*?^\}\n", text, flags=re.MULTILINE | re.DOTALL):
        key = block[block.index("{") + 1 : block.index(",")]
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", block, flags=re.MULTILINE))
        found[key] = {**fields, "text": block}
    return found


def papers(text: str) -> set[str]:
    """The arXiv ids that stand in a text."""
    return set(_ARXIV.findall(text))


def texts_of(artefacts: Entries) -> Iterable[str]:
    """What names papers among all that the jobs of a run reached: sources, resources, tunes."""
    modules: set[str] = set()
    resources: set[str] = set()
    for entry in artefacts.values():
        modules |= entry["code"].keys()
        resources |= entry["resources"].keys()
        if isinstance(entry["settings"], dict) and "tune" in entry["settings"]:
            yield TUNES[entry["settings"]["tune"]].source
    for module in sorted(modules - _TABLES):
        path = digest.module_path(f"{digest.PACKAGE}.{module}")
        if path is not None:  # older results may name one that is gone
            yield path.read_text(encoding="utf-8")
    for name in sorted(resources):
        if (RESOURCES / name).is_file():
            yield (RESOURCES / name).read_text(encoding="utf-8")


def references(artefacts: Entries) -> str:
    """The bibliography of a run; a paper that the table lacks is there by its arXiv id alone."""
    text = "\n".join(texts_of(artefacts))
    libraries = {name for entry in artefacts.values() for name in entry["libraries"]} | {
        "snakemake"
    }
    used, plain = papers(text), " ".join(text.split())
    known = entries(BIBLIOGRAPHY.read_text(encoding="utf-8"))
    chosen = [_OWN.format(version=version("jetchain"))]
    for fields in known.values():
        cited = fields.get("cited")
        if (
            fields.get("eprint") in used
            or fields.get("library") in libraries
            or (cited and cited in plain)
        ):
            chosen.append(fields["text"])
    for arxiv in sorted(used - {fields.get("eprint") for fields in known.values()}):
        fields_of = f"  archiveprefix = {{arXiv}},\n  eprint = {{{arxiv}}},\n"
        chosen.append(f"@misc{{arXiv:{arxiv},\n{fields_of}}}\n")
    return "\n".join(chosen)


def write_references(path: Path = REFERENCES, manifest: Path = MANIFEST) -> Path:
    """Write the bibliography of this folder's run; returns its path.

    Raises:
        DataError: there is no manifest.
    """
    text = references(read_manifest(manifest))
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
