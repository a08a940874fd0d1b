"""What a user can mend though Snakemake shows it as a traceback, or without the file's name.

That is a file of configuration that cannot be read, a word that an option takes for its own, a
target that no rule makes, a folder that cannot be written, and a model of one's own that cannot be
read. The message of an error is put into
words where it is logged: only there is the error at hand. ``--verbose`` shows the traceback too.
"""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import PackageNotFoundError
from logging import LogRecord
from pathlib import Path
from typing import Any

import yaml
from snakemake_interface_logger_plugins.common import LogEvent

from jetchain.core.errors import ConfigurationError, JetchainError, ResourceError
from jetchain.plumbing import targets
from jetchain.plumbing.digest import ROOT
from jetchain.plumbing.overlays import nested

_READER = "load_configfile"
_NOT_A_PAIR = "Invalid config definition"


def explain(record: LogRecord) -> bool:
    """A filter of Snakemake's logger: gives the message of an error the words of the house."""
    error = sys.exception()
    if getattr(record, "event", None) == LogEvent.ERROR and error is not None:
        explained = in_words(error)
        if explained is not None:
            record.msg, record.args = str(explained), ()
    return True


def in_words(error: BaseException) -> JetchainError | None:
    """An error with its cause and remedy; None for one that Snakemake says well."""
    if isinstance(error, JetchainError):
        return error
    path = _configuration_that_was_read(error)
    if path is not None:
        return ConfigurationError(f"{path}: {_unreadable(error)}.", _remedy(path))
    if isinstance(error, ValueError) and str(error).startswith(_NOT_A_PAIR):
        entry = str(_local(error, "parse_config", "entry") or "")
        name, _, value = entry.partition("=")
        if "." in name:
            return ConfigurationError(
                f"--config {entry}: a point does not lead into a section.",
                f"Write the sections in each other: --config '{nested(name, value, '=')}'",
            )
        return ConfigurationError(f"{error}", _name_targets_first("--config"))
    if isinstance(error, SyntaxError) and Path(error.filename or "").is_relative_to(ROOT):
        return ConfigurationError(
            f"{error.filename}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}",
            "Correct this file: a plan reads the sources of all that the jobs reach.",
        )
    if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("jetchain."):
        file = f"workflow/{str(error.name).replace('.', '/')}.py"
        return ConfigurationError(
            f"There is no module {error.name}, which a line of a table or an import names.",
            f"Put its file at {file}, or correct the name.",
        )
    if isinstance(error, PackageNotFoundError):
        reached = [str(_local(error, "code_digest", "verb"))]
        reached += _local(error, "code_digest", "modules") or ()
        return ConfigurationError(
            f"{' with '.join(reached)} imports {error.name}, which is not installed here.",
            f"Install it in this environment (python -m pip install {error.name}), and add it to "
            "envs/requirements.in, or take the import out.",
        )
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return ResourceError(
            f"{where}{error.strerror or error}.",
            "The folder of the run must be writable and have room: mend that, or name another with "
            "--directory. What was finished is kept.",
        )
    try:
        if targets.KNOWN is not None:
            targets.KNOWN.require_known()
    except ConfigurationError as unknown:
        return unknown
    return None


def _configuration_that_was_read(error: BaseException) -> Path | None:
    """The file that Snakemake was reading its configuration from."""
    path = _local(error, _READER, "configpath")
    return None if path is None else Path(path)


def _local(error: BaseException, function: str, name: str) -> Any:
    """What a variable was in a function that an error came through; None where it came not."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == function:
            return frame.f_locals[name]
    return None


def _unreadable(error: BaseException) -> str:
    """Why a file is no configuration."""
    # Snakemake's own message hides where the file breaks, that of the template engine repeats it.
    cause = error
    while isinstance(cause.__context__, yaml.YAMLError):
        cause = cause.__context__
    if isinstance(cause, yaml.MarkedYAMLError):
        mark = cause.problem_mark or cause.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = " ".join(filter(None, [cause.context, cause.problem]))
        return f"not valid YAML: {where}{what}"
    if isinstance(cause, UnicodeDecodeError):
        return f"not text in UTF-8 (byte {cause.start})"
    if isinstance(cause, OSError):
        return cause.strerror or str(cause)
    if isinstance(cause, RecursionError):
        return "nested too deeply"
    return " ".join(str(cause).split()).rstrip(".") or type(cause).__name__


def _remedy(path: Path) -> str:
    if path.suffix in (".yaml", ".yml", ".json"):
        return "Correct the file, or its name; keys stand in it as in config/config.yaml."
    return _name_targets_first("--configfile")


def _name_targets_first(option: str) -> str:
    return (
        f"Every word after {option} up to the next option belongs to it: name targets before it, "
        f"or after two hyphens (snakemake --cores all {option} ... -- all)."
    )
