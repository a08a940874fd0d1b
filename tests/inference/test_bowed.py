"""Systematics that move a bin to the same side both ways: the lower of two minima is found."""

from __future__ import annotations

import numpy as np
import pyhf
import pytest

from jetchain.inference.fit import numpy_backend
from jetchain.inference.histfactory import Hypotheses, Model
from jetchain.inference.maximum import likelihood_scan, maximum
from jetchain.inference.others import limits_of, scale_of
from jetchain.inference.settings import FitSettings, LimitSettings, PublishedSettings

REGION = PublishedSettings.model_construct(cross_section=None, luminosity=None)


def spec(background: list[float], modifier: dict, observed: list[float]) -> dict:
    return {
        "version": "1.0.0",
        "channels": [{"name": "SR", "samples": [
            {"name": "sig", "data": [9.6, 3.2],
             "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
            {"name": "bkg", "data": background, "modifiers": [
                {"name": "bn", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}, modifier]}]}],
        "observations": [{"name": "SR", "data": observed}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }  # fmt: skip


def histosys(high: list[float], low: list[float]) -> dict:
    return {"name": "gen", "type": "histosys", "data": {"hi_data": high, "lo_data": low}}


TWO_POINTS = spec([57.4, 25.6], histosys([65.0, 24.7], [58.6, 20.8]), [63.0, 23.0])
BOTH_UP = spec(
    [57.4, 25.6], {"name": "gen", "type": "normsys", "data": {"hi": 1.34, "lo": 1.34}}, [80.0, 36.0]
)


def correlated(**given) -> dict:
    """Halves the signal both ways; a free norm follows it in the background of two channels."""
    norm = {"name": "norm", "type": "normfactor", "data": None}
    found = spec([50.0, 10.0], norm, [45.0, 10.0])
    signal, background = found["channels"][0]["samples"]
    signal["data"] = [30.0, 5.0]
    signal["modifiers"].append(histosys([15.0, 2.5], [15.0, 2.5]))
    background["modifiers"] = [norm]
    found["channels"].append(
        {
            "name": "CR",
            "samples": [
                {"name": "bkg", "data": [400.0], "modifiers": [norm, histosys([320.0], [480.0])]}
            ],
        }
    )
    found["observations"].append({"name": "CR", "data": [400.0]})
    if given:
        found["measurements"][0]["config"]["parameters"] = [{"name": "gen", **given}]
    return found  # fmt: skip


def least(model: Model, strength: float) -> float:
    """The least -2 log L at a strength, by pyhf from starts on either side."""
    data, config, found = model.data.tolist(), model.model.config, []
    for start in (-1.5, -0.5, 0.0, 0.5, 1.5):
        values = list(config.suggested_init())
        values[config.par_slice("gen").start], values[model.poi] = start, strength
        _, value = pyhf.infer.mle.fixed_poi_fit(
            strength, data, model.model, values, return_fitted_val=True
        )
        found.append(float(value))
    return min(found)


@pytest.mark.parametrize(
    "given", [TWO_POINTS, BOTH_UP, correlated(), correlated(inits=[0.1])],
    ids=["two points", "both up", "correlated", "which starts elsewhere"],
)  # fmt: skip
def test_the_lower_minimum_is_found_at_every_strength(given) -> None:
    with numpy_backend():
        model = Model(given, "given")
        assert [model.model.config.par_names[index] for index in model.bowed] == ["gen"]
        strengths = np.array([0.0, 0.5, 1.0, 2.0, 4.0])
        rows = model.rows.chosen(np.zeros(5, dtype=int))
        values, parameters = model.minima(rows, np.array(model.start), strengths)
        for strength, value, at in zip(strengths, values, parameters, strict=True):
            mine = -2 * float(model.model.logpdf(at.tolist(), model.data.tolist())[0])
            assert mine == pytest.approx(least(model, float(strength)), abs=2e-3)
            assert np.isfinite(value)


def test_limits_are_those_of_the_lower_minima() -> None:
    # By pyhf with Minuit and with scipy, from several starts.
    with numpy_backend():
        model = Model(TWO_POINTS, "given")
        found = limits_of(
            model, scale_of(model, "given", REGION), LimitSettings(points=3, toys=0), 1
        )
        hypotheses = Hypotheses(model)
        fit = maximum(model, hypotheses.best, FitSettings())
    assert found.observed_mu == pytest.approx(2.2935, rel=3e-3)
    assert found.expected_mu == pytest.approx([1.173, 1.565, 2.145, 2.948, 3.928], rel=3e-3)
    assert np.sqrt(hypotheses.q0) == pytest.approx(0.393, abs=3e-3)
    assert fit.bestfit[model.poi] == pytest.approx(hypotheses.best, abs=0.02)


def test_what_moves_to_either_side_or_cannot_be_seen_has_one_start() -> None:
    either = histosys([65.0, 28.0], [50.0, 23.0])
    small = histosys([57.6, 25.7], [57.5, 25.7])
    with numpy_backend():
        for modifier in (either, small):
            assert Model(spec([57.4, 25.6], modifier, [63.0, 23.0]), "given").bowed == []


def test_whole_numbers_as_starts_are_numbers() -> None:
    given = spec([20.0, 20.0], histosys([22.0, 22.0], [18.0, 18.0]), [25.0, 21.0])
    given["channels"][0]["samples"][1]["modifiers"] = []
    given["measurements"][0]["config"]["parameters"] = [
        {"name": "mu", "bounds": [[0, 10]], "inits": [1]}
    ]
    with numpy_backend():
        model = Model(given, "given")
        fit = maximum(model, Hypotheses(model).best, FitSettings())
    assert np.isfinite(fit.bestfit[model.poi])
    assert fit.uncertainty[model.poi] > 0


def test_scans_of_the_likelihood_follow_the_lower_minimum() -> None:
    """-2 log L profiled at strengths, above its least, is the difference of pyhf's minima."""
    with numpy_backend():
        model = Model(BOTH_UP, "given")
        best = np.array(maximum(model, Hypotheses(model).best, FitSettings()).bestfit)
        strengths = np.array([0.0, 1.0, 3.0])
        found = likelihood_scan(model, best, model.poi, strengths)
        lowest = -2 * float(model.model.logpdf(best.tolist(), model.data.tolist())[0])
        theirs = [least(model, float(each)) - lowest for each in strengths]
    np.testing.assert_allclose(found, theirs, atol=5e-3)


def test_minos_goes_to_where_the_lower_of_both_minima_has_risen() -> None:
    """Along the minimum of the best fit it would end after a sixth of the way, at 0.36."""
    given = correlated()
    given["observations"][0]["data"][0] = 90.0
    with numpy_backend():
        model = Model(given, "given")
        fit = maximum(model, Hypotheses(model).best, FitSettings())
        best, (down, up) = np.array(fit.bestfit), fit.minos_uncertainty["mu"]
        lowest = -2 * float(model.model.logpdf(best.tolist(), model.data.tolist())[0])
        rises = [least(model, best[model.poi] + each) - lowest for each in (down, up)]
    np.testing.assert_allclose(rises, 1.0, atol=0.02)


def test_a_norm_and_a_shape_of_one_name_may_move_a_bin_to_and_fro() -> None:
    """At -1 both cancel, and between they do not: the first bin falls by five events there."""
    given = spec([150.0, 200.0], histosys([180.0, 275.0], [118.0, 128.0]), [150.0, 205.0])
    norm = {"name": "gen", "type": "normsys", "data": {"hi": 1.48, "lo": 1.275}}
    given["channels"][0]["samples"][1]["modifiers"].append(norm)
    with numpy_backend():
        model = Model(given, "given")
        place = model.model.config.par_slice("gen").start
        at = np.repeat(np.array(model.start)[None], 3, 0)
        at[:, place] = (0.0, -0.25, -1.0)
        usual, between, end = model.expected(at).counts[:, 0]
        assert end == pytest.approx(usual, rel=0.01)
        assert between < usual - 5
        assert model.bowed == [place]
