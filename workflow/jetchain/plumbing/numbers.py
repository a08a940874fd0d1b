"""Numbers of the configuration as they are meant, where YAML or Snakemake hands over text.

To YAML 1.1, as PyYAML reads it, ``1e-3`` is text: its numbers need a point and a sign. And of what
is nested in ``--config``, Snakemake reads all as text. So text that is a number counts as that
number where a number is wanted, and likewise YAML's words for true, false and null.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import Settings

# None begins with a zero: 010 is eight to YAML 1.1.
_NUMBER = re.compile(r"[+-]?((0|[1-9](_?[0-9])*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WORDS = {
    "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False,
    "null": None, "~": None,
}  # fmt: skip
_CASES = (str.lower, str.title, str.upper)  # as YAML has these words
_LARGEST = 1e9
_OF_TARGETS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "strength": (f"a number from 0 to {_LARGEST:g}", lambda number: 0 <= number <= _LARGEST),
    "replica": (f"a whole number below {_LARGEST:g}", lambda number: number < _LARGEST),
    "rate": ("a number above 0 and at most 1", lambda number: 0 < number <= 1),
    "sparsity": ("a number from 0 to below 1", lambda number: 0 <= number < 1),
    "beta": (f"a number above 0, up to {_LARGEST:g}", lambda number: 0 < number <= _LARGEST),
    "constituents": (
        "one of 1, 2, 4 and so on to 128", lambda number: number in [2.0**n for n in range(8)]
    ),
}  # fmt: skip
_EXACT = 2.0**53  # up to here every whole number is a float


def as_meant(values: Mapping[str, Any], error: ValidationError) -> Mapping[str, Any]:
    """The values, with those that were refused for their type read as what is wanted there.

    Args:
        values: the configuration.
        error: pydantic's complaints about it.

    Returns:
        a copy; what cannot be read so is left as it is.
    """
    read = copy.deepcopy(values)
    for complaint in error.errors(include_url=False):
        place: Any = read
        *folders, name = complaint["loc"] or ("",)
        try:
            for folder in folders:
                place = place[folder]
            place[name] = _read(place[name], complaint["type"])
        except (KeyError, IndexError, TypeError):
            continue  # the complaint is about no value: a missing key, or the name of one
    return read


def _read(value: Any, complaint: str) -> Any:
    """A refused value as what was wanted, itself if it is none."""
    if complaint not in ("int_type", "float_type", "bool_type", "model_type"):
        return value
    if isinstance(value, str) and value in [case(word) for word in _WORDS for case in _CASES]:
        return _WORDS[value.lower()]
    if complaint not in ("int_type", "float_type") or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return value
        if complaint == "int_type" and value.lstrip("+-").replace("_", "").isdigit():
            return int(value)
    elif not isinstance(value, float):
        return value
    number = float(value)
    if complaint == "float_type":
        return number if math.isfinite(number) else value
    return int(number) if number.is_integer() and abs(number) <= _EXACT else value


def no_number(name: str, text: str) -> str:
    """What is wrong with what a target has in the place of a number; nothing if it is one.

    Args:
        name: of the wildcard; any text will do for one that is no number.
        text: of the target.
    """
    words, fits = _OF_TARGETS.get(name, ("", None))
    try:
        sound = fits is None or fits(float(text))
    except ValueError:
        sound = False
    return "" if sound else f"the {name} '{text}' must be {words}."


def unit_at(cls: type[Settings], path: str) -> str:
    """The unit of a key with a space before it, such as " GeV"; nothing where it has none.

    Args:
        cls: of the configuration.
        path: of the key, or of an item of its list.
    """
    *sections, name = re.sub(r"\[\d+\]", "", path).split(".")
    section: Any = cls
    for each in sections:
        section = section.model_fields[each].annotation
    extra = section.model_fields[name].json_schema_extra or {}
    return f" {extra['unit']}" if extra.get("unit") else ""


def require_finite(values: Mapping[str, Any]) -> None:
    """Refuse numbers that are none.

    Raises:
        ConfigurationError: with the path of the first infinity or NaN.
    """
    for path, value in _leaves(values, ""):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigurationError(f"{path}: {value} is not finite.", "Give a finite number.")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _leaves(each, f"{path}.{number}")
    else:
        yield path, value
