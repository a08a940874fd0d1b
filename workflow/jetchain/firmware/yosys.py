"""Map a design's Verilog to the cells of an UltraScale+ chip with Yosys, and count them.

Nothing is placed or routed: LUTs that share a site, or that routing adds, are not known.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.firmware import MappedDesign, RTLDesign
from jetchain.core.verbs import Input, Output
from jetchain.firmware.archive import scratch, unpack
from jetchain.firmware.design import project_name
from jetchain.firmware.simulate import run_tool

KINDS = {
    "luts": r"LUT[1-6]",
    "flip_flops": r"FD[RSCP]E",
    "carries": r"CARRY4",
    "dsps": r"DSP48E2",
    "block_rams": r"RAMB(18|36)E2",
    "inverters": r"INV",  # taken into the LUTs behind them by a vendor's tool
}
"""Names of the cells, by the field of `MappedDesign` that counts them."""
WRAPPER = "_wrapper.v"  # one port for all inputs, for the simulation


def count(*, verilog: Input, description: Input, cells: Output, design: str) -> None:
    """Unpack the Verilog, map it and count; takes minutes and about 1 GB."""
    described = read_result(description, RTLDesign)
    with scratch(cells) as folder:
        unpack(verilog, folder)
        files = sorted((folder / "src").rglob("*.v"))
        version, found = mapped(
            [file for file in files if not file.name.endswith(WRAPPER)],
            project_name(design),
            folder,
        )
    kinds, others = by_kind(found)
    write_result(
        cells,
        MappedDesign(
            **kinds,
            luts_by_inputs=[found.get(f"LUT{inputs}", 0) for inputs in range(1, 7)],
            others=others,
            yosys=version,
            estimated_luts=described.estimated_luts,
            register_bits=described.register_bits,
        ),
    )


def mapped(files: list[Path], top: str, folder: Path) -> tuple[str, dict[str, int]]:
    """Yosys's version, and the number of cells by their name.

    Args:
        files: Verilog.
        top: name of its top module.
        folder: where `map.ys`, Yosys's script, and `cells.json` are written.

    Raises:
        ToolError: Yosys fails.
    """
    sources = " ".join(json.dumps(str(file.resolve())) for file in files)
    (folder / "map.ys").write_text(
        f"read_verilog -sv -defer {sources}\n"
        f"synth_xilinx -family xcup -top {top} -noiopad -noclkbuf -flatten\n"
        "tee -q -o cells.json stat -json -tech xilinx\n"
    )
    run = "from pyosys import libyosys as y; y.run_pass('script map.ys', y.Design())"
    run_tool([sys.executable, "-c", run], folder)
    found = json.loads((folder / "cells.json").read_text())
    version = found["creator"].split(" (")[0]
    return version, found["design"]["num_cells_by_type"]


def by_kind(cells: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Numbers of cells by `KINDS`, and of the others by their name.

    Args:
        cells: numbers by Yosys's name; ``$scopeinfo`` is no cell of a chip.
    """
    kinds, others = dict.fromkeys(KINDS, 0), {}
    for name, number in sorted(cells.items()):
        kind = next((key for key, names in KINDS.items() if re.fullmatch(names, name)), None)
        if kind:
            kinds[kind] += number
        elif name != "$scopeinfo":
            others[name] = number
    return kinds, others
