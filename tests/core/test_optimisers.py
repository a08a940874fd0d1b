"""Optimisers and schedules: weaver-core's, their equations, PyTorch's."""

from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from jetchain.core import optimisers
from jetchain.core.training_settings import TrainingSettings

X = torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
Y = X @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3


def descended(optimiser, steps, model=None):
    """Weights after some steps on all of the data: (steps, 4), the bias is the last."""
    torch.manual_seed(2)
    model = model or nn.Linear(3, 1)
    made = optimiser(model.parameters())
    found = []
    for _ in range(steps):
        made.zero_grad()
        mse_loss(model(X), Y).backward()
        made.step()
        found.append(torch.cat([each.detach().flatten().clone() for each in model.parameters()]))
    return torch.stack(found)


def ours(**keys):
    return lambda parameters: optimisers.optimiser(parameters, TrainingSettings(**keys))


def test_the_tables_hold_what_the_settings_name():
    fields = TrainingSettings.model_fields
    assert set(get_args(fields["optimiser"].annotation)) == set(optimisers.OPTIMISERS)
    falls = set(get_args(fields["schedule"].annotation))
    assert falls == {"one_cycle", *optimisers.FALLS}


def test_ranger_is_that_of_weaver_core():
    from weaver.utils.nn.optimizer.ranger import Ranger

    # RAdam adapts from its sixth step on, behind which Lookahead takes its first.
    keys = {"learning_rate": 0.05, "weight_decay": 0.1}
    found = descended(ours(optimiser="ranger", **keys), 40)
    expected = descended(lambda each: Ranger(each, lr=0.05, weight_decay=0.1), 40)
    assert torch.allclose(found, expected, atol=2e-6)
    assert (found[0] - found[-1]).abs().max() > 0.2


def test_lion_follows_its_equation():
    rate, decay = 0.01, 0.2
    found = descended(ours(optimiser="lion", learning_rate=rate, weight_decay=decay), 30)
    torch.manual_seed(2)
    model = nn.Linear(3, 1)
    weights = torch.cat([each.detach().flatten() for each in model.parameters()])
    inputs, momentum = torch.cat([X, torch.ones(64, 1)], dim=1), torch.zeros(4)
    for step in range(30):
        gradient = 2 * inputs.T @ (inputs @ weights - Y[:, 0]) / 64
        sign = torch.sign(0.9 * momentum + 0.1 * gradient)
        weights = weights - rate * (sign + decay * weights)
        momentum = 0.99 * momentum + 0.01 * gradient
        assert torch.allclose(found[step], weights, atol=1e-6)


def rates(**keys):
    """The learning rate of each of 100 steps, at a peak of 1."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    settings = TrainingSettings(learning_rate=1.0, **keys)
    return followed(optimiser, optimisers.learning_rates(optimiser, settings, 100))


def followed(optimiser, schedule, steps=100):
    values = []
    for _ in range(steps):
        values.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    return np.array(values)


def test_the_cosine_is_that_of_torch():
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 100)
    expected = followed(optimiser, reference)
    assert rates(schedule="cosine", warm_up=0.0) == pytest.approx(expected, abs=1e-12)


def test_the_cosines_restart_where_those_of_torch_do():
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, 10, 2)
    expected = followed(optimiser, reference, 70)
    values = rates(schedule="cosine_restarts", warm_up=0.3)[30:]
    assert values == pytest.approx(expected, abs=1e-9)
    assert (values == 1.0).sum() == 3


def test_the_flat_schedule_falls_to_a_hundredth():
    values = rates(schedule="flat_decay", warm_up=0.0)
    assert np.all(values[:71] == 1.0)
    assert values[85] == pytest.approx(0.1)
    assert np.diff(np.log(values[71:])) == pytest.approx(np.log(0.01) / 30)


@pytest.mark.parametrize("schedule", ["one_cycle", *optimisers.FALLS])
def test_every_schedule_rises_to_its_peak_over_the_warm_up(schedule):
    values = rates(schedule=schedule, warm_up=0.2)
    assert np.all(np.diff(values[:20]) > 0)
    assert values[20] == pytest.approx(1.0, abs=0.01)
    assert np.all(values <= 1.0)
    if schedule == "constant":
        assert np.all(values[20:] == 1.0)
    else:
        assert values[-1] < 0.02
