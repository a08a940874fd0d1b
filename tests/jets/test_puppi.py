"""PUPPI against the paper's formulas (arXiv 1407.6013), and on events whose pile-up is known."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from scipy import stats

from helpers.events import generated_events
from jetchain.core.io.events import read_events, write_events
from jetchain.core.kinematics import pt_eta_phi
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.jets import jets_table
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.jets.cluster import cluster, find_jets
from jetchain.jets.containers import Particles, offsets
from jetchain.jets.pileup import without_density
from jetchain.jets.puppi import Tracks, hard_z, puppi, weights
from jetchain.jets.settings import ClusterJobSettings

RADIUS, RANGE = 0.8, 2.5
A_COLLISION = 60  # soft particles of one in |eta| < 3
HARD = 60


def event(seed, collisions):
    """Two hard jets of 500 GeV with an underlying event, and soft collisions.

    60 % of the particles in reach of the tracker are charged.
    """
    random = np.random.default_rng(seed)
    soft = A_COLLISION * (1 + collisions)
    eta = np.concatenate(
        [np.repeat([0.3, -1.0], HARD // 2) + random.normal(0, 0.1, HARD),
         random.uniform(-3, 3, soft)]
    )  # fmt: skip
    phi = np.concatenate(
        [np.repeat([0.5, 0.5 - np.pi], HARD // 2) + random.normal(0, 0.1, HARD),
         random.uniform(-np.pi, np.pi, soft)]
    )  # fmt: skip
    pt = np.concatenate([random.exponential(1.0, HARD), random.exponential(0.7, soft)])
    for side in (slice(0, HARD // 2), slice(HARD // 2, HARD)):
        pt[side] *= 500 / pt[side].sum()
    charge = np.where((random.random(len(pt)) < 0.6) & (np.abs(eta) < RANGE), 1.0, 0.0)
    vertex = np.concatenate([np.zeros(1), random.normal(0, 50, collisions)])
    z = np.concatenate([np.zeros(HARD), np.repeat(vertex, A_COLLISION)])
    momentum = [pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)]
    return np.stack(momentum, 1), charge, np.where(charge != 0, z, 0.0)


def events(collisions, number=6):
    found = [event(seed, collisions) for seed in range(number)]
    momenta, charge, z0 = zip(*found, strict=True)
    counts = np.array([len(each) for each in momenta])
    index = np.concatenate([np.arange(count) for count in counts])
    charges = np.concatenate(charge)
    return (
        Particles(np.concatenate(momenta), offsets(counts), index),
        Tracks(charges, np.zeros(len(charges)), np.concatenate(z0)),
    )


def by_the_paper(particles, tracks, mean):
    """Equations 2.1 to 2.8, event by event, with all pairs at once."""
    result = []
    for start, stop in zip(particles.offset[:-1], particles.offset[1:], strict=True):
        mine = slice(start, stop)
        pt, eta, phi = pt_eta_phi(*particles.momentum[mine, :3].T)
        charged = tracks.charge[mine] != 0
        hard = charged & (np.abs(tracks.z0[mine]) / np.cosh(eta) < 2.0)
        turn = np.abs(phi[:, None] - phi)
        distance = np.hypot(eta[:, None] - eta, np.minimum(turn, 2 * np.pi - turn))
        near = (distance >= 0.02) & (distance <= 0.3)
        part = np.where(near, pt / np.where(near, distance, 1.0), 0.0)
        with np.errstate(divide="ignore"):
            forms = {True: np.log(part[:, hard].sum(1)), False: np.log(part.sum(1))}
        weight = np.where(hard, 1.0, 0.0)
        for central, alpha in forms.items():
            pileup = alpha[charged & ~hard & np.isfinite(alpha)]
            median = np.median(pileup)
            spread = np.sqrt(np.mean((pileup[pileup < median] - median) ** 2))
            above = np.where(alpha > median, ((alpha - median) / spread) ** 2, 0.0)
            found = stats.chi2.cdf(above, 1)
            found[(found < 0.1) | (found * pt < 0.1 + 0.007 * mean)] = 0.0
            chosen = ~charged & ((np.abs(eta) < RANGE) == central)
            weight[chosen] = found[chosen]
        result.append(weight)
    return np.concatenate(result)


def test_weights_are_those_of_the_paper():
    particles, tracks = events(20, number=3)
    found = weights(particles, tracks, 20.0, RANGE)
    np.testing.assert_allclose(found, by_the_paper(particles, tracks, 20.0), atol=1e-9)
    assert 0 < np.count_nonzero((found > 0) & (found < 1)) < len(found)


@pytest.mark.parametrize("collisions", [10, 30, 60])
def test_jets_close_with_pileup_as_without(collisions):
    def leading(particles):
        jets = find_jets(particles, RADIUS, pt_min=100.0, eta_max=RANGE)
        return jets, np.array([np.hypot(*jets.momentum[k, :2]) for k in jets.offset[:-1]])

    clean, _ = events(0)
    busy, tracks = events(collisions)
    _, expected = leading(clean)
    jets, before = leading(busy)
    _, found = leading(puppi(busy, tracks, collisions, RANGE))
    area = without_density(jets, busy, RADIUS, RANGE)
    by_area = np.hypot(*area.momentum[jets.offset[:-1], :2].T)
    rise = np.mean(before / expected) - 1
    assert rise > 0.0015 * collisions
    for each in (found, by_area):
        assert abs(np.mean(each / expected) - 1) < 0.15 * rise


def test_without_pileup_nothing_is_lost():
    particles, tracks = events(0)
    found = weights(particles, tracks, 0.0, RANGE)
    pt = np.hypot(*particles.momentum[:, :2].T)
    np.testing.assert_array_equal(found[pt > 0.1], 1.0)


def test_what_begins_off_the_beam_is_weighted_as_a_neutral_particle():
    particles, tracks = events(20, number=1)
    jet = np.flatnonzero(tracks.charge[:HARD])[0]  # a charged particle of the hard jet
    z0, d0 = tracks.z0.copy(), tracks.d0.copy()
    z0[jet] = 30.0
    as_pileup = weights(particles, Tracks(tracks.charge, d0, z0), 20.0, RANGE)
    d0[jet] = 10.0
    displaced = weights(particles, Tracks(tracks.charge, d0, z0), 20.0, RANGE)
    assert as_pileup[jet] == 0.0
    assert displaced[jet] > 0.9


def test_index_and_events_stay():
    particles, tracks = events(15, number=2)
    kept = puppi(particles, tracks, 15.0, RANGE)
    weight = weights(particles, tracks, 15.0, RANGE)
    rows = kept.index + particles.offset[:-1].repeat(np.diff(kept.offset))
    np.testing.assert_array_equal(rows, np.flatnonzero(weight))
    np.testing.assert_array_equal(kept.momentum, particles.momentum[rows] * weight[rows, None])
    nothing = Particles(np.zeros((0, 4)), np.zeros(3, np.int64), np.zeros(0, np.int64))
    assert len(puppi(nothing, Tracks(*np.zeros((3, 0))), 15.0, RANGE).momentum) == 0


def clustered(folder, shift):
    """Jets of two events whose hard collisions lie at 0 and -5 mm, both moved along the beam."""
    folder.mkdir()
    particles, tracks = events(20, number=2)
    counts = np.diff(particles.offset)
    place = np.repeat([shift, shift - 5.0], counts)
    columns = dict(zip(("px", "py", "pz", "e"), particles.momentum.T, strict=True))
    columns |= {"charge": tracks.charge, "z0": np.where(tracks.charge != 0, tracks.z0 + place, 0)}
    pflow = {
        name: ak.unflatten(columns.get(name, np.zeros(len(place))).astype(declared.dtype), counts)
        for name, declared in RECONSTRUCTED.collections["pflow"].items()
    }
    generated = generated_events(
        22, np.full(8, 90.0), 0.3, 0.1, per_event=4,
        vertex=np.column_stack([np.zeros((8, 2)), np.repeat([shift, shift - 5.0], 4)]),
    )  # fmt: skip
    generated["particle"] = ak.with_field(generated["particle"], [[0, 0, -1, 2]] * 2, "vertex")
    number = {name: np.asarray(generated["event"][name]) for name in ("number", "weight")}
    write_events(folder / "t.root", GENERATED, generated)
    write_events(folder / "p.root", RECONSTRUCTED, {"event": number, "pflow": pflow})
    cluster(
        truth=folder / "t.root", particles=folder / "p.root", calibration=[],
        jets=folder / "j.root",
        settings=ClusterJobSettings(
            radii=[RADIUS], pt_min=100.0, pileup="puppi", pileup_mean=20.0, track_eta_max=RANGE,
            truth_radii=[],
        ),
    )  # fmt: skip
    return read_events(folder / "j.root", jets_table((RADIUS,), ()))["ak8"]


def test_the_hard_collision_may_lie_anywhere_along_the_beam(tmp_path):
    """As in files with a spread of vertices: its tracks would count as pile-up beyond 2 mm."""
    at_origin, moved = (clustered(tmp_path / f"{z}", z) for z in (0.0, 60.0))
    assert ak.num(at_origin["pt"]).tolist() == [2, 2]
    np.testing.assert_allclose(ak.flatten(moved["pt"]), ak.flatten(at_origin["pt"]), rtol=1e-6)
    assert ak.all(abs(at_origin["pt"] / 500 - 1) < 0.1)


def test_an_event_without_particles_has_its_collision_at_the_origin():
    empty = ak.zip({"z": ak.Array([[], [3.0, 1.0, 9.0, 5.0]]), "vertex": [[], [0, 0, 1, -1]]})
    assert hard_z(empty).tolist() == [0.0, 3.0]
    assert len(hard_z(empty[:0])) == 0
