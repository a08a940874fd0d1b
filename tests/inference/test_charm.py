"""A search for H -> cc with a tagger's jets, and kappa_c: closed forms, laws, and broken files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import brentq

from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.io.tensors import write_tensors
from jetchain.core.resources import RESOURCES
from jetchain.core.schema.tagging import TAGGING_JETS, TAGGING_SCORES
from jetchain.inference.applications import charm, templates
from jetchain.inference.applications.profile import THRESHOLDS
from jetchain.inference.applications.settings import CharmSettings
from jetchain.inference.settings import WorkspaceSettings
from jetchain.inference.workspace import numpy_backend


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


def test_rates_of_the_resource_are_products_of_what_it_states() -> None:
    known = read_json(RESOURCES / "published" / "charm.json")
    found = templates.rates(known, ["Hcc", "Hbb", "top", "quark"])
    assert found["Hbb"] / found["Hcc"] == pytest.approx(0.5824 / 0.0289)
    assert found["top"] == pytest.approx(known["processes"]["tt"]["fb"] * 2 * 0.2134 * 0.6741)
    assert "gluon" not in found
    # B = 0.0289: the strength saturates at the published 34.6.
    assert 1 / known["branching"]["H_cc"] == pytest.approx(34.6, abs=0.01)


def files(folder, events, weights, label=None) -> dict:
    """Scores of the jets of some events of one class, and the data set that they are of."""
    many = len(events)
    label = np.full(many, 6) if label is None else label
    common = {
        "event_number": np.array(events), "jet_index": np.zeros(many, int), "label": label,
        "jet": np.full((many, 8), 120.0),
    }  # fmt: skip
    lengths = {"jets": many, "particles": 1}
    blank = {
        name: np.zeros([lengths.get(axis, axis) for axis in tensor.axes])
        for name, tensor in TAGGING_JETS.tensors.items()
    }
    write_tensors(folder / "jets", TAGGING_JETS, {**blank, **common, "weight": np.array(weights)})
    shown = np.arange(many)[::-1]  # in another order than the data set
    scored = {name: values[shown] for name, values in common.items()}
    scored |= {"weight": np.ones(many), "probability": np.full((many, 7), 1 / 7)}
    write_tensors(folder / "scores", TAGGING_SCORES, scored)
    merit = {"classes": CLASSES, "pairs": {}, "accuracy": {"value": 1, "low": 1, "high": 1},
             "macro_auc": 1.0, "confusion": {"counts": [], "fraction": [], "low": [], "high": []},
             "model": "pfn", "feature_set": "full", "sees": "full", "parameters": 1, "flops": 1.0,
             "training_jets": 1}  # fmt: skip
    write_json(folder / "metrics", merit)
    return {name: folder / name for name in ("scores", "metrics")} | {"datasets": [folder / "jets"]}


def test_jets_get_the_weights_of_their_events(tmp_path) -> None:
    found = templates.read_jets(**files(tmp_path, [3, 5, 9], [0.3, 0.5, 0.9]))
    assert found.weight.tolist() == [0.9, 0.5, 0.3]
    assert found.mass.tolist() == [120.0] * 3
    assert found.score("Hcc") == pytest.approx(1 / 3)


def test_jets_of_other_samples_and_missing_classes_are_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="event 5 of 'Hcc' is in two samples"):
        templates.read_jets(**files(tmp_path, [5, 5], [0.3, 0.5]))
    given = files(tmp_path, [3], [0.3])
    (tmp_path / "other").mkdir()
    other = files(tmp_path / "other", [4], [0.3])
    with pytest.raises(DataError, match="not in the data set"):
        templates.read_jets(**given | {"datasets": other["datasets"]})
    fewer = read_json(given["metrics"]) | {"classes": ["quark", "gluon", "Hbb"]}
    write_json(given["metrics"], fewer)
    with pytest.raises(DataError, match="knows no Hcc"):
        templates.read_jets(**given)
