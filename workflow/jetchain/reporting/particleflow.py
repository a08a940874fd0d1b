"""Figures of particle flow: the algorithms against the truth, and the expected response."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.detector import LAYERS
from jetchain.core.schema.particleflow import Performance, Ratio, Ratios, ResponseComparison, Spread
from jetchain.core.style import COLOURS, label, new_figure, save_figure, steps, style_of
from jetchain.core.verbs import Input, Inputs, Labels, Output

GROUPS = {
    "charged": "charged particles",
    "photon": "photons",
    "neutral_hadron": "neutral hadrons",
}


def efficiency(
    *, performance: Inputs, labels: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw efficiency and fake rate of each algorithm against pT, with 68 % intervals.

    Lines are what the efficiency is by chance, of particles turned away from their true ones.
    """
    results = by_label(performance, labels)
    figure, axes = new_figure(2, 3, size=(16, 9), sharex=True, sharey=True)
    for row, quantity, axis_name, what in (
        (0, "efficiency", "efficiency", "true"),
        (1, "fake_rate", "fake rate", "reconstructed"),
    ):
        for ax, (group, title) in zip(axes[row], GROUPS.items(), strict=True):
            for index, (name, result) in enumerate(results):
                values: Ratios = getattr(result.groups[group], quantity)
                low, value, high = (
                    _numbers(numbers) for numbers in (values.low, values.value, values.high)
                )
                _points(ax, result.pt_edges, value, value - low, high - value, index, name)
                if quantity == "efficiency":
                    floor = _numbers(result.groups[group].floor.value)
                    steps(ax, floor, np.array(result.pt_edges), index, f"{name}, by chance")
            ax.set_ylim(0, 1.08)
            ax.set_xlabel(f"{what} $p_T$ [GeV]")
            label(ax, right=title)
        axes[row][0].set_ylabel(axis_name)
    for ax in axes[0]:
        ax.xaxis.set_tick_params(labelbottom=True)
    axes[0][0].legend(loc="lower right")
    save_figure(figure, pdf, png, data)


def resolution(
    *, performance: Inputs, labels: Labels, max_cost: float, pdf: Output, png: Output,
    data: Output,
) -> None:  # fmt: skip
    """Draw median and relative width of the pT response of each algorithm against pT.

    Args:
        performance: of the algorithms.
        labels: their displayed names.
        max_cost: of a match, which keeps the relative residual within this: if it were flat there,
            its interquartile range would be as much.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    results = by_label(performance, labels)
    figure, axes = new_figure(2, 3, size=(16, 9), sharex=True)
    for row, quantity, axis_name in (
        (0, "median", "median $p_T^{reco} / p_T^{true}$"),
        (1, "width", "IQR / median"),
    ):
        for ax, (group, title) in zip(axes[row], GROUPS.items(), strict=True):
            for index, (name, result) in enumerate(results):
                values = result.groups[group].response
                value, error = (
                    _numbers(getattr(values, column)) for column in (quantity, f"{quantity}_error")
                )
                _points(ax, result.pt_edges, value, error, error, index, name)
            ax.set_xlabel("true $p_T$ [GeV]")
            label(ax, right=title)
        axes[row][0].set_ylabel(axis_name)
    for ax in axes[0]:
        ax.axhline(1.0, color=COLOURS[8], linewidth=0.8, linestyle=":")
        ax.set_ylim(0.5, 1.5)
        ax.xaxis.set_tick_params(labelbottom=True)
    for ax in axes[1]:
        ax.axhline(
            max_cost, color=COLOURS[8], linewidth=0.8, linestyle=":", gid="flat in the window"
        )
        ax.text(0.98, max_cost, "no information", transform=ax.get_yaxis_transform(), ha="right",
                va="bottom", fontsize=11)  # fmt: skip
        ax.set_ylim(0, max(1.15 * max_cost, ax.get_ylim()[1]))
    axes[0][0].legend()
    save_figure(figure, pdf, png, data)


def angles(*, performance: Inputs, labels: Labels, pdf: Output, png: Output, data: Output) -> None:
    """Draw the median distance dR of matched particles to their true ones against pT."""
    results = by_label(performance, labels)
    figure, axes = new_figure(1, 3, size=(16, 5), sharex=True, sharey=True)
    for ax, (group, title) in zip(axes, GROUPS.items(), strict=True):
        for index, (name, result) in enumerate(results):
            values = result.groups[group].distance
            value, error = (_numbers(each) for each in (values.median, values.median_error))
            _points(ax, result.pt_edges, value, error, error, index, name)
        ax.set_xlabel("true $p_T$ [GeV]")
        label(ax, right=title)
    axes[0].set_ylabel(r"median $\Delta R$ of matches")
    axes[0].set_yscale("log")
    axes[0].legend()
    save_figure(figure, pdf, png, data)


def residuals(
    *, histograms: Inputs, labels: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw the relative pT residuals of matched particles of each algorithm."""
    results = [*zip(labels.values(), map(load_histograms, histograms), strict=True)]
    figure, axes = new_figure(1, 3, size=(16, 5))
    for ax, group in zip(axes, ("charged_hadron", "photon", "neutral_hadron"), strict=True):
        for index, (name, loaded) in enumerate(results):
            _line(ax, loaded[f"residual_{group}"], index, name)
        ax.set_ylabel("fraction of matches per bin")
        label(ax, right=f"{group.replace('_', ' ')}s")
    axes[0].set_yscale("log")
    axes[0].legend()
    save_figure(figure, pdf, png, data)


def response(*, histograms: Inputs, labels: Labels, pdf: Output, png: Output, data: Output) -> None:
    """Draw the pT response of sums in a cone: each algorithm, and topoclusters alone."""
    results = [load_histograms(path) for path in histograms]
    figure, ax = new_figure()
    for index, (name, loaded) in enumerate(zip(labels.values(), results, strict=True)):
        _line(ax, loaded["cone_pflow"], index, name)
    _line(ax, results[0]["cone_topo"], len(results), "topoclusters alone")
    ax.set_ylabel("fraction of events per bin")
    ax.axvline(1.0, color=COLOURS[8], linewidth=0.8, linestyle=":")
    ax.legend()
    label(ax)
    save_figure(figure, pdf, png, data)


def calibration(*, comparison: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw mean and spread of E/p of charged pions against pT beside those of Geant4, by layer."""
    content = read_result(comparison, ResponseComparison)
    layers = sorted({each.layer for each in content.bins})
    etas = sorted({each.eta for each in content.bins})  # lower edges, without a gap between bins
    figure, axes = new_figure(2, max(len(layers), 1), size=(18.0, 9.5), sharex=True, squeeze=False)
    for column, layer in enumerate(layers):
        here = [each for each in content.bins if each.layer == layer]
        for index, (eta, upper) in enumerate(pairwise([*etas, np.inf])):
            rows = [each for each in here if each.eta == eta]
            text = rf"$|\eta|$ > {eta:g}" if upper == np.inf else rf"{eta:g} < $|\eta|$ < {upper:g}"
            pt = [(1.0 + 0.04 * index) * max(each.pt, 1.0) for each in rows]
            entries = np.array([each.entries for each in rows], dtype=float)
            spread = np.array([each.spread for each in rows])
            for ax, values, error, cocoa in (
                (axes[0][column], [each.mean for each in rows], spread / np.sqrt(entries),
                 [each.cocoa_mean for each in rows]),
                (axes[1][column], spread, spread / np.sqrt(2 * entries),
                 [each.cocoa_spread for each in rows]),
            ):  # fmt: skip
                style = style_of(index)
                ax.errorbar(pt, values, error, **style.points, label=text)
                ax.plot(pt, cocoa, color=style.colour, linestyle=style.line)
        label(axes[0][column], right=f"densest in {LAYERS[layer]}")
        label(axes[1][column], right="lines: Geant4 in COCOA")
    for row, text, top in (
        (axes[0], r"$\langle E/p \rangle$", 1.2), (axes[1], r"spread of $E/p$", 0.4)
    ):  # fmt: skip
        row[0].set_ylabel(text)
        for ax in row:
            ax.set_xscale("log")
            ax.set_ylim(0, top)
            ax.set_xlabel("lower edge in track $p_T$ [GeV]")
            ax.xaxis.set_tick_params(labelbottom=True)
    if layers:
        axes[0][0].legend(ncols=2)
    save_figure(figure, pdf, png, data)


def comparison(*, performance: Inputs, labels: Labels, table: Output) -> None:
    """Write the table that compares the algorithms: a row an algorithm (its key) and class."""
    rows: list[dict[str, Any]] = []
    for algorithm, path in zip(labels, performance, strict=True):
        result = read_result(path, Performance)
        for group, values in result.groups.items():
            row: dict[str, Any] = {"algorithm": algorithm, "particles": group}
            for quantity in ("efficiency", "fake_rate", "purity"):
                overall: Ratio = getattr(values, quantity).overall
                row |= {
                    quantity: overall.value,
                    f"{quantity}_low": overall.low,
                    f"{quantity}_high": overall.high,
                }
            rows.append(row | _spread(values.response.overall))
        rows.append(
            {"algorithm": algorithm, "particles": "cone_pflow"} | _spread(result.cone.pflow)
        )
        if len(rows) <= len(result.groups) + 1:  # the clusters are the same for all algorithms
            rows.append(
                {"algorithm": algorithm, "particles": "cone_topo"} | _spread(result.cone.topo)
            )
    names = list(rows[0])
    write_csv(
        table,
        {name: ["" if row.get(name) is None else row[name] for row in rows] for name in names},
    )


def by_label(performance: Inputs, labels: Labels) -> list[tuple[str, Performance]]:
    """The displayed name and the performance of each algorithm."""
    results = [read_result(path, Performance) for path in performance]
    return [*zip(labels.values(), results, strict=True)]


def _spread(values: Spread) -> dict[str, float | int | None]:
    return {f"response_{name}": value for name, value in sorted(values)}


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values])


def _centres(edges: np.ndarray) -> np.ndarray:
    """Geometric centres; arithmetic where a bin starts at 0."""
    low, high = edges[:-1], edges[1:]
    return np.where(low > 0, np.sqrt(low * high), (low + high) / 2)


def _points(
    ax: Axes,
    edges: list[float],
    value: np.ndarray,
    down: np.ndarray,
    up: np.ndarray,
    index: int,
    name: str,
) -> None:
    """Points with error bars on a logarithmic axis, each algorithm beside the one before."""
    bounds = np.array(edges)
    centre = _centres(bounds) * 1.06**index
    ax.errorbar(
        centre,
        value,
        yerr=[np.maximum(down, 0), np.maximum(up, 0)],
        **style_of(index).points,
        label=name,
        capsize=2,
    )
    ax.set_xscale("log")
    ax.set_xlim(bounds[0], bounds[-1])


def _line(ax: Axes, histogram: hist.Hist, index: int, name: str) -> None:
    """A histogram as a line, normalised to its entries, under- and overflow included."""
    axis = histogram.axes[0]
    total = float(np.sum(histogram.values(flow=True)))
    if total > 0:
        steps(ax, histogram.values() / total, axis.edges, index, name)
    ax.set_xlabel(axis.label)
    ax.set_xlim(axis.edges[0], axis.edges[-1])
