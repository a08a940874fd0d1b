"""The likelihood of the four regions of the ABCD method, with the signal in each."""

import numpy as np
import pytest
from scipy.optimize import brentq

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result, write_json
from jetchain.core.schema.inference import Fit, Limits
from jetchain.inference.fit import fit
from jetchain.inference.limits import LimitJob, limits
from jetchain.inference.newton import best_fit
from jetchain.inference.settings import FitSettings, LimitSettings, WorkspaceSettings
from jetchain.inference.toys import Counting, Data, derivatives, draw
from jetchain.inference.workspace import build, numpy_backend, workspace
from jetchain.inference.yields import Yields, read_yields

SETTINGS = WorkspaceSettings(luminosity_uncertainty=0.01)


def four(signal=(60.0, 25.0, 20.0, 10.0), observed=(150, 600, 500, 3300), kappa=1.2, error=0.1):
    """Yields of A to D; the background of A is kappa B C / D."""
    counts = np.array(observed, float)
    background = np.append(kappa * counts[1] * counts[2] / counts[3], counts[1:])
    signal = np.array(signal, float)
    return Yields(
        "disco", ("A", "B", "C", "D"), counts, background, np.sqrt(background), signal,
        0.05 * np.abs(signal), 10.0, 70.0, "abcd", kappa_relative=error,
    )  # fmt: skip


def content(yields: Yields) -> dict:
    keys = ("observed", "background", "background_uncertainty", "signal", "signal_uncertainty")
    bins = [
        {"name": name, "signal_leakage": 0.0}
        | {key: float(getattr(yields, key)[index]) for key in keys}
        for index, name in enumerate(yields.names)
    ]
    return {
        "method": "disco", "constraint": "abcd", "luminosity_fb": 10.0,
        "bins": [each | {"observed": int(each["observed"])} for each in bins],
        "reference_cross_section_fb": 70.0, "signal_region": [3.3, 3.7],
        "abcd": {
            "cuts": [0.8, 0.8], "uncorrected": 90.0, "kappa": 1.2, "kappa_chi2": 1.0,
            "kappa_relative_uncertainty": yields.kappa_relative, "kappa_slope": 0.0,
            "kappa_ndf": 2,
        },
    }  # fmt: skip


def test_it_is_the_likelihood_of_the_workspace():
    yields = four()
    model = Counting.of(yields, SETTINGS)
    data = Data.observed(model, yields.observed)
    random = np.random.default_rng(1)
    with numpy_backend() as pyhf:
        published = pyhf.Workspace(build(yields, SETTINGS))
        theirs = published.model()
        found = []
        for _ in range(6):
            mu, norm, *alphas = random.normal([1.0, 1.0, *[0.0] * 8], [0.4, 0.05, *[0.3] * 8])
            names = ["luminosity", *(f"signal_{n}" for n in "ABCD"), "kappa"]
            named = dict(zip(names, alphas, strict=False))
            named |= {"mu": mu, "norm_0": norm, "ratio_b": np.exp(alphas[6])}
            named |= {"ratio_c": np.exp(alphas[7])}
            parameters = [named[name] for name in theirs.config.par_order]
            twice = -float(theirs.logpdf(parameters, published.data(theirs))[0])
            ours = derivatives(model, data, np.array([mu]), np.array([[norm, *alphas]]))[0][0]
            found.append(twice - ours)
    assert np.ptp(found) == pytest.approx(0.0, abs=1e-6)


def test_the_gradient_is_that_of_the_likelihood():
    model = Counting.of(four(), SETTINGS)
    random = np.random.default_rng(2)
    point = np.concatenate([[1.1], random.normal(0, 0.2, model.kappa.shape[1])])
    data = Data.observed(model, four().observed)

    def at(mu, nuisances):
        return derivatives(model, data, np.array([mu]), nuisances[None])

    _, slope, gradient, _ = at(0.7, point)
    step = 1e-5
    for index in range(len(point)):
        move = step * (np.arange(len(point)) == index)
        numeric = (at(0.7, point + move)[0] - at(0.7, point - move)[0]) / (2 * step)
        assert gradient[0, index] == pytest.approx(numeric[0], rel=1e-5, abs=1e-4)
    numeric = (at(0.7 + step, point)[0] - at(0.7 - step, point)[0]) / (2 * step)
    assert slope[0] == pytest.approx(numeric[0], rel=1e-5)


def test_the_best_fit_takes_the_signal_off_every_region():
    # Known efficiencies and kappa: the model is saturated, and mu solves the relation of the
    # backgrounds. Signal in B to D alone would be read as background in A.
    yields = four(observed=(210, 600, 500, 3300), error=1e-9)
    sure = Yields(**(vars(yields) | {"signal_uncertainty": np.zeros(4)}))
    model = Counting.of(sure, WorkspaceSettings.model_construct(luminosity_uncertainty=1e-9))
    kappa = 1.2

    def excess(mu):
        a, b, c, d = sure.observed - mu * sure.signal
        return a - kappa * b * c / d

    expected = brentq(excess, 0, 10)
    assert best_fit(model, sure.observed, -1.0).mu == pytest.approx(expected, rel=1e-5)
    alone = (sure.observed[0] - sure.background[0]) / sure.signal[0]
    assert expected > 1.05 * alone


@pytest.mark.shared
def test_pulls_of_the_strength_over_toys():
    # Efficiencies and kappa all but known: the counts are all that fluctuates.
    sure = Yields(**(vars(four(error=1e-3)) | {"signal_uncertainty": np.zeros(4)}))
    model = Counting.of(sure, WorkspaceSettings.model_construct(luminosity_uncertainty=1e-9))
    truth = np.append(1.0, np.zeros(model.kappa.shape[1]))
    toys = draw(model, 1.0, truth, 120, np.random.default_rng(3))
    found = [best_fit(model, counts, -1.0) for counts in toys.counts]
    pulls = [(each.mu - 1.0) / each.error for each in found]
    assert abs(np.mean(pulls)) < 4 / np.sqrt(120)
    assert 0.8 < np.std(pulls) < 1.2


def test_a_worse_known_kappa_makes_a_weaker_limit_through_the_verbs(tmp_path):
    observed = []
    for error in (0.02, 0.3):
        write_json(tmp_path / "yields.json", content(four(error=error)))
        paths = {"yields": tmp_path / "yields.json", "workspace": tmp_path / "workspace.json"}
        workspace(**paths, settings=SETTINGS)
        fit(**paths, fit=tmp_path / "fit.json", settings=FitSettings(), seed=1)
        job = LimitJob(limits=LimitSettings(toys=0, points=3), workspace=SETTINGS)
        limits(**paths, limits=tmp_path / "limits.json", settings=job, seed=1)
        found = read_result(tmp_path / "fit.json", Fit)
        assert found.observed == 150  # what is searched is A
        assert {each.name for each in found.parameters} >= {"kappa", "luminosity", "norm_0"}
        observed.append(read_result(tmp_path / "limits.json", Limits).observed_mu)
    assert observed[1] > 1.2 * observed[0]


def test_signal_that_looks_like_the_background_has_no_sensitivity(tmp_path):
    # In proportion to the background everywhere: A's excess is that of B C / D.
    path = tmp_path / "yields.json"
    write_json(path, content(four(signal=0.01 * four().background)))
    assert not read_yields(path).sensitive
    write_json(path, content(four()))
    assert read_yields(path).sensitive


def test_yields_that_are_no_four_regions_are_refused(tmp_path):
    path, good = tmp_path / "yields.json", content(four())
    empty = [each | ({"background": 0.0} if each["name"] == "D" else {}) for each in good["bins"]]
    for wrong, message in (
        (good | {"bins": good["bins"][:3]}, "four bins, A to D"),
        (good | {"abcd": None}, "exactly where it tells of kappa"),
        (good | {"bins": empty}, "bin 'D': the expected background is zero"),
    ):
        write_json(path, wrong)
        with pytest.raises(DataError, match=message):
            read_yields(path)


@pytest.mark.parametrize(("chi2", "scatter"), [(1.0, 1.0), (8.0, 4.0)])
def test_the_scatter_of_kappa_is_that_of_its_slices(tmp_path, chi2, scatter):
    given = content(four())
    given["abcd"]["kappa_chi2"] = chi2  # of two degrees of freedom
    write_json(tmp_path / "yields.json", given)
    assert read_yields(tmp_path / "yields.json").kappa_scatter == scatter
