"""Settings that the designs themselves use: formats of numbers, chip and clock."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

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


FEATURE_SETS = {"kinematics": 3, "mass": 4, "identity": 9}
"""How many of `dataset.FEATURES` a design sees."""

SEEN = (
    "What it sees of each: pT fraction and angles (kinematics), its part of the jet's mass as well "
    "(mass), charge and kind as well (identity)."
)


OWN_FORMATS = "Its own formats; null: those of firmware.formats."


class InputSettings(Settings):
    """What a design sees."""

    constituents: int | None = key(
        None, "Leading constituents that it sees; null: all of the data set.", ge=1, le=128
    )
    features: Literal["kinematics", "mass", "identity"] = key(
        "kinematics",
        SEEN,
    )

    @property
    def columns(self) -> int:
        """Numbers that it sees of a constituent, the first of FEATURES."""
        return FEATURE_SETS[self.features]


class DesignSettings(InputSettings):
    """What every design sees, and its numbers."""

    formats: FormatSettings | None = key(None, OWN_FORMATS)


class SetSettings(DesignSettings):
    """The same of a design that takes means over the constituents."""

    features: Literal["kinematics", "mass", "identity"] = key(
        "identity",
        SEEN,
    )

    @field_validator("constituents")
    @classmethod
    def _shift(cls, number: int | None) -> int | None:
        if number is not None and number & (number - 1):
            raise ValueError("must be a power of two: a mean over it is a shift of bits")
        return number


class DeviceSettings(Settings):
    """The chip and its clock."""

    part: str = key("xcvu13p-flga2577-2-e", "Part written into the vendor scripts.", min_length=1)
    clock_period: float = key(
        5.0, "Clock period asked for; not proven without place and route.", unit="ns", gt=0.0
    )


def require_nodes(widths: list[int]) -> list[int]:
    """Widths of layers, each at least 1."""
    if any(width < 1 for width in widths):
        raise ValueError("every layer needs at least one node")
    return widths


class DesignTimesSettings(Settings):
    """What the measurement of the designs' times on a processor reads."""

    models: dict[str, Any]
    constituents: int
    classes: list[str]
    repetitions: int = 15
