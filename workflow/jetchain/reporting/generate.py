"""Figures of the generated samples: spectra, cross-sections and cutflow."""

from __future__ import annotations

from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.rounding import with_error
from jetchain.core.schema.generate import Cutflow, SampleAccount
from jetchain.core.style import COLOURS, label, new_figure, save_figure
from jetchain.core.verbs import Inputs, Output

CUTS = {
    "kept": ("kept", COLOURS[0]),
    "removed_by_filter": ("removed by the filter", COLOURS[1]),
    "failed_in_generator": ("given up by Pythia", COLOURS[2]),
}


def spectra(*, spectra: Inputs, summaries: Inputs, pdf: Output, png: Output, data: Output) -> None:
    """Draw pTHat, the leading parton's pT and the charged multiplicity of every sample."""
    loaded = {
        read_result(summary, SampleAccount).sample: load_histograms(path)
        for path, summary in zip(spectra, summaries, strict=True)
    }
    figure, axes = new_figure(1, 3, size=(19, 0.75 * len(loaded) + 1.6), sharey=True)
    for ax, variable in zip(axes, ("pthat", "parton_pt", "charged"), strict=True):
        for row, histograms in enumerate(loaded.values()):
            draw(ax, histograms[variable], row)
        ax.set_xlabel(next(iter(loaded.values()))[variable].axes[0].label)
        label(ax, right="generated events")
    axes[0].set_yticks(range(len(loaded)), list(loaded), va="bottom")
    axes[0].set_ylim(len(loaded) - 0.9, -1.1)
    for ax in axes:
        ax.tick_params(axis="y", which="both", length=0)
    save_figure(figure, pdf, png, data)


def draw(ax: Axes, histogram: hist.Hist, row: int) -> None:
    """One sample's histogram on a line of its own, its highest bin just below the next line.

    A sample that has all events below the first bin's end has no such variable (pTHat of a gun or
    of a single resonance): its line stays empty. So does that of weights that are never positive.
    """
    value, edges = histogram.values(), histogram.axes[0].edges
    ax.axhline(row, color=COLOURS[8], linewidth=0.6)
    total = float(histogram.values(flow=True).sum())
    if total == 0 or np.isclose(value[0], total) or value.max() <= 0:
        return
    scale = -0.9 / value.max()  # rows count downwards
    error = np.sqrt(np.asarray(histogram.variances()))
    ax.stairs(row + scale * value, edges, baseline=row, fill=True, color=COLOURS[0], alpha=0.35)
    ax.stairs(row + scale * value, edges, baseline=None, color="black", linewidth=1)
    ax.fill_between(
        np.repeat(edges, 2)[1:-1], row + scale * np.repeat(value - error, 2),
        row + scale * np.repeat(value + error, 2), color="black", alpha=0.25, linewidth=0,
    )  # fmt: skip


def samples(*, summaries: Inputs, table: Output) -> None:
    """Write cross-section and cutflow of every sample as a table."""
    write_csv(table, account_table([read_result(path, SampleAccount) for path in summaries]))


def accounts(*, summaries: Inputs, pdf: Output, png: Output, data: Output) -> None:
    """Draw cross-section and cutflow of every sample."""
    rows = [read_result(path, SampleAccount) for path in summaries]
    names = [row.sample for row in rows]
    position = np.arange(len(rows))
    figure, (left, right) = new_figure(1, 2, sharey=True, size=(14, 0.5 * len(rows) + 2))
    for y, row in zip(position, rows, strict=True):
        value, error = row.cross_section_pb, row.cross_section_error_pb
        if value is not None and error is not None:
            left.barh(y, value, xerr=error, color=COLOURS[0])
            text = f"{with_error(value, error)} pb"
            left.annotate(
                text, (value, y), xytext=(8, 0), textcoords="offset points",
                va="center", fontsize=11,
            )  # fmt: skip
        else:
            why = "gun: no" if row.process == "gun" else "no known"
            left.annotate(f"{why} cross-section", (0.02, y), xycoords=("axes fraction", "data"),
                          va="center", fontsize=11)  # fmt: skip
    left.set_xscale("log")
    low, high = left.get_xlim()
    left.set_xlim(low, high * (high / low) ** 0.5)  # a third of the width is for the numbers
    left.set_xlabel("cross-section before the filter [pb]")
    offset = np.zeros(len(rows))
    for cut, (text, colour) in CUTS.items():
        fraction = np.array([getattr(row.cutflow, cut) / row.cutflow.tried for row in rows])
        right.barh(position, fraction, left=offset, color=colour, label=text)
        offset += fraction
    for y, row in zip(position, rows, strict=True):
        right.annotate(
            f"{row.cutflow.kept} of {row.cutflow.tried}", (0.02, y), va="center", color="white",
            fontsize=11,
        )  # fmt: skip
    right.set_xlabel("fraction of the events tried")
    right.set_xlim(0, 1)
    left.set_yticks(position, names)
    left.minorticks_off()
    for ax in (left, right):
        ax.tick_params(axis="y", which="both", length=0)  # they would run through numbers
    left.invert_yaxis()
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False)
    label(left)
    save_figure(figure, pdf, png, data)


def account_table(rows: list[SampleAccount]) -> dict[str, list[Any]]:
    """Columns of the table: one row a sample; a cross-section that nobody knows is left empty."""
    columns: dict[str, list[Any]] = {
        name: [getattr(row, name) for row in rows] for name in ("sample", "process", "shards")
    }
    for name in ("cross_section_pb", "cross_section_error_pb", "cross_section_kept_pb"):
        columns[name] = ["" if (known := getattr(row, name)) is None else known for row in rows]
    for cut in sorted(Cutflow.model_fields):
        columns[cut] = [getattr(row.cutflow, cut) for row in rows]
    columns["filter_efficiency"] = [row.filter_efficiency for row in rows]
    for name in ("luminosity_fb", "expected_events"):
        if any(getattr(row, name) is not None for row in rows):
            columns[name] = ["" if (known := getattr(row, name)) is None else known for row in rows]
    return columns
