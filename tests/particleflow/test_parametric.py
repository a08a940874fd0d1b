"""Laws of the parametric algorithm on hand-made events."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from helpers.calibrations import write_calibrations
from helpers.detected import GEOMETRY, FakeEvent, write_detected
from helpers.parametric import labels, parametric_particles
from jetchain.core.io.tables import read_json, write_json
from jetchain.particleflow.algorithms.parametric import (
    ParametricSettings,
    hadron_factor,
    read_shower_calibration,
)
from jetchain.particleflow.detected import Clusters, read_detected
from jetchain.particleflow.layers import read_layers
from jetchain.particleflow.linking import electron_clusters
from jetchain.particleflow.subtraction import densest_layer

LAYERS = read_layers(GEOMETRY)
SETTINGS = ParametricSettings()
MEAN, SIGMA = 0.7, 0.1
HADRONIC = [0.1, 0.4, 0.0, 0.4, 0.1, 0.0]
ELECTROMAGNETIC = [0.15, 0.85, 0.0, 0.0, 0.0, 0.0]


@pytest.fixture
def calibration(tmp_path):
    """<E/p> = 0.7 +- 0.1 in every bin."""
    return write_calibrations(tmp_path, MEAN, SIGMA)["calibration"]


@pytest.fixture
def reconstruct(tmp_path):
    return partial(parametric_particles, tmp_path, response=(MEAN, SIGMA))


def single_pion(response: float = MEAN, **options) -> FakeEvent:
    event = FakeEvent(**options)
    pion = event.particle(211, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(response * 10_000.0, 0.0, 0.5, HADRONIC, parent=pion)
    return event


def test_expected_shower_leaves_the_track_alone(reconstruct):
    particles = reconstruct(single_pion())["pflow"][0]
    assert labels(particles) == ["charged_hadron"]
    (particle,) = particles.tolist()
    assert particle["charge"] == 1
    assert particle["track_idx"] == 0
    assert particle["topo_idx"] == 1
    assert np.hypot(particle["px"], particle["py"]) == pytest.approx(10.0, rel=1e-6)
    mass2 = particle["e"] ** 2 - sum(particle[n] ** 2 for n in ("px", "py", "pz"))
    assert mass2 == pytest.approx(0.13957**2, abs=2e-4)
    assert [particle[n] for n in ("d0", "z0", "d0_err", "z0_err")] == pytest.approx(
        [0.01, 0.02, 0.02, 0.06]
    )


@pytest.mark.parametrize("sigmas", [-3.0, 1.2])
def test_fluctuations_within_the_threshold_leave_no_remnant(reconstruct, sigmas):
    particles = reconstruct(single_pion(MEAN + sigmas * SIGMA))["pflow"][0]
    assert labels(particles) == ["charged_hadron"]


def test_an_excess_becomes_a_neutral_remnant(reconstruct):
    settings = ParametricSettings(calibrate_neutral_hadrons=False)
    particles = reconstruct(single_pion(MEAN + 3 * SIGMA), settings=settings)["pflow"][0]
    assert labels(particles)[0] == "charged_hadron"
    assert labels(particles)[1:] == ["photon", "neutral_hadron"]
    assert np.sum(particles["e"][1:]) == pytest.approx(3 * SIGMA * 10.0, rel=1e-5)


def test_a_photon_far_away_survives_whole(reconstruct):
    event = single_pion()
    photon = event.particle(22, pt=5.0, eta=1.0, phi=2.0)
    event.cluster(5000.0, 1.0, 2.0, ELECTROMAGNETIC, parent=photon)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["charged_hadron", "photon"]
    assert particles["e"][1] == pytest.approx(5.0, rel=1e-6)
    assert particles["topo_idx"][1] == 2
    assert np.arcsinh(particles["pz"][1] / 5.0 * np.cosh(1.0)) == pytest.approx(1.0, abs=0.02)


def test_overlapping_photon_survives_the_subtraction(reconstruct):
    """A pion of 10 GeV and a photon of 20 GeV in one cluster: about 20 GeV remain."""
    event = FakeEvent()
    event.particle(211, pt=10.0, eta=0.0, phi=0.5)
    event.particle(22, pt=20.0, eta=0.0, phi=0.55)
    shares = MEAN * 10 * np.array(HADRONIC) + 20 * np.array(ELECTROMAGNETIC)
    event.cluster(1e3 * shares.sum(), 0.0, 0.535, list(shares))
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles)[0] == "charged_hadron"
    assert len(particles) == 2
    assert particles["e"][1] == pytest.approx(20.0, abs=2 * SIGMA * 10.0)


@pytest.mark.parametrize(("error", "expected"), [(0.01, 1000.0), (0.5, 810.0)])
def test_a_hard_hadron_is_the_better_measured_of_track_and_shower(reconstruct, error, expected):
    """1 TeV by its track, 800 GeV by a shower known to 14 %: a track of 50 % error gives way."""
    event = FakeEvent()
    event.particle(211, pt=1000.0, eta=0.0, phi=0.5)
    event.rows["track"][0]["qoverp_err"] = error * abs(event.rows["track"][0]["qoverp"])
    event.cluster(MEAN * 800_000.0, 0.0, 0.5, HADRONIC)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["charged_hadron"]
    assert particles["e"][0] == pytest.approx(expected, rel=0.02)


def test_in_a_dense_core_the_worst_track_gives_way(reconstruct):
    """Two hadrons in one cluster: the shower says 700 GeV, the tracks 500 +- 300 and 400 +- 4."""
    event = FakeEvent()
    for pt, error, phi in ((500.0, 0.6, 0.5), (400.0, 0.01, 0.502)):
        event.particle(211, pt=pt, eta=0.0, phi=phi)
        track = event.rows["track"][-1]
        track["qoverp_err"] = error * abs(track["qoverp"])
    event.cluster(MEAN * 700_000.0, 0.0, 0.501, HADRONIC)
    particles = reconstruct(event)["pflow"][0]
    charged = np.sort(np.asarray(particles["e"])[np.asarray(particles["charge"]) != 0])
    assert charged[1] == pytest.approx(400.0, rel=0.01)
    assert 280.0 < charged[0] < 360.0
    assert np.sum(particles["e"]) == pytest.approx(700.0, rel=0.1)


def test_a_hadron_in_the_endcap_leaves_no_fragment(reconstruct):
    """At |eta| = 2.3 a length is a dR twice as large as at the barrel's end."""
    event = FakeEvent()
    event.particle(211, pt=10.0, eta=2.3, phi=0.5)
    energy = 10_000.0 * np.cosh(2.3)
    event.cluster(0.6 * energy, 2.3, 0.5, HADRONIC)
    event.cluster(0.1 * energy, 2.3, 1.1, HADRONIC)
    assert labels(reconstruct(event)["pflow"][0]) == ["charged_hadron"]


def test_split_shower_is_recovered(reconstruct):
    """S < -1: the second half of the shower, 0.2 away, is added and removed."""
    event = FakeEvent()
    event.particle(211, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(3500.0, 0.0, 0.5, HADRONIC)
    event.cluster(3500.0, 0.2, 0.5, HADRONIC)
    event.cluster(3500.0, 0.8, 0.5, HADRONIC)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["charged_hadron", "neutral_hadron"]
    assert particles["topo_idx"].tolist() == [1, 3]


def test_an_isolated_hadron_leaves_no_fragment_of_its_shower(reconstruct):
    """The cluster that matches is enough (S > -1); the rest of the shower is not counted twice."""
    event = single_pion(MEAN - 0.5 * SIGMA)
    event.cluster(SIGMA * 10_000.0, 0.25, 0.5, HADRONIC)
    assert labels(reconstruct(event)["pflow"][0]) == ["charged_hadron"]


def test_a_hadron_without_a_match_takes_its_shower(reconstruct):
    event = FakeEvent()
    event.particle(211, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(7000.0, 0.2, 0.5, HADRONIC)
    assert labels(reconstruct(event)["pflow"][0]) == ["charged_hadron"]


def test_what_is_left_of_a_cluster_is_a_photon_and_a_hadron(reconstruct):
    """Each layer gives its share: the ECAL keeps the photon, the HCAL the neutral hadron."""
    event = FakeEvent()
    event.particle(211, pt=10.0, eta=0.0, phi=0.5)
    shares = MEAN * 10 * np.array(HADRONIC) + 20 * np.array([0.2, 0.8, 0, 0, 0, 0])
    shares = shares + 14 * np.array([0, 0, 0, 0.5, 0.5, 0])
    event.cluster(1e3 * shares.sum(), 0.0, 0.5, list(shares))
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["charged_hadron", "photon", "neutral_hadron"]
    assert particles["e"][1:].tolist() == pytest.approx([20.0, 14.0 / MEAN], rel=1e-3)
    assert particles["topo_idx"].tolist() == [1, 1, 1]


def test_what_looks_like_a_hadron_by_far_is_one(reconstruct, monkeypatch):
    """With its part in the ECAL; where both parts lie is their common centre."""
    monkeypatch.setattr(
        f"{ParametricSettings.__module__}.HADRON_BELOW", -1.0
    )  # the tables of the test are blunt
    event = FakeEvent()
    event.particle(211, pt=10.0, eta=0.0, phi=0.5)
    left = 20 * np.array([0.1, 0.3, 0, 0.4, 0.2, 0])
    shares = MEAN * 10 * np.array(HADRONIC) + left
    event.cluster(1e3 * shares.sum(), 0.0, 0.5, list(shares))
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["charged_hadron", "neutral_hadron"]
    assert particles["e"][1] == pytest.approx(20.0 / MEAN, rel=1e-3)
    assert np.arctan2(particles["py"][1], particles["px"][1]) == pytest.approx(0.5, abs=0.02)


def test_an_electron_takes_the_photons_that_it_radiated(reconstruct):
    """They go straight on from its first direction, in the azimuth that it bends away from."""
    event = FakeEvent()
    event.particle(11, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(7000.0, 0.0, 0.5, ELECTROMAGNETIC)
    event.cluster(3000.0, 0.0, 0.53, ELECTROMAGNETIC)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["electron"]
    assert particles["e"][0] == pytest.approx(10.0, rel=0.01)


@pytest.mark.parametrize(("track", "expected"), [(0.001, 10.0), (1.0, 9.5)])
def test_an_electron_is_the_better_measured_of_track_and_cluster(reconstruct, track, expected):
    """Weights are the inverse squares of the errors; the calorimeter's is 2 %."""
    event = FakeEvent()
    event.particle(11, pt=10.0, eta=0.0, phi=0.5)
    event.rows["track"][0]["qoverp_err"] = track * abs(event.rows["track"][0]["qoverp"])
    event.cluster(9500.0, 0.0, 0.5, ELECTROMAGNETIC)
    particles = reconstruct(event)["pflow"][0]
    assert particles["e"][0] == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(("most", "expected"), [(13e3, [0, 1, 2]), (10.5e3, [0, 1]), (7.5e3, [0])])
def test_an_electrons_band_ends_where_its_photons_and_slow_electrons_may_lie(most, expected):
    """It bends from azimuth 0.3 to 0.5 and from eta 1 to 1.02, with a third of its momentum to 0.9
    and 1.18; electrons of photons that convert bend to the other side too."""
    phi = np.array([0.5, 0.35, -0.2, -0.4, 1.0, 0.5, 0.5])
    eta = np.array([1.02, 1.0, 1.15, 1.0, 1.0, 0.9, 1.3])
    e = np.array([7e3, 3e3, 1e3, 1e3, 1e3, 1e3, 1e3])
    one = one_cluster([1] * 7, e.tolist(), [0.0] * 7)
    clusters = one._replace(offset=np.array([0, 7]), e=e, eta=eta, phi=phi)
    found = electron_clusters(0, 7, clusters, (1.02, 0.5), (1.0, 0.3), most)
    assert found.tolist() == expected


def test_electron_takes_its_cluster(reconstruct):
    event = FakeEvent()
    event.particle(11, pt=10.0, eta=0.5, phi=0.5)
    measured = 10.0 * np.cosh(0.5)
    event.cluster(1e3 * measured, 0.5, 0.5, ELECTROMAGNETIC)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["electron"]
    assert particles["e"][0] == pytest.approx(measured, rel=1e-6)
    assert particles["charge"][0] == -1


def test_electron_in_a_crowded_cluster_keeps_its_momentum(reconstruct):
    event = FakeEvent()
    event.particle(-11, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(50_000.0, 0.0, 0.5, ELECTROMAGNETIC)
    particles = reconstruct(event)["pflow"][0]
    assert labels(particles) == ["electron", "photon"]
    assert particles["e"].tolist() == pytest.approx([10.0, 40.0], rel=1e-5)


def test_tracks_without_a_cluster_and_events_without_anything_remain(reconstruct):
    lonely = FakeEvent(number=7)
    lonely.particle(-211, pt=1.5, eta=-1.0, phi=3.0)
    result = reconstruct(FakeEvent(number=9), lonely, FakeEvent(number=8))
    assert result["event"]["number"].tolist() == [9, 7, 8]
    assert [len(event) for event in result["pflow"]] == [0, 1, 0]


def test_unreconstructed_tracks_are_left_out_and_indices_kept(reconstruct):
    event = single_pion()
    event.particle(-211, pt=3.0, eta=-1.0, phi=3.0)
    event.rows["track"][0]["reconstructed"] = 0
    particles = reconstruct(event)["pflow"][0]
    assert particles["track_idx"].tolist() == [1, -1]


def test_particles_carry_the_truth_of_their_tracks(reconstruct):
    event = crowded_event(np.random.default_rng(8))
    tracks = event.rows["track"]
    for row, track in enumerate(tracks):
        track |= {"origin": row % 8, "vertex": 100 + row, "reconstructed": int(row % 5 > 0)}
    particles = reconstruct(event)["pflow"][0]
    seen = 0
    for particle in particles.tolist():
        if particle["track_idx"] < 0:
            assert (particle["origin"], particle["vertex"]) == (-1, -1)
        else:
            track = tracks[particle["track_idx"]]
            assert (particle["origin"], particle["vertex"]) == (track["origin"], track["vertex"])
            seen += 1
    assert seen == sum(track["reconstructed"] for track in tracks)


def crowded_event(random: np.random.Generator) -> FakeEvent:
    event = FakeEvent()
    for _ in range(15):
        pdgid = int(random.choice([211, -211, 22, 130, 11, 13, 321]))
        eta, phi = random.normal(0.0, 0.3), random.normal(0.0, 0.3)
        pt = 1.0 + random.exponential(8.0)
        parent = event.particle(pdgid, pt, eta, phi)
        shape = ELECTROMAGNETIC if pdgid in (22, 11) else HADRONIC
        event.cluster(1e3 * pt * random.uniform(0.3, 1.1), eta, phi, shape, parent=parent)
    return event


def test_energies_are_positive_and_never_exceed_clusters_and_tracks(reconstruct):
    random = np.random.default_rng(1)
    events = [crowded_event(random) for _ in range(20)]
    settings = ParametricSettings(calibrate_neutral_hadrons=False)
    result = reconstruct(*events, settings=settings)["pflow"]
    for event, particles in zip(events, result, strict=True):
        assert np.all(np.asarray(particles["e"]) > 0)
        clusters = 1e-3 * np.array([row["e"] for row in event.rows["topo"]])
        neutral = particles[particles["charge"] == 0]
        sums = np.bincount(
            np.asarray(neutral["topo_idx"]) - 1, neutral["e"], minlength=len(clusters)
        )
        assert np.all(sums <= clusters * (1 + 1e-5))


def test_order_of_tracks_clusters_and_cells_does_not_matter(reconstruct):
    random = np.random.default_rng(2)
    event = crowded_event(random)
    shuffled = FakeEvent(rows={name: list(rows) for name, rows in event.rows.items()})
    for name in ("track", "cell"):
        shuffled.rows[name] = [
            event.rows[name][i] for i in random.permutation(len(event.rows[name]))
        ]
    new_of_old = random.permutation(len(event.rows["topo"])) + 1
    shuffled.rows["topo"] = sorted(
        ({**row, "idx": int(new_of_old[row["idx"] - 1])} for row in event.rows["topo"]),
        key=lambda row: row["idx"],
    )
    shuffled.rows["cell"] = [
        {**row, "topo_idx": int(new_of_old[row["topo_idx"] - 1])} for row in shuffled.rows["cell"]
    ]
    shuffled.rows["particle_to_node"] = []
    one, two = reconstruct(event, shuffled)["pflow"]
    columns = ("px", "py", "pz", "e", "label", "charge")
    first, second = (
        np.stack([np.asarray(particles[name], dtype=float) for name in columns], axis=-1)
        for particles in (one, two)
    )
    first, second = (rows[np.lexsort(rows.T[::-1].round(3))] for rows in (first, second))
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4)


def test_shared_cells_keep_the_energy_of_the_cluster(tmp_path):
    """Cells are scaled to the cluster's energy where the file gives them to one cluster only."""
    event = single_pion()
    event.rows["topo"][0]["e"] *= 1.1
    written = write_detected(tmp_path / "detected.root", [event])
    _, _, clusters = next(read_detected(written, LAYERS))
    assert clusters.cell_e.sum() == pytest.approx(1.1 * MEAN * 10_000.0, rel=1e-5)


def one_cluster(layer, energy, eta) -> Clusters:
    """A cluster of cells at phi = 0, of equal volumes."""
    count = len(layer)
    none, zero = np.zeros(1), np.zeros(count)
    return Clusters(
        offset=np.array([0, 1]), idx=np.array([1]), e=none, eta=none, phi=none,
        sigma_eta=none, sigma_phi=none, cell_offset=np.array([0, count]),
        cell_layer=np.array(layer), cell_e=np.array(energy), cell_eta=np.array(eta),
        cell_phi=zero, cell_volume=zero + 1e6,
    )  # fmt: skip


@pytest.mark.parametrize("layer", range(6))
def test_layer_of_highest_density_is_where_the_only_cell_is(layer):
    cluster = one_cluster([layer], [1e3], [0.0])
    assert densest_layer(0, cluster, np.zeros(6), np.zeros(6), LAYERS.centre) == layer


def test_layer_of_highest_density_ignores_what_is_far_from_the_track():
    cluster = one_cluster([1, 3], [1e5, 1e3], [0.3, 0.0])
    assert densest_layer(0, cluster, np.zeros(6), np.zeros(6), LAYERS.centre) == 3


def test_layers_are_those_of_cocoa():
    """Cell sizes of the reference's table; depths add up to its lengths."""
    np.testing.assert_allclose(
        LAYERS.delta_eta[[0, 2, 3, 5]], [0.0234, 0.0469, 0.094, 0.1875], rtol=4e-3
    )
    np.testing.assert_allclose(LAYERS.delta_phi[[0, 3]], [0.0245, 0.098], rtol=4e-3)
    ecal = (94.12 + 376.48 + 47.06) / 486.6
    expected = [94.12 / 2 / 486.6, ecal + 80 / 167.7 + 1.5 / 2, ecal + 80 / 167.7 + 1.5 + 4.1 / 2]
    np.testing.assert_allclose(LAYERS.centre[[0, 3, 4]], expected, rtol=1e-4)
    assert LAYERS.electromagnetic.tolist() == [True] * 3 + [False] * 3


def test_hadron_factor_interpolates_and_is_constant_beyond(tmp_path):
    path = write_calibrations(tmp_path)["shower_calibration"]
    content = read_json(path)
    content["hadrons"] = [{"measured": [1.0, 100.0], "factor": [2.0, 1.0], "hadrons": [9, 9]}]
    write_json(path, content)
    measured = np.array([0.01, 1.0, 10.0, 100.0, 1e4])
    found = hadron_factor(measured, np.zeros(5), read_shower_calibration(path))
    np.testing.assert_allclose(found, [2.0, 2.0, 1.5, 1.0, 1.0])


def test_photons_and_electrons_are_scaled_by_the_response_to_photons(reconstruct):
    event = FakeEvent()
    photon = event.particle(22, pt=10.0, eta=0.0, phi=0.5)
    event.cluster(8000.0, 0.0, 0.5, [0.2, 0.8, 0, 0, 0, 0], parent=photon)
    electron = event.particle(11, pt=20.0, eta=1.0, phi=-1.0)
    event.cluster(16000.0 * np.cosh(1.0), 1.0, -1.0, [0.2, 0.8, 0, 0, 0, 0], parent=electron)
    particles = reconstruct(event, photon_response=0.8)["pflow"][0]
    pt = dict(zip(labels(particles), np.hypot(particles["px"], particles["py"]), strict=True))
    assert pt["photon"] == pytest.approx(10.0, rel=1e-3)
    assert pt["electron"] == pytest.approx(20.0, rel=1e-2)
