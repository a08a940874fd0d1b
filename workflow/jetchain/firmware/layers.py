"""Designs in torch: the quantiser, a linear layer that has it inside, and the network of them."""

from __future__ import annotations

import math
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


class _FakeQuantiseTo(torch.autograd.Function):
    """See `fake_quantise_to`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, fraction: Tensor, to: Format) -> Tensor:
        """See `fake_quantise_to`."""
        inside = x.clamp(to.low, to.high)
        step = _steps(to, x)[_rounded(fraction).long() - lowest_fraction(to)]
        steps = inside / step
        floor = torch.floor(steps)
        floor += (steps - floor).ge_(0.5)  # as in `_FakeQuantise`
        quantised = floor * step
        # The next multiple above the largest number of the format is none of it.
        quantised -= step * (quantised > to.high)
        ctx.save_for_backward(inside == x, inside - quantised)
        return quantised

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """Of the values where nothing saturates, and of the fraction bits everywhere."""
        unsaturated, error = ctx.saved_tensors
        return gradients[0] * unsaturated, gradients[0] * math.log(2.0) * error, None


def _rounded(fraction: Tensor) -> Tensor:
    return torch.floor(fraction + 0.5)


def _steps(to: Format, like: Tensor) -> Tensor:
    """Steps of all fraction bits from the lowest on; powers of two from a table are exact."""
    return like.new_tensor([2.0**-bits for bits in range(lowest_fraction(to), to.f + 1)])


def lowest_fraction(to: Format) -> int:
    """The fraction bits with which every number of the format is rounded to zero."""
    return -to.i - 1


def fake_quantise_to(x: Tensor, fraction: Tensor, to: Format) -> Tensor:
    """Quantise each value to fraction bits of its own, within a format.

    With f the fraction bits, rounded to an integer, and d = x - q(x) the error, the gradients are
    dq/dx = 1 inside the format's range and 0 outside, as of `fake_quantise`, and

    dq/df = ln(2) d,

    for the mean error of a step 2^-f falls as d|d|/df = -ln(2) |d|.

    Args:
        x: values of any shape.
        fraction: the same shape, from `lowest_fraction` to the format's.
        to: the format that holds all results; what saturates takes its largest multiple of 2^-f.

    Returns:
        Multiples of 2^-f in the format.

    Reference: Sun et al., arXiv 2405.00645, section 3 (surrogate gradient of the bits).
    """
    quantised: Tensor = _FakeQuantiseTo.apply(x, fraction, to)
    return quantised


class QuantisedLinear(nn.Module):
    """A linear layer whose masked weights and biases are fixed-point numbers.

    Attributes:
        share: (outputs, inputs) width of each weight, where widths are learned: 1 for the fraction
            bits of the format, 0 for the lowest. So widths and weights have one scale, and one
            learning rate fits both.
    """

    def __init__(self, inputs: int, outputs: int, weights: Format, biases: Format) -> None:
        super().__init__()
        linear = nn.Linear(inputs, outputs)
        self.weight = nn.Parameter(linear.weight.detach().clone())  # (outputs, inputs)
        self.bias = nn.Parameter(linear.bias.detach().clone())  # (outputs,)
        self.mask: Tensor
        self.register_buffer("mask", torch.ones(outputs, inputs))
        self.weights, self.biases = weights, biases
        self.share: nn.Parameter | None
        self.register_parameter("share", None)

    def learn_widths(self) -> None:
        """Learn the fraction bits of each weight; they start at those of the format, the most."""
        self.share = nn.Parameter(torch.ones_like(self.weight))

    @property
    def fraction(self) -> Tensor:
        """Fraction bits of each weight, before they are rounded: (outputs, inputs).

        Raises:
            TypeError: they are not learned.
        """
        if self.share is None:
            raise TypeError("the widths of this layer are not learned")
        # A step of the training may have left the range; it is set back in place, or it would
        # have to come back all the way.
        with torch.no_grad():
            self.share.clamp_(0.0, 1.0)
        lowest = lowest_fraction(self.weights)
        return lowest + (self.weights.f - lowest) * self.share

    @property
    def quantised(self) -> Tensor:
        """The weights as the firmware has them: (outputs, inputs)."""
        masked = self.weight * self.mask
        if self.share is None:
            return fake_quantise(masked, self.weights)
        return fake_quantise_to(masked, self.fraction, self.weights)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs) to (batch, outputs)."""
        return nn.functional.linear(x, self.quantised, fake_quantise(self.bias, self.biases))

    def bits(self) -> Tensor:
        """Bits of each weight from its leading one to its last fraction bit; of a zero none.

        max(floor(log2 |q|) + 1 + f, 0), of which the gradient is 1 for f where q is not zero. It
        is the number of significant bits (`quantise.significant_bits`) where the last of them is
        a one, and more where it is a zero: then a smaller f gives the same weight.

        Returns:
            (outputs, inputs), without the sign.

        Reference: Sun et al., arXiv 2405.00645, section 3 (the bits behind EBOPs-bar).
        """
        weight, fraction = self.quantised.detach(), self.fraction
        leading = torch.frexp(weight).exponent
        straight = fraction + (_rounded(fraction) - fraction).detach()
        return torch.where(weight == 0.0, 0.0, leading + straight)

    @torch.no_grad()
    def freeze(self) -> None:
        """Replace the parameters by their quantised values, numbers of the format."""
        self.weight.copy_(self.quantised)
        self.bias.copy_(fake_quantise(self.bias, self.biases))
        self.share = None


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
