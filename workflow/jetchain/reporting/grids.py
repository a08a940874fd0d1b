"""Figures and tables of limits over a grid of signals: bands along a value, contours over two."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.tri import Triangulation
from numpy.typing import NDArray
from scipy.stats import norm

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.inference import GridPoint, SignalGrid
from jetchain.core.style import COLOURS, label, log_numbers, new_figure, remark, save_figure
from jetchain.core.verbs import Input, Output
from jetchain.reporting.inference import INNER, OUTER, band_handles
from jetchain.reporting.names import confidence

WHAT = "workspace"
Array = NDArray[np.floating]
SMALLEST = 1e-12
"""CLs below is drawn as this."""


def exclusion(*, grid: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the limits along the value of the signals; the excluded region over two values."""
    found = read_result(grid, SignalGrid)
    figure, ax = new_figure(size=(8.0, 6.0))
    if len(found.axes) == 1:
        draw_along(ax, found)
    elif len(found.axes) == 2:
        draw_contour(ax, found)
    else:
        remark(ax, f"signals of {len(found.axes)} values:\nno figure, see the table")
    label(ax, WHAT, right=found.name)
    save_figure(figure, pdf, png, data)


def draw_along(ax: Axes, grid: SignalGrid) -> None:
    """Observed and expected limits against the value; in fb where all cross-sections are known."""
    points = sorted(grid.points, key=lambda each: each.values[0])
    in_fb = all(each.limits.reference_cross_section_fb for each in points)
    rows = [
        (each.values[0], each.limits.observed_fb, *each.limits.expected_fb)
        if in_fb
        else (each.values[0], each.limits.observed_mu, *each.limits.expected_mu)
        for each in points
    ]
    table = np.array(rows, float).reshape(-1, 7)  # None becomes NaN, which leaves a gap
    if not np.any(np.isfinite(table[:, 1])):
        remark(ax, "no signal has a limit")
        return
    x = table[:, 0]
    for first, last, colour, sigma in ((2, 6, OUTER, 2), (3, 5, INNER, 1)):
        ax.fill_between(
            x, table[:, first], table[:, last], color=colour, lw=0, gid=f"expected, {sigma} sigma"
        )
    marker = "o" if len(x) <= 30 else ""
    ax.plot(x, table[:, 4], color="black", linestyle="--", gid="expected")
    ax.plot(x, table[:, 1], color="black", marker=marker, markersize=4, gid="observed")
    handles = band_handles("expected")
    handles[0] = Line2D([], [], color="black", marker=marker, markersize=4, label="observed")
    if in_fb:
        theory = np.array([each.limits.reference_cross_section_fb for each in points], float)
        ax.plot(x, theory, color=COLOURS[2], linestyle="-.", gid="signal")
    else:
        ax.axhline(1.0, color=COLOURS[2], linestyle="-.", gid="signal")
    handles.append(Line2D([], [], color=COLOURS[2], linestyle="-.", label="the signal"))
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.4)  # room for the legend
    log_numbers(ax.yaxis)
    if len(x) > 1:
        ax.set_xlim(x.min(), x.max())
    ax.legend(handles=handles, ncols=2, loc="upper right")
    ax.set_xlabel(grid.axes[0])
    what = "cross-section [fb]" if in_fb else "strength"
    ax.set_ylabel(f"{confidence(grid.level)} upper limit on the {what}")


def draw_contour(ax: Axes, grid: SignalGrid) -> None:
    """Where CLs at strength 1 falls below the level, over two values."""
    points = [each for each in grid.points if each.cls_observed is not None]
    ax.set_xlabel(grid.axes[0])
    ax.set_ylabel(grid.axes[1])
    place = np.array([each.values for each in points]).reshape(-1, 2)
    excluded = np.array([_cls(each, 0) <= grid.level for each in points], dtype=bool)
    for chosen, fill, name in ((excluded, "black", "excluded"), (~excluded, "white", "allowed")):
        ax.plot(
            *place[chosen].T, "o", color="black", markerfacecolor=fill, markersize=4,
            label=f"signal, {name}",
        )  # fmt: skip
    lines = (
        (0, "-", "black", "observed"),
        (3, "--", COLOURS[0], "expected"),
        (2, ":", COLOURS[0], r"expected $\pm 1\sigma$"),
        (4, ":", COLOURS[0], ""),
    )
    for index, line, colour, text in lines:
        cls = np.array([_cls(each, index) for each in points])
        for number, each in enumerate(contours(place, cls, grid.level)):
            ax.plot(
                *each.T, color=colour, linestyle=line, label=text if number == 0 else "",
                gid=f"{text or 'expected, other side'}, line {number + 1}",
            )  # fmt: skip
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.35 * (high - low))
    ax.legend(loc="upper right", ncols=2, title=confidence(grid.level))


def _cls(point: GridPoint, index: int) -> float:
    """CLs at strength 1: observed, then at -2 to 2 sigma."""
    value = (point.cls_observed, *point.cls_expected)[index]
    assert value is not None
    return value


def contours(place: Array, cls: Array, level: float) -> list[Array]:
    """Lines (points, 2) where CLs is at the level, between signals at scattered places.

    CLs is interpolated as the Gaussian significance that it is the tail of, linearly on triangles,
    in units of the extent of both values.

    Args:
        place: (signals, 2)
        cls: (signals,)
        level: 1 - confidence level.
    """
    extent = np.ptp(place, axis=0) if len(place) else np.zeros(2)
    if len(place) < 3 or not np.all(extent > 0):
        return []
    scaled = (place - place.min(axis=0)) / extent
    try:
        triangles = Triangulation(*scaled.T)
    except (ValueError, RuntimeError):  # all on one line
        return []
    heights = norm.isf(np.clip(cls, SMALLEST, 1 - SMALLEST))
    found: Any = Figure().subplots().tricontour(triangles, heights, levels=[norm.isf(level)])
    segments = [np.asarray(each) for each in found.allsegs[0] if len(each) > 1]
    return [each * extent + place.min(axis=0) for each in segments]


def table(*, grid: Input, table: Output) -> None:
    """Write the limits of all signals as one table."""
    found = read_result(grid, SignalGrid)
    columns: dict[str, list[Any]] = {"signal": [each.name for each in found.points]}
    for index, name in enumerate(found.axes):
        columns[name if name not in columns else f"{name}_{index}"] = [
            each.values[index] for each in found.points
        ]
    for each in found.points:
        limits = each.limits
        row = {
            "limit_mu": limits.observed_mu,
            **_band("expected_mu", limits.expected_mu),
            "limit_fb": limits.observed_fb,
            **_band("expected_fb", limits.expected_fb),
            "cls": each.cls_observed,
            **_band("expected_cls", each.cls_expected),
            "clb": each.clb_observed,
            "reason": limits.reason,
        }
        for name, value in row.items():
            columns.setdefault(name, []).append("" if value is None else value)
    write_csv(table, columns)


def _band(name: str, values: Any) -> dict[str, float | None]:
    """Columns of a band, the median's first."""
    return {
        f"{name}{end}": values[index]
        for end, index in (("", 2), ("_m2", 0), ("_m1", 1), ("_p1", 3), ("_p2", 4))
    }
