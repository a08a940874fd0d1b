"""Figures and table of the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.checks import SearchChecks
from jetchain.core.schema.inference import Fit, Limits, ToyLimits
from jetchain.core.style import (
    COLOURS,
    label,
    log_numbers,
    new_figure,
    remark,
    save_figure,
    shared_legend,
)
from jetchain.core.verbs import Input, Inputs, Labels, Output
from jetchain.reporting.checks import explain, marked
from jetchain.reporting.names import confidence

# One and two sigma: told apart by readers with any colour vision, unlike green and yellow.
MOVED, CONSTRAINED = 0.01, 0.02  # of the uncertainty before the fit
INNER, OUTER = "#3f90da", "#c5dff4"
# Where a band of limits has its edges, those of one sigma first.
EDGES = {"m1": 1, "p1": 3, "m2": 0, "p2": 4}


def comparison(
    *, limits: Inputs, normalisation: Input, checks: Input, labels: Labels, pdf: Output,
    png: Output, data: Output,
) -> None:  # fmt: skip
    """Draw observed and expected limits of every method beside the injected cross-section."""
    rows = [read_result(path, Limits) for path in limits]
    figure, ax = new_figure(size=(8.0, 5.6))
    names = marked(labels, checks)
    draw_limits(ax, rows, names, read_result(normalisation, Normalisation))
    explain(ax, names)
    save_figure(figure, pdf, png, data)


def draw_limits(
    ax: Any, rows: list[Limits], labels: Mapping[str, str], normalisation: Normalisation
) -> None:
    """One panel: the limits of all methods beside the injected cross-section."""
    for index, row in enumerate(rows):
        if row.observed_fb is None:
            _no_result(ax, row.sensitive, (index, 0.25), ("data", "axes fraction"))
            continue
        name = labels[row.method]
        draw_band(ax, index - 0.12, name, row.expected_fb, row.observed_fb)
        toys = row.toys
        if toys is not None:
            _toy_band(ax, index + 0.26, name, toys)
    handles: list[Any] = []
    if any(row.observed_fb is not None for row in rows):
        handles = band_handles("expected with this training")
    if any(row.toys is not None for row in rows):
        handles.append(
            Line2D([], [], color="black", marker="s", markerfacecolor="white", label="with toys")
        )
    if injected := normalisation.injected_cross_section_fb:
        ax.axhline(injected, color=COLOURS[2], linestyle="-.", gid="injected signal")
        handles.append(Line2D([], [], color=COLOURS[2], linestyle="-.", label="injected signal"))
    ax.set_yscale("log")
    ax.set_xticks(range(len(rows)), [labels[row.method] for row in rows])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(-0.6, len(rows) - 0.4)
    low, high = ax.get_ylim()
    ax.set_ylim(low / 1.2, high * (high / low) ** 0.45)
    log_numbers(ax.yaxis)
    ax.set_ylabel(f"{confidence(rows[0].level)} upper limit on the cross-section [fb]")
    if handles:
        ax.legend(handles=handles, ncols=2, loc="upper right")
    label(ax, right="CLs")


def band_handles(expected: str) -> list[Any]:
    """What a legend says of a band: its expected limit in these words."""
    return [
        Line2D([], [], color="black", marker="o", linestyle="none", label="observed"),
        Line2D([], [], color="black", linestyle="--", label=expected),
        Patch(color=INNER, label=r"expected $\pm 1\sigma$"),
        Patch(color=OUTER, label=r"expected $\pm 2\sigma$"),
    ]


def _no_result(ax: Any, sensitive: bool, place: tuple[float, float], coordinates: Any) -> None:
    """In the place of a result that the search cannot have; the table says why."""
    ax.annotate(
        "no\nresult" if sensitive else "no\nsensitivity", place, xycoords=coordinates,
        ha="center", va="center", fontsize=12, color="dimgray",
        bbox={"facecolor": "white", "edgecolor": "none"},
    )  # fmt: skip


def draw_band(
    ax: Any, x: float, name: str, expected: Sequence[float | None], observed: float | None
) -> None:
    ends = [x - 0.16, x + 0.16]
    for low, high, colour, sigma in ((0, 4, OUTER, 2), (1, 3, INNER, 1)):
        ax.fill_between(
            ends, expected[low], expected[high], color=colour, lw=0,
            gid=f"{name}, expected, {sigma} sigma",
        )  # fmt: skip
    ax.plot(ends, [expected[2]] * 2, color="black", linestyle="--", gid=f"{name}, expected")
    ax.plot([x], [observed], "o", color="black", gid=f"{name}, observed")


def _toy_band(ax: Any, x: float, name: str, toys: ToyLimits) -> None:
    """A thin bar from toys; a limit outside the strengths that were tried is left out."""
    low, median, high = (toys.expected_fb[band] for band in (1, 2, 3))
    if low is not None and high is not None:
        ax.plot(
            [x, x], [low, high], color=INNER, linewidth=3, gid=f"{name}, expected, 1 sigma, toys"
        )
    if median is not None:
        ax.plot(
            [x - 0.05, x + 0.05], [median] * 2, color="black", linestyle="--",
            gid=f"{name}, expected, toys",
        )  # fmt: skip
    if toys.observed_fb is not None:
        ax.plot(
            [x], [toys.observed_fb], "s", color="black", markerfacecolor="white",
            gid=f"{name}, observed, toys",
        )  # fmt: skip


def scan(
    *, limits: Inputs, normalisation: Input, checks: Input, labels: Labels, pdf: Output,
    png: Output, data: Output,
) -> None:  # fmt: skip
    """Draw CLs against the cross-section, one panel a method, with the toys as points."""
    names = marked(labels, checks)
    injected = read_result(normalisation, Normalisation).injected_cross_section_fb
    rows = [read_result(path, Limits) for path in limits]
    figure, axes = new_figure(
        1, len(rows), size=(4.2 * len(rows) + 0.8, 4.6), sharey=True, squeeze=False
    )
    axes[0, 0].set_ylabel("CLs")
    axes[0, 0].set_yscale("log")
    axes[0, 0].set_ylim(2e-3, 1.3)
    explain(axes[0, -1], names)
    for ax, row in zip(axes[0], rows, strict=True):
        ax.set_xlabel("signal cross-section [fb]")
        label(ax, right=names[row.method])
        fb = row.reference_cross_section_fb
        if row.scan is None or row.scan.cross_section_fb is None or fb is None:
            _no_result(ax, row.sensitive, (0.5, 0.5), "axes fraction")
            ax.set_xticks([])
            continue
        x = np.array(row.scan.cross_section_fb)
        bands = np.array(row.scan.expected)
        for low, high, colour, sigma in ((0, 4, OUTER, 2), (1, 3, INNER, 1)):
            ax.fill_between(
                x, bands[:, low], bands[:, high], color=colour, lw=0,
                label=rf"expected $\pm {sigma}\sigma$",
            )  # fmt: skip
        ax.plot(x, bands[:, 2], color="black", linestyle="--", label="expected with this training")
        ax.plot(x, row.scan.observed, color="black", label="observed")
        if row.toys is not None:
            toys = row.toys
            ax.errorbar(
                np.array(toys.mu) * fb, toys.cls, yerr=toys.cls_error,
                fmt="s", markersize=4, color=COLOURS[2], label="observed, toys",
            )  # fmt: skip
        ax.axhline(
            row.level, color=COLOURS[8], linestyle=":",
            label=f"excluded below, at {confidence(row.level)}",
        )  # fmt: skip
        if injected:
            ax.axvline(
                injected, color=COLOURS[2], linestyle="-.", linewidth=1.2, label="injected signal"
            )
        ax.set_xlim(0, x[-1])
    shared_legend(figure, axes[0], ncols=7)
    save_figure(figure, pdf, png, data)


def pulls(
    *, fits: Inputs, checks: Input, labels: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw best fit of the signal strength and the pulls, for every method."""
    shown = marked(labels, checks)
    rows = [read_result(path, Fit) for path in fits]
    moved = sum(len(_moved(row)) for row in rows)
    figure, (left, right) = new_figure(1, 2, size=(13.0, max(4.8, 1.2 + 0.25 * moved)))
    for index, row in enumerate(rows):
        mu = row.mu
        if mu is None or row.significance is None or mu.cross_section_fb is None:
            _no_result(left, row.sensitive, (0.5, index), ("axes fraction", "data"))
            continue
        left.errorbar(
            [mu.cross_section_fb], [index], xerr=[mu.cross_section_error_fb],
            fmt="o", color="black",
        )  # fmt: skip
        left.annotate(
            f"{row.significance:.1f} $\\sigma$", (1.02, index),
            xycoords=("axes fraction", "data"), va="center", fontsize=12,
        )  # fmt: skip
    left.axvline(0, color=COLOURS[8], linestyle=":")
    left.set_yticks(range(len(rows)), [shown[row.method] for row in rows])
    explain(left, shown)
    left.set_ylim(-0.7, len(rows) - 0.3)
    left.minorticks_off()
    left.set_xlabel("fitted signal cross-section [fb]")
    label(left)
    names: list[str] = []
    reach = 3.0
    for row in rows:
        for name, pull, constraint in _moved(row):
            names.append(f"{shown[row.method]}: {name}")
            reach = max(reach, abs(pull) + 1.5)
            right.errorbar(
                [pull], [len(names) - 1], xerr=[constraint], fmt="o", color="black", markersize=4,
            )  # fmt: skip
    right.axvspan(-1, 1, color=OUTER)
    if not names and any(row.parameters for row in rows):
        remark(
            right,
            "no parameter is pulled or constrained\n"
            "(with one bin, the free signal absorbs every excess)",
        )
    right.set_yticks(range(len(names)), names, fontsize=11)
    right.set_xlim(-reach, reach)
    right.minorticks_off()
    right.set_xlabel("pull, with post-fit over pre-fit uncertainty")
    label(right)
    save_figure(figure, pdf, png, data)


def _moved(fit: Fit) -> list[tuple[str, float, float]]:
    """Name, pull and constraint of what the data moved or constrained, beyond the minimiser's
    tolerance. Free parameters, such as the norms of a background's templates, have neither.
    """
    return [
        (each.name, each.pull, each.constraint)
        for each in fit.parameters
        if each.pull is not None and each.constraint is not None
        if abs(each.pull) > MOVED or each.constraint < 1 - CONSTRAINED
    ]


def table(
    *, limits: Inputs, fits: Inputs, normalisation: Input, checks: Input, table: Output
) -> None:
    """Write the numbers of all methods as one table."""
    failed = {each.method: each.failed for each in read_result(checks, SearchChecks).methods}
    injected = read_result(normalisation, Normalisation).injected_cross_section_fb
    columns: dict[str, list[Any]] = {}
    for limit_path, fit_path in zip(limits, fits, strict=True):
        limit, fit = read_result(limit_path, Limits), read_result(fit_path, Fit)
        if limit.method != fit.method:
            raise DataError(
                f"{limit_path} is of {limit.method}, {fit_path} of {fit.method}.",
                "Give fits and limits in the same order.",
            )
        row = {
            "method": limit.method,
            "limit_fb": limit.observed_fb,
            "expected_fb": limit.expected_fb[2],
            **{f"expected_{name}_fb": limit.expected_fb[place] for name, place in EDGES.items()},
            "limit_toys_fb": limit.toys and limit.toys.observed_fb,
            "expected_toys_fb": limit.toys and limit.toys.expected_fb[2],
            "limit_mu": limit.observed_mu,
            "expected_mu": limit.expected_mu[2],
            "clb": limit.observed_clb,
            "fitted_fb": fit.mu and fit.mu.cross_section_fb,
            "fitted_error_fb": fit.mu and fit.mu.cross_section_error_fb,
            "significance": fit.significance,
            "significance_toys": fit.significance_toys,
            "injected_fb": injected,
            "observed_events": fit.observed,
            "background_events": fit.background,
            "sensitive": _sensitive(limit, fit),
            "fails": ", ".join(failed.get(limit.method, [])),
        }
        for name, value in row.items():
            columns.setdefault(name, []).append("" if value is None else value)
    write_csv(table, columns)


def _sensitive(limit: Limits, fit: Fit) -> str:
    """Whether a search has results, or why one lacks; "no sensitivity" without further words."""
    if not (limit.sensitive and fit.sensitive):
        return "no sensitivity"
    ended = [each.words for each in (*limit.at_bounds, *fit.at_bounds)]
    reasons = list(dict.fromkeys(each for each in (limit.reason, fit.reason, *ended) if each))
    return "; ".join(["no limit" if limit.observed_fb is None else "yes", *reasons])
