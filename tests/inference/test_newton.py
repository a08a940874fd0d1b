"""Fits and limits of yields that Minuit does not serve: results, or reasons; no failure, no NaN.

The kinds are those that users of pyhf and cabinetry report: empty bins, many bins, tiny and huge
numbers, strengths of any scale, failing toys.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, read_result, write_json
from jetchain.core.schema.inference import Fit, Limits
from jetchain.inference import cls as cls_module
from jetchain.inference import fit as fit_module
from jetchain.inference.cls import cls_from_toys
from jetchain.inference.fit import fit, load_model, lowest_strength, maximum_likelihood
from jetchain.inference.limits import LimitJob, asymptotic_limits, limits
from jetchain.inference.newton import best_fit, tails_of
from jetchain.inference.settings import FitSettings, LimitSettings, WorkspaceSettings
from jetchain.inference.toys import Counting, NoMinimumError
from jetchain.inference.workspace import build, minuit_serves, numpy_backend, plain_names, workspace
from jetchain.inference.yields import Yields

CONSTRAINTS = ["gaussian", "poisson"]
SETTINGS = WorkspaceSettings()
SMALL = WorkspaceSettings(luminosity_uncertainty=1e-7)
JOB = LimitJob(limits=LimitSettings(points=3, toys=40, toy_points=4), workspace=SETTINGS)

# Ten bins whose counts fall from ten millions; Minuit finds no minimum.
TEN = (
    [11153054, 5122485, 1612950, 623655, 288350, 133780, 68429, 29384, 16960, 7732],
    [11153054.0, 5122485.5, 1612950.8, 623655.0, 288350.8, 133781.0, 68429.1, 29384.6, 16960.2,
     7732.1],
    [2230610.8, 1024497.1, 322590.2, 124731.0, 57670.2, 26756.2, 13685.8, 5876.9, 3392.0, 1546.4],
    [1868621.6, 524542.7, 147379.1, 47125.4, 17630.7, 6192.0, 2552.4, 1039.9, 567.2, 94.5],
    [1.0] * 10,
)  # fmt: skip


def yields_of(columns, constraint: str = "gaussian") -> Yields:
    values = [np.atleast_1d(np.array(column, float)) for column in columns]
    names = tuple(f"b{index}" for index in range(len(values[0])))
    return Yields("search", names, *values, 10.0, 20.0, constraint)


def content(columns, constraint: str, names=None) -> dict:
    keys = ("observed", "background", "background_uncertainty", "signal", "signal_uncertainty")
    rows = np.transpose([np.atleast_1d(np.array(column, float)) for column in columns])
    names = names or [f"b{index}" for index in range(len(rows))]
    bins = [
        {"name": name, "signal_leakage": 0.0} | dict(zip(keys, row.tolist(), strict=True))
        for name, row in zip(names, rows, strict=True)
    ]
    return {
        "method": "cwola", "constraint": constraint, "luminosity_fb": 10.0, "abcd": None,
        "bins": [each | {"observed": int(each["observed"])} for each in bins],
        "reference_cross_section_fb": 20.0, "signal_region": [3.3, 3.7],
    }  # fmt: skip


def run(folder, columns, constraint: str, names=None) -> tuple[Fit, Limits]:
    """The three verbs in a row; the files are JSON without NaN."""
    write_json(folder / "yields.json", content(columns, constraint, names))
    paths = {"yields": folder / "yields.json", "workspace": folder / "workspace.json"}
    workspace(**paths, settings=SETTINGS)
    fit(**paths, fit=folder / "fit.json", settings=FitSettings(), seed=1)
    limits(**paths, limits=folder / "limits.json", settings=JOB, seed=1)
    for name in ("fit.json", "limits.json"):
        json.dumps(read_json(folder / name), allow_nan=False)
    return read_result(folder / "fit.json", Fit), read_result(folder / "limits.json", Limits)


rng = np.random.default_rng(4)
FALLING = np.geomspace(1e4, 0.1, 15)
TORTURE = {
    "a huge excess": (100000, 100, 10, 10, 1),
    "a larger one": (10**9, 1, 0.1, 1, 0.1),
    "ten bins": TEN,
    "fifteen bins": (
        rng.poisson(FALLING), FALLING, 0.3 * FALLING, np.geomspace(1, 5, 15), np.ones(15) / 2
    ),
    "nothing observed": ([0, 0, 0], [5, 2, 0.1], [1, 2, 0.1], [3, 3, 1], [0.3, 0.3, 0.1]),
    "hardly a background": (0, 1e-9, 1e-10, 3, 0.3),
    "hardly a background, and an excess": (5, 1e-9, 1e-10, 3, 0.3),
    "an exact background": ([5, 3], [4, 2], [0, 0], [3, 1], [0, 0]),
    "an unknown background": ([14, 3], [10, 1], [100, 50], [5, 1], [0.5, 2]),
    "backgrounds pulled to zero": ([0, 0], [100, 50], [90, 60], [10, 1], [1, 1]),
    "hardly a signal": (14, 10, 2, 1e-300, 1e-301),
    "a huge signal": (14, 10, 2, 1e12, 1e11),
    "an unknown signal": (14, 10, 2, 1, 100),
    "a bin without signal": ([14, 5], [10, 5], [2, 1], [0, 2], [0, 0.2]),
    "counts of 1e14": ([10**14] * 3, [1e14] * 3, [1e9] * 3, [1e9] * 3, [1e7] * 3),
    "an excess and a deficit": ([10**6, 0], [100, 1e6], [10, 1e3], [10, 0], [1, 0]),
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("columns", TORTURE.values(), ids=TORTURE)
def test_every_search_has_results_or_reasons(tmp_path, columns, constraint) -> None:
    start = time.process_time()
    fitted, limit = run(tmp_path, columns, constraint)
    assert time.process_time() - start < 60
    assert (fitted.mu is None) == (fitted.reason is not None)
    assert (limit.observed_mu is None) <= (limit.reason is not None)
    if limit.observed_mu is not None:
        assert list(limit.expected_mu) == sorted(limit.expected_mu)
        assert limit.observed_cls == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((14, -10, 2, 1, 1), "background is -10"),
        (([0, 3], [0, 4], [0, 1], [1, 2], [1, 0.2]), "'b0': the expected background is zero"),
        ((10**17, 1e17, 1e9, 1, 1), "observed is 1e[+]17, above 1e[+]15"),
    ],
)
def test_yields_that_no_model_has_are_refused(tmp_path, columns, message) -> None:
    with pytest.raises(DataError, match=message):
        run(tmp_path, columns, "gaussian")


# ------------------------------------------------------------------- against independent numbers


def by_hand(columns, counts, centre):
    """-2 log L of mu, for exact signals and Gaussian gammas: profiled bin by bin, in closed form.

    d/dgamma [gamma b - n log(mu s + gamma b) + tau (gamma - centre)^2 / 2] = 0 is quadratic.

    Returns:
        The function of mu, and that of the profiled gammas.
    """
    _, b, error, s, _ = (np.array(column, float) for column in columns)
    tau = (b / error) ** 2

    def gamma(mu: float):
        half = (b * b + tau * mu * s - tau * centre * b) / 2
        last = b * mu * s - counts * b - tau * centre * mu * s
        return (-half + np.sqrt(half**2 - tau * b * last)) / (tau * b)

    def value(mu: float) -> float:
        rate = mu * s + gamma(mu) * b
        move = (rate - counts) / counts
        deviance = counts * (move - np.log1p(move))
        return float(2 * np.sum(deviance + tau * (gamma(mu) - centre) ** 2 / 2))

    return value, gamma


def cls_by_hand(columns, mu: float) -> float:
    """The observed CLs of q~: eqs. 16 and 65 of arXiv 1007.1727."""

    def q_tilde(counts, centre) -> float:
        value, _ = by_hand(columns, counts, centre)
        best = minimize_scalar(value, bounds=(0, mu), method="bounded", options={"xatol": 1e-9})
        return max(value(mu) - min(best.fun, value(0.0)), 0.0)

    counts = np.array(columns[0], float)
    fitted = by_hand(columns, counts, 1.0)[1](0.0)
    q, asimov = q_tilde(counts, 1.0), q_tilde(fitted * np.array(columns[1]), fitted)
    root = np.sqrt(asimov)
    t = np.sqrt(q) - root if q <= asimov else (q - asimov) / (2 * root)
    return float(norm.sf(t + root) / norm.sf(t))


# 18, 9 and 4 events on 12, 10 and 3 expected; ten bins, the first with an excess of half a sigma.
THREE = ([18, 9, 4], [12.0, 10.0, 3.0], [3.0, 2.0, 1.0], [2.0, 5.0, 3.0], [0, 0, 0])
EXACT = (*(np.array(column) for column in TEN[:4]), np.zeros(10))
EXCESS = (EXACT[0] + np.array([1e6, *np.zeros(9)]), *EXACT[1:])


@pytest.mark.parametrize("columns", [THREE, EXACT, EXCESS], ids=["three", "ten", "excess"])
def test_limits_and_fit_of_several_bins_are_those_by_hand(columns) -> None:
    yields = yields_of(columns)
    found = asymptotic_limits(build(yields, SMALL), yields, JOB.limits)
    limit = brentq(lambda mu: cls_by_hand(columns, mu) - 0.05, 0.05, 20.0)
    assert found.observed_mu == pytest.approx(limit, rel=3e-3)
    fitted = maximum_likelihood(build(yields, SMALL), yields, FitSettings())
    value, _ = by_hand(columns, np.array(columns[0], float), 1.0)
    best = minimize_scalar(value, bounds=(-0.8, 20), method="bounded", options={"xatol": 1e-9})
    assert fitted.mu.value == pytest.approx(best.x, abs=1e-4)
    up = brentq(lambda mu: value(mu) - best.fun - 1, best.x, 30.0) - best.x
    assert fitted.mu.error_up == pytest.approx(up, rel=1e-3)
    z = np.sqrt(max(value(0.0) - best.fun, 0)) if best.x > 0 else 0
    assert fitted.significance == pytest.approx(z, abs=1e-3)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_newton_and_pyhf_agree_where_both_serve(constraint) -> None:
    columns = ([16, 10], [10, 10], [2.0, 1.0], [1.0, 5.0], [0.1, 0.3])
    yields = yields_of(columns, constraint)
    assert not minuit_serves(yields)
    model = Counting.of(yields, SETTINGS)
    with numpy_backend() as pyhf:
        pyhf_model, data = load_model(build(yields, SETTINGS), "spec")
        tails = tails_of(model, yields.observed, np.array([0.7, 1.5]))
        for mu, found, clb in zip([0.7, 1.5], tails.cls, tails.clb, strict=True):
            cls, (_, theirs), band = pyhf.infer.hypotest(
                mu, data, pyhf_model, test_stat="qtilde", return_expected_set=True,
                return_tail_probs=True,
            )  # fmt: skip
            np.testing.assert_allclose(found, [float(each) for each in (cls, *band)], rtol=2e-3)
            assert clb == pytest.approx(float(theirs), rel=2e-3)


def test_errors_of_newton_are_those_of_minuit(monkeypatch) -> None:
    yields = yields_of((14, 10, 2, 5, 0.5))
    spec = build(yields, SETTINGS)
    minuit = maximum_likelihood(spec, yields, FitSettings())
    monkeypatch.setattr(fit_module, "minuit_serves", lambda yields: False)
    newton = maximum_likelihood(spec, yields, FitSettings())
    for name in ("value", "error", "error_down", "error_up", "cross_section_fb"):
        assert getattr(newton.mu, name) == pytest.approx(getattr(minuit.mu, name), rel=3e-3)
    assert newton.p0 == pytest.approx(minuit.p0, rel=1e-3)
    assert [row.name for row in newton.parameters] == [row.name for row in minuit.parameters]
    for one, other in zip(newton.parameters, minuit.parameters, strict=True):
        assert one.value == pytest.approx(other.value, abs=0.01 * other.error)
        assert one.pull == pytest.approx(other.pull, abs=0.01)
        assert one.constraint == pytest.approx(other.constraint, rel=0.01)


# ----------------------------------------------------------------- laws, and what cannot be given


@pytest.mark.shared
@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_results_scale_with_the_signal(constraint) -> None:
    columns = ([14, 3], [10, 4], [2.0, 1.5], [5.0, 6.0], [0.5, 0.9])
    numbers = []
    for power in (-6, -3, -1, 0, 2, 6):
        scale = 10.0**power
        scaled = (*columns[:3], *(np.array(column) * scale for column in columns[3:]))
        yields = yields_of(scaled, constraint)
        spec = build(yields, SETTINGS)
        limit = asymptotic_limits(spec, yields, JOB.limits)
        mu = maximum_likelihood(spec, yields, FitSettings()).mu
        numbers.append(scale * np.array([limit.observed_mu, *limit.expected_mu, mu.error_up]))
        numbers[-1][-1] += scale * mu.value
    np.testing.assert_allclose(numbers, np.broadcast_to(numbers[3], (6, 7)), rtol=1e-6)


@pytest.mark.shared
def test_one_bin_of_another_reference_has_the_same_limit_in_events() -> None:
    # background.reference_events rescales the strength; mu = 1 then lies far from where mu is.
    one = yields_of((14, 10, 2, 5, 0.5))
    limit = asymptotic_limits(build(one, SETTINGS), one, JOB.limits)
    fitted = maximum_likelihood(build(one, SETTINGS), one, FitSettings())
    for scale in (1e-4, 1e4):
        other = yields_of((14, 10, 2, 5 * scale, 0.5 * scale))
        spec = build(other, SETTINGS)
        limit_of_other = asymptotic_limits(spec, other, JOB.limits)
        fitted_other = maximum_likelihood(spec, other, FitSettings())
        assert limit_of_other.observed_events == pytest.approx(limit.observed_events, rel=3e-3)
        assert fitted_other.mu.value * scale == pytest.approx(fitted.mu.value, abs=5e-3)
        assert fitted_other.p0 == pytest.approx(fitted.p0, rel=1e-3)


@pytest.mark.parametrize("observed", [1000, 3000, 100000])
def test_a_p0_below_the_smallest_number_is_a_bound_and_its_significance_finite(observed) -> None:
    yields = yields_of((observed, 100, 10, 10, 1), "poisson")
    found = maximum_likelihood(build(yields, SETTINGS), yields, FitSettings())
    # Astrophys. J. 272 (1983) 317, eq. 17, with a control region of (b / db)^2 = 100 events.
    total = observed + 100
    z = np.sqrt(2 * (observed * np.log(2 * observed / total) + 100 * np.log(2 * 100 / total)))
    assert found.significance == pytest.approx(z, rel=1e-6)
    assert found.p0_is_bound == (z > 37.5)
    assert found.p0 >= sys.float_info.min
    if found.p0_is_bound:
        assert found.p0 == sys.float_info.min


NAMES = ["m_JJ > 3 TeV", "Größe µ", "3.3-3.7", "a", "x61"]


def test_bins_may_have_any_name(tmp_path) -> None:
    columns = [[each] * 5 for each in (14, 10, 2, 5, 0.5)]
    fitted, _ = run(tmp_path, columns, "gaussian", NAMES)
    assert [row.name for row in fitted.parameters] == [
        "luminosity", *(f"signal_{name}" for name in NAMES),
        *(f"background_{name}[0]" for name in NAMES),
    ]  # fmt: skip
    one = dataclasses.replace(yields_of((14, 10, 2, 5, 0.5)), names=("Größe",))
    assert minuit_serves(one)
    found = maximum_likelihood(build(one, SETTINGS), one, FitSettings())
    assert [row.name for row in found.parameters][1:] == ["signal_Größe", "background_Größe[0]"]
    assert plain_names(["x", "xa", "b0", "_"]) == ["x", "xa", "b0", "_"]
    alike = ["é", "xc3a9", "x7863336139", "x", "xc3a"]
    assert len(set(plain_names(alike))) == len(alike)


@pytest.mark.parametrize(
    "error", [ValueError("NaN"), RuntimeError("x"), FloatingPointError(), np.linalg.LinAlgError()]
)
def test_a_failing_library_is_replaced_and_said_so(monkeypatch, capsys, error) -> None:
    def fails(*_, **__):
        raise error

    yields = yields_of((14, 10, 2, 5, 0.5))
    assert minuit_serves(yields)
    monkeypatch.setattr("pyhf.infer.hypotest", fails)
    monkeypatch.setattr("cabinetry.fit.fit", fails)
    spec = build(yields, SETTINGS)
    found = maximum_likelihood(spec, yields, FitSettings())
    assert found.mu.value == pytest.approx(0.8, abs=1e-3)
    assert asymptotic_limits(spec, yields, JOB.limits).observed_mu == pytest.approx(2.5, rel=0.01)
    assert capsys.readouterr().err.count("search: Minuit gives up") == 2


@pytest.mark.parametrize("spec", [{}, {"channels": []}, {"method": "cwola", "sensitive": False}])
def test_a_workspace_of_other_yields_is_a_data_error(spec) -> None:
    for verb, settings in ((maximum_likelihood, FitSettings()), (asymptotic_limits, JOB.limits)):
        with pytest.raises(DataError, match="not a workspace"):
            verb(spec, yields_of(TEN), settings, "workspace.json")


def test_what_no_minimiser_finds_is_null_with_a_reason(monkeypatch) -> None:
    def fails(*_, **__):
        raise NoMinimumError("made to fail")

    yields = yields_of(TEN)
    monkeypatch.setattr(fit_module, "best_fit", fails)
    monkeypatch.setattr("jetchain.inference.limits.tails_of", fails)
    spec = build(yields, SETTINGS)
    found = maximum_likelihood(spec, yields, FitSettings())
    assert (found.mu, found.p0, found.valid) == (None, None, False)
    assert "made to fail" in found.reason
    limit = asymptotic_limits(spec, yields, JOB.limits)
    assert (limit.observed_mu, limit.sensitive) == (None, True)
    assert "made to fail" in limit.reason


def test_a_failed_toy_is_left_out_and_many_are_refused(monkeypatch) -> None:
    model = Counting.of(yields_of((14, 10, 2, 5, 0.5)), SETTINGS)
    whole = cls_module.q_tilde

    def failing(share: float):
        def q_tilde(model, data, mu):
            q = whole(model, data, mu).copy()
            q[: int(share * len(q))] = np.nan
            return q

        return q_tilde

    def cls() -> float:
        random = np.random.default_rng(1)
        return cls_from_toys(model, np.array([14.0]), 2.0, 1000, random)[0]

    good = cls()
    monkeypatch.setattr(cls_module, "q_tilde", failing(0.002))
    assert cls() == pytest.approx(good, abs=5e-3)
    monkeypatch.setattr(cls_module, "q_tilde", failing(0.2))
    with pytest.raises(NoMinimumError, match="200 of 1000 toys"):
        cls()


def test_the_best_fit_at_the_end_of_its_range_has_the_error_of_the_rise() -> None:
    # Nothing observed: -log L rises by s per mu from its lowest value, without a curvature.
    yields = yields_of((0, 1e-6, 0, 4.0, 0))
    best = best_fit(Counting.of(yields, SMALL), yields.observed, lowest_strength(yields))
    assert best.error == pytest.approx(0.5 / 4.0, rel=1e-3)
    assert best.down is None
