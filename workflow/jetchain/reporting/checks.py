"""The checks of the search as a figure and a table, and the mark of methods that fail one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.rounding import with_error
from jetchain.core.schema.checks import Check, SearchChecks
from jetchain.core.style import COLOURS, label, new_figure, save_figure
from jetchain.core.verbs import Input, Labels, Output

MARK = "\N{DAGGER}"
MEANING = f"{MARK} fails a check"
# Told apart by colour, by marker and, where it counts, by the number beside it.
LOOKS = {
    "passed": ("o", COLOURS[0], "full"),
    "failed": ("X", COLOURS[2], "full"),
    "undecided": ("D", COLOURS[1], "none"),
    "not run": ("_", COLOURS[7], "full"),
}


def marked(labels: Mapping[str, str], checks: Path) -> dict[str, str]:
    """Displayed names, with a dagger at methods that fail a check."""
    failing = read_result(checks, SearchChecks).failing
    return {name: f"{text} {MARK}" if name in failing else text for name, text in labels.items()}


def explain(ax: Axes, names: Mapping[str, str]) -> None:
    """Say below the axes what the dagger means, if one is there."""
    if any(text.endswith(MARK) for text in names.values()):
        ax.annotate(
            MEANING, (0.0, 0.0), (0, -34), xycoords="axes fraction", textcoords="offset points",
            ha="left", va="top", fontsize=10,
        )  # fmt: skip


def figure(*, checks: Input, labels: Labels, pdf: Output, png: Output, data: Output) -> None:
    """Draw which check each method passes, fails or lacks, with the number of each."""
    found = read_result(checks, SearchChecks)
    longest = sorted(found.methods, key=lambda method: -len(method.checks))
    rows = list(dict.fromkeys(each.name for method in longest for each in method.checks))
    drawn, ax = new_figure(size=(4.2 + 2.5 * len(found.methods), 1.6 + 0.42 * len(rows)))
    for status, (marker, colour, fill) in LOOKS.items():
        places = [
            (column, rows.index(each.name))
            for column, method in enumerate(found.methods)
            for each in method.checks
            if each.status == status
        ]
        ax.plot(
            [x for x, _ in places], [y for _, y in places], marker, color=colour, fillstyle=fill,
            markersize=10, label=status,
        )  # fmt: skip
    for column, method in enumerate(found.methods):
        for each in method.checks:
            if each.number is not None:
                ax.annotate(
                    number(each), (column + 0.1, rows.index(each.name)), fontsize=10, va="center"
                )
    names = marked(labels, checks)
    ax.set_xticks(range(len(found.methods)), [names[method.method] for method in found.methods])
    ax.set_yticks(range(len(rows)), rows, fontsize=12)
    ax.minorticks_off()
    ax.tick_params(length=0, top=False, right=False)
    ax.set(xlim=(-0.4, len(found.methods) - 0.2), ylim=(len(rows) - 0.4, -2.2))
    ax.legend(loc="upper left", ncols=4 if len(found.methods) > 2 else 2)
    label(ax)
    explain(ax, names)
    save_figure(drawn, pdf, png, data)


def number(check: Check) -> str:
    """What was found beside its limit, in the digits of its error, or as many as differ."""
    if check.number is None or check.limit is None:
        return ""
    sign = {"at most": "≤", "at least": "≥"}[check.side]
    if check.error is not None:
        return f"{with_error(check.number, check.error)} ({sign} {check.limit:g})"
    texts = [f"{check.number:.{digits}g}" for digits in range(2, 7)]
    value = next((text for text in texts if float(text) != check.limit), texts[0])
    return f"{value} ({sign} {check.limit:g})"


def table(*, checks: Input, labels: Labels, table: Output) -> None:
    """Write all checks of all methods, a line each."""
    found = read_result(checks, SearchChecks)
    columns: dict[str, list[object]] = {}
    for method in found.methods:
        for each in method.checks:
            row = {
                "method": labels[method.method], "check": each.name, "number": each.number,
                "error": each.error,
                "limit": None if each.limit is None else f"{each.side} {each.limit:g}",
                "status": each.status, "note": each.note, "source": each.source,
            }  # fmt: skip
            for name, value in row.items():
                columns.setdefault(name, []).append("" if value is None else value)
    write_csv(table, columns)
