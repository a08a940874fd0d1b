"""Scans of likelihoods, operators, kappa_c and limits against luminosity: closed forms and laws."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import chi2

from jetchain.background.abcd import Correction, Counts
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result, write_json, write_result
from jetchain.core.schema.applications import Gains, OperatorScans
from jetchain.core.schema.background import CountingBin, SearchYields
from jetchain.inference.applications import gain, operators
from jetchain.inference.applications.profile import THRESHOLDS, Profile, scan
from jetchain.inference.applications.settings import (
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


def test_the_lower_of_two_minima_of_a_nuisance_parameter_is_found(tmp_path) -> None:
    """A systematic that adds events both ways: at zero -log L is stationary, and higher."""
    more, observed = 20.0, 40.0
    both = {"name": "gen", "type": "histosys",
            "data": {"hi_data": [SM + more], "lo_data": [SM + more]}}  # fmt: skip
    found = scanned(tmp_path, eft(observed, (both,)))
    alpha = np.linspace(0, 4, 4001)
    inside = alpha**2 * (15 + alpha**2 * (3 * alpha**2 - 10)) / 8  # interpolation code 4p
    added = more * np.where(alpha <= 1, inside, alpha)

    def least(c: np.ndarray) -> np.ndarray:
        rate = SM + INTERFERENCE * c[:, None] + QUADRATIC * c[:, None] ** 2 + added
        q = 2 * (rate - observed + observed * np.log(observed / rate)) + alpha**2
        return q.min(axis=1)

    smallest = least(np.linspace(-5, 5, 1001)).min()
    assert found.q == pytest.approx(least(np.array(found.values)) - smallest, abs=2e-3)


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


def sample(spec: dict) -> dict:
    return spec["channels"][0]["samples"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("channels"),
        lambda s: s.pop("observations"),
        lambda s: s.update(measurements=[]),
        lambda s: sample(s).update(data=[1.0, 2.0]),
        lambda s: sample(s)["modifiers"].append({"name": "x", "type": "strange", "data": None}),
        lambda s: s["observations"][0].update(data=[1.0, 2.0]),
        lambda s: sample(s)["modifiers"].extend([
            {"name": "x", "type": "normfactor", "data": None},
            {"name": "x", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}]),
    ],
)  # fmt: skip
def test_a_file_that_is_no_workspace_is_refused_with_where_it_is_named(tmp_path, change) -> None:
    spec = eft(12.0)
    change(spec)
    with pytest.raises(DataError, match=r"inference\.applications\.operators"):
        scanned(tmp_path, spec)


LUMI = {"name": "lumi", "type": "lumi", "data": None}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["channels"][0]["samples"].append({**sample(s), "data": [30.0]}),
         "'SR': the sample 'SM' is given 2 times"),
        (lambda s: s["channels"].append(s["channels"][0]), "channel 'SR' is given 2 times"),
        (lambda s: sample(s)["modifiers"].extend(
            {"name": "x", "type": "normsys", "data": {"hi": up, "lo": 0.9}} for up in (1.1, 1.5)),
         "the normsys 'x' is given 2 times"),
        (lambda s: [sample(s)["modifiers"].append(LUMI),
                    s["measurements"][0]["config"]["parameters"].append(
                        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02]})],
         "no start and range, inits and bounds to the luminosity 'lumi'"),
    ],
)  # fmt: skip
def test_what_pyhf_would_drop_without_a_word_is_refused(tmp_path, change, said) -> None:
    """Of two samples of one name pyhf takes the last: intervals of half the background."""
    spec = eft(40.0)
    change(spec)
    with pytest.raises(DataError, match=said):
        scanned(tmp_path, spec)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: sample(s)["modifiers"].append(
            {"name": "x", "type": "normsys", "data": {"hi": 1.1, "lo": 0.0}}),
        lambda s: sample(s)["modifiers"].append(
            {"name": "x", "type": "shapesys", "data": [0.0]}),
        lambda s: sample(s)["modifiers"].append(
            {"name": "x", "type": "histosys", "data": {"hi_data": [-50.0], "lo_data": [-60.0]}}),
        lambda s: sample(s).update(data=[0.0]),
        lambda s: s["observations"][0].update(data=[0.0]),
        lambda s: s["observations"][0].update(data=[1e9]),
    ],
)  # fmt: skip
def test_extreme_workspaces_give_a_scan_or_the_reason(tmp_path, change) -> None:
    spec = eft(12.0)
    change(spec)
    found = scanned(tmp_path, spec)
    assert found.minima or found.reason


def test_sixty_one_points_take_about_a_second(tmp_path) -> None:
    tail = {"name": "theory", "type": "normsys", "data": {"hi": 1.2, "lo": 0.8}}
    started = time.process_time()
    scanned(tmp_path, eft(40.0, (tail,)))
    assert time.process_time() - started < 6  # 1.2 s here, of a busy machine


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


def test_the_verb_takes_replicas_by_their_method(tmp_path) -> None:
    paths = []
    for number, method in enumerate(("a", "b", "a", "a")):
        bins = [
            CountingBin(
                name=name, observed=100, background=100.0, background_uncertainty=1.0,
                signal=10.0 + number, signal_uncertainty=0.1,
            )
            for name in ("low", "high")
        ]  # fmt: skip
        paths.append(tmp_path / f"{number}.json")
        write_result(paths[-1], SearchYields(
            method=method, constraint="poisson", bins=bins, luminosity_fb=10.0,
            reference_cross_section_fb=50.0,
        ))  # fmt: skip
    job = JOB.model_copy(update={"gain": GainSettings(factors=[1.0])})
    gain.gain(yields=paths[:2], replicas=paths[2:], gains=tmp_path / "gains.json", settings=job)
    found = read_result(tmp_path / "gains.json", Gains).methods
    assert [(each.method, each.trainings) for each in found] == [("a", 2), ("b", 0)]
    assert found[0].mean_fb[0] < found[0].expected_fb[0][2]  # of more signal events


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


def test_kappa_of_more_luminosity_is_that_of_as_many_more_counts() -> None:
    """What the counts of the sidebands alone say falls with them; what they scatter beyond, not."""
    few, many = (
        Correction(
            (0.5, 0.5), ((0, 1), (1, 2), (4, 5), (5, 6)), np.array([0.5, 1.5, 4.5, 5.5]),
            tuple(Counts(*(times * np.array(each))) for each in (
                (20.0, 90, 80, 400), (21.0, 92, 80, 400), (22.0, 91, 84, 400), (20.0, 88, 81, 400)
            )),
        )
        for times in (1.0, 9.0)
    )  # fmt: skip
    assert many.chi2 < many.ndf
    search = yields("poisson", kappa_relative=few.kappa(3.0)[1])
    assert gain.at_luminosity(search, 9.0).kappa_relative == pytest.approx(many.kappa(3.0)[1])
    scattered = dataclasses.replace(search, kappa_relative=0.2, kappa_scatter=4.0)
    found = gain.at_luminosity(scattered, 1e12).kappa_relative
    assert found == pytest.approx(0.2 * np.sqrt(3 / 4))


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
