"""The figure of the significance improvement, from a small table."""

from pathlib import Path

import numpy as np
import pytest

from helpers.checks import write_checks
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_csv, write_result
from jetchain.core.schema.anomaly import (
    MethodMetrics,
    SearchMetrics,
    TrainingSpread,
    WorkingPoint,
)
from jetchain.reporting import anomaly
from jetchain.reporting.summary import anomaly_rows, as_text

PUBLISHED = Path(__file__).parents[2] / "resources" / "published" / "anomaly.json"


def test_many_methods_are_drawn(tmp_path):
    names = [f"method {k}" for k in range(21)]
    efficiency = np.linspace(0.1, 1.0, 10)
    sic = np.concatenate([(1 + k) * np.sqrt(efficiency) for k in range(21)])
    write_csv(
        tmp_path / "curves",
        {
            "method": np.repeat(names, 10),
            "signal_efficiency": np.tile(efficiency, 21),
            "sic": sic,
            "sic_low": 0.9 * sic,
            "sic_high": 1.1 * sic,
        },
    )
    merit = MethodMetrics(
        auc=0.8, max_sic=1.0, max_sic_bootstrap=(0.9, 1.1), signal_efficiency={},
        max_sic_trainings=TrainingSpread(median=1.0, low=0.9, high=1.1, number=3),
    )  # fmt: skip
    found = SearchMetrics(
        signal_region_tev=(3.3, 3.7), background_events=1000, injected_events=6,
        signal_to_background=0.006, signal_events_evaluated=100,
        methods=dict.fromkeys(names, merit),
    )  # fmt: skip
    write_result(tmp_path / "metrics", found)
    files = {name: tmp_path / f"figure.{name}" for name in ("pdf", "png", "data")}
    anomaly.sic(
        curves=tmp_path / "curves",
        metrics=tmp_path / "metrics",
        checks=write_checks(tmp_path / "checks"),
        published=PUBLISHED,
        labels={name: name for name in names},
        **files,
    )
    series = read_json(files["data"])["axes"][0]["series"]
    drawn = {each["label"]: each["y"] for each in series if each["kind"] == "line"}
    assert [*drawn] == [*names, "Random"]
    assert drawn["method 20"] == pytest.approx(21 * np.sqrt(efficiency))
    with pytest.raises(DataError, match="the figure knows method 0"):
        anomaly.sic(
            curves=tmp_path / "curves", metrics=tmp_path / "metrics", published=PUBLISHED,
            checks=tmp_path / "checks", labels={"method 0": "0"}, **files,
        )  # fmt: skip


def test_the_summary_quotes_the_working_point_and_not_the_largest_improvement():
    spread = TrainingSpread(median=1.0, low=0.9, high=1.1, number=3)
    point = WorkingPoint(
        background_efficiency=0.001, sic=3.0, sic_bootstrap=(2.5, 3.5), sic_trainings=spread
    )
    merit = MethodMetrics(
        auc=0.8, max_sic=9.0, max_sic_bootstrap=(8.0, 10.0), signal_efficiency={},
        max_sic_trainings=spread,
    )  # fmt: skip
    found = SearchMetrics(
        signal_region_tev=(3.3, 3.7), background_events=1000, injected_events=6,
        signal_to_background=0.006, signal_events_evaluated=100,
        methods={"one": merit.model_copy(update={"working_point": point}), "two": merit},
    )  # fmt: skip
    one, two = anomaly_rows(found, "metrics.json")
    assert one["quantity"] == "SIC at 0.1 % background, one"
    assert (one["value"], one["low"], one["high"]) == (3.0, 2.5, 3.5)
    assert (two["quantity"], two["value"], two["low"]) == ("SIC, two", "too few events", "")
    assert "too few events" in as_text([one, two])
