"""Figures of particle flow's validation: totals of single particles, composition of events."""

from __future__ import annotations

import numpy as np

from jetchain.core.io.tables import read_result
from jetchain.core.schema.particleflow import GunValidation, Performance
from jetchain.core.style import COLOURS, label, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Inputs, Labels, Output

TOLERANCE = 0.02
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
    axes[0].set_ylim(0.7, 1.4)
    axes[0].legend(ncols=2)
    for ax in axes:
        label(ax, right="single particles")
    save_figure(figure, pdf, png, data)


def composition(
    *, performance: Inputs, labels: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw the share of each class in the pT of the events: true, and of each algorithm with the
    error of its difference to the true one."""
    results = [read_result(path, Performance) for path in performance]
    samples = list(results[0].composition)
    figure, axes = new_figure(1, len(samples), size=(8 * len(samples), 6), sharey=True)
    for ax, sample in zip(np.atleast_1d(axes), samples, strict=True):
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
        ax.set_xticks(np.arange(len(names)), names, rotation=20)
        label(ax, right=sample)
    np.atleast_1d(axes)[0].set_ylabel("share of $p_T$")
    np.atleast_1d(axes)[0].set_yscale("log")
    np.atleast_1d(axes)[0].legend()
    save_figure(figure, pdf, png, data)
