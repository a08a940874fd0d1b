"""Wrapped azimuths of compiled functions: the same numbers as numpy's, or inside values kept."""

import numpy as np

from jetchain.core import compiled, kinematics

RANDOM = np.random.default_rng(1)
ANGLES = np.concatenate([RANDOM.uniform(-np.pi, np.pi, 2000), [np.pi, -np.pi, 0.0, 1e-12]])


def test_differences_are_those_of_numpy_to_the_last_bit():
    one, other = np.meshgrid(ANGLES[-200:], ANGLES[:200])
    expected = kinematics.delta_phi(one, other)
    pairs = zip(one.ravel(), other.ravel(), strict=True)
    assert [compiled.delta_phi(*pair) for pair in pairs] == expected.ravel().tolist()


def test_differences_at_and_beyond_a_turn_are_those_of_numpy_to_the_last_bit():
    edges = np.arange(-4, 5) * np.pi
    edges = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)])
    for first in (*edges, *RANDOM.uniform(-20, 20, 200), -1e-17, -0.0):
        for second in (0.0, np.pi, -np.pi, 1e-17):
            first_, second_ = np.float64(first), np.float64(second)
            expected = kinematics.delta_phi(first_, second_)
            assert compiled.delta_phi(first_, second_) == expected, (first, second)
    assert np.isnan(compiled.delta_phi(np.nan, 0.0))


def test_wrapped_angles_are_in_the_range_and_those_inside_stay_as_they_are():
    assert [compiled.wrapped(angle) for angle in ANGLES] == ANGLES.tolist()
    for turn in (-2 * np.pi, 2 * np.pi):
        found = np.array([compiled.wrapped(angle + turn) for angle in ANGLES])
        assert np.all(np.abs(found) <= np.pi)
        np.testing.assert_allclose(np.exp(1j * found), np.exp(1j * ANGLES), atol=2e-15)
