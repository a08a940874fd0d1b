"""A network that somebody else made, as the steps that firmware has."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.firmware.quantise import Array


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
        last: the layers whose sum they are.
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
    last: tuple[str, ...]

    @property
    def coarse(self) -> bool:
        """Whether something in it is computed in 16 bits."""
        from onnx import TensorProto

        half, graph = (TensorProto.FLOAT16, TensorProto.BFLOAT16), self.model.graph
        attributes = [each for node in graph.node for each in node.attribute]
        return (
            self.number in half
            or any(each.data_type in half for each in graph.initializer)
            or any(each.name == "to" and each.i in half for each in attributes)
        )

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
