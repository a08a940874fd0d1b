"""One style for all figures: mplhep, colours that a colour-blind reader can tell apart.

`save_figure` writes PDF, PNG and the drawn numbers, whose bytes depend on the figure alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import mplhep
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike

from jetchain.core.figure_data import figure_data
from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import write_json

# Petroff's ten colours (arXiv 2107.02270), but those darkened that had less than 3:1 contrast with
# white (WCAG 2.1), and moved so that readers with any colour vision tell all ten apart as well.
COLOURS = (
    "#3f90da", "#cd8100", "#bd1f01", "#465c81", "#832db6",
    "#957a5a", "#dd3911", "#858b96", "#717581", "#3679b0",
)  # fmt: skip
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 3)))
LABEL_SIZE = 9.0
"""Of texts beside points, in points."""
MARKERS = ("o", "s", "^", "v", "D", "P", "X", "*", "<", ">", "p", "d")


@dataclass(frozen=True)
class Style:
    """How one entry of a family is drawn, such as one of the taggers.

    Attributes:
        colour: one of COLOURS.
        line: one of LINES.
        marker: one of MARKERS.
        fill: full or none, of the marker.
        plain: whether its line has no marker: it differs from the lines of the entries before.
    """

    colour: str
    line: Any
    marker: str
    fill: str
    plain: bool

    @property
    def curve(self) -> dict[str, Any]:
        """Options of ``ax.plot`` for a curve: a line, with some markers where it needs them."""
        line = {"color": self.colour, "linestyle": self.line}
        if self.plain:
            return line
        return {**line, "marker": self.marker, "fillstyle": self.fill, "markevery": 0.12}

    @property
    def points(self) -> dict[str, Any]:
        """Options of ``ax.plot`` and ``ax.errorbar`` for points without a line."""
        return {
            "color": self.colour, "marker": self.marker, "fillstyle": self.fill,
            "linestyle": "none",
        }  # fmt: skip


def style_of(index: int) -> Style:
    """The style of an entry of a family, by its place in it.

    Without colour, 24 entries differ as points (marker and its fill), 200 as curves, and eight as
    lines alone. Colours come again after ten.
    """
    turn, marker = divmod(index, 2 * len(MARKERS))
    fill, marker = divmod(marker, len(MARKERS))
    return Style(
        colour=COLOURS[index % len(COLOURS)],
        # One further in each turn, or a marker would meet the same line again.
        line=LINES[(index + turn) % len(LINES)],
        marker=MARKERS[marker],
        fill=("full", "none")[fill],
        plain=index < len(LINES),
    )


def legend_size(entries: int) -> float:
    """Size of the letters in a legend, in points: smaller where there are more than ten entries."""
    return 11.0 * min(1.0, max(0.5, 10.0 / max(entries, 1)))


def steps(ax: Axes, values: ArrayLike, edges: ArrayLike, index: int, text: str) -> None:
    """Draw a histogram as a line, in the style of an entry of a family.

    Args:
        ax: where to.
        values: of the bins.
        edges: one more than bins.
        index: the place of the entry.
        text: its name in the legend.
    """
    style = style_of(index)
    if style.plain:
        ax.stairs(values, edges, linewidth=1.8, label=text, **style.curve)
    else:  # stairs have no markers
        ax.plot(
            edges, np.append(values, np.asarray(values)[-1]), drawstyle="steps-post",
            linewidth=1.8, label=text, **style.curve,
        )  # fmt: skip


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


def log_numbers(axis: Axis) -> None:
    """Write plain numbers at 1, 2 and 5 of each decade of a logarithmic axis of few decades."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def literal(name: str) -> str:
    """A name of others to be drawn as it is: mathematics that they mean otherwise would raise."""
    return name.replace("$", r"\$")


def remark(ax: Axes, text: str) -> None:
    """Say in words, in the middle of the axes, what they cannot show."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", fontsize=12,
            color="0.3")  # fmt: skip


def label_points(
    ax: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], colours: Sequence[str]
) -> None:
    """Write a text beside each point, on the side where it hides least of others and of texts.

    To be called when the axes have their scales and limits.

    Args:
        ax: the axes.
        points: x and y of each, in the data's coordinates.
        texts, colours: of each.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # gives the axes their size
    scale = 72 / figure.dpi  # pixels to points
    places = scale * ax.transData.transform(np.array(points, float).reshape(-1, 2))
    taken = [(*place - 4.0, *place + 4.0) for place in places]
    for point, place, text, colour in zip(points, places, texts, colours, strict=True):
        width, sides = 0.6 * LABEL_SIZE * len(text), []
        for x, aligned in ((6.0, "left"), (-6.0 - width, "right")):
            for y in (-0.4, 0.6, -1.4, 1.6, -2.4):
                low, up = place[0] + x, place[1] + y * LABEL_SIZE
                box = (low, up, low + width, up + LABEL_SIZE)
                sides.append((sum(_overlap(box, each) for each in taken), x, y, aligned, box))
        _, x, y, aligned, box = min(sides, key=lambda side: side[0])
        taken.append(box)
        ax.annotate(
            text, point, xytext=(6.0 if aligned == "left" else -6.0, y * LABEL_SIZE), ha=aligned,
            textcoords="offset points", fontsize=LABEL_SIZE, color=colour,
        )  # fmt: skip


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Area that two boxes (left, bottom, right, top) share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(high, 0.0)


def shared_legend(figure: Figure, axes: Iterable[Axes], **options: Any) -> None:
    """One legend below all axes, with every entry that any of them has, once.

    Args:
        figure, axes: whose entries.
        options: of ``figure.legend``.
    """
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, text in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(text, handle)
    if entries:
        figure.legend(entries.values(), entries, **{"loc": "outside lower center"} | options)


def legend_below(ax: Axes, entries: int, **options: Any) -> None:
    """A legend of two columns under the axes, where it hides nothing of many entries.

    Args:
        ax: with the entries.
        entries: of the family, which make the letters small if they are many.
        options: of ``ax.legend``.
    """
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2,
        fontsize=min(9.0, legend_size(entries)), handlelength=1.6, columnspacing=1.0, **options,
    )  # fmt: skip


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
    with atomic(png) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    # The layout is found. Without an engine the figure is drawn once, and not once before for it.
    figure.set_layout_engine(None)
    with atomic(pdf) as temporary:
        figure.savefig(temporary, format="pdf", metadata={"CreationDate": None, "ModDate": None})
    plt.close(figure)
