"""Hadronic showers: laws of their energy, and their clusters."""

import numpy as np
import pytest

from helpers.events import generated_events, selected
from jetchain.detector.calorimeter import hadrons
from jetchain.detector.calorimeter.spots import empty_shower
from jetchain.detector.event import EventSimulation
from jetchain.detector.settings import SimulationSettings


def seen_shares(geometry, gev, n=1500, number=1, start=0.1, seed=1):
    """Share of the energy of hadrons that the cells see, when they interact early; (n,)."""
    rng, slabs = np.random.default_rng(seed), geometry.slabs
    cells = slabs.layer_of_slab >= 0
    found = np.empty(n)
    for k in range(n):
        shower = empty_shower(slabs.mip.size)
        shower.path[1:] = np.cumsum(np.diff(slabs.depth))
        hadrons.hadronic(rng, 1e3 * gev, start, number, slabs, shower)
        found[k] = shower.energy[cells].sum() / (1e3 * gev)
    return found


def test_response_rises_and_resolution_falls_with_the_energy(geometry):
    found = [seen_shares(geometry, gev) for gev in (3.0, 10.0, 40.0, 200.0, 1000.0)]
    mean = np.array([values.mean() for values in found])
    resolution = np.array([values.std() / values.mean() for values in found])
    assert (np.diff(mean) > 0).all()
    assert (np.diff(resolution) < 0).all()
    assert resolution[-1] < 0.6 * resolution[1]
    assert 0.3 < mean[0] < mean[-1] < 1.0


def test_the_electromagnetic_part_has_its_mean_and_fluctuates_less_at_high_energy():
    rng = np.random.default_rng(3)
    spread = []
    for gev in (10.0, 100.0, 1000.0):
        fraction = np.array([hadrons.parts(rng, gev)[0] for _ in range(4000)])
        expected = 1 - (gev / hadrons.EM_SCALE) ** hadrons.EM_POWER
        assert fraction.mean() == pytest.approx(expected, abs=4 * fraction.std() / np.sqrt(4000))
        assert fraction.min() >= 0
        assert fraction.max() <= 1
        spread.append(fraction.std() / fraction.mean())
    assert (np.diff(spread) < 0).all()


def test_hadrons_that_share_an_energy_show_as_much_as_softer_ones(geometry):
    shared, single = seen_shares(geometry, 24.0, number=6), seen_shares(geometry, 4.0)
    error = np.hypot(shared.std(), single.std()) / np.sqrt(len(single))
    assert abs(shared.mean() - single.mean()) < 4 * error
    assert shared.mean() < seen_shares(geometry, 24.0).mean() - 4 * error


def test_what_starts_before_the_gap_loses_more_than_what_starts_behind_it(geometry):
    slabs = geometry.slabs
    depth = np.cumsum(np.diff(slabs.depth)[1:] / slabs.interaction_length[1:])
    before, behind = (seen_shares(geometry, 20.0, start=at) for at in (depth[2], depth[3]))
    assert before.mean() < 0.85 * behind.mean()


@pytest.mark.parametrize(
    ("pdgid", "energy", "eta", "least", "most"),
    [(22, e, eta, 1.0, 2.0) for e in (20.0, 100.0, 500.0) for eta in (0.2, 1.2, 2.3)]
    + [(211, 20.0, 0.2, 1.2, 4.0), (211, 100.0, 1.2, 1.2, 5.0), (211, 100.0, 2.3, 1.2, 7.0)],
)
def test_a_particle_makes_a_few_clusters(geometry, pdgid, energy, eta, least, most):
    n = 60
    simulation = EventSimulation(geometry, SimulationSettings(store_cells=False), 5)
    pt = np.full(n, energy / np.cosh(eta))
    events = generated_events(pdgid, pt, eta, np.linspace(-3, 3, n))
    records = simulation.run(np.arange(n), selected(events, simulation.settings))
    clusters = np.mean([len(np.unique(record.incidence[1])) for record in records])
    assert least <= clusters <= most
