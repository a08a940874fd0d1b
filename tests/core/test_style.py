"""The styles of the entries of a family: any number of them, told apart without colour."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from jetchain.core.figure_data import figure_data
from jetchain.core.style import (
    COLOURS,
    LINES,
    MARKERS,
    label_points,
    new_figure,
    plt,
    steps,
    style_of,
)


def test_forty_one_entries_differ_pairwise_without_colour():
    looks = [
        {name: value for name, value in style_of(k).curve.items() if name != "color"}
        for k in range(41)
    ]
    assert all(one != other for one, other in combinations(looks, 2))


def test_twenty_four_differ_as_points():
    looks = {(style_of(k).marker, style_of(k).fill) for k in range(24)}
    assert len(looks) == 24


def test_the_first_entries_follow_the_tables():
    for k in range(8):
        style = style_of(k)
        assert (style.colour, style.line, style.marker) == (COLOURS[k], LINES[k], MARKERS[k])
        assert style.curve == {"color": COLOURS[k], "linestyle": LINES[k]}
        assert style.fill == "full"


@pytest.mark.parametrize("index", [0, 7, 8, 40, 1000])
def test_a_histogram_of_any_entry_shows_its_values(index):
    figure, ax = new_figure()
    values, edges = np.array([1.0, 3.0, 2.0]), np.array([0.0, 1.0, 2.0, 4.0])
    steps(ax, values, edges, index, "name")
    (series,) = figure_data(figure)["axes"][0]["series"]
    assert series["label"] == "name"
    if series["kind"] == "steps":
        assert (series["values"], series["edges"]) == (values.tolist(), edges.tolist())
    else:
        (line,) = ax.get_lines()
        assert line.get_drawstyle() == "steps-post"
        assert line.get_marker() == style_of(index).marker
        assert (series["x"], series["y"]) == (edges.tolist(), [1.0, 3.0, 2.0, 2.0])
    plt.close(figure)


def linear(colour):
    """Linear RGB of a colour (WCAG 2.1, relative luminance)."""
    part = np.array(to_rgb(colour))
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_stands_out_from_white(colour):
    luminance = linear(colour) @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 3  # WCAG 2.1, 1.4.11


# Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009) 1291, table 1, severity 1.
VISION = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
# Ottosson's OKLab, where equal distances look alike.
CONES = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
         [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
OPPONENT = [[0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(("first", "least"), [(4, 0.105), (6, 0.085), (10, 0.06)])
def test_colours_differ_as_much_as_petroffs_for_every_reader(vision, first, least):
    """`least` is what his ten reach (arXiv 2107.02270); no distance may be smaller."""
    seen = np.clip([np.array(VISION[vision]) @ linear(each) for each in COLOURS[:first]], 0, 1)
    points = np.cbrt(seen @ np.transpose(CONES)) @ np.transpose(OPPONENT)
    assert min(np.linalg.norm(a - b) for a, b in combinations(points, 2)) >= least


def test_texts_beside_points_that_crowd_hide_neither_points_nor_each_other():
    figure, ax = new_figure()
    points = [(10.0, 1.0), (10.5, 1.02), (11.0, 1.04), (900.0, -1e3), (900.0, 1e3)]
    ax.plot(*np.transpose(points), ls="none", marker="o")
    ax.set(xscale="log", yscale="symlog")
    label_points(ax, points, [f"{k} %" for k in range(5)], COLOURS[:5])
    figure.draw_without_rendering()
    boxes = [each.get_window_extent() for each in ax.texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    for point in ax.transData.transform(points):
        assert not any(box.contains(*point) for box in boxes)
    assert [each.get_color() for each in ax.texts] == list(COLOURS[:5])
    assert [each.get_text() for each in ax.texts] == ["0 %", "1 %", "2 %", "3 %", "4 %"]
    plt.close(figure)
