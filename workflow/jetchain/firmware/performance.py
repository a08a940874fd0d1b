"""Outputs of a network on the test jets, and how good they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.core.schema.base import Tensor, TensorTable

FIRMWARE_SCORES = TensorTable(
    name="scores of the trigger tagger",
    tensors={
        "logits": Tensor("float64", ("jets", "classes"), "", "outputs of the network"),
        "label": Tensor("int64", ("jets",), "", "index into the classes"),
        "weight": Tensor("float64", ("jets",), "", "as in the inputs"),
    },
)


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax of (jets, classes) logits; monotone in each logit, so it stays off the chip."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
