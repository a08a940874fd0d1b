"""Laws of every algorithm in the table, and of the training of the networks."""

import numpy as np
import pytest
import torch

from helpers.calibrations import write_calibrations
from helpers.detected import GEOMETRY, write_detected
from helpers.graph_events import random_event
from helpers.graph_files import arrays_of, mapped_graphs, write_graphs
from jetchain.core.errors import ConfigurationError, EmptySampleError
from jetchain.core.io.events import read_events
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_csv, read_json
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, RECONSTRUCTED
from jetchain.core.settings import parse
from jetchain.core.training_settings import TrainingSettings
from jetchain.particleflow.algorithms import ALGORITHMS, trained
from jetchain.particleflow.batch import Batches, EventBatch, batch_of
from jetchain.particleflow.network import COLUMN, FEATURES, compress
from jetchain.particleflow.network_settings import (
    NetworkTrainingSettings,
    ReconstructJobSettings,
    TrainJobSettings,
    UntrainedJobSettings,
)
from jetchain.particleflow.reconstruct import predict, reconstruct
from jetchain.particleflow.settings import ParticleflowSettings
from jetchain.particleflow.targets import CLASSES, node_targets
from jetchain.particleflow.train import candidate_loss, count_targets, fit_network, train
from jetchain.particleflow.untrained import untrained
from jetchain.plumbing.configuration import load

NETWORKS = trained()


def model_section(name: str) -> dict:
    """The default sizes of a network."""
    return ALGORITHMS.decode(name, {}).model.model_dump()


def settings_of(name: str, **fit: float) -> TrainJobSettings:
    """A short training."""
    return TrainJobSettings(
        model=model_section(name),
        training=NetworkTrainingSettings(
            held_out=1, validation_fraction=0.25,
            fit=TrainingSettings(**({"epochs": 2, "batch_size": 4, "learning_rate": 5e-3} | fit)),
        ),
    )  # fmt: skip


def whole(events: Mapped) -> EventBatch:
    """All events as one batch, with their targets."""
    (batch,) = Batches(events, np.arange(len(events)), len(events), truth=True)
    return batch


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    return mapped_graphs(tmp_path_factory.mktemp("graphs") / "graphs.safetensors", 4)


@pytest.fixture(scope="module", params=NETWORKS)
def network(request, events):
    """A network with its first weights."""
    torch.manual_seed(1)
    model = ALGORITHMS.load(request.param)(ALGORITHMS.decode(request.param, {}).model)
    model.standardise(lambda: Batches(events, np.arange(4), 3))
    return model.eval()


@torch.no_grad()
def test_permuting_the_nodes_permutes_the_answers(network, events):
    batch = whole(events)
    random = torch.Generator().manual_seed(2)
    order = torch.randperm(len(batch), generator=random)
    shuffled = torch.randperm(batch.edge_index.shape[1], generator=random)
    permuted = EventBatch(
        batch.x[order], batch.momentum[order],
        torch.argsort(order)[batch.edge_index][:, shuffled], batch.event[order],
    )  # fmt: skip
    for one, other in zip(network(batch), network(permuted), strict=True):
        torch.testing.assert_close(one[order], other, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_events_that_fill_a_batch_change_no_answer_of_the_others(network, events):
    together = network(whole(events))
    apart = [network(batch) for batch in Batches(events, np.arange(len(events)), 1)]
    for index in (0, 1):
        torch.testing.assert_close(
            together[index], torch.cat([answer[index] for answer in apart]), atol=1e-5, rtol=1e-4
        )


@torch.no_grad()
def test_tracks_are_charged_and_topoclusters_neutral(network, events):
    batch = whole(events)
    probability = network(batch)[0].softmax(dim=1)
    is_track = batch.x[:, COLUMN["is_track"]] > 0
    neutral = [CLASSES.index(name) for name in ("neutral_hadron", "photon")]
    charged = [CLASSES.index(name) for name in ("charged_hadron", "electron", "muon")]
    assert torch.all(probability[is_track][:, neutral] == 0)
    assert torch.all(probability[~is_track][:, charged] == 0)
    assert torch.all(probability.gather(1, batch.label[:, None]) > 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_reaches_every_parameter(name, events):
    torch.manual_seed(0)
    model = ALGORITHMS.load(name)(ALGORITHMS.decode(name, {}).model)
    model.standardise(lambda: Batches(events, np.arange(4), 4))
    batch = whole(events)
    value, items = candidate_loss(model, batch, settings=NetworkTrainingSettings())
    value.backward()
    assert items == len(batch)
    for parameter, values in model.named_parameters():
        assert values.grad is not None, parameter
        assert values.grad.abs().sum() > 0, parameter


def test_loss_is_the_cross_entropy_at_gamma_0_and_the_squared_errors_of_neutrals(network, events):
    batch = whole(events)
    logits, regression = network(batch)
    without = {"focal_gamma": 0.0, "regression_weight": 0.0}
    both, classes, focal = (
        candidate_loss(network, batch, settings=NetworkTrainingSettings(**options))[0]
        for options in ({"focal_gamma": 0.0}, without, {"regression_weight": 0.0})
    )
    torch.testing.assert_close(
        classes, torch.nn.functional.cross_entropy(logits, batch.label), rtol=1e-5, atol=1e-6
    )
    neutral = (batch.label != 0) & (batch.x[:, COLUMN["is_topo"]] > 0)
    error = ((regression - batch.regression)[neutral] ** 2).mean(dim=0)
    expected = error @ torch.tensor([1.0, 1.0, 0.01, 0.01, 0.01])
    torch.testing.assert_close(both - classes, expected, rtol=1e-4, atol=1e-5)
    assert 0 < focal < classes


@torch.no_grad()
def test_features_are_standardised_as_if_read_at_once(network, events):
    """Against torch's mean and spread of all nodes."""
    x = compress(whole(events).x).double()
    spread = x.std(dim=0, correction=0)
    torch.testing.assert_close(network.feature_mean, x.mean(dim=0).float())
    expected = torch.where(spread > 1e-6, spread, torch.ones(FEATURES).double()).float()
    torch.testing.assert_close(network.feature_scale, expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_tiny_set_is_learned_by_heart(name, tmp_path):
    events = mapped_graphs(tmp_path / "graphs.safetensors", 4, charged=4, neutral=5)
    settings = settings_of(name, epochs=60, batch_size=3, learning_rate=1e-2, patience=60)
    model, history = fit_network(name, events, np.arange(4), settings, seed=1)
    assert history["train_loss"][-1] < 0.05 * history["train_loss"][0]
    batch = whole(events)
    with torch.no_grad():
        assert (model(batch)[0].argmax(dim=1) == batch.label).float().mean() > 0.9


# ------------------------------------------------------------------------------------- reading


def test_batches_of_any_order_are_the_events_of_the_whole_files(tmp_path):
    """Nodes, edges and targets of shuffled batches across two files, against each whole file."""
    paths = [tmp_path / f"{first}.safetensors" for first in (0, 3)]
    alone = []
    for path, first in zip(paths, (0, 3), strict=True):
        write_graphs(path, 3, first=first)
        arrays = arrays_of(3, first=first)
        batch, targets = batch_of(arrays, truth=True), node_targets(arrays)
        assert torch.equal(batch.label, torch.from_numpy(targets.label))
        assert torch.equal(batch.regression, torch.from_numpy(targets.regression))
        for event in range(3):
            nodes = batch.event == event
            start = int(nodes.nonzero()[0])
            edges = batch.edge_index[:, nodes[batch.edge_index[0]]] - start
            alone.append([getattr(batch, n)[nodes] for n in
                          ("x", "momentum", "label", "regression")] + [edges])  # fmt: skip
    events, rows = Mapped(paths, EVENT_GRAPHS), np.arange(6)
    shuffled = np.random.default_rng(3).permutation(6)
    parts = list(Batches(events, rows, 4, truth=True, shuffle=np.random.default_rng(3)))
    assert [int(part.event.max()) + 1 for part in parts] == [4, 2]
    assert [len(Batches(events, rows, size)) for size in (1, 3, 4, 6, 7)] == [6, 2, 2, 1, 1]
    expected = [alone[row] for row in shuffled]
    for part, those in zip(parts, (expected[:4], expected[4:]), strict=True):
        for place, name in enumerate(("x", "momentum", "label", "regression")):
            assert torch.equal(getattr(part, name), torch.cat([one[place] for one in those]))
        before = np.cumsum([0, *(len(one[0]) for one in those)])
        edges = [one[4] + start for one, start in zip(those, before, strict=False)]
        assert torch.equal(part.edge_index, torch.cat(edges, dim=1))
    again = list(Batches(events, rows, 4, truth=True, shuffle=np.random.default_rng(3)))
    assert all(torch.equal(one.x, other.x) for one, other in zip(parts, again, strict=True))


def test_targets_are_counted_file_by_file(tmp_path):
    paths = [write_graphs(tmp_path / f"{n}.safetensors", n, first=n) for n in (2, 3)]
    counts = count_targets(Mapped(paths, EVENT_GRAPHS)).model_dump(by_alias=True)
    expected = [node_targets(arrays_of(n, first=n)).counts for n in (2, 3)]
    assert counts == {name: sum(each[name] for each in expected) for name in expected[0]}


def test_a_batch_moves_as_a_whole(events):
    moved = whole(events).to("meta")
    assert {value.device.type for value in vars(moved).values()} == {"meta"}
    without_truth = next(iter(Batches(events, np.arange(2), 2))).to("meta")
    assert without_truth.label is None


# --------------------------------------------------------------------------------------- files


def require_particles_of(path, numbers) -> None:
    """The particles of these events: positive energies, a class each, masses and charges real."""
    read = read_events(path, RECONSTRUCTED)
    assert read["event"]["number"].tolist() == numbers
    flow = {name: np.concatenate([np.asarray(event[name]) for event in read["pflow"]])
            for name in ("px", "py", "pz", "e", "label", "charge")}  # fmt: skip
    assert len(flow["e"]) > 0
    assert all(np.isfinite(values).all() for values in flow.values())
    assert (flow["e"] > 0).all()
    assert ((flow["label"] >= 0) & (flow["label"] < len(PARTICLE_CLASSES))).all()
    charged = np.isin(flow["label"], [PARTICLE_CLASSES.index(name) for name in
                                      ("charged_hadron", "electron", "muon")])  # fmt: skip
    np.testing.assert_array_equal(flow["charge"] != 0, charged)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name not in NETWORKS])
def test_an_algorithm_without_training_reconstructs_the_events_it_is_given(name, tmp_path):
    write_detected(tmp_path / "detected.root", [random_event(n, number=n + 5) for n in range(3)])
    calibrations = write_calibrations(tmp_path)
    untrained(
        detected=tmp_path / "detected.root", geometry=GEOMETRY, algorithm=name,
        calibrations=[calibrations[each] for each in ALGORITHMS[name].calibrations],
        particles=tmp_path / "particles.root",
        settings=UntrainedJobSettings(algorithm=ALGORITHMS.decode(name, {}).model_dump()),
    )  # fmt: skip
    require_particles_of(tmp_path / "particles.root", [5, 6, 7])


@pytest.fixture
def run(tmp_path):
    """Train a network on seven events."""

    def run(algorithm, name, seed=3):
        graphs = tmp_path / "graphs.safetensors"
        write_graphs(graphs, 7)
        paths = {
            "weights": tmp_path / f"{name}.safetensors",
            "history": tmp_path / f"{name}.csv",
            "targets": tmp_path / f"{name}.json",
        }
        train(
            graphs=[graphs], settings=settings_of(algorithm), seed=seed, algorithm=algorithm,
            **paths,
        )  # fmt: skip
        return {"graphs": graphs, **paths}

    return run


@pytest.mark.parametrize("algorithm", NETWORKS)
def test_same_seed_same_bytes_and_another_seed_other_weights(algorithm, run):
    first, second = run(algorithm, "a"), run(algorithm, "b")
    other = run(algorithm, "c", seed=4)
    for name in ("weights", "history", "targets"):
        assert first[name].read_bytes() == second[name].read_bytes(), name
    assert first["weights"].read_bytes() != other["weights"].read_bytes()


@pytest.mark.parametrize("algorithm", NETWORKS)
def test_a_network_is_trained_and_reconstructs_the_events_it_is_given(algorithm, run, tmp_path):
    paths = run(algorithm, "a")
    assert read_csv(paths["history"])["epoch"].tolist() == [1, 2]
    assert read_json(paths["targets"])["particles"] == 7 * 16
    # A ROOT file holds its own name: the same name, in two folders.
    first, second = (tmp_path / folder / "pflow.root" for folder in "ab")
    for output in (first, second):
        reconstruct(
            graphs=paths["graphs"], weights=paths["weights"], particles=output,
            settings=ReconstructJobSettings(model=model_section(algorithm)), algorithm=algorithm,
        )  # fmt: skip
    require_particles_of(first, list(range(7)))
    assert first.read_bytes() == second.read_bytes()


def test_answers_do_not_depend_on_how_events_are_grouped(network, events, monkeypatch):
    label, regression = predict(network, events)
    monkeypatch.setattr("jetchain.particleflow.reconstruct.EVENTS_AT_ONCE", 2)
    label_2, regression_2 = predict(network, events)
    assert (label == label_2).all()
    np.testing.assert_allclose(regression, regression_2, atol=1e-4)


def test_no_event_beyond_those_held_out_is_an_error(tmp_path):
    name = NETWORKS[0]
    with pytest.raises(EmptySampleError, match="held_out"):
        train(
            graphs=[write_graphs(tmp_path / "graphs.safetensors", 2)],
            weights=tmp_path / "w", history=tmp_path / "h", targets=tmp_path / "t", seed=1,
            settings=TrainJobSettings(
                model=model_section(name), training=NetworkTrainingSettings()
            ),
            algorithm=name,
        )  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_an_event_trained_on_is_never_evaluated(name):
    with pytest.raises(ConfigurationError, match="no event may be trained on and evaluated"):
        parse(ParticleflowSettings, {
            name: {"training": {"samples": ["top"], "held_out": 10}},
            "evaluation": {"samples": ["top"], "max_events": 11},
        })  # fmt: skip


def test_an_unknown_algorithm_is_refused_with_the_nearest_name():
    for values in (
        {"particleflow": {"algorithms": ["parametrc"]}},
        {"jets": {"algorithm": "parametrc"}},
    ):
        with pytest.raises(ConfigurationError, match="Did you mean 'parametric'"):
            load(values)


def test_jets_may_be_made_of_any_algorithm_in_the_table():
    for name in ALGORITHMS:
        assert load({"jets": {"algorithm": name}}).jets.algorithm == name
