"""Taggers before particle clouds: each against its equation, or another library's."""

from __future__ import annotations

import fastjet
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import Tensor, nn

from helpers.tagging import CLASS_NUMBER, SHAPE, fresh, labelled_jets, random_jets
from jetchain.core.images import align, pixel_sums
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.tagging.batches import HIGH_LEVEL, Jets
from jetchain.tagging.models import ImageSettings
from jetchain.tagging.models.bdt import BDT, BDTSettings
from jetchain.tagging.models.cnn import CNNSettings
from jetchain.tagging.models.dnn import DNNSettings
from jetchain.tagging.models.fisher import FisherSettings
from jetchain.tagging.models.images import images
from jetchain.tagging.models.pcnn import PCNNSettings
from jetchain.tagging.models.recursive import POWER, cluster, coordinates
from jetchain.tagging.networks import build

ROUNDING = 1e-10
LENGTHS = [12, 1, 7, 0]


def some_jets(lengths: list[int] | None = None) -> Jets:
    return random_jets(lengths or LENGTHS, 12, dtype=torch.float64)


def real(jets: Jets, number: int, values: Tensor) -> Tensor:
    """What is given by place, of the particles of one jet."""
    return values[number][jets.mask[number]]


def perceptron(layers: nn.Sequential, x: Tensor) -> Tensor:
    """Layers of fully connected ones with ReLU, and a last one without."""
    for layer in layers[:-1]:
        x = F.relu(x @ layer[0].weight.T + layer[0].bias)
    return x @ layers[-1].weight.T + layers[-1].bias


def test_images_are_those_of_the_rooms_that_draw_them() -> None:
    jets = some_jets([12, 3, 7, 1])
    settings = ImageSettings(pixels=15, half_width=1.0)
    jet, place = np.nonzero(jets.mask.numpy())
    momentum = jets.momentum.numpy()[jet, place]
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    aligned = align(jets.points.numpy()[jet, place], pt, jet, len(jets))
    expected = pixel_sums(aligned, pt, jet, len(jets), np.linspace(-1.0, 1.0, 16))
    expected /= np.sqrt((expected**2).sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(images(jets, settings).numpy(), expected, atol=1e-12)
    assert (images(some_jets([0, 1]), settings)[0] == 0).all()


def test_turned_mirrored_and_moved_jets_have_the_same_image() -> None:
    jets, settings = some_jets([12, 9, 7]), ImageSettings(pixels=9)
    angle = torch.tensor(0.7, dtype=torch.float64)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
    mirror = torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    moved = jets.replace(points=jets.points @ turn.T @ mirror + 0.2)
    torch.testing.assert_close(images(moved, settings), images(jets, settings))


def test_fisher_is_linear_discriminant_analysis() -> None:
    """scikit-learn's of the same pixels; a jet of weight 2 counts as two of the same."""
    jets, settings = labelled_jets(300, 4), FisherSettings(pixels=7, shrinkage=0.1)
    weight = (torch.arange(300) % 3 + 1).float()
    made = jets.replace(weight=weight)
    network = build("fisher", settings, **SHAPE)
    history = network.fit(made, made, 1)
    x = images(jets, settings).flatten(1).double().numpy()
    twice = np.repeat(np.arange(300), weight.int().numpy())
    label = jets.label.numpy()
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    oracle.fit(x[twice], label[twice])
    with torch.no_grad():
        found = network(jets).double().log_softmax(dim=1).numpy()
    np.testing.assert_allclose(found, np.log(oracle.predict_proba(x)), atol=1e-3)
    assert found.std(axis=0).min() > 0.1
    loss = -(weight.numpy() * found[np.arange(300), label]).mean()
    assert history["train_loss"] == pytest.approx([loss], rel=1e-4)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_arrays_of_the_trees_give_what_scikit_learn_gives(classes: int) -> None:
    jets = labelled_jets(400, 5)
    made = jets.replace(label=jets.label % classes, jet=jets.jet.double())
    x, label = made.high_level.numpy(), made.label.numpy()
    boosting = HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=7, max_depth=4)
    boosting.fit(x, label)
    network = BDT(17, classes, BDTSettings(iterations=12, leaves=7, depth=4))
    network.keep(boosting, 8)
    found = network(made).softmax(dim=1).numpy()
    np.testing.assert_allclose(found, boosting.predict_proba(x), atol=1e-12)
    # On the thresholds themselves too.
    mass = (network.feature == HIGH_LEVEL.index("m")) & (network.left != network.right)
    cuts = network.number[mass]
    assert len(cuts) > 1
    at = made[np.arange(len(cuts))]
    jet = at.jet.clone()
    jet[:, JET_COLUMNS.index("m")] = cuts
    at = at.replace(jet=jet)
    expected = boosting.predict_proba(at.high_level.numpy())
    np.testing.assert_allclose(network(at).softmax(dim=1).numpy(), expected, atol=1e-12)


def test_trees_are_kept_up_to_the_best_validation_loss() -> None:
    network = build("bdt", {"iterations": 60, "patience": 5}, **SHAPE)
    training, validation = labelled_jets(250, 6), labelled_jets(200, 7)
    history = network.fit(training, validation, 1)
    kept = int((network.number != 0).any(dim=2).any(dim=1).sum())
    assert kept == 1 + int(np.argmin(history["validation_loss"]))
    logits = network(validation).double()
    losses = F.cross_entropy(logits, validation.label).item()
    assert losses == pytest.approx(min(history["validation_loss"]), rel=1e-5)
    assert len(history["epoch"]) == len(history["train_loss"]) < 60


def test_energy_flow_network_equals_its_equation() -> None:
    """F(sum_i z_i Phi(angles_i)), eq. 1.1 of arXiv:1810.05165, jet by jet."""
    network, jets = fresh("efn").double(), some_jets()
    found = network(jets)
    for number in range(len(jets)):
        x = real(jets, number, jets.points)
        pt = real(jets, number, jets.momentum)[:, :2].norm(dim=1)
        for layer in network.phi:
            x = F.relu(x @ layer[0].weight.T + layer[0].bias)
        summed = (x * (pt / pt.sum())[:, None]).sum(dim=0)
        torch.testing.assert_close(found[number], perceptron(network.fc, summed))


def test_lstm_equals_its_cell_step_by_step() -> None:
    network, jets = fresh("lstm").double(), some_jets()
    cell = nn.LSTMCell(17, network.lstm.hidden_size).double()
    names = {name: f"{name}_l0" for name in cell.state_dict()}
    own = network.lstm.state_dict()
    cell.load_state_dict({name: own[there] for name, there in names.items()})
    found = network(jets)
    for number in range(len(jets)):
        state = torch.zeros(2, 1, network.lstm.hidden_size, dtype=torch.float64)
        for particle in real(jets, number, jets.features):
            state = torch.stack(cell(particle[None], tuple(state)))
        torch.testing.assert_close(found[number], perceptron(network.fc, state[0, 0]))


def test_dnn_sees_its_first_particles_in_their_order() -> None:
    network, jets = fresh("dnn", DNNSettings(particles=5, hidden=[8])).double(), some_jets()
    found = network(jets)
    torch.testing.assert_close(found[2], perceptron(network.fc, jets.features[2, :5].flatten()))
    later = jets.features.clone()
    later[:, 5:] += 1.0
    torch.testing.assert_close(network(jets.replace(features=later)), found)
    few = torch.cat([jets.features[1, 0], torch.zeros(4 * 17)])
    torch.testing.assert_close(found[1], perceptron(network.fc, few))


PUBLISHED = PCNNSettings(
    particles=128, channels=[[32], [64, 64], [64, 64], [128, 128]], fully_connected=[512]
)


def test_pcnn_has_the_published_names_and_size() -> None:
    """Those of networks/example_PCNN.py of jet-universe/particle_transformer; 354 k parameters for
    17 features and 10 classes (arXiv:2202.03772)."""
    network = build("pcnn", PUBLISHED, inputs=17, classes=10)
    unit = ["conv1.weight", "conv1.bias", "bn1.weight", "conv2.weight", "conv2.bias", "bn2.bias"]
    names = {f"resnet_units.resnet_unit_{n}.{m}.{each}" for n in range(3) for m in (0, 1)
             for each in unit}  # fmt: skip
    names |= {f"resnet_units.resnet_unit_{n}.0.conv_sc.weight" for n in range(3)}
    names |= {"fts_conv.0.weight", "fts_conv.1.weight", "fts_conv.2.running_var"}
    names |= {"fc.0.0.weight", "fc.1.weight"}
    found = network.state_dict()
    assert names <= set(found)
    assert not [name for name in found if ".1.conv_sc" in name]
    assert found["resnet_units.resnet_unit_2.0.conv_sc.weight"].shape == (128, 64, 1)
    assert sum(each.numel() for each in network.parameters()) // 1000 == 354


def test_pcnn_equals_its_layers_written_out() -> None:
    settings = PCNNSettings(particles=16, channels=[[5], [6, 6], [7, 7]], fully_connected=[9])
    network, jets = fresh("pcnn", settings).double(), some_jets()
    own = network.state_dict()

    def norm(x: Tensor, name: str) -> Tensor:
        scale = own[f"{name}.weight"] / (own[f"{name}.running_var"] + 1e-5).sqrt()
        return (x - own[f"{name}.running_mean"][:, None]) * scale[:, None] + own[f"{name}.bias"][
            :, None
        ]

    def convolution(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = own[f"{name}.weight"]
        around = weight.shape[2] // 2
        x = F.pad(x, (around, around))
        places = range(0, x.shape[1] - weight.shape[2] + 1, stride)
        parts = [
            torch.einsum("oik,ik->o", weight, x[:, a : a + weight.shape[2]]) for a in places
        ]  # fmt: skip
        return torch.stack(parts, dim=1) + own.get(f"{name}.bias", torch.zeros(1))[:, None]

    found = network(jets)
    for number in range(len(jets)):
        x = torch.zeros(17, 16, dtype=torch.float64)
        x[:, :12] = jets.features[number].T
        x = F.relu(norm(convolution(norm(x, "fts_conv.0"), "fts_conv.1"), "fts_conv.2"))
        for stage, place in ((0, 0), (0, 1), (1, 0), (1, 1)):
            name = f"resnet_units.resnet_unit_{stage}.{place}"
            stride = 2 if (stage, place) == (1, 0) else 1
            new = F.relu(norm(convolution(x, f"{name}.conv1", stride), f"{name}.bn1"))
            new = F.relu(norm(convolution(new, f"{name}.conv2"), f"{name}.bn2"))
            x = new + (convolution(x, f"{name}.conv_sc", stride) if place == 0 else x)
        torch.testing.assert_close(found[number], perceptron(network.fc, x.mean(dim=1)))


@pytest.mark.parametrize("algorithm", POWER)
def test_the_tree_is_that_of_fastjet(algorithm: str) -> None:
    """The joined momenta, in the order of joining; R is so large that nothing is left apart."""
    jets = some_jets([12, 9, 2, 1, 0])
    pairs, joined, there = cluster(jets.momentum, jets.mask, POWER[algorithm], 11)
    kind = {
        "anti-kt": fastjet.antikt_algorithm,
        "cambridge": fastjet.cambridge_algorithm,
        "kt": fastjet.kt_algorithm,
    }[algorithm]
    for number in range(3):
        particles = [fastjet.PseudoJet(*p) for p in real(jets, number, jets.momentum).tolist()]
        # Far below its R nothing is nearer to the beam than to another.
        sequence = fastjet.ClusterSequence(particles, fastjet.JetDefinition(kind, 999.0))
        history = sequence.jets()[len(particles) :]
        expected = [[p.px(), p.py(), p.pz(), p.E()] for p in history]
        assert there[number].sum() == len(particles) - 1 == len(expected)
        found = joined[number][there[number]]
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    assert not there[3:].any()
    assert (pairs >= 0).all()


def test_recursive_network_equals_its_equation() -> None:
    """That of arXiv:1702.00748 along the pairs that are joined, jet by jet."""
    network, jets = fresh("recursive").double(), some_jets()
    found = network(jets)
    pairs, joined, there = cluster(jets.momentum, jets.mask, POWER["kt"], 11)

    def of(momentum: Tensor, whole: Tensor) -> Tensor:
        return F.relu(network.momentum(coordinates(momentum[None], whole)))[0]

    for number in range(3):
        whole = jets.momentum[number].sum(dim=0)[None, None]
        states = {n: of(p[None], whole)[0] for n, p in enumerate(jets.momentum[number])}
        root = 0
        for step in range(int(there[number].sum())):
            first, second = pairs[number, step].tolist()
            branch = of(joined[number, step][None], whole)[0]
            both = torch.cat([states[first], states.pop(second), branch])
            states[first], root = F.relu(network.join(both)), first
        torch.testing.assert_close(found[number], perceptron(network.fc, states[root]))
    nothing = torch.zeros(network.join.out_features, dtype=torch.float64)
    torch.testing.assert_close(found[3], perceptron(network.fc, nothing))


def test_an_image_with_too_few_pixels_is_refused() -> None:
    assert CNNSettings().complaint(64) == ""
    few = CNNSettings(pixels=5, kernel=3, channels=[[4]] * 3)
    assert "pixels (5) must be more" in few.complaint(64)
    for pixels, kernel in ((5, 3), (33, 4), (40, 4)):
        network = build("cnn", {"pixels": pixels, "kernel": kernel}, **SHAPE)
        assert network(random_jets([3, 2], 4)).shape == (2, CLASS_NUMBER)
