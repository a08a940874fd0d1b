"""An isolation forest: events that few random cuts isolate are outliers.

An unsupervised baseline. On these features it finds next to nothing (arXiv 2307.11157 compares).
Reference: Liu, Ting and Zhou 2008, whose sizes are the defaults.
"""

from __future__ import annotations

from jetchain.anomaly.searched import Dijets, Scored, outlier_scores
from jetchain.core.dijets import Array
from jetchain.core.settings import Settings, key


class IsolationForestSettings(Settings):
    """Random trees in which outliers end early."""

    trees: int = key(100, "Trees of the forest.", ge=1)
    events: int = key(256, "Events that a tree is grown on, drawn from the data.", ge=2)


class IsolationForest:
    """scikit-learn's isolation forest."""

    def __init__(self, settings: IsolationForestSettings) -> None:
        self.settings = settings

    def search(self, dijets: Dijets, seed: int) -> Scored:
        """See `anomaly.searched`."""
        return outlier_scores(self, dijets, seed)

    def fit(self, features: Array, seed: int) -> None:
        """Grow the forest on the features (events, 4), unlabelled."""
        from sklearn.ensemble import IsolationForest as Forest

        events = min(self.settings.events, len(features))
        self.forest = Forest(n_estimators=self.settings.trees, max_samples=events)
        self.forest.set_params(random_state=seed % 2**31).fit(features)

    def score(self, features: Array) -> Array:
        """Anomaly score (events,), larger for events that are easier to isolate."""
        return -self.forest.score_samples(features)
