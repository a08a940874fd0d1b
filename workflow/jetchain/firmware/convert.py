"""Convert the quantised network to an HLS project for Vitis with hls4ml."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from jetchain.core.verbs import Input, Output
from jetchain.firmware.archive import pack, scratch
from jetchain.firmware.quantise import FixedNetwork, Format, read_network
from jetchain.firmware.settings import (
    PROJECT,
    DeviceSettings,
    FirmwareNetworkSettings,
    NetworkDeviceSettings,
)

STAMP = "00000000"  # hls4ml draws a random one, and names the compiled library after it


def convert(*, weights: Input, project: Output, settings: NetworkDeviceSettings) -> None:
    """Write the HLS project of the quantised network as an archive."""
    network = read_network(weights, settings.network)
    with scratch(project) as folder:
        write_hls(network, folder / PROJECT, settings.network, settings.device)
        pack(folder, project)


def write_hls(
    network: FixedNetwork, folder: Path, formats: FirmwareNetworkSettings, device: DeviceSettings
) -> None:
    """Write an hls4ml project whose arithmetic is that of the network, bit for bit.

    Args:
        network: the quantised network.
        folder: where to; hls4ml takes the project's name from `PROJECT`.
        formats: number formats of weights and biases.
        device: chip and clock.
    """
    from hls4ml.converters import convert_from_pytorch_model
    from hls4ml.utils import config_from_pytorch_model

    inputs = len(network.weights[0])
    model = plain_network(network)
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
        precision = layer["Precision"]
        if name.startswith("dense"):
            wide = network.accumulator(int(name.removeprefix("dense")))
            exact = f"fixed<{wide.width},{wide.k + wide.i}>"
            precision["weight"] = Format.of(formats.weights).hls
            precision["bias"] = Format.of(formats.biases).hls
            precision["accum"] = precision["result"] = exact
        elif name.startswith("relu"):
            precision["result"] = network.activations.hls
        else:
            precision["result"] = network.inputs.hls
    graph = convert_from_pytorch_model(
        model,
        hls_config=config,
        backend="Vitis",
        project_name=PROJECT,
        output_dir=str(folder),
        io_type="io_parallel",
        part=device.part,
        clock_period=device.clock_period,
    )
    graph.write()
    _make_reproducible(folder, str(graph.config.get_config_value("Stamp")))


def plain_network(network: FixedNetwork) -> nn.Module:
    """The network as the layers that hls4ml reads: dense0, relu0, dense1, ..."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for n, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        dense = nn.Linear(*weight.shape)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(weight.T))
            dense.bias.copy_(torch.from_numpy(bias))
        layers[f"dense{n}"] = dense
        if n < len(network.weights) - 1:
            layers[f"relu{n}"] = nn.ReLU()
    return nn.Sequential(layers)


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
