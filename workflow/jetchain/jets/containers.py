"""Particles and jets of a shard as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Particles:
    """The particles of a shard, event after event.

    Attributes:
        momentum: (particles, 4) px, py, pz, e in GeV.
        offset: (events + 1,) first particle of each event.
        index: (particles,) index of the particle in its event of the input file.
    """

    momentum: Array
    offset: Integers
    index: Integers


@dataclass(frozen=True)
class Jets:
    """The jets of a shard, event after event, in falling pT.

    Attributes:
        momentum: (jets, 4) px, py, pz, e in GeV: the sum of the constituents.
        offset: (events + 1,) first jet of each event.
        constituents: (constituents,) row of each constituent in `Particles`, jet after jet, in
            falling pT.
        constituent_offset: (jets + 1,) first constituent of each jet.
        outside: number of jets above the pT threshold that the eta cut removed.
    """

    momentum: Array
    offset: Integers
    constituents: Integers
    constituent_offset: Integers
    outside: int


def reordered(jets: Jets, pt: Array, pt_min: float) -> Jets:
    """The jets above a threshold, and in falling order, in a pT of theirs, (jets,)."""
    events = len(jets.offset) - 1
    event = np.repeat(np.arange(events), np.diff(jets.offset))
    order = np.lexsort((-pt, event))
    order = order[pt[order] > pt_min]
    sizes = np.diff(jets.constituent_offset)[order]
    offset = offsets(sizes)
    start = np.repeat(jets.constituent_offset[order] - offset[:-1], sizes)
    return Jets(
        momentum=jets.momentum[order],
        offset=offsets(np.bincount(event[order], minlength=events)),
        constituents=jets.constituents[start + np.arange(offset[-1])],
        constituent_offset=offset,
        outside=jets.outside,
    )


def offsets(counts: NDArray) -> Integers:
    """(n + 1,) the first of each of n lists of these lengths, and the end."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
