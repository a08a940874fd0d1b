"""Laws of the MLPF network and of its training."""

import numpy as np
import pytest
import torch

from helpers.graph_events import as_read, random_event
from jetchain.core.errors import ConfigurationError, EmptySampleError
from jetchain.core.graphs import event_graphs as as_data
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_csv, read_json
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.settings import parse
from jetchain.core.training_settings import TrainingSettings
from jetchain.graphs.build import event_graphs
from jetchain.graphs.settings import EventGraphSettings
from jetchain.particleflow.mlpf_settings import (
    MlpfModelSettings,
    MlpfSettings,
    MlpfTrainingSettings,
)
from jetchain.particleflow.models.mlpf import COLUMN, Mlpf, edge_geometry
from jetchain.particleflow.reconstruct import predict, reconstruct
from jetchain.particleflow.settings import ParticleflowSettings
from jetchain.particleflow.targets import CLASSES, node_targets
from jetchain.particleflow.train import fit_mlpf, join, mlpf_loss, train, with_targets

SMALL = MlpfModelSettings(hidden=16, layers=2)


def arrays_of(count, charged=8, neutral=8):
    events = [random_event(seed, charged, neutral, seed) for seed in range(count)]
    return event_graphs(as_read(events), EventGraphSettings(track_radius=1.0, topo_radius=1.0))


def examples_of(count, **options):
    arrays = arrays_of(count, **options)
    targets = node_targets(arrays)
    return with_targets(arrays, targets.label, targets.regression)


def settings_of(**fit):
    return MlpfSettings(
        model=SMALL,
        training=MlpfTrainingSettings(
            held_out=1, validation_fraction=0.25,
            fit=TrainingSettings(**({"epochs": 2, "batch_size": 4, "learning_rate": 5e-3} | fit)),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    model = Mlpf(SMALL)
    examples = examples_of(4)
    model.standardise(torch.cat([graph.x for graph in examples]))
    return model.eval(), examples


def test_permuting_the_nodes_permutes_the_answers(network):
    model, examples = network
    graph = examples[0]
    order = torch.randperm(graph.num_nodes, generator=torch.Generator().manual_seed(2))
    place = torch.argsort(order)
    shuffled = torch.randperm(graph.num_edges, generator=torch.Generator().manual_seed(3))
    answers = model(graph.x, graph.edge_index)
    permuted = model(graph.x[order], place[graph.edge_index][:, shuffled])
    for one, other in zip(answers, permuted, strict=True):
        torch.testing.assert_close(one[order], other, atol=1e-5, rtol=1e-4)


def test_graphs_of_a_batch_do_not_hear_each_other(network):
    model, examples = network
    batch = join(examples)
    together = model(batch.x, batch.edge_index)
    apart = [model(graph.x, graph.edge_index) for graph in examples]
    for index in (0, 1):
        torch.testing.assert_close(
            together[index], torch.cat([a[index] for a in apart]), atol=1e-5, rtol=1e-4
        )


def test_messages_travel_along_the_edges_only(network):
    model, examples = network
    graph = examples[0]
    source, target = graph.edge_index
    changed = int(source[0])
    x = graph.x.clone()
    x[changed, COLUMN["log_energy_gev"]] += 1.0
    before, after = model(graph.x, graph.edge_index)[1], model(x, graph.edge_index)[1]
    moved = (before != after).any(dim=1)
    reached = torch.zeros(graph.num_nodes, dtype=torch.bool)
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


def test_tracks_are_charged_and_topoclusters_neutral(network):
    model, examples = network
    batch = join(examples)
    logits, _ = model(batch.x, batch.edge_index)
    probability = logits.softmax(dim=1)
    is_track = batch.x[:, COLUMN["is_track"]] > 0
    neutral = [CLASSES.index(name) for name in ("neutral_hadron", "photon")]
    charged = [CLASSES.index(name) for name in ("charged_hadron", "electron", "muon")]
    assert torch.all(probability[is_track][:, neutral] == 0)
    assert torch.all(probability[~is_track][:, charged] == 0)
    assert torch.all(probability.gather(1, batch.label[:, None]) > 0)


def test_gradient_reaches_every_parameter():
    torch.manual_seed(0)
    model = Mlpf(SMALL)
    batch = join(examples_of(3))
    value, items = mlpf_loss(model, batch, settings=MlpfTrainingSettings())
    value.backward()
    assert items == batch.num_nodes
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_loss_is_the_cross_entropy_at_gamma_0_and_the_squared_errors_of_neutrals(network):
    model, examples = network
    batch = join(examples)
    logits, regression = model(batch.x, batch.edge_index)
    both, _ = mlpf_loss(model, batch, settings=MlpfTrainingSettings(focal_gamma=0.0))
    classes, _ = mlpf_loss(
        model, batch, settings=MlpfTrainingSettings(focal_gamma=0.0, regression_weight=0.0)
    )
    torch.testing.assert_close(
        classes, torch.nn.functional.cross_entropy(logits, batch.label), rtol=1e-5, atol=1e-6
    )
    neutral = (batch.label != 0) & (batch.x[:, COLUMN["is_topo"]] > 0)
    error = ((regression - batch.regression)[neutral] ** 2).mean(dim=0)
    expected = error @ torch.tensor([1.0, 1.0, 0.01, 0.01, 0.01])
    torch.testing.assert_close(both - classes, expected, rtol=1e-4, atol=1e-5)
    focal, _ = mlpf_loss(model, batch, settings=MlpfTrainingSettings(regression_weight=0.0))
    assert 0 < focal < classes


def test_a_tiny_set_is_learned_by_heart():
    examples = examples_of(4, charged=4, neutral=5)
    model, history = fit_mlpf(
        examples, settings_of(epochs=60, batch_size=3, learning_rate=1e-2, patience=60), seed=1
    )
    assert history["train_loss"][-1] < 0.05 * history["train_loss"][0]
    batch = join(examples)
    with torch.no_grad():
        logits, _ = model(batch.x, batch.edge_index)
    assert (logits.argmax(dim=1) == batch.label).float().mean() > 0.9


@pytest.fixture
def trained(tmp_path):
    def run(name, seed=3):
        graphs = tmp_path / "graphs.safetensors"
        write_tensors(graphs, EVENT_GRAPHS, arrays_of(7))
        paths = {
            "weights": tmp_path / f"{name}.safetensors",
            "history": tmp_path / f"{name}.csv",
            "targets": tmp_path / f"{name}.json",
        }
        train(graphs=[graphs], settings=settings_of(), seed=seed, **paths)
        return {"graphs": graphs, **paths}

    return run


def test_same_seed_same_bytes_and_another_seed_other_weights(trained):
    first, second, other = trained("a"), trained("b"), trained("c", seed=4)
    for name in ("weights", "history", "targets"):
        assert first[name].read_bytes() == second[name].read_bytes(), name
    assert first["weights"].read_bytes() != other["weights"].read_bytes()


def test_train_and_reconstruct_files(trained, tmp_path):
    paths = trained("a")
    history = read_csv(paths["history"])
    assert history["epoch"].tolist() == [1, 2]
    assert read_json(paths["targets"])["particles"] == 7 * 16
    # A ROOT file holds its own name: the same name, in two folders.
    first, second = (tmp_path / folder / "pflow.root" for folder in "ab")
    for output in (first, second):
        reconstruct(
            graphs=paths["graphs"], weights=paths["weights"], particles=output, settings=SMALL
        )
    assert read_events(first, RECONSTRUCTED)["event"]["number"].tolist() == list(range(7))
    assert first.read_bytes() == second.read_bytes()


def test_answers_do_not_depend_on_how_events_are_grouped(network, monkeypatch):
    model, _ = network
    arrays = arrays_of(5)
    label, regression = predict(model, arrays)
    monkeypatch.setattr("jetchain.particleflow.reconstruct.EVENTS_AT_ONCE", 2)
    label_2, regression_2 = predict(model, arrays)
    assert (label == label_2).all()
    np.testing.assert_allclose(regression, regression_2, atol=1e-4)


def test_no_event_beyond_those_held_out_is_an_error(tmp_path):
    graphs = tmp_path / "graphs.safetensors"
    write_tensors(graphs, EVENT_GRAPHS, arrays_of(2))
    with pytest.raises(EmptySampleError, match="held_out"):
        train(
            graphs=[graphs], weights=tmp_path / "w", history=tmp_path / "h",
            targets=tmp_path / "t", settings=MlpfSettings(), seed=1,
        )  # fmt: skip


def test_an_event_trained_on_is_never_evaluated():
    with pytest.raises(ConfigurationError, match="no event may be trained on and evaluated"):
        parse(ParticleflowSettings, {
            "mlpf": {"training": {"samples": ["top"], "held_out": 10}},
            "evaluation": {"samples": ["top"], "max_events": 11},
        })  # fmt: skip


def test_graphs_keep_their_targets():
    arrays = arrays_of(3)
    targets = node_targets(arrays)
    graphs = with_targets(arrays, targets.label, targets.regression)
    assert torch.equal(torch.cat([g.label for g in graphs]), torch.from_numpy(targets.label))
    assert [g.num_nodes for g in graphs] == [g.num_nodes for g in as_data(arrays)]
