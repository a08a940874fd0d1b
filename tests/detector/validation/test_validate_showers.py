"""Electrons of 10 GeV without material in front: the published profile."""

import numpy as np
import pytest

from jetchain.detector.event import EventSimulation
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.validation.showers import BATCHES, PUBLISHED, TOLERANCE, layer_shares


def test_layers_have_the_published_shares_and_batches_honest_errors(geometry):
    bare = SimulationSettings(material=False)
    found, other = (
        layer_shares(EventSimulation(geometry, bare, seed), 20, seed) for seed in (5, 6)
    )
    for layer, share in PUBLISHED.items():
        k = found["layers"].index(layer)
        assert found["share"][k] == pytest.approx(share, abs=TOLERANCE + 4 * found["error"][k])
        # Two samples differ by no more than their errors say; BATCHES values give the errors.
        apart = abs(found["share"][k] - other["share"][k])
        assert apart < 5 * np.hypot(found["error"][k], other["error"][k]) * (1 + 2 / BATCHES)
    assert 0.95 < sum(found["share"]) <= 1.0


def test_the_material_moves_showers_forward(geometry):
    found, bare = (
        layer_shares(EventSimulation(geometry, SimulationSettings(material=on), 5), 20, 5)
        for on in (True, False)
    )
    assert found["share"][0] > bare["share"][0] + 4 * np.hypot(found["error"][0], bare["error"][0])
    assert sum(found["share"]) < sum(bare["share"])
