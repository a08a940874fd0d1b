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

from helpers.jetgraphs import write_toy_samples
from helpers.tagging import Made, make_dataset, whole
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.io.tensors import read_tensors, write_tensors, write_weights
from jetchain.core.schema.graphs import JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.taggers_compared import TaggerTimes
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
from jetchain.tagging.class_settings import PAIRS, ClassSettings, PairSettings
from jetchain.tagging.decorrelation import cross_entropy
from jetchain.tagging.evaluate import (
    evaluate,
)
from jetchain.tagging.learning import learning
from jetchain.tagging.models import MODELS
from jetchain.tagging.models.bdt import BDTSettings
from jetchain.tagging.models.cnn import CNNSettings
from jetchain.tagging.models.dnn import DNNSettings
from jetchain.tagging.models.efn import EFNSettings
from jetchain.tagging.models.fisher import FisherSettings
from jetchain.tagging.models.lgn import LGNSettings
from jetchain.tagging.models.lstm import LSTMSettings
from jetchain.tagging.models.particlenet import ParticleNetSettings
from jetchain.tagging.models.pcnn import PCNNSettings
from jetchain.tagging.models.pfn import PFNSettings
from jetchain.tagging.models.recursive import RecursiveSettings
from jetchain.tagging.models.rpcn import RPCNSettings
from jetchain.tagging.networks import load
from jetchain.tagging.score import score
from jetchain.tagging.settings import (
    BenchSettings,
    EvaluateSettings,
    FeatureSettings,
    LearningSettings,
    ScoringSettings,
    TaggerTrainingSettings,
    TaggingSettings,
    TimesSettings,
    TrainSettings,
)
from jetchain.tagging.times import times
from jetchain.tagging.train import train

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
    # In as few steps as the others these have not learned.
    "rpcn": RPCNSettings(training={"epochs": 8, "learning_rate": 0.02}),
    "lgn": LGNSettings(channels=[2, 2], bells=4, training={"epochs": 8, "learning_rate": 0.02}),
}  # fmt: skip
TRAINING = TaggerTrainingSettings(epochs=3, batch_size=64, learning_rate=5e-3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The data set of 150 toy jets a class."""
    folder = tmp_path_factory.mktemp("tagging")
    graphs = write_toy_samples(folder / "graphs", 150)
    return make_dataset(folder, graphs, FeatureSettings(particles=24))


def sizes(model: str) -> dict:
    """Small ones of the taggers that have small ones here, else its own."""
    name = model.removesuffix("_kinematics").removesuffix("_decorrelated")
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


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(name, marks=() if name in TaggingSettings().taggers else pytest.mark.shared)
        for name in MODELS
    ],
)
def test_taggers_learn_and_reproduce(made: Made, tmp_path: Path, model: str) -> None:
    trained = [run_training(made, tmp_path / f"{i}", model) for i in range(2)]
    for name in trained[0]:
        assert trained[0][name].read_bytes() == trained[1][name].read_bytes()
    history = read_csv(trained[0]["history"])
    losses = history["train_loss"]
    assert losses[-1] < losses[0] or len(losses) == 1  # computed at once
    assert losses[0] < 1.3 * np.log(len(JET_CLASSES))
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


def test_charge_and_kind_are_not_seen_where_the_features_have_none(
    made: Made, tmp_path: Path
) -> None:
    """Jets that have them then get the same scores as published ones that do not."""
    paths = {"weights": tmp_path / "w", "history": tmp_path / "h.csv"}
    model = {"width": 4, "layers": 1, "training": {"epochs": 1}}
    settings = TrainSettings(training=TRAINING, model=model, feature_set="kinematics")
    train(**made, settings=settings, seed=1, model="lorentznet", **paths)
    network, about = load(paths["weights"])
    own = MODELS.decode("lorentznet", about.settings)
    assert own.sees("kinematics") == "momenta"
    assert own.needs("kinematics") == "kinematics"
    test = JetReader(made["dataset"], made["jets"], about.preprocessing).split("test")
    some = test[np.arange(8)]
    assert some.charge.any()
    with torch.no_grad():
        found = network(some), network(some.replace(raw=torch.zeros_like(some.raw)))
    assert torch.equal(*found)


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


def test_bench_times_both_networks(tmp_path: Path) -> None:
    pytest.importorskip("weaver")
    settings = BenchSettings(jets=8, particles=16, mean_particles=10.0, steps=1, repetitions=1)
    bench(report=tmp_path / "bench.json", settings=settings, seed=1)
    result = read_result(tmp_path / "bench.json", TaggingBench)
    ours = {"particlenet", "part"}
    assert set(result.jets_per_second) == ours | {f"weaver_{name}" for name in ours} | {"pfn"}
    assert set(result.ratio_to_weaver) == ours
    assert min(result.jets_per_second.values()) > 0
    assert re.search("CPU second", result.unit)


def test_times_are_those_of_each_tagger(tmp_path: Path) -> None:
    """Also of one that is not trained by steps, and of one that sees fewer features."""
    settings = TimesSettings(
        bench=BenchSettings(jets=32, particles=16, mean_particles=10.0, repetitions=1),
        taggers=["fisher", "pfn", "pfn_kinematics", "lorentznet"],
        models={"pfn": {"phi_sizes": [8], "f_sizes": [8]}},
    )
    times(report=tmp_path / "times.json", settings=settings, seed=1)
    result = read_result(tmp_path / "times.json", TaggerTimes)
    for found in (result.training, result.inference):
        assert set(found) == set(settings.taggers)
        assert min(found.values()) > 0
    assert result.fitted_once == ["fisher"]
    assert result.training["lorentznet"] > result.inference["lorentznet"]
    assert result.inference["lorentznet"] > result.inference["pfn"]  # pairs, not particles


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
