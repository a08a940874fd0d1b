"""Nearest neighbours in eta-phi, many events or jets at once; phi is periodic.

The points of a group (event, jet) are sorted by eta, and those of a query are looked through from
its own eta outwards, until eta alone is farther than the last neighbour found.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.compiled import TURN

ANY = 32.0
"""A radius that is none: larger than any dR, as |eta| stays far below it."""

Lists = tuple[NDArray[np.int64], NDArray[np.int64]]


def nearest(
    points: NDArray[np.floating],
    point_group: NDArray[np.integer],
    queries: NDArray[np.floating],
    query_group: NDArray[np.integer],
    *,
    neighbours: int,
    radius: float = ANY,
) -> Lists:
    """The nearest points of each query in its own group, by dR = sqrt(deta^2 + dphi^2).

    Args:
        points: eta, phi; (points, 2).
        point_group: group of each point, rising; (points,).
        queries: eta, phi; (queries, 2).
        query_group: group of each query, rising; (queries,).
        neighbours: at most so many per query.
        radius: at most so far away.

    Returns:
        Index of the query and index of the point of each pair, ordered by query and then by
        distance (points at equal distance by index); both (pairs,).
    """
    groups = max([0, *point_group[-1:] + 1, *query_group[-1:] + 1])
    found, number = _nearest(
        *_plane(points), np.searchsorted(point_group, np.arange(groups + 1)),
        *_plane(queries), np.searchsorted(query_group, np.arange(groups + 1)),
        neighbours, radius, True,
    )  # fmt: skip
    return np.repeat(np.arange(len(queries)), number), found[listed(found, number)]


def neighbour_lists(
    points: NDArray[np.floating],
    offset: NDArray[np.integer],
    *,
    neighbours: int,
    radius: float = ANY,
) -> Lists:
    """The nearest others of each point in its own group, as of `nearest`.

    Args:
        points: eta, phi; (points, 2).
        offset: first point of each group; (groups + 1,).
        neighbours, radius: as of `nearest`; the point itself is not counted.

    Returns:
        Indices of points, of which as many of a row are to be taken as the second array says;
        (points, neighbours) and (points,).
    """
    if not neighbours:
        return np.empty((len(points), 0), np.int64), np.zeros(len(points), np.int64)
    plane = _plane(points)
    return _nearest(*plane, offset, *plane, offset, neighbours, radius, False)


def listed(found: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which entries of `neighbour_lists` are to be taken; (points, neighbours)."""
    return np.arange(found.shape[1]) < number[:, None]


def neighbour_edges(
    points: NDArray[np.floating],
    group: NDArray[np.integer],
    *,
    neighbours: int,
    radius: float = ANY,
) -> NDArray[np.int64]:
    """Edges from the nearest neighbours of each point to the point, without loops.

    Args:
        points: eta, phi; (points, 2).
        group: group of each point, rising; (points,).
        neighbours: at most so many per point, itself not counted.
        radius: at most so far away.

    Returns:
        Source (the neighbour) and target (the centre); (2, edges), ordered by target.
    """
    groups = max([0, *group[-1:] + 1])
    offset = np.searchsorted(group, np.arange(groups + 1))
    found, number = neighbour_lists(points, offset, neighbours=neighbours, radius=radius)
    return np.stack([found[listed(found, number)], np.repeat(np.arange(len(points)), number)])


def event_edges(
    position: NDArray[np.floating],
    is_track: NDArray[np.bool_],
    event: NDArray[np.integer],
    *,
    track_neighbours: int,
    track_radius: float,
    topo_neighbours: int,
    topo_radius: float,
) -> NDArray[np.int64]:
    """Edges of event graphs: track to topocluster in both directions, topocluster to topocluster.

    Args:
        position: eta, phi at the calorimeter; (nodes, 2).
        is_track: track or topocluster; (nodes,).
        event: event of each node, rising; (nodes,).
        track_neighbours, track_radius: the topoclusters that a track is joined to.
        topo_neighbours, topo_radius: the topoclusters that a topocluster hears from.

    Returns:
        Source and target as indices of nodes; (2, edges), ordered by target and then by source.
    """
    tracks, topos = np.flatnonzero(is_track), np.flatnonzero(~is_track)
    query, point = nearest(
        position[topos],
        event[topos],
        position[tracks],
        event[tracks],
        neighbours=track_neighbours,
        radius=track_radius,
    )
    joined = np.stack([tracks[query], topos[point]])
    among = topos[
        neighbour_edges(
            position[topos], event[topos], neighbours=topo_neighbours, radius=topo_radius
        )
    ]
    edges = np.concatenate([joined, joined[::-1], among], axis=1)
    return edges[:, np.lexsort((edges[0], edges[1]))]


def _plane(points: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """eta, and phi in [0, 2 pi)."""
    eta, phi = np.ascontiguousarray(np.asarray(points, dtype=np.float64).T)
    phi = np.mod(phi, TURN)
    phi[phi >= TURN] = 0.0  # the rounding of mod for tiny negative azimuths
    return eta, phi


@numba.njit(cache=True)
def _nearest(
    eta: NDArray[np.float64],
    phi: NDArray[np.float64],
    first: NDArray[np.int64],
    query_eta: NDArray[np.float64],
    query_phi: NDArray[np.float64],
    query_first: NDArray[np.int64],
    neighbours: int,
    radius: float,
    loops: bool,
) -> Lists:
    """As `neighbour_lists`; without `loops` point and query of the same index are no neighbours."""
    found = np.zeros((len(query_eta), neighbours), np.int64)
    number = np.zeros(len(query_eta), np.int64)
    if neighbours == 0:
        return found, number
    best = np.empty(neighbours)
    largest = np.nextafter(radius, np.inf) ** 2
    for group in range(len(first) - 1):
        low, points = first[group], first[group + 1] - first[group]
        order = np.argsort(eta[low : low + points], kind="mergesort")
        own_eta, own_phi = eta[low + order], phi[low + order]
        for query in range(query_first[group], query_first[group + 1]):
            own, count, worst = found[query], 0, largest
            middle = np.searchsorted(own_eta, query_eta[query])
            for step in (1, -1):
                at = middle if step > 0 else middle - 1
                while 0 <= at < points:
                    d_eta = own_eta[at] - query_eta[query]
                    if d_eta * d_eta > worst:
                        break
                    point, d_phi = low + order[at], abs(own_phi[at] - query_phi[query])
                    at += step
                    if d_phi > TURN / 2:
                        d_phi = TURN - d_phi
                    distance = d_eta * d_eta + d_phi * d_phi
                    if not loops and point == query:
                        continue
                    if distance > worst or (count < neighbours and distance == worst):
                        continue
                    if count == neighbours:
                        if distance == worst and point > own[count - 1]:
                            continue
                    else:
                        count += 1
                    place = count - 1
                    while place > 0 and (
                        best[place - 1] > distance
                        or (best[place - 1] == distance and own[place - 1] > point)
                    ):
                        best[place], own[place] = best[place - 1], own[place - 1]
                        place -= 1
                    best[place], own[place] = distance, point
                    if count == neighbours:
                        worst = best[count - 1]
            number[query] = count
    return found, number
