"""What a file of designs/ offers to the verbs of this room.

A design is trained twice, as a float network and with its numbers in fixed point; the second is
then read back as a `Fixed`, from which alone the HLS project, the Verilog and both simulations are
made. A design that no gradient trains (boosted trees) needs a verb and a rule of its own that
write weights, history and scores like those of `firmware.train`; behind these files nothing
differs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tensors import read_arrays
from jetchain.core.settings import Settings
from jetchain.firmware.design_settings import DeviceSettings, FormatSettings
from jetchain.firmware.designs import DESIGNS
from jetchain.firmware.quantise import Array, Format


class Fixed(ABC):
    """A design whose numbers are all fixed-point, in numpy: what the firmware must reproduce."""

    @property
    @abstractmethod
    def inputs(self) -> Format:
        """Format of every input."""

    @property
    @abstractmethod
    def widths(self) -> list[int]:
        """Numbers that pass from layer to layer: inputs first, outputs last."""

    @property
    @abstractmethod
    def parameters(self) -> list[Array]:
        """The weights of each layer, of any shape; biases are not counted."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What it is and how large, for the report."""

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """The exact outputs (events, outputs) for inputs (events, inputs), quantised or not."""

    @abstractmethod
    def replay(self, x: Any) -> Any:
        """The same on da4ml's variables: quantised inputs (inputs,) to outputs (outputs,)."""

    @abstractmethod
    def write_hls(self, folder: Path, project: str, device: DeviceSettings) -> None:
        """Write an HLS project of the same arithmetic; see `hls.write_network`.

        Args:
            folder: where to.
            project: its name: ``firmware/<project>.cpp`` and ``<project>_bridge.cpp``, which
                offers ``<project>_double(inputs, outputs)``, make the C simulation.
            device: chip and clock.
        """

    @property
    def sparsity(self) -> float:
        """Part of the weights that are zero."""
        return float(np.mean(np.concatenate([each.ravel() for each in self.parameters]) == 0.0))


class Quantised(nn.Module, ABC):
    """A design in training with its numbers in fixed point; its outputs are exact."""

    @abstractmethod
    def freeze(self) -> None:
        """Replace all parameters by their quantised values: what the weights file holds."""


class Design(ABC):
    """A member of `DESIGNS`, built from its own settings."""

    @abstractmethod
    def __init__(self, settings: Any) -> None: ...

    @abstractmethod
    def floating(self, inputs: int, outputs: int) -> nn.Module:
        """The float baseline with fresh weights: (batch, inputs) to logits (batch, outputs)."""

    @abstractmethod
    def quantised(self, inputs: int, outputs: int, formats: FormatSettings) -> Quantised:
        """The same with quantised inputs, parameters and activations; `QuantisedLinear` prunes."""

    @abstractmethod
    def fixed(self, state: Mapping[str, np.ndarray], formats: FormatSettings) -> Fixed:
        """From the weights file of `quantised`.

        Raises:
            KeyError: a parameter is missing.
            ValueError: a shape is not that of the settings.
        """


def build(name: str, settings: Mapping[str, Any] | Settings) -> Design:
    """The design of this name.

    Args:
        name: its key in `DESIGNS`.
        settings: its section of the configuration.

    Raises:
        ConfigurationError: no design has this name, or the settings are not its own.
    """
    return DESIGNS.load(name)(DESIGNS.decode(name, settings))


def read_fixed(
    path: Path, name: str, settings: Mapping[str, Any] | Settings, formats: FormatSettings
) -> Fixed:
    """Read the weights of a quantised design.

    Raises:
        DataError: the file is damaged, or not of a design with these settings.
    """
    try:
        return build(name, settings).fixed(read_arrays(path), formats)
    except KeyError as error:
        raise DataError(f"{path}: parameter {error} is missing.", REMAKE) from None
    except ValueError as error:
        raise DataError(f"{path}: {error}.", REMAKE) from None


def project_name(design: str) -> str:
    """Name of a design's HLS project, and of the top module of its Verilog."""
    return f"jetchain_{design}"
