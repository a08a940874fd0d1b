"""What muons take out of the clusters, on hand-made events; soft ones meet the face at a slant."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from helpers.detected import GEOMETRY, RADIUS, FakeEvent, write_detected
from helpers.parametric import labels, parametric_particles
from jetchain.particleflow.detected import exits, read_detected
from jetchain.particleflow.layers import read_layers
from jetchain.particleflow.subtraction import Way, beside

LAYERS = read_layers(GEOMETRY)
HADRONIC = [0.1, 0.4, 0.0, 0.4, 0.1, 0.0]
ELECTROMAGNETIC = [0.15, 0.85, 0.0, 0.0, 0.0, 0.0]
FACE = RADIUS[0]
SLANT = np.arcsin(FACE / (2 * 877.0))
"""Of a muon of 1 GeV at the face: its circle in 3.8 T has a radius of 877 mm, and the face, 1500 mm
away, is a chord of it."""


@pytest.fixture
def reconstruct(tmp_path):
    return partial(parametric_particles, tmp_path)


def test_muon_takes_what_it_left(reconstruct):
    """2.5 +- 0.5 GeV, in two clusters on its way; one beside it is another particle's."""
    event = FakeEvent()
    event.particle(13, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(500.0, 0.0, 0.5, ELECTROMAGNETIC)
    event.cluster(2500.0, 0.0, 0.5, [0, 0, 0, 0.5, 0.5, 0])
    event.cluster(3000.0, 0.9, 0.5, HADRONIC)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["muon", "neutral_hadron"]
    assert particles["charge"][0] == -1
    assert particles["topo_idx"].tolist() == [-1, 3]


def test_muon_in_a_jet_takes_no_more_than_muons_leave(reconstruct):
    event = FakeEvent()
    event.particle(13, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(50_000.0, 0.0, 0.5, ELECTROMAGNETIC)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["muon", "photon"]
    assert particles["e"][1] == pytest.approx(47.5, rel=1e-4)


def azimuth(radius: float) -> float:
    """How far a straight way from the face has turned at a radius, by the law of sines."""
    return SLANT - np.arcsin(FACE * np.sin(SLANT) / radius)


def soft_muon() -> FakeEvent:
    """A muon of 1 GeV at eta = 0 that enters the calorimeter at phi = 0."""
    event = FakeEvent()
    event.particle(13, pt=1.0, eta=0.0, phi=0.0)
    for layer, radius in enumerate(RADIUS):
        for axis, value in (("x", np.cos(azimuth(radius))), ("y", np.sin(azimuth(radius)))):
            event.rows["track"][0][f"{axis}_layer_{layer}"] = radius * value
    return event


def test_a_slanting_track_leaves_a_layer_where_the_next_begins(tmp_path):
    path = write_detected(tmp_path / "muon.root", [soft_muon()])
    _, tracks, _ = next(read_detected(path, LAYERS))
    eta, phi = exits(tracks.position, LAYERS)
    np.testing.assert_allclose(eta, 0.0, atol=1e-6)
    found = phi[0]
    for layer in (0, 1, 3, 4):
        assert found[layer] == pytest.approx(azimuth(RADIUS[layer + 1]), abs=1e-4)
    # Behind ECAL3 comes a gap of 80 mm; of the last layer the way inside is extrapolated.
    assert found[2] == pytest.approx(azimuth(RADIUS[2] + LAYERS.depth[2]), abs=1e-3)
    assert found[5] == pytest.approx(azimuth(RADIUS[5] + LAYERS.depth[5]), abs=0.01)


@pytest.mark.parametrize(("side", "left"), [(1, []), (-1, [2])])
def test_a_soft_muon_takes_what_it_left_along_its_way(reconstruct, side, left):
    """Nine cells from its entrance into ECAL2 it is still there; on the other side it never was."""
    start, end = azimuth(RADIUS[1]), azimuth(RADIUS[2])
    assert (end - start) / LAYERS.delta_phi[1] == pytest.approx(9.2, abs=0.1)
    event = soft_muon()
    event.cluster(200.0, 0.0, start, [0, 1, 0, 0, 0, 0])
    event.cluster(300.0, 0.0, start + side * (end - start), [0, 1, 0, 0, 0, 0])
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles)[0] == "muon"
    assert particles["topo_idx"].tolist()[1:] == left


def test_a_soft_muon_leaves_a_photon_beside_it(reconstruct):
    """A photon on its way loses what muons leave; one eight cells beside it loses nothing."""
    middle = (azimuth(RADIUS[1]) + azimuth(RADIUS[2])) / 2
    event = soft_muon()
    event.cluster(50_000.0, 0.0, middle, ELECTROMAGNETIC)
    event.cluster(20_000.0, 8 * LAYERS.delta_eta[1], middle, ELECTROMAGNETIC)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["muon", "photon", "photon"]
    assert particles["e"][1:].tolist() == pytest.approx([47.5, 20.0], rel=1e-4)


def test_distances_to_a_way_by_hand():
    """From (0, 3) to (0.3, 3.4 - 2 pi): beside its middle, beyond its ends, and of a point."""
    phi = np.array([3.0, np.pi])
    way = Way(np.zeros(2), phi, np.array([0.3, 0.0]), np.array([3.4 - 2 * np.pi, -np.pi]))
    middle = 0.15 + 0.04, 3.2 - 0.03  # (0.4, -0.3) / 10 off: at right angles to the way
    assert beside(*middle, 0, way) == pytest.approx(0.05)
    assert beside(-0.03, 2.96, 0, way) == pytest.approx(0.05)
    assert beside(0.33, 3.44 - 2 * np.pi, 0, way) == pytest.approx(0.05)
    assert beside(0.03, np.pi - 0.04, 1, way) == pytest.approx(0.05)
