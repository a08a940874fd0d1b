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
from jetchain.particleflow.compare_response import compared_bins, numbers

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


def test_bins_of_few_pions_are_listed_and_not_counted():
    bins = compared_bins(table_like(PUBLISHED, entries=199), PUBLISHED)
    assert len(bins) == 144
    assert numbers(bins) == []
