"""Building a tagger by its name, and reading a trained one from its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from jetchain.core.io.tensors import read_about, read_weights
from jetchain.core.schema.tagging import TrainedTagger
from jetchain.core.settings import Settings
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
    own = MODELS.decode(name, settings)
    return MODELS.load(name)(inputs, classes, own)


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
