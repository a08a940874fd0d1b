"""Figures and tables of the taggers, from their result tables only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_csv, read_json, read_result, write_csv
from jetchain.core.rounding import with_error
from jetchain.core.schema.tagging import PairMerit, Rejection, TaggerMetrics
from jetchain.core.style import COLOURS, label, legend_below, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Inputs, Labels, Output, Resource
from jetchain.reporting.names import TITLES, pair_title

# Signal classes in the order in which their panels stand; others follow.
ORDER = ("top", "W", "Z", "Hbb", "Hcc", "quark", "gluon")

LIKE_PUBLISHED = "kinematics"
"""What taggers of the top-tagging reference data set see: no more is in it (arXiv:1902.09914)."""


def roc(
    *,
    metrics: Inputs,
    curves: Inputs,
    published: Resource,
    taggers: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw background rejection against signal efficiency, a panel a pair of classes.

    Args:
        metrics: figures of merit, a file a tagger.
        curves: ROC curves, a file a tagger, in the same order.
        published: published numbers on the top-tagging reference data set.
        taggers: their displayed names.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    results = [read_result(path, TaggerMetrics) for path in metrics]
    tables = [read_csv(path) for path in curves]
    pairs = ordered_pairs(results[0])
    figure, axes = _panels(len(pairs), height=5.9)
    for ax, pair in zip(axes.flat, pairs, strict=False):
        draw_pair(ax, pair, results, tables, taggers)
        if pair == "top_vs_QCD":
            _reference_points(ax, read_json(published)["top_tagging"]["rows"], results, taggers)
        legend_below(ax, len(results))
    for ax in axes.flat[len(pairs) :]:
        ax.set_axis_off()
    axes.flat[len(pairs)].text(
        0.05, 0.95,
        "bands: 68 %, the wider of\nbootstrap and Clopper-Pearson\n"
        "curves end where none passes\ndotted: random choice\nempty markers: published, of\n"
        "taggers that see kinematics\nonly (arXiv:1902.09914: other\njets, 1.2 M for training)",
        va="top", transform=axes.flat[len(pairs)].transAxes,
    )  # fmt: skip
    save_figure(figure, pdf, png, data)


def draw_pair(
    ax: Any,
    pair: str,
    results: list[TaggerMetrics],
    tables: list[dict[str, np.ndarray]],
    taggers: Labels,
) -> None:
    """One panel: the rejection curves of all taggers for one pair of classes."""
    # Above one over the number of background jets a curve means nothing.
    ceiling = results[0].pairs[pair].background_effective
    for index, (result, table) in enumerate(zip(results, tables, strict=True)):
        rows = table["pair"] == pair
        value, low, high = (
            np.clip(table[name][rows], 0.5 / ceiling, None)
            for name in ("background_efficiency", "low", "high")
        )
        area = result.pairs[pair].auc
        efficiency = table["signal_efficiency"][rows]
        name = taggers[result.model]
        style = style_of(index)
        ax.fill_between(
            efficiency, 1 / high, 1 / low, color=style.colour, alpha=0.3, linewidth=0, gid=name
        )
        shown = table["passed"][rows] >= 1
        ax.plot(
            efficiency[shown], 1 / value[shown], **style.curve,
            label=f"{name}, AUC {area.value:.3f} ± {area.std:.3f}",
        )  # fmt: skip
    grid = np.linspace(0.02, 1, 99)
    ax.plot(grid, 1 / grid, ":", color=COLOURS[8], linewidth=1, gid="random choice")
    ax.set_yscale("log")
    ax.set_xlim(0, 1)
    ax.set_ylim(1, 2 * ceiling)
    ax.set_xlabel("signal efficiency")
    ax.set_ylabel("1 / background efficiency")
    label(ax, right=pair_title(pair))


def ordered_pairs(result: TaggerMetrics) -> list[str]:
    """The pairs in the order of ORDER; JSON keeps them by the alphabet."""
    place = [*ORDER, *result.classes].index
    return sorted(result.pairs, key=lambda pair: place(result.pairs[pair].signal))


def _panels(pairs: int, height: float = 4.75) -> tuple[Any, Any]:
    """A figure with a panel a pair, and one more for words; of two rows if there are some."""
    rows, columns = min(pairs, 2), max(pairs // 2 + 1, 2)
    return new_figure(rows, columns, size=(5 * columns, height * rows))


def _reference_points(
    ax: Any, rows: list[dict[str, Any]], results: list[TaggerMetrics], taggers: Labels
) -> None:
    """What is published of the taggers, in their colours: of those that see as much as these."""
    published = {row["model"]: row for row in rows}
    for index, result in enumerate(results):
        # A variant is named after its network: "PFN, kinematics".
        name = taggers[result.model].partition(",")[0]
        if name not in published or result.feature_set != LIKE_PUBLISHED:
            continue
        row = published[name]
        ax.plot(
            [0.5, 0.3], [row["rejection_50"], row["rejection_30"]], **style_of(index).points,
            markerfacecolor="none", label=f"{name}, published",
        )  # fmt: skip


def in_order(pairs: Iterable[str]) -> list[str]:
    """Names of pairs in the order of their signals in ORDER, others by the alphabet behind them."""

    def place(pair: str) -> tuple[int, str]:
        signal = pair.partition("_vs_")[0]
        return (ORDER.index(signal) if signal in ORDER else len(ORDER), pair)

    return sorted(pairs, key=place)


def confusion(*, metrics: Input, taggers: Labels, pdf: Output, png: Output, data: Output) -> None:
    """Draw the confusion matrix of one tagger, with the errors of its entries."""
    result = read_result(metrics, TaggerMetrics)
    shares = result.confusion
    fraction, low, high = (100 * np.array(x) for x in (shares.fraction, shares.low, shares.high))
    names = [TITLES.get(name, name) for name in result.classes]
    figure, ax = new_figure(size=(8.5, 7.5))
    image = ax.imshow(fraction, cmap="Blues", vmin=0, vmax=100)
    for i, j in np.ndindex(*fraction.shape):
        text = with_error(float(fraction[i, j]), float(high[i, j] - low[i, j]) / 2)
        ax.text(
            j, i, text.replace(" ±", "\n±"),
            ha="center", va="center", fontsize=11,
            color="white" if fraction[i, j] > 55 else "black",
        )  # fmt: skip
    ax.set_xticks(range(len(names)), names, rotation=30)
    ax.set_yticks(range(len(names)), names)
    ax.minorticks_off()
    ax.tick_params(length=0, which="both", top=False, right=False)
    ax.set_xlabel("most probable class")
    ax.set_ylabel("true class")
    figure.colorbar(image, ax=ax, label="share of the true class [%]", shrink=0.85)
    label(
        ax, right=f"{taggers[result.model]}, balanced accuracy {100 * result.accuracy.value:.1f} %"
    )
    save_figure(figure, pdf, png, data)


def history(
    *,
    metrics: Inputs,
    histories: Inputs,
    taggers: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw the losses of every tagger's training against the epoch, four in a row."""
    across = min(len(metrics), 4)
    rows = -(-len(metrics) // across)
    figure, axes = new_figure(rows, across, size=(6.5 * across, 5.2 * rows), squeeze=False)
    for ax in axes.flat[len(metrics) :]:
        ax.set_axis_off()
    for ax, path, losses in zip(axes.flat, metrics, histories, strict=False):
        result, columns = read_result(path, TaggerMetrics), read_csv(losses)
        for index, split in enumerate(("train", "validation")):
            style = style_of(index)
            ax.plot(
                columns["epoch"], columns[f"{split}_loss"], style.line, marker=style.marker,
                color=style.colour, label=split,
            )  # fmt: skip
        best = columns["epoch"][np.argmin(columns["validation_loss"])]
        ax.axvline(best, color=COLOURS[8], linestyle=":", linewidth=1, label="weights kept")
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_ylabel("class-balanced cross-entropy")
        label(ax, right=taggers[result.model])
        ax.legend()
    save_figure(figure, pdf, png, data)


def scores(
    *,
    metrics: Input,
    histograms: Input,
    taggers: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw the distributions of every pair's discriminant for one tagger, per true class."""
    result = read_result(metrics, TaggerMetrics)
    filled = load_histograms(histograms)
    pairs = ordered_pairs(result)
    figure, axes = _panels(len(pairs))
    for ax, pair in zip(axes.flat, pairs, strict=False):
        classes = [name.partition("/")[2] for name in filled if name.startswith(f"{pair}/")]
        signal = result.pairs[pair].signal
        classes = [signal, *(each for each in sorted(classes) if each != signal)]
        for index, each in enumerate(classes):
            name = f"{pair}/{each}"
            values = np.asarray(filled[name].values(), dtype=float)
            edges = filled[name].axes[0].edges
            ax.stairs(
                values / max(values.sum(), 1), edges, label=TITLES.get(each, each), fill=index == 0,
                color=style_of(index).colour, alpha=0.4 if index == 0 else 1, linewidth=1.8,
                linestyle=style_of(max(index - 1, 0)).line,
            )  # fmt: skip
        ax.set_yscale("log")
        ax.set_ylim(5e-4, 4)
        ax.set_xlim(0, 1)
        ax.set_xlabel("$p_s / (p_s + p_b)$")
        ax.set_ylabel("share of the class's jets")
        ax.legend(loc="upper center", ncols=3)
        label(ax, right=pair_title(pair))
    for ax in axes.flat[len(pairs) :]:
        ax.set_axis_off()
        name = taggers[result.model]
        ax.text(0.05, 0.9, name, fontsize=20, weight="bold", transform=ax.transAxes)
    save_figure(figure, pdf, png, data)


def performance(*, metrics: Inputs, table: Output) -> None:
    """Write AUC and rejections of every pair and tagger, with their errors, as one table."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "model", "pair", "signal_jets", "background_jets", "auc", "auc_error",
            *(
                f"rejection_{point}{what}" for point in (50, 30)
                for what in ("", "_low", "_high", "_passed", "_bound")
            ),
        )
    }  # fmt: skip
    for result in (read_result(path, TaggerMetrics) for path in metrics):
        for pair, entry in result.pairs.items():
            columns["model"].append(result.model)
            columns["pair"].append(pair)
            columns["signal_jets"].append(entry.signal_jets)
            columns["background_jets"].append(entry.background_jets)
            columns["auc"].append(round(entry.auc.value, 4))
            columns["auc_error"].append(round(entry.auc.std, 4))
            for point, found in _rejections(entry).items():
                columns[point].append(round(found.value, 1))
                columns[f"{point}_low"].append(round(found.low, 1))
                columns[f"{point}_high"].append(round(found.high, 1))
                columns[f"{point}_passed"].append(found.passed)
                columns[f"{point}_bound"].append(int(found.bound))
    write_csv(table, columns)


def _rejections(entry: PairMerit) -> dict[str, Rejection]:
    return {"rejection_50": entry.rejection_50, "rejection_30": entry.rejection_30}


def comparison(*, metrics: Inputs, published: Resource, taggers: Labels, table: Output) -> None:
    """Write our top-tagging figures of merit above the published ones, each with its source.

    Only of taggers that see as much of a particle as the published ones.
    """
    reference = read_json(published)["top_tagging"]
    rows = []
    for result in (read_result(path, TaggerMetrics) for path in metrics):
        merit = result.pairs.get("top_vs_QCD")
        if merit is None or result.feature_set != LIKE_PUBLISHED:
            continue
        row = {
            "model": taggers[result.model], "parameters": str(result.parameters),
            "MFLOP": f"{result.flops / 1e6:.3g}",
        }  # fmt: skip
        row["auc"] = f"{merit.auc.value:.4f} +- {merit.auc.std:.4f}"
        for point, found in _rejections(merit).items():
            row[point] = f"> {found.low:.0f}" if found.bound else _interval(found)
        row["source"] = (
            f"this run, {result.training_jets} training jets of {len(result.classes)} classes"
        )
        rows.append(row)
    for entry in reference["rows"]:
        row = {"model": entry["model"], "source": entry["source"], "parameters": "", "MFLOP": ""}
        row["auc"] = "" if entry["auc"] is None else f"{entry['auc']:.4f}"
        for point in ("rejection_50", "rejection_30"):
            row[point] = _with_error(entry[point], entry[f"{point}_error"])
        rows.append(row)
    names = ("model", "parameters", "MFLOP", "auc", "rejection_50", "rejection_30", "source")
    write_csv(table, {name: [row[name] for row in rows] for name in names})


def _interval(found: Rejection) -> str:
    value = found.value
    return f"{value:.0f} +{found.high - value:.0f} -{value - found.low:.0f}"


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if error is None else f"{value:.0f} +- {error:.0f}"
