"""Figures and table of particle flow, from small result tables."""

from __future__ import annotations

import numpy as np
import pytest

from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import read_csv, write_json
from jetchain.particleflow.calibrate import response_table
from jetchain.particleflow.evaluate import (
    GROUPS,
    RECO_COLUMNS,
    RESIDUAL_EDGES,
    RESPONSE_EDGES,
    TRUTH_COLUMNS,
    quantile_summary,
    summarise,
)
from jetchain.particleflow.settings import CalibrationSettings
from jetchain.reporting import particleflow


def result(matched: float, seed: int) -> dict:
    """Performance of an algorithm that finds a share of the charged hadrons, and no neutrals."""
    random = np.random.default_rng(seed)
    truth, reco = np.zeros(200, TRUTH_COLUMNS), np.zeros(150, RECO_COLUMNS)
    for table in (truth, reco):
        table["pt"], table["counted"] = random.exponential(20, len(table)) + 1, True
    truth["matched"] = np.arange(200) < 200 * matched
    reco["matched"] = np.arange(150) < 200 * matched
    truth["reco_pt"] = truth["pt"]
    cone = quantile_summary(random.normal(1.0, 0.1, 50))
    return summarise(truth, reco, np.array([1.0, 10.0, 100.0])) | {
        "cone": {"pflow": cone, "topo": cone}
    }


@pytest.fixture
def performance(tmp_path):
    files = {}
    for name, share in (("parametric", 0.7), ("mlpf", 0.5)):
        files[name] = tmp_path / f"{name}.json"
        write_json(files[name], result(share, 1))
    return files


@pytest.fixture
def histograms(tmp_path):
    random = np.random.default_rng(2)
    names = {f"residual_{name}": RESIDUAL_EDGES for name in GROUPS}
    names |= {"cone_pflow": RESPONSE_EDGES, "cone_topo": RESPONSE_EDGES}
    files = {}
    for algorithm in ("parametric", "mlpf"):
        files[algorithm] = tmp_path / f"{algorithm}_histograms.json"
        save_histograms(
            files[algorithm],
            {name: weighted("x", random.normal(0.5, 0.3, 99), e) for name, e in names.items()},
        )
    return files


@pytest.mark.parametrize("name", ["efficiency", "resolution", "residuals", "response"])
def test_figures_are_drawn_and_the_same_twice(name, performance, histograms, tmp_path):
    inputs = performance if name in ("efficiency", "resolution") else histograms
    first, second = (
        {kind: tmp_path / f"{i}.{kind}" for kind in ("pdf", "png", "data")} for i in (1, 2)
    )
    for outputs in (first, second):
        getattr(particleflow, name)(**inputs, **outputs)
    for one, two in zip(first.values(), second.values(), strict=True):
        assert one.stat().st_size > 1000
        assert one.read_bytes() == two.read_bytes()


def test_calibration_is_drawn(tmp_path):
    random = np.random.default_rng(3)
    table = response_table(
        random.uniform(1, 50, 500), random.uniform(0, 2.5, 500), random.normal(0.7, 0.1, 500),
        random.integers(0, 6, 500), CalibrationSettings(),
    )  # fmt: skip
    write_json(tmp_path / "calibration.json", table)
    particleflow.calibration(
        calibration=tmp_path / "calibration.json",
        pdf=tmp_path / "c.pdf",
        png=tmp_path / "c.png",
        data=tmp_path / "c.json",
    )
    assert (tmp_path / "c.png").stat().st_size > 5000


def test_table_compares_the_algorithms(performance, tmp_path):
    particleflow.comparison(**performance, table=tmp_path / "table.csv")
    table = read_csv(tmp_path / "table.csv")
    rows = list(zip(table["algorithm"], table["particles"], table["efficiency"], strict=True))
    assert ("parametric", "charged_hadron", "0.7") in rows
    assert ("mlpf", "all", "0.5") in rows
    # No photon, no efficiency; the clusters are the same for both, and stand once.
    assert ("mlpf", "photon", "") in rows
    assert [row[:2] for row in rows if row[1] == "cone_topo"] == [("parametric", "cone_topo")]
