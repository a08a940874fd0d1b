"""The layers of a network in ONNX, as the steps that firmware has."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.firmware.onnx_layers import Graph, Op
from jetchain.firmware.quantise import Array

SUPPORTED = {
    "Gemm, MatMul": "linear layers, of a vector or of every constituent alike",
    "Conv": "with a kernel of 1, of (jets, features, constituents), which a Transpose makes",
    "BatchNormalization": "of a vector or of what a Conv takes or makes",
    "Add, Sub, Mul, Div": "of constants, one for each feature or one for all",
    "Relu": "behind them",
    "Add": "of two tensors of equal shape, or of each constituent and one row",
    "Concat": "of features, in front of a linear layer, a Relu or a mean or sum over constituents",
    "ReduceMean, GlobalAveragePool, ReduceSum": "over all constituents",
    "Flatten, Reshape, Squeeze": "of the inputs, or of one row",
    "Expand": "of one row to as many as there are constituents, beside them",
    "Unsqueeze": "in front of a mean over the constituents, as AdaptiveAvgPool1d is written",
    "Identity, Dropout, Cast": "which change nothing when it runs",
    "Softmax, LogSoftmax": "as the last layer; the logits are the outputs",
}
"""Kinds of nodes, and where they may stand."""

ALIKE = "Identity", "Dropout", "Cast"
SIZED = "Reshape", "Expand"
BY_PART = {
    *ALIKE, "Relu", "ReduceMean", "ReduceSum", "GlobalAveragePool", "Flatten", "Reshape", "Squeeze",
    "Unsqueeze", "Transpose",
}  # fmt: skip
ROWS, ROW, VECTOR = "rows", "row", "vector"


class Reader:
    def __init__(self, path: Path, model: Any) -> None:
        from onnx import numpy_helper

        self.path, self.model, self.graph = path, model, model.graph
        self.constants: dict[str, np.ndarray] = {
            each.name: numpy_helper.to_array(each) for each in self.graph.initializer
        }
        self.sizes: set[str] = set()  # of tensors: what a Reshape is told
        self.kinds: dict[str, str] = {}
        self.same: dict[str, str] = {}  # tensors that are others by another name
        self.turned: set[str] = set()  # (jets, features, constituents) in the file
        self.wide: set[str] = set()  # of these, (jets, features, 1, constituents)
        self.parts: dict[str, list[str]] = {}  # of tensors joined by a Concat
        self.width: dict[str, int | None] = {}  # features; None where the file does not say
        self.factor: dict[str, float] = {}  # of the file's tensors over ours: sums over means
        self.rows: int | None = None
        self.ops: list[Op] = []
        self.weights: dict[str, Array] = {}
        self.biases: dict[str, Array] = {}
        self.made_by: dict[str, list[str]] = {}  # of tensors that linear layers, summed, give
        self.nodes = self._needed()
        self.logits = self.graph.output[0].name if self.graph.output else ""

    def _needed(self) -> list[Any]:
        """The nodes that the output comes from."""
        wanted, nodes = {each.name for each in self.graph.output}, []
        for node in reversed(self.graph.node):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                nodes.append(node)
        return nodes[::-1]

    def read(self) -> Graph:
        inputs = [each for each in self.graph.input if each.name not in self.constants]
        if len(inputs) != 1 or len(self.graph.output) != 1:
            raise self.refused(f"{len(inputs)} inputs and {len(self.graph.output)} outputs")
        source = inputs[0].name
        axes = inputs[0].type.tensor_type.shape.dim
        if len(axes) not in (2, 3):
            raise self.refused(f"inputs of {len(axes)} axes")
        by_row = len(axes) == 3 and not self._flattened(source)
        self.kinds[source] = ROWS if by_row else VECTOR
        sizes = [axis.dim_value or None for axis in axes[1:]]
        self.rows = sizes[0] if by_row else None
        every = None if None in sizes else math.prod(size or 0 for size in sizes)
        self.width[source] = sizes[-1] if by_row else every
        self.factor[source] = 1.0
        for node in self.nodes:
            self._node(node)
        last = self._named(self.graph.output[0].name)
        if last not in self.made_by or self.ops[-1].output != last:
            raise self.refused("a last layer that is not linear")
        if self.kinds[last] != VECTOR:
            raise self.refused("outputs by constituent")
        for values in (*self.weights.values(), *self.biases.values()):
            if not np.all(np.abs(values) < np.finfo(np.float32).max):
                raise DataError(
                    f"{self.path}: a weight or bias is not finite, or beyond float32.",
                    "Train the network again, and write its file anew.",
                )
        shape = tuple(axis.dim_value or None for axis in axes)
        return Graph(
            self.path, source, by_row, tuple(self.ops), self.weights, self.biases, shape,
            inputs[0].type.tensor_type.elem_type, self.model, self.logits,
            tuple(self.made_by[last]),
        )  # fmt: skip

    def _flattened(self, source: str) -> bool:
        """Whether the inputs become one vector before all else."""
        names, first = {source}, []
        for node in self.nodes:
            if names.intersection(node.input):
                if node.op_type in ALIKE:
                    names.update(node.output)
                else:
                    first.append(node.op_type)
        return {*first} - {"Shape"} <= {"Flatten", "Reshape"}

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
        kind, inputs = node.op_type, [name for name in node.input if name]
        handler = {
            "Gemm": self._linear, "MatMul": self._linear, "Add": self._add, "Relu": self._relu,
            "ReduceMean": self._mean, "ReduceSum": self._mean, "Flatten": self._flat,
            "Reshape": self._flat, "Squeeze": self._flat, "Softmax": self._end,
            "LogSoftmax": self._end, "BatchNormalization": self._normalised,
            "Transpose": self._turn, "Conv": self._conv, "GlobalAveragePool": self._pool,
            "Unsqueeze": self._widen, "Concat": self._join, "Expand": self._expand,
            **dict.fromkeys(("Sub", "Mul", "Div"), self._of_constants),
            **dict.fromkeys(ALIKE, self._nothing),
        }.get(kind)  # fmt: skip
        if all(name in self.constants for name in inputs):
            self._constant(node)
        elif kind == "Shape" or all(
            name in self.constants or name in self.sizes for name in inputs
        ):
            self.sizes.update(node.output)
        elif handler is None or (self.sizes.intersection(inputs) and kind not in SIZED):
            raise self.refused(f"a layer '{kind}'{f' ({node.name})' if node.name else ''}")
        elif kind in BY_PART and self._named(inputs[0]) in self.parts:
            self._by_part(node, handler)
        else:
            handler(node)

    def _by_part(self, node: Any, handler: Any) -> None:
        """A node of joined tensors is one of each of them."""
        output, made = node.output[0], []
        for number, part in enumerate(self.parts[self._named(node.input[0])]):
            each = copy.deepcopy(node)
            each.input[0], each.output[0] = part, f"{output} {number}"
            handler(each)
            made.append(each.output[0])
        self._joined(output, made)

    def _join(self, node: Any) -> None:
        """The last axis of features, or the one in the middle where they stand there."""
        first, *others = node.input
        kind, turned = self.kinds.get(self._named(first)), first in self.turned
        axis = next(each.i for each in node.attribute if each.name == "axis")
        alike = all(
            (self.kinds.get(self._named(name), VECTOR) == VECTOR) == (kind == VECTOR)
            and (name in self.turned) == turned
            for name in others
        )
        wanted = (1, -2) if turned else (1, -1) if kind == VECTOR else (2, -1)
        known = all(self._named(name) in self.kinds for name in node.input)
        if not known or not alike or axis not in wanted:
            raise self.refused("a 'Concat' that does not join features of equally many rows")
        self._joined(
            node.output[0],
            [part for name in node.input for part in self.parts.get(self._named(name), [name])],
        )

    def _joined(self, output: str, parts: list[str]) -> None:
        """A tensor of the features of others."""
        self.parts[output] = parts
        kinds = [self.kinds[self._named(part)] for part in parts]
        self.kinds[output] = ROWS if ROWS in kinds else kinds[0]
        if parts[0] in self.turned:
            self.turned.add(output)

    def _constant(self, node: Any) -> None:
        """What a node makes of constants."""
        from onnx import TypeProto, helper
        from onnx.reference import ReferenceEvaluator

        outputs = [helper.make_value_info(name, TypeProto()) for name in node.output]
        graph = helper.make_graph([node], "constant", [], outputs)
        model = helper.make_model(graph, opset_imports=self.model.opset_import)
        try:
            found: Any = ReferenceEvaluator(model).run(
                None, {name: self.constants[name] for name in node.input if name}
            )
        except Exception as error:
            raise self.refused(f"a layer '{node.op_type}' of constants") from error
        self.constants.update(zip(node.output, found, strict=True))

    def _linear(self, node: Any) -> None:
        options = {each.name: each for each in node.attribute}
        x, name, *more = node.input
        bias = more[0] if more else ""
        weight = self.constants.get(name, np.zeros(0))
        turned = ("transA" in options and options["transA"].i) or x in self.turned
        if (bias and bias not in self.constants) or weight.ndim != 2 or not weight.size or turned:
            raise self.refused(f"a layer '{node.op_type}' that is no linear layer of fixed weights")
        weight = np.asarray(weight, np.float64)
        if not ("transB" in options and options["transB"].i):
            weight = weight.T
        alpha, beta = (options[key].f if key in options else 1.0 for key in ("alpha", "beta"))
        self._layer(node, x, alpha * weight, beta * self.constants[bias] if bias else None)

    def _conv(self, node: Any) -> None:
        """A kernel of 1 is a linear layer of every constituent alike."""
        x, name, *more = node.input
        bias = more[0] if more else ""
        weight = self.constants.get(name, np.zeros(0))
        options = {each.name: [*each.ints] for each in node.attribute}
        moved = any(options.get("pads", [])) or options.get("strides", [1]) != [1]
        if (bias and bias not in self.constants) or weight.shape[2:] != (1,) or moved:
            raise self.refused("a 'Conv' that is no kernel of 1 of fixed weights")
        if self.kinds[self._named(x)] == VECTOR or x not in self.turned:
            raise self.refused("a 'Conv' of other than (jets, features, constituents)")
        if any(each.name == "group" and each.i != 1 for each in node.attribute):
            raise self.refused("a 'Conv' by groups")
        self._layer(node, x, weight[:, :, 0], self.constants[bias] if bias else None)

    def _layer(
        self, node: Any, x: str, weight: np.ndarray, bias: np.ndarray | float | None
    ) -> None:
        """A linear layer, weights (outputs, inputs); of joined tensors one of each, and the sum."""
        parts, output = self.parts.get(self._named(x), [x]), node.output[0]
        widths = [self._width(part) or 0 for part in parts]
        if len(parts) > 1 and (not all(widths) or sum(widths) != weight.shape[1]):
            raise self.refused(f"a layer '{node.op_type}' of other than the features joined")
        of_bias = np.asarray(0.0 if bias is None else bias, np.float64)
        if of_bias.size not in (1, len(weight)) or of_bias.size != (*of_bias.shape, 1)[-2:][0]:
            raise self.refused(f"a layer '{node.op_type}' whose bias is not one for each output")
        made, layers = "", []
        for number, columns in enumerate(np.split(weight, np.cumsum(widths)[:-1], axis=1)):
            layer, last = f"own{len(self.weights)}", number == len(parts) - 1
            part, name = parts[number], output if len(parts) == 1 else f"{output} part {number}"
            self.weights[layer] = self.factor[self._named(part)] * columns.astype(np.float64)
            self.biases[layer] = np.zeros(len(weight)) + (0.0 if number else of_bias.ravel())
            self._step("linear", [part], name, layer)
            if made:
                name, one = output if last else f"{output} sum {number}", name
                self._step("add", [made, one], name)
            made = name
            layers.append(layer)
        self.made_by[output] = layers

    def _width(self, x: str) -> int | None:
        """Features of a tensor; None where the file does not say."""
        parts = self.parts.get(self._named(x), [x])
        widths = [self.width[self._named(name)] for name in parts]
        return None if None in widths else sum(width or 0 for width in widths)

    def _add(self, node: Any) -> None:
        first, two = (name for name in node.input)
        if {first, two} & self.constants.keys():
            self._of_constants(node)
            return
        if {self._named(first), self._named(two)} & self.parts.keys():
            raise self.refused("an 'Add' of joined tensors")
        vectors = [self.kinds[self._named(name)] == VECTOR for name in (first, two)]
        if vectors[0] != vectors[1]:
            raise self.refused("an 'Add' of a vector and of rows")
        if not vectors[0] and (first in self.turned) != (two in self.turned):
            raise self.refused("an 'Add' of rows and of rows that are turned")
        self._step("add", [first, two], node.output[0])

    def _of_constants(self, node: Any) -> None:
        """Add, Sub, Mul, Div of a tensor and of constants."""
        (first, two), kind = (name for name in node.input), node.op_type
        swapped = first in self.constants
        x, name = (two, first) if swapped else (first, two)
        if name not in self.constants or (kind == "Div" and swapped):
            raise self.refused(f"a '{kind}' of other than a tensor and constants")
        values = self.constants[name].astype(np.float64)
        if x in self.turned:  # (features, 1), one number for all constituents
            values = values.swapaxes(-1, -2) if values.ndim > 1 else values.reshape(-1, 1)
        width = self._width(x)
        if width is None:
            raise self.refused(f"a '{kind}' of inputs of any size and of constants")
        if values.size not in (1, width) or values.size != (*values.shape, 1)[values.ndim - 1]:
            raise self.refused(f"a '{kind}' of constants that are not one for each feature")
        values = values.ravel()
        if kind == "Div" and not np.all(values):
            raise self.refused("a 'Div' by zero")
        scale, shift = {
            "Add": (1.0, values), "Sub": (-1.0, values) if swapped else (1.0, -values),
            "Mul": (values, 0.0), "Div": (1.0 / values if kind == "Div" else 1.0, 0.0),
        }[kind]  # fmt: skip
        self._affine(node, x, scale, shift)

    def _affine(self, node: Any, x: str, scale: Any, shift: Any) -> None:
        """Scale and shift features: in the linear layer in front, else in a layer of their own."""
        name = self._named(x)
        seen = sum(name in map(self._named, each.input) for each in self.nodes)
        if name in self.made_by and seen == 1:
            for number, layer in enumerate(self.made_by[name]):
                self.weights[layer] = np.reshape(scale, (-1, 1)) * self.weights[layer]
                self.biases[layer] = scale * self.biases[layer] + (0.0 if number else shift)
            self._alias(node, x)
            return
        width = self._width(x)
        if width is None:
            raise self.refused(f"a '{node.op_type}' of inputs of any size")
        self._layer(node, x, np.diag(np.broadcast_to(scale, width)), np.broadcast_to(shift, width))

    def _normalised(self, node: Any) -> None:
        x, *names = node.input
        numbers = [self.constants.get(n) for n in names]
        by_feature = self.kinds[self._named(x)] == VECTOR or x in self.turned
        if not by_feature or any(each is None for each in numbers):
            raise self.refused("a 'BatchNormalization' that is not of features, by constants")
        scale, shift, mean, variance = (np.asarray(each, np.float64) for each in numbers)
        epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        if self._width(x) not in (None, len(factor)):
            raise self.refused("a 'BatchNormalization' of other than all features")
        self._affine(node, x, factor, shift - factor * mean)

    def _relu(self, node: Any) -> None:
        self._step("relu", node.input, node.output[0])

    def _mean(self, node: Any) -> None:
        options = {each.name: each for each in node.attribute}
        axes = options["axes"].ints if "axes" in options else []
        if len(node.input) > 1 and node.input[1]:
            axes = self.constants.get(node.input[1], np.zeros(0)).ravel()
        x = node.input[0]
        of_all, wanted = (4, [2, 3]) if x in self.wide else (3, [2 if x in self.turned else 1])
        if sorted(int(axis) % of_all for axis in axes) != wanted:
            raise self.refused(f"a '{node.op_type}' that is not over the constituents")
        self._pool(node, kept=not ("keepdims" in options and not options["keepdims"].i))

    def _pool(self, node: Any, kept: bool = True) -> None:
        """The mean over the constituents, as one row if it is kept; a sum is so many of it."""
        x, output = node.input[0], node.output[0]
        features_last = node.op_type == "GlobalAveragePool" and x not in self.turned
        if self.kinds[self._named(x)] != ROWS or features_last:
            raise self.refused(f"a '{node.op_type}' that is not over the constituents")
        mean = output if kept else f"{output} "
        self._step("mean", [x], mean)
        if node.op_type == "ReduceSum":
            if self.rows is None:
                raise self.refused("a 'ReduceSum' over any number of constituents")
            self.factor[mean] *= self.rows
        if not kept:
            self._step("flat", [mean], output)

    def _flat(self, node: Any) -> None:
        x = self._named(node.input[0])
        if self.kinds[x] == VECTOR:
            self._alias(node)
        elif self.kinds[x] == ROW:
            self._step("flat", [node.input[0]], node.output[0])
        else:
            raise self.refused(f"a '{node.op_type}' of several constituents behind a layer")

    def _turn(self, node: Any) -> None:
        """(jets, constituents, features) to (jets, features, constituents), or back."""
        x = node.input[0]
        order = [list(each.ints) for each in node.attribute if each.name == "perm"]
        if self.kinds[self._named(x)] == VECTOR or order != [[0, 2, 1]]:
            raise self.refused("a 'Transpose' that does not change constituents and features")
        self.same[node.output[0]] = self._named(x)
        if x not in self.turned:
            self.turned.add(node.output[0])

    def _widen(self, node: Any) -> None:
        """An axis more, as PyTorch's mean over constituents has it; or the row of a vector."""
        x, *given = node.input
        axes = [self.constants.get(name, np.zeros(0)).ravel().tolist() for name in given]
        made = next((op for op in self.ops if op.output == self._named(x)), None)
        if made is not None and made.kind == "flat" and axes in ([[1]], [[-2]]):
            self.same[node.output[0]] = made.inputs[0]
            return
        if x not in self.turned or axes not in ([[2]], [[-2]]):
            raise self.refused("an 'Unsqueeze' that is not in front of a mean over constituents")
        self._alias(node)
        self.wide.add(node.output[0])

    def _nothing(self, node: Any) -> None:
        """What changes nothing when it runs."""
        from onnx import TensorProto

        kinds = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
        if any(each.name == "to" and each.i not in kinds for each in node.attribute):
            raise self.refused("a 'Cast' to other than floating point")
        if len(node.input) > 2 and np.any(self.constants.get(node.input[2], True)):
            raise self.refused("a 'Dropout' that is at work")
        self._alias(node)

    def _expand(self, node: Any) -> None:
        """One row for each constituent is the row still: what takes it beside rows repeats it."""
        if self.kinds[self._named(node.input[0])] != ROW:
            raise self.refused("an 'Expand' of other than one row")
        self._alias(node)

    def _alias(self, node: Any, first: str = "") -> None:
        """The output is the first input, or another one."""
        x = first or node.input[0]
        self.same[node.output[0]] = self._named(x)
        if x in self.turned:
            self.turned.add(node.output[0])

    def _end(self, node: Any) -> None:
        axes = [each.i for each in node.attribute if each.name == "axis"]
        if node.output[0] != self.graph.output[0].name or axes not in ([], [1], [-1]):
            raise self.refused(f"a '{node.op_type}' that is not the last layer, over the classes")
        self.logits = node.input[0]
        self._alias(node)

    def _step(self, kind: str, inputs: Sequence[str], output: str, layer: str = "") -> None:
        """A step of some tensors to another."""
        named = tuple(sorted(map(self._named, inputs), key=lambda each: self.kinds[each] != ROWS))
        before, factors = [self.kinds[name] for name in named], {self.factor[n] for n in named}
        if len(factors) > 1 and kind == "add":
            raise self.refused("an 'Add' of a sum over the constituents and of something else")
        after = {"mean": ROW, "flat": VECTOR}.get(kind, ROWS if ROWS in before else before[0])
        self.kinds[output] = after
        if after != VECTOR and inputs[0] in self.turned:
            self.turned.add(output)
        linear = kind == "linear"
        self.factor[output] = 1.0 if linear else factors.pop()
        self.width[output] = len(self.weights[layer]) if linear else self.width[named[0]]
        self.ops.append(Op(kind, named, output, layer))
