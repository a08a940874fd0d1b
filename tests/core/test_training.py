"""The one training loop: it learns, restores the best epoch, is reproducible, and stops at NaN.

It also trains adversaries and students, and goes on after a kill as if nothing had happened.
"""

import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from jetchain.core import checkpoints, training
from jetchain.core.errors import ConfigurationError, TrainingError
from jetchain.core.seeds import make_deterministic
from jetchain.core.training_settings import TrainingSettings

RANDOM = np.random.default_rng(0)
X = torch.tensor(RANDOM.normal(size=(600, 3)), dtype=torch.float32)
Y = X @ torch.tensor([[1.0], [-2.0], [0.5]])


def loss(model, rows):
    return mse_loss(model(X[rows]), Y[rows]), len(rows)


def run(seed=1, epochs=20, model=None, **options):
    make_deterministic(seed)
    model = model() if model else nn.Linear(3, 1)
    keys = {"learning_rate": 0.1, "weight_decay": 0.0} | options.pop("keys", {})
    history = training.fit(
        model,
        batches=options.pop("batches", lambda random: training.minibatches(500, 50, random)),
        validation=lambda: [np.arange(500, 600)],
        loss=options.pop("loss", loss),
        settings=TrainingSettings(epochs=epochs, **keys),
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
            nn.Linear(3, 1), batches=lambda random: [], validation=list, loss=loss,
            settings=TrainingSettings(), seed=1, name="toy",
        )  # fmt: skip


class Counted:
    """Batches with a length, which remember how often they were run through."""

    runs = 0

    def __init__(self, random):
        self.random = random

    def __len__(self):
        return 10

    def __iter__(self):
        Counted.runs += 1
        return iter(training.minibatches(500, 50, self.random))


def test_batches_with_a_length_are_not_run_through_to_be_counted():
    expected, record = run(epochs=3)
    model, history = run(epochs=3, batches=Counted)
    assert Counted.runs == 3
    assert history == record
    assert torch.equal(model.weight, expected.weight)


# Precision, devices


# The scaling of float16 passes over its first step.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_fewer_bits_round_the_products_and_still_learn(precision):
    exact, rounded = run()[0], run(keys={"precision": precision})[0]
    assert rounded.weight.dtype == torch.float32
    assert not torch.equal(exact.weight, rounded.weight)
    assert torch.allclose(exact.weight, rounded.weight, atol=0.05)


@dataclass(frozen=True)
class Pair:
    one: torch.Tensor
    rows: np.ndarray


def test_a_batch_of_any_form_moves():
    device = torch.device("meta")
    tensor, rows = torch.ones(2), np.arange(2)
    first, (second, kept) = training.moved((Pair(tensor, rows), [tensor, rows]), device)
    assert first.one.device == second.device == device
    assert first.rows is kept is rows


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="asks for the device 'cuda'"):
        run(keys={"device": "cuda"})
    assert training.find_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training.find_device("auto") == torch.device("cuda")


# Adversaries and teachers

MEAN, WIDTH = 3.0, 0.5
REAL = MEAN + WIDTH * torch.randn(600, 1, generator=torch.Generator().manual_seed(1))


def adversaries():
    return nn.ModuleDict({
        "generator": nn.Linear(1, 1),
        "discriminator": nn.Sequential(
            nn.Linear(1, 16), nn.BatchNorm1d(16), nn.LeakyReLU(), nn.Dropout(0.1), nn.Linear(16, 1)
        ),
    })  # fmt: skip


def discriminator_loss(model, rows):
    """Real from generated, which are kept apart so that neither moves the norm of the other."""
    drawn = model["generator"](torch.randn(len(rows), 1)).detach()
    logits = model["discriminator"](torch.cat([REAL[rows], drawn]))
    is_real = (torch.arange(len(logits)) < len(rows)).float()[:, None]
    return binary_cross_entropy_with_logits(logits, is_real), len(rows)


def generator_loss(model, rows):
    drawn = model["generator"](torch.randn(len(rows), 1))
    logits = model["discriminator"](torch.cat([REAL[rows], drawn]))[len(rows) :]
    return binary_cross_entropy_with_logits(logits, torch.ones_like(logits)), len(rows)


def distance_of_means(model, rows):
    drawn = model["generator"](torch.randn(2000, 1))
    return (drawn.mean() - REAL[rows].mean()).abs(), len(rows)


GAN = {
    "model": adversaries,
    "loss": {"discriminator": discriminator_loss, "generator": generator_loss},
    "criterion": distance_of_means,
}


def test_a_generator_learns_the_mean_of_a_gaussian():
    keys = {"learning_rate": 0.02, "schedule": "constant", "patience": 60}
    model, history = run(epochs=60, keys=keys, **GAN)
    drawn = model["generator"](torch.randn(20_000, 1, generator=torch.Generator().manual_seed(2)))
    assert drawn.mean().item() == pytest.approx(MEAN, abs=0.1)
    untrained = adversaries()["generator"](torch.randn(2000, 1))
    assert abs(untrained.mean().item() - MEAN) > 1
    assert set(history) == {
        "epoch", "discriminator_loss", "generator_loss", "validation_loss", "learning_rate"
    }  # fmt: skip
    # A generator that cannot be told apart: ln 2 for both.
    assert history["discriminator_loss"][-1] == pytest.approx(math.log(2), abs=0.1)


def test_each_loss_moves_its_own_part_only():
    before = {}

    def frozen(model, rows):
        return model["generator"](X[rows]).mean() * 0, len(rows)

    def spread(model, rows):
        return mse_loss(model["reader"](model["generator"](X[rows])), Y[rows]), len(rows)

    def parts():
        model = nn.ModuleDict({"generator": nn.Linear(3, 3), "reader": nn.Linear(3, 1)})
        before.update({key: value.clone() for key, value in model.state_dict().items()})
        return model

    model, _ = run(epochs=3, model=parts, loss={"generator": frozen, "reader": spread},
                   criterion=spread)  # fmt: skip
    assert torch.equal(model["generator"].weight, before["generator.weight"])
    assert not torch.equal(model["reader"].weight, before["reader.weight"])


def test_several_losses_need_a_criterion():
    with pytest.raises(TypeError, match="criterion"):
        run(model=adversaries, loss=GAN["loss"])


def test_a_student_follows_its_teacher_better_than_a_few_labels():
    make_deterministic(5)
    teacher = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Dropout(0.5), nn.Linear(32, 1))
    kept = {key: value.clone() for key, value in teacher.state_dict().items()}

    def student():
        return nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))

    with torch.no_grad():
        truth = teacher.eval()(X)
    labels = truth + 0.3 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(3))
    teacher.train()  # the loop puts it into evaluation mode: else its dropout is noise

    def few_labels(model, rows):
        chosen = rows % 20
        return mse_loss(model(X[chosen]), labels[chosen]), len(rows)

    def distillation(model, rows):
        return mse_loss(model(X[rows]), teacher(X[rows])), len(rows)

    keys = {"learning_rate": 0.01}
    alone, _ = run(model=student, loss=few_labels, keys=keys)
    taught, _ = run(model=student, loss=distillation, keys=keys, teachers=[teacher])
    with torch.no_grad():
        errors = [mse_loss(model(X), truth).item() for model in (alone, taught)]
    assert errors[1] < 0.1 * errors[0]
    assert errors[1] < 0.03 * truth.var().item()
    assert not teacher.training
    for key, value in teacher.state_dict().items():
        assert torch.equal(value, kept[key])


# Going on after a kill


def restless():
    """A network that draws and remembers while it is trained."""
    return nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1)
    )


TASKS = {
    "adamw": {"model": restless},
    "constant": {"model": restless, "keys": {"schedule": "constant", "learning_rate": 0.01}},
    "float16": {"model": restless, "keys": {"precision": "float16"}},
    "ranger": {"model": restless, "keys": {"optimiser": "ranger", "schedule": "flat_decay"}},
    "lion": {"model": restless, "keys": {"optimiser": "lion", "learning_rate": 0.003}},
    "adversaries": GAN,
}
STEPS = 10  # an epoch


class Killed(Exception):
    pass


def killer(at):
    """A hook that counts the steps taken, and raises at one of them."""

    def hook(step, model):
        hook.steps.append(step)
        if step == at:
            raise Killed

    hook.steps = []
    return hook


def job(folder, identity="data and code", **options):
    with checkpoints.kept_in(folder, lambda: identity):
        return run(**options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "SHARE", math.inf)  # a checkpoint after every epoch
    return tmp_path / ".weights.checkpoint"


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("task", TASKS)
def test_a_training_that_was_killed_ends_with_the_same_bytes(folder, task):
    expected, record = run(epochs=6, **TASKS[task])
    # In the first epoch, at the end of one, in one, in the last; the last time it ends.
    for at, first in ((4, 1), (2 * STEPS, 1), (3 * STEPS + 7, STEPS + 1), (6 * STEPS, 31), (0, 51)):
        hook = killer(at)
        try:
            model, history = job(folder, epochs=6, after_step=hook, **TASKS[task])
        except Killed:
            assert hook.steps[-1] == at
        assert hook.steps[0] == first
    assert history == record
    for key, value in expected.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key
    assert not folder.exists()


def test_a_training_that_is_done_is_not_done_again_when_a_later_one_is_killed(folder):
    def both(at):
        hooks = killer(0), killer(at)
        with checkpoints.kept_in(folder, lambda: "x"):
            return hooks, run(1, model=restless, after_step=hooks[0]), run(2, after_step=hooks[1])

    with pytest.raises(Killed):
        both(15)
    hooks, (model, history), _ = both(0)
    assert hooks[0].steps == []
    assert hooks[1].steps[0] == STEPS + 1
    expected, record = run(1, model=restless)
    assert len(record["epoch"]) < 20  # patience ended it: it must not go on
    assert history == record
    for key, value in expected.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.parametrize(
    "change",
    [
        {"identity": "other data or code"},
        {"seed": 2},
        {"keys": {"weight_decay": 0.5}},
        {"model": lambda: nn.Sequential(nn.Linear(3, 1))},
        {"teachers": [nn.Linear(1, 1)]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_training_goes_on_from_the_state_of_another(folder, change):
    with pytest.raises(Killed):
        job(folder, after_step=killer(25))
    hook = killer(0)
    _, history = job(folder, after_step=hook, **change)
    assert hook.steps[0] == 1
    change = {key: value for key, value in change.items() if key != "identity"}
    assert history == run(**change)[1]


def test_the_state_of_the_hook_goes_on_too(folder):
    class Hook(SimpleNamespace):
        def __call__(self, step, model):
            self.seen.append(step)
            if step == self.at:
                raise Killed

        def state_dict(self):
            return {"seen": self.seen}

        def load_state_dict(self, state):
            self.seen = state["seen"]

    with pytest.raises(Killed):
        job(folder, epochs=4, after_step=Hook(at=25, seen=[]))
    hook = Hook(at=0, seen=[])
    job(folder, epochs=4, after_step=hook)
    assert hook.seen == list(range(1, 4 * STEPS + 1))


def test_a_damaged_checkpoint_is_left_aside(folder):
    with pytest.raises(Killed):
        job(folder, after_step=killer(25))
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    hook = killer(0)
    job(folder, after_step=hook)
    assert hook.steps[0] == 1


def test_checkpoints_take_their_share_of_the_time_only(tmp_path, monkeypatch):
    now, written = [0.0], []

    def slow_write(tensors, path, metadata):
        path.write_bytes(b"")
        now[0] += 1.0
        written.append(now[0])

    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    monkeypatch.setattr("safetensors.torch.save_file", slow_write)
    with checkpoints.kept_in(tmp_path / "checkpoint", lambda: "x"):
        checkpoint = checkpoints.Checkpoint([])
        for _ in range(1000):
            now[0] += 0.5
            checkpoint.save({}, last=False)
    assert written[0] == 1.5  # the first, whose cost is not known yet
    assert 5 < len(written) <= 1 + checkpoints.SHARE * now[0]


@pytest.mark.parametrize(("warm_up", "steps"), [(0.0, 1), (0.1, 9), (0.2, 4), (0.25, 3), (0.5, 1)])
def test_a_rise_may_end_with_the_first_step(warm_up, steps):
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))])
    settings = TrainingSettings(warm_up=warm_up, learning_rate=0.1)
    schedule = training.learning_rates(optimiser, settings, steps)
    assert warm_up == 0 or schedule.get_last_lr()[0] == pytest.approx(0.1)
    for _ in range(steps):
        assert 0 < schedule.get_last_lr()[0] <= 0.1
        optimiser.step()
        schedule.step()
