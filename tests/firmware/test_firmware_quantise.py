"""The quantiser against exact rational arithmetic, and the torch network against the numpy one."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tensors import write_weights
from jetchain.core.settings import parse
from jetchain.firmware.design import build, read_fixed
from jetchain.firmware.design_settings import FixedPointSettings, FormatSettings
from jetchain.firmware.designs.deepsets import DeepSetsSettings
from jetchain.firmware.designs.interaction import InteractionSettings
from jetchain.firmware.designs.jedi_linear import JEDILinearSettings
from jetchain.firmware.designs.mlp import MLPSettings
from jetchain.firmware.flow import accumulator
from jetchain.firmware.layers import fake_quantise
from jetchain.firmware.quantise import Format, fraction_bits, quantise
from jetchain.firmware.settings import FirmwareSettings, ScanSettings

FORMATS = [Format(1, 2, 5), Format(0, 2, 4), Format(1, 0, 5), Format(1, 3, -1), Format(0, -1, 6)]
SMALL = MLPSettings(hidden=[4])
NUMBERS = FormatSettings()


def exact(x: float, to: Format) -> Fraction:
    """Round half up and saturate, in rational numbers."""
    scale = Fraction(2) ** to.f
    rounded = Fraction(math.floor(Fraction(x) * scale + Fraction(1, 2))) / scale
    low, high = -to.k * Fraction(2) ** to.i, Fraction(2) ** to.i - 1 / scale
    return min(max(rounded, low), high)


@pytest.mark.parametrize("to", FORMATS)
def test_quantiser_equals_rational_arithmetic(to):
    random = np.random.default_rng(1)
    ties = (np.arange(-40, 40) + 0.5) * to.step
    below = np.nextafter(ties, -np.inf)
    values = np.concatenate([random.normal(0, 3, 500), ties, below, [0.0, -0.0, 1e6, -1e6]])
    expected = [float(exact(float(x), to)) for x in values]
    assert quantise(values, to).tolist() == expected
    single = values.astype(np.float32)
    expected = [float(exact(float(x), to)) for x in single]
    assert fake_quantise(torch.from_numpy(single), to).tolist() == expected


def test_a_float_just_below_a_half_step_is_rounded_down():
    # 0.49999997 + 0.5 is 1.0 in single precision: the trap of a quantiser that adds in it.
    x = torch.tensor([np.nextafter(np.float32(0.5), np.float32(0.0))])
    assert fake_quantise(x, Format(1, 2, 0)).item() == 0.0


@pytest.mark.parametrize("to", FORMATS)
def test_quantising_twice_changes_nothing_and_the_range_is_reached(to):
    once = quantise(np.linspace(-20, 20, 4001), to)
    assert np.array_equal(quantise(once, to), once)
    assert once.min() == to.low
    assert once.max() == to.high
    assert len(np.unique(once)) == 2**to.width


def test_gradient_goes_straight_through_inside_the_range_and_stops_outside():
    to = Format(1, 2, 5)
    x = torch.tensor([-7.0, -3.99, -0.013, 0.4, 3.9, 5.0], requires_grad=True)
    (fake_quantise(x, to) * torch.arange(1.0, 7.0)).sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 3.0, 4.0, 5.0, 0.0]


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(3)
    model = build("mlp", SMALL).quantised(6, 3, NUMBERS)
    for layer in model.layers.values():
        layer.mask[:, ::3] = 0.0
        layer.bias.data += 0.3
    model.freeze()
    write_weights(tmp_path / "weights.safetensors", model)
    return model, tmp_path / "weights.safetensors"


def test_torch_and_numpy_networks_agree_bit_for_bit(saved):
    model, path = saved
    network = read_fixed(path, "mlp", SMALL, NUMBERS)
    x = np.random.default_rng(2).normal(0, 2.5, (5000, 6)).astype(np.float32)
    with torch.no_grad():
        single = model(torch.from_numpy(x)).numpy()
        double = model.double()(torch.from_numpy(x).double()).numpy()
    expected = network.forward(x.astype(np.float64))
    assert np.unique(expected).size > 100
    assert np.array_equal(double, expected)
    assert np.array_equal(single, expected)


def test_accumulators_hold_every_sum(saved):
    network = read_fixed(saved[1], "mlp", SMALL, NUMBERS)
    weight, bias = network.weights["0"], network.biases["0"]
    x = np.where(weight > 0, network.inputs.high, network.inputs.low).T
    sums = x @ weight + bias
    wide = accumulator(weight, bias, network.inputs)
    assert np.array_equal(quantise(sums, wide), sums)
    assert network.sparsity >= 1 / 3


def test_fraction_bits_are_the_fewest_that_are_exact():
    assert fraction_bits(np.array([0.0, 3.0])) == 0
    assert fraction_bits(np.array([0.5, 0.03125])) == 5
    with pytest.raises(DataError, match="no fixed-point number"):
        fraction_bits(np.array([1 / 3]))


def test_weights_of_another_network_are_refused(saved):
    with pytest.raises(DataError, match="layer 0 is 6 to 4 wide, expected 6 to 5"):
        read_fixed(saved[1], "mlp", MLPSettings(hidden=[5]), NUMBERS)
    with pytest.raises(DataError, match="missing"):
        read_fixed(saved[1], "mlp", MLPSettings(hidden=[4, 4]), NUMBERS)
    with pytest.raises(DataError, match="6 inputs, expected 3 of each of 3 const"):
        read_fixed(saved[1], "mlp", MLPSettings(hidden=[4], constituents=3), NUMBERS)
    with pytest.raises(DataError, match=r"out.*missing"):
        read_fixed(saved[1], "deepsets", DeepSetsSettings(phi=[4], features="kinematics"), NUMBERS)


@pytest.mark.parametrize(
    ("cls", "values", "complaint"),
    [
        (FixedPointSettings, {"signed": True, "integer": 12, "fraction": 12}, "1 to 24"),
        (FixedPointSettings, {"signed": False, "integer": -5, "fraction": 5}, "1 to 24"),
        (MLPSettings, {"hidden": []}, "at least 1"),
        (MLPSettings, {"hidden": [4, 0]}, "at least one node"),
        (FormatSettings, {"activations": {"signed": True}}, "unsigned"),
        (DeepSetsSettings, {"constituents": 12}, "power of two"),
        (DeepSetsSettings, {"phi": [8, 0]}, "at least one node"),
        (JEDILinearSettings, {"classifier": [-1]}, "at least one node"),
        (InteractionSettings, {"constituents": 64}, "less than or equal to 32"),
        (ScanSettings, {"constituents": [8, 12]}, "powers of two"),
        (ScanSettings, {"sparsities": [1.0]}, "below 1"),
        (ScanSettings, {"betas": [0.0]}, "betas must be above 0"),
        (ScanSettings, {"designs": ["deepset"]}, "Did you mean 'deepsets'"),
        (FirmwareSettings, {"designs": ["mlp", "mlp"]}, "twice"),
        (FirmwareSettings, {"designs": ["mpl"]}, "Did you mean 'mlp'"),
        (MLPSettings, {"hiden": [4]}, "Did you mean 'hidden'"),
    ],
)
def test_impossible_formats_and_networks_are_refused(cls, values, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        parse(cls, values)
