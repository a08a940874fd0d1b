"""The Mahalanobis distance from the mean of the data: the simplest outlier score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Mahalanobis:
    """Squared distance from the mean in units of the covariance of the data."""

    def fit(self, features: Array, seed: int) -> None:
        """Take mean and covariance of the features (events, 4); nothing is drawn."""
        self.mean = features.mean(axis=0)
        self.precision = np.linalg.pinv(np.cov(features, rowvar=False))

    def score(self, features: Array) -> Array:
        """(x - mean)^T C^-1 (x - mean), (events,)."""
        shifted = features - self.mean
        return np.einsum("ni,ij,nj->n", shifted, self.precision, shifted)
