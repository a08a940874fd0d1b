"""A network of your own: ONNX, or PyTorch by torch.export, of the layers that firmware has here.

Both trainings start from its weights; one without training may have any. What it has and may have
stands in `jetchain.firmware.onnx_reader`. Without a file it is the example in resources/examples.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jetchain.core.errors import ConfigurationError
from jetchain.core.resources import RESOURCES
from jetchain.core.settings import key
from jetchain.firmware.design import Design
from jetchain.firmware.design_settings import SetSettings
from jetchain.firmware.flow import Carrier, Shape
from jetchain.firmware.layers import Network
from jetchain.firmware.onnx_graph import read_graph
from jetchain.firmware.onnx_layers import Graph
from jetchain.firmware.quantise import Array

EXAMPLE = "examples/firmware.onnxtxt"
ALIKE = {True: 1e-2, False: 1e-4}  # of the largest logit: of files that compute in 16 bits or not


class OwnSettings(SetSettings):
    """Where the network is; its inputs are scaled as those of every design."""

    file: str | None = key(
        None,
        "ONNX (.onnx) or torch.export.save (.pt2), from (jets, constituents, features) or (jets, "
        "inputs) to logits; null: an example.",
    )


class Own(Design):
    """The steps of the file."""

    @property
    def file(self) -> Path:
        """Where it is."""
        return Path(self.settings.file or RESOURCES / EXAMPLE).expanduser()

    @cached_property
    def graph(self) -> Graph:
        """What stands in the file."""
        return read_graph(self.file)

    @property
    def by_constituent(self) -> bool:  # type: ignore[override]
        """As the file takes its inputs."""
        return self.graph.by_row

    def arranged(self, shape: Shape) -> Shape:
        """As the file takes the inputs; raises `ConfigurationError` where it takes others."""
        wanted, here = self.graph.shape[1:], self._given(shape[0])
        if any(size not in (None, found) for size, found in zip(wanted, here, strict=True)):
            raise ConfigurationError(
                f"{self.file}: the network takes (jets, {', '.join(map(str, wanted))}), but the "
                f"jets of the data set are (jets, {', '.join(map(str, here))}), with "
                f"{self.columns} features of each constituent.",
                "Correct firmware.dataset.constituents, the features or the constituents of "
                "firmware.models.own, or the network.",
            )
        return super().arranged(shape)

    def _given(self, inputs: int) -> Shape:
        """(constituents, features) or (inputs,), as many axes as the file has."""
        by_row = len(self.graph.shape) == 3
        return (inputs // self.columns, self.columns) if by_row else (inputs,)

    def floating(self, inputs: int, outputs: int) -> Network:
        """See `Design`; raises `ConfigurationError` where the file computes something else."""
        network = super().floating(inputs, outputs)
        shape = self.graph.shape[0] or 2, *self._given(inputs)
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        expected = self.graph.computed(x)
        with torch.no_grad():
            found = network(torch.from_numpy(x.reshape(len(x), -1))).numpy()
        close = ALIKE[self.graph.coarse] * np.abs(expected).max(initial=0.0)
        if found.shape != expected.shape or not np.all(np.abs(found - expected) <= close):
            raise ConfigurationError(
                f"{self.file}: the file computes something else than its linear layers, ReLU, sums "
                "and means.",
                "Write it in evaluation mode, without casts to integers and without a Reshape that "
                "mixes jets or constituents.",
            )
        return network

    def start(self) -> dict[str, tuple[Array, Array]]:
        """The weights of the file."""
        return {
            name: (weight, self.graph.biases[name]) for name, weight in self.graph.weights.items()
        }

    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """Step by step; the last layer has as many outputs as there are classes."""
        graph = self.graph
        values = {graph.source: x}
        for op in graph.ops:
            inputs = [values[name] for name in op.inputs]
            if op.kind == "linear":
                width = outputs if op.layer in graph.last else len(graph.weights[op.layer])
                values[op.output] = net.linear(op.layer, inputs[0], width)
            else:
                values[op.output] = getattr(net, op.kind)(*inputs)
        return values[graph.ops[-1].output]
