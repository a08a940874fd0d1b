"""Settings that the designs themselves use: formats of numbers, chip and clock."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from jetchain.core.settings import Settings, key


class FixedPointSettings(Settings):
    """A fixed-point format: from -2^integer (0 if unsigned) to 2^integer - 2^-fraction."""

    signed: bool = key(True, "Whether it has a sign bit.")
    integer: int = key(0, "Integer bits, the sign not counted.", ge=-8, le=16)
    fraction: int = key(5, "Fraction bits.", ge=-8, le=16)

    @model_validator(mode="after")
    def _has_bits(self) -> Self:
        if not 1 <= self.signed + self.integer + self.fraction <= 24:
            raise ValueError("sign, integer and fraction bits must add up to 1 to 24")
        return self


class FormatSettings(Settings):
    """The numbers of every design."""

    inputs: FixedPointSettings = key(
        FixedPointSettings(signed=True, integer=2, fraction=5), "Format of the inputs."
    )
    weights: FixedPointSettings = key(
        FixedPointSettings(signed=True, integer=0, fraction=5), "Format of the weights."
    )
    biases: FixedPointSettings = key(
        FixedPointSettings(signed=True, integer=2, fraction=5), "Format of the biases."
    )
    activations: FixedPointSettings = key(
        FixedPointSettings(signed=False, integer=2, fraction=4), "Format behind each ReLU."
    )

    @model_validator(mode="after")
    def _unsigned(self) -> Self:
        if self.activations.signed:
            raise ValueError("activations come from a ReLU: their format must be unsigned")
        return self


class DeviceSettings(Settings):
    """The chip and its clock."""

    part: str = key("xcvu13p-flga2577-2-e", "Part written into the vendor scripts.", min_length=1)
    clock_period: float = key(
        5.0, "Clock period asked for; not proven without place and route.", unit="ns", gt=0.0
    )
