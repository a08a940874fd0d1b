"""A network of the user's own: what is read is what the file computes; what cannot be is named."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from helpers.own_networks import (
    CLASSES,
    COLUMNS,
    ENDED,
    FIRST,
    LAST,
    NUMBERS,
    RANDOM,
    ROWS,
    TURN,
    Context,
    Convolved,
    Flattened,
    Joined,
    Sets,
    exported,
    own,
    perceptron,
    pooled,
    turned,
    written,
)
from jetchain.core.io.tensors import write_weights
from jetchain.core.resources import RESOURCES
from jetchain.firmware import simulate
from jetchain.firmware.design import build, read_fixed
from jetchain.firmware.design_settings import DeviceSettings, FixedPointSettings, FormatSettings
from jetchain.firmware.designs.own import EXAMPLE
from jetchain.firmware.hls import Layers
from jetchain.firmware.quantise import Format, quantise
from jetchain.firmware.synthesise import trace


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
