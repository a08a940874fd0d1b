"""The fit of signal and background to the mass: unbiased, with honest errors and p-values."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from jetchain.background import poisson, shape
from jetchain.background.poisson import fit_templates
from jetchain.background.settings import SpectrumSettings
from jetchain.background.shape import candidates, fit_shape
from jetchain.background.spectrum import WEIGHTS, Spectrum, bin_spectrum
from jetchain.core.errors import EmptySampleError

RANGE, WINDOW = (2.8, 6.5), (3.3, 3.7)
SETTINGS = SpectrumSettings(toys=120)
MARGIN = SETTINGS.orders[0] + 1
"""The lowest order that a fit may end at."""
TRUTHS = {
    4: [-6.71017675, 23.40306995, 6.13892876],
    5: [20.32565414, -36.19437173, -25.02662655, -6.2020066],
}
"""Exponents of (1 - x) and of x, by powers of ln x, of dijet functions (arXiv 0812.4036, with a
fifth parameter) that describe all 34,000 events of a default run: none of the fitted functions."""
EFFICIENCIES = {
    "flat": lambda m: np.ones_like(m),
    "falling": lambda m: np.exp(-0.8 * (m - 2.8)),
    "rising": lambda m: 0.3 + 1.7 / (1 + np.exp(-(m - 3.4) / 0.35)),  # .5 to 1.8 up to 4 TeV
    "turn-on": lambda m: 1 / (1 + np.exp(-(m - 2.9) / 0.15)),
    "hump": lambda m: 1 + np.exp(-0.5 * ((m - 3.6) / 0.8) ** 2),
}
"""Of cuts that sculpt the background."""


def made_up(events: float, signal: float, strength: float = 0.0, falls: float = 1.45) -> Spectrum:
    """A spectrum whose counts are its expectation: falling as QCD's does, with a peak of W'."""
    random = np.random.default_rng(0)
    masses = 3.45 + 0.18 * random.standard_normal(20_000)
    empty = bin_spectrum(np.zeros(0), RANGE, WINDOW, 0.1, (masses, signal / 20_000))
    centre = (empty.edges[1:] + empty.edges[:-1]) / 2
    background = np.exp(-falls * (centre - 2.8) - 0.03 * (centre - 2.8) ** 2)
    counts = events * background / background.sum() + strength * empty.signal
    return Spectrum(empty.edges, counts, empty.signal, empty.window)


def of_dijet_function(
    parameters: int, events: float, signal: float, efficiency: str = "flat"
) -> Spectrum:
    """A background that no fitted function describes, and the falling shape before the cut."""
    plain = made_up(events, signal)
    x = (plain.edges[1:] + plain.edges[:-1]) / 2 / 13
    first, *others = TRUTHS[parameters]
    exponent = sum(each * np.log(x) ** power for power, each in enumerate(others))
    counts = np.exp(first * np.log1p(-x) - exponent * np.log(x)) * EFFICIENCIES[efficiency](13 * x)
    return Spectrum(plain.edges, events * counts / counts.sum(), plain.signal, plain.window)


def spurious(spectrum: Spectrum, templates: np.ndarray) -> float:
    """Signal that a fit finds in an expectation without any, in its errors."""
    found = fit_templates(templates, spectrum.signal, spectrum.counts[None])
    return abs(float(found.mu[0] / found.mu_error[0]))


def drawn(spectrum: Spectrum, random: np.random.Generator) -> Spectrum:
    counts = random.poisson(spectrum.counts).astype(float)
    return Spectrum(spectrum.edges, counts, spectrum.signal, spectrum.window)


@pytest.mark.parametrize("events", [300, 30_000])
def test_the_fit_finds_the_minimum_that_scipy_finds(events):
    spectrum = drawn(made_up(events, 100, 1.0), np.random.default_rng(events))
    templates = spectrum.templates(spectrum.functions()["exponential"], 3)
    found = fit_templates(templates, spectrum.signal, spectrum.counts[None])
    filled = np.maximum(spectrum.counts, poisson.EMPTY)

    def value(point):
        rate = point[:4] @ templates + point[4] * spectrum.signal
        return np.inf if (rate <= 0).any() else np.sum(rate - filled * np.log(rate))

    at = np.append(found.norms[0], found.mu[0])
    bounds = [(0, None)] * 4 + [(None, None)]
    for start in (at, np.array([1.0, 1.0, 1.0, 1.0, 0.0])):
        other = minimize(value, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14})
        assert value(at) <= other.fun + 1e-6
    assert found.mu_error[0] > 0


def test_many_spectra_are_fitted_as_each_alone():
    random = np.random.default_rng(1)
    spectrum = made_up(200, 50)
    templates = spectrum.templates(spectrum.functions()["half a power"], 2)
    counts = random.poisson(spectrum.counts, (20, len(spectrum.counts))).astype(float)
    counts[7] = 0  # an empty one beside the others
    together = fit_templates(templates, spectrum.signal, counts)
    for each in (0, 7, 19):
        alone = fit_templates(templates, spectrum.signal, counts[each : each + 1])
        assert alone.mu[0] == pytest.approx(together.mu[each], abs=1e-3 * together.mu_error[each])


def test_the_templates_add_up_to_the_falling_shape_and_are_positive():
    spectrum = made_up(1000, 50)
    falling = spectrum.functions()["exponential"]
    alone = spectrum.templates(falling, 0)[0]
    assert alone.sum() == pytest.approx(spectrum.counts.sum())
    for order in (1, 4):
        templates = spectrum.templates(falling, order)
        assert (templates > 0).all()
        assert templates.sum(0) == pytest.approx(alone, rel=1e-12)


def test_norms_are_one_where_the_background_is_the_falling_shape():
    # However much of the data is signal.
    spectrum = made_up(3000, 2000, 1.0)
    falling = made_up(3000, 0.0).counts[:, None] * np.ones(3)
    one = SETTINGS.model_copy(update={"orders": [2, 2]})
    found = fit_shape(spectrum, one, np.random.default_rng(1), falling)
    assert found.best.norms == pytest.approx([1.0] * 3, abs=0.01)
    assert found.best.norms @ (found.best.scale * found.best.templates) == pytest.approx(
        found.best.background
    )


def test_bins_end_at_the_edges_of_the_window():
    masses = np.array([2.85, 3.299, 3.31, 3.69, 3.701, 5.9, 7.0])
    spectrum = bin_spectrum(masses, RANGE, WINDOW, 0.1, (masses, 2.0))
    assert {3.3, 3.7} <= set(np.round(spectrum.edges, 12))
    assert spectrum.counts[spectrum.window].sum() == 2
    assert spectrum.counts.sum() == 6
    assert (spectrum.signal == 2 * spectrum.counts).all()


@pytest.mark.parametrize("events", [265, 34_000])
def test_injected_strengths_come_back_with_pulls_of_width_one(events):
    # The law of the search: slope 1.00 +- .05 in mu = 0, 1, 2, pulls of width 1.0 +- .15.
    random = np.random.default_rng(events)
    signal = {265: 240.0, 34_000: 580.0}[events]
    before = made_up(34_000, 580.0)
    falling = fit_shape(drawn(before, random), SETTINGS, random).best.density(before)
    means, widths = [], []
    for strength in (0.0, 1.0, 2.0):
        spectrum = made_up(events, signal, strength)
        order = 1 if events == 265 else 4
        shapes = falling if events == 265 else spectrum.functions()["exponential"]
        counts = random.poisson(spectrum.counts, (400, len(spectrum.counts))).astype(float)
        found = fit_templates(spectrum.templates(shapes, order), spectrum.signal, counts)
        means.append(found.mu.mean())
        widths.append(np.std((found.mu - strength) / found.mu_error))
        bias = (means[-1] - strength) / found.mu_error.mean()
        assert abs(bias) < 0.2 + 2 / np.sqrt(400)  # spurious signal
    slope = np.polyfit([0.0, 1.0, 2.0], means, 1)[0]
    assert slope == pytest.approx(1.0, abs=0.05 + (0.02 if events > 1000 else 0.0))
    assert widths == pytest.approx([1.0] * 3, abs=0.15)


def test_the_whole_choice_on_background_alone_gives_uniform_p_values_and_little_signal():
    random = np.random.default_rng(4)
    before = made_up(34_000, 580.0)
    falling = fit_shape(drawn(before, random), SETTINGS, random).best.density(before)
    toys = [
        fit_shape(drawn(made_up(265, 240.0), random), SETTINGS, random, falling) for _ in range(40)
    ]
    z = np.array([toy.significance for toy in toys])
    assert stats.kstest(stats.norm.sf(z), "uniform").pvalue > 0.05
    errors = [np.hypot(toy.best.fit.mu_error[0], toy.spurious) for toy in toys]
    pulls = np.array([toy.best.fit.mu[0] for toy in toys]) / errors
    assert abs(pulls.mean()) < 0.2 + 2 / np.sqrt(40)
    assert np.mean([toy.best.accepted for toy in toys]) > 0.9


@pytest.mark.parametrize("truth", TRUTHS)
def test_after_a_cut_that_sculpts_the_spurious_signal_is_a_fraction_of_the_error(truth):
    before = of_dijet_function(truth, 34_000, 580.0).counts[:, None] * np.ones(3)
    found = {
        order: [
            spurious(cut, cut.templates(before, order))
            for cut in (of_dijet_function(truth, 265, 240.0, name) for name in EFFICIENCIES)
        ]
        for order in (MARGIN - 1, MARGIN)
    }
    assert np.median(found[MARGIN]) < 0.1
    assert max(found[MARGIN]) < 0.25
    assert max(found[MARGIN - 1]) > 0.5  # what the margin is for: the F-test does not see it


@pytest.mark.parametrize("truth", TRUTHS)
def test_without_a_cut_the_spurious_signal_is_below_a_fifth_of_the_error(truth):
    random = np.random.default_rng(truth)
    spectrum = of_dijet_function(truth, 34_000, 580.0)
    for name, falling in spectrum.functions().items():
        assert spurious(spectrum, spectrum.templates(falling, 4)) < 0.2, name
    found = [fit_shape(drawn(spectrum, random), SETTINGS, random) for _ in range(6)]
    assert np.median([spurious(spectrum, each.best.templates) for each in found]) < 0.2
    assert np.median([each.best.order for each in found]) >= 4
    assert all(each.best.accepted for each in found)


def test_a_stricter_threshold_of_goodness_would_refuse_more_right_models_not_more_biased_ones():
    # Why it is .01: of 265 events a chi2 of 37 bins sees no sculpting that biases the signal by
    # half its error, at .05 no more than at .01, but .05 refuses one right model in twenty.
    random = np.random.default_rng(9)
    before = of_dijet_function(5, 34_000, 580.0).counts[:, None] * np.ones(3)
    refused = {}
    for name, order in (("flat", MARGIN), ("turn-on", MARGIN - 1)):
        truth = of_dijet_function(5, 265, 240.0, name)
        templates = truth.templates(before, order)
        fit = fit_templates(templates, truth.signal, truth.counts[None])
        counts = random.poisson(truth.counts, (500, len(truth.counts))).astype(float)
        toys = random.poisson(fit.expected[0], counts.shape).astype(float)
        data, null = (fit_templates(templates, truth.signal, each).deviance
                      for each in (counts, toys))  # fmt: skip
        p_values = np.array([np.mean(null >= each) for each in data])
        refused[name] = [np.mean(p_values < limit) for limit in (0.01, 0.05)]
    assert refused["flat"] == pytest.approx([0.01, 0.05], abs=0.025)
    gained = np.diff(refused["turn-on"]) - np.diff(refused["flat"])
    assert gained < 0.1


def test_signal_outside_the_window_is_signal():
    # A peak of which 40 % lies beside the window bends no background and hides no strength.
    spectrum = made_up(3000, 300, 1.0)
    found = fit_templates(
        spectrum.templates(spectrum.functions()["exponential"], 2),
        spectrum.signal,
        spectrum.counts[None],
    )
    assert found.mu[0] == pytest.approx(1.0, abs=0.05)
    assert spectrum.signal[spectrum.window].sum() < 0.9 * spectrum.signal.sum()


def test_a_rejected_model_is_used_nowhere(monkeypatch):
    random = np.random.default_rng(5)
    spectrum = drawn(made_up(30_000, 500), random)
    everything = fit_shape(spectrum, SETTINGS, random)
    names = {each.shape for each in (everything.best, *everything.others)}
    assert names == {"exponential", "half a power"}
    # Of order 1 only, half a power of the mass does not describe an exponential.
    one = SETTINGS.model_copy(update={"orders": [1, 1]})
    found = fit_shape(spectrum, one, random)
    rejected = candidates(
        spectrum, ("half a power", spectrum.functions()["half a power"]), one, random
    )
    assert not rejected[0].accepted
    assert found.best.shape == "exponential"
    assert "half a power" not in {each.shape for each in found.others}
    monkeypatch.setattr(shape, "_rises", lambda spectrum, background: True)
    nothing = fit_shape(spectrum, one, random)
    assert not nothing.best.accepted
    assert nothing.others == ()


def test_a_background_that_rises_after_the_last_event_is_rejected():
    spectrum = made_up(300, 50)
    counts = np.where(spectrum.edges[:-1] < 4.5, spectrum.counts, 0.0)
    cut = Spectrum(spectrum.edges, counts, spectrum.signal, spectrum.window)
    density = np.linspace(2.0, 1.0, len(counts)) * np.diff(cut.edges)
    assert not shape._rises(cut, density)
    density[-1] *= 3
    assert shape._rises(cut, density)


def test_one_event_at_the_largest_mass_makes_no_background_rise():
    spectrum = made_up(260, 240)
    counts = np.where(spectrum.edges[:-1] < 4.6, np.round(spectrum.counts), 0.0)
    counts[-1] = 1.0
    lonely = Spectrum(spectrum.edges, counts, spectrum.signal, spectrum.window)
    falling = np.exp(-0.3 * lonely.nodes)  # a tail that the polynomial bends up
    templates = lonely.templates(falling, MARGIN)
    free = fit_templates(templates, lonely.signal, counts[None])
    assert shape._rises(lonely, free.norms[0] @ templates)
    for found in candidates(lonely, ("known", falling), SETTINGS, np.random.default_rng(1)):
        assert not shape._rises(lonely, found.background)
        density = found.density(lonely)
        binned = (density * WEIGHTS).sum(1) * np.diff(lonely.edges)
        assert binned / binned.sum() == pytest.approx(found.background / found.background.sum())


def test_the_order_rises_only_where_needed():
    random = np.random.default_rng(6)
    straight = made_up(34_000, 580.0)
    falling = straight.counts[:, None] * np.ones(3)
    kept = [
        candidates(drawn(straight, random), ("known", falling), SETTINGS, random)[0].order
        for _ in range(20)
    ]
    assert min(kept) == MARGIN  # one above what the F-test chooses
    assert np.mean(np.array(kept) > MARGIN) < 0.35  # 10 % by construction, one or two orders more
    centre = (straight.edges[1:] + straight.edges[:-1]) / 2
    bent = Spectrum(
        straight.edges, straight.counts * (1 + 0.8 * np.sin(4 * centre)), straight.signal,
        straight.window,
    )  # fmt: skip
    assert candidates(drawn(bent, random), ("known", falling), SETTINGS, random)[0].order > MARGIN


def test_a_simple_model_is_charged_with_what_a_richer_one_finds():
    random = np.random.default_rng(7)
    found = fit_shape(drawn(made_up(30_000, 500), random), SETTINGS, random)
    orders = [each.order for each in found.others if each.shape == found.best.shape]
    if found.best.order < SETTINGS.orders[1]:
        assert found.best.order + 1 in orders
        assert found.spurious > 0


def test_half_deviance_of_large_counts_is_pearsons():
    expected = np.full(50, 1e6)
    counts = expected + 1e3 * np.random.default_rng(1).standard_normal(50)
    pearson = ((counts - expected) ** 2 / expected).sum()
    assert 2 * poisson.half_deviance(counts, expected) == pytest.approx(pearson, rel=1e-3)
    assert poisson.half_deviance(np.zeros(1), np.array([2.0])) == pytest.approx(2.0)


def test_too_few_filled_bins_are_refused():
    spectrum = bin_spectrum(np.array([2.9, 3.0, 3.5]), RANGE, WINDOW, 0.1, (np.array([3.5]), 1.0))
    with pytest.raises(EmptySampleError, match="Only 3 bins of the mass spectrum hold events"):
        fit_shape(spectrum, SETTINGS, np.random.default_rng(1))


@pytest.mark.parametrize("fault", ["no signal", "one event a bin", "signal of 1e-9"])
def test_degenerate_spectra_give_numbers(fault):
    random = np.random.default_rng(8)
    spectrum = drawn(made_up(300, 50), random)
    counts, signal = spectrum.counts, spectrum.signal
    if fault == "no signal":
        signal = np.zeros_like(signal)
    if fault == "one event a bin":
        counts = np.minimum(counts, 1.0)
    if fault == "signal of 1e-9":
        signal = 1e-9 * signal
    found = fit_shape(Spectrum(spectrum.edges, counts, signal, spectrum.window), SETTINGS, random)
    assert np.isfinite([found.spurious, found.significance, found.best.p_value]).all()
    assert np.isfinite(found.background_error).all()
