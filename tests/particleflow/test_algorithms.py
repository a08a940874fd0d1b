"""Laws of every algorithm in the table, and of the training of the networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.calibrations import write_calibrations
from helpers.detected import GEOMETRY, FakeEvent, write_detected
from helpers.graph_events import ECAL, as_read, random_event
from helpers.graph_files import arrays_of, mapped_graphs, write_graphs
from jetchain.core.errors import ConfigurationError, EmptySampleError
from jetchain.core.io.events import read_events
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_csv, read_json
from jetchain.core.kinematics import pt_eta_phi
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, RECONSTRUCTED
from jetchain.core.settings import parse
from jetchain.graphs.build import event_graphs
from jetchain.graphs.settings import EventGraphSettings
from jetchain.particleflow.algorithms import ALGORITHMS, trained
from jetchain.particleflow.batch import Batches, EventBatch, batch_of
from jetchain.particleflow.network import COLUMN, FEATURES, Candidates, Network, compress
from jetchain.particleflow.network_settings import (
    ReconstructJobSettings,
    TrainJobSettings,
    UntrainedJobSettings,
)
from jetchain.particleflow.reconstruct import predict, reconstruct
from jetchain.particleflow.settings import ParticleflowSettings
from jetchain.particleflow.targets import node_targets
from jetchain.particleflow.train import Stage, count_targets, fit_network, split, train
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
        training={
            "held_out": 1, "validation_fraction": 0.25,
            "fit": {"epochs": 2, "batch_size": 4, "learning_rate": 5e-3} | fit,
        },
    )  # fmt: skip


def network_of(name: str) -> Network:
    """A network with its first weights."""
    torch.manual_seed(1)
    return ALGORITHMS.load(name)(ALGORITHMS.decode(name, {}).model)


def whole(events: Mapped, model: Network) -> EventBatch:
    """All events as one batch, with the network's targets."""
    (batch,) = Batches(events, np.arange(len(events)), len(events), targets=model.targets)
    return batch


def by_content(found: Candidates) -> np.ndarray:
    """Rows of candidates, whatever their order and nodes."""
    rows = np.stack([found.event, found.label, found.pt, found.eta, found.phi], axis=1)
    return rows[np.lexsort((rows[:, 3], rows[:, 2].round(3), rows[:, 1], rows[:, 0]))]


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    path = tmp_path_factory.mktemp("graphs") / "graphs.safetensors"
    return mapped_graphs(path, 4, charged=4, neutral=5)


@pytest.fixture(scope="module", params=NETWORKS)
def trained_network(request, events):
    """A network that has learned the events by heart, the history of its training, and its key."""
    name = request.param
    settings = settings_of(name, epochs=50, learning_rate=1e-2, patience=50)
    training = ALGORITHMS.decode(name, settings).training
    chosen, validation = split(name, np.arange(4), training.validation_fraction, seed=1)
    stages = [Stage(chosen, validation, training.fit)]
    return (*fit_network(name, events, stages, settings, seed=1), name)


@pytest.fixture
def network(trained_network):
    return trained_network[0]


@torch.no_grad()
def test_permuting_the_nodes_permutes_the_candidates(network, events):
    batch = whole(events, network)
    random = torch.Generator().manual_seed(2)
    order = torch.randperm(len(batch), generator=random)
    shuffled = torch.randperm(batch.edge_index.shape[1], generator=random)
    permuted = EventBatch(
        batch.x[order], batch.momentum[order],
        torch.argsort(order)[batch.edge_index][:, shuffled], batch.event[order],
    )  # fmt: skip
    one, other = network.candidates(batch), network.candidates(permuted)
    assert len(one.node) > 0
    np.testing.assert_allclose(by_content(other), by_content(one), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(np.sort(order.numpy()[other.node]), np.sort(one.node))


@torch.no_grad()
def test_events_that_fill_a_batch_change_no_candidate_of_the_others(network, events):
    together = network.candidates(whole(events, network))
    parts = [network.candidates(batch) for batch in Batches(events, np.arange(len(events)), 1)]
    apart = Candidates.joined([replace(p, event=p.event + k) for k, p in enumerate(parts)])
    np.testing.assert_allclose(by_content(together), by_content(apart), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_charged_candidates_are_tracks_with_their_momenta_and_neutral_ones_are_not(network, events):
    batch = whole(events, network)
    found = network.candidates(batch)
    charged = np.isin(found.label, [PARTICLE_CLASSES.index(name) for name in
                                    ("charged_hadron", "electron", "muon")])  # fmt: skip
    is_track = batch.x[:, COLUMN["is_track"]].numpy() > 0
    np.testing.assert_array_equal(is_track[found.node], charged)
    assert charged.any()
    assert len(np.unique(found.node[charged])) == charged.sum()
    own = np.stack(pt_eta_phi(*batch.momentum[:, :3].double().numpy().T))[:, found.node[charged]]
    np.testing.assert_array_equal([found.pt[charged], found.eta[charged], found.phi[charged]], own)
    np.testing.assert_array_equal(found.event, batch.event.numpy()[found.node])
    assert ((found.pt > 0) & np.isfinite(found.eta) & np.isfinite(found.phi)).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_reaches_every_parameter(name):
    """Of an event so full that particles share what they can share."""
    arrays = event_graphs(as_read([random_event(1, 10, 120)]), EventGraphSettings())
    model = network_of(name)
    batch = batch_of(arrays, model.targets)
    model.standardise(lambda: [batch])
    value, items = model.loss(batch, ALGORITHMS.decode(name, {}).training)
    value.backward()
    assert items == len(batch)
    for parameter, values in model.named_parameters():
        assert values.grad is not None, parameter
        assert values.grad.abs().sum() > 0, parameter


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_of_16_bits_are_trained_with(name, precision, events):
    model, exact = network_of(name), network_of(name)
    batch, training = whole(events, model), ALGORITHMS.decode(name, {}).training
    for each in (model, exact):
        each.standardise(lambda: [batch])
    with torch.autocast("cpu", dtype=precision):
        value, _ = model.loss(batch, training)
    value.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert value.item() == pytest.approx(exact.loss(batch, training)[0].item(), rel=0.1)


def few(kind: str) -> FakeEvent:
    """An event of nothing, of one track, or of one cluster."""
    event = FakeEvent()
    if kind != "nothing":
        event.particle(22 if kind == "cluster" else 211, pt=5.0, eta=0.3, phi=1.0)
    if kind == "cluster":
        event.cluster(5000.0, 0.3, 1.0, ECAL, parent=0)
    return event


@pytest.mark.parametrize("kind", ["nothing", "track", "cluster"])
def test_an_event_of_next_to_nothing_is_learned_from_and_reconstructed(trained_network, kind):
    """Alone in its batch, and beside another event, which it does not change."""
    settings = EventGraphSettings()
    groups = ([few(kind)], [few(kind), random_event(3)], [random_event(3)])
    arrays = [event_graphs(as_read(group), settings) for group in groups]
    network, _, name = trained_network
    training = ALGORITHMS.decode(name, {}).training
    for part in arrays[:2]:
        batch = batch_of(part, network.targets)
        value, items = network.loss(batch, training)
        assert torch.isfinite(value)
        assert items == len(batch)
        if value.requires_grad:
            value.backward()
    network.zero_grad()
    with torch.no_grad():
        alone, both, other = (network.candidates(batch_of(part)) for part in arrays)
    nodes = len(batch_of(arrays[0]))
    assert len(alone.node) <= (0 if kind == "nothing" else 10)
    expected = Candidates.joined(
        [alone, replace(other, event=other.event + 1, node=other.node + nodes)]
    )
    np.testing.assert_array_equal(np.sort(both.node), np.sort(expected.node))
    for found, part in ((alone, arrays[0]), (both, arrays[1])):
        assert ((found.node >= 0) & (found.node < len(batch_of(part)))).all()
        np.testing.assert_array_equal(batch_of(part).event.numpy()[found.node], found.event)
    np.testing.assert_allclose(by_content(both), by_content(expected), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_features_are_standardised_as_if_read_at_once(events):
    """Against torch's mean and spread of all nodes."""
    network = network_of(NETWORKS[0])
    network.standardise(lambda: Batches(events, np.arange(4), 3))
    x = compress(whole(events, network).x).double()
    spread = x.std(dim=0, correction=0)
    torch.testing.assert_close(network.feature_mean, x.mean(dim=0).float())
    expected = torch.where(spread > 1e-6, spread, torch.ones(FEATURES).double()).float()
    torch.testing.assert_close(network.feature_scale, expected)


@torch.no_grad()
def test_a_tiny_set_is_learned_by_heart(trained_network, events):
    """Those of the events that were trained on: all but one, which chose the epoch."""
    model, history, _ = trained_network
    assert history["train_loss"][-1] < 0.2 * history["train_loss"][0]
    found = model.candidates(whole(events, model))
    true = events.rows(np.arange(4), ["particle", "particle_offset"])
    number, total = np.bincount(found.event, minlength=4), []
    for event in range(4):
        pt = true["particle"][slice(*true["particle_offset"][event : event + 2]), 0]
        total.append(found.pt[found.event == event].sum() / pt.sum())
    assert (np.abs(number - 9) <= 2).sum() >= 3
    assert (np.abs(np.array(total) - 1) < 0.25).sum() >= 3


# ------------------------------------------------------------------------------------- reading


def test_batches_of_any_order_are_the_events_of_the_whole_files(tmp_path):
    """Nodes, edges and targets of shuffled batches across two files, against each whole file."""

    def answers(arrays):
        return {"label": torch.from_numpy(node_targets(arrays).label)}

    paths = [tmp_path / f"{first}.safetensors" for first in (0, 3)]
    alone = []
    for path, first in zip(paths, (0, 3), strict=True):
        write_graphs(path, 3, first=first)
        arrays = arrays_of(3, first=first)
        batch, targets = batch_of(arrays, answers), node_targets(arrays)
        assert torch.equal(batch.targets["label"], torch.from_numpy(targets.label))
        for event in range(3):
            nodes = batch.event == event
            start = int(nodes.nonzero()[0])
            edges = batch.edge_index[:, nodes[batch.edge_index[0]]] - start
            alone.append([each[nodes] for each in
                          (batch.x, batch.momentum, batch.targets["label"])] + [edges])  # fmt: skip
    events, rows = Mapped(paths, EVENT_GRAPHS), np.arange(6)
    shuffled = np.random.default_rng(3).permutation(6)
    parts = list(Batches(events, rows, 4, targets=answers, shuffle=np.random.default_rng(3)))
    assert [int(part.event.max()) + 1 for part in parts] == [4, 2]
    assert [len(Batches(events, rows, size)) for size in (1, 3, 4, 6, 7)] == [6, 2, 2, 1, 1]
    expected = [alone[row] for row in shuffled]
    for part, those in zip(parts, (expected[:4], expected[4:]), strict=True):
        for place, each in enumerate((part.x, part.momentum, part.targets["label"])):
            assert torch.equal(each, torch.cat([one[place] for one in those]))
        before = np.cumsum([0, *(len(one[0]) for one in those)])
        edges = [one[3] + start for one, start in zip(those, before, strict=False)]
        assert torch.equal(part.edge_index, torch.cat(edges, dim=1))
    again = list(Batches(events, rows, 4, targets=answers, shuffle=np.random.default_rng(3)))
    assert all(torch.equal(one.x, other.x) for one, other in zip(parts, again, strict=True))


def test_targets_are_counted_file_by_file(tmp_path):
    paths = [write_graphs(tmp_path / f"{n}.safetensors", n, first=n) for n in (2, 3)]
    counts = count_targets(Mapped(paths, EVENT_GRAPHS)).model_dump(by_alias=True)
    expected = [node_targets(arrays_of(n, first=n)).counts for n in (2, 3)]
    assert counts == {name: sum(each[name] for each in expected) for name in expected[0]}


def test_a_batch_moves_as_a_whole(events):
    moved = whole(events, network_of(NETWORKS[0])).to("meta")
    assert moved.targets
    tensors = [*moved.targets.values(), moved.x, moved.momentum, moved.edge_index, moved.event]
    assert {value.device.type for value in tensors} == {"meta"}
    assert not next(iter(Batches(events, np.arange(2), 2))).to("meta").targets


# --------------------------------------------------------------------------------------- files


def require_particles_of(path, numbers) -> int:
    """The particles of these events: positive energies, a class each, masses and charges real.

    Returns:
        how many.
    """
    read = read_events(path, RECONSTRUCTED)
    assert read["event"]["number"].tolist() == numbers
    flow = {name: np.concatenate([np.asarray(event[name]) for event in read["pflow"]])
            for name in ("px", "py", "pz", "e", "label", "charge")}  # fmt: skip
    assert all(np.isfinite(values).all() for values in flow.values())
    assert (flow["e"] > 0).all()
    assert ((flow["label"] >= 0) & (flow["label"] < len(PARTICLE_CLASSES))).all()
    charged = np.isin(flow["label"], [PARTICLE_CLASSES.index(name) for name in
                                      ("charged_hadron", "electron", "muon")])  # fmt: skip
    np.testing.assert_array_equal(flow["charge"] != 0, charged)
    return len(charged)


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
    assert require_particles_of(tmp_path / "particles.root", [5, 6, 7]) > 0


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
            graphs=[graphs], initial=[], settings=settings_of(algorithm), seed=seed,
            algorithm=algorithm, **paths,
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
    found = predict(network, events)
    monkeypatch.setattr("jetchain.particleflow.reconstruct.EVENTS_AT_ONCE", 2)
    again = predict(network, events)
    np.testing.assert_allclose(by_content(found), by_content(again), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(np.sort(found.node), np.sort(again.node))


def test_no_event_beyond_those_held_out_is_an_error(tmp_path):
    name = NETWORKS[0]
    with pytest.raises(EmptySampleError, match="held_out"):
        train(
            graphs=[write_graphs(tmp_path / "graphs.safetensors", 2)], initial=[],
            weights=tmp_path / "w", history=tmp_path / "h", targets=tmp_path / "t", seed=1,
            settings=TrainJobSettings(model=model_section(name), training={}),
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
