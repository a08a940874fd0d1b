"""Tensor tables and the weights of networks: safetensors files, never pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE, atomic, missing
from jetchain.core.schema.base import TensorTable


def write_tensors(path: Path, table: TensorTable, data: Mapping[str, np.ndarray]) -> None:
    """Write a tensor table as safetensors, after checking names, dtypes and axes."""
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
        save_file(arrays, temporary, metadata={"table": table.name})


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


def write_weights(path: Path, model: Any) -> None:
    """Write a torch module's parameters and buffers as safetensors (never pickle)."""
    from safetensors.torch import save_file

    state = {name: value.detach().contiguous().cpu() for name, value in model.state_dict().items()}
    with atomic(path) as temporary:
        save_file(state, temporary)


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
