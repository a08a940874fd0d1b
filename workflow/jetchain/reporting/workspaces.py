"""Figures of the workspaces that others made: limits, pulls and impacts, correlations, channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import NullLocator

from jetchain.core.io.tables import read_result
from jetchain.core.rounding import with_error
from jetchain.core.schema.inference import ChannelYields, Fit, Limits, ModelFit
from jetchain.core.style import (
    COLOURS,
    label,
    literal,
    log_numbers,
    new_figure,
    remark,
    save_figure,
    shared_legend,
)
from jetchain.core.verbs import Input, Inputs, Labels, Output
from jetchain.reporting.inference import OUTER, band_handles, draw_band
from jetchain.reporting.names import confidence

WHAT = "workspace"
MOST = 20
"""Parameters that a figure shows."""


def strengths(*, limits: Inputs, pdf: Output, png: Output, data: Output) -> None:
    """Draw the limits on the signal strength of every workspace."""
    rows = [read_result(path, Limits) for path in limits]
    figure, ax = new_figure(size=(2.5 + 1.8 * len(rows), 5.6))
    for index, row in enumerate(rows):
        if row.observed_mu is None:
            ax.annotate(
                "no\nresult", (index, 0.5), xycoords=("data", "axes fraction"), ha="center",
                va="center", fontsize=12, color="dimgray",
            )  # fmt: skip
            continue
        draw_band(ax, index, row.method, row.expected_mu, row.observed_mu)
    ax.axhline(1.0, color=COLOURS[8], linestyle=":", gid="strength 1")
    ax.set_yscale("log")
    ax.set_xticks(range(len(rows)), [row.method for row in rows])
    ax.set_xlim(-0.6, len(rows) - 0.4)
    ax.xaxis.set_minor_locator(NullLocator())
    low, high = ax.get_ylim()
    ax.set_ylim(low / 1.5, high * (high / low) ** 0.5 * 1.5)  # room for the legend
    log_numbers(ax.yaxis)
    ax.legend(handles=band_handles("expected"), ncols=2, loc="upper right")
    ax.set_ylabel(f"{confidence(rows[0].level)} upper limit on the strength")
    label(ax, WHAT, right="CLs")
    save_figure(figure, pdf, png, data)


def impacts(
    *, fit: Input, model: Input, labels: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Draw pulls beside impacts, the largest impacts on top; open points are of the Asimov fit.

    Of a free parameter, which has no pull, the fitted value stands there.

    Args:
        fit: of the data.
        model: with the impacts, and the Asimov fit where it was made.
        labels: displayed name of the method.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    found, fitted = read_result(model, ModelFit), read_result(fit, Fit)
    rows = found.impacts[:MOST]
    figure, (left, right) = new_figure(1, 2, size=(12.0, 2.4 + 0.32 * len(rows)), sharey=True)
    pulls = {each.name: each for each in fitted.parameters}
    expected = {each.name: each for each in found.asimov}
    for index, row in enumerate(rows):
        place = len(rows) - 1 - index
        if (pull := pulls.get(row.name)) is not None and pull.pull is not None:
            left.errorbar(
                [pull.pull], [place], xerr=[pull.constraint], fmt="o", color="black", markersize=4,
                label="fit to the data",
            )  # fmt: skip
        elif pull is not None:
            left.text(
                0.0, place, f"free: {with_error(pull.value, pull.error)}",
                ha="center", va="center", fontsize=9, gid=f"{row.name}, free",
            )  # fmt: skip
        asimov = expected.get(row.name)
        if asimov is not None and asimov.pull is not None:
            left.errorbar(
                [asimov.pull], [place - 0.3], xerr=[asimov.constraint], fmt="o", color=COLOURS[8],
                markerfacecolor="white", markersize=4, label="fit to the expectation (Asimov)",
            )  # fmt: skip
        for value, side, filled in ((row.up, "up", True), (row.down, "down", False)):
            if value is not None:
                right.barh(
                    place, value, height=0.7, edgecolor=COLOURS[0], fill=filled,
                    color=COLOURS[0], label=f"parameter one error {side}",
                )  # fmt: skip
    if not rows:
        remark(right, "no result" if found.reason else "no nuisance parameter")
    left.axvspan(-1, 1, color=OUTER)
    known = [pulls[row.name].pull for row in rows if row.name in pulls]
    reach = max([3.0, *(abs(pull) + 1.5 for pull in known if pull is not None)])
    left.set_xlim(-reach, reach)
    left.set_yticks(range(len(rows)), [literal(row.name) for row in reversed(rows)], fontsize=11)
    left.set_xlabel("pull")
    right.axvline(0, color=COLOURS[8], linestyle=":")
    right.set_xlabel("change of the strength")
    for ax in (left, right):
        ax.minorticks_off()
    shared_legend(figure, (left, right), ncols=4)
    label(left, WHAT, right=labels[found.method])
    label(right, WHAT)
    save_figure(figure, pdf, png, data)


def correlations(*, model: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the correlations of the parameters that are correlated most."""
    found = read_result(model, ModelFit)
    figure, ax = new_figure(size=(9.0, 8.0))
    matrix = np.array(found.correlations, float)
    if not matrix.size:
        remark(ax, "no result")
    else:
        others = np.abs(matrix - np.diag(np.diag(matrix))).max(axis=1)
        shown = np.sort(np.argsort(-others, kind="stable")[:MOST])
        names = [literal(found.parameters[index]) for index in shown]
        image = ax.imshow(matrix[np.ix_(shown, shown)], vmin=-1, vmax=1, cmap="RdBu_r")
        figure.colorbar(image, ax=ax, label="correlation")
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize=10)
        ax.set_yticks(range(len(names)), names, fontsize=10)
    ax.minorticks_off()
    label(ax, WHAT, right=found.method)
    save_figure(figure, pdf, png, data)


def scans(*, model: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw -2 log L along the strength and the parameters that were asked for."""
    found = read_result(model, ModelFit)
    many = max(len(found.scans), 1)
    figure, axes = new_figure(1, many, size=(max(4.6 * many, 6.5), 5.2), squeeze=False)
    for ax, scan in zip(axes[0], found.scans, strict=False):
        for height, text in ((1.0, r"1$\sigma$"), (4.0, r"2$\sigma$")):
            ax.axhline(height, color=COLOURS[8], linestyle=":", gid=text)
            ax.annotate(text, (0.98, height), xycoords=("axes fraction", "data"), ha="right",
                        va="bottom", fontsize=11)  # fmt: skip
        ax.plot(scan.values, scan.rise, color=COLOURS[0], gid=f"{scan.name}, profiled")
        ax.axvline(scan.best, color=COLOURS[8], linestyle="--", gid="best fit")
        ax.set_ylim(0, 9)
        ax.set_xlabel(literal(scan.name))
    if not found.scans:
        remark(axes[0, 0], "no result")
    axes[0, 0].set_ylabel(r"$-2\,\Delta\log L$")
    label(axes[0, 0], WHAT)
    axes[0, -1].set_title(found.method, loc="right", fontsize=12)
    save_figure(figure, pdf, png, data)


def channels(*, model: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the channels before and after the fit, with data over fit below."""
    found = read_result(model, ModelFit)
    of_fit = [each for each in found.channels if not each.pulls]
    figure, axes = _panels(of_fit, "data / fit")
    for column, channel in enumerate(of_fit):
        _ratio(axes[1, column], channel)
    if found.goodness_of_fit is not None:  # above the last one: beside the label is no room
        text = f"goodness of fit: p = {found.goodness_of_fit:.2g}"
        if found.goodness_toys is not None:
            text += f", with toys {found.goodness_toys:.2g}"
        axes[0, -1].set_title(text, loc="right", fontsize=12)
    save_figure(figure, pdf, png, data)


def validation(*, model: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the channels that the fit leaves out, with their pulls below."""
    found = read_result(model, ModelFit)
    left_out = [each for each in found.channels if each.pulls]
    figure, axes = _panels(left_out, "pull")
    for below, channel in zip(axes[1], left_out, strict=False):
        pulls = np.array(channel.pulls, float)
        below.axhspan(-1, 1, color=OUTER)
        known = np.flatnonzero(np.isfinite(pulls))
        below.bar(known, pulls[known], 0.6, color=COLOURS[0], lw=0, gid=f"{channel.name}, pull")
        below.axhline(0, color=COLOURS[8], linestyle=":", gid="zero")
        reach = max(3.0, 1.2 * float(np.nanmax(np.abs(pulls), initial=0.0)))
        below.set_ylim(-reach, reach)
    axes[0, -1].set_title(found.method, loc="right", fontsize=12)
    save_figure(figure, pdf, png, data)


def _panels(channels: Sequence[ChannelYields], what: str) -> tuple[Any, Any]:
    """A figure with events above and room below, a column a channel; `what` is drawn there."""
    many = max(len(channels), 1)
    figure, axes = new_figure(
        2, many, size=(max(4.0 * many, 6.0), 6.4), sharex="col", squeeze=False,
        height_ratios=[3, 1],
    )  # fmt: skip
    if not channels:
        remark(axes[0, 0], "no result")
    for column, channel in enumerate(channels):
        _events(axes[0, column], axes[1, column], channel)
    axes[0, 0].set_ylabel("events")
    axes[1, 0].set_ylabel(what)
    if channels:
        axes[0, -1].legend(fontsize=11)
    label(axes[0, 0], WHAT)
    return figure, axes


def _events(top: Any, below: Any, channel: ChannelYields) -> None:
    """Counts of a channel and both predictions; the axis of its bins."""
    edges = np.arange(len(channel.observed) + 1) - 0.5
    bins = edges[:-1] + 0.5
    observed, after = np.array(channel.observed), np.array(channel.after)
    error = np.array(channel.after_error)
    top.stairs(channel.before, edges, color=COLOURS[8], linestyle="--", label="before the fit")
    top.stairs(after, edges, color=COLOURS[0], label="after the fit")
    top.bar(
        bins, 2 * error, 1.0, after - error, color=COLOURS[0], alpha=0.25, lw=0,
        gid="error after the fit",
    )  # fmt: skip
    top.errorbar(bins, observed, yerr=np.sqrt(observed), fmt="o", color="black", label="data")
    top.set_ylim(bottom=0)
    below.set_xlabel(f"bin of {literal(channel.name)}")
    below.set_xticks(bins if len(bins) <= 12 else bins[:: len(bins) // 8])
    below.minorticks_off()


def _ratio(below: Any, channel: ChannelYields) -> None:
    """Data over the fitted model."""
    observed, after = np.array(channel.observed), np.array(channel.after)
    error, bins = np.array(channel.after_error), np.arange(len(after))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, spread = observed / after, np.sqrt(observed) / after
        band = np.where(after > 0, error / after, 0.0)
    below.bar(bins, 2 * band, 1.0, 1 - band, color=COLOURS[0], alpha=0.25, lw=0, gid="error")
    below.errorbar(bins, ratio, yerr=spread, fmt="o", color="black", markersize=4, gid="ratio")
    below.axhline(1, color=COLOURS[8], linestyle=":", gid="one")
    below.set_ylim(0.4, 1.6)
