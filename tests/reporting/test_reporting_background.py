"""Figures of the background room show what the tables say."""

import numpy as np
import pytest

from jetchain.core.io.tables import read_json, write_csv, write_json
from jetchain.core.metrics import counting_significance
from jetchain.reporting import background

LABELS = {"toy": "Toy"}


@pytest.fixture
def axes(tmp_path):
    """Draw one of the room's figures; its axes as numbers, and its title."""

    def draw(figure, tables, **inputs):
        files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
        paths = {name: tmp_path / name for name in tables}
        for name, content in tables.items():
            columns = all(isinstance(value, np.ndarray) for value in content.values())
            (write_csv if columns else write_json)(paths[name], content)
        figure(**paths, **inputs, **files)
        drawn = read_json(files["data"])
        return drawn["axes"], drawn["title"]

    return draw


def named(panel, label):
    (found,) = (series for series in panel["series"] if series["label"] == label)
    return found


def a_fit(significance, accepted=True):
    return {"chi2": 10.0, "ndf": 8, "observed": 30.0, "background": 20.0, "signal": 10.0,
            "background_uncertainty": 2.0, "significance": significance, "events": 525,
            "shape": "power", "order": 2, "norms": [1.0, 1.0, 1.0], "f_test": {}, "p_value": 0.3,
            "accepted": accepted, "others": [], "mu": 0.8, "mu_error": 0.3,
            "spurious_mu": 0.4}  # fmt: skip


def spectra(efficiency):
    """Four bins of each selection, the second of them without an event and in the window."""
    selections = ["1"] if efficiency == 1 else ["1", f"{efficiency:g}"]
    n = len(selections)
    return {
        "selection": np.repeat(selections, 4),
        "low": np.tile([2.0, 3.0, 4.0, 5.0], n), "high": np.tile([3.0, 4.0, 5.0, 6.0], n),
        "window": np.tile([0, 1, 0, 0], n),
        "observed": np.concatenate([[400, 0, 100, 25], [36, 0, 16, 4]][:n]),
        "expected": np.concatenate([[390.0, 200, 110, 20], [40.0, 20, 12, 5]][:n]),
        "background": np.concatenate([[390.0, 180, 110, 20], [40.0, 12, 12, 5]][:n]),
        "background_error": np.concatenate([[10.0] * 4, [3.0] * 4][:n]),
    }  # fmt: skip


def test_the_spectrum_is_drawn_before_and_after_the_cut_with_the_pulls_after_it(axes):
    table = spectra(0.01)
    fits = {"method": "toy", "efficiency": 0.01, "fits": {"1": a_fit(1.2), "0.01": a_fit(4.5)}}
    (upper, lower), _ = axes(
        background.spectrum, {"spectra": table, "fits": fits}, method="toy", labels=LABELS
    )
    for rows, text in ((slice(0, 4), "all data"),
                       (slice(4, 8), "after the cut (1 % of sidebands)")):  # fmt: skip
        data = named(upper, f"Data, {text}")
        filled = table["observed"][rows] > 0
        np.testing.assert_allclose(data["x"], [2.5, 4.5, 5.5])
        np.testing.assert_allclose(data["y"], table["observed"][rows][filled])
        np.testing.assert_allclose(
            np.subtract(data["y_high"], data["y"]), np.sqrt(data["y"]), rtol=1e-5
        )
        band = named(upper, f"Fit, {text}")
        np.testing.assert_allclose(
            band["y_high"], (table["background"] + table["background_error"])[rows]
        )
        np.testing.assert_allclose(named(upper, f"Background, {text}")["y"],
                                   table["background"][rows])  # fmt: skip
    lines = [series for series in upper["series"] if str(series["label"]).startswith("Fit: ")]
    assert [line["y"] for line in lines] == table["expected"].reshape(2, 4).tolist()
    # The spurious signal of .4 widens the error of .3.
    assert "p = 0.3, $\\mu$ = 0.80 $\\pm$ 0.50, 4.5$\\,\\sigma$" in lines[1]["label"]
    window = named(upper, "signal region")
    assert (window["x_low"], window["x_high"]) == (3.0, 4.0)
    (bars,) = (series for series in lower["series"] if series["kind"] == "bars")
    above = counting_significance(table["observed"], table["background"], table["background_error"])
    np.testing.assert_allclose(bars["y"], above[4:], rtol=1e-5)
    points = named(lower, "above the fit")
    left = counting_significance(table["observed"], table["expected"])
    np.testing.assert_allclose(points["y"], left[4:], rtol=1e-5)
    assert lower["ylabel"] == "Signif. after cut"


def test_a_search_without_a_cut_has_one_spectrum(axes):
    fits = {"method": "toy", "efficiency": 1, "fits": {"1": a_fit(0.3)}}
    (upper, lower), _ = axes(
        background.spectrum, {"spectra": spectra(1), "fits": fits}, method="toy", labels=LABELS
    )
    assert sum(series["kind"] == "errorbar" for series in upper["series"]) == 1
    assert lower["ylabel"] == "Significance"
    assert "Toy" in upper["titles"]


def test_a_rejected_background_is_said_to_be_one(axes):
    fits = {"method": "toy", "efficiency": 1, "fits": {"1": a_fit(5.0, accepted=False)}}
    (upper, _), _ = axes(
        background.spectrum, {"spectra": spectra(1), "fits": fits}, method="toy", labels=LABELS
    )
    (line,) = (each for each in upper["series"] if str(each["label"]).startswith("Fit: "))
    assert "background not accepted" in line["label"]
    assert "5.0" not in line["label"]


def test_the_closure_is_predicted_over_observed_with_the_errors_of_both(axes):
    f, g = np.meshgrid([0.0, 0.5], [0.0, 0.5], indexing="ij")
    plane = {
        "f": f.ravel(), "g": g.ravel(),
        "background": np.array([1.0, 2.0, 3.0, 2.0]), "signal": np.array([0.0, 0.0, 0.0, 4.0]),
    }  # fmt: skip
    scan = {
        "selection": np.array(["sidebands", "sidebands", "signal region", "signal region, data"]),
        "efficiency": np.array([0.1, 0.01, 0.1, 0.1]),
        "observed": np.array([100.0, 0.0, 25.0, 9.0]),
        "prediction": np.array([110.0, 1.0, 20.0, 9.0]),
        "prediction_error": np.array([11.0, 1.0, 4.0, 9.0]),
    }
    kappas = [
        {"selection": name, "mass": mass, "kappa": kappa, "relative_uncertainty": 0.1}
        for name, mass, kappa in (
            ("sidebands, data", 3.0, 1.1), ("signal region, true background", 3.5, 1.3),
            ("line", 3.0, 1.0), ("line", 4.0, 1.2),
        )
    ]  # fmt: skip
    closure = {
        "cuts": [0.6, 0.7], "kappa": 1.0, "kappa_relative_uncertainty": 0.1, "kappas": kappas,
        "signal_efficiency": 0.5, "contamination": None, "regions": {},
    }  # fmt: skip
    (left, centre, right, last), _ = axes(
        background.abcd,
        {"plane": plane, "scan": scan, "closure": closure},
        method="toy",
        labels=LABELS,
    )
    for panel, name in ((left, "background"), (centre, "signal")):
        (image,) = (series for series in panel["series"] if series["kind"] == "image")
        density = plane[name].reshape(2, 2) / plane[name].sum() * 4
        np.testing.assert_allclose(image["z"], density.T)
        lines = [series for series in panel["series"] if series["kind"] == "reference line"]
        assert (lines[0]["x"], lines[1]["y"]) == (0.6, 0.7)
        assert sorted(panel["notes"]) == ["A", "B", "C", "D"]
    sidebands = named(right, "sidebands, data")
    assert sidebands["y"] == [1.1]  # the point without an event is left out
    error = sidebands["y_high"][0] - 1.1
    assert error == pytest.approx(1.1 * np.hypot(0.1, 0.1), rel=1e-5)
    assert named(right, "signal region, true background")["y"] == [0.8]
    measured = named(last, "sidebands, data")
    assert (measured["x"], measured["y"]) == ([3.0], [1.1])
    assert measured["y_high"][0] == pytest.approx(1.21)
    assert named(last, "signal region, true background")["y"] == [1.3]
    assert named(last, "line through the sidebands")["y_high"] == pytest.approx([1.1, 1.32])


def test_the_template_is_compared_in_both_regions_with_its_quality_above(axes):
    rows = [(region, feature) for region in ("sidebands", "signal region")
            for feature in background.FEATURES for _ in range(2)]  # fmt: skip
    n = len(rows)
    table = {
        "region": np.array([region for region, _ in rows]),
        "feature": np.array([feature for _, feature in rows]),
        "low": np.tile([0.0, 1.0], n // 2), "high": np.tile([1.0, 2.0], n // 2),
        "data": np.arange(n) * 4.0 + 16, "template": np.arange(n) * 5.0 + 10,
        "template_error": np.full(n, 2.0),
    }  # fmt: skip
    quality = {"sidebands": {"auc": 0.512, "null_mean": 0.501, "null_std": 0.004,
                             "null_deviations": 2.75, "p_value": 0.02}}  # fmt: skip
    panels, title = axes(
        background.template,
        {"distributions": table, "quality": quality},
        method="toy",
        labels=LABELS,
    )
    assert "AUC 0.512, permuted labels 0.501 ± 0.004 (+2.8 σ)" in title
    for k, row in enumerate([0, 0, 0, 0, 2, 2, 2, 2]):
        upper, lower = panels[4 * row + k % 4], panels[4 * (row + 1) + k % 4]
        own = slice(2 * k, 2 * k + 2)
        assert named(upper, "Data")["y"] == table["data"][own].tolist()
        assert named(upper, "Toy template")["values"] == table["template"][own].tolist()
        ratio = named(lower, "Data / template")
        expected = table["data"][own] / table["template"][own]
        np.testing.assert_allclose(ratio["y"], expected, rtol=1e-6)
        spread = expected * np.hypot(1 / np.sqrt(table["data"][own]), 2 / table["template"][own])
        np.testing.assert_allclose(np.subtract(ratio["y_high"], ratio["y"]), spread, rtol=1e-4)
    assert panels[12]["xlabel"] == background.FEATURES["m_j1"]
