"""Figures of the firmware designs, from small results."""

from __future__ import annotations

import numpy as np
import pytest

from jetchain.core.io.tables import read_json, write_csv, write_result
from jetchain.core.schema.base import Estimate
from jetchain.core.schema.firmware import (
    Budget,
    Comparison,
    DesignCost,
    FirmwareReport,
    HLSSimulation,
    Latency,
    NetworkSize,
    Published,
    Simulated,
)
from jetchain.reporting import firmware


def near(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.01, high=value + 0.02, std=0.015)


def report(accuracy: float, cycles: int, differing: int = 0) -> FirmwareReport:
    """Of a design that loses 2 % by quantisation."""
    stages = dict.fromkeys(("quantised", "hls", "rtl"), near(accuracy - 0.02))
    compared = {"vectors": 10, "outputs": 20, "differing": differing}
    return FirmwareReport(
        accuracy={"floating": near(accuracy), **stages},
        accuracy_loss_from_quantisation=near(0.02),
        auc={"floating": {"top": near(0.9)}, "quantised": {"top": near(0.88)}},
        test_jets=8,
        published=Published(source="a paper", accuracy={"one net": 0.68, "another": 0.69}),
        network=NetworkSize(widths=[6, 4, 2], weights=32, sparsity=0.5),
        simulated=Simulated(
            hls=HLSSimulation(test_jets=8, **compared), rtl=Comparison(**compared)
        ),
        latency=Latency(
            cycles_measured=cycles, cycles_predicted=cycles, initiation_interval_measured=1,
            clock_period_ns=5.0, latency_ns=5.0 * cycles, interval_ns=5.0,
        ),
        budget=Budget(bunch_spacing_ns=25.0, latency_ns=1000.0, keeps_up=True, in_time=True),
        design=DesignCost(
            latency_cutoff=5.0, register_bits=1000 * cycles, estimated_luts=900.0, part="chip"
        ),
    )  # fmt: skip


def summary(folder, reports: dict[str, FirmwareReport]) -> list[dict]:
    """The axes of the figure of some designs, as its data have them."""
    files = {"latency": [], "scan": []}
    for name, value in reports.items():
        files["latency"].append(folder / f"{name}.json")
        write_result(files["latency"][-1], value)
        files["scan"].append(folder / f"{name}.csv")
        scan = {"latency_cutoff": [5.0, 2.0], "stages": [3, 7], "register_bits": [900, 2100]}
        write_csv(files["scan"][-1], scan)
    outputs = {kind: folder / f"drawn.{kind}" for kind in ("pdf", "png", "data")}
    firmware.summary(**files, **outputs, names={name: name.upper() for name in reports})
    return read_json(outputs["data"])["axes"]


def points(axes: dict) -> set[tuple[float, float]]:
    return {
        (round(x, 3), round(y, 3))
        for series in axes["series"]
        if "x" in series and "y" in series
        for x, y in zip(np.ravel(series["x"]), np.ravel(series["y"]), strict=True)
    }


@pytest.mark.parametrize("names", [("mlp",), ("mlp", "deepsets", "toy")])
def test_every_design_is_drawn_with_its_accuracy_and_its_latency(tmp_path, names):
    reports = {name: report(0.6 + 0.05 * k, 4 + k) for k, name in enumerate(names)}
    left, right = summary(tmp_path, reports)
    for k in range(len(names)):
        heights = {y for x, y in points(left) if round(x % 1, 3) == round(0.6 * k / len(names), 3)}
        assert {60.0 + 5 * k, 58.0 + 5 * k} <= heights
        assert (4.0 + k, 4.0 + k) in points(right)
    told = str(left) + str(right)
    assert all((name.upper() in told) == (len(names) > 1) for name in names)


def test_outputs_that_differ_are_counted_over_all_designs(tmp_path):
    left, _ = summary(tmp_path, {"one": report(0.6, 4, differing=3), "two": report(0.6, 4)})
    assert "6 of 80 simulated" in str(left)


def test_the_weights_of_each_layer_add_up(tmp_path):
    write_csv(tmp_path / "bits.csv", {
        "layer": [0, 0, 0, 1, 1, 1], "bits": [0, 1, 2, 0, 1, 2], "weights": [80, 15, 5, 6, 3, 1],
    })  # fmt: skip
    columns = ("epoch", "train_loss", "validation_loss", "sparsity")
    write_csv(tmp_path / "history.csv", {name: [1.0, 2.0] for name in columns})
    outputs = {kind: tmp_path / f"drawn.{kind}" for kind in ("pdf", "png", "data")}
    firmware.weights(bits=tmp_path / "bits.csv", history=tmp_path / "history.csv", **outputs)
    text = str(read_json(outputs["data"]))
    assert "78.2 % of all weights are zero" in text  # 86 of 110
    assert "layer 1: 100 weights" in text
    assert "layer 2: 10 weights" in text


def test_the_areas_in_the_legend_are_those_of_the_report(tmp_path):
    write_result(tmp_path / "latency.json", report(0.6, 4))
    for name in ("floating", "quantised"):
        curve = {"signal_efficiency": [0.0, 0.5, 1.0], "top": [0.0, 0.1, 1.0]}
        write_csv(tmp_path / f"{name}.csv", curve)
    outputs = {kind: tmp_path / f"drawn.{kind}" for kind in ("pdf", "png", "data")}
    firmware.roc(
        floating=tmp_path / "floating.csv", quantised=tmp_path / "quantised.csv",
        latency=tmp_path / "latency.json", **outputs,
    )  # fmt: skip
    assert "AUC 0.900 float, 0.880 $\\\\pm$ 0.015 quantised" in str(read_json(outputs["data"]))
