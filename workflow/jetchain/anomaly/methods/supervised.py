"""A fully supervised classifier: labelled signal against labelled background.

It knows the signal and sets the scale; no search can expect to beat it. It is trained on all
labelled events of the signal region, the signal events that were not injected too. Reference:
arXiv 2101.08320; settings of the trees arXiv 2309.13111.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.searched import Dijets, Scored
from jetchain.core.boosting import Array, BoostingSettings
from jetchain.core.dijets import inside
from jetchain.core.settings import Settings, key


class SupervisedSettings(Settings):
    """A classifier that knows the truth: the best that can be reached."""

    boosting: BoostingSettings = key(BoostingSettings(), "Ensembles: signal against background.")


class Supervised:
    """Signal against background of the signal region."""

    def __init__(self, settings: SupervisedSettings) -> None:
        self.settings = settings

    def search(self, dijets: Dijets, truth: NDArray[np.int64], seed: int) -> Scored:
        """See `anomaly.searched`."""
        data, signal = dijets.data, dijets.signal_test
        in_region, signal_in_region = (
            inside(table["m_jj"], dijets.signal_region) for table in (data, signal)
        )

        def training_set(fold: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
            chosen = in_region & (data["fold"] != fold)
            more = signal["features"][signal_in_region & (signal["fold"] != fold)]
            labels = np.concatenate([truth[chosen], np.ones(len(more), dtype=np.int64)])
            return np.concatenate([data["features"][chosen], more]), labels

        return dijets.cross_train(training_set, self.settings.boosting, seed, "supervised")
