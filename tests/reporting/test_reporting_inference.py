"""Figures, table and summary of the limits, with and without sensitivity."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

from helpers.checks import write_checks
from jetchain.core.io.tables import write_result
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.inference import AtBound, Fit, Limits, Nuisance
from jetchain.inference.fit import maximum_likelihood, no_fit
from jetchain.inference.limits import LimitJob, asymptotic_limits, no_limits, toy_limits
from jetchain.inference.settings import FitSettings, LimitSettings, WorkspaceSettings
from jetchain.inference.workspace import build
from jetchain.inference.yields import Yields
from jetchain.reporting import inference
from jetchain.reporting.summary import as_text, limit_rows

JOB = LimitJob(
    limits=LimitSettings(points=3, toys=100, toy_points=4), workspace=WorkspaceSettings()
)
LABELS = {"one": "One", "two": "Two", "three": "Three"}  # any names will do
METHODS = tuple(LABELS)
NORMALISATION = Normalisation(
    luminosity_fb=10.0,
    signal_acceptance=0.5,
    reference_events=100,
    reference_cross_section_fb=20.0,
    injected_events=60,
    injected_cross_section_fb=12.0,
)


def accounts(signal: float) -> tuple[Limits, Fit]:
    """Limits and fit of 14 events seen and 10 +- 2 expected."""
    columns = ([value] for value in (14.0, 10.0, 2.0, signal, 0.5))
    yields = Yields(
        "", ("bin",), *(np.array(each) for each in columns), luminosity=10.0,
        cross_section=20.0, constraint="gaussian",
    )  # fmt: skip
    if not yields.sensitive:
        return no_limits(yields, JOB.limits), no_fit(yields)
    spec = build(yields, JOB.workspace)
    found = asymptotic_limits(spec, yields, JOB.limits)
    found = found.model_copy(update={"toys": toy_limits(yields, JOB, found, 1)})
    return found, maximum_likelihood(spec, yields, FitSettings())


@pytest.fixture(scope="module")
def kinds() -> dict[bool, tuple[Limits, Fit]]:
    return {True: accounts(5.0), False: accounts(-1.0)}


def write(folder: Path, kinds: dict, sensitive: tuple[bool, ...]) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {"limits": [], "fits": []}
    write_result(folder / "normalisation.json", NORMALISATION)
    for method, kind in zip(METHODS, sensitive, strict=True):
        for (name, paths), account in zip(files.items(), kinds[kind], strict=True):
            paths.append(folder / f"{method}_{name}.json")
            write_result(paths[-1], account.model_copy(update={"method": method}))
    return files


MIXTURES = [(True, True, True), (True, False, False), (False, False, False)]


@pytest.mark.parametrize("sensitive", MIXTURES)
@pytest.mark.parametrize("figure", ["comparison", "scan", "pulls"])
def test_no_sensitivity_stands_in_the_place_of_each_such_method(
    tmp_path, monkeypatch, kinds, sensitive, figure
) -> None:
    files = write(tmp_path, kinds, sensitive)
    drawn = []
    save = inference.save_figure
    monkeypatch.setattr(
        inference, "save_figure", lambda fig, *paths: (drawn.append(fig), save(fig, *paths))
    )
    which = "fits" if figure == "pulls" else "limits"
    outputs = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    if which == "limits":
        outputs["normalisation"] = tmp_path / "normalisation.json"
    outputs["checks"] = write_checks(tmp_path / "checks.json")
    getattr(inference, figure)(**{which: files[which]}, labels=LABELS, **outputs)
    words = [each.get_text() for each in drawn[0].findobj(Text)]
    assert words.count("no\nsensitivity") == sensitive.count(False)
    if figure == "scan":  # one legend explains everything that any panel shows
        for text in ("observed, toys", "excluded below, at 95 % CL", "injected signal"):
            assert words.count(text) == any(sensitive)
    if figure == "comparison" and any(sensitive):
        assert {"10", "20", "50"} & set(words)
    assert outputs["png"].exists()
    assert outputs["pdf"].exists()
    plt.close("all")


@pytest.mark.parametrize("sensitive", MIXTURES)
def test_the_table_has_a_row_for_every_method(tmp_path, kinds, sensitive) -> None:
    path = tmp_path / "table.csv"
    files = write(tmp_path, kinds, sensitive)
    inference.table(**files, normalisation=tmp_path / "normalisation.json",
                    checks=write_checks(tmp_path / "checks.json"), table=path)  # fmt: skip
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["method"] for row in rows] == list(METHODS)
    # What matters first stands where it is seen.
    assert list(rows[0])[:3] == ["method", "limit_fb", "expected_fb"]
    assert {row["injected_fb"] for row in rows} == {"12.0"}
    for row, kind in zip(rows, sensitive, strict=True):
        assert row["sensitive"] == ("yes" if kind else "no sensitivity")
        assert float(row["observed_events"]) == 14
        results = [name for name in row if name.startswith(("limit", "expected", "fitted"))]
        assert len(results) == 12
        for name in (*results, "significance"):
            assert (row[name] != "") is kind or (kind and "toys" in name)


def test_the_summary_gives_the_68_percent_band_of_the_expected_limit() -> None:
    found = Limits(
        method="one", sensitive=True, level=0.05, observed_fb=9.0,
        expected_fb=(3.0, 4.0, 6.0, 9.0, 13.0),
        reference_cross_section_fb=1.0,
    )  # fmt: skip
    observed, expected = limit_rows(found, "limits.json")
    assert (observed["value"], observed["unit"]) == (9.0, "fb")
    assert (expected["value"], expected["low"], expected["high"]) == (6.0, 4.0, 9.0)


def test_the_summary_says_no_sensitivity_and_no_number(kinds) -> None:
    (row,) = limit_rows(kinds[False][0].model_copy(update={"method": "one"}), "limits.json")
    assert (row["value"], row["low"], row["high"]) == ("no sensitivity", "", "")
    rows = [row, *limit_rows(kinds[True][0].model_copy(update={"method": "two"}), "limits.json")]
    text = as_text(rows).splitlines()
    assert " ".join(text[1].split()) == "95 % CL limit, one no sensitivity"
    assert text[2].startswith("  observed 95 % CL limit, two")
    assert f"{kinds[True][0].observed_fb:.4g} fb" in text[2]


def test_a_method_without_a_displayed_name_is_refused(tmp_path, kinds) -> None:
    files = write(tmp_path, kinds, MIXTURES[0])
    outputs = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    with pytest.raises(KeyError, match="three"):
        inference.comparison(
            limits=files["limits"], normalisation=tmp_path / "normalisation.json",
            checks=write_checks(tmp_path / "checks.json"),
            labels={"one": "1", "two": "2"}, **outputs,
        )  # fmt: skip
    plt.close("all")


def test_a_result_that_lacks_for_another_reason_is_no_result(tmp_path, monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(inference, "save_figure", lambda figure, *_: shown.append(figure))
    failed = {"method": "one", "reason": "the fits fail"}
    limit = Limits(sensitive=True, level=0.05, reference_cross_section_fb=1.0, **failed)
    fit = Fit(sensitive=True, observed=14.0, background=10.0, valid=False, **failed)
    (row,) = limit_rows(limit, "limits.json")
    assert row["value"] == "no result"
    assert inference._sensitive(limit, fit) == "no limit; the fits fail"
    ended = {"at_bounds": (AtBound(name="norm", bound=10.0),)}
    words = inference._sensitive(limit.model_copy(update=ended), fit.model_copy(update=ended))
    assert words.startswith("no limit; the fits fail; norm ends at its bound 10: widen `bounds`")
    assert words.count("norm ends") == 1
    write_result(tmp_path / "fit.json", fit)
    paths = dict.fromkeys(("pdf", "png", "data"), tmp_path / "x")
    paths["checks"] = write_checks(tmp_path / "checks.json")
    inference.pulls(fits=[tmp_path / "fit.json"], labels={"one": "One"}, **paths)
    words = [text.get_text() for text in shown[0].findobj(Text)]
    assert words.count("no\nresult") == 1
    plt.close(shown[0])


@pytest.mark.parametrize(
    ("pull", "constraint", "shown"),
    [
        (-3e-4, 0.993, False),
        (1.2, 0.99, True),
        (-0.3, 1.0, True),
        (0.0, 0.7, True),
        (None, None, False),
    ],
)
def test_only_what_the_data_moved_is_shown_as_a_pull(
    tmp_path, monkeypatch, pull, constraint, shown
) -> None:
    drawn = []
    monkeypatch.setattr(inference, "save_figure", lambda figure, *_: drawn.append(figure))
    parameter = Nuisance(name="luminosity", value=1, error=1, pull=pull, constraint=constraint)
    still = Nuisance(name="still", value=0, error=1, pull=1e-5, constraint=0.994)
    fit = Fit(
        method="one", sensitive=True, observed=14.0, background=10.0,
        parameters=(parameter, still),
    )  # fmt: skip
    write_result(tmp_path / "fit.json", fit)
    paths = dict.fromkeys(("pdf", "png", "data"), tmp_path / "x")
    paths["checks"] = write_checks(tmp_path / "checks.json")
    inference.pulls(fits=[tmp_path / "fit.json"], labels={"one": "One"}, **paths)
    words = [text.get_text() for text in drawn[0].findobj(Text)]
    assert ("One: luminosity" in words) == shown
    assert any("no parameter is pulled" in each for each in words) != shown
    assert "One: still" not in words
    plt.close(drawn[0])
