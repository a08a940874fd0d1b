"""Small tables: JSON and CSV that read back exactly."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE, atomic, missing
from jetchain.core.schema.base import Result

R = TypeVar("R", bound=Result)


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys; numpy scalars and arrays are converted.

    Raises:
        DataError: a number is infinite or not a number.
    """
    try:
        text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False, default=_plain) + "\n"
    except ValueError as error:
        raise DataError(
            f"{path} cannot be written: a result is no finite number ({error}).",
            "It was made from too few events, or from a damaged input: see the log above, and "
            "generate more events.",
        ) from error
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON; raises `DataError` for a missing or damaged file."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise missing(path) from None
    except ValueError as error:
        raise DataError(f"{path}: cut short or damaged ({error}).", REMAKE) from error


def write_result(path: Path, result: Result) -> None:
    """Write a typed result as JSON; see `write_json`."""
    write_json(path, result.model_dump(by_alias=True))


def read_result(path: Path, kind: type[R]) -> R:
    """Read a typed result; raises `DataError` for a missing, damaged or other file."""
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"{path}: not of the form {kind.__name__} ({where}: {first['msg']}).", REMAKE
        ) from None


def write_csv(path: Path, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> None:
    """Write columns of equal length as CSV; floats are written so that they read back exactly."""
    values = [np.asarray(column).tolist() for column in columns.values()]
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*values, strict=True))


def read_csv(path: Path) -> dict[str, np.ndarray]:
    """Read a CSV as columns: numbers where every entry is one, else text."""
    path = Path(path)
    if not path.is_file():
        raise missing(path)
    text = path.read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))
    if not text.endswith("\n") or any(len(row) != len(rows[0]) for row in rows):
        raise DataError(f"{path}: cut short or damaged: its last row is not whole.", REMAKE)
    result = {}
    for position, name in enumerate(rows[0]):
        texts = [row[position] for row in rows[1:]]
        try:
            result[name] = np.array([float(text) for text in texts])
        except ValueError:
            result[name] = np.array(texts)
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
