"""One style for all figures: mplhep, colours that a colour-blind reader can tell apart.

`save_figure` writes PDF, PNG and the drawn numbers, whose bytes depend on the figure alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import mplhep
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jetchain.core.figure_data import figure_data
from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import write_json

# Petroff's ten colours (arXiv 2107.02270), told apart by readers with any colour vision.
COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 3)))
MARKERS = ("o", "s", "^", "v", "D", "P", "X", "*")


def new_figure(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float] | None = None, **options: Any
) -> tuple[Figure, Any]:
    """A figure and its axes in jetchain's style; options go to ``plt.subplots``.

    Args:
        rows, columns: of axes.
        size: width and height in inches; 7 x 5.2 per axes if not given.
    """
    plt.style.use([mplhep.style.CMS, {
        "font.size": 14,
        "axes.titlesize": 14,
        "axes.labelsize": 15,
        "legend.fontsize": 11,
        "xtick.labelsize": 13,
        "ytick.labelsize": 13,
        "axes.prop_cycle": cycler(color=COLOURS),
        "lines.linewidth": 1.8,
        "figure.dpi": 110,
        "savefig.dpi": 110,
        "pdf.fonttype": 42,
        "svg.hashsalt": "jetchain",
    }])  # fmt: skip
    return plt.subplots(
        rows,
        columns,
        figsize=size or (7.0 * columns, 5.2 * rows),
        constrained_layout=True,
        **options,
    )


def label(ax: Axes, text: str = "simulation", right: str = "") -> None:
    """Write "jetchain simulation" above the axes, and what the sample is to its right."""
    words = text.replace(" ", r"\ ")
    ax.set_title(rf"$\mathbf{{jetchain}}$ $\mathit{{{words}}}$", loc="left", fontsize=14)
    ax.set_title(right, loc="right", fontsize=12)


def remark(ax: Axes, text: str) -> None:
    """Say in words, in the middle of the axes, what they cannot show."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=12,
            color="0.3")  # fmt: skip


def save_figure(figure: Figure, pdf: Path, png: Path, data: Path) -> None:
    """Write a figure as PDF and PNG, without time stamps, and its numbers as JSON; close it.

    Args:
        figure: as drawn.
        pdf, png: where to draw to.
        data: where to write what `jetchain.core.figure_data` reads from the figure.

    Raises:
        DataError: the figure shows something whose numbers cannot be told.
    """
    write_json(data, figure_data(figure))
    with atomic(pdf) as temporary:
        figure.savefig(temporary, format="pdf", metadata={"CreationDate": None, "ModDate": None})
    with atomic(png) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    plt.close(figure)
