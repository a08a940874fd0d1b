"""Convert a quantised design to an HLS project."""

from __future__ import annotations

from jetchain.core.verbs import Input, Output
from jetchain.firmware.archive import pack, scratch
from jetchain.firmware.design import project_name, read_fixed
from jetchain.firmware.settings import ConvertSettings


def convert(*, weights: Input, project: Output, design: str, settings: ConvertSettings) -> None:
    """Write the HLS project of the quantised design as an archive."""
    fixed = read_fixed(weights, design, settings.model, settings.formats, settings.headroom)
    name = project_name(design)
    with scratch(project) as folder:
        fixed.write_hls(folder / name, name, settings.device)
        pack(folder, project)
