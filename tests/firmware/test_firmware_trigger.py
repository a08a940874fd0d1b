"""A design as a trigger: the score of a jet, and of an event that has several."""

import numpy as np
import pytest
import torch

from helpers.jetgraphs import toy_jets
from jetchain.core.errors import ConfigurationError
from jetchain.core.io.tensors import read_tensors, write_tensors, write_weights
from jetchain.core.schema.graphs import JET_GRAPHS
from jetchain.core.schema.trigger import TRIGGER_SCORES
from jetchain.firmware import trigger
from jetchain.firmware.dataset import leading_constituents
from jetchain.firmware.design import build, read_fixed
from jetchain.firmware.design_settings import FormatSettings
from jetchain.firmware.settings import FirmwareDatasetSettings, TriggerJobSettings

CLASSES = ["quark", "W", "gluon"]


def test_a_jets_score_compares_the_largest_logits():
    logits = np.array([[1.0, 3.0, 2.0], [4.0, 0.5, 5.0]])
    assert trigger.of_class(logits, CLASSES, ["quark", "gluon"]).tolist() == [1.0, -4.5]
    for background in (["quark", "top"], CLASSES):
        with pytest.raises(ConfigurationError, match=r"firmware\.trigger\.background"):
            trigger.of_class(logits, CLASSES, background)


def test_an_event_has_the_score_of_its_most_signal_like_jet(tmp_path):
    torch.manual_seed(1)
    settings = TriggerJobSettings(
        model={"phi": [8], "rho": []}, formats=FormatSettings(), headroom=2,
        dataset=FirmwareDatasetSettings(constituents=4, classes=CLASSES, mass_scale=4.0),
        background=["quark", "gluon"],
    )  # fmt: skip
    model = build("deepsets", settings.model).quantised(4 * 9, 3, settings.formats)
    model.freeze()
    weights, graphs = tmp_path / "weights.safetensors", tmp_path / "graphs.safetensors"
    write_weights(weights, model)
    table = toy_jets("top", 61, 3)  # two jets an event, one in the last
    write_tensors(graphs, JET_GRAPHS, table)
    scores = tmp_path / "scores.safetensors"
    trigger.score(
        weights=weights, graphs=graphs, scores=scores, design="deepsets", settings=settings
    )
    found = read_tensors(scores, TRIGGER_SCORES)
    assert np.array_equal(found["event_number"], np.arange(31))
    data = settings.dataset
    x = leading_constituents(table, 4, data.pt_scale, data.angle_scale, data.mass_scale)
    fixed = read_fixed(weights, "deepsets", settings.model, settings.formats, 2)
    logits = fixed.forward(fixed.at_port(x))
    of_jets = logits[:, 1] - np.maximum(logits[:, 0], logits[:, 2])
    assert len(np.unique(of_jets)) > 20
    first, second = of_jets[::2], np.append(of_jets[1::2], -np.inf)
    assert np.array_equal(found["score"], np.maximum(first, second))
    beyond = np.abs(x) > fixed.port.high + fixed.port.step
    assert beyond.any()  # masses in units of 4 GeV
    assert found["saturated"].sum() == beyond.sum()
