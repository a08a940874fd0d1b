"""One exception class per kind of failure; each carries its cause and its remedy.

The launcher prints the two sentences and exits with the class's code, without a traceback:
what a user has to do stands in the remedy, and the log holds the rest.
"""

from collections.abc import Sequence
from pathlib import Path


class JetchainError(Exception):
    """A failure that a user can act on.

    Args:
        cause: one sentence that says what is wrong, with the file, column, key or value.
        remedy: one sentence that says what to do.
    """

    exit_code = 1

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause}\nRemedy: {self.remedy}"


class ConfigurationError(JetchainError):
    """The configuration names something unknown, or a value outside its range."""

    exit_code = 3


class DataError(JetchainError):
    """A file is missing, truncated, empty, or lacks a declared column."""

    exit_code = 4


class EmptySampleError(JetchainError):
    """No event, jet or graph is left after the cuts."""

    exit_code = 5


class GeneratorError(JetchainError):
    """Pythia refuses the process or fails too often."""

    exit_code = 6


class TrainingError(JetchainError):
    """A training diverged or cannot start."""

    exit_code = 7


class ToolError(JetchainError):
    """An external tool (g++, Verilator) is missing or failed."""

    exit_code = 8


class ResourceError(JetchainError):
    """The machine ran out of disk or memory."""

    exit_code = 9


MORE_EVENTS = (
    "Generate more events of it (shards and generation.events of generate.samples.<name>), lower "
    "its generation.filter.jet_pt_min, raise PhaseSpace:pTHatMin of its process towards this "
    "threshold, or choose another seed."
)
"""What to do about a sample that holds no event."""


def samples_of(shards: Sequence[Path]) -> str:
    """For messages: the samples whose shards these files are; each lies in its sample's folder."""
    names = ", ".join(repr(name) for name in dict.fromkeys(path.parent.name for path in shards))
    return f"the {len(shards)} shards of {names}" if len(shards) > 1 else f"the shard of {names}"


def no_event(shards: Sequence[Path]) -> EmptySampleError:
    """The error for a sample of which no shard holds an event: one that does is enough."""
    return EmptySampleError(f"There is no event in {samples_of(shards)}.", MORE_EVENTS)
