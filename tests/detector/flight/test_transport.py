"""Flights through the tracker: conversions, radiation, decays, interactions, and what is kept."""

import dataclasses

import numpy as np
import pytest

from helpers.events import generated_events, selected
from jetchain.detector.flight import decays, states, transport
from jetchain.detector.flight.states import (
    BREMSSTRAHLUNG,
    CODE,
    CONVERSIONS,
    DECAYS,
    NUCLEAR,
    PX,
    PZ,
    SECONDARY,
    SOURCE,
    E,
    X,
    Y,
    Z,
)
from jetchain.detector.geometry import material
from jetchain.detector.geometry.description import DISKS, INTERACTION, POSITION, RADIATION
from jetchain.detector.settings import SimulationSettings


def fly(geometry, events, seed=1, **settings):
    switches = SimulationSettings(**settings)
    rows = selected(events, switches).rows.copy()
    rows[:, SOURCE] = np.arange(len(rows))
    return transport.fly(
        np.random.default_rng(seed), rows, geometry.tracker, decays.decay_table(),
        switches.material, switches.decays,
    )  # fmt: skip


def central(geometry, column):
    """Sum of a column over the cylinders."""
    layers = geometry.tracker.layers
    return layers[layers[:, DISKS] == 0, column].sum()


def within(count, n, probability):
    return abs(count / n - probability) < 4 * np.sqrt(probability * (1 - probability) / n)


def test_photons_convert_with_seven_ninths_of_the_radiation_lengths(geometry):
    n = 8000
    flown = fly(geometry, generated_events(22, np.full(n, 20.0), 0.0, np.linspace(-3, 3, n)))
    depth = central(geometry, RADIATION)
    # Radiated photons convert too, so count the electrons that photons themselves gave.
    first = int((flown.candidates[:, SECONDARY] == 2).sum()) // 2
    assert within(first, n, 1 - np.exp(-7 / 9 * depth))
    assert flown.counts[CONVERSIONS] >= first


def test_electrons_of_a_conversion_share_the_photons_energy_and_start_on_a_layer(geometry):
    n = 2000
    flown = fly(geometry, generated_events(22, np.full(n, 20.0), 0.7, np.linspace(-3, 3, n)))
    pairs = flown.candidates
    by_photon = np.bincount(pairs[:, SOURCE].astype(int), pairs[:, E], minlength=n)
    converted = by_photon > 0
    photon = flown.particles[:, E]
    np.testing.assert_allclose(by_photon[converted], photon[converted], rtol=1e-9)
    assert (np.bincount(pairs[:, SOURCE].astype(int), pairs[:, CODE]) == 0).all()
    radius = np.hypot(pairs[:, X], pairs[:, Y])
    on = np.abs(radius[:, None] - geometry.tracker.layers[:, POSITION]).min(axis=1) < 1e-6
    at = np.abs(np.abs(pairs[:, Z, None]) - geometry.tracker.layers[:, POSITION]).min(axis=1) < 1e-6
    assert (on | at).all()
    share = pairs[pairs[:, CODE] == 11, E] / 20e3 / np.cosh(0.7)
    # The mean of x^2 under 1 - 4/3 x (1 - x), which integrates to 7/9, is 13/35.
    assert abs((share**2).mean() - 13 / 35) < 4 * (share**2).std() / np.sqrt(len(share))


def test_electrons_lose_exp_minus_t_on_average():
    # Bethe and Heitler: <z> = e^-t.
    rng = np.random.default_rng(2)
    for depth in (0.02, 0.3):
        kept = np.array([material.energy_kept(rng, depth) for _ in range(20000)])
        assert abs(kept.mean() - np.exp(-depth)) < 4 * kept.std() / np.sqrt(len(kept))


def test_radiating_electrons_keep_their_energy_together(geometry):
    n = 1000
    flown = fly(geometry, generated_events(11, np.full(n, 20.0), 0.3, np.linspace(-3, 3, n)))
    arriving = np.bincount(flown.pieces[:, SOURCE].astype(int), flown.pieces[:, E], minlength=n)
    missed = flown.account[:, states.MISSED]
    np.testing.assert_allclose(arriving + missed, flown.particles[:, E], rtol=1e-9)
    assert flown.counts[BREMSSTRAHLUNG] > n
    depth = central(geometry, RADIATION) * np.cosh(0.3)
    electron = flown.pieces[flown.pieces[:, CODE] == 11]
    kept = np.bincount(electron[:, SOURCE].astype(int), electron[:, E], minlength=n)
    share = kept / flown.particles[:, E]
    # Softer photons than the threshold stay; electrons of later conversions add: a few per cent.
    assert share.mean() == pytest.approx(np.exp(-depth), abs=0.04)


def test_nothing_happens_to_muons_nor_without_material(geometry):
    n = 300
    muons = fly(geometry, generated_events(13, np.full(n, 20.0), 0.3, np.linspace(-3, 3, n)))
    assert muons.counts.sum() == 0
    bare = fly(
        geometry, generated_events([11, 22, 130] * 100, 20.0, 0.3, 0.0), material=False,
        decays=False,
    )  # fmt: skip
    assert bare.counts.sum() == 0
    np.testing.assert_array_equal(bare.pieces[:, CODE], bare.particles[:, CODE])


def test_hadrons_interact_with_the_trackers_interaction_length(geometry):
    n = 20000
    flown = fly(
        geometry, generated_events(2112, np.full(n, 20.0), 0.0, np.linspace(-3, 3, n)), decays=False
    )
    depth = central(geometry, INTERACTION)
    assert within(flown.counts[NUCLEAR], n, 1 - np.exp(-depth))
    assert flown.started.sum() == flown.counts[NUCLEAR]


def test_kaons_decay_with_their_lifetime_and_keep_their_identity(geometry):
    # K+ of 3 GeV at eta = 0: c tau 3.713 m, R = 2.63 m. The path in the field is an arc; the face
    # is 1.5 m away.
    n = 8000
    flown = fly(
        geometry, generated_events(321, np.full(n, 3.0), 0.0, np.linspace(-3, 3, n)), material=False
    )
    radius = 3e3 / (0.299792458 * 3.8)
    path = 2 * radius * np.arcsin(1500.0 / (2 * radius))
    inside = np.exp(-75.0 * 0.49368 / 3.0 / 3713.0)
    whole = np.exp(-path * 0.49368 / 3.0 / 3713.0)
    kept = (flown.particles[:, CODE] == 321).sum()
    assert within(kept, n, inside)
    untouched = (flown.pieces[:, CODE] == 321).sum()
    assert within(untouched, n, whole)
    # Muons and pions of later decays count as the kaon's.
    owner = flown.particles[flown.pieces[:, SOURCE].astype(int), CODE]
    later = (owner == 321) & (flown.pieces[:, CODE] != 321)
    assert later.sum() > 0.05 * n


def test_short_kaons_give_way_to_pions_that_leave_tracks_where_they_were_born(geometry):
    n = 3000
    flown = fly(geometry, generated_events(np.full(n, 310), 2.0, 0.2, 0.5), material=False)
    pions = flown.particles[np.abs(flown.particles[:, CODE]) == 211]
    assert len(pions) > n / 4
    radius = np.hypot(pions[:, X], pions[:, Y])
    assert radius.max() < geometry.table.vertex_radius
    assert radius.min() > 0
    # gamma beta c tau sin(theta) = pT / m c tau: 108 mm; half decay in the first 75 mm.
    remaining = (flown.particles[:, CODE] == 310).sum()
    assert within(remaining, n, np.exp(-75.0 * 0.49761 / 2.0 / 26.842))
    energy = flown.particles[:, E].sum() + flown.neutrinos
    assert energy == pytest.approx(n * 1e3 * np.hypot(2.0 * np.cosh(0.2), 0.49761), rel=1e-6)


def test_rows_of_pieces_and_candidates_survive_the_removal_of_decayed_particles(geometry):
    events = generated_events([3122, 211, 3122, 22] * 200, 4.0, 0.1, 0.3)
    flown = fly(geometry, events)
    assert flown.counts[DECAYS] > 100
    owner = flown.particles[flown.candidates[:, SOURCE].astype(int)]
    own = flown.candidates[:, SECONDARY] == 0
    np.testing.assert_array_equal(flown.candidates[own, CODE], owner[own, CODE])
    np.testing.assert_allclose(flown.candidates[own, PX : PZ + 1], owner[own, PX : PZ + 1])
    assert (owner[~own, CODE] == 22).all()
    primaries = flown.particles[:, SOURCE].astype(int)
    assert primaries.max() < 800
    arriving = np.zeros(len(flown.particles))
    np.add.at(arriving, flown.pieces[:, SOURCE].astype(int), flown.pieces[:, E])
    gone = flown.account[:, [states.MISSED, states.NEUTRINO, states.REST]].sum(axis=1)
    np.testing.assert_allclose(arriving + gone, flown.particles[:, E], rtol=1e-6)


def test_an_empty_event_and_an_empty_tracker_are_fine(geometry):
    none = generated_events([12], 20.0, 0.0, 0.0)
    assert len(fly(geometry, none).particles) == 0
    empty = geometry.tracker.layers[:0]
    bare = dataclasses.replace(geometry, tracker=geometry.tracker._replace(layers=empty))
    flown = fly(bare, generated_events([22, 11, 211], 20.0, 0.0, 0.0))
    assert flown.hits.tolist() == [0, 0]
    assert flown.counts[CONVERSIONS] == 0
