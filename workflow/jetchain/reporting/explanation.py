"""What the taggers look at: maps around the jet axis, and shares of the features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result
from jetchain.core.schema.tagging import TaggerExplanation
from jetchain.core.style import label, new_figure, save_figure
from jetchain.core.verbs import Input, Labels, Output
from jetchain.reporting.names import pair_title
from jetchain.reporting.signed_map import signed_map

LINEAR = 0.003  # part of the largest value of all maps that is drawn linearly
TICKS = (-0.5, 0.0, 0.5)
FEATURES = {
    "delta_eta": r"$\Delta\eta$", "delta_phi": r"$\Delta\varphi$", "log_pt": r"$\ln p_T$",
    "log_e": r"$\ln E$", "log_pt_relative": r"$\ln p_T/p_T^{jet}$",
    "log_e_relative": r"$\ln E/E^{jet}$", "delta_r": r"$\Delta R$", "charge": "charge",
    "is_electron": "electron", "is_muon": "muon", "is_photon": "photon",
    "is_charged_hadron": "charged hadron", "is_neutral_hadron": "neutral hadron",
    "tanh_d0": r"$\tanh d_0$", "tanh_z0": r"$\tanh z_0$", "d0_err": r"$\sigma(d_0)$",
    "z0_err": r"$\sigma(z_0)$",
}  # fmt: skip

ROW = 0.36  # height of a row of the table, inches


def explanation(
    *,
    maps: Input,
    importance: Input,
    taggers: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw where in the jet, and in which feature, the difference of the scores comes from.

    Args:
        maps, importance: of tagging.explain.
        taggers: displayed name of the tagger.
        pdf, png, data: the figure, and its numbers.
    """
    loaded, content = load_histograms(maps), read_result(importance, TaggerExplanation)
    pairs = list(content.pairs)
    columns = -(-len(pairs) // 2)
    # The table below the maps, as wide as both: its numbers are large enough to be read there.
    height = ROW * (len(content.features) + 2) + 1.2
    figure, axes = new_figure(
        3, columns, size=(3.9 * columns + 1.6, 7.8 + height), squeeze=False,
        gridspec_kw={"height_ratios": [3.9, 3.9, height]},
    )  # fmt: skip
    whole = axes[-1, 0].get_gridspec()[-1, :]
    for ax in axes[-1]:
        ax.remove()
    axes = axes[:-1]
    # A network whose answer depends on nothing leaves maps of zeros.
    largest = max(float(np.abs(histogram.values()).max()) for histogram in loaded.values()) or 1.0
    for ax, name in zip(axes.flat, pairs, strict=False):
        histogram, row = loaded[name], content.pairs[name]
        shown = signed_map(
            ax, (histogram.axes[0].edges, histogram.axes[1].edges), histogram.values(),
            np.sqrt(np.asarray(histogram.variances())), row.jets,
            SymLogNorm(LINEAR * largest, vmin=-largest, vmax=largest),
        )  # fmt: skip
        ax.set(aspect="equal", xlim=(-0.8, 0.8), ylim=(-0.8, 0.8), xticks=TICKS, yticks=TICKS)
        ax.text(0.04, 0.96, pair_title(name), transform=ax.transAxes, va="top", weight="bold")
        ax.text(0.96, 0.04, f"{row.jets} jets", transform=ax.transAxes, ha="right")
    for ax in axes.flat[len(pairs) :]:
        ax.axis("off")
    for ax in axes.flat[max(len(pairs) - columns, 0) : len(pairs)]:
        ax.set_xlabel("across the principal axis")
    for ax in axes[:, 0]:
        ax.set_ylabel("along the principal axis")
    figure.colorbar(
        shown, ax=axes, label=r"contribution of the pixel to $\ln(p_s/p_b)$", pad=0.01, aspect=40
    )
    label(axes[0, 0], right=taggers[content.model])
    draw_features(figure.add_subplot(whole), content)
    save_figure(figure, pdf, png, data)


def draw_features(ax: Axes, content: TaggerExplanation) -> None:
    """A table of the shares of the features with their errors; what is not 0 within two is dark.

    Shares of one jet have no errors, and are grey.
    """
    pairs, features = content.pairs, content.features
    rows = [FEATURES[name] for name in features]
    rows += ["sum", "score $-$ baseline"]
    digits = decimals([error for row in pairs.values() for error in row.error or ()])
    ax.set(xlim=(-0.5, len(pairs) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    for k, (name, row) in enumerate(pairs.items()):
        share = np.array(row.share)
        # Bars from the middle of the column: to the right for positive shares.
        ax.barh(
            np.arange(len(share)), 0.48 * share / (np.abs(share).max() or 1.0), 0.9, left=k, lw=0,
            ec="0.55",
            color=["#ffd699" if value > 0 else "#cfc5e8" for value in share],
            hatch=["" if value > 0 else "///" for value in share], label=pair_title(name),
        )  # fmt: skip
        errors: list[float | None] = [*row.error] if row.error else [None] * len(share)
        numbers = [*zip(share, errors, strict=True), (row.difference + row.gap, None),
                   (row.difference, row.difference_error)]  # fmt: skip
        for j, (value, error) in enumerate(numbers):
            strong = j >= len(share) if error is None else abs(value) > 2 * error
            text = f"{value:+.{digits}f}"
            text += "" if error is None else rf"$\pm${error:.{digits}f}"
            ax.text(k, j, text, ha="center", va="center", fontsize=12,
                    color="black" if strong else "0.45")  # fmt: skip
        ax.axvline(k + 0.5, color="0.8", lw=0.6)
    ax.axhline(len(features) - 0.5, color="0.3", lw=0.8)
    ax.set_xticks(range(len(pairs)), [pair_title(name) for name in pairs], rotation=35, ha="right")
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(which="both", length=0)
    ax.minorticks_off()
    ax.set_title(r"contribution of the feature to $\ln(p_s/p_b)$", loc="left", fontsize=13)


def decimals(errors: Sequence[float]) -> int:
    """Decimal places, two to four, that show one digit of the error in the middle of them all."""
    middle = float(np.median(errors)) if len(errors) else 0.0
    return int(np.clip(np.ceil(-np.log10(middle)), 2, 4)) if middle > 0 else 2
