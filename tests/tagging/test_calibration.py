"""Reliability of outputs, against scikit-learn and against taggers of which it is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from jetchain.tagging.calibration import EDGES, reliability

JETS = 4000


def toy(weighted: bool = False, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Jets whose outputs are probabilities."""
    random = np.random.default_rng(seed)
    output = random.beta(0.6, 1.5, JETS)
    weight = random.uniform(0.2, 2, JETS) if weighted else np.ones(JETS)
    return output, random.random(JETS) < output, weight


def test_shares_are_those_of_scikit_learn() -> None:
    output, truth, weight = toy()
    found = reliability(output, truth, weight, 3, 1)
    observed, predicted = calibration_curve(truth, output, n_bins=len(EDGES) - 1)
    np.testing.assert_allclose(np.array(found.observed, dtype=float), observed)
    np.testing.assert_allclose(np.array(found.output, dtype=float), predicted)
    assert found.error == pytest.approx(np.abs(observed - predicted) @ found.share)


def test_a_weight_counts_as_so_many_jets() -> None:
    output, truth, _ = toy()
    weight = np.random.default_rng(1).integers(1, 4, JETS)
    repeated = [np.repeat(each, weight) for each in (output, truth, np.ones(JETS))]
    one, other = reliability(output, truth, weight * 1.0, 2, 1), reliability(*repeated, 2, 1)
    for name in ("share", "output", "observed"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name))
    assert one.error == pytest.approx(other.error)
    # But as no more jets than there are.
    wider, narrower = (np.subtract(each.high, each.low) for each in (one, other))
    assert np.all(wider > narrower)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_tagger_that_is_right_errs_by_chance(weighted: bool) -> None:
    found = [reliability(*toy(weighted, seed), 50, 1) for seed in range(20)]
    errors, chances = (np.array([getattr(x, name) for x in found]) for name in ("error", "chance"))
    assert errors.mean() == pytest.approx(chances.mean(), rel=0.2)
    above = sum(one.error > one.chance_high for one in found)
    assert above <= 3  # of 20; 0.5 are expected
    for bounds in zip(found[0].low, found[0].observed, found[0].high, strict=True):
        assert list(bounds) == sorted(bounds)


def test_a_tagger_that_is_too_sure_is_found_out_and_its_error_has_the_spread_of_toys() -> None:
    found = []
    for seed in range(20):
        output, truth, weight = toy(seed=seed)
        sharp = output**2 / (output**2 + (1 - output) ** 2)
        found.append(reliability(sharp, truth, weight, 50, 1))
    assert all(one.error > 3 * one.chance_high for one in found)
    spread = np.mean([one.error_std for one in found])
    assert spread == pytest.approx(np.std([one.error for one in found]), rel=0.4)  # of 20: 16 %


def test_bins_without_jets_and_the_ends() -> None:
    found = reliability(np.array([0.0, 1.0, 1.0]), np.array([False, True, True]), np.ones(3), 2, 1)
    assert found.observed == [0.0, *[None] * 8, 1.0]
    assert (found.error, found.chance) == (0.0, 0.0)
    assert found.low[1] is found.high[1] is found.output[1] is None
