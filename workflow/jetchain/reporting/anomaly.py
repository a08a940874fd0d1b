"""Figures of the anomaly room, from its tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from jetchain.core.io.tables import read_csv, read_json
from jetchain.core.style import label, legend_size, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Output, Resource

NAMES = {
    "supervised": "Supervised",
    "idealised": "Idealised (IAD)",
    "cathode": "CATHODE",
    "cwola": "CWoLa",
    "anode": "ANODE",
    "disco": "Double DisCo",
    "isolation_forest": "Isolation forest",
    "mahalanobis": "Mahalanobis",
}


def sic(
    *, curves: Input, metrics: Input, published: Resource, pdf: Output, png: Output, data: Output
) -> None:
    """Draw the significance-improvement curves, with the published maxima beside them."""
    table, merits, anchors = read_csv(curves), read_json(metrics), read_json(published)
    figure, (ax, side) = new_figure(1, 2, size=(12.5, 5.6), width_ratios=[1.55, 1])
    draw_curves(ax, table, merits)
    _table(side, merits, anchors)
    save_figure(figure, pdf, png, data)


def draw_curves(ax: Axes, table: dict[str, np.ndarray], merits: dict[str, Any]) -> None:
    """One panel: significance improvement against signal efficiency, all methods."""
    methods = [name for name in NAMES if name in merits["methods"]]
    for index, method in enumerate(methods):
        own = table["method"] == method
        x = table["signal_efficiency"][own]
        style = style_of(index)
        ax.plot(x, table["sic"][own], label=NAMES[method], **style.curve)
        ax.fill_between(
            x, table["sic_low"][own], table["sic_high"][own], color=style.colour, alpha=0.25,
            lw=0, gid=NAMES[method],
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
    ax.legend(ncols=2, loc="upper right", fontsize=legend_size(len(methods)))
    label(ax, right=f"S/B = {100 * merits['signal_to_background']:.1f} %")


def _table(ax: Axes, merits: dict[str, Any], anchors: dict[str, Any]) -> None:
    ax.axis("off")
    ours, theirs = merits["methods"], anchors["maximum_sic"]
    rows = []
    for name, shown in NAMES.items():
        if name not in ours and name not in theirs:
            continue
        own, value = "", ""
        if name in ours:
            low, high = ours[name]["max_sic_bootstrap"]
            own, value = f"{ours[name]['max_sic']:.1f}", f"[{low:.1f}, {high:.1f}]"
        rows.append([shown, own, value, f"{theirs[name]:.1f}" if name in theirs else ""])
    drawn = ax.table(
        rows,
        colLabels=["", "here", "68 %", "published"],
        colWidths=[0.42, 0.16, 0.26, 0.24],
        cellLoc="center",
        edges="horizontal",
        bbox=Bbox.from_bounds(0.0, 0.22, 1.0, 0.74),
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(11.5)
    ax.text(
        0.0,
        0.02,
        "Largest significance improvement.\n"
        f"Here: S/B = {100 * merits['signal_to_background']:.1f} %, "
        f"{merits['background_events']:,} background events\nin the signal region. "
        f"Published: S/B = {100 * anchors['signal_to_background']:.2f} %,\n"
        "121,352 background events (arXiv 2109.00546).",
        transform=ax.transAxes,
        fontsize=10.5,
    )
