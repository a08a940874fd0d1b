"""Tensor tables and the weights of networks: safetensors files, never pickle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE, atomic, missing
from jetchain.core.schema.base import Result, TensorTable

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
    header: dict[str, Any] = {"__metadata__": {"table": table.name}}
    end = 0
    # As safetensors orders them: the widest numbers first, so that all are aligned.
    wide = {name: np.dtype(tensor.dtype).itemsize for name, tensor in table.tensors.items()}
    for name in sorted(shapes, key=lambda each: (-wide[each], each)):
        dtype = np.dtype(table.tensors[name].dtype)
        start, end = end, end + int(np.prod(shapes[name])) * dtype.itemsize
        kind = {"f": "F", "i": "I", "u": "U"}[dtype.kind] + str(8 * dtype.itemsize)
        header[name] = {"dtype": kind, "shape": shapes[name], "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic(path) as temporary:
        with temporary.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(8 + len(text) + end)
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
                    file.seek(8 + len(text) + header[name]["data_offsets"][0] + first * a_row)
                    file.write(array.tobytes())
                first += number
        if first != rows:
            raise ValueError(f"{path}: {first} rows were given, {rows} announced")


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

    if not path.exists():
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


def read_about(path: Path, kind: type[R]) -> R:
    """What `write_weights` has noted beside the weights; raises `DataError` where it has not."""
    from safetensors import safe_open

    if not Path(path).exists():
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
