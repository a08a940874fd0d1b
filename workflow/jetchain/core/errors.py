"""One exception class per kind of failure; each carries its cause and its remedy.

The launcher prints the two sentences and exits with the class's code, without a traceback:
what a user has to do stands in the remedy, and the log holds the rest.
"""


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
