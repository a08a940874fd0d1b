"""The Mahalanobis distance from the mean of the data: the simplest outlier score."""

from __future__ import annotations

import numpy as np

from jetchain.anomaly.searched import Dijets, Scored, outlier_scores
from jetchain.core.dijets import Array


class Mahalanobis:
    """Squared distance from the mean in units of the covariance of the data."""

    def search(self, dijets: Dijets, seed: int) -> Scored:
        """See `anomaly.searched`."""
        return outlier_scores(self, dijets, seed)

    def fit(self, features: Array, seed: int) -> None:
        """Take mean and covariance of the features (events, 4); nothing is drawn."""
        self.mean = features.mean(axis=0)
        self.precision = np.linalg.pinv(np.cov(features, rowvar=False))

    def score(self, features: Array) -> Array:
        """(x - mean)^T C^-1 (x - mean), (events,)."""
        shifted = features - self.mean
        return np.einsum("ni,ij,nj->n", shifted, self.precision, shifted)
