"""The training loop: every network of jetchain is trained here.

An optimiser with a learning rate that rises and falls (see `jetchain.core.optimisers`) and with
gradient clipping; the weights of the epoch with the lowest validation loss are restored at the end;
a loss that is no number stops the job. A job that was killed goes on after its last saved epoch and
ends with the same bytes: see `jetchain.core.checkpoints`.
"""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jetchain.core.checkpoints import Checkpoint
from jetchain.core.errors import ConfigurationError, TrainingError
from jetchain.core.optimisers import learning_rates, optimiser
from jetchain.core.progress import Progress
from jetchain.core.ranks import Ranks
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
    drawn then. Networks end on the CPU, wherever they were trained. Processes that torchrun started
    divide the batches between them and end with the same network: see `core.ranks`.

    Args:
        model: the network; all that its training changes must be in its state_dict.
        batches: gives one epoch of training batches, shuffled by the generator it is handed. They
            reach the loss on the settings' device, see `moved`. Their len() counts them, if any.
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
    steps = number_of(batches(generator(seed, name, 0)), name)
    checkpoint = Checkpoint(
        [name, seed, settings.model_dump(), steps, [net.state_dict() for net in (model, *teachers)]]
    )
    device, ranks = find_device(settings.device), Ranks(model)
    for network in (model, *teachers):
        network.to(device)
    for teacher in teachers:
        teacher.eval().requires_grad_(False)
    descent = Descent(model, loss, settings, steps, device, after_step, ranks)
    criterion = descent.criterion(criterion)
    history: dict[str, list[float]] = {
        column: [] for column in ("epoch", *descent.columns, "validation_loss", "learning_rate")
    }
    best_state: dict[str, Tensor] = {}
    if saved := ranks.from_first(checkpoint.load()):
        descent.load_state(saved)
        history, best_state = saved["history"], saved["best_state"]
        set_random_state(saved["random"])
        print(f"{name}: goes on after epoch {len(history['epoch'])}", file=sys.stderr)
    watched = history["validation_loss"]
    mine = partial(_mine, ranks=ranks, device=device)
    progress = Progress(settings.epochs, "epochs", name)
    while len(watched) < settings.epochs and since_best(watched) < settings.patience:
        epoch = len(watched) + 1
        model.train()
        train_losses = descent.epoch(mine(batches(generator(seed, name, epoch))))
        validation_loss = evaluate(model, lambda: mine(validation()), criterion, ranks)
        refuse_unless_finite(name, epoch, train_losses, validation_loss)
        history["epoch"].append(epoch)
        for column, value in zip(descent.columns, train_losses.values(), strict=True):
            history[column].append(value)
        watched.append(validation_loss)
        history["learning_rate"].append(descent.learning_rate)
        progress.report(
            epoch, **{part or "loss": each for part, each in train_losses.items()},
            validation=validation_loss,
        )  # fmt: skip
        if since_best(watched) == 0:
            best_state = {key: value.clone() for key, value in model.state_dict().items()}
        state = descent.state() | {"history": history, "best_state": best_state}
        state |= {"random": random_state(device)}
        if ranks.rank == 0:
            done = epoch == settings.epochs or since_best(watched) >= settings.patience
            checkpoint.save(state, last=done)
    if since_best(watched) >= settings.patience:
        best = len(watched) - since_best(watched)
        print(f"{name}: no better since epoch {best}, stopped", file=sys.stderr)
    model.load_state_dict(best_state)
    for network in (model, *teachers):
        network.cpu()
    model.eval()
    return history


def _mine(batches: Iterable[Any], ranks: Ranks, device: torch.device) -> Iterator[Any]:
    """This process's part of each batch, on the device."""
    return (moved(ranks.part(batch), device) for batch in batches)


class Descent:
    """The steps of a training: an optimiser and a schedule for each loss.

    Args:
        model, loss, settings, after_step: see `fit`; batches are the process's parts.
        steps: in an epoch.
        device: where the model is.
        ranks: the processes that train it.

    Attributes:
        step: number of steps taken.
        columns: names of the losses in the history.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss | Mapping[str, Loss],
        settings: TrainingSettings,
        steps: int,
        device: torch.device,
        after_step: Callable[[int, nn.Module], None] | None,
        ranks: Ranks,
    ) -> None:
        self._ranks = ranks
        self._model, self._settings, self._after_step = model, settings, after_step
        self._last, self.step = steps * settings.epochs, 0
        self._cast = torch.autocast(
            device.type, getattr(torch, settings.precision), enabled=settings.precision != "float32"
        )
        self._scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "float16")
        losses = dict(loss) if isinstance(loss, Mapping) else {"": loss}
        self._losses: dict[str, Loss] = {part: self._cast(each) for part, each in losses.items()}
        self._optimisers = {
            part: optimiser(model.get_submodule(part).parameters(), settings) for part in losses
        }
        self._schedules = {
            part: learning_rates(each, settings, self._last)
            for part, each in self._optimisers.items()
        }
        self.columns = [f"{part or 'train'}_loss" for part in losses]
        stateful: dict[str, Any] = {
            "model": model, "scaler": self._scaler, "after_step": after_step
        }  # fmt: skip
        stateful |= {f"optimiser {part}": each for part, each in self._optimisers.items()}
        stateful |= {f"schedule {part}": each for part, each in self._schedules.items()}
        self._stateful = {
            key: each for key, each in stateful.items() if hasattr(each, "state_dict")
        }

    def criterion(self, given: Loss | None) -> Loss:
        """The loss of the validation, in the precision of the others: the only one by default."""
        if given is not None:
            found: Loss = self._cast(given)
        elif len(self._losses) > 1:
            raise TypeError("several losses need a criterion of the validation")
        else:
            (found,) = self._losses.values()
        return found

    def state(self) -> dict[str, Any]:
        """What the next step hangs on."""
        return {key: each.state_dict() for key, each in self._stateful.items()} | {
            "step": self.step
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        for key, each in self._stateful.items():
            each.load_state_dict(state[key])
        self.step = state["step"]

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(next(iter(self._schedules.values())).get_last_lr()[0])

    def epoch(self, batches: Iterable[Any]) -> dict[str, float]:
        """A step for each batch; the mean of each loss over their items."""
        total, items = dict.fromkeys(self._losses, 0.0), dict.fromkeys(self._losses, 0)
        for batch in batches:
            for part, each in self._optimisers.items():
                each.zero_grad(set_to_none=True)
                value, mean, number = self._ranks.mean(self._losses[part], self._model, batch)
                if value is not None:
                    self._scaler.scale(value).backward()
                parameters = [*self._model.get_submodule(part).parameters()]
                self._ranks.add_gradients(parameters)
                self._scaler.unscale_(each)
                nn.utils.clip_grad_norm_(parameters, self._settings.gradient_clip)
                self._scaler.step(each)
                if self.step < self._last:
                    self._schedules[part].step()
                total[part] += mean * number
                items[part] += number
            self._scaler.update()
            self.step += 1
            if self._after_step is not None:
                self._after_step(self.step, self._model)
        return {part: total[part] / items[part] for part in self._losses}


def number_of(batches: Iterable[Any], name: str) -> int:
    """The number of batches in an epoch, which are run through if they have no length.

    Raises:
        TrainingError: there is none.
    """
    number = len(batches) if isinstance(batches, Sized) else sum(1 for _ in batches)
    if number == 0:
        raise TrainingError(
            f"{name}: there is no training batch.",
            "Generate more events for its samples, or reduce the batch size.",
        )
    return number


def refuse_unless_finite(
    name: str, epoch: int, train_losses: Mapping[str, float], validation_loss: float
) -> None:
    """Raises TrainingError if a loss of an epoch is no number."""
    if not all(map(math.isfinite, (*train_losses.values(), validation_loss))):
        raise TrainingError(
            f"{name}: the loss is not finite in epoch {epoch} "
            f"(training {', '.join(map(str, train_losses.values()))}, "
            f"validation {validation_loss}).",
            "Reduce learning_rate, or look for non-finite inputs in its dataset.",
        )


def since_best(losses: Sequence[float]) -> int:
    """The number of epochs since the lowest loss; 0 before the first epoch."""
    return len(losses) - 1 - losses.index(min(losses)) if losses else 0


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
def evaluate(
    model: nn.Module,
    batches: Callable[[], Iterable[Any]],
    loss: Loss,
    ranks: Ranks | None = None,
) -> float:
    """The mean loss over batches, of which each process has its part; in evaluation mode."""
    model.eval()
    ranks = ranks or Ranks(model)
    total, items = 0.0, 0
    for batch in batches():
        _, mean, number = ranks.mean(loss, model, batch)
        total += mean * number
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
