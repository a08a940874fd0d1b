"""What pile-up does to taggers and jets, against its mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from jetchain.core.io.tables import read_result
from jetchain.core.schema.pileup_dependence import PileupPoint
from jetchain.core.style import label, legend_size, save_figure, style_of
from jetchain.core.verbs import Inputs, Labels, Output
from jetchain.reporting.leads import lead_columns, write_rows
from jetchain.reporting.names import TITLES, pair_title
from jetchain.reporting.taggers_compared import explain, panels
from jetchain.reporting.tagging import ORDER, in_order

MERITS = {"auc": "AUC", "background_50": "background kept with 50 % of the signal"}
MITIGATIONS = {
    "none": "nothing done", "area": "area", "softkiller": "SoftKiller", "puppi": "PUPPI",
}  # fmt: skip
SHIFTS = {"bias": "median - 1", "resolution": "half of the central 68 %"}
MASSES = {"m": "mass", "msd": "soft-drop mass"}
MEAN = "mean number of pile-up collisions"


def taggers(
    *, points: Inputs, taggers: Labels, merit: str, pdf: Output, png: Output, data: Output
) -> None:
    """Draw a figure of merit against the mean pile-up, a panel a pair of classes.

    Args:
        points: PileupPoint of each mean and mitigation.
        taggers: displayed names.
        merit: of MERITS.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    found = _read(points)
    pairs = in_order({row.pair for each in found for row in each.rows})
    lines = [(model, how) for model in taggers for how in _mitigations(found)]
    drawn, axes = panels(len(pairs) + 1)
    for ax, pair in zip(axes.flat, pairs, strict=False):
        for index, (model, how) in enumerate(lines):
            values = {
                each.mean: (getattr(row, merit), getattr(row, f"{merit}_error"))
                for each in found
                if each.mitigation == how
                for of in each.rows
                if (of.pair, of.tagger) == (pair, model)
                for row in [of.applied]
            }
            name = f"{taggers[model]}, {MITIGATIONS[how]}"
            _line(ax, values, index, len(lines), name)
        # An area falls, and what is kept rises: the legend is out of their way.
        _finish(ax, found, MERITS[merit], len(lines), lower=merit == "auc")
        if merit == "auc":
            ax.set_ylim(None, min(ax.get_ylim()[1], 1.0))
        label(ax, right=pair_title(pair))
    explain(
        axes.flat[len(pairs) :],
        "networks of the run, as they are\neach point: on the test jets that it\n"
        "has in common with the run\nerror bars: of these jets, which along\n"
        "a line are nearly the same",
    )
    save_figure(drawn, pdf, png, data)


def jets(*, points: Inputs, number: str, pdf: Output, png: Output, data: Output) -> None:
    """Draw how masses of jets move, or spread, with the mean pile-up, a panel a class.

    Args:
        points: PileupPoint of each mean and mitigation.
        number: of SHIFTS.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    found = _read(points)
    classes = sorted(found[0].shifts, key=lambda name: [*ORDER, name].index(name))
    lines = [(name, how) for name in MASSES for how in _mitigations(found)]
    drawn, axes = panels(len(classes) + 1)
    for ax, of_class in zip(axes.flat, classes, strict=False):
        for index, (name, how) in enumerate(lines):
            values = {
                each.mean: (getattr(moved, number), getattr(moved, f"{number}_error"))
                for each in found
                if each.mitigation == how
                for moved in [getattr(each.shifts[of_class], name)]
                if moved is not None
            }
            _line(ax, values, index, len(lines), f"{MASSES[name]}, {MITIGATIONS[how]}")
        ax.axhline(0.0, color="0.5", lw=1.0)
        _finish(ax, found, SHIFTS[number], len(lines))
        label(ax, right=TITLES.get(of_class, of_class))
    explain(
        axes.flat[len(classes) :],
        "masses with pile-up divided by those of\nthe same jets of the run\n"
        "error bars: of these jets",
    )
    save_figure(drawn, pdf, png, data)


def tagger_table(*, points: Inputs, taggers: Labels, table: Output) -> None:
    """Write figures of merit on the same true jets, and leads over the run.

    Args:
        points: PileupPoint of each mean and mitigation.
        taggers: displayed names.
        table: where to write.
    """
    rows: list[dict[str, Any]] = []
    for each in _read(points):
        for row in each.rows:
            line = _of_point(each) | {
                "tagger": taggers[row.tagger], "pair": row.pair,
                "signal_jets": row.signal, "background_jets": row.background,
            }  # fmt: skip
            for how in ("reference", "applied"):
                merit = getattr(row, how)
                for name in MERITS:
                    line[f"{how}_{name}"] = round(getattr(merit, name), 5)
                    line[f"{how}_{name}_error"] = round(getattr(merit, f"{name}_error"), 5)
            for name in MERITS:
                line |= lead_columns(f"applied_{name}", getattr(row.applied_lead, name), 5)
            rows.append(line)
    write_rows(table, rows)


def jet_table(*, points: Inputs, table: Output) -> None:
    """Write how pT and masses of the same jets move.

    Args:
        points: PileupPoint of each mean and mitigation.
        table: where to write.
    """
    rows: list[dict[str, Any]] = []
    for each in _read(points):
        for of_class, moved in each.shifts.items():
            line = _of_point(each) | {"class": of_class, "jets": moved.jets}
            for name in ("pt", *MASSES):
                shift = getattr(moved, name)
                for number in ("bias", "bias_error", "resolution", "resolution_error"):
                    value = "" if shift is None else round(getattr(shift, number), 4)
                    line[f"{name}_{number}"] = value
            rows.append(line)
    write_rows(table, rows)


def _read(points: Inputs) -> list[PileupPoint]:
    return [read_result(path, PileupPoint) for path in points]


def _mitigations(found: list[PileupPoint]) -> list[str]:
    return [*dict.fromkeys(each.mitigation for each in found)]


def _of_point(each: PileupPoint) -> dict[str, Any]:
    return {
        "mean": each.mean, "mitigation": each.mitigation,
        "reference_test_jets": each.reference_jets, "test_jets": each.other_jets,
        "common_jets": each.common_jets,
    }  # fmt: skip


def _line(
    ax: Axes, values: dict[int, tuple[float, float]], index: int, lines: int, name: str
) -> None:
    """A line through values with errors, by mean; lines stand a little beside each other."""
    means = sorted(values)
    style = style_of(index)
    width = 0.02 * max([1, *means])
    ax.errorbar(
        np.array(means) + width * (index - (lines - 1) / 2),
        [values[mean][0] for mean in means], [values[mean][1] for mean in means],
        **style.points | {"linestyle": style.line}, label=name,
    )  # fmt: skip


def _finish(
    ax: Axes, found: list[PileupPoint], quantity: str, lines: int, lower: bool = False
) -> None:
    """Axes, and room for a legend above or below what is drawn."""
    ax.set_xticks(sorted({each.mean for each in found}))
    ax.tick_params(axis="x", which="minor", bottom=False, top=False)
    ax.set_xlabel(MEAN)
    ax.set_ylabel(quantity)
    low, high = ax.get_ylim()
    room = 0.09 * lines * (high - low)
    ax.set_ylim(low - room * lower, high + room * (not lower))
    ax.legend(loc="lower left" if lower else "upper left", fontsize=legend_size(lines))
