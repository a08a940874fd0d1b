"""Toys of any model: closed forms of one bin, coverage of a model of several bins, failing toys."""

from __future__ import annotations

import os

import numpy as np
import pytest
from scipy.stats import chi2, norm, poisson

from jetchain.core.io.tables import read_result, write_json
from jetchain.core.schema.inference import Fit, ModelFit, ToyLimits
from jetchain.core.seeds import generator
from jetchain.inference import others
from jetchain.inference.bracket import upper_limits
from jetchain.inference.cls import cls_of
from jetchain.inference.ensembles import (
    few_events,
    goodness_from_toys,
    limits_from_toys,
    p0_from_toys,
    thrown,
)
from jetchain.inference.histfactory import Hypotheses, Model
from jetchain.inference.limits import account
from jetchain.inference.others import limits_of, scale_of
from jetchain.inference.published import of_region
from jetchain.inference.settings import (
    FitSettings,
    LimitSettings,
    PublishedSettings,
    RegionSettings,
)
from jetchain.inference.toys import NoMinimumError
from jetchain.inference.workspace import numpy_backend

# `COVERAGE=4000 pytest tests/inference/test_ensembles.py -k coverage` is the larger version.
EXPERIMENTS = int(os.environ.get("COVERAGE", "250"))
REGION = PublishedSettings.model_construct(cross_section=None, luminosity=10.0)


def region(observed: int, background: float, uncertainty: float) -> Model:
    spec = of_region(
        RegionSettings(observed=observed, background=background, uncertainty=uncertainty)
    )
    with numpy_backend():
        return Model(spec, "region")


def exact_cls(events: float, observed: int, background: float) -> float:
    return float(poisson.cdf(observed, events + background) / poisson.cdf(observed, background))


def test_the_limit_of_a_region_is_that_of_poisson_sums() -> None:
    # S95 without an uncertainty: CLs = P(n <= 4 | s + b) / P(n <= 4 | b) = 0.05.
    model = region(4, 3.2, 0.0)
    with numpy_backend():
        found = limits_of(
            model, scale_of(model, "SR", REGION), LimitSettings(points=3, toys=16000), 7
        )
    assert found.toys is not None
    assert found.toys.failed == 0
    assert exact_cls(found.toys.observed_mu, 4, 3.2) == pytest.approx(0.05, abs=0.004)
    # CLb is P(n <= 4 | b) at each strength that lies above the best one.
    above = [clb for mu, clb in zip(found.toys.mu, found.toys.clb, strict=True) if mu > 1.0]
    assert above == pytest.approx([poisson.cdf(4, 3.2)] * len(above), abs=0.02)
    # One event at strength 1: the limit on it is S95, and over the luminosity the visible one.
    assert found.observed_events == pytest.approx(found.observed_mu)
    assert found.observed_visible_fb == pytest.approx(found.observed_mu / 10.0)
    # Asymptotic formulae are off at four events, which is why toys stand beside them.
    assert abs(exact_cls(found.observed_mu, 4, 3.2) - 0.05) > 0.005


def test_a_model_whose_only_parameter_is_the_strength_is_fitted_and_diagnosed(tmp_path) -> None:
    # One bin: the best strength is n - b = 4.8, with an error of sqrt(n).
    path = tmp_path / "workspace.json"
    write_json(path, of_region(RegionSettings(observed=8, background=3.2, uncertainty=0.0)))
    job = others.OthersFitJob.model_construct(
        fit=FitSettings(toys=0), workspace=REGION.model_copy(update={"scanned": []})
    )
    names = {"method": "SR", "settings": job, "seed": 1}
    others.fit(workspace=path, fit=tmp_path / "fit.json", **names)
    others.diagnose(workspace=path, model=tmp_path / "model.json", **names)
    fit = read_result(tmp_path / "fit.json", Fit)
    model = read_result(tmp_path / "model.json", ModelFit)
    assert fit.mu.value == pytest.approx(4.8, abs=1e-3)
    assert fit.mu.error == pytest.approx(np.sqrt(8), rel=1e-2)
    assert fit.parameters == ()
    assert (model.reason, model.parameters, model.correlations) == (None, ("mu",), ((1.0,),))
    assert model.impacts == ()
    assert model.channels[0].after == pytest.approx([8.0])
    assert [each.name for each in model.scans] == ["mu"]


def test_the_p_value_of_a_region_is_that_of_poisson_sums() -> None:
    with numpy_backend():
        hypotheses = Hypotheses(region(8, 3.2, 0.0))
        p0, is_bound = p0_from_toys(hypotheses, 10_000, generator(1, "p0"))
        assert p0 == pytest.approx(poisson.sf(7, 3.2), abs=0.004)
        assert not is_bound
        far = Hypotheses(region(60, 3.2, 0.0))
        assert p0_from_toys(far, 100, generator(1, "p0")) == (pytest.approx(1 / 101), True)


def test_auxiliary_data_are_thrown_too() -> None:
    with numpy_backend():
        model = Model(several(), "here")
        null = Hypotheses(model).null
        data = thrown(model, null, 4000, generator(2, "toys")).data
    expected = model.likelihood.expected(null[None])
    spread = data.auxiliary.std(axis=0)
    names = model.model.config.auxdata_order
    assert names == ["scale", "count", "stat"]
    # N(0, 1) for a scale, a Poisson count, and the relative errors of simulation; the counted
    # background has no second bin.
    assert spread[0] == pytest.approx(1.0, rel=0.05)
    assert spread[1] == pytest.approx(np.sqrt(expected.auxiliary[0, 1]), rel=0.05)
    assert spread[2] == 0.0
    assert spread[3:] == pytest.approx([0.1, 0.15], rel=0.05)
    assert data.auxiliary.mean(axis=0) == pytest.approx(expected.auxiliary[0], abs=0.1, rel=0.02)
    assert data.counts.var(axis=0) == pytest.approx(expected.counts[0], rel=0.1)


def several() -> dict:
    """Two bins with a shape, errors of simulation and a counted background."""
    return {
        "version": "1.0.0",
        "channels": [{"name": "bins", "samples": [
            {"name": "signal", "data": [3.0, 1.5], "modifiers": [
                {"name": "mu", "type": "normfactor", "data": None}]},
            {"name": "background", "data": [10.0, 4.0], "modifiers": [
                {"name": "scale", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
                {"name": "stat", "type": "staterror", "data": [1.0, 0.6]}]},
            {"name": "counted", "data": [2.0, 0.0], "modifiers": [
                {"name": "count", "type": "shapesys", "data": [0.7, 0.0]}]},
        ]}],
        "observations": [{"name": "bins", "data": [12.0, 4.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }  # fmt: skip


def test_limits_from_toys_cover(monkeypatch) -> None:
    """A true strength is excluded at 95 % in one experiment of twenty, with systematics and all.

    Each experiment is a toy with its own fits and its own toys of both hypotheses. CLs covers more
    than CLs+b where there is little sensitivity: this strength is one far from there.
    """
    toys, truth = 100 if EXPERIMENTS < 1000 else 600, 6.0
    random = generator(3, "coverage")
    with numpy_backend():
        model = Model(several(), "here")
        at = Hypotheses(model).null.copy()
        at[model.poi] = truth
        experiments = thrown(model, at, EXPERIMENTS, random)
        strengths = np.full(EXPERIMENTS, truth)
        with_signal = model.minima(experiments.data, experiments.near, strengths)
        without = model.minima(experiments.data, experiments.near, np.zeros(EXPERIMENTS))
        q = model.q_tilde(experiments.data, strengths, experiments.near, experiments.free)
        ensembles = []
        for parameters in (with_signal[1], without[1]):
            each = np.repeat(parameters, toys, 0)
            data = model.likelihood.draw(each, random)
            ensembles.append(
                model.q_tilde(data, np.full(len(each), truth), each).reshape(EXPERIMENTS, toys)
            )
    assert np.isfinite(q).all()
    excluded = [
        cls_of(np.sort(signal), np.sort(background), value)[0] < 0.05
        for signal, background, value in zip(*ensembles, q, strict=True)
    ]
    covered = 1 - np.mean(excluded)
    statistical = 2 * np.sqrt(0.05 * 0.95 / EXPERIMENTS)
    assert abs(covered - 0.95) < 0.015 + (statistical if EXPERIMENTS < 1000 else 0.0)


def test_goodness_of_fit_from_toys_is_that_of_chi_squared_with_many_events() -> None:
    spec = several()
    for name, power in (("signal", 50), ("background", 50), ("counted", 50)):
        sample = next(each for each in spec["channels"][0]["samples"] if each["name"] == name)
        sample["data"] = [power * value for value in sample["data"]]
        for modifier in sample["modifiers"]:
            if modifier["type"] in ("staterror", "shapesys"):
                modifier["data"] = [power**0.5 * value for value in modifier["data"]]
    spec["observations"][0]["data"] = [640.0, 260.0]
    with numpy_backend():
        hypotheses = Hypotheses(Model(spec, "here"))
        p = goodness_from_toys(hypotheses, 1000, generator(4, "goodness"))
    assert hypotheses.best > 0
    assert p == pytest.approx(chi2.sf(hypotheses.least, 1), abs=0.06)


def test_toys_are_called_for_where_few_events_are_under_the_signal() -> None:
    with numpy_backend():
        assert few_events(region(4, 3.2, 1.0))
        assert not few_events(region(10_000, 10_000.0, 100.0))
        spec = several()
        spec["channels"].append(
            {
                "name": "control",
                "samples": [
                    {
                        "name": "background",
                        "data": [1e5],
                        "modifiers": [
                            {"name": "scale", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
                        ],
                    }
                ],
            }
        )
        spec["observations"].append({"name": "control", "data": [1e5]})
        assert few_events(Model(spec, "here"))  # a full control region has no signal


def some_fail(monkeypatch, share: float) -> None:
    """Every so manieth fit of many rows fails."""
    whole = Model.minima

    def failing(self, data, near, strengths=None):
        value, parameters = whole(self, data, near, strengths)
        if len(value) > 50:
            value[:: round(1 / share)] = np.nan
        return value, parameters

    monkeypatch.setattr(Model, "minima", failing)


def test_a_toy_that_fails_is_counted_and_many_are_a_reason(monkeypatch) -> None:
    settings = LimitSettings(points=3, toys=1600, toy_points=4)
    model = region(4, 3.2, 1.0)
    with numpy_backend():
        hypotheses = Hypotheses(model)
        limits, _, _ = upper_limits(hypotheses.cls, model.unit, 1e3, 0.05)
        found = account(scale_of(model, "SR", REGION), settings, limits, hypotheses.tails)
        with monkeypatch.context() as patch:
            some_fail(patch, 1 / 200)
            toys = limits_from_toys(hypotheses, settings, found, 5)
            assert isinstance(toys, ToyLimits)
            assert toys.failed > 0
            assert toys.observed_mu == pytest.approx(found.observed_mu, rel=0.4)
        with monkeypatch.context() as patch:
            some_fail(patch, 0.2)
            with pytest.raises(NoMinimumError, match="of 400 toys find no minimum"):
                limits_from_toys(hypotheses, settings, found, 5)
            account_of_all = limits_of(model, scale_of(model, "SR", REGION), settings, 5)
        assert account_of_all.observed_mu == pytest.approx(found.observed_mu, rel=1e-3)
        assert account_of_all.toys is None
        assert "no limits with toys" in account_of_all.reason


@pytest.mark.parametrize(
    ("counts", "visible", "events"),
    # SUSY-2018-04 (arXiv 1911.06660): published visible cross-sections in fb, with 139/fb. Counts
    # and S95 as in CheckMATE's analysis_info/ATLAS_13TeV/atlas_1911_06660_var.j.
    [((10, 6.0, 1.7), (0.08, 0.055), (11.2, 7.8)), ((7, 10.2, 3.3), (0.05, 0.065), (6.7, 8.6))],
)
def test_regions_of_atlas_have_their_visible_cross_sections(counts, visible, events) -> None:
    model = region(*counts)
    entry = REGION.model_copy(update={"luminosity": 139.0})
    with numpy_backend():
        found = limits_of(
            model, scale_of(model, "SR", entry), LimitSettings(points=3, toys=8000), 9
        )
    ours = (found.observed_visible_fb, found.expected_events[2] / 139.0)
    assert ours == pytest.approx(visible, rel=0.1)
    toys = (found.toys.observed_mu, found.toys.expected_mu[2])
    assert toys == pytest.approx(events, rel=0.12)


def test_significance_of_a_region_without_uncertainty_is_that_of_the_reference() -> None:
    # arXiv 1007.1727, eq. 97: Z = sqrt(2 (n log(n / b) - n + b)).
    with numpy_backend():
        hypotheses = Hypotheses(region(150, 100.0, 0.0))
    z = np.sqrt(2 * (150 * np.log(1.5) - 50))
    assert np.sqrt(hypotheses.q0) == pytest.approx(z, rel=1e-6)
    assert norm.sf(np.sqrt(hypotheses.q0)) < 1e-5
