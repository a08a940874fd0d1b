"""Boosted trees as arrays (`core.schema.anomaly.TREES`): events are scored without scikit-learn.

A file of arrays outlives a version of the library, and runs no code when it is read, which a
pickled classifier does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from jetchain.core.boosting import Models

Array = NDArray[np.float64]
CHUNK = 200_000
"""Events times trees that are followed at once."""


def tree_of(predictor: Any) -> dict[str, NDArray]:
    """A tree of scikit-learn's histogram boosting as arrays of its nodes.

    Args:
        predictor: one of a classifier's `_predictors`.

    Returns:
        feature, threshold, left, right (numbers of nodes, of a leaf its own) and value, as of TREES
        with the root at 0; (nodes,) each. A leaf has feature 0 and threshold inf.
    """
    nodes = predictor.nodes
    own, leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
    return {
        "feature": np.where(leaf, 0, nodes["feature_idx"]),
        "threshold": np.where(leaf, np.inf, nodes["num_threshold"]),
        **{side: np.where(leaf, own, nodes[side]) for side in ("left", "right")},
        "value": nodes["value"],
    }


def arrays_of(models: Models) -> dict[str, NDArray]:
    """The trees of scikit-learn's HistGradientBoostingClassifier, of two classes, as TREES.

    Args:
        models: fold, training and ensemble; its trees cut on numbers of bins, these on features.
    """
    parts: dict[str, list[NDArray]] = {
        name: [] for name in ("feature", "threshold", "left", "right", "value")
    }
    start: list[float] = []
    root, model, fold, training = [], [], [], []
    first = 0
    for own_fold, own_training, ensemble in models:
        for member in ensemble.members:
            for (predictor,) in member._predictors:
                tree = tree_of(predictor)
                tree["threshold"] = _on_features(tree, ensemble.edges)
                for name, values in tree.items():
                    parts[name].append(values + first if name in ("left", "right") else values)
                root.append(first)
                model.append(len(start))
                first += len(tree["value"])
            start.append(float(np.ravel(member._baseline_prediction)[0]))
            fold.append(own_fold)
            training.append(own_training)
    return {
        **{name: np.concatenate(part) if part else np.zeros(0) for name, part in parts.items()},
        "root": np.array(root),
        "model": np.array(model),
        "start": np.array(start),
        "fold": np.array(fold),
        "training": np.array(training),
    }


def _on_features(tree: Mapping[str, NDArray], edges: Sequence[Array]) -> Array:
    """The thresholds (nodes,), on features, of a tree that cuts on numbers of bins."""
    result = np.array(tree["threshold"])
    for feature, own in enumerate(edges):
        chosen = np.isfinite(result) & (tree["feature"] == feature)
        result[chosen] = own[np.floor(tree["threshold"][chosen]).astype(np.int64)]
    return result


def scores_of(trees: Mapping[str, NDArray], features: Array, fold: NDArray[np.int64]) -> Array:
    """Scores (events, trainings) of events by the models of their fold, as `core.boosting` gives.

    Args:
        trees: TREES.
        features: (events, features)
        fold: (events,)
    """
    trainings = int(trees["training"].max()) + 1
    scores, members = np.zeros((len(features), trainings)), np.zeros((len(features), trainings))
    for model, (own_fold, training) in enumerate(
        zip(trees["fold"], trees["training"], strict=True)
    ):
        chosen = np.flatnonzero(fold == own_fold)
        roots = trees["root"][trees["model"] == model]
        step = max(CHUNK // max(len(roots), 1), 1)
        for rows in np.split(chosen, range(step, len(chosen), step)):
            logit = trees["start"][model] + leaves(trees, roots, features[rows]).sum(0)
            scores[rows, training] += expit(logit)
        members[chosen, training] += 1
    return np.asarray(scores / np.maximum(members, 1))


def leaves(trees: Mapping[str, NDArray], roots: NDArray, features: Array) -> Array:
    """What each tree adds (trees, events) to the logits of events with features (events, k)."""
    flat, columns = np.ascontiguousarray(features).ravel(), features.shape[1]
    first = np.arange(len(features)) * columns
    node = np.broadcast_to(roots[:, None], (len(roots), len(features)))
    while True:
        goes_left = flat[first + trees["feature"][node]] <= trees["threshold"][node]
        following = np.where(goes_left, trees["left"][node], trees["right"][node])
        if np.array_equal(following, node):
            return np.asarray(trees["value"][node])
        node = following
