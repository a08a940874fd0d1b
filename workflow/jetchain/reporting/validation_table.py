"""The numbers of the validation beside what is expected: a table, and a figure of those judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema import validation
from jetchain.core.style import COLOURS, label, new_figure, remark, save_figure, shared_legend
from jetchain.core.validation import ERRORS
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.reporting.checks import LOOKS
from jetchain.reporting.names import titled

FEWEST = 4
"""Lines that a group takes in the figure, so that its name has room."""
LINE = 0.065  # inches
NAME_LINES = 2.6  # lines that a name beside the points takes


def table(*, numbers: Inputs, table: Output) -> None:
    """All numbers of the validation as one table, beside the published or expected ones.

    Args:
        numbers: what the verbs of the validation wrote.
        table: where to write the CSV.
    """
    rows = _rows(numbers)
    names = ("quantity", "sample", "value", "error", "unit", "reference", "tolerance", "pull",
             "status", "source")  # fmt: skip
    write_csv(table, {name: [_short(getattr(row, name)) for row in rows] for name in names})


def _rows(numbers: Sequence[Input]) -> list[validation.ValidationNumber]:
    return [
        row for path in numbers for row in read_result(path, validation.NumbersOfValidation).numbers
    ]


def _short(value: float | str | None) -> float | str:
    """A number with four digits, for readers; all digits stand in the verbs' own files."""
    if value is None:
        return ""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def figure(*, numbers: Inputs, pdf: Output, png: Output, data: Output) -> None:
    """Draw how far the judged numbers are off, in units of what is tolerated, and their status."""
    rows = [row for row in _rows(numbers) if row.status is not None and row.tolerance]
    groups: dict[str, list[validation.ValidationNumber]] = {}
    for row in rows:
        groups.setdefault(row.quantity.split(",")[0], []).append(row)
    places: list[float] = []  # of the rows, in the order of the groups
    middles: list[float] = []
    end = 0.0
    for group in groups.values():
        height = max(len(group), FEWEST)
        places += list(end + (height - len(group) + 1) / 2 + np.arange(len(group)))
        middles.append(end + height / 2)
        end += height + 1
    drawn, ax = new_figure(size=(14.5, 1.8 + LINE * max(end, 40.0)))
    ordered = [row for group in groups.values() for row in group]
    off, error = np.array([_in_tolerances(row) for row in ordered]).reshape(-1, 2).T
    ax.axvspan(-1, 1, color=COLOURS[8], alpha=0.2, linewidth=0)
    for status, (marker, colour, fill) in LOOKS.items():
        mine = np.array([row.status == status for row in ordered], bool)
        if mine.any() or status in ("passed", "failed", "undecided"):
            ax.errorbar(
                off[mine], np.array(places)[mine], xerr=error[mine], color=colour, marker=marker,
                fillstyle=fill, markersize=6, linestyle="none", linewidth=1,
                label=f"{status}: {mine.sum()}",
            )  # fmt: skip
    free = -np.inf
    for row, place in zip(ordered, places, strict=True):
        if row.status != "passed":
            free = max(place, free + NAME_LINES)
            rest = row.quantity.split(",", 1)[1:]
            ax.annotate(
                titled(", ".join([row.sample, *(text.strip() for text in rest)])), (1.01, free),
                xycoords=("axes fraction", "data"), va="center", fontsize=9,
                color=LOOKS[row.status or ""][1],
            )  # fmt: skip
    if not rows:
        remark(ax, "no number of this run is judged")
    ax.set_yticks(middles, list(map(titled, groups)), fontsize=10)
    ax.minorticks_off()
    ax.tick_params(axis="y", length=0)
    reach = 1.2 * max([2.0, *np.abs(off) + error])
    ax.set(xlim=(-reach, reach), ylim=(end, -1))
    ax.set_xlabel("(value - reference) / tolerance")
    shared_legend(
        drawn, [ax], ncols=len(LOOKS), title=f"failed: beyond by {ERRORS:g} errors or more"
    )
    label(ax)
    save_figure(drawn, pdf, png, data)


def _in_tolerances(row: validation.ValidationNumber) -> tuple[float, float]:
    """How far a judged number is off, and its error, in units of the tolerance."""
    tolerance = row.tolerance or np.nan
    return (row.value - (row.reference or 0.0)) / tolerance, row.error / tolerance
