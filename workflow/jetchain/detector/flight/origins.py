"""Origin and vertex of what leaves tracks: the generator's, or the detector's own.

A track of a generated particle has that one's origin and vertex. What the detector makes of one,
decay products and electrons of conversions, is other_secondary, with a vertex of its own for each
place that it begins at. All that comes of pile-up stays pileup.
"""

from __future__ import annotations

import numpy as np

from jetchain.core.schema.base import ORIGINS
from jetchain.detector.flight.particles import Primaries
from jetchain.detector.flight.transport import PX, SOURCE, X, Z

PILEUP, OTHER_SECONDARY = ORIGINS.index("pileup"), ORIGINS.index("other_secondary")


def origins(
    candidates: np.ndarray, particles: np.ndarray, primaries: Primaries, event: int
) -> np.ndarray:
    """Origin and vertex of the candidates of an event, (candidates, 2).

    Args:
        candidates, particles: of the event, see transport.Flown.
        primaries: that it was made of.
        event: which of theirs it is.
    """
    source = particles[candidates[:, SOURCE].astype(np.int64), SOURCE].astype(np.int64)
    source += primaries.offset[event]
    # What has another momentum, place or code than its primary is a product of it.
    product = (candidates[:, PX:SOURCE] != primaries.rows[source, PX:SOURCE]).any(axis=1)
    truth = primaries.truth[source]
    if product.any():
        _, place = np.unique(candidates[product, X : Z + 1], axis=0, return_inverse=True)
        truth[product, 1] = primaries.vertices[event] + place.ravel()
        truth[product & (truth[:, 0] != PILEUP), 0] = OTHER_SECONDARY
    return truth
