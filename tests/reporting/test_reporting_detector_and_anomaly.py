"""Figures of the detector's summaries and of the anomaly search show what the tables say."""

import numpy as np
import pytest

from helpers.checks import write_checks
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import read_json, write_csv, write_json, write_result
from jetchain.core.schema.detector import DetectorSummary
from jetchain.reporting import anomaly, detector

LAYERS = ["ECAL1", "ECAL2"]


def series_of(panel, kind):
    return [series for series in panel["series"] if series["kind"] == kind]


def named(panel, label):
    (found,) = (series for series in panel["series"] if series["label"] == label)
    return found


@pytest.fixture
def files(tmp_path):
    return {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}


def summary(scale):
    """Response in two bins, of which the second has too few entries in one sample alone."""
    sums = {"n": [100 * scale, 10], "sum": [90.0 * scale, 8.0],
            "sum_of_squares": [85.0 * scale, 6.5]}  # fmt: skip
    fates = {"true": 10.0, "passive": 1.0, "leaked": 0.5, "invisible": 0.0, "missed": 0.5}
    return {
        "events": 10,
        "energy_edges": [1.0, 4.0, 16.0],
        "response": dict.fromkeys(detector.NAMES, sums),
        "noise_clusters_per_event": 0.0,
        "account": {
            "events": 10, "particles": {}, "particle_energy": {}, "objects": {},
            "energy_in_cells": {},
            "energy": {kind: {name: scale * value for name, value in fates.items()}
                       for kind in detector.NAMES},
            "energy_by_layer": {kind: {"ECAL1": scale * 2.0, "ECAL2": scale * 6.0}
                                for kind in detector.NAMES},
        },
    }  # fmt: skip


@pytest.fixture
def summaries(tmp_path):
    paths = []
    for number in (1, 3):
        paths.append(tmp_path / f"summary_{number}.json")
        write_result(paths[-1], DetectorSummary(**summary(number)))
    return paths


def test_the_response_is_that_of_all_samples_together(summaries, files):
    detector.response(summaries=summaries, **files)
    upper, lower = read_json(files["data"])["axes"]
    photons = named(upper, "photons")
    assert photons["x"] == pytest.approx([2.0, 8.0])  # 20 entries together: just enough
    assert photons["y"] == pytest.approx([0.9, 0.8])
    spread = np.sqrt(np.array([0.85 - 0.81, 0.65 - 0.64]))
    error = np.subtract(photons["y_high"], photons["y"])
    np.testing.assert_allclose(error, spread / np.sqrt([400, 20]), rtol=1e-4)
    np.testing.assert_allclose(named(lower, "photons")["y"], spread / [0.9, 0.8], rtol=1e-5)
    detector.response(summaries=summaries[:1], **files)
    assert named(read_json(files["data"])["axes"][0], "photons")["x"] == pytest.approx([2.0])


def test_shares_of_the_energy_add_up_to_all_of_it(summaries, files):
    detector.layers(summaries=summaries, **files)
    (panel,) = read_json(files["data"])["axes"]
    bars = series_of(panel, "bars")
    assert [one["label"] for one in bars] == [
        *LAYERS, "dead material", "leaked", "nuclear", "never arrives"
    ]  # fmt: skip
    widths = np.array([np.subtract(one["x"], one["base"]) for one in bars])
    np.testing.assert_allclose(widths[:, 0], [0.2, 0.6, 0.1, 0.05, 0.0, 0.05], atol=1e-6)
    np.testing.assert_allclose(widths.sum(axis=0), 1.0, atol=1e-6)


def test_objects_and_impact_parameters_are_outlined_by_sample(tmp_path, files):
    names = ("clusters_per_event", "tracks_per_event", "cluster_energy", "track_pt",
             "d0_significance")  # fmt: skip
    paths = []
    for sample, values in (("top", [1.5, 1.5, 2.5]), ("pion_gun", [2.5])):
        paths.append(tmp_path / sample / "histograms.json")
        one = {name: weighted(name, np.array(values), np.array([1.0, 2.0, 3.0])) for name in names}
        save_histograms(paths[-1], one)
    detector.objects(histograms=paths, **files)
    for panel in read_json(files["data"])["axes"]:
        steps = series_of(panel, "steps")
        assert [one["label"] for one in steps] == ["top", "pion gun"]
        np.testing.assert_allclose([one["values"] for one in steps], [[2 / 3, 1 / 3], [0, 1]],
                                   rtol=1e-6)  # fmt: skip
    detector.impact(histograms=paths, **files)
    (panel,) = read_json(files["data"])["axes"]
    assert len(series_of(panel, "steps")) == 2
    assert sum(named(panel, "resolution alone")["y"]) == pytest.approx(1.0, abs=1e-3)


REST = {"auc": 0.8, "signal_efficiency": {},
        "max_sic_trainings": {"median": 8.0, "low": 7.0, "high": 9.0, "number": 3}}  # fmt: skip
POINT = {"background_efficiency": 0.01, "sic": 6.0, "sic_bootstrap": [5.0, 7.0],
         "sic_trainings": {"median": 6.0, "low": 5.0, "high": 7.0, "number": 3}}  # fmt: skip
MERITS = {
    "signal_region_tev": [3.3, 3.7], "injected_events": 74, "signal_events_evaluated": 100,
    "signal_to_background": 0.006, "background_events": 12345,
    "methods": {"cathode": {"max_sic": 11.2, "max_sic_bootstrap": [9.5, 13.0], **REST},
                "cwola": {"max_sic": 8.0, "max_sic_bootstrap": [7.0, 9.0], **REST,
                          "working_point": POINT}},
}  # fmt: skip


@pytest.fixture
def anomalies(tmp_path):
    curves, merits = tmp_path / "curves.csv", tmp_path / "metrics.json"
    write_csv(curves, {
        "method": np.array(["cwola", "cwola", "cathode", "cathode"]),
        "signal_efficiency": np.array([0.1, 0.5, 0.1, 0.5]), "sic": np.array([8.0, 4, 11, 5]),
        "sic_low": np.array([7.0, 3, 9, 4]), "sic_high": np.array([9.0, 5, 13, 6]),
    })  # fmt: skip
    write_json(merits, MERITS)
    return curves, merits


def test_improvements_are_drawn_and_listed_beside_the_published_ones(tmp_path, files, anomalies):
    anchors = tmp_path / "published.json"
    write_json(anchors, {"signal_to_background": 0.0065,
                         "only_published": {"anode": "ANODE"},
                         "maximum_sic": {"cathode": 14.0, "anode": 7.1}})  # fmt: skip
    anomaly.sic(
        curves=anomalies[0],
        metrics=anomalies[1],
        checks=write_checks(tmp_path / "checks", cwola="passed", cathode="undecided"),
        published=anchors,
        labels={"cathode": "CATHODE", "cwola": "CWoLa"},
        **files,
    )
    left, right = read_json(files["data"])["axes"]
    line, band = (one for one in left["series"] if one["label"] == "CATHODE")
    assert (line["x"], line["y"]) == ([0.1, 0.5], [11, 5])
    assert (band["y_low"], band["y_high"]) == ([9, 4], [13, 6])
    chance = named(left, "Random")
    np.testing.assert_allclose(chance["y"], np.sqrt(chance["x"]), rtol=1e-6)
    (table,) = right["tables"]
    assert table == [
        ["", "at 1 % $\\epsilon_B$", "largest", "68 %", "published"],
        ["CATHODE", "", "11.2", "[9.5, 13.0]", "14.0"],
        ["CWoLa", "6.0", "8.0", "[7.0, 9.0]", ""],
        ["ANODE", "", "", "", "7.1"],
    ]
    assert "S/B = 0.6 %, 12,345 background events" in right["notes"][0]
