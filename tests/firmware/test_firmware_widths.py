"""Learned widths: the quantiser's gradients, the bits in the loss against those that are counted,
and designs that carry them to logic."""

import math

import numpy as np
import pytest
import torch

from helpers.designs import FORMATS, OUTPUTS, fixed_of, network, vectors
from helpers.jetgraphs import write_toy_samples
from jetchain.core.metrics import balanced_accuracy
from jetchain.core.seeds import make_deterministic
from jetchain.core.training_settings import TrainingSettings
from jetchain.firmware import simulate
from jetchain.firmware.autoencoder import Variational
from jetchain.firmware.dataset import TEST, prepare
from jetchain.firmware.design import build, read_jets
from jetchain.firmware.design_settings import DeviceSettings
from jetchain.firmware.designs import DESIGNS
from jetchain.firmware.latency import find_impulse, measure_interval, measure_latency
from jetchain.firmware.layers import (
    QuantisedLinear,
    fake_quantise,
    fake_quantise_to,
    lowest_fraction,
)
from jetchain.firmware.quantise import Format, quantise, significant_bits
from jetchain.firmware.report import accuracy_loss
from jetchain.firmware.settings import (
    FirmwareDatasetSettings,
    PruningSettings,
    TrainQuantisedSettings,
)
from jetchain.firmware.synthesise import trace, write_verilog
from jetchain.firmware.train import Soft, train_floating, train_quantised
from jetchain.firmware.widths import GAMMA, Resources

WIDEST = [Format(1, 0, 5), Format(1, 2, 3), Format(0, 1, 4), Format(1, -1, 6), Format(1, 3, -1)]
LN2 = math.log(2.0)


@pytest.mark.parametrize("to", WIDEST)
def test_each_value_is_rounded_to_its_own_bits_within_the_format(to):
    random = np.random.default_rng(1)
    for bits in range(-to.i, to.f + 1):
        own = Format(to.k, to.i, bits)
        ties = (np.arange(-40, 40) + 0.5) * own.step
        x = np.concatenate([random.normal(0, 2.0**to.i, 300), ties, np.nextafter(ties, -np.inf)])
        fraction = torch.full((len(x),), bits + 0.49).double()
        found = fake_quantise_to(torch.from_numpy(x), fraction, to).numpy()
        # What is beyond the widest format is brought to its edge, and rounded then.
        assert np.array_equal(found, quantise(np.clip(x, to.low, to.high), own))
        assert np.array_equal(found, quantise(found, to))
        assert len(np.unique(found)) > (to.k + to.i + bits > 0)
    nothing = torch.full((len(x),), float(lowest_fraction(to))).double()
    assert not fake_quantise_to(torch.from_numpy(x), nothing, to).any()


def test_at_full_width_it_is_the_common_quantiser_with_its_gradient():
    to = Format(1, 0, 5)
    gradients, values = [], []
    for learned in (False, True):
        x = torch.linspace(-2, 2, 401, requires_grad=True)
        bits = torch.full_like(x, to.f)
        values.append(fake_quantise_to(x, bits, to) if learned else fake_quantise(x, to))
        (values[-1] * torch.arange(401)).sum().backward()
        gradients.append(x.grad)
    assert torch.equal(*values)
    assert torch.equal(*gradients)


def test_the_gradient_of_the_bits_is_that_by_hand():
    """dq/df = ln(2) (x - q): arXiv 2405.00645, section 3."""
    to = Format(1, 0, 4)
    x = torch.tensor([0.3, -0.3, 0.8, 5.0])
    fraction = torch.tensor([1.0, 2.0, 0.0, 4.0], requires_grad=True)
    q = fake_quantise_to(x, fraction, to)
    # 0.8 would be 1, which the format has not; 5 is brought to 15/16, its largest number.
    assert q.tolist() == [0.5, -0.25, 0.0, 0.9375]
    (q * torch.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    expected = [LN2 * (0.3 - 0.5), LN2 * 10 * (-0.3 + 0.25), LN2 * 100 * 0.8, 0.0]
    assert fraction.grad.tolist() == pytest.approx(expected, abs=1e-5)


def test_the_gradient_of_the_bits_is_the_slope_of_the_mean_error():
    """Over values that fill the steps, ln E|x - q| falls by ln 2 a bit."""
    to = Format(1, 0, 12)
    x = torch.from_numpy(np.random.default_rng(2).uniform(-0.8, 0.8, 200_000))

    def error(bits):
        fraction = torch.full_like(x, bits, requires_grad=True)
        mean = (x - fake_quantise_to(x, fraction, to)).abs().mean()
        mean.backward()
        return mean.item(), float(fraction.grad.sum())

    (below, _), (mean, slope), (above, _) = (error(bits) for bits in (5.0, 6.0, 7.0))
    assert slope / mean == pytest.approx((math.log(above) - math.log(below)) / 2, rel=0.01)


def layer_of(weights, bits):
    layer = QuantisedLinear(len(weights[0]), len(weights), Format(1, 1, 4), Format(1, 1, 4))
    layer.learn_widths()
    layer.weight.data = torch.tensor(weights)
    set_bits(layer, torch.tensor(bits))
    return layer


def set_bits(layer, bits):
    low = lowest_fraction(layer.weights)
    layer.share.data = (bits - low) / (layer.weights.f - low)


def test_bits_are_those_between_the_leading_one_and_the_last_fraction_bit():
    layer = layer_of([[0.75, -0.5, 1.5, 0.02]], [[2.0, 2.0, 4.0, 1.0]])
    # 0.11, 0.10, 1.1000 and nothing; the trailing zeros are what a smaller width would save.
    assert layer.bits().tolist() == [[2.0, 2.0, 5.0, 0.0]]
    assert significant_bits(layer.quantised.detach().numpy()).tolist() == [[2, 1, 2, 0]]
    layer.bits().sum().backward()
    assert layer.share.grad.tolist() == [[6.0, 6.0, 6.0, 0.0]]  # from 4 bits to -2
    assert layer.weight.grad is None


def test_bits_that_left_their_range_are_brought_back():
    layer = layer_of([[0.75, 0.75]], [[9.0, -9.0]])
    assert layer.quantised.tolist() == [[0.75, 0.0]]
    assert layer.fraction.tolist() == [[4.0, -2.0]]


def random_widths(model):
    """Any width for each weight, and larger weights than a network starts with."""
    for layer in model.layers.values():
        low, high = lowest_fraction(layer.weights), layer.weights.f
        set_bits(layer, torch.randint(low, high + 1, layer.weight.shape))
        layer.weight.data *= 2.0


@pytest.mark.parametrize("name", DESIGNS)
def test_the_price_is_what_is_counted_or_above_it(name):
    """Above where a weight's last bit is zero; with the fewest bits of each weight the same."""
    model = network(name)
    resources = Resources(model, 1.0)
    random_widths(model)
    at_most = resources.bit_operations().item()
    for layer in model.layers.values():
        q = layer.quantised.detach()
        fewest = torch.full_like(q, float(layer.weights.f))
        for bits in range(layer.weights.f, lowest_fraction(layer.weights) - 1, -1):
            enough = fake_quantise_to(q, torch.full_like(q, float(bits)), layer.weights) == q
            fewest[enough] = bits
        set_bits(layer, fewest)
        assert torch.equal(layer.quantised, q)
    least = resources.bit_operations().item()
    ranges = fixed_of(model).ranges
    squares = 0 if name != "autoencoder" else squared_bits(ranges)
    assert least == ranges.bit_operations - squares > 0
    assert at_most > least


def squared_bits(ranges):
    """What squares take of the bit operations: those have none of the weights' bits."""
    bits = {name: significant_bits(weight).sum() for name, weight in ranges.weights.items()}
    return ranges.bit_operations - sum(ranges.by_bit[name] * each for name, each in bits.items())


def test_the_price_pulls_at_each_width_by_what_a_bit_costs():
    model = network("deepsets")
    resources = Resources(model, 1e-3)
    random_widths(model)
    resources.loss(0.5).backward()
    for layer, cost in resources.layers:
        bits = layer.weights.f - lowest_fraction(layer.weights)
        expected = bits * (0.5e-3 * cost * (layer.quantised != 0.0) + GAMMA)
        assert layer.share.grad.numpy() == pytest.approx(expected.detach().numpy())
        assert layer.weight.grad is None
    # Eight bits of an input in four rows; six of an activation, and two more of the mean of four.
    assert [cost for _, cost in resources.layers] == [4 * 8, 8, 6]


def test_an_autoencoder_pays_for_its_encoder_alone():
    design = build("autoencoder", {"hidden": [5, 4], "latent": 3})
    model = Variational(design, design.quantised(12, 1, FORMATS), 12)
    resources = Resources(model, 1.0)
    assert [layer for layer, _ in resources.layers] == [*model.encoder.layers.values()]
    assert {name for name, _ in model.named_parameters() if name.endswith("share")} == {
        f"encoder.layers.{name}.share" for name in model.encoder.layers
    }


def trained(beta, soft=None, epochs=6):
    random = np.random.default_rng(5)
    features = random.normal(size=(600, 6)).astype(np.float32)
    data = {
        "features": features,
        "label": (features[:, 0] + 0.5 * features[:, 1] > 0).astype(np.int64),
        "split": np.repeat([0, 1], 300),
        "weight": np.ones(600),
    }
    settings = TrainQuantisedSettings(
        model={}, formats=FORMATS, classes=["quark", "gluon"],
        training=TrainingSettings(epochs=2, batch_size=30, learning_rate=0.05),
        pruning=PruningSettings(sparsity=0.0, epochs=epochs, beta=beta),
    )  # fmt: skip
    torch.manual_seed(1)
    model = build("mlp", {"hidden": [8]}).quantised(6, 2, settings.formats)
    if soft is not None:
        soft = Soft(np.log(np.eye(2)[data["label"]] * 0.8 + 0.1), 2.0, soft)
    train_quantised(model, data, settings, seed=4, soft=soft)
    with torch.no_grad():
        right = model(torch.from_numpy(features)).argmax(dim=1).numpy() == data["label"]
    return fixed_of(model), right.mean(), model


def test_a_price_takes_bits_and_a_high_one_all_of_them():
    dense, right, _ = trained(0.0)
    priced, still_right, model = trained(1e-4)
    nothing, _, _ = trained(1.0)
    assert right > 0.87
    assert still_right > 0.87
    assert nothing.bit_operations == 0 < priced.bit_operations < dense.bit_operations / 2
    assert nothing.sparsity == 1.0 > priced.sparsity > dense.sparsity
    # The file of weights is as every other.
    assert set(model.state_dict()) == set(trained(0.0, epochs=1)[2].state_dict())


def test_a_teacher_and_a_price_go_together():
    taught, right, _ = trained(1e-4, soft=0.5)
    assert right > 0.87
    assert taught.bit_operations < trained(0.0, soft=0.5)[0].bit_operations / 2


@pytest.mark.shared
def test_learned_widths_take_fewer_bits_than_pruning_and_are_not_worse(tmp_path):
    """On toy jets of three classes, jet by jet, from the same float network."""
    classes = ["quark", "W", "top"]
    jets = write_toy_samples(tmp_path, 500, names=tuple(classes))
    chosen = FirmwareDatasetSettings(classes=classes, constituents=8, test_fraction=0.4)
    dataset, cutflow = tmp_path / "dataset", tmp_path / "cutflow"
    prepare(jets=jets, dataset=dataset, cutflow=cutflow, settings=chosen)
    design = build("deepsets", {"phi": [10], "rho": [10]})
    data = read_jets(dataset, design)
    training = TrainingSettings(epochs=8, batch_size=32, learning_rate=0.01, patience=8)
    make_deterministic(1, 1)
    start = design.floating(data["features"].shape[1], 3)
    train_floating(start, data, training, 1)
    test = data["split"] == TEST

    def small(sparsity, beta):
        make_deterministic(1, 1)
        model = design.quantised(data["features"].shape[1], 3, FORMATS)
        model.start_from({name: each.numpy() for name, each in start.state_dict().items()})
        settings = TrainQuantisedSettings(
            model={}, formats=FORMATS, classes=classes, training=training,
            pruning=PruningSettings(sparsity=sparsity, beta=beta, epochs=8),
        )  # fmt: skip
        train_quantised(model, data, settings, 1)
        fixed = fixed_of(model)
        return fixed.bit_operations, fixed.forward(data["features"][test])

    (many, pruned), (few, learned_widths) = small(0.9, 0.0), small(0.0, 1e-4)
    assert 0 < few < 0.7 * many
    label, weight = data["label"][test], data["weight"][test]
    assert balanced_accuracy(label, learned_widths, weight) > 0.65
    lost = accuracy_loss(label, pruned, learned_widths, weight, 200, 1)
    assert lost.value < 2 * lost.std


def learned(name, **more):
    """A design whose weights have widths of their own, in torch and in fixed point."""
    model = network(name, **more)
    Resources(model, 1.0)
    random_widths(model)
    x = torch.from_numpy(np.random.default_rng(3).normal(0, 1.5, (500, int(model.inputs))))
    with torch.no_grad():
        before = model.double()(x).numpy()
    fixed = fixed_of(model)
    return fixed, x.numpy(), before


@pytest.mark.parametrize("name", DESIGNS)
def test_learned_widths_are_the_same_bit_for_bit_in_torch_numpy_and_logic(name):
    fixed, x, before = learned(name)
    assert len({*significant_bits(np.concatenate([w.ravel() for w in fixed.parameters]))}) > 3
    assert np.array_equal(before, fixed.forward(x))
    vector = vectors(fixed)
    assert np.array_equal(trace(fixed).predict(vector, n_threads=1), fixed.forward(vector))


@pytest.mark.shared
def test_the_verilog_and_hls_of_learned_widths_equal_the_network_bit_for_bit(tmp_path):
    fixed, _, _ = learned("deepsets", phi=[3], rho=[], features="kinematics")
    x = vectors(fixed)
    expected = fixed.forward(x)
    described = write_verilog(trace(fixed), tmp_path, 2.0, "jetchain_set", DeviceSettings())
    clocked = simulate.compile_rtl(tmp_path, "jetchain_set", described.inputs, described.outputs)
    latency = measure_latency(clocked, fixed, find_impulse(fixed, seed=1))
    _, outputs = measure_interval(clocked, x, expected, latency)
    assert np.array_equal(outputs, expected)
    project = tmp_path / "jetchain_set"
    fixed.write_hls(project, project.name, DeviceSettings())
    assert np.array_equal(simulate.run_hls(project, x, OUTPUTS), expected)
