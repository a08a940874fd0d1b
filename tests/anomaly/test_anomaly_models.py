"""Reference classifiers and outlier scores."""

import numpy as np
import pytest

from helpers.dijets import SIGNAL_REGION, dijet_tables
from jetchain.anomaly import train
from jetchain.anomaly.models.idealised import Idealised
from jetchain.anomaly.settings import OUTLIERS, REFERENCES, ReferenceJob
from jetchain.core.boosting import BoostingSettings
from jetchain.core.errors import ConfigurationError
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.metrics import auc
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES

JOB = ReferenceJob(
    signal_region=SIGNAL_REGION, boosting=BoostingSettings(trainings=2, members=1, iterations=20)
)


@pytest.mark.parametrize("name", REFERENCES)
def test_references_find_the_signal(name):
    data, truth, rest = dijet_tables()
    scores, more = train.reference_scores(
        train.load_model(name, REFERENCES), data, truth["is_signal"], rest, JOB, 1
    )
    assert scores.shape == (len(data["m_jj"]), 2)
    assert more.shape == (len(rest["m_jj"]), 2)
    assert (
        auc(truth["is_signal"], scores.mean(axis=1)) > {"supervised": 0.95, "idealised": 0.8}[name]
    )


def test_the_idealised_template_holds_no_signal_and_no_event_twice():
    features = np.arange(1000.0)[:, None]
    is_signal = (np.arange(1000) % 10 == 0).astype(np.int64)
    chosen, labels = Idealised().training_set(
        features, is_signal, np.zeros((0, 1)), np.random.default_rng(1)
    )
    rows = chosen[:, 0].astype(int)
    assert is_signal[rows[labels == 0]].sum() == 0
    assert len(np.unique(rows)) == len(rows)
    # The share of signal in what plays the data is that of the data.
    assert is_signal[rows[labels == 1]].mean() == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("name", OUTLIERS)
def test_outlier_scores_rank_far_events_high_and_are_reproducible(name):
    data, _, rest = dijet_tables(background=1500, injected=0, test=50)
    rest["features"][:25] = data["features"].mean(axis=0)
    rest["features"][25:] = data["features"].max(axis=0) * 2
    runs = [train.outlier_scores(train.load_model(name, OUTLIERS), data, rest, 3) for _ in range(2)]
    assert np.array_equal(runs[0][0], runs[1][0])
    assert runs[0][1][25:].min() > runs[0][1][:25].max()


class Recorder:
    """Scores an event by whether it was trained on; keeps what it is given."""

    def fit(self, features, seed):
        self.seen = {row.tobytes() for row in features}

    def score(self, features):
        return np.array([float(row.tobytes() in self.seen) for row in features])


def test_no_event_is_scored_by_an_outlier_model_that_saw_it():
    data, _, rest = dijet_tables(background=300, injected=0, test=50)
    scores, _ = train.outlier_scores(Recorder(), data, rest, 1)
    assert not scores.any()


def test_references_are_trained_in_the_signal_region_and_on_the_other_folds(monkeypatch):
    data, truth, rest = dijet_tables(background=3000, injected=100, test=200)
    low, high = SIGNAL_REGION

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
    scores = train.reference_scores(
        train.load_model("supervised", REFERENCES), data, truth["is_signal"], rest, JOB, 1
    )
    assert not any(each.any() for each in scores)
    allowed = {
        row.tobytes()
        for table in (data, rest)
        for row in table["features"][(low < table["m_jj"]) & (table["m_jj"] < high)]
    }
    assert set().union(*seen) == allowed


def test_mahalanobis_of_a_known_point():
    model = train.load_model("mahalanobis", OUTLIERS)
    corners = np.array([[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0], [-1.0, -2.0]])
    model.fit(corners, 0)  # mean 0, covariance diag(4/3, 16/3)
    assert model.score(np.array([[2.0, 4.0]])) == pytest.approx([3.0 + 3.0])


def test_unknown_model_is_refused_with_a_hint():
    with pytest.raises(ConfigurationError, match="Did you mean 'mahalanobis'"):
        train.load_model("mahalanobi", OUTLIERS)


def test_the_verbs_write_scores_of_all_events(tmp_path):
    data, truth, rest = dijet_tables(background=1500, injected=60, test=50)
    paths = {name: tmp_path / f"{name}.safetensors" for name in ("data", "truth", "signal_test")}
    write_tensors(paths["data"], DIJETS, data)
    write_tensors(paths["truth"], DIJET_TRUTH, truth)
    write_tensors(paths["signal_test"], DIJETS, rest)
    outputs = {name: tmp_path / f"{name}.safetensors" for name in ("scores", "signal_scores")}
    train.reference(**paths, **outputs, model="supervised", settings=JOB, seed=1)
    stored = read_tensors(outputs["scores"], SCORES)
    assert np.array_equal(stored["event_id"], data["event_id"])
    del paths["truth"]
    train.outlier(**paths, **outputs, model="mahalanobis", seed=1)
    assert read_tensors(outputs["signal_scores"], SCORES)["score"].shape == (50, 1)
