"""The training loop: every network of jetchain is trained here.

AdamW with a one-cycle learning rate and gradient clipping; the weights of the epoch with the
lowest validation loss are restored at the end; a loss that is no number stops the job.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jetchain.core.errors import TrainingError
from jetchain.core.progress import Progress
from jetchain.core.seeds import generator, make_deterministic
from jetchain.core.training_settings import TrainingSettings

Loss = Callable[[nn.Module, Any], tuple[Tensor, int]]


def fit(
    model: nn.Module,
    *,
    batches: Callable[[np.random.Generator], Iterable[Any]],
    validation: Callable[[], Iterable[Any]],
    loss: Loss,
    settings: TrainingSettings,
    seed: int,
    name: str,
    after_step: Callable[[int, nn.Module], None] | None = None,
) -> dict[str, list[float]]:
    """Train a network in place and restore the weights of its best epoch.

    Call `core.seeds.make_deterministic` before the network is built: its initial weights are
    drawn then.

    Args:
        model: the network.
        batches: gives one epoch of training batches, shuffled by the generator it is handed.
        validation: gives the validation batches, always the same.
        loss: gives the mean loss of a batch and the number of items in it.
        settings: epochs, learning rate and so on; the batch size is the caller's to use.
        seed: of the shuffling and of dropout.
        name: what is trained, for the progress lines.
        after_step: called with the step's number and the model after each step (pruning masks).

    Returns:
        The history, one entry an epoch: epoch, train_loss, validation_loss, learning_rate.

    Raises:
        TrainingError: a loss is not finite, or there is no batch.
    """
    make_deterministic(seed, settings.threads)
    steps = sum(1 for _ in batches(generator(seed, name, 0)))
    if steps == 0:
        raise TrainingError(
            f"{name}: there is no training batch.",
            "Generate more events for its samples, or reduce the batch size.",
        )
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=settings.learning_rate,
        # One step more than there are: OneCycleLR cannot be built for a single step.
        total_steps=steps * settings.epochs + 1,
    )
    history: dict[str, list[float]] = {
        "epoch": [], "train_loss": [], "validation_loss": [], "learning_rate": []
    }  # fmt: skip
    best_loss, best_epoch = math.inf, 0
    best_state: dict[str, Tensor] = {}
    step = 0
    progress = Progress(settings.epochs, "epochs", name)
    for epoch in range(1, settings.epochs + 1):
        model.train()
        total, items = 0.0, 0
        for batch in batches(generator(seed, name, epoch)):
            optimiser.zero_grad(set_to_none=True)
            value, number = loss(model, batch)
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_clip)
            optimiser.step()
            if step < steps * settings.epochs:
                schedule.step()
            step += 1
            if after_step is not None:
                after_step(step, model)
            total += value.item() * number
            items += number
        train_loss = total / items
        validation_loss = evaluate(model, validation, loss)
        if not (math.isfinite(train_loss) and math.isfinite(validation_loss)):
            raise TrainingError(
                f"{name}: the loss is not finite in epoch {epoch} "
                f"(training {train_loss}, validation {validation_loss}).",
                "Reduce learning_rate, or look for non-finite inputs in its dataset.",
            )
        history["epoch"].append(epoch)
        history["train_loss"].append(train_loss)
        history["validation_loss"].append(validation_loss)
        history["learning_rate"].append(schedule.get_last_lr()[0])
        progress.report(epoch, loss=train_loss, validation=validation_loss)
        if validation_loss < best_loss:
            best_loss, best_epoch = validation_loss, epoch
            best_state = {key: value.clone() for key, value in model.state_dict().items()}
        elif epoch - best_epoch >= settings.patience:
            print(f"{name}: no better since epoch {best_epoch}, stopped", file=sys.stderr)
            break
    model.load_state_dict(best_state)
    model.eval()
    return history


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
