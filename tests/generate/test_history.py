"""What PDG codes say of particles in other programs' files."""

import numpy as np
import pytest

from jetchain.generate.history import is_resonance
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
