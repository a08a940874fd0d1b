"""Event tables: ROOT files, checked against their schema both ways, byte for byte the same.

Nothing that differs between two runs (time, host, path, uuid) enters a payload.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError, no_event
from jetchain.core.io.atomic import REMAKE, atomic, missing
from jetchain.core.schema.base import Column, Columns, EventTable

BASKET_EVENTS = 250


"""Events compressed together: what a reader of a few has to unpack at least."""


# 2000-01-01 00:00:00 as ROOT packs it: years since 1995, month, day.
_ROOT_TIME = 5 << 26 | 1 << 22 | 1 << 17


@contextmanager
def _frozen_root_clock() -> Iterator[None]:
    """ROOT files carry their creation time in a dozen places: write a fixed one."""
    import uproot

    with mock.patch.object(uproot._util, "datetime_to_code", return_value=_ROOT_TIME):
        yield


def write_events(path: Path, table: EventTable, data: Mapping[str, Any]) -> None:
    """Write an event table as a ROOT TTree (zstd).

    Args:
        path: where to.
        table: its schema.
        data: ``{"event": {column: array (events,)}, collection: {column: jagged array}}``;
            awkward records serve as well. Nested columns are (events, var, var).

    Raises:
        DataError: a declared column is missing, or one is given that the schema does not know.
    """
    _check_names(path, table, data)
    groups = {
        name: {column: data[name][column] for column in declared}
        for name, declared in {"event": table.event, **table.collections}.items()
    }
    starts = range(0, max(len(groups["event"]["number"]), 1), BASKET_EVENTS)
    write_event_chunks(path, table, (_cut(groups, i, i + BASKET_EVENTS) for i in starts))


def _cut(groups: Mapping[str, Mapping[str, Any]], first: int, last: int) -> dict[str, Any]:
    return {
        group: {name: values[first:last] for name, values in record.items()}
        for group, record in groups.items()
    }


def write_event_chunks(path: Path, table: EventTable, chunks: Iterable[Mapping[str, Any]]) -> None:
    """Write an event table chunk by chunk, so that memory does not grow with the events.

    Args:
        path: where to.
        table: its schema.
        chunks: at least one; each as for `write_events`.
    """
    import uproot

    with (
        atomic(path) as temporary,
        _frozen_root_clock(),
        uproot.recreate(
            temporary,
            compression=uproot.ZSTD(1),
            uuid_function=lambda: uuid.UUID(int=0),
        ) as file,
    ):
        tree = None
        for data in chunks:
            columns = _event_columns(path, table, data)
            if tree is None:
                types = {
                    name: values.dtype if isinstance(values, np.ndarray) else values.type.content
                    for name, values in columns.items()
                }
                tree = file.mktree(table.tree, types)
            if len(columns["number"]):
                tree.extend(columns)
        file["units"] = json.dumps(_units(table), sort_keys=True)


def _event_columns(path: Path, table: EventTable, data: Mapping[str, Any]) -> dict[str, Any]:
    import awkward as ak

    _check_names(path, table, data)
    columns: dict[str, Any] = {
        name: np.asarray(data["event"][name]).astype(column.dtype)
        for name, column in table.event.items()
    }
    for collection, declared in table.collections.items():
        plain: dict[str, Any] = {}
        for name, column in declared.items():
            values = data[collection][name]
            if column.nested:
                plain[f"{name}_n"] = _as(ak.num(values, axis=2), "i4")
                columns[f"{collection}_{name}"] = _as(ak.flatten(values, axis=2), column.dtype)
            else:
                plain[name] = _as(values, column.dtype)
        try:
            columns[collection] = _record(plain)
        except ValueError as error:
            raise DataError(
                f"{path}: the columns of collection '{collection}' have unequal lengths: {error}",
                "This is a mistake in the verb that writes it: give every column one value an "
                "object.",
            ) from None
    return columns


def _as(values: Any, dtype: str) -> Any:
    """A jagged column of another type, its values in one piece."""
    import awkward as ak

    layout = _lists(values)
    content = ak.to_numpy(layout.content).astype(dtype, copy=False)
    return ak.Array(ak.contents.ListOffsetArray(layout.offsets, ak.contents.NumpyArray(content)))


def _lists(values: Any) -> Any:
    """The layout of jagged values in one piece: offsets from 0, and no content behind the last."""
    import awkward as ak

    layout = ak.to_layout(values)
    if not _in_one_piece(layout):
        layout = ak.to_layout(ak.to_packed(values)).to_ListOffsetArray64(True)
    end = int(layout.offsets.data[-1])
    if end == layout.content.length:
        return layout
    return layout.copy(content=layout.content[:end])


def _in_one_piece(layout: Any) -> bool:
    """Whether a layout is lists from 0 of plain numbers, or of records of them.

    Most are, and awkward's own test of it takes as long as writing a small column.
    """
    import awkward as ak

    if not isinstance(layout, ak.contents.ListOffsetArray) or layout.offsets.dtype != np.int64:
        return False
    content = layout.content
    parts = content.contents if isinstance(content, ak.contents.RecordArray) else [content]
    return (
        all(isinstance(part, ak.contents.NumpyArray) for part in parts)
        and int(layout.offsets.data[0]) == 0
    )


def read_events(
    path: Path, table: EventTable, columns: Mapping[str, Sequence[str] | None] | None = None
) -> dict[str, Any]:
    """Read an event table.

    Args:
        path: the ROOT file.
        table: its schema.
        columns: which collections, and which of their columns (None: all of them); all
            collections if not given. The event's own columns always come.

    Returns:
        ``{"event": record (events,), collection: jagged record (events, var), ...}``.

    Raises:
        DataError: the file is missing, cut short, or lacks a declared column or has another unit.
    """
    with _opened(path, table, columns) as (tree, wanted):
        return _read_entries(tree, table, wanted, 0, tree.num_entries)


def read_event_chunks(
    path: Path,
    table: EventTable,
    columns: Mapping[str, Sequence[str] | None] | None = None,
    events: int = BASKET_EVENTS,
) -> Iterator[dict[str, Any]]:
    """Read an event table chunk by chunk, so that memory does not grow with the events.

    Args:
        path, table, columns: as for `read_events`.
        events: how many to read at a time.

    Yields:
        what `read_events` returns, for some events; once at least.

    Raises:
        DataError: as `read_events`.
    """
    with _opened(path, table, columns) as (tree, wanted):
        for first in range(0, max(tree.num_entries, 1), events):
            yield _read_entries(tree, table, wanted, first, first + events)


def count_events(path: Path, table: EventTable) -> int:
    """Number of events in a file; raises `DataError` as `read_events`."""
    with _opened(path, table, {}) as (tree, _):
        return int(tree.num_entries)


def first_with_events(paths: Sequence[Path], table: EventTable) -> int:
    """The place of the first of a sample's shards that holds an event; see `read_events`.

    Raises:
        EmptySampleError: none does.
    """
    for place, path in enumerate(paths):
        if count_events(path, table):
            return place
    raise no_event(paths)


@contextmanager
def _opened(
    path: Path, table: EventTable, columns: Mapping[str, Sequence[str] | None] | None
) -> Iterator[tuple[Any, dict[str, tuple[str, ...]]]]:
    """The tree of a file after all checks, and the wanted columns of its collections."""
    import uproot

    path = Path(path)
    if not path.is_file():
        raise missing(path)
    if columns is None:
        columns = dict.fromkeys(table.collections)
    wanted = {
        collection: tuple(names or table.collections[collection])
        for collection, names in columns.items()
    }
    # Nothing is read twice; a map of the file costs less than fsspec's thread for every basket.
    options = {"array_cache": None, "handler": uproot.MemmapSource}
    try:
        with uproot.open(path, **options) as file:
            if file.file.fEND > path.stat().st_size:
                raise EOFError(f"{path.stat().st_size} of {file.file.fEND} bytes")
            tree = file[table.tree]
            units = json.loads(str(file["units"])) if "units" in file else {}
            _check_branches(path, table, wanted, set(tree.keys()), units)
            yield tree, wanted
    except DataError:
        raise
    except Exception as error:  # uproot raises many kinds for a damaged file
        raise DataError(
            f"{path}: cannot be read as '{table.name}' (tree '{table.tree}'): the file is cut "
            f"short or damaged ({type(error).__name__}: {str(error).strip().splitlines()[0]}).",
            REMAKE,
        ) from error


def _read_entries(
    tree: Any, table: EventTable, wanted: Mapping[str, Sequence[str]], first: int, last: int
) -> dict[str, Any]:
    import awkward as ak

    def read(branch: str) -> Any:
        return tree[branch].array(entry_start=first, entry_stop=last, library="ak")

    result = {"event": ak.zip({name: read(name) for name in table.event})}
    for collection, names in wanted.items():
        fields = {}
        for name in names:
            values = read(f"{collection}_{name}")
            if table.collections[collection][name].nested:
                lengths = read(f"{collection}_{name}_n")
                inner = ak.unflatten(ak.flatten(values), ak.flatten(lengths))
                values = ak.unflatten(inner, ak.num(lengths))
            fields[name] = values
        result[collection] = _record(fields)
    return result


def _record(fields: Mapping[str, Any]) -> Any:
    """Jagged columns as one jagged record.

    As ``ak.zip(fields, depth_limit=2)``, without a copy of the columns, which takes as long as
    reading them.

    Raises:
        ValueError: they have unequal lengths.
    """
    import awkward as ak

    layouts = [_lists(values) for values in fields.values()]
    offsets = layouts[0].offsets
    for name, layout in zip(fields, layouts, strict=True):
        if not np.array_equal(layout.offsets.data, offsets.data):
            raise ValueError(f"{name} is longer or shorter than {next(iter(fields))}")
    contents = [layout.content for layout in layouts]
    record = ak.contents.RecordArray(contents, list(fields), length=int(offsets.data[-1]))
    return ak.Array(ak.contents.ListOffsetArray(offsets, record))


def flat_columns(objects: Any) -> dict[str, NDArray[Any]]:
    """The columns of a collection (events, var) as flat arrays, object after object.

    Args:
        objects: jagged record, as `read_events` returns it; its columns hold numbers.
    """
    import awkward as ak

    content = _lists(objects).content
    return {name: ak.to_numpy(content[name]) for name in content.fields}


def _check_names(path: Path, table: EventTable, data: Mapping[str, Any]) -> None:
    declared: dict[str, Columns] = {"event": table.event, **table.collections}
    for group in declared:
        if group not in data:
            raise DataError(
                f"{path}: collection '{group}' of '{table.name}' is not given.",
                "The verb that writes this table must give every collection of core/schema.py.",
            )
        record = data[group]
        names = set(record.fields if hasattr(record, "fields") else record)
        missing, extra = set(declared[group]) - names, names - set(declared[group])
        if missing or extra:
            raise DataError(
                f"{path}: collection '{group}' of '{table.name}': missing columns "
                f"{sorted(missing)}, unknown columns {sorted(extra)}.",
                "Give exactly the columns that core/schema.py declares, or change it there.",
            )


def _check_branches(
    path: Path,
    table: EventTable,
    wanted: Mapping[str, Sequence[str]],
    present: set[str],
    units: Mapping[str, str],
) -> None:
    needed: dict[str, Column] = dict(table.event)
    for collection, names in wanted.items():
        for name in names:
            needed[f"{collection}_{name}"] = table.collections[collection][name]
    for collection in wanted:
        if table.missing and not any(name.startswith(f"{collection}_") for name in present):
            raise DataError(
                f"{path}: '{table.name}' has no collection {collection}.", table.missing
            )
    missing = sorted(set(needed) - present)
    if missing:
        raise DataError(
            f"{path}: '{table.name}' lacks column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}.",
            f"The file was written by another version of jetchain or is not of this kind. {REMAKE}",
        )
    for name, column in needed.items():
        if units.get(name, column.unit) != column.unit:
            raise DataError(
                f"{path}: column {name} is in '{units[name]}', expected '{column.unit}'.",
                "Convert the file to the units of core/schema.py.",
            )


def _units(table: EventTable) -> dict[str, str]:
    units = {name: column.unit for name, column in table.event.items()}
    for collection, declared in table.collections.items():
        units |= {f"{collection}_{name}": column.unit for name, column in declared.items()}
    return units


def require_same_events(first: Any, second: Any, what: str) -> None:
    """Raise `DataError` unless two files, or chunks of them, hold the same events in one order.

    None stands for a chunk that a shorter file does not have.
    """
    one, two = (np.asarray(each["event"]["number"] if each else []) for each in (first, second))
    if not np.array_equal(one, two):
        raise DataError(
            f"{what}: the two files do not hold the same events ({len(one)} and {len(two)}).",
            "One of them is from another run. Remove both and run the same command again.",
        )
