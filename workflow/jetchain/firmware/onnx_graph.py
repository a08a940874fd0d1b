"""A network that somebody else made, read from ONNX or PyTorch as the layers that firmware has."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.firmware.quantise import Array
from jetchain.firmware.settings import FirmwareSettings

SUPPORTED = {
    "Gemm, MatMul": "linear layers, of a vector or of every constituent alike, with a bias (Add)",
    "Conv": "with a kernel of 1, of (jets, features, constituents), which a Transpose makes",
    "BatchNormalization": "right behind a linear layer of a vector or a Conv, which takes it in",
    "Relu": "behind them",
    "Add": "of two tensors of equal shape, or of each constituent and one row, or of a bias",
    "ReduceMean, GlobalAveragePool": "over all constituents",
    "Flatten, Reshape, Squeeze": "of the inputs, or of one row",
    "Unsqueeze": "in front of a mean over the constituents, as AdaptiveAvgPool1d is written",
    "Identity, Dropout, Cast": "which change nothing when it runs",
    "Softmax, LogSoftmax": "as the last layer; the logits are the outputs",
}
"""Kinds of nodes, and where they may stand."""

ALIKE = "Identity", "Dropout", "Cast"
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
        path: of the file.
        source: name of the input.
        by_row: whether it takes (jets, constituents, features), and not one vector.
        ops: in their order; the last one gives the logits.
        weights, biases: of each layer: (outputs, inputs) and (outputs,).
        shape: of the input as the file declares it, the jets first; None: any size.
        number: ONNX's kind of its numbers.
        model: what was read, in ONNX.
        logits: name of the tensor that the last step gives.
    """

    path: Path
    source: str
    by_row: bool
    ops: tuple[Op, ...]
    weights: dict[str, Array]
    biases: dict[str, Array]
    shape: tuple[int | None, ...]
    number: int
    model: Any
    logits: str

    def computed(self, x: NDArray[np.float32]) -> Array:
        """The logits that ONNX Runtime finds for the file.

        Args:
            x: (jets, constituents, features) or (jets, inputs), as many axes as `shape`.

        Raises:
            DataError: it cannot run the file.
        """
        import onnxruntime
        from onnx import helper

        model = copy.deepcopy(self.model)
        model.graph.output.append(helper.make_empty_tensor_value_info(self.logits))
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 3, 1  # errors alone
        try:
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            kind = helper.tensor_dtype_to_np_dtype(self.number)
            *_, found = session.run(None, {self.source: x.astype(kind)})
        except Exception as error:
            raise DataError(
                f"{self.path}: ONNX Runtime cannot run it ({type(error).__name__}: {error}).",
                "Write it with torch.onnx.export from a network in float32.",
            ) from error
        return np.asarray(found, np.float64)


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
    return _Reader(path, model).read()


def data_files(path: Path) -> list[Path]:
    """The files beside an ONNX file in which its weights are; none where it cannot be read."""
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    if path.suffix in (MADE, TEXT):
        return []
    try:
        tensors = onnx.load(path, load_external_data=False).graph.initializer
    except Exception:  # the job says what is wrong
        return []
    names = {ExternalDataInfo(each).location for each in tensors if uses_external_data(each)}
    return [path.parent / name for name in sorted(names)]


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


def require_networks(settings: FirmwareSettings) -> None:
    """Refuse a network of the user's before anything runs; see `designs.own.Own.floating`."""
    for name, section in settings.models:
        if getattr(section, "file", None):
            from jetchain.firmware.design import build  # torch, which takes seconds

            rows = section.constituents or settings.dataset.constituents
            build(name, section).floating(rows * section.columns, len(settings.dataset.classes))


class _Reader:
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
        self.ops: list[Op] = []
        self.weights: dict[str, Array] = {}
        self.biases: dict[str, Array] = {}
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
        for node in self.nodes:
            self._node(node)
        last = self._named(self.graph.output[0].name)
        if not self.ops or self.ops[-1].output != last or self.ops[-1].kind != "linear":
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
            "ReduceMean": self._mean, "Flatten": self._flat, "Reshape": self._flat,
            "Squeeze": self._flat, "Softmax": self._end, "LogSoftmax": self._end,
            "BatchNormalization": self._normalised, "Transpose": self._turn, "Conv": self._conv,
            "GlobalAveragePool": self._pool, "Unsqueeze": self._widen,
            **dict.fromkeys(ALIKE, self._alias),
        }.get(kind)  # fmt: skip
        if all(name in self.constants for name in inputs):
            self._constant(node)
        elif kind == "Shape" or all(
            name in self.constants or name in self.sizes for name in inputs
        ):
            self.sizes.update(node.output)
        elif handler is None or (self.sizes.intersection(inputs) and kind != "Reshape"):
            raise self.refused(f"a layer '{kind}'{f' ({node.name})' if node.name else ''}")
        else:
            handler(node)

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
        self._layer(node, alpha * weight, beta * self.constants[bias] if bias else None)

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
        self._layer(node, weight[:, :, 0], self.constants[bias] if bias else None)

    def _layer(self, node: Any, weight: np.ndarray, bias: np.ndarray | None) -> None:
        """A linear layer of the first input: weights (outputs, inputs)."""
        layer = f"own{len(self.weights)}"
        self.weights[layer] = np.asarray(weight, np.float64)
        self.biases[layer] = np.zeros(len(weight))
        if bias is not None:
            self._bias(layer, bias.astype(np.float64))
        self._step("linear", node, layer)

    def _bias(self, layer: str, values: np.ndarray) -> None:
        """Add (outputs,), or one number, with any axes of 1 before, to the bias of a layer."""
        wide = len(self.biases[layer])
        if values.size not in (1, wide) or values.size != (*values.shape, 1)[values.ndim - 1]:
            raise self.refused("an 'Add' of constants that is no bias of a linear layer")
        self.biases[layer] = self.biases[layer] + values.ravel()

    def _add(self, node: Any) -> None:
        first, two = (name for name in node.input)
        if first in self.constants:
            first, two = two, first
        if two in self.constants:
            layer = self._layer_of(self._named(first))
            if layer is None:
                raise self.refused("an 'Add' of constants that is no bias of a linear layer")
            values = self.constants[two].astype(np.float64)
            if first in self.turned:  # (features, 1), one number for all constituents
                values = values.swapaxes(-1, -2) if values.ndim > 1 else values.reshape(-1, 1)
            self._bias(layer, values)
            self._alias(node, first)
            return
        vectors = [self.kinds[self._named(name)] == VECTOR for name in (first, two)]
        if vectors[0] != vectors[1]:
            raise self.refused("an 'Add' of a vector and of rows")
        if not vectors[0] and (first in self.turned) != (two in self.turned):
            raise self.refused("an 'Add' of rows and of rows that are turned")
        self._step("add", node)

    def _layer_of(self, name: str) -> str | None:
        """The linear layer of which this is the output, if no other node sees it."""
        made = next((op for op in self.ops if op.output == name), None)
        seen = sum(name in map(self._named, each.input) for each in self.nodes)
        return made.layer if made is not None and made.kind == "linear" and seen == 1 else None

    def _normalised(self, node: Any) -> None:
        x, *names = node.input
        layer, numbers = self._layer_of(self._named(x)), [self.constants.get(n) for n in names]
        by_feature = self.kinds[self._named(x)] == VECTOR or x in self.turned
        if layer is None or not by_feature or any(each is None for each in numbers):
            raise self.refused("a 'BatchNormalization' that is not right behind a linear layer")
        scale, shift, mean, variance = (np.asarray(each, np.float64) for each in numbers)
        epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
        factor = scale / np.sqrt(variance + epsilon)
        self.weights[layer] = factor[:, None] * self.weights[layer]
        self.biases[layer] = factor * (self.biases[layer] - mean) + shift
        self._alias(node)

    def _relu(self, node: Any) -> None:
        self._step("relu", node)

    def _mean(self, node: Any) -> None:
        options = {each.name: each for each in node.attribute}
        axes = options["axes"].ints if "axes" in options else []
        if len(node.input) > 1 and node.input[1]:
            axes = self.constants.get(node.input[1], np.zeros(0)).ravel()
        x = node.input[0]
        of_all, wanted = (4, [2, 3]) if x in self.wide else (3, [2 if x in self.turned else 1])
        if sorted(int(axis) % of_all for axis in axes) != wanted:
            raise self.refused(f"a '{node.op_type}' that is no mean over the constituents")
        self._pool(node, kept=not ("keepdims" in options and not options["keepdims"].i))

    def _pool(self, node: Any, kept: bool = True) -> None:
        """The mean over the constituents, as one row if it is kept."""
        x, output = node.input[0], node.output[0]
        features_last = node.op_type == "GlobalAveragePool" and x not in self.turned
        if self.kinds[self._named(x)] != ROWS or features_last:
            raise self.refused(f"a '{node.op_type}' that is no mean over the constituents")
        self._step("mean", node, output=output if kept else f"{output} ")
        if not kept:
            self.kinds[output] = VECTOR
            self.ops.append(Op("flat", (f"{output} ",), output))

    def _flat(self, node: Any) -> None:
        x = self._named(node.input[0])
        if self.kinds[x] == VECTOR:
            self._alias(node)
        elif self.kinds[x] == ROW:
            self._step("flat", node)
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
        """An axis more, as PyTorch's mean over the constituents has it."""
        x, *given = node.input
        axes = [self.constants.get(name, np.zeros(0)).ravel().tolist() for name in given]
        if x not in self.turned or axes not in ([[2]], [[-2]]):
            raise self.refused("an 'Unsqueeze' that is not in front of a mean over constituents")
        self._alias(node)
        self.wide.add(node.output[0])

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

    def _step(self, kind: str, node: Any, layer: str = "", output: str = "") -> None:
        """A step of all inputs of a node that are no constants, nor sizes of tensors."""
        known = self.constants.keys() | self.sizes
        inputs = [name for name in node.input if name and name not in known]
        named, output = tuple(map(self._named, inputs)), output or node.output[0]
        before = [self.kinds[name] for name in named]
        after = {"mean": ROW, "flat": VECTOR}.get(kind, ROWS if ROWS in before else before[0])
        self.kinds[output] = after
        if after != VECTOR and inputs[0] in self.turned:
            self.turned.add(output)
        self.ops.append(Op(kind, named, output, layer))
