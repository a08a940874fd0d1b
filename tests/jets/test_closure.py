"""The test of the jets' calibration, and its uncertainties, on jets whose response is known."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.made_up_jets import made_up
from jetchain.jets.calibrate import derive
from jetchain.jets.closure import applied, measure, numbers, uncertainty
from jetchain.jets.settings import (
    LEAST_RESPONSE,
    ClosureJobSettings,
    ClosureSettings,
    ResponseSettings,
)


@pytest.fixture(scope="module")
def known():
    return derive(*made_up(1), 0.8, ResponseSettings())


def test_jets_near_their_threshold_are_no_part_of_a_class(known):
    """Of a falling spectrum those are seen that fluctuated up: a bin that begins there is high."""
    ours, truth = made_up(11, 5.0)
    ours = applied(ours, known)
    seen = ours["pt"] > 200.0
    ours, truth = ({name: v[seen] for name, v in each.items()} for each in (ours, truth))
    settings = ClosureJobSettings(class_radius=0.8)
    cut = measure((ours, truth), "quark", 0.8, settings)[0].pt
    assert cut.median > 1.0 + 5 * cut.median_error
    whole = measure((ours, truth), "quark", 0.8, settings, 200.0 / LEAST_RESPONSE)
    assert (whole[0].pt_low, whole[0].pt_high) == (250.0, 300.0)
    assert whole[0].pt.median == pytest.approx(1.0, abs=0.005 + 3 * whole[0].pt.median_error)
    higher = measure((ours, truth), "quark", 0.8, settings, 400.0)
    assert (higher[0].pt_low, higher[0].pt_high) == (400.0, 450.0)


def test_uncertainties_add_in_quadrature_and_know_the_flavour(known):
    ours, truth = made_up(6)
    half = len(truth["pt"]) // 2
    truth["label"][half:] = 1  # gluon jets, whose response is 4 % lower
    ours["pt_raw"][half:] *= 0.96
    settings = ClosureJobSettings(class_radius=0.8)
    paired = (applied(ours, known), truth)
    rows = uncertainty(measure(paired, "all", 0.8, settings), paired, known, settings)
    assert len(rows) == 18
    for row in rows:
        assert row.jes_flavour == pytest.approx(0.02, abs=0.006)
        assert row.jes**2 == pytest.approx(row.jes_closure**2 + row.jes_fit**2 + row.jes_flavour**2)
        assert row.jer == pytest.approx(0.075, abs=0.015)


def test_where_one_flavour_lacks_the_difference_is_that_of_the_nearest_bin(known, capsys):
    """Above 1 TeV all are quark jets: what is not measured there is not nothing."""
    ours, truth = made_up(6)
    half = (np.arange(len(truth["pt"])) % 2 == 0) & (truth["pt"] < 1000)
    truth["label"][half] = 1
    ours["pt_raw"][half] *= np.where(truth["pt"][half] < 700, 1.0, 0.96)
    settings = ClosureJobSettings(class_radius=0.8)
    paired = (applied(ours, known), truth)
    rows = uncertainty(measure(paired, "all", 0.8, settings), paired, known, settings)
    by_pt = {row.pt_low: row.jes_flavour for row in rows}
    assert by_pt[450.0] < 0.01
    assert by_pt[1000.0] == by_pt[1400.0] == by_pt[700.0] == pytest.approx(0.02, abs=0.006)
    assert capsys.readouterr().err == ""
    truth["label"][:] = -1
    rows = uncertainty(measure(paired, "all", 0.8, settings), paired, known, settings)
    assert {row.jes_flavour for row in rows} == {0.0}
    assert "no part of the uncertainties" in capsys.readouterr().err


def test_numbers_are_the_bins_with_what_is_wanted_and_the_worst_cell(known):
    ours, truth = made_up(8)
    calibrated_ones = applied(ours, known)
    far = (truth["pt"] > 1400) & (np.abs(truth["eta"]) > 1.6)
    calibrated_ones["pt"] = np.where(far, 1.03, 1.0) * calibrated_ones["pt"]
    settings = ClosureJobSettings(class_radius=0.8)
    found = numbers(measure((calibrated_ones, truth), "all", 0.8, settings), settings)
    pts = [row for row in found if "pT" in row.quantity]
    assert len(pts) == 6 + 3 + 1
    assert all(row.tolerance == (0.01 if row in pts else 0.02) for row in found)
    assert "worst cell" in pts[-1].quantity
    assert "1400 to 2000 GeV, |eta| 1.6 to 2.5" in pts[-1].sample
    assert pts[-1].value == pytest.approx(1.03, abs=0.01)
    assert pts[-1].status == "failed"
    assert "worst of 18" in pts[-1].source
    assert sum(row.status != "passed" for row in pts) <= 2  # that cell, and maybe its bin of pT


def test_one_bin_of_pt_and_eta_has_its_uncertainties(known):
    # A run of tiny samples has one bin, which is bin, cell and whole at once.
    ours, truth = made_up(9, jets=2000)
    settings = ClosureJobSettings(
        closure=ClosureSettings(pt_edges=[200.0, 2000.0], eta_edges=[0.0, 2.5]),
        class_radius=0.8,
    )
    paired = (applied(ours, known), truth)
    rows = measure(paired, "all", 0.8, settings)
    assert len(rows) == 1
    (row,) = uncertainty(rows, paired, known, settings)
    assert row.jer == pytest.approx(0.075, abs=0.02)
