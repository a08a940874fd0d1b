"""Our response of single pions beside COCOA's table, by hand."""

import numpy as np
import pytest

from helpers.calibrations import CUTFLOW
from jetchain.core.io.tables import read_result
from jetchain.core.resources import RESOURCES
from jetchain.core.schema.particleflow import (
    PublishedResponse,
    ResponseTable,
)
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.compare_response import (
    _together,
    compared_bins,
    numbers,
    resolutions,
)

PUBLISHED = read_result(RESOURCES / "published" / "cocoa_response.json", PublishedResponse)


def table_like(published, scale=1.0, spread=1.0, entries=300):
    """A response table that has COCOA's values, scaled, where COCOA has bins."""
    settings = CalibrationSettings()
    shape = (len(settings.pt_edges), len(settings.eta_edges), 6)
    mean, sigma, filled = np.full(shape, 0.5), np.full(shape, 0.1), np.full(shape, False)
    for layer, eta, pt, value, width in zip(
        published.layer, published.eta, published.pt, published.mean, published.spread, strict=True
    ):
        at = settings.pt_edges.index(pt), settings.eta_edges.index(eta), layer
        mean[at], sigma[at], filled[at] = scale * value, spread * width, True
    return ResponseTable(
        pt_edges=settings.pt_edges, eta_edges=settings.eta_edges, mean=mean, sigma=sigma,
        entries=np.full(shape, entries), filled=filled, bins_filled=int(filled.sum()),
        bins_from_neighbours=int((~filled).sum()), share=np.full((*filled.shape, 6), 1 / 6),
        cutflow=CUTFLOW,
    )  # fmt: skip


def test_cocoas_table_has_all_its_bins():
    assert len(set(zip(PUBLISHED.layer, PUBLISHED.eta, PUBLISHED.pt, strict=True))) == 4 * 6 * 6
    # HCAL1 at |eta| < 0.5 (arXiv:2303.02101's repository, pflow_mean_template.csv).
    row = [
        mean
        for layer, eta, mean in zip(PUBLISHED.layer, PUBLISHED.eta, PUBLISHED.mean, strict=True)
        if layer == 3 and eta == 0
    ]
    np.testing.assert_allclose(row, [0.431, 0.557, 0.697, 0.758, 0.791, 0.829], atol=1e-3)


@pytest.mark.parametrize(
    ("scale", "spread", "shares"),
    [(1.0, 1.0, [1, 1, 1]), (1.06, 1.0, [0, 1, 0]), (0.96, 0.8, [1, 0, 0])],
)
def test_bins_agree_within_5_and_15_per_cent(scale, spread, shares):
    bins = compared_bins(table_like(PUBLISHED, scale, spread), PUBLISHED)
    assert len(bins) == 144
    found = [row.value for row in numbers(bins)]
    assert found[:3] == shares
    assert found[3:] == pytest.approx([scale - 1, spread - 1])


def test_bins_of_few_pions_are_not_judged_alone_but_together():
    bins = compared_bins(table_like(PUBLISHED, scale=1.03, entries=199), PUBLISHED)
    assert len(bins) == 144
    mean, spread = numbers(bins)
    assert mean.value == pytest.approx(0.03)
    assert spread.value == pytest.approx(0.0)
    # 144 bins of 199, each known to sqrt(1 / 398).
    assert spread.error == pytest.approx(1 / np.sqrt(2 * 144 * 199))


@pytest.mark.parametrize("spread", [1.0, 1.3])
def test_resolutions_are_those_of_like_showers(spread):
    """In the sharp layers the mean of four bins of the table; all together are less sharp."""
    rows = resolutions(table_like(PUBLISHED, spread=spread), PUBLISHED)
    assert len(rows) == 2 * 5  # of pT from 30 GeV on
    sharp, together = rows[:2]
    # E/p of ECAL2 and HCAL1 at |eta| < .5 and .5 to 1 (arXiv:2303.02101's repository).
    expected = np.mean([0.0786 / 0.7170, 0.0820 / 0.7130, 0.066 / 0.829, 0.074 / 0.827])
    assert sharp.reference == pytest.approx(expected, abs=2e-3)
    assert sharp.value == pytest.approx(spread * sharp.reference)
    assert sharp.reference < 0.11 < together.reference < 0.2
    if spread == 1.0:
        assert together.value == pytest.approx(together.reference)
    assert all(row.reference is None for row in rows[2:])


def test_a_mixture_of_two_showers_is_wider_than_each():
    entries = np.array([[100.0, 300.0]])
    mean, sigma = np.array([[0.5, 0.8]]), np.array([[0.05, 0.08]])
    rng = np.random.default_rng(3)
    drawn = np.concatenate([rng.normal(0.5, 0.05, 100_000), rng.normal(0.8, 0.08, 300_000)])
    assert _together(entries, (mean, sigma), together=True) == pytest.approx(
        drawn.std() / drawn.mean(), rel=0.01
    )
    assert _together(entries, (mean, sigma), together=False) == pytest.approx(0.1)
