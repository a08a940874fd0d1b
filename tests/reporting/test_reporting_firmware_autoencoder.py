"""Triggers against each other: the figure and the table show the shares that were counted."""

import csv

import numpy as np
import pytest

from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.firmware import Pipeline, Port, RTLDesign, RTLSimulation
from jetchain.core.schema.particleflow import Ratio
from jetchain.core.schema.trigger import TriggerRate, TriggerRates
from jetchain.reporting import firmware_autoencoder

NAMES = {"autoencoder": "Autoencoder"}


def share(passed, total):
    value = passed / total
    return Ratio(passed=passed, total=total, value=value, low=0.9 * value, high=1.2 * value)


@pytest.fixture
def rates(tmp_path):
    """An autoencoder at two rates, and a cut that keeps nothing at the second."""
    of_signal = {"autoencoder": (300, 50), "leading_pt": (100, 0)}
    triggers = {
        name: [
            TriggerRate(
                asked=asked, threshold=1.0, background=share(kept, 1000), signal=share(signal, 400)
            )
            for asked, kept, signal in zip((0.2, 0.02), (200, 20), signals, strict=True)
        ]
        for name, signals in of_signal.items()
    }
    write_result(tmp_path / "rates.json", TriggerRates(triggers=triggers))
    return tmp_path / "rates.json"


def test_the_figure_has_the_shares_with_their_intervals(rates, tmp_path):
    port = Port(number=1, width=8, fraction=4, signed=0)
    pipeline = Pipeline(latency_cutoff=2.0, stages=3, register_bits=10)
    design = RTLDesign(
        latency_cutoff=5.0, predicted_latency_cycles=4, register_bits=10, estimated_luts=5500.0,
        inputs=port, outputs=port, calibrated=pipeline, scan=[],
    )  # fmt: skip
    run = RTLSimulation(
        vectors=1, outputs=1, differing=0, test_jets=1, latency_cycles=7,
        initiation_interval_cycles=1,
    )  # fmt: skip
    write_result(tmp_path / "design.json", design)
    write_result(tmp_path / "simulation.json", run)
    drawn = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    firmware_autoencoder.curves(
        rates=rates, description=tmp_path / "design.json",
        simulation=tmp_path / "simulation.json", names=NAMES, **drawn,
    )  # fmt: skip
    (axes,) = read_json(drawn["data"])["axes"]
    curves = {series["label"]: series for series in axes["series"]}
    assert curves["Autoencoder"]["x"] == pytest.approx([0.2, 0.02])
    assert curves["Autoencoder"]["y"] == pytest.approx([0.75, 0.125])
    (cut,) = (series for name, series in curves.items() if "leading" in name)
    assert cut["x"] == pytest.approx([0.2])  # what keeps nothing has no place on a log scale
    line = curves[firmware_autoencoder.RANDOM]
    assert np.allclose(line["x"], line["y"])
    assert drawn["png"].stat().st_size > 1000


def test_the_table_has_the_gain_with_the_error_of_both_shares(rates, tmp_path):
    firmware_autoencoder.table(rates=rates, names=NAMES, table=tmp_path / "table.csv")
    with open(tmp_path / "table.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["trigger"] for row in rows] == ["Autoencoder"] * 2 + ["pT of the leading jet"] * 2
    assert rows[0]["background kept [%]"] == "20.00 +4.00 -2.00"
    # .75 / .2; by hand, variances over squares: .25 / 300 and .8 / 200.
    error = 3.75 * np.sqrt(0.25 / 300 + 0.8 / 200)
    assert rows[0]["times a random trigger"] == f"3.75 +- {error:.2f}"
    assert rows[0]["signal events"] == "300 of 400"
    assert rows[3]["times a random trigger"] == ""
