"""Boosted trees in fixed point: by hand, beside scikit-learn, and as conifer's C++ and VHDL."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from helpers.jetgraphs import write_toy_samples
from jetchain.core.errors import ConfigurationError, DataError, ToolError
from jetchain.core.io.tables import read_csv, read_result, write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.firmware import TreesDesign, TreesReport, TreesSimulation
from jetchain.firmware import dataset as data_set
from jetchain.firmware import trees as boosted
from jetchain.firmware import vhdl
from jetchain.firmware.dataset import FIRMWARE_JETS, TEST
from jetchain.firmware.design_settings import DeviceSettings, FixedPointSettings
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.quantise import Format
from jetchain.firmware.report_trees import report_trees
from jetchain.firmware.settings import (
    FirmwareDatasetSettings,
    FirmwareEvaluationSettings,
    SimulationSettings,
    TreesJobSettings,
    TreesReportSettings,
    TreesSettings,
    TreesTrainingSettings,
)
from jetchain.firmware.trees import Trees

CLASSES = ["quark", "W", "top"]
EIGHTHS = Format(1, 2, 3)


def by_hand() -> Trees:
    """Two outputs of one tree each: x0 <= 0.3, then x1 <= -1.05; and a leaf alone."""
    inf = np.inf
    return Trees({
        "feature": np.array([0, 0, 1, 0, 0, 0]),
        "threshold": np.array([0.3, inf, -1.05, inf, inf, inf]),
        "left": np.array([1, 1, 3, 3, 4, 5]),
        "right": np.array([2, 1, 4, 3, 4, 5]),
        "value": np.array([0.0, 0.55, 0.0, -0.2, 1.0, 0.5]),
        "root": np.array([0, 5]),
        "start": np.array([0.1, -0.3]),
        "inputs": np.array([2]),
    })  # fmt: skip


def test_fixed_point_by_hand():
    floating = by_hand()
    assert (floating.depth, floating.iterations, floating.outputs) == (2, 1, 2)
    x = np.array([[0.3, 0.0], [0.31, -1.05], [0.4, -1.0]])
    assert floating.forward(x) == pytest.approx(np.array([[0.65, 0.2], [-0.1, 0.2], [1.1, 0.2]]))
    fixed = floating.fixed(EIGHTHS)
    # In eighths, rounded down: 0.3 is 2, -1.05 is -9, 0.55 is 4, -0.2 is -2, 0.1 is 0, -0.3 is -3.
    assert fixed.comparisons.tolist() == [[0.0, 0.25], [1.0, -1.125]]
    assert fixed.at_port(np.array([[0.31, -9.0]])).tolist() == [[0.25, -4.0]]
    assert fixed.forward(x).tolist() == [[0.5, 0.125], [0.5, 0.125], [1.0, 0.125]]
    low, high = fixed.bounds
    assert (low.tolist(), high.tolist()) == ([-0.25, 0.125], [1.0, 0.125])


def test_a_sum_that_would_wrap_around_is_refused():
    tall = by_hand()
    tall = replace(tall, arrays={**tall.arrays, "start": np.array([0.1, 3.6])})
    with pytest.raises(ConfigurationError, match=r"firmware\.trees\.number\.integer"):
        tall.fixed(EIGHTHS)
    with pytest.raises(ValueError, match="integer bit"):
        TreesSettings(number=FixedPointSettings(integer=0, fraction=5))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_arrays_are_the_trees_of_scikit_learn(classes):
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng(1)
    x = random.normal(size=(300, 4))
    y = np.digitize(x[:, 0] * x[:, 1], [-0.2, 0.2][: classes - 1])
    fitted = HistGradientBoostingClassifier(max_iter=4, max_depth=3).fit(x, y)
    made = Trees(boosted.arrays_of(fitted, 4))
    theirs = fitted.decision_function(x).reshape(len(x), -1)
    assert made.forward(x) == pytest.approx(theirs, abs=1e-12)
    logits = boosted.logits_of(made.forward(x))
    assert np.array_equal(logits.argmax(axis=1), fitted.predict(x))


SETTINGS = TreesSettings(iterations=3, depth=3, features="kinematics")
JOB = TreesJobSettings(
    trees=SETTINGS, device=DeviceSettings(), simulation=SimulationSettings(random_vectors=40)
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trees of toy jets, with the data set."""
    folder = tmp_path_factory.mktemp("trees")
    jets = write_toy_samples(folder / "graphs", 150, names=tuple(CLASSES))
    data_set.prepare(
        jets=jets, dataset=folder / "dataset.safetensors", cutflow=folder / "cutflow.json",
        settings=FirmwareDatasetSettings(classes=CLASSES, constituents=2),
    )  # fmt: skip
    boosted.train(
        dataset=folder / "dataset.safetensors", trees=folder / "trees.safetensors",
        history=folder / "history.csv", scores=folder / "scores.safetensors",
        settings=TreesTrainingSettings(trees=SETTINGS, classes=CLASSES), seed=1,
    )  # fmt: skip
    return folder


def test_training_scores_the_test_jets(trained):
    data = read_tensors(trained / "dataset.safetensors", FIRMWARE_JETS)
    scores = read_tensors(trained / "scores.safetensors", FIRMWARE_SCORES)
    assert np.array_equal(scores["label"], data["label"][data["split"] == TEST])
    made = boosted.read_trees(trained / "trees.safetensors")
    assert made.depth <= SETTINGS.depth
    assert made.number == 2 * 3
    losses = read_csv(trained / "history.csv")["train_loss"]
    assert np.all(np.diff(losses) < 0)


def test_the_stimulus_is_on_both_sides_of_each_threshold(trained):
    fixed = boosted.read_trees(trained / "trees.safetensors").fixed(Format.of(SETTINGS.number))
    dataset = trained / "dataset.safetensors"
    x, of_jets = boosted.stimulus(fixed, dataset, SETTINGS, 40, 1)
    assert np.array_equal(x, fixed.at_port(x))
    for feature, threshold in fixed.comparisons:
        values = x[len(of_jets["label"]) :, int(feature)]
        assert threshold in values
        assert threshold + fixed.inputs.step in values
    data = read_tensors(dataset, FIRMWARE_JETS)
    data["features"][np.flatnonzero(data["split"] == TEST)[0], 1] = 65.0  # the format ends at 64
    write_tensors(trained / "far.safetensors", FIRMWARE_JETS, data)
    with pytest.raises(DataError, match=r"delta_eta of constituent 0 is 65"):
        boosted.stimulus(fixed, trained / "far.safetensors", SETTINGS, 40, 1)


def test_what_is_missing_is_named(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "conifer", None)
    given = {"trees": trained / "trees.safetensors", "settings": JOB}
    with pytest.raises(ToolError, match=r"envs/trees\.txt"):
        vhdl.convert(vhdl=tmp_path / "a.tar.gz", description=tmp_path / "a.json", **given)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="apt-get install ghdl"):
        vhdl.compile_vhdl(tmp_path, by_hand().fixed(EIGHTHS))


DESIGN = TreesDesign(
    inputs=6, seen_inputs=5, outputs=3, trees=9, depth=3, bits=16, comparisons=60,
    distinct_comparisons=50, leaves=69, padded_leaves=72, stated_latency_cycles=7,
    estimated_luts=2000, estimated_registers=700,
)  # fmt: skip


def test_the_report_pairs_float_and_fixed_point(tmp_path):
    label = np.array([0, 0, 1, 1, 2, 2])
    right = {"float": [1, 1, 1, 1, 1, 0], "fixed": [1, 1, 1, 0, 1, 0]}
    files = {}
    for name, found in right.items():
        logits = np.eye(3)[np.where(found, label, (label + 1) % 3)]
        files[f"{name}_scores"] = tmp_path / f"{name}.safetensors"
        table = {"logits": logits, "label": label, "weight": np.ones(6)}
        write_tensors(files[f"{name}_scores"], FIRMWARE_SCORES, table)
    compared = {"vectors": 6, "outputs": 18, "differing": 0}
    simulation = TreesSimulation.model_validate({"test_jets": 6, "cpp": compared, "vhdl": None})
    for name, content in (("description", DESIGN), ("simulation", simulation)):
        files[name] = tmp_path / f"{name}.json"
        write_result(files[name], content)
    settings = TreesReportSettings(
        trees=SETTINGS, evaluation=FirmwareEvaluationSettings(replicas=5),
        device=DeviceSettings(), classes=CLASSES,
    )  # fmt: skip
    report_trees(**files, report=tmp_path / "report.json", settings=settings, seed=1)
    value = read_result(tmp_path / "report.json", TreesReport)
    assert value.accuracy["floating"].value == pytest.approx(5 / 6)
    assert value.accuracy_loss.value == pytest.approx(1 / 6)
    assert (value.paired.float_only, value.paired.quantised_only) == (1, 0)
    assert value.seen.constituents == 2


@pytest.mark.trees
def test_cpp_and_vhdl_are_the_trees_bit_for_bit(trained, tmp_path):
    given = {"trees": trained / "trees.safetensors"}
    description = tmp_path / "design.json"
    archives = [tmp_path / f"{name}.tar.gz" for name in ("one", "two")]
    for archive in archives:
        vhdl.convert(**given, vhdl=archive, description=description, settings=JOB)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    design = read_result(description, TreesDesign)
    assert design.trees == 9
    assert design.comparisons == design.leaves - design.trees  # of binary trees
    ghdl = shutil.which("ghdl") is not None
    job = JOB.model_copy(update={"trees": SETTINGS.model_copy(update={"ghdl": ghdl})})
    vhdl.simulate(
        **given, vhdl=archives[0], dataset=trained / "dataset.safetensors",
        outputs=tmp_path / "outputs.safetensors", result=tmp_path / "simulation.json",
        settings=job, seed=1,
    )  # fmt: skip
    value = read_result(tmp_path / "simulation.json", TreesSimulation)
    assert value.cpp.differing == 0
    assert value.cpp.outputs == 3 * value.cpp.vectors
    if not ghdl:
        pytest.skip("C++ is equal; for the VHDL install ghdl (Debian: apt-get install ghdl)")
    assert value.vhdl.differing == 0
    assert value.vhdl.initiation_interval_cycles == 1
    # Registers, by the VHDL: comparison, its delay, one a level, the leaf, one a stage of the sum
    # of all trees and the start, and the norm; the first takes the input in.
    stages = int(np.ceil(np.log2(design.trees / design.outputs + 1)))
    assert value.vhdl.latency_cycles == 2 + design.depth + 1 + stages + 1 - 1
