"""What a check says of a number, as the checks of a method are made one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jetchain.core.schema.checks import NOT_RUN, Check

SPURIOUS = 0.2
"""Of a strength's error, what may be fitted where there is none."""
Side = Literal["at most", "at least"]


@dataclass
class Book:
    """The checks of one method as they are made.

    Attributes:
        source: file that the next numbers come from.
        checks: so far.
    """

    source: str = ""
    checks: list[Check] = field(default_factory=list)

    def add(
        self, name: str, number: float | None, limit: float, note: str, *,
        side: Side = "at most", error: float | None = None,
    ) -> None:  # fmt: skip
        """Hold a number against its limit; without a number it is undecided."""
        excess = 0.0 if number is None else (number - limit) * (1 if side == "at most" else -1)
        margin = error or 0.0
        status: Literal["passed", "failed", "undecided"]
        if number is None:
            status = "undecided"
        elif excess + margin <= 0:
            status = "passed"
        else:
            status = "failed" if excess > 2 * margin else "undecided"
        self.checks.append(
            Check(
                name=name, number=number, error=error, side=side, limit=limit, status=status,
                source=self.source, note=note,
            )
        )  # fmt: skip

    def lacks(self, name: str, note: str) -> None:
        """A check that was not run."""
        self.checks.append(
            Check(
                name=name, number=None, error=None, side="at most", limit=None, status=NOT_RUN,
                source="", note=note,
            )
        )  # fmt: skip
