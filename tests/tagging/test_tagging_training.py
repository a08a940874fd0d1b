"""Training and evaluation of taggers: they learn, reproduce, and are measured as others measure."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from scipy import stats
from sklearn import metrics as sklearn_metrics

from helpers.jetgraphs import write_toy_samples
from helpers.tagging import Made, make_dataset, whole
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.io.tensors import read_tensors, write_tensors, write_weights
from jetchain.core.metrics import rejection
from jetchain.core.schema.graphs import JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import (
    FEATURE_SETS,
    JET_SCORES,
    TAGGING_SCORES,
    TaggerMetrics,
    TaggingBench,
    TaggingDataset,
)
from jetchain.core.seeds import make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.training_settings import TrainingSettings
from jetchain.tagging.batches import JetReader
from jetchain.tagging.bench import bench
from jetchain.tagging.evaluate import (
    confusion,
    evaluate,
    figures_of_merit,
    macro_auc,
    rejection_with_error,
    roc_band,
)
from jetchain.tagging.learning import learning
from jetchain.tagging.models import MODELS
from jetchain.tagging.models.bdt import BDTSettings
from jetchain.tagging.models.cnn import CNNSettings
from jetchain.tagging.models.dnn import DNNSettings
from jetchain.tagging.models.efn import EFNSettings
from jetchain.tagging.models.fisher import FisherSettings
from jetchain.tagging.models.lstm import LSTMSettings
from jetchain.tagging.models.particlenet import ParticleNetSettings
from jetchain.tagging.models.pcnn import PCNNSettings
from jetchain.tagging.models.pfn import PFNSettings
from jetchain.tagging.models.recursive import RecursiveSettings
from jetchain.tagging.networks import load
from jetchain.tagging.score import score
from jetchain.tagging.scored import Scored, discriminant
from jetchain.tagging.settings import (
    PAIRS,
    BenchSettings,
    ClassSettings,
    EvaluateSettings,
    FeatureSettings,
    LearningSettings,
    PairSettings,
    ScoringSettings,
    TrainSettings,
)
from jetchain.tagging.train import cross_entropy, train

SMALL = {
    "pfn": PFNSettings(phi_sizes=[32, 32], f_sizes=[32]),
    "particlenet": ParticleNetSettings(
        neighbours=3, channels=[[16, 16], [24]], fully_connected=[32]
    ),
    "bdt": BDTSettings(iterations=20),
    "fisher": FisherSettings(pixels=11),
    "cnn": CNNSettings(
        pixels=11, channels=[[4], [4]], fully_connected=[16],
        training={"epochs": 12, "learning_rate": 0.02},
    ),
    "dnn": DNNSettings(particles=10, hidden=[32]),
    "lstm": LSTMSettings(width=16, fully_connected=[16]),
    "recursive": RecursiveSettings(
        width=16, fully_connected=[16], training={"epochs": 8, "learning_rate": 0.01}
    ),
    "pcnn": PCNNSettings(
        particles=24, channels=[[8], [16]], fully_connected=[16], training={"epochs": 8}
    ),
    "efn": EFNSettings(
        phi_sizes=[32, 32], f_sizes=[32], training={"epochs": 8, "learning_rate": 0.01}
    ),
}  # fmt: skip
TRAINING = TrainingSettings(epochs=3, batch_size=64, learning_rate=5e-3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The data set of 150 toy jets a class."""
    folder = tmp_path_factory.mktemp("tagging")
    graphs = write_toy_samples(folder / "graphs", 150)
    return make_dataset(folder, graphs, FeatureSettings(particles=24))


def sizes(model: str) -> dict:
    """Small ones of the taggers that have small ones here, else its own."""
    name = model.removesuffix("_kinematics")
    plain = SMALL[name].model_dump() if name in SMALL else {}
    plain.pop("feature_set", None)
    return plain


def run_training(made: Made, folder: Path, model: str, seed: int = 7) -> dict[str, Path]:
    paths = {"weights": folder / "weights.safetensors", "history": folder / "history.csv"}
    settings = TrainSettings(training=TRAINING, model=sizes(model))
    train(**made, settings=settings, seed=seed, model=model, **paths)
    return paths


def run_evaluation(
    made: Made, weights: Path, folder: Path, pairs: dict[str, PairSettings] = PAIRS
) -> dict[str, Path]:
    paths = {
        name: folder / name for name in ("scores", "metrics", "roc", "histograms")
    }  # fmt: skip
    settings = EvaluateSettings(
        evaluation=ScoringSettings(bootstrap_replicas=10, roc_points=9), pairs=pairs
    )
    evaluate(**made, weights=weights, settings=settings, seed=3, **paths)
    return paths


@pytest.mark.parametrize("model", MODELS)
def test_taggers_learn_and_reproduce(made: Made, tmp_path: Path, model: str) -> None:
    trained = [run_training(made, tmp_path / f"{i}", model) for i in range(2)]
    for name in trained[0]:
        assert trained[0][name].read_bytes() == trained[1][name].read_bytes()
    history = read_csv(trained[0]["history"])
    losses = history["train_loss"]
    assert losses[-1] < losses[0] or len(losses) == 1  # computed at once
    assert losses[0] < 1.2 * np.log(len(JET_CLASSES))
    measured = [
        run_evaluation(made, paths["weights"], paths["weights"].parent) for paths in trained
    ]
    for name in measured[0]:
        assert measured[0][name].read_bytes() == measured[1][name].read_bytes()
    result = read_result(measured[0]["metrics"], TaggerMetrics)
    # Three prongs against one: easy. Chance is 0.5, and 1/7 for the accuracy.
    assert result.pairs["top_vs_QCD"].auc.value > 0.9
    # Who sees no tracks' distances tells no flavours.
    blind = "lorentz" in getattr(MODELS.load(model), "claims", ())
    assert result.accuracy.value > (0.16 if blind else 0.25)
    data = whole(made)
    assert result.training_jets == (data["split"] == 0).sum()
    assert result.model == model
    _, about = load(trained[0]["weights"])
    assert result.feature_set == about.feature_set
    assert about.preprocessing.features == list(FEATURE_SETS[about.feature_set])
    assert about.feature_set == ("kinematics" if model.endswith("_kinematics") else "full")
    assert about.classes == list(JET_CLASSES)
    scores = read_tensors(measured[0]["scores"], TAGGING_SCORES)
    np.testing.assert_array_equal(scores["label"], data["label"][data["split"] == 2])
    np.testing.assert_array_equal(scores["jet"], data["jet"][data["split"] == 2])
    np.testing.assert_allclose(scores["probability"].sum(axis=1), 1, atol=1e-5)
    counts = np.array(result.confusion.counts)
    assert counts.sum() == len(scores["label"])
    roc = read_csv(measured[0]["roc"])
    assert set(roc["pair"]) == set(PAIRS)
    assert len(roc["low"]) == 9 * len(PAIRS)
    histograms = load_histograms(measured[0]["histograms"])
    tops = scores["weight"][scores["label"] == JET_CLASSES.index("top")]
    assert counts[JET_CLASSES.index("top")].sum() == len(tops)
    assert histograms["top_vs_QCD/top"].sum().value == pytest.approx(tops.sum())


def test_training_and_early_stopping_see_their_own_split_only(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def rows(momenta) -> list[bytes]:
        return sorted(row.tobytes() for row in np.asarray(momenta))

    def spy(network, *, batches, validation, **others) -> dict:
        for split, jets in ((0, batches(np.random.default_rng(1))), (1, validation())):
            seen[split] = rows(np.concatenate([each.momentum for each in jets]))
        return {"epoch": [1]}

    monkeypatch.setattr("jetchain.tagging.train.fit", spy)
    run_training(made, tmp_path, "pfn")
    data = whole(made)
    for split in (0, 1):
        assert seen[split] == rows(data["momentum"][data["split"] == split])


def test_another_seed_gives_other_weights(made: Made, tmp_path: Path) -> None:
    one, two = (run_training(made, tmp_path / str(seed), "pfn", seed) for seed in (7, 8))
    assert one["weights"].read_bytes() != two["weights"].read_bytes()


def test_weights_of_another_network_are_refused(made: Made, tmp_path: Path) -> None:
    trained = run_training(made, tmp_path, "pfn")
    network, about = load(trained["weights"])
    other = about.model_copy(update={"settings": about.settings | {"f_sizes": [7]}})
    write_weights(trained["weights"], network, other)
    with pytest.raises(DataError, match="the weights do not fit the network"):
        run_evaluation(made, trained["weights"], tmp_path)
    write_weights(trained["weights"], network)
    with pytest.raises(DataError, match=r"does not say how these weights are used"):
        run_evaluation(made, trained["weights"], tmp_path)
    assert not (tmp_path / "metrics").exists()


def test_weights_alone_score_any_file_of_jets(made: Made, tmp_path: Path) -> None:
    """The probabilities of the test jets, from the graphs and the weights and nothing else."""
    trained = run_training(made, tmp_path, "pfn_kinematics")
    scores = read_tensors(
        run_evaluation(made, trained["weights"], tmp_path)["scores"], TAGGING_SCORES
    )
    own = scores["label"] == JET_CLASSES.index("W")
    graphs = made["dataset"].parent / "graphs" / "W" / "0000.safetensors"
    table = read_tensors(graphs, JET_GRAPHS)
    unlabelled = tmp_path / "unlabelled.safetensors"
    write_tensors(unlabelled, JET_GRAPHS, table | {"label": np.full(len(table["label"]), -1)})
    score(weights=trained["weights"], graphs=unlabelled, scores=tmp_path / "found")
    found = read_tensors(tmp_path / "found", JET_SCORES)
    assert len(found["jet"]) == len(table["label"])
    np.testing.assert_allclose(found["probability"].sum(axis=1), 1, atol=1e-5)
    place = {
        (int(a), int(b)): n
        for n, (a, b) in enumerate(zip(found["event_number"], found["jet_index"], strict=True))
    }
    rows = [
        place[int(a), int(b)]
        for a, b in zip(scores["event_number"][own], scores["jet_index"][own], strict=True)
    ]
    np.testing.assert_allclose(found["probability"][rows], scores["probability"][own], atol=1e-6)
    with safe_open(tmp_path / "found", "numpy") as file:
        assert json.loads(file.metadata()["classes"]) == list(JET_CLASSES)
    empty = {name: np.asarray(x)[:0] for name, x in table.items()}
    empty |= {name: np.zeros(1, int) for name in ("constituent_offset", "edge_offset")}
    empty["edge_index"] = np.zeros((2, 0), int)
    write_tensors(unlabelled, JET_GRAPHS, empty)
    score(weights=trained["weights"], graphs=unlabelled, scores=tmp_path / "none")
    assert read_tensors(tmp_path / "none", JET_SCORES)["probability"].shape == (0, 7)


def test_own_classes_are_trained_and_measured(tmp_path: Path) -> None:
    """Two classes, of which one has two samples, from the graphs to the figures of merit."""
    classes = {
        "one": ClassSettings(samples=["quark", "gluon"]),
        "three": ClassSettings(samples=["top"], label="top"),
    }
    graphs = write_toy_samples(tmp_path / "graphs", 80, names=("quark", "gluon", "top"))
    made = make_dataset(tmp_path, graphs, FeatureSettings(particles=24), classes)
    trained = run_training(made, tmp_path, "pfn")
    pairs = {"three_vs_one": PairSettings(signal="three", background={"one": 1.0})}
    result = read_result(
        run_evaluation(made, trained["weights"], tmp_path, pairs)["metrics"], TaggerMetrics
    )
    assert result.classes == ["one", "three"]
    assert list(result.pairs) == ["three_vs_one"]
    assert np.array(result.confusion.counts).shape == (2, 2)
    assert read_result(made["dataset"], TaggingDataset).classes == result.classes


def test_a_training_of_its_own_and_other_inputs(made: Made, tmp_path: Path) -> None:
    paths = {"weights": tmp_path / "w", "history": tmp_path / "h.csv"}
    own = sizes("pfn") | {"training": {"epochs": 1}, "feature_set": "identity"}
    settings = TrainSettings(training=TRAINING, model=own, standardisation="jetclass")
    train(**made, settings=settings, seed=1, model="pfn", **paths)
    assert len(read_csv(paths["history"])["epoch"]) == 1
    network, about = load(paths["weights"])
    assert about.preprocessing.features == list(FEATURE_SETS["identity"])
    assert about.preprocessing.mean[2] == 1.7  # of log pT, in JetClass
    assert next(network.parameters()).shape[1] == 13


def test_a_part_of_the_jets_is_learned_in_as_many_steps(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spy(network, *, batches, validation, settings, **others) -> dict:
        numbers = [sum(map(len, each)) for each in (batches(None), validation())]
        seen.append((*numbers, settings.epochs, settings.patience))
        return {"epoch": [1]}

    settings = LearningSettings(
        training=TRAINING, model=sizes("pfn"), batch_size=64, bootstrap_replicas=5, pairs=PAIRS
    )
    with monkeypatch.context() as patched:
        patched.setattr("jetchain.tagging.train.fit", spy)
        for part in ("1", "4"):
            learning(
                **made, metrics=tmp_path / part, settings=settings, seed=1, model="pfn", part=part
            )
    (jets, held, epochs, patience), quarter = seen
    assert quarter[0] == pytest.approx(jets / 4, abs=len(JET_CLASSES))
    assert quarter[1:] == (held, 4 * epochs, 4 * patience)
    learning(**made, metrics=tmp_path / "m", settings=settings, seed=1, model="pfn", part="4")
    result = read_result(tmp_path / "m", TaggerMetrics)
    assert result.training_jets == quarter[0]
    assert result.pairs["top_vs_QCD"].auc.value > 0.8
    whole_jets = JetReader(**made).split("train")
    parts = [JetReader(**made, part=part).split("train") for part in (2, 4)]
    rows = [{row.tobytes() for row in each.momentum.numpy()} for each in (whole_jets, *parts)]
    assert rows[0] > rows[1] > rows[2]  # each holds the smaller one
    labels = [np.bincount(each.label.numpy()) for each in (whole_jets, parts[1])]
    np.testing.assert_array_equal(labels[1], -(-labels[0] // 4))
    assert len(JetReader(**made, part=4).split("test")) == len(JetReader(**made).split("test"))


def test_an_unknown_tagger_is_refused_before_any_work(made: Made, tmp_path: Path) -> None:
    settings = TrainSettings(training=TRAINING, model={})
    with pytest.raises(ConfigurationError, match=r"no tagger 'pnf'\. Did you mean 'pfn'"):
        train(
            **made, weights=tmp_path / "w", history=tmp_path / "h", settings=settings, seed=1,
            model="pnf",
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


@pytest.fixture
def toy_scores() -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities with some separation, all classes of unequal size."""
    random = np.random.default_rng(11)
    label = np.repeat(np.arange(7), [40, 50, 60, 30, 80, 45, 35])
    logits = random.normal(size=(len(label), 7)) + 1.2 * np.eye(7)[label]
    return label, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_macro_auc_and_confusion_equal_scikit_learn(
    toy_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    label, probability = toy_scores
    expected = sklearn_metrics.roc_auc_score(label, probability, multi_class="ovo")
    ones = np.ones(len(label))
    assert macro_auc(label, probability, ones) == pytest.approx(expected, abs=1e-12)
    predicted = probability.argmax(axis=1)
    result = confusion(label, predicted, ones, 7)
    np.testing.assert_array_equal(result.counts, sklearn_metrics.confusion_matrix(label, predicted))
    low, fraction, high = map(np.array, (result.low, result.fraction, result.high))
    np.testing.assert_allclose(fraction.sum(axis=1), 1)
    assert (low <= fraction).all()
    assert (fraction <= high).all()


def test_discriminant_by_hand() -> None:
    """top against quark + gluon: .45 / (.45 + .05 + .1); a W jet is left out."""
    probability = np.array([[0.05, 0.1, 0.3, 0.1, 0.45, 0, 0]] * 3)
    probability[2] = 0
    jets = Scored(np.array([4, 2, 1]), probability, np.array([0.5, 1.0, 2.0]), JET_CLASSES)
    truth, score, weight = discriminant(jets, PAIRS["top_vs_QCD"])
    np.testing.assert_array_equal(weight, [0.5, 2.0])
    np.testing.assert_array_equal(truth, [1, 0])
    np.testing.assert_allclose(score, [0.75, 0.5])


def test_the_background_is_the_mixture_asked_for(
    toy_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    """Three gluons to a quark: by weight in the background, and in the sum of the discriminant."""
    label, probability = toy_scores
    weight = 1 / np.bincount(label)[label]  # all classes weigh the same
    jets = Scored(label, probability, weight, JET_CLASSES)
    equal = PairSettings(signal="top", background={"quark": 2.0, "gluon": 2.0})
    for ours, default in zip(
        discriminant(jets, equal), discriminant(jets, PAIRS["top_vs_QCD"]), strict=True
    ):
        np.testing.assert_array_equal(ours, default)
    pair = PairSettings(signal="top", background={"quark": 1.0, "gluon": 3.0})
    truth, score, of_jet = discriminant(jets, pair)
    chosen = label[np.isin(label, (0, 1, 4))]
    assert of_jet[chosen == 1].sum() == pytest.approx(3 * of_jet[chosen == 0].sum())
    p = probability[np.isin(label, (0, 1, 4))]
    expected = p[:, 4] / (p[:, 4] + 0.5 * p[:, 0] + 1.5 * p[:, 1])
    np.testing.assert_allclose(score, expected, rtol=1e-12)
    np.testing.assert_array_equal(truth, chosen == 4)
    merit = figures_of_merit(jets, {"x": pair}, 2, 1)
    assert merit.pairs["x"].background == {"quark": 0.25, "gluon": 0.75}
    # The accuracy counts all classes alike, however many jets they have.
    right = probability.argmax(axis=1) == label
    expected = np.mean([right[label == n].mean() for n in range(7)])
    many = Scored(label, probability, np.ones(len(label)), JET_CLASSES)
    assert figures_of_merit(many, {"x": pair}, 2, 1).accuracy.value == pytest.approx(expected)


def test_figures_of_merit_of_every_pair_equal_scikit_learn(
    toy_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    """QCD is quarks and gluons, each jet with its weight."""
    label, probability = toy_scores
    weight = np.random.default_rng(3).exponential(size=len(label))
    pairs = {f"{name}_vs_QCD": (name, ["quark", "gluon"]) for name in JET_CLASSES[2:]}
    pairs |= {"quark_vs_gluon": ("quark", ["gluon"]), "Hbb_vs_top": ("Hbb", ["top"])}
    jets = Scored(label, probability, weight, JET_CLASSES)
    found = figures_of_merit(jets, PAIRS, 2, 1).pairs
    assert found.keys() == pairs.keys()
    for name, (signal, background) in pairs.items():
        s, *b = (JET_CLASSES.index(each) for each in (signal, *background))
        chosen = np.isin(label, [s, *b])
        truth = label[chosen] == s
        score = probability[chosen, s] / probability[chosen][:, [s, *b]].sum(axis=1)
        own = weight[chosen]
        auc = sklearn_metrics.roc_auc_score(truth, score, sample_weight=own)
        assert found[name].auc.value == pytest.approx(auc, abs=1e-12)
        assert found[name].signal_jets == truth.sum()
        fpr, tpr, _ = sklearn_metrics.roc_curve(
            truth, score, sample_weight=own, drop_intermediate=False
        )
        others = own[~truth]
        for point, efficiency in (("rejection_50", 0.5), ("rejection_30", 0.3)):
            leaked = fpr[tpr >= efficiency - 1e-12].min()  # of the cuts that keep as much
            merit = getattr(found[name], point)
            bound = np.sum(others) ** 2 / np.sum(others**2)
            assert merit.value == pytest.approx(1 / leaked if leaked else bound)
            assert merit.bound == (leaked == 0) == (merit.passed == 0)
            assert merit.passed >= 10 or merit.low <= merit.value <= merit.high


def test_the_band_covers_the_true_curve() -> None:
    """Gaussians one apart: the true background efficiency at signal efficiency e is known.

    At signal efficiency 1/2 it is 1 - Phi(1) = 0.1587. The 68 % band of 150 toys covers it in
    0.683 +- 0.038 of them.
    """
    random = np.random.default_rng(4)
    covered = 0
    for toy in range(150):
        score = np.concatenate([random.normal(1, 1, 300), random.normal(0, 1, 300)])
        truth = np.repeat([1, 0], 300)
        _, low, high, _ = roc_band(truth, score, np.ones(600), np.array([0.5]), 60, toy)
        covered += bool(low[0] <= 0.158655 <= high[0])
    assert 0.57 < covered / 150 < 0.80


def test_the_band_of_no_background_reaches_its_limit() -> None:
    """No background of 50 passes: Clopper-Pearson at 68 % allows 1 - 0.15865^(1/50) = 3.6 %."""
    truth, score, ones = np.repeat([1, 0], 50), np.repeat([1.0, 0.0], 50), np.ones(100)
    value, low, high, passed = roc_band(
        truth, score + 1e-3 * np.arange(100), ones, np.array([0.5]), 10, 1
    )
    assert passed[0] == 0
    assert value[0] == low[0] == 0
    assert high[0] == pytest.approx(0.0361, abs=2e-4)


def test_a_rejection_without_background_is_a_bound() -> None:
    """None of 50 passes: 1 / 0.0361 = 27.7 at 68 %; with 5 of 50 in reach it is measured."""
    truth, ones = np.repeat([1, 0], 50), np.ones(100)
    clean = rejection_with_error(truth, truth + 1e-3 * np.arange(100), ones, 0.5, 10, 1)
    assert clean.bound
    assert clean.value == clean.high == 50
    assert clean.low == pytest.approx(27.7, abs=0.1)
    mixed = np.repeat([1.0, 2.0, 0.0], [50, 5, 45]) + 1e-3 * np.arange(100)
    measured = rejection_with_error(truth, mixed, ones, 0.5, 30, 1)
    assert not measured.bound
    assert measured.value == pytest.approx(10)
    assert measured.low < 10 < measured.high


def test_one_background_jet_that_passes_is_counted() -> None:
    """1 of 1,377: 1,377 with the interval of Clopper and Pearson, whatever replicas say."""
    background, signal = np.zeros(1377), np.full(100, 1.0)
    background[700] = 2.0
    truth = np.repeat([0, 1], [1377, 100])
    scores, ones = np.concatenate([background, signal]), np.ones(1477)
    scores = scores + 1e-6 * np.arange(1477)
    found = rejection_with_error(truth, scores, ones, 0.5, 20, 1)
    assert (found.passed, found.bound) == (1, False)
    assert found.value == pytest.approx(1377)
    tail = (1 - 0.6827) / 2
    interval = [stats.beta.ppf(q, k, n) for q, k, n in ((tail, 1, 1377), (1 - tail, 2, 1376))]
    assert [1 / found.high, 1 / found.low] == pytest.approx(interval)
    # A light jet that passes is one too.
    light = np.where(scores >= 2, 1e-3, 1.0)
    light[truth == 1] = 1.0
    weighted = rejection_with_error(truth, scores, light, 0.5, 20, 1)
    assert weighted.passed == 1
    assert weighted.low == pytest.approx(found.low, rel=1e-3)  # a jet more may weigh as others
    assert weighted.value == pytest.approx(1.376e6)
    assert weighted.low < weighted.value < weighted.high < 1e7
    value, low, high, passed = roc_band(truth, scores, ones, np.array([0.5]), 20, 1)
    assert (passed[0], value[0]) == (1, pytest.approx(1 / 1377))
    assert low[0] <= interval[0]
    assert high[0] >= interval[1]


def test_a_working_point_is_a_cut_that_keeps_as_much_signal() -> None:
    """Two signal jets, background between them: at 60 % the cut is below both, not between."""
    truth = np.array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    scores, ones = -np.arange(10.0), np.ones(10)
    assert rejection(truth, scores, 0.6) == pytest.approx(2)
    assert rejection(truth, scores, 0.5) == 8  # no background above the first
    value, *_ = roc_band(truth, scores, ones, np.array([0.5, 0.6, 0.99]), 5, 1)
    np.testing.assert_allclose(value, [0, 0.5, 0.5])


def test_bench_times_both_networks(tmp_path: Path) -> None:
    pytest.importorskip("weaver")
    settings = BenchSettings(jets=8, particles=16, mean_particles=10.0, steps=1, repetitions=1)
    bench(report=tmp_path / "bench.json", settings=settings, seed=1)
    result = read_result(tmp_path / "bench.json", TaggingBench)
    assert set(result.jets_per_second) == {"weaver_particlenet", "particlenet", "pfn"}
    assert min(result.jets_per_second.values()) > 0
    assert re.search("CPU second", result.unit)


def test_a_weighted_training_of_biased_jets_learns_what_an_unweighted_one_of_physical_jets_does():
    """Densities exp(-3 u) and exp(-u) of two classes, so that the true log-odds fall by 2 u.

    The biased jets are flat in u; without their weights they would teach nothing.
    """
    random, size, slopes = np.random.default_rng(4), 4000, (3.0, 1.0)
    label = np.arange(size) % 2
    slope = np.choose(label, slopes)
    flat = random.uniform(size=size)
    physical = -np.log(1 - random.uniform(size=size) * (1 - np.exp(-slope))) / slope
    weight = np.exp(-slope * flat) * slope / (1 - np.exp(-slope))
    assert np.ptp(weight) > 2

    def fitted(u: np.ndarray, of_jet: np.ndarray) -> float:
        x, y, w = (
            torch.from_numpy(values)
            for values in (np.float32(u)[:, None], label, np.float32(of_jet))
        )

        def batches(rows):
            return [SimpleNamespace(x=x[n], label=y[n], weight=w[n]) for n in rows]

        class Line(torch.nn.Linear):
            def forward(self, jets):
                return super().forward(jets.x)

        make_deterministic(1)
        network = Line(1, 2)
        fit(
            network,
            batches=lambda random: batches(minibatches(size, 100, random)),
            validation=lambda: batches(minibatches(size, 1000)),
            loss=cross_entropy,
            settings=TrainingSettings(epochs=12, learning_rate=0.2, weight_decay=0.0),
            seed=1,
            name="line",
        )
        difference = network.weight.detach()[0] - network.weight.detach()[1]
        return float(difference[0])

    assert fitted(physical, np.ones(size)) == pytest.approx(-2, abs=0.35)
    assert fitted(flat, weight) == pytest.approx(-2, abs=0.35)
    assert abs(fitted(flat, np.ones(size))) < 0.35
