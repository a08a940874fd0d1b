"""What PDG codes say of particles in other programs' files."""

import numpy as np
import pytest

from jetchain.generate.history import History, is_resonance, without_loops
from jetchain.generate.processes import start_pythia
from jetchain.generate.record import RESONANCE, ParticleTable
from jetchain.generate.settings import AS_THEY_ARE


def test_resonances_are_those_of_pythia_but_for_new_hadrons():
    pythia = start_pythia("quark", [], 1)
    code, known = 1, []
    while code > 0:
        known.append(code)
        code = pythia.particleData.nextId(code)
    codes = np.array(known)
    ours = is_resonance(codes)
    theirs = (ParticleTable.of(pythia, AS_THEY_ARE).kinds(codes) & RESONANCE) > 0
    assert ours.sum() > 50
    # Pythia's own copies of Z and W; techni-mesons and hadrons with a squark or gluino.
    missing = codes[theirs & ~ours]
    assert np.all(np.isin(missing, (93, 94)) | ((missing > 1_000_000) & (missing // 100 % 10 > 0)))
    # Gravitons, a black hole, a gravitino, bosons of a hidden sector, and Pythia's code for a
    # diffracted photon, which proton collisions do not have.
    more = {39, 40, 1000039, 4900021, 4900022, 5000039, 9900020}
    assert set(codes[ours & ~theirs].tolist()) <= more


@pytest.mark.parametrize(
    ("code", "expected"),
    [(6, True), (-24, True), (9000001, True), (1000022, True), (9900024, True), (5, False),
     (21, False), (15, False), (511, False), (9000221, False), (9010221, False), (1000612, False),
     (9902210, False), (1000020040, False)],
)  # fmt: skip
def test_hadrons_and_generators_own_codes_are_no_resonances(code, expected):
    assert is_resonance(np.array([code]))[0] == expected


def history_of(mothers):
    zeros = np.zeros(len(mothers))
    return History(
        np.array([0, len(mothers)]), np.full(len(mothers), 24), np.ones(len(mothers), int),
        np.array(mothers, int), dict.fromkeys(("px", "py", "pz", "e"), zeros),
        dict.fromkeys("xyz", zeros),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mothers", "cut"),
    [([], []), ([-1, 0, 1], []), ([0], [0]), ([-1, 2, 1, 1], [1]), ([1, 2, 0, 4, 5, 3, 0], [0, 3]),
     ([*range(1, 1000), 0], [0]), ([-1, *range(5000)], []), ([2, 2, 2, 0], [2])],
)  # fmt: skip
def test_every_loop_loses_the_mother_of_its_first_particle_and_nothing_else(mothers, cut):
    free, lost = without_loops(history_of(mothers))
    assert lost.tolist() == cut
    expected = np.array(mothers, int)
    expected[cut] = -1
    assert free.mother.tolist() == expected.tolist()
    for entry in range(len(mothers)):
        for _ in range(len(mothers)):
            entry = -1 if entry < 0 else free.mother[entry]
        assert entry == -1
