"""Figures of the sampling: pTHat beside jet pT, and what pT and |eta| tell of the classes."""

from __future__ import annotations

import hist
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result
from jetchain.core.schema.generate import VARIATIONS
from jetchain.core.schema.jets import JET_CLASSES, JetSampling
from jetchain.core.schema.tagging import Kinematics
from jetchain.core.style import (
    COLOURS,
    label,
    new_figure,
    remark,
    save_figure,
    shared_legend,
    steps,
    style_of,
)
from jetchain.core.verbs import Input, Output
from jetchain.reporting.names import TITLES

TEXTS = {
    "weight": "nominal",
    "weight_fsr_half": r"final state, $\mu_R$ / 2",
    "weight_fsr_double": r"final state, 2 $\mu_R$",
    "weight_isr_half": r"initial state, $\mu_R$ / 2",
    "weight_isr_double": r"initial state, 2 $\mu_R$",
}


def pthat(*, histograms: Input, summary: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw pTHat against jet pT of each class, and the share of each bin from the lowest pTHat."""
    loaded, content = load_histograms(histograms), read_result(summary, JetSampling)
    figure, axes = new_figure(2, 4, size=(22, 10))
    planes = [name for name in JET_CLASSES if f"pthat/{name}" in loaded]
    shares = {}
    for name in planes:
        value = loaded[f"pthat/{name}"].values()
        shares[name] = value / np.maximum(value.sum(axis=1, keepdims=True), 1e-300)
    scale = Normalize(0, max((share.max() for share in shares.values()), default=1.0))
    for ax, (name, share) in zip(axes.flat, shares.items(), strict=False):
        pt, hat = loaded[f"pthat/{name}"].axes
        drawn = ax.pcolormesh(
            pt.edges, hat.edges, np.where(share > 0, share, np.nan).T, cmap="cividis",
            norm=scale, rasterized=True,
        )  # fmt: skip
        ax.plot([pt.edges[0], pt.edges[-1]], [pt.edges[0], pt.edges[-1]], color="black", lw=1)
        ax.set_xlabel(pt.label)
        ax.set_ylabel(hat.label)
        label(ax, right=f"{TITLES[name]} jets")
    if planes:
        figure.colorbar(drawn, ax=axes, label="share of the jets in a bin of jet $p_T$", pad=0.01)
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
            label=TITLES[name],
        )
    ax.axhline(2.0, color=COLOURS[8], linestyle=":")
    ax.set_xlabel("jet $p_T$ [GeV]")
    ax.set_ylabel(rf"share of the lowest {content.edge:.0f} GeV of $\hat{{p}}_T$ [%]")
    ax.set_ylim(0, max(4.0, 1.4 * ax.get_ylim()[1]))
    if planes:
        ax.legend(ncols=2)
    else:
        remark(ax, "no sample of a class has a pTHat")
    label(ax)
    save_figure(figure, pdf, png, data)


def variations(*, histograms: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw jets of the classes whose samples have weights of varied showers, and their ratios.

    A row of distributions and one of ratios a class; each is normalised to one within its axes.
    """
    loaded = load_histograms(histograms)
    classes = [name for name in JET_CLASSES if f"{name}/m/weight" in loaded]
    rows = max(len(classes), 1)
    figure, axes = new_figure(
        2 * rows, 4, size=(22, 7.5 * rows), height_ratios=[2.2, 1] * rows, sharex="col",
        squeeze=False,
    )  # fmt: skip
    for row, name in enumerate(classes):
        for column, variable in enumerate(("pt", "m", "msd", "tau21")):
            upper, lower = axes[2 * row : 2 * row + 2, column]
            of_weights = {
                weight: loaded[f"{name}/{variable}/{weight}"] for weight in ("weight", *VARIATIONS)
            }
            _varied(upper, lower, of_weights)
            label(upper, right=f"{TITLES[name]} jets")
        axes[2 * row, 0].set_ylabel("Part of the jets / bin")
        axes[2 * row + 1, 0].set_ylabel("Varied / nominal")
    shared_legend(figure, axes.flat, ncols=6)
    if not classes:
        remark(axes[0, 0], "no sample has generation.variations: shower")
    save_figure(figure, pdf, png, data)


def _varied(upper: Axes, lower: Axes, histograms: dict[str, hist.Hist]) -> None:
    """One distribution with every weight, and the ratios where the nominal one is known to 25 %."""
    nominal = histograms["weight"]
    value = nominal.values()
    edges, sums = nominal.axes[0].edges, {n: h.values().sum() for n, h in histograms.items()}
    error = np.sqrt(np.asarray(nominal.variances(), dtype=float))
    known = (value > 0) & (error < 0.25 * value)
    relative = np.where(known, error / np.where(known, value, 1.0), np.nan)
    lower.stairs(
        1 + relative,
        edges,
        baseline=1 - relative,
        fill=True,
        color="0.85",
        label="statistical error of the nominal weights; gaps: above 25 %",
    )
    for index, (name, histogram) in enumerate(histograms.items()):
        share = histogram.values() / sums[name]
        steps(upper, share, edges, index, TEXTS[name])
        if name != "weight":
            ratio = np.where(known, share / np.where(known, value / sums["weight"], 1.0), np.nan)
            lower.stairs(
                ratio,
                edges,
                baseline=None,
                linewidth=1.8,
                label=TEXTS[name],
                **style_of(index).curve,
            )
    upper.set_ylim(0, 1.5 * max(nominal.values() / sums["weight"]))
    lower.set_ylim(0.6, 1.4)
    lower.set_xlabel(nominal.axes[0].label)
    lower.tick_params(labelbottom=True)


def kinematics(*, kinematics: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw how well pT and |eta| alone tell each pair of classes, before and after the weights."""
    pairs = read_result(kinematics, Kinematics).pairs
    figure, ax = new_figure(1, 1, size=(8, 0.34 * len(pairs) + 2.2))
    place = np.arange(len(pairs))
    for index, (text, values, errors) in enumerate(
        (
            ("as generated", [p.before for p in pairs], [p.before_error for p in pairs]),
            (
                r"reweighted to a common $p_T$ and $|\eta|$",
                [p.after for p in pairs],
                [p.after_error for p in pairs],
            ),
        )
    ):
        ax.errorbar(values, place, xerr=errors, **style_of(index).points, label=text)
    ax.scatter(
        [pair.floor for pair in pairs], place, marker="|", s=90, color=COLOURS[8],
        label="95 % of shuffled classes",
    )  # fmt: skip
    for line in (0.48, 0.52):
        ax.axvline(line, color=COLOURS[8], linestyle=":")
    ax.set_yticks(place, [f"{TITLES[pair.first]}, {TITLES[pair.second]}" for pair in pairs])
    ax.minorticks_off()
    ax.set_ylim(len(pairs) - 0.4, -0.6)
    ax.set_xlabel(r"AUC of boosted trees on jet $p_T$ and $|\eta|$")
    shared_legend(figure, [ax], ncols=3)
    label(ax)
    save_figure(figure, pdf, png, data)
