"""The table of key numbers of a run, one row a number, each with its uncertainty and its source."""

from __future__ import annotations

import csv
from typing import Any

from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import read_json, read_result
from jetchain.core.schema.anomaly import TOO_FEW, SearchMetrics
from jetchain.core.schema.background import AbcdClosure, CorrectedCounts
from jetchain.core.schema.checks import SearchChecks
from jetchain.core.schema.inference import Limits
from jetchain.core.schema.scan import ScanSummary
from jetchain.core.schema.tagging import Interval, TaggerMetrics
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.reporting.names import confidence

COLUMNS = ("room", "quantity", "value", "low", "high", "unit", "source")
Row = dict[str, Any]
AT_LEAST = ", at least"
"""In a quantity's name: only its lower limit is known, `low`."""
EXPECTED = "expected, as trained, "
"""Before the name of a limit: of the cut of this run's trainings."""


def summary(
    *,
    jets: Input,
    tagging: Inputs,
    anomaly: Input,
    closures: Inputs,
    limits: Inputs,
    checks: Input,
    scans: Inputs,
    firmware: Input,
    table: Output,
    text: Output,
) -> None:
    """Gather the key numbers of every room as CSV and as text for the end of a run.

    Args:
        jets: summary of the jets, with the fitted mass peaks.
        tagging: metrics of every tagger.
        anomaly: significance improvements.
        closures: of every search with the ABCD method.
        limits: limits of every method.
        checks: of the search.
        scans: of the search, of those that are made with everything else.
        firmware: latency report.
        table: where to write the CSV.
        text: where to write the text.
    """
    rows = [
        *peak_rows(read_json(jets), str(jets)),
        *(
            row
            for path in tagging
            for row in tagging_rows(read_result(path, TaggerMetrics), str(path))
        ),
        *anomaly_rows(read_result(anomaly, SearchMetrics), str(anomaly)),
        *(
            row
            for path in closures
            for row in closure_rows(read_result(path, AbcdClosure), str(path))
        ),
        *(row for path in limits for row in limit_rows(read_result(path, Limits), str(path))),
        *check_rows(read_result(checks, SearchChecks), str(checks)),
        *(row for path in scans for row in scan_rows(read_result(path, ScanSummary), str(path))),
        *firmware_rows(read_json(firmware), str(firmware)),
    ]
    with atomic(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with atomic(text) as temporary:
        temporary.write_text(as_text(rows), encoding="utf-8")


def _row(
    room: str, quantity: str, value: float | str | None,
    interval: tuple[float | None, float | None] | None, unit: str, source: str,
) -> Row:  # fmt: skip
    low, high = interval if interval is not None else ("", "")
    return {
        "room": room, "quantity": quantity, "value": value, "low": low, "high": high,
        "unit": unit, "source": source,
    }  # fmt: skip


def _estimate(room: str, quantity: str, found: dict[str, float], unit: str, source: str) -> Row:
    return _row(room, quantity, found["value"], (found["low"], found["high"]), unit, source)


def peak_rows(found: dict[str, Any], source: str) -> list[Row]:
    """Position of the reconstructed soft-drop mass peaks."""
    return [
        _row(
            "jets", f"soft-drop mass peak, {peak['class']}", peak["position"],
            (peak["position"] - peak["position_error"], peak["position"] + peak["position_error"]),
            "GeV", source,
        )
        for peak in found["peaks"]
        if peak["level"] == "reconstructed"
    ]  # fmt: skip


def tagging_rows(found: TaggerMetrics, source: str) -> list[Row]:
    """AUC and rejection at 50 % of every pair of classes, and the accuracy."""
    rows = []
    for pair, merit in found.pairs.items():
        name = f"{found.model}, {pair.replace('_', ' ')}"
        rows.append(_interval(f"AUC, {name}", merit.auc, source))
        rejection = merit.rejection_50
        what = f"rejection at 50 %{AT_LEAST}" if rejection.bound else "rejection at 50 %"
        rows.append(_interval(f"{what}, {name}", rejection, source))
    rows.append(_interval(f"accuracy, {found.model}", found.accuracy, source))
    return rows


def _interval(quantity: str, found: Interval, source: str) -> Row:
    return _row("tagging", quantity, found.value, (found.low, found.high), "", source)


def anomaly_rows(found: SearchMetrics, source: str) -> list[Row]:
    """Significance improvement of every method at the working point, which no result chose."""
    rows = []
    for method, merit in found.methods.items():
        point = merit.working_point
        if point is None:
            rows.append(_row("anomaly", f"SIC, {method}", TOO_FEW, None, "", source))
            continue
        share = f"{100 * point.background_efficiency:g} %"
        rows.append(
            _row(
                "anomaly", f"SIC at {share} background, {method}", point.sic,
                point.sic_bootstrap, "", source,
            )
        )  # fmt: skip
    return rows


def closure_rows(found: AbcdClosure, source: str) -> list[Row]:
    """Predicted over observed of the ABCD method: B C / D, and corrected by the sidebands."""
    rows = []
    for region, counts in found.regions.items():
        estimates = [("predicted", counts.prediction, counts.prediction_uncertainty)]
        if isinstance(counts, CorrectedCounts):
            estimates.append(
                ("corrected", counts.corrected or 0.0, counts.corrected_uncertainty or 0.0)
            )
        for shown, estimate, uncertainty in estimates:
            if not counts.a or not estimate:
                continue
            ratio = estimate / counts.a
            relative = uncertainty / estimate
            error = ratio * (relative**2 + 1 / counts.a) ** 0.5
            rows.append(
                _row(
                    "background", f"ABCD {shown} / observed, {region}", ratio,
                    (ratio - error, ratio + error), "", source,
                )
            )  # fmt: skip
    return rows


def limit_rows(found: Limits, source: str) -> list[Row]:
    """Observed and expected limit of a method, the expected one with its 68 % band.

    A search without a limit has one row that says so in the place of numbers.
    """
    method, level = found.method, f"{confidence(found.level)} limit"
    if found.observed_fb is None:
        words = "no result" if found.sensitive else "no sensitivity"
        return [_row("inference", f"{level}, {method}", words, None, "", source)]
    minus, median, plus = found.expected_fb[1:4]
    return [
        _row("inference", f"observed {level}, {method}", found.observed_fb, None, "fb", source),
        _row("inference", f"{EXPECTED}{level}, {method}", median, (minus, plus), "fb", source),
    ]


def check_rows(found: SearchChecks, source: str) -> list[Row]:
    """How many checks each method fails, of those that decided."""
    rows = []
    for each in found.methods:
        decided = sum(check.status in ("passed", "failed") for check in each.checks)
        name, failed = f"checks failed, {each.method}", float(len(each.failed))
        rows.append(_row("inference", name, failed, None, f"of {decided}", source))
    return rows


def scan_rows(found: ScanSummary, source: str) -> list[Row]:
    """Fitted strength and significance where the signal is what the search has, strength 1.

    Medians and 68 % bands over replicas, each with an injection and a training of its own. Moved
    masses or a part of the luminosity are no repetition of the search.
    """
    if found.mass_shift or found.share < 1:
        return []
    rows = []
    for each in found.methods:
        low, high = each.signal_region_tev
        where = f"{each.method}, {low:g}-{high:g} TeV, {found.replicas} of {found.scan}"
        for point in each.points:
            if point.strength != 1.0:
                continue
            for name, spread, unit in (
                ("fitted strength", point.mu, ""),
                ("significance", point.significance, "sigma"),
            ):
                if spread is not None:
                    rows.append(
                        _row(
                            "inference", f"median {name}, {where}", spread.median,
                            (spread.low, spread.high), unit, source,
                        )
                    )  # fmt: skip
    return rows


def firmware_rows(found: dict[str, Any], source: str) -> list[Row]:
    """Accuracy of the float network and of the Verilog; cycles and interval as measured."""
    latency = found["latency"]
    return [
        _estimate("firmware", "accuracy, float", found["accuracy"]["floating"], "", source),
        _estimate("firmware", "accuracy, Verilog", found["accuracy"]["rtl"], "", source),
        _row("firmware", "latency", latency["cycles_measured"], None, "cycles", source),
        _row("firmware", "latency", latency["latency_ns"], None, "ns", source),
        _row(
            "firmware", "initiation interval", latency["initiation_interval_measured"], None,
            "cycles", source,
        ),
    ]  # fmt: skip


def as_text(rows: list[Row]) -> str:
    """The rows as aligned text, a heading for each room."""
    lines: list[str] = []
    width = max(len(row["quantity"]) for row in rows)
    for index, row in enumerate(rows):
        if index == 0 or rows[index - 1]["room"] != row["room"]:
            lines.append(f"\n{row['room']}")
        interval = "" if row["low"] == "" else f"  [{row['low']:.4g}, {row['high']:.4g}]"
        value = row["value"] if isinstance(row["value"], str) else f"{row['value']:.4g}"
        if AT_LEAST in row["quantity"]:
            value, interval = f"{row['low']:.4g}", ""
        lines.append(f"  {row['quantity']:<{width}}  {value} {row['unit']}{interval}".rstrip())
    return "\n".join(lines).lstrip("\n") + "\n"
