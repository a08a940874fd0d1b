"""The numbers beside a figure are those that were drawn, and nothing drawn is left out."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Circle, Ellipse

from jetchain.core.errors import DataError
from jetchain.core.figure_data import figure_data
from jetchain.core.io.tables import read_json
from jetchain.core.style import label, new_figure, save_figure

X = [1.0, 2.0, 4.0]
Y = [0.1, float("nan"), 0.3]


@pytest.fixture
def axes():
    yield new_figure()[1]
    plt.close("all")


def series(axes):
    """What is read from axes; one series alone comes without its list."""
    found = figure_data(axes.figure)["axes"][0]["series"]
    return found[0] if len(found) == 1 else found


def test_lines_and_points_with_what_is_not_drawn_as_null(axes):
    axes.plot(X, Y, "-o", label="with line")
    axes.plot(X, np.ma.masked_equal([7.0, 8.0, 9.0], 8.0), "s", gid="no legend")
    axes.plot([1 / 3], [2e-9 / 3])
    assert series(axes) == [
        {"kind": "line", "label": "with line", "x": X, "y": [0.1, None, 0.3]},
        {"kind": "points", "label": "no legend", "x": X, "y": [7.0, None, 9.0]},
        {"kind": "line", "label": None, "x": [0.3333333], "y": [6.666667e-10]},
    ]


def test_error_bars_of_both_directions_asymmetric(axes):
    axes.errorbar(
        X, Y, xerr=0.5, yerr=[[0.25, 0.25, 0.5], [1.0, 1.0, 2.0]], fmt="o", capsize=3, label="data"
    )
    assert series(axes) == {
        "kind": "errorbar", "label": "data", "x": X, "y": [0.1, None, 0.3],
        "x_low": [0.5, 1.5, 3.5], "x_high": [1.5, 2.5, 4.5],
        "y_low": [-0.15, None, -0.2], "y_high": [1.1, None, 2.3],
    }  # fmt: skip


def test_error_bars_along_one_axis_have_no_ends_along_the_other(axes):
    axes.errorbar(X, [1, 2, 3], [0.5, 0.5, 1])
    found = series(axes)
    assert "x_low" not in found
    assert (found["y_low"], found["y_high"]) == ([0.5, 1.5, 2.0], [1.5, 2.5, 4.0])


@pytest.mark.parametrize(("base", "expected"), [(0, 0.0), ([1, 1], [1.0, 1.0]), (None, None)])
def test_steps(axes, base, expected):
    axes.stairs([3, 4], [0, 1, 10], baseline=base, fill=base == 0, label="histogram")
    assert series(axes) == {
        "kind": "steps", "label": "histogram", "edges": [0.0, 1.0, 10.0], "values": [3.0, 4.0],
        "base": expected, "orientation": "vertical",
    }  # fmt: skip


def test_bands_across_each_axis_and_with_a_gap(axes):
    axes.fill_between(X, [1, 2, 3], 5, label="band")
    axes.fill_betweenx(X, [4, 5, 6], [1, 2, 3])
    axes.fill_between([1, 2, 3, 4, 5], [1, 2, np.nan, 4, 5], 0)
    gap = [1.0, 2.0, None, 4.0, 5.0]
    assert series(axes) == [
        {"kind": "band", "label": "band", "x": X, "y_low": [1.0, 2.0, 3.0], "y_high": [5.0] * 3},
        {"kind": "band", "label": None, "y": X, "x_low": [1.0, 2.0, 3.0], "x_high": [4, 5, 6]},
        {"kind": "band", "label": None, "x": gap, "y_low": [0, 0, None, 0, 0], "y_high": gap},
    ]


def test_bars_upright_with_errors_and_lying_on_others(axes):
    axes.bar(X, [5, 6, 7], width=0.5, yerr=[[1, 1, 1], [2, 2, 2]], label="upright")
    axes.barh(X, [5, 6, 7], height=0.25, left=[10, 20, 30], label="lying")
    assert series(axes) == [
        {
            "kind": "bars", "label": "upright", "orientation": "vertical", "x": X,
            "width": [0.5] * 3, "base": [0.0] * 3, "y": [5, 6, 7], "y_low": [4, 5, 6],
            "y_high": [7, 8, 9],
        },
        {
            "kind": "bars", "label": "lying", "orientation": "horizontal", "y": X,
            "width": [0.25] * 3, "base": [10, 20, 30], "x": [15, 26, 37],
        },
    ]  # fmt: skip


def test_images_have_edges_numbers_and_the_name_of_their_colours(axes):
    drawn = axes.imshow([[1, 2, 3], [4, 5, np.nan]])
    axes.figure.colorbar(drawn, label="share")
    axes.imshow([[1], [2]], origin="lower", extent=(0, 1, 10, 20))
    axes.pcolormesh([0, 1, 3], [5, 6], [[7, 8]])
    assert series(axes) == [
        {
            "kind": "image", "label": None, "x_edges": [-0.5, 0.5, 1.5, 2.5],
            "y_edges": [-0.5, 0.5, 1.5], "z": [[1, 2, 3], [4, 5, None]], "zlabel": "share",
        },
        {
            "kind": "image", "label": None, "x_edges": [0, 1], "y_edges": [10, 15, 20],
            "z": [[1], [2]], "zlabel": None,
        },
        {
            "kind": "image", "label": None, "x_edges": [0, 1, 3], "y_edges": [5, 6],
            "z": [[7, 8]], "zlabel": None,
        },
    ]  # fmt: skip


def test_scattered_points_and_segments(axes):
    axes.scatter(X, [1, 2, 3], s=9, color="black", label="plain")
    drawn = axes.scatter(X, [1, 2, 3], s=[1, 4, 9], c=[0.1, 0.2, 0.3])
    axes.figure.colorbar(drawn, label="fraction")
    axes.add_collection(LineCollection([[(0, 1), (2, 3)], [(4, 5), (6, 7)]], gid="edges"))
    assert series(axes) == [
        {"kind": "scatter", "label": "plain", "x": X, "y": [1, 2, 3], "size": [9] * 3},
        {
            "kind": "scatter", "label": None, "x": X, "y": [1, 2, 3], "size": [1, 4, 9],
            "z": [0.1, 0.2, 0.3], "zlabel": "fraction",
        },
        {
            "kind": "segments", "label": "edges", "x_start": [0, 4], "y_start": [1, 5],
            "x_end": [2, 6], "y_end": [3, 7],
        },
    ]  # fmt: skip


def test_curves_polygons_and_circles(axes):
    axes.add_collection(LineCollection([[(0, 1), (2, 3), (4, 5)], [(6, 7), (8, 9)]], gid="tracks"))
    cells = PolyCollection([[(0, 0), (1, 0), (0, 1)]], array=[7.0], label="cells")
    axes.add_collection(cells)
    axes.figure.colorbar(cells, label="energy")
    axes.add_patch(Circle((1, 2), 0.8, gid="jet"))
    assert series(axes) == [
        {"kind": "curves", "label": "tracks", "x": [[0, 2, 4], [6, 8]], "y": [[1, 3, 5], [7, 9]]},
        {
            # closed: the first corner comes again
            "kind": "polygons", "label": "cells", "x": [[0, 1, 0, 0]], "y": [[0, 0, 1, 0]],
            "z": [7.0], "zlabel": "energy",
        },
        {"kind": "circle", "label": "jet", "x": 1.0, "y": 2.0, "radius": 0.8},
    ]  # fmt: skip


def test_reference_lines_and_spans(axes):
    axes.axhline(0.5, label="half")
    axes.axvline(2)
    axes.axhspan(1, 3, label="window")
    axes.axvspan(4, 5)
    assert series(axes) == [
        {"kind": "reference line", "label": "half", "y": 0.5},
        {"kind": "reference line", "label": None, "x": 2.0},
        {"kind": "span", "label": "window", "y_low": 1.0, "y_high": 3.0},
        {"kind": "span", "label": None, "x_low": 4.0, "x_high": 5.0},
    ]


def test_the_axes_say_what_they_are():
    figure, (left, right) = new_figure(1, 2)
    left.set(xlabel="mass", ylabel="events", xscale="log", yscale="log")
    left.set_xticks([1, 10], ["one", "ten"])
    left.text(0.5, 0.5, "inside")
    left.annotate("above", (1, 1))
    label(left, right="13 TeV")
    left.legend(handles=left.plot([1, 2], [1, 2], label="line"))
    left.twinx().set(ylabel="second scale")
    right.barh(["quark", "W"], [1, 2])
    right.table([["a", "b"], ["c", "d"]], colLabels=["first", "second"])
    figure.suptitle("all of it")
    found = figure_data(figure)
    assert found["title"] == "all of it"
    first, second, twin = found["axes"]
    assert [each["panel"] for each in found["axes"]] == [0, 1, 0]
    assert [first["xlabel"], first["ylabel"], first["xscale"], first["yscale"]] == [
        "mass", "events", "log", "log",
    ]  # fmt: skip
    assert first["titles"][1:] == ["13 TeV"]
    assert first["notes"] == ["inside", "above"]
    assert first["xticks"] == [[1, "one"], [10, "ten"]]
    assert first["yticks"] == []
    assert second["yticks"] == [[0, "quark"], [1, "W"]]
    assert second["tables"] == [[["first", "second"], ["a", "b"], ["c", "d"]]]
    assert twin["ylabel"] == "second scale"


@pytest.mark.parametrize(
    "draw",
    [
        lambda axes: axes.add_patch(Ellipse((0, 0), 1, 2)),
        lambda axes: axes.add_patch(Circle((0, 0), 1, transform=axes.transAxes)),
        lambda axes: axes.contour([[1, 2], [3, 4]]),
        lambda axes: axes.plot([0, 1], [0, 1], transform=axes.transAxes),
        lambda axes: axes.errorbar([1], [1], [1], fmt="none"),
        lambda axes: axes.imshow(np.zeros((2, 2, 3))),
        lambda axes: axes.pcolormesh([[0, 1], [1, 2]], [[0, 0], [1, 1]], [[1]]),
        lambda axes: axes.inset_axes((0, 0, 1, 1)),
        lambda axes: axes.figure.add_artist(Circle((0, 0), 1)),
    ],
)
def test_what_it_does_not_know_is_an_error(axes, tmp_path, draw):
    draw(axes)
    with pytest.raises(DataError, match="would know nothing"):
        save_figure(axes.figure, *(tmp_path / name for name in ("f.pdf", "f.png", "f.json")))
    assert list(tmp_path.iterdir()) == []


def test_the_file_holds_the_same_numbers(axes, tmp_path):
    axes.errorbar(X, Y, [0.1, 0.2, 0.3], label="data")
    expected = figure_data(axes.figure)
    save_figure(axes.figure, *(tmp_path / name for name in ("f.pdf", "f.png", "f.json")))
    assert read_json(tmp_path / "f.json") == expected
