"""Pile-up: how many collisions, where, how turned; hard events stay; chunks do not matter."""

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from helpers.events import generated_events
from jetchain.core.errors import ConfigurationError, DataError, EmptySampleError
from jetchain.core.io.events import write_events
from jetchain.core.schema.generate import GENERATED
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight.pileup import COLUMNS, draw, overlay, read_pool
from jetchain.detector.settings import PileupSettings, SimulationSettings
from jetchain.detector.simulate import simulate, simulate_chunks
from jetchain.detector.table import Account
from jetchain.plumbing import configuration

COCOA = Path(__file__).parents[3] / "resources" / "geometry" / "cocoa.yaml"
SETTINGS = PileupSettings(mean=4.0, spread_z=45.0)


@pytest.fixture(scope="module")
def minbias(tmp_path_factory):
    """Two files of 30 events: a pion, a photon, a neutrino, one too soft, one too far forward.

    The pT of an event's particles tells the event: 2.00, 2.01, ... GeV.
    """
    folder = tmp_path_factory.mktemp("pool")
    paths = []
    for part in range(2):
        pt = np.repeat(2.0 + 0.01 * (30 * part + np.arange(30)), 5)
        pt[3::5] = 0.2
        data = generated_events(
            np.tile([211, 22, 12, 22, 22], 30), pt, np.tile([1.0, -1.0, 0.0, 0.0, 4.0], 30), 0.3,
            vertex=(0.5, 0.0, 1.0), per_event=5,
        )  # fmt: skip
        paths.append(folder / f"{part:04d}.root")
        write_events(paths[-1], GENERATED, data)
    return paths


@pytest.fixture(scope="module")
def pool(minbias):
    return read_pool(minbias, SimulationSettings())


def many(events):
    """Hard events of a photon and a neutrino."""
    return generated_events(
        np.tile([22, 12], events), 30.0, 0.5, np.linspace(-3, 3, 2 * events),
        per_event=2, first_number=7,
    )  # fmt: skip


def test_the_pool_holds_what_is_simulated(pool):
    assert pool.events == 60
    assert np.diff(pool.offset).tolist() == [2] * 60
    assert set(pool.particles["pdgid"]) == {211, 22}


@pytest.mark.parametrize("weight", [0.5, -1.0, 0.0])
def test_a_pool_of_weighted_events_is_refused(weight, minbias, tmp_path):
    """Drawn alike they would be another spectrum; a common weight of all changes nothing."""
    data = generated_events([22, 22], 5.0, 0.5, 0.1)
    data["event"] = ak.with_field(data["event"], [1.0, weight], "weight")
    write_events(tmp_path / "weighted.root", GENERATED, data)
    with pytest.raises(DataError, match="different weights"):
        read_pool([tmp_path / "weighted.root"], SimulationSettings())
    data["event"] = ak.with_field(data["event"], [0.25, 0.25], "weight")
    write_events(tmp_path / "weighted.root", GENERATED, data)
    assert read_pool([tmp_path / "weighted.root"], SimulationSettings()).events == 2


def test_numbers_places_and_angles_are_distributed_as_they_should():
    n = 4000
    drawn = draw(np.arange(n), 1000, SETTINGS, 3)
    number = np.bincount(drawn.event, minlength=n)
    # A Poisson's variance equals its mean; errors of mean and of variance.
    assert abs(number.mean() - 4.0) < 4 * np.sqrt(4.0 / n)
    assert abs(number.var() - 4.0) < 4 * np.sqrt((2 * 4.0**2 + 4.0) / n)
    total = len(drawn.z)
    assert abs(drawn.z.mean()) < 4 * 45.0 / np.sqrt(total)
    assert abs(drawn.z.std() - 45.0) < 4 * 45.0 / np.sqrt(2 * total)
    for order in (1, 2):  # every Fourier coefficient of a uniform angle vanishes
        assert abs(np.exp(1j * order * drawn.turn).mean()) < 4 / np.sqrt(total)
    counts = np.bincount(drawn.source, minlength=1000)
    assert abs(counts.var() / counts.mean() - 1) < 4 * np.sqrt(2 / 1000)


def test_no_event_has_the_same_collision_twice():
    drawn = draw(np.arange(500), 12, PileupSettings(mean=4.0), 1)
    pairs = np.stack([drawn.event, drawn.source])
    assert np.unique(pairs, axis=1).shape == pairs.shape


def test_hard_particles_come_first_and_are_unchanged(pool):
    events = many(50)
    numbers = np.asarray(events["event"]["number"])
    result = overlay(numbers, events["particle"], pool, SETTINGS, 9)
    assert ak.all(result["truth_idx"][:, :2] == [[0, 1]] * 50)
    assert ak.all(result["truth_idx"][:, 2:] == -1)
    for name in COLUMNS:
        assert ak.all(result[name][:, :2] == events["particle"][name])
    assert ak.mean(ak.num(result)) > 5


def test_collisions_are_moved_and_turned_as_a_whole(pool):
    events = many(80)
    result = overlay(np.asarray(events["event"]["number"]), events["particle"], pool, SETTINGS, 9)
    added = result[:, 2:]
    pion, photon = added[added["pdgid"] == 211], added[added["pdgid"] == 22]
    flat = {
        kind: {name: np.asarray(ak.flatten(part[name])).astype(float) for name in COLUMNS}
        for kind, part in (("pion", pion), ("photon", photon))
    }
    one, two = flat["pion"], flat["photon"]
    assert len(one["z"]) == len(two["z"]) > 200
    np.testing.assert_allclose(one["z"], two["z"], rtol=1e-6)
    pt = [np.hypot(part["px"], part["py"]) for part in (one, two)]
    np.testing.assert_allclose(pt[0], pt[1], rtol=1e-5)
    phi = [np.arctan2(part["py"], part["px"]) for part in (one, two)]
    np.testing.assert_allclose(np.cos(phi[0] - phi[1]), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.arcsinh(one["pz"] / pt[0]), 1.0, rtol=1e-5)
    # The decay vertex, 0.5 mm off the beam at azimuth 0, is turned like the momentum (at 0.3).
    np.testing.assert_allclose(np.hypot(one["x"], one["y"]), 0.5, rtol=1e-5)
    turn = np.arctan2(one["y"], one["x"])
    np.testing.assert_allclose(np.cos(phi[0] - turn - 0.3), 1.0, atol=1e-6)
    assert np.std(one["z"] - 1.0) == pytest.approx(45.0, rel=4 / np.sqrt(2 * len(turn)))


def test_events_depend_on_their_numbers_and_the_seed_only(pool):
    events = many(40)
    numbers = np.asarray(events["event"]["number"])
    whole = overlay(numbers, events["particle"], pool, SETTINGS, 9)
    parts = [
        overlay(numbers[a:b], events["particle"][a:b], pool, SETTINGS, 9)
        for a, b in ((0, 1), (1, 17), (17, 40))
    ]
    assert ak.array_equal(ak.concatenate(parts), whole)
    other = overlay(numbers, events["particle"], pool, SETTINGS, 10)
    assert not np.array_equal(ak.num(other), ak.num(whole))


def test_without_a_pool_particles_stay_as_they_are():
    events = many(5)
    result = overlay(np.arange(5), events["particle"], None, PileupSettings(), 1)
    assert ak.array_equal(result[[*COLUMNS]], events["particle"])
    assert result["truth_idx"].to_list() == [[0, 1]] * 5


def test_pile_up_adds_energy_to_the_detector(geometry, pool):
    settings = SimulationSettings(store_cells=False, pileup=SETTINGS)
    energy = []
    for used in (None, pool):
        totals = Account(geometry)
        simulation = EventSimulation(geometry, settings, 3)
        (table,) = simulate_chunks(many(40), simulation, totals, used)
        energy.append(np.mean(ak.sum(table["topo"]["e"], axis=1)))
    # 4 collisions of a charged pion and a photon at |eta| = 1, of 3.5 GeV on average each.
    assert 5e3 < energy[1] - energy[0] < 30e3


def test_a_pool_that_is_too_small_is_refused(tmp_path, minbias):
    write_events(tmp_path / "in.root", GENERATED, many(3))
    with pytest.raises(EmptySampleError, match="pool") as refusal:
        simulate(
            events=tmp_path / "in.root", pileup=minbias[:2], geometry=COCOA,
            output=tmp_path / "out.root", account=tmp_path / "out.json",
            settings=SimulationSettings(pileup=PileupSettings(mean=90.0)), seed=5,
        )  # fmt: skip
    assert "detector.pileup_sample" in refusal.value.remedy
    assert not (tmp_path / "out.root").exists()


def test_the_pool_must_be_a_known_sample_where_there_is_pile_up():
    change = {"detector": {"pileup_sample": "minbia", "simulation": {"pileup": {"mean": 1.0}}}}
    with pytest.raises(ConfigurationError, match=r"detector\.pileup_sample.*'minbias'"):
        configuration.load(change)
    configuration.load({"detector": {"pileup_sample": "minbia"}})
