"""The digest of a verb's own source closure.

A verb's numbers depend on the code it can reach, not on the files that code stands in. Starting at
the verb's function, every name it mentions is followed: to definitions of the same module, and
through imports to those of other modules of the package. The digest covers the parsed source of
what was reached, without comments, docstrings, positions or formatting, and the versions of the
third-party libraries that the reached code imports. So a comment reruns nothing, a change of a
formula reruns exactly the verbs that use it, and a new version of a library reruns what imports it.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = "jetchain"
ROOT = Path(__file__).resolve().parent.parent

# Libraries whose version a result does not depend on: they write and draw, or hold the settings.
_WITHOUT_NUMBERS = {"pydantic", "matplotlib", "mplhep"}
# The module of ours that no result depends on: its lines of progress may read otherwise.
_WITHOUT_RESULTS = f"{PACKAGE}.core.progress"
_ARGUMENTS_BEFORE_MEANING = {"Column": 2, "Tensor": 3}
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "PyYAML", "weaver": "weaver-core"}


@dataclass(frozen=True)
class _Import:
    """A name bound by an import: a module, or a name in a module."""

    module: str
    name: str | None = None


@dataclass
class _Module:
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, _Import] = field(default_factory=dict)
    always: list[ast.stmt] = field(default_factory=list)


def module_path(module: str) -> Path | None:
    """The file of a module of the package, None for one outside it."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return None
    base = ROOT.joinpath(*parts[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _parse(module: str) -> _Module:
    path = module_path(module)
    if path is None:
        raise FileNotFoundError(f"no module {module}")
    result = _Module()
    for statement in _without_prose(ast.parse(path.read_text(encoding="utf-8"))).body:
        _sort_statement(result, statement)
    return result


def _sort_statement(result: _Module, statement: ast.stmt) -> None:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        result.imports |= _bindings(statement)
    elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        result.definitions.setdefault(statement.name, []).append(statement)
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    result.definitions.setdefault(node.id, []).append(statement)
    elif not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
        # A statement with an effect at import time counts for everything in its module.
        result.always.append(statement)


def _bindings(statement: ast.stmt) -> dict[str, _Import]:
    found: dict[str, _Import] = {}
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            name = alias.asname or alias.name.split(".")[0]
            found[name] = _Import(alias.name if alias.asname else alias.name.split(".")[0])
    elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
        for alias in statement.names:
            inner = f"{statement.module}.{alias.name}"
            bound = alias.asname or alias.name
            if module_path(inner) is not None:
                found[bound] = _Import(inner)
            else:
                found[bound] = _Import(statement.module, alias.name)
    return found


def _without_prose(tree: ast.Module) -> ast.Module:
    """Drop docstrings, the arguments of settings' keys and the meanings of the schema's columns.

    The values of settings reach a job through its params; their defaults, units and meanings
    are for people.
    """
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ) and (
            node.body
            and isinstance(node.body[0], ast.Expr)
            and isinstance(node.body[0].value, ast.Constant)
            and isinstance(node.body[0].value.value, str)
        ):
            node.body = node.body[1:] or [ast.Pass()]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "key":
                node.args, node.keywords = [], []
            elif node.func.id in ("Column", "Tensor"):
                del node.args[_ARGUMENTS_BEFORE_MEANING[node.func.id] :]
    return tree


class _Closure:
    """Walks from names to what they mention, and collects the source of all of it."""

    def __init__(self) -> None:
        self.pieces: dict[tuple[str, str], str] = {}
        self.libraries: set[str] = set()
        self.modules: set[str] = set()

    def add(self, module: str, name: str | None) -> None:
        """Reach a name of a module, or the whole module."""
        if module == _WITHOUT_RESULTS:
            return
        if module_path(module) is None:
            library = module.split(".")[0]
            if library not in sys.stdlib_module_names and library not in _WITHOUT_NUMBERS:
                self.libraries.add(library)
            return
        parsed = _parse(module)
        if module not in self.modules:
            self.modules.add(module)
            self._reach(module, "<always>", parsed.always)
        if name is None:
            for each in parsed.definitions:
                self.add(module, each)
        elif name in parsed.definitions:
            self._reach(module, name, parsed.definitions[name])
        elif name in parsed.imports:
            target = parsed.imports[name]
            self.add(target.module, target.name)

    def _reach(self, module: str, name: str, statements: list[ast.stmt]) -> None:
        if (module, name) in self.pieces:
            return
        self.pieces[module, name] = "\n".join(ast.dump(each) for each in statements)
        parsed = _parse(module)
        for statement in statements:
            local: dict[str, _Import] = {}
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    local |= _bindings(node)
            bound = parsed.imports | local
            modules: set[str] = set()
            for node in ast.walk(statement):
                # `module.name`: only that name of the module is reached.
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    target = bound.get(node.value.id)
                    if target is not None and target.name is None:
                        modules.add(node.value.id)
                        self.add(target.module, node.attr)
            for node in ast.walk(statement):
                if not isinstance(node, ast.Name) or node.id in modules:
                    continue
                if node.id in bound:
                    self.add(bound[node.id].module, bound[node.id].name)
                elif node.id in parsed.definitions:
                    self.add(module, node.id)


def verb_location(verb: str) -> tuple[str, str]:
    """Module and function of ``room.module.function``, or ``room.verb`` for short."""
    parts = verb.split(".")
    if len(parts) == 2:
        parts.append(parts[1])
    room, module, function = parts
    return f"{PACKAGE}.{room}.{module}", function


@cache
def closure(verb: str, *modules: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The (module, name) pairs and the libraries that a verb reaches.

    Args:
        verb: ``room.module.function`` or ``room.verb``.
        modules: modules reached by name only, such as a model's (``tagging.models.pfn``).
    """
    walk = _walk(verb, modules)
    return tuple(sorted(walk.pieces)), tuple(sorted(walk.libraries))


def _walk(verb: str, modules: tuple[str, ...]) -> _Closure:
    walk = _Closure()
    module, function = verb_location(verb)
    if function not in _parse(module).definitions:
        raise LookupError(f"{module} defines no '{function}'")
    walk.add(module, function)
    for extra in modules:
        walk.add(f"{PACKAGE}.{extra}", None)
    return walk


@cache
def code_digest(verb: str, *modules: str) -> str:
    """Hash of everything that a verb's numbers depend on: source closure and library versions."""
    walk = _walk(verb, modules)
    text = "\n".join(f"{key}\n{walk.pieces[key]}" for key in sorted(walk.pieces))
    versions = "\n".join(f"{name}=={_version(name)}" for name in sorted(walk.libraries))
    return hashlib.sha256(f"{text}\n{versions}".encode()).hexdigest()[:16]


@cache
def _version(library: str) -> str:
    name = _DISTRIBUTIONS.get(library, library)
    # A local tag such as +cpu names another build of the same version.
    return metadata.version(name).split("+")[0]
