"""Soft drop and N-subjettiness of jets, from their constituents.

FastJet's contrib classes do the same, but through its Python interface soft drop costs 1.6 ms and
N-subjettiness 0.2 ms a jet; here both together cost about 0.05 ms. The tests hold the results
against those classes.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.compiled import wrapped

Array = NDArray[np.floating]

MAXIMUM_RAPIDITY = 1e5  # for a particle along the beam, as in FastJet


def substructure(
    momentum: Array, offset: NDArray[np.int64], radius: float, zcut: float, beta: float
) -> tuple[Array, Array]:
    """Soft-drop mass, momentum sharing and radius, and tau_1, tau_2, tau_3 of jets.

    Soft drop (arXiv 1402.2657): the constituents are reclustered with Cambridge/Aachen, and the
    softer branch is dropped until z = min(pT1, pT2)/(pT1 + pT2) > zcut (dR12/R)^beta (eq. 1.1).
    The z and dR12 of the splitting that passes are the groomed momentum sharing zg and radius rg
    (arXiv 1502.01719); 0 where none passes.
    N-subjettiness (arXiv 1011.2268, eq. 2.1, beta = 1): tau_N = sum_i pT_i min_A dR_iA /
    sum_i pT_i R, with distances in rapidity and azimuth, and as axes the N exclusive kT jets with
    winner-take-all recombination (arXiv 1401.2158). With N or fewer constituents tau_N is 0.

    Args:
        momentum: (constituents, 4) px, py, pz, e in GeV, jet after jet.
        offset: (jets + 1,) first constituent of each jet.
        radius: R of the jets.
        zcut: soft-drop threshold.
        beta: soft-drop exponent.

    Returns:
        (jets, 3) soft-drop mass in GeV, zg and rg; (jets, 3) tau.
    """
    return _substructure(
        np.ascontiguousarray(momentum, dtype=np.float64),
        np.ascontiguousarray(offset, dtype=np.int64),
        radius,
        zcut,
        beta,
    )


@numba.njit(cache=True)
def _substructure(
    momentum: Array, offset: NDArray[np.int64], radius: float, zcut: float, beta: float
) -> tuple[Array, Array]:
    jets = len(offset) - 1
    groomed, tau = np.zeros((jets, 3)), np.zeros((jets, 3))
    for jet in range(jets):
        constituents = momentum[offset[jet] : offset[jet + 1]]
        groomed[jet] = _soft_drop(constituents, radius, zcut, beta)
        _n_subjettiness(constituents, radius, tau[jet])
    return groomed, tau


@numba.njit(cache=True)
def _soft_drop(
    constituents: Array, radius: float, zcut: float, beta: float
) -> tuple[float, float, float]:
    node, rapidity, azimuth, children, _ = _recluster(constituents, False)
    current = len(node) - 1
    sharing = distance = 0.0
    while children[current, 0] >= 0:
        first, second = children[current]
        pt_first = np.hypot(node[first, 0], node[first, 1])
        pt_second = np.hypot(node[second, 0], node[second, 1])
        z = min(pt_first, pt_second) / (pt_first + pt_second)
        distance2 = _distance2(rapidity[first], azimuth[first], rapidity[second], azimuth[second])
        if z > zcut * (distance2 / radius**2) ** (beta / 2):
            sharing, distance = z, np.sqrt(distance2)
            break
        current = first if pt_first > pt_second else second
    px, py, pz, energy = node[current]
    mass = np.sqrt(max((energy - pz) * (energy + pz) - px**2 - py**2, 0.0))
    return mass, sharing, distance


@numba.njit(cache=True)
def _n_subjettiness(constituents: Array, radius: float, tau: Array) -> None:
    count = len(constituents)
    _, rapidity, azimuth, _, parent = _recluster(constituents, True)
    axes = np.empty(len(tau), dtype=np.int64)
    pt = np.hypot(constituents[:, 0], constituents[:, 1])
    for n in range(1, min(len(tau), count - 1) + 1):
        # After count - n recombinations the nodes below `made` exist; n of them are not yet merged.
        made = 2 * count - n
        found = 0
        for each in range(made):
            if parent[each] >= made:
                axes[found] = each
                found += 1
        weighted = 0.0
        for i in range(count):
            nearest = np.inf
            for axis in axes[:found]:
                nearest = min(
                    nearest,
                    _distance2(rapidity[i], azimuth[i], rapidity[axis], azimuth[axis]),
                )
            weighted += pt[i] * np.sqrt(nearest)
        tau[n - 1] = weighted / (np.sum(pt) * radius)


@numba.njit(cache=True)
def _distance2(rapidity_1: float, phi_1: float, rapidity_2: float, phi_2: float) -> float:
    return (rapidity_1 - rapidity_2) ** 2 + wrapped(phi_1 - phi_2) ** 2


@numba.njit(cache=True)
def _rapidity(px: float, py: float, pz: float, energy: float) -> float:
    """Rapidity without the cancellation in E - |pz|; a negative squared mass counts as zero."""
    pt2 = px**2 + py**2
    mass2 = max((energy - pz) * (energy + pz) - pt2, 0.0)
    if pt2 + mass2 == 0.0:
        return np.copysign(MAXIMUM_RAPIDITY + abs(pz), pz)
    magnitude = -0.5 * np.log((pt2 + mass2) / (energy + abs(pz)) ** 2)
    return magnitude if pz > 0 else -magnitude


@numba.njit(cache=True)
def _recluster(
    constituents: Array, winner_takes_all: bool
) -> tuple[Array, Array, Array, NDArray[np.int64], NDArray[np.int64]]:
    """Cluster all constituents of a jet into one tree, by nearest neighbours (hep-ph/0512210).

    Cambridge/Aachen with summed four-momenta, or kT with winner-take-all recombination. There is
    no beam distance (R is infinite), so n constituents make 2 n - 1 nodes, numbered as they arise.

    Returns:
        (2n - 1, 4) summed momentum, (2n - 1,) rapidity and (2n - 1,) azimuth of the node's axis,
        (2n - 1, 2) its two children (-1 for a constituent), (2n - 1,) the node it merged into (the
        root: 2n).
    """
    count = len(constituents)
    nodes = 2 * count - 1
    momentum = np.zeros((nodes, 4))
    rapidity, azimuth, pt = np.zeros(nodes), np.zeros(nodes), np.zeros(nodes)
    children = np.full((nodes, 2), -1, dtype=np.int64)
    parent = np.full(nodes, 2 * count, dtype=np.int64)
    for i in range(count):
        px, py, pz, energy = constituents[i]
        momentum[i] = constituents[i]
        rapidity[i] = _rapidity(px, py, pz, energy)
        azimuth[i] = np.arctan2(py, px)
        pt[i] = np.hypot(px, py)

    # Slots hold the nodes that are not yet merged: node, axis, the pT that scales its distances
    # (1 for Cambridge/Aachen), nearest other slot, squared dR to it.
    slot, neighbour = np.arange(count), np.zeros(count, dtype=np.int64)
    axis = np.ones((count, 3))
    axis[:, 0], axis[:, 1] = rapidity[:count], azimuth[:count]
    if winner_takes_all:
        axis[:, 2] = pt[:count]
    nearest = np.full(count, np.inf)
    for i in range(count):
        for j in range(i):
            distance = _distance2(axis[i, 0], axis[i, 1], axis[j, 0], axis[j, 1])
            if distance < nearest[i]:
                nearest[i], neighbour[i] = distance, j
            if distance < nearest[j]:
                nearest[j], neighbour[j] = distance, i

    for new in range(count, nodes):
        last = nodes - new  # the highest slot in use
        best, smallest = 0, np.inf
        for i in range(last + 1):
            distance = nearest[i] * min(axis[i, 2], axis[neighbour[i], 2]) ** 2
            if distance < smallest:
                best, smallest = i, distance
        keep, drop = min(best, neighbour[best]), max(best, neighbour[best])
        first, second = slot[keep], slot[drop]
        children[new, 0], children[new, 1] = first, second
        parent[first] = parent[second] = new
        momentum[new] = momentum[first] + momentum[second]
        if winner_takes_all:
            winner = first if pt[first] >= pt[second] else second
            rapidity[new], azimuth[new] = rapidity[winner], azimuth[winner]
            pt[new] = pt[first] + pt[second]
            axis[keep, 2] = pt[new]
        else:
            px, py, pz, energy = momentum[new]
            rapidity[new], azimuth[new] = _rapidity(px, py, pz, energy), np.arctan2(py, px)
        axis[keep, 0], axis[keep, 1] = rapidity[new], azimuth[new]

        slot[keep], slot[drop] = new, slot[last]
        axis[drop], neighbour[drop], nearest[drop] = axis[last], neighbour[last], nearest[last]
        nearest[keep] = np.inf
        for i in range(last):
            if i == keep:
                continue
            distance = _distance2(axis[i, 0], axis[i, 1], axis[keep, 0], axis[keep, 1])
            if distance < nearest[keep]:
                nearest[keep], neighbour[keep] = distance, i
            if neighbour[i] == keep or neighbour[i] == drop:
                _find_neighbour(i, last, axis, neighbour, nearest)
            else:
                if neighbour[i] == last:
                    neighbour[i] = drop
                if distance < nearest[i]:
                    nearest[i], neighbour[i] = distance, keep
    return momentum, rapidity, azimuth, children, parent


@numba.njit(cache=True)
def _find_neighbour(
    i: int, alive: int, axis: Array, neighbour: NDArray[np.int64], nearest: Array
) -> None:
    nearest[i] = np.inf
    for j in range(alive):
        if j != i:
            distance = _distance2(axis[i, 0], axis[i, 1], axis[j, 0], axis[j, 1])
            if distance < nearest[i]:
                nearest[i], neighbour[i] = distance, j
