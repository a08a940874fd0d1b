"""Figures and tables of what is done with workspaces: kappa_c, operators, and what methods buy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import NullLocator

from jetchain.core.io.tables import read_json, read_result, write_csv
from jetchain.core.schema.applications import (
    CharmLimit,
    CharmSearch,
    Gains,
    Interval,
    MethodGain,
    OperatorScans,
    Scan,
)
from jetchain.core.style import COLOURS, label, new_figure, remark, save_figure, style_of
from jetchain.core.verbs import Input, Labels, Output, Resource
from jetchain.reporting.inference import INNER, OUTER
from jetchain.reporting.names import confidence

THRESHOLDS = ((1.0, "68 %"), (3.841458820694124, "95 %"))
TOP = 10.0
"""Of q, in figures."""
SHADES = tuple(COLOURS[place] for place in (0, 1, 3, 4, 5, 8, 2))
"""Of the classes of jets, the signal in red."""


def charm_limits(
    *, search: Input, published: Resource, pdf: Output, png: Output, data: Output
) -> None:
    """Draw the expected limits on VH(cc) beside published ones, and the scans of kappa_c."""
    found = read_result(search, CharmSearch)
    measured = read_json(published)["measured"]
    figure, (left, right) = new_figure(1, 2, size=(14.0, 5.6))
    names = draw_strengths(left, found.limits, measured)
    left.set_yticks(range(len(names)), names, fontsize=11)
    left.set_xlabel(rf"{confidence(found.level)} upper limit on $\mu_{{VH(cc)}}$")
    label(left, right=f"{found.tagger}, ideal selection")
    for index, limit in enumerate(found.limits):
        draw_scan(right, limit.kappa, index, named(limit))
    for place, (height, text) in enumerate(THRESHOLDS):
        right.axhline(height, color=COLOURS[8], linestyle=":", gid=f"threshold {place}")
        right.annotate(
            text, (1.01, height), xycoords=("axes fraction", "data"), va="center", fontsize=11
        )
    right.set_xscale("symlog", linthresh=1.0)
    right.set_xlim(0, found.limits[0].kappa.values[-1])
    right.set_ylim(0, TOP)
    right.set_xlabel(r"$|\kappa_c|$")
    right.set_ylabel(r"$-2\,\Delta\ln L$")
    right.legend(loc="upper left", fontsize=10)
    label(right)
    save_figure(figure, pdf, png, data)


def named(limit: CharmLimit) -> str:
    """What a limit is of: its luminosity, and whether the simulation is taken for infinite."""
    text = f"{limit.luminosity:g}/fb"
    return text if limit.template_statistics else f"{text}, simulation infinite"


def draw_strengths(
    ax: Any, limits: Sequence[CharmLimit], measured: Sequence[dict[str, Any]]
) -> list[str]:
    """Limits from top to bottom, ours with their bands, then the published ones; their names."""
    names = [f"jetchain, {named(each)}" for each in limits]
    names += [each["name"] for each in measured]
    for index, limit in enumerate(limits):
        band = np.array(limit.expected_mu, float)
        if not np.isfinite(band).all():
            ax.annotate("no limit", (0.5, index), xycoords=("axes fraction", "data"), va="center")
            continue
        for low, high, colour, sigma in ((0, 4, OUTER, 2), (1, 3, INNER, 1)):
            ax.barh(
                index, band[high] - band[low], 0.5, left=band[low], color=colour, lw=0,
                gid=f"{names[index]}, {sigma} sigma",
            )  # fmt: skip
        ax.plot([band[2]] * 2, [index - 0.25, index + 0.25], color="black", linestyle="--",
                gid=f"{names[index]}, expected")  # fmt: skip
    for index, each in enumerate(measured, start=len(limits)):
        ax.plot(
            [each["expected_mu"]], [index], "|", color="black", markersize=16, markeredgewidth=2,
            gid=f"{each['name']}, expected",
        )  # fmt: skip
        ax.plot([each["observed_mu"]], [index], "o", color="black", gid=f"{each['name']}, observed")
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.set_xlim(low / 2, 2 * high)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.yaxis.set_minor_locator(NullLocator())
    return names


def draw_scan(ax: Any, scan: Scan, index: int, text: str) -> None:
    """q along the parameter; values without a likelihood leave a gap."""
    q = np.array([np.nan if each is None else each for each in scan.q], float)
    style = style_of(index)
    ax.plot(scan.values, q, label=text, color=style.colour, linestyle=style.line)


def charm_yields(*, search: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the events that are expected in each category, stacked by class of jets."""
    found = read_result(search, CharmSearch)
    categories = list(dict.fromkeys(each.category for each in found.yields))
    figure, axes = new_figure(
        1, len(categories), size=(4.2 * len(categories) + 1.0, 4.8), squeeze=False
    )
    edges = np.array(found.edges)
    classes = list(dict.fromkeys(each.jet_class for each in found.yields))
    for ax, category in zip(axes[0], categories, strict=True):
        rows = {each.jet_class: each for each in found.yields if each.category == category}
        order = sorted(classes, key=lambda name: sum(rows[name].events))
        below = np.zeros(len(edges) - 1)
        for name in order:
            above = below + np.array(rows[name].events)
            ax.stairs(
                above, edges, baseline=below, fill=True, alpha=0.8,
                color=SHADES[classes.index(name) % len(SHADES)],
                label=f"{name} ({rows[name].jets})",
            )  # fmt: skip
            below = above
        ax.set_yscale("log")
        ax.set_ylim(below.max() * 1e-7, below.max() * 3000)
        ax.set_xlabel("soft-drop mass [GeV]")
        ax.legend(fontsize=10, ncols=2, loc="upper left")
        label(ax, right=category)
    axes[0, 0].set_ylabel(f"events in {found.luminosity:g}/fb")
    save_figure(figure, pdf, png, data)


def charm_table(*, search: Input, published: Resource, table: Output) -> None:
    """Write our limits and intervals beside the published ones."""
    found = read_result(search, CharmSearch)
    rows = [
        {
            "result": f"jetchain, {named(each)} (simulation)",
            "luminosity_fb": each.luminosity,
            "observed_mu": None,
            "expected_mu": each.expected_mu[2],
            "observed_kappa_c": "",
            "expected_kappa_c": told(each),
            "kappa_c_from_mu": each.from_mu,
            "source": each.reason or "this run: ideal selection, leading order",
        }
        for each in found.limits
    ]
    rows += [
        {
            "result": each["name"],
            "luminosity_fb": each["luminosity_fb"],
            "observed_mu": each["observed_mu"],
            "expected_mu": each["expected_mu"],
            "observed_kappa_c": each["observed_kappa_c"],
            "expected_kappa_c": each["expected_kappa_c"],
            "kappa_c_from_mu": None,
            "source": each["source"],
        }
        for each in read_json(published)["measured"]
    ]
    write_csv(
        table,
        {name: ["" if row[name] is None else row[name] for row in rows] for name in rows[0]},
    )


def told(limit: CharmLimit) -> str:
    """The interval of kappa_c at 95 % in words."""
    if limit.unbounded:
        return "unbounded: mu saturates"
    found = limit.kappa.intervals_95
    # At the lower end of the scan is zero itself.
    return (
        "; ".join(interval(each.model_copy(update={"low": each.low or 0.0})) for each in found)
        or "none"
    )


def interval(found: Interval) -> str:
    """An interval, an open end as the scan's."""
    low = "scan" if found.low is None else f"{found.low:.3g}"
    high = "scan" if found.high is None else f"{found.high:.3g}"
    return f"[{low}, {high}]"


def operators(*, scans: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw -2 ln L along each operator's coefficient, with its intervals."""
    found = read_result(scans, OperatorScans)
    many = len(found.scans)
    figure, axes = new_figure(1, many, size=(4.6 * many + 1.0, 4.8), squeeze=False, sharey=True)
    for ax, scan in zip(axes[0], found.scans, strict=True):
        draw_scan(ax, scan, 0, "profile likelihood")
        for least in scan.minima:
            ax.plot(
                [least.at], [least.q], "o", color="black", clip_on=False, zorder=3,
                gid=f"minimum at {least.at:.3g}",
            )  # fmt: skip
        for (height, text), intervals, colour in zip(
            THRESHOLDS, (scan.intervals_68, scan.intervals_95), (INNER, OUTER), strict=True
        ):
            ax.axhline(height, color=COLOURS[8], linestyle=":", gid=f"threshold {text}")
            for each in intervals:
                low = scan.values[0] if each.low is None else each.low
                high = scan.values[-1] if each.high is None else each.high
                ax.plot(
                    [low, high], [height] * 2, color=colour, linewidth=5, alpha=0.8,
                    gid=f"{text}: {interval(each)}",
                )  # fmt: skip
        if scan.reason and not scan.minima:
            remark(ax, "no result")
        unit = re.sub(r"\^(-?\d+)", r"$^{\1}$", f" [{scan.unit}]") if scan.unit else ""
        ax.set_xlabel(f"coefficient of {scan.name}{unit}")
        ax.set_xlim(scan.values[0], scan.values[-1])
        ax.set_ylim(0, TOP)
        label(ax, "workspace", right=found.method)
    axes[0, 0].set_ylabel(r"$-2\,\Delta\ln L$")
    save_figure(figure, pdf, png, data)


def operators_table(*, scans: Input, published: Resource, table: Output) -> None:
    """Write the intervals of each operator, beside a published one of the same name."""
    found = read_result(scans, OperatorScans)
    known = read_json(published)
    columns: dict[str, list[Any]] = {}
    for scan in found.scans:
        other = known["intervals_95"].get(scan.name)
        row = {
            "operator": scan.name,
            "unit": scan.unit,
            "minima": "; ".join(f"{each.at:.3g}" for each in scan.minima),
            "interval_68": "; ".join(interval(each) for each in scan.intervals_68),
            "interval_95": "; ".join(interval(each) for each in scan.intervals_95),
            "published_observed_95": "" if other is None else f"[{other[0]}, {other[1]}]",
            "source": "" if other is None else known["source"],
            "reason": scan.reason or "",
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    write_csv(table, columns)


def gain(*, gains: Input, labels: Labels, pdf: Output, png: Output, data: Output) -> None:
    """Draw expected limits against the luminosity, a line a method."""
    found = read_result(gains, Gains)
    figure, ax = new_figure(size=(8.0, 5.8))
    drawn = [
        draw_gain(ax, each, index, labels.get(each.method, each.method))
        for index, each in enumerate(found.methods)
    ]
    if not any(drawn):
        remark(ax, "no result")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("integrated luminosity [1/fb]")
    ax.set_ylabel(f"{confidence(found.level)} expected upper limit [fb]")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.25)
    if any(drawn):
        ax.legend(loc="upper right", ncols=2)
    label(ax, right="CLs, no signal in the data")
    save_figure(figure, pdf, png, data)


def draw_gain(ax: Any, found: MethodGain, index: int, name: str) -> bool:
    """The median with its band of one sigma, and the trainings' mean and spread; false: nothing."""
    rows = [
        (x, band) for x, band in zip(found.luminosity, found.expected_fb, strict=True)
        if band[2] is not None
    ]  # fmt: skip
    style = style_of(index)
    if rows:
        x = [each for each, _ in rows]
        ax.fill_between(
            x, [band[1] for _, band in rows], [band[3] for _, band in rows], color=style.colour,
            alpha=0.15, lw=0, gid=f"{name}, 1 sigma",
        )  # fmt: skip
        ax.plot(x, [band[2] for _, band in rows], label=name, **style.curve)
    replicas = [
        each
        for each in zip(found.luminosity, found.mean_fb, found.spread_fb, strict=False)
        if each[1] is not None
    ]
    if replicas:
        ax.errorbar(
            [each[0] for each in replicas], [each[1] for each in replicas],
            yerr=[each[2] for each in replicas], capsize=3, **style.points,
            label=f"{name}, {found.trainings} trainings",
        )  # fmt: skip
    return bool(rows or replicas)
