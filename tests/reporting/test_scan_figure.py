"""The figure and the table of a scan, from a summary that was written down here."""

import json

import numpy as np
import pytest

from helpers.checks import write_checks
from jetchain.core.io.tables import read_csv, read_json, write_csv, write_result
from jetchain.core.schema.scan import (
    BackgroundOnly,
    LimitWithout,
    Linearity,
    ScannedMethod,
    ScanPoint,
    ScanSummary,
    SigmaMin,
    Spread,
)
from jetchain.reporting import scan
from jetchain.reporting.summary import scan_rows


def spread(value):
    return (
        None if value is None else Spread(median=value, low=0.9 * value, high=1.2 * value, number=4)
    )


def method(name, strengths=(0.0, 1.0, 2.0), window=(3.3, 3.7), judged=True, bound="", ks=None):
    cuts = ("0.1", "0.01", "0.001") if judged else ()
    points = [
        ScanPoint(
            strength=each, initial_significance=spread(4 * each), significance=spread(6 * each),
            mu=spread(each), mu_error=spread(0.1), expected_fb=spread(20.0), observed_fb=None,
            improvement=dict(zip(cuts, map(spread, (2.0, 3.0, None)), strict=False)),
            signal_efficiency=dict(zip(cuts, map(spread, (0.5, 0.4, None)), strict=False)),
            independent_background=False, without_result=0, without_limit=2,
            reason="no background is accepted",
        )
        for each in strengths
    ]  # fmt: skip
    null = BackgroundOnly(
        p_values=[0.1, 0.5, 0.7], ks=ks, spurious=0.1, spurious_error=0.3, largest=1.2
    )
    return ScannedMethod(
        method=name, signal_region_tev=window, points=points,
        sigma_min=SigmaMin(value=3.1, bound=bound),
        background_only=null if 0.0 in strengths else None,
        linearity=Linearity(
            slope=1.0, slope_error=0.1, offset=0.0, offset_error=0.1, pull_mean=0.1,
            pull_width=1.1, pull_width_error=None, number=12,
        ),
        limit_without_signal=LimitWithout(expected_fb=None, efficiency=None, reason="chance"),
    )  # fmt: skip


def summed(*methods, share=0.5, mass_shift=0.0):
    return ScanSummary(
        scan="mine", replicas=4, share=share, mass_shift=mass_shift, shared_background=0.3,
        shared_signal=0.1, methods=list(methods),
    )  # fmt: skip


def write(folder, *methods):
    write_result(folder / "summary.json", summed(*methods))
    return folder / "summary.json"


def draw(folder, *methods, **points):
    """The panels of the figure, as numbers."""
    write_csv(folder / "points.csv", points or {"method": []})
    scan.figure(
        summary=write(folder, *methods), points=folder / "points.csv",
        checks=write_checks(folder / "checks"), labels=LABELS, pdf=folder / "a.pdf",
        png=folder / "a.png", data=folder / "a.json",
    )  # fmt: skip
    return read_json(folder / "a.json")["axes"]


LABELS = {"cwola": "CWoLa", "inclusive": "no cut"}


@pytest.mark.parametrize(
    "methods",
    [
        (method("inclusive", judged=False), method("cwola")),
        (method("cwola", strengths=(0.0, 1.0), ks=0.3),),
        (method("cwola"), method("cwola", window=(4.0, 4.5))),
    ],
    ids=["two methods", "independent replicas", "two windows"],
)
def test_any_scan_can_be_drawn_with_its_medians_and_bands(tmp_path, methods):
    panels = draw(tmp_path, *methods)
    drawn = {
        series["label"]: series for series in panels[0]["series"] if series["kind"] == "errorbar"
    }
    assert len(drawn) == len(methods)
    for each, series in zip(methods, drawn.values(), strict=True):
        medians = [point.significance.median for point in each.points]
        assert series["y"] == pytest.approx(medians)
        assert series["y_high"] == pytest.approx(1.2 * np.array(medians))
    # Limits, unless there are p-values of independent replicas.
    uniform = any(each.background_only and each.background_only.ks for each in methods)
    assert ("KS p" in json.dumps(panels[3])) is uniform
    assert ("p-value" in panels[3]["xlabel"]) is uniform
    assert (panels[3]["yscale"] == "log") is not uniform
    # At the smallest efficiency at which it is known.
    judged = [each for each in methods if each.points[0].improvement]
    assert ("= 1 %" in json.dumps(panels[1])) is bool(judged)


@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_at_one_strength_the_replicas_are_drawn_and_not_their_medians(tmp_path, strength):
    window, other = (3.3, 3.7), (4.0, 4.5)
    panels = draw(
        tmp_path,
        method("cwola", strengths=(strength,), ks=0.3), method("inclusive", (strength,), other),
        method=["cwola", "cwola", "cwola", "inclusive"],
        window_low=[window[0]] * 3 + [other[0]], window_high=[window[1]] * 3 + [other[1]],
        significance=[2.0, 0.0, 1.0, 5.0], mu=[-30.0, np.nan, 7.0, 0.5],
        expected_fb=[np.nan, 5.0, 6.0, np.nan], **{"improvement_0.01": [np.nan] * 4},
    )  # fmt: skip
    significance, improvement, mu, last = panels
    first, second = (series for series in significance["series"] if series["kind"] == "line")
    assert first["label"] == "CWoLa, 3.3-3.7 TeV, 3 replicas"
    assert first["x"] == [0.0, 0.0, 1.0, 2.0]
    assert first["y"] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert second["x"] == [5.0, 5.0]
    assert improvement["notes"] == ["not known of any replica"]
    assert mu["series"][0]["x"] == [-30.0, -30.0, 7.0]
    assert mu["xscale"] == "symlog"
    assert ("KS p" in json.dumps(last)) is (strength == 0)
    assert ("Expected limit [fb]" in last["xlabel"]) is (strength != 0)


def test_the_table_prints_bounds_as_bounds_and_why_there_is_no_limit(tmp_path):
    path = write(tmp_path, method("cwola", bound="above"), method("inclusive", judged=False))
    checks = write_checks(tmp_path / "checks", cwola="failed")
    scan.table(summary=path, checks=checks, labels=LABELS, table=tmp_path / "a.csv")
    table = read_csv(tmp_path / "a.csv")
    assert len(table["method"]) == 6
    assert [name.endswith("†") for name in table["method"]] == [True] * 3 + [False] * 3
    assert list(table["Sigma_min"][[0, 3]]) == ["> 3.1", "3.1"]
    assert table["significance"][1] == "6 [5.4, 7.2]"
    assert set(table["observed limit [fb]"]) == {"none"}
    assert set(table["the same, trained without signal"]) == {"none"}
    assert set(table["why"]) == {"no background is accepted; chance"}
    assert table["improvement at eB = 0.001"][0] == "none"
    assert table["improvement at eB = 0.1"][3] == ""


def test_the_key_numbers_are_medians_of_the_replicas_at_the_search_s_own_signal():
    mu, significance = scan_rows(summed(method("cwola"), share=1.0), "summary.json")
    assert mu["quantity"] == "median fitted strength, cwola, 3.3-3.7 TeV, 4 of mine"
    assert [mu[each] for each in ("value", "low", "high", "unit")] == [1.0, 0.9, 1.2, ""]
    assert [significance[each] for each in ("value", "low", "high")] == pytest.approx([6, 5.4, 7.2])
    assert significance["unit"] == "sigma"


@pytest.mark.parametrize(
    "other",
    [
        summed(method("cwola")),
        summed(method("cwola"), share=1.0, mass_shift=0.1),
        summed(method("cwola", strengths=(0.0, 2.0)), share=1.0),
    ],
    ids=["half the luminosity", "moved masses", "other strengths"],
)
def test_what_does_not_repeat_the_search_has_no_key_numbers(other):
    assert scan_rows(other, "summary.json") == []
