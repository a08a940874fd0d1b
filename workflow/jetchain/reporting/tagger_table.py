"""All taggers in one table: what each is, takes and reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jetchain.core.io.tables import read_csv, read_json, read_result, write_csv
from jetchain.core.schema.taggers_compared import TaggerTimes
from jetchain.core.schema.tagging import Rejection, TaggerMetrics
from jetchain.core.style import label, label_points, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Inputs, Labels, Output, Resource
from jetchain.reporting.tagging import LIKE_PUBLISHED, ordered_pairs, pair_title

POINTS = ("rejection_50", "rejection_30")
ONE_FIT = "in one fit"


def taggers(
    *,
    metrics: Inputs,
    repetitions: Inputs,
    times: Resource,
    published: Resource,
    taggers: Labels,
    table: Output,
) -> None:
    """Write one row a tagger: of the first pair of classes, and of all classes the accuracy.

    Values are medians of all trainings. Beside each stand the error that the test jets give it
    (bootstrap, of the first training; of rejections an interval of 68 %) and the standard deviation
    of the trainings, empty if there is one only.

    Args:
        metrics: figures of merit, a file a tagger.
        repetitions: those of further trainings with other seeds, of any of the taggers.
        times: what a jet takes (`TaggerTimes`), measured once.
        published: published numbers on the top-tagging reference data set.
        taggers: their displayed names.
        table: where to write to.
    """
    first = [read_result(path, TaggerMetrics) for path in metrics]
    again = [read_result(path, TaggerMetrics) for path in repetitions]
    spent = read_result(times, TaggerTimes)
    reference = {row["model"]: row for row in read_json(published)["top_tagging"]["rows"]}
    rows = []
    for result in first:
        trainings = [result, *(each for each in again if each.model == result.model)]
        rows.append(_row(result, trainings, spent, reference, taggers))
    write_csv(table, {name: [row[name] for row in rows] for name in rows[0]})


def _row(
    result: TaggerMetrics,
    trainings: Sequence[TaggerMetrics],
    spent: TaggerTimes,
    reference: Mapping[str, Mapping[str, Any]],
    names: Labels,
) -> dict[str, Any]:
    pair = ordered_pairs(result)[0]
    merit, name = result.pairs[pair], names[result.model]
    alike = pair == "top_vs_QCD" and result.feature_set == LIKE_PUBLISHED
    known = reference.get(name.partition(",")[0], {}) if alike else {}
    training, inference = (
        each.get(result.model) for each in (spent.training, spent.inference)
    )  # fmt: skip
    row: dict[str, Any] = {
        "tagger": name, "sees": result.sees, "parameters": result.parameters,
        "MFLOP": f"{result.flops / 1e6:.3g}",
        "trained": ONE_FIT if result.model in spent.fitted_once else "in epochs",
        "training_jets_per_s": "" if training is None else f"{1e3 / training:.3g}",
        "inference_jets_per_s": "" if inference is None else f"{1e3 / inference:.3g}",
        "training_jets": result.training_jets, "trainings": len(trainings),
    }  # fmt: skip
    accuracies = [each.accuracy.value for each in trainings]
    half = (result.accuracy.high - result.accuracy.low) / 2
    row |= _entry("accuracy", accuracies, half, 4)
    row["pair"] = pair
    areas = [each.pairs[pair].auc.value for each in trainings]
    row |= _entry("auc", areas, merit.auc.std, 4)
    for point in POINTS:
        found: list[Rejection] = [getattr(each.pairs[pair], point) for each in trainings]
        row |= _rejection(point, found)
    row["published_auc"] = known.get("auc") or ""
    row["published_rejection_30"] = known.get("rejection_30") or ""
    row["published_source"] = known.get("source", "")
    return row


def _entry(name: str, values: Sequence[float], error: float, digits: int) -> dict[str, Any]:
    """A value with both of its errors."""
    return {
        name: round(float(np.median(values)), digits),
        f"{name}_bootstrap": round(error, digits),
        f"{name}_trainings": round(float(np.std(values, ddof=1)), digits)
        if len(values) > 1
        else "",
    }


def _rejection(name: str, found: Sequence[Rejection]) -> dict[str, Any]:
    """A rejection with its interval and its spread; a bound where in a training none passes."""
    bound = any(each.bound for each in found)
    value = np.median([each.low if each.bound else each.value for each in found])
    spread = (
        np.std([each.value for each in found], ddof=1) if len(found) > 1 and not bound else None
    )
    return {
        name: f"> {value:.0f}" if bound else f"{value:.0f}",
        f"{name}_low": f"{found[0].low:.0f}",
        f"{name}_high": "" if found[0].bound else f"{found[0].high:.0f}",
        f"{name}_trainings": "" if spread is None else f"{spread:.0f}",
    }


def cost(*, table: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw what the taggers reach against what a jet takes them in the training.

    Args:
        table: of `taggers`.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    rows = {name: np.asarray(column) for name, column in read_csv(table).items()}
    figure, axes = new_figure(1, 2, size=(15.0, 6.5))
    speed = _numbers(rows["training_jets_per_s"])
    for ax, name, title in zip(
        axes, ("auc", "accuracy"), ("AUC", "balanced accuracy"), strict=True
    ):
        bootstrap, trainings = (
            np.nan_to_num(_numbers(rows[f"{name}_{kind}"])) for kind in ("bootstrap", "trainings")
        )
        error = np.hypot(bootstrap, trainings)
        shown = np.flatnonzero(np.isfinite(speed)).tolist()
        for index in shown:
            text = str(rows["tagger"][index])
            if rows["trained"][index] == ONE_FIT:
                text += " (one fit)"
            ax.errorbar(
                1e3 / speed[index], rows[name][index], error[index], **style_of(index).points,
                label=f"{index + 1} {text}",
            )  # fmt: skip
        ax.set_xscale("log")
        label_points(
            ax, [(1e3 / speed[index], rows[name][index]) for index in shown],
            [str(index + 1) for index in shown], [style_of(index).colour for index in shown],
        )  # fmt: skip
        ax.set_xlabel("training, CPU time a jet and epoch or fit [ms]")
        ax.set_ylabel(title)
    label(axes[0], right=pair_title(str(rows["pair"][0])))
    label(axes[1], right="all classes")
    axes[1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=10, ncols=1)
    save_figure(figure, pdf, png, data)


def _numbers(column: np.ndarray) -> np.ndarray:
    """A column of numbers, NaN where it is empty; (rows,)."""
    return np.array([float(each) if str(each) else np.nan for each in column])
