"""Outputs of a network on the test jets, and how good they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError
from jetchain.core.schema.base import Tensor, TensorTable

FIRMWARE_SCORES = TensorTable(
    name="scores of the trigger tagger",
    tensors={
        "logits": Tensor("float64", ("jets", "classes"), "", "outputs of the network"),
        "label": Tensor("int64", ("jets",), "", "index into the classes"),
        "weight": Tensor("float64", ("jets",), "", "as in the inputs"),
    },
)


def balanced_accuracy(
    label: NDArray[np.int64], logits: NDArray[np.float64], weight: NDArray[np.float64]
) -> float:
    """Mean over the classes of the part of their jets, by weight, that are recognised.

    Equal to the accuracy on a sample with as many jets of each class, which is what publications
    quote. The first of equal logits counts as chosen, as in firmware.

    Args:
        label: (jets,) index of the true class.
        logits: (jets, classes)
        weight: (jets,)

    Raises:
        EmptySampleError: a class has no jet.
    """
    classes = logits.shape[1]
    total = np.bincount(label, weight, minlength=classes)
    if np.any(total == 0):
        raise EmptySampleError("A class has no test jet.", "Generate more events for its sample.")
    hit = np.argmax(logits, axis=1) == label
    right = np.bincount(label[hit], weight[hit], minlength=classes)
    return float(np.mean(right / total))


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax of (jets, classes) logits; monotone in each logit, so it stays off the chip."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)
