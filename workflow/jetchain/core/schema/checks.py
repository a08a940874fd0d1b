"""The checks of the search, method by method."""

from __future__ import annotations

from typing import Literal

from jetchain.core.schema.base import Result

NOT_RUN = "not run"


class Check(Result):
    """One check of one method.

    Attributes:
        name: of the check.
        number, error: what was found; null where nothing was, or it has no error.
        side, limit: the number passes at most, or at least, at the limit; null where nothing ran.
        status: `undecided` where the error is too large to tell.
        source: the file that the number comes from.
        note: what the number is, or why there is none.
    """

    name: str
    number: float | None
    error: float | None
    side: Literal["at most", "at least"]
    limit: float | None
    status: Literal["passed", "failed", "undecided", "not run"]
    source: str
    note: str


class MethodChecks(Result):
    """The checks that concern a method."""

    method: str
    checks: list[Check]

    @property
    def failed(self) -> list[str]:
        """Names of those that it fails."""
        return [each.name for each in self.checks if each.status == "failed"]


class SearchChecks(Result):
    """The checks of all methods with a limit."""

    methods: list[MethodChecks]

    @property
    def failing(self) -> set[str]:
        """The methods that fail one."""
        return {each.method for each in self.methods if each.failed}
