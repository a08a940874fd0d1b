"""Nearest neighbours in eta-phi: against brute force, across the seam in phi, under rotation."""

import numpy as np
import pytest

from jetchain.graphs.edges import event_edges, nearest, neighbour_edges

SETTINGS = {
    "track_neighbours": 3, "track_radius": 0.5, "topo_neighbours": 4, "topo_radius": 0.8
}  # fmt: skip


def brute_force(points, point_group, queries, query_group, neighbours, radius):
    """The definition, one query at a time."""
    pairs = []
    for query, (eta, phi) in enumerate(queries):
        d_phi = np.abs(points[:, 1] - phi) % (2 * np.pi)
        distance = np.hypot(points[:, 0] - eta, np.minimum(d_phi, 2 * np.pi - d_phi))
        distance[point_group != query_group[query]] = np.inf
        order = np.argsort(distance, kind="stable")[:neighbours]
        pairs += [(query, point) for point in order if distance[point] <= radius]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2).T


def cloud(seed, size, groups=3):
    rng = np.random.default_rng(seed)
    points = np.stack([rng.uniform(-2, 2, size), rng.uniform(-4, 4, size)], axis=1)
    return points, np.sort(rng.integers(0, groups, size))


@pytest.mark.parametrize(("neighbours", "radius"), [(1, 30.0), (4, 0.7), (200, 2.0)])
def test_nearest_equals_brute_force(neighbours, radius):
    points, point_group = cloud(1, 120)
    queries, query_group = cloud(2, 80)
    found = np.stack(
        nearest(points, point_group, queries, query_group, neighbours=neighbours, radius=radius)
    )
    expected = brute_force(points, point_group, queries, query_group, neighbours, radius)
    np.testing.assert_array_equal(found, expected)


def test_neighbour_edges_equal_brute_force_without_loops():
    points, group = cloud(3, 90)
    source, target = neighbour_edges(points, group, neighbours=5)
    query, point = brute_force(points, group, points, group, 6, np.inf)
    other = query != point
    np.testing.assert_array_equal(target, query[other])
    np.testing.assert_array_equal(source, point[other])


def test_of_points_at_equal_distance_those_of_lower_index_are_taken():
    eta, phi = np.meshgrid(np.arange(6.0), np.arange(3.0))
    order = np.random.default_rng(7).permutation(eta.size)
    points = np.stack([eta.ravel(), phi.ravel()], axis=1)[order]
    group = np.zeros(len(points), int)
    found = np.stack(nearest(points, group, points, group, neighbours=4))
    expected = brute_force(points, group, points, group, 4, np.inf)
    np.testing.assert_array_equal(found, expected)


def test_of_no_neighbours_there_are_no_edges():
    points, group = cloud(8, 40)
    assert neighbour_edges(points, group, neighbours=0).shape == (2, 0)


def test_neighbours_wrap_in_phi():
    points = np.array([[0.0, np.pi - 0.01], [0.0, -np.pi + 0.01], [0.0, 3.0], [0.0, 2 * np.pi]])
    source, target = neighbour_edges(points, np.zeros(4, int), neighbours=1)
    assert source[target == 0].tolist() == [1]  # 0.02 across the seam, not 0.13 on its own side
    assert source[target == 1].tolist() == [0]


def test_points_of_other_groups_are_no_neighbours():
    points = np.zeros((4, 2))
    source, target = neighbour_edges(points, np.array([0, 0, 1, 2]), neighbours=3)
    assert sorted(zip(source.tolist(), target.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_points_on_top_of_each_other_keep_their_number_of_neighbours_and_no_loop():
    source, target = neighbour_edges(np.zeros((6, 2)), np.zeros(6, int), neighbours=2)
    assert np.bincount(target).tolist() == [2] * 6
    assert np.all(source != target)


def test_event_edges_join_tracks_both_ways_and_never_two_tracks():
    position, event = cloud(4, 60, groups=2)
    is_track = np.random.default_rng(0).random(60) < 0.5
    edges = event_edges(position, is_track, event, **SETTINGS)
    source, target = edges
    pairs = set(zip(source.tolist(), target.tolist(), strict=True))
    assert len(pairs) == edges.shape[1]
    assert not np.any(is_track[source] & is_track[target])
    assert {(b, a) for a, b in pairs if is_track[a]} == {(a, b) for a, b in pairs if is_track[b]}
    assert np.array_equal(event[source], event[target])
    assert np.all(np.diff(target) >= 0)


def test_event_edges_equal_brute_force():
    position, event = cloud(6, 90, groups=2)
    is_track = np.random.default_rng(2).random(90) < 0.4
    tracks, topos = np.flatnonzero(is_track), np.flatnonzero(~is_track)
    clusters = position[topos], event[topos]
    track, topo = brute_force(*clusters, position[tracks], event[tracks], 3, 0.5)
    centre, near = brute_force(*clusters, *clusters, 1 + 4, 0.8)
    other = centre != near
    expected = np.concatenate(
        [
            [tracks[track], topos[topo]],
            [topos[topo], tracks[track]],
            [topos[near[other]], topos[centre[other]]],  # a topocluster hears from its neighbours
        ],
        axis=1,
    )
    edges = event_edges(position, is_track, event, **SETTINGS)
    np.testing.assert_array_equal(edges, expected[:, np.lexsort(expected)])


@pytest.mark.parametrize("angle", [0.3, 2.0, np.pi, -5.0])
def test_event_edges_do_not_change_when_the_event_is_rotated_or_reflected(angle):
    position, event = cloud(5, 60)
    is_track = np.random.default_rng(1).random(60) < 0.5
    edges = event_edges(position, is_track, event, **SETTINGS)
    rotated = event_edges(position + np.array([0.0, angle]), is_track, event, **SETTINGS)
    reflected = event_edges(position * np.array([-1.0, 1.0]), is_track, event, **SETTINGS)
    np.testing.assert_array_equal(rotated, edges)
    np.testing.assert_array_equal(reflected, edges)


def test_nothing_has_no_edges():
    empty = np.empty((0, 2))
    edges = event_edges(empty, np.empty(0, bool), np.empty(0, int), **SETTINGS)
    assert edges.shape == (2, 0)
    only_tracks = event_edges(np.zeros((3, 2)), np.ones(3, bool), np.zeros(3, int), **SETTINGS)
    assert only_tracks.shape == (2, 0)
