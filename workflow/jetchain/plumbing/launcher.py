"""The launcher: ``python -m jetchain <room>.<verb> --settings JSON --seed N --<input> FILE ...``.

Imports only the module that holds the verb, decodes the settings into the class that the verb's
signature names, and calls the verb. What a user can act on is printed as two sentences.
"""

from __future__ import annotations

import argparse
import errno
import gc
import hashlib
import importlib
import inspect
import json
import os
import resource
import sys
import sysconfig
import tempfile
import time
import typing
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jetchain.core import checkpoints
from jetchain.core.errors import ConfigurationError, JetchainError, ResourceError
from jetchain.core.resources import resource_path
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Inputs, Labels, Output, Outputs, Resource
from jetchain.plumbing import checksums, environment, runs
from jetchain.plumbing.digest import ROOT, verb_location

OLDEST_AFTER = 100
"""Collections of younger garbage before one of the oldest objects. Python's 10 cost a job that
loads compiled functions .2 s."""


def load_verb(name: str) -> Callable[..., None]:
    """Import the function of a verb: see `jetchain.plumbing.digest.verb_location`."""
    module_name, function = verb_location(name)
    try:
        return getattr(importlib.import_module(module_name), function)
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("jetchain"):
            raise
        raise ConfigurationError(
            f"There is no verb '{name}' ({error}).",
            "The verbs are the functions that the rules in workflow/rules name with job(...).",
        ) from None


def parse_arguments(verb: Callable[..., None], arguments: list[str]) -> dict[str, Any]:
    """Parse the command line of a verb from its signature."""
    parser = argparse.ArgumentParser(
        prog=f"python -m jetchain {verb.__module__.removeprefix('jetchain.')}.{verb.__name__}",
        description=inspect.getdoc(verb),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    hints = typing.get_type_hints(verb)
    for name in inspect.signature(verb).parameters:
        kind = hints[name]
        option = f"--{name.replace('_', '-')}"
        if inspect.isclass(kind) and issubclass(kind, Settings):
            parser.add_argument(option, required=True, metavar="JSON", type=kind.decode)
        elif kind is Resource:
            parser.add_argument(option, required=True, metavar="NAME", type=resource_path)
        elif kind is Labels:
            parser.add_argument(option, required=True, metavar="JSON", type=json.loads)
        elif kind in (Inputs, Outputs):
            parser.add_argument(option, required=True, metavar="FILE", type=Path, nargs="*")
        elif kind in (Input, Output):
            parser.add_argument(option, required=True, metavar="FILE", type=Path)
        elif kind in (int, str, float):
            parser.add_argument(option, required=True, metavar=kind.__name__.upper(), type=kind)
        else:
            raise TypeError(f"{verb.__name__}: no way to pass '{name}' of type {kind}")
    return vars(parser.parse_args(arguments))


def run_verb(
    verb: Callable[..., None], values: dict[str, Any], arguments: Sequence[str]
) -> dict[str, float | int]:
    """Check the checksums of the inputs, call the verb, record those of the outputs.

    Args:
        verb: the function.
        values: its keyword arguments.
        arguments: the command line that they come from.

    Returns:
        what it took: seconds, cpu_seconds and memory_mb, as in `checksums.Checksum`.
    """
    hints = typing.get_type_hints(verb)
    started = time.monotonic()
    for name, value in values.items():
        if hints[name] in (Input, Inputs):
            checksums.require_unchanged(value if isinstance(value, list) else [value])
    outputs = [value for name, value in values.items() if hints[name] is Output]
    outputs += [path for name, value in values.items() if hints[name] == Outputs for path in value]
    # Hidden beside the first output: it stays if the job is killed, and is no artefact.
    folder = outputs[0].with_name(f".{outputs[0].name}{checkpoints.SUFFIX}")
    with checkpoints.kept_in(folder, lambda: _identity(verb, values, arguments)):
        verb(**values)
        took = _took(started)
        for path in outputs:
            checksums.record(path, **took)
    return took


def helps() -> bool:
    """Whether torchrun started this process beside the first one, which writes the outputs."""
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK", "0") != "0"


def help_verb(verb: Callable[..., None], values: dict[str, Any]) -> dict[str, float | int]:
    """Call the verb for its part in the trainings; what it writes is thrown away."""
    hints = typing.get_type_hints(verb)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        apart = {
            name: [Path(folder, f"{n}-{path.name}") for n, path in enumerate(value)]
            if hints[name] == Outputs
            else Path(folder, f"{name}-{value.name}")
            for name, value in values.items()
            if hints[name] in (Output, Outputs)
        }
        verb(**(values | apart))
    return _took(started)


def _identity(verb: Callable[..., None], values: dict[str, Any], arguments: Sequence[str]) -> str:
    """All that the numbers of a job depend on: code, libraries, arguments, content of its inputs.

    The whole package counts, not the verb's closure alone, and all that is installed: to train anew
    where it was not needed costs time, to go on where it was not right would cost the result.
    """
    hints = typing.get_type_hints(verb)
    contents = []
    for name, value in values.items():
        if hints[name] in (Input, Inputs, Resource):
            for path in value if isinstance(value, list) else [value]:
                contents.append((checksums.read(path) or checksums.compute(path)).sha256)
    packages = Path(sysconfig.get_path("purelib")).glob("*.dist-info")
    installed = sorted(path.name for path in packages)
    return repr((_sources(), sys.version, installed, [*arguments], contents))


@cache
def _sources() -> str:
    """A digest of the package's sources."""
    sources = hashlib.sha256()
    for path in sorted(ROOT.rglob("*.py")):
        sources.update(path.read_bytes())
    return sources.hexdigest()[:16]


def _took(started: float) -> dict[str, float | int]:
    """Time and memory of this process and of the children that it waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # bytes there, kB elsewhere
    return {
        "seconds": round(time.monotonic() - started, 2),
        "cpu_seconds": round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 2),
        "memory_mb": max(usage.ru_maxrss for usage in usages) // unit,
    }


def main(arguments: list[str]) -> int:
    """Run one verb; the exit code tells the kind of failure."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    runs.end_with_snakemake()
    try:
        environment.require_plain_folders()
        # What modules make when they are loaded stays: to look through it for garbage takes up to a
        # tenth of a short job.
        gc.disable()
        try:
            verb = load_verb(arguments[0])
        finally:
            gc.freeze()
            # So does what compiled functions make at their first call.
            gc.set_threshold(*gc.get_threshold()[:2], OLDEST_AFTER)
            gc.enable()
        values = parse_arguments(verb, arguments[1:])
        took = help_verb(verb, values) if helps() else run_verb(verb, values, arguments)
    except JetchainError as error:
        print(f"jetchain {arguments[0]} failed: {error}", file=sys.stderr)
        return error.exit_code
    except MemoryError as error:
        return _report_resource(arguments[0], "the machine's memory is used up", error)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _report_resource(arguments[0], "no space is left on the disk", error)
        raise
    print(
        f"{arguments[0]}: done in {took['seconds']:.1f} s, CPU {took['cpu_seconds']:.1f} s, "
        f"peak memory {took['memory_mb']} MB",
        file=sys.stderr,
    )
    return 0


def _report_resource(verb: str, what: str, error: BaseException) -> int:
    failure = ResourceError(
        f"{what} ({error}).",
        "Free some, then run the same command again: what was finished is kept and is not redone.",
    )
    print(f"jetchain {verb} failed: {failure}", file=sys.stderr)
    return failure.exit_code
