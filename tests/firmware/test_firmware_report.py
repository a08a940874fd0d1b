"""The latency report of results that are known: accuracies, cycles and budgets by hand."""

import numpy as np
import pytest
import torch

from helpers.planner import HOUSE
from jetchain.core.io.tables import read_csv, read_json, write_json
from jetchain.core.io.tensors import write_tensors, write_weights
from jetchain.firmware.design import build
from jetchain.firmware.design_settings import DeviceSettings, FormatSettings
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.report import report
from jetchain.firmware.settings import (
    BudgetSettings,
    FirmwareEvaluationSettings,
    ReportSettings,
)

PUBLISHED = HOUSE / "resources" / "published" / "firmware.json"

# Four jets of the first class and eight of the second: how many of each are recognised.
RIGHT = {"float": (4, 4), "quantised": (3, 4), "hls": (3, 4), "rtl": (3, 4)}


@pytest.fixture
def results(tmp_path):
    """Four cycles of 5 ns, a new input every six."""
    torch.manual_seed(1)
    network = build("mlp", {"hidden": [4]}).quantised(6, 2, FormatSettings())
    network.freeze()
    files = {"weights": tmp_path / "weights.safetensors"}
    write_weights(files["weights"], network)
    label = np.repeat([0, 1], [4, 8])
    for stage, (first, second) in RIGHT.items():
        recognised = np.concatenate([np.arange(4) < first, np.arange(8) < second])
        logits = np.eye(2)[np.where(recognised, label, 1 - label)]
        files[f"{stage}_scores"] = tmp_path / f"{stage}.safetensors"
        table = {"logits": logits, "label": label, "weight": np.ones(12)}
        write_tensors(files[f"{stage}_scores"], FIRMWARE_SCORES, table)
    row = {"latency_cutoff": 5.0, "stages": 3, "register_bits": 100}
    compared = {"vectors": 12, "outputs": 24, "differing": 0, "test_jets": 12}
    half = {"value": 0.5, "low": 0.4, "high": 0.6, "std": 0.1}
    performance = {
        "accuracy": half, "auc": {}, "classes": [], "test_jets": 12, "weights": 32, "sparsity": 0.0,
    }  # fmt: skip
    port = {"number": 6, "width": 8, "fraction": 5, "signed": 1}
    tables = {
        "float_performance": performance,
        "quantised_performance": performance,
        "hls": compared,
        "rtl": {**compared, "latency_cycles": 4, "initiation_interval_cycles": 6},
        "description": {
            "predicted_latency_cycles": 3, "latency_cutoff": 5.0, "register_bits": 100,
            "estimated_luts": 900.0, "inputs": port, "outputs": port,
            "calibrated": {**row, "latency_cutoff": 2.0, "stages": 10},
            "scan": [row, {**row, "latency_cutoff": 2.0, "stages": 7}],
        },
    }  # fmt: skip
    for name, content in tables.items():
        files[name] = tmp_path / f"{name}.json"
        write_json(files[name], content)
    return files


@pytest.mark.parametrize(
    ("budget", "spacing", "in_time", "keeps_up"),
    [(20.0, 30.0, True, True), (19.0, 29.0, False, False), (100.0, 25.0, True, False)],
)
def test_report_of_known_results(results, tmp_path, budget, spacing, in_time, keeps_up):
    settings = ReportSettings(
        model={"hidden": [4]}, formats=FormatSettings(),
        evaluation=FirmwareEvaluationSettings(replicas=10),
        device=DeviceSettings(clock_period=5.0),
        budget=BudgetSettings(latency=budget, bunch_spacing=spacing),
    )  # fmt: skip
    outputs = {name: tmp_path / f"report.{name}" for name in ("summary", "scan", "bits", "text")}
    report(**results, **outputs, published=PUBLISHED, design="mlp", settings=settings, seed=1)
    value = read_json(outputs["summary"])
    # Both classes count the same: (1 + 1/2) / 2 and (3/4 + 1/2) / 2.
    assert value["accuracy"]["floating"]["value"] == pytest.approx(0.75)
    assert value["accuracy"]["rtl"]["value"] == pytest.approx(0.625)
    assert value["accuracy_loss_from_quantisation"]["value"] == pytest.approx(0.125)
    assert (value["latency"]["latency_ns"], value["latency"]["interval_ns"]) == (20.0, 30.0)
    assert (value["budget"]["in_time"], value["budget"]["keeps_up"]) == (in_time, keeps_up)
    assert value["design"]["estimated_luts"] == 900.0
    assert value["network"]["widths"] == [6, 4, 2]
    assert value["network"]["bits"] == {"inputs": 8, "weights": 6, "activations": 6}
    assert value["seen"]["constituents"] == 2
    # One jet of twelve is recognised in float alone: by chance, either way.
    assert value["paired"] == {"float_only": 1, "quantised_only": 0, "p_value": 1.0}
    guess = value["estimates"]
    assert guess["luts"] == pytest.approx([873.0, 1017.0])
    assert guess["latency_ns"] == pytest.approx([26.0, 49.0])  # ten stages at cutoff 2
    assert guess["interval_ns"] == pytest.approx([15.6, 29.4])  # of six clocks
    assert read_csv(outputs["scan"])["latency_ns"].tolist() == [15.0, 35.0]
    assert f"{budget:g} ns: {'met' if in_time else 'NOT met'}" in outputs["text"].read_text()
