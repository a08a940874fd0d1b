"""Boosted trees as arrays give the scores of scikit-learn's classifiers."""

import numpy as np

from jetchain.core.boosting import BoostingSettings, cross_scores
from jetchain.core.forest import arrays_of, scores_of
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import TREES


def test_stored_trees_score_like_the_classifiers(tmp_path):
    random = np.random.default_rng(4)
    fold = np.arange(600) % 3
    labels = random.integers(0, 2, 600)
    features = random.standard_normal((600, 3)) + 0.7 * labels[:, None]
    others, their_fold = 3 * random.standard_normal((500, 3)), random.integers(0, 3, 500)
    models = []
    _, expected = cross_scores(
        lambda k, _: (features[fold != k], labels[fold != k]),
        [(features, fold), (others, their_fold)], 3,
        BoostingSettings(trainings=2, members=2, iterations=15), 1, "test", models,
    )  # fmt: skip
    write_tensors(tmp_path / "trees.safetensors", TREES, arrays_of(models))
    trees = read_tensors(tmp_path / "trees.safetensors", TREES)
    found = scores_of(trees, others, their_fold)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert scores_of(trees, others[:0], their_fold[:0]).shape == (0, 2)
    assert len(trees["root"]) > 20
