"""A fully supervised classifier: labelled signal against labelled background.

It knows the signal and sets the scale; no search can expect to beat it. Reference: arXiv
2101.08320; settings of the trees arXiv 2309.13111.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Supervised:
    """All labelled events of the signal region, the signal events that were not injected too."""

    def training_set(
        self,
        features: Array,
        is_signal: NDArray[np.int64],
        more_signal: Array,
        random: np.random.Generator,
    ) -> tuple[Array, NDArray[np.int64]]:
        """Features (n, 4) and labels (n,) to train on.

        Args:
            features: (events, 4) of the data in the signal region.
            is_signal: (events,) their truth.
            more_signal: (signal events, 4) signal that is not in the data.
            random: not used; part of the common interface.
        """
        labels = np.concatenate([is_signal, np.ones(len(more_signal), dtype=np.int64)])
        return np.concatenate([features, more_signal]), labels
