"""Cells that Yosys maps Verilog to, against designs counted by hand."""

import pytest

from helpers.snakemake import planned_rules
from jetchain.core.errors import ToolError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.firmware import MappedDesign, Pipeline, Port, RTLDesign
from jetchain.firmware.archive import pack
from jetchain.firmware.yosys import by_kind, count, mapped

# One LUT of six inputs, a register; an adder of 32 bits: eight carries of four bits with a LUT and
# a register a bit; a product of two numbers of 18 bits: one multiplier, its 36 registers apart.
KNOWN = """
module known(input clk, input [5:0] a, input [31:0] b, input [31:0] c,
             input signed [17:0] d, input signed [17:0] e,
             output reg all, output reg [31:0] sum, output reg signed [35:0] product);
  always @(posedge clk) begin
    all <= &a;
    sum <= b + c;
    product <= d * e;
  end
endmodule
"""
PORT = Port(number=1, width=1, fraction=0, signed=0)
DESCRIBED = RTLDesign(
    latency_cutoff=5, predicted_latency_cycles=1, register_bits=33, estimated_luts=33.0,
    inputs=PORT, outputs=PORT, calibrated=Pipeline(latency_cutoff=2, stages=1, register_bits=33),
    scan=[],
)  # fmt: skip


@pytest.mark.shared
def test_cells_of_a_known_design(tmp_path):
    project = tmp_path / "project"
    (project / "src" / "static").mkdir(parents=True)
    (project / "src" / "static" / "known.v").write_text(KNOWN.replace("known", "jetchain_known"))
    (project / "src" / "jetchain_known_wrapper.v").write_text("not read")
    pack(project, tmp_path / "verilog.tar.gz")
    write_result(tmp_path / "design.json", DESCRIBED)
    count(
        verilog=tmp_path / "verilog.tar.gz", description=tmp_path / "design.json",
        cells=tmp_path / "cells.json", design="known",
    )  # fmt: skip
    found = read_result(tmp_path / "cells.json", MappedDesign)
    assert found == MappedDesign(
        luts=33, luts_by_inputs=[0, 32, 0, 0, 0, 1], flip_flops=69, carries=8, dsps=1,
        block_rams=0, inverters=0, others={}, yosys=found.yosys, estimated_luts=33.0,
        register_bits=33,
    )  # fmt: skip
    assert found.yosys.startswith("Yosys ")


def test_no_cell_is_hidden():
    kinds, others = by_kind({"LUT2": 3, "LUT6": 1, "SRL16E": 2, "FDRE": 4, "$scopeinfo": 9})
    assert kinds["luts"] == 4
    assert kinds["flip_flops"] == 4
    assert others == {"SRL16E": 2}


def test_what_yosys_says_is_told(tmp_path, capsys):
    (tmp_path / "broken.v").write_text("module broken(input a; endmodule")
    with pytest.raises(ToolError, match="failed"):
        mapped([tmp_path / "broken.v"], "broken", tmp_path)
    assert "syntax error" in capsys.readouterr().err


@pytest.mark.workflow
def test_the_target_plans_a_count_for_each_design(tmp_path):
    planned = planned_rules(tmp_path, "firmware_synthesis")
    assert planned["count_firmware_cells"] == planned["simulate_firmware_rtl"]
    assert planned["table_firmware_synthesis"] == 1
