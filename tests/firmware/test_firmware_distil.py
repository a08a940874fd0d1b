"""A teacher: its loss, whose jets its scores are of, and the gain that is quoted."""

import json

import numpy as np
import pytest
import torch

from helpers.jetgraphs import toy_jets, write_toy_samples
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tensors import read_tensors, write_tensors, write_weights
from jetchain.core.metrics import balanced_accuracy
from jetchain.core.schema.tagging import JET_SCORES, TAGGING_SCORES
from jetchain.core.training_settings import TrainingSettings
from jetchain.firmware import distil, train
from jetchain.firmware.dataset import FIRMWARE_JETS, prepare
from jetchain.firmware.design import build
from jetchain.firmware.design_settings import FormatSettings
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.settings import (
    DistilSettings,
    FirmwareDatasetSettings,
    PruningSettings,
    TeachSettings,
    TrainQuantisedSettings,
)

CLASSES = ["top", "quark"]
KNOWN = ["quark", "gluon", "top"]
FEW = {"classes": json.dumps(KNOWN), "tagger": "pfn"}


def test_the_loss_is_that_of_hinton():
    # arXiv 1503.02531: T^2 times the cross-entropy of softmaxes at T, here by torch itself.
    torch.manual_seed(1)
    teacher = torch.log_softmax(3 * torch.randn(20, 4), dim=1)
    logits, hard = torch.randn(20, 4), torch.rand(20)
    soft = train.Soft(teacher.numpy(), temperature=3.0, share=0.25)
    expected = torch.nn.functional.cross_entropy(
        logits / 3, torch.softmax(teacher / 3, dim=1), reduction="none"
    )
    found = soft.loss(logits, soft.targets, hard)
    assert torch.allclose(found, 0.25 * 9 * expected + 0.75 * hard)


def test_at_high_temperature_its_gradient_is_that_of_the_difference_of_the_logits():
    # The same paper, eq. (4): (z_i - v_i) / N for logits of zero mean, whatever T.
    torch.manual_seed(2)
    z, v = (x - x.mean(dim=1, keepdim=True) for x in torch.randn(2, 5, 4, dtype=torch.float64))
    z.requires_grad_()
    soft = train.Soft(v.numpy(), temperature=1000.0, share=1.0)
    soft.loss(z, soft.targets, torch.zeros(5)).sum().backward()
    assert torch.allclose(z.grad, (z.detach() - v) / 4, atol=2e-3)


@pytest.fixture
def files(tmp_path):
    """Toy jets, a data set of them, and scores whose first column is the number of the jet."""
    jets = write_toy_samples(tmp_path / "graphs", 120, names=("quark", "gluon", "top"))
    dataset = tmp_path / "dataset.safetensors"
    prepare(
        jets=jets, dataset=dataset, cutflow=tmp_path / "cutflow.json",
        settings=FirmwareDatasetSettings(classes=CLASSES, constituents=4),
    )  # fmt: skip
    scores = []
    for name in ("quark", "gluon", "top"):
        table = toy_jets(name, 120, 1)
        chance = np.random.default_rng(len(name)).dirichlet([1, 1, 1], 120)
        scores.append(tmp_path / f"{name}.safetensors")
        few = {key: table[key] for key in ("event_number", "jet_index", "jet")}
        write_tensors(scores[-1], JET_SCORES, {**few, "probability": chance}, about=FEW)
        if name == "top":
            some = {key: values[30:] for key, values in few.items()}
            write_tensors(
                tmp_path / "tested.safetensors", TAGGING_SCORES,
                {**some, "label": np.zeros(90), "weight": np.ones(90), "probability": chance[30:]},
            )  # fmt: skip
    return {
        "jets": jets, "scores": scores, "dataset": dataset,
        "tested": tmp_path / "tested.safetensors", "teacher": tmp_path / "teacher.safetensors",
    }  # fmt: skip


def test_a_teachers_scores_are_those_of_the_jets_of_the_data_set(files):
    distil.teach(**files, settings=TeachSettings(classes=CLASSES))
    taught = read_tensors(files["teacher"], distil.TEACHER)
    label = read_tensors(files["dataset"], FIRMWARE_JETS)["label"]
    assert np.allclose(np.exp(taught["log_probability"]).sum(axis=1), 1)
    rows = np.flatnonzero(toy_jets("top", 120, 1)["label"] >= 0)  # the unmatched are left out
    chance = read_tensors(files["scores"][2], JET_SCORES)["probability"][rows]
    own = np.exp(taught["log_probability"][label == 0])
    assert np.allclose(own[:, 0], chance[:, 2] / (chance[:, 0] + chance[:, 2]), atol=1e-6)
    assert np.array_equal(taught["unseen"][label == 0], (rows >= 30).astype(int))
    assert not taught["unseen"][label == 1].any()


def test_other_jets_and_unknown_classes_are_refused(files):
    swapped = {**files, "scores": files["scores"][::-1]}
    with pytest.raises(DataError, match="hold different jets"):
        distil.teach(**swapped, settings=TeachSettings(classes=CLASSES))
    with pytest.raises(ConfigurationError, match="does not know the class 'W'"):
        distil.restricted(np.ones((1, 3)), KNOWN, ["quark", "W"])


def test_a_teacher_that_is_the_truth_changes_nothing(files, tmp_path):
    label = read_tensors(files["dataset"], FIRMWARE_JETS)["label"]
    truth = np.where(label[:, None] == np.arange(2), 0.0, -100.0)
    table = {"log_probability": truth, "unseen": np.zeros(len(label))}
    write_tensors(files["teacher"], distil.TEACHER, table)
    common = {
        "model": {"phi": [6], "rho": []}, "formats": FormatSettings(), "classes": CLASSES,
        "training": TrainingSettings(epochs=4, batch_size=32, learning_rate=0.1),
        "pruning": PruningSettings(epochs=2, sparsity=0.2),
    }  # fmt: skip
    start = tmp_path / "start"
    write_weights(start, build("deepsets", common["model"]).floating(4 * 9, len(CLASSES)))
    written = {}
    for name in ("plain", "distilled"):
        paths = {
            key: tmp_path / f"{name}.{key}" for key in ("weights", "history", "scores")
        } | {
            "dataset": files["dataset"], "start": start, "design": "deepsets", "seed": 3
        }  # fmt: skip
        if name == "plain":
            train.quantised(**paths, settings=TrainQuantisedSettings(**common))
        else:
            distil.train(
                **paths, teacher=files["teacher"],
                settings=DistilSettings(**common, temperature=1.0, share=0.5),
            )  # fmt: skip
        written[name] = read_tensors(paths["scores"], FIRMWARE_SCORES)["logits"]
    assert np.std(written["plain"]) > 0.1
    # Rounding of the loss may turn the last bit of a weight.
    assert np.mean(written["plain"] == written["distilled"]) > 0.9


def test_the_gain_is_the_difference_of_the_balanced_accuracies():
    random = np.random.default_rng(4)
    label, weight = random.integers(0, 3, 400), random.uniform(0.5, 2, 400)
    logits = random.normal(size=(2, 2, 400, 3))
    logits[:, 1, np.arange(400), label] += 1.0  # the distilled designs know more
    found = distil.gain(label, logits, weight, 100, 5)
    expected = [
        balanced_accuracy(label, both[1], weight) - balanced_accuracy(label, both[0], weight)
        for both in logits
    ]
    assert found.value == pytest.approx(np.mean(expected), rel=1e-12)
    assert 0.1 < found.value < 0.6
    assert found.low < found.value < found.high
    turned = distil.gain(label, logits[:, ::-1], weight, 100, 5)
    assert turned.value == pytest.approx(-found.value)
    # Jets of one class of one, no weights: the standard error of a mean of n differences.
    one = distil.gain(np.zeros(400, int), logits[:1], np.ones(400), 2000, 6)
    hits = logits[0].argmax(axis=2) == 0
    differences = hits[1].astype(float) - hits[0]
    assert one.std == pytest.approx(differences.std() / 20, rel=0.1)
