"""Momenta of charged hadrons from tracks and calorimeter together, compiled.

Tracks of high momentum are worse than the calorimeter (4 % at 100 GeV, 30 % at 500 GeV). Where what
the tracks of a group of clusters took agrees with what they should leave, a fit of their momenta to
both measurements takes each with the inverse square of its error; for one track that is the
weighted mean (CMS: arXiv 1706.04965, section 4.5).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

AGREEMENT = 3.0
"""Sigma within which tracks and calorimeter agree and are averaged. Our choice."""
LARGEST_LOSS = 0.9
"""A track of which the fit, which is linear, takes away a larger part is blind. Of what the shower
says of it no larger part may be taken either, so that momenta stay positive. Our choice."""
ITERATIONS = 3

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Shares(NamedTuple):
    """What charged hadrons took of the calorimeter; zeros and owner -1 for all other tracks."""

    expected: Floats  # (tracks,) MeV they should leave
    spread: Floats  # (tracks,) MeV, of the calorimeter's response
    taken: Floats  # (tracks,) MeV they took
    owner: Ints  # (tracks,) one of their clusters
    joined: Ints  # (clusters,) another of the same group, or itself: see `root_of`


@numba.njit(cache=True)
def no_shares(tracks: int, clusters: int) -> Shares:
    """Of tracks that took nothing yet, each cluster a group of its own."""
    zero = np.zeros(tracks)
    return Shares(zero, zero.copy(), zero.copy(), np.full(tracks, -1), np.arange(clusters))


@numba.njit(cache=True)
def root_of(cluster: int, joined: Ints) -> int:
    """The cluster that stands for the group of one."""
    while joined[cluster] != cluster:
        joined[cluster] = joined[joined[cluster]]
        cluster = joined[cluster]
    return cluster


@numba.njit(cache=True)
def join(one: int, others: Ints, joined: Ints) -> None:
    """Make one group of the groups of some clusters."""
    for other in others:
        joined[root_of(other, joined)] = root_of(one, joined)


@numba.njit(cache=True)
def fitted_momenta(p: Floats, error: Floats, shares: Shares) -> Floats:
    """Momenta from tracks and calorimeter, (tracks,) MeV.

    In each group sum(taken) measures sum(expected), with the variance of the responses; the fit of
    least squares moves each expected energy in proportion to the variance that its track gives it.
    The error of q/p does not depend on how it came out, so that of p rises with p: it is taken at
    the momentum of the iteration before, or tracks that came out low would seem the better ones. A
    track whose q/p came out near 0, and its momentum ten times or more what it is, says nothing but
    that: its error stays as measured, and the shower decides.

    Args:
        p: (tracks,) MeV, measured.
        error: (tracks,) of the momentum, relative.
        shares: of the calorimeter.
    """
    size = len(shares.joined)
    result = p.copy()
    blind = np.zeros(len(p), np.bool_)
    for _ in range(ITERATIONS):
        at = np.where(blind, error, error * result / p)
        excess, of_tracks, of_showers = np.zeros(size), np.zeros(size), np.zeros(size)
        expected = np.zeros(size)
        for t in range(len(p)):
            if shares.owner[t] >= 0:
                group = root_of(shares.owner[t], shares.joined)
                excess[group] += shares.taken[t] - shares.expected[t]
                expected[group] += shares.expected[t]
                of_tracks[group] += (at[t] * shares.expected[t]) ** 2
                of_showers[group] += shares.spread[t] ** 2
        for t in range(len(p)):
            if shares.owner[t] >= 0:
                group = root_of(shares.owner[t], shares.joined)
                variance = of_tracks[group] + of_showers[group]
                if excess[group] ** 2 < AGREEMENT**2 * variance:
                    change = at[t] ** 2 * shares.expected[t] * excess[group] / variance
                    blind[t] |= change < -LARGEST_LOSS
                    seen = 1.0 + excess[group] / expected[group]  # what is there of what should be
                    share = min(seen, 1.0) if seen > 0 else 1.0
                    result[t] = p[t] * max(1.0 + change, (1.0 - LARGEST_LOSS) * share)
    return result
