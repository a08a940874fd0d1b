"""Remainders of turning angles: those of Python, to the last bit."""

from __future__ import annotations

import math

import numpy as np

from jetchain.detector.flight.helix import remainder

TURN = 2 * math.pi


def test_remainders_are_those_of_python_to_the_last_bit():
    edges = np.arange(-3, 4) * TURN
    edges = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)])
    angles = [*edges.tolist(), *np.random.default_rng(1).uniform(-20, 20, 2000), -1e-17, -0.0]
    for angle in map(float, angles):
        assert remainder(angle) == angle % TURN, angle
