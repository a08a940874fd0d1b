"""Origins and vertices of final particles: a walk of our own through Pythia's record agrees."""

import awkward as ak
import numpy as np
import pytest

from jetchain.core.schema.base import ORIGINS
from jetchain.generate.origins import origins
from jetchain.generate.processes import start_pythia
from jetchain.generate.record import ParticleTable, Record, truth_of
from jetchain.generate.sample import generate
from jetchain.generate.settings import AS_THEY_ARE, GenerationSettings, GunSettings

QUIET = ["PartonLevel:MPI = off"]
TAUS = ["23:onMode = off", "23:onIfAny = 15"]
ALL_DECAYS = ["ParticleDecays:limitTau0 = off"]
EVENTS = 12
WEAK = {
    "b": {511, 521, 531, 541, 5122, 5132, 5232, 5332},
    "c": {411, 421, 431, 4122, 4132, 4232, 4332},
}
# What lives longer than 10 mm / c and decays (PDG 2024).
LONG_LIVED = {13, 130, 211, 310, 321, 2112, 3112, 3122, 3222, 3312, 3322, 3334}
CASES = {
    "Hbb": ("Hbb", [], {"from_b", "from_b_to_c"}),
    "Hcc": ("Hcc", [], {"from_c"}),
    "taus": ("Z", TAUS, {"from_tau"}),
    "quark": ("quark", [], set()),
    "decayed": ("quark", ALL_DECAYS, {"other_secondary"}),
}


def walk(event, i):
    """Origin of a final particle and the entry of the decay that decides, by names and mothers."""
    above = []
    while event[i].mother1() > 0:
        i = event[i].mother1()
        above.append(i)
    codes = [abs(event[i].id()) for i in above]
    kinds = [next((kind for kind, weak in WEAK.items() if code in weak), "") for code in codes]
    for i, code, kind in zip(above, codes, kinds, strict=True):
        if code in LONG_LIVED and event[i].status() < -80:
            return "other_secondary", i
        decayed_tau = code == 15 and 15 not in [abs(event[d].id()) for d in event[i].daughterList()]
        if kind or decayed_tau:
            if "b" not in kinds and "c" not in kinds:
                return "from_tau", i
            # A tau of a D of a B comes from b to c.
            heavy = next(k for k in kinds[above.index(i) :] if k)
            return {"b": "from_b", "c": "from_b_to_c" if "b" in kinds else "from_c"}[heavy], i
    return "primary", 0


@pytest.mark.parametrize("case", CASES)
def test_a_walk_through_the_record_gives_the_same(case):
    process, overrides, expected = CASES[case]
    pythia, again = (start_pythia(process, [*QUIET, *overrides], 17) for _ in range(2))
    table = ParticleTable.of(pythia, AS_THEY_ARE)
    truth = truth_of(Record.of(pythia.nextBatch(EVENTS, "skip")), table, "top")
    particle = truth.columns["particle"]
    first, seen, vertices = 0, set(), 0
    for number in truth.counts["particle"].tolist():
        assert again.next()
        event = again.event
        final = [i for i in range(1, event.size()) if event[i].isFinal()]
        assert len(final) == number
        walked = [walk(event, i) for i in final]
        rows = slice(first, first + number)
        assert [ORIGINS[code] for code in particle["origin"][rows]] == [name for name, _ in walked]
        decays = sorted({i for _, i in walked if i > 0})
        assert particle["vertex"][rows].tolist() == [
            decays.index(i) + 1 if i > 0 else 0 for _, i in walked
        ]
        seen |= {name for name, _ in walked}
        vertices += len(decays)
        first += number
    assert expected <= seen
    assert vertices > EVENTS / 4
    if case != "decayed":
        assert "other_secondary" not in seen


@pytest.fixture(scope="module")
def higgs():
    data, _ = generate(GenerationSettings(process="Hbb", events=160, overrides=QUIET), 0, 23)
    return {name: ak.zip(data[name]) for name in ("particle", "hadron")}


def test_vertices_are_places_and_most_are_decays_of_heavy_hadrons(higgs):
    at_decay = []
    for particle, hadron in zip(higgs["particle"], higgs["hadron"], strict=True):
        place = np.stack([ak.to_numpy(particle[axis]) for axis in "xyz"], axis=1)
        decays = np.stack([ak.to_numpy(hadron[axis]) for axis in "xyz"], axis=1)
        vertex, code = ak.to_numpy(particle.vertex), np.abs(ak.to_numpy(particle.pdgid))
        assert set(vertex.tolist()) == set(range(vertex.max() + 1))
        for number in range(1, vertex.max() + 1):
            inside = place[(vertex == number) & (code != 22) & (code != 11)]  # a pi0 flies
            if len(inside):
                assert np.abs(inside - inside[0]).max() < 0.01  # mm
                at_decay.append(np.abs(decays - inside[0]).max(axis=1).min() < 0.01)
    assert len(at_decay) > 100
    assert np.mean(at_decay) > 0.9  # the others are decays of taus


def test_fractions_of_charged_particles_from_b_are_those_of_b_decays(higgs):
    """A b hadron decays to 4.97 charged particles (PDG 2024, without K0S and Lambda decays)."""
    particle, hadron = higgs["particle"], higgs["hadron"]
    charged = particle[particle.charge != 0]
    from_b = np.isin(
        ak.to_numpy(ak.flatten(charged.origin)),
        [ORIGINS.index("from_b"), ORIGINS.index("from_b_to_c")],
    )
    code = np.abs(ak.to_numpy(ak.flatten(hadron.pdgid)))
    bottom = np.where(code > 1000, code // 1000, code // 100) == 5
    assert from_b.sum() / bottom.sum() == pytest.approx(4.97, abs=0.5)


RECORDS: dict[str, tuple[list[tuple[int, ...]], list[tuple[str | None, int]]]] = {
    # (code, mother, x) of each entry, final ones marked; and the origins and vertices of these.
    "the primary vertex may lie anywhere": (
        [(2212, -1, 0), (21, 0, 0), (2101, 0, 0), (92, 1, 7), (211, 3, 7, 1), (-211, 2, 7, 1)],
        [("primary", 0), ("primary", 0)],
    ),
    "what flew is secondary, each decay by itself": (
        [(2212, -1, 0), (310, 0, 0), (211, 1, 9, 1), (-211, 1, 9, 1), (3122, 0, 0),
         (2212, 4, 30, 1), (22, 0, 0, 1)],
        [("other_secondary", 1), ("other_secondary", 1), ("other_secondary", 2), ("primary", 0)],
    ),
    "a short flight and a pi0 decide nothing": (
        [(2212, -1, 0), (221, 0, 0), (22, 1, 0.09, 1), (111, 0, 0), (22, 3, 2, 1)],
        [("primary", 0), ("primary", 0)],
    ),
    "without places heavy hadrons still decide": (
        [(2212, -1, 0), (511, 0, 0), (421, 1, 0), (321, 2, 0, 1), (211, 1, 0, 1),
         (411, 0, 0), (13, 5, 0, 1), (310, 0, 0), (211, 7, 0, 1)],
        [("from_b_to_c", 2), ("from_b", 1), ("from_c", 3), ("primary", 0)],
    ),
    "a tau takes the origin of its hadron, a radiated photon not that of its tau": (
        [(2212, -1, 0), (23, 0, 0), (15, 1, 0), (22, 2, 0, 1), (15, 2, 0), (211, 4, 1, 1),
         (431, 0, 0), (15, 6, 0), (211, 7, 0, 1)],
        [("primary", 0), ("from_tau", 1), ("from_c", 2)],
    ),
    "K0S of a b hadron": (
        [(2212, -1, 0), (521, 0, 0), (310, 1, 2), (211, 2, 40, 1)],
        [("other_secondary", 1)],
    ),
    "new particles may fly": (
        [(2212, -1, 0), (9000005, 0, 0), (5, 1, 3), (211, 2, 3, 1), (521, 2, 3), (13, 4, 4, 1)],
        [("other_secondary", 1), ("from_b", 2)],
    ),
    "without a mother nothing is known": ([(13, -1, 0, 1)], [(None, -1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_records_of_other_programs(name):
    """Two events of the same record: numbers of vertices begin anew."""
    rows, expected = RECORDS[name]
    n = len(rows)
    code, mother, x = (np.array([row[k] for row in rows] * 2) for k in range(3))
    mother[n:] += np.where(mother[n:] >= 0, n, 0)
    final = np.flatnonzero([len(row) > 3 for row in rows] * 2)
    zero = np.zeros(2 * n)
    found = origins(code, mother, [zero, zero, x.astype(float)], final, np.array([0, n, 2 * n]))
    labels = [ORIGINS[code] if code >= 0 else None for code in found["origin"].tolist()]
    assert list(zip(labels, found["vertex"].tolist(), strict=True)) == 2 * expected


def test_particles_of_a_gun_are_primary():
    settings = GenerationSettings(process="gun", events=5, gun=GunSettings(pdgids=[111, 13]))
    particle = ak.zip(generate(settings, 0, 1)[0]["particle"])
    assert set(ak.flatten(particle.origin).to_list()) == {ORIGINS.index("primary")}
    assert set(ak.flatten(particle.vertex).to_list()) == {0}
