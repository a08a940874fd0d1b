"""What carries a design's numbers: formats that hold them, laws of sets, bits that are counted."""

import numpy as np
import pytest

from helpers.designs import FORMATS, OUTPUTS, ROWS, small, vectors
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tensors import write_tensors
from jetchain.firmware import simulate
from jetchain.firmware.dataset import FEATURES, FIRMWARE_JETS, TEST
from jetchain.firmware.design import build
from jetchain.firmware.design_settings import DeviceSettings, FixedPointSettings, FormatSettings
from jetchain.firmware.designs import DESIGNS
from jetchain.firmware.flow import Exact, Range, Ranges
from jetchain.firmware.latency import find_impulse, measure_interval, measure_latency
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.quantise import quantise
from jetchain.firmware.settings import SimulateSettings, SimulationSettings
from jetchain.firmware.synthesise import trace, write_verilog


class Checked(Exact):
    """Carries numbers with the format that must hold them."""

    def __init__(self, fixed):
        super().__init__(fixed.weights, fixed.biases, lambda y: quantise(y, fixed.activations))
        self.ranges = Ranges(fixed.weights, fixed.biases, fixed.activations)
        self.checked = 0

    def both(self, step, *values, **more):
        exact = getattr(Exact, step)
        numbers, ranges = zip(*[v for v in values if isinstance(v, tuple)], strict=True)
        names = [v for v in values if not isinstance(v, tuple)]
        if step == "linear":
            found = exact(self, names[0], *numbers, names[1])
            held = self.ranges.linear(names[0], *ranges, names[1])
        else:
            found = exact(self, *numbers, **more)
            held = getattr(self.ranges, step)(*ranges, **more)
        assert np.array_equal(quantise(found, held.format), found)
        self.checked += 1
        return found, held

    def linear(self, name, x, width):
        return self.both("linear", name, x, width)

    def relu(self, x):
        return self.both("relu", x)

    def mean(self, x, of_partners=False):
        return self.both("mean", x, of_partners=of_partners)

    def add(self, x, y):
        return self.both("add", x, y)

    def pairs(self, x, y):
        return self.both("pairs", x, y)

    def flat(self, x):
        return self.both("flat", x)

    def squares(self, x, width):
        return self.both("squares", x, width=width)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_format_holds_every_number(name):
    fixed = small(name)
    carried = Checked(fixed)
    x = quantise(vectors(fixed), fixed.inputs)
    shape = fixed.design.arranged((fixed.number,))
    rows = shape[0] if len(shape) > 1 else 1
    inputs = x.reshape(len(x), *shape), Range(rows, fixed.inputs)
    outputs, _ = fixed.design.wire(carried, inputs, OUTPUTS)
    assert carried.checked >= 3
    assert np.array_equal(outputs, fixed.forward(x))


@pytest.mark.parametrize("name", [name for name in DESIGNS if build(name, {}).by_constituent])
def test_the_order_of_constituents_does_not_matter(name):
    fixed = small(name)
    x = vectors(fixed).reshape(-1, ROWS, fixed.design.columns)
    order = np.random.default_rng(1).permuted(np.tile(np.arange(ROWS), (len(x), 1)), axis=1)
    turned = np.take_along_axis(x, order[..., None], axis=1)
    expected = fixed.forward(x.reshape(len(x), -1))
    assert len(np.unique(expected)) > 20
    assert np.array_equal(fixed.forward(turned.reshape(len(x), -1)), expected)


def test_an_interaction_network_sees_every_pair():
    fixed = small("interaction")
    x = quantise(vectors(fixed, 20), fixed.inputs).reshape(-1, ROWS, fixed.design.columns)
    weight, bias = fixed.weights, fixed.biases

    def layer(name, y):
        return y @ weight[name] + bias[name]

    def act(y):
        return quantise(y, fixed.activations)

    for jet in x:
        nodes = []
        for own in jet:
            seen = [
                act(layer("pair0", act(layer("receiver", own) + layer("sender", other))))
                for other in jet
            ]
            of_others = layer("of_others", np.mean(seen, axis=0))
            nodes.append(act(layer("node0", act(layer("own", own) + of_others))))
        expected = layer("out", np.mean(nodes, axis=0))
        assert np.array_equal(fixed.forward(jet.reshape(1, -1))[0], expected)


@pytest.mark.shared
# Between them they have all that a carrier offers; each takes seconds of g++.
@pytest.mark.parametrize("name", ["jedi_linear", "interaction", "autoencoder"])
def test_the_hls_project_of_a_design_equals_the_network_bit_for_bit(name, tmp_path):
    fixed = small(name)
    x = vectors(fixed)
    fixed.write_hls(tmp_path / "jetchain_set", "jetchain_set", DeviceSettings())
    expected = fixed.forward(x)
    found = simulate.run_hls(tmp_path / "jetchain_set", x, expected.shape[1])
    assert np.array_equal(found, expected)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "sizes"),
    [("deepsets", {"phi": [3], "rho": []}), ("autoencoder", {"hidden": [3], "latent": 2})],
)
def test_the_verilog_of_a_design_equals_the_network_bit_for_bit(name, sizes, tmp_path):
    """Also where an input is twice as large as the network's range, or at an edge of the port."""
    fixed = small(name, **sizes, features="kinematics")
    x = vectors(fixed)
    described = write_verilog(trace(fixed), tmp_path, 2.0, "jetchain_set", DeviceSettings())
    assert described.inputs.width == fixed.port.width == 10
    clocked = simulate.compile_rtl(tmp_path, "jetchain_set", described.inputs, described.outputs)
    latency = measure_latency(clocked, fixed, find_impulse(fixed, seed=1))
    interval, outputs = measure_interval(clocked, x, fixed.forward(x), latency)
    assert interval == 1
    assert latency == described.predicted_latency_cycles
    assert np.array_equal(outputs, fixed.forward(x))
    assert np.any(x > fixed.inputs.high)


def test_sums_that_a_double_would_round_are_refused():
    fine = FixedPointSettings(signed=True, integer=7, fraction=8)
    formats = FormatSettings(
        inputs=fine, biases=fine, weights=FixedPointSettings(signed=True, integer=1, fraction=14),
        activations=FixedPointSettings(signed=False, integer=6, fraction=10),
    )  # fmt: skip
    assert np.array_equal(small("mlp", formats).forward(np.zeros((1, 12))).shape, (1, OUTPUTS))
    with pytest.raises(ConfigurationError, match="53 can be compared exactly"):
        small("autoencoder", formats)  # its squares have twice the bits


def test_bits_are_counted_once_a_row():
    fixed = small("deepsets")
    for weight in fixed.weights.values():
        weight[...] = 0.0
    assert fixed.bit_operations == 0
    fixed.weights["phi0"][0, 0] = 5 / 8  # three bits, times eight of the input, of four rows
    fixed.weights["rho0"][0, 0] = 0.25  # one bit; a mean of four has two bits more than 6
    assert fixed.bit_operations == 4 * 3 * 8 + 1 * 8


def test_a_mean_that_is_no_shift_is_refused():
    with pytest.raises(ConfigurationError, match="mean over 3 constituents"):
        build("deepsets", {}).floating(3 * len(FEATURES), 3)


def test_a_design_sees_its_own_constituents_features_and_formats():
    columns = len(FEATURES)
    features = np.arange(2.0 * 6 * columns).reshape(2, -1)
    seen = build("deepsets", {"constituents": 4, "features": "kinematics"}).select(features)
    assert np.array_equal(seen, features.reshape(2, 6, columns)[:, :4, :3].reshape(2, -1))
    own = {"features": "identity", "formats": {"activations": {"signed": False, "fraction": 7}}}
    design = build("deepsets", own)
    assert np.array_equal(design.select(features), features)
    assert design.formats(FORMATS).activations.fraction == 7
    assert build("deepsets", {}).formats(FORMATS).weights.fraction == 3
    assert build("jedi_linear", {}).formats(FORMATS) == FORMATS
    with pytest.raises(ConfigurationError, match=r"sees 8 constituents, .* keeps 6"):
        build("deepsets", {"constituents": 8}).select(features)


@pytest.mark.parametrize(
    ("value", "headroom", "refused"),
    [(2.0, 2, False), (4.1, 2, True), (2.0, 0, True), (np.nan, 2, True)],
)
def test_what_does_not_fit_in_the_port_is_refused(tmp_path, value, headroom, refused):
    """pT in multiples of the network's range, of one test jet."""
    fixed = small("deepsets", headroom=headroom)
    data = {
        "features": np.zeros((3, ROWS * len(FEATURES)), np.float32),
        "label": np.zeros(3, np.int64), "split": np.full(3, TEST),
        "event_number": np.array([11, 12, 13]), "weight": np.ones(3),
    }  # fmt: skip
    data["features"][1, len(FEATURES)] = value * fixed.inputs.high
    write_tensors(tmp_path / "dataset", FIRMWARE_JETS, data)
    seen = fixed.design.select(data["features"]).astype(float)
    scores = {"logits": fixed.forward(seen), "label": data["label"], "weight": data["weight"]}
    write_tensors(tmp_path / "scores", FIRMWARE_SCORES, scores)
    settings = SimulateSettings(
        model={},
        formats=FORMATS,
        headroom=headroom,
        simulation=SimulationSettings(random_vectors=10),
    )

    def drive():
        return simulate.stimulus(fixed, tmp_path / "dataset", tmp_path / "scores", settings, 1)

    if refused:
        with pytest.raises(DataError, match="event 12: pt_fraction of constituent 1 is") as error:
            drive()
        assert "firmware.headroom" in error.value.remedy
    else:
        x, expected, _ = drive()
        assert (
            x[1, len(FEATURES)] > fixed.inputs.high
        )  # the firmware gets it as it is, and saturates it
        assert x.max() == fixed.port.high
        assert x.min() == fixed.port.low
        assert np.array_equal(fixed.forward(x), expected)


def test_formats_of_designs_may_differ():
    wide = FormatSettings(weights=FixedPointSettings(signed=True, integer=1, fraction=8))
    found = {small("deepsets", each).weights["out"].tobytes() for each in (FORMATS, wide)}
    assert len(found) == 2
