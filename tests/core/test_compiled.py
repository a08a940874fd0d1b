"""Azimuths and lengths in compiled code: the same numbers as numpy's, or inside values kept."""

import math
import platform

import numpy as np
import pytest

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


def lengths() -> tuple[np.ndarray, np.ndarray]:
    """Two sides of rectangular triangles, mm, long and short ones in all combinations."""
    sides = RANDOM.uniform(-4000, 4000, (2, 20_000)) * 10.0 ** RANDOM.integers(-4, 1, (2, 20_000))
    edge = np.array([0.0, 0.0, 1.0, 3.0, 1e-9]), np.array([0.0, -2.0, 1.0, 4.0, 1e5])
    return np.append(sides[0], edge[0]), np.append(sides[1], edge[1])


def test_hypotenuses_are_right_to_the_last_bit_but_one():
    for x, y in zip(*lengths(), strict=True):
        exact = math.hypot(x, y)
        assert abs(compiled.hypotenuse(x, y) - exact) <= np.spacing(exact), (x, y)


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc"
    or tuple(map(int, platform.libc_ver()[1].split("."))) < (2, 35)
    or platform.machine() != "x86_64",
    reason="another C library or processor rounds otherwise",
)
def test_hypotenuses_are_those_of_the_c_library_to_the_last_bit():
    x, y = lengths()
    found = [compiled.hypotenuse(*pair) for pair in zip(x, y, strict=True)]
    assert found == np.hypot(x, y).tolist()
