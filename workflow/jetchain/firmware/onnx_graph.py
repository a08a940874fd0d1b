"""A network that somebody else made: its file, in ONNX or of PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError
from jetchain.firmware.onnx_layers import Graph
from jetchain.firmware.onnx_reader import Reader
from jetchain.firmware.settings import FirmwareSettings

MADE, TEXT = ".pt2", ".onnxtxt"  # a program of torch.export; ONNX to read; all else is ONNX


def read_graph(path: Path) -> Graph:
    """The graph of a file.

    Args:
        path: ``.onnx``, or the text of ONNX as ``.onnxtxt``; or ``.pt2``, what torch.export.save
            writes.

    Raises:
        DataError: it cannot be read.
        ConfigurationError: it has a layer that firmware does not have here.
    """
    import onnx

    if not path.is_file():
        raise DataError(f"{path}: no such file.", "Correct the file of the design.")
    try:
        model = _model(path)
        onnx.checker.check_model(model)
    except Exception as error:
        raise DataError(
            f"{path}: no network that can be read ({type(error).__name__}: {error}).",
            "Write it with torch.onnx.export, or with torch.export.save as .pt2.",
        ) from error
    return Reader(path, model).read()


def data_files(path: Path) -> list[Path]:
    """The files beside an ONNX file in which its weights are; none where it cannot be read."""
    import onnx
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    if path.suffix in (MADE, TEXT):
        return []
    try:
        tensors = onnx.load(path, load_external_data=False).graph.initializer
    except Exception:  # the job says what is wrong
        return []
    names = {ExternalDataInfo(each).location for each in tensors if uses_external_data(each)}
    return [path.parent / name for name in sorted(names)]


def _model(path: Path) -> Any:
    """The ONNX model of a file; a program of torch.export becomes one."""
    import onnx.parser

    if path.suffix == TEXT:
        return onnx.parser.parse_model(path.read_text(encoding="utf-8"))
    if path.suffix != MADE:
        return onnx.load(path)
    import torch

    program = torch.onnx.export(torch.export.load(path), dynamo=True, verbose=False)
    assert program is not None
    return program.model_proto


def require_networks(settings: FirmwareSettings) -> None:
    """Refuse a network of the user's before anything runs; see `designs.own.Own.floating`."""
    for name, section in settings.models:
        if getattr(section, "file", None):
            from jetchain.firmware.design import build  # torch, which takes seconds

            rows = section.constituents or settings.dataset.constituents
            build(name, section).floating(rows * section.columns, len(settings.dataset.classes))
