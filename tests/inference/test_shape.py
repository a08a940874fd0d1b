"""Mass spectra with free backgrounds: pyhf's results, laws of scale, toys, and refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import kstest, norm

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, read_result, write_json
from jetchain.core.schema.inference import Fit, Limits, Strength
from jetchain.core.schema.scan import Measurement
from jetchain.inference import toys as toys_module
from jetchain.inference.discovery import p0_from_toys, signed_root
from jetchain.inference.fit import fit, maximum_likelihood
from jetchain.inference.limits import LimitJob, asymptotic_limits, limits, no_limits
from jetchain.inference.measure import MeasureJob, measure
from jetchain.inference.newton import best_fit
from jetchain.inference.settings import FitSettings, LimitSettings, WorkspaceSettings
from jetchain.inference.toys import Counting, Data, draw, profile, q_tilde
from jetchain.inference.workspace import build, numpy_backend, workspace
from jetchain.inference.yields import FEW_EVENTS, Shape, Yields, read_yields

SETTINGS = WorkspaceSettings()
QUICK = LimitSettings(points=3, toys=0)
CENTRE = np.linspace(2.85, 6.45, 37)
FALLING = np.exp(-1.4 * (CENTRE - 2.8))
SIGNAL = np.exp(-0.5 * ((CENTRE - 3.45) / 0.18) ** 2)
SIGNAL = SIGNAL / SIGNAL.sum()


def spectrum(
    seed: int | None = 1, events: float = 265.0, signal: float = 240.0, strength: float = 1.0,
    spurious: float = 0.05, relative: float = 0.03,
) -> Yields:  # fmt: skip
    """A spectrum like that of CATHODE's cut; counts are the expectation without a seed."""
    u = (CENTRE - 2.8) / 3.7
    background = events * FALLING / FALLING.sum()
    peak = signal * SIGNAL
    counts = background + strength * peak
    if seed is not None:
        counts = np.random.default_rng(seed).poisson(counts).astype(float)
    templates = np.array([(1 - u) ** 2, 2 * u * (1 - u), u**2]) * background
    return Yields(
        "cathode", tuple(f"{each:.2f} TeV" for each in CENTRE), counts, background,
        0.1 * background, peak, relative * peak, 10.0, 20.0, "free",
        Shape(templates, np.ones(3), spurious * peak, relative),
    )  # fmt: skip


def test_the_workspace_gives_pyhf_the_same_fit_and_limit() -> None:
    yields = spectrum()
    spec = build(yields, SETTINGS)
    found = maximum_likelihood(spec, yields, FitSettings())
    limit = asymptotic_limits(spec, yields, QUICK)
    with numpy_backend() as pyhf:
        loaded = pyhf.Workspace(spec)
        model = loaded.model()
        data = loaded.data(model)
        best, least = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
        assert found.mu.value == pytest.approx(float(best[model.config.poi_index]), abs=0.01)
        _, fixed = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)
        assert found.significance == pytest.approx(np.sqrt(float(fixed - least)), rel=0.01)
        for mu, level in ((limit.observed_mu, 0), (limit.expected_mu[2], 3)):
            observed, band = pyhf.infer.hypotest(
                mu, data, model, test_stat="qtilde", return_expected_set=True
            )
            assert float([observed, *band][level]) == pytest.approx(0.05, abs=0.003)
    names = [each.name for each in found.parameters]
    assert names == [
        "luminosity",
        "signal_efficiency",
        "spurious_signal",
        *(f"norm_{k}" for k in range(3)),
    ]


@pytest.mark.parametrize("power", [-6, 7])
def test_a_signal_rescaled_gives_the_strengths_rescaled(power: int) -> None:
    plain = spectrum()
    scaled = dataclasses.replace(plain, signal=plain.signal * 10.0**power)
    one, other = (
        (maximum_likelihood(build(each, SETTINGS), each, FitSettings()),
         asymptotic_limits(build(each, SETTINGS), each, QUICK))
        for each in (plain, scaled)
    )  # fmt: skip
    factor = 10.0**-power
    assert other[0].mu.value == pytest.approx(one[0].mu.value * factor, rel=1e-4)
    assert other[0].mu.error == pytest.approx(one[0].mu.error * factor, rel=1e-3)
    assert other[0].significance == pytest.approx(one[0].significance, rel=1e-4)
    assert other[1].observed_mu == pytest.approx(one[1].observed_mu * factor, rel=3e-3)
    for band, reference in zip(other[1].expected_mu, one[1].expected_mu, strict=True):
        assert band == pytest.approx(reference * factor, rel=3e-3)
    assert other[1].observed_events == pytest.approx(one[1].observed_events, rel=3e-3)


@pytest.mark.shared
def test_injected_strengths_come_back_with_pulls_of_width_one() -> None:
    means = []
    for strength in (0.0, 1.0, 2.0):
        pulls, found = [], []
        for seed in range(25):
            yields = spectrum(seed, strength=strength, spurious=0.0)
            best = best_fit(Counting.of(yields, SETTINGS), yields.observed, -0.3)
            found.append(best.mu)
            pulls.append((best.mu - strength) / best.error)
        means.append(np.mean(found))
        assert 0.7 < np.std(pulls) < 1.35  # of 25 it is known to .14
    assert np.polyfit([0.0, 1.0, 2.0], means, 1)[0] == pytest.approx(1.0, abs=0.06)


def test_toys_with_norms_at_zero_converge_in_few_steps(monkeypatch) -> None:
    # Newton's method once crept to a norm of zero by tenths, and halved each step beside it.
    yields = spectrum(strength=0.0)
    model, random = Counting.of(yields, SETTINGS), np.random.default_rng(3)
    at = np.concatenate([[1.0, 0.0, 1.0], np.zeros(model.kappa.shape[1])])
    toys = draw(model, 0.0, at, 200, random)
    rows, derivatives = [], toys_module.derivatives
    monkeypatch.setattr(
        toys_module, "derivatives",
        lambda model, data, *values: rows.append(len(data.counts)) or derivatives(
            model, data, *values
        ),
    )  # fmt: skip
    value, _, nuisances = profile(model, toys, 0.5)
    assert sum(rows) < 20 * 200
    assert np.mean(nuisances[:, :3] == 0) > 0.1
    for index in range(3):  # no other minimiser within bounds finds less
        data = toys.chosen(slice(index, index + 1))
        found = minimize(
            lambda x, data=data: derivatives(model, data, np.array([0.5]), x[None])[0][0],
            at, bounds=[(0, None)] * 3 + [(None, None)] * (len(at) - 3),
        )  # fmt: skip
        assert value[index] == pytest.approx(found.fun, abs=1e-4)
        assert value[index] <= found.fun + 1e-9


def test_the_spurious_signal_widens_the_error_in_quadrature() -> None:
    errors = [
        maximum_likelihood(build(each, SETTINGS), each, FitSettings()).mu.error
        for each in (spectrum(None, spurious=0.0), spectrum(None, spurious=0.2))
    ]
    assert errors[1] == pytest.approx(np.hypot(errors[0], 0.2), rel=0.02)


def test_norms_follow_the_falling_shape_and_nothing_pulls_them() -> None:
    yields = spectrum(None)
    bent = dataclasses.replace(yields, observed=yields.observed * (0.5 + (CENTRE - 2.8) / 3.7))
    flat, rising = (
        [p for p in maximum_likelihood(build(y, SETTINGS), y, FitSettings()).parameters
         if p.constraint is None]
        for y in (yields, bent)
    )  # fmt: skip
    assert {p.pull for p in (*flat, *rising)} == {None}
    away = [[(p.value - 1) / p.error for p in norms] for norms in (flat, rising)]
    assert np.abs(away[0]).max() < 0.1
    assert away[1][0] < -1
    assert away[1][2] > 0.5


def test_toys_agree_with_the_asymptotic_p_value() -> None:
    yields = spectrum(3, events=2000.0, strength=0.2, spurious=0.0)
    model = Counting.of(yields, SETTINGS)
    best = best_fit(model, yields.observed, -0.3)
    toys = p0_from_toys(model, yields.observed, 400, np.random.default_rng(1), -0.3)
    asymptotic = norm.sf(np.sqrt(best.q0))
    error = np.sqrt(asymptotic * (1 - asymptotic) / 400)
    assert toys == pytest.approx(asymptotic, abs=4 * error + 1 / 400)


@pytest.mark.parametrize("strength", [-0.25, 0.4])
def test_the_signed_root_is_that_of_the_best_fit(strength: float) -> None:
    yields = spectrum(3, events=2000.0, strength=strength, spurious=0.0)
    model = Counting.of(yields, SETTINGS)
    data = Data.observed(model, yields.observed)
    best = best_fit(model, yields.observed, -1.0)
    assert best.mu * strength > 0
    for mu in (0.0, strength, 2 * strength):
        (at,), (least,) = (profile(model, data, each)[0] for each in (mu, best.mu))
        expected = np.sign(best.mu - mu) * np.sqrt(2 * (at - least))
        assert signed_root(model, data, mu, -1.0)[0] == pytest.approx(expected, abs=1e-3)
    if strength > 0:
        assert signed_root(model, data, 0.0, 0.0)[0] == pytest.approx(np.sqrt(best.q0), abs=1e-3)
    else:  # the best strength that is allowed
        (at,), (least,) = (profile(model, data, each)[0] for each in (0.0, -0.01))
        expected = -np.sqrt(2 * (at - least))
        assert signed_root(model, data, 0.0, -0.01)[0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_pulls_are_of_width_one_where_the_efficiency_of_the_signal_is_uncertain(strength) -> None:
    # As after a cut that was trained without signal: it keeps two simulated events of it. Toys vary
    # what is measured of the efficiency too, so that it is right on average.
    yields = spectrum(None, events=60.0, signal=6.0, spurious=0.0, relative=0.7)
    model, random = Counting.of(yields, SETTINGS), np.random.default_rng(5)
    at = profile(model, Data.observed(model, yields.background), 0.0)[2][0]
    toys = draw(model, strength, at, 600, random)
    roots = signed_root(model, toys, strength, -1.5)
    assert np.mean(roots) == pytest.approx(0.0, abs=0.25)
    assert np.std(roots) == pytest.approx(1.0, abs=0.15)
    if strength == 0:
        # The error of a strength holds its own share of the efficiency's: too large for an excess.
        excess = [
            (root, best.mu / best.error)
            for counts, root in zip(toys.counts[:80], roots[:80], strict=True)
            if root > 1.0
            for best in [best_fit(model, counts, 0.0)]
        ]
        ours, plain = np.array(excess).T
        assert np.mean(plain) < 0.8 * np.mean(ours)


def test_the_p_values_of_toys_are_uniform_for_deficits_too() -> None:
    yields = spectrum(None, events=60.0, signal=6.0, spurious=0.0, relative=0.3)
    model, random = Counting.of(yields, SETTINGS), np.random.default_rng(6)
    at = profile(model, Data.observed(model, yields.background), 0.0)[2][0]
    found = [
        p0_from_toys(model, counts, 200, random, -1.5)
        for counts in draw(model, 0.0, at, 60, random).counts
    ]
    assert kstest(found, "uniform").pvalue > 0.01
    assert max(found) > 0.9


def with_background_under_the_peak(events: float) -> Yields:
    """A spectrum without signal, four norms, that strength 1 is two errors of the counts."""
    u = (CENTRE - 2.8) / 3.7
    peak = 0.5 * SIGNAL.max() <= SIGNAL
    background = events * FALLING / FALLING[peak].sum()
    templates = [(1 - u) ** 3, 3 * u * (1 - u) ** 2, 3 * u**2 * (1 - u), u**3] * background
    signal = 4 * np.sqrt(events) * SIGNAL
    return Yields(
        "cathode", tuple(f"{each:.2f} TeV" for each in CENTRE), background, background,
        0.1 * background, signal, 0.03 * signal, 10.0, 20.0, "free",
        Shape(templates, np.ones(4), 0 * signal, 0.03),
    )  # fmt: skip


def test_asymptotic_limits_hold_from_where_toys_are_left_out() -> None:
    yields = with_background_under_the_peak(FEW_EVENTS)
    assert not yields.low_counts
    assert with_background_under_the_peak(FEW_EVENTS - 1).low_counts
    model, random = Counting.of(yields, SETTINGS), np.random.default_rng(1)
    nuisances = profile(model, Data.observed(model, yields.observed), 1.0)[2][0]
    q = q_tilde(model, draw(model, 1.0, nuisances, 500, random), 1.0)
    assert np.mean(q > 2.706) == pytest.approx(0.05, abs=0.035)
    assert np.mean(q > 1.0) == pytest.approx(0.159, abs=0.06)


def content(yields: Yields, **shape) -> dict:
    rows = zip(yields.names, yields.observed, yields.background, yields.background_uncertainty,
               yields.signal, yields.signal_uncertainty, strict=True)  # fmt: skip
    keys = ("name", "observed", "background", "background_uncertainty", "signal",
            "signal_uncertainty")  # fmt: skip
    bins = [dict(zip(keys, row, strict=True)) for row in rows]
    return {
        "method": "cathode", "constraint": "free", "luminosity_fb": 10.0,
        "reference_cross_section_fb": 20.0, "signal_region": [3.3, 3.7],
        "bins": [each | {"observed": int(each["observed"])} for each in bins],
        "shape": {
            "name": "made up", "accepted": True, "p_value": 0.4,
            "templates": yields.shape.templates.tolist(), "norms": yields.shape.norms.tolist(),
            "spurious_mu": 0.05, "signal_relative_uncertainty": 0.03,
        } | shape,
    }  # fmt: skip


def run(folder, values: dict, toys: int = 0) -> tuple[Fit, Limits]:
    write_json(folder / "yields.json", values)
    paths = {"yields": folder / "yields.json", "workspace": folder / "workspace.json"}
    workspace(**paths, settings=SETTINGS)
    fit(**paths, fit=folder / "fit.json", settings=FitSettings(toys=toys), seed=1)
    job = LimitJob(limits=QUICK, workspace=SETTINGS)
    limits(**paths, limits=folder / "limits.json", settings=job, seed=1)
    return read_result(folder / "fit.json", Fit), read_result(folder / "limits.json", Limits)


def test_the_verbs_in_a_row(tmp_path) -> None:
    yields = spectrum()
    found, limit = run(tmp_path, content(yields))
    assert found.mu.value == pytest.approx(1.0, abs=0.4)
    assert found.observed == yields.observed.sum()
    assert limit.observed_fb > limit.expected_fb[2]
    assert found.p0_toys is None  # enough events
    sample = read_json(tmp_path / "workspace.json")["channels"][0]["samples"]
    assert sample[0]["name"] == "signal"


def test_few_events_are_checked_with_toys(tmp_path) -> None:
    few = spectrum(2, events=40.0, signal=30.0)
    found, _ = run(tmp_path, content(few), toys=100)
    assert found.p0_toys_is_bound
    assert found.p0_toys == pytest.approx(1 / 101)
    assert found.significance > found.significance_toys > 2


def test_without_an_accepted_background_there_is_no_result(tmp_path) -> None:
    found, limit = run(tmp_path, content(spectrum(), accepted=False, p_value=0.002))
    for each in (found, limit):
        assert each.reason == "no model of the background describes the data: p = 0.002"
    assert found.mu is None
    assert found.significance is None
    assert limit.observed_fb is None
    assert set(limit.expected_fb) == {None}


@pytest.mark.parametrize(("relative", "refused"), [(0.4, False), (0.62, True)])
def test_a_signal_that_is_hardly_known_gets_no_limit(tmp_path, relative, refused) -> None:
    values = content(spectrum(), signal_relative_uncertainty=relative)
    _, limit = run(tmp_path, values)
    assert (limit.observed_fb is None) == refused
    if refused:
        assert limit.reason == "the net signal efficiency is uncertain by 62 %, more than half"
        assert limit.sensitive


def test_a_counted_signal_that_is_hardly_known_gets_no_limit(tmp_path) -> None:
    values = content(spectrum())
    row = {"name": "a", "observed": 14, "background": 10.0, "background_uncertainty": 2.0,
           "signal": 5.0, "signal_uncertainty": 2.6}  # fmt: skip
    values |= {"bins": [row], "constraint": "poisson", "shape": None}
    _, limit = run(tmp_path, values)
    assert limit.observed_fb is None
    assert "uncertain by 52 %" in limit.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"norms": [1.0, 1.0]}, "do not have the bins"),
        ({"norms": [1.0, -1.0, 1.0]}, "negative"),
        ({"templates": [[0.0] * 37] * 3}, "a bin is empty"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(tmp_path, change, words) -> None:
    values = content(spectrum())
    values["shape"] |= change
    path = tmp_path / "yields.json"
    write_json(path, values)
    with pytest.raises(DataError, match=words):
        read_yields(path)


def measured(folder, values, toys: int = 0) -> Measurement:
    """The one job of a point of a scan."""
    write_json(folder / "yields.json", values)
    job = MeasureJob(fit=FitSettings(toys=toys), level=0.05, workspace=SETTINGS)
    measure(
        yields=folder / "yields.json", measurement=folder / "measurement.json", settings=job,
        seed=1, strength="1.0",
    )  # fmt: skip
    return read_result(folder / "measurement.json", Measurement)


@pytest.mark.parametrize(
    "change",
    [{}, {"accepted": False, "p_value": 0.002}, {"signal_relative_uncertainty": 0.62}],
    ids=["plain", "no background", "no efficiency"],
)
def test_a_point_of_a_scan_is_measured_as_a_search_is(tmp_path, change) -> None:
    values = content(spectrum(), **change)
    found, limit = run(tmp_path, values)
    point = measured(tmp_path, values)
    assert point.fit == found
    # Fewer points of the scan of CLs change no limit.
    assert point.limits.model_copy(update={"scan": None}) == limit.model_copy(
        update={"scan": None, "toys": None}
    )
    assert point.signal_events == pytest.approx(spectrum().signal.sum())
    assert point.signal_uncertainty == change.get("signal_relative_uncertainty", 0.03)


def test_a_point_without_signal_is_measured_as_such(tmp_path) -> None:
    values = content(spectrum())
    values["bins"] = [each | {"signal": 0.0, "signal_uncertainty": 0.0} for each in values["bins"]]
    point = measured(tmp_path, values)
    assert not point.fit.sensitive
    assert not point.limits.sensitive
    assert point.signal_uncertainty is None


@pytest.mark.parametrize(
    ("p_value", "events", "checked"),
    [(0.1, 40.0, True), (0.03, 40.0, True), (0.01, 40.0, False), (0.9, 40.0, True),
     (0.1, 4000.0, False)],
)  # fmt: skip
def test_toys_check_a_point_where_they_are_needed_and_enough_to_tell(
    tmp_path, monkeypatch, p_value, events, checked
) -> None:
    def asymptotic(spec, counts, settings, path) -> Fit:
        mu = Strength(
            value=1.0, error=1.0, error_down=None, error_up=None, cross_section_fb=1.0,
            cross_section_error_fb=1.0,
        )  # fmt: skip
        return Fit(method="cathode", sensitive=True, observed=1, background=1, p0=0.5, mu=mu)

    def root(model, data, mu, lowest) -> np.ndarray:
        return np.array([norm.isf(p_value)]) if mu == 0 else np.array([3.0])

    monkeypatch.setattr("jetchain.inference.measure.signed_root", root)

    def no_limit(spec, counts, settings, path) -> Limits:
        return no_limits(counts, settings)

    monkeypatch.setattr("jetchain.inference.measure.without_toys", asymptotic)
    monkeypatch.setattr("jetchain.inference.measure.asymptotic_limits", no_limit)
    monkeypatch.setattr(
        "jetchain.inference.measure.with_toys",
        lambda spec, counts, found, toys, path: found.model_copy(update={"p0_toys": 0.2}),
    )
    point = measured(tmp_path, content(spectrum(events=events, signal=events)), toys=200)
    assert (point.fit.p0_toys is not None) is checked
    assert point.p_value == pytest.approx(0.2 if checked else p_value)
    assert point.pull == 3.0  # of the strength that is in the data
