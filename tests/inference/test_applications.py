"""Scans of likelihoods, operators, kappa_c and limits against luminosity: closed forms and laws."""

from __future__ import annotations

import dataclasses
import json
import time

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_result, write_json
from jetchain.core.schema.applications import OperatorScans
from jetchain.inference.applications import charm, gain, operators, templates
from jetchain.inference.applications.profile import THRESHOLDS, Profile, scan
from jetchain.inference.applications.settings import (
    CharmSettings,
    GainSettings,
    OperatorScanSettings,
    OperatorSettings,
)
from jetchain.inference.settings import WorkspaceSettings
from jetchain.inference.workspace import numpy_backend
from jetchain.inference.yields import Shape, Yields


def test_thresholds_are_quantiles_of_chi2() -> None:
    assert THRESHOLDS["intervals_95"] == pytest.approx(chi2.ppf(0.95, 1), rel=1e-12)
    assert THRESHOLDS["intervals_68"] == pytest.approx(chi2.ppf(0.6826894921, 1), rel=1e-6)


# --- operators: n ~ Poisson(SM + c INT + c^2 QUAD), one bin, nothing else
SM, INTERFERENCE, QUADRATIC = 10.0, 2.0, 3.0


def eft(observed: float, extra: tuple[dict, ...] = (), names=("c", "c2")) -> dict:
    """A workspace of one bin; extra: modifiers of the standard model's sample."""
    samples = [{"name": "SM", "data": [SM], "modifiers": [*extra]}]
    for name, events in zip(names, (INTERFERENCE, QUADRATIC), strict=True):
        factor = {"name": name, "type": "normfactor", "data": None}
        samples.append({"name": f"s{name}", "data": [events], "modifiers": [factor]})
    return {
        "version": "1.0.0",
        "channels": [{"name": "SR", "samples": samples}],
        "observations": [{"name": "SR", "data": [observed]}],
        "measurements": [{"name": "eft", "config": {"poi": "", "parameters": []}}],
    }


def scanned(folder, spec: dict, low: float = -5.0, high: float = 5.0, **names: str):
    write_json(folder / "given.json", spec)
    operator = OperatorSettings(**{"linear": "c", "quadratic": "c2"} | names, range=[low, high])
    asked = OperatorScanSettings.model_construct(workspace="", operators={"O": operator}, points=61)
    operators.operators(
        workspace=folder / "given.json", scans=folder / "scans.json", method="toy", settings=asked
    )
    return read_result(folder / "scans.json", OperatorScans).scans[0]


def roots(rate: float) -> list[float]:
    """Coefficients at which so many events are expected."""
    return sorted(np.roots([QUADRATIC, INTERFERENCE, SM - rate]).real)


def test_a_counting_experiment_has_the_minima_and_the_two_intervals_of_its_closed_form(
    tmp_path,
) -> None:
    observed = 40.0
    found = scanned(tmp_path, eft(observed))
    assert [each.at for each in sorted(found.minima, key=lambda each: each.at)] == pytest.approx(
        roots(observed), abs=2e-3
    )
    rate = SM + INTERFERENCE * np.array(found.values) + QUADRATIC * np.array(found.values) ** 2
    q = 2 * (rate - observed + observed * np.log(observed / rate))
    assert found.q == pytest.approx(q, abs=1e-4)
    for field, limit in THRESHOLDS.items():

        def excess(rate: float, limit: float = limit) -> float:
            return 2 * (rate - observed + observed * np.log(observed / rate)) - limit

        low, high = (roots(brentq(excess, *ends)) for ends in ((11, observed), (observed, 99)))
        pieces = getattr(found, field)
        ends = [end for each in pieces for end in (each.low, each.high)]
        assert ends == pytest.approx([high[0], low[0], low[1], high[1]], abs=2e-3)
    assert found.reason is None


def test_data_of_the_standard_model_have_one_interval_around_zero(tmp_path) -> None:
    found = scanned(tmp_path, eft(SM))
    (piece,) = found.intervals_95
    assert piece.low < 0 < piece.high
    # Both c = 0 and c = -INT / QUAD give the rate of the standard model.
    assert sorted(each.at for each in found.minima) == pytest.approx([-2 / 3, 0.0], abs=5e-3)


def test_an_interval_that_leaves_the_scan_is_open_and_nuisances_widen_it(tmp_path) -> None:
    narrow = scanned(tmp_path, eft(40.0), -0.5, 3.0)
    (piece,) = narrow.intervals_95
    assert piece.high is None
    tail = {"name": "theory", "type": "normsys", "data": {"hi": 1.5, "lo": 0.6}}
    whole, wide = scanned(tmp_path, eft(40.0)), scanned(tmp_path, eft(40.0, (tail,)))
    assert wide.intervals_68[0].low < whole.intervals_68[0].low
    assert wide.intervals_68[-1].high > whole.intervals_68[-1].high


def test_what_expects_negative_counts_is_null_with_the_bin_and_the_rest_stays(tmp_path) -> None:
    spec = eft(4.0)
    spec["channels"][0]["samples"][1]["data"] = [-30.0]  # of interference, it may be negative
    spec["channels"][0]["samples"][2]["data"] = [3.0]
    found = scanned(tmp_path, spec)
    assert any(each is None for each in found.q)
    assert "channel 'SR', bin 0" in found.reason
    assert found.minima
    spec["channels"][0]["samples"][0]["data"] = [-100.0]
    spec["channels"][0]["samples"][2]["data"] = [0.0]
    nothing = scanned(tmp_path, spec, -0.5, 0.5)
    assert nothing.minima == ()
    assert nothing.intervals_95 == ()
    assert "expects" in nothing.reason


@pytest.mark.parametrize(
    ("names", "extra", "said"),
    [
        ({"linear": "cc"}, (), "no parameter 'cc'"),
        ({"linear": "jes"}, ({"name": "jes", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},),
         "no free factor"),
        ({"quadratic": "bins"}, ({"name": "bins", "type": "shapefactor", "data": None},),
         None),
    ],
)  # fmt: skip
def test_a_parameter_that_is_no_free_factor_is_refused(tmp_path, names, extra, said) -> None:
    spec = eft(12.0, extra)
    if said is None:  # of two bins
        for sample in spec["channels"][0]["samples"]:
            sample["data"] = sample["data"] * 2
        spec["observations"][0]["data"] = [12.0, 12.0]
        said = "no free factor"
    with pytest.raises(DataError, match=said):
        scanned(tmp_path, spec, **names)


def test_sixty_one_points_take_about_a_second(tmp_path) -> None:
    tail = {"name": "theory", "type": "normsys", "data": {"hi": 1.2, "lo": 0.8}}
    started = time.process_time()
    scanned(tmp_path, eft(40.0, (tail,)))
    assert time.process_time() - started < 6  # 1.2 s here, of a busy machine


# --- kappa_c
def test_the_strength_of_charm_saturates_and_rates_add_up() -> None:
    branching = 0.0289
    assert charm.strengths(1.0, branching) == {"mu_cc": 1.0, "mu_bb": 1.0}
    assert charm.strengths(np.inf, branching)["mu_cc"] == pytest.approx(34.6, abs=0.01)
    for kappa in (0.0, 0.3, 2.0, 50.0):
        both = charm.strengths(kappa, branching)
        # The share of charm and that of all else make up the whole width.
        assert branching * both["mu_cc"] + (1 - branching) * both["mu_bb"] == pytest.approx(1.0)
        assert charm.kappa_of(both["mu_cc"], branching) == pytest.approx(kappa, abs=1e-9)
    assert charm.kappa_of(34.7, branching) is None
    assert charm.kappa_of(None, branching) is None


def test_published_expected_intervals_are_not_inverted_limits() -> None:
    # CMS expects 7.6 times the standard model and |kappa_c| < 3.4 (arXiv:2205.05550).
    assert charm.kappa_of(7.6, 0.0289) == pytest.approx(3.07, abs=0.02)


def counted(signal: float, background: float) -> dict:
    """n ~ Poisson(mu_cc s + mu_bb 0 + b), as the standard model expects."""
    factor = {"type": "normfactor", "data": None}
    return {
        "version": "1.0.0",
        "channels": [{"name": "SR", "samples": [
            {"name": "Hcc", "data": [signal], "modifiers": [{"name": "mu_cc", **factor}]},
            {"name": "Hbb", "data": [0.0], "modifiers": [{"name": "mu_bb", **factor}]},
            {"name": "b", "data": [background], "modifiers": [
                {"name": "tiny", "type": "normsys", "data": {"hi": 1.00001, "lo": 0.99999}}]},
        ]}],
        "observations": [{"name": "SR", "data": [signal + background]}],
        "measurements": [{"name": "m", "config": {"poi": "mu_cc", "parameters": [
            {"name": "mu_bb", "inits": [1.0], "fixed": True}]}}],
    }  # fmt: skip


@pytest.mark.parametrize(("signal", "background"), [(10.0, 100.0), (1.0, 1e5)])
def test_the_interval_of_kappa_is_that_of_a_counting_experiment(signal, background) -> None:
    job = charm.CharmJob(
        charm=CharmSettings(points=21, reach=60.0), level=0.05, workspace=WorkspaceSettings()
    )
    found = charm.limit(counted(signal, background), job, (100.0, 0.0289), statistics=False)
    n = signal + background

    def excess(mu: float) -> float:
        rate = background + mu * signal
        return 2 * (rate - n + n * np.log(n / rate)) - THRESHOLDS["intervals_95"]

    assert found.unbounded == (excess(1 / 0.0289) <= 0)
    if not found.unbounded:
        edge = charm.kappa_of(brentq(excess, 1.0, 34.6), 0.0289)
        assert found.kappa.intervals_95[-1].high == pytest.approx(edge, rel=5e-3)
        assert found.expected_mu[2] is not None
        # The other end of the two is of CLs on mu, and is another number.
        assert found.from_mu != pytest.approx(edge, rel=0.02)
    else:
        assert found.kappa.intervals_95[-1].high is None


# --- the templates of the search
CLASSES = ["quark", "gluon", "W", "Z", "top", "Hbb", "Hcc"]


def jets(many: int = 12000, seed: int = 1) -> templates.Jets:
    """Jets whose outputs are random, but high for their own class; H and Z have their masses."""
    random = np.random.default_rng(seed)
    label = random.integers(0, len(CLASSES), many)
    logits = random.normal(size=(many, len(CLASSES))) + 2 * np.eye(len(CLASSES))[label]
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    peak = np.array([90, 90, 80, 91, 170, 125, 125.0])[label]
    width = np.array([40, 40, 8, 8, 15, 12, 12.0])[label]
    return templates.Jets(
        CLASSES, label, probability.astype(np.float32), random.normal(peak, width),
        random.uniform(0.5, 2.0, many),
    )  # fmt: skip


RATES = {"quark": 100.0, "gluon": 50.0, "W": 2.0, "Z": 3.0, "top": 5.0, "Hbb": 0.5, "Hcc": 0.05}


def test_categories_are_apart_and_hold_their_share_of_the_signal() -> None:
    test, settings = jets(), CharmSettings()
    found = templates.categorise(test, settings)
    assert np.sum(list(found.values()), axis=0).max() == 1
    signal = test.of("Hcc")
    loosest = np.any([chosen for name, chosen in found.items() if name != "bb"], axis=0)
    in_bb = found["bb"]
    share = test.weight[signal & (loosest | in_bb)].sum() / test.weight[signal].sum()
    assert share == pytest.approx(0.8, abs=0.03)
    assert test.weight[signal & found["cc_40"]].sum() > 5 * test.weight[signal & in_bb].sum()


def test_shares_of_a_class_sum_to_its_efficiency_and_the_workspace_is_linear() -> None:
    test, settings = jets(), CharmSettings()
    categories = templates.categorise(test, settings)
    table = templates.shares(test, categories, settings.mass_edges)
    inside = (test.mass >= settings.mass_edges[0]) & (test.mass < settings.mass_edges[-1])
    for name, chosen in categories.items():
        for each in CLASSES:
            own = test.of(each)
            expected = test.weight[own & chosen & inside].sum() / test.weight[own].sum()
            if each in templates.QCD:
                expected = max(expected, 1 / own.sum())
            assert table[name][each].share.sum() == pytest.approx(expected)
            assert (table[name][each].error > 0).all()
    one, ten = (
        templates.build(table, RATES, settings, (lumi, 0.01), statistics=True)
        for lumi in (1.0, 10.0)
    )
    for first, second in zip(one["channels"], ten["channels"], strict=True):
        for small, large in zip(first["samples"], second["samples"], strict=True):
            assert large["data"] == pytest.approx(10 * np.array(small["data"]))
    with numpy_backend() as pyhf:
        model = pyhf.Workspace(ten).model()
        data = pyhf.Workspace(ten).data(model)
        # The data are what the standard model expects.
        assert model.expected_data(model.config.suggested_init()) == pytest.approx(data)
        assert model.config.suggested_fixed()[model.config.par_slice("mu_bb").start]
    plain = json.dumps(templates.build(table, RATES, settings, (1.0, 0.01), statistics=False))
    assert "staterror" not in plain


def test_a_class_that_never_passes_counts_as_one_jet_and_an_empty_bin_is_refused() -> None:
    test, settings = jets(), CharmSettings(mass_edges=[50.0, 105.0, 210.0])
    test.probability[test.of("gluon")] = np.eye(7)[1]
    table = templates.shares(test, templates.categorise(test, settings), settings.mass_edges)
    gluon = table["cc_40"]["gluon"]
    assert gluon.jets == 0
    assert gluon.share.sum() == pytest.approx(1 / test.of("gluon").sum())
    assert (gluon.error >= gluon.share - 1e-12).all()
    with pytest.raises(EmptySampleError, match="nothing is expected"):
        templates.build(
            templates.shares(test, templates.categorise(test, settings), [900.0, 950.0, 1000.0]),
            {"Hcc": 1.0, "Hbb": 1.0}, settings, (1.0, 0.01), statistics=False,
        )  # fmt: skip


def test_thresholds_leave_the_share_by_weight() -> None:
    score, weight = np.array([0.1, 0.9, 0.5, 0.7]), np.array([1.0, 1.0, 5.0, 1.0])
    everything = np.ones(4, bool)
    assert templates.threshold(score, weight, everything, 1 / 8) == 0.9
    assert templates.threshold(score, weight, everything, 0.26) == 0.5
    assert templates.threshold(score, weight, everything, 1.0) == 0.1
    with pytest.raises(EmptySampleError):
        templates.threshold(score, weight, ~everything, 0.5)


# --- limits against luminosity
def yields(constraint: str = "poisson", background: float = 400.0, **more) -> Yields:
    """A search in two bins that are alike."""
    each = np.ones(2) / 2
    return Yields(
        method="m", names=("a", "b"), observed=431.0 * each, background=background * each,
        background_uncertainty=1e-3 * background * each, signal=20.0 * each,
        signal_uncertainty=1e-3 * each, luminosity=10.0, cross_section=50.0,
        constraint=constraint, **more,
    )  # fmt: skip


JOB = gain.GainJob(
    gain=GainSettings(factors=[1.0, 4.0]), level=0.05,
    workspace=WorkspaceSettings(luminosity_uncertainty=1e-4),
)  # fmt: skip


def test_without_uncertainties_the_limit_falls_as_the_root_of_the_luminosity() -> None:
    found = gain.of_method(yields(), [], JOB)
    medians = [band[2] for band in found.expected_fb]
    assert found.luminosity == [10.0, 40.0]
    assert medians[1] / medians[0] == pytest.approx(0.5, rel=0.03)
    # b = 400: 1.64 sqrt(b) of CLs, 1.96 for its median (arXiv:1007.1727).
    assert medians[0] == pytest.approx(50 * 1.96 * 20 / 20, rel=0.05)
    assert found.trainings == 0
    assert found.spread_fb == ()


def test_the_data_of_the_run_do_not_enter_and_replicas_give_mean_and_spread() -> None:
    other = dataclasses.replace(yields(), observed=np.array([900.0, 900.0]))
    assert gain.of_method(other, [], JOB) == gain.of_method(yields(), [], JOB)
    weaker = dataclasses.replace(yields(), signal=np.array([5.0, 5.0]))
    # A replica with half the luminosity and half of everything is the same search.
    half = gain.at_luminosity(yields(), 0.5)
    found = gain.of_method(yields(), [half, weaker], JOB)
    alone = [gain.expected(each, 1.0, JOB)[0][2] for each in (yields(), weaker)]
    assert found.trainings == 2
    assert found.mean_fb[0] == pytest.approx(np.mean(alone), rel=1e-3)
    assert found.spread_fb[0] == pytest.approx(np.std(alone, ddof=1), rel=3e-3)
    single = gain.of_method(yields(), [half], JOB)
    assert single.spread_fb == (None, None)


def test_each_uncertainty_scales_as_stated_and_a_search_without_signal_says_so() -> None:
    shape = Shape(np.array([[200.0, 200.0]]), np.array([1.0]), np.ones(2), 0.05)
    scaled = gain.at_luminosity(yields("free", shape=shape), 9.0)
    assert scaled.background_uncertainty / scaled.background == pytest.approx([1e-3 / 3] * 2)
    assert scaled.shape.spurious / scaled.background == pytest.approx([1 / 200] * 2)
    assert scaled.shape.signal_relative == 0.05
    assert (scaled.shape.norms @ scaled.shape.templates) == pytest.approx(scaled.background)
    blind = dataclasses.replace(yields(), signal=np.zeros(2))
    found = gain.of_method(blind, [], JOB)
    assert found.expected_fb == [(None,) * 5] * 2
    assert "no sensitivity" in found.reason


def test_a_scan_of_a_parabola_is_exact() -> None:
    found = scan(np.linspace(-3, 3, 13), lambda x: (x - 0.21) ** 2 / 0.25, "x")
    assert found.minima[0].at == pytest.approx(0.21, abs=1e-3)
    (piece,) = found.intervals_68
    assert (piece.low, piece.high) == pytest.approx((-0.29, 0.71), abs=1e-3)


def test_the_profile_is_that_of_pyhf() -> None:
    tail = {"name": "theory", "type": "normsys", "data": {"hi": 1.2, "lo": 0.8}}
    spec = eft(30.0, (tail,))
    with numpy_backend() as pyhf:
        profile = Profile(spec, "here", ["c", "c2"])
        model = profile.model
        fixed = [True, True, False]
        order = [model.config.par_order.index(name) for name in ("c", "c2", "theory")]
        start = [0.0] * 3
        for place, value in zip(order, (1.5, 2.25, 0.0), strict=True):
            start[place] = value
        mask = [False] * 3
        for place, held in zip(order, fixed, strict=True):
            mask[place] = held
        _, least = pyhf.infer.mle.fit(
            profile.data, model, start, fixed_params=mask, return_fitted_val=True
        )
        found = profile.values([{"c": 1.5, "c2": 2.25}, {"c": 0.0, "c2": 0.0}])
        mask[:] = [True] * 3
        mask[order[2]] = False
        for place in order:
            start[place] = 0.0
        _, other = pyhf.infer.mle.fit(
            profile.data, model, start, fixed_params=mask, return_fitted_val=True
        )
        assert found[0] - found[1] == pytest.approx(float(least - other), abs=1e-5)
