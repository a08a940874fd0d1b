"""Workspaces, fits and limits: closed forms of the counting experiment, pyhf, and bad yields."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, read_result, write_json
from jetchain.core.schema.inference import Fit, Limits
from jetchain.inference.fit import fit, load_model, maximum_likelihood
from jetchain.inference.limits import LimitJob, asymptotic_limits, crossing, limits
from jetchain.inference.settings import FitSettings, LimitSettings, WorkspaceSettings
from jetchain.inference.workspace import REACH, build, numpy_backend, rough_limit, workspace
from jetchain.inference.yields import Yields, read_yields

QUICK = LimitSettings(points=3, toys=0)
NO_LUMINOSITY = WorkspaceSettings(luminosity_uncertainty=1e-5)
ROOT_FINDER = 3e-3  # relative, of the limits


def counting(
    observed=14.0, background=10.0, error=2.0, signal=5.0, signal_error=0.5, **others
) -> Yields:
    values = [np.atleast_1d(np.array(each, float)) for each in
              (observed, background, error, signal, signal_error)]  # fmt: skip
    names = tuple(f"bin{index}" for index in range(len(values[0])))
    return Yields(
        "search",
        names,
        *values,
        **({"luminosity": 10.0, "cross_section": 20.0, "constraint": "poisson"} | others),
    )


def limit_of(yields: Yields, settings: WorkspaceSettings = NO_LUMINOSITY) -> Limits:
    return asymptotic_limits(build(yields, settings), yields, QUICK)


def asymptotic_cls(mu: float, n: float, s: float, b: float) -> float:
    """CLs of q~_mu for n ~ Poisson(mu s + b), written out from arXiv 1007.1727 (eqs. 16, 65)."""

    def q_tilde(count: float) -> float:
        best = max((count - b) / s, 0.0)
        if best >= mu:
            return 0.0
        log = count * np.log((best * s + b) / (mu * s + b)) if count else 0.0
        return 2 * ((mu - best) * s + log)

    q, asimov = q_tilde(n), q_tilde(b)
    if q <= asimov:
        p_signal, p_background = norm.sf(np.sqrt(q)), norm.sf(np.sqrt(q) - np.sqrt(asimov))
    else:
        p_signal = norm.sf((q + asimov) / (2 * np.sqrt(asimov)))
        p_background = norm.sf((q - asimov) / (2 * np.sqrt(asimov)))
    return p_signal / p_background


@pytest.mark.parametrize(("n", "b", "s"), [(3, 4.2, 2.0), (14, 10.0, 5.0)])
def test_asymptotic_limit_of_a_counting_experiment(n: float, b: float, s: float) -> None:
    found = limit_of(counting(n, b, 0.0, s, 0.0))
    expected = brentq(lambda mu: asymptotic_cls(mu, n, s, b) - 0.05, 1e-3 / s, (50 + 5 * n + b) / s)
    assert found.observed_mu == pytest.approx(expected, rel=ROOT_FINDER)
    median = brentq(lambda mu: asymptotic_cls(mu, b, s, b) - 0.05, 1e-3 / s, (50 + 5 * b) / s)
    assert found.expected_mu[2] == pytest.approx(median, rel=ROOT_FINDER)


def test_asymptotic_limit_of_no_events_is_not_three() -> None:
    # Exact: 3.0 events for any background. The asymptotic formula gives less than that here,
    # which is why the toys stand beside it.
    found = limit_of(counting(0.0, 0.5, 0.0, 1.0, 0.0))
    assert 1.0 < found.observed_mu < 2.5


def test_cls_at_the_limit_is_the_level() -> None:
    yields = counting()
    spec = build(yields, WorkspaceSettings())
    found = asymptotic_limits(spec, yields, QUICK)
    with numpy_backend() as pyhf:
        model, data = load_model(spec, "spec")
        observed, expected = pyhf.infer.hypotest(
            found.observed_mu, data, model, return_expected_set=False, return_expected=True
        )
        assert float(observed) == pytest.approx(0.05, rel=1e-2)
        _, expected = pyhf.infer.hypotest(found.expected_mu[2], data, model, return_expected=True)
        assert float(expected) == pytest.approx(0.05, rel=1e-2)
    bands = found.expected_mu
    assert list(bands) == sorted(bands)
    assert found.observed_fb == pytest.approx(found.observed_mu * 20.0)
    assert found.observed_events == pytest.approx(found.observed_mu * 5.0)
    # The visible cross-section: events in 10/fb.
    assert found.observed_visible_fb == pytest.approx(found.observed_events / 10.0)
    assert found.expected_fb == pytest.approx([mu * 20.0 for mu in bands])
    assert found.expected_events == pytest.approx([mu * 5.0 for mu in bands])


@pytest.mark.shared
@pytest.mark.parametrize("scale", [1e-3, 300.0])
def test_limit_scales_with_the_normalisation_of_the_signal(scale: float) -> None:
    one, other = (
        limit_of(counting()),
        limit_of(counting(signal=5 * scale, signal_error=0.5 * scale)),
    )
    assert other.observed_mu * scale == pytest.approx(one.observed_mu, rel=ROOT_FINDER)
    assert other.observed_events == pytest.approx(one.observed_events, rel=ROOT_FINDER)


@pytest.mark.shared
@pytest.mark.parametrize("constraint", ["poisson", "gaussian"])
def test_a_worse_background_weakens_the_expected_limit(constraint: str) -> None:
    medians = [
        limit_of(counting(10.0, 10.0, error, constraint=constraint)).expected_mu[2]
        for error in (0.0, 4.0)
    ]
    assert medians[0] < 0.9 * medians[1]


@pytest.mark.parametrize(
    ("constraint", "kind"), [("poisson", "shapesys"), ("gaussian", "staterror")]
)
def test_the_constraint_of_the_yields_is_that_of_the_workspace(constraint: str, kind: str) -> None:
    spec = build(counting(constraint=constraint), NO_LUMINOSITY)
    (modifier,) = spec["channels"][0]["samples"][1]["modifiers"]
    assert (modifier["type"], modifier["data"]) == (kind, [2.0])
    with numpy_backend():
        model, _ = load_model(spec, "spec")
    assert model.config.param_set("background_bin0").pdf_type == {
        "poisson": "poisson", "gaussian": "normal"
    }[constraint]  # fmt: skip


@pytest.mark.shared
def test_an_uncertain_signal_has_a_weak_limit_and_a_hopeless_one_has_none() -> None:
    rough = rough_limit(counting(signal=1.0))
    weak = limit_of(counting(signal=1.0, signal_error=4.0))
    assert weak.sensitive is True
    assert 10 * rough < weak.expected_mu[4] < REACH * rough
    assert weak.observed_mu > limit_of(counting(signal=1.0, signal_error=1.0)).observed_mu
    hopeless = limit_of(counting(signal=1.0, signal_error=8.0))
    assert (hopeless.sensitive, hopeless.observed_mu, hopeless.scan) == (False, None, None)


def test_two_bins_are_better_than_the_better_one() -> None:
    both = limit_of(counting([12, 3], [10, 4], [1, 1], [3, 3], [0.3, 0.3])).expected_mu[2]
    assert both < limit_of(counting(3, 4, 1.0, 3.0, 0.3)).expected_mu[2]


# ------------------------------------------------------------------------------------------ fit


def test_best_fit_of_one_bin_is_the_excess() -> None:
    yields = counting()
    found = maximum_likelihood(build(yields, WorkspaceSettings()), yields, FitSettings())
    assert found.valid
    assert found.mu.value == pytest.approx(4 / 5, abs=5e-3)
    assert found.mu.cross_section_fb == pytest.approx(20 * found.mu.value)
    # The excess has the variance n + db^2, and mu = excess / s a further share of the signal's.
    error = np.hypot(np.sqrt(14 + 2.0**2) / 5, 0.8 * np.hypot(0.1, 0.01))
    assert found.mu.error == pytest.approx(error, rel=0.05)
    assert found.mu.error_down < 0 < found.mu.error_up
    # One bin cannot pull a nuisance parameter, as mu absorbs everything.
    assert [row.name for row in found.parameters] == [
        "luminosity", "signal_bin0", "background_bin0[0]",
    ]  # fmt: skip
    for row in found.parameters:
        assert abs(row.pull) < 0.02
        assert row.constraint == pytest.approx(1, abs=0.02)


def test_two_bins_pull_the_background() -> None:
    # No signal in the first bin, so it measures the background: 16 seen, 10 +- 2 expected.
    yields = counting([16, 10], [10, 10], [2.0, 0.1], [0.0, 5.0], [0.0, 0.0])
    found = maximum_likelihood(build(yields, NO_LUMINOSITY), yields, FitSettings())
    pulls = {row.name: row for row in found.parameters}
    # gamma = (m + n)/(tau b' + b) with a control region of 25 events for tau = 25/10 of the bin
    assert pulls["background_bin0[0]"].value == pytest.approx((25 + 16) / (25 + 10), rel=1e-2)
    assert pulls["background_bin0[0]"].constraint < 0.95


def test_a_deficit_gives_a_negative_strength() -> None:
    yields = counting(observed=6.0)
    found = maximum_likelihood(build(yields, NO_LUMINOSITY), yields, FitSettings())
    assert found.mu.value == pytest.approx(-4 / 5, abs=2e-2)
    assert found.p0 == pytest.approx(0.5, abs=1e-3)
    assert found.significance == 0


@pytest.mark.parametrize(("on", "off", "alpha"), [(25, 50, 0.2), (140, 100, 1.0), (7, 9, 0.3)])
def test_significance_is_that_of_li_and_ma(on: int, off: int, alpha: float) -> None:
    # Astrophys. J. 272 (1983) 317, eq. 17, is the likelihood ratio of the on/off problem.
    total = on + off
    expected = np.sqrt(2) * np.sqrt(
        on * np.log((1 + alpha) / alpha * on / total) + off * np.log((1 + alpha) * off / total)
    )
    yields = counting(on, alpha * off, alpha * np.sqrt(off), 3.0, 0.0)
    found = maximum_likelihood(build(yields, NO_LUMINOSITY), yields, FitSettings())
    assert found.significance == pytest.approx(expected, rel=1e-3)


def test_a_workspace_that_pyhf_refuses_is_a_data_error() -> None:
    spec = build(counting(), NO_LUMINOSITY)
    damaged = copy.deepcopy(spec)
    del damaged["channels"][0]["samples"]
    with pytest.raises(DataError, match="pyhf refuses"):
        load_model(damaged, "workspace.json")
    other = copy.deepcopy(spec)
    other["measurements"][0]["config"]["poi"] = "nu"
    with pytest.raises(DataError, match="pyhf refuses"):
        load_model(other, "workspace.json")


# ---------------------------------------------------------------------------------------- verbs

GOOD = {
    "method": "cwola",
    "constraint": "gaussian",
    "bins": [
        {
            "name": "signal_region", "observed": 14, "background": 10.0,
            "background_uncertainty": 2.0, "signal": 5.0, "signal_uncertainty": 0.5,
            "signal_leakage": 0.1,
        }
    ],
    "luminosity_fb": 10.0, "reference_cross_section_fb": 20.0,
    "signal_region": [3.3, 3.7], "abcd": None,
}  # fmt: skip


def test_the_three_verbs_in_a_row(tmp_path) -> None:
    write_json(tmp_path / "yields.json", GOOD)
    paths = {"yields": tmp_path / "yields.json", "workspace": tmp_path / "workspace.json"}
    workspace(**paths, settings=WorkspaceSettings())
    fit(**paths, fit=tmp_path / "fit.json", settings=FitSettings(), seed=1)
    job = LimitJob(
        limits=LimitSettings(points=3, toys=200, toy_points=4), workspace=WorkspaceSettings()
    )
    for name in ("one.json", "two.json"):
        limits(**paths, limits=tmp_path / name, settings=job, seed=3)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    found = read_result(tmp_path / "one.json", Limits)
    assert found.toys.observed_mu == pytest.approx(found.observed_mu, rel=0.3)
    assert found.sensitive is True
    fitted = read_result(tmp_path / "fit.json", Fit)
    assert (fitted.method, fitted.sensitive) == ("cwola", True)


def change(**values) -> dict:
    content = copy.deepcopy(GOOD)
    for name, value in values.items():
        where = content["bins"][0] if name in content["bins"][0] else content
        where[name] = value
    return content


@pytest.mark.parametrize("signal", [0.0, -1.3])
def test_a_search_without_sensitivity_has_null_for_every_result(tmp_path, capsys, signal) -> None:
    write_json(tmp_path / "yields.json", change(signal=signal))
    paths = {"yields": tmp_path / "yields.json", "workspace": tmp_path / "workspace.json"}
    workspace(**paths, settings=WorkspaceSettings())
    assert f"cwola: no sensitivity, its net signal yield is {signal:.3g}" in capsys.readouterr().err
    assert read_json(paths["workspace"]) == {"method": "cwola", "sensitive": False}
    fit(**paths, fit=tmp_path / "fit.json", settings=FitSettings(), seed=1)
    fitted = read_json(tmp_path / "fit.json")
    reason = "no sensitivity: the net signal yield is not positive in any bin"
    counts = {
        "method": "cwola", "sensitive": False, "observed": 14.0, "background": 10.0,
        "reason": reason,
    }  # fmt: skip
    assert counts.items() <= fitted.items()
    assert all(fitted[name] in (None, []) for name in fitted.keys() - counts.keys())
    job = LimitJob(limits=LimitSettings(level=0.1), workspace=WorkspaceSettings())
    limits(**paths, limits=tmp_path / "limits.json", settings=job, seed=3)
    found = read_json(tmp_path / "limits.json")
    known = {
        "method": "cwola", "sensitive": False, "level": 0.1,
        "reference_cross_section_fb": 20.0, "reason": reason,
    }  # fmt: skip
    assert known.items() <= found.items()
    assert all(found[name] in (None, [], [None] * 5) for name in found.keys() - known.keys())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (change(background=0.0), "'signal_region': the expected background is zero"),
        (change(background=-3.0), "background is -3"),
        (change(background_uncertainty=-1.0), "background_uncertainty is -1"),
        (change(background=float("nan")), "background is nan"),
        (change(background=None), "bins.0.background: Input should be a valid number"),
        (change(observed=-1), "observed is -1"),
        (change(observed=3.5), "bins.0.observed: Input should be a valid integer"),
        (change(observed="many"), "bins.0.observed: Input should be a valid integer"),
        (change(signal=float("nan")), "signal is nan"),
        (change(signal=-2.0, background=-3.0), "background is -3"),
        (change(signal_uncertainty=-1.0), "signal_uncertainty is -1"),
        (
            change(bins=[GOOD["bins"][0], GOOD["bins"][0] | {"name": "other", "signal": -1.0}]),
            "bin 'other': signal is -1",
        ),
        (change(luminosity_fb=0.0), "luminosity_fb is 0"),
        (change(reference_cross_section_fb=-2.0), "reference_cross_section_fb is -2"),
        (change(bins=[]), "there is no bin"),
        (change(constraint="normal"), "constraint: Input should be 'poisson', 'gaussian', 'free'"),
        (change(constraint="free"), "free exactly where there is a shape"),
        (change(bins=GOOD["bins"] * 2), "same name"),
        ({key: value for key, value in GOOD.items() if key != "luminosity_fb"}, "luminosity_fb"),
        ([1, 2], "not of the form Search "),
    ],
)  # fmt: skip
def test_bad_yields_are_refused(tmp_path, content, message: str) -> None:
    (tmp_path / "yields.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        workspace(
            yields=tmp_path / "yields.json",
            workspace=tmp_path / "workspace.json",
            settings=WorkspaceSettings(),
        )
    assert not (tmp_path / "workspace.json").exists()


def test_a_damaged_file_is_refused(tmp_path) -> None:
    (tmp_path / "yields.json").write_text(json.dumps(GOOD)[:50])
    with pytest.raises(DataError, match="cut short"):
        read_yields(tmp_path / "yields.json")


def test_crossing_interpolates_the_last_fall() -> None:
    mu = np.array([1.0, 2.0, 4.0])
    assert crossing(mu, np.array([0.5, 0.1, 0.025]), 0.05) == pytest.approx(2 * np.sqrt(2))
    assert crossing(mu, np.array([0.04, 0.1, 0.01]), 0.05) > 2
    assert crossing(mu, np.array([0.5, 0.4, 0.3]), 0.05) is None
    assert crossing(mu, np.array([0.01, 0.0, 0.0]), 0.05) is None
