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
SHUFFLES = 100
"""Of the classes: what chance gives is known to a tenth of its spread."""


def kinematics(*, dataset: Input, jets: Inputs, result: Output, seed: int) -> None:
    """Train boosted trees on pT and |eta| of each pair of classes, and measure them on other jets.

    They learn from the training jets, and are measured on those of validation and test, with the
    weights of the taggers ("after") and with those of the events alone ("before"). Of the areas of
    all pairs the largest lies above 1/2 by chance already: how far, and how far any one and the
    mean of all do, is measured by giving the classes of the held-out events to others of them.

    Args:
        dataset: of `tagging.dataset`.
        jets: TAGGING_JETS of its shards.
        result: written, the area under the ROC curve of each pair, and rows of the validation.
        seed: of the shuffles.
    """
    reader = JetReader(dataset, jets)
    classes = reader.index.classes
    columns = [JET_COLUMNS.index(name) for name in ("pt", "eta")]
    parts = []
    for split in ("train", "validation", "test"):
        chosen = reader.split(split)
        parts.append(
            {
                "x": np.abs(chosen.jet.double().numpy()[:, columns]),
                "label": chosen.label.numpy(),
                "event": chosen.event_number.numpy(),
                "before": chosen.event_weight.double().numpy(),
                "after": chosen.weight.double().numpy(),
            }
        )
    train, *others = parts
    held = {name: np.concatenate([each[name] for each in others]) for name in train}
    shuffled = shuffles(held["label"], held["event"], np.random.default_rng(seed))
    pairs, floors = [], []
    for pair in itertools.combinations(range(len(classes)), 2):
        found = {}
        for when in ("before", "after"):
            score = trained(train["x"], train["label"], train[when], pair).predict_proba(held["x"])[
                :, 1
            ]
            found[when], found[f"{when}_error"] = area(score, held["label"], held[when], pair)
        floors.append(areas(score, shuffled, held["after"], pair))
        found["floor"] = float(np.quantile(floors[-1], 0.95))
        pairs.append(KinematicsPair(first=classes[pair[0]], second=classes[pair[1]], **found))
    effective = {
        name: effective_number(held["after"][held["label"] == n]) for n, name in enumerate(classes)
    }
    write_result(
        result,
        Kinematics(pairs=pairs, effective=effective, numbers=rows(pairs, np.array(floors))),
    )


def shuffles(label: Integer, event: Integer, random: np.random.Generator) -> list[Integer]:
    """Labels of jets, those of each event of a class given to another one, some times over.

    Args:
        label: (jets,) class.
        event: (jets,) number; the jets of a class that share it stay together.
    """
    _, first, place = np.unique(
        np.stack([label, event]), axis=1, return_index=True, return_inverse=True
    )
    return [random.permutation(label[first])[place] for _ in range(SHUFFLES)]


def trained(
    x: Float, label: Integer, weight: Float, pair: tuple[int, int]
) -> HistGradientBoostingClassifier:
    """Trees that tell the first class of a pair from the second by a few features.

    Args:
        x: (jets, features)
        label, weight: (jets,) class and weight; each class of the pair counts the same.
        pair: two labels.
    """
    chosen = np.isin(label, pair)
    is_first, own = label[chosen] == pair[0], weight[chosen].copy()
    for side in (is_first, ~is_first):
        own[side] /= own[side].mean()
    return HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=8, early_stopping=False, random_state=0
    ).fit(x[chosen], is_first, sample_weight=own)


def area(score: Float, label: Integer, weight: Float, pair: tuple[int, int]) -> tuple[float, float]:
    """Area under the ROC curve of two classes, and its error.

    Args:
        score: (jets,) of the first class of the pair.
        label, weight: (jets,)
        pair: the labels of the two.

    Returns:
        the area, and its error where nothing separates: sqrt((1/n + 1/m) / 12) of the effective
        numbers of jets (Hanley and McNeil, Radiology 143 (1982) 29, with an area of 1/2).
    """
    chosen = np.isin(label, pair)
    is_first, own = label[chosen] == pair[0], weight[chosen]
    numbers = [effective_number(own[side]) for side in (is_first, ~is_first)]
    error = float(np.sqrt((1 / numbers[0] + 1 / numbers[1]) / 12))
    return auc(is_first, score[chosen], own), error


def areas(score: Float, labels: list[Integer], weight: Float, pair: tuple[int, int]) -> Float:
    """Area under the ROC curve of two classes, for each of several ways to label the same jets.

    What `area` gives of each, but the jets are ordered once: the share of the pairs of a jet of the
    first class and one of the second in which the first has the higher score, ties counted half.

    Args:
        score, weight, pair: as of `area`.
        labels: (jets,) each.

    Returns:
        (labels,)
    """
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # of equal scores
    found = []
    for label in labels:
        first, second = (
            np.add.reduceat(np.where(label == each, weight, 0.0)[order], starts) for each in pair
        )
        below = np.cumsum(second) - second / 2
        found.append((first @ below) / (first.sum() * second.sum()))
    return np.array(found)


def rows(pairs: list[KinematicsPair], floors: Float) -> list[ValidationNumber]:
    """The rows of the validation: the pair told best, the mean of all, and what chance gives.

    Args:
        pairs: measured.
        floors: (pairs, shuffles) areas with shuffled classes.
    """
    pair = max(pairs, key=lambda each: each.after)
    what, largest = "AUC of pT and |eta| alone", floors.max(axis=0)
    return [
        number(
            f"largest {what} of a pair of classes, after the weights",
            pair.after, pair.after_error, sample=f"{pair.first}, {pair.second}", reference=0.5,
            tolerance=TOLERANCE, rule="measured", cells=len(pairs),
            source="no separation; at most .52",
        ),
        number(
            f"largest {what}, classes of the events shuffled: mean and spread",
            float(largest.mean()), float(largest.std()), sample="all pairs",
        ),
        number(
            f"mean {what} of the pairs of classes, after the weights",
            float(np.mean([each.after for each in pairs])), float(floors.mean(axis=0).std()),
            sample="all pairs", reference=0.5, tolerance=TOLERANCE, rule="measured",
            source="no separation; at most .52",
        ),
    ]  # fmt: skip
