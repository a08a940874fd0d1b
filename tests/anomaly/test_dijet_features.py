"""Dijet features, trigger and injection."""

import awkward as ak
import numpy as np
import pytest

from helpers.dijets import background_dijets, dijet_tables, signal_dijets, write_dijet_file
from jetchain.anomaly import features
from jetchain.anomaly.settings import AnomalySettings, FeatureSettings
from jetchain.core.errors import ConfigurationError, DataError, EmptySampleError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_result, write_json
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, DijetCutflow, SelectionCounts
from jetchain.core.settings import parse
from jetchain.plumbing.configuration import load


def _jet(pt, m, tau1=0.2, tau2=0.1, eta=0.0, phi=0.0):
    return {"pt": pt, "eta": eta, "phi": phi, "m": m, "tau1": tau1, "tau2": tau2}


def _columns(jet):
    return {name: np.array([float(value)]) for name, value in jet.items()}


def test_features_of_two_back_to_back_jets():
    leading = _jet(1500.0, 400.0, tau1=0.2, tau2=0.05)
    second = _jet(1500.0, 100.0, tau1=0.1, tau2=0.06, phi=np.pi)
    m_jj, values = features.dijet_features(_columns(leading), _columns(second))
    expected = np.hypot(1500, 400) + np.hypot(1500, 100)  # no net momentum: the sum of energies
    assert m_jj[0] == pytest.approx(expected / 1000, rel=1e-12)
    assert values[0] == pytest.approx([0.1, 0.3, 0.06 / 0.10001, 0.05 / 0.20001], rel=1e-12)


def test_features_do_not_depend_on_the_order_of_the_jets():
    one, two = (
        _columns(_jet(1400, 90, 0.3, 0.2, 0.4, 1.0)),
        _columns(_jet(1300, 200, eta=-1, phi=4)),
    )
    first, second = features.dijet_features(one, two), features.dijet_features(two, one)
    assert first[0] == pytest.approx(second[0], rel=1e-12)
    assert np.array_equal(first[1], second[1])


def test_features_do_not_change_under_rotation_about_the_beam():
    turned = [_columns(_jet(1400, 90, eta=0.4, phi=1.0 + a)) for a in (0.0, 2.0)]
    other = [_columns(_jet(1300, 200, eta=-1.0, phi=4.0 + a)) for a in (0.0, 2.0)]
    masses = [features.dijet_features(a, b)[0][0] for a, b in zip(turned, other, strict=True)]
    assert masses[0] == pytest.approx(masses[1], rel=1e-12)


def test_the_trigger_takes_the_leading_two_jets_and_counts():
    jets = ak.Array(
        [
            [_jet(300, 10), _jet(1300, 50), _jet(1250, 80, phi=3.0)],  # not sorted by pT
            [_jet(1100, 50), _jet(1000, 80)],  # below the trigger
            [_jet(1500, 50)],  # one jet
        ]
    )
    m_jj, values, cutflow = features.select(jets, 1200.0)
    assert values[0, :2] == pytest.approx([0.05, 0.03])
    assert m_jj[0] > 2.5
    assert cutflow == SelectionCounts(events=3, two_jets=2, trigger=1, selected=1)


def test_a_jet_without_substructure_has_tau21_zero():
    _, values = features.dijet_features(_columns(_jet(1300, 0, 0, 0)), _columns(_jet(1300, 50)))
    assert values[0, 2] == 0.0


def test_injection_keeps_every_event_once():
    random = np.random.default_rng(2)
    background, signal = background_dijets(500, random), signal_dijets(80, random)
    data, truth, rest = features.inject(background, signal, 30, 4, random)
    assert truth["is_signal"].sum() == 30
    assert len(rest["m_jj"]) == 50
    both = np.concatenate([data["m_jj"], rest["m_jj"]])
    assert np.array_equal(np.sort(both), np.sort(np.concatenate([background[0], signal[0]])))
    injected = data["m_jj"][truth["is_signal"] == 1]
    assert np.isin(injected, signal[0]).all()
    assert not np.isin(rest["m_jj"], injected).any()
    assert len(np.unique(np.concatenate([data["event_id"], rest["event_id"]]))) == 580


def test_folds_are_balanced_and_blind_to_the_truth():
    data, truth, _ = dijet_tables(background=8000, injected=800, folds=4)
    assert np.ptp(np.bincount(data["fold"])) <= 1
    shares = [truth["is_signal"][data["fold"] == k].mean() for k in range(4)]
    assert np.ptp(shares) < 0.04


def test_a_background_only_run_is_possible():
    _, truth, _ = dijet_tables(injected=0)
    assert truth["is_signal"].sum() == 0


def test_too_little_signal_is_refused():
    random = np.random.default_rng(2)
    with pytest.raises(EmptySampleError, match="30 signal events pass the trigger"):
        features.inject(background_dijets(10, random), signal_dijets(30, random), 30, 2, random)


def _run(folder, **changes):
    arguments = {
        "background": [folder / "b0.root", folder / "b1.root"], "signal": [folder / "s.root"],
        "data": folder / "data.safetensors", "truth": folder / "truth.safetensors",
        "signal_test": folder / "test.safetensors", "cutflow": folder / "cutflow.json",
        "histograms": folder / "histograms.json",
        "settings": FeatureSettings(signal_events=5, folds=2), "seed": 7,
    }  # fmt: skip
    features.features(**(arguments | changes))


def test_the_verb_writes_data_and_truth_apart(tmp_path):
    for name, number, seed in (("b0", 40, 1), ("b1", 30, 2), ("s", 20, 3)):
        write_dijet_file(tmp_path / f"{name}.root", number, seed)
    _run(tmp_path)
    data = read_tensors(tmp_path / "data.safetensors", DIJETS)
    truth = read_tensors(tmp_path / "truth.safetensors", DIJET_TRUTH)
    counts = read_result(tmp_path / "cutflow.json", DijetCutflow)
    assert len(data["m_jj"]) == 75 == counts.data
    assert truth["is_signal"].sum() == 5 == counts.injected_events
    assert counts.signal_test == 15
    assert counts.background.events == 70
    histograms = load_histograms(tmp_path / "histograms.json")
    assert histograms["background/m_jj"].values().sum() == 70
    assert histograms["signal/tau21_j2"].values(flow=True).sum() == 20
    first = (tmp_path / "data.safetensors").read_bytes()
    _run(tmp_path)
    assert (tmp_path / "data.safetensors").read_bytes() == first


def test_a_luminosity_takes_its_part_of_the_background_at_random(tmp_path):
    for each, number, seed in (("b0", 900, 1), ("b1", 700, 2), ("s", 20, 3)):
        write_dijet_file(tmp_path / f"{each}.root", number, seed)
    accounts = []
    for number in (900, 700):
        accounts.append(tmp_path / f"{number}.json")
        account = {
            "sum_of_weights_generated": 10.0 * number, "sum_of_weights_kept": float(number),
            "cutflow": {"kept": number}, "cross_section_pb": 2.0,
        }  # fmt: skip
        write_json(accounts[-1], account)

    def selected(**stated):
        _run(tmp_path, accounts=accounts, **stated)
        counts = read_result(tmp_path / "cutflow.json", DijetCutflow)
        assert counts.signal.selected == 20
        return counts.background.selected

    # 16,000 events of 2 pb are 8/fb, of 4 pb 4/fb.
    assert selected(luminosity=8.0) == 1600
    assert selected(luminosity=2.0) == pytest.approx(400, abs=4 * np.sqrt(300))
    assert selected(luminosity=3.0, cross_section=4000.0) == pytest.approx(1200, abs=70)
    with pytest.raises(DataError, match="worth 8/fb, less than the luminosity of 16/fb") as caught:
        selected(luminosity=16.0)
    assert "Generate 2 times as many" in caught.value.remedy


@pytest.mark.parametrize("name", ["b1", "s"])
def test_events_of_different_weights_are_refused_and_equal_ones_count_as_events(tmp_path, name):
    for each, number, seed in (("b0", 40, 1), ("b1", 30, 2), ("s", 20, 3)):
        write_dijet_file(tmp_path / f"{each}.root", number, seed, weight=0.3)
    _run(tmp_path)
    write_dijet_file(
        tmp_path / f"{name}.root", 20, 4, weight=np.where(np.arange(20) == 7, 2.0, 1.0)
    )
    with pytest.raises(DataError, match=rf"{name}.root: event 7 has the weight 2, others have 1"):
        _run(tmp_path)


def test_the_jets_are_of_the_radius_that_is_set(tmp_path):
    for name, number, seed in (("b0", 40, 1), ("b1", 30, 2), ("s", 20, 3)):
        write_dijet_file(tmp_path / f"{name}.root", number, seed, radius=0.8)
    with pytest.raises(DataError, match="ak10"):
        _run(tmp_path)
    _run(tmp_path, settings=FeatureSettings(signal_events=5, folds=2, radius=0.8))
    assert read_result(tmp_path / "cutflow.json", DijetCutflow).background.selected == 70


def test_the_verb_refuses_samples_without_events(tmp_path):
    for name, pt in (("b0", 400.0), ("b1", 400.0), ("s", 1300.0)):
        write_dijet_file(tmp_path / f"{name}.root", 5, 1, pt)
    with pytest.raises(EmptySampleError, match="0 background events pass the trigger"):
        _run(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        _run(tmp_path, signal=[tmp_path / "absent.root"])
    assert not (tmp_path / "data.safetensors").exists()


def test_the_radius_is_one_that_names_a_collection():
    load({"anomaly": {"features": {"radius": 1.2}}})
    with pytest.raises(ConfigurationError, match=r"anomaly\.features\.radius: 1\.25 must be"):
        load({"anomaly": {"features": {"radius": 1.25}}})


def test_without_signal_the_reference_has_to_be_given():
    nothing = {"features": {"signal_events": 0}}
    with pytest.raises(ConfigurationError, match=r"background\.reference_events: must be given"):
        load({"anomaly": nothing})
    assert load({"anomaly": nothing, "background": {"reference_events": 600}})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"signal_region": [3.7, 3.3]}, "signal_region"),
        ({"features": {"signal_event": 3}}, "Did you mean 'signal_events'"),
        ({"features": {"folds": 1}}, "features.folds"),
        ({"background": []}, "background"),
        ({"searches": ["cwolla"]}, "Did you mean 'cwola'"),
        (
            {"methods": {"disco": {"networks": {"decorelation": 3.0}}}},
            "Did you mean 'correlation'",
        ),
    ],
)
def test_bad_settings_are_refused(values, words):
    with pytest.raises(ConfigurationError, match=words):
        parse(AnomalySettings, values)
