"""COCOA's own check of its calorimeter, on pions of 20 GeV simulated afresh.

COCOA, RunTest.cc: sum E_cell / sum E_true has the mean 0.50 and the spread 0.23 for charged, 0.77
and 0.16 for neutral pions of |eta| < 2.5; each may differ by 0.05, and no error is added.
"""

import pytest

from helpers.guns import gun_files
from jetchain.detector.validation.pions import COCOA, TOLERANCE, cocoa_check, cocoa_ratio
from jetchain.detector.validation.thrown import read_thrown


@pytest.fixture(scope="module")
def checks(tmp_path_factory):
    detected, generated = gun_files(
        tmp_path_factory.mktemp("pions"), 4000, pdgids=[211, -211, 111], variable="energy",
        minimum=20.0, maximum=20.0, eta_max=2.5, simulation={"store_cells": False},
    )  # fmt: skip
    thrown = read_thrown([detected], [generated])
    return {kind: cocoa_check(cocoa_ratio(thrown.of(kind)), 100, seed=1) for kind in COCOA}


@pytest.mark.parametrize("kind", COCOA)
@pytest.mark.parametrize("moment", ["mean", "spread"])
def test_pions_of_20_gev_have_the_response_that_cocoa_checks(checks, kind, moment):
    found = checks[kind]
    published = dict(zip(("mean", "spread"), COCOA[kind], strict=True))[moment]
    assert found[moment] == pytest.approx(published, abs=TOLERANCE)


def test_no_pion_gives_more_than_its_energy_and_noise(checks):
    for found in checks.values():
        assert 0 < found["mean"] < 1.2
        assert found["n"] > 150  # of some neutral pions one photon is too soft to be simulated
