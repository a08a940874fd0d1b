"""Images of jets: what moving, turning and flipping must not change, and what they must give."""

from __future__ import annotations

import numpy as np
import pytest

from jetchain.core.images import align, pixel_sums


def random_jets(jets: int = 20, constituents: int = 30):
    random = np.random.default_rng(4)
    position = random.normal(0, 0.2, (jets * constituents, 2))
    weight = random.exponential(10.0, jets * constituents)
    return position, weight, np.repeat(np.arange(jets), constituents), jets


def test_centroid_lies_at_zero_and_the_principal_axis_upright() -> None:
    position, weight, jet, jets = random_jets()
    across, along = align(position, weight, jet, jets).T
    for moment in (across, along, across * along):
        np.testing.assert_allclose(np.bincount(jet, weight * moment), 0, atol=1e-10)
    spread = [np.bincount(jet, weight * axis**2) for axis in (across, along)]
    assert (spread[1] > spread[0]).all()
    for axis in (across, along):
        assert (np.bincount(jet, weight * np.sign(axis)) >= 0).all()


def test_a_turned_moved_or_mirrored_jet_gives_the_same_image() -> None:
    position, weight, jet, jets = random_jets()
    expected = align(position, weight, jet, jets)
    for angle in (0.4, 2.0, 4.5):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found = align(position @ turn.T + (0.1, -0.3), weight, jet, jets)
        np.testing.assert_allclose(found, expected, atol=1e-10)
        mirrored = align(position @ turn.T * (-1, 1), weight, jet, jets)
        np.testing.assert_allclose(mirrored, expected, atol=1e-10)


def test_constituents_in_another_order_give_the_same_image() -> None:
    position, weight, jet, jets = random_jets()
    edges = np.linspace(-0.8, 0.8, 34)
    order = np.random.default_rng(1).permutation(len(jet))
    images = [
        pixel_sums(align(p, w, j, jets), w, j, jets, edges)
        for p, w, j in ((position, weight, jet), (position[order], weight[order], jet[order]))
    ]
    np.testing.assert_allclose(images[0], images[1], atol=1e-9)


def test_of_two_prongs_the_harder_is_above_and_their_distance_stays() -> None:
    position = np.array([[0.3, 0.1], [0.1, -0.1]])
    found = align(position, np.array([100.0, 300.0]), np.zeros(2, int), 1)
    np.testing.assert_allclose(found[:, 0], 0, atol=1e-12)
    distance = np.hypot(0.2, 0.2)
    np.testing.assert_allclose(found[:, 1], [-0.75 * distance, 0.25 * distance])


def test_pixels_take_what_lies_inside_the_edges() -> None:
    edges = np.linspace(-1, 1, 5)
    position = np.array([[-1.0, -1.0], [0.99, -0.4], [1.01, 0.0], [0.1, 0.6], [0.2, 0.7]])
    sums = pixel_sums(position, np.arange(1.0, 6.0), np.array([0, 0, 0, 1, 1]), 2, edges)
    assert sums.shape == (2, 4, 4)
    assert sums[0, 0, 0] == 1
    assert sums[0, 3, 1] == 2
    assert sums[1, 2, 3] == 9
    assert sums.sum() == pytest.approx(12)
