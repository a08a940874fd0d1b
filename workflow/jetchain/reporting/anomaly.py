"""Figures of the anomaly room, from its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from jetchain.core.errors import DataError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_csv, read_json, read_result
from jetchain.core.rounding import with_error
from jetchain.core.schema.anomaly import Resonance, SearchMetrics
from jetchain.core.style import label, legend_size, new_figure, save_figure, steps, style_of
from jetchain.core.verbs import Input, Labels, Output, Resource
from jetchain.reporting.checks import explain, marked


def sic(
    *,
    curves: Input,
    metrics: Input,
    checks: Input,
    published: Resource,
    labels: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw the significance-improvement curves, with the published maxima beside them."""
    table, merits = read_csv(curves), read_result(metrics, SearchMetrics)
    anchors, names = read_json(published), marked(labels, checks)
    figure, (ax, side) = new_figure(1, 2, size=(12.5, 5.6), width_ratios=[1.55, 1])
    draw_curves(ax, table, merits, names)
    _table(side, merits, anchors, names)
    explain(ax, names)
    save_figure(figure, pdf, png, data)


def draw_curves(
    ax: Axes, table: dict[str, np.ndarray], merits: SearchMetrics, labels: Mapping[str, str]
) -> None:
    """One panel: significance improvement against signal efficiency, all methods.

    Raises:
        DataError: the methods of the run are not those that have a displayed name.
    """
    if set(labels) != set(merits.methods):
        raise DataError(
            f"The metrics are of {', '.join(sorted(merits.methods))}; the figure knows "
            f"{', '.join(sorted(labels))}.",
            "Run the same command again: the metrics are of other methods than anomaly.searches.",
        )
    for index, (method, shown) in enumerate(labels.items()):
        own = table["method"] == method
        x = table["signal_efficiency"][own]
        style = style_of(index)
        ax.plot(x, table["sic"][own], label=shown, **style.curve)
        ax.fill_between(
            x, table["sic_low"][own], table["sic_high"][own], color=style.colour, alpha=0.25,
            lw=0, gid=shown,
        )  # fmt: skip
    grid = np.linspace(0.005, 1, 200)
    ax.plot(grid, np.sqrt(grid), color="black", lw=1, ls=":", label="Random")
    ax.set(
        xlim=(0, 1),
        ylim=(0, None),
        xlabel=r"Signal efficiency $\epsilon_S$",
        ylabel=r"Significance improvement $\epsilon_S/\sqrt{\epsilon_B}$",
    )
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    ax.legend(ncols=2, loc="upper right", fontsize=legend_size(len(labels)))
    label(ax, right=f"S/B = {100 * merits.signal_to_background:.1f} %")


def _table(
    ax: Axes, merits: SearchMetrics, anchors: dict[str, Any], labels: Mapping[str, str]
) -> None:
    ax.axis("off")
    ours, theirs = merits.methods, anchors["maximum_sic"]
    rows, share = [], None
    for name, shown in (labels | anchors["only_published"]).items():
        own, value, fixed = "", "", ""
        if name in ours:
            if (point := ours[name].working_point) is not None:
                share = point.background_efficiency
                fixed = f"{point.sic:.1f}"
            low, high = ours[name].max_sic_bootstrap
            own, value = f"{ours[name].max_sic:.1f}", f"[{low:.1f}, {high:.1f}]"
        rows.append([shown, fixed, own, value, f"{theirs[name]:.1f}" if name in theirs else ""])
    drawn = ax.table(
        rows,
        colLabels=[
            "",
            "" if share is None else rf"at {100 * share:g} % $\epsilon_B$",
            "largest",
            "68 %",
            "published",
        ],
        colWidths=[0.36, 0.18, 0.14, 0.2, 0.2],
        cellLoc="center",
        edges="horizontal",
        bbox=Bbox.from_bounds(0.0, 0.22, 1.0, 0.74),
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(11.5)
    ax.text(
        0.0,
        0.02,
        "Significance improvement at a fixed cut, and the largest\nof all cuts; published are the "
        "largest.\n"
        f"Here: S/B = {100 * merits.signal_to_background:.1f} %, "
        f"{merits.background_events:,} background events\nin the signal region. "
        f"Published: S/B = {100 * anchors['signal_to_background']:.2f} %,\n"
        "121,352 background events (arXiv 2109.00546).",
        transform=ax.transAxes,
        fontsize=10.5,
    )


def resonance(*, histograms: Input, summary: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the dijet mass of the signal from true and from reconstructed jets, and the region."""
    found, drawn = read_result(summary, Resonance), load_histograms(histograms)
    figure, ax = new_figure()
    ax.axvspan(*found.signal_region_tev, color="0.9", lw=0)
    for index, (level, share) in enumerate(found.share.items()):
        histogram = drawn[level]
        total = histogram.values(flow=True).sum()
        text = (
            f"{level} jets: {100 * share:.0f} % in the region,\n"
            f"peak {with_error(found.peak_tev[level], found.peak_error_tev[level])} TeV"
        )
        steps(ax, histogram.values() / total, histogram.axes[0].edges, index, text)
    ax.set(xlabel="dijet mass [TeV]", ylabel="share of the events")
    ax.set_ylim(0, 1.35 * ax.get_ylim()[1])
    ax.legend(loc="upper left")
    label(ax, right="signal past the trigger")
    save_figure(figure, pdf, png, data)
