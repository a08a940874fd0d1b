"""A network of the user's own: what is read is what the file computes; what cannot be is named."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tensors import write_weights
from jetchain.core.resources import RESOURCES
from jetchain.firmware.design import build, read_fixed
from jetchain.firmware.design_settings import FixedPointSettings, FormatSettings
from jetchain.firmware.designs.own import EXAMPLE
from jetchain.firmware.onnx_graph import SUPPORTED
from jetchain.firmware.synthesise import trace

ROWS, COLUMNS, CLASSES = 4, 3, 5


class Sets(nn.Module):
    """Constituents one by one, each told of the mean of all; then the jet."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.of_all = nn.Linear(COLUMNS, 6), nn.Linear(6, 6)
        self.node, self.out = nn.Linear(6, 8, bias=False), nn.Linear(8, CLASSES)

    def forward(self, x):
        x = torch.relu(self.own(x))
        x = x + torch.relu(self.of_all(x.mean(dim=1, keepdim=True)))
        return torch.softmax(self.out(torch.relu(self.node(x)).mean(dim=1)), dim=1)


def perceptron():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(ROWS * COLUMNS, 8), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(8, CLASSES),
    )  # fmt: skip


def exported(model, path, rows=ROWS):
    """Write a module as .onnx or .pt2; logits of jets by the module itself."""
    shown = (torch.randn(2, rows, COLUMNS),)
    batch = ({0: torch.export.Dim("jets")},)
    program = torch.export.export(model.eval(), shown, dynamic_shapes=batch)
    if path.suffix == ".pt2":
        torch.export.save(program, path)
    else:
        torch.onnx.export(program, f=path, dynamo=True, verbose=False)
    return path


def own(path, **more):
    return build("own", {"file": str(path), "features": "kinematics", **more})


@pytest.mark.parametrize("kind", ["onnx", "pt2"])
@pytest.mark.parametrize("make", [Sets, perceptron])
def test_the_float_network_starts_as_the_network_of_the_file(make, kind, tmp_path):
    torch.manual_seed(1)
    model = make()
    design = own(exported(model, tmp_path / f"net.{kind}"))
    assert design.by_constituent == (make is Sets)
    x = torch.randn(50, ROWS * COLUMNS)
    with torch.no_grad():
        logits = design.floating(ROWS * COLUMNS, CLASSES)(x)
        expected = model(x.reshape(-1, ROWS, COLUMNS))
        found = logits if make is perceptron else torch.softmax(logits, dim=1)
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_example_is_what_onnx_runtime_computes():
    text = onnx.parser.parse_model((RESOURCES / EXAMPLE).read_text())
    session = onnxruntime.InferenceSession(
        text.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.random.default_rng(1).normal(size=(20, 16, 9)).astype(np.float32)
    (expected,) = session.run(None, {"x": x})
    with torch.no_grad():
        found = build("own", {}).floating(16 * 9, 5)(torch.from_numpy(x.reshape(20, -1)))
    assert np.allclose(found.numpy(), expected, atol=1e-5)


def test_an_own_network_becomes_logic_bit_for_bit(tmp_path):
    torch.manual_seed(2)
    path = exported(Sets(), tmp_path / "net.onnx")
    fine = FixedPointSettings(signed=True, integer=2, fraction=8)
    formats = FormatSettings(weights=fine, biases=fine)
    model = own(path).quantised(ROWS * COLUMNS, CLASSES, formats)
    model.freeze()
    write_weights(tmp_path / "weights.safetensors", model)
    settings = {"file": str(path), "features": "kinematics"}
    fixed = read_fixed(tmp_path / "weights.safetensors", "own", settings, formats, 2)
    x = fixed.at_port(np.random.default_rng(3).uniform(-5, 5, (300, ROWS * COLUMNS)))
    with torch.no_grad():
        expected = model.double()(torch.from_numpy(x)).numpy()
    assert len(np.unique(expected)) > 100
    assert np.array_equal(fixed.forward(x), expected)
    assert np.array_equal(trace(fixed).predict(x, n_threads=1), expected)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 5)), "'Tanh'"),
        (nn.Sequential(nn.Conv1d(ROWS, 2, 3), nn.Flatten(), nn.Linear(2, 5)), "'Conv'"),
        (nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5)), "Reshape"),
        (nn.Sequential(nn.Linear(3, 5)), "outputs by constituent"),
    ],
)
def test_an_unsupported_layer_is_refused_by_name_with_the_supported_list(model, named, tmp_path):
    path = exported(model, tmp_path / "net.onnx")
    with pytest.raises(ConfigurationError) as refused:
        own(path).floating(ROWS * COLUMNS, CLASSES)
    assert named in refused.value.cause
    assert str(path) in refused.value.cause
    for names, where in SUPPORTED.items():
        assert f"{names} ({where})" in refused.value.remedy


def test_a_bias_of_another_tensor_is_refused(tmp_path):
    constant = helper.make_tensor("c", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    floats = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["jets", 3]) for name in ("x", "y")
    ]
    add = helper.make_node("Add", ["x", "c"], ["y"])
    graph = helper.make_graph([add], "g", floats[:1], floats[1:], [constant])
    onnx.save(helper.make_model(graph, ir_version=9), tmp_path / "net.onnx")
    with pytest.raises(ConfigurationError, match="no bias of a linear layer"):
        own(tmp_path / "net.onnx").floating(3, 3)


def test_other_numbers_of_inputs_and_classes_are_refused(tmp_path):
    path = exported(perceptron(), tmp_path / "net.onnx")
    with pytest.raises(ConfigurationError, match=r"takes 12 numbers to 8.* take 24 to 8"):
        own(path).floating(24, CLASSES)
    with pytest.raises(ConfigurationError, match=r"takes 8 numbers to 5.* take 8 to 7"):
        own(path).floating(12, 7)


def test_a_file_that_is_no_network_is_named(tmp_path):
    with pytest.raises(DataError, match=r"net\.onnx: no such file"):
        own(tmp_path / "net.onnx").floating(12, 5)
    (tmp_path / "net.onnx").write_text("nothing")
    with pytest.raises(DataError, match=r"net\.onnx: no network that can be read"):
        own(tmp_path / "net.onnx").floating(12, 5)
