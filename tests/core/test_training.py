"""The one training loop: it learns, restores the best epoch, is reproducible, and stops at NaN."""

import numpy as np
import pytest
import torch

from jetchain.core import training
from jetchain.core.errors import TrainingError
from jetchain.core.seeds import make_deterministic
from jetchain.core.training_settings import TrainingSettings

RANDOM = np.random.default_rng(0)
X = torch.tensor(RANDOM.normal(size=(600, 3)), dtype=torch.float32)
Y = X @ torch.tensor([[1.0], [-2.0], [0.5]])


def loss(model, rows):
    return torch.nn.functional.mse_loss(model(X[rows]), Y[rows]), len(rows)


def run(seed=1, epochs=20, **options):
    make_deterministic(seed)
    model = torch.nn.Linear(3, 1)
    history = training.fit(
        model,
        batches=lambda random: training.minibatches(500, 50, random),
        validation=lambda: [np.arange(500, 600)],
        loss=options.pop("loss", loss),
        settings=TrainingSettings(epochs=epochs, learning_rate=0.1, weight_decay=0.0),
        seed=seed,
        name="toy",
        **options,
    )
    return model, history


def test_it_finds_the_least_squares_solution():
    model, history = run()
    assert torch.allclose(model.weight, torch.tensor([[1.0, -2.0, 0.5]]), atol=1e-2)
    best = training.evaluate(model, lambda: [np.arange(500, 600)], loss)
    assert best == pytest.approx(min(history["validation_loss"]), rel=1e-6)


def test_same_seed_same_bytes_other_seed_others():
    one, two, other = run(1)[0], run(1)[0], run(2)[0]
    assert torch.equal(one.weight, two.weight)
    assert not torch.equal(one.weight, other.weight)


def test_the_best_epoch_is_restored_and_patience_ends_it():
    calls = iter(range(100))

    def worse_each_epoch(model, rows):
        value = (model(X[rows]) ** 2).mean()
        if not model.training:
            return value * 0 + next(calls), len(rows)
        return value, len(rows)

    steps = []
    _, history = run(loss=worse_each_epoch, after_step=lambda step, model: steps.append(step))
    assert len(history["epoch"]) == 1 + TrainingSettings().patience
    assert steps == list(range(1, len(steps) + 1))


def test_a_loss_that_is_no_number_stops_the_job():
    with pytest.raises(TrainingError, match="toy: the loss is not finite in epoch 1"):
        run(loss=lambda model, rows: (model(X[rows]).sum() * float("nan"), len(rows)))


def test_no_batches_is_an_error():
    with pytest.raises(TrainingError, match="no training batch"):
        training.fit(
            torch.nn.Linear(3, 1), batches=lambda random: [], validation=list, loss=loss,
            settings=TrainingSettings(), seed=1, name="toy",
        )  # fmt: skip
