"""The likelihood as arrays: pyhf's own values, derivatives by differences, Minuit's minima."""

from __future__ import annotations

import numpy as np
import pytest

from jetchain.inference import minimise as minimise_of
from jetchain.inference.bench import limits_of_model, model_of
from jetchain.inference.fit import load_model
from jetchain.inference.histfactory import Hypotheses, Model
from jetchain.inference.likelihood import Likelihood, Rows, UnlikeError
from jetchain.inference.maximum import maximum, profile_errors
from jetchain.inference.minimise import Range, minimise
from jetchain.inference.settings import FitSettings
from jetchain.inference.workspace import numpy_backend

MODIFIERS = [
    {"name": "mu", "type": "normfactor", "data": None},
    {"name": "lumi", "type": "lumi", "data": None},
    {"name": "both", "type": "normsys", "data": {"hi": 1.2, "lo": 0.9}},
    {"name": "both", "type": "histosys",
     "data": {"hi_data": [6.0, 9.0, 3.0], "lo_data": [4.5, 7.0, 2.0]}},
    {"name": "second", "type": "normsys", "data": {"hi": 0.9, "lo": 1.3}},
]  # fmt: skip
OTHERS = [
    {"name": "free", "type": "normfactor", "data": None},
    {"name": "second", "type": "histosys",
     "data": {"hi_data": [55.0, 40.0, 18.0], "lo_data": [45.0, 41.0, 24.0]}},
    {"name": "simulation", "type": "staterror", "data": [3.0, 2.0, 1.5]},
    {"name": "everywhere", "type": "staterror", "data": [1.0, 1.0, 0.5]},
    {"name": "lumi", "type": "lumi", "data": None},
]  # fmt: skip


def everything() -> dict:
    """Two channels with all types of modifiers; a sample and an error that both share."""
    control = {
        "name": "a_control", "samples": [
            {"name": "background", "data": [200.0, 90.0], "modifiers": [
                {"name": "free", "type": "normfactor", "data": None},
                {"name": "everywhere", "type": "staterror", "data": [6.0, 4.0]},
                {"name": "both", "type": "normsys", "data": {"hi": 1.1, "lo": 0.95}},
            ]},
            {"name": "shaped", "data": [20.0, 30.0], "modifiers": [
                {"name": "counted", "type": "shapesys", "data": [4.0, 0.0]},
                {"name": "form", "type": "shapefactor", "data": None},
            ]},
        ],
    }  # fmt: skip
    region = {
        "name": "region", "samples": [
            {"name": "signal", "data": [5.0, 8.0, 2.5], "modifiers": MODIFIERS},
            {"name": "background", "data": [50.0, 40.0, 20.0], "modifiers": OTHERS},
            {"name": "small", "data": [1.0, 0.0, 2.0], "modifiers": [
                {"name": "simulation", "type": "staterror", "data": [0.5, 0.0, 0.9]},
            ]},
        ],
    }  # fmt: skip
    lumi = {
        "name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0],
    }  # fmt: skip
    return {
        "version": "1.0.0",
        "channels": [region, control],
        "observations": [
            {"name": "region", "data": [61.0, 44.0, 25.0]},
            {"name": "a_control", "data": [231.0, 118.0]},
        ],
        "measurements": [{"name": "all", "config": {"poi": "mu", "parameters": [lumi]}}],
    }


@pytest.fixture(scope="module")
def pair() -> tuple:
    with numpy_backend():
        model, data = load_model(everything(), "here")
        return model, np.array(data), Likelihood(model)


def points(likelihood: Likelihood, rows: int, width: float) -> np.ndarray:
    """Parameters about the start, those that the workspace holds left alone."""
    moved = np.random.default_rng(3).uniform(-1, 1, (rows, len(likelihood.start)))
    return np.where(likelihood.fixed, likelihood.start, likelihood.start + width * moved)


def test_all_modifiers_are_those_of_pyhf(pair) -> None:
    model, data, likelihood = pair
    # Beyond +-1 the interpolation is another one; norms and gammas stay above zero.
    at = points(likelihood, 40, 3.0)
    at = np.where(likelihood.low >= 0, np.clip(at, 0.3, 2.0), at)
    at = np.clip(at, likelihood.low, likelihood.high)
    rows = Rows(np.repeat(data[None, :5], 40, 0), np.repeat(data[None, 5:], 40, 0))
    with numpy_backend():
        theirs = np.array([float(model.logpdf(each, data)[0]) for each in at])
        expected = np.array([model.expected_data(each) for each in at])
    values = likelihood.derivatives(at, rows).value
    np.testing.assert_allclose(likelihood.values(at, rows), values, rtol=1e-13)
    np.testing.assert_allclose(values - values[0], theirs[0] - theirs, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(likelihood.expected(at).joined(), expected, rtol=1e-10)


def test_derivatives_are_those_of_differences(pair) -> None:
    _, data, likelihood = pair
    at = points(likelihood, 3, 0.4)
    at[1, 0] = 1.5  # and one beyond the polynomials
    rows = Rows(np.repeat(data[None, :5], 3, 0), np.repeat(data[None, 5:], 3, 0))
    found = likelihood.derivatives(at, rows)
    for index in range(at.shape[1]):
        move = np.zeros(at.shape[1])
        move[index] = 1e-5
        up, down = (likelihood.derivatives(at + sign * move, rows) for sign in (1, -1))
        slope = (up.value - down.value) / 2e-5
        np.testing.assert_allclose(found.gradient[:, index], slope, rtol=1e-5, atol=1e-5)
        curve = (up.gradient - down.gradient) / 2e-5
        np.testing.assert_allclose(found.hessian[:, index], curve, rtol=1e-4, atol=1e-4)
    assert np.linalg.eigvalsh(found.positive).min() > -1e-9


def test_no_signal_has_a_derivative_in_its_strength(pair) -> None:
    # The product of what scales a bin is zero there, and so is its logarithm's use.
    model, data, likelihood = pair
    at = likelihood.start.copy()
    poi = model.config.poi_index
    at[poi] = 0.0
    rows = Rows(data[None, :5], data[None, 5:])
    found = likelihood.derivatives(at[None], rows)
    move = np.zeros(len(at))
    move[poi] = 1e-6
    up, down = (likelihood.derivatives(at[None] + sign * move, rows).value for sign in (1, -1))
    assert found.gradient[0, poi] == pytest.approx((up - down)[0] / 2e-6, rel=1e-6)
    assert np.all(np.isfinite(found.hessian))


def test_minima_are_those_of_minuit(pair) -> None:
    model, data, likelihood = pair
    with numpy_backend() as pyhf:
        theirs, least = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
        held, at_two = pyhf.infer.mle.fixed_poi_fit(2.0, data, model, return_fitted_val=True)
    rows = Rows(np.repeat(data[None, :5], 2, 0), np.repeat(data[None, 5:], 2, 0))
    poi = model.config.poi_index
    fixed = np.repeat(likelihood.fixed[None], 2, 0)
    fixed[1, poi] = True
    start = np.repeat(likelihood.start[None], 2, 0)
    start[1, poi] = 2.0
    found = minimise(likelihood, rows, start, Range(likelihood.low, likelihood.high, fixed))
    assert found.found.all()
    # Ours is not above Minuit's, whose tolerance is 2e-4.
    difference = 2 * (found.value[1] - found.value[0])
    assert difference == pytest.approx(float(at_two) - float(least), abs=1e-3)
    np.testing.assert_allclose(found.parameters[0], theirs, atol=2e-2)
    np.testing.assert_allclose(found.parameters[1], held, atol=2e-2)


def test_slopes_are_the_factors_of_the_positive_hessian(pair) -> None:
    _, data, likelihood = pair
    at = points(likelihood, 3, 0.4)
    rows = Rows(np.repeat(data[None, :5], 3, 0), np.repeat(data[None, 5:], 3, 0))
    slopes, whole = likelihood.slopes(at, rows), likelihood.derivatives(at, rows)
    np.testing.assert_allclose(slopes.gradient, whole.gradient, rtol=1e-12, atol=1e-12)
    product = np.swapaxes(slopes.response, 1, 2) @ slopes.response
    product += slopes.curve[:, :, None] * np.eye(at.shape[1])
    np.testing.assert_allclose(product, whole.positive, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("lowest", [-10.0, 0.0])
def test_many_parameters_are_fitted_without_a_hessian_to_the_same_minima(
    monkeypatch, lowest: float
) -> None:
    # A deficit under the peak: with a lowest strength of 0 the fits end at this bound.
    spec = model_of(90, 0.5)
    observed = spec["observations"][0]["data"]
    spec["observations"][0]["data"] = [
        each - (8 * (10 <= place < 14)) for place, each in enumerate(observed)
    ]
    with numpy_backend():
        model = Model(spec, "here")
    likelihood = model.likelihood
    assert len(likelihood.start) > max(minimise_of.MANY, len(model.background))
    within = model.within(lowest, 10.0, held=False)
    index = np.repeat(np.arange(len(likelihood.start)), 2)
    index = index[~within.fixed[index] & (index != model.poi)]
    starts = np.repeat(likelihood.start[None], len(index), 0)
    steep = likelihood.derivatives(likelihood.start[None], model.rows).positive[0]
    shifts = np.diag(steep)[index] ** -0.5 * np.tile([1.0, -1.0], len(index) // 2)
    starts[np.arange(len(index)), index] += shifts
    fixed = np.repeat(within.fixed[None], len(index), 0)
    fixed[np.arange(len(index)), index] = True
    rows = model.rows.chosen(np.zeros(len(index), dtype=int))
    held = Range(within.low, within.high, fixed)
    with monkeypatch.context() as patch:
        patch.setattr(minimise_of, "_newton", None)  # none of them needs it
        found = minimise(likelihood, rows, starts, held)
    monkeypatch.setattr(minimise_of, "MANY", 1000)
    exact = minimise(likelihood, rows, starts, held)
    assert found.found.all()
    assert exact.found.all()
    np.testing.assert_allclose(found.value, exact.value, atol=1e-8)
    np.testing.assert_allclose(found.parameters, exact.parameters, atol=1e-4)
    assert (np.ptp(found.parameters[:, model.poi]) == 0) == (lowest == 0)


def test_what_steps_without_second_derivatives_do_not_bring_to_an_end_is_newtons(
    monkeypatch,
) -> None:
    with numpy_backend():
        model = Model(model_of(90, 0.5), "here")
    within, start = model.within(-10.0, 10.0, held=False), np.array(model.start)[None]
    sound = minimise(model.likelihood, model.rows, start, within)
    monkeypatch.setattr(minimise_of, "APPROACHED", 0.0)
    left = minimise(model.likelihood, model.rows, start, within)
    assert left.found.all()
    assert left.value == pytest.approx(sound.value, abs=1e-8)


def test_a_modifier_that_is_not_known_is_left_to_pyhf(pair) -> None:
    model, _, _ = pair
    modifiers = model.spec["channels"][0]["samples"][0]["modifiers"]
    kept = modifiers[0]
    modifiers[0] = {**kept, "type": "other"}
    try:
        with numpy_backend(), pytest.raises(UnlikeError, match="'other' is not known"):
            Likelihood(model)
    finally:
        modifiers[0] = kept


def test_what_differs_from_pyhf_is_not_used(pair) -> None:
    model, _, _ = pair
    sample = model.spec["channels"][0]["samples"][0]
    kept = sample["data"]
    sample["data"] = [2 * value for value in kept]
    try:
        with numpy_backend(), pytest.raises(UnlikeError, match="not those of pyhf"):
            Likelihood(model)
    finally:
        sample["data"] = kept


def test_limits_are_those_of_pyhf() -> None:
    # `make bench` compares them with `upper_limit` itself, on a model of 30 nuisance parameters.
    import pyhf

    spec = model_of(15, 0.4)
    with numpy_backend():
        ours = limits_of_model(spec)
    pyhf.set_backend("numpy")  # with the optimiser that pyhf takes by itself
    workspace = pyhf.Workspace(spec)
    model = workspace.model()
    data = workspace.data(model)
    for place in (0, 3):
        found, band = pyhf.infer.hypotest(ours[place], data, model, return_expected_set=True)
        theirs = [float(found), *(float(each) for each in band)]
        # CLs falls by about 3 % where the strength rises by one.
        assert theirs[place] == pytest.approx(0.05, rel=0.01)


def test_a_fit_of_many_nuisances_has_accurate_errors() -> None:
    spec = model_of(40, 0.5)
    spec["measurements"][0]["config"]["parameters"][0]["bounds"] = [[-10.0, 10.0]]
    with numpy_backend():
        model = Model(spec, "here")
        found = maximum(model, Hypotheses(model).best, FitSettings())
        down, up = profile_errors(model, np.array(found.bestfit))
    assert found.minos_uncertainty["mu"] == pytest.approx((down, up), rel=0.01)
    widths = dict(zip(found.labels, found.uncertainty, strict=True))
    assert len(widths) > 40
    # The norms that are free are known from the data alone, the others hardly worse than before.
    assert 0 < widths["norm_0"] < 0.4
    assert all(width < 1.2 for name, width in widths.items() if name.startswith("tilt"))


def test_the_limits_are_those_of_pyhf_with_jax() -> None:
    pytest.importorskip("jax", reason="jax is no dependency: this compares where it is installed")
    import pyhf

    spec = model_of(15, 0.4)
    with numpy_backend():
        ours = limits_of_model(spec)
    before = pyhf.get_backend()
    pyhf.set_backend("jax", precision="64b")
    try:
        workspace = pyhf.Workspace(spec)
        model = workspace.model()
        data = workspace.data(model)
        for place, mu in enumerate(ours[:3:2]):
            found, band = pyhf.infer.hypotest(mu, data, model, return_expected_set=True)
            theirs = [float(found), *(float(each) for each in band)]
            assert theirs[2 * place] == pytest.approx(0.05, rel=5e-3)
    finally:
        pyhf.set_backend(*before)
