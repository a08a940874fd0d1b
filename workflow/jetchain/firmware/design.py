"""What a file of designs/ offers to the verbs of this room.

A design says once how it is wired (`flow.Carrier`). It is trained twice, as a float network and
with its numbers in fixed point; the second is then read back as a `Fixed`, from which alone the
HLS project, the Verilog and both simulations are made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.tensors import read_arrays, read_tensors
from jetchain.core.settings import Settings
from jetchain.firmware.dataset import FEATURES, FIRMWARE_JETS, MEASURED
from jetchain.firmware.design_settings import (
    DesignSettings,
    DeviceSettings,
    FormatSettings,
    InputSettings,
)
from jetchain.firmware.designs import DESIGNS
from jetchain.firmware.flow import Carrier, Exact, Range, Ranges, Shape, Shapes
from jetchain.firmware.layers import Network
from jetchain.firmware.quantise import Array, Format, quantise

CHARGE, KIND = Format(1, 1, 0), Format(0, 1, 0)


class Design(ABC):
    """A member of `DESIGNS`, built from its own settings."""

    by_constituent = True
    """Whether its inputs are rows, one a constituent, or one vector."""

    def __init__(self, settings: DesignSettings) -> None:
        self.settings: Any = settings

    @abstractmethod
    def wire(self, net: Carrier[Any], x: Any, outputs: int) -> Any:
        """From the inputs to the logits, through the methods of the carrier."""

    def start(self) -> Mapping[str, tuple[Array, Array]]:
        """Weights (outputs, inputs) and biases (outputs,) that a training starts from, by layer.

        Layers that are not named start with random ones.
        """
        return {}

    @property
    def columns(self) -> int:
        """Numbers that it sees of a constituent, the first of FEATURES."""
        return int(self.settings.columns)

    def select(self, features: np.ndarray) -> np.ndarray:
        """What it sees of the data set; see `select`."""
        return select(features, self.settings)

    def arranged(self, shape: Shape) -> Shape:
        """The shape in which `wire` takes the inputs (inputs,): rows of constituents, or as is."""
        return (shape[0] // self.columns, self.columns) if self.by_constituent else shape

    def formats(self, common: FormatSettings) -> FormatSettings:
        """The formats of its numbers: its own, or those of every design."""
        return self.settings.formats or common

    def floating(self, inputs: int, outputs: int) -> Network:
        """The float baseline with fresh weights: (batch, inputs) to logits (batch, outputs)."""
        return Network(self, inputs, outputs)

    def quantised(self, inputs: int, outputs: int, common: FormatSettings) -> Network:
        """The same with quantised inputs, parameters and activations."""
        return Network(self, inputs, outputs, self.formats(common))

    def fixed(
        self, state: Mapping[str, np.ndarray], common: FormatSettings, headroom: int = 0
    ) -> Fixed:
        """From the weights file of `quantised`.

        Raises:
            KeyError: a parameter is missing.
            ValueError: a shape is not that of the settings.
            ConfigurationError: a number has too many bits to be compared exactly.
        """
        shape = (int(state["inputs"]),)
        rows, rest = divmod(shape[0], self.columns)
        if rest or rows != (self.settings.constituents or rows):
            raise ValueError(
                f"{shape[0]} inputs, expected {self.columns} of each of "
                f"{self.settings.constituents or 'all'} constituents"
            )
        shapes = Shapes()
        self.wire(shapes, self.arranged(shape), 1)
        *_, last = shapes.layers
        outputs = len(state[f"layers.{last}.bias"])
        self.wire(shapes, self.arranged(shape), outputs)
        formats = self.formats(common)
        weights, biases = {}, {}
        for name, (a, b) in shapes.layers.items():
            weight, bias = state[f"layers.{name}.weight"], state[f"layers.{name}.bias"]
            if weight.shape != (b, a) or bias.shape != (b,):
                raise ValueError(
                    f"layer {name} is {weight.shape[1]} to {len(bias)} wide, expected {a} to {b}"
                )
            masked = (weight * state[f"layers.{name}.mask"]).T
            weights[name] = quantise(masked, Format.of(formats.weights))
            biases[name] = quantise(bias, Format.of(formats.biases))
        fixed = Fixed(self, shape[0], weights, biases, formats, headroom)
        _ = fixed.bit_operations  # all formats on the way are narrow enough
        return fixed


@dataclass(frozen=True)
class Fixed:
    """A design whose numbers are all fixed-point, in numpy: what the firmware must reproduce.

    Args:
        design: what wires it.
        number: of inputs.
        weights: (inputs, outputs) of each layer, already quantised.
        biases: (outputs,) of each layer, already quantised.
        formats: of its numbers.
        headroom: integer bits of the input port beyond the inputs' format.
    """

    design: Design
    number: int
    weights: Mapping[str, Array]
    biases: Mapping[str, Array]
    formats: FormatSettings
    headroom: int = 0

    @property
    def inputs(self) -> Format:
        """Format of every input in the network."""
        return Format.of(self.formats.inputs)

    @property
    def port(self) -> Format:
        """Format of an input at the port: with the headroom that the firmware saturates."""
        inner = self.inputs
        return Format(inner.k, inner.i + self.headroom, inner.f)

    @property
    def ports(self) -> list[Format]:
        """The same of each input; of charges and kinds only the bits that they can have."""
        columns = FEATURES[: self.design.columns]
        few = dict.fromkeys(FEATURES[len(MEASURED) :], KIND) | {"charge": CHARGE}
        row = [few.get(name, self.port) for name in columns]
        return [row[place % len(row)] for place in range(self.number)]

    def at_port(self, x: Array) -> Array:
        """Inputs (events, inputs) in the formats of the ports; what does not fit saturates."""
        places = zip(np.moveaxis(np.asarray(x, np.float64), -1, 0), self.ports, strict=True)
        return np.stack([quantise(values, to) for values, to in places], axis=-1)

    @property
    def activations(self) -> Format:
        """Format behind each ReLU."""
        return Format.of(self.formats.activations)

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return len(list(self.biases.values())[-1])

    @property
    def widths(self) -> list[int]:
        """Inputs, and the outputs of each layer."""
        return [self.number, *(len(bias) for bias in self.biases.values())]

    @property
    def parameters(self) -> list[Array]:
        """The weights, layer by layer; biases are not counted."""
        return list(self.weights.values())

    @property
    def description(self) -> str:
        """What it is and how large, for the report."""
        name = type(self.design).__name__
        if not self.design.by_constituent:
            return f"{name} {'-'.join(map(str, self.widths))}"
        rows, columns = self.design.arranged((self.number,))
        layers = "-".join(str(width) for width in self.widths[1:])
        return f"{name} of {rows} constituents with {columns} numbers, layers {layers}"

    @property
    def sparsity(self) -> float:
        """Part of the weights that are zero."""
        return float(np.mean(np.concatenate([each.ravel() for each in self.parameters]) == 0.0))

    @property
    def ranges(self) -> Ranges:
        """What has carried the formats of its numbers from the inputs to the outputs."""
        ranges = Ranges(self.weights, self.biases, self.activations)
        rows = self.design.arranged((self.number,))[0] if self.design.by_constituent else 1
        self.design.wire(ranges, Range(rows, self.inputs), self.outputs)
        return ranges

    @property
    def bit_operations(self) -> int:
        """Effective bit operations of one event; see `flow.Ranges`."""
        return self.ranges.bit_operations

    def forward(self, x: Array) -> Array:
        """The exact outputs (events, outputs) for inputs (events, inputs), quantised or not."""
        carried = Exact(self.weights, self.biases, lambda y: quantise(y, self.activations))
        rows = quantise(x, self.inputs).reshape(len(x), *self.design.arranged((self.number,)))
        return np.asarray(self.design.wire(carried, rows, self.outputs))

    def replay(self, x: Any) -> Any:
        """The same on da4ml's variables: inputs as at the port (inputs,) to outputs (outputs,)."""
        from da4ml.trace.ops import quantize

        def relu(y: Any) -> Any:
            to = self.activations
            return quantize(y.relu(), to.k, to.i, to.f, "SAT", "RND")

        to = self.inputs
        rows = quantize(x, to.k, to.i, to.f, "SAT", "RND").reshape(
            self.design.arranged((self.number,))
        )
        return self.design.wire(Exact(self.weights, self.biases, relu), rows, self.outputs)

    def write_hls(self, folder: Path, project: str, device: DeviceSettings) -> None:
        """Write an HLS project of the same arithmetic; see `hls.write_network`.

        Args:
            folder: where to.
            project: its name: ``firmware/<project>.cpp`` and ``<project>_bridge.cpp``, which
                offers ``<project>_double(inputs, outputs)``, make the C simulation.
            device: chip and clock.
        """
        from jetchain.firmware.hls import Layers, write_network

        layers = Layers(self.weights, self.biases, self.formats, self.port)
        shape = self.design.arranged((self.number,))
        layers.end(self.design.wire(layers, layers.begin(shape), self.outputs))
        write_network(layers, shape, folder, project, device)


def select(features: np.ndarray, settings: InputSettings) -> np.ndarray:
    """What a design sees of the data set: the leading constituents, and of these its features.

    Args:
        features: (jets, constituents * FEATURES) as in FIRMWARE_JETS.
        settings: of the design.

    Raises:
        ConfigurationError: it wants more constituents than the data set keeps.
    """
    rows = features.reshape(len(features), -1, len(FEATURES))
    wanted = settings.constituents or rows.shape[1]
    if wanted > rows.shape[1]:
        raise ConfigurationError(
            f"firmware: a design sees {wanted} constituents, but the data set keeps "
            f"{rows.shape[1]}.",
            f"Set firmware.dataset.constituents to {wanted}, or the design's to less.",
        )
    return np.ascontiguousarray(rows[:, :wanted, : settings.columns]).reshape(len(features), -1)


def build(name: str, settings: Mapping[str, Any] | Settings) -> Design:
    """The design of this name.

    Args:
        name: its key in `DESIGNS`.
        settings: its section of the configuration.

    Raises:
        ConfigurationError: no design has this name, or the settings are not its own.
    """
    design: Design = DESIGNS.load(name)(DESIGNS.decode(name, settings))
    return design


def read_jets(dataset: Path, design: Design) -> dict[str, np.ndarray]:
    """The data set with the features that a design sees."""
    data = read_tensors(dataset, FIRMWARE_JETS)
    return {**data, "features": design.select(data["features"])}


def read_fixed(
    path: Path,
    name: str,
    settings: Mapping[str, Any] | Settings,
    formats: FormatSettings,
    headroom: int = 0,
) -> Fixed:
    """Read the weights of a quantised design; see `Fixed`.

    Raises:
        DataError: the file is damaged, or not of a design with these settings.
    """
    try:
        return build(name, settings).fixed(read_arrays(path), formats, headroom)
    except KeyError as error:
        raise DataError(f"{path}: parameter {error} is missing.", REMAKE) from None
    except ValueError as error:
        raise DataError(f"{path}: {error}.", REMAKE) from None


def project_name(design: str) -> str:
    """Name of a design's HLS project, and of the top module of its Verilog."""
    return f"jetchain_{design}"
