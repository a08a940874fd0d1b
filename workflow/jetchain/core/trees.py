"""Files of events that others wrote: which part a shard takes; trees of ROOT files in chunks.

What jetchain writes itself is read by `jetchain.core.io`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError
from jetchain.core.schema.detector import COCOA

REPLACE = (
    "Copy or make the file anew, or take it out of source.files of its sample in the configuration."
)
ANOTHER = f"Correct source.checksums if another version of the file is meant. {REPLACE}"
EVENTS_PER_FILE = 10_000_000
"""Event numbers of shard i start at i times this, since nobody knows how many a file holds."""
NUMBER, LIST, NESTED = 1, 2, 3
"""Depth of a branch: one number an event, a list of numbers, or a list of lists."""
LINKS = 4
"""A list of lists of ATLAS's ElementLink, records of LINK: what is linked to, and which of it."""
LINK = ("m_persKey", "m_persIndex")
_DEPTHS = {
    NUMBER: "a number",
    LIST: "a list of numbers",
    NESTED: "a list of lists of numbers",
    LINKS: f"a list of lists of {' and '.join(LINK)}",
}
_TREES = ("TTree", "ROOT::RNTuple")


def require_checksum(path: Path, stated: str, remedy: str = ANOTHER) -> None:
    """Raise `DataError` unless a file has the checksum that is stated, such as md5:..., if any.

    What is missing, its reader says.

    Args:
        path: the file.
        stated: its checksum; empty for any.
        remedy: what to do where it has not.
    """
    if not stated or not path.is_file():
        return
    method, _, expected = stated.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, method).hexdigest()
    if found != expected.lower():
        raise DataError(
            f"{path}: its checksum is {method}:{found}, not {stated}.",
            remedy,
        )


@dataclass
class Part:
    """The events of a file that one shard takes: the file is split into equal parts, in order.

    Attributes:
        shard: its number; shard 0 takes the first part of the first file.
        parts: shards a file.
        limit: events that are taken from a file, its first ones; 0 for all.
        first: of the events taken, counted from 0; known once `rows` was called.
    """

    shard: int = 0
    parts: int = 1
    limit: int = 0
    first: int = 0

    @property
    def whole(self) -> bool:
        """Whether all of the file is taken, so that nobody must count its events beforehand."""
        return self.parts == 1 and not self.limit

    def rows(self, path: Path, events: int) -> range:
        """Which events of the file are taken.

        Args:
            path: the file.
            events: that it has.

        Raises:
            DataError: it has fewer than are to be taken, or than shards.
        """
        if events < self.limit:
            raise DataError(
                f"{path}: has {events} events, fewer than the {self.limit} of source.events.",
                f"Set source.events of its sample in the configuration to {events} or less, or to "
                "null for all.",
            )
        taken = self.limit or events
        if self.parts > 1 and taken < self.parts:
            raise DataError(
                f"{path}: has {taken} events{' to be taken' if self.limit else ''}, which cannot "
                f"fill {self.parts} shards.",
                "Set shards of its sample in the configuration to fewer for each of its files.",
            )
        part = self.shard % self.parts
        chosen = range(taken * part // self.parts, taken * (part + 1) // self.parts)
        self.first = chosen.start
        return chosen


def iterate_tree(
    path: Path,
    tree: str,
    branches: Mapping[str, int],
    *,
    optional: Collection[str] = (),
    refused: Mapping[str, str] | None = None,
    step: int = 250,
    rows: Callable[[Path, int], range] | None = None,
) -> Iterator[dict[str, Any]]:
    """Read some branches of a tree, or fields of an RNTuple, chunk by chunk.

    A nested branch may also be stored flat, as `jetchain.core.io` does it: its lists joined in
    ``<branch>``, their lengths in ``<branch>_n``.

    Args:
        path: the ROOT file.
        tree: name of the tree.
        branches: by name, their depth.
        optional: those of them that are left out of what is yielded where the file lacks them.
        refused: branches that must not be there, and what to do about them.
        step: events a chunk.
        rows: which events are read, by the file and their number; all if not given.

    Yields:
        an awkward array for each branch; once, of no events, where the tree has none.

    Raises:
        DataError: the file is missing or damaged, or lacks the tree or a branch, or a branch holds
            something else.
    """
    with _opened(path, tree) as file:
        found = _find_tree(path, file, tree)
        present = set(found.keys(recursive=True, full_paths=False))
        wanted = {n: d for n, d in branches.items() if n in present or n not in optional}
        _check_branches(path, tree, present, wanted, refused or {})
        wished = rows(path, found.num_entries) if rows else range(found.num_entries)
        for name in wanted:
            if found[name].num_entries != found.num_entries:
                raise EOFError(f"{name} has {found[name].num_entries} events and no more")
        for arrays in _steps(found, wanted, wished, step):
            yield {
                name: _checked(path, found, name, depth, arrays) for name, depth in wanted.items()
            }


@contextmanager
def _opened(path: Path, tree: str) -> Iterator[Any]:
    """A ROOT file; whatever uproot raises for a damaged one is a `DataError`."""
    import uproot

    if not path.is_file():
        raise DataError(f"{path}: no such file.", REPLACE)
    try:
        with uproot.open(path) as file:
            if file.file.fEND > path.stat().st_size:
                raise EOFError(f"{path.stat().st_size} of {file.file.fEND} bytes")
            yield file
    except DataError:
        raise
    except Exception as error:  # of many kinds
        reason = (str(error).strip().splitlines() or [""])[0]
        raise DataError(
            f"{path}: cannot be read as a ROOT file with the tree '{tree}': it is cut short or "
            f"damaged ({type(error).__name__}: {reason}).",
            REPLACE,
        ) from error


def tree_among(path: Path, names: Iterable[str]) -> str:
    """The first of some trees that a file has; the first of all where it has none of them.

    Raises:
        DataError: the file is missing or damaged.
    """
    first, *_ = names = list(names)
    with _opened(path, first) as file:
        return next((name for name in names if name in _trees(file)), first)


def _trees(file: Any) -> list[str]:
    classes = file.classnames(cycle=False)
    return sorted(each for each, kind in classes.items() if kind in _TREES)


def _find_tree(path: Path, file: Any, name: str) -> Any:
    trees = _trees(file)
    if name not in trees:
        raise DataError(
            f"{path}: has no tree '{name}'; it has {', '.join(trees) or 'none'}.",
            f"Correct source.format of its sample in the configuration. {REPLACE}",
        )
    return file[name]


def _check_branches(
    path: Path,
    tree: str,
    present: set[str],
    branches: Mapping[str, int],
    refused: Mapping[str, str],
) -> None:
    for name, remedy in refused.items():
        if name in present:
            raise DataError(f"{path}: the tree '{tree}' has the branch {name}.", remedy)
    missing = sorted(set(branches) - present)
    if missing:
        raise DataError(
            f"{path}: the tree '{tree}' lacks the branch{'es' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}.",
            f"Write the file with {'them' if len(missing) > 1 else 'it'}. {REPLACE}",
        )


def _steps(tree: Any, wanted: Mapping[str, int], rows: range, step: int) -> Iterator[Any]:
    """Arrays of the branches, and of the lengths of flat ones, by name; once, if of no events."""
    lengths = [f"{name}_n" for name, depth in wanted.items() if depth == NESTED]
    names = [*wanted, *(name for name in lengths if name in tree)]
    how = {"library": "ak", "how": dict, "entry_start": rows.start, "entry_stop": rows.stop}
    if rows:
        # Parts of the file are unpacked once, also where two steps share them.
        yield from tree.iterate(names, step_size=step, **how)
    else:
        yield tree.arrays(names, **how)


def _checked(path: Path, tree: Any, name: str, depth: int, arrays: Mapping[str, Any]) -> Any:
    import awkward as ak

    values, lengths = arrays[name], f"{name}_n"
    if depth == NESTED and values.ndim == LIST and lengths in arrays:
        number = arrays[lengths]
        values = ak.unflatten(ak.unflatten(ak.flatten(values), ak.flatten(number)), ak.num(number))
    require_depth(path, f"the branch {name}", values, depth, tree[name].typename)
    return values


def require_depth(path: Path, what: str, values: Any, depth: int, kind: str) -> None:
    """Raise `DataError` unless an awkward array holds numbers, and of this depth.

    Args:
        path: the file.
        what: it is, for the message.
        values: the array.
        depth: NUMBER, LIST, NESTED or LINKS.
        kind: its type as the file has it, for the message.
    """
    fits = set(values.fields) == set(LINK) if depth == LINKS else _holds_numbers(values)
    if values.ndim != (NESTED if depth == LINKS else depth) or not fits:
        raise DataError(
            f"{path}: {what} is of type {kind or 'a record'}, expected {_DEPTHS[depth]} an event.",
            f"Write the file with {_DEPTHS[depth].split(' of ')[-1]} of this form. {REPLACE}",
        )


def _holds_numbers(values: Any) -> bool:
    import numpy as np

    layout = values.layout
    while not layout.is_numpy:
        if layout.is_record or layout.is_unknown or layout.parameter("__array__") == "string":
            return False
        layout = layout.content
    return bool(np.issubdtype(layout.dtype, np.number) or layout.dtype == bool)


def whole_numbers(values: Any, name: str, path: Path) -> Any:
    """The values of a branch if they are whole numbers of 32 bits, else `DataError`."""
    import numpy as np

    values = np.asarray(values)
    limits = np.iinfo(np.int32)
    whole = values.dtype.kind in "iub" or not values.size
    if not whole or np.any((values < limits.min) | (values > limits.max)):
        raise DataError(
            f"{path}: the branch {name} does not hold whole numbers of 32 bits.",
            f"Write the file with such numbers. {REPLACE}",
        )
    return values


def iterate_cocoa(
    path: Path,
    collections: Collection[str],
    rows: Callable[[Path, int], range] | None = None,
) -> Iterator[dict[str, Any]]:
    """Read COCOA's output chunk by chunk: its own, or what `detector.exchange.export_cocoa` writes.

    Args:
        path: the file.
        collections: which of the table COCOA.
        rows: as of `iterate_tree`.

    Yields:
        an awkward array for each branch; `weight` is among them where the file has it.

    Raises:
        DataError: see `iterate_tree`; also where conversion electrons stand among the particles.
    """
    branches = {"weight": NUMBER} | {
        f"{collection}_{name}": NESTED if column.nested else LIST
        for collection in collections
        for name, column in COCOA.collections[collection].items()
    }
    refused = {
        # COCOA/src/EventAction.cc: with superclusters, conversion electrons follow the particles.
        "supercluster_e": "Run COCOA without superclusters: with them, conversion electrons are "
        "listed as particles beside their photons.",
    }
    yield from iterate_tree(
        path, COCOA.tree, branches, optional=("weight",), refused=refused, rows=rows
    )
