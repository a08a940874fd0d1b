"""The table of the validation: numbers beside published or expected ones."""

from __future__ import annotations

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema import validation
from jetchain.core.verbs import Inputs, Output


def table(*, numbers: Inputs, table: Output) -> None:
    """All numbers of the validation as one table, beside the published or expected ones.

    Args:
        numbers: what the verbs of the validation wrote.
        table: where to write the CSV.
    """
    rows = [
        row for path in numbers for row in read_result(path, validation.NumbersOfValidation).numbers
    ]
    names = ("quantity", "sample", "value", "error", "unit", "reference", "tolerance", "pull",
             "passed", "source")  # fmt: skip
    write_csv(table, {name: [_short(getattr(row, name)) for row in rows] for name in names})


def _short(value: float | bool | str | None) -> float | str:
    """A number with four digits, for readers; all digits stand in the verbs' own files."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return float(f"{value:.4g}") if isinstance(value, float) else value
