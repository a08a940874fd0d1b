"""Training of a tagger on the tagging data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from jetchain.core.io.tables import read_result, write_csv
from jetchain.core.io.tensors import write_weights
from jetchain.core.schema.tagging import TaggingDataset, TrainedTagger
from jetchain.core.seeds import make_deterministic
from jetchain.core.training import fit
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader
from jetchain.tagging.decorrelation import batches_of, loss_of
from jetchain.tagging.models import MODELS
from jetchain.tagging.networks import build
from jetchain.tagging.preprocessing import preprocessing
from jetchain.tagging.settings import TrainSettings, own_training


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
        weights: where to write the parameters and buffers, and what else scoring needs
            (`TrainedTagger`).
        history: where to write the losses of each epoch.
        settings: of the training, the inputs and the network.
        seed: of the initial weights, the shuffling and dropout.
        model: name of the tagger.

    Raises:
        ConfigurationError: there is no such tagger.
        TrainingError: the training diverged.
    """
    network, losses, about = trained(dataset, jets, settings, seed, model)
    write_weights(weights, network, about)
    write_csv(history, losses)


def trained(
    dataset: Path,
    jets: Sequence[Path],
    settings: TrainSettings,
    seed: int,
    model: str,
    part: int = 1,
) -> tuple[nn.Module, dict[str, list[float]], TrainedTagger]:
    """A tagger with the weights of its best epoch, its losses by epoch, and what scoring needs.

    Of a part of the training jets it sees each as many times more, so that it takes as many steps.

    Args:
        dataset, jets, settings, seed, model: as in `train`.
        part: one of so many training jets is seen.
    """
    own = MODELS.decode(model, settings.model)
    options = own_training(settings.training, own.training, model)
    options = options.model_copy(
        update={"epochs": part * options.epochs, "patience": part * options.patience}
    )
    feature_set = own.feature_set or settings.feature_set
    own = own.without_what_lacks(feature_set)
    index = read_result(dataset, TaggingDataset)
    how = preprocessing(index, feature_set, settings.standardisation)
    make_deterministic(seed, options.threads)
    network = build(model, own, inputs=len(how.features), classes=len(index.classes))
    data = JetReader(dataset, jets, how, part)
    training, validation = data.split("train"), data.split("validation")
    size, apart = options.batch_size, options.decorrelation
    if hasattr(network, "fit"):  # trees, closed formulas: not by steps along a gradient
        losses = network.fit(training, validation, seed)
    else:
        losses = fit(
            network,
            batches=lambda shuffle: batches_of(apart, training.batches(size, shuffle)),
            validation=lambda: batches_of(apart, validation.batches(size)),
            loss=loss_of(apart, index.classes),
            settings=options,
            seed=seed,
            name=model,
        )
    about = TrainedTagger(
        tagger=model,
        settings=own.model_dump(),
        feature_set=feature_set,
        preprocessing=how,
        classes=index.classes,
        particles=training[np.arange(1)].mask.shape[1],
        training_jets=len(training),
    )
    return network, losses, about
