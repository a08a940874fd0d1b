"""The figure and the tables of the jets' calibration show what closure.json says."""

import csv

import pytest

from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.jets import ClosureRow, JetClosure, Response, UncertaintyRow
from jetchain.reporting import jet_calibration


def row(jets, pt, eta, median):
    found = {
        name: Response(
            median=median - 0.1 * name.endswith("_raw"), median_error=0.01, resolution=0.08,
            resolution_error=0.005,
        )
        for name in ("pt", "m", "msd", "pt_raw", "m_raw", "msd_raw")
    }  # fmt: skip
    return ClosureRow(
        jets=jets, radius=0.8, pt_low=pt[0], pt_high=pt[1], eta_low=eta[0], eta_high=eta[1],
        number=100, **found,
    )  # fmt: skip


@pytest.fixture
def closure(tmp_path):
    numbers = dict.fromkeys(UncertaintyRow.model_fields, 0.0123456)
    content = JetClosure(
        closure=[
            row("all", (200, 400), (0, 2.5), 0.99),
            row("all", (400, 2000), (0, 2.5), 1.0),
            row("all", (200, 2000), (0, 1.0), 1.01),
            row("all", (200, 2000), (1.0, 2.5), 1.02),
            row("all", (200, 400), (0, 1.0), 1.5),
            row("top", (200, 400), (0, 2.5), 0.97),
        ],
        uncertainties=[UncertaintyRow(**numbers)],
        numbers=[],
    )
    write_result(tmp_path / "closure.json", content)
    return tmp_path / "closure.json"


def points(panel):
    """The medians drawn, by the name in the legend."""
    return {
        each["label"]: each["y"] for each in panel["series"] if each.get("label") and "y" in each
    }


def test_bins_stand_in_the_panel_of_their_axis(tmp_path, closure):
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    jet_calibration.closure(closure=closure, collection="ak8", **files)
    axes = read_json(files["data"])["axes"]
    against_pt, against_eta, classes = (points(axes[i]) for i in (0, 1, 3))
    assert against_pt["calibrated"] == pytest.approx([0.99, 1.0])
    assert against_pt["reconstructed"] == pytest.approx([0.89, 0.9])
    assert against_eta["calibrated"] == pytest.approx([1.01, 1.02])
    assert classes == {"top": pytest.approx([0.97])}


def test_without_a_bin_the_figure_says_so(tmp_path):
    write_result(tmp_path / "closure.json", JetClosure(closure=[], uncertainties=[], numbers=[]))
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    jet_calibration.closure(closure=tmp_path / "closure.json", collection="ak8", **files)
    assert files["png"].stat().st_size > 0
    for table in (jet_calibration.closure_table, jet_calibration.uncertainties):
        table(closure=tmp_path / "closure.json", table=tmp_path / "table.csv")
        assert len((tmp_path / "table.csv").read_text().splitlines()) == 1


def test_tables_hold_every_row(tmp_path, closure):
    jet_calibration.closure_table(closure=closure, table=tmp_path / "closure.csv")
    with (tmp_path / "closure.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert float(rows[5]["pt_median"]) == 0.97
    assert float(rows[5]["m_raw_median"]) == pytest.approx(0.87)
    jet_calibration.uncertainties(closure=closure, table=tmp_path / "uncertainties.csv")
    with (tmp_path / "uncertainties.csv").open() as file:
        assert float(next(csv.DictReader(file))["jes"]) == 0.0123


def test_a_radius_without_classes_has_no_column_of_them(tmp_path):
    rows = [row("all", (200, 400), (0, 2.5), 0.99)]
    write_result(tmp_path / "closure.json", JetClosure(closure=rows, uncertainties=[], numbers=[]))
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    jet_calibration.closure(closure=tmp_path / "closure.json", collection="ak8", **files)
    axes = read_json(files["data"])["axes"]
    assert len(axes) == 9
    assert all(any("anti-$k_T$ $R$ = 0.8" in title for title in ax["titles"]) for ax in axes)
    assert not any("class" in note for ax in axes for note in ax["notes"])
