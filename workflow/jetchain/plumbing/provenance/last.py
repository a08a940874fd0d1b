"""The configuration of the last run of a folder: what of it was not at its default.

It is written before the first job, so that a run that was killed is known too, as a file that
``--configfile`` takes. The manifest carries it. A run whose configuration would set keys back that
the last one had, for its overlay was forgotten, would make their results anew: that takes a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from jetchain.core.errors import ConfigurationError
from jetchain.core.io.atomic import atomic
from jetchain.plumbing import checksums
from jetchain.plumbing.configuration import Configuration, load
from jetchain.plumbing.environment import from_where_called
from jetchain.tagging.models import OWN

LAST = checksums.RESULTS / "provenance" / "configuration.yaml"
_HEAD = (
    "# What the last run in this folder had beside the defaults; --configfile takes this file.\n"
)
_SHOWN = 5
_ABSENT = object()
Tree = dict[str, Any]


def changed(used: Configuration) -> Tree:
    """What of a configuration is not at its default, nested as in config.yaml.

    What the default has and this one has not, such as a class of jets that is taken out, is None.
    What the code of a user's network is made of is left out: the next plan looks at it again.
    """
    values = used.model_dump(mode="json")
    values["tagging"]["models"][OWN]["sources"] = {}
    return _difference(values, Configuration().model_dump(mode="json"))


def _difference(used: Mapping[str, Any], default: Mapping[str, Any]) -> Tree:
    found: Tree = {}
    for name, value in used.items():
        other = default.get(name, _ABSENT)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            if inside := _difference(value, other):
                found[name] = inside
        elif value != other:
            found[name] = value
    return found | dict.fromkeys(name for name in default if name not in used)


def read() -> Tree | None:
    """What the last run here had beside the defaults; None where none is known."""
    if not LAST.exists():
        return None
    return yaml.safe_load(LAST.read_text(encoding="utf-8"))


def configuration() -> Configuration | None:
    """That of the last run here; None where it is not known."""
    from snakemake.utils import update_config

    kept = read()
    if kept is None:
        return None
    values = Configuration().model_dump(mode="json")
    update_config(values, kept)
    return load(values)


def begin(used: Configuration, named: Mapping[str, Any], files: Sequence[Path]) -> None:
    """Before the first job of a run: compare with the last one's configuration, and remember this.

    Args:
        used: the run's configuration.
        named: what the user gave with --configfile and --config.
        files: those of --configfile; the one with the defaults among them is the word that says
            that all may go back.

    Raises:
        ConfigurationError: keys that the last run had would go back to their defaults, and the user
            named none of them.
    """
    now = changed(used)
    if not any(path.parts[-2:] == ("config", "config.yaml") for path in files):
        _require_nothing_lost(read() or {}, now, named)
    with atomic(LAST) as temporary:
        temporary.write_text(_HEAD + yaml.safe_dump(now, sort_keys=False), encoding="utf-8")


def _require_nothing_lost(last: Tree, now: Tree, named: Mapping[str, Any]) -> None:
    default = Configuration().model_dump(mode="json")
    lost = [
        f"{'.'.join(path)} (was {value!r})"
        for path, value in _leaves(last)
        # A sample of the user's own that is left out undoes nothing.
        if _find(default, path) is not _ABSENT
        and all(_find(tree, path) is _ABSENT for tree in (now, named))
    ]
    if lost:
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        raise ConfigurationError(
            "The last run here had other values than this one, which would set them back to their "
            f"defaults and make anew what hangs on them: {', '.join(lost[:_SHOWN])}{more}.",
            f"Go on with them: --configfile {from_where_called(LAST)}, or your own file again. Or "
            "go back to the defaults by naming them: --configfile config/config.yaml. Or keep both "
            "runs: `make fork TO=<folder>`, and --directory <folder>.",
        )


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _find(tree: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """What stands at a place; at one inside of a value, that value."""
    node: Any = tree
    for name in path:
        if not isinstance(node, Mapping):
            return node
        if name not in node:
            return _ABSENT
        node = node[name]
    return node
