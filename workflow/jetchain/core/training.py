"""The training loop: every network of jetchain is trained here.

AdamW with a learning rate that rises and falls and with gradient clipping; the weights of the epoch
with the lowest validation loss are restored at the end; a loss that is no number stops the job. A
job that was killed goes on after its last saved epoch and ends with the same bytes: see
`jetchain.core.checkpoints`.
"""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from jetchain.core.checkpoints import Checkpoint
from jetchain.core.errors import ConfigurationError, TrainingError
from jetchain.core.progress import Progress
from jetchain.core.seeds import generator, make_deterministic
from jetchain.core.training_settings import TrainingSettings

Loss = Callable[[nn.Module, Any], tuple[Tensor, int]]


def fit(
    model: nn.Module,
    *,
    batches: Callable[[np.random.Generator], Iterable[Any]],
    validation: Callable[[], Iterable[Any]],
    loss: Loss | Mapping[str, Loss],
    settings: TrainingSettings,
    seed: int,
    name: str,
    criterion: Loss | None = None,
    teachers: Sequence[nn.Module] = (),
    after_step: Callable[[int, nn.Module], None] | None = None,
) -> dict[str, list[float]]:
    """Train a network in place and restore the weights of its best epoch.

    Call `core.seeds.make_deterministic` before the network is built: its initial weights are
    drawn then. Networks end on the CPU, wherever they were trained.

    Args:
        model: the network; all that its training changes must be in its state_dict.
        batches: gives one epoch of training batches, shuffled by the generator it is handed. They
            reach the loss on the device of the settings, see `moved`.
        validation: gives the validation batches, always the same.
        loss: gives the mean loss of a batch and the number of items in it. Several, by the name of
            a submodule, take turns in every batch, each with an optimiser of its own that changes
            that submodule alone: the generator and the discriminator of a GAN.
        settings: epochs, learning rate and so on; the batch size is the caller's to use.
        seed: of the shuffling and of dropout.
        name: what is trained, for the progress lines.
        criterion: as a loss, of the validation; needed if there are several losses.
        teachers: networks that the loss asks (distillation): frozen, in evaluation mode, and on the
            device of the model.
        after_step: called with the step's number and the model after each step (pruning masks); if
            it has a state, then with `state_dict` and `load_state_dict`, as a module.

    Returns:
        The history, one entry an epoch: epoch, train_loss, validation_loss, learning_rate. Several
        losses have a column each, such as generator_loss.

    Raises:
        ConfigurationError: the machine has no such device.
        TrainingError: a loss is not finite, or there is no batch.
    """
    make_deterministic(seed, settings.threads)
    steps = sum(1 for _ in batches(generator(seed, name, 0)))
    if steps == 0:
        raise TrainingError(
            f"{name}: there is no training batch.",
            "Generate more events for its samples, or reduce the batch size.",
        )
    checkpoint = Checkpoint(
        [name, seed, settings.model_dump(), steps, [net.state_dict() for net in (model, *teachers)]]
    )
    device = find_device(settings.device)
    for network in (model, *teachers):
        network.to(device)
    for teacher in teachers:
        teacher.eval().requires_grad_(False)
    cast = torch.autocast(
        device.type, getattr(torch, settings.precision), enabled=settings.precision != "float32"
    )
    scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "float16")
    losses = dict(loss) if isinstance(loss, Mapping) else {"": loss}
    if criterion is None:
        if len(losses) > 1:
            raise TypeError("several losses need a criterion of the validation")
        (criterion,) = losses.values()
    losses, criterion = {part: cast(each) for part, each in losses.items()}, cast(criterion)
    optimisers = {
        part: torch.optim.AdamW(
            model.get_submodule(part).parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        for part in losses
    }
    schedules = {
        part: learning_rates(optimiser, settings, steps * settings.epochs)
        for part, optimiser in optimisers.items()
    }
    columns = {part: f"{part or 'train'}_loss" for part in losses}
    history: dict[str, list[float]] = {
        column: [] for column in ("epoch", *columns.values(), "validation_loss", "learning_rate")
    }
    best_state: dict[str, Tensor] = {}
    step = 0
    stateful: dict[str, Any] = {"model": model, "scaler": scaler, "after_step": after_step}
    stateful |= {f"optimiser {part}": each for part, each in optimisers.items()}
    stateful |= {f"schedule {part}": each for part, each in schedules.items()}
    stateful = {key: each for key, each in stateful.items() if hasattr(each, "state_dict")}
    if saved := checkpoint.load():
        for key, each in stateful.items():
            each.load_state_dict(saved[key])
        history, best_state, step = saved["history"], saved["best_state"], saved["step"]
        set_random_state(saved["random"])
        print(f"{name}: goes on after epoch {len(history['epoch'])}", file=sys.stderr)
    watched = history["validation_loss"]
    progress = Progress(settings.epochs, "epochs", name)
    while len(watched) < settings.epochs and since_best(watched) < settings.patience:
        epoch = len(watched) + 1
        model.train()
        total, items = dict.fromkeys(losses, 0.0), dict.fromkeys(losses, 0)
        for given in batches(generator(seed, name, epoch)):
            batch = moved(given, device)
            for part, optimiser in optimisers.items():
                optimiser.zero_grad(set_to_none=True)
                value, number = losses[part](model, batch)
                scaler.scale(value).backward()
                scaler.unscale_(optimiser)
                parameters = model.get_submodule(part).parameters()
                nn.utils.clip_grad_norm_(parameters, settings.gradient_clip)
                scaler.step(optimiser)
                if step < steps * settings.epochs:
                    schedules[part].step()
                total[part] += value.item() * number
                items[part] += number
            scaler.update()
            step += 1
            if after_step is not None:
                after_step(step, model)
        train_losses = {part: total[part] / items[part] for part in losses}
        validation_loss = evaluate(
            model, lambda: (moved(batch, device) for batch in validation()), criterion
        )
        if not all(map(math.isfinite, (*train_losses.values(), validation_loss))):
            raise TrainingError(
                f"{name}: the loss is not finite in epoch {epoch} "
                f"(training {', '.join(map(str, train_losses.values()))}, "
                f"validation {validation_loss}).",
                "Reduce learning_rate, or look for non-finite inputs in its dataset.",
            )
        history["epoch"].append(epoch)
        for part, column in columns.items():
            history[column].append(train_losses[part])
        watched.append(validation_loss)
        history["learning_rate"].append(next(iter(schedules.values())).get_last_lr()[0])
        progress.report(
            epoch, **{part or "loss": each for part, each in train_losses.items()},
            validation=validation_loss,
        )  # fmt: skip
        if since_best(watched) == 0:
            best_state = {key: value.clone() for key, value in model.state_dict().items()}
        checkpoint.save(
            {
                **{key: each.state_dict() for key, each in stateful.items()},
                "history": history,
                "best_state": best_state,
                "step": step,
                "random": random_state(device),
            },
            last=epoch == settings.epochs or since_best(watched) >= settings.patience,
        )
    if since_best(watched) >= settings.patience:
        best = len(watched) - since_best(watched)
        print(f"{name}: no better since epoch {best}, stopped", file=sys.stderr)
    model.load_state_dict(best_state)
    for network in (model, *teachers):
        network.cpu()
    model.eval()
    return history


def since_best(losses: Sequence[float]) -> int:
    """The number of epochs since the lowest loss; 0 before the first epoch."""
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0


def learning_rates(
    optimiser: torch.optim.Optimizer, settings: TrainingSettings, steps: int
) -> LRScheduler:
    """The schedule of the settings over a number of steps."""
    if settings.schedule == "one_cycle":
        return OneCycleLR(
            optimiser,
            max_lr=settings.learning_rate,
            # One step more than there are: OneCycleLR cannot be built for a single step.
            total_steps=steps + 1,
            pct_start=settings.warm_up,
        )
    rise = settings.warm_up * steps

    def share(step: int) -> float:
        """Of the peak, at a step (0 is the first)."""
        if step < rise:
            return (step + 1) / (rise + 1)
        if settings.schedule == "constant":
            return 1.0
        return 0.5 * (1.0 + math.cos(math.pi * (step - rise) / (steps - rise)))

    return LambdaLR(optimiser, share)


def find_device(name: str) -> torch.device:
    """The device of a setting.

    Raises:
        ConfigurationError: this machine has none of this name.
    """
    # cuBLAS is reproducible only with a workspace of fixed size, to be named before its first use.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    here = {
        "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True
    }  # fmt: skip
    if name == "auto":
        name = next(each for each, there in here.items() if there)
    if not here[name]:
        raise ConfigurationError(
            f"The training asks for the device '{name}', which torch does not find here.",
            "Set the training's device to cpu or auto, or run where there is one.",
        )
    return torch.device(name)


def moved(batch: Any, device: torch.device) -> Any:
    """A batch on a device.

    Args:
        batch: something with ``to``, as a tensor, or a tuple, a list or a dataclass of such;
            anything else is returned as it is.
        device: where to.
    """
    if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, tuple | list):
        return type(batch)(moved(each, device) for each in batch)
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        fields = [field.name for field in dataclasses.fields(batch)]
        return dataclasses.replace(
            batch, **{name: moved(getattr(batch, name), device) for name in fields}
        )
    return batch


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of torch's generators, by the type of device."""
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        states[device.type] = torch.get_device_module(device).get_rng_state()
    return states


def set_random_state(states: Mapping[str, Tensor]) -> None:
    """The inverse of `random_state`."""
    for name, state in states.items():
        module = torch if name == "cpu" else torch.get_device_module(name)
        module.set_rng_state(state)


@torch.no_grad()
def evaluate(model: nn.Module, batches: Callable[[], Iterable[Any]], loss: Loss) -> float:
    """The mean loss over batches, the network in evaluation mode."""
    model.eval()
    total, items = 0.0, 0
    for batch in batches():
        value, number = loss(model, batch)
        total += value.item() * number
        items += number
    if items == 0:
        raise TrainingError(
            "There is no validation batch.", "Generate more events for the samples of this model."
        )
    return total / items


def minibatches(
    length: int, batch_size: int, shuffle: np.random.Generator | None = None
) -> Iterable[np.ndarray]:
    """Index arrays that cover ``range(length)`` once, shuffled if a generator is given."""
    order = np.arange(length) if shuffle is None else shuffle.permutation(length)
    for start in range(0, length, batch_size):
        yield order[start : start + batch_size]
