"""What designs are made of in torch: the quantiser, and a linear layer that has it inside."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from jetchain.firmware.quantise import Format


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
