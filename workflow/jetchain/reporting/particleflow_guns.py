"""Figures of particle flow's validation: totals of single particles, composition of events."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import NullLocator

from jetchain.core.io.tables import read_result
from jetchain.core.schema.particleflow import GunValidation, Performance
from jetchain.core.style import COLOURS, label, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Inputs, Labels, Output

TOLERANCE = 0.02
CLOSE = 0.1  # of the true share of a class
KINDS = ("charged pion", "electron", "photon", "muon", "neutral hadron")


def totals(*, validation: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the reconstructed over the true energy of single particles against pT and |eta|."""
    content = read_result(validation, GunValidation)
    figure, axes = new_figure(1, 2, size=(14, 6), sharey=True)
    for ax, name in zip(axes, ("by_pt", "by_eta"), strict=True):
        ax.axhspan(1 - TOLERANCE, 1 + TOLERANCE, color=COLOURS[8], alpha=0.2, linewidth=0)
        ax.axhline(1.0, color=COLOURS[8], linewidth=0.8, linestyle=":")
        for index, kind in enumerate(KINDS):
            bins = getattr(content.kinds[kind], name)
            low, high = (np.array([getattr(row, side) for row in bins]) for side in ("low", "high"))
            if name == "by_pt":
                centre = np.sqrt(low * high) * 1.03 ** (index - 2)
            else:
                centre = (low + high) / 2 + 0.03 * (index - 2)
            ax.errorbar(
                centre, [row.mean for row in bins], [row.error for row in bins],
                **style_of(index).points, label=kind,
            )  # fmt: skip
    axes[0].set_xscale("log")
    axes[0].set_xlabel("true $p_T$ [GeV]")
    axes[1].set_xlabel(r"true $|\eta|$")
    axes[0].set_ylabel("reconstructed / true energy")
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(min(low, 0.9), max(high, 1.1))
    axes[0].legend(ncols=2)
    for ax in axes:
        label(ax, right="single particles")
    save_figure(figure, pdf, png, data)


def composition(
    *, performance: Inputs, labels: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw the share of each class in the pT of the events: true, and of each algorithm with the
    error of its difference to the true one; below, over the true one."""
    results = [read_result(path, Performance) for path in performance]
    samples = list(results[0].composition)
    figure, axes = new_figure(
        2, len(samples), size=(8 * len(samples), 9), sharex="col", sharey="row", squeeze=False,
        height_ratios=[3, 2],
    )  # fmt: skip
    for ax, below, sample in zip(*axes, samples, strict=True):
        columns: dict[str, tuple[list[float], list[float] | None]] = {
            "truth": (results[0].composition[sample].truth, None)
        }
        for name, result in zip(labels.values(), results, strict=True):
            found = result.composition[sample]
            columns[name] = found.reconstructed, found.error
        names = [name.replace("_", " ") for name in results[0].classes]
        width = 0.8 / len(columns)
        for index, (name, (shares, error)) in enumerate(columns.items()):
            place = np.arange(len(names)) + (index - (len(columns) - 1) / 2) * width
            ax.bar(place, shares, width, yerr=error, color=style_of(index).colour, label=name)
            if error is not None:
                true = np.array(columns["truth"][0])
                known = true > 0
                below.errorbar(
                    place[known], np.array(shares)[known] / true[known],
                    np.array(error)[known] / true[known], **style_of(index).points, label=name,
                )  # fmt: skip
        below.axhspan(1 - CLOSE, 1 + CLOSE, color=COLOURS[8], alpha=0.2, linewidth=0)
        below.axhline(1.0, color=COLOURS[8], linewidth=0.8, linestyle=":")
        below.set_xticks(np.arange(len(names)), names, rotation=20)
        below.xaxis.set_minor_locator(NullLocator())
        label(ax, right=sample)
    axes[0, 0].set_ylabel("share of $p_T$")
    axes[0, 0].set_yscale("log")
    axes[0, 0].legend()
    axes[1, 0].set_ylabel("over the true share")
    save_figure(figure, pdf, png, data)
