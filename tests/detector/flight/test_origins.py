"""A track's origin and vertex follow its particle; what the detector makes is secondary."""

import awkward as ak
import numpy as np
import pytest

from helpers.events import generated_events
from jetchain.core.schema.base import ORIGINS
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight.origins import origins
from jetchain.detector.flight.pileup import Pool, overlay
from jetchain.detector.flight.states import COLUMNS, PX, SOURCE, X
from jetchain.detector.settings import PileupSettings, SimulationSettings
from jetchain.detector.simulate import simulate_chunk
from jetchain.detector.table import Account
from jetchain.generate.sample import generate
from jetchain.generate.settings import GenerationSettings

PILEUP, PRIMARY, FROM_B, OTHER_SECONDARY = (
    ORIGINS.index(name) for name in ("pileup", "primary", "from_b", "other_secondary")
)


def detect(geometry, events, pool=None, **settings):
    simulation = EventSimulation(geometry, SimulationSettings(store_cells=False, **settings), 3)
    return simulate_chunk(
        events["event"], events["particle"], simulation, Account(geometry), pool
    )  # fmt: skip


@pytest.fixture(scope="module")
def events():
    """30 events of pions of all origins, K0S, Lambda, photons and kaons, in three vertices."""
    rng = np.random.default_rng(4)
    codes = [211, -211, 310, 3122, 22, 22, 321, 211, 310, 130]
    n = 30 * len(codes)
    made = generated_events(
        np.tile(codes, 30), 10 ** rng.uniform(0.2, 1.3, n), rng.uniform(-2, 2, n),
        rng.uniform(-np.pi, np.pi, n), per_event=len(codes),
    )  # fmt: skip
    origin = ak.unflatten(rng.integers(PRIMARY, len(ORIGINS), n), len(codes))
    vertex = ak.unflatten(rng.integers(0, 3, n), len(codes))
    for name, values in (("origin", origin), ("vertex", vertex)):
        made["particle"] = ak.with_field(made["particle"], values, name)
    return made


def own(data):
    """Whether each track is of its particle itself, no conversion; and the particles' rows."""
    parent = data["particle"]["truth_idx"][data["track"]["parent_idx"]]
    return data["track"]["pdgid"] == data["particle"]["pdgid"][data["track"]["parent_idx"]], parent


def test_candidates_by_hand():
    """Of a primary from b and of one of pile-up: themselves, and products made at three places."""
    primaries = np.zeros((2, COLUMNS))
    primaries[:, PX] = 1000.0, 2000.0
    particles = primaries.copy()
    particles[:, SOURCE] = 1, 0  # in another order than the primaries
    candidates = np.zeros((6, COLUMNS))
    candidates[:, SOURCE] = 0, 1, 1, 1, 0, 1
    candidates[:, PX] = 2000.0, 1000.0, 400.0, 600.0, 300.0, 100.0
    candidates[:, X] = 0.0, 0.0, 7.0, 7.0, 8.0, 0.0
    truth = np.array([[FROM_B, 3], [PILEUP, 5]])
    assert origins(candidates, particles, primaries, truth, 9).tolist() == [
        [PILEUP, 5], [FROM_B, 3], [OTHER_SECONDARY, 9], [OTHER_SECONDARY, 9], [PILEUP, 10],
        [OTHER_SECONDARY, 11],
    ]  # fmt: skip


def test_tracks_of_generated_particles_have_their_origin_and_vertex(geometry, events):
    data = detect(geometry, events, decays=False)
    mine, parent = own(data)
    for name in ("origin", "vertex"):
        expected = events["particle"][name][parent]
        assert ak.all((data["track"][name] == expected)[mine])
        assert len(set(ak.flatten(expected[mine]).to_list())) > 2
    assert ak.all(data["track"]["origin"][~mine] == OTHER_SECONDARY)
    assert ak.sum(~mine) > 10


def test_what_the_detector_makes_is_secondary_and_has_vertices_of_its_own(geometry, events):
    data = detect(geometry, events)
    particle, track = ak.zip(data["particle"]), data["track"]
    decayed = generated = 0
    for i in range(30):
        codes = ak.to_numpy(events["particle"]["pdgid"][i])
        largest = ak.max(events["particle"]["vertex"][i])
        places: dict[int, set[tuple[float, ...]]] = {}
        for row in range(len(track["origin"][i])):
            parent = particle[i][track["parent_idx"][i][row]].to_list()
            source = parent["truth_idx"]
            if track["pdgid"][i][row] == parent["pdgid"] == codes[source]:
                generated += 1
                assert track["vertex"][i][row] == events["particle"]["vertex"][i][source]
                continue
            assert track["origin"][i][row] == OTHER_SECONDARY
            assert track["vertex"][i][row] > largest
            if track["pdgid"][i][row] == parent["pdgid"]:  # of a decay, not of a conversion
                place = tuple(parent[f"prod_{axis}"] for axis in "xyz")
                places.setdefault(track["vertex"][i][row], set()).add(place)
                decayed += 1
        # One vertex is one place, and one place is one vertex.
        assert all(len(each) == 1 for each in places.values())
        assert len(set.union(set(), *places.values())) == len(places)
    assert min(decayed, generated) > 20


def test_electrons_of_a_conversion_share_a_vertex(geometry):
    data = detect(geometry, generated_events(22, np.full(400, 20.0), 0.3, np.linspace(-3, 3, 400)))
    vertex = data["track"]["vertex"]
    pairs = vertex[ak.num(vertex) == 2]
    assert len(pairs) > 20
    assert ak.all(pairs == 1)
    assert ak.all(data["track"]["origin"] == OTHER_SECONDARY)


def test_all_that_comes_of_pile_up_is_pile_up(geometry, events):
    """A pool of 12 events, each of two pions of one vertex, and of a K0S of another."""
    n = 36
    source = generated_events(np.tile([211, -211, 310], 12), 5.0, 0.4, np.linspace(-3, 3, n))
    columns = {name: ak.to_numpy(ak.flatten(source["particle"][name]))
               for name in source["particle"].fields}  # fmt: skip
    columns["vertex"] = np.tile([0, 0, 2], 12)
    pool = Pool(np.arange(0, n + 1, 3), columns)
    settings = PileupSettings(mean=5.0)
    data = detect(geometry, events, pool, pileup=settings)
    of_pileup = data["particle"]["truth_idx"][data["track"]["parent_idx"]] < 0
    assert ak.all((data["track"]["origin"] == PILEUP) == of_pileup)
    assert ak.sum(of_pileup) > 100

    laid = overlay(np.asarray(events["event"]["number"]), events["particle"], pool, settings, 3)
    for event in laid:
        added = event[event.truth_idx < 0]
        vertex = ak.to_numpy(added.vertex).reshape(-1, 3)
        first = 1 + ak.max(event.vertex[event.truth_idx >= 0])
        # Three numbers for each collision: of vertex 0, of an empty one, of vertex 2.
        expected = first + 3 * np.arange(len(vertex))
        assert vertex.tolist() == [[start, start, start + 2] for start in expected.tolist()]


def test_tracks_from_b_miss_the_beam_by_more_than_primary_ones(geometry):
    data, _ = generate(GenerationSettings(process="Hbb", events=40), 0, 31)
    events = {name: ak.zip(data[name]) for name in ("event", "particle")}
    track = ak.zip(detect(geometry, events)["track"])
    flat = {name: ak.to_numpy(ak.flatten(track[name])) for name in ("origin", "d0", "d0_err")}
    far = np.abs(flat["d0"]) > 3 * flat["d0_err"]
    primary, from_b = flat["origin"] == PRIMARY, flat["origin"] == FROM_B
    # 0.27 % of a Gaussian; primary tracks begin at the beam.
    assert far[primary].mean() < 0.0027 + 4 * np.sqrt(0.0027 / primary.sum())
    assert far[from_b].mean() > 0.4
    share = {name: np.mean(flat["origin"] == code) for code, name in enumerate(ORIGINS)}
    assert share["pileup"] == share["fake"] == 0
    assert 0.6 < share["primary"] < 0.95
    assert 0.01 < share["from_b"] < 0.15
    assert 0.01 < share["from_b_to_c"] < 0.15
    assert 0.01 < share["other_secondary"] < 0.15
