"""Shower formulas against scipy and published fractions; the energy account."""

import dataclasses

import numpy as np
import pytest
from scipy import special

from helpers.events import generated_events, selected
from jetchain.detector.calorimeter import hadrons, profiles, showers
from jetchain.detector.calorimeter.spots import empty_shower
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight import states, transport
from jetchain.detector.geometry.description import DISKS, INTERACTION
from jetchain.detector.settings import SimulationSettings


def shoot(geometry, events, seed=1, **settings):
    """Shower all particles of all events: what flew, and layers' energies, MeV."""
    simulation = EventSimulation(geometry, SimulationSettings(**settings), seed)
    primaries = selected(events, simulation.settings)
    rng = np.random.default_rng(seed)
    rows = primaries.rows.copy()
    rows[:, states.SOURCE] = np.arange(len(rows))
    flown = transport.fly(
        rng, rows, geometry.tracker, simulation.decays,
        simulation.settings.material, simulation.settings.decays,
    )  # fmt: skip
    by_layer = simulation.deposit(rng, flown)
    return flown, by_layer


def test_incomplete_gamma_agrees_with_scipy():
    rng = np.random.default_rng(2)
    shape, x = rng.uniform(0.1, 20, 500), rng.uniform(0, 100, 500)
    log_gamma = special.gammaln(shape)
    ours = [profiles.regularised_gamma(*row) for row in zip(shape, x, log_gamma, strict=True)]
    np.testing.assert_allclose(ours, special.gammainc(shape, x), atol=1e-8)


def test_mean_profile_of_a_10_gev_electron_has_the_published_fractions(geometry):
    # COCOA's ECAL, 10 GeV electron: .133 / .858 / .005 in ECAL1-3 and .004 behind it.
    z, log_y = geometry.table.effective_z, np.log(1e4 / geometry.table.critical_energy)
    peak, alpha = log_y - 0.812, 0.81 + (0.458 + 2.26 / z) * log_y
    depth = np.array([4.0, 20.0, 22.0, 1e3])
    contained = [
        profiles.regularised_gamma(alpha, (alpha - 1) / peak * t, special.gammaln(alpha))
        for t in depth
    ]
    np.testing.assert_allclose(np.diff([0.0, *contained]), [0.133, 0.858, 0.005, 0.004], atol=5e-4)


def fluctuating_profile(geometry, energy, depths, draws=160_000):
    """Mean share of an electron's energy before some depths (X0), with numpy and scipy alone."""
    z, log_y = geometry.table.effective_z, np.log(energy / geometry.table.critical_energy)
    spread = np.array([1 / (-1.4 + 1.26 * log_y), 1 / (-0.58 + 0.86 * log_y)])
    correlation = 0.705 - 0.023 * log_y
    covariance = np.outer(spread, spread) * [[1, correlation], [correlation, 1]]
    mean = [np.log(log_y - 0.812), np.log(0.81 + (0.458 + 2.26 / z) * log_y)]
    drawn = np.random.default_rng(3).multivariate_normal(mean, covariance, draws)
    peak, alpha = np.exp(drawn[:, 0]), np.maximum(np.exp(drawn[:, 1]), 1.05)
    x = (alpha - 1) / peak * np.array(depths)[:, None]
    return special.gammainc(alpha, x).mean(axis=1)


def test_fluctuating_electrons_average_to_the_fluctuating_profile(geometry):
    n = 4000
    events = generated_events(11, np.full(n, 10.0), 0.0, 0.3)
    _, by_layer = shoot(geometry, events, material=False)
    expected = np.diff(fluctuating_profile(geometry, 1e4, [4.0, 20.0, 22.0]), prepend=0)
    fractions = by_layer[:, :3] / 1e4
    error = fractions.std(axis=0) / np.sqrt(n)
    # 0.4 %: the bent track's path through the layers is longer than at normal incidence.
    assert np.all(np.abs(fractions.mean(axis=0) - expected) < 4 * error + 0.004 * expected)


def test_iron_in_front_takes_what_a_shower_leaves_in_its_depth(geometry):
    # 44 mm of iron and an empty tracker. In iron a shower of 20 GeV reaches its maximum sooner
    # than in the ECAL, by the ratio of ln(E/Ec) - 0.812.
    n = 4000
    empty = geometry.tracker.layers[:0]
    bare = dataclasses.replace(geometry, tracker=geometry.tracker._replace(layers=empty))
    flown, _ = shoot(bare, generated_events(11, np.full(n, 20.0), 0.0, 0.0), seed=4)
    own = np.log(20e3 / (21.2 * 17.57 / 17.2))
    ecal = np.log(20e3 / geometry.table.critical_energy)
    per_mm = (ecal - 0.812) / (own - 0.812) / 17.57
    before = 44.0 * per_mm
    gap = [before + 22.0, before + 22.0 + 80.0 * per_mm]
    inside = fluctuating_profile(bare, 20e3, [before, *gap])
    expected = inside[0] + inside[2] - inside[1]
    iron = flown.account[:, states.PASSIVE] / 20e3
    assert abs(iron.mean() - expected) < 4 * iron.std() / np.sqrt(n) + 0.01 * expected


@pytest.mark.parametrize("pdgid", [11, 22, 211, 130, 2112, -2112, 13])
def test_deposited_leaked_and_lost_energy_add_up_to_what_was_available(geometry, pdgid):
    rng = np.random.default_rng(abs(pdgid))
    n = 300
    events = generated_events(
        pdgid, 10 ** rng.uniform(0, 3, n), rng.uniform(-2.9, 2.9, n), rng.uniform(-3, 3, n)
    )
    flown, by_layer = shoot(geometry, events)
    account, energy = flown.account, flown.particles[:, states.E]
    np.testing.assert_allclose(account.sum(axis=1), energy, rtol=1e-6)
    np.testing.assert_allclose(by_layer.sum(axis=1), account[:, states.DEPOSITED], rtol=1e-9)
    assert (account[:, : states.REST] >= 0).all()
    lost = account[:, [states.MISSED, states.NEUTRINO]].sum() / energy.sum()
    assert lost < (0.2 if abs(pdgid) == 11 else 0.05)


def test_rest_mass_of_nucleons_is_unseen_and_antinucleons_annihilate(geometry):
    events = generated_events([2112, -2112, 130], 5.0, 0.0, 0.0)
    flown, _ = shoot(geometry, events, decays=False)
    np.testing.assert_allclose(flown.account[:, states.REST], [938.92, -938.92, 0.0], atol=0.01)


def test_showers_do_not_prefer_a_direction_in_phi(geometry):
    rng = np.random.default_rng(5)
    n = 6000
    phi = rng.uniform(-np.pi, np.pi, n)
    flown, _ = shoot(geometry, generated_events(22, np.full(n, 5.0), 0.5, phi))
    deposited = flown.account[:, states.DEPOSITED]
    for harmonic in (1, 2, 4):
        wave = np.cos(harmonic * phi) * (deposited - deposited.mean())
        assert abs(wave.mean()) < 4 * wave.std() / np.sqrt(n)


def test_photons_start_later_than_electrons(geometry):
    n = 2000
    first = [
        shoot(geometry, generated_events(code, np.full(n, 10.0), 0.0, 0.0), material=False)[1][
            :, 0
        ].mean()
        for code in (11, 22)
    ]
    assert first[1] < 0.7 * first[0]


@pytest.mark.parametrize("material", [True, False])
def test_muons_lose_the_minimum_and_leave(geometry, material):
    n = 2000
    events = generated_events(13, np.full(n, 50.0), 0.0, 0.0)
    flown, _ = shoot(geometry, events, material=material)
    slabs = geometry.slabs
    expected = float((slabs.mip * np.diff(slabs.depth)).sum())
    if material:
        expected += slabs.mip[0] * slabs.support_barrel
    loss = flown.account[:, [states.DEPOSITED, states.PASSIVE]].sum(axis=1)
    assert loss.mean() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("material", [True, False])
def test_hadrons_start_after_one_interaction_length_on_average(geometry, material):
    # Neutral hadrons deposit nothing before they interact: exp(-1.064) pass the ECAL unseen, and
    # exp(-0.26) the iron in front of it.
    n = 4000
    events = generated_events(130, np.full(n, 20.0), 0.0, 0.0)
    _, by_layer = shoot(geometry, events, material=material, decays=False)
    passed = (by_layer[:, :3].sum(axis=1) == 0).mean()
    slabs, tracker = geometry.slabs, geometry.tracker
    depth = float((np.diff(slabs.depth)[:4] / slabs.interaction_length[:4]).sum())
    if material:
        depth += slabs.support_barrel / slabs.interaction_length[0]
        depth += float(tracker.layers[tracker.layers[:, DISKS] == 0, INTERACTION].sum())
    expected = np.exp(-depth)
    assert abs(passed - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


def test_each_shower_gives_its_slabs_what_it_loses(geometry):
    """What is left, unseen or in the slabs is the energy; behind a deep calorimeter little is."""
    slabs, rng = geometry.slabs, np.random.default_rng(5)
    energy = 20e3
    for _ in range(50):
        shower = empty_shower(slabs.mip.size)
        shower.path[1:] = np.cumsum(np.diff(slabs.depth))
        left = showers.electromagnetic(
            rng, energy, True, slabs, geometry.table.critical_energy, geometry.table.effective_z,
            shower,
        )  # fmt: skip
        assert left + shower.energy.sum() == pytest.approx(energy)
        assert left < 0.01 * energy
        shower.energy[:] = 0.0
        left, unseen = hadrons.hadronic(rng, energy, 0.5, 1, slabs, shower)
        assert left + unseen + shower.energy.sum() == pytest.approx(energy)
        assert unseen > 0
        shower.energy[:] = 0.0
        left = showers.ionise(rng, energy, np.inf, slabs, shower)
        assert left + shower.energy.sum() == pytest.approx(energy)
