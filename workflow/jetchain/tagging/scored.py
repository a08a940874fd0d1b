"""Jets with the outputs of a tagger, and the discriminant of a pair of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.tagging import TAGGING_SCORES, TaggerMetrics
from jetchain.tagging.class_settings import PairSettings

Float = NDArray[np.float64]
Integer = NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """Jets with the outputs of a tagger.

    Attributes:
        label: index into the classes; (jets,).
        probability: softmax output; (jets, classes).
        weight: (jets,).
        classes: their names, in the order of the outputs.
    """

    label: Integer
    probability: np.ndarray
    weight: Float
    classes: Sequence[str]

    def of(self, name: str) -> NDArray[np.bool_]:
        """Which jets are of a class; (jets,)."""
        return self.label == self.classes.index(name)

    def of_pair(self, pair: PairSettings) -> NDArray[np.bool_]:
        """Which jets are of one of the classes of a pair; (jets,)."""
        classes = (pair.signal, *pair.background)
        return np.isin(self.label, [self.classes.index(name) for name in classes])


def discriminant(scored: Scored, pair: PairSettings) -> tuple[Integer, Float, Float]:
    """p_s / (p_s + p_b) of the jets of the classes of a pair, p_b summed over the background.

    Classes of the background count by their shares, in the sum as in the weight of their jets:
    where all classes weigh the same, the background is then the mixture asked for. Shares are
    relative to their mean, so that equal ones leave the weights and the sum as they are.

    Args:
        scored: jets of all classes, with their outputs.
        pair: signal and background.

    Returns:
        1 for signal and 0 for background, the discriminant, and the weight; (chosen jets,) each.

    Reference:
        arXiv:2202.03772, eq. 4.
    """
    mean = sum(pair.background.values()) / len(pair.background)
    share = {name: value / mean for name, value in pair.background.items()}
    chosen = scored.of_pair(pair)
    weight = scored.weight.astype(float)
    for name, value in share.items():
        weight[scored.of(name)] *= value
    column = {
        name: scored.probability[chosen, scored.classes.index(name)].astype(float)
        for name in (pair.signal, *share)
    }
    p_signal = column[pair.signal]
    p_background = sum((value * column[name] for name, value in share.items()), np.zeros(1))
    # Where both underflow the jet is as unlike the one as the other.
    tiny = 1e-40
    score = (p_signal + tiny) / (p_signal + p_background + 2 * tiny)
    return scored.of(pair.signal)[chosen].astype(np.int64), score, weight[chosen]


def read_scored(scores: Sequence[Path], metrics: Sequence[Path]) -> tuple[dict[str, Scored], Float]:
    """The test jets as some taggers have scored them.

    Args:
        scores, metrics: of `tagging.evaluate`, a file a tagger, in the same order.

    Returns:
        the jets by the key of the tagger, and their JET_COLUMNS; (jets, columns).

    Raises:
        DataError: they have scored other jets.
    """
    found: dict[str, Scored] = {}
    jet = np.zeros(0)
    for path, other in zip(scores, metrics, strict=True):
        about, table = read_result(other, TaggerMetrics), read_tensors(path, TAGGING_SCORES)
        if found and not np.array_equal(jet, table["jet"]):
            raise DataError(f"{path}: has other test jets than {scores[0]}.", REMAKE)
        jet = table["jet"]
        found[about.model] = Scored(
            table["label"], table["probability"], table["weight"], about.classes
        )
    return found, jet.astype(float)
