"""The base class of all settings: frozen, unknown keys forbidden, and a refusal that helps.

Every room declares its part of the configuration as `Settings` classes in its own `settings.py`,
each field through `key`, which carries the meaning and the unit. config/config.yaml,
config/README.md and the JSON schema are generated from these classes (`make docs`).
"""

from __future__ import annotations

import copy
import difflib
import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jetchain.core.errors import ConfigurationError

Width = Annotated[int, Field(ge=1)]
Widths = Annotated[list[Width], Field(min_length=1)]
"""Of layers one after the other."""


class Settings(BaseModel):
    """Frozen settings: unknown keys are refused, and nothing is coerced but int to float.

    Numbers are finite.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, allow_inf_nan=False
    )

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read the settings of one job from the JSON text that the rule passed."""
        return parse(cls, json.loads(text))


def key(default: Any, meaning: str, *, unit: str = "", **constraints: Any) -> Any:
    """Declare one key of the configuration.

    Args:
        default: the laptop-scale value; ``...`` where the user must give one.
        meaning: one sentence for the comment in config.yaml and the table in config/README.md.
        unit: its unit, empty where it has none.
        constraints: pydantic's (``gt``, ``ge``, ``lt``, ``le``, ``min_length``, ...).
    """
    if isinstance(default, dict | list):
        kept = default
        return Field(
            default_factory=lambda: kept,
            description=meaning,
            json_schema_extra={"unit": unit},
            **constraints,
        )
    return Field(
        default=default, description=meaning, json_schema_extra={"unit": unit}, **constraints
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest known name as a sentence, or the list of all known names."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else f"Known names: {', '.join(names)}."


def require_known(name: str, known: Iterable[str], what: str) -> None:
    """Raise ValueError, for use in validators, if `name` is not among the known names."""
    names = list(known)
    if name not in names:
        raise ValueError(f"unknown {what} '{name}'. {did_you_mean(name, names)}")


def require_each_once(names: list[str], known: Iterable[str], what: str) -> list[str]:
    """The names; raises ValueError, for use in validators, for one unknown or named twice."""
    for name in names:
        require_known(name, known, what)
        if names.count(name) > 1:
            raise ValueError(f"the {what} '{name}' is named twice")
    return names


SEPARATOR = "\n  - "
"""Between the complaints of one message."""
S = TypeVar("S", bound=Settings)


def parse(cls: type[S], values: Mapping[str, Any]) -> S:
    """Validate a mapping, and turn every complaint into one readable `ConfigurationError`."""
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        lines = [_explain(cls, complaint) for complaint in found]
        lines += _among_the_right(cls, values, [complaint["loc"] for complaint in found])
        raise ConfigurationError(
            f"The configuration is not valid:{SEPARATOR}{SEPARATOR.join(lines)}",
            "Correct the keys named above in config/config.yaml, the --configfile or --config; "
            "config/README.md lists every key with its type, unit and range.",
        ) from None


def _among_the_right(
    cls: type[Settings], values: Mapping[str, Any], wrong: list[tuple[Any, ...]]
) -> list[str]:
    """What does not agree among the values that are right by themselves.

    Pydantic compares values of a section, and sections, only where all of them are right by
    themselves: the wrong ones are left out, until nothing more is found.
    """
    rest, paths, lines = copy.deepcopy(dict(values)), list[str](), list[str]()
    while wrong := [place for place in wrong if place]:
        for place in wrong:
            names = list(itertools.takewhile(lambda part: isinstance(part, str), place))
            paths.append(".".join(names))
            *folders, name = names
            node: Any = rest
            for folder in folders:
                node = node.get(folder) if isinstance(node, dict) else None
            if isinstance(node, dict):
                node.pop(name, None)
        try:
            cls.model_validate(rest)
            break
        except ValidationError as error:
            found = error.errors(include_url=False)
        wrong = [each["loc"] for each in found if ".".join(map(str, each["loc"])) not in paths]
        told = [each for each in found if each["type"] == "value_error"]
        new = [line for each in told for line in _explain(cls, each).split(SEPARATOR)]
        # What is said of a value that was left out is said of its default.
        lines += [line for line in new if not any(_mentions(line, path) for path in paths)]
    return list(dict.fromkeys(lines))


def _mentions(line: str, path: str) -> bool:
    """Whether a complaint is about a key: by its path, or by its name in its own section."""
    section, _, name = path.rpartition(".")
    return path in line or (line.startswith(f"{section}: ") and name in line)


def _explain(cls: type[Settings], complaint: Any) -> str:
    location = [str(part) for part in complaint["loc"] if part != "[key]"]
    path = ".".join(location) or "the configuration"
    if complaint["type"] == "extra_forbidden":
        return f"{path}: unknown key. {did_you_mean(location[-1], _known_keys(cls, location))}"
    if complaint["type"] == "missing":
        return f"{path}: this key is required."
    message = complaint["msg"].removeprefix("Value error, ")
    value = complaint["input"]
    if not location:
        return message
    shown = "" if isinstance(value, dict | Settings) else f" (got {value!r})"
    return f"{path}: {message}{shown}"


def _known_keys(cls: type[Settings], location: list[str]) -> list[str]:
    """The keys allowed beside the unknown one, found by walking the JSON schema."""
    schema = cls.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolve(node: dict[str, Any]) -> dict[str, Any]:
        for option in [node, *node.get("allOf", []), *node.get("anyOf", [])]:
            if "$ref" in option:
                return definitions[option["$ref"].rsplit("/", 1)[-1]]
            if "properties" in option or "additionalProperties" in option:
                return option
        return node

    node = schema
    for part in location[:-1]:
        node = resolve(node)
        node = node.get("properties", {}).get(part, node.get("additionalProperties", {}))
        if not isinstance(node, dict):
            return []
    return list(resolve(node).get("properties", {}))
