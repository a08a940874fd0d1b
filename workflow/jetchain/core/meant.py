"""Settings as they are meant, where YAML or Snakemake hands over text.

To YAML 1.1, as PyYAML reads it, ``1e-3`` is text: its numbers need a point and a sign. And of what
is nested in ``--config``, Snakemake reads all as text. So text that is a number counts as that
number where a number is wanted, and likewise YAML's words for true, false and null.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from jetchain.core.settings import S, parse

# None begins with a zero: 010 is eight to YAML 1.1.
_NUMBER = re.compile(r"[+-]?((0|[1-9](_?[0-9])*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WORDS = {
    "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False,
    "null": None, "~": None,
}  # fmt: skip
_CASES = (str.lower, str.title, str.upper)  # as YAML has these words
_EXACT = 2.0**53  # up to here every whole number is a float


def parse_as_meant(cls: type[S], values: Mapping[str, Any]) -> S:
    """Validate a mapping as `core.settings.parse` does, with text read as what it is meant for.

    Raises:
        ConfigurationError: of what is not right even so.
    """
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        return parse(cls, as_meant(values, error))


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
