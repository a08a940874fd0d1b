"""Cross-trained ensembles: no event is scored by a model that saw it; same seed, same scores."""

import numpy as np
import pytest

from jetchain.core import boosting
from jetchain.core.boosting import BoostingSettings, cross_scores, train_ensemble
from jetchain.core.errors import EmptySampleError

SMALL = BoostingSettings(trainings=2, members=1, iterations=10)


def _problem(number: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, number)
    features = random.standard_normal((number, 3)) + labels[:, None]
    return features, labels, np.arange(number) % 4


def _run(seed: int = 1) -> np.ndarray:
    features, labels, fold = _problem()
    (scores,) = cross_scores(
        lambda k, _: (features[fold != k], labels[fold != k]),
        [(features, fold)], 4, SMALL, seed, "test",
    )  # fmt: skip
    return scores


def test_no_event_is_scored_by_a_model_that_saw_it(monkeypatch):
    # The stub remembers its training events, and gives 1 to those it has seen.
    monkeypatch.setattr(
        boosting, "train_ensemble", lambda x, y, settings, seed: {row.tobytes() for row in x}
    )
    monkeypatch.setattr(
        boosting,
        "ensemble_score",
        lambda seen, x: np.array([float(row.tobytes() in seen) for row in x]),
    )
    assert np.all(_run() == 0.0)
    features, labels, fold = _problem()
    (leaky,) = cross_scores(
        lambda k, _: (features, labels), [(features, fold)], 4, SMALL, 1, "test"
    )
    assert np.all(leaky == 1.0)


def test_scores_are_reproducible_and_depend_on_the_seed():
    first = _run(1)
    assert np.array_equal(first, _run(1))
    assert not np.array_equal(first, _run(2))


def test_scores_separate_the_classes():
    _, labels, _ = _problem()
    scores = _run().mean(axis=1)
    assert np.median(scores[labels == 1]) > np.median(scores[labels == 0]) + 0.3


def test_class_sizes_do_not_move_the_scores():
    # Balanced weights: nine times more background leaves the score of pure noise about one half.
    random = np.random.default_rng(5)
    features = random.standard_normal((2000, 2))
    labels = (np.arange(2000) % 10 == 0).astype(np.int64)
    ensemble = train_ensemble(features, labels, SMALL, 1)
    assert abs(boosting.ensemble_score(ensemble, features).mean() - 0.5) < 0.1


def test_an_empty_class_is_refused():
    with pytest.raises(EmptySampleError, match="at least 10 events of each class"):
        train_ensemble(np.zeros((50, 2)), np.zeros(50, dtype=np.int64), SMALL, 1)


def test_bins_are_quantiles_and_cost_no_separation():
    # Beside scikit-learn's own bins of the same features, with the same split for early stopping.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(7)
    labels = random.integers(0, 2, 6000)
    features = np.exp(random.standard_normal((6000, 3)) + 0.5 * labels[:, None])
    settings = BoostingSettings(members=3, bins=64)
    ensemble = train_ensemble(features[:4000], labels[:4000], settings, 1)
    numbers = boosting.places(features[:4000], ensemble.edges)
    for column in numbers.T.astype(np.int64):
        counts = np.bincount(column)
        assert len(counts) == 64
        assert counts.min() > 0.9 * 4000 / 64
    theirs = np.mean(
        [
            HistGradientBoostingClassifier(
                max_bins=64, class_weight="balanced", early_stopping=True, validation_fraction=0.3,
                random_state=member.random_state,
            ).fit(features[:4000], labels[:4000]).predict_proba(features[4000:])[:, 1]
            for member in ensemble.members
        ],
        axis=0,
    )  # fmt: skip
    ours = boosting.ensemble_score(ensemble, features[4000:])
    areas = [roc_auc_score(labels[4000:], scores) for scores in (ours, theirs)]
    assert areas[0] == pytest.approx(areas[1], abs=0.01)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.97
