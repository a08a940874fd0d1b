"""The reference, written from the code when the site is built: tables, verbs, targets, API."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from from_run import results
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from jetchain.core import schema
from jetchain.core.schema.base import EventTable, TensorTable
from jetchain.core.schema.jets import jets_table
from jetchain.plumbing.checksums import RESULTS
from jetchain.plumbing.configuration import Configuration
from jetchain.plumbing.digest import signature
from jetchain.plumbing.documentation import inner_settings, key_of, keys
from jetchain.plumbing.provenance.manifest import MANIFEST, read_rules

HOUSE = Path(__file__).resolve().parents[2]
PACKAGE = HOUSE / "workflow" / "jetchain"
# Where each table of core/schema lies in results/.
FILES = {
    "GENERATED": "generate/<sample>/<shard>.root",
    "DETECTED": "detector/<sample>/<shard>.root",
    "HITS": "detector/<sample>/<shard>.hits.root",
    "COCOA": "detector/<sample>/<shard>.cocoa.root",
    "RECONSTRUCTED": "particleflow/<algorithm>/<sample>/<shard>.root",
    "JETS": "jets/<algorithm>/<sample>/<shard>.root",
    "EVENT_GRAPHS": "graphs/events/<sample>/<shard>.safetensors",
    "JET_GRAPHS": "graphs/jets/<algorithm>/<sample>/<shard>.safetensors",
    "TAGGING_JETS": "tagging/jets/<sample>/<shard>.safetensors",
    "TAGGING_SCORES": "tagging/<model>/scores.safetensors",
    "JET_SCORES": "tagging/<model>/scores/<sample>/<shard>.safetensors",
    "DIJETS": "anomaly/data.safetensors, anomaly/signal_test.safetensors, "
    "anomaly/<method>/template.safetensors, "
    "anomaly/scan/<scan>/<window>/mu<strength>/seed<replica>/data.safetensors",
    "DIJET_TRUTH": "anomaly/truth.safetensors",
    "SCORES": "anomaly/<method>/scores.safetensors",
    "VARIED": "anomaly/systematics/<systematic>.safetensors",
    "TREES": "anomaly/<method>/trees.safetensors",
    "TRIGGER_SCORES": "firmware/trigger/<design>/<sample>/<shard>.safetensors",
    "TRIGGER_EVENTS": "anomaly/trigger/events.safetensors",
}


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(each.replace('|', chr(92) + '|') for each in row)} |"
                     for row in lines)  # fmt: skip


def declared() -> dict[str, Any]:
    """What the modules of core/schema declare, by name."""
    return {
        name: value
        for each in pkgutil.iter_modules(schema.__path__)
        for name, value in vars(importlib.import_module(f"{schema.__name__}.{each.name}")).items()
    }


def tables() -> dict[str, EventTable | TensorTable]:
    """Every table that passes between rooms, by its name in core/schema."""
    found = {
        name: value
        for name, value in declared().items()
        if isinstance(value, EventTable | TensorTable)
    }
    return found | {"JETS": jets_table((0.8, 1.0))}


def schemas() -> str:
    """Every table: its files, columns, dtype, shape, unit and meaning."""
    parts = []
    if unplaced := tables().keys() ^ FILES.keys():
        raise ExtensionError(f"FILES and core/schema do not agree on {', '.join(unplaced)}.")
    for name, where in FILES.items():
        table = tables()[name]
        files = ", ".join(f"`results/{path}`" for path in where.split(", "))
        parts.append(f"## {table.name}\n\n`{name}`: {files}\n")
        parts.extend(_columns(table))
    constants = [
        (f"`{name}`", ", ".join(f"`{entry}`" for entry in value))
        for name, value in declared().items()
        if name.isupper() and isinstance(value, tuple) and not name.startswith("_")
    ]
    parts.append("## Lists that the tables refer to\n")
    parts.append(_table(("name", "entries, counted from 0"), constants))
    return "\n".join(parts)


def _columns(table: EventTable | TensorTable) -> Iterator[str]:
    if isinstance(table, TensorTable):
        rows = [
            (f"`{name}`", tensor.dtype, " × ".join(map(str, tensor.axes)), tensor.unit,
             tensor.meaning)
            for name, tensor in table.tensors.items()
        ]  # fmt: skip
        yield _table(("tensor", "dtype", "axes", "unit", "meaning"), rows) + "\n"
        return
    yield f"Tree `{table.tree}`, one entry an event.\n"
    head = ("branch", "dtype", "shape", "unit", "meaning")
    yield _table(head, [
        (f"`{name}`", column.dtype, "event", column.unit, column.meaning)
        for name, column in table.event.items()
    ]) + "\n"  # fmt: skip
    for collection, columns in table.collections.items():
        yield f"Collection `{collection}`, its length in the branch `n{collection}`:\n"
        yield _table(head, [
            (f"`{collection}_{name}`", column.dtype,
             "a list per object" if column.nested else "object", column.unit, column.meaning)
            for name, column in columns.items()
        ]) + "\n"  # fmt: skip


def targets() -> str:
    """The Makefile's targets and what each is for."""
    text = (HOUSE / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z-]+):.*?## (.*)$", text, flags=re.MULTILINE)
    return _table(("target", "what it does"), [(f"`make {name}`", what) for name, what in found])


def verbs(room: str) -> list[tuple[str, str]]:
    """The rules that launch a verb of the room, as the run that the site shows had them."""
    rules = read_rules(results() / MANIFEST.relative_to(RESULTS))
    return [
        (name, rule["verb"])
        for name, rule in sorted(rules.items())
        if rule["verb"].partition(".")[0] == room
    ]


def room(name: str) -> str:
    """A room: its rules with the verbs that they launch."""
    rows = []
    for rule, verb in verbs(name):
        kinds = signature(verb)
        files = [
            ", ".join(key for key, kind in kinds.items() if kind in wanted)
            for wanted in (("Input", "Inputs"), ("Output", "Outputs"))
        ]
        rows.append((f"`{rule}`", f"`{verb}`", *files))
    return _table(("rule", "verb", "inputs", "outputs"), rows)


def modules(package: str) -> str:
    """The public functions and classes of every module of a package, from their docstrings."""
    parts = []
    for path in sorted((PACKAGE / package).rglob("*.py")):
        if path.name.startswith("__"):
            continue
        name = ".".join(("jetchain", *path.relative_to(PACKAGE).with_suffix("").parts))
        parts.append(
            f"## {name.removeprefix('jetchain.')}\n\n"
            f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"
        )
    return "\n".join(parts)


def configuration() -> str:
    """Every key of the configuration: type, unit, default, range, meaning."""
    parts = []
    for name, field in Configuration.model_fields.items():
        inner = inner_settings(field.annotation)
        parts.append(f"## `{name}`\n\n{field.description}\n")
        for key in [key_of(name, field)] if inner is None else keys(name, inner[1]):
            default = key.default if key.default == "required" else f"default {key.default}"
            facts = [key.kind, default, key.limits]
            meaning = key.meaning + (f" [{key.unit}]" if key.unit else "")
            parts.append(f"`{key.path}`\n: {meaning}\n\n  {'; '.join(filter(None, facts))}\n")
    return "\n".join(parts)


CONTENT = {
    "schemas": schemas,
    "targets": targets,
    "configuration": configuration,
    "room": room,
    "modules": modules,
}


class FromCode(SphinxDirective):
    """A part of the reference: ``{from-code} schemas``, ``{from-code} room jets``."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The part, parsed as Markdown."""
        what, *of = self.arguments
        return self.parse_text_to_nodes(CONTENT[what](*of), allow_section_headings=True)


def plain_text(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any,
               lines: list[str]) -> None:  # fmt: skip
    """The house's docstrings are plain text but for backticks: nothing else is markup."""
    for index, line in enumerate(lines):
        line = re.sub(r"^(\s*[\w, ]+: )(\w)\.$", r"\1\\\2.", line)  # "radius: R." is no list
        pieces = re.split(r"(`+[^`]*`+)", line)
        pieces[::2] = [
            re.sub(r"([|*])(?!$)|([|*])$|(?<=\w)(_)(?!\w)", r"\\\g<0>", piece)
            if not piece.lstrip().startswith("* ") else piece
            for piece in pieces[::2]
        ]  # fmt: skip
        lines[index] = "".join(pieces)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and read docstrings as the house writes them."""
    app.add_directive("from-code", FromCode)
    app.connect("autodoc-process-docstring", plain_text, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
