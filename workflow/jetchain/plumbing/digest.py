"""The digest of a verb's own source closure.

A verb's numbers depend on the code it can reach, not on the files that code stands in. Starting at
the verb's function, every name it mentions is followed: to definitions of the same module, and
through imports to those of other modules of the package. The digest covers the parsed source of
what was reached, without comments, docstrings, positions or formatting, and the versions of the
third-party libraries that the reached code imports. So a comment reruns nothing, a change of a
formula reruns exactly the verbs that use it, and a new version of a library reruns what imports it.

What a module's source says is kept from one plan to the next, as long as the source is the same.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from jetchain.plumbing import caches

PACKAGE = "jetchain"
ROOT = Path(__file__).resolve().parents[1]

# What a result does not depend on: the library that holds the settings, and the modules that look
# after the run and say how far it is.
_WITHOUT_NUMBERS = {"pydantic"}
_AROUND_THE_RUN = tuple(
    f"{PACKAGE}.{name}"
    for name in ("plumbing", "core.checkpoints", "core.progress", "core.registry")
)
_ALWAYS = "<always>"  # stands for the statements of a module that have an effect at import
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_ARGUMENTS_BEFORE_MEANING = {"Column": 2, "Tensor": 3}
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "PyYAML", "weaver": "weaver-core"}


@dataclass(frozen=True)
class _Import:
    """A name bound by an import: a module, or a name in a module."""

    module: str
    name: str | None = None


@dataclass(frozen=True)
class _Definition:
    """The digest of a definition's source, and the names (module, name in it) that it mentions."""

    source: str
    mentions: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class _Module:
    definitions: dict[str, _Definition]
    imports: dict[str, _Import]
    keywords: dict[str, dict[str, str]]
    """The arguments of its functions, with their annotations."""


@cache
def _modules() -> list[str]:
    """Every module of the package; a job, which needs its own alone, asks `module_path`."""
    every = (path.relative_to(ROOT).with_suffix("").parts for path in ROOT.rglob("*.py"))
    return sorted(
        ".".join((PACKAGE, *(part for part in parts if part != "__init__"))) for parts in every
    )


@cache
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
def _reader() -> bytes:
    """What the reading of a source depends on beside the source."""
    names = "\n".join([sys.version, *_modules()])
    return hashlib.sha256(names.encode() + Path(__file__).read_bytes()).digest()


@cache
def _parse(module: str) -> _Module:
    path = module_path(module)
    if path is None:
        raise FileNotFoundError(f"no module {module}")
    source = path.read_bytes()
    name = hashlib.sha256(b"\0".join([_reader(), module.encode(), source])).hexdigest()
    said = caches.kept(name[:16], lambda: _plain(_read(module, source, path)))
    return _Module(
        {
            name: _Definition(text, tuple((each, inner) for each, inner in mentions))
            for name, (text, mentions) in said["definitions"].items()
        },
        {name: _Import(*each) for name, each in said["imports"].items()},
        said["keywords"],
    )


def _plain(parsed: _Module) -> dict[str, Any]:
    """What JSON can hold."""
    return {
        "definitions": {
            name: [each.source, each.mentions] for name, each in parsed.definitions.items()
        },
        "imports": {name: [each.module, each.name] for name, each in parsed.imports.items()},
        "keywords": parsed.keywords,
    }


def _read(module: str, source: bytes, path: Path) -> _Module:
    """Parse a module's source, of a file that a mistake in it is reported for."""
    imports: dict[str, _Import] = {}
    keywords: dict[str, dict[str, str]] = {}
    statements: dict[str, list[ast.stmt]] = {_ALWAYS: []}
    for statement in _without_prose(ast.parse(source, path)).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports |= _bindings(statement)
        else:
            for name in _names(statement):
                statements.setdefault(name, []).append(statement)
        if isinstance(statement, ast.FunctionDef):
            keywords[statement.name] = {
                each.arg: ast.unparse(each.annotation) if each.annotation else ""
                for each in [*statement.args.args, *statement.args.kwonlyargs]
            }
    definitions = {}
    for name, several in statements.items():
        text = "\n".join(ast.dump(each) for each in several)
        mentions = _mentions(module, several, imports, statements)
        definitions[name] = _Definition(hashlib.sha256(text.encode()).hexdigest(), mentions)
    return _Module(definitions, imports, keywords)


def _names(statement: ast.stmt) -> list[str]:
    """What a statement of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        nodes = [node for target in targets for node in ast.walk(target)]
        return [node.id for node in nodes if isinstance(node, ast.Name)]
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return []
    # A statement with an effect at import time counts for everything in its module.
    return [_ALWAYS]


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
    """Drop docstrings, settings' keys, the members of families, the meanings of columns.

    The values of settings reach a job through its params; their defaults, units and meanings are
    for people. A job depends on the files of the members that it loads, not on their table.
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
            if node.func.id in ("key", "Registry"):
                node.args, node.keywords = [], []
            elif node.func.id in ("Column", "Tensor"):
                del node.args[_ARGUMENTS_BEFORE_MEANING[node.func.id] :]
    return tree


class _Mentions(ast.NodeVisitor):
    """Collects what a definition mentions of its module and of others.

    What a function binds itself (arguments, variables) hides what the module has of that name.
    """

    def __init__(
        self,
        module: str,
        statement: ast.stmt,
        imports: Mapping[str, _Import],
        names: Collection[str],
    ) -> None:
        self.found: set[tuple[str, str | None]] = set()
        self._module, self._names = module, names
        self._local: dict[str, _Import] = {}
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._local |= _bindings(node)
        self._imports = {**imports, **self._local}
        self._hidden: frozenset[str] = frozenset()

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self._hidden or not isinstance(node.ctx, ast.Load):
            return
        if node.id in self._imports:
            self.found.add((self._imports[node.id].module, self._imports[node.id].name))
        elif node.id in self._names:
            self.found.add((self._module, node.id))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        # `module.name`: only that name of the module is reached.
        if isinstance(node.value, ast.Name) and node.value.id not in self._hidden:
            target = self._imports.get(node.value.id)
            if target is not None and target.name is None:
                self.found.add((target.module, node.attr))
                return
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for each in [*node.decorator_list, node.args, *filter(None, [node.returns])]:
            self.visit(each)
        self._visit_scope(node.body, _arguments(node.args) | _bound(node.body))

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        self._visit_scope([node.body], _arguments(node.args))

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._visit_comprehension(node.generators, [node.elt])

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_comprehension(node.generators, [node.key, node.value])

    def _visit_comprehension(
        self, generators: list[ast.comprehension], results: list[ast.expr]
    ) -> None:
        self.visit(generators[0].iter)
        inner = [each.iter for each in generators[1:]] + [
            test for g in generators for test in g.ifs
        ]
        self._visit_scope([*inner, *results], _bound([each.target for each in generators]))

    def _visit_scope(self, body: Sequence[ast.AST], bound: set[str]) -> None:
        before, self._hidden = self._hidden, self._hidden | (bound - set(self._local))
        for each in body:
            self.visit(each)
        self._hidden = before


def _arguments(arguments: ast.arguments) -> set[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {each.arg for each in [*every, arguments.vararg, arguments.kwarg] if each is not None}


def _bound(body: Sequence[ast.AST]) -> set[str]:
    """The names that a scope binds itself, without those of the scopes within it."""
    bound: set[str] = set()
    shared: set[str] = set()
    rest = list(body)
    while rest:
        node = rest.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            shared |= set(node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif not isinstance(node, _SCOPES):
            rest += ast.iter_child_nodes(node)
    return bound - shared


def _mentions(
    module: str,
    statements: Sequence[ast.stmt],
    imports: Mapping[str, _Import],
    names: Collection[str],
) -> tuple[tuple[str, str | None], ...]:
    """What the statements of a definition mention, in a fixed order."""
    found: set[tuple[str, str | None]] = set()
    for statement in statements:
        mentions = _Mentions(module, statement, imports, names)
        mentions.visit(statement)
        found |= mentions.found
    return tuple(sorted(found, key=lambda each: (each[0], each[1] or "")))


class _Closure:
    """Walks from names to what they mention, and collects the digests of all of it."""

    def __init__(self) -> None:
        self.pieces: dict[tuple[str, str], str] = {}
        self.libraries: set[str] = set()

    def add(self, module: str, name: str | None) -> None:
        """Reach a name of a module, or the whole module."""
        if module.startswith(_AROUND_THE_RUN):
            return
        if module_path(module) is None:
            library = module.split(".")[0]
            if library not in sys.stdlib_module_names and library not in _WITHOUT_NUMBERS:
                self.libraries.add(library)
            return
        parsed = _parse(module)
        self._reach(module, _ALWAYS)
        if name is None:
            for each in parsed.definitions:
                self._reach(module, each)
        elif name in parsed.definitions:
            self._reach(module, name)
        elif name in parsed.imports:
            self.add(parsed.imports[name].module, parsed.imports[name].name)

    def _reach(self, module: str, name: str) -> None:
        if (module, name) not in self.pieces:
            definition = _parse(module).definitions[name]
            self.pieces[module, name] = definition.source
            for each in definition.mentions:
                self.add(*each)


def verb_location(verb: str) -> tuple[str, str]:
    """Module and function of a verb, at any depth.

    Args:
        verb: ``<room>.<module>``, if module and function have one name, else
            ``<room>.<module>.<function>``; a room's module may lie in a folder of the room.
    """
    module = f"{PACKAGE}.{verb}"
    parent, _, name = module.rpartition(".")
    path = module_path(module)
    return (module if path is not None and path.stem == name else parent), name


def signature(verb: str) -> dict[str, str]:
    """The keywords of a verb with their annotations, read from its source: nothing is imported."""
    module, function = verb_location(verb)
    found = _parse(module).keywords
    if function not in found:
        raise LookupError(f"{module} defines no '{function}'")
    return found[function]


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
    """What a verb's numbers depend on: a digest of each module it reaches, and library versions.

    Text, so that Snakemake stores it and `make explain` can say which module or library changed:
    ``core.io=1f0c9a3b5d, generate.sample=...; numpy==2.4.6, pythia8mc==8.317.2``.
    """
    walk = _walk(verb, modules)
    sources: dict[str, list[str]] = {}
    for module, name in sorted(walk.pieces):
        short = module.removeprefix(f"{PACKAGE}.")
        sources.setdefault(short, []).append(f"{name}\n{walk.pieces[module, name]}")
    digests = [
        f"{module}={hashlib.sha256(chr(10).join(pieces).encode()).hexdigest()[:10]}"
        for module, pieces in sources.items()
    ]
    versions = [f"{name}=={_version(name)}" for name in sorted(walk.libraries)]
    return f"{', '.join(digests)}; {', '.join(versions)}"


def kernel_digest() -> str:
    """What machine code depends on: the functions that numba compiles, and what they reach."""
    walk = _Closure()
    for module in _modules():
        path = module_path(module)
        if path is None or b"numba" not in path.read_bytes():
            continue
        for name, definition in _parse(module).definitions.items():
            if any(library.split(".")[0] == "numba" for library, _ in definition.mentions):
                walk.add(module, name)
    pieces = [f"{module}.{name}\n{piece}" for (module, name), piece in sorted(walk.pieces.items())]
    return hashlib.sha256("\n".join(pieces).encode()).hexdigest()[:16]


@cache
def _version(library: str) -> str:
    name = _DISTRIBUTIONS.get(library, library)
    # Where jobs look for it: they have this package, and nothing else of the user's PYTHONPATH.
    users = {*map(os.path.abspath, os.environ.get("PYTHONPATH", "").split(os.pathsep))}
    places = [path for path in sys.path if path not in users - {str(ROOT.parent)}]
    found = metadata.distributions(name=name, path=places)
    version = next((each.version for each in found), None)
    if version is None:
        raise metadata.PackageNotFoundError(name)
    # A local tag such as +cpu names another build of the same version.
    return version.split("+")[0]
