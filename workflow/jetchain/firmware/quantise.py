"""Fixed-point numbers and the network made of them, in numpy: what the firmware must reproduce.

Every value is a multiple of a power of two and is held exactly in double precision, so software
and hardware are compared bit for bit and never by a tolerance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.tensors import read_arrays
from jetchain.firmware.settings import FirmwareNetworkSettings, FixedPointSettings

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Format:
    """A fixed-point format with k sign, i integer and f fraction bits.

    Its values are the multiples of 2^-f from -k 2^i to 2^i - 2^-f.
    """

    k: int
    i: int
    f: int

    @classmethod
    def of(cls, settings: FixedPointSettings) -> Format:
        """The format that the settings describe."""
        return cls(int(settings.signed), settings.integer, settings.fraction)

    @property
    def width(self) -> int:
        """Number of bits."""
        return self.k + self.i + self.f

    @property
    def step(self) -> float:
        """Distance of neighbouring values."""
        return 2.0**-self.f

    @property
    def low(self) -> float:
        """Smallest value."""
        return -self.k * 2.0**self.i

    @property
    def high(self) -> float:
        """Largest value."""
        return 2.0**self.i - self.step

    @property
    def hls(self) -> str:
        """Its name in hls4ml: width and integer bits with the sign, rounding, saturation."""
        return f"{'' if self.k else 'u'}fixed<{self.width},{self.k + self.i},RND,SAT>"


def quantise(x: Any, to: Format) -> Array:
    """Round half up to the format's step, then saturate.

    q(x) = clip(floor(x 2^f + 1/2) 2^-f, -k 2^i, 2^i - 2^-f)

    Args:
        x: values of any shape.
        to: the format.
    """
    steps = np.asarray(x, np.float64) * 2.0**to.f
    floor = np.floor(steps)
    # Not floor(steps + 1/2): that sum is rounded, and just below a tie it is rounded up.
    return np.clip((floor + (steps - floor >= 0.5)) * to.step, to.low, to.high)


@dataclass(frozen=True)
class FixedNetwork:
    """A multilayer perceptron with quantised parameters.

    Args:
        weights: one (inputs, outputs) array a layer, already quantised.
        biases: one (outputs,) array a layer, already quantised.
        inputs: format of the network's inputs.
        activations: format behind each ReLU.
    """

    weights: list[Array]
    biases: list[Array]
    inputs: Format
    activations: Format

    def forward(self, x: Array) -> Array:
        """The exact outputs (events, outputs) for inputs (events, inputs)."""
        x = quantise(x, self.inputs)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if layer < last:
                x = quantise(x, self.activations)  # unsigned: saturation at zero is the ReLU
        return x

    def accumulator(self, layer: int) -> Format:
        """The smallest signed format that holds every sum of a layer exactly."""
        source = self.inputs if layer == 0 else self.activations
        largest = max(abs(source.low), source.high)
        weight, bias = self.weights[layer], self.biases[layer]
        bound = float(np.max(np.sum(np.abs(weight), axis=0) * largest + np.abs(bias)))
        integer = max(0, math.ceil(math.log2(bound + 1e-12))) + 1
        return Format(1, integer, max(fraction_bits(weight) + source.f, fraction_bits(bias), 0))

    @property
    def sparsity(self) -> float:
        """Part of the weights that are zero."""
        return float(np.mean(np.concatenate([w.ravel() for w in self.weights]) == 0.0))


def fraction_bits(values: Array) -> int:
    """Fraction bits that the values need."""
    for bits in range(25):
        if np.all(values * 2.0**bits == np.floor(values * 2.0**bits)):
            return bits
    raise DataError(
        "A parameter of the firmware network is no fixed-point number of at most 24 bits.",
        "Train it again: its weights file does not come from firmware.train.quantised.",
    )


def read_network(path: Path, settings: FirmwareNetworkSettings) -> FixedNetwork:
    """Read the weights of the quantised torch network and quantise them.

    Raises:
        DataError: the file is damaged, or its layers are not those of the settings.
    """
    state = read_arrays(path)
    layers = len(settings.hidden) + 1
    try:
        weights = [
            (state[f"layers.{n}.weight"] * state[f"layers.{n}.mask"]).T for n in range(layers)
        ]
        biases = [state[f"layers.{n}.bias"] for n in range(layers)]
        widths = [len(bias) for bias in biases[:-1]]
    except KeyError as error:
        raise DataError(
            f"{path}: parameter {error} is missing.",
            "Remove it and run the same command again: Snakemake makes it anew.",
        ) from None
    if widths != settings.hidden or f"layers.{layers}.weight" in state:
        raise DataError(
            f"{path}: hidden layers {widths}, expected {settings.hidden}.",
            "Remove it and run the same command again: Snakemake makes it anew.",
        )
    return FixedNetwork(
        weights=[quantise(weight, Format.of(settings.weights)) for weight in weights],
        biases=[quantise(bias, Format.of(settings.biases)) for bias in biases],
        inputs=Format.of(settings.inputs),
        activations=Format.of(settings.activations),
    )
