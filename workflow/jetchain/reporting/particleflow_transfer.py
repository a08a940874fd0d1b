"""Figure and table of a network of particle flow in another detector."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import ScalarFormatter

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.particleflow import Ratio
from jetchain.core.schema.particleflow_transfer import TransferCurve, TransferMerit
from jetchain.core.style import label, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Labels, Output
from jetchain.reporting.particleflow_jets import resolution

STARTS = {"tuned": "fine-tuned", "new": "trained from nothing"}
Number = tuple[float, float, float]
"""A value, and its errors below and above; NaN of nothing."""
Quantity = Callable[[TransferMerit], Number]


def curve(*, curve: Input, labels: Labels, pdf: Output, png: Output, data: Output) -> None:
    """Draw what the network is worth in the other detector against the events it is trained on.

    Args:
        curve: TransferCurve.
        labels: the network's displayed name.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    result = read_result(curve, TransferCurve)
    quantities: list[tuple[str, str, Quantity]] = [
        ("efficiency of neutral particles", "", lambda merit: ratio(merit.efficiency)),
        ("fake rate of neutral particles", "", lambda merit: ratio(merit.fake_rate)),
    ]
    for sample, bin_ in result.home.jets.items():
        title = f"{sample}, {bin_.pt_low:g} to {bin_.pt_high:g} GeV"
        name = "jet $p_T$ resolution, calibrated [%]"
        quantities.append((name, title, partial(jets, sample=sample)))
    figure, axes = new_figure(1, len(quantities), size=(6.5 * len(quantities), 6), squeeze=False)
    for ax, (name, title, quantity) in zip(axes[0], quantities, strict=True):
        _panel(ax, result, quantity)
        ax.set_ylabel(name)
        label(ax, right=title or next(iter(labels.values())))
    axes[0][0].legend(fontsize=11)
    save_figure(figure, pdf, png, data)


def _panel(ax: Axes, result: TransferCurve, quantity: Quantity) -> None:
    """Both kinds of training as points, the network as it is and at home as bands."""
    as_it_is = [point for point in result.points if not point.training.part]
    for index, (merit, name) in enumerate(
        [(result.home, f"at home ({result.home_geometry})")]
        + [(point.merit, f"as it is ({result.geometry})") for point in as_it_is],
        start=len(STARTS),
    ):
        value, below, above = quantity(merit)
        if np.isnan(value):
            continue  # too few jets
        style = style_of(index)
        ax.axhline(value, color=style.colour, linestyle=style.line, label=name)
        ax.axhspan(value - below, value + above, color=style.colour, alpha=0.15, linewidth=0)
    for index, (start, name) in enumerate(STARTS.items()):
        mine = [p for p in result.points if p.training.start == start and p.training.part]
        found = np.array([quantity(point.merit) for point in mine]).reshape(-1, 3)
        style = style_of(index)
        ax.errorbar(
            # A little apart, or the errors hide each other.
            np.array([point.training.events for point in mine]) * (0.98, 1.02)[index],
            found[:, 0], found[:, 1:].T, **style.points | {"linestyle": style.line},
            capsize=3, label=name,
        )  # fmt: skip
    events = sorted({p.training.events for p in result.points if p.training.part})
    ax.set_xscale("log")
    ax.set_xticks(events)
    ax.minorticks_off()
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.set_xlabel(f"training events in {result.geometry}")


def ratio(found: Ratio) -> Number:
    """A share with its 68 % interval."""
    if found.value is None:
        return np.nan, np.nan, np.nan
    return found.value, found.value - found.low, found.high - found.value


def jets(merit: TransferMerit, sample: str) -> Number:
    """The resolution of a sample's jets, in per cent, with its standard error."""
    value, error = resolution(merit.jets[sample].response)
    return value, error, error


def table(*, curve: Input, table: Output) -> None:
    """Write the numbers: a row a training, after those of the network at home.

    Args:
        curve: TransferCurve.
        table: CSV.
    """
    result = read_result(curve, TransferCurve)
    rows: list[dict[str, Any]] = [
        {"geometry": result.home_geometry, "start": "home", "part": "", "events": "", "epochs": "",
         "validation_loss": "", **_numbers(result.home)}
    ]  # fmt: skip
    for point in result.points:
        did = point.training
        losses = did.history.get("validation_loss", [])
        rows.append(
            {"geometry": result.geometry, "start": did.start, "part": did.part,
             "events": did.events, "epochs": len(losses),
             "validation_loss": min(losses, default=""), **_numbers(point.merit)}
        )  # fmt: skip
    write_csv(table, {name: [row[name] for row in rows] for name in rows[0]})


def _numbers(merit: TransferMerit) -> dict[str, Any]:
    """The figures of merit as columns; empty where there is no number."""
    columns: dict[str, float] = {}
    for name in ("efficiency", "fake_rate", "floor"):
        value, below, above = ratio(getattr(merit, name))
        columns |= {f"neutral_{name}": value, f"neutral_{name}_low": value - below,
                    f"neutral_{name}_high": value + above}  # fmt: skip
    for sample in merit.jets:
        value, error, _ = jets(merit, sample)
        columns |= {f"{sample}_jet_resolution": value, f"{sample}_jet_resolution_error": error}
    return {name: value if np.isfinite(value) else "" for name, value in columns.items()}
