"""Figures of the sampling: pTHat beside jet pT, and what pT and |eta| tell of the classes."""

from __future__ import annotations

import numpy as np

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result
from jetchain.core.schema.jets import JET_CLASSES, JetSampling
from jetchain.core.schema.tagging import Kinematics
from jetchain.core.style import COLOURS, label, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Output


def pthat(*, histograms: Input, summary: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw pTHat against jet pT of each class, and the share of each bin from the lowest pTHat."""
    loaded, content = load_histograms(histograms), read_result(summary, JetSampling)
    figure, axes = new_figure(2, 4, size=(22, 10))
    planes = [name for name in JET_CLASSES if f"pthat/{name}" in loaded]
    for ax, name in zip(axes.flat, planes, strict=False):
        histogram = loaded[f"pthat/{name}"]
        value = histogram.values()
        share = value / np.maximum(value.sum(axis=1, keepdims=True), 1e-300)
        pt, hat = histogram.axes
        ax.pcolormesh(
            pt.edges, hat.edges, np.where(share > 0, share, np.nan).T, cmap="cividis",
            vmin=0, vmax=0.5, rasterized=True,
        )  # fmt: skip
        ax.plot([pt.edges[0], pt.edges[-1]], [pt.edges[0], pt.edges[-1]], color="black", lw=1)
        ax.set_xlabel(pt.label)
        ax.set_ylabel(hat.label)
        label(ax, right=f"{name} jets")
    for ax in axes.flat[len(planes) :]:
        ax.set_axis_off()
    ax = axes.flat[-1]
    ax.set_axis_on()
    for index, name in enumerate(planes):
        rows = [row for row in content.bins if row.jet_class == name]
        shift = 4.0 * (index - 3)  # points of one bin side by side
        ax.errorbar(
            [(row.pt_low + row.pt_high) / 2 + shift for row in rows],
            [100 * row.lowest for row in rows],
            [100 * row.lowest_error for row in rows],
            **style_of(index).points,
            label=name,
        )
    ax.axhline(2.0, color=COLOURS[8], linestyle=":")
    ax.set_xlabel("jet $p_T$ [GeV]")
    ax.set_ylabel(rf"share of the lowest {content.edge:.0f} GeV of $\hat{{p}}_T$ [%]")
    ax.set_ylim(0, max(4.0, 1.4 * ax.get_ylim()[1]))
    ax.legend(ncols=2)
    label(ax)
    save_figure(figure, pdf, png, data)


def kinematics(*, kinematics: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw how well pT and |eta| alone tell each pair of classes, before and after the weights."""
    pairs = read_result(kinematics, Kinematics).pairs
    figure, ax = new_figure(1, 1, size=(8, 0.34 * len(pairs) + 2.2))
    place = np.arange(len(pairs))
    for index, (text, values, errors) in enumerate(
        (
            ("as generated", [p.before for p in pairs], [p.before_error for p in pairs]),
            ("one spectrum", [p.after for p in pairs], [p.after_error for p in pairs]),
        )
    ):
        ax.errorbar(values, place, xerr=errors, **style_of(index).points, label=text)
    for line in (0.48, 0.52):
        ax.axvline(line, color=COLOURS[8], linestyle=":")
    ax.set_yticks(place, [f"{pair.first}, {pair.second}" for pair in pairs])
    ax.minorticks_off()
    ax.set_ylim(len(pairs) - 0.4, -2.4)
    ax.set_xlabel(r"AUC of boosted trees on jet $p_T$ and $|\eta|$")
    ax.legend(ncols=2, loc="upper right")
    label(ax)
    save_figure(figure, pdf, png, data)
