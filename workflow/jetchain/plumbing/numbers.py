"""Numbers of the configuration and of targets: which are none, and their units."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import Settings

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
