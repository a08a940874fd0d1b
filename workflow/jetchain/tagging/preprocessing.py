"""What is done to the features of particles before a network sees them, as in weaver-core.

Standardised values are clipped to [-5, 5], and the errors of tracks' distances to [0, 1] before:
data/JetClass/JetClass_full.yaml of jet-universe/particle_transformer.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from jetchain.core.schema.tagging import (
    FEATURE_SETS,
    TAGGING_FEATURES,
    Preprocessing,
    TaggingDataset,
)
from jetchain.tagging.settings import Standardisation

LIMIT = 5.0
ERRORS = ("d0_err", "z0_err")
JETCLASS = {
    "log_pt": (1.7, 0.7), "log_e": (2.0, 0.7), "log_pt_relative": (-4.7, 0.7),
    "log_e_relative": (-4.7, 0.7), "delta_r": (0.2, 4.0),
}  # fmt: skip
"""What weaver-core subtracts, and what it multiplies by; 0 and 1 for the others (ibid.)."""


def preprocessing(
    index: TaggingDataset, feature_set: str, standardisation: Standardisation
) -> Preprocessing:
    """That of a data set for a set of features.

    Args:
        index: for the means and scales of its training split.
        feature_set: key of FEATURE_SETS.
        standardisation: "measured", by these, or "jetclass", by the numbers of JETCLASS.
    """
    names = FEATURE_SETS[feature_set]
    if standardisation == "jetclass":
        moments = {name: JETCLASS.get(name, (0.0, 1.0)) for name in names}
        mean, scale = (np.array(x) for x in zip(*moments.values(), strict=True))
        scale = 1 / scale
    else:
        columns = [TAGGING_FEATURES.index(name) for name in names]
        mean, scale = np.array(index.mean)[columns], np.array(index.scale)[columns]
    low, high = np.full(len(names), -LIMIT), np.full(len(names), LIMIT)
    errors = np.isin(names, ERRORS)
    low[errors] = np.maximum(low, (0 - mean) / scale)[errors]
    high[errors] = np.minimum(high, (1 - mean) / scale)[errors]
    return Preprocessing(features=list(names), mean=mean, scale=scale, low=low, high=high)


class Preprocess:
    """Applies a `Preprocessing` to tensors.

    Args:
        how: what is done.
    """

    def __init__(self, how: Preprocessing) -> None:
        self._columns = [TAGGING_FEATURES.index(name) for name in how.features]
        self._all = self._columns == list(range(len(TAGGING_FEATURES)))
        self._values = [
            torch.tensor(x, dtype=torch.float32) for x in (how.mean, how.scale, how.low, how.high)
        ]

    def __call__(self, features: Tensor, mask: Tensor) -> Tensor:
        """The inputs of a network.

        Args:
            features: TAGGING_FEATURES as they are; (jets, particles, 17).
            mask: False where padded; (jets, particles).

        Returns:
            (jets, particles, features of the set), 0 where padded.
        """
        chosen = features if self._all else features[..., self._columns]
        mean, scale, low, high = self._values
        result = (chosen - mean).div_(scale).clamp_(low, high)
        return result.masked_fill_(~mask[..., None], 0)
