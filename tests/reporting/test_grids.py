"""Figures and tables of grids of signals, from limits that were written down here."""

import csv
import json

import numpy as np
import pytest

from jetchain.core.io.tables import write_result
from jetchain.core.schema.inference import (
    NOTHING,
    GridPoint,
    LikelihoodScan,
    Limits,
    ModelFit,
    SignalGrid,
)
from jetchain.core.style import new_figure
from jetchain.reporting import grids, workspaces


def point(name: str, values: list[float], limit: float | None, fb: float | None) -> GridPoint:
    """A signal whose CLs at strength 1 falls with its limit, as exponentials do."""
    shown: dict = {"observed_mu": None}
    cls: tuple = (None, NOTHING)
    if limit is not None:
        band = tuple(limit * factor for factor in (0.5, 0.7, 1.0, 1.4, 2.0))
        shown = {"observed_mu": 1.1 * limit, "expected_mu": band}
        if fb:
            shown |= {"observed_fb": 1.1 * limit * fb, "expected_fb": tuple(fb * m for m in band)}
        cls = (0.05 ** (1 / (1.1 * limit)), tuple(0.05 ** (1 / each) for each in band))
    return GridPoint(
        name=name, values=values, cls_observed=cls[0], cls_expected=cls[1],
        limits=Limits(
            method=name, sensitive=True, level=0.05, reference_cross_section_fb=fb,
            reason=None if limit else "no sensitivity", **shown,
        ),
    )  # fmt: skip


def grid(points: list[GridPoint], axes: list[str]) -> SignalGrid:
    return SignalGrid(name="mine", level=0.05, axes=axes, points=tuple(points))


def drawn(folder, verb, **inputs) -> str:
    for name, result in inputs.items():
        write_result(folder / f"{name}.json", result)
    made = {kind: folder / f"figure.{kind}" for kind in ("pdf", "png", "json")}
    verb(
        **{name: folder / f"{name}.json" for name in inputs},
        pdf=made["pdf"], png=made["png"], data=made["json"],
    )  # fmt: skip
    assert all(path.stat().st_size for path in made.values())
    return json.dumps(json.loads(made["json"].read_text()))


@pytest.mark.parametrize("fb", [None, 4.0])
def test_limits_along_a_mass_are_in_its_order_with_a_gap(fb) -> None:
    points = [point(f"m{mass}", [mass], None if mass == 3 else 0.5 * mass, fb)
              for mass in (4.0, 1.0, 3.0, 2.0)]  # fmt: skip
    _, ax = new_figure()
    grids.draw_along(ax, grid(points, ["mass [TeV]"]))
    (observed,) = [line for line in ax.lines if line.get_gid() == "observed"]
    np.testing.assert_allclose(observed.get_xdata(), [1, 2, 3, 4])
    limits = np.array([0.55, 1.1, np.nan, 2.2]) * (fb or 1.0)
    np.testing.assert_allclose(observed.get_ydata(), limits)
    assert ("cross-section [fb]" in ax.get_ylabel()) == (fb is not None)


def test_a_contour_lies_where_the_limit_is_one() -> None:
    place = np.array([(m, g) for m in np.linspace(1, 5, 9) for g in np.linspace(0.1, 2, 20)])
    limit = 0.2 * place[:, 0] ** 2 / place[:, 1]  # one at g = 0.2 m^2
    (line,) = grids.contours(place, 0.05 ** (1 / limit), 0.05)
    inside = line[(line[:, 0] > 1.2) & (line[:, 0] < 3)]
    assert len(inside) > 10
    np.testing.assert_allclose(inside[:, 1], 0.2 * inside[:, 0] ** 2, atol=0.03)


def test_a_contour_is_drawn_and_what_has_none_says_so(tmp_path) -> None:
    points = [point(f"{m} {g}", [m, g], 0.2 * m**2 / g, None)
              for m in (1.0, 2.0, 3.0) for g in (0.5, 1.0, 2.0)]  # fmt: skip
    points.append(point("lost", [4.0, 1.0], None, None))
    found = drawn(tmp_path, grids.exclusion, grid=grid(points, ["mass", "coupling"]))
    assert '"observed"' in found
    line = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])  # which spans no plane
    assert grids.contours(line, np.array([0.01, 0.05, 0.3]), 0.05) == []
    assert grids.contours(line[:0], np.array([]), 0.05) == []


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0]])
def test_signals_without_limits_have_a_figure_too(values) -> None:
    found = grid([point("x", values, None, None)], ["a", "b"][: len(values)])
    _, ax = new_figure()
    (grids.draw_along if len(values) == 1 else grids.draw_contour)(ax, found)


def test_the_table_has_every_signal_and_why_one_has_no_limit(tmp_path) -> None:
    points = [point("one", [1.0], 0.5, None), point("two", [2.0], None, None)]
    write_result(tmp_path / "grid.json", grid(points, ["mass"]))
    grids.table(grid=tmp_path / "grid.json", table=tmp_path / "table.csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [row["signal"] for row in rows] == ["one", "two"]
    assert float(rows[0]["expected_mu"]) == 0.5
    assert float(rows[0]["expected_mu_p2"]) == 1.0
    assert rows[1]["limit_mu"] == ""
    assert rows[1]["reason"] == "no sensitivity"


def test_a_scan_of_the_likelihood_is_drawn(tmp_path) -> None:
    scan = LikelihoodScan(name="norm", best=1.0, values=[0.8, 1.0, 1.2], rise=[4.0, 0.0, 4.0])
    found = drawn(tmp_path, workspaces.scans, model=ModelFit(method="mine", scans=(scan,)))
    assert "norm, profiled" in found
