"""How well pT and |eta| alone tell the classes: they should not, once all have one spectrum."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from jetchain.core.io.tables import write_result
from jetchain.core.metrics import auc
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.tagging import Kinematics, KinematicsPair
from jetchain.core.schema.validation import ValidationNumber
from jetchain.core.spectrum import effective_number
from jetchain.core.validation import number
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader

Float = NDArray[np.float64]
Integer = NDArray[np.int64]

TOLERANCE = 0.02


def kinematics(*, dataset: Input, jets: Inputs, result: Output) -> None:
    """Train boosted trees on pT and |eta| of each pair of classes, and measure them on other jets.

    They learn from the training jets, and are measured on those of validation and test, with the
    weights of the taggers ("after") and with those of the events alone ("before").

    Args:
        dataset: of `tagging.dataset`.
        jets: TAGGING_JETS of its shards.
        result: written, the area under the ROC curve of each pair, and rows of the validation.
    """
    reader = JetReader(dataset, jets)
    classes = reader.index.classes
    columns = [JET_COLUMNS.index(name) for name in ("pt", "eta")]
    parts = []
    for split in ("train", "validation", "test"):
        chosen = reader.split(split)
        x = np.abs(chosen.jet.double().numpy()[:, columns])
        weights = {
            "before": chosen.event_weight.double().numpy(),
            "after": chosen.weight.double().numpy(),
        }
        parts.append((x, chosen.label.numpy(), weights))
    (x, label, weight), *others = parts
    held_x, held_label = (np.concatenate([each[n] for each in others]) for n in (0, 1))
    pairs = []
    for first, second in itertools.combinations(range(len(classes)), 2):
        found = {}
        for when in ("before", "after"):
            held_weight = np.concatenate([each[2][when] for each in others])
            found[when], found[f"{when}_error"] = separation(
                (x, label, weight[when]), (held_x, held_label, held_weight), (first, second)
            )
        pairs.append(KinematicsPair(first=classes[first], second=classes[second], **found))
    write_result(result, Kinematics(pairs=pairs, numbers=[worst(pairs)]))


def separation(
    training: tuple[Float, Integer, Float],
    held_out: tuple[Float, Integer, Float],
    classes: tuple[int, int],
) -> tuple[float, float]:
    """Area under the ROC curve of two classes, by trees on a few features, and its error.

    Args:
        training, held_out: features (jets, features), label (jets,) and weight (jets,).
        classes: the labels of the two.

    Returns:
        the area, and its error where nothing separates: sqrt((1/n + 1/m) / 12) of the effective
        numbers of jets (Hanley and McNeil, Radiology 143 (1982) 29, with an area of 1/2).
    """

    def of_two(x: Float, label: Integer, weight: Float) -> tuple[Float, NDArray[np.bool_], Float]:
        chosen = np.isin(label, classes)
        is_first, own = label[chosen] == classes[0], weight[chosen].copy()
        for side in (is_first, ~is_first):
            own[side] /= own[side].mean()
        return x[chosen], is_first, own

    x, truth, weight = of_two(*training)
    trees = HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=8, early_stopping=False, random_state=0
    ).fit(x, truth, sample_weight=weight)
    x, truth, weight = of_two(*held_out)
    numbers = [effective_number(weight[side]) for side in (truth, ~truth)]
    error = float(np.sqrt((1 / numbers[0] + 1 / numbers[1]) / 12))
    return auc(truth, trees.predict_proba(x)[:, 1], weight), error


def worst(pairs: list[KinematicsPair]) -> ValidationNumber:
    """The row of the validation: the pair that pT and |eta| tell best."""
    pair = max(pairs, key=lambda each: each.after)
    return number(
        "largest AUC of pT and |eta| alone of a pair of classes, after the weights",
        pair.after, pair.after_error, sample=f"{pair.first}, {pair.second}", reference=0.5,
        tolerance=TOLERANCE, rule=True, source="no separation; at most .52",
    )  # fmt: skip
