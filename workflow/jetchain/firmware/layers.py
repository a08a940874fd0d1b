"""Designs in torch: the quantiser, a linear layer that has it inside, and the network of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from jetchain.core.errors import ConfigurationError
from jetchain.firmware.design_settings import FormatSettings
from jetchain.firmware.flow import Carrier, Shape, Shapes, means
from jetchain.firmware.quantise import Array, Format


class Wired(Protocol):
    """What a network needs of its design; see `design.Design`."""

    @property
    def columns(self) -> int:
        """Numbers that the design sees of a constituent."""

    def arranged(self, shape: Shape) -> Shape:
        """The shape in which the design takes its inputs (inputs,)."""

    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """The design from inputs to logits."""

    def start(self) -> Mapping[str, tuple[Array, Array]]:
        """Weights and biases of layers that do not start with random ones."""

    def fixed(self, state: Mapping[str, Any], common: FormatSettings) -> Any:
        """From the weights of the quantised network."""


class _FakeQuantise(torch.autograd.Function):
    """See `fake_quantise`; one node of the graph, and no numbers kept but where it saturates."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, to: Format) -> Tensor:
        """See `fake_quantise`."""
        ctx.save_for_backward((x >= to.low) & (x <= to.high))
        steps = x * 2.0**to.f
        floor = torch.floor(steps)
        # Not floor(steps + 1/2): that sum is rounded, and just below a tie it is rounded up.
        floor += steps.sub_(floor).ge_(0.5)
        return floor.mul_(to.step).clamp_(to.low, to.high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient where nothing saturates."""
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None


def fake_quantise(x: Tensor, to: Format) -> Tensor:
    """Quantise in the forward pass; pass the gradient straight through where nothing saturates.

    Args:
        x: values of any shape.
        to: the format; the rule is that of `quantise.quantise`.

    Returns:
        Values of the format, with d/dx = 1 inside its range and 0 outside.

    Reference: Bengio, Leonard, Courville, arXiv 1308.3432 (straight-through estimator).
    """
    quantised: Tensor = _FakeQuantise.apply(x, to)
    return quantised


class QuantisedLinear(nn.Module):
    """A linear layer whose masked weights and biases are fixed-point numbers."""

    def __init__(self, inputs: int, outputs: int, weights: Format, biases: Format) -> None:
        super().__init__()
        linear = nn.Linear(inputs, outputs)
        self.weight = nn.Parameter(linear.weight.detach().clone())  # (outputs, inputs)
        self.bias = nn.Parameter(linear.bias.detach().clone())  # (outputs,)
        self.mask: Tensor
        self.register_buffer("mask", torch.ones(outputs, inputs))
        self.weights, self.biases = weights, biases

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs) to (batch, outputs)."""
        weight = fake_quantise(self.weight * self.mask, self.weights)
        return nn.functional.linear(x, weight, fake_quantise(self.bias, self.biases))

    @torch.no_grad()
    def freeze(self) -> None:
        """Replace the parameters by their quantised values."""
        self.weight.copy_(fake_quantise(self.weight * self.mask, self.weights))
        self.bias.copy_(fake_quantise(self.bias, self.biases))


class Network(nn.Module):
    """A design in torch, in float or with its numbers in fixed point.

    Args:
        design: what wires it.
        inputs: numbers a jet.
        outputs: classes.
        formats: of its numbers; none in float.
    """

    def __init__(
        self, design: Wired, inputs: int, outputs: int, formats: FormatSettings | None = None
    ) -> None:
        super().__init__()
        self.design, self.outputs, self.formats = design, outputs, formats
        shapes = Shapes()
        design.wire(shapes, design.arranged((inputs,)), outputs)
        self.layers = nn.ModuleDict()
        for name, (a, b) in shapes.layers.items():
            self.layers[name] = (
                nn.Linear(a, b)
                if formats is None
                else QuantisedLinear(a, b, Format.of(formats.weights), Format.of(formats.biases))
            )
        for name, values in design.start().items():
            _require_fitting(values[0], shapes.layers[name])
            layer: Any = self.layers[name]
            for parameter, value in zip((layer.weight, layer.bias), values, strict=True):
                parameter.data.copy_(torch.from_numpy(value))
        self.inputs: Tensor
        self.register_buffer("inputs", torch.tensor(inputs))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs) to logits (batch, classes)."""
        return self.carried(x, lambda net, rows: self.design.wire(net, rows, self.outputs))

    def seen(self, x: Tensor) -> Tensor:
        """Inputs of any shape as the first layer has them."""
        return x if self.formats is None else fake_quantise(x, Format.of(self.formats.inputs))

    def carried(self, x: Tensor, wire: Callable[[Carrier[Tensor], Tensor], Tensor]) -> Tensor:
        """(batch, inputs) through the whole design, or a part that begins as it does."""
        rows = self.seen(x).reshape(len(x), *self.design.arranged(tuple(x.shape[1:])))
        return wire(_InTorch(self.layers, self.formats), rows)

    @torch.no_grad()
    def start_from(self, state: Mapping[str, Array]) -> None:
        """Take the parameters of the float network of the same design; masks stay as they are.

        Args:
            state: its weights file.

        Raises:
            KeyError: a parameter is missing.
            ValueError: a shape is not that of this network.
        """
        for name, parameter in self.named_parameters():
            value = torch.from_numpy(state[name])
            if value.shape != parameter.shape:
                raise ValueError(
                    f"{name} is {tuple(value.shape)}, expected {tuple(parameter.shape)}"
                )
            parameter.copy_(value)

    def freeze(self) -> None:
        """Replace all parameters by their quantised values: what the weights file holds."""
        for layer in self.layers.values():
            if isinstance(layer, QuantisedLinear):
                layer.freeze()


def _require_fitting(weight: Array, wanted: tuple[int, int]) -> None:
    """Raise `ConfigurationError` where a layer of a file is not as wide as the data need."""
    inputs, outputs = weight.shape[::-1]
    if (inputs, outputs) != wanted:
        raise ConfigurationError(
            f"firmware: a linear layer of the network takes {inputs} numbers to {outputs}, but "
            f"here it would have to take {wanted[0]} to {wanted[1]}.",
            "Inputs are the constituents times the features that the design sees, outputs are "
            "firmware.dataset.classes: correct these, or the network.",
        )


class _InTorch(Carrier[Tensor]):
    """Carries a batch through the layers of a network."""

    def __init__(self, layers: nn.ModuleDict, formats: FormatSettings | None) -> None:
        self.layers = layers
        self.activations = None if formats is None else Format.of(formats.activations)

    def linear(self, name: str, x: Tensor, width: int) -> Tensor:
        """See `Carrier`."""
        return self.layers[name](x)

    def relu(self, x: Tensor) -> Tensor:
        """See `Carrier`; the format is unsigned: its saturation at zero is the ReLU."""
        if self.activations is None:
            return nn.functional.relu(x)
        return fake_quantise(x, self.activations)

    def mean(self, x: Tensor, of_partners: bool = False) -> Tensor:
        """See `Carrier`."""
        groups = means(x.shape[1], of_partners)
        return x.reshape(len(x), groups, -1, x.shape[-1]).mean(dim=2)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Carrier`."""
        return x + y

    def pairs(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Carrier`."""
        return (x[:, :, None] + y[:, None]).flatten(1, 2)

    def flat(self, x: Tensor) -> Tensor:
        """See `Carrier`."""
        return x[:, 0]

    def squares(self, x: Tensor, width: int) -> Tensor:
        """See `Carrier`."""
        return x.square().sum(dim=-1, keepdim=True)
