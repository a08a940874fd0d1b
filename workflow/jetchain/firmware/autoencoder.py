"""Train an autoencoder as a trigger, on the data of the search and without any label."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from jetchain.core.io.tables import write_csv
from jetchain.core.io.tensors import read_tensors, write_tensors, write_weights
from jetchain.core.schema.graphs import JET_GRAPHS
from jetchain.core.schema.trigger import TRIGGER_EVENTS
from jetchain.core.seeds import make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.training_settings import TrainingSettings
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.firmware.dataset import FIRMWARE_JETS, TRAIN, VALIDATION, leading_constituents
from jetchain.firmware.design import build, read_jets
from jetchain.firmware.layers import Network
from jetchain.firmware.prune import Pruner
from jetchain.firmware.settings import FirmwareDatasetSettings, TrainAutoencoderSettings
from jetchain.firmware.train import Price, prune_and_tune, require_exact, score, turn


def prepare(
    *, graphs: Inputs, events: Input, dataset: Output, settings: FirmwareDatasetSettings
) -> None:
    """Gather the jets of the search's data, in its order, which tells no signal from background.

    Args:
        graphs: JET_GRAPHS of all files of the search; their labels are not read.
        events: TRIGGER_EVENTS, which of their events are the data.
        dataset: written, FIRMWARE_JETS with label 0 and weight 1 for all jets.
        settings: constituents and scales.
    """
    wanted = read_tensors(events, TRIGGER_EVENTS)
    features, rows = [], []
    for index, path in enumerate(graphs):
        table = read_tensors(path, JET_GRAPHS)
        row = _rows(table["event_number"], wanted, index)
        found = leading_constituents(
            table, settings.constituents, settings.pt_scale, settings.angle_scale,
            settings.mass_scale,
        )  # fmt: skip
        features.append(found[row >= 0])
        rows.append(row[row >= 0])
    row = np.concatenate(rows)
    order = np.argsort(row, kind="stable")  # jets of an event stay in their order
    row = row[order]
    write_tensors(
        dataset, FIRMWARE_JETS,
        {
            "features": np.concatenate(features)[order],
            "label": np.zeros(len(row), np.int64),
            "split": wanted["split"][row],
            "event_number": row,
            "weight": np.ones(len(row)),
        },
    )  # fmt: skip


def _rows(
    number: NDArray[np.int64], wanted: dict[str, NDArray[np.int64]], file: int
) -> NDArray[np.int64]:
    """The row of `wanted` in which each jet's event of a file stands, -1 for none: (jets,)."""
    of_file = np.flatnonzero(wanted["file"] == file)
    order = of_file[np.argsort(wanted["event_number"][of_file], kind="stable")]
    if not len(order):
        return np.full(len(number), -1)
    sought = wanted["event_number"][order]
    place = np.minimum(np.searchsorted(sought, number), len(order) - 1)
    return np.where(sought[place] == number, order[place], -1)


class Variational(nn.Module):
    """A variational autoencoder whose mean is a design in fixed point; all else is in float.

    Args:
        design: with `encode`, and the settings hidden and latent.
        encoder: its network.
        inputs: numbers a jet.

    Reference: Kingma and Welling, arXiv 1312.6114, section 3.
    """

    def __init__(self, design: Any, encoder: Network, inputs: int) -> None:
        super().__init__()
        settings = design.settings
        self.design, self.encoder = design, encoder
        self.log_variance = _perceptron([inputs, *settings.hidden, settings.latent])
        self.decoder = _perceptron([settings.latent, *settings.hidden[::-1], inputs])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Squared differences and KL divergence of each jet: (batch, inputs) to (batch,) twice.

        The code is drawn in the training, and is its mean in the validation.
        """
        seen = self.encoder.seen(x)
        mean = self.encoder.carried(x, self.design.encode)
        logs = self.log_variance(seen)
        code = mean
        if self.training:
            code = mean + torch.exp(0.5 * logs) * torch.randn_like(mean)
        difference = torch.sum((self.decoder(code) - seen) ** 2, dim=1)
        return difference, 0.5 * torch.sum(mean**2 + logs.exp() - 1.0 - logs, dim=1)


def _perceptron(widths: list[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train(
    *,
    dataset: Input,
    weights: Output,
    history: Output,
    scores: Output,
    design: str,
    settings: TrainAutoencoderSettings,
    seed: int,
) -> None:
    """Train with quantisation and pruning in the loop, fine-tune, and score the test jets.

    Args:
        dataset: FIRMWARE_JETS; its labels and weights are not used.
        weights: written, of the encoder: all that the chip has.
        history: written, of both trainings.
        scores: written, FIRMWARE_SCORES of the test jets; their one logit is the anomaly score.
        design: of the encoder.
        settings: its numbers, and the trainings.
        seed: of all that is random.
    """
    built = build(design, settings.model)
    data = read_jets(dataset, built)
    make_deterministic(seed, settings.training.threads)
    inputs = data["features"].shape[1]
    model = Variational(built, built.quantised(inputs, 1, settings.formats), inputs)
    require_exact(model.encoder, settings.formats)
    training, held_out = (np.flatnonzero(data["split"] == part) for part in (TRAIN, VALIDATION))

    def run(
        part: TrainingSettings, seed: int, name: str, hook: Pruner | None, price: Price
    ) -> dict[str, list[float]]:
        def loss(network: nn.Module, x: Tensor) -> tuple[Tensor, int]:
            difference, divergence = network(x)
            return torch.mean(difference + settings.kl_weight * divergence) + price(), len(x)

        def batches(random: np.random.Generator) -> Iterable[Tensor]:
            for index in minibatches(len(training), part.batch_size, random):
                jets = data["features"][training[index]]
                yield torch.from_numpy(turn(jets, random, built.columns))

        def validation() -> Iterable[Tensor]:
            for index in minibatches(len(held_out), 4096):
                yield torch.from_numpy(data["features"][held_out[index]])

        return fit(
            model,
            batches=batches,
            validation=validation,
            loss=loss,
            settings=part,
            seed=seed,
            name=f"autoencoder, {name}",
            after_step=hook,
        )

    columns = prune_and_tune(model, len(training), run, settings, seed)
    model.encoder.freeze()
    write_weights(weights, model.encoder)
    write_csv(history, columns)
    score(model.encoder, data, scores)
