"""Noise of empty events against the Gaussian tail."""

import numpy as np
import pytest
from scipy.stats import norm

from jetchain.detector.event import EventSimulation
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.validation.noise import count_noise, noise_numbers

CELLS = 2 * 256**2 + 128**2 + 2 * 64**2 + 32**2


@pytest.fixture(scope="module")
def found(geometry):
    settings = SimulationSettings()
    return count_noise(EventSimulation(geometry, settings, seed=3), 1500)


def test_seeds_are_as_many_as_the_gaussian_tail_holds(found):
    expected = 1500 * CELLS * norm.sf(4.6)
    assert found["expected"].sum() == pytest.approx(expected, rel=1e-9)
    assert found["seeds"].sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))
    for seeds, layer in zip(found["seeds"], found["expected"], strict=True):
        assert seeds == pytest.approx(layer, abs=4 * np.sqrt(layer) + 1)
    assert abs(noise_numbers(found)[0].pull) < 4


def test_every_cluster_has_a_seed_and_positive_energy(found):
    assert 0 < found["clusters"] <= found["seeds"].sum()
    assert found["energy"].min() > 0
    assert found["cells"] > found["clusters"]


def test_a_lower_threshold_finds_as_many_more_as_the_tail_says(geometry, found):
    settings = SimulationSettings(
        clustering={"seed_threshold": 4.0, "growth_threshold": 2.0, "boundary_threshold": 0.0}
    )
    lower = count_noise(EventSimulation(geometry, settings, seed=3), 300)
    expected = 300 * CELLS * norm.sf(4.0)
    assert lower["seeds"].sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_without_noise_nothing_is_found(geometry):
    quiet = count_noise(EventSimulation(geometry, SimulationSettings(noise=False), seed=3), 20)
    assert quiet["clusters"] == quiet["seeds"].sum() == quiet["expected"].sum() == 0
