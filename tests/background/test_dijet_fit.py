"""Fit of the dijet function: recovers what was put in, pulls are N(0, 1), errors cover."""

import dataclasses

import numpy as np
import pytest
from scipy import optimize

from jetchain.background import dijet
from jetchain.core.errors import EmptySampleError, TrainingError

RANGE, WINDOW, ENERGY = (2.8, 6.0), (3.3, 3.7), 13.0


def _true_spectrum(events: float, values: tuple[float, ...]) -> tuple[dijet.Spectrum, np.ndarray]:
    """A spectrum whose counts are its expectation."""
    empty = dijet.bin_spectrum(np.zeros(0), RANGE, WINDOW, 0.1, ENERGY)
    shape = dijet.expectation(empty, np.array([0.0, *values]))[0]
    counts = events * shape / shape.sum()
    return _with_counts(empty, counts), np.array([np.log(events / shape.sum()), *values])


def _with_counts(spectrum: dijet.Spectrum, counts: np.ndarray) -> dijet.Spectrum:
    return dijet.Spectrum(spectrum.edges, counts, spectrum.window, spectrum.energy)


@pytest.mark.parametrize("values", [(7.0,), (5.0, 8.0), (5.0, 8.0, 0.4)])
def test_exact_counts_give_back_the_parameters(values):
    spectrum, truth = _true_spectrum(20_000, values)
    fit = dijet.fit_dijet(spectrum, len(truth))
    # Migrad stops at an estimated distance to the minimum far below one standard deviation.
    assert np.all(np.abs(fit.values - truth) < 0.05 * np.sqrt(np.diag(fit.covariance)))
    assert fit.chi2 < 1e-2
    assert fit.background == pytest.approx(spectrum.counts[spectrum.window].sum(), rel=1e-3)


def test_the_function_is_the_published_one():
    # p0 (1 - x)^p1 x^(-p2 - p3 ln x) at a point, from the pivoted form: a bin so narrow that its
    # integral is its width.
    edges = np.array([3.0, 3.0 + 1e-6, 6.0])
    spectrum = dijet.Spectrum(edges, np.zeros(2), np.zeros(2, dtype=bool), ENERGY)
    p2, p1, p3 = 5.0, 8.0, 0.4
    density = [
        float(np.exp(np.tensordot([0.0, p2, p1, p3], spectrum.design[:4], 1))[b, 1]) for b in (0, 1)
    ]
    x = np.array([3.0 + 5e-7, 4.5 + 5e-7]) / ENERGY
    x0 = np.sqrt(18.0) / ENERGY
    # Moving the pivot shifts p2 by -2 p3 ln x0 and the constant.
    published = (1 - x) ** p1 * x ** (-(p2 - 2 * p3 * np.log(x0)) - p3 * np.log(x))
    assert density[1] / density[0] == pytest.approx(published[1] / published[0], rel=1e-9)


def test_the_gradient_of_the_expectation():
    spectrum, values = _true_spectrum(1000, (5.0, 8.0, 0.4, 0.1))
    _, slope = dijet.expectation(spectrum, values)
    for k in range(len(values)):
        step = np.eye(len(values))[k] * 1e-5
        up, down = (dijet.expectation(spectrum, values + s)[0] for s in (step, -step))
        assert slope[k] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("events", [20_000, 400])
def test_interpolation_is_unbiased_and_its_error_covers(events):
    spectrum, _ = _true_spectrum(events, (5.0, 8.0))
    random = np.random.default_rng(events)
    inside = spectrum.counts[spectrum.window].sum()
    toys = [
        dijet.fit_dijet(_with_counts(spectrum, random.poisson(spectrum.counts).astype(float)), 3)
        for _ in range(150)
    ]
    pulls = np.array([(toy.background - inside) / toy.background_error for toy in toys])
    # 150 toys: the mean is known to 0.08, the width to 0.06, the coverage to 0.04.
    assert abs(pulls.mean()) < 0.25
    assert 0.82 < pulls.std() < 1.18
    assert np.mean(np.abs(pulls) < 1) == pytest.approx(0.683, abs=0.12)
    # The significance of the observed count is N(0, 1) too.
    z = np.array(
        [
            dijet.excess_significance(toy.observed, toy.background, toy.background_error)
            for toy in toys
        ]
    )
    assert abs(z.mean()) < 0.3
    assert 0.8 < z.std() < 1.2
    # chi2 has the mean of its degrees of freedom where bins hold enough events.
    if events > 10_000:
        assert np.mean([toy.chi2 / toy.ndf for toy in toys]) == pytest.approx(1.0, abs=0.1)


def test_an_excess_in_the_window_does_not_move_the_fit():
    spectrum, _ = _true_spectrum(5000, (5.0, 8.0))
    bumped = _with_counts(spectrum, spectrum.counts + 200 * spectrum.window)
    plain, excess = dijet.fit_dijet(spectrum, 3), dijet.fit_dijet(bumped, 3)
    assert excess.background == pytest.approx(plain.background, rel=1e-9)
    assert excess.observed == pytest.approx(plain.observed + 800)
    assert dijet.ChosenFit(excess, None, {}).significance > 10


def test_the_response_is_the_derivative_of_the_background():
    spectrum, _ = _true_spectrum(5000, (5.0, 8.0))
    counts = np.random.default_rng(2).poisson(spectrum.counts).astype(float)
    fit = dijet.fit_dijet(_with_counts(spectrum, counts), 3)
    assert (fit.response[spectrum.window] == 0).all()
    outside = np.flatnonzero(~spectrum.window)
    for each in outside[[0, 3, 6, 12]]:
        step = 2.0 * (np.arange(len(counts)) == each)
        up, down = (
            dijet.fit_dijet(_with_counts(spectrum, counts + sign * step), 3).background
            for sign in (1, -1)
        )
        assert fit.response[each] == pytest.approx((up - down) / 4, abs=5e-3)


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.0])
def test_the_excess_over_the_net_signal_is_the_injected_strength(strength):
    # The signal is wider than the window: 40 % of its 150 events lie in the sidebands.
    spectrum, _ = _true_spectrum(3000, (5.0, 8.0))
    random = np.random.default_rng(7)
    signal = np.histogram(3.5 + 0.24 * random.standard_normal(20_000), spectrum.edges)[0] * 0.0075
    found, naive = [], []
    for _ in range(200):
        counts = random.poisson(spectrum.counts + strength * signal).astype(float)
        fit = dijet.fit_dijet(_with_counts(spectrum, counts), 3)
        excess, in_window = fit.observed - fit.background, signal[spectrum.window].sum()
        found.append(excess / (in_window - fit.response @ signal))
        naive.append(excess / in_window)
    error = np.std(found) / np.sqrt(200)
    assert np.mean(found) == pytest.approx(strength, abs=3 * error + 0.03 * strength)
    if strength:  # and the test would notice: the signal of the window alone is not enough
        assert np.mean(naive) < strength - 6 * error


def test_values_of_bins_at_masses():
    spectrum = dijet.bin_spectrum(np.zeros(0), RANGE, WINDOW, 0.1, ENERGY)
    values = np.arange(len(spectrum.counts)) + 1.0
    masses = np.array([2.7, 2.8, 2.85, 3.3, 5.99, 6.0, 9.0])
    assert spectrum.of_bin(masses, values).tolist() == [0, 1, 1, 6, 32, 0, 0]


def test_bins_end_at_the_edges_of_the_window():
    masses = np.array([2.85, 3.299, 3.31, 3.69, 3.701, 5.9, 7.0])
    spectrum = dijet.bin_spectrum(masses, RANGE, WINDOW, 0.1, ENERGY)
    assert {3.3, 3.7} <= set(np.round(spectrum.edges, 12))
    assert spectrum.counts[spectrum.window].sum() == 2
    assert spectrum.counts.sum() == 6
    assert np.diff(spectrum.edges) == pytest.approx(0.1, rel=0.05)


def test_f_test_takes_more_parameters_only_where_needed():
    simple, _ = _true_spectrum(20_000, (5.0, 8.0))
    random = np.random.default_rng(3)
    toys = []
    for _ in range(60):
        counts = random.poisson(simple.counts).astype(float)
        toys.append(dijet.choose_fit(_with_counts(simple, counts), [3, 4], 0.05))
    assert np.mean([len(toy.fit.values) == 4 for toy in toys]) < 0.2  # 5 % by construction
    curved, _ = _true_spectrum(200_000, (5.0, 8.0, 6.0))
    noisy = _with_counts(curved, random.poisson(curved.counts).astype(float))
    chosen = dijet.choose_fit(noisy, [2, 4], 0.05)
    assert len(chosen.fit.values) == 4
    assert chosen.tests["2 -> 4"] < 1e-3
    assert len(chosen.other.values) == 2


def test_the_other_function_adds_to_the_error():
    true, _ = _true_spectrum(20_000, (5.0, 8.0, 2.0))
    counts = np.random.default_rng(4).poisson(true.counts).astype(float)
    spectrum = _with_counts(true, counts)
    chosen = dijet.choose_fit(spectrum, [3, 4, 5], 1e-12)  # the F-test prefers nothing
    assert [len(each.values) for each in (chosen.fit, chosen.other)] == [3, 4]
    three, four = (dijet.fit_dijet(spectrum, number).background for number in (3, 4))
    assert chosen.function_error == pytest.approx(abs(three - four), rel=1e-6)
    assert chosen.function_error > 0
    assert chosen.background_error == pytest.approx(
        np.hypot(chosen.fit.background_error, chosen.function_error)
    )
    assert dijet.choose_fit(spectrum, [3], 0.05).function_error == 0


def test_a_richer_function_without_a_minimum_is_passed_over(monkeypatch):
    spectrum, _ = _true_spectrum(5000, (5.0, 8.0))
    fit_dijet = dijet.fit_dijet

    def fails(spectrum, parameters):
        if parameters == 4:
            raise TrainingError("no valid minimum", "")
        return fit_dijet(spectrum, parameters)

    monkeypatch.setattr(dijet, "fit_dijet", fails)
    chosen = dijet.choose_fit(spectrum, [2, 3, 4], 0.05)
    assert len(chosen.fit.values) == 3
    assert chosen.tests["3 -> 4"] is None
    assert len(chosen.other.values) == 2
    with pytest.raises(TrainingError):
        dijet.choose_fit(spectrum, [4], 0.05)


@pytest.mark.parametrize("rounding", [-1e-12, 0.0, 1e-12])
def test_the_f_test_does_not_hang_on_the_rounding_of_a_perfect_fit(rounding):
    spectrum, _ = _true_spectrum(5000, (5.0, 8.0))
    two, three = (dijet.fit_dijet(spectrum, number) for number in (2, 3))
    perfect = dataclasses.replace(three, chi2=rounding)
    assert dijet.f_test(two, perfect) < 1e-6
    assert dijet.f_test(dataclasses.replace(two, chi2=-rounding), perfect) == 1.0


def test_saturated_chi2_of_large_counts_is_pearsons():
    expected = np.full(50, 1e6)
    counts = expected + 1e3 * np.random.default_rng(1).standard_normal(50)
    pearson = ((counts - expected) ** 2 / expected).sum()
    assert dijet.saturated_chi2(counts, expected) == pytest.approx(pearson, rel=1e-3)
    assert dijet.saturated_chi2(np.zeros(1), np.array([2.0])) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("n", "b", "error"), [(150, 100.0, 10.0), (80, 100.0, 10.0), (9, 2.0, 1.0)]
)
def test_significance_is_that_of_li_and_ma(n, b, error):
    # Li and Ma 1983, eq. 17, with tau = b / error^2 and n_off = tau b.
    tau = b / error**2
    n_off, alpha = tau * b, 1 / tau
    first = n * np.log((1 + alpha) / alpha * n / (n + n_off))
    second = n_off * np.log((1 + alpha) * n_off / (n + n_off))
    z = np.sign(n - b) * np.sqrt(2 * (first + second))
    assert dijet.excess_significance(n, b, error) == pytest.approx(z, rel=1e-6)


def test_too_few_filled_bins_are_refused():
    spectrum = dijet.bin_spectrum(np.array([2.9, 3.0, 3.5]), RANGE, WINDOW, 0.1, ENERGY)
    with pytest.raises(EmptySampleError, match="Only 2 bins of the sidebands hold events"):
        dijet.fit_dijet(spectrum, 3)


@pytest.fixture
def pulled_up():
    """A spectrum whose last bins, with a few events, pull a function of four parameters up."""
    spectrum, _ = _true_spectrum(400, (5.0, 60.0))
    counts = np.random.default_rng(3).poisson(spectrum.counts).astype(float)
    counts[-3:] = 1, 1, 2
    return _with_counts(spectrum, counts)


def _minus_log_likelihood(spectrum, values):
    expected, counts = dijet.expectation(spectrum, values)[0], spectrum.counts
    return float(np.sum((expected - counts * np.log(expected))[~spectrum.window]))


@pytest.mark.parametrize("parameters", [3, 4, 5])
def test_no_background_rises_above_the_window(pulled_up, parameters):
    """The likeliest of those that fall, which another constrained minimiser finds too."""
    fit = dijet.fit_dijet(pulled_up, parameters)
    above = slice(np.flatnonzero(pulled_up.window)[-1] + 1, None)
    assert (np.diff(np.log(fit.expected[above])) < 1e-6).all()
    free = dijet._fit_along(pulled_up, np.eye(parameters))
    assert free.expected[-1] > free.expected[-2]
    scale = np.linalg.cholesky(free.covariance)
    slopes = pulled_up.slopes[:, :parameters]
    other = optimize.minimize(
        lambda z: _minus_log_likelihood(pulled_up, free.values + scale @ z),
        np.linalg.solve(scale, fit.values - free.values) * 1.1,
        constraints={"type": "ineq", "fun": lambda z: -slopes @ (free.values + scale @ z)},
        method="COBYLA",
        options={"maxiter": 5000, "tol": 1e-7},
    )
    assert _minus_log_likelihood(pulled_up, fit.values) <= other.fun + 1e-3
    assert fit.ndf == np.count_nonzero(~pulled_up.window) - parameters
    assert np.isfinite(fit.expected_error).all()


def test_the_slopes_are_those_of_the_function():
    values, step = np.array([0.3, 5.0, 8.0, 0.4, 0.1]), 1e-6
    spectrum = dijet.bin_spectrum(np.zeros(0), RANGE, WINDOW, 0.1, ENERGY)
    edges = spectrum.edges[spectrum.edges > WINDOW[1] - 1e-9]
    x0 = np.sqrt(RANGE[0] * RANGE[1]) / ENERGY

    def log_density(x):
        log = np.log(x / x0)
        return values @ [1 + 0 * x, -log, np.log((1 - x) / (1 - x0)), -(log**2), -(log**3)]

    x = edges / ENERGY
    numeric = (log_density(x * (1 + step)) - log_density(x * (1 - step))) / (2 * step)
    assert spectrum.slopes @ values == pytest.approx(numeric, rel=1e-6)


def test_the_response_holds_at_the_limit_of_falling_functions(pulled_up):
    fit = dijet.fit_dijet(pulled_up, 4)
    for each in np.flatnonzero(~pulled_up.window)[[0, 4, 9]]:
        step = 0.1 * (np.arange(len(pulled_up.counts)) == each)
        up, down = (
            dijet.fit_dijet(_with_counts(pulled_up, pulled_up.counts + sign * step), 4).background
            for sign in (1, -1)
        )
        assert fit.response[each] == pytest.approx((up - down) / 0.2, abs=0.02)
