"""Checks of a search, as they are handed to figures."""

from __future__ import annotations

from pathlib import Path

from jetchain.core.io.tables import write_result
from jetchain.core.schema.checks import Check, MethodChecks, SearchChecks


def check(status: str, name: str = "fit of the mass") -> Check:
    """A check with this outcome."""
    number = {"passed": 0.3, "failed": 0.01, "undecided": None, "not run": None}[status]
    return Check(
        name=name, number=number, error=None, side="at least",
        limit=None if status == "not run" else 0.05, status=status, source="a.json", note="why",
    )  # fmt: skip


def write_checks(path: Path, **outcomes: str) -> Path:
    """A file of checks in which each of these methods has one with this outcome."""
    methods = [
        MethodChecks(method=name, checks=[check(outcome)]) for name, outcome in outcomes.items()
    ]
    write_result(path, SearchChecks(methods=methods))
    return path
