"""What holds for every method of the search, and what only some of them promise."""

import inspect
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml

from helpers.dijets import ALONE, MASS_RANGE, SIGNAL_REGION, dijet_tables
from helpers.mutants import copy_house, mutate
from jetchain.anomaly import search
from jetchain.anomaly.methods import METHODS, PLANES, Method
from jetchain.anomaly.methods.idealised import halves
from jetchain.anomaly.searched import Dijets, outlier_scores
from jetchain.anomaly.settings import SearchJob
from jetchain.core.boosting import BoostingSettings
from jetchain.core.dijets import inside
from jetchain.core.errors import ConfigurationError, EmptySampleError
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.metrics import auc
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES

HOUSE = Path(__file__).parents[2]
TINY = yaml.safe_load((HOUSE / "config" / "test.yaml").read_text())["anomaly"]["methods"]


def settings_of(name):
    return TINY.get(name, {}) if METHODS[name].settings else None


def run(name, data, is_signal, rest):
    """What a method makes of toy events, with the sizes of the tiny configuration."""
    method = METHODS[name]
    built = search.build(name, settings_of(name))
    more = {"truth": is_signal} if method.reference else {}
    if method.template:
        more["template"] = built.draw(data, SIGNAL_REGION, MASS_RANGE, 1).template
    mass_range = MASS_RANGE if method.mass_range else None
    return built.search(Dijets(data, rest, SIGNAL_REGION, mass_range), seed=2, **more)


def toys():
    data, truth, rest = dijet_tables(background=1500, injected=100, test=100, folds=4)
    return data, truth["is_signal"], rest


@cache
def found(name):
    return run(name, *toys())


def same(first, second):
    return np.array_equal(first.scores, second.scores) and np.array_equal(
        first.signal_scores, second.signal_scores
    )


@pytest.mark.parametrize("name", METHODS)
def test_every_event_has_a_finite_score_and_the_seed_fixes_it(name):
    data, _, rest = toys()
    for scores, table in ((found(name).scores, data), (found(name).signal_scores, rest)):
        assert scores.shape[0] == len(table["m_jj"])
        assert np.isfinite(scores).all()
    assert same(found(name), run(name, *toys()))
    assert set(found(name).extras) == set(METHODS[name].extras)
    assert METHODS[name].background != "abcd" or set(PLANES) <= set(METHODS[name].extras)


@pytest.mark.parametrize("name", METHODS)
def test_no_event_changes_the_scores_of_its_fold(name):
    # In the signal region, since ranks refer to the sidebands of the same events.
    data, is_signal, rest = toys()
    one = np.flatnonzero(inside(data["m_jj"], SIGNAL_REGION) & (data["fold"] == 1))[3]
    data["features"] = data["features"].copy()
    data["features"][one] = [0.3, 0.02, 0.9, 0.9]
    changed = run(name, data, is_signal, rest)
    others = data["fold"] == 1
    others[one] = False
    assert np.array_equal(changed.scores[others], found(name).scores[others])
    signal = rest["fold"] == 1
    assert np.array_equal(changed.signal_scores[signal], found(name).signal_scores[signal])


@pytest.mark.parametrize("name", METHODS)
def test_the_same_event_has_the_same_score_in_both_tables(name):
    data, is_signal, _ = toys()
    copied = {column: values[100:400] for column, values in data.items()}
    scored = run(name, data, is_signal, copied)
    # Networks round differently in batches of another size, where two outputs may change ranks.
    close = np.isclose(scored.signal_scores, scored.scores[100:400], rtol=1e-3)
    assert close.mean() > 0.98
    assert scored.signal_scores == pytest.approx(scored.scores[100:400], rel=0.02)


@pytest.mark.parametrize("name", METHODS)
def test_a_planted_signal_scores_higher_than_the_background(name):
    data, is_signal, _ = toys()
    chosen = inside(data["m_jj"], SIGNAL_REGION)
    labels = np.concatenate([is_signal[chosen], np.ones(100, dtype=np.int64)])
    scores = np.concatenate(
        [found(name).scores[chosen].mean(axis=1), found(name).signal_scores.mean(axis=1)]
    )
    # What has nothing to do with the signal has 0.5 within 0.03.
    assert auc(labels, scores) > 0.6


@pytest.mark.parametrize("name", METHODS)
def test_truth_reaches_references_and_a_template_those_that_declare_it(name):
    cls = METHODS.load(name)
    wanted = set(inspect.signature(cls.search).parameters)
    assert ("truth" in wanted) is METHODS[name].reference
    assert ("template" in wanted) is METHODS[name].template
    assert hasattr(cls, "draw") is METHODS[name].template
    if METHODS[name].reference:  # and it does read it
        data, is_signal, rest = toys()
        shuffled = np.random.default_rng(1).permutation(is_signal)
        assert not same(found(name), run(name, data, shuffled, rest))


def test_seeds_and_names_of_methods_are_their_own():
    identities = [method.identity or (name,) for name, method in METHODS.items()]
    assert len(set(identities)) == len(METHODS)
    assert len(set(METHODS.labels().values())) == len(METHODS)


TOY = '''"""A toy."""

from jetchain.anomaly.searched import Scored
from jetchain.core.settings import Settings, key


class ToySettings(Settings):
    """A toy."""

    column: int = key(0, "Which feature.", ge=0)


class Toy:
    def __init__(self, settings):
        self.settings = settings

    def search(self, dijets, seed):
        scores = [table["features"][:, [self.settings.column]] for table in dijets.tables]
        return Scored(*scores)
'''


def test_a_new_method_is_one_file_and_one_line(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(TOY)
    package = __import__("jetchain.anomaly.methods", fromlist=["methods"])
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    line = Method("Toy", "", "toy.Toy", "toy.ToySettings", background="sideband")
    monkeypatch.setitem(METHODS._members, "toy", line)
    assert METHODS.sections()().toy.column == 0
    assert METHODS.labels(["toy"]) == {"toy": "Toy"}
    data, _, rest = write(tmp_path)
    outputs = {name: tmp_path / f"{name}.safetensors" for name in ("scores", "signal_scores")}
    search.search(
        data=tmp_path / "data.safetensors", signal_test=tmp_path / "signal_test.safetensors",
        truth=[], template=[], **outputs, extras=[], **ALONE, method="toy", seed=1,
        settings=SearchJob(signal_region=SIGNAL_REGION, method={"column": 2}),
    )  # fmt: skip
    for path, table in zip(outputs.values(), (data, rest), strict=True):
        stored = read_tensors(path, SCORES)
        assert np.array_equal(stored["event_id"], table["event_id"])
        assert np.array_equal(stored["score"][:, 0], table["features"][:, 2])


@pytest.mark.shared
def test_a_new_method_reaches_rules_limits_and_figures(tmp_path):
    house = copy_house(tmp_path / "house")
    methods = house / "workflow" / "jetchain" / "anomaly" / "methods"
    (methods / "toy.py").write_text(TOY)
    mutate(
        house, "workflow/jetchain/anomaly/methods/__init__.py", '        "mahalanobis": Method(',
        '        "toy": Method("Toy", "", "toy.Toy", "toy.ToySettings", background="sideband"),\n'
        '        "mahalanobis": Method(',
    )  # fmt: skip
    configured = {
        "anomaly": {"searches": ["toy"], "methods": {"toy": {"column": 1}}},
        "background": {"bump_hunt": {"methods": ["toy"]}},
    }
    (house / "my.yaml").write_text(yaml.safe_dump(configured))
    done = subprocess.run(
        [
            "snakemake", "--dry-run", "--printshellcmds", "--directory", str(tmp_path),
            "--configfile", "config/test.yaml", "my.yaml", "--",
            "results/reporting/inference/limits.png",
            "results/reporting/anomaly/significance_improvement.png",
            "results/reporting/background/dijet_spectrum_toy.png",
            "results/background/toy/closure.json",
        ],
        cwd=house, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(house / "workflow"),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    for rule in ("search_toy", "fit_spectrum", "close_spectrum", "set_limits", "figure_limits"):
        assert f"rule {rule}:" in done.stdout
    shown = [line for line in done.stdout.splitlines() if "reporting.anomaly.sic" in line]
    assert '{"toy": "Toy"}' in shown[0]


def write(folder):
    data, truth, rest = dijet_tables(background=1500, injected=60, test=50)
    write_tensors(folder / "data.safetensors", DIJETS, data)
    write_tensors(folder / "truth.safetensors", DIJET_TRUTH, truth)
    write_tensors(folder / "signal_test.safetensors", DIJETS, rest)
    return data, truth, rest


def test_the_verb_gives_a_reference_the_truth_and_others_none(tmp_path):
    _, truth, _ = write(tmp_path)
    arguments = {
        "data": tmp_path / "data.safetensors", "signal_test": tmp_path / "signal_test.safetensors",
        "scores": tmp_path / "scores.safetensors", "signal_scores": tmp_path / "signal.safetensors",
        "template": [], "extras": [], "seed": 1, **ALONE,
    }  # fmt: skip
    known = SearchJob(signal_region=SIGNAL_REGION, method=TINY["supervised"])
    search.search(
        **arguments, truth=[tmp_path / "truth.safetensors"], method="supervised", settings=known
    )
    scores = read_tensors(arguments["scores"], SCORES)["score"].mean(axis=1)
    assert auc(truth["is_signal"], scores) > 0.8
    blind = SearchJob(signal_region=SIGNAL_REGION)
    search.search(**arguments, truth=[], method="mahalanobis", settings=blind)
    assert read_tensors(arguments["signal_scores"], SCORES)["score"].shape == (50, 1)
    with pytest.raises(TypeError, match="truth"):
        search.search(
            **arguments, truth=[tmp_path / "truth.safetensors"], method="mahalanobis",
            settings=blind,
        )  # fmt: skip


def test_unknown_method_is_refused_with_a_hint():
    with pytest.raises(ConfigurationError, match="Did you mean 'mahalanobis'"):
        search.build("mahalanobi", None)


# -------------------------------------------------------------------------------- single methods


def test_the_idealised_template_holds_no_signal_and_no_event_twice():
    features = np.arange(1000.0)[:, None]
    is_signal = (np.arange(1000) % 10 == 0).astype(np.int64)
    chosen, labels = halves(features, is_signal, np.random.default_rng(1))
    rows = chosen[:, 0].astype(int)
    assert is_signal[rows[labels == 0]].sum() == 0
    assert len(np.unique(rows)) == len(rows)
    # The share of signal in what plays the data is that of the data.
    assert is_signal[rows[labels == 1]].mean() == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("name", ["isolation_forest", "mahalanobis"])
def test_outlier_scores_rank_far_events_high(name):
    data, _, rest = dijet_tables(background=1500, injected=0, test=50)
    rest["features"][:25] = data["features"].mean(axis=0)
    rest["features"][25:] = data["features"].max(axis=0) * 2
    far = run(name, data, None, rest).signal_scores
    assert far[25:].min() > far[:25].max()


class Recorder:
    """Scores an event by whether it was trained on; keeps what it is given."""

    def fit(self, features, seed):
        self.seen = {row.tobytes() for row in features}

    def score(self, features):
        return np.array([float(row.tobytes() in self.seen) for row in features])


def test_no_event_is_scored_by_an_outlier_model_that_saw_it():
    data, _, rest = dijet_tables(background=300, injected=0, test=50)
    assert not outlier_scores(Recorder(), Dijets(data, rest, SIGNAL_REGION), 1).scores.any()


def test_references_are_trained_in_the_signal_region_and_on_the_other_folds(monkeypatch):
    data, truth, rest = dijet_tables(background=3000, injected=100, test=200)

    def train_on_all(features, labels, settings, seed):
        recorder = Recorder()
        recorder.fit(features, seed)
        seen.append(recorder.seen)
        return recorder

    seen = []
    monkeypatch.setattr("jetchain.core.boosting.train_ensemble", train_on_all)
    monkeypatch.setattr(
        "jetchain.core.boosting.ensemble_score", lambda model, features: model.score(features)
    )
    boosting = BoostingSettings(trainings=2, members=1, iterations=20)
    built = search.build("supervised", {"boosting": boosting.model_dump()})
    scored = built.search(Dijets(data, rest, SIGNAL_REGION), truth["is_signal"], 1)
    assert not scored.scores.any()
    assert not scored.signal_scores.any()
    allowed = {
        row.tobytes()
        for table in (data, rest)
        for row in table["features"][inside(table["m_jj"], SIGNAL_REGION)]
    }
    assert set().union(*seen) == allowed


def test_mahalanobis_of_a_known_point():
    model = search.build("mahalanobis", None)
    corners = np.array([[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0], [-1.0, -2.0]])
    model.fit(corners, 0)  # mean 0, covariance diag(4/3, 16/3)
    assert model.score(np.array([[2.0, 4.0]])) == pytest.approx([3.0 + 3.0])


def test_the_idealised_search_takes_extra_background_of_the_other_folds_as_its_template(
    monkeypatch,
):
    data, truth, rest = dijet_tables(background=1500, injected=60, test=50)
    other, _, _ = dijet_tables(background=6000, injected=0, seed=2)
    window = inside(other["m_jj"], SIGNAL_REGION)
    beside = {name: values[window] for name, values in other.items()}
    sets = []
    monkeypatch.setattr(
        Dijets, "cross_train", lambda self, training_set, *_: sets.append(training_set)
    )
    built = search.build("idealised", {"boosting": TINY["idealised"]["boosting"]})
    for extra in (beside, {name: values[:9] for name, values in beside.items()}, None):
        built.search(
            Dijets(data, rest, SIGNAL_REGION, background_test=extra), truth["is_signal"], 1
        )
    own = inside(data["m_jj"], SIGNAL_REGION) & (data["fold"] != 0)
    features, labels = sets[0](0, np.random.default_rng(1))
    assert np.array_equal(features[labels == 1], data["features"][own])
    assert np.array_equal(features[labels == 0], beside["features"][beside["fold"] != 0])
    # Too little of it is none.
    few, none = (each(0, np.random.default_rng(1)) for each in sets[1:])
    assert np.array_equal(few[0], none[0])
    assert len(few[0]) < own.sum()


def test_a_feature_that_is_always_the_same_has_no_flow_and_does_not_stop_the_others():
    data, is_signal, rest = toys()
    data, rest = ({**table, "features": table["features"].copy()} for table in (data, rest))
    for table in (data, rest):
        table["features"][:, 2] = 0.3
    with pytest.raises(EmptySampleError, match=r"tau21_j1 is 0\.3 for all \d+ events"):
        run("cathode", data, is_signal, rest)
    for name in ("cwola", "mahalanobis"):
        assert np.isfinite(run(name, data, is_signal, rest).scores).all()


@pytest.mark.parametrize("name", [n for n, method in METHODS.items() if not method.template])
def test_data_without_an_event_are_refused(name):
    data, is_signal, rest = toys()
    nothing = {key: values[:0] for key, values in data.items()}
    with pytest.raises(EmptySampleError):
        run(name, nothing, is_signal[:0], rest)
