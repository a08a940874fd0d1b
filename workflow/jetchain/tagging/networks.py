"""Building a tagger by its name, and batches of jets for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_FEATURES
from jetchain.core.settings import Settings
from jetchain.tagging.models import MODELS


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


def build(name: str, settings: Mapping[str, Any] | Settings) -> nn.Module:
    """The tagger of this name, with fresh weights.

    Args:
        name: its key in `MODELS`.
        settings: its section of the configuration.

    Raises:
        ConfigurationError: no tagger has this name, or the settings are not its own.
    """
    own = MODELS.decode(name, settings)
    return MODELS.load(name)(len(TAGGING_FEATURES), len(JET_CLASSES), own)
