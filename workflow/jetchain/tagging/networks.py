"""Building a tagger by its name, and reading a trained one from its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from jetchain.core.io.tensors import read_about, read_weights
from jetchain.core.schema.tagging import TrainedTagger
from jetchain.core.settings import Settings
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import MODELS


def build(
    name: str, settings: Mapping[str, Any] | Settings, *, inputs: int, classes: int
) -> nn.Module:
    """The tagger of this name, with fresh weights; it takes `batches.Jets`.

    Args:
        name: its key in `MODELS`.
        settings: its section of the configuration.
        inputs: features per particle.
        classes: number of classes.

    Raises:
        ConfigurationError: no tagger has this name, or the settings are not its own.
    """
    network = MODELS.load(name)  # first: its settings are then of the class that its file knows
    return network(inputs, classes, MODELS.decode(name, settings))


def load(weights: Path) -> tuple[nn.Module, TrainedTagger]:
    """A trained tagger, for evaluation, and what its file says of it.

    Args:
        weights: of `tagging.train`.

    Raises:
        DataError: the file is missing or damaged, or is of another network.
    """
    about = read_about(weights, TrainedTagger)
    inputs, classes = len(about.preprocessing.features), len(about.classes)
    network = build(about.tagger, about.settings, inputs=inputs, classes=classes)
    read_weights(weights, network)
    return network.eval(), about


def forward_flops(network: nn.Module, jets: Jets) -> float:
    """Floating-point operations of a forward pass, a jet in the mean.

    Those of products of matrices, a multiplication and an addition being two; what else a network
    does, such as activations and searches for neighbours, torch does not count.
    """
    network.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(jets)
    return counter.get_total_flops() / len(jets)
