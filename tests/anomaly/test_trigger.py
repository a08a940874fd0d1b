"""A trigger in front of the search: its threshold, whose events it takes, and what is left."""

import numpy as np
import pytest

from helpers.dijets import write_dijet_file
from jetchain.anomaly import features, trigger
from jetchain.anomaly.settings import FeatureSettings
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.trigger import TRIGGER_SCORES, TriggerPoint

SETTINGS = FeatureSettings(signal_events=20, folds=2)
WHOLE = Normalisation(
    luminosity_fb=2.0, signal_acceptance=0.5, reference_events=20,
    reference_cross_section_fb=20.0, injected_events=20, injected_cross_section_fb=20.0,
)  # fmt: skip


@pytest.mark.parametrize("share", [0.5, 0.21, 0.1])
def test_the_threshold_accepts_as_many_as_it_may_and_no_more(share):
    score = np.random.default_rng(1).integers(0, 12, 1000) / 8  # fixed point: many are equal
    lowest = trigger.threshold(score, share)
    assert np.mean(score >= lowest) <= share
    assert np.mean(score >= lowest - 1 / 8) > share


def test_what_the_trigger_does_not_see_is_rejected_unless_there_is_none():
    score = np.array([trigger.UNSEEN, 1.0, 2.0, trigger.UNSEEN])
    assert np.array_equal(score >= trigger.threshold(score, 0.9), [False, True, True, False])
    assert np.all(score >= trigger.threshold(score, 1.0))
    assert not np.any(score >= trigger.threshold(score, 0.2))  # not one of four


def test_behind_a_trigger_a_cross_section_is_worth_fewer_events():
    behind = trigger.behind(WHOLE, 0.25)
    # N = sigma L A epsilon, by hand: 20 fb * 2 / fb * .5 * .25 = 5 events of 20.
    assert behind.reference_events == 5
    assert behind.reference_cross_section_fb == pytest.approx(20.0)
    assert behind.signal_acceptance == pytest.approx(0.125)
    rounded = trigger.behind(WHOLE, 0.27)
    assert rounded.reference_events / rounded.reference_cross_section_fb == pytest.approx(0.27)


@pytest.fixture
def search(tmp_path):
    """The search of two files of background and one of signal, of which every event has a score."""
    scores, jets = [], []
    for index, (name, number) in enumerate((("b0", 90), ("b1", 60), ("s", 50))):
        jets.append(tmp_path / f"{name}.root")
        write_dijet_file(jets[-1], number, index)
        seen = np.arange(number)[index:]  # of b1 and s, the first events are not seen
        table = {
            "event_number": seen, "score": (seen % 10) / 4 + (name == "s"),
            "saturated": (seen == 5).astype(int),
        }  # fmt: skip
        scores.append(tmp_path / f"{name}.safetensors")
        write_tensors(scores[-1], TRIGGER_SCORES, table)
    names = ("data", "truth", "signal_test")
    pools = {name: tmp_path / f"pool_{name}.safetensors" for name in names}
    features.features(
        background=jets[:2], signal=jets[2:], **pools, cutflow=tmp_path / "cutflow.json",
        histograms=tmp_path / "histograms.json", settings=SETTINGS, seed=3,
    )  # fmt: skip
    write_result(tmp_path / "normalisation.json", WHOLE)
    return {
        "jets": jets, "scores": scores, "pool_data": pools["data"], "pool_truth": pools["truth"],
        "pool_signal": pools["signal_test"], "normalisation": tmp_path / "normalisation.json",
        "design": "mlp", "settings": SETTINGS, "scaled": tmp_path / "scaled.json",
        "point": tmp_path / "point.json",
        **{name: tmp_path / f"{name}.safetensors" for name in names},
    }  # fmt: skip


def test_rejected_events_are_gone_and_all_others_stay(search):
    trigger.apply(**search, rate="0.3")
    point = read_result(search["point"], TriggerPoint)
    pool, left = (read_tensors(search[name], DIJETS) for name in ("pool_data", "data"))
    truth = read_tensors(search["truth"], DIJET_TRUTH)
    assert np.array_equal(left["event_id"], truth["event_id"])
    kept = np.isin(pool["event_id"], left["event_id"])
    assert np.array_equal(pool["m_jj"][kept], left["m_jj"])
    assert point.accepted == pytest.approx(kept.mean())
    assert 0.2 < point.accepted <= 0.3
    # By hand: scores of 150 background events are 0 to 9 quarters, of signal one more.
    index = np.concatenate([np.arange(90), np.arange(1, 60)])
    above = int(np.sum((index % 10) / 4 >= point.threshold))
    assert (point.background, point.background_accepted) == (150, above)
    assert point.accepted_fb == pytest.approx(above / 2.0)
    assert point.unseen >= 1  # the first event of b1
    signal = read_tensors(search["signal_test"], DIJETS)
    assert point.signal_efficiency == pytest.approx(len(signal["m_jj"]) / 30)
    assert point.signal_efficiency > point.accepted
    assert read_result(search["scaled"], Normalisation) == trigger.behind(
        WHOLE, point.signal_efficiency
    )


def test_without_a_trigger_the_search_is_as_it_was(search):
    trigger.apply(**search, rate="1")
    point = read_result(search["point"], TriggerPoint)
    assert point.threshold is None
    assert (point.accepted, point.signal_efficiency) == (1.0, 1.0)
    for name in ("data", "truth", "signal_test"):
        pool = "pool_signal" if name == "signal_test" else f"pool_{name}"
        assert search[name].read_bytes() == search[pool].read_bytes()
    assert read_result(search["scaled"], Normalisation) == WHOLE


def test_other_events_and_an_empty_rate_are_refused(search):
    with pytest.raises(EmptySampleError, match=r"at a rate of 1e-06 leaves no event"):
        trigger.apply(**search, rate="1e-06")
    with pytest.raises(DataError, match="not known again"):
        trigger.apply(
            **search | {"jets": search["jets"][:2], "scores": search["scores"][:2]}, rate="1"
        )
