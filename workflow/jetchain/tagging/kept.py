"""Which rows of a shard belong to the tagging data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Integer = NDArray[np.int64]


def kept_rows(label: Integer, kept: Mapping[str, int], classes: Sequence[str]) -> Integer:
    """The rows of a shard that belong to the data set: the first ones of each class.

    Args:
        label: (rows,) of the shard.
        kept: how many, by class.
        classes: their names in the order of the labels.
    """
    chosen = np.zeros(len(label), bool)
    for name, number in kept.items():
        chosen[np.flatnonzero(label == classes.index(name))[:number]] = True
    return np.flatnonzero(chosen)
