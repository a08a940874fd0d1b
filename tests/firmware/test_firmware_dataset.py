"""The network's inputs: which constituents, which jets, and an honest split."""

import json

import numpy as np
import pytest

from helpers.jetgraphs import toy_jets, write_toy_samples
from jetchain.core.errors import ConfigurationError, DataError, EmptySampleError
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.metrics import balanced_accuracy
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, JET_GRAPHS
from jetchain.core.settings import parse
from jetchain.firmware.dataset import (
    FEATURES,
    FIRMWARE_JETS,
    TEST,
    leading_constituents,
    prepare,
    split_by_event,
)
from jetchain.firmware.performance import probabilities
from jetchain.firmware.settings import FirmwareDatasetSettings


def test_features_are_those_of_the_leading_constituents_one_by_one():
    graphs = toy_jets("gluon", 7, seed=2)
    found = leading_constituents(graphs, 60, pt_scale=8.0, angle_scale=2.0, mass_scale=50.0)
    column = {name: index for index, name in enumerate(CONSTITUENT_COLUMNS)}
    for jet in range(7):
        start, stop = graphs["constituent_offset"][jet : jet + 2]
        pt_jet = graphs["jet"][jet, JET_COLUMNS.index("pt")]
        expected = np.zeros((60, len(FEATURES)))
        for place, row in enumerate(graphs["constituents"][start:stop][:60]):
            pt = np.hypot(row[column["px"]], row[column["py"]])
            eta, phi = row[column["delta_eta"]], row[column["delta_phi"]]
            mass = np.sqrt(pt * pt_jet * (eta**2 + phi**2)) / 50.0
            kind = [row[column[name]] for name in FEATURES[4:]]
            expected[place] = [8 * pt / pt_jet, 2 * eta, 2 * phi, mass, *kind]
        assert found[jet] == pytest.approx(expected.ravel(), abs=1e-6)
    assert np.any(
        found.reshape(7, 60, len(FEATURES))[:, -1] == 0
    )  # some jets have fewer constituents


def test_events_and_not_jets_are_split_and_in_the_right_parts():
    number = np.repeat(np.arange(20000), 2)
    split = split_by_event(number, 0.15, 0.25)
    assert np.array_equal(split[::2], split[1::2])
    assert np.bincount(split) / len(split) == pytest.approx([0.6, 0.15, 0.25], abs=0.01)
    order = np.random.default_rng(1).permutation(len(number))
    assert np.array_equal(split_by_event(number[order], 0.15, 0.25), split[order])
    neighbours = np.mean(split[:-2:2] == split[2::2])
    assert neighbours == pytest.approx(0.6**2 + 0.15**2 + 0.25**2, abs=0.02)


def test_left_out_jets_are_counted(tmp_path):
    settings = FirmwareDatasetSettings(classes=["quark", "top"], constituents=3)
    jets = write_toy_samples(tmp_path, 60, names=("quark", "top", "Hbb"))
    prepare(
        jets=jets,
        dataset=tmp_path / "d.safetensors",
        cutflow=tmp_path / "c.json",
        settings=settings,
    )
    data = read_tensors(tmp_path / "d.safetensors", FIRMWARE_JETS)
    cutflow = json.loads((tmp_path / "c.json").read_text())
    kept = sum(sum(row.values()) for row in cutflow["kept"].values())
    lost = cutflow["jets"]["unmatched"] + cutflow["jets"]["of other classes"]
    assert cutflow["jets"]["jets"] == 180 == kept + lost
    assert data["features"].shape == (kept, 3 * len(FEATURES))
    assert set(data["label"]) == {0, 1}


def test_a_class_without_jets_and_a_damaged_file_stop_the_job(tmp_path):
    settings = FirmwareDatasetSettings(classes=["quark", "top"])
    jets = write_toy_samples(tmp_path, 60, names=("quark",))
    outputs = {"dataset": tmp_path / "d.safetensors", "cutflow": tmp_path / "c.json"}
    with pytest.raises(EmptySampleError, match="class 'top'"):
        prepare(jets=jets, settings=settings, **outputs)
    jets[0].write_bytes(jets[0].read_bytes()[:500])
    with pytest.raises(DataError, match="quark"):
        prepare(jets=jets, settings=settings, **outputs)
    assert not outputs["dataset"].exists()


@pytest.mark.parametrize("kind", ["none", "of one split", "below 0"])
def test_weights_that_add_up_to_nothing_are_refused(tmp_path, kind):
    settings = FirmwareDatasetSettings(classes=["quark", "top"])
    jets = write_toy_samples(tmp_path, 120, names=("quark", "top"))
    table = read_tensors(jets[1], JET_GRAPHS)
    split = split_by_event(
        table["event_number"], settings.validation_fraction, settings.test_fraction
    )
    table["weight"] = (
        table["weight"] * {"none": 0, "of one split": split != TEST, "below 0": -1}[kind]
    )
    write_tensors(jets[1], JET_GRAPHS, table)
    outputs = {"dataset": tmp_path / "d.safetensors", "cutflow": tmp_path / "c.json"}
    with pytest.raises(DataError, match=r"Class 'top': the weights of its jets in the t[re]"):
        prepare(jets=jets, settings=settings, **outputs)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"classes": ["quark", "Top"]}, "Did you mean 'top'"),
        ({"classes": ["top", "top"]}, "twice"),
        ({"classes": ["top"]}, "at least 2"),
        ({"samples": []}, "at least 1"),
        ({"validation_fraction": 0.6, "test_fraction": 0.4}, "below 1"),
        ({"angle_scale": 0.0}, "greater than 0"),
    ],
)
def test_wrong_settings_are_refused(values, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        parse(FirmwareDatasetSettings, values)


def test_balanced_accuracy_does_not_depend_on_how_many_jets_a_class_has():
    label = np.array([0] * 90 + [1] * 10)
    logits = np.zeros((100, 2))
    logits[:45, 0] = logits[45:90, 1] = logits[90:, 1] = 1.0  # half of class 0, all of class 1
    assert balanced_accuracy(label, logits, np.ones(100)) == pytest.approx(0.75)
    weight = np.repeat([3.0, 1.0], [45, 55])  # what is right of class 0 weighs three times as much
    assert balanced_accuracy(label, logits, weight) == pytest.approx((0.75 + 1) / 2)
    with pytest.raises(EmptySampleError):
        balanced_accuracy(np.zeros(4, np.int64), np.zeros((4, 2)), np.ones(4))
    chance = probabilities(np.array([[0.0, np.log(3.0)], [1e4, 0.0]]))
    assert chance == pytest.approx(np.array([[0.25, 0.75], [1.0, 0.0]]))
