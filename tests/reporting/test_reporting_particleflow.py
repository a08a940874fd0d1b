"""Figures and table of particle flow, from small result tables."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.calibrations import CUTFLOW
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import read_csv, read_json, write_result
from jetchain.core.resources import RESOURCES
from jetchain.core.schema.particleflow import (
    Composition,
    Cones,
    GunResponse,
    GunValidation,
    Performance,
    ResponseTable,
)
from jetchain.particleflow.calibrate import response_table
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.compare_response import compare_response
from jetchain.particleflow.evaluate import (
    GROUPS,
    RECO_COLUMNS,
    RESIDUAL_EDGES,
    RESPONSE_EDGES,
    TRUTH_COLUMNS,
    quantile_summary,
    summarise,
)
from jetchain.particleflow.validate_gun import ETA_EDGES, KINDS, PT_EDGES, gun_bins
from jetchain.reporting import particleflow, particleflow_guns

# One more than the run's own: styles and places go by the order.
LABELS = {"parametric": "parametric", "mlpf": "MLPF", "third": "a third one"}


def result(matched: float, seed: int) -> Performance:
    """Performance of an algorithm that finds a share of the charged hadrons, and no neutrals."""
    random = np.random.default_rng(seed)
    truth, reco = np.zeros(200, TRUTH_COLUMNS), np.zeros(150, RECO_COLUMNS)
    for table in (truth, reco):
        table["pt"], table["counted"] = random.exponential(20, len(table)) + 1, True
    truth["matched"] = np.arange(200) < 200 * matched
    reco["matched"] = np.arange(150) < 200 * matched
    truth["reco_pt"] = truth["pt"]
    cone = quantile_summary(random.normal(1.0, 0.1, 50))
    return Performance(
        **summarise(truth, reco, np.array([1.0, 10.0, 100.0])),
        composition={
            name: Composition(
                truth=[0.6, 0.14, 0.26, 0, 0],
                reconstructed=[0.58, 0.16, 0.26, 0, 0],
                error=[0.01] * 5,
            )
            for name in ("quark", "top")
        },
        cone=Cones(pflow=cone, topo=cone),
        events=50,
    )


@pytest.fixture
def performance(tmp_path):
    files = []
    for name, share in zip(LABELS, (0.7, 0.5, 0.6), strict=True):
        files.append(tmp_path / f"{name}.json")
        write_result(files[-1], result(share, 1))
    return files


@pytest.fixture
def histograms(tmp_path):
    random = np.random.default_rng(2)
    names = {f"residual_{name}": RESIDUAL_EDGES for name in GROUPS}
    names |= {"cone_pflow": RESPONSE_EDGES, "cone_topo": RESPONSE_EDGES}
    files = []
    for algorithm in LABELS:
        files.append(tmp_path / f"{algorithm}_histograms.json")
        save_histograms(
            files[-1],
            {name: weighted("x", random.normal(0.5, 0.3, 99), e) for name, e in names.items()},
        )
    return files


def test_totals_and_compositions_are_drawn(performance, tmp_path):
    random = np.random.default_rng(4)
    total = random.normal(1.0, 0.1, 500)
    bins = GunResponse(
        by_pt=gun_bins(random.uniform(1, 200, 500), total, PT_EDGES),
        by_eta=gun_bins(random.uniform(0, 2.5, 500), total, ETA_EDGES),
    )
    path = tmp_path / "guns.json"
    write_result(path, GunValidation(kinds=dict.fromkeys(KINDS, bins), numbers=[]))
    for name, draw, inputs in (
        ("totals", particleflow_guns.totals, {"validation": path}),
        ("composition", particleflow_guns.composition,
         {"performance": performance, "labels": LABELS}),
    ):  # fmt: skip
        outputs = {kind: tmp_path / f"{name}.{kind}" for kind in ("pdf", "png", "data")}
        draw(**inputs, **outputs)
        assert all(each.stat().st_size > 0 for each in outputs.values())
    axes = read_json(tmp_path / "composition.data")["axes"]
    ratios = [each for each in axes[2]["series"] if each["kind"] == "errorbar"]
    assert [each["label"] for each in ratios] == list(LABELS.values())
    for each in ratios:  # none of the classes that have no true particle
        assert each["y"] == pytest.approx([0.58 / 0.6, 0.16 / 0.14, 1.0])
        assert each["y_high"][0] == pytest.approx(0.59 / 0.6)


@pytest.mark.parametrize("name", ["efficiency", "resolution", "residuals", "response"])
def test_figures_are_drawn_and_the_same_twice(name, performance, histograms, tmp_path):
    if name in ("efficiency", "resolution"):
        inputs = {"performance": performance} | ({"max_cost": 0.4} if name == "resolution" else {})
    else:
        inputs = {"histograms": histograms}
    first, second = (
        {kind: tmp_path / f"{i}.{kind}" for kind in ("pdf", "png", "data")} for i in (1, 2)
    )
    for outputs in (first, second):
        getattr(particleflow, name)(**inputs, labels=LABELS, **outputs)
    for one, two in zip(first.values(), second.values(), strict=True):
        assert one.stat().st_size > 1000
        assert one.read_bytes() == two.read_bytes()


def test_calibration_is_drawn(tmp_path):
    random = np.random.default_rng(3)
    table = response_table(
        random.uniform(1, 50, 500), random.uniform(0, 2.5, 500), random.normal(0.7, 0.1, 500),
        random.integers(0, 6, 500), np.full((500, 6), 1 / 6),
        CalibrationSettings(minimum_entries=2),
    )  # fmt: skip
    write_result(tmp_path / "calibration.json", ResponseTable(**table, cutflow=CUTFLOW))
    compare_response(
        calibration=tmp_path / "calibration.json",
        cocoa=RESOURCES / "published" / "cocoa_response.json",
        output=tmp_path / "comparison.json",
    )
    particleflow.calibration(
        comparison=tmp_path / "comparison.json",
        pdf=tmp_path / "c.pdf",
        png=tmp_path / "c.png",
        data=tmp_path / "c.json",
    )
    axes = read_json(tmp_path / "c.json")["axes"]
    assert axes[0]["titles"][-1] == "densest in ECAL1"
    names = {series["label"] for series in axes[0]["series"] if series["kind"] == "errorbar"}
    assert names == {
        "0 < $|\\eta|$ < 0.5", "0.5 < $|\\eta|$ < 1", "1 < $|\\eta|$ < 1.5",
        "1.5 < $|\\eta|$ < 2", "$|\\eta|$ > 2",
    }  # fmt: skip


def test_table_compares_the_algorithms(performance, tmp_path):
    particleflow.comparison(performance=performance, labels=LABELS, table=tmp_path / "table.csv")
    table = read_csv(tmp_path / "table.csv")
    rows = list(zip(table["algorithm"], table["particles"], table["efficiency"], strict=True))
    assert ("parametric", "charged_hadron", "0.7") in rows
    assert ("mlpf", "all", "0.5") in rows
    assert ("third", "all", "0.6") in rows
    # No photon, no efficiency; the clusters are the same for all, and stand once.
    assert ("mlpf", "photon", "") in rows
    assert [row[:2] for row in rows if row[1] == "cone_topo"] == [("parametric", "cone_topo")]


def test_points_of_each_algorithm_stand_beside_the_others(performance, tmp_path):
    outputs = {kind: tmp_path / f"e.{kind}" for kind in ("pdf", "png", "data")}
    particleflow.efficiency(performance=performance, labels=LABELS, **outputs)
    series = read_json(outputs["data"])["axes"][0]["series"]
    floors = [each for each in series if each["label"].endswith(", by chance")]
    series = [each for each in series if each not in floors]
    assert [each["label"] for each in series] == [*LABELS.values()]
    assert len(floors) == len(LABELS)
    first, second, third = (np.array(each["x"], float) for each in series)
    np.testing.assert_allclose(second, 1.06 * first, rtol=1e-5)
    np.testing.assert_allclose(third, 1.06**2 * first, rtol=1e-5)
