"""Figures of the background room, from its tables."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.metrics import counting_significance
from jetchain.core.schema.background import (
    AbcdClosure,
    KappaPoint,
    SpectrumFit,
    SpectrumFits,
    TemplateQuality,
)
from jetchain.core.style import COLOURS, label, new_figure, save_figure, style_of
from jetchain.core.verbs import Input, Labels, Output

FEATURES = {
    "m_j1": r"$m_{J_1}$ [TeV]",
    "delta_m": r"$m_{J_2}-m_{J_1}$ [TeV]",
    "tau21_j1": r"$\tau_{21}$ of the lighter jet",
    "tau21_j2": r"$\tau_{21}$ of the heavier jet",
}
LARGEST = 20.0  # significance that is drawn; there p-values are no numbers any more
Table = dict[str, NDArray]


def spectrum(
    *,
    spectra: Input,
    fits: Input,
    method: str,
    labels: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw the dijet mass before and after the cut: fit, its signal and background, significances.

    Bars are those of the data above the background alone, points above the whole fit.
    """
    table, summary = read_csv(spectra), read_result(fits, SpectrumFits)
    figure, (ax, lower) = new_figure(2, 1, size=(8.5, 7.5), sharex=True, height_ratios=[3, 1.1])
    draw_spectrum(ax, lower, table, summary)
    label(ax, right=labels[method])
    lower.axhline(0, color="black", lw=1)
    lower.set(
        xlabel=r"Dijet mass $m_{JJ}$ [TeV]",
        ylabel="Significance" if summary.efficiency == 1 else "Signif. after cut",
    )
    lower.legend(loc="upper right", ncols=2)
    save_figure(figure, pdf, png, data)


def draw_spectrum(ax: Axes, lower: Axes | None, table: Table, summary: SpectrumFits) -> None:
    """One panel: the spectrum before and after the cut with its fits; a second one for the bins."""
    nominal = summary.efficiency
    low, high = _window(table)
    selections = list(dict.fromkeys(["1", f"{nominal:g}"]))
    for index, name in enumerate(selections):
        own = {column: values[_is(table["selection"], name)] for column, values in table.items()}
        text = "all data" if name == "1" else f"after the cut ({100 * nominal:g} % of sidebands)"
        _draw(
            ax, lower if name == selections[-1] else None, own, summary.fits[name], text, index
        )  # fmt: skip
    for each in (ax, lower):
        if each is not None:
            each.axvspan(low, high, color="#94a4a2", alpha=0.25, lw=0, gid="signal region")
    ax.set_yscale("log")
    ax.set_ylim(0.3, 60 * table["observed"].max())
    ax.set_ylabel("Events / bin")
    handles, texts = ax.get_legend_handles_labels()
    lines = len(handles) // 2  # matplotlib lists all lines first: pair data and fit
    order = [index for each in range(lines) for index in (lines + each, each)]
    parts = {
        "Background of the fit": Line2D([], [], color="black", linestyle=":"),
        "Signal of the fit": Line2D([], [], color="black", alpha=0.6, drawstyle="steps-mid"),
    }
    ax.legend(
        [*(handles[k] for k in order), *parts.values()], [*(texts[k] for k in order), *parts],
        loc="upper right",
    )  # fmt: skip


def _is(column: NDArray, name: str) -> NDArray[np.bool_]:
    """A CSV column of numbers reads back as numbers."""
    return np.isclose(column.astype(float), float(name))


def _window(table: Table) -> tuple[float, float]:
    inside = table["window"] == 1
    return table["low"][inside].min(), table["high"][inside].max()


def _draw(
    ax: Axes, lower: Axes | None, own: Table, fit: SpectrumFit, text: str, index: int
) -> None:
    colour, style = style_of(2 * index).colour, style_of(index)
    edges = np.append(own["low"], own["high"][-1])
    centre, observed, expected = (own["low"] + own["high"]) / 2, own["observed"], own["expected"]
    background, error = own["background"], own["background_error"]
    shown = observed > 0
    ax.errorbar(
        centre[shown], observed[shown], np.sqrt(observed[shown]), fmt=style.marker, ms=4,
        color=colour, label=f"Data, {text}",
    )  # fmt: skip
    words = (
        rf"$\mu$ = {fit.mu:.2f} $\pm$ {np.hypot(fit.mu_error, fit.spurious_mu):.2f}, "
        rf"{fit.significance:.1f}$\,\sigma$"
        if fit.accepted
        else "background not accepted"
    )
    ax.plot(
        centre, expected, linestyle=style.line, color=colour,
        label=rf"Fit: p = {fit.p_value:.3g}, {words}",
    )  # fmt: skip
    ax.plot(centre, background, linestyle=":", color=colour, gid=f"Background, {text}")
    ax.fill_between(
        centre, np.maximum(background - error, 1e-3), background + error, color=colour,
        alpha=0.25, lw=0, gid=f"Fit, {text}",
    )  # fmt: skip
    ax.stairs(
        np.maximum(expected - background, 1e-3), edges, color=colour, alpha=0.6,
        gid=f"Signal, {text}",
    )  # fmt: skip
    if lower is not None:
        above = counting_significance(observed, np.maximum(background, 1e-9), error)
        lower.bar(
            centre, np.clip(above, -LARGEST, LARGEST), own["high"] - own["low"], color=colour,
            alpha=0.6, label="above the background",
        )  # fmt: skip
        left = counting_significance(observed, np.maximum(expected, 1e-9))
        lower.plot(
            centre, np.clip(left, -LARGEST, LARGEST), "o", ms=4, color="black",
            label="above the fit",
        )  # fmt: skip


def abcd(
    *,
    plane: Input,
    scan: Input,
    closure: Input,
    method: str,
    labels: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw the plane of the two decorrelated outputs, closure along the cut, kappa in the mass."""
    table, points = read_csv(plane), read_csv(scan)
    found = read_result(closure, AbcdClosure)
    figure, ((left, centre), (right, last)) = new_figure(2, 2, size=(13.5, 11))
    bins = round(np.sqrt(len(table["f"])))
    edges = np.append(np.unique(table["f"]), 1.0)
    for ax, name, top in ((left, "background", 3), (centre, "signal", 12)):
        share = table[name].reshape(bins, bins) / table[name].sum() * bins**2
        drawn = ax.pcolormesh(edges, edges, share.T, cmap="Blues", vmin=0, vmax=top)
        figure.colorbar(drawn, ax=ax, label="Density (1: flat)")
        _draw_regions(ax, *found.cuts)
        label(ax, right=f"{name} in the signal region")
    names = {"sidebands": "sidebands, data", "signal region": "signal region, true background"}
    for index, (selection, shown) in enumerate(names.items()):
        own = (points["selection"] == selection) & (points["observed"] > 0)
        observed, predicted = points["observed"][own], points["prediction"][own]
        ratio = predicted / observed
        relative = np.hypot(points["prediction_error"][own] / predicted, 1 / np.sqrt(observed))
        right.errorbar(
            points["efficiency"][own] * (1 + 0.04 * index), ratio, ratio * relative,
            fmt=style_of(index).marker, ms=5, color=style_of(2 * index).colour, label=shown,
        )  # fmt: skip
        rows = [each for each in found.kappas if each.selection == shown]
        kappa = np.array([each.kappa for each in rows])
        last.errorbar(
            [each.mass for each in rows], kappa,
            kappa * np.array([each.relative_uncertainty for each in rows]),
            fmt=style_of(index).marker, ms=5, color=style_of(2 * index).colour, label=shown,
        )  # fmt: skip
    right.axhline(1, color="black", lw=1)
    right.axhspan(0.9, 1.1, color="#94a4a2", alpha=0.3, lw=0, label=r"$\pm$ 10 %")
    right.set(
        xscale="log",
        ylim=(0.2, 2.2),
        xlabel="Fraction of the sidebands in region A",
        ylabel=r"Predicted / observed, $\frac{BC}{D}\,/\,A$",
    )
    right.legend(loc="upper right")
    label(right, right=labels[method])
    _draw_line(last, [each for each in found.kappas if each.selection == "line"])
    label(last, right=labels[method])
    save_figure(figure, pdf, png, data)


def _draw_line(ax: Axes, rows: list[KappaPoint]) -> None:
    """The line through kappa of the sidebands, with its band."""
    mass, kappa, relative = (
        np.array([getattr(each, name) for each in rows])
        for name in ("mass", "kappa", "relative_uncertainty")
    )
    ax.plot(mass, kappa, color=COLOURS[0])
    ax.fill_between(
        mass, kappa * (1 - relative), kappa * (1 + relative), color=COLOURS[0], alpha=0.25, lw=0,
        label="line through the sidebands",
    )  # fmt: skip
    ax.axhline(1, color="black", lw=1)
    ax.set(
        xlabel=r"Dijet mass $m_{JJ}$ [TeV]",
        ylabel=r"$\kappa = A\,D\,/\,(B\,C)$",
        ylim=(0.2, 2.2),
    )
    ax.legend(loc="upper right")


def _draw_regions(ax: Axes, first: float, second: float) -> None:
    ax.axvline(first, color="black", lw=1.2)
    ax.axhline(second, color="black", lw=1.2)
    left, below = first / 2, second / 2
    for text, x, y in (("D", left, below), ("B", 1, below), ("C", left, 1), ("A", 1, 1)):
        ax.text(x - 0.015, y - 0.015, text, fontsize=18, weight="bold", ha="right", va="top")
    ax.set(xlabel="Rank of output f", ylabel="Rank of output g", xlim=(0, 1), ylim=(0, 1))


def template(
    *,
    distributions: Input,
    quality: Input,
    method: str,
    labels: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw data against a method's template, feature by feature, in both regions."""
    table, merit = read_csv(distributions), read_result(quality, TemplateQuality).sidebands
    figure, axes = new_figure(4, 4, size=(18, 10.5), height_ratios=[3, 1, 3, 1], sharex="col")
    for row, region in enumerate(("sidebands", "signal region")):
        for column, (feature, shown) in enumerate(FEATURES.items()):
            chosen = (table["region"] == region) & (table["feature"] == feature)
            own = {name: values[chosen] for name, values in table.items()}
            upper, lower = axes[2 * row, column], axes[2 * row + 1, column]
            _compare(upper, lower, own, f"{labels[method]} template")
            lower.set_xlabel(shown)
            lower.tick_params(labelbottom=True)
            if column == 0:
                upper.set_ylabel("Events / bin")
                lower.set_ylabel("Data / template")
                upper.legend(title=region.capitalize(), title_fontsize=12, loc="upper right")
    label(
        axes[0, 0],
        right="",
    )
    above = merit.null_deviations
    deviations = "no spread" if above is None else f"{above:+.1f} σ"
    figure.suptitle(
        f"Data against template in the sidebands: AUC {merit.auc:.3f}, permuted labels "
        f"{merit.null_mean:.3f} ± {merit.null_std:.3f} ({deviations})",
        fontsize=13,
    )
    save_figure(figure, pdf, png, data)


def _compare(upper: Axes, lower: Axes, own: Table, text: str) -> None:
    edges = np.append(own["low"], own["high"][-1])
    centre = (edges[1:] + edges[:-1]) / 2
    data, drawn = own["data"], own["template"]
    upper.stairs(drawn, edges, color=COLOURS[0], fill=True, alpha=0.35, label=text)
    upper.errorbar(centre, data, np.sqrt(data), fmt="o", ms=3.5, color="black", label="Data")
    upper.set_ylim(0, 1.45 * data.max())
    filled = (drawn > 0) & (data > 0)
    ratio = data[filled] / drawn[filled]
    error = ratio * np.hypot(
        1 / np.sqrt(data[filled]), own["template_error"][filled] / drawn[filled]
    )
    lower.errorbar(
        centre[filled], ratio, error, fmt="o", ms=3.5, color="black", gid="Data / template"
    )
    lower.axhline(1, color=COLOURS[0])
    lower.set_ylim(0.4, 1.6)
