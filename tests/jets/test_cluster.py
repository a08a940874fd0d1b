"""Anti-kT jets of a shard: FastJet event by event as the oracle, and the laws of jets."""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np
import pytest

from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events, write_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.jets import JetCalibrations, JetsBench, jets_table
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.jets.bench import bench
from jetchain.jets.cluster import Particles, cluster, find_jets
from jetchain.jets.settings import BenchJobSettings, ClusterJobSettings

EXACT = 1e-9  # relative, of sums in another order
RADIUS = 0.8
CUTS = {"pt_min": 100.0, "eta_max": 2.5}


def spray(seed: int, events: int = 6) -> Particles:
    """Events of two back-to-back sprays of particles and some soft ones in between."""
    random = np.random.default_rng(seed)
    momenta, counts = [], []
    for _ in range(events):
        axis = random.uniform(-np.pi, np.pi)
        eta = np.concatenate([random.normal(c, 0.3, 40) for c in random.uniform(-2, 2, 2)])
        phi = np.concatenate([random.normal(axis + side, 0.3, 40) for side in (0, np.pi)])
        eta = np.concatenate([eta, random.uniform(-4, 4, 60)])
        phi = np.concatenate([phi, random.uniform(-np.pi, np.pi, 60)])
        pt = np.concatenate([random.exponential(10, 80), random.exponential(0.7, 60)])
        mass = random.choice([0.0, 0.13957, 0.938], 140)
        momenta.append(
            np.stack(
                [
                    pt * np.cos(phi),
                    pt * np.sin(phi),
                    pt * np.sinh(eta),
                    np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2),
                ],
                axis=1,
            )
        )
        counts.append(140)
    return as_particles(momenta)


def as_particles(momenta: list[np.ndarray]) -> Particles:
    counts = [len(each) for each in momenta]
    return Particles(
        np.concatenate(momenta),
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([np.arange(count) for count in counts]),
    )


def per_event(particles: Particles) -> list[np.ndarray]:
    return np.split(particles.momentum, particles.offset[1:-1])


@pytest.mark.parametrize("radius", [0.4, 0.8, 1.0])
def test_same_jets_as_fastjet_on_single_events(radius: float) -> None:
    particles = spray(1)
    found = find_jets(particles, radius, **CUTS)
    total = 0
    for event, momenta in enumerate(per_event(particles)):
        pseudojets = [fastjet.PseudoJet(*map(float, each)) for each in momenta]
        for index, each in enumerate(pseudojets):
            each.set_user_index(index)
        sequence = fastjet.ClusterSequence(
            pseudojets, fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
        )
        expected = [
            jet
            for jet in fastjet.sorted_by_pt(sequence.inclusive_jets(CUTS["pt_min"]))
            if abs(jet.eta()) < CUTS["eta_max"]
        ]
        mine = slice(found.offset[event], found.offset[event + 1])
        assert mine.stop - mine.start == len(expected)
        for jet, oracle in zip(range(mine.start, mine.stop), expected, strict=True):
            np.testing.assert_allclose(
                found.momentum[jet],
                [oracle.px(), oracle.py(), oracle.pz(), oracle.e()],
                rtol=EXACT,
                atol=1e-9,
            )
            rows = found.constituents[
                found.constituent_offset[jet] : found.constituent_offset[jet + 1]
            ]
            assert set(particles.index[rows]) == {c.user_index() for c in oracle.constituents()}
            total += 1
    assert total >= 6


def test_constituents_sum_to_the_jet_and_fall_in_pt() -> None:
    particles = spray(2)
    found = find_jets(particles, RADIUS, **CUTS)
    for jet in range(len(found.momentum)):
        start, stop = found.constituent_offset[jet : jet + 2]
        constituents = particles.momentum[found.constituents[start:stop]]
        np.testing.assert_allclose(constituents.sum(axis=0), found.momentum[jet], rtol=EXACT)
        assert np.all(np.diff(np.hypot(constituents[:, 0], constituents[:, 1])) <= 0)
    pt, eta, _ = pt_eta_phi(*found.momentum[:, :3].T)
    assert np.all(pt > CUTS["pt_min"])
    assert np.all(np.abs(eta) < CUTS["eta_max"])
    for first, last in zip(found.offset[:-1], found.offset[1:], strict=True):
        assert np.all(np.diff(pt[first:last]) <= 0)


def test_an_event_does_not_depend_on_its_neighbours() -> None:
    particles = spray(3)
    together = find_jets(particles, RADIUS, **CUTS)
    alone = [find_jets(as_particles([each]), RADIUS, **CUTS) for each in per_event(particles)]
    np.testing.assert_array_equal(together.momentum, np.concatenate([j.momentum for j in alone]))


def test_soft_ghosts_and_collinear_splits_leave_the_jets() -> None:
    particles = spray(4)
    before = find_jets(particles, RADIUS, **CUTS)
    random = np.random.default_rng(5)
    changed = []
    for momenta in per_event(particles):
        share = random.uniform(0.2, 0.8, (len(momenta), 1))
        eta, phi = random.uniform(-3, 3, 50), random.uniform(-np.pi, np.pi, 50)
        ghosts = 1e-30 * np.stack([np.cos(phi), np.sin(phi), np.sinh(eta), np.cosh(eta)], axis=1)
        changed.append(np.concatenate([share * momenta, ghosts, (1 - share) * momenta]))
    after = find_jets(as_particles(changed), RADIUS, **CUTS)
    np.testing.assert_array_equal(before.offset, after.offset)
    np.testing.assert_allclose(before.momentum, after.momentum, rtol=1e-9, atol=1e-9)


def test_rotations_and_boosts_along_the_beam_carry_the_jets_along() -> None:
    particles = spray(6)
    before = find_jets(particles, RADIUS, pt_min=100.0, eta_max=20.0)
    angle, boost = 1.3, 0.4
    px, py, pz, e = particles.momentum.T
    moved = np.stack(
        [
            px * np.cos(angle) - py * np.sin(angle),
            px * np.sin(angle) + py * np.cos(angle),
            pz * np.cosh(boost) + e * np.sinh(boost),
            e * np.cosh(boost) + pz * np.sinh(boost),
        ],
        axis=1,
    )
    after = find_jets(
        Particles(moved, particles.offset, particles.index), RADIUS, pt_min=100.0, eta_max=20.0
    )
    np.testing.assert_array_equal(before.constituents, after.constituents)
    first, second = (np.hypot(j.momentum[:, 0], j.momentum[:, 1]) for j in (before, after))
    np.testing.assert_allclose(first, second, rtol=EXACT)
    phi = [np.arctan2(j.momentum[:, 1], j.momentum[:, 0]) for j in (before, after)]
    np.testing.assert_allclose(delta_phi(phi[1] - angle, phi[0]), 0, atol=1e-9)


def test_jets_outside_the_eta_cut_are_counted() -> None:
    particles = spray(7)
    wide = find_jets(particles, RADIUS, pt_min=100.0, eta_max=20.0)
    narrow = find_jets(particles, RADIUS, pt_min=100.0, eta_max=1.0)
    assert narrow.outside > 0
    assert len(narrow.momentum) + narrow.outside == len(wide.momentum) + wide.outside


# ------------------------------------------------------------------------------------- the verb


def write_shard(folder, particles: Particles, *, seen_as: int = 211, numbers=None) -> dict:
    """A generated and a reconstructed file with the same particles; every second is a neutrino."""
    events = len(particles.offset) - 1
    counts = np.diff(particles.offset)
    numbers = np.arange(events) if numbers is None else numbers
    jagged = {
        name: ak.unflatten(particles.momentum[:, axis], counts)
        for axis, name in enumerate(("px", "py", "pz", "e"))
    }
    zero = ak.zeros_like(jagged["px"])
    event = {"number": np.arange(events), "weight": np.linspace(0.5, 1.5, events)}
    nothing = ak.Array([[]] * events)
    write_events(
        folder / "truth.root",
        GENERATED,
        {
            "event": event
            | {name: np.zeros(events) for name in GENERATED.event if name not in event},
            "particle": jagged
            | {
                name: zero + seen_as if name == "seen_as" else zero
                for name in GENERATED.collections["particle"]
                if name not in jagged
            },
            "parton": dict.fromkeys(GENERATED.collections["parton"], nothing),
            "hadron": dict.fromkeys(GENERATED.collections["hadron"], nothing),
        },
    )
    columns = RECONSTRUCTED.collections["pflow"]
    write_events(
        folder / "particles.root",
        RECONSTRUCTED,
        {
            "event": event | {"number": numbers},
            "pflow": {name: jagged.get(name, zero) for name in columns},
        },
    )
    return {
        "truth": folder / "truth.root",
        "particles": folder / "particles.root",
        "calibration": [],
    }


SETTINGS = ClusterJobSettings(radii=[0.8, 1.0], pt_min=100.0)


def test_the_verb_writes_every_event_with_truth_and_reconstructed_jets(tmp_path) -> None:
    silent = np.zeros((0, 4))
    particles = as_particles([*per_event(spray(8)), silent])
    cluster(**write_shard(tmp_path, particles), jets=tmp_path / "jets.root", settings=SETTINGS)
    table = read_events(tmp_path / "jets.root", jets_table((0.8, 1.0)))
    np.testing.assert_array_equal(table["event"]["number"], np.arange(7))
    np.testing.assert_array_equal(table["event"]["weight"], np.linspace(0.5, 1.5, 7))
    assert ak.num(table["ak8"])[-1] == 0
    assert ak.sum(ak.num(table["ak8"])) > 5
    # The two files hold the same particles, so truth and reconstructed jets are the same.
    assert ak.all(table["ak10"]["msd"] == table["truth_ak10"]["msd"])
    first = table["ak8"][0, 0]
    stored = per_event(particles)[0].astype(np.float32).astype(np.float64)
    summed = stored[np.asarray(first["constituents"])].sum(axis=0)
    assert np.hypot(summed[0], summed[1]) == pytest.approx(first["pt"], rel=1e-6)


def test_a_reader_s_missing_radius_names_the_key(tmp_path) -> None:
    settings = ClusterJobSettings(radii=[1.0], truth_radii=[])
    cluster(**write_shard(tmp_path, spray(8)), jets=tmp_path / "jets.root", settings=settings)
    found = read_events(tmp_path / "jets.root", jets_table((1.0,)), {"ak10": ["pt"]})
    assert ak.sum(ak.num(found["ak10"])) > 0
    with pytest.raises(DataError, match=r"jets\.root: .*no collection truth_ak10"):
        read_events(tmp_path / "jets.root", jets_table((1.0,)), {"truth_ak10": ["pt"]})
    with pytest.raises(DataError, match=r"jets\.root: .*no collection ak8") as refused:
        read_events(tmp_path / "jets.root", jets_table((0.8,)), {"ak8": ["pt"]})
    assert "jets.clustering.radii" in refused.value.remedy


def test_jets_of_a_radius_that_is_not_calibrated_are_refused(tmp_path) -> None:
    write_result(tmp_path / "c.json", JetCalibrations(radii=[]))
    shard = write_shard(tmp_path, spray(8)) | {"calibration": [tmp_path / "c.json"]}
    with pytest.raises(DataError, match=r"c\.json: no calibration of jets with R = 0\.8, 1\.0"):
        cluster(**shard, jets=tmp_path / "jets.root", settings=SETTINGS)


def test_invisible_particles_make_no_truth_jets(tmp_path) -> None:
    shard = write_shard(tmp_path, spray(9), seen_as=0)
    cluster(**shard, jets=tmp_path / "jets.root", settings=SETTINGS)
    table = read_events(tmp_path / "jets.root", jets_table((0.8, 1.0)))
    assert ak.sum(ak.num(table["truth_ak8"])) == 0
    assert ak.sum(ak.num(table["ak8"])) > 0


def test_truth_jets_of_what_is_simulated_hold_nothing_below_its_threshold(tmp_path) -> None:
    particles = spray(12)
    shard = write_shard(tmp_path, particles)
    momenta = [each.astype(np.float32).astype(np.float64) for each in per_event(particles)]
    found = {}
    cuts = {"particle_pt_min": 2.0, "particle_eta_max": 3.0}
    for truth in ("all", "visible"):
        settings = SETTINGS.model_copy(update=cuts | {"truth": truth})
        cluster(**shard, jets=tmp_path / f"{truth}.root", settings=settings)
        table = read_events(tmp_path / f"{truth}.root", jets_table((0.8, 1.0)))
        found[truth] = table
        rows = [
            momenta[event][np.asarray(jet["constituents"])]
            for event, jets in enumerate(table["truth_ak8"])
            for jet in jets
        ]
        pt, eta, _ = pt_eta_phi(*np.concatenate(rows)[:, :3].T)
        assert (pt.min() >= 2.0 and np.abs(eta).max() <= 3.0) == (truth == "visible")
    assert ak.all(found["all"]["ak8"]["pt"] == found["visible"]["ak8"]["pt"])


@pytest.mark.parametrize("pileup", ["none", "area", "softkiller", "puppi"])
def test_pileup_is_taken_off_reconstructed_jets_alone(tmp_path, pileup) -> None:
    # All tracks but the sprays' lie at 0: nothing is of pile-up, and PUPPI changes nothing.
    shard = write_shard(tmp_path, spray(13))
    settings = SETTINGS.model_copy(
        update={"pileup": pileup, "pileup_mean": 20.0, "track_eta_max": 2.5}
    )
    cluster(**shard, jets=tmp_path / "jets.root", settings=settings)
    table = read_events(tmp_path / "jets.root", jets_table((0.8, 1.0)))
    cluster(**shard, jets=tmp_path / "plain.root", settings=SETTINGS)
    plain = read_events(tmp_path / "plain.root", jets_table((0.8, 1.0)))
    assert ak.all(table["truth_ak8"]["pt"] == plain["truth_ak8"]["pt"])
    assert ak.all(table["ak8"]["pt"][:, 0] <= plain["ak8"]["pt"][:, 0] * (1 + 1e-6))
    assert ak.all(table["ak8"]["pt"][:, 0] > 0.8 * plain["ak8"]["pt"][:, 0])


def test_a_shard_without_particles_gives_a_shard_without_jets(tmp_path) -> None:
    shard = write_shard(tmp_path, as_particles([np.zeros((0, 4))] * 3))
    cluster(**shard, jets=tmp_path / "jets.root", settings=SETTINGS)
    table = read_events(tmp_path / "jets.root", jets_table((0.8, 1.0)))
    assert len(table["event"]) == 3
    assert ak.sum(ak.num(table["ak8"])) == 0


def test_files_of_different_events_are_refused(tmp_path) -> None:
    shard = write_shard(tmp_path, spray(10), numbers=np.arange(6) + 1)
    with pytest.raises(DataError, match="same events"):
        cluster(**shard, jets=tmp_path / "jets.root", settings=SETTINGS)
    assert not (tmp_path / "jets.root").exists()


def test_momenta_that_are_not_finite_are_refused(tmp_path) -> None:
    particles = spray(11)
    particles.momentum[3, 2] = np.nan
    with pytest.raises(DataError, match="not finite"):
        cluster(**write_shard(tmp_path, particles), jets=tmp_path / "jets.root", settings=SETTINGS)


def test_the_bench_times_every_step_beside_fastjet(tmp_path) -> None:
    shard = write_shard(tmp_path, spray(3))
    bench(
        truth=shard["truth"], particles=shard["particles"], report=tmp_path / "bench.json",
        settings=BenchJobSettings(radius=0.8, pt_min=100.0),
    )  # fmt: skip
    found = read_result(tmp_path / "bench.json", JetsBench)
    steps = found.milliseconds_per_event
    assert set(steps) == {"reading", "flat arrays", "clustering", "substructure"}
    assert sum(steps.values()) > 0
    assert found.fastjet_milliseconds_per_event > 0
