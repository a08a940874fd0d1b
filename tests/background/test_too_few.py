"""Estimates made from nothing, and fits that fail, are refused with what is missing."""

import numpy as np
import pytest

from jetchain.background import quality
from jetchain.background.abcd import choose_cuts, correction
from jetchain.background.selection import cut_by_fold
from jetchain.background.yields import abcd_yields
from jetchain.core.boosting import BoostingSettings
from jetchain.core.errors import EmptySampleError
from jetchain.core.schema.background import AbcdEstimate, Normalisation

NORMALISATION = Normalisation(
    luminosity_fb=1.0, signal_acceptance=0.5, reference_events=10, reference_cross_section_fb=20.0,
    injected_events=10, injected_cross_section_fb=20.0,
)  # fmt: skip


COUNTS = np.array([3.0, 20.0, 20.0, 200.0])
KAPPA = AbcdEstimate(
    cuts=(0.5, 0.5), uncorrected=2.0, kappa=1.0, kappa_relative_uncertainty=0.1, kappa_slope=0.0,
    kappa_chi2=1.0, kappa_ndf=2,
)  # fmt: skip


def test_yields_of_the_four_regions_by_hand() -> None:
    # 100 simulated events: 20 in A, 10 in C, and ten raise the estimate by one half each.
    regions = np.zeros((100, 4), dtype=bool)
    regions[:20, 0], regions[20:30, 2] = True, True
    taken = np.where(np.arange(100) >= 90, 0.5, 0.0)
    counts = np.array([14.0, 20.0, 0.0, 200.0])
    found = abcd_yields(
        "disco", counts, (10.0, 2.0), (regions, taken),
        NORMALISATION.model_copy(update={"reference_events": 300}), (3.3, 3.7), KAPPA,
    )  # fmt: skip
    a, b, c, d = found.bins
    assert (a.observed, a.background, a.background_uncertainty) == (14, 10, 2)
    # Net 0.15 an event, with the variance (20 + 10 / 4) / 100 - 0.15^2 = 0.45^2; 300 expected.
    assert a.signal == pytest.approx(300 * 0.15)
    assert a.signal_uncertainty == pytest.approx(300 * 0.45 / 10)
    assert a.signal_leakage == pytest.approx(300 * 0.05)
    assert (c.observed, c.background, c.signal) == (0, 1, 30)  # as in the estimate
    assert (b.background_uncertainty, d.background_uncertainty) == pytest.approx(
        (20**0.5, 200**0.5)
    )
    assert b.signal == d.signal == 0


def test_yields_without_simulated_signal_are_refused() -> None:
    nothing = (np.zeros((0, 4), dtype=bool), np.zeros(0))
    with pytest.raises(EmptySampleError, match="signal of 'disco'"):
        abcd_yields("disco", COUNTS, (2.0, 1.0), nothing, NORMALISATION, (3.3, 3.7), KAPPA)


@pytest.mark.parametrize(("data", "signal"), [(0, 20), (200, 0)])
def test_cuts_on_nothing_are_refused(data, signal) -> None:
    random = np.random.default_rng(1)
    with pytest.raises(EmptySampleError, match=f"{data} sideband events and {signal} of"):
        choose_cuts(random.random((data, 2)), random.random((signal, 2)), 0.1)


def test_a_null_without_spread_has_no_deviation(monkeypatch) -> None:
    # As where every classifier answers alike.
    features = np.ones((40, 2))
    monkeypatch.setattr(quality, "auc", lambda labels, scores: 0.5)
    found = quality.separation(features, features, BoostingSettings(iterations=1), 3, 1)
    assert (found.null_std, found.null_deviations, found.p_value) == (0.0, None, 1.0)


def test_scores_that_are_all_alike_are_cut_by_nothing() -> None:
    # Nine of ten events share the lowest score: half can't be kept, the tenth can.
    scores, fold = np.repeat([0.5, 0.7], [90, 10]), np.zeros(100, dtype=np.int64)
    every = np.ones(100, dtype=bool)
    assert cut_by_fold(scores, fold, every, 0.1) == [0.7]
    with pytest.raises(EmptySampleError, match=r"keeps 0\.5 .* fold 0: 90 % of their 100 events"):
        cut_by_fold(scores, fold, every, 0.5)


def test_a_sideband_whose_events_have_one_mass_has_no_kappa() -> None:
    random = np.random.default_rng(2)
    m_jj = np.concatenate([np.full(50, 3.0), random.uniform(3.7, 6.0, 50)])
    with pytest.raises(EmptySampleError, match="too alike"):
        correction(random.random((100, 2)), (0.5, 0.5), m_jj, (3.3, 3.7), (2.8, 6.0))
