"""Significance improvement against analytic curves."""

import numpy as np
import pytest
from scipy.stats import norm

from helpers.dijets import SIGNAL_REGION, dijet_tables
from jetchain.anomaly import evaluate
from jetchain.anomaly.settings import EvaluationJob, EvaluationSettings
from jetchain.core.dijets import inside
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES, SearchMetrics

NUMBER = 100_000
LABELS = np.repeat([1, 0], NUMBER)
EFFICIENCIES = np.array([0.1, 0.3, 0.5, 0.8])


def test_random_scores_give_the_square_root_of_the_efficiency():
    scores = np.random.default_rng(1).uniform(size=2 * NUMBER)
    curve = evaluate.sic_curve(LABELS, scores, EFFICIENCIES, 25)
    assert curve == pytest.approx(np.sqrt(EFFICIENCIES), rel=0.02)


def test_two_gaussians_give_the_analytic_curve():
    scores = np.random.default_rng(2).standard_normal(2 * NUMBER) + 1.5 * LABELS
    background = norm.sf(1.5 + norm.isf(EFFICIENCIES))
    curve = evaluate.sic_curve(LABELS, scores, EFFICIENCIES, 25)
    assert curve == pytest.approx(EFFICIENCIES / np.sqrt(background), rel=0.05)


def test_two_gaussians_have_their_efficiencies_at_fixed_background():
    shift, errors = 1.5, {0.1: 0.01, 0.01: 0.02}
    scores = np.random.default_rng(3).standard_normal(2 * NUMBER) + shift * LABELS
    merit, _ = evaluate.assess(LABELS, scores[:, None], EvaluationSettings(replicas=10), 1)
    assert merit.auc == pytest.approx(norm.cdf(shift / np.sqrt(2)), abs=5e-3)
    for background, error in errors.items():
        expected = norm.sf(norm.isf(background) - shift)
        assert merit.signal_efficiency[f"{background:g}"] == pytest.approx(expected, abs=error)


def test_cuts_with_too_little_background_are_not_quoted():
    labels = np.repeat([1, 0], 1000)
    scores = np.concatenate([np.arange(1000) + 1000.0, np.arange(1000.0)])  # perfect separation
    assert np.isnan(evaluate.sic_curve(labels, scores, np.array([0.5]), 25)).all()
    # The tightest cut quoted keeps all signal and 25 of 1000 background events.
    assert evaluate.maximum_sic(labels, scores, 25) == pytest.approx(np.sqrt(1000 / 25))
    with pytest.raises(EmptySampleError, match="Fewer than 2000"):
        evaluate.maximum_sic(labels, scores, 2000)


def test_a_signal_of_one_event_has_a_curve_though_replicas_lack_it():
    scores = np.random.default_rng(5).standard_normal((401, 1))
    labels = np.repeat([0, 1], [400, 1])
    merit, curve = evaluate.assess(labels, scores, EvaluationSettings(replicas=30), 1)
    assert np.isfinite(merit.max_sic)
    assert np.isfinite(curve["sic"]).any()
    assert np.isnan(evaluate.sic_curve(np.zeros(9), np.arange(9.0), EFFICIENCIES, 1)).all()


def _write(folder, columns):
    data, truth, rest = dijet_tables(background=4000, injected=100, test=200)
    write_tensors(folder / "data.safetensors", DIJETS, data)
    write_tensors(folder / "truth.safetensors", DIJET_TRUTH, truth)
    write_tensors(folder / "test.safetensors", DIJETS, rest)
    random = np.random.default_rng(4)
    for name, table, signal in (
        ("scores", data, truth["is_signal"]),
        ("signal_scores", rest, np.ones(200)),
    ):
        for method, power in (("good", 3.0), ("blind", 0.0)):
            score = random.standard_normal((len(signal), columns)) + power * signal[:, None]
            write_tensors(
                folder / method / f"{name}.safetensors",
                SCORES,
                {"event_id": table["event_id"], "score": score},
            )
    return {
        "data": folder / "data.safetensors", "truth": folder / "truth.safetensors",
        "signal_test": folder / "test.safetensors",
        "scores": [folder / m / "scores.safetensors" for m in ("good", "blind")],
        "signal_scores": [folder / m / "signal_scores.safetensors" for m in ("good", "blind")],
        "metrics": folder / "metrics.json", "curves": folder / "sic.csv",
        "settings": EvaluationJob(
            signal_region=SIGNAL_REGION,
            evaluation=EvaluationSettings(replicas=20, working_point=0.3),
        ),
        "seed": 1,
    }  # fmt: skip


def test_the_verb_compares_methods(tmp_path):
    arguments = _write(tmp_path, columns=3)
    evaluate.evaluate(**arguments)
    result = read_result(tmp_path / "metrics.json", SearchMetrics)
    data, rest = (read_tensors(arguments[name], DIJETS)["m_jj"] for name in ("data", "signal_test"))
    is_signal = read_tensors(arguments["truth"], DIJET_TRUTH)["is_signal"][
        inside(data, SIGNAL_REGION)
    ]
    assert result.background_events == np.sum(is_signal == 0)
    assert result.injected_events == np.sum(is_signal)
    more = np.sum(inside(rest, SIGNAL_REGION))
    assert result.signal_events_evaluated == np.sum(is_signal) + more
    good, blind = result.methods["good"], result.methods["blind"]
    assert good.auc > 0.95 > 0.6 > blind.auc > 0.4
    assert good.max_sic > 3
    assert blind.max_sic < 1.6
    low, high = good.max_sic_bootstrap
    assert low < good.max_sic < 1.3 * high
    # The mean of the trainings beats each of them: their noise is independent here.
    assert good.max_sic > good.max_sic_trainings.high
    assert good.working_point is not None
    assert good.working_point.background_efficiency == 0.3
    assert blind.working_point.sic < 1.2 < good.working_point.sic <= 1 / np.sqrt(0.3)
    low, high = good.working_point.sic_bootstrap
    assert low <= good.working_point.sic <= high
    assert set(read_csv(tmp_path / "sic.csv")["method"]) == {"good", "blind"}
    first = (tmp_path / "metrics.json").read_bytes()
    evaluate.evaluate(**arguments)
    assert (tmp_path / "metrics.json").read_bytes() == first


def test_scores_of_other_events_are_refused(tmp_path):
    arguments = _write(tmp_path, columns=1)
    path = arguments["scores"][0]
    write_tensors(path, SCORES, {"event_id": np.arange(3), "score": np.zeros((3, 1))})
    with pytest.raises(DataError, match="its events are not those of the data"):
        evaluate.evaluate(**arguments)


def test_the_working_point_is_the_cut_that_keeps_its_share_of_the_background():
    random = np.random.default_rng(4)
    labels = np.repeat([0, 1], [4000, 1000])
    scores = random.standard_normal(5000) + 1.5 * labels
    cut = np.quantile(scores[labels == 0], 0.98)
    expected = np.mean(scores[labels == 1] > cut) / np.sqrt(0.02)
    assert evaluate.sic_at(labels, scores, 0.02) == pytest.approx(expected, rel=0.02)
    # Whatever the scores are, no result chooses it.
    blind = [evaluate.sic_at(labels, random.standard_normal(5000), 0.02) for _ in range(100)]
    assert np.mean(blind) == pytest.approx(np.sqrt(0.02), rel=0.1)


@pytest.mark.parametrize(("background", "quoted"), [(2499, False), (2500, True)])
def test_a_working_point_of_too_few_events_is_not_quoted(background, quoted):
    labels = np.repeat([0, 1], [background, 50])
    scores = np.random.default_rng(1).standard_normal((len(labels), 2))
    settings = EvaluationSettings(replicas=10)  # 1 %, at least 25 events
    found = evaluate.working_point(labels, scores, settings, 1)
    assert (found is not None) == quoted
