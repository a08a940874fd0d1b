"""The average jet images of the classes, and the difference of two of them."""

from __future__ import annotations

import hist
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, SymLogNorm

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result
from jetchain.core.schema.jets import JET_CLASSES, PEAK_MASSES, ClassImage, ImageSummary
from jetchain.core.style import label, new_figure, remark, save_figure
from jetchain.core.verbs import Input, Output
from jetchain.reporting.names import TITLES
from jetchain.reporting.signed_map import signed_map

SMALLEST, LARGEST = 1e-5, 0.1  # share of the pT in a pixel
PAIR = ("top", "quark")


def images(*, histograms: Input, summary: Input, pdf: Output, png: Output, data: Output) -> None:
    """Draw the average image of each class on one logarithmic scale, and top minus quark.

    Args:
        histograms, summary: of jets.images.
        pdf, png, data: the figure, and its numbers.
    """
    loaded, numbers = load_histograms(histograms), read_result(summary, ImageSummary).classes
    figure, axes = new_figure(2, 4, size=(17.0, 8.0), sharex=True, sharey=True)
    shown = None
    for ax, name in zip(axes.flat, JET_CLASSES, strict=False):
        ax.set(aspect="equal")
        ax.text(0.05, 0.95, TITLES[name], transform=ax.transAxes, va="top", fontsize=14,
                weight="bold")  # fmt: skip
        if name not in loaded:
            remark(ax, "no jets")
            continue
        of_class = numbers[name]
        shown = ax.pcolormesh(
            *_edges(loaded[name]), np.ma.masked_less(loaded[name].values(), SMALLEST).T,
            norm=LogNorm(SMALLEST, LARGEST), cmap="cividis_r", rasterized=True,
        )  # fmt: skip
        ax.text(0.95, 0.04, f"{of_class.jets} jets", transform=ax.transAxes, ha="right")
        if name in PEAK_MASSES:
            distance = 2 * PEAK_MASSES[name] / of_class.mean_pt
            ax.plot([-0.62, -0.62], [-distance / 2, distance / 2], color="black", marker="_", lw=2,
                    gid="2m/pT")  # fmt: skip
            ax.text(-0.57, 0.0, r"$2m/p_T$", va="center", fontsize=11)
    if shown is not None:
        figure.colorbar(shown, ax=axes[0, -1], label=r"mean share of $p_T$", extend="max")
    draw_difference(axes.flat[-1], loaded, numbers)
    figure.supxlabel(r"across the principal axis", fontsize=15)
    figure.supylabel(r"along the principal axis, in $\Delta\eta$ and $\Delta\varphi$", fontsize=15)
    label(axes[0, 0])
    if numbers:
        lowest, highest = (f([each.mean_pt for each in numbers.values()]) for f in (min, max))
        axes[0, -1].set_title(
            rf"$\langle p_T \rangle$ {lowest:.0f} to {highest:.0f} GeV", loc="right", fontsize=12
        )
    save_figure(figure, pdf, png, data)


def draw_difference(ax: Axes, loaded: dict[str, hist.Hist], numbers: dict[str, ClassImage]) -> None:
    """The difference of two average images, where it is significant.

    Args:
        ax: where to draw.
        loaded: the average images.
        numbers: of the classes.
    """
    ax.set(aspect="equal")
    ax.text(0.05, 0.95, f"{PAIR[0]} $-$ {PAIR[1]}", transform=ax.transAxes, va="top", fontsize=14,
            weight="bold")  # fmt: skip
    if all(name in loaded for name in PAIR):
        first, second = (loaded[name] for name in PAIR)
        error = np.sqrt(sum(np.asarray(each.variances()) for each in (first, second)))
        shown = signed_map(
            ax, _edges(first), first.values() - second.values(), error,
            min(numbers[name].jets for name in PAIR),
            SymLogNorm(1e-4, vmin=-LARGEST, vmax=LARGEST),
        )  # fmt: skip
        figure = ax.get_figure()
        assert figure is not None
        figure.colorbar(shown, ax=ax, label="difference")
    else:
        remark(ax, "no jets of one class")


def _edges(histogram: hist.Hist) -> tuple[np.ndarray, np.ndarray]:
    return histogram.axes[0].edges, histogram.axes[1].edges
