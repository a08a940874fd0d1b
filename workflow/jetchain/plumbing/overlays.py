"""Files of configuration as a user writes them: what YAML lets pass though nobody means it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import SEPARATOR
from jetchain.plumbing import checksums


def require_keys_once(paths: Iterable[Path]) -> None:
    """Refuse a file that gives a key twice, of which YAML and JSON keep the last one silently.

    Args:
        paths: files that Snakemake has read.

    Raises:
        ConfigurationError: with every such key and both its lines.
    """
    twice = [line for path in map(Path, paths) for line in _twice(path)]
    if twice:
        raise ConfigurationError(
            f"The configuration gives keys twice:{SEPARATOR}{SEPARATOR.join(twice)}",
            "Keep one of each, with all that belongs to it below it.",
        )


def require_no_result(paths: Iterable[Path]) -> None:
    """Refuse a target that stands behind --configfile: Snakemake reads it as configuration.

    Args:
        paths: of --configfile.

    Raises:
        ConfigurationError: one is a result; of its provenance is the configuration of the last run.
    """
    results = checksums.RESULTS.absolute()
    for path in paths:
        inside = path.is_relative_to(results) and path.relative_to(results).parts
        if inside and inside[0] != "provenance":
            raise ConfigurationError(
                f"{path}: a result, not a configuration.",
                "Every word after --configfile up to the next option is a file of configuration: "
                "name targets before it, or after two hyphens (--configfile my.yaml -- <target>).",
            )


def require_options_once(words: Iterable[str]) -> None:
    """Refuse --configfile or --config that is given twice: Snakemake keeps the last one silently.

    Args:
        words: of the command line.

    Raises:
        ConfigurationError: one is.
    """
    options = list(itertools.takewhile(lambda word: word != "--", words))
    for names, what in (
        (("--configfile", "--configfiles"), "files of configuration"),
        (("--config", "-C"), "keys"),
    ):
        given = [word for word in options if word.partition("=")[0] in names]
        if len(given) > 1:
            raise ConfigurationError(
                f"{names[0]} is given {len(given)} times, and only the last one would count.",
                f"Name all {what} behind one: {names[0]} <first> <second> ...",
            )


def require_names(values: Mapping[Any, Any], above: str = "") -> None:
    """Refuse a key that YAML does not read as text, such as 1, true, or nothing before ``:``.

    Raises:
        ConfigurationError: with the first of them and where it stands.
    """
    for key, value in values.items():
        if not isinstance(key, str):
            raise ConfigurationError(
                f"{above or 'The configuration'}: YAML reads a key here as {key!r}, no name.",
                "Keys are names; words such as yes, no, on, off and numbers need quotes.",
            )
        if isinstance(value, Mapping):
            require_names(value, f"{above}.{key}" if above else key)


def nested(name: str, value: Any, sign: str = ": ") -> str:
    """A key written with points as sections in each other.

    Args:
        name: such as tagging.training.epochs.
        value: of the key.
        sign: what stands behind the outermost section.
    """
    first, *rest = name.split(".")
    return f"{first}{sign}{''.join(f'{{{part}: ' for part in rest)}{value}{'}' * len(rest)}"


def _twice(path: Path) -> Iterator[str]:
    # YAML has JSON in it, but for tabs.
    text = path.read_text(encoding="utf-8").expandtabs(1)
    node = yaml.compose(text, yaml.CSafeLoader)
    seen = set[int]()
    left = [("", node)]
    while left:
        above, node = left.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += [(f"{above}{index}.", each) for index, each in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            continue
        lines: dict[str, int] = {}
        for name, value in node.value:
            key, line = str(name.value), name.start_mark.line + 1
            if key in lines:
                yield f"{path}: {above}{key} in lines {lines[key]} and {line}."
            lines[key] = line
            left.append((f"{above}{key}.", value))
