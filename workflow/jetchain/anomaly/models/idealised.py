"""The idealised anomaly detector: data against a perfect background template.

It separates the data of the signal region from true background of the same region, and so bounds
what a data-driven template such as CATHODE's can reach. The true background has to be independent
of that in the data: half of the events, drawn anew in every training, serves as the template and
the other half, with half of the signal, as the data. The ratio S/B is kept at half the statistics,
so this bound is somewhat low. Reference: arXiv 2109.00546, section IV.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Idealised:
    """Half of the data of the signal region against the background of the other half."""

    def training_set(
        self,
        features: Array,
        is_signal: NDArray[np.int64],
        more_signal: Array,
        random: np.random.Generator,
    ) -> tuple[Array, NDArray[np.int64]]:
        """Features (n, 4) and labels (n,), 1 for the half that plays the data.

        Args:
            features: (events, 4) of the data in the signal region.
            is_signal: (events,) their truth.
            more_signal: not used; part of the common interface.
            random: splits the events.
        """
        plays_data = random.permutation(len(features)) % 2 == 0
        kept = plays_data | (is_signal == 0)
        return features[kept], plays_data[kept].astype(np.int64)
