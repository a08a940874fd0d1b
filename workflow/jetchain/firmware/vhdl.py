"""Boosted trees as VHDL through conifer: written, emulated in C++, and simulated by ghdl.

conifer (arXiv 2002.02534) does all comparisons of all trees at once and sums what their leaves add,
pipelined. Its C++ emulation has the same arithmetic, in the types of the vendor's HLS headers,
which hls4ml brings along. Every output of both is compared with the trees in numpy.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import ToolError
from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.firmware import (
    Comparison,
    TreesDesign,
    TreesSimulation,
    VHDLSimulation,
)
from jetchain.core.verbs import Input, Output
from jetchain.firmware.archive import pack, scratch, unpack
from jetchain.firmware.latency import Clocked, find_impulse, measure_interval, measure_latency
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.quantise import Array, Format
from jetchain.firmware.settings import TreesJobSettings
from jetchain.firmware.simulate import require_equal, require_tools, run_tool
from jetchain.firmware.trees import Trees, logits_of, read_trees, stimulus

PROJECT = "jetchain_trees"
REMEDY = "Install what envs/trees.txt lists: docs/tutorial/8-firmware.md says how."
FROM = "conifer: install the versions of envs/trees.txt"
# As of simulate.TESTBENCH: one row of the file a clock, present it, tick, write the output port.
TESTBENCH = """\
library ieee; use ieee.std_logic_1164.all; use ieee.numeric_std.all;
use std.textio.all;
library BDT; use BDT.Constants.all; use BDT.Types.all;
entity bench is end bench;
architecture rtl of bench is
  signal X : txArray(0 to nFeatures - 1) := (others => to_tx(0));
  signal y : tyArray(0 to nClasses - 1);
  signal y_vld : boolArray(0 to nClasses - 1);
  signal clk : std_logic := '0';
begin
  UUT : entity BDT.BDTTop port map(clk, X, true, y, y_vld);
  process
    file driven : text open read_mode is "inputs.txt";
    file seen : text open write_mode is "outputs.txt";
    variable row, found : line;
    variable value : integer;
  begin
    while not endfile(driven) loop
      readline(driven, row);
      for i in X'range loop
        read(row, value);
        X(i) <= to_tx(value);
      end loop;
      clk <= '0';
      wait for 1 ns;
      clk <= '1';
      wait for 1 ns;
      for i in y'range loop
        write(found, to_integer(y(i)));
        write(found, ' ');
      end loop;
      writeline(seen, found);
    end loop;
    wait;
  end process;
end rtl;
"""

# conifer's own header is the emulation; this calls it for many rows.
EMULATION = """\
#include <functional>
#include <numeric>
#include <vector>
#include "ap_fixed.h"
#include "conifer.h"
struct Config : conifer::ConiferConfiguration {
    typedef NUMBER input_t;
    typedef NUMBER threshold_t;
    typedef NUMBER weight_t;
    typedef NUMBER score_t;
};
extern "C" void run(
    const char* model, const double* x, double* y, long rows, long inputs, long outputs
) {
    const conifer::BDT<Config> trees(model);
    for (long row = 0; row < rows; ++row, x += inputs) {
        for (double each : trees._decision_function_double(std::vector<double>(x, x + inputs)))
            *y++ = each;
    }
}
"""


def convert(*, trees: Input, vhdl: Output, description: Output, settings: TreesJobSettings) -> None:
    """Write the VHDL project with a vendor script as an archive, and what is known of the design.

    Raises:
        ConfigurationError: the format does not hold the trees' numbers.
        ToolError: conifer is not installed, or fails.
    """
    floating = read_trees(trees)
    number = Format.of(settings.trees.number)
    fixed = floating.fixed(number)
    with scratch(vhdl) as folder:
        write_vhdl(floating, number, folder, settings.device.part)
        pack(folder, vhdl)
    write_result(description, describe(fixed))


def describe(fixed: Trees) -> TreesDesign:
    """Counts of the trees, and conifer's own estimates."""
    estimates = conifer("utils.performance").performance_estimates(
        conifer("model").make_model(ensemble(fixed)), "vhdl"
    )
    inner = ~fixed.leaf
    full = 2**fixed.depth
    assert fixed.inputs is not None
    return TreesDesign(
        inputs=fixed.number,
        seen_inputs=len(np.unique(fixed.arrays["feature"][inner])),
        outputs=fixed.outputs,
        trees=len(fixed.arrays["root"]),
        depth=fixed.depth,
        bits=fixed.inputs.width,
        comparisons=int(inner.sum()),
        distinct_comparisons=len(fixed.comparisons),
        leaves=int(fixed.leaf.sum()),
        padded_leaves=full * len(fixed.arrays["root"]),
        stated_latency_cycles=int(estimates["latency"]),
        estimated_luts=int(estimates["lut"]),
        estimated_registers=int(estimates["ff"]),
    )


def simulate(
    *,
    trees: Input,
    vhdl: Input,
    dataset: Input,
    outputs: Output,
    result: Output,
    settings: TreesJobSettings,
    seed: int,
) -> None:
    """Emulate the trees in C++ and simulate the VHDL; every output must be that of numpy.

    Args:
        trees: FIRMWARE_TREES.
        vhdl: of `convert`.
        dataset: FIRMWARE_JETS.
        outputs: written, FIRMWARE_SCORES of the test jets.
        result: written, TreesSimulation.
        settings: of the trees, and how many random vectors.
        seed: of these.

    Raises:
        DataError: a jet has a number that the format does not hold.
        ToolError: conifer, g++ or ghdl is missing or fails, or an output differs.
    """
    floating = read_trees(trees)
    number = Format.of(settings.trees.number)
    fixed = floating.fixed(number)
    vectors = settings.simulation.random_vectors
    x, of_jets = stimulus(fixed, dataset, settings.trees, vectors, seed)
    expected = fixed.forward(x)
    jets = len(of_jets["label"])
    with scratch(outputs) as folder:
        emulated = run_cpp(floating, number, x, folder)
        differing = require_equal(emulated, expected, "The C++ emulation of conifer", "trees", FROM)
        simulated = None
        if settings.trees.ghdl:
            unpack(vhdl, folder)
            clocked = compile_vhdl(folder, fixed)
            latency = measure_latency(clocked, fixed, find_impulse(fixed, seed))
            interval, found = measure_interval(clocked, x, expected, latency)
            require_equal(found, expected, "The simulation of the VHDL", "trees", FROM)
            simulated = VHDLSimulation(
                vectors=len(x), outputs=found.size, differing=0, latency_cycles=latency,
                initiation_interval_cycles=interval,
            )  # fmt: skip
    write_tensors(outputs, FIRMWARE_SCORES, {"logits": logits_of(emulated[:jets]), **of_jets})
    write_result(
        result,
        TreesSimulation(
            test_jets=jets,
            cpp=Comparison(vectors=len(x), outputs=emulated.size, differing=differing),
            vhdl=simulated,
        ),
    )


def ensemble(trees: Trees) -> dict[str, Any]:
    """The trees as conifer's dictionary of an ensemble; it is made anew, for conifer changes it."""
    arrays, leaf = trees.arrays, trees.leaf
    ends = [*arrays["root"][1:], len(leaf)]
    rows = []
    for first, last in zip(arrays["root"], ends, strict=True):
        own = slice(first, last)
        hot = np.zeros((last - first, trees.number), np.int64)
        hot[np.arange(last - first), arrays["feature"][own]] = ~leaf[own]
        children = {
            f"children_{side}": np.where(leaf[own], -1, arrays[side][own] - first).tolist()
            for side in ("left", "right")
        }
        rows.append({
            "feature": np.where(leaf[own], -2, arrays["feature"][own]).tolist(),
            "threshold": np.where(leaf[own], 0.0, arrays["threshold"][own]).tolist(),
            "value": np.where(leaf[own], arrays["value"][own], 0.0).tolist(),
            "weight": hot.tolist(),
            **children,
        })  # fmt: skip
    outputs = trees.outputs
    return {
        "max_depth": trees.depth,
        "n_trees": trees.iterations,
        "n_features": trees.number,
        "n_classes": 2 if outputs == 1 else outputs,
        "init_predict": arrays["start"].tolist(),
        "norm": 1,
        "library": "sklearn",
        "splitting_convention": "<=",
        "trees": [rows[k : k + outputs] for k in range(0, len(rows), outputs)],
    }


def write_vhdl(trees: Trees, number: Format, folder: Path, part: str) -> None:
    """Write conifer's VHDL project into a folder, without what differs from run to run.

    Args:
        trees: in float, for conifer rounds them itself.
        number: format of all numbers.
        folder: where to.
        part: chip of the vendor script.

    Raises:
        ToolError: a package or g++ is missing or fails.
    """
    config = {
        "OutputDir": str(folder), "ProjectName": PROJECT, "Precision": _type(number),
        "Backend": "vhdl", "XilinxPart": part,
    }  # fmt: skip
    with _conifer_at_work(folder):
        conifer("backends.vhdl").set_simulator("ghdl")
        conifer("model").make_model(ensemble(trees), config).write()
    # Where and when it was written, and its converter of numbers.
    (folder / f"{PROJECT}.json").unlink()
    for path in folder.glob(".fp_converter_*/*"):
        path.unlink()


def run_cpp(trees: Trees, number: Format, x: Array, folder: Path) -> Array:
    """The outputs (vectors, outputs) of conifer's C++ for inputs (vectors, inputs).

    Args:
        trees: in float, for conifer rounds them itself.
        number: format of all numbers.
        x: in this format.
        folder: to build in.

    Raises:
        ToolError: a package or g++ is missing or fails.
    """
    require_tools("g++")
    model, library = folder / "trees.json", folder / "emulation.so"
    conifer("model").make_model(ensemble(trees)).save(str(model))
    (folder / "emulation.cpp").write_text(EMULATION)
    headers = [
        _headers("conifer", "backends/cpp/include"),
        _headers("nlohmann_json", "include"),
        _headers("hls4ml", "templates/vivado/ap_types"),
    ]
    run_tool(
        [
            "g++", "-O1", "-std=c++14", "-fPIC", "-shared", "-w", f"-DNUMBER={_type(number)}",
            *(f"-I{each}" for each in headers), "emulation.cpp", "-o", str(library),
        ],
        folder,
    )  # fmt: skip
    x = np.ascontiguousarray(x, np.float64)
    y = np.zeros((len(x), trees.outputs))
    places = [each.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for each in (x, y)]
    run = ctypes.CDLL(str(library)).run
    run(os.fsencode(model), *places, *map(ctypes.c_long, (len(x), trees.number, trees.outputs)))
    return y


def _type(number: Format) -> str:
    return f"ap_fixed<{number.width},{number.k + number.i}>"


def conifer(module: str) -> Any:
    """A module of conifer.

    Raises:
        ToolError: it is not installed.
    """
    try:
        # By name: a digest asks for the version of what is imported, and the lock lacks this.
        return importlib.import_module(f"conifer.{module}")
    except ImportError as error:
        raise ToolError(f"Boosted trees cannot become firmware ({error}).", REMEDY) from error


@contextlib.contextmanager
def _conifer_at_work(folder: Path) -> Iterator[None]:
    """conifer compiles its rounding in the folder that it runs in; variables tell the headers."""
    require_tools("g++")
    headers = {
        "XILINX_AP_INCLUDE": _headers("hls4ml", "templates/vivado/ap_types"),
        "PYTHONPATH": os.pathsep.join(
            [_headers("pybind11", ".."), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
    }
    before = {name: os.environ.get(name) for name in headers}
    os.environ.update(headers)
    try:
        with contextlib.chdir(folder):
            yield
    except ToolError:
        raise
    except Exception as error:  # conifer raises Exception where g++ fails
        raise ToolError(
            f"conifer could not write the VHDL ({error}).",
            "Its messages stand above in the log. conifer needs the headers of Python, and a "
            "folder whose name has no space.",
        ) from error
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _headers(package: str, below: str) -> str:
    """A folder of an installed package, which is not imported."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ToolError(f"The C++ headers of {package} are not installed.", REMEDY)
    return str((Path(found.origin).parent / below).resolve())


def compile_vhdl(folder: Path, trees: Trees) -> Clocked:
    """Compile conifer's VHDL with ghdl and our own testbench.

    Args:
        folder: of the project.
        trees: in fixed point.

    Raises:
        ToolError: ghdl is missing or fails.
    """
    require_tools(
        "ghdl",
        remedy="Install it (Debian: apt-get install ghdl), or set firmware.trees.ghdl to false: "
        "then the trees are emulated in C++ alone, and no cycle is measured.",
    )
    arrays = [f"Arrays{output}" for output in range(trees.outputs)]
    names = ["Constants", "Split", "Types", "Tree", "AddReduce", *arrays, "BDT", "BDTTop"]
    files = [f"firmware/{name}.vhd" for name in names]
    (folder / "bench.vhd").write_text(TESTBENCH)
    run_tool(["ghdl", "-a", "--std=08", "--work=BDT", *files], folder)
    run_tool(["ghdl", "-a", "--std=08", "bench.vhd"], folder)
    run_tool(["ghdl", "-e", "--std=08", "bench"], folder)
    assert trees.inputs is not None
    step = trees.inputs.step

    def clocked(rows: Array) -> Array:
        driven, seen = folder / "inputs.txt", folder / "outputs.txt"
        np.savetxt(driven, np.round(rows / step).astype(np.int64), fmt="%d")
        # Numbers are unknown until the pipeline is filled.
        run_tool(["ghdl", "-r", "--std=08", "bench", "--ieee-asserts=disable"], folder)
        return np.loadtxt(seen, ndmin=2) * step

    return clocked
