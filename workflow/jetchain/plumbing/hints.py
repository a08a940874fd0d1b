"""What a refused key was most likely meant to be: said where the refusal itself does not.

A key that stands in another section, sections written with points, an empty section, one value in
the place of a list: pydantic calls these "extra" or "not a valid dictionary". And a value out of
its range is told with what the key means and its unit, for the unit is what it usually was.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_origin

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import SEPARATOR, Settings
from jetchain.plumbing.documentation import inner_settings, unit_of
from jetchain.plumbing.overlays import nested

_NEAR = 0.75
_SHOWN = 3
_UNKNOWN = "unknown key."
_OF_THE_LIBRARY = "Input should be"
_KNOWN_NAMES = re.compile(r"'([^']+)'\. Known names: ([\w, ]+)\.")


def explained(
    cls: type[Settings], values: Mapping[str, Any], refused: ConfigurationError
) -> ConfigurationError:
    """A refusal with what its keys were meant to be.

    Args:
        cls: of the configuration.
        values: what was refused.
        refused: by `core.settings.parse`: one line a complaint, each beginning with its key.
    """
    head, *lines = refused.cause.split(SEPARATOR)
    return ConfigurationError(
        SEPARATOR.join([head, *(_line(cls, values, line) for line in lines)]), refused.remedy
    )


def _line(cls: type[Settings], values: Mapping[str, Any], line: str) -> str:
    path, _, message = line.partition(": ")
    for place, section, name, value in _walk(cls, values):
        if place != path:
            continue
        if message.startswith(_UNKNOWN) and name not in section.model_fields:
            return f"{path}: {_UNKNOWN} {_where_it_stands(cls, section, path, name, value)}"
        if message.startswith(_OF_THE_LIBRARY):
            return f"{path}: {_shape(section, name, value) or message + _meaning(section, name)}"
    return _KNOWN_NAMES.sub(_in_small_letters, line)


def _in_small_letters(found: re.Match[str]) -> str:
    """The name that was meant, where only capitals are wrong; else what was found."""
    wrong, known = found[1], found[2].split(", ")
    near = [each for each in known if each.lower() == wrong.lower()]
    return f"'{wrong}'. Did you mean '{near[0]}'?" if near else found[0]


def _walk(
    cls: type[Settings], values: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, type[Settings], str, Any]]:
    """Each key that is given: its path, the class of its section, its name there, its value.

    An entry of a table has the class of its keys and no name.
    """
    for name, value in values.items():
        path = f"{above}{name}"
        yield path, cls, str(name), value
        field = cls.model_fields.get(name)
        inner = inner_settings(field.annotation) if field else None
        if inner is None or not isinstance(value, Mapping):
            continue
        kind, within = inner
        if kind == "one":
            yield from _walk(within, value, f"{path}.")
            continue
        for entry, content in value.items():
            yield f"{path}.{entry}", within, "", content
            if isinstance(content, Mapping):
                yield from _walk(within, content, f"{path}.{entry}.")


def _places(cls: type[Settings], above: str = "") -> Iterator[tuple[str, str]]:
    """Every key of the configuration: its path, with <name> for an entry of a table; its name."""
    for name, field in cls.model_fields.items():
        yield f"{above}{name}", name
        if inner := inner_settings(field.annotation):
            entry = ".<name>" if inner[0] == "table" else ""
            yield from _places(inner[1], f"{above}{name}{entry}.")


def _where_it_stands(
    cls: type[Settings], section: type[Settings], path: str, name: str, value: Any
) -> str:
    if "." in name:
        return f"A point does not lead into a section; write {nested(name, value)}."
    own = {each.lower(): each for each in section.model_fields}
    if near := difflib.get_close_matches(name.lower(), own, n=1, cutoff=_NEAR):
        return f"Did you mean '{own[near[0]]}'?"
    # What begins as the path does is what is nearest; then what stands in a room, not deep in it.
    places = sorted(
        (place for place, each in _places(cls) if each.lower() == name.lower()),
        key=lambda place: (-_shared(place, path), place.count(".")),
    )
    if places:
        best = [each for each in places if _shared(each, path) == _shared(places[0], path)]
        more = f" and {len(best) - _SHOWN} more" if len(best) > _SHOWN else ""
        return f"It stands in another section: {', '.join(best[:_SHOWN])}{more}."
    return f"Keys here: {', '.join(sorted(section.model_fields))}."


def _shared(place: str, path: str) -> int:
    """How many parts of a path lead to a place."""
    shared = 0
    for ours, theirs in zip(place.split("."), path.split("."), strict=False):
        if ours not in (theirs, "<name>"):
            break
        shared += 1
    return shared


def _shape(section: type[Settings], name: str, value: Any) -> str:
    """What is wanted where a section, a table or a list is; nothing elsewhere."""
    field = section.model_fields.get(name)
    inner = ("one", section) if not name else inner_settings(field.annotation) if field else None
    if inner:
        kind, within = inner
        what = f"keys such as {', '.join([*within.model_fields][:_SHOWN])}"
        wanted = f"a section with {what}" if kind == "one" else f"entries by name, each with {what}"
        if value is None:
            return (
                f"is empty, where {wanted} is wanted: indent what belongs to it, or leave it out "
                "to keep what the default has."
            )
        return f"{wanted} is wanted, not {value!r}."
    if field and get_origin(field.annotation) is list and not isinstance(value, list | Mapping):
        if value is None:
            return "is empty: give a list, or leave the key out to keep its default."
        parts = str(value).split(",") if isinstance(value, str) else [str(value)]
        return f"a list is wanted: [{', '.join(part.strip() for part in parts)}]."
    return ""


def _meaning(section: type[Settings], name: str) -> str:
    """What a key is, for one whose value is out of its range or of another kind."""
    field = section.model_fields.get(name)
    if not field or not field.description:
        return ""
    unit = unit_of(field)
    return f": {field.description.rstrip('.')}{f' [{unit}]' if unit else ''}."
