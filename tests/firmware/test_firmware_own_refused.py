"""Networks of the user's own that firmware cannot be: each is named with the reason."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from torch import nn

from helpers.own_networks import (
    CLASSES,
    COLUMNS,
    ENDED,
    FIRST,
    LAST,
    NUMBERS,
    ROWS,
    TO_Z,
    TURN,
    exported,
    own,
    perceptron,
    written,
)
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.firmware.onnx_graph import data_files, require_networks
from jetchain.firmware.onnx_layers import Graph
from jetchain.firmware.onnx_reader import SUPPORTED
from jetchain.firmware.settings import FirmwareSettings


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


def test_a_graph_knows_whether_something_in_it_is_of_16_bits(tmp_path):
    halves = [("Cast", "x", "h", {"to": TensorProto.FLOAT16}),
              ("Cast", "h", "z", {"to": TensorProto.FLOAT}), ("Gemm", "z w1 b1", "a", {}), FIRST[1],
              LAST]  # fmt: skip
    for nodes, coarse in (([*FIRST, LAST], False), (halves, True)):
        graph = own(written(tmp_path / "net.onnx", nodes)).graph
        assert isinstance(graph, Graph)
        assert graph.coarse == coarse
