"""All verbs of the room on toy jets, twice, and the report they end in."""

import csv

import numpy as np
import pytest

from helpers.jetgraphs import write_toy_samples
from helpers.planner import HOUSE
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_csv, read_json
from jetchain.core.training_settings import TrainingSettings
from jetchain.firmware import convert, dataset, evaluate, report, simulate, synthesise, train
from jetchain.firmware.design_settings import DeviceSettings, FormatSettings
from jetchain.firmware.settings import (
    BudgetSettings,
    ConvertSettings,
    EvaluateSettings,
    FirmwareDatasetSettings,
    FirmwareEvaluationSettings,
    PruningSettings,
    ReportSettings,
    SimulateSettings,
    SimulationSettings,
    SynthesiseSettings,
    SynthesisSettings,
    TrainFloatingSettings,
    TrainQuantisedSettings,
)

CLASSES = ["quark", "W", "top"]
EXTREMES = 14  # vectors at the edges of the port
# Sizes at which a design takes seconds.
SMALL = {"mlp": {"hidden": [8]}}
FORMATS = FormatSettings()
EVALUATION = FirmwareEvaluationSettings(replicas=10)
TRAINING = {
    "training": TrainingSettings(epochs=10, batch_size=32, learning_rate=0.02),
    "classes": CLASSES,
}


def simulation_settings(model):
    return SimulateSettings(
        model=model, formats=FORMATS, headroom=2, simulation=SimulationSettings(random_vectors=100)
    )


def training_files(folder):
    return {
        "weights": folder / "weights.safetensors", "history": folder / "history.csv",
        "scores": folder / "scores.safetensors",
    }  # fmt: skip


def report_files(room):
    return {
        "float_performance": room / "float/performance.json",
        "quantised_performance": room / "quantised/performance.json",
        "float_scores": room / "float/scores.safetensors",
        "quantised_scores": room / "quantised/scores.safetensors",
        "hls_scores": room / "hls/outputs.safetensors",
        "rtl_scores": room / "rtl/outputs.safetensors",
        "weights": room / "quantised/weights.safetensors",
        "description": room / "rtl/design.json",
        "hls": room / "hls/result.json",
        "rtl": room / "rtl/result.json",
    }


def run_to_projects(jets, room, design, model):
    """Dataset, both trainings, HLS project and Verilog."""
    data = room / "dataset.safetensors"
    dataset.prepare(
        jets=jets, dataset=data, cutflow=room / "cutflow.json",
        settings=FirmwareDatasetSettings(classes=CLASSES, constituents=4),
    )  # fmt: skip
    train.floating(
        dataset=data, seed=3, **training_files(room / "float"),
        design=design,
        settings=TrainFloatingSettings(**TRAINING, model=model),
    )  # fmt: skip
    train.quantised(
        dataset=data, start=room / "float/weights.safetensors", seed=3,
        **training_files(room / "quantised"),
        design=design,
        settings=TrainQuantisedSettings(
            **TRAINING, model=model, formats=FORMATS, pruning=PruningSettings(epochs=10)
        ),
    )  # fmt: skip
    for folder in (room / "float", room / "quantised"):
        evaluate.evaluate(
            weights=folder / "weights.safetensors", scores=folder / "scores.safetensors",
            performance=folder / "performance.json", roc=folder / "roc.csv", seed=3,
            settings=EvaluateSettings(evaluation=EVALUATION, classes=CLASSES),
        )  # fmt: skip
    weights = room / "quantised/weights.safetensors"
    convert.convert(
        weights=weights, project=room / "hls/project.tar.gz", design=design,
        settings=ConvertSettings(model=model, formats=FORMATS, headroom=2, device=DeviceSettings()),
    )  # fmt: skip
    synthesise.synthesise(
        weights=weights, verilog=room / "rtl/verilog.tar.gz",
        description=room / "rtl/design.json", design=design,
        settings=SynthesiseSettings(
            model=model, formats=FORMATS, headroom=2, device=DeviceSettings(),
            synthesis=SynthesisSettings(scan=[5.0, 2.0]),
        ),
    )  # fmt: skip


def run_simulations(room, design, model):
    """Both simulations and the report."""
    inputs = {
        "weights": room / "quantised/weights.safetensors",
        "dataset": room / "dataset.safetensors",
        "scores": room / "quantised/scores.safetensors",
    }
    simulate.hls(
        project=room / "hls/project.tar.gz", outputs=room / "hls/outputs.safetensors",
        result=room / "hls/result.json", settings=simulation_settings(model), seed=4,
        design=design, **inputs,
    )  # fmt: skip
    simulate.rtl(
        verilog=room / "rtl/verilog.tar.gz", description=room / "rtl/design.json",
        outputs=room / "rtl/outputs.safetensors", result=room / "rtl/result.json",
        settings=simulation_settings(model), seed=4, design=design, **inputs,
    )  # fmt: skip
    report.report(
        **report_files(room), summary=room / "latency.json", scan=room / "pipelines.csv",
        bits=room / "bits.csv", text=room / "latency.md", seed=5, design=design,
        published=HOUSE / "resources" / "published" / "firmware.json",
        settings=ReportSettings(
            model=model, formats=FORMATS, evaluation=EVALUATION, device=DeviceSettings(),
            budget=BudgetSettings(),
        ),
    )  # fmt: skip


# What the designs differ in has its tests in test_firmware_flow.
@pytest.fixture(scope="module", params=SMALL)
def design(request):
    return request.param, SMALL.get(request.param, {})


@pytest.fixture(scope="module")
def room(design, tmp_path_factory):
    folder = tmp_path_factory.mktemp("firmware")
    jets = write_toy_samples(folder / "graphs", 300, names=tuple(CLASSES))
    run_to_projects(jets, folder / "one", *design)
    run_simulations(folder / "one", *design)
    run_to_projects(jets, folder / "elsewhere" / "two", *design)
    return folder / "one"


def test_everything_up_to_the_projects_is_the_same_byte_for_byte_wherever_it_is_made(room):
    other = room.parent / "elsewhere" / "two"
    files = [path.relative_to(other) for path in other.rglob("*") if path.is_file()]
    assert len(files) == 15
    for path in files:
        assert (room / path).read_bytes() == (other / path).read_bytes(), path
    assert not list(room.rglob(".build-*"))


def test_report_says_what_was_measured(room):
    value = read_json(room / "latency.json")
    accuracy = value["accuracy"]
    assert accuracy["floating"]["value"] > 0.45  # three classes: chance is 1/3
    assert accuracy["quantised"]["value"] > 0.42
    assert accuracy["hls"] == accuracy["quantised"] == accuracy["rtl"]
    for simulation in value["simulated"].values():
        assert simulation["differing"] == 0
        assert simulation["outputs"] == 3 * (value["test_jets"] + 100 + EXTREMES)
    latency = value["latency"]
    assert latency["cycles_measured"] == latency["cycles_predicted"] >= 1
    assert latency["initiation_interval_measured"] == 1
    assert latency["latency_ns"] == latency["cycles_measured"] * 5.0
    assert value["budget"]["in_time"] is value["budget"]["keeps_up"] is True
    text = (room / "latency.md").read_text()
    assert "| initiation interval (measured) | 1 | 5 | 25 ns: met |" in text


def test_tables_of_the_report_agree_with_each_other(room):
    bits = read_csv(room / "bits.csv")
    value = read_json(room / "latency.json")
    assert bits["weights"].sum() == value["network"]["weights"]
    zero = bits["weights"][bits["bits"] == 0].sum() / bits["weights"].sum()
    assert zero == pytest.approx(value["network"]["sparsity"])
    assert zero >= 0.75  # 80 % asked for, whole weights
    with (room / "pipelines.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["latency_cutoff"] for row in rows] == ["5.0", "2.0"]
    assert int(rows[0]["stages"]) == value["latency"]["cycles_measured"]


def test_significant_bits_count_the_odd_part():
    values = np.array([0, 1, -1, 0.5, 3, 6, 5, 7, -12, 17 / 32, 31 / 32])
    assert report.significant_bits(values).tolist() == [0, 1, 1, 1, 2, 2, 3, 3, 2, 5, 5]


def test_scores_of_another_run_are_refused(room, design, tmp_path):
    other = tmp_path / "dataset.safetensors"
    jets = write_toy_samples(tmp_path / "graphs", 200, seed=8, names=tuple(CLASSES))
    dataset.prepare(
        jets=jets, dataset=other, cutflow=tmp_path / "c.json",
        settings=FirmwareDatasetSettings(classes=CLASSES, constituents=4),
    )  # fmt: skip
    with pytest.raises(DataError, match="another run"):
        simulate.hls(
            project=room / "hls/project.tar.gz", weights=room / "quantised/weights.safetensors",
            dataset=other, scores=room / "quantised/scores.safetensors",
            outputs=tmp_path / "o.safetensors", result=tmp_path / "r.json",
            settings=simulation_settings(design[1]), seed=4, design=design[0],
        )  # fmt: skip
