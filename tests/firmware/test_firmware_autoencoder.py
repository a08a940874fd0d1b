"""An autoencoder as a trigger: the score of the chip, and a training that sees no label."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from helpers.jetgraphs import toy_jets
from jetchain.core.io.tensors import read_arrays, read_tensors, write_tensors, write_weights
from jetchain.core.schema.graphs import JET_GRAPHS
from jetchain.core.schema.trigger import TRIGGER_EVENTS, TRIGGER_SCORES
from jetchain.core.training_settings import TrainingSettings
from jetchain.firmware import autoencoder, trigger
from jetchain.firmware.dataset import FIRMWARE_JETS, TEST, leading_constituents
from jetchain.firmware.design import build, read_fixed
from jetchain.firmware.design_settings import FormatSettings
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.quantise import quantise
from jetchain.firmware.settings import (
    FirmwareDatasetSettings,
    PruningSettings,
    TrainAutoencoderSettings,
    TriggerJobSettings,
)

FORMATS = FormatSettings()
DATA = FirmwareDatasetSettings(constituents=4)
MODEL = {"hidden": [8], "latent": 2}
SETTINGS = TrainAutoencoderSettings(
    model=MODEL, formats=FORMATS, kl_weight=0.1,
    training=TrainingSettings(epochs=2, batch_size=16, learning_rate=0.01),
    pruning=PruningSettings(sparsity=0.5, epochs=2),
)  # fmt: skip


def encoder(seed=1):
    torch.manual_seed(seed)
    model = build("autoencoder", MODEL).quantised(12, 1, FORMATS)
    model.freeze()
    return model


def graphs_of_search(folder, tables):
    paths = []
    for index, table in enumerate(tables):
        paths.append(folder / f"{index}.safetensors")
        write_tensors(paths[-1], JET_GRAPHS, table)
    return paths


def events_of(file, number, split):
    return {"file": np.array(file), "event_number": np.array(number), "split": np.array(split)}


@pytest.fixture
def search(tmp_path):
    """Jets of two files, quark-like and top-like, and the data of the search: some events of each
    in a random order, the last ones training events."""
    tables = [toy_jets("quark", 80, 1), toy_jets("top", 80, 2)]
    random = np.random.default_rng(3)
    file, number = np.divmod(random.permutation(80)[:60], 40)
    split = np.repeat([TEST, 1, 0], 20)
    return tables, events_of(file, number, split)


def prepared(folder, tables, events):
    folder.mkdir()
    write_tensors(folder / "events", TRIGGER_EVENTS, events)
    autoencoder.prepare(
        graphs=graphs_of_search(folder, tables), events=folder / "events",
        dataset=folder / "dataset", settings=DATA,
    )  # fmt: skip
    return folder / "dataset"


def trained(folder, dataset):
    folder.mkdir()
    names = ("weights", "history", "scores")
    autoencoder.train(
        dataset=dataset, **{name: folder / name for name in names}, design="autoencoder",
        settings=SETTINGS, seed=5,
    )  # fmt: skip
    return [(folder / name).read_bytes() for name in names]


def test_the_score_is_the_squared_length_of_the_latent_mean():
    model = encoder()
    fixed = model.design.fixed(
        {name: value.numpy() for name, value in model.state_dict().items()}, FORMATS
    )
    x = np.random.default_rng(2).uniform(-5.0, 5.0, (50, 12))
    hidden = quantise(x, fixed.inputs) @ fixed.weights["0"] + fixed.biases["0"]
    mean = quantise(hidden, fixed.activations) @ fixed.weights["mean"] + fixed.biases["mean"]
    assert np.array_equal(fixed.forward(x)[:, 0], mean[:, 0] ** 2 + mean[:, 1] ** 2)


def test_bits_of_squares_are_counted_by_hand():
    model = encoder()
    fixed = model.design.fixed(
        {name: value.numpy() for name, value in model.state_dict().items()}, FORMATS
    )
    for values in (*fixed.weights.values(), *fixed.biases.values()):
        values[...] = 0.0
    # Activations of 2 + 4 bits and nothing to add: a sign, one integer bit and 4 of the fraction.
    assert fixed.bit_operations == 2 * 6**2


def test_the_divergence_is_that_of_gaussians():
    """Against torch.distributions, for means and variances that the networks give."""
    torch.manual_seed(4)
    design = build("autoencoder", MODEL)
    model = autoencoder.Variational(design, design.quantised(12, 1, FORMATS), 12).eval()
    x = torch.randn(30, 12)
    seen = model.encoder.seen(x)
    mean, logs = model.encoder.carried(x, design.encode), model.log_variance(seen)
    expected = kl_divergence(Normal(mean, torch.exp(0.5 * logs)), Normal(0.0, 1.0)).sum(dim=1)
    difference, divergence = model(x)
    assert torch.allclose(divergence, expected, atol=1e-5)
    assert torch.allclose(difference, ((model.decoder(mean) - seen) ** 2).sum(dim=1))
    assert torch.equal(model.encoder(x)[:, 0], (mean**2).sum(dim=1))


def test_jets_stand_in_the_order_of_the_data(search, tmp_path):
    tables, events = search
    data = read_tensors(prepared(tmp_path / "a", tables, events), FIRMWARE_JETS)
    # Two jets an event: in each event's place, those of its file.
    assert np.array_equal(data["event_number"], np.repeat(np.arange(60), 2))
    assert np.array_equal(data["split"], np.repeat(events["split"], 2))
    for row in (0, 17, 59):
        table = tables[events["file"][row]]
        x = leading_constituents(table, 4, DATA.pt_scale, DATA.angle_scale, DATA.mass_scale)
        own = x[table["event_number"] == events["event_number"][row]]
        assert np.array_equal(data["features"][data["event_number"] == row], own)


def test_the_training_sees_no_label(search, tmp_path):
    """Not the jets' labels and weights, nor the file that an event is from: the same bytes."""
    tables, events = search
    dataset = prepared(tmp_path / "a", tables, events)
    random = np.random.default_rng(6)
    permuted = [
        table | {name: random.permutation(table[name]) for name in ("label", "weight")}
        for table in tables
    ]
    permuted[0]["weight"] = permuted[0]["weight"] * 3.0
    other = prepared(tmp_path / "b", permuted, events)
    # And files in the other order, which is all that tells signal from background.
    turned = prepared(tmp_path / "c", permuted[::-1], events | {"file": 1 - events["file"]})
    assert dataset.read_bytes() == other.read_bytes() == turned.read_bytes()
    data = read_tensors(dataset, FIRMWARE_JETS)
    jets = len(data["label"])
    labelled = data | {"label": random.integers(0, 2, jets), "weight": random.random(jets)}
    write_tensors(tmp_path / "labelled", FIRMWARE_JETS, labelled)
    found = trained(tmp_path / "x", dataset)
    assert trained(tmp_path / "y", tmp_path / "labelled")[:2] == found[:2]
    # But it sees the jets.
    data["features"][data["split"] == 0] *= 0.5
    write_tensors(tmp_path / "halved", FIRMWARE_JETS, data)
    assert trained(tmp_path / "z", tmp_path / "halved")[0] != found[0]


def test_test_events_do_not_reach_the_weights(search, tmp_path):
    data = read_tensors(prepared(tmp_path / "a", *search), FIRMWARE_JETS)
    found = trained(tmp_path / "x", tmp_path / "a" / "dataset")
    data["features"][data["split"] == TEST] = 0.0
    write_tensors(tmp_path / "dataset", FIRMWARE_JETS, data)
    assert trained(tmp_path / "y", tmp_path / "dataset")[0] == found[0]


def test_what_is_trained_is_what_the_chip_has_bit_for_bit(search, tmp_path):
    dataset = prepared(tmp_path / "a", *search)
    trained(tmp_path / "x", dataset)
    fixed = read_fixed(tmp_path / "x" / "weights", "autoencoder", MODEL, FORMATS, 2)
    data = read_tensors(dataset, FIRMWARE_JETS)
    x = fixed.design.select(data["features"][data["split"] == TEST]).astype(np.float64)
    scores = read_tensors(tmp_path / "x" / "scores", FIRMWARE_SCORES)["logits"]
    assert scores.shape == (40, 1)
    assert len(np.unique(scores)) > 10
    assert np.array_equal(fixed.forward(fixed.at_port(x)), scores)
    assert set(read_arrays(tmp_path / "x" / "weights")) == {
        "inputs", *(f"layers.{layer}.{part}" for layer in ("0", "mean")
                    for part in ("weight", "bias", "mask")),
    }  # fmt: skip
    assert fixed.sparsity >= 0.5


def test_an_event_has_the_score_of_its_most_anomalous_jet(tmp_path):
    model = encoder()
    write_weights(tmp_path / "weights", model)
    table = toy_jets("top", 61, 3)  # two jets an event, one in the last
    write_tensors(tmp_path / "graphs", JET_GRAPHS, table)
    settings = TriggerJobSettings(
        model=MODEL, formats=FORMATS, headroom=2, dataset=DATA, background=["quark", "gluon"]
    )
    trigger.score(
        weights=tmp_path / "weights", graphs=tmp_path / "graphs", scores=tmp_path / "scores",
        design="autoencoder", settings=settings,
    )  # fmt: skip
    fixed = read_fixed(tmp_path / "weights", "autoencoder", MODEL, FORMATS, 2)
    x = leading_constituents(table, 4, DATA.pt_scale, DATA.angle_scale, DATA.mass_scale)
    of_jets = fixed.forward(fixed.at_port(fixed.design.select(x)))[:, 0]
    first, second = of_jets[::2], np.append(of_jets[1::2], -np.inf)
    found = read_tensors(tmp_path / "scores", TRIGGER_SCORES)["score"]
    assert np.array_equal(found, np.maximum(first, second))
