"""Figures and tables of the jets' calibration: closure, resolutions, uncertainties."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.jets import (
    CLOSURE_WANTED,
    JET_CLASSES,
    PEAK_WANTED,
    ClosureRow,
    JetClosure,
    UncertaintyRow,
    jet_collection,
)
from jetchain.core.style import label, new_figure, remark, save_figure, style_of
from jetchain.core.verbs import Input, Output
from jetchain.reporting.names import TITLES, collection_title

ALL = "all"
TEXT = {"pt": "$p_T$", "m": "mass", "msd": "soft-drop mass"}
ROOM = 0.2  # of the height, for the legend above the points
WANTED = {**CLOSURE_WANTED, "msd": PEAK_WANTED}


def closure(*, closure: Input, collection: str, pdf: Output, png: Output, data: Output) -> None:
    """Draw response and resolution of pT and masses, before and after, against pT and |eta|.

    Args:
        closure: the `JetClosure`.
        collection: of jets, such as ak8.
        pdf, png, data: written.
    """
    rows = [
        row
        for row in read_result(closure, JetClosure).closure
        if jet_collection(row.radius) == collection
    ]
    every = [row for row in rows if row.jets == ALL]
    widest = max((row.eta_high - row.eta_low for row in every), default=0.0)
    longest = max((row.pt_high - row.pt_low for row in every), default=0.0)
    by_pt = [row for row in every if row.eta_high - row.eta_low == widest]
    by_eta = [row for row in every if row.pt_high - row.pt_low == longest]
    classes = {
        jet_class: own
        for jet_class in JET_CLASSES
        if (own := [row for row in rows if row.jets == jet_class])
    }
    columns = 4 if classes else 3  # a column without a class would show nothing
    figure, axes = new_figure(3, columns, size=(6.5 * columns, 16.5))
    for line, (name, text) in zip(axes, TEXT.items(), strict=True):
        draw(line[0], by_pt, name, "median", "pt")
        draw(line[1], by_eta, name, "median", "eta")
        draw(line[2], by_pt, name, "resolution", "pt")
        for jet_class, own in classes.items():
            index = JET_CLASSES.index(jet_class)
            points(line[3], own, name, "median", "pt", index, TITLES[jet_class])
        for column, ax in enumerate(line):
            if column == 2:
                ax.set_ylabel(f"{text}: resolution, IQR / (1.349 median)")
                ax.set_ylim(bottom=0)
            else:
                band(ax, name)
                ax.set_ylabel(f"{text}: median of reconstructed / true")
            low, high = ax.get_ylim()
            ax.set_ylim(top=high + ROOM * (high - low))
            if ax.get_legend_handles_labels()[0]:
                ax.legend(ncols=2, loc="upper left")
            else:
                remark(ax, "no bin has enough jets")
            right = "calibrated" if column == 3 else "isolated jets"
            label(ax, right=f"{collection_title(collection)}, {right}")
    save_figure(figure, pdf, png, data)


def band(ax: Axes, name: str) -> None:
    """The closure that is wanted."""
    ax.axhspan(1 - WANTED[name], 1 + WANTED[name], color="0.85", linewidth=0)
    ax.axhline(1.0, color="#717581", linewidth=0.8, linestyle=":")


def draw(ax: Axes, rows: list[ClosureRow], name: str, merit: str, against: str) -> None:
    """Before and after."""
    points(ax, rows, f"{name}_raw", merit, against, 0, "reconstructed")
    points(ax, rows, name, merit, against, 1, "calibrated")


def points(
    ax: Axes, rows: list[ClosureRow], name: str, merit: str, against: str, index: int, text: str
) -> None:
    """One point a row, against the bins' true pT or |eta|."""
    if against == "pt":
        ax.set_xscale("log")
        ax.set_xlabel("true jet $p_T$ [GeV]")
    else:
        ax.set_xlabel(r"true jet $|\eta|$")
    if not rows:
        return
    low, high = (
        np.array([getattr(row, f"{against}_{end}") for row in rows]) for end in ("low", "high")
    )
    found = [getattr(row, name) for row in rows]
    ax.errorbar(
        (low + high) / 2,
        [getattr(each, merit) for each in found],
        yerr=[getattr(each, f"{merit}_error") for each in found],
        xerr=(high - low) / 2,
        **style_of(index).points,
        label=text,
    )


def closure_table(*, closure: Input, table: Output) -> None:
    """Write the closure, one line a bin."""
    columns: dict[str, list[Any]] = {}
    for row in read_result(closure, JetClosure).closure:
        for name, value in row.model_dump().items():
            for part, number in value.items() if isinstance(value, dict) else [("", value)]:
                number = round(number, 4) if isinstance(number, float) else number
                columns.setdefault(f"{name}_{part}" if part else name, []).append(number)
    if not columns:
        columns = {name: [] for name in ClosureRow.model_fields}
    write_csv(table, columns)


def uncertainties(*, closure: Input, table: Output) -> None:
    """Write the uncertainties of scale and resolution, one line a bin."""
    rows = read_result(closure, JetClosure).uncertainties
    write_csv(
        table,
        {
            name: [round(getattr(row, name), 4) for row in rows]
            for name in UncertaintyRow.model_fields
        },
    )
