"""The pion's mass from photons whose energies and angle are known."""

import awkward as ak
import numpy as np
import pytest

from helpers.detected import FakeEvent, detected_data
from jetchain.detector.validation.estimators import gaussian_core
from jetchain.detector.validation.pi0 import MASS, correct, leading_pairs, mass, share_of
from jetchain.generate.guns import two_photons

ECAL2 = [0, 1, 0, 0, 0, 0]


def thrown_photons(n, pt, seed=3):
    """Four-momenta (n, 4) of the two photons of pions at eta = 0, GeV."""
    random = np.random.default_rng(seed)
    parent = np.zeros((n, 4))
    parent[:, 0] = pt
    parent[:, 3] = np.hypot(pt, 1e-3 * MASS)
    return two_photons(parent, random)


def angle_between(first, second):
    cosine = (first[:, :3] * second[:, :3]).sum(axis=1) / first[:, 3] / second[:, 3]
    return np.arccos(np.clip(cosine, -1, 1))


def test_exact_photons_have_the_mass_of_the_pion():
    first, second = thrown_photons(500, 4.0)
    energy = np.stack([first[:, 3], second[:, 3]], axis=1)
    np.testing.assert_allclose(mass(energy, angle_between(first, second)), MASS, rtol=1e-6)


def test_smeared_and_shifted_photons_come_back_to_it_by_the_response():
    first, second = thrown_photons(4000, 4.0)
    random = np.random.default_rng(5)
    true = np.stack([first[:, 3], second[:, 3]], axis=1)
    points = np.geomspace(0.05, 10.0, 60)
    response = 1.05 + 0.02 * np.log(points)
    shifted = true * (1.05 + 0.02 * np.log(true))
    inside = true > 0.1  # below the points the response stays that of the first
    np.testing.assert_allclose(correct(shifted, points, response)[inside], true[inside], rtol=1e-3)
    measured = shifted * random.normal(1, 0.05, true.shape)
    found = gaussian_core(
        mass(correct(measured, points, response), angle_between(first, second)), 50, 1
    )
    # Two photons smeared by 5 % give m a width of 5 %/sqrt(2); the mean of a root is 0.06 % lower.
    assert found["mean"] == pytest.approx(MASS, abs=4 * found["mean_error"] + 0.001 * MASS)
    assert found["width"] == pytest.approx(0.05 / np.sqrt(2) * MASS, rel=0.1)


def table(events, both=True):
    """The tables of pions, two photons each, or one where the other was too soft."""
    photons = ak.Array([[{"e": 1.0}, {"e": 1.0}]] * len(events))
    parton = ak.Array([[{"px": 3.0, "py": 4.0}]] * len(events))
    detected = {
        name: ak.zip(columns, depth_limit=2) if name != "event" else columns
        for name, columns in detected_data(events).items()
    }
    return detected, {"particle": photons, "parton": parton}


def pion(energies=(3000.0, 2000.0), parents=(0, 1), noise=()):
    event = FakeEvent()
    event.particle(22, pt=3.0, eta=0.0, phi=0.0)
    event.particle(22, pt=2.0, eta=0.0, phi=0.06)
    for index, (energy, parent) in enumerate(zip(energies, parents, strict=True)):
        event.cluster(energy, 0.0, 0.06 * index, ECAL2, parent=parent)
    for energy in noise:
        event.cluster(energy, 1.0, 1.0, ECAL2)
    return event


def test_the_two_leading_clusters_are_taken_if_each_is_one_photon():
    lost = pion()
    lost.rows["particle"].pop()
    lost.rows["particle_to_node"].pop()
    events = [
        pion(),
        pion(noise=[2500.0]),  # the second photon is not leading
        pion(energies=[5000.0], parents=[0]),  # merged
        pion(parents=(0, 0)),  # one photon split
        lost,
    ]
    pairs = leading_pairs(*table(events))
    assert pairs["separated"].tolist() == [True, False, False, False]
    assert pairs["pt"].tolist() == [5.0] * 4
    np.testing.assert_allclose(pairs["energy"][0], [3.0, 2.0], rtol=1e-5)
    assert pairs["angle"][0] == pytest.approx(0.06, abs=0.005)  # cells are 0.0245 wide
    assert np.isnan(pairs["energy"][2]).tolist() == [False, True]


def test_the_shares_of_a_photon_and_of_what_it_converts_into_add_up():
    event = pion(energies=[5000.0], parents=[0])
    event.rows["particle"][1]["truth_idx"] = 0  # an electron from the conversion of photon 0
    event.rows["particle_to_node"][0]["weight"] = 0.4
    event.rows["particle_to_node"].append({"particle": 1, "topo": 1, "weight": 0.6})
    detected, _ = table([event])
    assert share_of(detected, 0).tolist() == [[pytest.approx(1.0)]]
