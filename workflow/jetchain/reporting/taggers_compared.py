"""Figures and tables that compare the taggers with each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.taggers_compared import (
    Calibrations,
    Dependence,
    PairedMerits,
    Sculpting,
)
from jetchain.core.schema.tagging import Rejection, TaggerMetrics
from jetchain.core.style import (
    COLOURS,
    label,
    legend_below,
    legend_size,
    new_figure,
    save_figure,
    shared_legend,
    style_of,
)
from jetchain.core.verbs import Input, Inputs, Labels, Output
from jetchain.reporting.names import TITLES, pair_title
from jetchain.reporting.tagging import ordered_pairs

AXES = {"pt": r"jet $p_T$ [GeV]", "abs_eta": r"jet $|\eta|$"}
LEAST = 1e-4
"""Bits, below which a divergence is drawn at the edge."""


def panels(number: int, height: float = 9.5) -> tuple[Figure, Any]:
    """A figure with two rows of panels for so many pairs or classes."""
    columns = max(-(-number // 2), 2)
    return new_figure(2, columns, size=(5.2 * columns, height))


def explain(axes: Iterable[Axes], words: str = "") -> None:
    """Use panels that are left over for what the reader of the others has to know."""
    for ax in axes:
        ax.set_axis_off()
        if words:
            ax.text(0.05, 0.95, words, va="top", transform=ax.transAxes)


def rejections(*, metrics: Inputs, taggers: Labels, pdf: Output, png: Output, data: Output) -> None:
    """Draw the background rejections of all taggers with their errors, a column a pair.

    Where no background jet passes there is an arrow up from the lower bound.

    Args:
        metrics: figures of merit, a file a tagger.
        taggers: their displayed names.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    results = [read_result(path, TaggerMetrics) for path in metrics]
    pairs = ordered_pairs(results[0])
    figure, axes = new_figure(1, 2, size=(18.0, 6.5))
    for ax, point in zip(axes, ("rejection_50", "rejection_30"), strict=True):
        for index, result in enumerate(results):
            found: list[Rejection] = [getattr(result.pairs[pair], point) for pair in pairs]
            bound = np.array([each.bound for each in found])
            low, value, high = (
                np.array([getattr(each, end) for each in found]) for end in ("low", "value", "high")
            )
            value = np.where(bound, low, value)
            place = np.arange(len(pairs)) + 0.8 * ((index + 0.5) / len(results) - 0.5)
            style = style_of(index)
            ax.errorbar(
                place[~bound], value[~bound], [(value - low)[~bound], (high - value)[~bound]],
                **style.points, label=taggers[result.model],
            )  # fmt: skip
            if bound.any():
                ax.plot(
                    place[bound], value[bound], color=style.colour, marker="$\\uparrow$",
                    linestyle="none", markersize=16, gid=f"{taggers[result.model]}, lower bound",
                )  # fmt: skip
        ax.set_yscale("log")
        ax.set_xlim(-0.5, len(pairs) - 0.5)
        names = [pair_title(pair) for pair in pairs]
        ax.set_xticks(range(len(pairs)), names, rotation=25, ha="right", rotation_mode="anchor")
        ax.tick_params(axis="x", which="minor", length=0)
        ax.set_ylabel("1 / background efficiency")
        label(ax, right=f"{point.removeprefix('rejection_')} % of the signal kept")
    axes[0].legend(fontsize=legend_size(len(results)))
    save_figure(figure, pdf, png, data)


def paired(*, paired: Input, table: Output) -> None:
    """Write by how much each tagger is better than each other one, and how sure that is."""
    names = {"auc": "auc_lead", "background_50": "rejected_50_lead",
             "background_30": "rejected_30_lead"}  # fmt: skip
    columns: dict[str, list[Any]] = {name: [] for name in ("pair", "first", "second")}
    for column in names.values():
        columns |= {column: [], f"{column}_error": [], f"{column}_sigma": []}
    for row in read_result(paired, PairedMerits).rows:
        for name in ("pair", "first", "second"):
            columns[name].append(getattr(row, name))
        for name, column in names.items():
            found = getattr(row, name)
            columns[column].append(round(found.value, 4))
            columns[f"{column}_error"].append(round(found.error, 4))
            sigma = found.significance
            columns[f"{column}_sigma"].append("" if sigma is None else f"{sigma:.1f}")
    write_csv(table, columns)


def sculpting(
    *,
    sculpting: Input,
    metrics: Inputs,
    taggers: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw the background's mass spectrum before and after a cut on each tagger, a panel a pair.

    Args:
        sculpting: of `tagging.sculpting`.
        metrics: figures of merit, a file a tagger, in the order of the legend.
        taggers: their displayed names.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    found = read_result(sculpting, Sculpting)
    results = [read_result(path, TaggerMetrics) for path in metrics]
    pairs, edges = ordered_pairs(results[0]), np.array(found.edges)
    width, middle = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    figure, axes = panels(len(pairs), height=12.0)
    for ax, pair in zip(axes.flat, pairs, strict=False):
        before = np.array(found.taggers[results[0].model][pair].before)
        ax.stairs(
            before / width, edges, fill=True, color=COLOURS[8], alpha=0.35, label="all background"
        )
        for index, result in enumerate(results):
            one, style = found.taggers[result.model][pair], style_of(index)
            name = taggers[result.model]
            if one.divergence is None or one.chance is None:
                text = f"{name}: none passes"
            else:
                text = f"{name}: {one.divergence:.2f} (chance {one.chance:.2f})"
            after, error = (np.array(values) / width for values in (one.after, one.after_error))
            ax.stairs(after, edges, color=style.colour, linestyle=style.line, label=text)
            ax.errorbar(
                middle, after, error, color=style.colour, linestyle="none", linewidth=1,
                gid=f"{name}, error",
            )  # fmt: skip
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(bottom=0)
        ax.set_xlabel("soft-drop mass [GeV]")
        ax.set_ylabel("share of the background / GeV")
        legend_below(ax, len(results))
        label(ax, right=pair_title(pair))
    explain(
        axes.flat[len(pairs) :],
        "lines: what is left of the background\n"
        f"where {found.signal_efficiency:.0%} of the signal is kept\n"
        "numbers: Jensen-Shannon divergence\nfrom all background, in bits, and of as\n"
        "many background jets at random",
    )
    save_figure(figure, pdf, png, data)


def decorrelation(
    *,
    sculpting: Input,
    metrics: Inputs,
    taggers: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw how much a cut changes the background's mass spectrum against what it rejects.

    Args:
        sculpting: of `tagging.sculpting`.
        metrics: figures of merit, a file a tagger, in the order of the legend.
        taggers: their displayed names.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    found = read_result(sculpting, Sculpting)
    results = [read_result(path, TaggerMetrics) for path in metrics]
    pairs = ordered_pairs(results[0])
    figure, axes = panels(len(pairs) + 1)
    for ax, pair in zip(axes.flat, pairs, strict=False):
        for index, result in enumerate(results):
            one, rejected = found.taggers[result.model][pair], result.pairs[pair].rejection_50
            style, name = style_of(index), taggers[result.model]
            if one.divergence is None or one.chance is None:
                ax.plot([], [], **style.points, label=f"{name}: none passes")
                continue
            ax.errorbar(
                rejected.value, max(one.divergence, LEAST),
                xerr=[[rejected.value - rejected.low], [rejected.high - rejected.value]],
                **style.points, label=name,
            )  # fmt: skip
            # As many jets at random: what stands at the tip of the line is not sculpted.
            ax.plot(
                [rejected.value] * 2, [max(one.chance, LEAST), max(one.divergence, LEAST)], ":",
                color=style.colour, linewidth=1, gid=f"{name}, down to chance",
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        low, high = ax.get_xlim()
        ax.set_xlim(low / 3, 3 * high)
        ax.set_ylim(ax.get_ylim()[0] / 2, 6)
        ax.tick_params(axis="both", which="minor", labelbottom=False, labelleft=False)
        ax.set_xlabel("1 / background efficiency")
        ax.set_ylabel("Jensen-Shannon divergence [bit]")
        ax.legend(fontsize=legend_size(len(results)), loc="upper left", ncols=2)
        label(ax, right=pair_title(pair))
    explain(
        axes.flat[len(pairs) :],
        f"where {found.signal_efficiency:.0%} of the signal is kept\n"
        "to the right: more is rejected\ndown: the mass spectrum stays\n"
        "dotted: down to the divergence of\nas many background jets at random",
    )
    save_figure(figure, pdf, png, data)


def dependence(
    *,
    dependence: Input,
    metrics: Inputs,
    taggers: Labels,
    variable: str,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw what is missing of the AUC to 1 in bins of a variable, a panel a pair of classes.

    Args:
        dependence: of `tagging.dependence`.
        metrics: figures of merit, a file a tagger, in the order of the legend.
        taggers: their displayed names.
        variable: of the jet: pt or abs_eta.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    found = read_result(dependence, Dependence)
    results = [read_result(path, TaggerMetrics) for path in metrics]
    edges = np.array(found.edges[variable])
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    pairs = ordered_pairs(results[0])
    figure, axes = panels(len(pairs))
    for ax, pair in zip(axes.flat, pairs, strict=False):
        for index, result in enumerate(results):
            bins = found.taggers[result.model][pair][variable]
            known = np.array([each.auc is not None for each in bins])
            missing = np.array([1 - (each.auc or 0) for each in bins])
            error = np.array([each.error or 0 for each in bins])
            place = middle + width * 0.8 * ((index + 0.5) / len(results) - 0.5)
            ax.errorbar(
                place[known], missing[known], error[known], **style_of(index).points,
                label=taggers[result.model],
            )  # fmt: skip
        for edge in edges:
            ax.axvline(edge, color=COLOURS[8], linewidth=0.5, alpha=0.5, gid="edge of a bin")
        ax.plot(edges[[0, -1]], [0.5, 0.5], ":", color=COLOURS[8], gid="random choice")
        ax.set_yscale("log")
        ax.set_xlim(edges[0], edges[-1])
        ax.set_xlabel(AXES[variable])
        ax.set_ylabel("1 - AUC")
        label(ax, right=pair_title(pair))
    shared_legend(figure, [axes.flat[0]], ncols=8)
    explain(
        axes.flat[len(pairs) :],
        "bins with as many jets each;\npoints are moved apart inside a bin\n"
        "errors: bootstrap of the test jets,\nwhich all taggers share\ndotted: random choice",
    )
    save_figure(figure, pdf, png, data)


def learning(
    *, metrics: Inputs, parts: Inputs, taggers: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw what is missing of the AUC against the number of training jets, a panel a pair.

    Args:
        metrics: figures of merit of the taggers that saw all jets, a file a tagger.
        parts: of the same taggers, that saw a part of them.
        taggers: their displayed names.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    whole = [read_result(path, TaggerMetrics) for path in metrics]
    found = [*(read_result(path, TaggerMetrics) for path in parts), *whole]
    found.sort(key=lambda result: result.training_jets)
    pairs = ordered_pairs(whole[0])
    figure, axes = panels(len(pairs))
    for ax, pair in zip(axes.flat, pairs, strict=False):
        for index, model in enumerate(result.model for result in whole):
            own, style = [result for result in found if result.model == model], style_of(index)
            area = [result.pairs[pair].auc for result in own]
            ax.errorbar(
                [result.training_jets for result in own], [1 - each.value for each in area],
                [each.std for each in area], **style.points | {"linestyle": style.line},
                label=taggers[model],
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("training jets")
        ax.set_ylabel("1 - AUC")
        ax.legend(fontsize=legend_size(len(whole)))
        label(ax, right=pair_title(pair))
    explain(axes.flat[len(pairs) :])
    save_figure(figure, pdf, png, data)


def calibration(
    *,
    calibration: Input,
    metrics: Inputs,
    taggers: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw how often jets are of a class against the outputs of the taggers, a panel a class.

    Args:
        calibration: of `tagging.calibration`.
        metrics: figures of merit, a file a tagger, in the order of the legend.
        taggers: their displayed names.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    found = read_result(calibration, Calibrations)
    results = [read_result(path, TaggerMetrics) for path in metrics]
    classes = results[0].classes
    figure, axes = panels(len(classes) + 1, height=12.0)
    for ax, name in zip(axes.flat, classes, strict=False):
        ax.plot([0, 1], [0, 1], color="black", linewidth=0.8, gid="calibrated")
        for index, result in enumerate(results):
            one, style = found.taggers[result.model][name], style_of(index)
            output, observed, low, high = (
                np.array(values, dtype=float)
                for values in (one.output, one.observed, one.low, one.high)
            )
            ax.errorbar(
                output, observed, [observed - low, high - observed],
                **style.points | {"linestyle": style.line, "markersize": 5},
                label=f"{taggers[result.model]}: {100 * one.error:.1f} ± {100 * one.error_std:.1f} "
                f"(chance {100 * one.chance:.1f})",
            )  # fmt: skip
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1.05)
        ax.set_xlabel("output of the tagger")
        ax.set_ylabel("share of jets that are of the class")
        legend_below(ax, len(results))
        label(ax, right=TITLES.get(name, name))
    explain(
        axes.flat[len(classes) :],
        "thin black line: calibrated\nbars: 68 %, statistical\n"
        "numbers: expected calibration\nerror in per cent with its bootstrap\n"
        "error, and that of a calibrated\ntagger with as many jets",
    )
    save_figure(figure, pdf, png, data)


def calibration_errors(*, calibration: Input, table: Output) -> None:
    """Write the expected calibration errors of each tagger and class, as one table."""
    found = read_result(calibration, Calibrations)
    rows = [
        (model, name, one) for model, each in found.taggers.items() for name, one in each.items()
    ]
    columns: dict[str, list[Any]] = {
        "model": [model for model, _, _ in rows], "class": [name for _, name, _ in rows]
    }  # fmt: skip
    for column, field in (
        ("calibration_error", "error"), ("calibration_error_std", "error_std"),
        ("by_chance", "chance"), ("by_chance_high", "chance_high"),
    ):  # fmt: skip
        columns[column] = [round(getattr(one, field), 5) for _, _, one in rows]
    write_csv(table, columns)
