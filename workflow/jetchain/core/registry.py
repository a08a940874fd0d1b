"""A family of models, methods or designs: one table owns the names of its members.

A room that has a family declares it once, as a `Registry` in the ``__init__.py`` of the folder that
holds the members' files, with one line a member: `jetchain.tagging.models` is the model.

Settings, rules, figures, documents and tests iterate it, so a new member is its file and its line.
What a table says enters no digest of code (`jetchain.plumbing.digest`): a job depends on the file
of the member that it loads, and a new line reruns nothing.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import create_model

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import Settings, did_you_mean, key, parse


@dataclass(frozen=True)
class Member:
    """One member of a family.

    Attributes:
        label: its name in figures and tables.
        paper: the arXiv number of its paper; empty where it has none.
        path: file and class below the family's folder: ``pfn.PFN``.
        settings: the same of the class of its settings, which are its section of the
            configuration; empty where it has none.
    """

    label: str
    paper: str
    path: str
    settings: str = ""


M = TypeVar("M", bound=Member)


class Registry(Mapping[str, M], Generic[M]):
    """The members of a family by their keys, in the order in which tables and figures show them.

    Args:
        package: the folder that holds the members' files, as a module.
        what: what a member is called in messages: ``tagger``.
        members: by key.
    """

    def __init__(self, package: str, what: str, members: Mapping[str, M]) -> None:
        self.package, self.what = package, what
        self._members = dict(members)

    def __getitem__(self, name: str) -> M:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def find(self, name: str) -> M:
        """The member of this name.

        Raises:
            ConfigurationError: there is none.
        """
        if name not in self._members:
            raise ConfigurationError(
                f"There is no {self.what} '{name}'. {did_you_mean(name, self._members)}",
                f"Correct the name; a new {self.what} is one file in "
                f"{self.package.replace('.', '/')} and one line in its __init__.py.",
            )
        return self._members[name]

    def load(self, name: str) -> Any:
        """Import the class of a member; see `find`."""
        module, _, attribute = self.find(name).path.rpartition(".")
        return _held(importlib.import_module(f"{self.package}.{module}"), attribute)

    def module(self, name: str) -> str:
        """The module of a member below the package of jetchain: ``tagging.models.pfn``."""
        module = f"{self.package}.{self.find(name).path.rpartition('.')[0]}"
        return module.partition(".")[2]

    def settings(self, name: str) -> type[Settings]:
        """The class of a member's settings: see `settings_class`."""
        module, _, attribute = self.find(name).settings.rpartition(".")
        return settings_class(f"{self.package}.{module}", attribute)

    def decode(self, name: str, values: Mapping[str, Any] | Settings) -> Any:
        """A member's settings from their values, checked by its own class."""
        plain = values.model_dump() if isinstance(values, Settings) else values
        return parse(self.settings(name), plain)

    def labels(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """The displayed names by key, of all members or of those named."""
        return {name: self.find(name).label for name in (self if names is None else names)}

    def sections(self) -> Any:
        """A settings class with one field a member that has settings, to derive from."""
        fields: dict[str, Any] = {}
        for each, member in self._members.items():
            if member.settings:
                cls = self.settings(each)
                paper = f" (arXiv:{member.paper})" if member.paper else ""
                fields[each] = (cls, key(cls(), f"{member.label}{paper}."))
        return create_model("Sections", __base__=Settings, **fields)


def settings_class(module: str, name: str) -> type[Settings]:
    """The class of a member's settings, without running the rest of its file.

    A plan needs the settings of every member and none of the libraries that they compute with:
    importing torch alone takes longer than all else that a plan of nothing to do takes.

    Args:
        module: that holds the class, with all it needs of that module at its top level.
        name: of the class.
    """
    if module in sys.modules:
        return _held(sys.modules[module], name)
    view = f"{module}:{name}"
    if view not in sys.modules:
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"No module named '{module}'", name=module)
        loader = _Only(name, Path(spec.origin))
        found = importlib.util.spec_from_loader(view, loader, origin=spec.origin)
        assert found is not None
        sys.modules[view] = importlib.util.module_from_spec(found)
        try:
            loader.exec_module(sys.modules[view])
        except BaseException:
            del sys.modules[view]
            raise
    return _held(sys.modules[view], name)


def _held(module: Any, name: str) -> Any:
    """What a line of a table names in a module.

    Raises:
        ConfigurationError: there is no such class.
    """
    if not hasattr(module, name):
        file = module.__spec__.origin
        raise ConfigurationError(
            f"{file}: there is no class '{name}', which a line of the table in its folder's "
            "__init__.py names.",
            "Correct the line, or the name of the class.",
        )
    return getattr(module, name)


class _Only(importlib.abc.InspectLoader):
    """Loads of a file one definition and what it mentions."""

    def __init__(self, name: str, path: Path) -> None:
        self._name, self._path = name, path

    def is_package(self, fullname: str) -> bool:
        return False

    def get_source(self, fullname: str) -> str:
        return self._path.read_text(encoding="utf-8")

    def get_code(self, fullname: str) -> Any:
        tree = ast.parse(self.get_source(fullname), str(self._path))
        wanted, kept = {self._name}, set[int]()
        grown = True
        while grown:
            grown = False
            for index, statement in enumerate(tree.body):
                if index not in kept and _binds(statement) & wanted:
                    kept.add(index)
                    wanted |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
                    grown = True
        future = [
            index
            for index, statement in enumerate(tree.body)
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        ]
        tree.body = [tree.body[index] for index in sorted({*kept, *future})]
        return compile(tree, str(self._path), "exec", dont_inherit=True)


def _binds(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module binds."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return {statement.name}
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    return {n.id for t in targets if t is not None for n in ast.walk(t) if isinstance(n, ast.Name)}
