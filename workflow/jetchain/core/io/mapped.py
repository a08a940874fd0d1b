"""Rows of tensor tables, read from their files as they are needed.

A training set may be larger than the memory. `Mapped` joins the files of a table (one a shard) and
reads from them what belongs to the rows that are asked for: it holds the shapes of the arrays,
never the arrays. A file is mapped into memory for one reading and released after it, so that
neither memory nor open files grow with the number of readings.

Reference: the format of safetensors, https://huggingface.co/docs/safetensors (8 bytes: length of
the header; the header, JSON; the arrays).
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE, missing
from jetchain.core.io.tensors import check_table
from jetchain.core.schema.base import TensorTable

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "U16": "<u2",
    "U8": "|u1",
}


@dataclass(frozen=True)
class _Place:
    """Where in its file an array stands."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int


class Mapped:
    """The rows of one table in many files, numbered through in the order of the files.

    The rows of a table are its first axis of its first array. An array belongs to a row by that
    axis, or by one that an array ``<name>_offset`` divides among the rows (``node_offset`` the axis
    ``nodes``).

    Attributes:
        offset: number of the first row of each file, and of all rows; (files + 1,).
    """

    def __init__(self, paths: Sequence[Path], table: TensorTable) -> None:
        """Read what the files hold.

        Raises:
            DataError: a file is missing, cut short or not of the declared form.
        """
        self._paths, self._table = [Path(path) for path in paths], table
        self._places = [_places(path, table) for path in self._paths]
        self._row = str(next(iter(table.tensors.values())).axes[0])
        first = next(iter(table.tensors))
        lengths = [places[first].shape[0] for places in self._places]
        self.offset: NDArray[np.int64] = np.cumsum([0, *lengths], dtype=np.int64)
        self._divided = {
            f"{name.removesuffix('_offset')}s": name
            for name in table.tensors
            if name.endswith("_offset")
        }

    def __len__(self) -> int:
        return int(self.offset[-1])

    def rows(
        self, indices: NDArray[np.integer], names: Iterable[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """The arrays of some rows, in the order asked for, as a file of these rows alone has them.

        Args:
            indices: numbers of rows, each from 0 to len - 1, in any order; (rows,).
            names: of the arrays wanted; all if not given.

        Returns:
            New arrays; of an offset, that of the rows given.

        Raises:
            IndexError: there is no such row.
            DataError: an array is asked for that does not belong to rows, and there are several
                files; of one file it is given whole.
        """
        wanted = [*self._table.tensors] if names is None else [*names]
        indices = np.asarray(indices, dtype=np.int64)
        if len(indices) and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"rows {indices.min()} to {indices.max()} of {len(self)}")
        file = np.searchsorted(self.offset, indices, side="right") - 1
        local = indices - self.offset[file]
        # One file at a time, with the places of the rows that it holds; for no row, the first.
        parts = [(number, np.flatnonzero(file == number)) for number in np.unique(file).tolist()]
        parts = parts or [(0, np.empty(0, np.int64))]

        axes = {name: self._axis(name) for name in wanted}
        divisions = {self._divided[axis] for axis, _ in axes.values() if axis in self._divided}
        divisions |= set(wanted) & set(self._divided.values())
        lengths = {name: np.zeros(len(indices), dtype=np.int64) for name in divisions}
        for number, places in parts:
            array = self._open(number)
            for name in divisions:
                bounds, row = array(name), local[places]
                lengths[name][places] = bounds[row + 1] - bounds[row]
        offsets = {
            name: np.cumsum([0, *length], dtype=np.int64) for name, length in lengths.items()
        }
        result: dict[str, NDArray[Any]] = {
            name: offsets[name] for name in wanted if name in offsets
        }
        for number, places in parts:
            array = self._open(number)
            for name in wanted:
                if name in offsets:
                    continue
                source, (axis, position) = array(name), axes[name]
                division = self._divided.get(axis)
                if division is not None:
                    total = int(offsets[division][-1])
                else:
                    total = len(indices) if axis else len(source)
                if name not in result:
                    shape = (*source.shape[:position], total, *source.shape[position + 1 :])
                    result[name] = np.empty(shape, source.dtype)
                before: tuple[Any, ...] = (slice(None),) * position
                if division is not None:
                    bounds, row = array(division), local[places]
                    pieces = _joined(bounds[row], bounds[row + 1], offsets[division][places])
                    for start, stop, put in zip(*(x.tolist() for x in pieces), strict=True):
                        taken = source[(*before, slice(start, stop))]
                        result[name][(*before, slice(put, put + stop - start))] = taken
                elif axis and len(parts) == 1:
                    result[name] = source[(*before, local)]
                elif axis:
                    result[name][(*before, places)] = source[(*before, local[places])]
                else:
                    result[name][:] = source
        return {name: result[name] for name in wanted}

    def _axis(self, name: str) -> tuple[str, int]:
        """The axis along which an array belongs to rows, and its position; empty if none does."""
        for position, axis in enumerate(self._table.tensors[name].axes):
            if axis == self._row or axis in self._divided:
                return str(axis), position
        if name not in self._divided.values() and len(self._paths) > 1:
            raise DataError(
                f"'{self._table.name}': {name} belongs to a file, not to its rows.",
                "Read it from the file that is meant.",
            )
        return "", 0

    def _open(self, number: int) -> Callable[[str], NDArray[Any]]:
        """The arrays of a file by name, as views of the mapped file; it closes with the last."""
        with self._paths[number].open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        places = self._places[number]

        def array(name: str) -> NDArray[Any]:
            place = places[name]
            return np.ndarray(place.shape, place.dtype, mapped, place.start)

        return array


def _joined(
    start: NDArray[np.int64], stop: NDArray[np.int64], put: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pieces from start to stop that are to stand at put, those that follow each other as one."""
    apart = (start[1:] != stop[:-1]) | (put[1:] != put[:-1] + stop[:-1] - start[:-1])
    first, last = (np.ones(len(start), np.bool_) for _ in range(2))
    first[1:] = last[:-1] = apart
    return start[first], stop[last], put[first]


def _places(path: Path, table: TensorTable) -> dict[str, _Place]:
    """Where the arrays of a table stand in a file, checked against the table and its length."""
    if not path.is_file():
        raise missing(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length if length < size else 1)
    if size > 8 and not text.startswith(b"{"):
        raise DataError(f"{path}: no safetensors file.", REMAKE)
    if length >= size:
        raise DataError(f"{path}: cut short.", REMAKE)
    try:
        places = {
            name: _Place(
                np.dtype(DTYPES[entry["dtype"]]),
                tuple(entry["shape"]),
                8 + length + entry["data_offsets"][0],
            )
            for name, entry in json.loads(text).items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cut short or damaged ({error!r}).", REMAKE) from error
    for place in places.values():
        if place.start + int(np.prod(place.shape)) * place.dtype.itemsize > size:
            raise DataError(f"{path}: cut short.", REMAKE)
    check_table(path, table, places)
    return places
