"""Any result of a run by its name, as what core/schema declares of it: `jetchain.open`."""

from __future__ import annotations

import contextlib
import difflib
import html
import importlib
import os
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jetchain.core import schema
from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_csv, read_json
from jetchain.core.io.tensors import check_table, read_arrays
from jetchain.core.schema.base import Column, EventTable, Result, Tensor, TensorTable
from jetchain.core.schema.jets import jets_table

SUFFIXES = (".root", ".safetensors", ".json", ".csv", ".txt", ".md")
"""What can be opened; the others are pictures and archives."""


class Table(Mapping[str, Any]):
    """The arrays of a file by name, read when they are asked for; `columns` says what they hold.

    Attributes:
        name: what core/schema calls the table; empty for a file that is none, such as weights.
        columns: of each array its dtype, unit and meaning.
    """

    def __init__(
        self, name: str, columns: Mapping[str, Column | Tensor], read: Callable[[str], Any]
    ) -> None:
        self.name, self.columns, self._read = name, dict(columns), read

    def __getitem__(self, name: str) -> Any:
        if name not in self.columns:
            near = difflib.get_close_matches(str(name), self.columns, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(self)}"
            raise KeyError(f"the table '{self.name}' has no '{name}': {hint}")
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(name, each.dtype, each.unit, each.meaning) for name, each in self.columns.items()]

    def __repr__(self) -> str:
        lines = [f"{name}: {dtype} {unit} {meaning}" for name, dtype, unit, meaning in self._rows()]
        return "\n".join([self.name or "arrays", *lines])

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
            for row in self._rows()
        )
        return f"<b>{html.escape(self.name)}</b><table>{rows}</table>"


def read_artefact(name: str | Path, results: str | Path | None = None) -> Any:
    """A result as what it is.

    Args:
        name: its path in results/, with or without its suffix.
        results: the folder, or that of its run; if not given, JETCHAIN_RESULTS of the environment
            or ``results``.

    Returns:
        a `Table` for ROOT and safetensors files, a typed result or histograms by name for JSON,
        columns by name for CSV, else the text. JSON that core/schema does not declare, such as
        pyhf's workspaces, comes as it is.

    Raises:
        DataError: there is no such file, or several; or it is damaged.
    """
    folder = Path(results or os.environ.get("JETCHAIN_RESULTS") or "results")
    if (folder / "results").is_dir():
        folder /= "results"
    path = _find(folder, os.path.normpath(name))
    match path.suffix:
        case ".root":
            return _events(path)
        case ".safetensors":
            return _tensors(path)
        case ".json":
            return _numbers(path)
        case ".csv":
            return read_csv(path)
    return path.read_text(encoding="utf-8")


def _find(folder: Path, name: str) -> Path:
    name = name.removeprefix("results/")
    if not folder.is_dir():
        raise DataError(
            f"{folder.absolute()}: no results here.",
            "Work in the folder of a run, or name its results: jetchain.open(name, results=...).",
        )
    exact = folder / name
    if exact.is_file() and exact.suffix in SUFFIXES:
        return exact
    found = [path for suffix in SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found)
        raise DataError(f"'{name}' is {len(found)} files: {names}.", "Name one with its suffix.")
    if exact.is_file():
        raise DataError(
            f"{exact}: no data, but a picture or an archive.",
            f"Show it with another program; those read here end in {', '.join(SUFFIXES)}.",
        )
    if exact.is_dir():
        held = sorted(path.name for path in exact.iterdir() if not path.name.startswith("."))
        raise DataError(f"{exact}: a folder.", f"Name what is in it: {', '.join(held)}.")
    known = {
        (within if Path(name).suffix in SUFFIXES else within.with_suffix("")).as_posix()
        for path in folder.rglob("*")
        if path.suffix in SUFFIXES
        and not (within := path.relative_to(folder)).is_relative_to("provenance/checksums")
        and not within.parts[0].startswith(".")
    }
    near = difflib.get_close_matches(name, sorted(known), 3)
    raise DataError(
        f"{folder} has no '{name}' that can be opened.",
        f"Nearest: {', '.join(near)}." if near else f"Names are paths in {folder}.",
    )


@cache
def _declared() -> list[Any]:
    """What the modules of core/schema declare themselves."""
    found = []
    for each in pkgutil.iter_modules(schema.__path__):
        module = importlib.import_module(f"{schema.__name__}.{each.name}")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, EventTable | TensorTable)
            or (isinstance(value, type) and value.__module__ == module.__name__)
        ]
    return found


def _events(path: Path) -> Table:
    import uproot

    with uproot.open(path) as file:
        trees = {
            key.partition(";")[0]: set(file[key].keys())
            for key, kind in file.classnames().items()
            if kind == "TTree"
        }
    radii = {int(found[1]) / 10 for names in trees.values() for name in names
             if (found := re.fullmatch(r"nak(\d+)", name))}  # fmt: skip
    tables = [each for each in _declared() if isinstance(each, EventTable)]
    tables += [jets_table(tuple(sorted(radii)))] if radii else []
    fits = [each for each in tables if each.tree in trees and {*branches(each)} <= trees[each.tree]]
    if not fits:
        raise DataError(
            f"{path}: none of the tables of core/schema.", "Open it with uproot, if it is yours."
        )
    table = max(fits, key=lambda each: len(branches(each)))

    def read(branch: str) -> Any:
        place, column = _places(table)[branch]
        if place == "event":
            return read_events(path, table, {})["event"][column]
        return read_events(path, table, {place: [column]})[place][column]

    return Table(table.name, branches(table), read)


def _places(table: EventTable) -> dict[str, tuple[str, str]]:
    """Where a branch stands: its collection, or the event, and its column there."""
    return {name: ("event", name) for name in table.event} | {
        f"{collection}_{name}": (collection, name)
        for collection, columns in table.collections.items()
        for name in columns
    }


def branches(table: EventTable) -> dict[str, Column]:
    """The columns of a table by the names of their branches."""
    return {
        branch: table.event[name] if place == "event" else table.collections[place][name]
        for branch, (place, name) in _places(table).items()
    }


def _tensors(path: Path) -> Table:
    from safetensors import SafetensorError, safe_open

    arrays = read_arrays(path)
    try:
        with safe_open(path, "numpy") as file:
            name = (file.metadata() or {}).get("table", "")
    except SafetensorError as error:
        raise DataError(f"{path}: damaged ({error}).", "Make it anew.") from error
    tables = {each.name: each for each in _declared() if isinstance(each, TensorTable)}
    if name not in tables:  # weights of a network
        plain = {
            each: Tensor(str(array.dtype), array.shape, "", f"shape {array.shape}")
            for each, array in arrays.items()
        }
        return Table("", plain, arrays.__getitem__)
    check_table(path, tables[name], arrays)
    return Table(name, tables[name].tensors, arrays.__getitem__)


def _numbers(path: Path) -> Any:
    value = read_json(path)
    fits = []
    for kind in _declared():
        if isinstance(kind, type) and issubclass(kind, Result):
            with contextlib.suppress(ValidationError):
                fits.append(kind.model_validate(value))
    if fits:  # the one that takes most of what the file has, and leaves least to defaults
        return max(
            fits, key=lambda each: (len(each.model_fields_set), -len(type(each).model_fields))
        )
    if (
        isinstance(value, dict)
        and value
        and all(
            isinstance(each, dict) and "axes" in each and "storage" in each
            for each in value.values()
        )
    ):
        from jetchain.core.histograms import load_histograms

        return load_histograms(path)
    return value
