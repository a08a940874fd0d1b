"""Writes what is generated from the settings: config.yaml, config/README.md and the JSON schema.

``make docs`` writes them; a test keeps them in step.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import yaml
from pydantic.fields import FieldInfo

from jetchain.core.settings import Settings
from jetchain.plumbing.configuration import Configuration

HOUSE = Path(__file__).resolve().parents[3]

YAML_HEAD = """\
# jetchain at laptop scale: less than half an hour on two cores.
# Change a value here, or keep your changes in a file of your own and pass it on top:
#   snakemake --cores all all --configfile my.yaml
# Only what depends on a changed key runs again. Types and ranges: config/README.md.
# Written from the settings classes in workflow/jetchain/<room>/settings.py by `make docs`.
"""

README_HEAD = """\
# The configuration

`config.yaml` is the laptop-scale default. Overlays hold only what differs: `quick.yaml` (a first
look), `test.yaml` (minutes, for the tests) and `full.yaml` (published scale, for a farm). Pass an
overlay, or your own, with `--configfile FILE`.

The configuration is checked before anything runs: an unknown key, a value out of range or an
unknown name is refused with the key's path and the nearest valid name. Text that is a number counts
as one where a number is wanted: YAML reads `1e-3` as text, and Snakemake all that is nested in
`--config`.

This page, `config.yaml` and `workflow/schemas/config.schema.json` are written from the settings
classes by `make docs`.
"""


LIMITED = re.compile(r"(?:typing\.)?Annotated\[([^,]+?), FieldInfo\(.*?metadata=\[.*?\]\)\]")
"""A type with limits of its own, in a type as it is printed: the type."""


def inner_settings(annotation: Any) -> tuple[str, type[Settings]] | None:
    """("one" or "table", class) where a field holds settings or a table of settings."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return "one", annotation
    for argument in get_args(annotation):
        inner = inner_settings(argument)
        if inner is not None:
            is_table = getattr(annotation, "__origin__", None) is dict
            return ("table" if is_table else inner[0]), inner[1]
    return None


def config_yaml() -> str:
    """The default configuration as commented YAML."""
    return YAML_HEAD + "\n".join(_yaml_lines(Configuration(), 0)) + "\n"


def _yaml_lines(settings: Settings, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if depth == 0:
            yield ""
        unit = unit_of(field)
        comment = (field.description or "") + (f" [{unit}]" if unit else "")
        for line in textwrap.wrap(comment, 96 - len(pad)):
            yield f"{pad}# {line}"
        if isinstance(value, Settings):
            yield f"{pad}{name}:"
            yield from _yaml_lines(value, depth + 1)
            continue
        plain = settings.model_dump(mode="json")[name]
        if isinstance(value, dict):
            short = {
                each: _without_default_groups(item) if isinstance(item, Settings) else item
                for each, item in value.items()
            }
            block = yaml.safe_dump(short, sort_keys=False, default_flow_style=None, width=90)
            yield f"{pad}{name}:"
            yield from (f"{pad}  {line}" for line in block.rstrip().splitlines())
        else:
            text = yaml.safe_dump(plain, default_flow_style=True, width=90)
            text = text.removesuffix("...\n").rstrip()
            first, *rest = text.splitlines()
            yield f"{pad}{name}: {first}"
            yield from (f"{pad}  {line}" for line in rest)


def _without_default_groups(settings: Settings) -> dict[str, Any]:
    """The keys of an entry of a table, without nested groups and lists left at their defaults."""
    plain = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        required = field.is_required()
        default = None if required else field.get_default(call_default_factory=True)
        if isinstance(value, Settings | list | None) and not required and value == default:
            del plain[name]
        elif isinstance(value, Settings):
            plain[name] = _without_default_groups(value)
    return plain


def config_readme() -> str:
    """The table of all keys: type, unit, default, meaning, one section a room."""
    parts = [README_HEAD]
    for name, field in Configuration.model_fields.items():
        inner = inner_settings(field.annotation)
        parts.append(f"\n## `{name}`\n\n{field.description}\n")
        parts.append("| key | type | unit | default | range | meaning |\n|---|---|---|---|---|---|")
        if inner is None:
            parts.append(_row(key_of(name, field)))
        else:
            parts.extend(map(_row, keys(name, inner[1])))
    return "\n".join(parts) + "\n"


class Key(NamedTuple):
    """One key of the configuration, in words for its readers; a table of settings has no limits."""

    path: str
    kind: str
    unit: str
    default: str
    limits: str
    meaning: str


def keys(path: str, cls: type[Settings]) -> Iterator[Key]:
    """Every key of a part of the configuration, in order."""
    for name, field in cls.model_fields.items():
        inner = inner_settings(field.annotation)
        here = f"{path}.{name}"
        if inner is None:
            yield key_of(here, field)
        elif inner[0] == "table":
            default = field.get_default(call_default_factory=True)
            names = ", ".join(f"`{each}`" for each in default) if default else "none"
            yield Key(here, "table", "", names, "", field.description or "")
            yield from keys(f"{here}.<name>", inner[1])
        else:
            yield from keys(here, inner[1])


def key_of(path: str, field: FieldInfo) -> Key:
    """A key that holds no settings of its own."""
    required = field.is_required()
    value = None if required else field.get_default(call_default_factory=True)
    limits = ", ".join(
        f"{sign} {getattr(limit, name)}"
        for limit in field.metadata
        for name, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
        if getattr(limit, name, None) is not None
    )
    kind = str(getattr(field.annotation, "__name__", field.annotation))
    if get_args(field.annotation):
        kind = str(field.annotation)
    while kind != (plain := LIMITED.sub(r"\1", kind)):
        kind = plain
    return Key(
        path,
        kind.replace("typing.", "").replace("|", "or"),
        unit_of(field),
        "required" if required else f"`{json.dumps(value)}`",
        limits,
        field.description or "",
    )


def _row(key: Key) -> str:
    path, *rest = (cell.replace("|", "\\|") for cell in key)
    rest[-1] = re.sub(r"<(?=[A-Za-z/!])", r"\<", rest[-1])  # a name in angles is no tag
    return f"| `{path}` | {' | '.join(rest)} |"


def unit_of(field: FieldInfo) -> str:
    """The unit of a key; empty where it has none."""
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def config_schema() -> str:
    """The JSON schema, for editors that complete and check YAML."""
    return json.dumps(Configuration.model_json_schema(), indent=1, sort_keys=True) + "\n"


def documents() -> dict[Path, str]:
    """Every generated file, by its path from the repository's root."""
    return {
        Path("config/config.yaml"): config_yaml(),
        Path("config/README.md"): config_readme(),
        Path("workflow/schemas/config.schema.json"): config_schema(),
    }


if __name__ == "__main__":
    for path, text in documents().items():
        (HOUSE / path).write_text(text, encoding="utf-8")
        print(f"wrote {path}")
