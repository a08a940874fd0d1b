"""The numbers that a figure shows, taken from the figure itself.

Every figure has this beside it as JSON, so that a reader can draw it anew or compare numbers
without reading them off. What this module does not know is an error: no data are left out unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.cm import ScalarMappable
from matplotlib.collections import (
    FillBetweenPolyCollection,
    LineCollection,
    PathCollection,
    PolyCollection,
    QuadMesh,
)
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle, StepPatch
from matplotlib.table import Table
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from jetchain.core.errors import DataError

DIGITS = 7
"""Significant digits of the numbers: more than any reader needs, fewer than rounding touches."""

Series = dict[str, Any]


def figure_data(figure: Figure) -> dict[str, Any]:
    """Everything that a figure shows, as numbers and text.

    Args:
        figure: as drawn, before it is closed.

    Returns:
        ``{"title": text, "axes": [...]}``. Each of the axes has its `panel` (axes with the same
        place, as those of two scales, share it), `titles`, `xlabel`, `ylabel`, `xscale`, `yscale`,
        `xticks` and `yticks` (position and text, where ticks are names), `notes` (text inside),
        `tables` (rows of cells) and `series`. A series has a `kind`, a `label` (of the legend, else
        the artist's group id, else null) and its numbers:

        - line, points: `x`, `y`; null where nothing is drawn;
        - errorbar: also the ends of the bars, `x_low`, `x_high`, `y_low`, `y_high`;
        - steps: `edges`, `values`, `base`, `orientation`;
        - band: `x`, `y_low`, `y_high`, or `y`, `x_low`, `x_high`;
        - bars: position and end as `x` and `y`, with `width`, `base`, `orientation`, and the ends
          of error bars as above;
        - image: `x_edges`, `y_edges`, `z` (rows along y), `zlabel`;
        - scatter: `x`, `y`, `size` (points squared), and `z` and `zlabel` if coloured by a number;
        - segments: `x_start`, `y_start`, `x_end`, `y_end`;
        - curves: `x`, `y`, each a list of lists, one a curve;
        - polygons: the same of their corners, and `z` and `zlabel` if coloured by a number;
        - circle: `x`, `y` of its centre, `radius`;
        - reference line: `x` or `y`; span: `x_low`, `x_high` or `y_low`, `y_high`.

        Numbers have `DIGITS` significant digits.

    Raises:
        DataError: the figure has an artist of an unknown kind.
    """
    mappables = (
        m for ax in figure.axes for m in ax.get_children() if isinstance(m, ScalarMappable)
    )
    scales = [m.colorbar.ax for m in mappables if m.colorbar is not None]
    shown = [ax for ax in figure.axes if ax not in scales]
    for artist in figure.get_children():
        if artist not in (figure.patch, *figure.axes, *figure.texts, *figure.legends):
            raise _unknown(artist)
    places: list[Any] = []
    panels = []
    for ax in shown:
        place = ax.get_subplotspec() or ax
        if place not in places:
            places.append(place)
        panels.append({"panel": places.index(place), **_axes(ax)})
    return {"title": "\n".join(text.get_text() for text in figure.texts), "axes": panels}


def _axes(ax: Axes) -> dict[str, Any]:
    titles = [ax.get_title(loc) for loc in ("left", "center", "right")]
    return {
        "titles": [title for title in titles if title.strip()],
        "xlabel": ax.get_xlabel(),
        "ylabel": ax.get_ylabel(),
        "xscale": ax.get_xscale(),
        "yscale": ax.get_yscale(),
        "xticks": _names(ax.xaxis),
        "yticks": _names(ax.yaxis),
        "notes": [text.get_text() for text in ax.texts],
        "tables": [_cells(table) for table in ax.tables],
        "series": list(_series(ax)),
    }


def _names(axis: Axis) -> list[list[Any]]:
    """Position and text of the major ticks where they are names; none where they are numbers."""
    formatter = axis.get_major_formatter()
    if not isinstance(formatter, FuncFormatter | StrCategoryFormatter):
        return []
    places = list(axis.get_majorticklocs())
    return [
        list(each) for each in zip(_numbers(places), formatter.format_ticks(places), strict=True)
    ]


def _cells(table: Table) -> list[list[str]]:
    rows: dict[int, list[str]] = {}
    for (row, _), cell in sorted(table.get_celld().items()):
        rows.setdefault(row, []).append(cell.get_text().get_text())
    return list(rows.values())


def _series(ax: Axes) -> Iterator[Series]:
    """The series of the axes, in the order in which they were drawn."""
    frame = (ax.patch, ax.get_legend(), *ax.spines.values(), ax.xaxis, ax.yaxis)
    drawn = [artist for artist in ax.get_children() if artist not in frame]
    drawn = [artist for artist in drawn if not isinstance(artist, Text | Table)]
    # A container holds several artists; it stands where its first one was drawn.
    whole: dict[Artist, Any] = {}
    for container in ax.containers:
        parts = container.get_children()
        if isinstance(container, BarContainer) and container.errorbar is not None:
            parts += container.errorbar.get_children()
        whole |= dict.fromkeys(parts, container)
    done: list[Any] = []
    for artist in drawn:
        one = whole.get(artist, artist)
        if any(one is other for other in done):
            continue
        done.append(one)
        for kind, read in _READERS.items():
            if isinstance(one, kind):
                yield {"label": _label(one), **read(one, ax)}
                break
        else:
            raise _unknown(one)


def _label(one: Any) -> str | None:
    label = one.get_label()
    if label and not str(label).startswith("_"):
        return str(label)
    artist = one if isinstance(one, Artist) else next(iter(one.get_children()), None)
    return artist.get_gid() if artist is not None else None


def _line(line: Line2D, ax: Axes) -> Series:
    x: Any
    y: Any
    x, y = line.get_data(orig=False)
    transform = line.get_transform()
    if transform is ax.get_yaxis_transform(which="grid"):
        return {"kind": "reference line", "y": _number(y[0])}
    if transform is ax.get_xaxis_transform(which="grid"):
        return {"kind": "reference line", "x": _number(x[0])}
    if transform is not ax.transData:  # equality compares numbers, which limits may make equal
        raise _unknown(line)
    kind = "points" if line.get_linestyle() == "None" else "line"
    return {"kind": kind, "x": _numbers(x), "y": _numbers(y)}


def _errorbar(bars: ErrorbarContainer, ax: Axes) -> Series:
    line, _, lines = bars.lines
    if line is None or len(lines) != bars.has_xerr + bars.has_yerr:
        raise _unknown(bars)
    return {**_line(line, ax), "kind": "errorbar", **_ends(bars)}


def _ends(bars: ErrorbarContainer) -> Series:
    """The ends of the error bars; matplotlib keeps those along x first."""
    result: Series = {}
    along = [name for name, has in (("x", bars.has_xerr), ("y", bars.has_yerr)) if has]
    for name, lines in zip(along, bars.lines[2], strict=True):
        low, high = _ends_of(lines)[:, :, "xy".index(name)].T
        result |= {f"{name}_low": _numbers(low), f"{name}_high": _numbers(high)}
    return result


def _steps(patch: StepPatch, ax: Axes) -> Series:
    values, edges, given = patch.get_data()
    base: Any = given  # a number, one a bin, or none
    return {
        "kind": "steps",
        "edges": _numbers(edges),
        "values": _numbers(values),
        "base": _numbers(base) if np.ndim(base) else _number(base),
        "orientation": patch.orientation,
    }


def _band(band: Any, ax: Axes) -> Series:
    along, across = ("x", "y") if band.t_direction == "x" else ("y", "x")
    parts = []
    for path in band.get_paths():
        # A polygon: a corner, n points of the first curve, a corner, n of the second back, the end.
        points = np.asarray(path.vertices)[:, :: 1 if along == "x" else -1]
        n = (len(points) - 3) // 2
        first, second = points[1 : n + 1], points[n + 2 : 2 * n + 2][::-1]
        curves = np.column_stack([first, second[:, 1]])
        parts += [curves, np.full((1, 3), np.nan)]  # nothing between two polygons
    at, first, second = np.concatenate([*parts[:-1], np.empty((0, 3))]).T
    return {
        "kind": "band",
        along: _numbers(at),
        f"{across}_low": _numbers(np.minimum(first, second)),
        f"{across}_high": _numbers(np.maximum(first, second)),
    }


def _bars(bars: BarContainer, ax: Axes) -> Series:
    corners = np.array([patch.get_xy() for patch in bars.patches]).reshape(-1, 2)
    sizes = np.array([(p.get_width(), p.get_height()) for p in bars.patches]).reshape(-1, 2)
    along, across = ("x", "y") if bars.orientation == "vertical" else ("y", "x")
    i, j = "xy".index(along), "xy".index(across)
    return {
        "kind": "bars",
        "orientation": bars.orientation,
        along: _numbers(corners[:, i] + sizes[:, i] / 2),
        "width": _numbers(sizes[:, i]),
        "base": _numbers(corners[:, j]),
        across: _numbers(corners[:, j] + sizes[:, j]),
        **(_ends(bars.errorbar) if bars.errorbar is not None else {}),
    }


def _span(patch: Rectangle, ax: Axes) -> Series:
    (x, y), transform = patch.get_xy(), patch.get_data_transform()
    if transform is ax.get_xaxis_transform(which="grid"):
        return {"kind": "span", "x_low": _number(x), "x_high": _number(x + patch.get_width())}
    if transform is ax.get_yaxis_transform(which="grid"):
        return {"kind": "span", "y_low": _number(y), "y_high": _number(y + patch.get_height())}
    raise _unknown(patch)


def _image(image: AxesImage, ax: Axes) -> Series:
    z: np.ndarray = np.ma.asarray(image.get_array())
    if z.ndim != 2:
        raise _unknown(image)
    left, right, bottom, top = image.get_extent()
    if image.origin == "upper":
        bottom, top = top, bottom
    rows, columns = z.shape
    return {
        "kind": "image",
        "x_edges": _numbers(np.linspace(left, right, columns + 1)),
        "y_edges": _numbers(np.linspace(bottom, top, rows + 1)),
        **_coloured(image),
    }


def _mesh(mesh: QuadMesh, ax: Axes) -> Series:
    x, y = np.moveaxis(np.asarray(mesh.get_coordinates()), -1, 0)
    if np.any(x != x[:1]) or np.any(y != y[:, :1]):
        raise _unknown(mesh)
    return {
        "kind": "image",
        "x_edges": _numbers(x[0]),
        "y_edges": _numbers(y[:, 0]),
        **_coloured(mesh),
    }


def _scatter(points: PathCollection, ax: Axes) -> Series:
    x, y = np.ma.asarray(points.get_offsets()).T
    sizes = np.broadcast_to(points.get_sizes(), len(x))
    coloured = _coloured(points) if points.get_array() is not None else {}
    return {
        "kind": "scatter",
        "x": _numbers(x),
        "y": _numbers(y),
        "size": _numbers(sizes),
        **coloured,
    }


def _segments(lines: LineCollection, ax: Axes) -> Series:
    if any(np.shape(path.vertices) != (2, 2) for path in lines.get_paths()):
        return {"kind": "curves", **_vertices(lines)}
    start, end = np.moveaxis(_ends_of(lines), 1, 0)
    return {
        "kind": "segments",
        "x_start": _numbers(start[:, 0]),
        "y_start": _numbers(start[:, 1]),
        "x_end": _numbers(end[:, 0]),
        "y_end": _numbers(end[:, 1]),
    }


def _polygons(polygons: PolyCollection, ax: Axes) -> Series:
    coloured = _coloured(polygons) if polygons.get_array() is not None else {}
    return {"kind": "polygons", **_vertices(polygons), **coloured}


def _circle(circle: Circle, ax: Axes) -> Series:
    if circle.get_data_transform() is not ax.transData:
        raise _unknown(circle)
    x, y = circle.center
    return {"kind": "circle", "x": _number(x), "y": _number(y), "radius": _number(circle.radius)}


def _vertices(collection: Any) -> Series:
    paths = [np.asarray(path.vertices) for path in collection.get_paths()]
    return {name: [_numbers(path[:, i]) for path in paths] for i, name in enumerate("xy")}


def _ends_of(lines: LineCollection) -> np.ndarray:
    """First and last point of each segment: (segments, 2, 2)."""
    paths = [np.asarray(path.vertices) for path in lines.get_paths()]
    if any(path.shape != (2, 2) for path in paths):
        raise _unknown(lines)
    return np.array(paths, dtype=float).reshape(-1, 2, 2)


def _coloured(artist: ScalarMappable) -> Series:
    """The numbers that colours stand for, and what the colour scale says they are."""
    z: np.ndarray = np.ma.asarray(artist.get_array())
    scale = artist.colorbar
    return {
        "z": [_numbers(row) for row in z] if z.ndim == 2 else _numbers(z),
        "zlabel": scale.ax.get_ylabel() if scale is not None else None,
    }


_READERS: dict[type, Callable[[Any, Axes], Series]] = {
    ErrorbarContainer: _errorbar,
    BarContainer: _bars,
    Line2D: _line,
    StepPatch: _steps,
    Rectangle: _span,
    Circle: _circle,
    FillBetweenPolyCollection: _band,
    LineCollection: _segments,
    QuadMesh: _mesh,
    PathCollection: _scatter,
    PolyCollection: _polygons,
    AxesImage: _image,
}


def _numbers(values: Sequence[float] | np.ndarray) -> list[float | None]:
    return [_number(value) for value in np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)]


def _number(value: float | None) -> float | None:
    """Rounded; None for what is not drawn, since JSON has no NaN."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{float(value):.{DIGITS}g}")


def _unknown(one: Any) -> DataError:
    return DataError(
        f"a figure has {one}, of which the data beside the figure would know nothing.",
        "Draw it in another way, or teach core/figure_data.py to read it.",
    )
