"""The bump hunt against closed forms: Rice's rate of upcrossings, planted bumps, flat p-values."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.background import bump_hunt, sideband
from jetchain.background.settings import CutJob, HuntJob, SpectrumSettings
from jetchain.background.shape import fit_shape
from jetchain.background.spectrum import bin_spectrum
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import DIJETS, SCORES
from jetchain.core.schema.background import Normalisation, SpectrumFits
from jetchain.core.schema.bump_hunt import BumpHunt

SPECTRUM = SpectrumSettings(mass_range=MASS_RANGE, toys=100)


def process(sets, length, width, step, seed):
    """Stationary Gaussian processes of unit variance with correlation exp(-d^2 / 4 width^2)."""
    random = np.random.default_rng(seed)
    x = np.arange(-5 * width, 5 * width + step / 2, step)
    kernel = np.exp(-((x / width) ** 2) / 2)
    kernel /= np.sqrt(np.sum(kernel**2))
    noise = random.standard_normal((sets, round(length / step) + len(kernel)))
    return np.array([np.convolve(each, kernel, "valid") for each in noise])


def test_upcrossings_are_those_of_rices_formula():
    length, width, level = 40.0, 1.0, 0.5
    counts = bump_hunt.upcrossings(process(400, length, width, 0.1, 1), level)
    expected = length / (2 * np.pi * width * np.sqrt(2)) * np.exp(-level / 2)
    assert counts.mean() == pytest.approx(expected, abs=4 * counts.std() / 20)


def test_the_trial_factor_bounds_the_largest_excess_and_is_tight_where_it_is_rare():
    found = process(3000, 20.0, 1.0, 0.1, 2)
    crossings = bump_hunt.upcrossings(found, bump_hunt.LEVEL).mean()
    for z in (2.0, 2.5, 3.0):
        share = np.mean(found.max(axis=1) > z)
        bound = bump_hunt.trial_factor(z, crossings, bump_hunt.LEVEL)
        error = np.sqrt(share / 3000)
        assert share < bound + 3 * error
        if z > 2:
            assert share > 0.8 * bound - 3 * error


def test_the_trial_factor_is_a_probability_and_that_of_one_mass_without_crossings():
    z = np.linspace(-3, 8, 23)
    bound = bump_hunt.trial_factor(z, 7.0, 0.5)
    assert np.all((bound >= 0) & (bound <= 1))
    assert np.all(np.diff(bound) <= 0)
    np.testing.assert_allclose(bump_hunt.trial_factor(z, 0.0, 0.5)[z > 0], norm.sf(z[z > 0]))


def test_a_deficit_crosses_nothing():
    excess = np.array([[-3.0, -1.0, -3.0, 0.1], [-1.0, 1.0, -1.0, 1.0]])
    assert bump_hunt.upcrossings(excess, 0.5).tolist() == [0, 2]


def test_the_masses_follow_the_width_of_the_signal():
    signal = np.random.default_rng(1).normal(3.5, 0.14, 4000)
    factors = bump_hunt.grid(signal, (2.8, 6.0))
    ratio = factors[1:] / factors[:-1]
    np.testing.assert_allclose(ratio, ratio[0])
    assert 0.8 < (ratio[0] - 1) / (bump_hunt.STEP * 0.04) <= 1.05
    assert factors[0] * np.percentile(signal, 15.87) == pytest.approx(2.8)
    assert factors[-1] * np.percentile(signal, 84.13) == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("signal", "reason"), [([], "No simulated signal"), ([2.0, 5.0] * 9, "narrower than")]
)
def test_without_a_place_for_the_signal_it_says_so(signal, reason):
    with pytest.raises(EmptySampleError, match=reason):
        bump_hunt.grid(np.array(signal), (2.8, 6.0))


def spectrum(masses, signal):
    return bin_spectrum(masses, MASS_RANGE, SIGNAL_REGION, 0.1, (signal, 1.0))


def test_local_p_values_without_signal_are_uniform_at_each_mass():
    random = np.random.default_rng(3)
    signal = random.normal(3.5, 0.14, 5000)
    data = spectrum(2.8 + random.exponential(0.6, 20_000), signal)
    falling = np.exp(-data.nodes / 0.6)
    templates = data.templates(falling, 2)
    signals = bump_hunt.moved(signal, np.array([0.9, 1.0, 1.2]), data)
    toys = random.poisson(templates.sum(0), (400, len(data.counts))).astype(float)
    for excess in bump_hunt.excesses(templates, signals, toys).T:
        assert kstest(norm.sf(excess), "uniform").pvalue > 0.005


@pytest.mark.parametrize("place", [3.2, 4.4])
def test_a_planted_bump_is_found_where_it_is_and_costs_its_trials(place):
    random = np.random.default_rng(4)
    signal = random.normal(3.5, 0.14, 5000)
    background = 2.6 + random.exponential(0.5, 20_000)
    bump = random.normal(place, 0.04 * place, 800 if place < 4 else 200)
    data = spectrum(np.concatenate([background, bump]), signal)
    fit = bump_hunt.allowing(fit_shape(data, SPECTRUM, random), signal, SPECTRUM, random, None)
    found = bump_hunt.scan_masses(fit, signal, 100, random)
    assert found.largest > 4
    assert abs(found.largest_tev / place - 1) < 0.04
    assert min(found.p_local) < found.p_global < 0.05
    assert found.p_global_toys == 1 / 101
    assert found.p_global_toys_is_bound


NORMALISATION = Normalisation(
    luminosity_fb=10.0, signal_acceptance=0.7, reference_events=300,
    reference_cross_section_fb=42.0, injected_events=0, injected_cross_section_fb=0.0,
)  # fmt: skip


def test_the_verb_hunts_before_and_after_every_cut_with_the_models_of_the_search(tmp_path):
    data, _, rest = dijet_tables(background=6000, injected=0)
    random = np.random.default_rng(1)
    for name, table in (("data", data), ("rest", rest)):
        write_tensors(tmp_path / name, DIJETS, table)
        score = random.uniform(size=(len(table["m_jj"]), 2))
        write_tensors(
            tmp_path / f"{name}_scores", SCORES, {"event_id": table["event_id"], "score": score}
        )
    write_result(tmp_path / "normalisation", NORMALISATION)
    common = {
        "data": tmp_path / "data", "signal_test": tmp_path / "rest",
        "normalisation": tmp_path / "normalisation", "method": "any", "seed": 5,
    }  # fmt: skip
    cut = {"signal_region": SIGNAL_REGION, "spectrum": SPECTRUM, "efficiency": 0.2, "scan": [0.5]}
    scores = tmp_path / "data_scores", tmp_path / "rest_scores"
    out = tmp_path / "hunt.json"
    job = HuntJob(**cut, toys=30)
    bump_hunt.bump_hunt(
        scores=[scores[0]], signal_scores=[scores[1]], bump_hunt=out, settings=job, **common
    )
    found = read_result(out, BumpHunt)
    sideband.sideband(
        scores=scores[0], signal_scores=scores[1], fits=tmp_path / "fits",
        spectra=tmp_path / "spectra", yields=tmp_path / "yields", settings=CutJob(**cut), **common,
    )  # fmt: skip
    fits = read_result(tmp_path / "fits", SpectrumFits).fits
    assert {*found.scans} == {"1", "0.5", "0.2"} == {*fits}
    for name, scan in found.scans.items():
        assert scan.events == fits[name].events
        if SIGNAL_REGION[0] <= scan.largest_tev < SIGNAL_REGION[1]:
            assert scan.model == f"{fits[name].shape}, order {fits[name].order}"
        assert scan.p_global_toys > 0.01  # there is nothing
    assert found.injected_tev is None
    bump_hunt.bump_hunt(scores=[], signal_scores=[], bump_hunt=out, settings=job, **common)
    alone = read_result(out, BumpHunt)
    assert alone.scans == {"1": found.scans["1"]}


def test_a_signal_of_one_mass_needs_no_more_masses_than_the_bins_tell_apart():
    assert len(bump_hunt.grid(np.full(9, 3.5), (2.8, 6.0))) < 400
