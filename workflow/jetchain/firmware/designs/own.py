"""A network of your own: ONNX, or PyTorch by torch.export, of the layers that firmware has here.

Both trainings start from its weights; one without training may have any. What it has and may have
stands in `jetchain.firmware.onnx_graph`. Without a file it is the example in resources/examples.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from jetchain.core.resources import RESOURCES
from jetchain.core.settings import key
from jetchain.firmware.design import Design
from jetchain.firmware.design_settings import SetSettings
from jetchain.firmware.flow import Carrier
from jetchain.firmware.onnx_graph import Graph, read_graph
from jetchain.firmware.quantise import Array

EXAMPLE = "examples/firmware.onnxtxt"


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

    def start(self) -> dict[str, tuple[Array, Array]]:
        """The weights of the file."""
        return {
            name: (weight, self.graph.biases[name]) for name, weight in self.graph.weights.items()
        }

    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """Step by step; the last layer has as many outputs as there are classes."""
        graph = self.graph
        values = {graph.source: x}
        last = graph.ops[-1].layer
        for op in graph.ops:
            inputs = [values[name] for name in op.inputs]
            if op.kind == "linear":
                width = outputs if op.layer == last else len(graph.weights[op.layer])
                values[op.output] = net.linear(op.layer, inputs[0], width)
            else:
                values[op.output] = getattr(net, op.kind)(*inputs)
        return values[graph.ops[-1].output]
