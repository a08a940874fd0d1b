"""A trigger without labels: the signal that it keeps at a rate, beside other triggers."""

from __future__ import annotations

import numpy as np

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.schema.firmware import RTLDesign, RTLSimulation
from jetchain.core.schema.particleflow import Ratio
from jetchain.core.schema.trigger import TriggerRates
from jetchain.core.style import label, legend_size, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Labels, Output

CUTS = {"leading_pt": r"$p_{T}$ of the leading jet", "ht": r"$H_{T}$"}
RANDOM = "random trigger"


def curves(
    *,
    rates: Input,
    description: Input,
    simulation: Input,
    names: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Efficiency against the background kept, with binomial errors of both.

    Args:
        rates: TriggerRates.
        description: RTLDesign of the autoencoder.
        simulation: RTLSimulation of the autoencoder.
        names: of the designs, displayed.
    """
    triggers = read_result(rates, TriggerRates).triggers
    design, run = read_result(description, RTLDesign), read_result(simulation, RTLSimulation)
    figure, ax = new_figure(1, 1, size=(8.6, 7.0))
    shown = {**names, **CUTS}
    for index, key in enumerate(name for name in shown if name in triggers):
        kept = [each for each in triggers[key] if each.background.passed and each.signal.passed]
        x, y = (
            np.array([getattr(each, axis).value for each in kept])
            for axis in ("background", "signal")
        )
        style = style_of(index)
        ax.errorbar(
            x, y, xerr=_errors([each.background for each in kept]),
            yerr=_errors([each.signal for each in kept]), color=style.colour, marker=style.marker,
            ls="-" if key in names else "--", ms=7, capsize=2, lw=1.4, label=shown[key],
        )  # fmt: skip
    ax.set(xscale="log", yscale="log")
    drawn = [each.background for points in triggers.values() for each in points]
    low = min((each.low for each in drawn if each.passed), default=0.01)
    line = np.geomspace(low, 1.0, 20)
    ax.plot(line, line, color="0.5", ls=":", label=RANDOM)
    ax.set(
        xlabel="Background kept", ylabel="Signal kept", xlim=(0.8 * low, 1.0),
        ylim=(0.5 * low, 1.5),
    )  # fmt: skip
    ax.legend(loc="lower right", fontsize=legend_size(len(triggers) + 1))
    label(
        ax, "simulation",
        right=f"without labels: {run.latency_cycles} cycles, da4ml's cost "
        f"{design.estimated_luts / 1e3:.1f} k LUTs",
    )  # fmt: skip
    save_figure(figure, pdf, png, data)


def _errors(shares: list[Ratio]) -> np.ndarray:
    """Lengths (2, points) of the error bars."""
    return np.array(
        [
            [each.value - each.low, each.high - each.value]
            for each in shares
            if each.value is not None
        ]
    ).T.reshape(2, -1)


def table(*, rates: Input, names: Labels, table: Output) -> None:
    """The same numbers, and how many times more signal is kept than by a random trigger.

    Args:
        rates: TriggerRates.
        names: of the designs, displayed.
    """
    shown = {**names, "leading_pt": "pT of the leading jet", "ht": "H_T"}
    triggers = read_result(rates, TriggerRates).triggers
    rows = [
        {
            "trigger": shown[key],
            "data asked [%]": f"{100 * point.asked:g}",
            "background kept [%]": _percent(point.background),
            "signal kept [%]": _percent(point.signal),
            "times a random trigger": _times(point.signal, point.background),
            "background events": f"{point.background.passed} of {point.background.total}",
            "signal events": f"{point.signal.passed} of {point.signal.total}",
        }
        for key in shown
        for point in triggers.get(key, [])
    ]
    write_csv(table, {name: [row[name] for row in rows] for name in rows[0]})


def _percent(share: Ratio) -> str:
    """With its 68 % interval."""
    if share.value is None:
        return ""
    up, down = share.high - share.value, share.value - share.low
    return f"{100 * share.value:.2f} +{100 * up:.2f} -{100 * down:.2f}"


def _times(signal: Ratio, background: Ratio) -> str:
    """Ratio of the two, with the error of both: those of ratios add in squares."""
    if not signal.passed or not background.passed:
        return ""
    parts = [
        (1 - each.passed / each.total) / each.passed for each in (signal, background)
    ]  # binomial variance of a share over its square
    ratio = signal.passed / signal.total / (background.passed / background.total)
    return f"{ratio:.2f} +- {ratio * float(np.sqrt(sum(parts))):.2f}"
