"""An isolation forest: events that few random cuts isolate are outliers.

An unsupervised baseline. On these features it finds next to nothing (arXiv 2307.11157 compares).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class IsolationForest:
    """scikit-learn's isolation forest with 100 trees on 256 events each."""

    def fit(self, features: Array, seed: int) -> None:
        """Grow the forest on the features (events, 4), unlabelled."""
        from sklearn.ensemble import IsolationForest as Forest

        self.forest = Forest(n_estimators=100, max_samples=min(256, len(features)))
        self.forest.set_params(random_state=seed % 2**31).fit(features)

    def score(self, features: Array) -> Array:
        """Anomaly score (events,), larger for events that are easier to isolate."""
        return -self.forest.score_samples(features)
