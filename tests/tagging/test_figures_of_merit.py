"""Figures of merit of taggers, with their errors: closed forms, coverage, scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics as sklearn_metrics

from jetchain.core.errors import DataError
from jetchain.core.metrics import binomial_interval, rejection
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.tagging.batches import Jets
from jetchain.tagging.class_settings import PAIRS, PairSettings
from jetchain.tagging.evaluate import (
    confusion,
    counted_interval,
    figures_of_merit,
    macro_auc,
    merits_of_pair,
    probabilities,
    roc_band,
)
from jetchain.tagging.scored import Scored, discriminant


@pytest.fixture
def toy_scores() -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities with some separation, all classes of unequal size."""
    random = np.random.default_rng(11)
    label = np.repeat(np.arange(7), [40, 50, 60, 30, 80, 45, 35])
    logits = random.normal(size=(len(label), 7)) + 1.2 * np.eye(7)[label]
    return label, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_macro_auc_and_confusion_equal_scikit_learn(
    toy_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    label, probability = toy_scores
    expected = sklearn_metrics.roc_auc_score(label, probability, multi_class="ovo")
    ones = np.ones(len(label))
    assert macro_auc(label, probability, ones) == pytest.approx(expected, abs=1e-12)
    predicted = probability.argmax(axis=1)
    result = confusion(label, predicted, ones, 7)
    np.testing.assert_array_equal(result.counts, sklearn_metrics.confusion_matrix(label, predicted))
    low, fraction, high = map(np.array, (result.low, result.fraction, result.high))
    np.testing.assert_allclose(fraction.sum(axis=1), 1)
    assert (low <= fraction).all()
    assert (fraction <= high).all()


def test_discriminant_by_hand() -> None:
    """top against quark + gluon: .45 / (.45 + .05 + .1); a W jet is left out."""
    probability = np.array([[0.05, 0.1, 0.3, 0.1, 0.45, 0, 0]] * 3)
    probability[2] = 0
    jets = Scored(np.array([4, 2, 1]), probability, np.array([0.5, 1.0, 2.0]), JET_CLASSES)
    truth, score, weight = discriminant(jets, PAIRS["top_vs_QCD"])
    np.testing.assert_array_equal(weight, [0.5, 2.0])
    np.testing.assert_array_equal(truth, [1, 0])
    np.testing.assert_allclose(score, [0.75, 0.5])


def test_the_background_is_the_mixture_asked_for(
    toy_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    """Three gluons to a quark: by weight in the background, and in the sum of the discriminant."""
    label, probability = toy_scores
    weight = 1 / np.bincount(label)[label]  # all classes weigh the same
    jets = Scored(label, probability, weight, JET_CLASSES)
    equal = PairSettings(signal="top", background={"quark": 2.0, "gluon": 2.0})
    for ours, default in zip(
        discriminant(jets, equal), discriminant(jets, PAIRS["top_vs_QCD"]), strict=True
    ):
        np.testing.assert_array_equal(ours, default)
    pair = PairSettings(signal="top", background={"quark": 1.0, "gluon": 3.0})
    truth, score, of_jet = discriminant(jets, pair)
    chosen = label[np.isin(label, (0, 1, 4))]
    assert of_jet[chosen == 1].sum() == pytest.approx(3 * of_jet[chosen == 0].sum())
    p = probability[np.isin(label, (0, 1, 4))]
    expected = p[:, 4] / (p[:, 4] + 0.5 * p[:, 0] + 1.5 * p[:, 1])
    np.testing.assert_allclose(score, expected, rtol=1e-12)
    np.testing.assert_array_equal(truth, chosen == 4)
    merit = figures_of_merit(jets, {"x": pair}, 2, 1)
    assert merit.pairs["x"].background == {"quark": 0.25, "gluon": 0.75}
    # The accuracy counts all classes alike, however many jets they have.
    right = probability.argmax(axis=1) == label
    expected = np.mean([right[label == n].mean() for n in range(7)])
    many = Scored(label, probability, np.ones(len(label)), JET_CLASSES)
    assert figures_of_merit(many, {"x": pair}, 2, 1).accuracy.value == pytest.approx(expected)


def test_figures_of_merit_of_every_pair_equal_scikit_learn(
    toy_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    """QCD is quarks and gluons, each jet with its weight."""
    label, probability = toy_scores
    weight = np.random.default_rng(3).exponential(size=len(label))
    pairs = {f"{name}_vs_QCD": (name, ["quark", "gluon"]) for name in JET_CLASSES[2:]}
    pairs |= {"quark_vs_gluon": ("quark", ["gluon"]), "Hbb_vs_top": ("Hbb", ["top"])}
    jets = Scored(label, probability, weight, JET_CLASSES)
    found = figures_of_merit(jets, PAIRS, 2, 1).pairs
    assert found.keys() == pairs.keys()
    for name, (signal, background) in pairs.items():
        s, *b = (JET_CLASSES.index(each) for each in (signal, *background))
        chosen = np.isin(label, [s, *b])
        truth = label[chosen] == s
        score = probability[chosen, s] / probability[chosen][:, [s, *b]].sum(axis=1)
        own = weight[chosen]
        auc = sklearn_metrics.roc_auc_score(truth, score, sample_weight=own)
        assert found[name].auc.value == pytest.approx(auc, abs=1e-12)
        assert found[name].signal_jets == truth.sum()
        fpr, tpr, _ = sklearn_metrics.roc_curve(
            truth, score, sample_weight=own, drop_intermediate=False
        )
        others = own[~truth]
        for point, efficiency in (("rejection_50", 0.5), ("rejection_30", 0.3)):
            leaked = fpr[tpr >= efficiency - 1e-12].min()  # of the cuts that keep as much
            merit = getattr(found[name], point)
            bound = np.sum(others) ** 2 / np.sum(others**2)
            # Less than one of the effective number is none: the data only bound the rejection.
            known = leaked * bound >= 1
            assert merit.value == pytest.approx(1 / leaked if known else bound)
            assert merit.bound != known
            assert merit.low <= merit.value <= merit.high
        assert found[name].rejection_50.low <= found[name].rejection_30.low


def test_the_band_covers_the_true_curve() -> None:
    """Gaussians one apart: the true background efficiency at signal efficiency e is known.

    At signal efficiency 1/2 it is 1 - Phi(1) = 0.1587. The 68 % band of 150 toys covers it in
    0.683 +- 0.038 of them.
    """
    random = np.random.default_rng(4)
    covered = 0
    for toy in range(150):
        score = np.concatenate([random.normal(1, 1, 300), random.normal(0, 1, 300)])
        truth = np.repeat([1, 0], 300)
        _, low, high, _ = roc_band(truth, score, np.ones(600), np.array([0.5]), 60, toy)
        covered += bool(low[0] <= 0.158655 <= high[0])
    assert 0.57 < covered / 150 < 0.80


def test_the_band_of_no_background_reaches_its_limit() -> None:
    """No background of 50 passes: Clopper-Pearson at 68 % allows 1 - 0.15865^(1/50) = 3.6 %."""
    truth, score, ones = np.repeat([1, 0], 50), np.repeat([1.0, 0.0], 50), np.ones(100)
    value, low, high, passed = roc_band(
        truth, score + 1e-3 * np.arange(100), ones, np.array([0.5]), 10, 1
    )
    assert passed[0] == 0
    assert value[0] == low[0] == 0
    assert high[0] == pytest.approx(0.0361, abs=2e-4)


def test_a_rejection_without_background_is_a_bound() -> None:
    """None of 50 passes: 1 / 0.0361 = 27.7 at 68 %; with 5 of 50 in reach it is measured."""
    truth, ones = np.repeat([1, 0], 50), np.ones(100)
    clean = merits_of_pair(truth, truth + 1e-3 * np.arange(100), ones, 10, 1)["rejection_50"]
    assert clean.bound
    assert clean.value == clean.high == 50
    assert clean.low == pytest.approx(27.7, abs=0.1)
    mixed = np.repeat([1.0, 2.0, 0.0], [50, 5, 45]) + 1e-3 * np.arange(100)
    measured = merits_of_pair(truth, mixed, ones, 30, 1)["rejection_50"]
    assert not measured.bound
    assert measured.value == pytest.approx(10)
    assert measured.low < 10 < measured.high


def test_one_background_jet_that_passes_is_counted() -> None:
    """1 of 1,377: 1,377 with the interval of Clopper and Pearson, whatever replicas say."""
    background, signal = np.zeros(1377), np.full(100, 1.0)
    background[700] = 2.0
    truth = np.repeat([0, 1], [1377, 100])
    scores, ones = np.concatenate([background, signal]), np.ones(1477)
    scores = scores + 1e-6 * np.arange(1477)
    found = merits_of_pair(truth, scores, ones, 20, 1)["rejection_50"]
    assert (found.passed, found.bound) == (1, False)
    assert found.value == pytest.approx(1377)
    tail = (1 - 0.6827) / 2
    interval = [stats.beta.ppf(q, k, n) for q, k, n in ((tail, 1, 1377), (1 - tail, 2, 1376))]
    assert [1 / found.high, 1 / found.low] == pytest.approx(interval)
    # A light jet that passes alone tells no more than none: 1 - 0.15865^(1 / 1376) = 1 / 748.
    light = np.where(scores >= 2, 1e-3, 1.0)
    light[truth == 1] = 1.0
    weighted = merits_of_pair(truth, scores, light, 20, 1)["rejection_50"]
    assert (weighted.passed, weighted.bound) == (1, True)
    assert weighted.value == weighted.high == pytest.approx(1376, abs=0.01)
    assert weighted.low == pytest.approx(748, abs=1)
    value, low, high, passed = roc_band(truth, scores, ones, np.array([0.5]), 20, 1)
    assert (passed[0], value[0]) == (1, pytest.approx(1 / 1377))
    assert low[0] <= interval[0]
    assert high[0] >= interval[1]


@pytest.mark.parametrize(("expected", "most"), [(2, 0.95), (6, 0.90), (20, 0.76)])
def test_intervals_of_weighted_jets_cover_the_efficiency(expected, most) -> None:
    """Weights with a tail (as many as a third count): 68 % of the intervals hold the truth.

    Of 600 toys 0.683 +- 0.019 would. Those of few hold it more often: counts are whole numbers, and
    what less than one effective jet weighs is not known.
    """
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(600):
        weight = random.lognormal(0, 1.05, 1500)
        passing = weight[random.random(1500) < expected / 1500]
        low, high = counted_interval(passing.sum(), passing @ passing, weight)
        covered += bool(low <= expected / 1500 <= high)
    assert 0.62 < covered / 600 < most


def test_intervals_of_equal_weights_are_those_of_counts() -> None:
    for count in (0, 1, 7, 300):
        found = counted_interval(3.0 * count, 9.0 * count, np.full(300, 3.0))
        np.testing.assert_allclose(found, binomial_interval(count, 300), rtol=1e-9)


def test_the_band_does_not_fall_and_has_no_step_where_ten_jets_pass() -> None:
    random = np.random.default_rng(2)
    truth, weight = np.repeat([1, 0], 1500), random.lognormal(0, 1.05, 3000)
    score = np.where(truth == 1, random.normal(1.8, 1, 3000), random.normal(0, 1, 3000))
    _, low, high, passed = roc_band(truth, score, weight, np.arange(1, 100) / 100, 60, 1)
    assert {0, 9, 11} <= set(np.clip(passed, 0, 11).tolist()) | {9}
    assert np.all(np.diff(low) >= 0)
    assert np.all(np.diff(high) >= 0)
    near = (passed > 4) & (passed < 25)
    assert np.all(high[near][1:] / high[near][:-1] < 1.6)


def test_a_working_point_is_a_cut_that_keeps_as_much_signal() -> None:
    """Two signal jets, background between them: at 60 % the cut is below both, not between."""
    truth = np.array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0])
    scores, ones = -np.arange(10.0), np.ones(10)
    assert rejection(truth, scores, 0.6) == pytest.approx(2)
    assert rejection(truth, scores, 0.5) == 8  # no background above the first
    value, *_ = roc_band(truth, scores, ones, np.array([0.5, 0.6, 0.99]), 5, 1)
    np.testing.assert_allclose(value, [0, 0.5, 0.5])


def test_with_weights_below_zero_there_are_figures_of_merit_with_finite_errors(
    toy_scores: tuple[np.ndarray, np.ndarray],
) -> None:
    label, probability = toy_scores
    weight = np.random.default_rng(4).choice([1.0, -1.0], len(label), p=[0.9, 0.1])
    scored = Scored(label, probability, weight, JET_CLASSES)
    text = figures_of_merit(scored, PAIRS, 10, 1).model_dump_json()
    assert "null" not in text
    assert "NaN" not in text


def test_an_output_that_is_no_number_is_refused() -> None:
    class Wrong(torch.nn.Module):
        def forward(self, jets: Jets) -> torch.Tensor:
            return torch.stack([jets.weight, jets.weight / (jets.weight - 3)], dim=1) * 0.0

    with pytest.raises(DataError, match="no number for 1 of 5 jets, the first of them number 3"):
        probabilities(Wrong(), Jets.of(weight=torch.arange(5.0)), 2)
