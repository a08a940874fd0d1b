"""CWoLa hunting: a classifier between the signal region and its sidebands finds the signal.

If the features do not depend on the mass, signal region and sidebands differ in nothing but their
share of signal, and the optimal classifier between the mixtures is the optimal one for the signal.

Reference: arXiv 1708.02949 (the theorem), 1805.02664 and 1902.02634 (the search), ATLAS 2005.02983.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.searched import Dijets, Scored
from jetchain.core.boosting import BoostingSettings
from jetchain.core.dijets import Array, inside, require_regions
from jetchain.core.settings import Settings, key


class CwolaSettings(Settings):
    """CWoLa hunting: signal region against the sidebands next to it."""

    sideband_width: float = key(
        0.2,
        "Width of the sideband on either side of the signal region.",
        unit="TeV",
        gt=0.0,
    )
    boosting: BoostingSettings = key(BoostingSettings(), "Ensembles that separate the regions.")


class Cwola:
    """Data of the signal region against data next to it."""

    def __init__(self, settings: CwolaSettings) -> None:
        self.settings = settings

    def search(self, dijets: Dijets, seed: int) -> Scored:
        """See `anomaly.searched`.

        Raises:
            EmptySampleError: no event in the signal region or in the sidebands.
        """
        data, in_region = dijets.data, dijets.in_region
        low, high = dijets.signal_region
        width = self.settings.sideband_width
        near = inside(data["m_jj"], (low - width, high + width))
        require_regions(data["m_jj"], in_region, near & ~in_region)

        def training_set(fold: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
            chosen = near & (data["fold"] != fold)
            return data["features"][chosen], in_region[chosen].astype(np.int64)

        return dijets.cross_train(training_set, self.settings.boosting, seed, "cwola", trees=True)
