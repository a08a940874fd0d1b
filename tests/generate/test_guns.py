"""The particle guns: ranges, uniformity, and the decay of the pi0."""

import numpy as np
from scipy.stats import kstest

from jetchain.generate.guns import throw, two_photons
from jetchain.generate.sample import generate
from jetchain.generate.settings import GenerationSettings, GunSettings

P_VALUE = 1e-3  # of a uniformity test at a fixed seed


def test_pt_is_log_uniform_and_eta_and_phi_are_uniform():
    gun = GunSettings(minimum=2.0, maximum=50.0, eta_max=1.5, particles=4)
    particle = throw(gun, 1000, 5).columns["particle"]
    pt = np.hypot(particle["px"], particle["py"]).astype(float)
    eta = np.arcsinh(particle["pz"] / pt)
    phi = np.arctan2(particle["py"], particle["px"])
    assert kstest(np.log(pt / 2) / np.log(25), "uniform").pvalue > P_VALUE
    assert kstest((eta + 1.5) / 3, "uniform").pvalue > P_VALUE
    assert kstest((phi + np.pi) / (2 * np.pi), "uniform").pvalue > P_VALUE
    assert abs(np.mean(particle["pdgid"] == 211) - 0.5) < 0.04
    np.testing.assert_array_equal(particle["charge"], np.sign(particle["pdgid"]))


def test_energy_gun_throws_on_shell_in_its_range():
    gun = GunSettings(pdgids=[2112, 130], variable="energy", minimum=1.0, maximum=20.0)
    particle = throw(gun, 2000, 6).columns["particle"]
    momentum = np.stack([particle[axis].astype(float) for axis in ("px", "py", "pz")])
    mass = np.where(particle["pdgid"] == 2112, 0.93957, 0.49761)
    energy = np.sqrt((momentum**2).sum(axis=0) + mass**2)
    np.testing.assert_allclose(particle["e"], energy, rtol=1e-5)
    assert kstest(np.log(particle["e"]) / np.log(20), "uniform").pvalue > P_VALUE


def test_pi0_become_photons_that_add_up_to_it():
    gun = GunSettings(pdgids=[111, 211], particles=3, minimum=5.0, maximum=20.0)
    truth = throw(gun, 300, 8)
    particle, parton = truth.columns["particle"], truth.columns["parton"]
    assert set(particle["pdgid"].tolist()) == {22, 211}
    assert set(parton["pdgid"].tolist()) == {111, 211}
    event = np.repeat(np.arange(300), truth.counts["particle"])
    for axis in ("px", "py", "pz", "e"):
        total = np.bincount(event, particle[axis], 300)
        thrown = parton[axis].reshape(300, 3).sum(axis=1, dtype=float)
        np.testing.assert_allclose(total, thrown, atol=2e-4, rtol=1e-5)


def test_photons_are_massless_and_isotropic_in_the_rest_frame():
    mass = 0.1349768
    parent = np.tile([0.0, 0.0, 10.0, np.hypot(10.0, mass)], (4000, 1))
    first, second = two_photons(parent, np.random.default_rng(1))
    for photon in (first, second):
        squared = photon[:, 3] ** 2 - (photon[:, :3] ** 2).sum(axis=1)
        assert np.abs(squared).max() < 1e-8
    # A two-body decay that is isotropic at rest has a flat energy spectrum in the laboratory.
    low, high = (parent[0, 3] - 10) / 2, (parent[0, 3] + 10) / 2
    assert kstest((first[:, 3] - low) / (high - low), "uniform").pvalue > P_VALUE


def test_a_gun_has_no_cross_section_and_every_event_is_kept():
    chosen = GenerationSettings(process="gun", events=30)
    data, account = generate(chosen, 2, 1)
    assert account.cross_section_pb is None
    assert account.cutflow.kept == 30
    assert data["event"]["number"].tolist() == list(range(60, 90))
