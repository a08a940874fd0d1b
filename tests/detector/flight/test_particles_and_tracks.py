"""Which particles are simulated, and which of them leave a track."""

import awkward as ak
import numpy as np
import pytest

from helpers.events import generated_events, selected
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight import helix, tracker
from jetchain.detector.flight.particles import select_primaries
from jetchain.detector.flight.states import CODE, SOURCE, E
from jetchain.detector.flight.tracks import make_tracks
from jetchain.detector.settings import SimulationSettings

SETTINGS = SimulationSettings(particle_pt_min=0.5, particle_eta_max=3.0)


def test_the_cuts_count_each_particle_once_and_keep_their_order():
    events = generated_events(
        [12, 211, 22, 2212, -14, 11], [0.1, 0.4, 5.0, 2.0, 9.0, 1.0], [0, 0, 3.1, 1.0, 4.0, -2.9],
        0.3, per_event=3,
    )  # fmt: skip
    particle = events["particle"]
    chosen = select_primaries(
        ak.with_field(particle, ak.local_index(particle["px"]), "truth_idx"), SETTINGS
    )
    assert chosen.cutflow == {
        "generated": 6, "invisible": 2, "below_pt": 1, "beyond_eta": 1, "simulated": 2, "charged": 2
    }  # fmt: skip
    assert chosen.rows[:, CODE].tolist() == [2212, 11]
    assert chosen.offset.tolist() == [0, 0, 2]
    assert chosen.truth_idx.tolist() == [0, 2]
    assert chosen.rows[:, SOURCE].tolist() == [0, 1]
    np.testing.assert_allclose(
        chosen.rows[:, E] / 1e3, ak.flatten(particle["e"])[[3, 5]], rtol=1e-12
    )
    assert sum(chosen.cut_energy[name] for name in chosen.cut_energy) == pytest.approx(
        2 * chosen.cut_energy["generated"]
    )


def muons(geometry, eta, **settings):
    simulation = EventSimulation(
        geometry, SimulationSettings(noise=False, store_cells=False, **settings), 3
    )
    events = generated_events(13, 20.0, eta, 0.2)
    primaries = selected(events, simulation.settings)
    return make_tracks(simulation.run(np.arange(len(eta)), primaries), simulation)


def test_tracks_end_at_their_acceptance(geometry):
    eta = np.array([-2.6, -2.4, 0.0, 2.4, 2.6])
    tracks = muons(geometry, eta, track_eta_max=2.5)
    assert tracks.offset.tolist() == [0, 0, 1, 2, 3, 3]
    assert tracks.pdgid.tolist() == [13, 13, 13]
    assert not tracks.conversion.any()
    assert tracks.reconstructed.all()


def test_a_track_that_is_not_smeared_measures_the_truth(geometry):
    eta = np.array([-1.0, 0.5])
    tracks = muons(geometry, eta, smear_tracks=False)
    d0, z0, theta, phi, qoverp = tracks.values.T
    np.testing.assert_allclose([d0, z0], 0.0, atol=1e-9)
    np.testing.assert_allclose(theta, 2 * np.arctan(np.exp(-eta)))
    np.testing.assert_allclose(phi, 0.2)
    np.testing.assert_allclose(1 / qoverp, -20e3 * np.cosh(eta))
    assert tracks.errors.shape == (2, len(tracker.PARAMETERS))


def test_the_efficiency_is_that_asked_for(geometry):
    tracks = muons(geometry, np.zeros(400), track_efficiency=0.7)
    assert abs(tracks.reconstructed.mean() - 0.7) < 4 * np.sqrt(0.7 * 0.3 / 400)


def test_tracks_lead_where_their_measured_parameters_do(geometry):
    eta = np.random.default_rng(2).uniform(-2.4, 2.4, 300)
    true, smeared = (muons(geometry, eta, smear_tracks=smear) for smear in (False, True))
    assert smeared.reconstructed.all()
    tracker_ = geometry.tracker
    ends = helix.propagate(
        *tracker.helices(smeared.values), tracker_.field, tracker_.face_radius, tracker_.face_z, 3.0
    )[0]
    np.testing.assert_allclose(smeared.position[:, 0], ends, atol=1e-3)
    off = np.linalg.norm(smeared.position[:, 0] - true.position[:, 0], axis=1)
    assert 0.5 < np.median(off) < 10.0  # mm: 1.5 % of a sagitta of 5 cm, and 0.7 mrad in theta


def test_a_track_whose_measured_helix_misses_the_calorimeter_is_not_found(geometry):
    # At pT = 0.855 GeV the helix just reaches the face, which 0.45 % in q/pT undoes.
    simulation = EventSimulation(geometry, SimulationSettings(noise=False, particle_pt_min=0.5), 3)
    n = 300
    primaries = selected(generated_events(13, np.full(n, 0.8575), 0.0, 0.2), simulation.settings)
    tracks = make_tracks(simulation.run(np.arange(n), primaries), simulation)
    curls = 1 / np.abs(tracks.values[:, 4]) * np.sin(tracks.values[:, 2]) < 850.0
    assert len(curls) == n
    assert 0 < curls.sum() < n
    assert not tracks.reconstructed[curls].any()
    assert tracks.reconstructed.mean() > 0.5
    assert (np.abs(tracks.position).sum(axis=2) > 0).all()
