"""The styles of the entries of a family: any number of them, told apart without colour."""

from itertools import combinations

import numpy as np
import pytest

from jetchain.core.figure_data import figure_data
from jetchain.core.style import COLOURS, LINES, MARKERS, new_figure, plt, steps, style_of


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
