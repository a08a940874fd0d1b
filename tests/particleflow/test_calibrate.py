"""The table of expected responses: closure on pions of known response, bins, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.detected import GEOMETRY, FakeEvent, write_detected
from jetchain.core.errors import ConfigurationError, EmptySampleError
from jetchain.core.io.tables import read_json
from jetchain.core.settings import parse
from jetchain.particleflow.algorithms.parametric import read_calibration
from jetchain.particleflow.calibrate import calibrate, response_table
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.robust import bounded_moments

HADRONIC = [0.05, 0.45, 0.0, 0.4, 0.1, 0.0]


def pions(random: np.random.Generator, count: int, mean: float, sigma: float) -> list[FakeEvent]:
    events = []
    for number in range(count):
        event = FakeEvent(number=number)
        eta, phi = random.uniform(-0.4, 0.4), random.uniform(-3, 3)
        pion = event.particle(int(random.choice([211, -211])), 20.0, eta, phi)
        energy = 20e3 * np.cosh(eta) * max(random.normal(mean, sigma), 0.1)
        event.cluster(energy, eta, phi, HADRONIC, parent=pion)
        events.append(event)
    return events


def test_closure_on_pions_of_known_response(tmp_path):
    events = pions(np.random.default_rng(3), 200, mean=0.65, sigma=0.08)
    source, target = tmp_path / "gun.root", tmp_path / "calibration.json"
    calibrate(
        detected=[write_detected(source, events)],
        geometry=GEOMETRY,
        calibration=target,
        settings=CalibrationSettings(),
    )
    result = read_json(target)
    assert result["cutflow"] == {
        "tracks": 200, "lepton": 0, "not_isolated": 0, "no_cluster": 0, "used": 200
    }  # fmt: skip
    assert np.sum(result["entries"]) == 200
    table = read_calibration(target)
    # Every bin answers, since the empty ones take their neighbour's values.
    np.testing.assert_allclose(table["mean"], 0.65, atol=5 * 0.08 / np.sqrt(20))
    np.testing.assert_allclose(table["sigma"], 0.08, rtol=0.5)
    np.testing.assert_allclose(table["share"][4, 0, 1], HADRONIC, atol=1e-3)


def test_tracks_of_bad_momentum_do_not_widen_the_response(tmp_path):
    """Above 100 GeV a track is worse than the calorimeter: the response is to the true momentum."""
    random = np.random.default_rng(9)
    events = pions(random, 200, mean=0.75, sigma=0.05)
    for event in events:
        event.rows["track"][0]["qoverp"] *= 1 / random.uniform(0.5, 2.0)
    calibrate(
        detected=[write_detected(tmp_path / "gun.root", events)], geometry=GEOMETRY,
        calibration=tmp_path / "calibration.json", settings=CalibrationSettings(),
    )  # fmt: skip
    table = read_calibration(tmp_path / "calibration.json")
    np.testing.assert_allclose(table["mean"], 0.75, atol=5 * 0.05 / np.sqrt(200))
    np.testing.assert_allclose(table["sigma"], 0.05, rtol=0.5)


def test_leptons_pairs_and_lonely_tracks_are_counted_not_used(tmp_path):
    muon, pair, lonely = FakeEvent(number=1), FakeEvent(number=2), FakeEvent(number=3)
    muon.particle(13, 10.0, 0.0, 0.0)
    pair.particle(211, 10.0, 0.0, 0.0)
    pair.particle(-211, 10.0, 0.3, 0.3)
    pair.cluster(9000.0, 0.0, 0.0, HADRONIC)
    lonely.particle(211, 2.0, 1.0, 1.0)
    events = [muon, pair, lonely, *pions(np.random.default_rng(4), 30, 0.7, 0.1)]
    target = tmp_path / "calibration.json"
    calibrate(
        detected=[write_detected(tmp_path / "gun.root", events)],
        geometry=GEOMETRY,
        calibration=target,
        settings=CalibrationSettings(),
    )
    assert read_json(target)["cutflow"] == {
        "tracks": 34, "lepton": 1, "not_isolated": 2, "no_cluster": 1, "used": 30
    }  # fmt: skip


def test_empty_bins_take_the_nearest_one():
    """Two filled bins of different response; each empty bin follows the nearer."""
    settings = CalibrationSettings(
        pt_edges=[0.0, 5.0, 10.0, 20.0], eta_edges=[0.0], minimum_entries=2
    )
    pt = np.array([1.0, 1.0, 30.0, 30.0, 30.0, 7.0])
    ratio = np.array([0.3, 0.5, 0.7, 0.8, 0.9, 5.0])
    shares = np.full((6, 6), 1 / 6)
    table = response_table(pt, np.zeros(6), ratio, np.full(6, 1), shares, settings)
    mean, sigma = np.array(table["mean"]), np.array(table["sigma"])
    np.testing.assert_allclose(mean[:, 0, 1], [0.4, 0.4, 0.8, 0.8])
    np.testing.assert_allclose(sigma[[0, 3], 0, 1], [0.1, np.std([0.7, 0.8, 0.9])])
    assert np.argwhere(table["filled"]).tolist() == [[0, 0, 1], [3, 0, 1]]
    assert (table["bins_filled"], table["bins_from_neighbours"]) == (2, 4 * 6 - 2)
    # A step in the layer counts as two in pT.
    assert mean[1, 0, 2] == pytest.approx(0.4)
    assert mean[3, 0, 5] == pytest.approx(0.8)


@pytest.mark.parametrize("outlier", [44.0, 1e6])
def test_one_outlier_moves_no_moment(outlier):
    """A pion with E/p = 44, and any other, moves mean and spread by less than their errors."""
    random = np.random.default_rng(5)
    clean = random.normal(0.6, 0.12, 200)
    rows = []
    for ratio in (clean, np.append(clean, outlier)):
        size = len(ratio)
        table = response_table(
            np.full(size, 7.0), np.zeros(size), ratio, np.full(size, 1),
            np.full((size, 6), 1 / 6), CalibrationSettings(),
        )  # fmt: skip
        rows.append([np.array(table[n])[2, 0, 1] for n in ("mean", "sigma")])
    np.testing.assert_allclose(rows[0], [0.6, 0.12], rtol=0.15)
    assert np.all(np.abs(np.subtract(*rows)) < 0.12 / np.sqrt(200))


def test_bounded_moments_are_those_of_a_gaussian():
    values = np.random.default_rng(6).normal(2.0, 0.5, 100_000)
    assert bounded_moments(values) == pytest.approx((2.0, 0.5), abs=5 * 0.5 / np.sqrt(1e5))


@pytest.mark.parametrize(
    ("ratio", "count"),
    [([0.4, 0.8], "2 pions, 1 at most"), ([0.5] * 30, "30 pions, 15 at most")],
    ids=["too few", "no spread"],
)
def test_a_calibration_without_a_filled_bin_is_refused(ratio, count):
    layer = np.resize([1, 3], len(ratio))
    with pytest.raises(EmptySampleError, match=f"{count}.*minimum_entries = 10"):
        response_table(
            np.full(len(ratio), 30.0), np.zeros(len(ratio)), np.array(ratio), layer,
            np.full((len(ratio), 6), 1 / 6), CalibrationSettings(minimum_entries=10),
        )  # fmt: skip


def test_a_gun_without_hadrons_is_refused(tmp_path):
    event = FakeEvent()
    event.particle(22, 10.0, 0.0, 0.0)
    event.cluster(10_000.0, 0.0, 0.0, HADRONIC)
    with pytest.raises(EmptySampleError, match="charged hadron"):
        calibrate(
            detected=[write_detected(tmp_path / "gun.root", [event])],
            geometry=GEOMETRY,
            calibration=tmp_path / "calibration.json",
            settings=CalibrationSettings(),
        )
    assert not (tmp_path / "calibration.json").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pt_edges": [1.0, 2.0]}, "must start at 0"),
        ({"eta_edges": [0.0, 1.0, 1.0]}, "rise strictly"),
        ({"samples": []}, "samples"),
        ({"minimum_entry": 3}, "minimum_entries"),
    ],
)
def test_bad_settings_are_refused(values, message):
    with pytest.raises(ConfigurationError, match=message):
        parse(CalibrationSettings, values)
