"""A network that somebody else made, read from ONNX or PyTorch as the layers that firmware has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.firmware.quantise import Array

SUPPORTED = {
    "Gemm, MatMul": "linear layers, of a vector or of every constituent alike, with a bias (Add)",
    "Relu": "behind them",
    "Add": "of two tensors of equal shape, or of each constituent and one row",
    "ReduceMean": "over all constituents, (jets, constituents, features)",
    "Flatten, Reshape, Squeeze": "of the inputs, or of one row",
    "Identity, Dropout, Cast": "which change nothing when it runs",
    "Softmax, LogSoftmax": "as the last layer; the logits are the outputs",
}
"""Kinds of nodes, and where they may stand."""

MADE, TEXT = ".pt2", ".onnxtxt"  # a program of torch.export; ONNX to read; all else is ONNX
ROWS, ROW, VECTOR = "rows", "row", "vector"


@dataclass(frozen=True)
class Op:
    """One step: ``linear``, ``relu``, ``mean``, ``add``, or ``flat``; names of tensors."""

    kind: str
    inputs: tuple[str, ...]
    output: str
    layer: str = ""


@dataclass(frozen=True)
class Graph:
    """A network as steps of a `flow.Carrier`.

    Attributes:
        source: name of the input.
        by_row: whether it takes (jets, constituents, features), and not one vector.
        ops: in their order; the last one gives the logits.
        weights, biases: of each layer: (outputs, inputs) and (outputs,).
    """

    source: str
    by_row: bool
    ops: tuple[Op, ...]
    weights: dict[str, Array]
    biases: dict[str, Array]


def read_graph(path: Path) -> Graph:
    """The graph of a file.

    Args:
        path: ``.onnx``, or the text of ONNX as ``.onnxtxt``; or ``.pt2``, what torch.export.save
            writes.

    Raises:
        DataError: it cannot be read.
        ConfigurationError: it has a layer that firmware does not have here.
    """
    import onnx

    if not path.is_file():
        raise DataError(f"{path}: no such file.", "Correct the file of the design.")
    try:
        model = _model(path)
        onnx.checker.check_model(model)
    except Exception as error:
        raise DataError(
            f"{path}: no network that can be read ({type(error).__name__}: {error}).",
            "Write it with torch.onnx.export, or with torch.export.save as .pt2.",
        ) from error
    return _Reader(path, model.graph).read()


def _model(path: Path) -> Any:
    """The ONNX model of a file; a program of torch.export becomes one."""
    import onnx.parser

    if path.suffix == TEXT:
        return onnx.parser.parse_model(path.read_text(encoding="utf-8"))
    if path.suffix != MADE:
        return onnx.load(path)
    import torch

    program = torch.onnx.export(torch.export.load(path), dynamo=True, verbose=False)
    assert program is not None
    return program.model_proto


class _Reader:
    def __init__(self, path: Path, graph: Any) -> None:
        from onnx import numpy_helper

        self.path, self.graph = path, graph
        self.constants: dict[str, np.ndarray] = {
            each.name: numpy_helper.to_array(each) for each in graph.initializer
        }
        self.kinds: dict[str, str] = {}
        self.same: dict[str, str] = {}  # tensors that are others by another name
        self.ops: list[Op] = []
        self.weights: dict[str, Array] = {}
        self.biases: dict[str, Array] = {}

    def read(self) -> Graph:
        inputs = [each for each in self.graph.input if each.name not in self.constants]
        if len(inputs) != 1 or len(self.graph.output) != 1:
            raise self.refused(f"{len(inputs)} inputs and {len(self.graph.output)} outputs")
        source = inputs[0].name
        rank = len(inputs[0].type.tensor_type.shape.dim)
        if rank not in (2, 3):
            raise self.refused(f"inputs of {rank} axes")
        first = [node for node in self.graph.node if source in node.input]
        flattened = all(node.op_type in ("Flatten", "Reshape") for node in first)
        by_row = rank == 3 and not flattened
        self.kinds[source] = ROWS if by_row else VECTOR
        for node in self.graph.node:
            self._node(node)
        last = self._named(self.graph.output[0].name)
        if not self.ops or self.ops[-1].output != last or self.ops[-1].kind != "linear":
            raise self.refused("a last layer that is not linear")
        if self.kinds[last] != VECTOR:
            raise self.refused("outputs by constituent")
        return Graph(source, by_row, tuple(self.ops), self.weights, self.biases)

    def refused(self, what: str) -> ConfigurationError:
        listed = "; ".join(f"{names} ({where})" for names, where in SUPPORTED.items())
        return ConfigurationError(
            f"{self.path}: the network has {what}, for which there is no firmware here.",
            f"Use these alone: {listed}.",
        )

    def _named(self, name: str) -> str:
        while name in self.same:
            name = self.same[name]
        return name

    def _node(self, node: Any) -> None:
        kind = node.op_type
        handler = {
            "Gemm": self._linear, "MatMul": self._linear, "Add": self._add, "Relu": self._relu,
            "ReduceMean": self._mean, "Flatten": self._flat,
            "Reshape": self._flat, "Squeeze": self._flat, "Identity": self._alias,
            "Dropout": self._alias, "Cast": self._alias, "Softmax": self._end,
            "LogSoftmax": self._end, "Constant": self._constant,
        }.get(kind)  # fmt: skip
        if handler is None:
            raise self.refused(f"a layer '{kind}'{f' ({node.name})' if node.name else ''}")
        if kind != "Constant" and all(name in self.constants for name in node.input if name):
            raise self.refused(f"a layer '{kind}' of constants")
        handler(node)

    def _constant(self, node: Any) -> None:
        from onnx import numpy_helper

        values = [each for each in node.attribute if each.name == "value"]
        if not values:
            raise self.refused("a constant that is no tensor")
        self.constants[node.output[0]] = numpy_helper.to_array(values[0].t)

    def _linear(self, node: Any) -> None:
        options = {each.name: each for each in node.attribute}
        x, name, *more = node.input
        factors = {options[key].f for key in ("alpha", "beta") if key in options}
        turned = "transA" in options and options["transA"].i
        if (
            name not in self.constants
            or self.constants[name].ndim != 2
            or factors - {1.0}
            or turned
        ):
            raise self.refused(f"a layer '{node.op_type}' that is no linear layer of fixed weights")
        weight = np.asarray(self.constants[name], np.float64)
        if not ("transB" in options and options["transB"].i):
            weight = weight.T
        bias = np.zeros(len(weight))
        if more and more[0]:
            bias = np.broadcast_to(self.constants[more[0]], bias.shape).astype(np.float64)
        layer = f"own{len(self.weights)}"
        self.weights[layer], self.biases[layer] = weight, bias
        self._step("linear", (self._named(x),), node.output[0], layer)

    def _add(self, node: Any) -> None:
        one, two = (name for name in node.input)
        if one in self.constants:
            one, two = two, one
        one = self._named(one)
        if two in self.constants:
            made = next((op for op in self.ops if op.output == one), None)
            values = self.constants[two]
            others = sum(one in (*map(self._named, each.input),) for each in self.graph.node)
            fits = made is not None and made.kind == "linear"
            if made is None or not fits or values.ndim > 1 or others > 1:
                raise self.refused("an 'Add' of constants that is no bias of a linear layer")
            self.biases[made.layer] = self.biases[made.layer] + values
            self.same[node.output[0]] = one
            return
        two = self._named(two)
        kinds = {self.kinds[one], self.kinds[two]}
        if VECTOR in kinds:
            raise self.refused("an 'Add' of vectors")
        self._step("add", (one, two), node.output[0])

    def _relu(self, node: Any) -> None:
        self._step("relu", (self._named(node.input[0]),), node.output[0])

    def _mean(self, node: Any) -> None:
        options = {each.name: each for each in node.attribute}
        x = self._named(node.input[0])
        axes = options["axes"].ints if "axes" in options else []
        if len(node.input) > 1 and node.input[1]:
            axes = self.constants[node.input[1]].ravel()
        if self.kinds[x] != ROWS or [int(axis) for axis in axes] not in ([1], [-2]):
            raise self.refused(f"a '{node.op_type}' that is no mean over the constituents")
        output = node.output[0]
        if "keepdims" in options and not options["keepdims"].i:
            row = f"{output} "
            self._step("mean", (x,), row)
            self._step("flat", (row,), output)
        else:
            self._step("mean", (x,), output)

    def _flat(self, node: Any) -> None:
        x = self._named(node.input[0])
        if self.kinds[x] == VECTOR:
            self._alias(node)
        elif self.kinds[x] == ROW:
            self._step("flat", (x,), node.output[0])
        else:
            raise self.refused(f"a '{node.op_type}' of several constituents behind a layer")

    def _alias(self, node: Any) -> None:
        self.same[node.output[0]] = self._named(node.input[0])

    def _end(self, node: Any) -> None:
        if node.output[0] != self.graph.output[0].name:
            raise self.refused(f"a '{node.op_type}' that is not the last layer")
        self._alias(node)

    def _step(self, kind: str, inputs: tuple[str, ...], output: str, layer: str = "") -> None:
        before = [self.kinds[name] for name in inputs]
        after = {"mean": ROW, "flat": VECTOR}.get(kind, ROWS if ROWS in before else before[0])
        self.kinds[output] = after
        self.ops.append(Op(kind, inputs, output, layer))
