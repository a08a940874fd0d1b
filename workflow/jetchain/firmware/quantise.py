"""Fixed-point numbers in numpy.

Every value is a multiple of a power of two and is held exactly in double precision, so software
and hardware are compared bit for bit and never by a tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.firmware.design_settings import FixedPointSettings

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


def fraction_bits(values: Array) -> int:
    """Fraction bits that the values need."""
    for bits in range(25):
        if np.all(values * 2.0**bits == np.floor(values * 2.0**bits)):
            return bits
    raise DataError(
        "A parameter of the firmware network is no fixed-point number of at most 24 bits.",
        "Train it again: its weights file does not come from firmware.train.quantised.",
    )


def significant_bits(values: Array) -> NDArray[np.int64]:
    """Bits that a fixed-point number needs as a factor: the binary length of its odd part.

    0 for zero, 1 for a power of two (a shift in hardware), and so on; the sign is not counted.

    Args:
        values: any shape, multiples of 2^-24.
    """
    integers = np.abs(np.round(np.asarray(values) * 2.0**24)).astype(np.int64)
    odd = integers // np.maximum(integers & -integers, 1)
    return np.where(integers == 0, 0, np.ceil(np.log2(odd + 1.0))).astype(np.int64)
