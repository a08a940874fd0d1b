"""Train a design in float and in fixed point, and score the test jets with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tables import write_csv
from jetchain.core.io.tensors import read_arrays, write_tensors, write_weights
from jetchain.core.seeds import derive_seed, make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.training_settings import TrainingSettings
from jetchain.core.verbs import Input, Output
from jetchain.firmware.dataset import TEST, TRAIN, VALIDATION
from jetchain.firmware.design import Design, build, read_jets
from jetchain.firmware.design_settings import FormatSettings
from jetchain.firmware.layers import Network
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.prune import Pruner
from jetchain.firmware.settings import (
    PrunedTrainingSettings,
    TrainFloatingSettings,
    TrainQuantisedSettings,
)
from jetchain.firmware.widths import Resources

Price = Callable[[], Tensor | float]
"""A term of the loss that hangs on the network alone."""
Training = Callable[[TrainingSettings, int, str, Pruner | None, Price], dict[str, list[float]]]
"""A training with settings, a seed, a name, a hook, and a term more in its loss."""


def floating(
    *,
    dataset: Input,
    weights: Output,
    history: Output,
    scores: Output,
    design: str,
    settings: TrainFloatingSettings,
    seed: int,
) -> None:
    """Train the float baseline, and score the test jets."""
    built = build(design, settings.model)
    data = read_jets(dataset, built)
    make_deterministic(seed, settings.training.threads)
    inputs, outputs = data["features"].shape[1], len(settings.classes)
    model = built.floating(inputs, outputs)
    columns = train_floating(model, data, settings.training, seed)
    write_weights(weights, model)
    write_csv(history, columns)
    score(model, data, scores)


def quantised(
    *,
    dataset: Input,
    start: Input,
    weights: Output,
    history: Output,
    scores: Output,
    design: str,
    settings: TrainQuantisedSettings,
    seed: int,
) -> None:
    """Train with quantisation and pruning in the loop, fine-tune, and score the test jets.

    It starts from the weights that `floating` wrote.
    """
    built = build(design, settings.model)
    data = read_jets(dataset, built)
    make_deterministic(seed, settings.training.threads)
    model = started(built, data, settings, start)
    columns = train_quantised(model, data, settings, seed)
    write_weights(weights, model)
    write_csv(history, columns)
    score(model, data, scores)


def started(
    built: Design, data: dict[str, np.ndarray], settings: TrainQuantisedSettings, start: Path
) -> Network:
    """A design in fixed point with the weights of its float network.

    Args:
        built: the design.
        data: FIRMWARE_JETS with the features that it sees.
        settings: its formats and classes.
        start: weights file of `floating`.

    Raises:
        DataError: the file is damaged, or not of this design.
    """
    model = built.quantised(data["features"].shape[1], len(settings.classes), settings.formats)
    try:
        model.start_from(read_arrays(start))
    except KeyError as error:
        raise DataError(f"{start}: parameter {error} is missing.", REMAKE) from None
    except ValueError as error:
        raise DataError(f"{start}: {error}.", REMAKE) from None
    require_exact(model, settings.formats)
    return model


def require_exact(model: Network, formats: FormatSettings) -> None:
    """Refuse formats that give too wide numbers before the training; see `Design.fixed`."""
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    model.design.fixed(state, formats)


@dataclass(frozen=True)
class Soft:
    """What a teacher says of each jet, and how much it counts.

    Args:
        log_probability: (jets, classes) of the teacher.
        temperature: by which the logits of teacher and student are divided.
        share: of the loss; the rest is the cross-entropy with the labels.

    Reference: Hinton, Vinyals, Dean, arXiv 1503.02531, section 2.
    """

    log_probability: NDArray[np.float32]
    temperature: float
    share: float

    @property
    def targets(self) -> Tensor:
        """(jets, classes) probabilities of the teacher at the temperature."""
        return torch.softmax(torch.from_numpy(self.log_probability) / self.temperature, dim=1)

    def loss(self, logits: Tensor, targets: Tensor, hard: Tensor) -> Tensor:
        """Of each jet (batch,): both cross-entropies, that with the teacher times T^2.

        T^2 keeps the size of its gradient when the temperature changes.
        """
        logs = torch.log_softmax(logits / self.temperature, dim=1)
        soft = -torch.sum(targets * logs, dim=1) * self.temperature**2
        return self.share * soft + (1.0 - self.share) * hard


def train_floating(
    model: Network, data: dict[str, np.ndarray], settings: TrainingSettings, seed: int
) -> dict[str, list[float]]:
    """Train a float network with labels; the history."""
    return _fit(model, data, settings, seed, "float network")


def train_quantised(
    model: Network,
    data: dict[str, np.ndarray],
    settings: TrainQuantisedSettings,
    seed: int,
    soft: Soft | None = None,
) -> dict[str, list[float]]:
    """Train with labels, pruned and then tuned (`prune_and_tune`), and freeze the parameters.

    Args:
        model: in fixed point.
        data: FIRMWARE_JETS with the features that it sees.
        settings: of both trainings.
        seed: of the shuffling.
        soft: labels of a teacher beside the true ones.

    Returns:
        The history of both trainings with the sparsity after each epoch.
    """

    def training(
        settings: TrainingSettings, seed: int, name: str, hook: Pruner | None, price: Price
    ) -> dict[str, list[float]]:
        return _fit(model, data, settings, seed, f"quantised network, {name}", hook, soft, price)

    columns = prune_and_tune(model, int(np.sum(data["split"] == TRAIN)), training, settings, seed)
    model.freeze()
    return columns


def prune_and_tune(
    model: nn.Module,
    jets: int,
    training: Training,
    settings: PrunedTrainingSettings,
    seed: int,
) -> dict[str, list[float]]:
    """Prune over a first training, and fine-tune in a second one.

    With a price of bit operations (beta) the weights learn their widths in both.

    Args:
        model: that is trained.
        jets: of the training.
        training: trains it.
        settings: of both trainings.
        seed: of the shuffling.

    Returns:
        The history of both trainings with the sparsity after each epoch.
    """
    first = settings.training.model_copy(
        # No early stop: the ramp of the sparsity has to come to its end.
        update={"epochs": settings.pruning.epochs, "patience": settings.pruning.epochs}
    )
    steps_per_epoch = -(-jets // first.batch_size)
    pruner = Pruner(steps_per_epoch * first.epochs, settings.pruning)
    beta = settings.pruning.beta
    resources = Resources(model, beta) if beta > 0.0 else None

    def price(share: float) -> Tensor | float:
        return 0.0 if resources is None else resources.loss(share)

    ramp = training(first, seed, "pruning", pruner, lambda: price(pruner.share))
    pruner.restore(model)
    tuned = training(
        settings.training, derive_seed(seed, "tune"), "tuning", None, lambda: price(1.0)
    )
    columns = {name: ramp[name] + tuned[name] for name in ramp}
    columns["epoch"] = [float(n + 1) for n in range(len(columns["epoch"]))]
    columns["sparsity"] = [
        *pruner.sparsity[steps_per_epoch - 1 :: steps_per_epoch],
        *[settings.pruning.sparsity] * len(tuned["epoch"]),
    ]
    return columns


def _fit(
    model: Network,
    data: dict[str, np.ndarray],
    settings: TrainingSettings,
    seed: int,
    name: str,
    hook: Pruner | None = None,
    soft: Soft | None = None,
    price: Price = lambda: 0.0,
) -> dict[str, list[float]]:
    """Train on the training jets with weighted cross-entropy, that with a teacher, and a price."""
    features = torch.from_numpy(data["features"])
    label = torch.from_numpy(data["label"])
    training = np.flatnonzero(data["split"] == TRAIN)
    held_out = np.flatnonzero(data["split"] == VALIDATION)
    weight = torch.from_numpy(data["weight"].astype(np.float32))
    targets = None if soft is None else soft.targets

    def jets(x: Tensor, chosen: NDArray[np.int64]) -> tuple[Tensor, ...]:
        more = () if targets is None else (targets[chosen],)
        return x, label[chosen], weight[chosen], *more

    def batches(random: np.random.Generator) -> Iterable[Any]:
        for index in minibatches(len(training), settings.batch_size, random):
            chosen = training[index]
            turned = turn(data["features"][chosen], random, model.design.columns)
            yield jets(torch.from_numpy(turned), chosen)

    def validation() -> Iterable[Any]:
        for index in minibatches(len(held_out), 4096):
            chosen = held_out[index]
            yield jets(features[chosen], chosen)

    def loss(network: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, int]:
        x, y, w, *more = batch
        logits = network(x)
        entropy = nn.functional.cross_entropy(logits, y, reduction="none")
        if soft is not None:
            entropy = soft.loss(logits, more[0], entropy)
        return torch.mean(entropy * w) + price(), len(y)

    return fit(
        model,
        batches=batches,
        validation=validation,
        loss=loss,
        settings=settings,
        seed=seed,
        name=name,
        after_step=hook,
    )


def turn(
    features: NDArray[np.float32], random: np.random.Generator, columns: int
) -> NDArray[np.float32]:
    """Turn each jet about its axis by a random angle, and mirror half of them.

    What made a jet knows no direction about its axis, nor left from right (in eta and phi this
    holds for jets that are narrow), so a turned jet is as good a training jet.

    Args:
        features: (jets, columns * constituents), of each first pT, delta eta and delta phi.
        random: where the angles come from.
        columns: numbers of a constituent.
    """
    jets = len(features)
    angle = random.uniform(0.0, 2.0 * np.pi, (jets, 1)).astype(np.float32)
    mirror = random.choice(np.array([-1.0, 1.0], np.float32), (jets, 1))
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = features.reshape(jets, -1, columns).copy()
    eta, phi = turned[..., 1].copy(), turned[..., 2] * mirror
    turned[..., 1] = eta * cosine - phi * sine
    turned[..., 2] = eta * sine + phi * cosine
    return turned.reshape(features.shape)


def score(model: nn.Module, data: dict[str, np.ndarray], scores: Output) -> None:
    """Write the logits of the test jets."""
    test = np.flatnonzero(data["split"] == TEST)
    with torch.no_grad():
        # Double precision: sums of fixed-point numbers are exact whatever their width.
        outputs = model.double().eval()(torch.from_numpy(data["features"][test]).double())
    of_jets = {name: data[name][test] for name in ("label", "weight")}
    write_tensors(scores, FIRMWARE_SCORES, {"logits": outputs.numpy(), **of_jets})
