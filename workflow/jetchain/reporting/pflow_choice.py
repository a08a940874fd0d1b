"""What a choice of particle flow does to taggers and searches, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from jetchain.core.io.tables import read_result
from jetchain.core.schema.pflow_choice import SearchChoice, TaggingChoice
from jetchain.core.style import label, legend_size, new_figure, remark, save_figure, style_of
from jetchain.core.verbs import Inputs, Labels, Output
from jetchain.reporting.leads import lead_columns, write_rows
from jetchain.reporting.names import pair_title
from jetchain.reporting.tagging import in_order

TRAINED = {"own": "retrained", "applied": "as trained on {reference} jets"}


def figure(
    *,
    taggers: Inputs,
    searches: Inputs,
    algorithms: Labels,
    models: Labels,
    methods: Labels,
    reference: str,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw by how much taggers and searches differ between algorithms, a panel each.

    Args:
        taggers: TaggingChoice of each other algorithm; none if no tagger is compared.
        searches: SearchChoice likewise.
        algorithms, models, methods: displayed names.
        reference: key of the algorithm that the others are compared with.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    tagged = [read_result(path, TaggingChoice) for path in taggers]
    searched = [read_result(path, SearchChoice) for path in searches]
    drawn, axes = new_figure(1, 2, size=(17.0, 6.8), width_ratios=[1.5, 1])
    compared = any(each.rows for each in tagged), any(each.rows for each in searched)
    for ax, there in zip(axes, compared, strict=True):
        if not there:
            remark(ax, "nothing to compare")
    draw_taggers(axes[0], tagged, algorithms, models, reference)
    label(axes[0], right=f"relative to {algorithms[reference]} particle flow")
    draw_searches(axes[1], searched, algorithms, methods, reference)
    share = f"{100 * searched[0].background_efficiency:g} %" if searched else ""
    label(axes[1], right=f"{share} of the background kept" if share else "")
    save_figure(drawn, pdf, png, data)


def draw_taggers(
    ax: Axes, found: list[TaggingChoice], algorithms: Labels, models: Labels, reference: str
) -> None:
    """Leads in AUC over the reference, a column a pair; open markers: not trained on such jets."""
    pairs = {row.pair for each in found for row in each.rows}
    order = in_order(pairs)
    entries = [(each, model, how) for each in found for model in models for how in TRAINED]
    for index, (each, model, how) in enumerate(entries):
        rows = [row for row in each.rows if row.tagger == model]
        leads = [getattr(row, f"{how}_lead").auc for row in rows]
        place = np.array([order.index(row.pair) for row in rows])
        style = style_of(index // len(TRAINED))
        ax.errorbar(
            place + 0.7 * ((index + 0.5) / len(entries) - 0.5),
            [lead.value for lead in leads], [lead.error for lead in leads],
            **style.points | {"fillstyle": "full" if how == "own" else "none"},
            label=f"{models[model]}, {algorithms[each.algorithm]}, "
            + TRAINED[how].format(reference=algorithms[reference]),
        )  # fmt: skip
    ax.axhline(0.0, color="0.5", lw=1.0)
    ax.set_xlim(-0.5, max(len(order), 1) - 0.5)
    ax.set_xticks(
        range(len(order)), [pair_title(pair) for pair in order], rotation=25, ha="right",
        rotation_mode="anchor",
    )  # fmt: skip
    ax.tick_params(axis="x", which="minor", length=0)
    ax.set_ylabel("lead in AUC on the same true jets")
    _legend(ax, len(entries))


def draw_searches(
    ax: Axes, found: list[SearchChoice], algorithms: Labels, methods: Labels, reference: str
) -> None:
    """Significance improvement at the working point, a column a method."""
    entries: list[tuple[str, dict[str, tuple[float | None, float | None]]]] = []
    for index, each in enumerate(found):
        if index == 0:  # it is the same beside all others
            own = {row.method: (row.reference, row.reference_error) for row in each.rows}
            entries.append((reference, own))
        other = {row.method: (row.other, row.other_error) for row in each.rows}
        entries.append((each.algorithm, other))
    for index, (name, values) in enumerate(entries):
        known = [
            (place, *values[method])
            for place, method in enumerate(methods)
            if values[method][0] is not None
        ]
        if not known:
            continue
        place, value, error = (np.array(column, dtype=float) for column in zip(*known, strict=True))
        ax.errorbar(
            place + 0.5 * ((index + 0.5) / len(entries) - 0.5), value, error,
            **style_of(index).points, label=algorithms[name],
        )  # fmt: skip
    ax.axhline(1.0, color="0.5", lw=1.0)
    ax.set_xlim(-0.5, max(len(methods), 1) - 0.5)
    ax.set_xticks(
        range(len(methods)), list(methods.values()), rotation=25, ha="right",
        rotation_mode="anchor",
    )  # fmt: skip
    ax.tick_params(axis="x", which="minor", length=0)
    ax.set_ylabel(r"significance improvement $\epsilon_S/\sqrt{\epsilon_B}$")
    _legend(ax, len(entries))


def taggers(*, taggers: Inputs, algorithms: Labels, models: Labels, table: Output) -> None:
    """Write figures of merit on the same true jets, and leads over the reference.

    Args:
        taggers: TaggingChoice of each other algorithm.
        algorithms, models: displayed names.
        table: where to write.
    """
    rows: list[dict[str, Any]] = []
    for each in (read_result(path, TaggingChoice) for path in taggers):
        for row in each.rows:
            line: dict[str, Any] = {
                "algorithm": algorithms[each.algorithm], "tagger": models[row.tagger],
                "pair": row.pair, "signal_jets": row.signal, "background_jets": row.background,
                "reference_test_jets": each.reference_jets, "test_jets": each.other_jets,
                "common_jets": each.common_jets,
            }  # fmt: skip
            for how in ("reference", "applied", "own"):
                merit = getattr(row, how)
                for name in ("auc", "background_50"):
                    line[f"{how}_{name}"] = round(getattr(merit, name), 5)
                    line[f"{how}_{name}_error"] = round(getattr(merit, f"{name}_error"), 5)
            for how in ("applied", "own"):
                for name in ("auc", "background_50"):
                    line |= lead_columns(
                        f"{how}_{name}", getattr(getattr(row, f"{how}_lead"), name), 5
                    )
            rows.append(line)
    write_rows(table, rows)


def searches(*, searches: Inputs, algorithms: Labels, methods: Labels, table: Output) -> None:
    """Write significance improvements at the working point, and leads over the reference.

    Args:
        searches: SearchChoice of each other algorithm.
        algorithms, methods: displayed names.
        table: where to write.
    """
    rows: list[dict[str, Any]] = []
    for each in (read_result(path, SearchChoice) for path in searches):
        for row in each.rows:
            line: dict[str, Any] = {
                "algorithm": algorithms[each.algorithm], "method": methods[row.method],
                "background_efficiency": each.background_efficiency,
            }  # fmt: skip
            for name in ("reference", "other"):
                value, error = getattr(row, name), getattr(row, f"{name}_error")
                line[name] = "" if value is None else round(value, 3)
                line[f"{name}_error"] = "" if error is None else round(error, 3)
            line |= lead_columns("other", row.lead, 3)
            for side in ("reference", "other", "common"):
                for name, number in getattr(each, side).model_dump().items():
                    line[f"{side}_{name}"] = number
            rows.append(line)
    write_rows(table, rows)


def _legend(ax: Axes, entries: int) -> None:
    """A legend above what is drawn, where there is something."""
    if ax.get_legend_handles_labels()[0]:
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.35 * (high - low))
        ax.legend(loc="upper left", fontsize=legend_size(entries))
