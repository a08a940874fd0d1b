"""Tensor tables and the weights of networks: safetensors files, never pickle."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE, atomic, missing
from jetchain.core.schema.base import Result, Tensor, TensorTable

ABOUT = "about"
"""Key of the header of a file of weights under which stands what they are."""
R = TypeVar("R", bound=Result)


def write_tensors(
    path: Path,
    table: TensorTable,
    data: Mapping[str, np.ndarray],
    about: Mapping[str, str] | None = None,
) -> None:
    """Write a tensor table as safetensors, after checking names, dtypes and axes.

    Args:
        path: where to write to.
        table: what is written.
        data: the arrays by name.
        about: notes for the header of the file.
    """
    from safetensors.numpy import save_file

    missing, extra = set(table.tensors) - set(data), set(data) - set(table.tensors)
    if missing or extra:
        raise DataError(
            f"{path}: '{table.name}': missing {sorted(missing)}, unknown {sorted(extra)}.",
            "Give exactly the arrays that core/schema.py declares, or change it there.",
        )
    arrays = {
        name: np.ascontiguousarray(np.asarray(data[name]), dtype=tensor.dtype)
        for name, tensor in table.tensors.items()
    }
    _check_axes(path, table, arrays)
    with atomic(path) as temporary:
        save_file(arrays, temporary, metadata={"table": table.name, **(about or {})})


def write_rows(
    path: Path,
    table: TensorTable,
    parts: Iterable[Mapping[str, np.ndarray]],
    *,
    rows: int,
    lengths: Mapping[str, int],
) -> None:
    """Write a tensor table whose arrays all have the same first axis, some rows at a time.

    What is in the file is what `write_tensors` writes, but one part is in memory at a time.

    Args:
        path: where to write to.
        table: what is written.
        parts: the arrays by name, of some rows each.
        rows: how many there are in all parts.
        lengths: of the other axes that have names.
    """
    shapes = {
        name: (rows, *(int(lengths.get(str(axis), axis)) for axis in tensor.axes[1:]))
        for name, tensor in table.tensors.items()
    }
    header, starts = _header(table, shapes, {})
    with atomic(path) as temporary:
        with temporary.open("wb") as file:
            file.write(header)
            file.truncate(starts[""])
            first = 0
            for part in parts:
                arrays = {
                    name: np.ascontiguousarray(part[name], dtype=tensor.dtype)
                    for name, tensor in table.tensors.items()
                }
                _check_axes(path, table, arrays)
                number = len(next(iter(arrays.values())))
                for name, array in arrays.items():
                    a_row = array.nbytes // number if number else 0
                    file.seek(starts[name] + first * a_row)
                    file.write(array.data)
                first += number
        if first != rows:
            raise ValueError(f"{path}: {first} rows were given, {rows} announced")


class JaggedWriter:
    """Write a tensor table with offsets, some rows at a time; one part is in memory at a time.

    What is in the file is what `write_tensors` writes of all parts together. How long they are
    need not be known before: until the end they lie in files without a name beside the table's.

    Args:
        path: where to write to.
        table: what is written; of each array one axis has a name.
        about: notes for the header of the file, as of `write_weights`.
    """

    def __init__(self, path: Path, table: TensorTable, about: Result | None = None) -> None:
        self._path, self._table = Path(path), table
        self._about = {} if about is None else {ABOUT: json.dumps(about.model_dump())}
        axes = [str(axis) for tensor in table.tensors.values() for axis in tensor.axes]
        self._lengths = {axis.partition("+")[0]: 0 for axis in axes}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        folder = self._path.parent
        self._files = {
            # An array that grows along its second axis is as many rows.
            name: [
                self._stack.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
                for _ in range(_grows(tensor)[1])
            ]
            for name, tensor in self._table.tensors.items()
        }
        return self

    def write(self, part: Mapping[str, np.ndarray]) -> None:
        """Write the arrays of some rows; offsets count from these rows' first element."""
        arrays = {
            name: np.asarray(part[name], dtype=tensor.dtype)
            for name, tensor in self._table.tensors.items()
        }
        _check_axes(self._path, self._table, arrays)
        grown = dict(self._lengths)
        for name, tensor in self._table.tensors.items():
            array, (axis, _) = arrays[name], _grows(tensor)
            if axis.endswith("+1"):
                array = array[1:] + self._lengths[f"{name.removesuffix('_offset')}s"]
            else:
                grown[axis] = self._lengths[axis] + array.shape[tensor.axes.index(axis)]
            for file, rows in zip(
                self._files[name], array if tensor.axes[0] != axis else [array], strict=True
            ):
                file.write(np.ascontiguousarray(rows).data)
        self._lengths = grown

    def __exit__(self, kind: Any, *_: Any) -> None:
        with self._stack:
            if kind is None:
                self._join()

    def _join(self) -> None:
        """Write the file from its parts."""
        shapes = {
            name: tuple(
                self._lengths[str(axis).partition("+")[0]] + int(str(axis).partition("+")[2] or 0)
                if isinstance(axis, str)
                else axis
                for axis in tensor.axes
            )
            for name, tensor in self._table.tensors.items()
        }
        header, _ = _header(self._table, shapes, self._about)
        with atomic(self._path) as temporary, temporary.open("wb") as joined:
            joined.write(header)
            for name in _in_order(self._table):
                tensor = self._table.tensors[name]
                if _grows(tensor)[0].endswith("+1"):
                    joined.write(np.zeros(1, tensor.dtype).tobytes())
                for file in self._files[name]:
                    file.seek(0)
                    shutil.copyfileobj(file, joined, 1 << 20)


def _grows(tensor: Tensor) -> tuple[str, int]:
    """The axis of an array that has a name, and the arrays of one such axis that it is of."""
    axes = [axis for axis in tensor.axes if isinstance(axis, str)]
    before = tensor.axes[: tensor.axes.index(axes[0])]
    return axes[0], int(np.prod([int(axis) for axis in before], dtype=int))


def _in_order(table: TensorTable) -> list[str]:
    """The arrays as safetensors orders them: the widest numbers first, so that all are aligned."""
    wide = {name: np.dtype(tensor.dtype).itemsize for name, tensor in table.tensors.items()}
    return sorted(table.tensors, key=lambda each: (-wide[each], each))


def _header(
    table: TensorTable, shapes: Mapping[str, tuple[int, ...]], about: Mapping[str, str]
) -> tuple[bytes, dict[str, int]]:
    """The header of a file of arrays in their order: its bytes, and where each array starts."""
    header: dict[str, Any] = {"__metadata__": {"table": table.name, **about}}
    starts, end = {}, 0
    for name in _in_order(table):
        dtype = np.dtype(table.tensors[name].dtype)
        starts[name], end = end, end + int(np.prod(shapes[name], dtype=int)) * dtype.itemsize
        kind = {"f": "F", "i": "I", "u": "U"}[dtype.kind] + str(8 * dtype.itemsize)
        header[name] = {"dtype": kind, "shape": shapes[name], "data_offsets": [starts[name], end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    head = len(text).to_bytes(8, "little") + text
    return head, {name: start + len(head) for name, start in starts.items()} | {"": end + len(head)}


def read_tensors(path: Path, table: TensorTable) -> dict[str, np.ndarray]:
    """Read a tensor table; raises `DataError` where it is damaged or not of the declared form."""
    path = Path(path)
    arrays = read_arrays(path)
    check_table(path, table, arrays)
    return {name: arrays[name] for name in table.tensors}


def check_table(path: Path, table: TensorTable, arrays: Mapping[str, Any]) -> None:
    """Raise `DataError` where what has dtype and shape by name is not of the table's form."""
    missing = sorted(set(table.tensors) - set(arrays))
    if missing:
        raise DataError(f"{path}: '{table.name}' lacks {', '.join(missing)}.", REMAKE)
    for name, tensor in table.tensors.items():
        if arrays[name].dtype != np.dtype(tensor.dtype):
            raise DataError(
                f"{path}: {name} is {arrays[name].dtype}, expected {tensor.dtype}.", REMAKE
            )
    _check_axes(path, table, arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of a safetensors file, for instance a network's weights without torch."""
    from safetensors.numpy import load_file

    if not path.is_file():
        raise missing(path)
    try:
        return load_file(path)
    except Exception as error:
        raise DataError(f"{path}: cut short or damaged ({error}).", REMAKE) from error


def _check_axes(path: Path, table: TensorTable, arrays: Mapping[str, Any]) -> None:
    lengths: dict[str, int] = {}
    for name, tensor in table.tensors.items():
        shape = arrays[name].shape
        if len(shape) != len(tensor.axes):
            raise DataError(f"{path}: {name} has shape {shape}, expected {tensor.axes}.", REMAKE)
        for axis, length in zip(tensor.axes, shape, strict=True):
            if isinstance(axis, str):
                base, _, extra = axis.partition("+")
                expected = lengths.setdefault(base, length - int(extra or 0)) + int(extra or 0)
            else:
                expected = axis
            if length != expected:
                raise DataError(
                    f"{path}: {name} has shape {shape}, axis '{axis}' should be {expected}.", REMAKE
                )


def write_weights(path: Path, model: Any, about: Result | None = None) -> None:
    """Write a torch module's parameters and buffers as safetensors (never pickle).

    Args:
        path: where to write to.
        model: the module.
        about: what else is to be known of it, for `read_about`; it stands in the file's header.
    """
    from safetensors.torch import save_file

    metadata = None if about is None else {ABOUT: json.dumps(about.model_dump(), sort_keys=True)}
    state = {name: value.detach().contiguous().cpu() for name, value in model.state_dict().items()}
    with atomic(path) as temporary:
        save_file(state, temporary, metadata=metadata)


def has_about(path: Path) -> bool:
    """Whether the header of a file says what it is; see `read_about`."""
    from safetensors import safe_open

    try:
        with safe_open(path, "numpy") as file:
            return ABOUT in (file.metadata() or {})
    except Exception:  # what is wrong with it, its reader says
        return False


def read_about(path: Path, kind: type[R]) -> R:
    """What `write_weights` has noted beside the weights; raises `DataError` where it has not."""
    from safetensors import safe_open

    if not Path(path).is_file():
        raise missing(Path(path))
    try:
        with safe_open(path, "numpy") as file:
            return kind.model_validate(json.loads((file.metadata() or {})[ABOUT]))
    except Exception as error:
        raise DataError(
            f"{path}: does not say how these weights are used ({type(error).__name__}).",
            f"It must be a file of {kind.__name__}. " + REMAKE,
        ) from error


def read_weights(path: Path, model: Any) -> None:
    """Load parameters and buffers into a torch module; raises `DataError` where they do not fit."""
    import torch

    arrays = read_arrays(Path(path))
    state = {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise DataError(
            f"{path}: the weights do not fit the network ({str(error).splitlines()[-1].strip()}).",
            "The model's settings differ from those it was trained with. " + REMAKE,
        ) from error
