"""One spectrum of pT and |eta| for all classes: what it derives, and that nothing tells them."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.spectra import made_up
from jetchain.core.spectrum import CommonSpectrum, effective_number


def test_all_classes_get_one_spectrum_that_is_flat_in_pt() -> None:
    jets = made_up(4000, 1)
    spectrum = CommonSpectrum.of(**jets, classes=3, bins=(10, 4))
    weight = spectrum.weights(**jets)
    found = []
    for each in range(3):
        own = jets["label"] == each
        assert weight[own].sum() == pytest.approx(jets["weight"][own].sum())
        sums, _, _ = np.histogram2d(
            jets["pt"][own], np.abs(jets["eta"][own]),
            [spectrum.pt_edges, spectrum.eta_edges], weights=weight[own],
        )  # fmt: skip
        found.append(sums / sums.sum())
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-9)
    np.testing.assert_allclose(found[0].sum(axis=1), 0.1, rtol=1e-9)


def test_bins_that_a_class_lacks_stay_finite_and_jets_beyond_take_the_last_bin() -> None:
    """Class 1 has two training jets in one bin of two: the other has the density of one of them."""
    spectrum = CommonSpectrum.of(
        [0, 0, 1, 1], [500.0, 1000.0, 510.0, 520.0], [0.0] * 4, [1.0, 1.0, 2.0, 2.0], 2, (2, 1)
    )
    np.testing.assert_allclose(spectrum.factor[..., 0], [[1.0, 1.0], [0.5, 1.0]])
    np.testing.assert_allclose(
        spectrum.weights([1, 1, 0], [100.0, 5000.0, 600.0], [0.0, 3.0, -9.0], [4.0, 4.0, 4.0]),
        [2.0, 4.0, 4.0],
    )


def test_effective_number_of_equal_and_unequal_weights() -> None:
    assert effective_number(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_number([3.0, 1.0]) == pytest.approx(1.6)  # 4^2 / 10
    assert effective_number([]) == 0.0
