"""Nearest neighbours in eta-phi, many events or jets at once.

All points of a file go into one k-d tree: phi is periodic, and a third coordinate, far larger than
any distance in eta-phi, keeps the groups (events, jets) apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

TWO_PI = 2 * np.pi
GROUP_SPACING = 64.0  # larger than any dR: |eta| stays far below 32


def nearest(
    points: NDArray[np.floating],
    point_group: NDArray[np.integer],
    queries: NDArray[np.floating],
    query_group: NDArray[np.integer],
    *,
    neighbours: int,
    radius: float = GROUP_SPACING / 2,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nearest points of each query in its own group, by dR = sqrt(deta^2 + dphi^2).

    Args:
        points: eta, phi; (points, 2).
        point_group: group of each point; (points,).
        queries: eta, phi; (queries, 2).
        query_group: group of each query; (queries,).
        neighbours: at most so many per query.
        radius: at most so far away.

    Returns:
        Index of the query and index of the point of each pair, ordered by query and then by
        distance (points at equal distance by index); both (pairs,).
    """
    if len(points) == 0 or len(queries) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    count = min(neighbours, len(points))
    tree = cKDTree(_embed(points, point_group), boxsize=[0.0, TWO_PI, 0.0])
    distance, point = tree.query(
        _embed(queries, query_group),
        k=np.arange(1, count + 1),
        # The tree returns what is nearer than the bound.
        distance_upper_bound=np.nextafter(radius, np.inf),
    )
    query = np.repeat(np.arange(len(queries)), count)
    distance, point = distance.ravel(), point.ravel()
    found = np.isfinite(distance)
    query, distance, point = query[found], distance[found], point[found]
    order = np.lexsort((point, distance, query))
    return query[order], point[order].astype(np.int64)


def neighbour_edges(
    points: NDArray[np.floating],
    group: NDArray[np.integer],
    *,
    neighbours: int,
    radius: float = GROUP_SPACING / 2,
) -> NDArray[np.int64]:
    """Edges from the nearest neighbours of each point to the point, without loops.

    Args:
        points: eta, phi; (points, 2).
        group: group of each point; (points,).
        neighbours: at most so many per point, itself not counted.
        radius: at most so far away.

    Returns:
        Source (the neighbour) and target (the centre); (2, edges), ordered by target.
    """
    # One more than asked, since the point finds itself; where other points lie on top of it and
    # push it out of its own list, the farthest is dropped instead.
    target, source = nearest(points, group, points, group, neighbours=neighbours + 1, radius=radius)
    other = source != target
    target, source = target[other], source[other]
    first = np.searchsorted(target, target, side="left")
    kept = np.arange(len(target)) - first < neighbours
    return np.stack([source[kept], target[kept]])


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


def _embed(points: NDArray[np.floating], group: NDArray[np.integer]) -> NDArray[np.float64]:
    eta, phi = np.asarray(points, dtype=np.float64).T
    phi = np.mod(phi, TWO_PI)
    phi[phi >= TWO_PI] = 0.0  # the rounding of mod for tiny negative azimuths
    return np.stack([eta, phi, GROUP_SPACING * np.asarray(group)], axis=1)
