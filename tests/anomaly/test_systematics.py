"""Varied signal: the laws of each variation, which events it holds, and the models' own scores."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from helpers.raw import uncalibrated
from jetchain.anomaly import rescore, search, systematics
from jetchain.anomaly.features import COLUMNS, select
from jetchain.anomaly.methods import METHODS
from jetchain.anomaly.settings import SearchJob, SystematicSettings, VariationJob
from jetchain.core.errors import DataError
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import write_json, write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJETS, SCORES, VARIED
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.jets import JET, JetClosure, UncertaintyRow, jets_table

SETTINGS = VariationJob(radius=1.0, trigger_pt=1200.0)
EVENTS = 600


def jets_file(path, number, seed):
    """Pairs of jets back to back, some of which miss the trigger by little."""
    random = np.random.default_rng(seed)
    pt = np.repeat(random.uniform(1150, 2000, len(number)), 2)
    columns = {name: np.zeros(2 * len(number)) for name in JET if name != "constituents"}
    columns |= {"pt": pt, "eta": random.normal(0, 0.3, len(pt)),
                "m": random.uniform(50, 400, len(pt)), "tau1": random.uniform(0.1, 0.4, len(pt)),
                "phi": np.tile([0.0, np.pi], len(number)),
                "tau2": np.full(len(pt), 0.05)}  # fmt: skip
    jets = ak.unflatten(ak.zip(columns), np.full(len(number), 2))
    found = {name: jets[name] for name in columns}
    found["label"] = ak.values_astype(found["label"], np.int32)
    found["constituents"] = ak.Array([[[], []]] * len(number))
    extra = uncalibrated({name: found[name] for name in ("pt", "m", "msd")})
    table = {"event": {"number": number, "weight": np.ones(len(number))}}
    write_events(
        path, jets_table((1.0,), ()), table | {"ak10": ak.zip(found | extra, depth_limit=2)}
    )
    return ak.zip({name: ak.values_astype(found[name], np.float32) for name in COLUMNS})


@pytest.fixture
def files(tmp_path):
    """Two shards of jets, the third of the selected events that was not injected, uncertainties."""
    paths = [tmp_path / f"{k}.root" for k in range(2)]
    numbers = [np.arange(EVENTS), EVENTS + np.random.default_rng(9).permutation(EVENTS)]
    jets = [jets_file(*each, seed) for seed, each in enumerate(zip(paths, numbers, strict=True))]
    selected = [select(each, SETTINGS.trigger_pt)[:2] for each in jets]
    m_jj, features = (np.concatenate(part) for part in zip(*selected, strict=True))
    kept = np.arange(len(m_jj)) % 3 == 0
    test = {"event_id": np.arange(kept.sum()), "m_jj": m_jj[kept], "features": features[kept],
            "fold": np.arange(kept.sum()) % 4}  # fmt: skip
    write_tensors(tmp_path / "test.safetensors", DIJETS, test)
    values = dict.fromkeys(UncertaintyRow.model_fields, 0.0) | {
        "radius": 1.0, "pt_low": 200.0, "pt_high": 3000.0, "eta_low": 0.0, "eta_high": 2.5,
        "jes": 0.02, "jms": 0.05, "jer": 0.12, "jer_uncertainty": 0.01, "jmr": 0.12,
        "jmr_uncertainty": 0.01,
    }  # fmt: skip
    closure = JetClosure(closure=[], uncertainties=[UncertaintyRow(**values)], numbers=[])
    write_result(tmp_path / "closure.json", closure)
    return tmp_path, paths, numbers, test, len(m_jj)


def varied(files, systematic, **inputs):
    folder, paths, *_ = files
    given = {"other": [], "closure": [folder / "closure.json"], "generated": []} | inputs
    systematics.vary(
        nominal=paths, signal_test=folder / "test.safetensors",
        varied=folder / "varied.safetensors", systematic=systematic, settings=SETTINGS, seed=5,
        **given,
    )  # fmt: skip
    return read_tensors(folder / "varied.safetensors", VARIED)


def test_a_scale_moves_all_and_the_trigger_lets_more_in(files):
    _, _, _, test, selected = files
    found = varied(files, "jes")
    up, down = (
        {name: values[found["direction"] == sign] for name, values in found.items()}
        for sign in (1, -1)
    )
    # pT and mass together: the dijet mass too, and the mass of the jets.
    known = up["weight"] == 1.0
    np.testing.assert_allclose(up["m_jj"][known], 1.02 * test["m_jj"], rtol=1e-6)
    np.testing.assert_allclose(up["features"][known][:, :2], 1.02 * test["features"][:, :2],
                               rtol=1e-5)  # fmt: skip
    np.testing.assert_array_equal(up["features"][known][:, 2:], test["features"][:, 2:])
    np.testing.assert_array_equal(up["fold"][known], test["fold"])
    # What enters counts as the share that was not injected: 1 / 3.
    np.testing.assert_allclose(up["weight"][~known], len(test["m_jj"]) / selected)
    assert (~known).sum() > 10
    assert len(down["m_jj"]) < len(test["m_jj"])
    assert np.all(down["weight"] == 1.0)
    assert set(up["fold"]) <= {0, 1, 2, 3}


def test_the_scale_of_the_mass_leaves_the_trigger_alone(files):
    test, found = files[3], varied(files, "jms")
    assert np.all(found["weight"] == 1.0)
    for sign in (1, -1):
        own = found["direction"] == sign
        np.testing.assert_allclose(
            found["features"][own][:, :2], (1 + 0.05 * sign) * test["features"][:, :2], rtol=1e-4,
            atol=1e-7,
        )  # fmt: skip
        assert np.all((found["m_jj"][own] - test["m_jj"]) * sign > 0)


def test_a_resolution_smears_by_what_is_missing(files):
    test, found = files[3], varied(files, "jmr")
    assert np.all(found["direction"] == 1)
    assert np.all(found["weight"] == pytest.approx(1 / 4))
    assert found["weight"].sum() == pytest.approx(len(test["m_jj"]))
    ratio = (found["features"][:, 0] * 2 + found["features"][:, 1]).reshape(4, -1) / (
        test["features"][:, 0] * 2 + test["features"][:, 1]
    )  # sum of both masses: the smearing of two jets
    share = test["features"][:, 0] / (2 * test["features"][:, 0] + test["features"][:, 1])
    width = 0.05 * np.sqrt(share**2 + (1 - share) ** 2)
    assert np.std((ratio - 1) / width) == pytest.approx(1.0, abs=0.06)
    assert np.mean((ratio - 1) / width) == pytest.approx(0.0, abs=0.1)
    again = varied(files, "jmr")
    np.testing.assert_array_equal(again["m_jj"], found["m_jj"])


def test_the_same_jets_by_another_algorithm_are_the_signal_of_the_search(files):
    found = varied(files, "puppi", other=files[1], closure=[])
    for name in ("m_jj", "features", "fold"):
        np.testing.assert_array_equal(found[name], files[3][name])
    assert np.all(found["weight"] == 1.0)
    with pytest.raises(DataError, match="do not hold the same events"):
        varied(files, "puppi", other=files[1][::-1], closure=[])


def generated(files, ratio):
    paths = []
    for index, number in enumerate(files[2]):
        event = {name: np.zeros(len(number)) for name in GENERATED.event}
        event |= {"number": number, "weight": np.full(len(number), 2.0)}
        event |= {name: 2.0 * ratio(number) for name in event if name.startswith("weight_")}
        empty = ak.Array([[]] * len(number))
        table = {name: ak.zip({column: ak.values_astype(empty, spec.dtype)
                               for column, spec in columns.items()}, depth_limit=2)
                 for name, columns in GENERATED.collections.items()}  # fmt: skip
        paths.append(files[0] / f"generated{index}.root")
        write_events(paths[-1], GENERATED, {"event": event} | table)
    return paths


def test_weights_of_showers_are_those_of_the_same_events(files):
    test = files[3]
    names = generated(files, lambda number: 1 + number / 1000)
    found = varied(files, "fsr", generated=names, closure=[])
    up = found["direction"] == 1
    np.testing.assert_array_equal(found["m_jj"][up], test["m_jj"])
    # by number, and the second shard is out of order
    pairs = np.concatenate(files[2])
    jets = [select(each, 1200.0)[0] for each in _again(files)]
    assert len(np.unique(found["weight"][up])) == up.sum()
    assert np.all((found["weight"] >= 1) & (found["weight"] <= 1 + pairs.max() / 1000))
    assert sum(map(len, jets)) == files[4]
    ratio = {m: 1 + n / 1000 for m, n in _numbers(files)}
    np.testing.assert_allclose(found["weight"][up], [ratio[m] for m in test["m_jj"]])
    with pytest.raises(DataError, match="weight_"):
        varied(files, "fsr", generated=generated(files, lambda n: n * np.nan), closure=[])


def _again(files):
    return [systematics._read(path, 1.0)[1] for path in files[1]]


def _numbers(files):
    """Dijet mass and number of each selected event."""
    for path in files[1]:
        number, jets = systematics._read(path, 1.0)
        chosen = ak.to_numpy(ak.max(jets.pt, axis=1)) > 1200.0
        yield from zip(select(jets, 1200.0)[0], number[chosen], strict=True)


def test_what_is_not_known_is_not_varied(files, capsys):
    empty = JetClosure(closure=[], uncertainties=[], numbers=[])
    write_result(files[0] / "none.json", empty)
    for closure in ([], [files[0] / "none.json"]):
        found = varied(files, "jer", closure=closure)
        assert found["features"].shape == (0, 4)
        assert "jer: no uncertainty of jets" in capsys.readouterr().err


def test_signal_of_another_run_is_refused(files):
    test = dict(files[3])
    test["m_jj"] = test["m_jj"] * 1.001
    write_tensors(files[0] / "test.safetensors", DIJETS, test)
    with pytest.raises(DataError, match="not those of the signal's jets"):
        varied(files, "jes")


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("cwola", {"boosting": {"trainings": 2, "members": 1, "iterations": 10}}),
        ("disco", {"networks": {"hidden": 8, "tightest": 0.02,
                                "training": {"epochs": 1, "batch_size": 500}}}),
    ],
)  # fmt: skip
def test_stored_models_give_the_signal_the_scores_of_the_search(tmp_path, method, settings):
    data, _, test = dijet_tables(background=1500, injected=100, test=200, seed=2)
    tables = {"data": data, "signal_test": test}
    for name, table in tables.items():
        write_tensors(tmp_path / f"{name}.safetensors", DIJETS, table)
    varied = test | {"weight": np.ones(len(test["m_jj"])), "direction": np.ones(len(test["m_jj"]))}
    write_tensors(tmp_path / "varied.safetensors", VARIED, varied)
    of_search = METHODS[method]
    job = SearchJob(signal_region=SIGNAL_REGION, mass_range=MASS_RANGE if of_search.mass_range
                    else None, method=settings)  # fmt: skip
    search.search(
        **{name: tmp_path / f"{name}.safetensors" for name in (*tables, "scores", "signal_scores")},
        truth=[], template=[], background_test=[], background_scores=[],
        extras=[tmp_path / each for each in of_search.extras],
        method=method, settings=job, seed=3,
    )  # fmt: skip
    rescore.rescore(
        models=tmp_path / of_search.saved, varied=tmp_path / "varied.safetensors",
        data=[tmp_path / "data.safetensors"] if method == "disco" else [],
        scores=tmp_path / "again.safetensors", method=method,
        settings=rescore.ScoreJob(signal_region=SIGNAL_REGION, mass_range=job.mass_range),
    )  # fmt: skip
    again = read_tensors(tmp_path / "again.safetensors", SCORES)["score"]
    own = "signal_planes" if method == "disco" else "signal_scores"
    expected = read_tensors(tmp_path / f"{own}.safetensors", SCORES)["score"]
    # networks by numpy: where outputs round differently, an event may change places with the next
    np.testing.assert_allclose(again, expected, rtol=1e-12, atol=2e-3 if method == "disco" else 0)
    assert np.mean(np.isclose(again, expected, rtol=1e-9)) > 0.99


def test_the_signal_of_the_search_as_another_signal_counts_as_much(files):
    folder, paths, _, test, selected = files
    write_result(
        folder / "n.json",
        Normalisation(luminosity_fb=1.0, signal_acceptance=selected / 5000, reference_events=10,
                      reference_cross_section_fb=1.0, injected_events=1,
                      injected_cross_section_fb=1.0),
    )  # fmt: skip
    account = {"sum_of_weights_generated": 2500.0, "sum_of_squared_weights_kept": EVENTS,
               "cutflow": {"kept": EVENTS}}  # fmt: skip
    given = {
        "jets": paths, "accounts": [folder / "a.json"] * 2, "normalisation": folder / "n.json",
        "signal_test": folder / "test.safetensors", "varied": folder / "o.safetensors",
        "settings": SETTINGS,
    }  # fmt: skip
    write_json(folder / "a.json", account)
    systematics.other_signal(**given)
    found = read_tensors(folder / "o.safetensors", VARIED)
    assert len(found["m_jj"]) == selected
    assert found["weight"].sum() == pytest.approx(len(test["m_jj"]))
    assert set(found["fold"]) == {0, 1, 2, 3}
    write_json(folder / "a.json", account | {"sum_of_squared_weights_kept": 2.0 * EVENTS})
    with pytest.raises(DataError, match="needs events of weight one"):
        systematics.other_signal(**given)


def test_names_are_those_that_can_be_made():
    settings = SystematicSettings(algorithms=["puppi"])
    assert settings.names(calibrated=True, showers=False) == ["jes", "jms", "jer", "jmr", "puppi"]
    assert settings.names(calibrated=False, showers=True) == ["puppi", "fsr", "isr"]
    with pytest.raises(ValueError, match="named twice"):
        SystematicSettings(jets=["jes", "jes"])
