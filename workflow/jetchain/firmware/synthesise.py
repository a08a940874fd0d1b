"""Turn a quantised design into pipelined Verilog with da4ml (distributed arithmetic)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.io.tables import write_result
from jetchain.core.schema.firmware import Pipeline, Port, RTLDesign
from jetchain.core.verbs import Input, Output
from jetchain.firmware.archive import pack, scratch
from jetchain.firmware.design import Fixed, project_name, read_fixed
from jetchain.firmware.design_settings import DeviceSettings
from jetchain.firmware.settings import SynthesiseSettings

CALIBRATED = 2.0  # the cutoff of the designs in resources/published/firmware.json


def synthesise(
    *,
    weights: Input,
    verilog: Output,
    description: Output,
    design: str,
    settings: SynthesiseSettings,
) -> None:
    """Write the Verilog project as an archive, and what da4ml says about the design."""
    comb = trace(read_fixed(weights, design, settings.model, settings.formats, settings.headroom))
    cutoff = settings.synthesis.latency_cutoff
    with scratch(verilog) as folder:
        described = write_verilog(comb, folder, cutoff, project_name(design), settings.device)
        pack(folder, verilog)
    scan = [pipeline(comb, value) for value in settings.synthesis.scan]
    write_result(description, described.model_copy(update={"scan": scan}))


def trace(network: Fixed) -> Any:
    """Replay the design on symbolic fixed-point variables.

    Returns:
        da4ml's combinational logic: shifts and additions, no multiplier.

    Reference: Sun et al., arXiv 2507.04535 (da4ml).
    """
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace
    from da4ml.trace.ops import quantize

    # Adders of one delay unit whatever their width; solver option of da4ml's own examples.
    source = FixedVariableArrayInput((network.number,), HWConfig(1, -1, -1), {"hard_dc": 2})
    # The inputs arrive in the ports' formats already: this only declares them.
    k, i, f = (
        np.array(bits) for bits in zip(*((p.k, p.i, p.f) for p in network.ports), strict=True)
    )
    x = quantize(source, k, i, f)
    return comb_trace(source, network.replay(x))


def write_verilog(
    comb: Any, folder: Path, cutoff: float, project: str, device: DeviceSettings
) -> RTLDesign:
    """Write the Verilog project with vendor scripts.

    Args:
        comb: the logic from `trace`.
        folder: where to.
        cutoff: largest depth of a pipeline stage in adder delays.
        project: name of its top module.
        device: chip and clock.

    Returns:
        What da4ml predicts of the design, and the layout of its ports; no scan.
    """
    from da4ml.codegen import RTLModel

    model = RTLModel(
        comb,
        project,
        folder,
        flavor="verilog",
        latency_cutoff=cutoff,
        part_name=device.part,
        clock_period=device.clock_period,
    )
    model.write()
    predicted = json.loads((folder / "metadata.json").read_text())
    return RTLDesign(
        latency_cutoff=cutoff,
        predicted_latency_cycles=int(predicted["latency"]),
        register_bits=int(predicted["reg_bits"]),
        estimated_luts=float(predicted["cost"]),
        inputs=port(comb.inp_qint),
        outputs=port(comb.out_qint),
        calibrated=pipeline(comb, CALIBRATED),
        scan=[],
    )


def pipeline(comb: Any, cutoff: float) -> Pipeline:
    """Stages and registers that a cutoff gives; nothing is written or simulated."""
    from da4ml.trace import to_pipeline

    piped = to_pipeline(comb, cutoff, verbose=False)
    return Pipeline(
        latency_cutoff=cutoff, stages=len(piped.solutions), register_bits=int(piped.reg_bits)
    )


def port(intervals: Any) -> Port:
    """Number, width, fraction bits and sign of the elements of a port of the Verilog wrapper.

    The wrapper gives all elements the same format: the smallest that holds each of them.
    """
    from da4ml.types import minimal_kif

    k, i, f = (max(column) for column in zip(*map(minimal_kif, intervals), strict=True))
    return Port(number=len(intervals), width=int(k + i + f), fraction=int(f), signed=int(k))
