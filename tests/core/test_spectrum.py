"""One spectrum of pT and |eta| for all classes: what it derives, and that nothing tells them."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.spectra import made_up
from jetchain.core.spectrum import CommonSpectrum, effective_number
from jetchain.tagging.kinematics import area, trained


def sums(spectrum: CommonSpectrum, jets: dict[str, np.ndarray], each: int) -> np.ndarray:
    """Share of the weight of a class in ten bins of pT and four of |eta|."""
    own = jets["label"] == each
    found, _, _ = np.histogram2d(
        jets["pt"][own], np.abs(jets["eta"][own]),
        [np.linspace(500, 1000, 11), np.linspace(0, 2, 5)],
        weights=spectrum.weights(**jets)[own],
    )  # fmt: skip
    return found / found.sum()


def test_all_classes_get_one_spectrum_that_is_flat_in_pt() -> None:
    jets = made_up(40_000, 1)
    spectrum = CommonSpectrum.of(**jets, classes=3, bins=(25, 10))
    weight = spectrum.weights(**jets)
    for each in range(3):
        own = jets["label"] == each
        assert weight[own].mean() == pytest.approx(jets["weight"][own].mean())
        found = sums(spectrum, jets, each)
        np.testing.assert_allclose(found, sums(spectrum, jets, 0), rtol=0.25)
        np.testing.assert_allclose(found.sum(axis=1), 0.1, rtol=0.25)
        np.testing.assert_allclose(found.sum(axis=0), sums(spectrum, jets, 0).sum(axis=0), rtol=0.1)


def test_noise_of_the_training_jets_is_not_brought_to_others() -> None:
    """1,000 jets a class, of another 20,000: the noise of their bins  are an AUC of .58."""
    spectrum = CommonSpectrum.of(**made_up(1000, 1), classes=3, bins=(25, 10))
    one, other = (
        (
            np.stack([jets["pt"], np.abs(jets["eta"])], axis=1),
            jets["label"],
            spectrum.weights(**jets),
        )
        for jets in (made_up(20_000, 2), made_up(20_000, 3))
    )
    for pair in ((0, 1), (0, 2), (1, 2)):
        score = trained(*one, pair).predict_proba(other[0])[:, 1]
        assert area(score, *other[1:], pair)[0] < 0.56


def test_jets_that_no_other_class_reaches_get_next_to_no_weight() -> None:
    """At 700 GeV one class ends; the weights of the other fall off smoothly, and are bounded."""
    random = np.random.default_rng(1)
    pt = np.concatenate([random.uniform(500, 1000, 4000), random.uniform(500, 700, 4000)])
    label, eta, weight = np.repeat([0, 1], 4000), random.uniform(-2, 2, 8000), np.ones(8000)
    spectrum = CommonSpectrum.of(label, pt, eta, weight, 2, (25, 10))
    found = spectrum.weights(label, pt, eta, weight)
    alone = (label == 0) & (pt > 800)
    assert found[alone].sum() < 0.02 * found[label == 0].sum()
    assert found.max() < 4 * found[found > 0].mean()


@pytest.mark.parametrize("second", [[510.0, 520.0], [510.0, 510.0], [1000.0, 1000.0]])
def test_a_few_jets_and_jets_beyond_get_finite_weights(second: list[float]) -> None:
    """Of negative weights too, of which simulations at next-to-leading order have some."""
    spectrum = CommonSpectrum.of(
        [0, 0, 0, 1, 1], [500.0, 1000.0, 900.0, *second], [0.0] * 5, [1.0, 1.0, -0.5, 2.0, 2.0],
        2, (25, 10),
    )  # fmt: skip
    assert np.all(np.isfinite(spectrum.factor))
    assert spectrum.factor.min() > 0
    beyond = spectrum.weights([1, 1, 0], [100.0, 5000.0, 600.0], [0.0, 3.0, -9.0], [4.0, 4.0, 4.0])
    inside = spectrum.weights([1, 1, 0], [500.0, 1000.0, 600.0], [0.0, 0.0, 0.0], [4.0, 4.0, 4.0])
    np.testing.assert_array_equal(beyond, inside)


def test_effective_number_of_equal_and_unequal_weights() -> None:
    assert effective_number(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_number([3.0, 1.0]) == pytest.approx(1.6)  # 4^2 / 10
    assert effective_number([]) == 0.0


def test_unchanged_spectra_keep_the_weights_of_the_events() -> None:
    jets = made_up(100, 1)
    weights = CommonSpectrum.unchanged(3).weights(**jets)
    np.testing.assert_array_equal(weights, jets["weight"])
