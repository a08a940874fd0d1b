"""Integrated gradients: axioms, and that jets are treated one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from helpers.tagging import random_jets
from jetchain.core.histograms import load_histograms, save_histograms
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_FEATURES, PairShares
from jetchain.tagging.batches import Jets
from jetchain.tagging.class_settings import QCD, PairSettings
from jetchain.tagging.explain import (
    LogOdds,
    feature_shares,
    integrated_gradients,
    share_map,
    weighted_mean,
)
from jetchain.tagging.models import MODELS
from jetchain.tagging.models.particlenet import ParticleNetSettings
from jetchain.tagging.models.pfn import PFNSettings
from jetchain.tagging.networks import build
from jetchain.tagging.settings import ExplainSettings

SIZES = {
    "pfn": PFNSettings(phi_sizes=[16, 16], f_sizes=[16]),
    "particlenet": ParticleNetSettings(neighbours=3, channels=[[8], [8]], fully_connected=[8]),
}
FEATURES = len(TAGGING_FEATURES)
SHAPE = {"inputs": FEATURES, "classes": len(JET_CLASSES)}


def log_odds(signal: str, background: dict[str, float] = QCD) -> LogOdds:
    pair = PairSettings(signal=signal, background=background)
    return LogOdds(pair, {name: n for n, name in enumerate(JET_CLASSES)})


def some_jets() -> Jets:
    return random_jets([12, 7, 9, 10], 12, seed=3)


def network(name: str) -> nn.Module:
    torch.manual_seed(5)
    return build(name, SIZES.get(name, {}), **SHAPE).eval().requires_grad_(False)


class Linear(nn.Module):
    """Logits that are linear in the features, the same for every particle."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(1)
        self.weight = torch.randn(FEATURES, len(JET_CLASSES), generator=random)

    def forward(self, jets):
        return jets.features.sum(dim=1) @ self.weight


def test_shares_of_a_linear_score_are_weight_times_feature() -> None:
    """One background class, so that the score is the difference of two logits."""
    jets, model = some_jets(), Linear()
    shares, difference = integrated_gradients(model, jets, log_odds("top", {"quark": 1.0}), steps=2)
    weight = model.weight[:, JET_CLASSES.index("top")] - model.weight[:, 0]
    np.testing.assert_allclose(shares, (jets.features * weight).numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), difference, rtol=1e-4)


@pytest.mark.parametrize(("name", "tolerance"), [("pfn", 0.01), ("particlenet", 0.1)])
def test_shares_sum_to_the_difference_of_the_scores(name, tolerance) -> None:
    """Completeness; ParticleNet's score jumps along the path, where its neighbours change."""
    jets = some_jets()
    shares, difference = integrated_gradients(network(name), jets, log_odds("top"), steps=200)
    assert np.abs(difference).max() > 0.01
    gap = shares.sum(axis=(1, 2)) - difference
    assert np.abs(gap).max() < tolerance * np.abs(difference).max()


@pytest.mark.parametrize("name", MODELS)
def test_padding_gets_no_share_and_jets_do_not_see_each_other(name: str) -> None:
    jets, model = some_jets(), network(name)
    shares, _ = integrated_gradients(model, jets, log_odds("W"), steps=8)
    assert (shares[~jets.mask.numpy()] == 0).all()
    one, _ = integrated_gradients(model, jets[np.array([2])], log_odds("W"), steps=8)
    np.testing.assert_allclose(one[0], shares[2], rtol=1e-4, atol=1e-6)


def test_score_is_the_logarithm_of_the_ratio_of_probabilities() -> None:
    logits = torch.randn(5, len(JET_CLASSES), generator=torch.Generator().manual_seed(2))
    p = logits.softmax(dim=1)
    expected = (p[:, JET_CLASSES.index("Z")] / (p[:, 0] + p[:, 1])).log()
    torch.testing.assert_close(log_odds("Z")(logits), expected)
    expected = (p[:, JET_CLASSES.index("Z")] / (0.5 * p[:, 0] + 1.5 * p[:, 1])).log()
    uneven = log_odds("Z", {"quark": 1.0, "gluon": 3.0})
    torch.testing.assert_close(uneven(logits), expected)


def test_map_and_features_share_out_the_same_sum() -> None:
    jets = some_jets()
    shares, difference = integrated_gradients(network("pfn"), jets, log_odds("W"), steps=4)
    narrow = jets.replace(points=0.1 * jets.points)
    one = np.ones(len(jets))
    histogram = share_map(
        shares.sum(axis=2), narrow, np.ones(jets.mask.shape), one, ExplainSettings(pixels=9)
    )
    table = feature_shares(shares, difference, one)
    assert histogram.values().sum() == pytest.approx(sum(table.share))
    assert sum(table.share) == pytest.approx(table.difference + table.gap)
    by_jet = shares.sum(axis=1)
    np.testing.assert_allclose(table.error, by_jet.std(axis=0, ddof=1) / 2)


def test_of_one_jet_there_are_shares_without_errors(tmp_path) -> None:
    jets = some_jets()[np.array([0])]
    shares, difference = integrated_gradients(network("pfn"), jets, log_odds("W"), steps=4)
    one = np.ones(1)
    histogram = share_map(
        shares.sum(axis=2), jets, np.ones(jets.mask.shape), one, ExplainSettings()
    )
    save_histograms(tmp_path / "maps.json", {"W_vs_QCD": histogram})
    write_result(tmp_path / "table.json", feature_shares(shares, difference, one))
    assert (load_histograms(tmp_path / "maps.json")["W_vs_QCD"].variances() == 0).all()
    table = read_result(tmp_path / "table.json", PairShares)
    assert table.error is table.difference_error is None
    np.testing.assert_allclose(table.share, shares.sum(axis=(0, 1)))


def test_means_of_weighted_jets_and_their_errors() -> None:
    """Equal weights give the plain formulas; a jet of weight 2 counts as two of the same."""
    values = np.random.default_rng(1).normal(size=(50, 3))
    mean, variance = weighted_mean(values, np.full(50, 0.3))
    np.testing.assert_allclose(mean, values.mean(axis=0))
    np.testing.assert_allclose(variance, values.var(axis=0, ddof=1) / 50)
    weight = np.random.default_rng(2).integers(1, 9, 50).astype(float)
    mean, variance = weighted_mean(values, weight)
    np.testing.assert_allclose(mean, np.repeat(values, weight.astype(int), axis=0).mean(axis=0))
    # Errors are those of toys.
    random = np.random.default_rng(3)
    toys = random.normal(size=(4000, 50))
    found = [weighted_mean(toy[:, None], weight) for toy in toys]
    spread = np.std([toy[0][0] for toy in found])
    assert np.mean([toy[1][0] for toy in found]) ** 0.5 == pytest.approx(spread, rel=0.06)
