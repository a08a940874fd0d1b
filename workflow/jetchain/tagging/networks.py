"""Building a tagger by its name, and batches of jets for it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from jetchain.core.errors import ConfigurationError
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_FEATURES
from jetchain.core.settings import did_you_mean
from jetchain.tagging.settings import MODELS, ModelSettings


@dataclass(frozen=True)
class Jets:
    """Some jets as tensors."""

    points: Tensor  # (jets, particles, 2)
    features: Tensor  # (jets, particles, features)
    mask: Tensor  # (jets, particles), bool
    label: Tensor  # (jets,)
    weight: Tensor  # (jets,)

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: np.ndarray) -> Jets:
        """The chosen jets."""
        chosen = torch.from_numpy(rows)
        mask = self.mask[chosen]
        return Jets(
            self.points[chosen], self.features[chosen], mask, self.label[chosen],
            self.weight[chosen],
        )  # fmt: skip


def jets_of(data: Mapping[str, np.ndarray], split: int) -> Jets:
    """One split of the tagging data set as tensors.

    Args:
        data: TAGGING_DATASET.
        split: index into TAGGING_SPLITS.
    """
    rows = data["split"] == split
    return Jets(
        torch.from_numpy(data["points"][rows]),
        torch.from_numpy(data["features"][rows]),
        torch.from_numpy(data["mask"][rows]).bool(),
        torch.from_numpy(data["label"][rows]),
        torch.from_numpy(data["weight"][rows]),
    )


def build(name: str, settings: ModelSettings) -> nn.Module:
    """The tagger of this name, with fresh weights.

    Raises:
        ConfigurationError: no tagger has this name, or the settings are another tagger's.
    """
    if name not in MODELS:
        raise ConfigurationError(
            f"There is no tagger '{name}'. {did_you_mean(name, MODELS)}",
            "Correct tagging.taggers; a new tagger is one file in tagging/models and one entry in "
            "tagging.settings.MODELS.",
        )
    module, _, cls = MODELS[name].rpartition(".")
    network = getattr(importlib.import_module(module), cls)
    return network(len(TAGGING_FEATURES), len(JET_CLASSES), settings)
