"""Learned widths: the effective bit operations of a design as a term of its loss.

Every weight has fraction bits of its own, f, which are learned with it. The loss is

L = L_0 + beta * sum_w m_w b_w + gamma * sum_w (f_w - f_0),

with b the bits of a weight (`layers.QuantisedLinear.bits`), m the bits of the number that it is
multiplied with times the rows in which it is, and f_0 the fraction bits at which nothing is left.
The first sum is the bit operations as `flow.Ranges` counts them, or an upper bound of them. The
second takes the bits of weights that are zero, which have none in the first.

Reference: Sun et al. (HGQ), arXiv 2405.00645, section 3. There activations learn their widths too;
here they keep their format.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from jetchain.firmware.layers import Network, lowest_fraction

GAMMA = 1e-6
"""Of the loss, for each bit of a width, as in the code of the authors (HGQ 0.2)."""


class Resources:
    """The resource terms of a network's loss; its weights learn their widths from here on.

    Args:
        model: a network in fixed point, or a module with one inside.
        beta: loss for each effective bit operation.
    """

    def __init__(self, model: nn.Module, beta: float) -> None:
        (network,) = (each for each in model.modules() if isinstance(each, Network))
        if network.formats is None:
            raise TypeError("the numbers of a float network have no widths")
        state = {name: value.numpy() for name, value in network.state_dict().items()}
        # A layer whose input is a sum without a ReLU is charged the width of that sum here.
        by_bit = network.design.fixed(state, network.formats).ranges.by_bit
        self.beta = beta
        self.layers: list[tuple[Any, int]] = [
            (layer, by_bit[name]) for name, layer in network.layers.items()
        ]
        for layer, _ in self.layers:
            layer.learn_widths()

    def bit_operations(self) -> Tensor:
        """Effective bit operations of the weights for a jet, at most; squares are not in it."""
        return torch.stack([layer.bits().sum() * number for layer, number in self.layers]).sum()

    def loss(self, share: float) -> Tensor:
        """Both terms of the loss, the first times a share."""
        spare = [
            torch.sum(layer.fraction - lowest_fraction(layer.weights)) for layer, _ in self.layers
        ]
        return share * self.beta * self.bit_operations() + GAMMA * torch.stack(spare).sum()
