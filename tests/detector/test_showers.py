"""Shower formulas against scipy and published fractions; the energy account."""

import numpy as np
import pytest
from scipy import special

from helpers.events import generated_events
from jetchain.detector import showers
from jetchain.detector.event import EventSimulation
from jetchain.detector.particles import select_primaries
from jetchain.detector.settings import SimulationSettings


def shoot(geometry, events, seed=1):
    """Shower all particles of all events: primaries, account and layers' energies, MeV."""
    simulation = EventSimulation(geometry, SimulationSettings(), seed)
    primaries = select_primaries(events["particle"], geometry, simulation.settings)
    rng = np.random.default_rng(seed)
    _, account, by_layer = simulation.deposit(rng, primaries, slice(0, len(primaries.pt)))
    return primaries, account, by_layer


def test_incomplete_gamma_agrees_with_scipy():
    rng = np.random.default_rng(2)
    shape, x = rng.uniform(0.1, 20, 500), rng.uniform(0, 60, 500)
    ours = [showers.regularised_gamma(a, b) for a, b in zip(shape, x, strict=True)]
    np.testing.assert_allclose(ours, special.gammainc(shape, x), atol=1e-10)


def test_mean_profile_of_a_10_gev_electron_has_the_published_fractions(geometry):
    # COCOA's ECAL, 10 GeV electron: .133 / .858 / .005 in ECAL1-3 and .004 behind it.
    z, log_y = geometry.table.effective_z, np.log(1e4 / geometry.table.critical_energy)
    peak, alpha = log_y - 0.812, 0.81 + (0.458 + 2.26 / z) * log_y
    depth = np.array([4.0, 20.0, 22.0, 1e3])
    contained = [showers.regularised_gamma(alpha, (alpha - 1) / peak * t) for t in depth]
    np.testing.assert_allclose(np.diff([0.0, *contained]), [0.133, 0.858, 0.005, 0.004], atol=5e-4)


def test_fluctuating_electrons_average_to_the_fluctuating_profile(geometry):
    # The same, averaged over ln T and ln alpha with numpy and scipy alone.
    n = 4000
    _, _, by_layer = shoot(geometry, generated_events(11, np.full(n, 10.0), 0.0, 0.3))
    z, log_y = geometry.table.effective_z, np.log(1e4 / geometry.table.critical_energy)
    spread = np.array([1 / (-1.4 + 1.26 * log_y), 1 / (-0.58 + 0.86 * log_y)])
    correlation = 0.705 - 0.023 * log_y
    covariance = np.outer(spread, spread) * [[1, correlation], [correlation, 1]]
    mean = [np.log(log_y - 0.812), np.log(0.81 + (0.458 + 2.26 / z) * log_y)]
    draws = np.random.default_rng(3).multivariate_normal(mean, covariance, 40 * n)
    peak, alpha = np.exp(draws[:, 0]), np.maximum(np.exp(draws[:, 1]), 1.05)
    contained = special.gammainc(alpha, (alpha - 1) / peak * np.array([[4.0], [20.0], [22.0]]))
    expected = np.diff(contained, axis=0, prepend=0).mean(axis=1)
    fractions = by_layer[:, :3] / 1e4
    error = fractions.std(axis=0) / np.sqrt(n)
    # 0.4 %: the bent track's path through the layers is longer than at normal incidence.
    assert np.all(np.abs(fractions.mean(axis=0) - expected) < 4 * error + 0.004 * expected)


@pytest.mark.parametrize("pdgid", [11, 22, 211, 130, 2112, -2112, 13])
def test_deposited_leaked_and_lost_energy_add_up_to_what_was_available(geometry, pdgid):
    rng = np.random.default_rng(abs(pdgid))
    n = 300
    events = generated_events(
        pdgid, 10 ** rng.uniform(0, 3, n), rng.uniform(-2.9, 2.9, n), rng.uniform(-3, 3, n)
    )
    primaries, account, by_layer = shoot(geometry, events)
    arrived = account.sum(axis=1) > 0
    assert arrived.mean() > 0.99
    np.testing.assert_allclose(
        account[arrived].sum(axis=1), primaries.available[arrived], rtol=1e-9
    )
    np.testing.assert_allclose(by_layer.sum(axis=1), account[:, showers.DEPOSITED], rtol=1e-9)
    assert (account >= 0).all()


def test_available_energy_leaves_out_the_nucleon_and_counts_annihilation(geometry):
    events = generated_events([2112, -2112, 130], 5.0, 0.0, 0.0)
    primaries = select_primaries(events["particle"], geometry, SimulationSettings())
    lost = primaries.energy - primaries.available
    np.testing.assert_allclose(lost, [938.92, -938.92, 0.0], atol=0.01)


def test_showers_do_not_prefer_a_direction_in_phi(geometry):
    rng = np.random.default_rng(5)
    n = 6000
    phi = rng.uniform(-np.pi, np.pi, n)
    _, account, _ = shoot(geometry, generated_events(22, np.full(n, 5.0), 0.5, phi))
    deposited = account[:, showers.DEPOSITED]
    for harmonic in (1, 2, 4):
        wave = np.cos(harmonic * phi) * (deposited - deposited.mean())
        assert abs(wave.mean()) < 4 * wave.std() / np.sqrt(n)


def test_photons_start_later_than_electrons(geometry):
    n = 2000
    first = [
        shoot(geometry, generated_events(code, np.full(n, 10.0), 0.0, 0.0))[2][:, 0].mean()
        for code in (11, 22)
    ]
    assert first[1] < 0.7 * first[0]


def test_muons_lose_the_minimum_and_leave(geometry):
    n = 2000
    _, account, _ = shoot(geometry, generated_events(13, np.full(n, 50.0), 0.0, 0.0))
    expected = float((geometry.slabs.mip * geometry.slabs.thickness).sum())
    loss = account[:, [showers.DEPOSITED, showers.PASSIVE]].sum(axis=1)
    assert loss.mean() == pytest.approx(expected, rel=0.02)


def test_hadrons_start_after_one_interaction_length_on_average(geometry):
    # Neutral hadrons deposit nothing before they interact: exp(-1.064) pass the ECAL unseen.
    n = 4000
    _, _, by_layer = shoot(geometry, generated_events(130, np.full(n, 20.0), 0.0, 0.0))
    passed = (by_layer[:, :3].sum(axis=1) == 0).mean()
    expected = np.exp(
        -float((geometry.slabs.thickness / geometry.slabs.interaction_length)[:3].sum())
    )
    assert abs(passed - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
