"""What is MLPF's own beside the laws of every network (`test_algorithms.py`)."""

import numpy as np
import pytest
import torch

from helpers.graph_files import mapped_graphs
from jetchain.particleflow.algorithms.mlpf import Mlpf, MlpfModelSettings
from jetchain.particleflow.batch import Batches
from jetchain.particleflow.messages import edge_geometry
from jetchain.particleflow.network import COLUMN
from jetchain.particleflow.network_settings import NetworkTrainingSettings
from jetchain.particleflow.node_network import candidate_loss, most_probable
from jetchain.particleflow.targets import CLASSES

SMALL = MlpfModelSettings(hidden=16, layers=2)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A small network, and the batch of one event."""
    events = mapped_graphs(tmp_path_factory.mktemp("mlpf") / "graphs.safetensors", 1)
    torch.manual_seed(1)
    model = Mlpf(SMALL)
    (batch,) = Batches(events, np.arange(1), 1, targets=model.targets)
    model.standardise(lambda: [batch])
    return model.eval(), batch


def test_messages_travel_along_the_edges_only(network):
    model, batch = network
    source, target = batch.edge_index
    changed = int(source[0])
    before = model(batch)[1]
    x = batch.x.clone()
    x[changed, COLUMN["log_energy_gev"]] += 1.0
    after = model(type(batch)(x, batch.momentum, batch.edge_index, batch.event))[1]
    moved = (before != after).any(dim=1)
    reached = torch.zeros(len(batch), dtype=torch.bool)
    reached[changed] = True
    for _ in range(SMALL.layers):
        reached[target[reached[source]]] = True
    assert moved[changed]
    assert moved[target[source == changed]].any()
    assert not (moved & ~reached).any()
    assert not reached.all()  # else this tells nothing


def test_edge_geometry_wraps_in_phi_and_changes_sign_with_the_direction():
    x = torch.zeros(2, len(COLUMN))
    for row, (eta, phi, energy) in enumerate([(0.1, 3.1, 1.0), (0.2, -3.1, 3.0)]):
        phi = torch.tensor(phi)
        x[row, COLUMN["eta_calo"]], x[row, COLUMN["log_energy_gev"]] = eta, energy
        x[row, COLUMN["sin_phi_calo"]], x[row, COLUMN["cos_phi_calo"]] = phi.sin(), phi.cos()
    geometry = edge_geometry(x, torch.tensor([[0, 1], [1, 0]]))
    d_phi = 6.2 - 2 * np.pi  # from -3.1 to 3.1 across the seam
    expected = torch.tensor([-1.0, 10 * d_phi, np.hypot(1.0, 10 * d_phi), -2.0])
    torch.testing.assert_close(geometry[0], expected.float(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(geometry[1], geometry[0] * torch.tensor([-1, -1, 1, -1]))


@torch.no_grad()
def test_tracks_are_charged_and_topoclusters_neutral(network):
    model, batch = network
    probability = model(batch)[0].softmax(dim=1)
    is_track = batch.x[:, COLUMN["is_track"]] > 0
    neutral = [CLASSES.index(name) for name in ("neutral_hadron", "photon")]
    charged = [CLASSES.index(name) for name in ("charged_hadron", "electron", "muon")]
    assert torch.all(probability[is_track][:, neutral] == 0)
    assert torch.all(probability[~is_track][:, charged] == 0)
    assert torch.all(probability.gather(1, batch.targets["label"][:, None]) > 0)


@torch.no_grad()
def test_loss_is_the_cross_entropy_at_gamma_0_and_the_squared_errors_of_neutrals(network):
    model, batch = network
    logits, regression = model(batch)
    label = batch.targets["label"]
    without = {"focal_gamma": 0.0, "regression_weight": 0.0}
    both, classes, focal = (
        model.loss(batch, NetworkTrainingSettings(pt_power=0.0, **options))[0]
        for options in ({"focal_gamma": 0.0}, without, {"regression_weight": 0.0})
    )
    torch.testing.assert_close(
        classes, torch.nn.functional.cross_entropy(logits, label), rtol=1e-5, atol=1e-6
    )
    neutral = (label != 0) & (batch.x[:, COLUMN["is_topo"]] > 0)
    error = ((regression - batch.targets["regression"])[neutral] ** 2).mean(dim=0)
    expected = error @ torch.tensor([1.0, 1.0, 0.01, 0.01, 0.01])
    torch.testing.assert_close(both - classes, expected, rtol=1e-4, atol=1e-5)
    assert 0 < focal < classes


def test_candidates_weigh_with_the_power_of_their_pt():
    """Two clusters of 1 and 16 GeV with particles of 4 and 9 GeV, at power 1/2."""
    logits = torch.tensor([[0.0, 0, 1, 0, 0, 0], [0.0, 0, 0, 2, 0, 0]])
    label, log_pt = torch.tensor([2, 3]), torch.tensor([1.0, 16.0]).log()
    target = torch.zeros(2, 5)
    target[:, 0] = torch.tensor([4.0, 9.0]).log() - log_pt
    regression = target.clone()
    regression[:, 1] = torch.tensor([1.0, 2.0])  # errors of 1 and 2 in the logarithm of the energy
    neutral = torch.ones(2, dtype=torch.bool)
    settings = NetworkTrainingSettings(focal_gamma=0.0, pt_power=0.5)
    found = candidate_loss(logits, regression, label, target, neutral, log_pt, settings)
    entropy = torch.nn.functional.cross_entropy(logits, label, reduction="none")
    classes = (1 * entropy[0] + 4 * entropy[1]) / 5
    momenta = (2 * 1**2 + 3 * 2**2) / 5
    torch.testing.assert_close(found, classes + momenta)


def test_a_candidate_is_there_where_none_has_less_than_half():
    probability = torch.tensor([[0.40, 0, 0.25, 0.35, 0, 0], [0.60, 0, 0.05, 0.35, 0, 0]])
    assert most_probable(probability.log()).tolist() == [CLASSES.index("photon"), 0]
