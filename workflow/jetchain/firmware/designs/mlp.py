"""A multilayer perceptron on the features of the leading constituents.

Reference: Odagiu et al., arXiv:2402.01876 (its smallest design; theirs has other widths).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import field_validator
from torch import Tensor, nn

from jetchain.core.settings import Settings, key
from jetchain.firmware.design import Design, Fixed, Quantised
from jetchain.firmware.design_settings import DeviceSettings, FormatSettings
from jetchain.firmware.hls import write_network
from jetchain.firmware.layers import QuantisedLinear, fake_quantise
from jetchain.firmware.quantise import Array, Format, fraction_bits, quantise


class MLPSettings(Settings):
    """Sizes of the perceptron."""

    hidden: list[int] = key([64, 32, 32], "Width of the hidden layers.", min_length=1)

    @field_validator("hidden")
    @classmethod
    def _positive(cls, widths: list[int]) -> list[int]:
        if any(width < 1 for width in widths):
            raise ValueError("every hidden layer needs at least one node")
        return widths


class MLP(Design):
    """Linear layers with a ReLU between them."""

    def __init__(self, settings: MLPSettings) -> None:
        self.hidden = settings.hidden

    def floating(self, inputs: int, outputs: int) -> nn.Module:
        """The layers without quantisation or pruning."""
        modules: list[nn.Module] = []
        for a, b in pairwise([inputs, *self.hidden, outputs]):
            modules += [nn.Linear(a, b), nn.ReLU()]
        return nn.Sequential(*modules[:-1])

    def quantised(self, inputs: int, outputs: int, formats: FormatSettings) -> Quantised:
        """The same layers with quantised numbers."""
        return QuantisedPerceptron([inputs, *self.hidden, outputs], formats)

    def fixed(self, state: Mapping[str, np.ndarray], formats: FormatSettings) -> Fixed:
        """The layers in numpy."""
        layers = range(len(self.hidden) + 1)
        weights = [(state[f"layers.{n}.weight"] * state[f"layers.{n}.mask"]).T for n in layers]
        biases = [state[f"layers.{n}.bias"] for n in layers]
        widths = [len(bias) for bias in biases[:-1]]
        if widths != self.hidden or f"layers.{len(layers)}.weight" in state:
            raise ValueError(f"hidden layers {widths}, expected {self.hidden}")
        return FixedPerceptron(
            weights=[quantise(weight, Format.of(formats.weights)) for weight in weights],
            biases=[quantise(bias, Format.of(formats.biases)) for bias in biases],
            formats=formats,
        )


class QuantisedPerceptron(Quantised):
    """Perceptron with quantised inputs, weights, biases and activations.

    Args:
        widths: inputs, hidden layers, outputs.
        formats: of its numbers.
    """

    def __init__(self, widths: list[int], formats: FormatSettings) -> None:
        super().__init__()
        weights, biases = Format.of(formats.weights), Format.of(formats.biases)
        self.layers = nn.ModuleList(
            QuantisedLinear(a, b, weights, biases) for a, b in pairwise(widths)
        )
        self.inputs = Format.of(formats.inputs)
        self.activations = Format.of(formats.activations)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs) to logits (batch, classes)."""
        x = fake_quantise(x, self.inputs)
        for layer in self.layers[:-1]:
            x = fake_quantise(layer(x), self.activations)  # unsigned: also the ReLU
        return self.layers[-1](x)

    def freeze(self) -> None:
        """Replace all parameters by their quantised values."""
        for layer in self.layers:
            layer.freeze()


@dataclass(frozen=True)
class FixedPerceptron(Fixed):
    """The perceptron in numpy.

    Args:
        weights: one (inputs, outputs) array a layer, already quantised.
        biases: one (outputs,) array a layer, already quantised.
        formats: of its numbers.
    """

    weights: list[Array]
    biases: list[Array]
    formats: FormatSettings

    @property
    def inputs(self) -> Format:
        """Format of every input."""
        return Format.of(self.formats.inputs)

    @property
    def activations(self) -> Format:
        """Format behind each ReLU."""
        return Format.of(self.formats.activations)

    @property
    def widths(self) -> list[int]:
        """Inputs, hidden layers, outputs."""
        return [len(self.weights[0]), *(len(bias) for bias in self.biases)]

    @property
    def parameters(self) -> list[Array]:
        """The weights, layer by layer."""
        return self.weights

    @property
    def description(self) -> str:
        """Its name with its widths."""
        return f"Perceptron {'-'.join(map(str, self.widths))}"

    def forward(self, x: Array) -> Array:
        """The exact outputs (events, outputs) for inputs (events, inputs)."""
        x = quantise(x, self.inputs)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if layer < last:
                x = quantise(x, self.activations)  # unsigned: saturation at zero is the ReLU
        return x

    def replay(self, x: Any) -> Any:
        """The same on da4ml's variables."""
        from da4ml.trace.ops import quantize

        act = self.activations
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if layer < last:
                x = quantize(x.relu(), act.k, act.i, act.f, "SAT", "RND")
        return x

    def write_hls(self, folder: Path, project: str, device: DeviceSettings) -> None:
        """Write it as the layers that hls4ml reads: dense0, relu0, dense1, ..."""
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        precision: dict[str, dict[str, str]] = {}
        for n, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            dense = nn.Linear(*weight.shape)
            with torch.no_grad():
                dense.weight.copy_(torch.from_numpy(weight.T))
                dense.bias.copy_(torch.from_numpy(bias))
            layers[f"dense{n}"] = dense
            wide = self.accumulator(n)
            exact = f"fixed<{wide.width},{wide.k + wide.i}>"
            precision[f"dense{n}"] = {
                "weight": Format.of(self.formats.weights).hls,
                "bias": Format.of(self.formats.biases).hls,
                "accum": exact,
                "result": exact,
            }
            if n < len(self.weights) - 1:
                layers[f"relu{n}"] = nn.ReLU()
                precision[f"relu{n}"] = {"result": self.activations.hls}
        write_network(
            nn.Sequential(layers), len(self.weights[0]), precision, self.inputs, folder, project,
            device,
        )  # fmt: skip

    def accumulator(self, layer: int) -> Format:
        """The smallest signed format that holds every sum of a layer exactly."""
        source = self.inputs if layer == 0 else self.activations
        largest = max(abs(source.low), source.high)
        weight, bias = self.weights[layer], self.biases[layer]
        bound = float(np.max(np.sum(np.abs(weight), axis=0) * largest + np.abs(bias)))
        integer = max(0, math.ceil(math.log2(bound + 1e-12))) + 1
        return Format(1, integer, max(fraction_bits(weight) + source.f, fraction_bits(bias), 0))
