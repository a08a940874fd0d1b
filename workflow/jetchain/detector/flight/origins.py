"""Origin and vertex of what leaves tracks: the generator's, or the detector's own.

A track of a generated particle has that one's origin and vertex. What the detector makes of one,
decay products and electrons of conversions, is other_secondary, with a vertex of its own for each
place that it begins at. All that comes of pile-up stays pileup.
"""

from __future__ import annotations

import numba
import numpy as np

from jetchain.core.schema.base import ORIGINS
from jetchain.detector.flight.states import SOURCE, X, Z

PILEUP, OTHER_SECONDARY = ORIGINS.index("pileup"), ORIGINS.index("other_secondary")


@numba.njit(cache=True)
def origins(
    candidates: np.ndarray,  # (candidates, states.COLUMNS)
    particles: np.ndarray,  # (particles, states.COLUMNS)
    primaries: np.ndarray,  # (primaries, states.COLUMNS)
    truth: np.ndarray,  # (primaries, 2) int64
    vertices: int,
) -> np.ndarray:
    """Origin and vertex of the candidates of an event, (candidates, 2).

    Args:
        candidates, particles: of the event, see states.Flown.
        primaries, truth: that it was made of, see particles.Primaries.
        vertices: number of vertices of the event's particles.
    """
    result = np.empty((len(candidates), 2), np.int64)
    made = np.empty(len(candidates), np.int64)  # first candidate of each vertex made here
    n = 0
    for i in range(len(candidates)):
        row = candidates[i]
        source = int(particles[int(row[SOURCE]), SOURCE])
        result[i] = truth[source]
        # What has another momentum, place or code than its primary is a product of it.
        if (row[:SOURCE] == primaries[source, :SOURCE]).all():
            continue
        if result[i, 0] != PILEUP:
            result[i, 0] = OTHER_SECONDARY
        at = 0
        while at < n and not (candidates[made[at], X : Z + 1] == row[X : Z + 1]).all():
            at += 1
        if at == n:
            made[n] = i
            n += 1
        result[i, 1] = vertices + at
    return result
