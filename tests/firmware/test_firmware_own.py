"""A network of the user's own: what is read is what the file computes; what cannot be is named."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tensors import write_weights
from jetchain.core.resources import RESOURCES
from jetchain.firmware import simulate
from jetchain.firmware.design import build, read_fixed
from jetchain.firmware.design_settings import DeviceSettings, FixedPointSettings, FormatSettings
from jetchain.firmware.designs.own import EXAMPLE
from jetchain.firmware.hls import Layers
from jetchain.firmware.onnx_graph import data_files, require_networks
from jetchain.firmware.onnx_reader import SUPPORTED
from jetchain.firmware.quantise import Format, quantise
from jetchain.firmware.settings import FirmwareSettings
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


class Convolved(nn.Module):
    """The same as kernels of 1, as PyTorch has them: features first."""

    def __init__(self, pool=None) -> None:
        super().__init__()
        self.own = nn.Sequential(nn.Conv1d(COLUMNS, 6, 1), nn.BatchNorm1d(6), nn.ReLU())
        self.of_all, self.node = nn.Conv1d(6, 6, 1), nn.Conv1d(6, 8, 1, bias=False)
        self.pool, self.out = pool, nn.Linear(8, CLASSES)
        nn.init.uniform_(self.own[1].running_mean, -0.5, 0.5)
        nn.init.uniform_(self.own[1].running_var, 0.5, 1.5)

    def forward(self, x):
        x = self.own(x.transpose(1, 2))
        x = x + torch.relu(self.of_all(x.mean(dim=2, keepdim=True)))
        x = torch.relu(self.node(x))
        return self.out(x.mean(dim=2) if self.pool is None else self.pool(x).flatten(1))


def pooled():
    return Convolved(nn.AdaptiveAvgPool1d(1))


class Flattened(nn.Module):
    """A vector first, joined to what a layer makes of it and normalised together."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.own = nn.BatchNorm1d(ROWS * COLUMNS), nn.Linear(ROWS * COLUMNS, 8)
        self.both, self.out = nn.BatchNorm1d(8 + ROWS * COLUMNS), nn.Linear(20, CLASSES)

    def forward(self, x):
        v = self.first(x.flatten(1))
        return self.out(self.both(torch.cat([v, torch.relu(self.own(v))], dim=1)))


class Context(nn.Module):
    """The mean as a row beside the constituents, as it is mostly written."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.both = nn.Linear(COLUMNS, 6), nn.Linear(12, 8)
        self.out = nn.Linear(8, CLASSES)

    def forward(self, x):
        h = torch.relu(self.own(x))
        h = h + h.mean(dim=1).unsqueeze(1)
        of_all = h.mean(dim=1)[:, None].expand(-1, ROWS, -1)
        return self.out(self.both(0.5 * torch.cat([h, of_all], dim=2)).mean(dim=1))


class Joined(nn.Module):
    """Inputs scaled in the network, features joined to those of all, and sums over constituents."""

    def __init__(self) -> None:
        super().__init__()
        self.scaled, self.own = nn.BatchNorm1d(COLUMNS), nn.Linear(COLUMNS, 6)
        self.both, self.out = nn.Linear(12, 8), nn.Linear(8 + COLUMNS, CLASSES)
        nn.init.uniform_(self.scaled.running_mean, -0.5, 0.5)
        nn.init.uniform_(self.scaled.running_var, 0.5, 1.5)

    def forward(self, x):
        x = self.scaled(x.transpose(1, 2)).transpose(1, 2)
        h = torch.relu(self.own(x))
        of_all = h.mean(dim=1, keepdim=True).expand(-1, ROWS, -1)
        h = torch.relu(self.both(torch.cat([h, of_all], dim=2)))
        return 0.5 * self.out(torch.cat([h.sum(dim=1), x.mean(dim=1)], dim=1))


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
@pytest.mark.parametrize("make", [Sets, perceptron, Convolved, pooled, Joined, Flattened, Context])
def test_the_float_network_starts_as_the_network_of_the_file(make, kind, tmp_path):
    torch.manual_seed(1)
    model = make()
    design = own(exported(model, tmp_path / f"net.{kind}"))
    assert design.by_constituent == (make not in (perceptron, Flattened))
    x = torch.randn(50, ROWS * COLUMNS)
    with torch.no_grad():
        logits = design.floating(ROWS * COLUMNS, CLASSES)(x)
        expected = model(x.reshape(-1, ROWS, COLUMNS))
        found = torch.softmax(logits, dim=1) if make is Sets else logits
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


@pytest.mark.parametrize("make", [Sets, Convolved, Joined])
def test_an_own_network_becomes_logic_bit_for_bit(make, tmp_path):
    torch.manual_seed(2)
    path = exported(make(), tmp_path / "net.onnx")
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
    if make is Joined:
        fixed.write_hls(tmp_path / "own", "own", DeviceSettings())
        assert np.array_equal(simulate.run_hls(tmp_path / "own", x, CLASSES), expected)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 5)), "'Tanh'"),
        (nn.Sequential(nn.Conv1d(ROWS, 2, 3), nn.Flatten(), nn.Linear(2, 5)), "kernel of 1"),
        (nn.Sequential(nn.Conv1d(ROWS, 2, 1), nn.Flatten(), nn.Linear(6, 5)), "'Conv' of other"),
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


RANDOM = np.random.default_rng(5)
NUMBERS = {
    name: RANDOM.normal(0, 0.5, shape).astype(np.float32)
    for name, shape in {
        "w1": (12, 8), "b1": 8, "w2": (8, CLASSES), "b2": CLASSES, "w3": (8, 8),
        "kernel": (8, COLUMNS, 1),
    }.items()
} | {name: RANDOM.uniform(0.5, 1.5, 8).astype(np.float32) for name in "stmv"}  # fmt: skip
FIRST = [("Gemm", "x w1 b1", "a", {}), ("Relu", "a", "r", {})]
TURN = ("Transpose", "x", "xt", {"perm": [0, 2, 1]})
ENDED = [
    ("GlobalAveragePool", "e", "p", {}), ("Flatten", "p", "q", {}), ("Gemm", "q w2 b2", "y", {})
]  # fmt: skip
LAST, TO_Z = ("Gemm", "r w2 b2", "y", {}), ("Gemm", "r w2 b2", "z", {})


def written(path, nodes, numbers=None, shape=("jets", 12), opset=17):
    """A file of nodes (kind, inputs, outputs, attributes) and of the constants that they name."""
    names = {name for _, inputs, *_ in nodes for name in inputs.split()}
    held = {
        name: values for name, values in {**NUMBERS, **(numbers or {})}.items() if name in names
    }
    graph = helper.make_graph(
        [helper.make_node(kind, i.split(), o.split(), **more) for kind, i, o, more in nodes], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["jets", CLASSES])],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in held.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


def turned(name):
    return NUMBERS[name].T.copy()


ALIKE = {
    "bias of two axes": ([("Gemm", "x w1 c", "a", {}), FIRST[1], LAST], {"c": NUMBERS["b1"][None]}),
    "added bias of two axes": (
        [("MatMul", "x w1", "z", {}), ("Add", "z c", "a", {}), FIRST[1], LAST],
        {"c": NUMBERS["b1"][None]},
    ),
    "factors": ([("Gemm", "x w1 b1", "a", {"alpha": 0.5, "beta": 2.0}), FIRST[1], LAST], {}),
    "residual": (
        [*FIRST, ("Gemm", "r w3 b1", "d", {}), ("Relu", "d", "e", {}), ("Add", "r e", "f", {}),
         ("Gemm", "f w2 b2", "y", {})], {},
    ),
    "twice itself": ([*FIRST, ("Add", "r r", "f", {}), ("Gemm", "f w2 b2", "y", {})], {}),
    "batch normalisation": (
        [FIRST[0], ("BatchNormalization", "a s t m v", "n", {"epsilon": 0.1}),
         ("Relu", "n", "r", {}), LAST], {},
    ),
    "weights turned in the graph": (
        [("Transpose", "c", "k", {}), ("Gemm", "x k b1", "a", {}), FIRST[1], LAST],
        {"c": turned("w1")},
    ),
    "a shape made in the graph": (
        [("Shape", "x", "n", {}), ("Gather", "n first", "j", {}), ("Unsqueeze", "j zero", "k", {}),
         ("Concat", "k rest", "l", {"axis": 0}), ("Reshape", "x l", "z", {}),
         ("Gemm", "z w1 b1", "a", {}), FIRST[1], LAST],
        {"first": np.int64(0), "zero": np.array([0]), "rest": np.array([-1])},
    ),
    "a cast before all": (
        [("Cast", "x", "h", {"to": TensorProto.FLOAT}), ("Flatten", "h", "z", {}),
         ("Gemm", "z w1 b1", "a", {}), FIRST[1], LAST], {},
    ),
    "a constant of integers": (
        [("Constant", "", "n", {"value_ints": [-1, 12]}), ("Reshape", "x n", "z", {}),
         ("Gemm", "z w1 b1", "a", {}), FIRST[1], LAST], {},
    ),
    "kernels of 1, with a bias that is added": (
        [TURN, ("Conv", "xt kernel", "a", {}), ("Add", "c a", "d", {}), ("Relu", "d", "r", {}),
         ("Add", "r r", "e", {}), *ENDED],
        {"c": NUMBERS["b1"][None, :, None]},
    ),
    "turned back": (
        [TURN, ("Conv", "xt kernel b1", "a", {}), ("Transpose", "a", "b", {"perm": [0, 2, 1]}),
         ("MatMul", "b w3", "c", {}), ("Relu", "c", "e", {}),
         ("Transpose", "e", "f", {"perm": [0, 2, 1]}), ("GlobalAveragePool", "f", "p", {}),
         ("Squeeze", "p last", "q", {}), ("Gemm", "q w2 b2", "y", {})],
        {"last": np.array([2])},
    ),
    "inputs that are normalised": (
        [("BatchNormalization", "x s12 t12 m12 s12", "n", {}), ("Gemm", "n w1 b1", "a", {}),
         FIRST[1], LAST],
        {f"{name}12": RANDOM.uniform(0.5, 1.5, 12).astype(np.float32) for name in "stm"},
    ),
    "inputs that are standardised": (
        [("Sub", "x c", "n", {}), ("Div", "n d", "o", {}), ("Gemm", "o w1 b1", "a", {}), FIRST[1],
         LAST],
        {"c": RANDOM.normal(size=12).astype(np.float32), "d": np.float32(0.7)},
    ),
    "constants on either side": (
        [*FIRST, ("Mul", "b1 r", "f", {}), ("Sub", "b1 f", "g", {}), ("Relu", "g", "h", {}),
         ("Add", "half h", "i", {}), ("Gemm", "i w2 b2", "z", {}), ("Mul", "z half", "y", {})],
        {"half": np.float32(0.5)},
    ),
    "a bias for all outputs": (
        [("Gemm", "x w1 one", "a", {}), FIRST[1], LAST], {"one": np.float32(0.3)},
    ),
    "sums over constituents": (
        [("MatMul", "x w4", "a", {}), ("Add", "a b1", "b", {}), ("Relu", "b", "r", {}),
         ("ReduceSum", "r axis", "p", {"keepdims": 0}), ("Relu", "p", "q", {}), *ENDED[2:]],
        {"w4": NUMBERS["w1"][:COLUMNS], "axis": np.array([1])},
    ),
    "sums of sums": (
        [TURN, ("Conv", "xt kernel b1", "a", {}), ("Relu", "a", "r", {}),
         ("ReduceSum", "r axis", "p", {}), ("ReduceSum", "a axis", "o", {}),
         ("Add", "p o", "s2", {}), ("Mul", "s2 half", "h", {}), ("Flatten", "h", "q", {}),
         *ENDED[2:]],
        {"axis": np.array([2]), "half": np.float32(0.5)},
    ),
    "features joined": (
        [*FIRST, ("Gemm", "x w1 b1", "c", {}), ("Concat", "r c x", "j", {"axis": 1}),
         ("Relu", "j", "k", {}), ("Gemm", "k w28 b2", "y", {})],
        {"w28": RANDOM.normal(size=(28, CLASSES)).astype(np.float32)},
    ),
    "features joined twice, and shifted": (
        [*FIRST, ("Concat", "r r", "i", {"axis": -1}), ("Concat", "x i", "j", {"axis": 1}),
         ("Sub", "j c", "k", {}), ("Gemm", "k w28 b2", "y", {})],
        {"w28": RANDOM.normal(size=(28, CLASSES)).astype(np.float32),
         "c": RANDOM.normal(size=28).astype(np.float32)},
    ),
    "features first joined, and their mean": (
        [TURN, ("Conv", "xt kernel b1", "a", {}), ("Concat", "xt a", "j", {"axis": 1}),
         ("GlobalAveragePool", "j", "p", {}), ("Flatten", "p", "q", {}),
         ("Gemm", "q w11 b2", "y", {})],
        {"w11": RANDOM.normal(size=(11, CLASSES)).astype(np.float32)},
    ),
    "one row repeated beside the others": (
        [TURN, ("Conv", "xt kernel b1", "a", {}), ("GlobalAveragePool", "a", "o", {}),
         ("Expand", "o shape", "u", {}), ("Concat", "u xt", "j", {"axis": 1}),
         ("Conv", "j k11 b1", "e", {}), *ENDED],
        {"shape": np.array([1, 1, ROWS]),
         "k11": RANDOM.normal(size=(8, 11, 1)).astype(np.float32)},
    ),
    "a branch to nowhere": ([*FIRST, LAST, ("Tanh", "a", "nowhere", {})], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", ALIKE)
def test_other_ways_to_write_a_layer_are_what_onnx_runtime_computes(case, tmp_path):
    nodes, numbers = ALIKE[case]
    kinds = {"Flatten", "Reshape", "Conv", "ReduceSum"} & {kind for kind, *_ in nodes}
    rows = (ROWS, COLUMNS) if kinds else (12,)
    path = written(tmp_path / "net.onnx", nodes, numbers, ("jets", *rows))
    x = np.random.default_rng(1).normal(size=(20, 12)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": x.reshape(20, *rows)})
    with torch.no_grad():
        found = own(path).floating(12, CLASSES)(torch.from_numpy(x)).numpy()
    assert np.allclose(found, expected, atol=1e-5)


def test_the_same_of_one_tensor_twice_is_one_step_of_the_hls_project(tmp_path):
    """hls4ml knows a step by its name, and adds no tensor to itself."""
    nodes = [*FIRST, ("Relu", "a", "q", {}), ("Add", "r q", "f", {}), ("Gemm", "f w2 b2", "y", {})]
    design = own(written(tmp_path / "net.onnx", nodes))
    to, numbers = Format(1, 2, 5), design.graph
    weights = {name: quantise(weight.T, to) for name, weight in numbers.weights.items()}
    biases = {name: quantise(bias, to) for name, bias in numbers.biases.items()}
    layers = Layers(weights, biases, FormatSettings(), Format(1, 4, 5))
    layers.end(design.wire(layers, layers.begin((12,)), CLASSES))
    names = [step.name for step in layers.steps]
    assert len(names) == len({*names})
    (added,) = (step for step in layers.steps if step.function == "add")
    assert len({*added.inputs}) == 2


WRONG = {
    "jets mixed": [*FIRST, TO_Z, ("Reshape", "z swapped", "y", {})],
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_computes_something_else_is_refused(case, tmp_path):
    path = written(tmp_path / "net.onnx", WRONG[case], {"swapped": np.array([CLASSES, -1])})
    with pytest.raises(ConfigurationError, match="computes something else"):
        own(path).floating(12, CLASSES)


@pytest.mark.parametrize(
    ("nodes", "numbers", "named"),
    [
        ([("MatMul", "x c", "y", {})], {"c": np.ones(12, np.float32)}, "'MatMul' that is"),
        ([*FIRST, ("Gemm", "x w1 r", "e", {}), ("Gemm", "e w2 b2", "y", {})], {}, "'Gemm' that is"),
        ([("Add", "x c", "z", {}), ("Gemm", "z w1 b1", "r", {}), LAST],
         {"c": np.ones((12, 1), np.float32)}, "'Add' of constants that are not one for each"),
        ([("MatMul", "x c", "z", {}), ("Add", "z b1", "r", {}), LAST],
         {"c": np.ones((12, 1), np.float32)}, "'Add' of constants that are not one for each"),
        ([("Gemm", "x w1 c", "r", {}), LAST],
         {"c": np.ones((8, 1), np.float32)}, "'Gemm' whose bias is not one for each output"),
        ([("BatchNormalization", "x c c c x", "z", {}), ("Gemm", "z w1 b1", "r", {}), LAST],
         {"c": np.ones(12, np.float32)}, "'BatchNormalization' that is not of features, by const"),
        ([("BatchNormalization", "x s t m v", "z", {}), ("Gemm", "z w1 b1", "r", {}), LAST],
         {}, "'BatchNormalization' of other than all features"),
        ([*FIRST, ("Mul", "r r", "f", {}), ("Gemm", "f w2 b2", "y", {})], {}, "'Mul' of other"),
        ([*FIRST, ("Div", "b1 r", "f", {}), ("Gemm", "f w2 b2", "y", {})], {}, "'Div' of other"),
        ([*FIRST, ("Div", "r c", "f", {}), ("Gemm", "f w2 b2", "y", {})],
         {"c": np.zeros(8, np.float32)}, "'Div' by zero"),
        ([*FIRST, ("Concat", "r r", "f", {"axis": 0}), ("Gemm", "f w2 b2", "y", {})],
         {}, "'Concat' that does not join features"),
        ([*FIRST, ("Concat", "r b1", "f", {"axis": 1}), ("Gemm", "f w2 b2", "y", {})],
         {}, "'Concat' that does not join features"),
        ([*FIRST, ("Concat", "r r", "f", {"axis": 1}), ("Gemm", "f w2 b2", "y", {})],
         {}, "'Gemm' of other than the features joined"),
        ([*FIRST, ("Concat", "r r", "f", {"axis": 1}), ("Add", "f f", "g", {}),
          ("Gemm", "g w2 b2", "y", {})], {}, "'Add' of joined tensors"),
        ([*FIRST, TO_Z, ("Concat", "z z", "y", {"axis": 1})], {}, "last layer that is not linear"),
        ([*FIRST, TO_Z, ("Softmax", "z", "y", {"axis": 0})], {}, "over the classes"),
        ([*FIRST, TO_Z, ("Cast", "z", "i", {"to": TensorProto.INT32}),
          ("Cast", "i", "y", {"to": TensorProto.FLOAT})], {}, "'Cast' to other than floating"),
        ([*FIRST[:1], ("Dropout", "a half on", "r", {}), LAST],
         {"half": np.float32(0.5), "on": np.array(True)}, "'Dropout' that is at work"),
    ],
)  # fmt: skip
def test_what_is_no_layer_of_firmware_is_refused(nodes, numbers, named, tmp_path):
    with pytest.raises(ConfigurationError, match=named):
        own(written(tmp_path / "net.onnx", nodes, numbers)).floating(12, CLASSES)


CONV = ("Conv", "xt kernel b1", "a", {})
GROUPED = np.ones((9, 1, 1))


@pytest.mark.parametrize(
    ("nodes", "numbers", "named"),
    [
        ([TURN, ("Conv", "xt kernel b1", "e", {"group": 3})], {"kernel": GROUPED}, "by groups"),
        ([TURN, ("Conv", "xt kernel b1", "e", {"strides": [2]})], {}, "kernel of 1"),
        ([TURN, ("Conv", "xt kernel b1", "e", {"pads": [1, 1]})], {}, "kernel of 1"),
        ([TURN, ("Conv", "xt kernel x", "e", {})], {}, "kernel of 1 of fixed weights"),
        ([TURN, CONV, ("Unsqueeze", "a first", "e", {})], {"first": np.array([1])}, "'Unsqueeze'"),
        ([TURN, CONV, ("MatMul", "a w4", "e", {})], {"w4": np.ones((ROWS, 8))}, "'MatMul' that is"),
        ([TURN, CONV, ("Transpose", "a", "e", {"perm": [1, 0, 2]})], {}, "does not change"),
        ([TURN, CONV, ("Add", "a c", "e", {})], {"c": NUMBERS["b1"][:ROWS]}, "not one for each"),
        ([TURN, CONV, ("MatMul", "x w5", "u", {}), ("Add", "a u", "e", {})],
         {"w5": np.ones((COLUMNS, ROWS))}, "rows that are turned"),
        ([TURN, CONV, ("ReduceMean", "a", "e", {"axes": [1]})], {}, "not over the constituents"),
        ([TURN, CONV, ("ReduceSum", "a first", "e", {})], {"first": np.array([1])}, "not over the"),
        ([TURN, CONV, ("ReduceSum", "a last", "b", {}), ("Add", "a b", "e", {})],
         {"last": np.array([2])}, "'Add' of a sum over the constituents"),
        ([TURN, CONV, ("Expand", "a n", "e", {})], {"n": np.array([1, 1, 8])}, "than one row"),
        ([TURN, CONV, ("Concat", "a x", "e", {"axis": 1})], {}, "'Concat' that does not join"),
        ([("BatchNormalization", "x c c c c", "z", {}), ("MatMul", "z w6", "e", {})],
         {"w6": np.ones((COLUMNS, 8)), "c": np.ones(ROWS)}, "'BatchNormalization' that is not of"),
        ([("MatMul", "x w6", "e", {})], {"w6": np.ones((COLUMNS, 8))},
         "'GlobalAveragePool' that is not over"),
    ],
)  # fmt: skip
def test_what_is_no_kernel_of_1_of_features_first_is_refused(nodes, numbers, named, tmp_path):
    numbers = {
        name: values if values.dtype == int else values.astype(np.float32)
        for name, values in numbers.items()
    }
    path = written(tmp_path / "net.onnx", [*nodes, *ENDED], numbers, ("jets", ROWS, COLUMNS))
    with pytest.raises(ConfigurationError, match=named):
        own(path).floating(12, CLASSES)


def test_sums_over_any_number_of_constituents_are_refused(tmp_path):
    nodes = [("MatMul", "x w4", "a", {}), ("ReduceSum", "a axis", "p", {"keepdims": 0}),
             ("Gemm", "p w2 b2", "y", {})]  # fmt: skip
    numbers = {"w4": NUMBERS["w1"][:COLUMNS], "axis": np.array([1])}
    path = written(tmp_path / "net.onnx", nodes, numbers, ("jets", "constituents", COLUMNS))
    with pytest.raises(ConfigurationError, match="'ReduceSum' over any number of constituents"):
        own(path).floating(12, CLASSES)


def test_sums_of_other_widths_and_numbers_that_are_none_are_refused(tmp_path):
    one = {"c": np.ones((12, 1), np.float32)}
    nodes = [
        *FIRST,
        ("MatMul", "x c", "z", {}),
        ("Add", "r z", "e", {}),
        ("MatMul", "e w2", "y", {}),
    ]
    with pytest.raises(ConfigurationError, match="adds 8 numbers to 1"):
        own(written(tmp_path / "net.onnx", nodes, one)).floating(12, CLASSES)
    for value in (np.nan, np.inf, -np.inf):
        numbers = {"b1": np.full(8, value, np.float32)}
        with pytest.raises(DataError, match="not finite"):
            own(written(tmp_path / "net.onnx", [*FIRST, LAST], numbers)).floating(12, CLASSES)


def test_features_first_are_refused_and_not_read_as_constituents_first(tmp_path):
    nodes = [("Flatten", "x", "z", {}), ("Gemm", "z w1 b1", "a", {}), FIRST[1], LAST]
    path = written(tmp_path / "net.onnx", nodes, shape=("jets", COLUMNS, ROWS))
    with pytest.raises(ConfigurationError, match=r"takes \(jets, 3, 4\).* are \(jets, 4, 3\)"):
        own(path).floating(12, CLASSES)


def test_weights_beside_the_file_are_part_of_it_and_a_network_is_refused_before_a_run(tmp_path):
    path = written(tmp_path / "net.onnx", [*FIRST, LAST])
    assert data_files(path) == []
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    assert data_files(path) == [tmp_path / "w.bin"]
    section = {"dataset": {"constituents": 4}, "models": {"own": {"file": str(path)}}}
    section["models"]["own"]["features"] = "kinematics"
    require_networks(FirmwareSettings.model_validate(section))
    section["models"]["own"]["features"] = "mass"
    with pytest.raises(ConfigurationError, match=r"takes \(jets, 12\).* are \(jets, 16\)"):
        require_networks(FirmwareSettings.model_validate(section))


def test_other_numbers_of_inputs_and_classes_are_refused(tmp_path):
    path = exported(perceptron(), tmp_path / "net.onnx")
    with pytest.raises(ConfigurationError, match=r"takes \(jets, 4, 3\).* are \(jets, 8, 3\)"):
        own(path).floating(24, CLASSES)
    with pytest.raises(ConfigurationError, match=r"takes 8 numbers to 5.* take 8 to 7"):
        own(path).floating(12, 7)


def test_a_file_that_is_no_network_is_named(tmp_path):
    with pytest.raises(DataError, match=r"net\.onnx: no such file"):
        own(tmp_path / "net.onnx").floating(12, 5)
    (tmp_path / "net.onnx").write_text("nothing")
    with pytest.raises(DataError, match=r"net\.onnx: no network that can be read"):
        own(tmp_path / "net.onnx").floating(12, 5)
