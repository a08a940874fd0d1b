"""The idealised anomaly detector: data against a perfect background template.

It separates the data of the signal region from true background of the same region, and so bounds
what a data-driven template such as CATHODE's can reach. The true background has to be independent
of that in the data: half of the events, drawn anew in every training, serves as the template and
the other half, with half of the signal, as the data. The ratio S/B is kept at half the statistics,
so this bound is somewhat low. Where there is background beside the data, at least as many events as
they have in the region, that is the template, all of the data are the data, and no truth is used.
Reference: arXiv 2109.00546, section IV.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.searched import Dijets, Scored
from jetchain.core.boosting import Array, BoostingSettings
from jetchain.core.settings import Settings, key


class IdealisedSettings(Settings):
    """A classifier with a perfect template: the best for a search of this kind."""

    boosting: BoostingSettings = key(BoostingSettings(), "Ensembles: data against background.")


class Idealised:
    """Half of the data of the signal region against the background of the other half."""

    def __init__(self, settings: IdealisedSettings) -> None:
        self.settings = settings

    def search(self, dijets: Dijets, truth: NDArray[np.int64], seed: int) -> Scored:
        """See `anomaly.searched`."""
        data, in_region, beside = dijets.data, dijets.in_region, dijets.background_test
        apart = beside is not None and len(beside["m_jj"]) >= in_region.sum()

        def training_set(fold: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
            chosen = in_region & (data["fold"] != fold)
            if beside is not None and apart:
                own, drawn = data["features"][chosen], beside["features"][beside["fold"] != fold]
                return np.concatenate([own, drawn]), np.repeat([1, 0], [len(own), len(drawn)])
            return halves(data["features"][chosen], truth[chosen], random)

        return dijets.cross_train(training_set, self.settings.boosting, seed, "idealised")


def halves(
    features: Array, is_signal: NDArray[np.int64], random: np.random.Generator
) -> tuple[Array, NDArray[np.int64]]:
    """Features (n, 4) and labels (n,), 1 for the half that plays the data.

    Args:
        features: (events, 4) of the data in the signal region.
        is_signal: (events,) their truth.
        random: splits the events.
    """
    plays_data = random.permutation(len(features)) % 2 == 0
    kept = plays_data | (is_signal == 0)
    return features[kept], plays_data[kept].astype(np.int64)
