"""Training of a tagger on the tagging data set."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.io.tables import write_csv
from jetchain.core.io.tensors import write_weights
from jetchain.core.seeds import make_deterministic
from jetchain.core.training import fit
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader, Jets
from jetchain.tagging.networks import build
from jetchain.tagging.settings import TrainSettings


def train(
    *,
    dataset: Input,
    jets: Inputs,
    weights: Output,
    history: Output,
    settings: TrainSettings,
    seed: int,
    model: str,
) -> None:
    """Train one tagger and keep the weights of its best epoch.

    Args:
        dataset: of `tagging.dataset`.
        jets: TAGGING_JETS of its shards.
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
    data = JetReader(dataset, jets)
    training, validation = data.split("train"), data.split("validation")
    size = settings.training.batch_size
    losses = fit(
        network,
        batches=lambda shuffle: training.batches(size, shuffle),
        validation=lambda: validation.batches(size),
        loss=cross_entropy,
        settings=settings.training,
        seed=seed,
        name=model,
    )
    write_weights(weights, network)
    write_csv(history, losses)


def cross_entropy(network: nn.Module, jets: Jets) -> tuple[Tensor, int]:
    """Weighted cross-entropy of a batch, and the number of its jets."""
    losses = F.cross_entropy(network(jets), jets.label, reduction="none")
    return (jets.weight * losses).mean(), len(jets.label)
