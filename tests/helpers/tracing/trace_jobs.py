"""Notes what a job of the tiny run executes of the package, and which settings it reads.

The Python of the fixture `tiny_run` imports this module when it starts, and JETCHAIN_TRACES names
a folder; every job, forked from the server or not, then leaves a file there, named by a hash of the
arguments of `python -m jetchain`:

    {"arguments": [...], "executed": ["jetchain.core.io:write_json", ...],
     "handed": ["network.hidden", ...], "read": ["network.hidden", ...]}

`executed` names the top-level definitions whose code ran (a method counts for its class), as
`plumbing.digest` does; `handed` and `read` are the leaves of the settings, by their path in
the JSON that the rule handed over.
"""

import ast
import builtins
import hashlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
from pathlib import Path

PACKAGE = "jetchain"


class Trace:
    """What one job did so far."""

    def __init__(self, folder):
        self.folder = folder
        self.executed = set()
        self.handed = set()
        self.read = set()
        self._watched = {}  # id: the object, kept alive so that the id stays its own; and its path

    def watch(self, settings_class):
        """Note what is read of the settings that `decode` makes for the job."""
        decode = settings_class.decode.__func__

        def watched_decode(cls, text):
            settings = decode(cls, text)
            self._register(settings, "")
            return settings

        def noted(instance, name):
            value = object.__getattribute__(instance, name)
            if id(instance) in self._watched:
                path = self._watched[id(instance)][1]
                if name == "__dict__":  # dumped, hashed or compared: all below is read
                    self.read |= {leaf for leaf in self.handed if leaf.startswith(path)}
                elif path + name in self.handed:
                    self.read.add(path + name)
            return value

        settings_class.decode = classmethod(watched_decode)
        settings_class.__getattribute__ = noted
        self._settings_class = settings_class

    def _register(self, settings, path):
        for name, value in vars(settings).items():
            if isinstance(value, self._settings_class):
                self._register(value, f"{path}{name}.")
            else:
                self.handed.add(path + name)
        self._watched[id(settings)] = settings, path

    def compiled(self):
        """The functions that numba compiled or loaded: no Python of theirs runs."""
        for name, module in list(sys.modules.items()):
            if name.startswith(PACKAGE):
                for value in vars(module).values():
                    if getattr(value, "overloads", None) and hasattr(value, "py_func"):
                        yield f"{value.py_func.__module__}:{value.py_func.__name__}"

    def of_job(self, main):
        """The launcher's `main`, which leaves the trace of the job that it does."""

        def traced(arguments):
            self.executed.clear()  # a fork has what its server did
            try:
                return main(arguments)
            finally:
                self.write(arguments)

        return traced

    def write(self, arguments):
        content = {
            "arguments": arguments,
            "executed": sorted({*self.executed, *self.compiled()}),
            "handed": sorted(self.handed),
            "read": sorted(self.read),
        }
        path = (
            self.folder / f"{hashlib.sha256(json.dumps(arguments).encode()).hexdigest()[:24]}.json"
        )
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(content, indent=1))
        part.replace(path)


class Marker(ast.NodeTransformer):
    """Make every function of one top-level statement note, as it starts, that it ran."""

    def __init__(self, name):
        self._name = name

    def _mark(self, node):
        call = ast.parse(f"__executed__({self._name!r})", mode="eval").body
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def visit_FunctionDef(self, node):
        if any("njit" in ast.unparse(each) for each in node.decorator_list):
            return node  # numba compiles its own source: see Trace.compiled
        self.generic_visit(node)
        first = int(ast.get_docstring(node, clean=False) is not None)
        mark = ast.Expr(self._mark(node.body[0]))
        node.body.insert(first, ast.copy_location(mark, node.body[0]))
        return node

    def visit_Lambda(self, node):
        self.generic_visit(node)
        node.body = ast.copy_location(
            ast.BoolOp(ast.Or(), [self._mark(node.body), node.body]), node.body
        )
        return node


class Loader(importlib.machinery.SourceFileLoader):
    """Compiles a module with the marks in it; nothing of that is cached on disk."""

    def __init__(self, name, path, trace):
        super().__init__(name, path)
        self._trace = trace

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        for statement in tree.body:
            for name in defined(statement):
                Marker(f"{fullname}:{name}").visit(statement)
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module):
        # What runs at import makes tables and classes; the digest follows those by their names.
        before = set(self._trace.executed)
        super().exec_module(module)
        self._trace.executed.clear()
        self._trace.executed.update(before)
        if module.__name__ == f"{PACKAGE}.core.settings":
            self._trace.watch(module.Settings)
        if module.__name__ == f"{PACKAGE}.plumbing.launcher":
            module.main = self._trace.of_job(module.main)


def defined(statement):
    """The name that a top-level statement defines, if any; of several, the first."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    return [
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ][:1]


class Finder(importlib.abc.MetaPathFinder):
    """Finds the package's modules as Python would, and loads them with `Loader`."""

    def __init__(self, trace):
        self._trace = trace

    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] != PACKAGE:
            return None
        others = (each for each in sys.meta_path if each is not self)
        found = (each.find_spec(fullname, path, target) for each in others)
        spec = next((each for each in found if each is not None), None)
        if spec is not None and spec.origin is not None:
            spec.loader = Loader(fullname, spec.origin, self._trace)
        return spec


if "JETCHAIN_TRACES" in os.environ and sys.orig_argv[1:3] in (
    ["-m", PACKAGE],
    ["-m", f"{PACKAGE}.plumbing.forkserver"],
):
    trace = Trace(Path(os.environ["JETCHAIN_TRACES"]))
    trace.folder.mkdir(parents=True, exist_ok=True)
    builtins.__executed__ = trace.executed.add
    sys.meta_path.insert(0, Finder(trace))
