"""Checks of the search as figure and table, and their mark wherever methods are compared."""

import csv
import json

import pytest

from helpers.checks import check, write_checks
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.checks import MethodChecks, SearchChecks
from jetchain.core.schema.inference import Fit, Limits
from jetchain.reporting import checks, inference
from jetchain.reporting.summary import check_rows

LABELS = {"one": "One", "two": "Two"}
STATUSES = ["passed", "failed", "undecided", "not run"]


@pytest.mark.parametrize("outcome", STATUSES)
def test_only_a_method_that_fails_is_marked(tmp_path, outcome):
    path = write_checks(tmp_path / "checks", one=outcome, two="passed")
    names = checks.marked(LABELS, path)
    assert (names["one"] == "One †") is (outcome == "failed")
    assert names["two"] == "Two"
    assert checks.marked({"theirs": "x"}, path) == {"theirs": "x"}  # a workspace of others


def files(folder):
    return {kind: folder / f"figure.{kind}" for kind in ("pdf", "png", "data")}


def searched(folder):
    limits, fits = [], []
    for name in LABELS:
        limits.append(folder / f"{name}_limits")
        fits.append(folder / f"{name}_fit")
        write_result(limits[-1], Limits(
            method=name, sensitive=True, level=0.05, observed_fb=2.0,
            expected_fb=(1.0, 1.5, 2.0, 3.0, 4.0), reference_cross_section_fb=1.0,
        ))  # fmt: skip
        write_result(fits[-1], Fit(method=name, sensitive=True, observed=4, background=3))
    write_result(folder / "normalisation", Normalisation(
        luminosity_fb=1, signal_acceptance=1, reference_events=1, reference_cross_section_fb=1,
        injected_events=1, injected_cross_section_fb=1,
    ))  # fmt: skip
    return limits, fits


@pytest.mark.parametrize("figure", ["comparison", "scan", "pulls"])
def test_figures_of_the_limits_mark_it_and_say_what_the_mark_is(tmp_path, figure):
    limits, fits = searched(tmp_path)
    given = {"fits": fits} if figure == "pulls" else {
        "limits": limits, "normalisation": tmp_path / "normalisation"
    }  # fmt: skip
    for outcome in ("failed", "passed"):
        path = write_checks(tmp_path / "checks", one="passed", two=outcome)
        getattr(inference, figure)(**given, checks=path, labels=LABELS, **files(tmp_path))
        text = json.dumps(read_json(files(tmp_path)["data"]), ensure_ascii=False)
        assert ("Two †" in text) is (outcome == "failed")
        assert (checks.MEANING in text) is (outcome == "failed")
        assert "One †" not in text


def test_the_table_of_limits_names_what_fails(tmp_path):
    limits, fits = searched(tmp_path)
    path = write_checks(tmp_path / "checks", one="passed", two="failed")
    inference.table(
        limits=limits, fits=fits, normalisation=tmp_path / "normalisation", checks=path,
        table=tmp_path / "table.csv",
    )  # fmt: skip
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [row["fails"] for row in rows] == ["", "fit of the mass"]


def test_the_figure_and_the_table_show_every_check_of_every_method(tmp_path):
    found = SearchChecks(methods=[
        MethodChecks(method="one", checks=[check(each, each) for each in STATUSES]),
        MethodChecks(
            method="two", checks=[check("passed", "alone").model_copy(update={"limit": 0.0})]
        ),
    ])  # fmt: skip
    write_result(tmp_path / "checks", found)
    checks.figure(checks=tmp_path / "checks", labels=LABELS, **files(tmp_path))
    (panel,) = read_json(files(tmp_path)["data"])["axes"]
    drawn = {each["label"]: len(each["x"]) for each in panel["series"]}
    assert drawn == {"passed": 2, "failed": 1, "undecided": 1, "not run": 1}
    assert [text for _, text in panel["xticks"]] == ["One †", "Two"]
    assert [text for _, text in panel["yticks"]] == [*STATUSES, "alone"]
    checks.table(checks=tmp_path / "checks", labels=LABELS, table=tmp_path / "table.csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == [*STATUSES, "passed"]
    assert rows[1]["number"] == "0.01"
    assert rows[1]["limit"] == "at least 0.05"
    assert rows[-1]["limit"] == "at least 0"
    assert [row["limit"] for row in rows if row["status"] == "not run"] == [""]
    assert {row["source"] for row in rows} == {"a.json"}


def test_the_summary_counts_what_fails_of_what_was_decided(tmp_path):
    methods = [MethodChecks(method="one", checks=[check(each, each) for each in STATUSES])]
    (row,) = check_rows(SearchChecks(methods=methods), "checks.json")
    assert (row["quantity"], row["value"], row["unit"]) == ("checks failed, one", 1.0, "of 2")


@pytest.mark.parametrize(
    ("found", "text"),
    [(0.0499, "0.0499 (≥ 0.05)"), (0.05, "0.05 (≥ 0.05)"), (0.12345, "0.12 (≥ 0.05)")],
)
def test_a_number_beside_its_limit_is_told_apart_from_it(found, text):
    shown = check("failed").model_copy(
        update={"number": found, "error": None, "side": "at least", "limit": 0.05}
    )
    assert checks.number(shown) == text
