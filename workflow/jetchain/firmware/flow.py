"""How a design is wired, said once, and what carries it: torch, numpy, da4ml and hls4ml.

A design's `wire` calls the methods of a carrier in the order in which numbers flow; this module has
those that know nothing of torch. Between layers stand rows of numbers: one row a constituent (or
a pair of them) in (rows, width), or a vector (width,).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from jetchain.core.errors import ConfigurationError
from jetchain.firmware.quantise import Array, Format, fraction_bits, significant_bits

V = TypeVar("V")
EXACT = 53  # bits of a double


class Carrier(ABC, Generic[V]):
    """What a design's `wire` may call; all sums are exact, `relu` alone rounds and saturates."""

    @abstractmethod
    def linear(self, name: str, x: V, width: int) -> V:
        """A linear layer of this name to `width` numbers, the same one for every row."""

    @abstractmethod
    def relu(self, x: V) -> V:
        """ReLU into the format of the activations."""

    @abstractmethod
    def mean(self, x: V, of_partners: bool = False) -> V:
        """Mean over all rows: (1, width); or of pairs over the partners of each: (rows, width)."""

    @abstractmethod
    def add(self, x: V, y: V) -> V:
        """Sum of equal shapes, or of (rows, width) and one row (1, width)."""

    @abstractmethod
    def pairs(self, x: V, y: V) -> V:
        """x_i + y_j in row i * rows + j: (rows, width) twice to (rows * rows, width)."""

    @abstractmethod
    def flat(self, x: V) -> V:
        """The one row (1, width) as (width,)."""

    @abstractmethod
    def squares(self, x: V, width: int) -> V:
        """Sum of the squares of a vector (width,), as (1,)."""

    def dense(self, name: str, x: V, width: int) -> V:
        """A linear layer with its ReLU."""
        return self.relu(self.linear(name, x, width))


def means(rows: int, of_partners: bool) -> int:
    """How many rows of means; those of pairs are rows * rows."""
    return math.isqrt(rows) if of_partners else 1


Shape = tuple[int, ...]


class Shapes(Carrier[Shape]):
    """Carries shapes: the layers by name with their inputs and outputs, in their order."""

    def __init__(self) -> None:
        self.layers: dict[str, tuple[int, int]] = {}

    def linear(self, name: str, x: Shape, width: int) -> Shape:
        """See `Carrier`."""
        self.layers[name] = (x[-1], width)
        return (*x[:-1], width)

    def relu(self, x: Shape) -> Shape:
        """See `Carrier`."""
        return x

    def mean(self, x: Shape, of_partners: bool = False) -> Shape:
        """See `Carrier`; a mean of another number of rows would be no exact fixed-point number."""
        groups = means(x[0], of_partners)
        rows = x[0] // groups
        if rows & (rows - 1):
            raise ConfigurationError(
                f"firmware: a design takes the mean over {rows} constituents, which is no shift "
                "of bits.",
                "Set its constituents to 1, 2, 4, 8, 16, 32, 64 or 128.",
            )
        return (groups, x[1])

    def add(self, x: Shape, y: Shape) -> Shape:
        """See `Carrier`."""
        if x[-1] != y[-1]:
            raise ConfigurationError(
                f"firmware: a design adds {x[-1]} numbers to {y[-1]}.",
                "Give both layers the same width.",
            )
        return max(x, y)

    def pairs(self, x: Shape, y: Shape) -> Shape:
        """See `Carrier`."""
        return (x[0] * y[0], x[1])

    def flat(self, x: Shape) -> Shape:
        """See `Carrier`."""
        return x[1:]

    def squares(self, x: Shape, width: int) -> Shape:
        """See `Carrier`."""
        return (1,)


class Exact(Carrier[Any]):
    """Carries numbers: numpy arrays of events, or da4ml's variables of one event.

    Args:
        weights: (inputs, outputs) of each layer.
        biases: (outputs,) of each layer.
        relu: ReLU and quantisation.
    """

    def __init__(
        self, weights: Mapping[str, Array], biases: Mapping[str, Array], relu: Callable[[Any], Any]
    ) -> None:
        self.weights, self.biases, self._relu = weights, biases, relu

    def linear(self, name: str, x: Any, width: int) -> Any:
        """See `Carrier`."""
        return x @ self.weights[name] + self.biases[name]

    def relu(self, x: Any) -> Any:
        """See `Carrier`."""
        return self._relu(x)

    def mean(self, x: Any, of_partners: bool = False) -> Any:
        """See `Carrier`."""
        groups = means(x.shape[-2], of_partners)
        rows = x.shape[-2] // groups
        grouped = x.reshape((*x.shape[:-2], groups, rows, x.shape[-1]))
        return np.sum(grouped, axis=-2) * (1.0 / rows)

    def add(self, x: Any, y: Any) -> Any:
        """See `Carrier`."""
        return x + y

    def pairs(self, x: Any, y: Any) -> Any:
        """See `Carrier`."""
        *events, rows, width = x.shape
        return (x[..., :, None, :] + y[..., None, :, :]).reshape((*events, rows * rows, width))

    def flat(self, x: Any) -> Any:
        """See `Carrier`."""
        return x[..., 0, :]

    def squares(self, x: Any, width: int) -> Any:
        """See `Carrier`."""
        return np.sum(x * x, axis=-1, keepdims=True)


@dataclass(frozen=True)
class Range:
    """A number of rows, and the smallest format in which every number of them is exact."""

    rows: int
    format: Format

    def __post_init__(self) -> None:
        """Refuse what double precision, with which all is compared, would round."""
        if self.format.width > EXACT:
            raise ConfigurationError(
                f"firmware: a sum of the design has {self.format.width} bits, of which {EXACT} can "
                "be compared exactly.",
                "Lower integer or fraction bits in the design's formats, or set a ReLU between its "
                "linear layers.",
            )


class Ranges(Carrier[Range]):
    """Carries formats; counts the effective bit operations on the way.

    Effective bit operations: for each multiplication of a weight, the bits of the weight times the
    bits of the number (arXiv 2405.00645, section 3.3); a weight of zero has none. Squares count
    likewise, with the bits of the number twice.

    Args:
        weights, biases: as of `Exact`.
        activations: behind each ReLU.

    Attributes:
        bit_operations: so far.
        by_bit: of them those of one bit of a weight, by layer.
    """

    def __init__(
        self, weights: Mapping[str, Array], biases: Mapping[str, Array], activations: Format
    ) -> None:
        self.weights, self.biases, self.activations = weights, biases, activations
        self.bit_operations = 0
        self.by_bit: dict[str, int] = {}

    def linear(self, name: str, x: Range, width: int) -> Range:
        """See `Carrier`."""
        weight, bias = self.weights[name], self.biases[name]
        self.by_bit[name] = x.rows * x.format.width
        self.bit_operations += int(significant_bits(weight).sum()) * self.by_bit[name]
        return Range(x.rows, accumulator(weight, bias, x.format))

    def relu(self, x: Range) -> Range:
        """See `Carrier`."""
        return Range(x.rows, self.activations)

    def mean(self, x: Range, of_partners: bool = False) -> Range:
        """See `Carrier`."""
        groups = means(x.rows, of_partners)
        shift = round(math.log2(x.rows // groups))
        return Range(groups, Format(x.format.k, x.format.i, x.format.f + shift))

    def add(self, x: Range, y: Range) -> Range:
        """See `Carrier`."""
        one, two = x.format, y.format
        wide = Format(max(one.k, two.k), max(one.i, two.i) + 1, max(one.f, two.f))
        return Range(max(x.rows, y.rows), wide)

    def pairs(self, x: Range, y: Range) -> Range:
        """See `Carrier`."""
        return Range(x.rows * y.rows, self.add(x, y).format)

    def flat(self, x: Range) -> Range:
        """See `Carrier`."""
        return x

    def squares(self, x: Range, width: int) -> Range:
        """See `Carrier`."""
        self.bit_operations += width * x.format.width**2
        return Range(x.rows, self.sum_of(self.square(x), width).format)

    @staticmethod
    def square(x: Range) -> Range:
        """Of the squares of its numbers."""
        # The square of the smallest number, -2^i, is 2^(2i), and needs a bit more.
        return Range(x.rows, Format(0, 2 * x.format.i + x.format.k, 2 * x.format.f))

    @staticmethod
    def sum_of(x: Range, width: int) -> Range:
        """Of sums of so many of its numbers."""
        grown = x.format.i + math.ceil(math.log2(width))
        return Range(x.rows, Format(x.format.k, grown, x.format.f))


def accumulator(weight: Array, bias: Array, source: Format) -> Format:
    """The smallest signed format that holds every sum of a layer exactly.

    Args:
        weight: (inputs, outputs)
        bias: (outputs,)
        source: of the layer's inputs.
    """
    largest = max(abs(source.low), source.high)
    bound = float(np.max(np.sum(np.abs(weight), axis=0) * largest + np.abs(bias)))
    integer = max(0, math.ceil(math.log2(bound + 1e-12))) + 1
    return Format(1, integer, max(fraction_bits(weight) + source.f, fraction_bits(bias), 0))
