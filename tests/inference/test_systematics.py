"""Uncertainties of the signal: from variations to modifiers, against pyhf, laws, and refusals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.background import BackgroundShape, CountingBin, Search, SignalVariation
from jetchain.core.schema.inference import ModelFit
from jetchain.inference.fit import maximum_likelihood, parameter_names, scaled_model
from jetchain.inference.histfactory import Model
from jetchain.inference.newton import tails_of
from jetchain.inference.others import OthersFitJob, _diagnosis
from jetchain.inference.ranking import diagnose, diagnosis
from jetchain.inference.settings import (
    FitSettings,
    PublishedSettings,
    RegionSettings,
    WorkspaceSettings,
)
from jetchain.inference.systematics import effect
from jetchain.inference.toys import Counting, Data, derivatives
from jetchain.inference.workspace import build, numpy_backend, workspace
from jetchain.inference.yields import Yields, read_yields

SETTINGS = WorkspaceSettings()
CENTRE = np.linspace(2.9, 4.7, 10)
BACKGROUND = 400 * np.exp(-1.4 * (CENTRE - 2.8))
WINDOW = (CENTRE > 3.3) & (CENTRE < 3.9)
REGIONS = np.where(WINDOW, "signal_region", np.where(CENTRE < 3.5, "low_sideband", "high_sideband"))


def peak(centre: float = 3.6, width: float = 0.22, events: float = 150.0) -> np.ndarray:
    shape = np.exp(-0.5 * ((CENTRE - centre) / width) ** 2)
    return events * shape / shape.sum()


def variation(name, up, down=None, nominal=None) -> SignalVariation:
    return SignalVariation(
        method="cwola", systematic=name, nominal=peak() if nominal is None else nominal,
        up=up, down=down,
    )  # fmt: skip


JES = variation("jes", 1.04 * peak(3.67), 0.95 * peak(3.53))
JER = variation("jer", 0.99 * peak(width=0.26))
TRAINING = variation("training", 1.06 * peak(), peak() / 1.06)


def search(observed=None, variations=(JES, JER, TRAINING), signal=None, **changes) -> Search:
    """A spectrum with a signal of strength 1 in the data, which are the expectation otherwise."""
    signal = peak() if signal is None else signal
    u = (CENTRE - 2.8) / 2
    observed = np.round(BACKGROUND + peak()) if observed is None else observed
    rows = zip(observed, BACKGROUND, signal, strict=True)
    fields = {
        "method": "cwola", "constraint": "free", "luminosity_fb": 10.0,
        "reference_cross_section_fb": 20.0,
        "bins": [
            CountingBin(name=f"{k}", observed=int(n), background=b, background_uncertainty=0.1 * b,
                        signal=s, signal_uncertainty=0.0)
            for k, (n, b, s) in enumerate(rows)
        ],
        "shape": BackgroundShape(
            name="test", accepted=True, p_value=0.5, norms=[1.0, 1.0, 1.0], spurious_mu=0.03,
            templates=np.array([(1 - u) ** 2, 2 * u * (1 - u), u**2]) * BACKGROUND,
            signal_relative_uncertainty=0.0,
        ),
        "variations": variations,
        "signal_statistics": np.where(WINDOW, 0.08 * peak(), 0.0),
        "regions": REGIONS.tolist(),
    }  # fmt: skip
    return Search(**fields | changes)


@pytest.fixture
def read(tmp_path):
    def made(**changes) -> Yields:
        write_result(tmp_path / "search.json", search(**changes))
        return read_yields(tmp_path / "search.json")

    return made


def test_pyhf_has_the_same_likelihood_at_every_point(read) -> None:
    yields = read()
    spec = build(yields, SETTINGS)
    counting = Counting.of(yields, SETTINGS)
    gammas, alphas = parameter_names(yields, counting)
    assert alphas[:2] == ["luminosity", "spurious_signal"]
    assert alphas[2:5] == ["jes", "jer", "training"]
    assert len(alphas) == 5
    random = np.random.default_rng(5)
    difference = []
    with numpy_backend() as pyhf:
        loaded = pyhf.Workspace(spec)
        model = loaded.model()
        data = loaded.data(model)
        config = model.config
        statistics = [name for name in config.par_names if name.startswith("statistics_")]
        order = np.concatenate(
            [np.flatnonzero(name.removeprefix("cwola_") == REGIONS) for name in config.channels]
        )
        for _ in range(6):
            mu, gamma = random.uniform(0.2, 2), random.uniform(0.6, 1.5, len(gammas))
            alpha = random.normal(0, 0.8, len(alphas))
            at = dict(zip(alphas, alpha, strict=True)) | dict(zip(gammas, gamma, strict=True))
            at |= {"mu": mu}
            nuisances = np.concatenate([gamma, alpha])[None]
            point = [at.get(name, 1.0) for name in config.par_names]
            rates = counting.rates(np.array([mu]), nuisances)[0]
            np.testing.assert_allclose(model.expected_actualdata(point), rates[order], rtol=1e-9)
            fixed = [name not in statistics for name in config.par_names]
            fixed = [one or two for one, two in zip(fixed, config.suggested_fixed(), strict=True)]
            # pyhf minimises over the parameters of the statistics; ours have their best values
            _, theirs = pyhf.infer.mle.fit(
                data, model, point, fixed_params=fixed, return_fitted_val=True
            )
            ours = derivatives(
                counting, Data.observed(counting, yields.observed), np.array([mu]), nuisances
            )[0][0]
            difference.append(float(theirs) / 2 - ours)
    assert len(statistics) == WINDOW.sum() + 0
    np.testing.assert_allclose(difference, difference[0], atol=1e-4)


def test_the_gradient_is_that_of_the_likelihood(read) -> None:
    counting = Counting.of(read(), SETTINGS)
    point = np.concatenate([[1.2, 0.8, 1.1], np.linspace(-1, 1, counting.kappa.shape[1])])
    data = Data.observed(counting, read().observed)
    step = 1e-6 * np.eye(len(point))
    rows = data.chosen(np.zeros(len(point), int))
    mu = np.full(len(point), 1.3)
    up, down = (derivatives(counting, rows, mu, point + sign * step)[0] for sign in (1, -1))
    gradient = derivatives(counting, data, np.array([1.3]), point[None])[2][0]
    np.testing.assert_allclose(gradient, (up - down) / 2e-6, rtol=1e-5, atol=1e-5)


def test_order_and_names_change_nothing(read) -> None:
    plain = read()
    mixed = read(variations=(TRAINING, JER, JES))
    one_channel = read(regions=None)
    renamed = dataclasses.replace(
        plain, systematics=tuple(dataclasses.replace(s, name=f"a_{s.name}") for s in
                                 plain.systematics),
    )  # fmt: skip
    fits, limits = [], []
    for each in (plain, mixed, one_channel, renamed):
        spec = build(each, SETTINGS)
        unit, counting = scaled_model(spec, each, "w")
        fits.append(maximum_likelihood(spec, each, FitSettings()))
        limits.append(tails_of(counting, each.observed, np.array([0.5, 1.0]) / unit).cls)
    for fit, limit in zip(fits[1:], limits[1:], strict=True):
        assert fit.mu.value == pytest.approx(fits[0].mu.value, rel=1e-6)
        np.testing.assert_allclose(limit, limits[0], rtol=1e-4)


@pytest.mark.parametrize("power", [-5, 6])
def test_a_signal_rescaled_gives_the_strengths_rescaled(read, power: int) -> None:
    factor = 10.0**power
    scaled = [
        variation(each.systematic, *(None if end is None else factor * np.array(end)
                                     for end in (each.up, each.down)), nominal=factor * peak())
        for each in (JES, JER, TRAINING)
    ]  # fmt: skip
    shape = search().shape.model_copy(update={"spurious_mu": 0.03 / factor})
    plain, other = (
        read(),
        read(signal=factor * peak(), variations=scaled, shape=shape,
             signal_statistics=np.where(WINDOW, 0.08 * factor * peak(), 0.0)),
    )  # fmt: skip
    one, two = (maximum_likelihood(build(y, SETTINGS), y, FitSettings()) for y in (plain, other))
    assert two.mu.value * factor == pytest.approx(one.mu.value, rel=1e-4)
    assert two.mu.error * factor == pytest.approx(one.mu.error, rel=1e-3)
    assert [s.tilt.tolist() for s in plain.systematics] == [
        pytest.approx(s.tilt.tolist(), rel=1e-9) for s in other.systematics
    ]


def test_data_pull_the_scale_to_where_they_are_and_constrain_it(read) -> None:
    shifted = np.round(BACKGROUND + 1.02 * 8 * peak(3.67))
    yields = read(observed=shifted, signal=8 * peak(), signal_statistics=None, variations=[
        variation("jes", 8 * np.array(JES.up), 8 * np.array(JES.down), 8 * peak()), TRAINING,
    ])  # fmt: skip
    fit = maximum_likelihood(build(yields, SETTINGS), yields, FitSettings())
    pulls = {each.name: each for each in fit.parameters}
    assert pulls["jes"].pull == pytest.approx(1.0, abs=0.15)
    assert pulls["jes"].constraint < 0.7
    assert pulls["training"].constraint == pytest.approx(1.0, abs=0.02)


def test_uncertainties_weaken_the_limit(read) -> None:
    none = read(variations=(), signal_statistics=None)
    cls = []
    for each in (none, read()):
        unit, counting = scaled_model(build(each, SETTINGS), each, "w")
        cls.append(tails_of(counting, each.observed, np.array([1.5]) / unit).cls[0])
    assert cls[1][0] > 1.05 * cls[0][0]
    assert cls[1][5] > 1.05 * cls[0][5]


def norm_of(nominal, up, down=None):
    found = effect(variation("x", up, down, nominal), of_channel=True)
    return 0.0 if found is None else float(found.norm[0])


def test_norms_of_both_of_one_and_of_no_direction() -> None:
    flat = np.ones(4)
    assert norm_of(flat, 1.1 * flat, 0.9 * flat) == pytest.approx(math.log(1.1))
    assert norm_of(flat, 1.1 * flat) == pytest.approx(math.log(1.1))
    assert norm_of(flat, None, 1.1 * flat) == pytest.approx(-math.log(1.1))
    # both to one side: the larger
    assert norm_of(flat, 1.02 * flat, 1.1 * flat) == pytest.approx(-math.log(1.1))
    assert norm_of(flat, 0.9 * flat, 0.98 * flat) == pytest.approx(-math.log(1.1))
    # nothing left of it is finite, and nothing to vary is nothing
    assert math.isfinite(norm_of(flat, 0 * flat, 3 * flat))
    assert norm_of(flat, flat, flat) == 0
    assert norm_of(0 * flat, flat) == 0
    assert effect(variation("x", flat, flat, flat), of_channel=True) is None


def test_shapes_keep_the_norm_and_no_bin_falls_below_zero() -> None:
    nominal, up = np.array([0.0, 1.0, 5.0, 2.0]), np.array([3.0, 0.0, 2.0, 5.0])
    found = effect(variation("x", up, None, nominal), of_channel=True)
    assert found.tilt[0] == 0  # no signal there: nothing can be taken off it
    assert np.all(np.abs(found.tilt) <= 1)
    inside = np.array([1.2, 5.4, 2.2])
    found = effect(variation("x", inside, None, nominal[1:]), of_channel=True)
    assert found.tilt @ nominal[1:] == pytest.approx(0.0, abs=1e-12)
    mirrored = effect(variation("x", None, inside, nominal[1:]), of_channel=True)
    np.testing.assert_allclose(mirrored.tilt, -found.tilt)
    alone = effect(variation("x", up, None, nominal), of_channel=False)
    np.testing.assert_allclose(np.exp(np.abs(alone.norm[1:])), [2.0, 1.6, 2.5])
    assert not alone.tilt.any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"variations": [variation("jes", np.full(10, np.nan))]}, "'jes', up: bin 0 is nan"),
        ({"variations": [variation("jes", np.full(10, np.inf))]}, "bin 0 is inf"),
        ({"variations": [variation("jes", np.ones(9))]}, "9 bins, but the search has 10"),
        ({"variations": [JES, JES]}, "'jes' is there twice"),
        ({"variations": [variation("jes", None)]}, "neither up nor down"),
        ({"variations": [variation("luminosity", peak())]}, "name of another parameter"),
        ({"signal_statistics": [0.1]}, "signal_statistics: 1 bins"),
        ({"signal_statistics": [-0.1] * 10}, "negative"),
        ({"regions": ["a"]}, "regions: 1 bins"),
    ],
)
def test_bad_variations_are_refused(tmp_path, monkeypatch, changes, words) -> None:
    found = search(**changes)
    monkeypatch.setattr("jetchain.inference.yields.read_result", lambda *_: found)
    with pytest.raises(DataError, match="no limit can be set") as error:
        read_yields(tmp_path / "search.json")
    assert words in str(error.value)


def test_impacts_and_correlations_are_those_of_cabinetry(read) -> None:
    yields = read(signal_statistics=None, variations=(JES, TRAINING))
    spec = build(yields, SETTINGS)
    ours = diagnosis(spec, yields, "w")
    with numpy_backend(tolerance=0.001):
        nothing_more = PublishedSettings(
            region=RegionSettings(observed=1, background=1, uncertainty=0)
        )
        job = OthersFitJob(fit=FitSettings(tolerance=0.001), workspace=nothing_more)
        theirs = _diagnosis(Model(spec, "w"), "cwola", job, seed=1)[0]
    unit = max(abs(each.up) for each in theirs.impacts)
    mine = {each.name: each for each in ours.impacts}
    for each in theirs.impacts:
        assert mine[each.name].up == pytest.approx(each.up, abs=0.03 * unit)
        assert mine[each.name].down == pytest.approx(each.down, abs=0.03 * unit)
    assert ours.goodness_of_fit == pytest.approx(theirs.goodness_of_fit, abs=0.02)
    table = [
        {a: dict(zip(fit.parameters, row, strict=True)) for a, row in
         zip(fit.parameters, fit.correlations, strict=True)}
        for fit in (ours, theirs)
    ]  # fmt: skip
    for name in ("jes", "training", "norm_0"):
        assert table[0]["mu"][name] == pytest.approx(table[1]["mu"][name], abs=0.03)
    shown = {each.name.removeprefix("cwola_"): each for each in theirs.channels}
    for each in ours.channels:
        np.testing.assert_allclose(each.after, shown[each.name].after, rtol=5e-3)
        np.testing.assert_allclose(each.after_error, shown[each.name].after_error, rtol=0.05)
    assert {each.name for each in ours.asimov} == {"luminosity", "spurious_signal", "jes",
                                                   "training"}  # fmt: skip
    assert all(abs(each.pull) < 0.02 for each in ours.asimov)


def test_the_verbs_write_a_workspace_and_its_diagnosis(tmp_path, read) -> None:
    read()
    paths = {name: tmp_path / f"{name}.json" for name in ("search", "workspace", "model")}
    workspace(yields=paths["search"], workspace=paths["workspace"], settings=SETTINGS)
    diagnose(workspace=paths["workspace"], yields=paths["search"], model=paths["model"])
    found = read_result(paths["model"], ModelFit)
    assert [each.name for each in found.channels] == [
        "low_sideband", "signal_region", "high_sideband",
    ]  # fmt: skip
    assert found.impacts
    refused = search(shape=search().shape.model_copy(update={"accepted": False}))
    write_result(paths["search"], refused)
    diagnose(workspace=paths["workspace"], yields=paths["search"], model=paths["model"])
    assert "no model of the background" in read_result(paths["model"], ModelFit).reason


def test_regions_tied_by_abcd_take_norms_region_by_region(tmp_path, read) -> None:
    yields = read()
    abcd = dataclasses.replace(
        yields, constraint="abcd", names=tuple("ABCD"), shape=None, statistics=None, regions=(),
        observed=np.array([60.0, 200.0, 150.0, 1000.0]),
        background=np.array([30.0, 200.0, 150.0, 1000.0]),
        background_uncertainty=np.ones(4), signal=np.array([40.0, 8.0, 6.0, 4.0]),
        signal_uncertainty=np.array([2.0, 1.0, 1.0, 1.0]), kappa_relative=0.05,
        systematics=(effect(variation("jes", [44.0, 8, 6, 3], [36.0, 8, 6, 5], [40.0, 8, 6, 4]),
                            of_channel=False),),
    )  # fmt: skip
    spec = build(abcd, SETTINGS)
    unit, counting = scaled_model(spec, abcd, "w")
    alphas = parameter_names(abcd, counting)[1]
    assert alphas[-4:] == ["kappa", "ratio_b", "ratio_c", "jes"]
    nuisances = np.concatenate([[1.0], np.zeros(len(alphas))])
    nuisances[-1] = 1.0
    with numpy_backend() as pyhf:
        model = pyhf.Workspace(spec).model()
        start = zip(model.config.par_names, model.config.suggested_init(), strict=True)
        at = {"mu": unit, "jes": 1.0}
        theirs = model.expected_actualdata([at.get(name, value) for name, value in start])
    # pyhf orders channels by name: A to D as well
    np.testing.assert_allclose(theirs, counting.rates(np.ones(1), nuisances[None])[0], rtol=1e-9)
