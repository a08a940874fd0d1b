"""The limits of all searches as CSV and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.inference import Limits
from jetchain.core.verbs import Inputs, Labels, Output

COLUMNS = ("observed", "-2 sigma", "-1 sigma", "median", "+1 sigma", "+2 sigma")


def tables(*, limits: Inputs, labels: Labels, csv: Output, tex: Output) -> None:
    """Write the limits in fb, and on the strength where no cross-section is known."""
    rows = [read_result(path, Limits) for path in limits]
    columns: dict[str, list[object]] = {"method": [], "quantity": []}
    for row in rows:
        columns["method"].append(row.method)
        columns["quantity"].append(quantity(row))
        for name, value in zip(COLUMNS, numbers(row), strict=True):
            column = name.replace("-", "minus_").replace("+", "plus_").replace(" sigma", "_sigma")
            columns.setdefault(column, []).append("" if value is None else value)
        columns.setdefault("clb", []).append("" if row.observed_clb is None else row.observed_clb)
        columns.setdefault("reason", []).append(row.reason or "")
    write_csv(csv, columns)
    with atomic(tex) as temporary:
        temporary.write_text(latex(rows, labels), encoding="utf-8")


def quantity(row: Limits) -> str:
    """What the limit is on."""
    return "mu" if row.reference_cross_section_fb is None else "fb"


def numbers(row: Limits) -> list[float | None]:
    """The limit, observed and expected, as `COLUMNS`."""
    if row.reference_cross_section_fb is None:
        return [row.observed_mu, *row.expected_mu]
    return [row.observed_fb, *row.expected_fb]


def latex(rows: Sequence[Limits], labels: Mapping[str, str]) -> str:
    """A tabular of the limits, three significant digits, a dash where there is no limit."""
    level = 100 * (1 - rows[0].level)
    lines = [
        f"% {level:g} % CL upper limits; simulation.",
        r"\begin{tabular}{llrrr}",
        r"\hline",
        r"search & on & observed & expected & expected $\pm 1\sigma$ \\",
        r"\hline",
    ]
    for row in rows:
        observed, _, low, median, high, _ = numbers(row)
        on = r"$\mu$" if quantity(row) == "mu" else r"$\sigma$ [fb]"
        band = "--" if low is None else f"[{shown(low)}, {shown(high)}]"
        name = escaped(labels.get(row.method, row.method))
        lines.append(f"{name} & {on} & {shown(observed)} & {shown(median)} & {band} \\\\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}", ""])


def shown(value: float | None) -> str:
    """Three significant digits as LaTeX sets them."""
    if value is None:
        return "--"
    mantissa, _, power = f"{value:.3g}".partition("e")
    return rf"${mantissa} \times 10^{{{int(power)}}}$" if power else mantissa


def escaped(text: str) -> str:
    """Text whose special characters LaTeX prints."""
    signs = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return re.sub(r"[\\~^&%$#_{}]", lambda found: signs.get(found[0], f"\\{found[0]}"), text)
