"""Triggers at named rates: thresholds and shares of other events, errors, no information."""

import numpy as np
import pytest

from helpers.dijets import write_dijet_file
from jetchain.anomaly import features, trigger, trigger_rates
from jetchain.anomaly.settings import FeatureSettings
from jetchain.anomaly.trigger_rates import TEST, VALIDATION, at_rate, parts
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS
from jetchain.core.schema.trigger import TRIGGER_EVENTS, TRIGGER_SCORES, TriggerRates

SETTINGS = FeatureSettings(signal_events=20, folds=2)


def test_a_rate_by_hand():
    data = np.arange(10.0)  # 2 of 10 are at or above 8
    found = at_rate(0.2, data, np.array([7.0, 8.0, 9.0, 1.0]), np.array([8.5, 0.0]))
    assert found.threshold == 8.0
    assert (found.background.passed, found.background.total, found.background.value) == (2, 4, 0.5)
    assert (found.signal.passed, found.signal.total) == (1, 2)


def test_errors_by_hand():
    """Clopper-Pearson with tails t: of none in n up to 1 - t^(1/n), of all down to t^(1/n)."""
    tail, n = (1 - 0.6827) / 2, 40
    found = at_rate(0.1, np.arange(10.0), np.zeros(n), np.full(n, 99.0))
    assert (found.background.low, found.signal.high) == (0.0, 1.0)
    assert found.background.high == pytest.approx(1 - tail ** (1 / n))
    assert found.signal.low == pytest.approx(tail ** (1 / n))
    # And with many events it is the square root of p (1 - p) / n.
    score = np.arange(40_000) % 4 + 0.0
    many = at_rate(0.25, score, score, score).background
    assert many.value == 0.25
    expected = np.sqrt(0.25 * 0.75 / 40_000)
    assert (many.high - many.low) / 2 == pytest.approx(expected, rel=0.01)


def test_without_information_a_trigger_is_a_random_one():
    random = np.random.default_rng(7)
    pulls = []
    for _ in range(60):
        data, background, signal = (random.integers(0, 5000, n) / 16 for n in (20_000, 4000, 1000))
        for rate in (0.5, 0.1, 0.02):
            found = at_rate(rate, data, background, signal)
            for share in (found.background, found.signal):
                error = np.sqrt(rate * (1 - rate) * (1 / share.total + 1 / len(data)))
                pulls.append((share.value - rate) / error)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(len(pulls) / 2)  # background and signal share data
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
    # A score that is the same for all events cannot keep a part of them.
    same = at_rate(0.5, np.ones(100), np.ones(100), np.ones(100))
    assert (same.threshold, same.background.value, same.signal.value) == (None, 0.0, 0.0)


def test_parts_are_of_the_sizes_asked_for_and_none_is_empty():
    part = parts(1000, 0.2, 0.4)
    assert np.bincount(part).tolist() == [400, 200, 400]
    with pytest.raises(EmptySampleError, match="2 events of the search's data are too few"):
        parts(2, 0.2, 0.4)


@pytest.fixture
def search(tmp_path):
    """The search of two files of background and one of signal; a design scores signal high."""
    random, scores, jets = np.random.default_rng(8), [], []
    for index, (name, number) in enumerate((("b0", 90), ("b1", 60), ("s", 50))):
        jets.append(tmp_path / f"{name}.root")
        write_dijet_file(jets[-1], number, index)
        table = {
            "event_number": np.arange(number),
            "score": random.integers(0, 64, number) / 16 + 2.0 * (name == "s"),
            "saturated": np.zeros(number, np.int64),
        }
        scores.append(tmp_path / f"{name}.safetensors")
        write_tensors(scores[-1], TRIGGER_SCORES, table)
    pools = {name: tmp_path / f"{name}.safetensors" for name in ("data", "truth", "signal_test")}
    features.features(
        background=jets[:2], signal=jets[2:], **pools, cutflow=tmp_path / "cutflow.json",
        histograms=tmp_path / "histograms.json", settings=SETTINGS, seed=3,
    )  # fmt: skip
    events = tmp_path / "events.safetensors"
    trigger_rates.split(
        jets=jets, pool_data=pools["data"], events=events,
        settings=trigger_rates.TriggerSplitJob(
            features=SETTINGS, validation_fraction=0.3, test_fraction=0.5
        ),
    )  # fmt: skip
    return jets, scores, events, pools


def test_the_events_of_the_data_are_found_in_their_files(search):
    jets, _, events, pools = search
    found, data = read_tensors(events, TRIGGER_EVENTS), read_tensors(pools["data"], DIJETS)
    for index, path in enumerate(jets):
        of_file = trigger.selected(path, SETTINGS)
        own = found["file"] == index
        place = np.searchsorted(of_file.number, found["event_number"][own])
        assert np.array_equal(of_file.mass[place], data["m_jj"][own])
    truth = read_tensors(pools["truth"], DIJET_TRUTH)["is_signal"]
    assert np.array_equal(found["file"] == 2, truth == 1)
    assert np.bincount(found["split"]).tolist() == [34, 51, 85]


def test_rates_are_of_test_events_and_of_signal_that_was_not_injected(search, tmp_path):
    jets, scores, events, pools = search
    trigger_rates.compare(
        jets=jets, scores=scores, events=events, pool_data=pools["data"],
        pool_truth=pools["truth"], pool_signal=pools["signal_test"],
        rates=tmp_path / "rates.json", names={"autoencoder": "Autoencoder"},
        settings=trigger_rates.TriggerRatesJob(features=SETTINGS, rates=[0.5, 0.1]),
    )  # fmt: skip
    found = read_result(tmp_path / "rates.json", TriggerRates).triggers
    assert set(found) == {"autoencoder", "leading_pt", "ht"}
    where = read_tensors(events, TRIGGER_EVENTS)
    tables = [read_tensors(path, TRIGGER_SCORES) for path in scores]
    score = np.array(
        [
            tables[file]["score"][number]
            for file, number in zip(where["file"], where["event_number"], strict=True)
        ]
    )
    injected = where["event_number"][where["file"] == 2]
    left = np.delete(tables[2]["score"], injected)
    for point in found["autoencoder"]:
        lowest = trigger.threshold(score[where["split"] == VALIDATION], point.asked)
        assert point.threshold == lowest
        tested = score[(where["split"] == TEST) & (where["file"] != 2)]
        assert (point.background.passed, point.background.total) == (
            np.sum(tested >= lowest), len(tested)
        )  # fmt: skip
        assert (point.signal.passed, point.signal.total) == (np.sum(left >= lowest), 30)
        assert point.signal.value > point.background.value
    # The cut on the leading jet, from the jets themselves.
    of_files = [trigger.selected(path, SETTINGS) for path in jets]
    held = [
        of_files[file].leading_pt[np.searchsorted(of_files[file].number, number)]
        for file, number, part in zip(
            where["file"], where["event_number"], where["split"], strict=True
        )
        if part == VALIDATION
    ]
    assert found["leading_pt"][0].threshold == trigger.threshold(held, 0.5)
    assert all(np.all(each.ht > each.leading_pt) for each in of_files)
