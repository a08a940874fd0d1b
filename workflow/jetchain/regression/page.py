"""One self-contained page of what moved: overlays with ratio panels, worst first."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from jetchain.core.io.atomic import atomic
from jetchain.core.style import plt
from jetchain.regression.compare import FALSE_ALARM, IDENTICAL, MOVED, Report, Verdict, as_text
from jetchain.regression.quantities import Histogram, Number

SHOWN = 40
"""Overlays on a page; what is left is listed."""

STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; margin: 1.5em auto; max-width: 70em; padding: 0 1em; }
figure { border-top: 1px solid; margin: 1.5em 0 0; padding-top: .8em; }
figcaption { font-weight: bold; overflow-wrap: anywhere; }
figure p { margin: .2em 0; overflow-wrap: anywhere; }
figure svg { display: block; height: auto; max-width: 100%; width: 46em; }
pre { border: 1px solid; overflow-x: auto; padding: .6em; white-space: pre-wrap; }
table { border-collapse: collapse; } td, th { padding: .1em .8em .1em 0; text-align: left; }
"""


def write_page(path: Path, report: Report, *, everything: bool = False) -> None:
    """Write the page.

    Args:
        path: where to, one file with all drawings inside.
        report: of a comparison.
        everything: draw also what is compatible and changed, after what moved.
    """
    chosen = report.of(MOVED)
    if everything:
        moved = {each.name for each in chosen}
        chosen += [
            each
            for each in report.verdicts
            if each.name not in moved and each.status != IDENTICAL and each.old and each.new
        ]
    parts = [_figure(index, each) for index, each in enumerate(chosen[:SHOWN])]
    rest = "".join(
        f"<tr><td>{html.escape(each.name)}</td><td>{html.escape(each.how)}</td></tr>"
        for each in chosen[SHOWN:]
    )
    if rest:
        parts.append(f"<h2>{len(chosen) - SHOWN} more</h2><table>{rest}</table>")
    text = (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>jetchain: {len(report.of(MOVED))} quantities moved</title>"
        f"<style>{STYLE}</style>\n<h1>Comparison with the references</h1>"
        f"<pre>{html.escape(as_text(report, shown=0))}</pre>"
        "<p>Solid line and hatched band: the reference with its uncertainty. Points: this run. "
        "Below: this run over the reference, normalised to the same number of entries. A change "
        "that is meant is taken over with <code>make references</code>.</p>"
        f"{''.join(parts)}</html>\n"
    )
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _figure(index: int, verdict: Verdict) -> str:
    drawing = ""
    if verdict.old and isinstance(verdict.new, Histogram | Number):
        first, second = verdict.old.quantity, verdict.new
        if isinstance(first, Histogram) and isinstance(second, Histogram):
            if len(first.values) == len(second.values):
                drawing = overlay(first, second, f"f{index}")
        elif isinstance(first, Number) and isinstance(second, Number):
            drawing = two_numbers(verdict, first, second, f"f{index}")
    chance = f"p = {verdict.p:.2g}, threshold {verdict.threshold:.2g}; " if verdict.p < 1 else ""
    details = ""
    if verdict.old:
        tolerance = verdict.old.tolerance
        seeds = f", measured with {tolerance.seeds} seeds" if tolerance.seeds else ""
        if tolerance.seeds:
            least = tolerance.noticed
            seeds += f"; notices {f'a change of {least:.0%}' if least else 'no change by itself'}"
        details = (
            f"<p>Test: {verdict.old.test}{seeds}; {html.escape(verdict.old.quantity.reason)}.</p>"
        )
    return (
        f"<figure><figcaption>{index + 1}. {html.escape(verdict.name)} "
        f"({verdict.status})</figcaption><p>{chance}{html.escape(verdict.how)}</p>{details}"
        f"{drawing}</figure>\n"
    )


def overlay(old: Histogram, new: Histogram, salt: str) -> str:
    """Reference and run with their ratio, as inline SVG; flow bins are drawn beside the axis."""
    figure, (upper, lower) = plt.subplots(
        2, 1, sharex=True, figsize=(7.2, 4.4), height_ratios=(3, 1), constrained_layout=True
    )
    edges = _edges(old)
    scale = old.values.sum() / new.values.sum() if new.values.sum() > 0 else 1.0
    centres, errors = 0.5 * (edges[1:] + edges[:-1]), np.sqrt(old.variances)
    widths = np.diff(edges) if not old.categories else np.ones(len(centres))
    flow = [0, -1] if len(old.edges) else []
    widths[flow] = widths.mean() if len(widths) < 4 else widths[1]  # the bins beside the axis
    upper.stairs(old.values / widths, edges, color="black", lw=1.4, label="reference")
    upper.stairs(
        (old.values + errors) / widths, edges, baseline=(old.values - errors) / widths, fill=True,
        facecolor="none", edgecolor="0.6", hatch="////", lw=0,
    )  # fmt: skip
    points = {"fmt": "o", "ms": 3.5, "lw": 1, "color": "#bd1f01"}
    upper.errorbar(
        centres, scale * new.values / widths, scale * np.sqrt(new.variances) / widths,
        label=f"this run, x {scale:.3g}", **points,
    )  # fmt: skip
    upper.set_ylabel("entries per bin width")
    upper.legend(fontsize=9)
    filled = old.values > 0
    ratio = np.divide(
        scale * new.values, old.values, where=filled, out=np.full_like(centres, np.nan)
    )
    spread = np.divide(
        scale * np.sqrt(new.variances), old.values, where=filled, out=np.zeros_like(centres)
    )
    band = np.divide(errors, old.values, where=filled, out=np.zeros_like(centres))
    lower.stairs(
        1 + band, edges, baseline=1 - band, fill=True, facecolor="none", edgecolor="0.6",
        hatch="////", lw=0,
    )  # fmt: skip
    lower.axhline(1, color="black", lw=1)
    lower.errorbar(centres, ratio, spread, **points)
    lower.set_ylim(0, 2)
    lower.set_ylabel("ratio")
    _name_bins(lower, old, centres)
    return _svg(figure, salt)


def _edges(histogram: Histogram) -> np.ndarray:
    """Edges to draw at: of the axis, with the flow bins beside it; 0, 1, ... for categories."""
    if not len(histogram.edges):
        return np.arange(len(histogram.values) + 1.0)
    first, last = histogram.edges[1] - histogram.edges[0], histogram.edges[-1] - histogram.edges[-2]
    return np.concatenate(
        [[histogram.edges[0] - first], histogram.edges, [histogram.edges[-1] + last]]
    )


def _name_bins(axes: Axes, histogram: Histogram, centres: np.ndarray) -> None:
    if histogram.categories:
        axes.set_xticks(centres, histogram.categories, rotation=40, ha="right", fontsize=7)
        return
    edges = histogram.edges
    if edges[0] > 0 and edges[-1] / edges[0] > 100:
        axes.set_xscale("log")
    axes.set_xlabel(histogram.label)


def two_numbers(verdict: Verdict, old: Number, new: Number, salt: str) -> str:
    """A number before and now with what it may move, as inline SVG."""
    figure, axes = plt.subplots(figsize=(7.2, 1.6), constrained_layout=True)
    assert verdict.old is not None
    spread = verdict.old.tolerance.spread
    for row, (number, name, marker) in enumerate(((new, "this run", "o"), (old, "reference", "s"))):
        error = spread if number.error is None else number.error
        axes.errorbar(number.value, row, xerr=error, fmt=marker, color="black", capsize=3)
        axes.text(number.value, row + 0.18, name, ha="center", fontsize=9)
    axes.set_ylim(-0.5, 1.7)
    axes.set_yticks([])
    axes.set_xlabel(f"{verdict.name.rpartition('/')[2]} {old.unit}".strip(), fontsize=9)
    return _svg(figure, salt)


def _svg(figure: plt.Figure, salt: str) -> str:
    """The figure as SVG for a page with others: ids of its own, no time stamp."""
    text = io.StringIO()
    with plt.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{salt}_", svg)


def summary_line(report: Report, page: Path) -> str:
    """One line for the end of a test's message."""
    return f"{len(report.of(MOVED))} moved (false alarm {FALSE_ALARM:g} a run); overlays: {page}"
