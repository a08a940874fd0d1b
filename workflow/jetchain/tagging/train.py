"""Training of a tagger on the tagging data set."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.io.tables import write_csv
from jetchain.core.io.tensors import read_tensors, write_weights
from jetchain.core.schema.tagging import TAGGING_DATASET, TAGGING_SPLITS
from jetchain.core.seeds import make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.verbs import Input, Output
from jetchain.tagging.networks import Jets, build, jets_of
from jetchain.tagging.settings import TrainSettings


def train(
    *,
    dataset: Input,
    weights: Output,
    history: Output,
    settings: TrainSettings,
    seed: int,
    model: str,
) -> None:
    """Train one tagger and keep the weights of its best epoch.

    Args:
        dataset: TAGGING_DATASET.
        weights: where to write the parameters and buffers.
        history: where to write the losses of each epoch.
        settings: of the training and of the network.
        seed: of the initial weights, the shuffling and dropout.
        model: name of the tagger.

    Raises:
        ConfigurationError: there is no such tagger.
        TrainingError: the training diverged.
    """
    make_deterministic(seed, settings.training.threads)
    network = build(model, settings.model)
    data = read_tensors(dataset, TAGGING_DATASET)
    training, validation = (
        jets_of(data, TAGGING_SPLITS.index(split)) for split in ("train", "validation")
    )
    del data
    size = settings.training.batch_size

    def batches(shuffle: np.random.Generator) -> Iterable[Jets]:
        return (training[rows] for rows in minibatches(len(training), size, shuffle))

    def validation_batches() -> Iterable[Jets]:
        return (validation[rows] for rows in minibatches(len(validation), size))

    losses = fit(
        network,
        batches=batches,
        validation=validation_batches,
        loss=cross_entropy,
        settings=settings.training,
        seed=seed,
        name=model,
    )
    write_weights(weights, network)
    write_csv(history, losses)


def cross_entropy(network: nn.Module, jets: Jets) -> tuple[Tensor, int]:
    """Class-balanced cross-entropy of a batch, and the number of its jets."""
    logits = network(jets.points, jets.features, jets.mask)
    losses = F.cross_entropy(logits, jets.label, reduction="none")
    return (jets.weight * losses).mean(), len(jets)
