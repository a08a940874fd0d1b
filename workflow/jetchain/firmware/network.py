"""The trigger tagger in torch: a float perceptron, and one trained with quantisation in it."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from jetchain.firmware.quantise import Format
from jetchain.firmware.settings import FirmwareNetworkSettings


def fake_quantise(x: Tensor, to: Format) -> Tensor:
    """Quantise in the forward pass; pass the gradient straight through where nothing saturates.

    Args:
        x: values of any shape.
        to: the format; the rule is that of `quantise.quantise`.

    Returns:
        Values of the format, with d/dx = 1 inside its range and 0 outside.

    Reference: Bengio, Leonard, Courville, arXiv 1308.3432 (straight-through estimator).
    """
    clipped = torch.clamp(x, to.low, to.high)
    steps = x.detach() * 2.0**to.f
    floor = torch.floor(steps)
    # Not floor(steps + 1/2): that sum is rounded, and just below a tie it is rounded up.
    exact = (floor + (steps - floor >= 0.5)) * to.step
    # The bracket is exactly zero and carries the gradient.
    return torch.clamp(exact, to.low, to.high) + (clipped - clipped.detach())


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


class QuantisedPerceptron(nn.Module):
    """Perceptron with quantised inputs, weights, biases and activations; its outputs are exact.

    Args:
        inputs: number of inputs.
        outputs: number of classes.
        settings: widths and formats.
    """

    def __init__(self, inputs: int, outputs: int, settings: FirmwareNetworkSettings) -> None:
        super().__init__()
        widths = [inputs, *settings.hidden, outputs]
        weights, biases = Format.of(settings.weights), Format.of(settings.biases)
        self.layers = nn.ModuleList(
            QuantisedLinear(a, b, weights, biases) for a, b in pairwise(widths)
        )
        self.inputs = Format.of(settings.inputs)
        self.activations = Format.of(settings.activations)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs) to logits (batch, classes)."""
        x = fake_quantise(x, self.inputs)
        for layer in self.layers[:-1]:
            x = fake_quantise(layer(x), self.activations)  # unsigned: also the ReLU
        return self.layers[-1](x)

    def freeze(self) -> None:
        """Replace all parameters by their quantised values: what the weights file holds."""
        for layer in self.layers:
            layer.freeze()


def float_perceptron(inputs: int, outputs: int, hidden: list[int]) -> nn.Module:
    """The same layers without quantisation or pruning: the baseline."""
    widths = [inputs, *hidden, outputs]
    modules: list[nn.Module] = []
    for a, b in pairwise(widths):
        modules += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*modules[:-1])
