"""Toys: exact Poisson probabilities, and pyhf's test statistic on the same data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from jetchain.inference.cls import cls_from_toys
from jetchain.inference.settings import WorkspaceSettings
from jetchain.inference.toys import Counting, Data, draw, profile, q_tilde
from jetchain.inference.workspace import build, numpy_backend
from jetchain.inference.yields import Yields

TOYS = 10_000
MINIMISERS = 2e-3  # absolute, of q; Minuit stops within about this


def counting(observed, background, error, signal, signal_error, constraint="poisson") -> Yields:
    values = [np.atleast_1d(np.array(each, float)) for each in
              (observed, background, error, signal, signal_error)]  # fmt: skip
    names = tuple(f"bin{index}" for index in range(len(values[0])))
    return Yields(
        "search", names, *values, luminosity=10.0, cross_section=20.0, constraint=constraint
    )


# Not even a luminosity uncertainty, which the settings demand: a closed form holds.
EXACT = WorkspaceSettings.model_construct(luminosity_uncertainty=0.0)


@pytest.mark.parametrize(
    ("n", "b", "s"), [(0, 0.01, 2.9957), (0, 3.0, 2.9957), (2, 3.2, 4.0), (6, 4.0, 7.0)]
)
def test_cls_of_a_counting_experiment_is_a_ratio_of_poisson_sums(
    n: int, b: float, s: float
) -> None:
    # With one bin and no uncertainty q~ falls with n, so CLs is P(<= n | s + b)/P(<= n | b); for
    # n = 0 it is exp(-s), and 2.9957 events are excluded at 95 %.
    model = Counting.of(counting(n, b, 0.0, s, 0.0), EXACT)
    cls, bands, error, clb = cls_from_toys(
        model, np.array([float(n)]), 1.0, TOYS, np.random.default_rng(1)
    )
    exact = poisson.cdf(n, s + b) / poisson.cdf(n, b)
    assert error < 0.03
    assert cls == pytest.approx(exact, abs=4 * error)
    below = poisson.cdf(n, b)
    assert clb == pytest.approx(below, abs=4 * np.sqrt(below * (1 - below) / TOYS) + 1e-9)
    if n == 0:
        assert exact == pytest.approx(0.05, rel=1e-3)
    assert np.all(np.diff(bands) >= 0)


def test_the_expected_band_holds_the_quantiles_of_the_background() -> None:
    # CLs rises with n up to s + b = 11, so its quantiles are CLs at those of Poisson(5): 1, 3, 5, 7
    # and 10 events.
    b, s = 5.0, 6.0
    model = Counting.of(counting(5, b, 0.0, s, 0.0), EXACT)
    bands = cls_from_toys(model, np.array([5.0]), 1.0, TOYS, np.random.default_rng(2)).band
    n = poisson.ppf([0.02275, 0.15866, 0.5, 0.84134, 0.97725], b)
    numerator, denominator = poisson.cdf(n, s + b), poisson.cdf(n, b)
    error = np.hypot(np.sqrt(numerator), numerator / np.sqrt(denominator)) / denominator / TOYS**0.5
    assert np.all(np.abs(bands - numerator / denominator) < 4 * error)
    # And the test would notice: with 90 % for 2 sigma the band would end at 9 events.
    narrow = poisson.cdf(9, s + b) / poisson.cdf(9, b)
    assert bands[4] - narrow > 4 * error[4]


TWO_BINS = ([14, 3], [10, 4], [2.0, 1.5], [5, 6], [0.5, 0.9])


@pytest.mark.parametrize("constraint", ["poisson", "gaussian"])
@pytest.mark.parametrize("values", [(14, 10, 2.0, 5, 0.5), (3, 2, 1.2, 4, 0.8), TWO_BINS])
@pytest.mark.parametrize("mu", [0.4, 1.6])
def test_test_statistic_equals_that_of_pyhf(constraint: str, values, mu: float) -> None:
    settings = WorkspaceSettings(luminosity_uncertainty=0.05)
    yields = counting(*values, constraint=constraint)
    model = Counting.of(yields, settings)
    random = np.random.default_rng(5)
    nuisances = np.concatenate([np.ones(model.gammas), np.zeros(model.kappa.shape[1])])
    toys = draw(model, 0.5, nuisances, 4, random)
    ours = q_tilde(model, toys, mu)
    spec = build(yields, settings)
    with numpy_backend() as pyhf:
        pyhf_model = pyhf.Workspace(spec).model()
        theirs = []
        for counts, control, alphas in zip(toys.counts, toys.control, toys.alphas, strict=True):
            auxiliary = {f"signal_{n}": alphas[1 + i] for i, n in enumerate(yields.names)}
            auxiliary["luminosity"] = alphas[0]
            for index, name in enumerate(yields.names):
                scale = model.tau[index] if constraint == "poisson" else 1.0
                auxiliary[f"background_{name}"] = control[index] * scale
            data = [*counts, *(auxiliary[name] for name in pyhf_model.config.auxdata_order)]
            theirs.append(
                pyhf.infer.test_statistics.qmu_tilde(
                    mu, pyhf.tensorlib.astensor(data), pyhf_model,
                    pyhf_model.config.suggested_init(), pyhf_model.config.suggested_bounds(),
                    pyhf_model.config.suggested_fixed(),
                )
            )  # fmt: skip
    np.testing.assert_allclose(ours, np.array(theirs, float), atol=MINIMISERS)


def test_profile_is_a_minimum_and_its_slope_a_derivative() -> None:
    model = Counting.of(counting(*TWO_BINS), WorkspaceSettings())
    data = Data.observed(model, np.array([14.0, 3.0]))
    value, slope, best = profile(model, data, 0.7)
    step = 1e-4
    difference = (profile(model, data, 0.7 + step)[0] - profile(model, data, 0.7 - step)[0]) / (
        2 * step
    )
    np.testing.assert_allclose(slope, difference, atol=1e-5)
    # Without a pull from data that match the model, the nuisances stay where they are.
    asimov = Data.observed(model, 0.7 * model.signal + model.background.sum(0))
    np.testing.assert_allclose(profile(model, asimov, 0.7)[2], [[1, 1, 0, 0, 0]], atol=1e-6)
    assert best.shape == (1, 5)
    assert np.isfinite(value).all()


@pytest.mark.parametrize("constraint", ["poisson", "gaussian"])
def test_extreme_toys_have_finite_statistics(constraint: str) -> None:
    model = Counting.of(counting(0, 1.0, 0.9, 3.0, 1.0, constraint), WorkspaceSettings())
    data = Data(
        np.array([[0.0], [0.0], [40.0], [3.0]]),
        np.array([[0.0], [3.0], [0.0], [1.0]]),
        np.array([[0.0, 0.0], [2.5, -2.5], [-3.0, 3.0], [0.0, 4.0]]),
    )
    q = q_tilde(model, data, 2.0)
    assert np.isfinite(q).all()
    assert q[2] == 0  # far more events than the hypothesis predicts
    assert q[0] > 0
