"""Ensembles of boosted trees, cross-trained: the weak classifier of the anomaly searches.

Histogram gradient boosting on few features beats dense networks there, and an ensemble steadies
it (arXiv 2309.13111). No event is scored by a model that saw it: the model of fold k is trained
on the other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError
from jetchain.core.progress import Progress
from jetchain.core.seeds import derive_seed, generator
from jetchain.core.settings import Settings, key

Array = NDArray[np.float64]
TrainingSet = Callable[[int, np.random.Generator], tuple[Array, NDArray[np.int64]]]


class BoostingSettings(Settings):
    """Ensembles of scikit-learn's HistGradientBoostingClassifier."""

    trainings: int = key(
        10,
        "Independent trainings; the score is their mean, their spread the band of the curves.",
        ge=1,
    )
    members: int = key(2, "Classifiers averaged in one training.", ge=1)
    iterations: int = key(100, "Largest number of trees of a classifier.", ge=1)
    learning_rate: float = key(0.1, "Learning rate of the boosting.", gt=0.0)
    leaves: int = key(31, "Largest number of leaves of a tree.", ge=2)
    bins: int = key(127, "Histogram bins of a feature.", ge=2, le=255)
    validation: float = key(
        0.3, "Fraction of the training events that early stopping watches.", gt=0.0, lt=1.0
    )
    patience: int = key(10, "Trees without a better validation loss before it stops.", ge=1)


@dataclass(frozen=True)
class Ensemble:
    """Classifiers of one training, which see in which bin each feature lies.

    Attributes:
        edges: of each feature, rising; an event on an edge lies below it.
        members: the classifiers.
    """

    edges: Sequence[Array]
    members: Sequence[Any]


Models = list[tuple[int, int, Ensemble]]


def places(features: Array, edges: Sequence[Array]) -> Array:
    """The number of the bin of each event and feature (events, features)."""
    columns = zip(edges, features.T, strict=True)
    return np.stack([np.searchsorted(each, column) for each, column in columns], axis=1).astype(
        np.float64
    )


def train_ensemble(
    features: Array, labels: NDArray[np.int64], settings: BoostingSettings, seed: int
) -> Ensemble:
    """Train the members of one ensemble on the same events, each with its own validation split.

    The bins are quantiles of all events. Those that scikit-learn makes of events with weights
    (1.9.1) take five times as long as all the rest of a training; values of no more than
    `settings.bins` kinds it leaves as they are.

    Args:
        features: (events, features) in any unit.
        labels: (events,) 1 or 0; the two classes get the same total weight.
        settings: of the ensemble.
        seed: of the splits.

    Raises:
        EmptySampleError: a class holds fewer than ten events.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    counts = np.bincount(labels, minlength=2)
    if counts.min() < 10:
        raise EmptySampleError(
            f"A classifier needs at least 10 events of each class to train on; it has "
            f"{counts[1]} of the signal-like class and {counts[0]} of the other.",
            "Generate more events, or widen the mass regions of anomaly and background.",
        )
    levels = np.arange(1, settings.bins) / settings.bins
    edges = [np.unique(column) for column in np.quantile(features, levels, axis=0).T]
    binned = places(features, edges)
    return Ensemble(
        edges,
        [
            HistGradientBoostingClassifier(
                max_iter=settings.iterations,
                learning_rate=settings.learning_rate,
                max_leaf_nodes=settings.leaves,
                max_bins=settings.bins,
                class_weight="balanced",
                early_stopping=True,
                validation_fraction=settings.validation,
                n_iter_no_change=settings.patience,
                random_state=derive_seed(seed, "member", member),
            ).fit(binned, labels)
            for member in range(settings.members)
        ],
    )


def ensemble_score(ensemble: Ensemble, features: Array) -> Array:
    """Mean probability of the signal-like class over the members (events,)."""
    if len(features) == 0:
        return np.zeros(0)
    binned = places(features, ensemble.edges)
    return np.mean([member.predict_proba(binned)[:, 1] for member in ensemble.members], axis=0)


def cross_scores(
    training_set: TrainingSet,
    targets: Sequence[tuple[Array, NDArray[np.int64]]],
    folds: int,
    settings: BoostingSettings,
    seed: int,
    name: str,
    models: Models | None = None,
) -> list[Array]:
    """Scores of events from models that were not trained on their fold.

    Args:
        training_set: gives features (n, features) and labels (n,) for the model of a fold; it
            must leave out the events of that fold.
        targets: features (events, features) and fold (events,) of each set to score.
        folds: number of folds.
        settings: of the ensembles.
        seed: of the splits and of what the training sets draw.
        name: what is trained, for the progress lines.
        models: to which fold, training and ensemble are added.

    Returns:
        For each target the scores (events, trainings), one column a training.
    """
    scores = [np.zeros((len(features), settings.trainings)) for features, _ in targets]
    progress = Progress(folds * settings.trainings, "trainings", name)
    for fold in range(folds):
        for training in range(settings.trainings):
            random = generator(seed, "training set", fold, training)
            ensemble = train_ensemble(
                *training_set(fold, random), settings, derive_seed(seed, fold, training)
            )
            for result, (features, own_fold) in zip(scores, targets, strict=True):
                chosen = own_fold == fold
                result[chosen, training] = ensemble_score(ensemble, features[chosen])
            if models is not None:
                models.append((fold, training, ensemble))
            progress.report(fold * settings.trainings + training + 1)
    return scores
