"""Pile-up taken off jets: against FastJet, and on events whose pile-up is known."""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np
import pytest

from jetchain.core.io.events import read_events, write_events
from jetchain.core.kinematics import pt_eta_phi, rapidity
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.jets import jets_table
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.jets.cluster import cluster, find_jets
from jetchain.jets.containers import Particles, offsets, reordered
from jetchain.jets.pileup import soft_killer, without_density
from jetchain.jets.settings import ClusterJobSettings

RADIUS, RANGE = 0.8, 2.5
DENSITY = 1700  # soft particles in |eta| < 4


def event(seed, pileup):
    """Two hard jets of 500 GeV of few particles each, and a soft uniform background."""
    random = np.random.default_rng(seed)
    hard_eta = np.repeat([0.3, -1.0], 10) + random.normal(0, 0.08, 20)
    hard_phi = np.repeat([0.5, 0.5 + np.pi], 10) + random.normal(0, 0.08, 20)
    eta = np.concatenate([hard_eta, random.uniform(-4, 4, pileup)])
    phi = np.concatenate([hard_phi, random.uniform(-np.pi, np.pi, pileup)])
    pt = np.concatenate([np.full(20, 50.0), random.exponential(0.7, pileup)])
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], 1)


def particles(events):
    counts = [len(each) for each in events]
    index = np.concatenate([np.arange(count) for count in counts])
    return Particles(np.concatenate(events), offsets(np.array(counts)), index)


def leading(jets):
    pt, _, _ = pt_eta_phi(*jets.momentum[:, :3].T)
    return np.array([pt[start : start + 2] for start in jets.offset[:-1]])


@pytest.fixture(scope="module")
def both():
    """The same events without and with pile-up."""
    return tuple(particles([event(seed, n) for seed in range(8)]) for n in (0, DENSITY))


def test_the_area_brings_the_jets_back(both):
    clean, busy = both
    cuts = {"pt_min": 100.0, "eta_max": RANGE}
    expected = leading(find_jets(clean, RADIUS, **cuts))
    jets = find_jets(busy, RADIUS, **cuts)
    found = leading(without_density(jets, busy, RADIUS, RANGE))
    before = (leading(jets) / expected).mean() - 1
    assert before > 0.08
    assert abs((found / expected).mean() - 1) < 0.02


def test_the_density_is_that_of_fastjets_kt_jets(both):
    # Against the jets that kT makes of the same event (0707.1378), which hold random ghosts.
    _, busy = both
    jets = find_jets(busy, RADIUS, pt_min=100.0, eta_max=RANGE)
    taken = jets.momentum - without_density(jets, busy, RADIUS, RANGE).momentum
    mine = np.hypot(taken[:2, 0], taken[:2, 1])
    inputs = [fastjet.PseudoJet(*map(float, each)) for each in busy.momentum[: busy.offset[1]]]
    area = fastjet.AreaDefinition(fastjet.active_area, fastjet.GhostedAreaSpec(4.0))
    estimator = fastjet.JetMedianBackgroundEstimator(
        fastjet.SelectorAbsRapMax(RANGE), fastjet.JetDefinition(fastjet.kt_algorithm, 0.4), area
    )
    estimator.set_particles(inputs)
    anti_kt = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    sequence = fastjet.ClusterSequenceArea(inputs, anti_kt, area)
    found = fastjet.sorted_by_pt(sequence.inclusive_jets(100.0))[:2]
    expected = [estimator.rho() * each.area_4vector().pt() for each in found]
    np.testing.assert_allclose(mine, expected, rtol=0.15)


def test_nothing_is_random_and_events_do_not_see_each_other(both):
    _, busy = both
    jets = find_jets(busy, RADIUS, pt_min=100.0, eta_max=RANGE)
    once, again = (without_density(jets, busy, RADIUS, RANGE).momentum for _ in range(2))
    np.testing.assert_array_equal(once, again)
    last = Particles(
        busy.momentum[busy.offset[-2] :], busy.offset[-2:] - busy.offset[-2],
        busy.index[busy.offset[-2] :],
    )  # fmt: skip
    alone = find_jets(last, RADIUS, pt_min=100.0, eta_max=RANGE)
    np.testing.assert_array_equal(
        without_density(alone, last, RADIUS, RANGE).momentum, once[jets.offset[-2] :]
    )


def test_without_pileup_the_area_takes_nothing(both):
    clean, _ = both
    jets = find_jets(clean, RADIUS, pt_min=100.0, eta_max=RANGE)
    np.testing.assert_array_equal(
        without_density(jets, clean, RADIUS, RANGE).momentum, jets.momentum
    )


def test_jets_below_the_density_keep_a_four_momentum(both):
    _, busy = both
    jets = find_jets(busy, RADIUS, pt_min=1.0, eta_max=RANGE)
    momentum = without_density(jets, busy, RADIUS, RANGE).momentum
    assert np.isfinite(rapidity(*momentum.T)).all()
    assert np.min(momentum[:, 3] / np.linalg.norm(momentum[:, :3], axis=1)) > 1 - 1e-12


def test_soft_killer_leaves_half_of_the_cells_empty(both):
    clean, busy = both
    kept = soft_killer(busy, RANGE)
    pt, eta, phi = pt_eta_phi(*kept.momentum[:, :3].T)
    inside = np.abs(eta) < RANGE
    rows, columns = 12, 16  # about 0.4 by 0.4
    cell = np.floor((eta[inside] + RANGE) / (2 * RANGE) * rows) * columns + np.floor(
        (phi[inside] + np.pi) / (2 * np.pi) * columns
    )
    first = np.repeat(np.arange(8), np.diff(kept.offset))[inside] == 0
    assert len(np.unique(cell[first])) <= rows * columns / 2 + 1
    assert np.sum(pt > 40) == 8 * 20
    cuts = {"pt_min": 100.0, "eta_max": RANGE}
    expected = leading(find_jets(clean, RADIUS, **cuts))
    found, before = (leading(find_jets(each, RADIUS, **cuts)) for each in (kept, busy))
    # What is above the cut in the cone stays: a third of it.
    assert abs((found / expected).mean() - 1) < 0.4 * ((before / expected).mean() - 1)
    # The index still says which particle of the event it is.
    whole = busy.momentum[busy.offset[:-1].repeat(np.diff(kept.offset)) + kept.index]
    np.testing.assert_array_equal(whole, kept.momentum)


def test_soft_killer_keeps_all_where_the_event_is_empty(both):
    clean, _ = both
    np.testing.assert_array_equal(soft_killer(clean, RANGE).momentum, clean.momentum)
    np.testing.assert_array_equal(soft_killer(clean, 0.05).momentum, clean.momentum)
    nothing = Particles(np.zeros((0, 4)), np.zeros(3, np.int64), np.zeros(0, np.int64))
    assert len(soft_killer(nothing, RANGE).momentum) == 0


def test_reordered_jets_keep_their_constituents(both):
    _, busy = both
    jets = find_jets(busy, RADIUS, pt_min=100.0, eta_max=RANGE)
    pt, _, _ = pt_eta_phi(*jets.momentum[:, :3].T)
    turned = reordered(jets, 1.0 / pt, 0.0)
    for jet in range(len(pt)):
        rows = turned.constituents[
            turned.constituent_offset[jet] : turned.constituent_offset[jet + 1]
        ]
        np.testing.assert_allclose(busy.momentum[rows].sum(axis=0), turned.momentum[jet])


@pytest.mark.parametrize("way", ["none", "area", "softkiller", "puppi"])
def test_a_shard_without_events_stays_one(way, tmp_path):
    """As of a file without events, or where the filter leaves none."""
    for name, table in (("truth", GENERATED), ("particles", RECONSTRUCTED)):
        event = {column: np.empty(0, declared.dtype) for column, declared in table.event.items()}
        found = {
            collection: {
                column: ak.unflatten(np.empty(0, declared.dtype), np.zeros(0, int))
                for column, declared in columns.items()
            }
            for collection, columns in table.collections.items()
        }
        write_events(tmp_path / f"{name}.root", table, {"event": event, **found})
    cluster(
        truth=tmp_path / "truth.root", particles=tmp_path / "particles.root", calibration=[],
        jets=tmp_path / "jets.root",
        settings=ClusterJobSettings(
            radii=[0.4], pileup=way, pileup_mean=40.0, track_eta_max=2.5
        ),
    )  # fmt: skip
    found = read_events(tmp_path / "jets.root", jets_table((0.4,)))
    assert len(found["event"]) == len(found["ak4"]["pt"]) == 0
