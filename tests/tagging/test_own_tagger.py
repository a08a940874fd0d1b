"""A tagger whose network stands outside the repository: all that is done with one of the table."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.jetgraphs import write_toy_samples
from helpers.tagging import SHAPE, Made, make_dataset, random_jets
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tables import read_csv, read_json, read_result
from jetchain.core.io.tensors import read_arrays, read_tensors
from jetchain.core.schema.taggers_compared import TaggerTimes
from jetchain.core.schema.tagging import (
    JET_SCORES,
    ExportReport,
    TaggerExplanation,
    TaggerMetrics,
)
from jetchain.plumbing.configuration import load as configuration
from jetchain.tagging.class_settings import PAIRS
from jetchain.tagging.evaluate import evaluate
from jetchain.tagging.explain import explain
from jetchain.tagging.export import export
from jetchain.tagging.learning import repeated
from jetchain.tagging.models import MODELS, OWN
from jetchain.tagging.models.own import Example
from jetchain.tagging.networks import build, load
from jetchain.tagging.score import score
from jetchain.tagging.settings import (
    BenchSettings,
    EvaluateSettings,
    ExplainJobSettings,
    ExplainSettings,
    FeatureSettings,
    LearningSettings,
    ScoringSettings,
    TaggerTrainingSettings,
    TimesSettings,
    TrainSettings,
)
from jetchain.tagging.times import times
from jetchain.tagging.train import train

FILE = """
import torch
from torch import nn

from jetchain.tagging.batches import Jets
from widths import LATENT


class MyNet(nn.Module):
    def __init__(self, inputs, classes, width=8):
        super().__init__()
        self.each = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, LATENT))
        self.all = nn.Sequential(nn.ReLU(), nn.Linear(LATENT, classes))

    def forward(self, jets: Jets):
        return self.all(jets.rows.total(self.each(jets.rows.take(jets.features))))


class Nearest(nn.Module):
    '''The class whose mean of the high-level columns is nearest: not by steps.'''

    def __init__(self, inputs, classes):
        super().__init__()
        self.register_buffer("mean", torch.zeros(classes, 8))

    def fit(self, training, validation, seed):
        seen, label = training.high_level, training.label
        for number in range(len(self.mean)):
            self.mean[number] = seen[label == number].mean(dim=0)
        loss = nn.functional.cross_entropy(self(training), label).item()
        return {"epoch": [1], "train_loss": [loss], "validation_loss": [loss], "learning_rate": [0]}

    def forward(self, jets):
        return -torch.cdist(jets.high_level, self.mean)


def pfn(inputs, classes, **options):
    from jetchain.tagging.models import MODELS
    from jetchain.tagging.networks import build
    return build("pfn", options, inputs=inputs, classes=classes)


class Bad(nn.Module):
    def __init__(self, inputs, classes, what):
        super().__init__()
        self.layer, self.what, self.classes = nn.Linear(inputs, classes), what, classes
        if what == "lazy":
            self.other = nn.LazyLinear(3)
        if what == "frozen":
            self.requires_grad_(False)

    def forward(self, jets):
        x = self.layer(jets.features.sum(dim=1))
        return {
            "wide": lambda: self.layer(jets.features),
            "squeezed": lambda: x.squeeze(),
            "two": lambda: (x, x),
            "detached": lambda: x.detach(),
            "nan": lambda: x / (x - x),
        }[self.what]()


def nothing(inputs, classes):
    return None


SEVEN = 7
"""
TRAINING = TaggerTrainingSettings(epochs=3, batch_size=64, learning_rate=0.01)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("tagging")
    graphs = write_toy_samples(folder / "graphs", 100)
    return make_dataset(folder, graphs, FeatureSettings(particles=24))


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a run, with the user's files in it."""
    (tmp_path / "nets.py").write_text(FILE)
    (tmp_path / "widths.py").write_text("LATENT = 16\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.meta_path)
    yield tmp_path
    sys.meta_path[:] = before
    for name in ("nets", "widths"):
        sys.modules.pop(name, None)


def planned(network: str = "nets.MyNet", **more: Any) -> dict[str, Any]:
    """Its section as the plan hands it to a job."""
    tagging = {"taggers": [OWN], "models": {OWN: {"network": network, **more}}}
    return configuration({"tagging": tagging}).tagging.models.own.model_dump()


def run_training(
    made: Made, section: dict[str, Any], folder: Path = Path(), **more: Any
) -> dict[str, Path]:
    paths = {"weights": folder / "weights.safetensors", "history": folder / "history.csv"}
    settings = TrainSettings(training=TRAINING, model=section, **more)
    train(**made, settings=settings, seed=7, model=OWN, **paths)
    return paths


def run_evaluation(made: Made, weights: Path) -> TaggerMetrics:
    names = ("scores", "metrics", "roc", "histograms")
    scoring = ScoringSettings(bootstrap_replicas=5, roc_points=9)
    settings = EvaluateSettings(evaluation=scoring, pairs=PAIRS)
    paths = {name: weights.parent / name for name in names}
    evaluate(**made, weights=weights, settings=settings, seed=3, **paths)
    return read_result(paths["metrics"], TaggerMetrics)


def test_a_plan_knows_it_and_runs_nothing_of_it(mine: Path) -> None:
    (mine / "widths.py").write_text("raise RuntimeError('run')\n")
    section = planned(options={"width": 4})
    assert {*section["sources"]} == {"jetchain", "nets", "torch", "widths"}
    assert MODELS.decode(OWN, section).model_dump() == section
    asked = (
        "import sys, jetchain.plumbing.configuration as c;"
        "c.load({'tagging': {'models': {'own': {'network': 'nets.MyNet'}}}});"
        "sys.exit(bool({'torch', 'nets', 'widths'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-P", "-c", asked], check=False).returncode == 0


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"network": "MyNet"}, r"own: network: 'MyNet' is no import path.*as in mynets\.MyNet"),
        ({"network": "net.MyNet"}, "own: network: There is no module 'net'"),
        ({"network": "nets.MyNets"}, r"has no 'MyNets'\. Did you mean 'MyNet'"),
        ({"network": "nets.MyNet", "folder": "there"}, "There is no folder .*/there"),
        ({"network": "nets.MyNet", "option": {}}, "unknown key. Did you mean 'options'"),
        ({"network": 3}, "own.network: .*string"),
    ],
)
def test_what_a_plan_can_tell_it_refuses(mine: Path, section: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        planned(**section)


def test_all_that_is_done_with_a_tagger(mine: Path, made: Made) -> None:
    """Trained twice to the same bytes, measured, scored, explained, exported, repeated, timed."""
    section = planned(options={"width": 12}, training={"epochs": 4}, feature_set="identity")
    trained = [run_training(made, section, mine / name) for name in ("a", "b")]
    assert len({each["weights"].read_bytes() for each in trained}) == 1
    assert len(read_csv(trained[0]["history"])["epoch"]) == 4
    weights = trained[0]["weights"]
    network, about = load(weights)
    assert type(network).__name__ == "MyNet"
    assert network.each[0].weight.shape == (12, 13)
    assert {*read_arrays(weights)} == {
        "each.0.weight", "each.0.bias", "each.2.weight", "each.2.bias", "all.1.weight", "all.1.bias"
    }  # fmt: skip
    assert about.settings == section
    result = run_evaluation(made, weights)
    assert result.pairs["top_vs_QCD"].auc.value > 0.9
    assert result.flops > 0

    graphs = made["dataset"].parent / "graphs" / "W" / "0000.safetensors"
    score(weights=weights, graphs=graphs, scores=mine / "scored")
    assert len(read_tensors(mine / "scored", JET_SCORES)["probability"]) == 100

    asked = ExplainJobSettings(explain=ExplainSettings(jets=5, steps=24), pairs=PAIRS)
    explain(**made, weights=weights, maps=mine / "maps", importance=mine / "shares", settings=asked)
    shares = read_result(mine / "shares", TaggerExplanation).pairs["top_vs_QCD"]
    assert abs(shares.gap) < 0.05 * abs(shares.difference)

    pytest.importorskip("onnxscript")
    export(weights=weights, graph=mine / "tagger.onnx", report=mine / "report", seed=1)
    assert read_result(mine / "report", ExportReport).largest_difference < 1e-5

    learning = LearningSettings(
        training=TRAINING, model=section, batch_size=64, bootstrap_replicas=5, pairs=PAIRS
    )
    repeated(**made, metrics=mine / "again", settings=learning, seed=1, model=OWN)
    assert read_json(mine / "again")["model"] == OWN

    bench = BenchSettings(jets=16, particles=16, mean_particles=10.0, repetitions=1)
    for models, known in ({OWN: section}, {OWN}), ({}, set()):
        settings = TimesSettings(bench=bench, taggers=[OWN], models=models)
        times(report=mine / "times", settings=settings, seed=1)
        assert {*read_result(mine / "times", TaggerTimes).training} == known


def test_torchrun_trains_it_to_the_same_network(mine: Path, made: Made) -> None:
    alone = run_training(made, planned())
    settings = TrainSettings(training=TRAINING, model=planned()).model_dump_json()
    words = [
        "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "jetchain",
        "tagging.train", "--settings", settings, "--seed", "7", "--model", OWN,
        "--dataset", str(made["dataset"]), "--jets", *map(str, made["jets"]),
        "--weights", "two", "--history", "two.csv",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two = read_arrays(alone["weights"]), read_arrays(Path("two"))
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, atol=1e-3)


def test_one_with_a_fit_of_its_own_and_one_that_a_function_gives(mine: Path, made: Made) -> None:
    weights = run_training(made, planned("nets.Nearest"))["weights"]
    assert run_evaluation(made, weights).pairs["top_vs_QCD"].auc.value > 0.6
    network = build(OWN, planned("nets.pfn", options={"phi_sizes": [4], "f_sizes": [4]}), **SHAPE)
    assert type(network).__name__ == "PFN"


BUILT = [
    ("nets.SEVEN", {}, "SEVEN is neither a class derived from torch.nn.Module nor a function"),
    ("nets.Jets", {}, "Jets is neither a class"),
    ("nets.nothing", {}, r"nothing\(17, 7\) gives no torch.nn.Module, but NoneType"),
    ("nets.MyNet", {"widht": 3}, r"MyNet\(17, 7, widht=3\) fails: TypeError: .*'widht'"),
    ("nets.MyNet", {"width": -1}, r"MyNet\(17, 7, width=-1\) fails: .*nets\.py, line 12"),
    ("nets.Bad", {"what": "lazy"}, "the size of 'other.weight' is not known"),
    ("nets.Bad", {"what": "frozen"}, "has no parameter to train"),
]


@pytest.mark.parametrize(("network", "options", "message"), BUILT)
def test_what_is_no_network_is_refused(
    mine: Path, network: str, options: dict, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build(OWN, planned(network, options=options), **SHAPE)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("wide", r"Bad gives \(64, 24, 7\) for 64 jets and 7 classes"),
        ("two", "Bad gives tuple for 64 jets"),
        ("detached", "its answer does not depend on its parameters"),
        ("nan", "gives no numbers for 64 of 64 jets before its first step"),
    ],
)
def test_answers_that_are_none_stop_the_training(
    mine: Path, made: Made, what: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run_training(made, planned("nets.Bad", options={"what": what}))
    assert not Path("weights.safetensors").exists()


def test_a_single_jet_is_a_batch_too(mine: Path) -> None:
    network = build(OWN, planned("nets.Bad", options={"what": "squeezed"}), **SHAPE)
    assert network(random_jets([3, 2], 4)).shape == (2, 7)
    with pytest.raises(ConfigurationError, match=r"Bad gives \(7,\) for 1 jets"):
        network(random_jets([3], 4))


def test_weights_are_used_by_the_code_that_they_were_trained_with_and_no_other(
    mine: Path, made: Made
) -> None:
    weights = run_training(made, planned())["weights"]
    expected = run_evaluation(made, weights)
    (mine / "nets.py").write_text(f"# A comment.\n{FILE}")
    assert run_evaluation(made, weights) == expected
    (mine / "widths.py").write_text("LATENT = 16\nMORE = 1\n")
    with pytest.raises(DataError, match="MyNet is not what was planned, or trained: 'widths' was"):
        run_evaluation(made, weights)
    (mine / "nets.py").unlink()
    with pytest.raises(ConfigurationError, match="There is no module 'nets'"):
        run_evaluation(made, weights)


def test_code_that_changes_after_the_plan_is_not_trained(mine: Path, made: Made) -> None:
    section = planned()
    (mine / "widths.py").write_text("LATENT = 15\n")
    with pytest.raises(DataError, match=r"is not what was planned.*\n.*same snakemake command"):
        run_training(made, section)


def test_what_cannot_be_exported_is_told_in_words(mine: Path, made: Made) -> None:
    pytest.importorskip("onnxscript")
    looked_at = FILE.replace(
        "        return self.all(jets.rows",
        "        if jets.features.sum() > 0:\n            print('positive')\n"
        "        return self.all(jets.rows",
    )
    (mine / "nets.py").write_text(looked_at)
    weights = run_training(made, planned())["weights"]
    with pytest.raises(DataError, match=r"torch cannot write own as a graph .*\n.*jets\.rows"):
        export(weights=weights, graph=mine / "g.onnx", report=mine / "r", seed=1)
    assert not (mine / "g.onnx").exists()


def test_the_example_has_options_too() -> None:
    network = build(OWN, {"options": {"width": 5}}, **SHAPE)
    assert isinstance(network, Example)
    assert network.phi[0][0].weight.shape == (5, 17)
    assert torch.is_tensor(network(random_jets([2], 3)))
