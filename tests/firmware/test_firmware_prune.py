"""Pruning: the schedule, what it removes, and what the training keeps."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from jetchain.core import checkpoints
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tensors import write_tensors, write_weights
from jetchain.core.settings import parse
from jetchain.core.training_settings import TrainingSettings
from jetchain.firmware.dataset import FEATURES, FIRMWARE_JETS
from jetchain.firmware.design import build
from jetchain.firmware.design_settings import FormatSettings
from jetchain.firmware.layers import QuantisedLinear
from jetchain.firmware.prune import Pruner, cubic_rise, prune
from jetchain.firmware.quantise import Format
from jetchain.firmware.settings import (
    PruningSettings,
    TrainFloatingSettings,
    TrainQuantisedSettings,
)
from jetchain.firmware.train import floating, started, train_quantised, turn

SCHEDULE = PruningSettings(sparsity=0.8, start=0.2, end=0.6)


def test_cubic_schedule_has_its_published_form():
    # arXiv 1710.01878 eq. (1), s_i = 0, over s_f: 1 - (1 - x)^3; half way 7/8 of it is done.
    assert cubic_rise(0.0, SCHEDULE) == 0.0
    assert cubic_rise(0.2, SCHEDULE) == 0.0
    assert cubic_rise(0.4, SCHEDULE) == pytest.approx(7 / 8)
    assert cubic_rise(0.6, SCHEDULE) == pytest.approx(1.0)
    assert cubic_rise(1.0, SCHEDULE) == pytest.approx(1.0)
    steps = [cubic_rise(t, SCHEDULE) for t in np.linspace(0, 1, 101)]
    assert all(a <= b for a, b in pairwise(steps))


def test_the_smallest_weights_go_and_stay_away():
    layer = QuantisedLinear(5, 2, Format(1, 0, 5), Format(1, 0, 5))
    layer.weight.data = torch.tensor([[5.0, -1, 3, -4, 2], [0.1, -9, 8, 7, -6]])
    prune(layer, 0.3)
    assert layer.mask.tolist() == [[1, 0, 1, 1, 0], [0, 1, 1, 1, 1]]
    layer.weight.data[0, 1] = 100.0  # pruned: must not come back
    prune(layer, 0.5)
    assert layer.mask.tolist() == [[1, 0, 0, 0, 0], [0, 1, 1, 1, 1]]


def test_pruned_weights_get_no_gradient():
    layer = QuantisedLinear(3, 2, Format(1, 0, 5), Format(1, 0, 5))
    layer.mask[0, 1] = 0.0
    layer(torch.ones(4, 3)).sum().backward()
    assert layer.weight.grad[0, 1] == 0.0
    assert layer.weight.grad[0, 0] != 0.0


def test_the_pruner_brings_back_the_last_step():
    model = build("mlp", {"hidden": [10]}).quantised(4, 2, FormatSettings())
    pruner = Pruner(10, SCHEDULE)
    for step in range(1, 11):
        pruner(step, model)
    for layer in model.layers.values():
        layer.mask.fill_(1.0)  # the state of some earlier epoch
    pruner.restore(model)
    for layer in model.layers.values():
        assert layer.mask.mean().item() == pytest.approx(0.2)


def small_training(beta=0.0):
    random = np.random.default_rng(5)
    features = random.normal(size=(400, 6)).astype(np.float32)
    data = {
        "features": features,
        "label": (features[:, 0] > 0).astype(np.int64),
        "split": np.repeat([0, 1], 200),
        "weight": np.ones(400),
    }
    settings = TrainQuantisedSettings(
        model={},
        formats=FormatSettings(),
        training=TrainingSettings(epochs=2, batch_size=50, learning_rate=0.02),
        classes=["quark", "gluon"],
        pruning=PruningSettings(sparsity=0.6, epochs=5, beta=beta),
    )
    torch.manual_seed(1)
    model = build("mlp", {"hidden": [10]}).quantised(6, 2, settings.formats)
    return model, train_quantised(model, data, settings, seed=4)


def test_a_training_ends_at_full_sparsity_and_with_fixed_point_parameters():
    model, history = small_training()
    weights = torch.cat([layer.weight.flatten() for layer in model.layers.values()])
    assert (weights == 0).double().mean() >= 0.6
    assert len(history["epoch"]) == len(history["sparsity"]) == 7
    assert history["sparsity"][-1] == 0.6
    assert history["validation_loss"][-1] < history["validation_loss"][0]
    for layer in model.layers.values():
        assert torch.equal(layer.weight * 32, torch.floor(layer.weight * 32))
        assert torch.equal(layer.bias * 32, torch.floor(layer.bias * 32))


@pytest.mark.parametrize("beta", [0.0, 1e-3])
@pytest.mark.parametrize("last", [13, 20, 21, 28])  # of 5 epochs that prune and 2 that tune
def test_a_training_that_is_killed_goes_on_pruning_and_tuning(monkeypatch, tmp_path, last, beta):
    expected, record = small_training(beta)
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))
    turned = iter(range(1, 1000))

    def killed(features, random, columns):
        if next(turned) == last + 4 * (1 + (last > 20)):  # each training counts its batches first
            raise KeyboardInterrupt
        return turn(features, random, columns)

    def in_job():
        with checkpoints.kept_in(tmp_path / "checkpoint", lambda: "x"):
            return small_training(beta)

    with monkeypatch.context() as patch:
        patch.setattr("jetchain.firmware.train.turn", killed)
        with pytest.raises(KeyboardInterrupt):
            in_job()
    model, history = in_job()
    assert history == record
    for name, value in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def many_bits():
    wide = {"integer": 8, "fraction": 14}
    return FormatSettings(
        inputs=wide, weights=wide, biases=wide, activations={**wide, "signed": False}
    )


def test_a_training_in_fixed_point_starts_where_the_float_one_ended(tmp_path):
    design = build("mlp", {"hidden": [10]})
    torch.manual_seed(2)
    in_float = design.floating(6, 2)
    write_weights(tmp_path / "start", in_float)
    features = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    settings = TrainQuantisedSettings(
        model={}, formats=many_bits(), training=TrainingSettings(), pruning=PruningSettings(),
        classes=["quark", "gluon"],
    )  # fmt: skip
    model = started(design, {"features": features}, settings, tmp_path / "start")
    with torch.no_grad():
        x = torch.from_numpy(features)
        apart = (model(x) - in_float(x)).abs().max()
    assert 0.0 < apart < 1e-3
    assert all(parameter.requires_grad for parameter in model.parameters())
    other = build("mlp", {"hidden": [11]})
    with pytest.raises(DataError, match=r"layers\.0\.weight is \(10, 6\), expected \(11, 6\)"):
        started(other, {"features": features}, settings, tmp_path / "start")
    deeper = build("mlp", {"hidden": [10, 10]})
    with pytest.raises(DataError, match=r"layers\.2\.weight' is missing|layers\.1\.weight is"):
        started(deeper, {"features": features}, settings, tmp_path / "start")


def test_training_and_early_stopping_see_their_own_split_only(monkeypatch, tmp_path):
    data = {
        "features": np.arange(90.0, dtype=np.float32)[:, None].repeat(len(FEATURES), axis=1),
        "label": np.arange(90) % 2,
        "split": np.repeat([0, 1, 2], 30),
        "event_number": np.arange(90),
        "weight": np.ones(90),
    }
    write_tensors(tmp_path / "dataset", FIRMWARE_JETS, data)
    seen = {}

    def spy(model, *, batches, validation, **others):
        for name, jets in (("train", batches(np.random.default_rng(1))), ("held", validation())):
            seen[name] = np.sort(np.concatenate([features[:, 0] for features, *_ in jets]))
        return {"epoch": [1]}

    monkeypatch.setattr("jetchain.firmware.train.fit", spy)
    settings = TrainFloatingSettings(
        model={"hidden": [4]}, training=TrainingSettings(batch_size=8), classes=["quark", "top"]
    )
    paths = {name: tmp_path / name for name in ("dataset", "weights", "history", "scores")}
    floating(**paths, design="mlp", settings=settings, seed=1)
    assert seen["train"].tolist() == list(range(30))  # turning a jet keeps its pT
    assert seen["held"].tolist() == list(range(30, 60))


def test_turned_jets_keep_pt_and_all_distances_and_point_everywhere():
    random = np.random.default_rng(1)
    features = random.normal(size=(2000, 12)).astype(np.float32)
    features[:, 4:6] = 0.0
    turned = turn(features, random, 3)
    before, after = features.reshape(2000, 4, 3), turned.reshape(2000, 4, 3)
    assert np.array_equal(after[..., 0], before[..., 0])
    assert np.all(after[:, 1, 1:] == 0.0)

    def distances(points):
        return np.linalg.norm(points[:, :, None, 1:] - points[:, None, :, 1:], axis=-1)

    assert distances(after) == pytest.approx(distances(before), abs=1e-5)

    def cross(points):
        return points[:, 0, 1] * points[:, 2, 2] - points[:, 0, 2] * points[:, 2, 1]

    mirrored = cross(after) * cross(before) < 0
    assert np.mean(mirrored) == pytest.approx(0.5, abs=0.05)
    angle = np.arctan2(after[:, 0, 2], after[:, 0, 1])
    assert np.abs(np.mean(np.exp(1j * angle))) < 0.08


@pytest.mark.parametrize("values", [{"sparsity": 1.0}, {"start": 0.9, "end": 0.5}, {"epochs": 0}])
def test_impossible_schedules_are_refused(values):
    with pytest.raises(ConfigurationError):
        parse(PruningSettings, values)
