"""Code of the user's that the configuration names by its import path: found and digested unrun.

It stands in a folder of the user's, or in a package that is installed. A plan reads it, a job
imports it. What it is made of, so that a change is noticed:

- of the folder, the module or package that is named and those that it imports, each as a whole, but
  for comments and blank lines; nothing else of the folder can be imported;
- of jetchain, the modules that it imports, and what these import;
- of what is installed, the version of each package that it imports.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import io
import os
import sys
import tokenize
import traceback
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from symtable import symtable
from types import ModuleType
from typing import Any

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.settings import did_you_mean

_HOUSE = Path(__file__).resolve().parents[1]
_INSTALLED = {"site-packages", "dist-packages"}
_ANYTHING = "*"
_VERSION = "=="
"""Begins what is noted of code that may differ where a network is used from where it was made."""


def require(path: str, folder: Path) -> None:
    """Refuse an import path that leads nowhere, as far as can be told unrun.

    Args:
        path: module and name in it: ``mynets.MyNet``.
        folder: of the user's.

    Raises:
        ConfigurationError: it is no path, or there is no such module, or no such name in it.
    """
    module, _, name = path.rpartition(".")
    if not module or not all(part.isidentifier() for part in path.split(".")):
        raise ConfigurationError(
            f"'{path}' is no import path.", "Name module and class, as in mynets.MyNet."
        )
    top, *below = module.split(".")
    if top in sys.stdlib_module_names or top == _HOUSE.name:
        raise ConfigurationError(
            f"'{top}' is no module of yours.", "Name a class in one that is, by another name."
        )
    if not folder.is_dir():
        raise ConfigurationError(f"There is no folder {folder.resolve()}.", "Correct its name.")
    place = _unit(top, folder)
    for part in below:
        place = _within(place, part) if place is not None and place.is_dir() else None
    if place is None:
        raise ConfigurationError(
            f"There is no module '{module}', neither in the folder {folder.resolve()} nor "
            "installed (jobs see no PYTHONPATH).",
            f"Correct it or the folder, or install it for {sys.executable}.",
        )
    file = place / "__init__.py" if place.is_dir() else place
    if file.suffix != ".py":
        return
    known = _names(file) if file.is_file() else []
    if known is not None and name not in known:
        raise _no_such_name(file, name, known)


def sources(path: str, folder: Path) -> dict[str, str]:
    """What code is made of: by its first name each module or package with its digest or version.

    Args:
        path, folder: as of `require`.

    Raises:
        ConfigurationError: a file cannot be read as Python, or has the name of another module.
    """
    found: dict[str, str] = {}
    house: set[str] = set()
    rest, seen = [path.partition(".")[0]], set[str]()
    while rest:
        name = rest.pop()
        place = None if name in seen else _unit(name, folder)
        seen.add(name)
        if place is None:
            continue
        version = _version(name) if _INSTALLED & {*place.parts} else None
        if version is not None:
            found[name] = f"{_VERSION}{version}"
            continue
        files = _files(place)
        found[name] = _digest({str(each.relative_to(place.parent)): each for each in files})
        for file in files:
            for each in _read(file)[1]:
                top = each.partition(".")[0]
                if top == _HOUSE.name:
                    house.add(each)
                else:
                    rest.append(top)
    if house:
        found[_HOUSE.name] = f"{_VERSION}{_digest(_of_house(house))}"
    return dict(sorted(found.items()))


def load(path: str, folder: Path, made_of: Mapping[str, str]) -> Any:
    """Import what a path names, in place of what an earlier call imported by the same names.

    Args:
        path, folder: as of `require`.
        made_of: its `sources` as they were planned, or as a network was trained with them; versions
            of what is installed, and jetchain, may be others.

    Raises:
        ConfigurationError: see `require`; or it cannot be imported.
        DataError: it is made of something else.
    """
    require(path, folder)
    now = sources(path, folder)
    for name, was in made_of.items():
        if not was.startswith(_VERSION) and now.get(name) != was:
            raise DataError(
                f"{path} is not what was planned, or trained: '{name}' was {was}, and is "
                f"{now.get(name, 'not imported')} now.",
                "Run the same snakemake command again, which trains it anew; to use weights that "
                "are there, restore the code that they were trained with.",
            )
    mine = {name for name in now if _within(folder, name) is not None}
    for name in [each for each in sys.modules if each.partition(".")[0] in mine]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(folder.resolve(), mine))
    module, _, name = path.rpartition(".")
    try:
        found = importlib.import_module(module)
    except Exception as error:
        raise ConfigurationError(
            f"'{module}' cannot be imported: {told(error)}.",
            f"Correct it, or install what it needs for {sys.executable}; of its folder it can "
            "import what import statements name.",
        ) from error
    if not hasattr(found, name):
        raise _no_such_name(Path(found.__file__ or module), name, vars(found))
    return getattr(found, name)


def told(error: BaseException) -> str:
    """An exception of the user's code in words, with the line of that code that it came from."""
    said = str(error).strip().splitlines()
    text = ": ".join([type(error).__name__, *said[:1]])
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        known = _INSTALLED & {*file.parts} or file.is_relative_to(_HOUSE)
        if file.is_file() and not known and not file.is_relative_to(os.path.dirname(os.__file__)):
            return f"{text} ({file}, line {frame.lineno})"
    return text


def _no_such_name(file: Path, name: str, known: Iterable[str]) -> ConfigurationError:
    names = [each for each in known if not each.startswith("_")]
    return ConfigurationError(
        f"{file} has no '{name}'.", did_you_mean(name, names) if names else "Write it there."
    )


def _within(folder: Path, name: str) -> Path | None:
    """A package, or the file of a module, that stands in a folder; in Python's order."""
    package, module = folder / name, folder / f"{name}.py"
    if (package / "__init__.py").is_file():
        return package
    if module.is_file():
        return module
    return package if package.is_dir() and any(package.glob("*.py")) else None


def _elsewhere(name: str) -> Path | None:
    """The same of what jobs find without the user's folder."""
    users = {os.path.abspath(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    places = [each for each in sys.path if os.path.abspath(each) not in users]
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            continue
        spec = finder.find_spec(name, places if finder is PathFinder else None)
        if spec is not None:
            inside = list(spec.submodule_search_locations or [])
            place = Path(inside[0] if inside else spec.origin or "")
            return place if place.exists() else None
    return None


def _unit(name: str, folder: Path) -> Path | None:
    """The package or module of a first name; none if it is Python's, or nowhere.

    Raises:
        ConfigurationError: there are two, of which a job would import that which is not the user's.
    """
    here, there = _within(folder, name), _elsewhere(name)
    python = name in sys.stdlib_module_names
    if here is not None and (python or (there is not None and not here.samefile(there))):
        raise ConfigurationError(
            f"{here.resolve()}: {'Python' if python else there} has this name already.",
            "Give yours another.",
        )
    return None if python else here or there


def _files(place: Path) -> list[Path]:
    """The sources of a package or module."""
    if not place.is_dir():
        return [place]
    every = place.rglob("*.py")
    return sorted(p for p in every if not any(n[0] == "." for n in p.relative_to(place).parts))


def _read(file: Path) -> tuple[str, tuple[str, ...]]:
    """A digest of a file's code, and what it imports by full name; see `_parsed`."""
    content = file.read_bytes()
    if file.suffix != ".py":  # compiled
        return hashlib.sha256(content).hexdigest(), ()
    try:
        return _parsed(content)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise ConfigurationError(
            f"{file}, line {line}: {getattr(error, 'msg', error)}.", "Correct it."
        ) from None


@cache
def _parsed(content: bytes) -> tuple[str, tuple[str, ...]]:
    """What `_read` gives, of the content of a file.

    A name that is imported from a module may be a module too: ``a.b`` and ``a.b.c``. _ANYTHING is
    among them where a module is asked for all its names.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.module and not node.level:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            found |= {_ANYTHING for alias in node.names if alias.name == "*"}
    return hashlib.sha256(_code(content).encode()).hexdigest(), tuple(sorted(found))


def _code(content: bytes) -> str:
    """A source without comments and blank lines; the same whatever Python reads it."""
    lines = _text(content).split("\n")
    left = set()
    for token in tokenize.tokenize(io.BytesIO(content).readline):
        row, column = token.start[0] - 1, token.start[1]
        if token.type == tokenize.COMMENT:
            lines[row] = lines[row][:column].rstrip()
        elif token.type == tokenize.NL and row < len(lines) and not lines[row].strip():
            left.add(row)
    return "\n".join(line for row, line in enumerate(lines) if row not in left).strip()


def _text(content: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return content.decode(encoding)


def _names(file: Path) -> list[str] | None:
    """What a module binds; none if that cannot be told unrun."""
    imported = _read(file)[1]
    table = symtable(_text(file.read_bytes()), str(file), "exec")
    bound = [
        each.get_name()
        for each in table.get_symbols()
        if each.is_assigned() or each.is_imported() or each.is_namespace()
    ]
    return None if _ANYTHING in imported or "__getattr__" in bound else bound


def _of_house(names: Iterable[str]) -> dict[str, Path]:
    """The modules of jetchain that these names import, by their files in the package."""
    found: dict[str, Path] = {}
    rest = [*names]
    while rest:
        places: list[Path | None] = [_HOUSE]
        for part in rest.pop().split(".")[1:]:
            places.append(_within(places[-1], part) if places[-1] else None)
        for place in filter(None, places):
            file = place / "__init__.py" if place.is_dir() else place
            key = str(file.relative_to(_HOUSE))
            if file.is_file() and key not in found:
                found[key] = file
                imported = _read(file)[1]
                rest += [each for each in imported if each.partition(".")[0] == _HOUSE.name]
    return found


def _digest(files: Mapping[str, Path]) -> str:
    text = "\n".join(f"{name} {_read(files[name])[0]}" for name in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


@cache
def _version(name: str) -> str | None:
    """The version of the distribution that a package is installed from; none if of none."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        of = metadata.packages_distributions().get(name)
        version = metadata.version(of[0]) if of else ""
    return version.partition("+")[0] or None  # a local tag names another build of the same


class _Finder(MetaPathFinder):
    """Finds the user's modules in their folder; these alone, lest others hide what is installed.

    Bytecode is neither read nor written: Python takes it for that of any source of the same second
    and length.
    """

    def __init__(self, folder: Path, names: set[str]) -> None:
        self._folder, self._names = folder, names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self._names:
            return None
        for place in [str(self._folder)] if path is None else path:
            if spec := FileFinder(place, (_Uncached, [".py"])).find_spec(fullname):
                return spec
        return None


class _Uncached(SourceFileLoader):
    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError("no bytecode is kept")
