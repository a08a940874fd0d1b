"""Figures of the jets: mass, substructure, response."""

from __future__ import annotations

from collections.abc import Mapping

import hist
import numpy as np
from matplotlib.axes import Axes

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result
from jetchain.core.schema.jets import JET_CLASSES, PEAK_MASSES, JetSummary
from jetchain.core.style import label, new_figure, save_figure, steps, style_of
from jetchain.core.verbs import Input, Output
from jetchain.reporting.names import TITLES

LEVELS = ("truth", "reconstructed")


def mass(*, histograms: Input, summary: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the soft-drop mass of the seven classes, reconstructed and truth, with fitted peaks."""
    loaded, peaks = load_histograms(histograms), read_result(summary, JetSummary).peaks
    figure, axes = new_figure(1, 2, sharey=True)
    for ax, level in zip(axes, LEVELS, strict=True):
        draw_classes(ax, loaded, level, "msd")
        rows = [row for row in peaks if row.level == level]
        lines = [
            f"{TITLES[row.jet_class]}: {row.position:.1f} $\\pm$ {row.position_error:.1f}, "
            f"$\\sigma$ = {row.width:.1f}"
            for row in rows
        ]
        ax.text(
            0.97, 0.62, "\n".join(["peak [GeV]", *lines]), transform=ax.transAxes,
            ha="right", va="top", fontsize=10,
        )  # fmt: skip
        for line in sorted(set(PEAK_MASSES.values())):
            ax.axvline(line, color="#717581", linewidth=0.8, linestyle=":")
        ax.legend(ncols=2)
        label(ax, right=f"{level} jets")
    axes[1].set_ylabel("")
    save_figure(figure, pdf, png, data)


def substructure(*, histograms: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw tau21 and tau32 of the seven classes."""
    loaded = load_histograms(histograms)
    figure, axes = new_figure(1, 2)
    for ax, variable in zip(axes, ("tau21", "tau32"), strict=True):
        draw_classes(ax, loaded, "reconstructed", variable)
        ax.legend(ncols=2, loc="upper left")
        label(ax, right="reconstructed jets")
    save_figure(figure, pdf, png, data)


def comparison(*, histograms: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw mass and soft-drop mass of quark, W and top jets, reconstructed over truth below."""
    loaded = load_histograms(histograms)
    figure, axes = new_figure(4, 3, size=(18, 12.5), gridspec_kw={"height_ratios": [3, 1, 3, 1]})
    for row, variable in ((0, "m"), (2, "msd")):
        for column, name in enumerate(("quark", "W", "top")):
            main, ratio = axes[row, column], axes[row + 1, column]
            compare(main, ratio, *(loaded[f"{level}/{name}/{variable}"] for level in LEVELS))
            label(main, right=f"{TITLES[name]} jets")
            if column == 0:
                ratio.set_ylabel("ratio to truth")
            else:
                main.set_ylabel("")
    save_figure(figure, pdf, png, data)


def compare(main: Axes, ratio: Axes, truth: hist.Hist, reconstructed: hist.Hist) -> None:
    """Two normalised histograms with their statistical bands, and their ratio below.

    The ratio's errors are those of both, as if independent; bins without true jets have none.
    """
    shapes = []
    for index, (histogram, line) in enumerate(((truth, "--"), (reconstructed, "-"))):
        edges = histogram.axes[0].edges
        total = max(float(histogram.values(flow=True).sum()), 1.0)
        value = histogram.values() / total
        error = np.sqrt(np.asarray(histogram.variances())) / total
        shapes.append((value, error))
        colour = style_of(index).colour
        main.stairs(value, edges, color=colour, linestyle=line, linewidth=1.8, label=LEVELS[index])
        main.fill_between(
            np.repeat(edges, 2)[1:-1], np.repeat(value - error, 2), np.repeat(value + error, 2),
            color=colour, alpha=0.3, linewidth=0, hatch=("//", None)[index],
        )  # fmt: skip
    finish(main, truth)
    main.set_ylim(bottom=0)
    main.set_xlabel("")
    main.tick_params(labelbottom=False)
    main.legend()
    (below, below_error), (above, above_error) = shapes
    known = (below > 0) & (above > 0)
    value = above[known] / below[known]
    relative = np.hypot(above_error[known] / above[known], below_error[known] / below[known])
    axis = truth.axes[0]
    ratio.errorbar(
        axis.centers[known], value, yerr=value * relative, xerr=axis.widths[known] / 2,
        fmt="o", markersize=3, color="black", linewidth=1,
    )  # fmt: skip
    ratio.axhline(1.0, color="#717581", linewidth=0.8, linestyle=":")
    ratio.set_xlim(main.get_xlim())
    ratio.set_ylim(0, 2.4)
    ratio.set_xlabel(axis.label)


def response(*, summary: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw median and resolution of reconstructed over true pT and mass, against true pT."""
    rows = [row.model_dump() for row in read_result(summary, JetSummary).response]
    figure, axes = new_figure(1, 2)
    for ax, figure_of_merit, text in (
        (axes[0], "median", "median response, reconstructed / truth"),
        (axes[1], "resolution", "resolution, IQR / (1.349 median)"),
    ):
        for index, (variable, name) in enumerate((("pt", "$p_T$"), ("m", "mass"))):
            column = f"{variable}_{figure_of_merit}"
            known = [row for row in rows if column in row]
            centre = np.array([(row["pt_low"] + row["pt_high"]) / 2 for row in known])
            half = np.array([(row["pt_high"] - row["pt_low"]) / 2 for row in known])
            ax.errorbar(
                centre,
                [row[column] for row in known],
                yerr=[row[f"{column}_error"] for row in known],
                xerr=half,
                **style_of(index).points,
                label=name,
            )
        ax.set_xlabel("truth jet $p_T$ [GeV]")
        ax.set_ylabel(text)
        ax.legend()
        label(ax)
    axes[0].axhline(1.0, color="#717581", linewidth=0.8, linestyle=":")
    axes[1].set_ylim(bottom=0)
    save_figure(figure, pdf, png, data)


def draw_classes(ax: Axes, loaded: Mapping[str, hist.Hist], level: str, variable: str) -> None:
    """One line a class, normalised to the jets it was given; none if there are none."""
    for index, name in enumerate(JET_CLASSES):
        histogram = loaded[f"{level}/{name}/{variable}"]
        total = float(histogram.values(flow=True).sum())
        if total > 0:
            steps(ax, histogram.values() / total, histogram.axes[0].edges, index, TITLES[name])
    finish(ax, loaded[f"{level}/{JET_CLASSES[0]}/{variable}"])


def finish(ax: Axes, histogram: hist.Hist) -> None:
    """Label the axes as the histogram says."""
    axis = histogram.axes[0]
    ax.set_xlabel(axis.label)
    unit = " GeV" if "GeV" in axis.label else ""
    ax.set_ylabel(f"fraction of jets per {axis.widths[0]:.3g}{unit}")
    ax.set_xlim(axis.edges[0], axis.edges[-1])
    ax.set_ylim(0, 1.15 * ax.get_ylim()[1])
