"""Training and evaluation of taggers: they learn, reproduce, and are measured as others measure."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from helpers.jetgraphs import write_toy_samples
from helpers.tagging import Made, make_dataset, whole
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_SCORES, TaggerMetrics, TaggingBench
from jetchain.core.seeds import make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.training_settings import TrainingSettings
from jetchain.tagging.bench import bench
from jetchain.tagging.evaluate import (
    PAIRS,
    confusion,
    discriminant,
    evaluate,
    figures_of_merit,
    macro_auc,
    rejection_with_error,
    roc_band,
)
from jetchain.tagging.models import MODELS
from jetchain.tagging.models.particlenet import ParticleNetSettings
from jetchain.tagging.models.pfn import PFNSettings
from jetchain.tagging.settings import (
    BenchSettings,
    EvaluateSettings,
    FeatureSettings,
    ScoringSettings,
    TrainSettings,
)
from jetchain.tagging.train import cross_entropy, train

SMALL = {
    "pfn": PFNSettings(phi_sizes=[32, 32], f_sizes=[32]),
    "particlenet": ParticleNetSettings(
        neighbours=3, channels=[[16, 16], [24]], fully_connected=[32]
    ),
}
TRAINING = TrainingSettings(epochs=3, batch_size=64, learning_rate=5e-3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The data set of 150 toy jets a class."""
    folder = tmp_path_factory.mktemp("tagging")
    graphs = write_toy_samples(folder / "graphs", 150)
    return make_dataset(folder, graphs, FeatureSettings(particles=24))


def sizes(model: str) -> dict:
    """Small ones of the taggers that have small ones here, else its own."""
    return SMALL[model].model_dump() if model in SMALL else {}


def run_training(made: Made, folder: Path, model: str, seed: int = 7) -> dict[str, Path]:
    paths = {"weights": folder / "weights.safetensors", "history": folder / "history.csv"}
    settings = TrainSettings(training=TRAINING, model=sizes(model))
    train(**made, settings=settings, seed=seed, model=model, **paths)
    return paths


def run_evaluation(made: Made, weights: Path, folder: Path, model: str) -> dict[str, Path]:
    paths = {
        name: folder / name for name in ("scores", "metrics", "roc", "histograms")
    }  # fmt: skip
    settings = EvaluateSettings(
        evaluation=ScoringSettings(bootstrap_replicas=10, roc_points=9), model=sizes(model)
    )
    evaluate(**made, weights=weights, settings=settings, model=model, seed=3, **paths)
    return paths


@pytest.mark.parametrize("model", MODELS)
def test_taggers_learn_and_reproduce(made: Made, tmp_path: Path, model: str) -> None:
    trained = [run_training(made, tmp_path / f"{i}", model) for i in range(2)]
    for name in trained[0]:
        assert trained[0][name].read_bytes() == trained[1][name].read_bytes()
    history = read_csv(trained[0]["history"])
    assert history["train_loss"][-1] < history["train_loss"][0] < 1.2 * np.log(len(JET_CLASSES))
    measured = [
        run_evaluation(made, paths["weights"], paths["weights"].parent, model) for paths in trained
    ]
    for name in measured[0]:
        assert measured[0][name].read_bytes() == measured[1][name].read_bytes()
    result = read_result(measured[0]["metrics"], TaggerMetrics)
    # Three prongs against one: easy. Chance is 0.5, and 1/7 for the accuracy.
    assert result.pairs["top_vs_QCD"].auc.value > 0.9
    assert result.accuracy.value > 0.25
    data = whole(made)
    assert result.training_jets == (data["split"] == 0).sum()
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
    with pytest.raises(DataError, match="the weights do not fit the network"):
        run_evaluation(made, trained["weights"], tmp_path, "particlenet")
    assert not (tmp_path / "metrics").exists()


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
    result = confusion(label, predicted, ones)
    np.testing.assert_array_equal(result.counts, sklearn_metrics.confusion_matrix(label, predicted))
    low, fraction, high = map(np.array, (result.low, result.fraction, result.high))
    np.testing.assert_allclose(fraction.sum(axis=1), 1)
    assert (low <= fraction).all()
    assert (fraction <= high).all()


def test_discriminant_by_hand() -> None:
    """top against quark + gluon: .45 / (.45 + .05 + .1); a W jet is left out."""
    probability = np.array([[0.05, 0.1, 0.3, 0.1, 0.45, 0, 0]] * 3)
    probability[2] = 0
    truth, score, weight = discriminant(
        np.array([4, 2, 1]), probability, np.array([0.5, 1.0, 2.0]), "top", ("quark", "gluon")
    )
    np.testing.assert_array_equal(weight, [0.5, 2.0])
    np.testing.assert_array_equal(truth, [1, 0])
    np.testing.assert_allclose(score, [0.75, 0.5])


def test_figures_of_merit_of_every_pair_equal_scikit_learn(
    toy_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    """QCD is quarks and gluons, each jet with its weight."""
    label, probability = toy_scores
    weight = np.random.default_rng(3).exponential(size=len(label))
    pairs = {f"{name}_vs_QCD": (name, ["quark", "gluon"]) for name in JET_CLASSES[2:]}
    pairs |= {"quark_vs_gluon": ("quark", ["gluon"]), "Hbb_vs_top": ("Hbb", ["top"])}
    found = figures_of_merit(label, probability, weight, 2, 1).pairs
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
            passed = max(np.interp(efficiency, tpr, fpr), np.sum(others**2) / np.sum(others) ** 2)
            assert getattr(found[name], point).value == pytest.approx(1 / passed)


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
        _, low, high = roc_band(truth, score, np.ones(600), np.array([0.5]), 60, toy)
        covered += bool(low[0] <= 0.158655 <= high[0])
    assert 0.57 < covered / 150 < 0.80


def test_the_band_of_no_background_reaches_its_limit() -> None:
    """No background of 50 passes: Clopper-Pearson at 68 % allows 1 - 0.15865^(1/50) = 3.6 %."""
    truth, score, ones = np.repeat([1, 0], 50), np.repeat([1.0, 0.0], 50), np.ones(100)
    value, low, high = roc_band(truth, score + 1e-3 * np.arange(100), ones, np.array([0.5]), 10, 1)
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
