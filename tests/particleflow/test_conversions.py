"""Conversions: two tracks that a photon's electrons leave, made of helices here, are one photon."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from helpers.calibrations import write_calibrations
from helpers.detected import GEOMETRY, FakeEvent, write_detected
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.particleflow.algorithms.parametric import ParametricSettings, parametric
from jetchain.particleflow.conversions import merge_conversions
from jetchain.particleflow.detected import Tracks, read_detected
from jetchain.particleflow.layers import read_layers

ELECTRON, PHOTON = (PARTICLE_CLASSES.index(name) for name in ("electron", "photon"))
LAYERS = read_layers(GEOMETRY)


def at_perigee(pt: float, charge: int, radius: float, field: float) -> tuple[float, float]:
    """Azimuth and d0 of a helix that starts at (radius, 0) along x: plain geometry."""
    r = pt / (0.299792458 * field)  # mm, of MeV and T
    # The centre of the circle is (radius, -charge * r); across the line to it lies the direction.
    return charge * np.arctan2(radius, r), np.hypot(radius, r) - r


def two_tracks(radius: float, charges=(1, -1), theta=(1.2, 1.2), pts=(6000.0, 2000.0), field=3.8):
    """Tracks and their particles; `radius` of the conversion, mm; field in T."""
    legs = zip(pts, charges, strict=True)
    phi, d0 = np.array([at_perigee(*each, radius, field) for each in legs]).T
    theta = np.array(theta)
    p = np.array(pts) / np.sin(theta)
    impact = np.stack([d0, [0.0, 0.0], [0.02, 0.02], [0.06, 0.06]], axis=-1)
    tracks = Tracks(
        offset=np.array([0, 2]), index=np.arange(2), pdgid=np.array([-11, 11]), p=p,
        p_error=np.full(2, 0.01), theta=theta, phi=phi, charge=np.array(charges, float),
        impact=impact, truth=np.zeros((2, 2), int), position=np.zeros((2, 6, 3)),
        layer_eta=np.zeros((2, 6)), layer_phi=np.zeros((2, 6)),
    )  # fmt: skip
    particles = {
        "px": p * np.sin(theta) * np.cos(phi), "py": p * np.sin(theta) * np.sin(phi),
        "pz": p * np.cos(theta), "e": p.copy(), "label": np.full(2, ELECTRON),
        "charge": np.array(charges, float), "track_idx": np.arange(2),
        **{name: np.ones(2) for name in ("d0", "z0", "d0_err", "z0_err")},
        "origin": np.ones(2, int), "vertex": np.ones(2, int),
    }  # fmt: skip
    return tracks, particles


@pytest.mark.parametrize("radius", [50.0, 150.0, 400.0])
def test_a_conversion_is_one_photon_with_the_sum(radius):
    tracks, particles = two_tracks(radius)
    total = sum(particles["pz"])
    merge_conversions(tracks, particles, LAYERS)
    assert particles["label"][0] == PHOTON
    assert particles["e"][1] == 0
    assert particles["pz"][0] == pytest.approx(total)
    assert (particles["charge"][0], particles["track_idx"][0]) == (0, -1)
    mass2 = particles["e"][0] ** 2 - sum(particles[name][0] ** 2 for name in ("px", "py", "pz"))
    assert mass2 == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("field", [1.0, 2.0, 6.0])
def test_conversions_are_found_in_the_field_of_the_geometry(field, tmp_path):
    """The turn of the two legs goes with the root of the field: in 2 T it is .73 of that in 3.8."""
    (tmp_path / "other.yaml").write_text(
        GEOMETRY.read_text().replace("magnetic_field: 3.8", f"magnetic_field: {field}")
    )
    tracks, particles = two_tracks(400.0, field=field)
    merge_conversions(tracks, particles, read_layers(tmp_path / "other.yaml"))
    assert particles["label"][0] == PHOTON
    assert particles["e"][1] == 0


def test_a_conversion_too_hard_to_miss_the_beam_is_one_photon():
    """Legs of 100 and 40 GeV from a radius of 50 mm miss it by 14 and 36 um, less than 3 sigma."""
    tracks, particles = two_tracks(50.0, pts=(1e5, 4e4))
    assert np.all(np.abs(tracks.impact[:, 0]) < 3 * tracks.impact[:, 2])
    merge_conversions(tracks, particles, LAYERS)
    assert particles["label"][0] == PHOTON
    assert particles["e"][1] == 0


@pytest.mark.parametrize(
    "change",
    [{"charges": (1, 1)}, {"theta": (1.2, 1.3)}, {"radius": 0.0}],
    ids=["same charge", "other polar angle", "from the beam"],
)
def test_others_stay_electrons(change):
    tracks, particles = two_tracks(**({"radius": 50.0, "pts": (6000.0, 4000.0)} | change))
    merge_conversions(tracks, particles, LAYERS)
    assert particles["label"].tolist() == [ELECTRON, ELECTRON]
    assert np.all(particles["e"] > 0)


def test_particles_do_not_change_the_tracks_that_they_are_made_of(tmp_path):
    """The two legs of a conversion lose their impact parameters, the tracks keep theirs."""
    layers, event = read_layers(GEOMETRY), FakeEvent()
    for pdgid, phi in ((11, 0.5), (-11, 0.5)):
        event.particle(pdgid, pt=5.0, eta=0.0, phi=phi)
    for row in event.rows["track"]:
        row["d0"] = 5.0
    source = write_detected(tmp_path / "d.root", [event])
    _, tracks, clusters = next(read_detected(source, layers))
    before = copy.deepcopy(tracks)
    columns = parametric(
        tracks, clusters, layers, write_calibrations(tmp_path), ParametricSettings()
    )
    assert PARTICLE_CLASSES.index("photon") in columns["label"]
    for name, values in vars(before).items():
        np.testing.assert_array_equal(getattr(tracks, name), values)
