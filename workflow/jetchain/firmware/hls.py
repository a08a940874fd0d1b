"""Write a network that hls4ml reads as an HLS project for Vitis, the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from jetchain.firmware.design_settings import DeviceSettings, FormatSettings
from jetchain.firmware.flow import Carrier, Range, Ranges, Shape
from jetchain.firmware.quantise import Array, Format

STAMP = "00000000"  # hls4ml draws a random one, and names the compiled library after it


@dataclass(frozen=True)
class Node:
    """A tensor of the HLS project: its name, width, rows with their exact format, and its rank."""

    name: str
    width: int
    range: Range
    by_row: bool


@dataclass(frozen=True)
class Step:
    """A module of this name, or the function ``add``, ``cat`` or ``mul``, on such tensors."""

    name: str
    inputs: tuple[str, ...]
    function: str = ""


class Layers(Carrier[Node]):
    """Gathers a design as layers that hls4ml reads, with the format of every number.

    Args:
        weights, biases: of each layer.
        formats: of the design's numbers.
        port: format of an input before it saturates.
    """

    def __init__(
        self,
        weights: Mapping[str, Array],
        biases: Mapping[str, Array],
        formats: FormatSettings,
        port: Format,
    ) -> None:
        self.weights, self.biases, self.formats, self.port = weights, biases, formats, port
        self.ranges = Ranges(weights, biases, Format.of(formats.activations))
        self.steps: list[Step] = []
        self.modules: dict[str, nn.Module] = {}
        self.precision: dict[str, dict[str, str]] = {"x": {"result": _wide(port)}}
        self.last = ""

    def begin(self, shape: Shape) -> Node:
        """The inputs, rounded and saturated."""
        source, by_row = Format.of(self.formats.inputs), len(shape) > 1
        node = Node("x", shape[-1], Range(shape[0] if by_row else 1, source), by_row)
        return self._same("saturate", node, source.hls)

    def end(self, x: Node) -> None:
        """The outputs."""
        self.last = x.name

    def linear(self, name: str, x: Node, width: int) -> Node:
        """See `Carrier`: a convolution with a kernel of one row, or a dense layer."""
        layer: nn.Module = nn.Conv1d(x.width, width, 1) if x.by_row else nn.Linear(x.width, width)
        weight, bias = torch.from_numpy(self.weights[name].T), torch.from_numpy(self.biases[name])
        with torch.no_grad():
            layer.weight.copy_(weight[..., None] if x.by_row else weight)
            layer.bias.copy_(bias)
        wide = self.ranges.linear(name, x.range, width)
        exact = {key: _wide(wide.format) for key in ("accum", "result")}
        numbers = {
            "weight": Format.of(self.formats.weights).hls,
            "bias": Format.of(self.formats.biases).hls,
        }
        return self._module(f"layer_{name}", layer, x, wide, width=width, **numbers, **exact)

    def relu(self, x: Node) -> Node:
        """See `Carrier`."""
        to = self.ranges.relu(x.range)
        return self._module(f"relu_{x.name}", nn.ReLU(), x, to, result=to.format.hls)

    def mean(self, x: Node, of_partners: bool = False) -> Node:
        """See `Carrier`: average pooling."""
        to = self.ranges.mean(x.range, of_partners)
        pool = nn.AvgPool1d(x.range.rows // to.rows)
        # The sum, and then the quotient.
        grown = Format(to.format.k, to.format.i + to.format.f - x.range.format.f, to.format.f)
        return self._module(
            f"mean_{x.name}", pool, x, to, accum=_wide(grown), result=_wide(to.format)
        )

    def add(self, x: Node, y: Node) -> Node:
        """See `Carrier`: hls4ml adds equal shapes only."""
        rows = max(x.range.rows, y.range.rows)
        x, y = (each if each.range.rows == rows else self._repeated(each, rows) for each in (x, y))
        to = self.ranges.add(x.range, y.range)
        if x.name == y.name:  # hls4ml refuses one tensor twice
            y = self._same(f"twin_{y.name}", y, _wide(y.range.format))
        return self._function("add", x, y, to)

    def pairs(self, x: Node, y: Node) -> Node:
        """See `Carrier`: each row of one many times, and the other many times over."""
        many = self._repeated(x, x.range.rows)
        while y.range.rows < many.range.rows:
            twin = self._same(f"twin{y.range.rows}_{y.name}", y, _wide(y.range.format))
            y = self._function("cat", y, twin, Range(2 * y.range.rows, y.range.format))
        return self.add(many, y)

    def flat(self, x: Node) -> Node:
        """See `Carrier`."""
        node = self._module(
            f"flat_{x.name}", nn.Flatten(), x, x.range, result=_wide(x.range.format)
        )
        return replace(node, by_row=False)

    def squares(self, x: Node, width: int) -> Node:
        """See `Carrier`: products of each number with itself, and a dense layer of ones."""
        twin = self._same(f"twin_{x.name}", x, _wide(x.range.format))  # as in `add`
        square = self._function("mul", x, twin, self.ranges.square(x.range))
        ones = nn.Linear(width, 1, bias=False)
        nn.init.ones_(ones.weight)
        to = self.ranges.squares(x.range, width)
        exact = {key: _wide(to.format) for key in ("accum", "result")}
        one = dict.fromkeys(("weight", "bias"), "ufixed<1,1>")
        return self._module(f"sum_{square.name}", ones, square, to, width=1, **one, **exact)

    def _same(self, name: str, x: Node, result: str) -> Node:
        """The same numbers in another tensor: a leaky ReLU of slope 1, which hls4ml keeps."""
        return self._module(name, nn.LeakyReLU(1.0), x, x.range, param="ufixed<1,1>", result=result)

    def _repeated(self, x: Node, times: int) -> Node:
        to = Range(x.range.rows * times, x.range.format)
        return self._module(
            f"repeat_{x.name}",
            nn.Upsample(scale_factor=times),
            x,
            to,
            result=self.precision[x.name]["result"],  # it copies, and casts nothing
        )

    def _module(
        self, name: str, module: nn.Module, x: Node, to: Range, width: int = 0, **precision: str
    ) -> Node:
        if name not in self.modules:  # the same of the same tensor may be asked for twice
            self.modules[name] = module
            self.steps.append(Step(name, (x.name,)))
            self.precision[name] = precision
        return Node(name, width or x.width, to, x.by_row)

    def _function(self, function: str, x: Node, y: Node, to: Range) -> Node:
        before = sum(step.function == function for step in self.steps)
        name = f"{function}_{before}" if before else function  # as torch.fx names them
        self.steps.append(Step(name, (x.name, y.name), function))
        self.precision[name] = {"result": _wide(to.format)}
        return Node(name, x.width, to, x.by_row)


def _wide(exact: Format) -> str:
    """hls4ml's name of a format that holds every number without rounding or saturation."""
    return f"{'' if exact.k else 'u'}fixed<{exact.width},{exact.k + exact.i}>"


class _Traced(nn.Module):
    """The layers as a module that torch.fx can follow."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.steps, self.last = layers.steps, layers.last
        for name, module in layers.modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, columns, rows), or (batch, inputs), to (batch, outputs)."""
        values = {"x": x}
        for step in self.steps:
            inputs = [values[name] for name in step.inputs]
            if step.function == "add":
                values[step.name] = torch.add(*inputs)
            elif step.function == "mul":
                values[step.name] = torch.mul(*inputs)
            elif step.function == "cat":
                values[step.name] = torch.cat(inputs, dim=2)
            else:
                values[step.name] = getattr(self, step.name)(inputs[0])
        return values[self.last]


def write_network(
    layers: Layers, shape: Shape, folder: Path, project: str, device: DeviceSettings
) -> None:
    """Write an hls4ml project whose arithmetic is given number by number.

    Args:
        layers: of a design, from its inputs to its outputs.
        shape: of the inputs, (inputs,) or (rows, columns).
        folder: where to.
        project: its name.
        device: chip and clock.
    """
    from hls4ml.converters import convert_from_pytorch_model
    from hls4ml.utils import config_from_pytorch_model

    model = _Traced(layers).eval()
    config = config_from_pytorch_model(
        model,
        shape[::-1],  # torch has the columns first
        granularity="name",
        backend="Vitis",
        default_precision="fixed<16,6>",
        channels_last_conversion="internal",
    )
    for name, layer in config["LayerName"].items():
        layer["Precision"].update(layers.precision[name])
    graph = convert_from_pytorch_model(
        model,
        hls_config=config,
        backend="Vitis",
        project_name=project,
        output_dir=str(folder),
        io_type="io_parallel",
        part=device.part,
        clock_period=device.clock_period,
    )
    graph.write()
    _make_reproducible(folder, str(graph.config.get_config_value("Stamp")))


class _Loader(yaml.SafeLoader):
    """Reads hls4ml's own YAML; what only Python can rebuild becomes None."""


def _sequence(loader: _Loader, node: yaml.Node) -> object:
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else None


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _sequence)
_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def _make_reproducible(folder: Path, stamp: str) -> None:
    """Take paths, the random stamp and the pickled torch module out of the project."""
    script = folder / "build_lib.sh"
    script.write_text(script.read_text().replace(stamp, STAMP))
    record = folder / "hls4ml_config.yml"
    config = yaml.load(record.read_text(), Loader=_Loader)  # a SafeLoader
    config.pop("PytorchModel", None)
    config.update(OutputDir=".", Stamp=STAMP)
    record.write_text(yaml.safe_dump(config, sort_keys=True))
