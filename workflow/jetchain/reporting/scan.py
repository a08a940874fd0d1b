"""Figure and table of a scan of the search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from jetchain.core.io.tables import read_csv, read_result, write_csv
from jetchain.core.schema.scan import ScannedMethod, ScanPoint, ScanSummary, Spread
from jetchain.core.style import label, legend_size, new_figure, remark, save_figure, style_of
from jetchain.core.verbs import Input, Labels, Output
from jetchain.reporting.checks import explain, marked

DISCOVERY = 5.0
# A selection trained on little signal keeps hardly any: such fits lie far out, on either side.
FAR = FixedLocator([0.0, *(sign * 10.0**k for k in range(7) for sign in (-1, 1))])


def figure(
    *, summary: Input, points: Input, checks: Input, labels: Labels, pdf: Output, png: Output,
    data: Output,
) -> None:  # fmt: skip
    """Draw significance, improvement, fitted strength, and limits or p-values without signal.

    Args:
        summary: of the scan; with several strengths its medians are drawn against them.
        points: its replicas; with one strength, how many of them lie below each number.
        checks: of the search; methods that fail one are marked.
        labels: displayed names of the methods.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    found = read_result(summary, ScanSummary)
    drawn, axes = new_figure(2, 2)
    shown_as = marked(labels, checks)
    names = names_of(found, shown_as)
    explain(axes[1, 1], shown_as)
    strengths = {point.strength for point in _points(found)}
    if len(strengths) > 1:
        _against_strength(axes, found, names, max(strengths))
    else:
        _of_replicas(axes, found, names, read_csv(points), *strengths)
    for ax in axes.flat:
        if ax.get_legend_handles_labels()[1]:
            low, high = ax.transScale.transform([(0.0, each) for each in ax.get_ylim()])[:, 1]
            top = ax.transScale.inverted().transform((0.0, high + 0.3 * (high - low)))[1]
            ax.set_ylim(top=top)
            ax.legend(loc="upper left", fontsize=legend_size(2 * len(names)))
    of = f"{found.replicas} replicas" if found.replicas > 1 else "1 replica"
    lifted = next((each for each in _points(found) if each.strength > 0), None)
    label(axes[0, 0], right="" if lifted is None else _unit(lifted))
    label(axes[0, 1], right=f"{of}, {100 * found.share:.3g} % of the luminosity")
    save_figure(drawn, pdf, png, data)


def _against_strength(axes: Any, found: ScanSummary, names: list[str], largest: float) -> None:
    """The four panels of a scan over several strengths."""
    draw_points(axes[0, 0], found, names, "significance")
    axes[0, 0].axhline(DISCOVERY, color="black", lw=1, ls=":")
    axes[0, 0].set(ylabel=r"Local significance [$\sigma$]", ylim=(0, None))
    draw_points(axes[0, 1], found, names, "improvement")
    axes[0, 1].set(ylim=(0, None))
    draw_points(axes[1, 0], found, names, "mu")
    axes[1, 0].plot(
        [0, largest], [0, largest], color="black", lw=1, ls=":", label="fitted = injected"
    )
    axes[1, 0].set(ylabel="Fitted signal strength")
    axes[1, 0].set_yscale("symlog", linthresh=1.5 * max(largest, 1.0))
    axes[1, 0].yaxis.set_major_locator(FAR)
    axes[1, 0].yaxis.set_major_formatter("{x:g}")
    nulls = [method.background_only for method in found.methods]
    if any(null is not None and null.ks is not None for null in nulls):
        draw_null(axes[1, 1], found, names)
    else:
        draw_limits(axes[1, 1], found, names)


def _of_replicas(
    axes: Any, found: ScanSummary, names: list[str], points: dict[str, np.ndarray], strength: float
) -> None:
    """The four panels of a scan at one strength."""
    at = _smallest_of(found)
    draw_replicas(axes[0, 0], found, names, points, "significance")
    axes[0, 0].set(xlabel=r"Local significance z [$\sigma$]", ylabel="Replicas below z")
    draw_replicas(axes[0, 1], found, names, points, f"improvement_{at}")
    axes[0, 1].set(xlabel=_improvement(at), ylabel="Replicas below it")
    draw_replicas(axes[1, 0], found, names, points, "mu")
    axes[1, 0].axvline(strength, color="black", lw=1, ls=":", label="injected")
    axes[1, 0].set_xscale("symlog", linthresh=1.5 * max(strength, 1.0))
    axes[1, 0].xaxis.set_major_locator(FAR)
    axes[1, 0].xaxis.set_major_formatter("{x:g}")
    axes[1, 0].set(xlabel=r"Fitted signal strength $\mu$", ylabel=r"Replicas below $\mu$")
    if strength == 0:
        draw_null(axes[1, 1], found, names)
    else:
        draw_replicas(axes[1, 1], found, names, points, "expected_fb")
        axes[1, 1].set(xlabel="Expected limit [fb]", ylabel="Replicas below it")


def draw_replicas(
    ax: Axes, found: ScanSummary, names: list[str], points: dict[str, np.ndarray], column: str
) -> None:
    """One panel: how many of the replicas that have a number lie below it, in steps.

    Args:
        ax: the panel.
        found: the scan.
        names: of its methods.
        points: its replicas; a number that one does not have is NaN.
        column: of them.
    """
    drawn = False
    for index, (method, name) in enumerate(zip(found.methods, names, strict=True)):
        low, high = method.signal_region_tev
        own = (points["method"] == method.method) & (points["window_low"] == low)
        values = points.get(column, np.empty(0))[own & (points["window_high"] == high)]
        values = np.sort(values[np.isfinite(values)])
        if not len(values):
            continue
        drawn = True
        ax.plot(
            np.concatenate([values[:1], values]), np.arange(len(values) + 1) / len(values),
            drawstyle="steps-post", label=f"{name}, {len(values)} replicas",
            **style_of(index).curve,
        )  # fmt: skip
    ax.set_ylim(0, 1)
    if not drawn:
        remark(ax, "not known of any replica")


def _unit(point: ScanPoint) -> str:
    """What strength 1 is."""
    unit = point.initial_significance.median / point.strength
    return rf"strength 1: $S/\sqrt{{B}}$ = {unit:.2g} in the window"


def names_of(found: ScanSummary, labels: Mapping[str, str]) -> list[str]:
    """Displayed names, with the window where there are several."""
    several = len({method.signal_region_tev for method in found.methods}) > 1
    return [
        labels[method.method] + (_window(method) if several else "") for method in found.methods
    ]


def _window(method: ScannedMethod) -> str:
    low, high = method.signal_region_tev
    return f", {low:g}-{high:g} TeV"


def _smallest(point: ScanPoint) -> str | None:
    """The smallest background efficiency at which an improvement is known."""
    return min((n for n, value in point.improvement.items() if value), key=float, default=None)


def _smallest_of(found: ScanSummary) -> str | None:
    """The smallest one of all points."""
    return min((n for each in _points(found) if (n := _smallest(each))), key=float, default=None)


def _improvement(at: str | None) -> str:
    return "Improvement" + ("" if at is None else rf" at $\epsilon_B$ = {100 * float(at):g} %")


def draw_points(ax: Axes, found: ScanSummary, names: list[str], what: str) -> None:
    """One panel: medians and 68 % bands of a number against the injected strength.

    Args:
        ax: the panel.
        found: the scan.
        names: of its methods.
        what: field of `ScanPoint`; of the improvement, that at the smallest background efficiency
            that any point has.
    """
    at = _smallest_of(found)
    drawn, span = False, max(1.0, *(point.strength for point in _points(found)))
    for index, (method, name) in enumerate(zip(found.methods, names, strict=True)):
        values: list[tuple[float, Spread]] = []
        for each in method.points:
            value = each.improvement.get(at or "") if what == "improvement" else getattr(each, what)
            if value is not None:
                values.append((each.strength, value))
        if not values:
            continue
        drawn, style = True, style_of(index)
        # Beside one another, so that bars of several methods can be seen.
        x = np.array([strength for strength, _ in values]) + 0.012 * span * index
        middle, low, high = (
            np.array([getattr(value, edge) for _, value in values])
            for edge in ("median", "low", "high")
        )
        ax.errorbar(
            x, middle, (middle - low, high - middle), color=style.colour, linestyle=style.line,
            marker=style.marker, fillstyle=style.fill, capsize=2, label=name,
        )  # fmt: skip
        if len(x) > 1:
            ax.fill_between(x, low, high, color=style.colour, alpha=0.2, lw=0, gid=name)
    if what == "improvement":
        ax.set_ylabel(_improvement(at))
    if not drawn:
        remark(ax, "not known at any point")
    ax.set(
        xlabel="Injected signal strength", xlim=(-0.06 * span, (1.06 + 0.012 * len(names)) * span)
    )


def _points(found: ScanSummary) -> Iterator[ScanPoint]:
    for method in found.methods:
        yield from method.points


def draw_null(ax: Axes, found: ScanSummary, names: list[str]) -> None:
    """One panel: how many replicas without signal have a p-value below one."""
    for index, (method, name) in enumerate(zip(found.methods, names, strict=True)):
        null = method.background_only
        if null is None or null.ks is None:
            continue
        steps = np.sort(null.p_values)
        ax.plot(
            np.concatenate([[0.0], steps, [1.0]]),
            np.concatenate([[0.0], np.arange(1, len(steps) + 1) / len(steps), [1.0]]),
            drawstyle="steps-post", label=f"{name}, KS p = {null.ks:.2g}", **style_of(index).curve,
        )  # fmt: skip
    ax.plot([0, 1], [0, 1], color="black", lw=1, ls=":")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="Local p-value p", ylabel="Replicas below p")


def draw_limits(ax: Axes, found: ScanSummary, names: list[str]) -> None:
    """One panel: expected limits of selections trained with the signal, and without any."""
    draw_points(ax, found, names, "expected_fb")
    noted = False  # each has the colour of its method
    for index, (method, name) in enumerate(zip(found.methods, names, strict=True)):
        without, trained = method.limit_without_signal, bool(method.points[0].improvement)
        if trained and without is not None and without.expected_fb is not None:
            ax.axhline(
                without.expected_fb.median, color=style_of(index).colour, lw=1, ls=":",
                label=None if noted else "the same, trained without signal", gid=f"{name}, without",
            )  # fmt: skip
            noted = True
    if ax.lines:
        ax.set(yscale="log", ylabel="Expected limit [fb]")


def table(*, summary: Input, checks: Input, labels: Labels, table: Output) -> None:
    """Write medians and bands of all points, and what follows from all strengths together."""
    found = read_result(summary, ScanSummary)
    rows: list[dict[str, Any]] = []
    shown_as, shared = marked(labels, checks), found.shared_background
    for method in found.methods:
        rows += [_row(method, point, shown_as[method.method], shared) for point in method.points]
    names = list(dict.fromkeys(name for row in rows for name in row))
    write_csv(table, {name: [row.get(name, "") for row in rows] for name in names})


def _row(
    method: ScannedMethod, point: ScanPoint, name: str, shared_background: float
) -> dict[str, Any]:
    line, null = method.linearity, method.background_only
    without = method.limit_without_signal
    low, high = method.signal_region_tev
    row: dict[str, Any] = {
        "method": name,
        "window": f"{low:g}-{high:g} TeV",
        "injected strength": point.strength,
        "S/sqrt(B)": shown(point.initial_significance),
        "significance": shown(point.significance),
        "mu": shown(point.mu),
        "error of mu": shown(point.mu_error),
        "observed limit [fb]": shown(point.observed_fb),
        "expected limit [fb]": shown(point.expected_fb),
        "the same, trained without signal": "" if without is None else shown(without.expected_fb),
    }
    for efficiency, improvement in point.improvement.items():
        row[f"improvement at eB = {efficiency}"] = shown(improvement)
        row[f"signal efficiency at eB = {efficiency}"] = shown(point.signal_efficiency[efficiency])
    signs = {"": "", "below": "< ", "above": "> "}
    least = method.sigma_min
    row["Sigma_min"] = "" if least.value is None else f"{signs[least.bound]}{least.value:.2g}"
    row["slope"] = _with_error(line.slope, line.slope_error)
    row["pull mean"] = "" if line.pull_mean is None else f"{line.pull_mean:.2f}"
    row["pull width"] = _with_error(line.pull_width, line.pull_width_error)
    row["shared background"] = f"{100 * shared_background:.0f} %"
    row["KS p"] = "" if null is None or null.ks is None else f"{null.ks:.2g}"
    row["spurious signal [sigma]"] = (
        "" if null is None else _with_error(null.spurious, null.spurious_error)
    )
    row["without result or limit"] = f"{point.without_result}, {point.without_limit}"
    reasons = [point.reason, None if without is None else without.reason]
    row["why"] = "; ".join(dict.fromkeys(filter(None, reasons)))
    return row


def shown(value: Spread | None) -> str:
    """A median with its band, in the digits of the band."""
    if value is None:
        return "none"
    return f"{value.median:.3g} [{value.low:.3g}, {value.high:.3g}]"


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if error is None else f"{value:.2f} +- {error:.2f}"
