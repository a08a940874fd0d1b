"""Write a network that hls4ml reads as an HLS project for Vitis, the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import nn

from jetchain.firmware.design_settings import DeviceSettings
from jetchain.firmware.quantise import Format

STAMP = "00000000"  # hls4ml draws a random one, and names the compiled library after it


def write_network(
    model: nn.Module,
    inputs: int,
    precision: Mapping[str, Mapping[str, str]],
    source: Format,
    folder: Path,
    project: str,
    device: DeviceSettings,
) -> None:
    """Write an hls4ml project whose arithmetic is given number by number.

    Args:
        model: layers that hls4ml knows, with quantised parameters.
        inputs: number of inputs.
        precision: formats of each named layer: weight, bias, accum, result.
        source: format of the results of the other layers, which are inputs.
        folder: where to.
        project: its name.
        device: chip and clock.
    """
    from hls4ml.converters import convert_from_pytorch_model
    from hls4ml.utils import config_from_pytorch_model

    config = config_from_pytorch_model(
        model,
        (inputs,),
        granularity="name",
        backend="Vitis",
        default_precision="fixed<16,6>",
        channels_last_conversion="internal",
    )
    layers: dict[str, Any] = config["LayerName"]
    for name, layer in layers.items():
        layer["Precision"].update(precision.get(name, {"result": source.hls}))
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


def _sequence(loader: _Loader, node: yaml.Node) -> Any:
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
