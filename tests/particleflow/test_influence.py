"""The influence of the nodes on MLPF's answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.detected import FakeEvent
from helpers.graph_events import as_read, random_event
from jetchain.core.errors import ConfigurationError
from jetchain.core.io.tables import read_json
from jetchain.core.io.tensors import write_tensors, write_weights
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.settings import parse
from jetchain.graphs.build import event_graphs
from jetchain.graphs.settings import EventGraphSettings
from jetchain.particleflow.algorithms.mlpf import Mlpf, MlpfModelSettings
from jetchain.particleflow.batch import EventBatch, batch_of
from jetchain.particleflow.influence import influence, influences, profile
from jetchain.particleflow.network import COLUMN
from jetchain.particleflow.network_settings import InfluenceJobSettings, InfluenceSettings
from jetchain.particleflow.settings import ParticleflowSettings

SMALL = MlpfModelSettings(hidden=16, layers=2)


def one_event(arrays: dict, row: int) -> EventBatch:
    """An event of graph arrays."""
    nodes, edges = (slice(*arrays[f"{name}_offset"][row : row + 2]) for name in ("node", "edge"))
    return batch_of(
        {
            "node_offset": np.array([0, nodes.stop - nodes.start]),
            "edge_offset": np.array([0, edges.stop - edges.start]),
            "node_features": arrays["node_features"][nodes],
            "node_momentum": arrays["node_momentum"][nodes],
            "edge_index": arrays["edge_index"][:, edges],
        }
    )


@pytest.fixture(scope="module")
def network():
    events = [random_event(seed, 8, 8, seed) for seed in range(3)]
    arrays = event_graphs(as_read(events), EventGraphSettings(track_radius=0.7, topo_radius=0.7))
    torch.manual_seed(1)
    model = Mlpf(SMALL)
    graphs = [one_event(arrays, row) for row in range(3)]
    model.standardise(lambda: graphs)
    return model.eval(), graphs, arrays


@torch.no_grad()
def test_influence_is_the_change_when_the_node_is_really_gone(network) -> None:
    """Against the graph built anew without the node."""
    model, graphs, _ = network
    graph = graphs[0]
    whole, change = influences(model, graph)
    for removed in range(0, len(graph), 5):
        kept = torch.arange(len(graph)) != removed
        place = torch.cumsum(kept, 0) - 1
        edges = graph.edge_index[:, kept[graph.edge_index].all(dim=0)]
        gone = EventBatch(graph.x[kept], graph.momentum[kept], place[edges], graph.event[kept])
        without = model.expected_pt(gone).numpy()
        np.testing.assert_allclose(
            change[removed, kept.numpy()], whole[kept.numpy()] - without, rtol=1e-4, atol=1e-4
        )
        assert change[removed, removed] == 0


def test_nodes_that_no_message_joins_have_no_influence(network) -> None:
    """Two rounds of messages reach two edges far."""
    model, graphs, _ = network
    graph = graphs[1]
    whole, change = influences(model, graph)
    heard = torch.zeros(len(graph), len(graph))
    source, target = graph.edge_index
    heard[source, target] = 1.0
    reach = ((heard + heard @ heard) > 0).numpy()
    assert np.abs(change[~reach]).max() < 1e-4 * whole.max()
    assert np.abs(change[reach]).max() > 1e-2 * whole.max()


def test_tracks_expect_no_neutral_particle(network) -> None:
    model, graphs, _ = network
    whole, change = influences(model, graphs[2])
    is_track = graphs[2].x[:, COLUMN["is_track"]].numpy() > 0
    assert (whole[is_track] == 0).all()
    assert (change[:, is_track] == 0).all()
    assert (whole[~is_track] > 0).all()


def test_the_verb_writes_the_hardest_cluster_and_a_profile(network, tmp_path) -> None:
    model, graphs, arrays = network
    write_tensors(tmp_path / "graphs.safetensors", EVENT_GRAPHS, arrays)
    write_weights(tmp_path / "weights.safetensors", model)
    files = {
        "graphs": [tmp_path / "graphs.safetensors"],
        "weights": tmp_path / "weights.safetensors",
        "influence": tmp_path / "influence.json",
    }
    settings = InfluenceSettings(events=2, pt_min=0.5)
    influence(
        **files,
        settings=InfluenceJobSettings(influence=settings, model=SMALL.model_dump()),
        algorithm="mlpf",
    )
    written = read_json(tmp_path / "influence.json")
    whole, change = influences(model, graphs[0])
    example = written["example"]
    assert example["expected_pt"] == pytest.approx(whole.max())
    assert example["delta_eta"][example["centre"]] == 0
    assert sum(example["influence"]) == pytest.approx(change[:, whole.argmax()].sum(), rel=1e-3)
    both = [influences(model, graph)[0] for graph in graphs[:2]]
    assert written["clusters"] == sum(int((pt > 0.5).sum()) for pt in both)


def written(model, arrays, path, **settings) -> dict:
    """What the verb writes of some graphs."""
    write_tensors(path / "graphs.safetensors", EVENT_GRAPHS, arrays)
    write_weights(path / "weights.safetensors", model)
    influence(
        graphs=[path / "graphs.safetensors"], weights=path / "weights.safetensors",
        influence=path / "influence.json",
        settings=InfluenceJobSettings(
            influence=InfluenceSettings(**settings), model=SMALL.model_dump()
        ),
        algorithm="mlpf",
    )  # fmt: skip
    return read_json(path / "influence.json")


def test_without_a_hard_cluster_the_largest_of_all_events_is_the_example(network, tmp_path) -> None:
    model, graphs, arrays = network
    table = written(model, arrays, tmp_path, events=3, pt_min=1e4)
    largest = [influences(model, graph)[0].max() for graph in graphs]
    assert table["example"]["expected_pt"] == pytest.approx(max(largest))
    assert table["example"]["number"] == arrays["number"][int(np.argmax(largest))]
    assert table["clusters"] == 0
    assert sum(table["profile"]["track"]["pairs"]) == 0


def test_events_without_clusters_have_no_example(network, tmp_path) -> None:
    """Tracks alone; and the event with clusters that follows is not taken instead."""
    model, _, _ = network
    events = [FakeEvent(0), FakeEvent(1), random_event(2, 8, 8, 2)]
    events[0].particle(211, pt=5.0, eta=0.3, phi=1.0)
    arrays = event_graphs(as_read(events), EventGraphSettings(track_radius=0.7, topo_radius=0.7))
    table = written(model, arrays, tmp_path, events=2, pt_min=0.5)
    assert table["example"] is None
    assert (table["events"], table["clusters"]) == (2, 0)


def test_an_event_trained_on_is_never_shown() -> None:
    training = {"mlpf": {"training": {"samples": ["top"], "held_out": 10}}}
    apart = {
        "influence": {"events": 11},
        "evaluation": {"samples": ["quark", "top"], "max_events": 9},
    }
    assert parse(ParticleflowSettings, training | apart).influence.events == 11
    apart["evaluation"]["samples"] = ["top", "quark"]
    with pytest.raises(ConfigurationError, match=r"held_out \(10\) .* influence\.events \(11\)"):
        parse(ParticleflowSettings, training | apart)


def test_profile_is_the_mean_over_pairs_with_the_spread_of_the_clusters() -> None:
    """Two clusters in one bin: 1 pair of size 0.3 and 3 pairs of size 0.1 each."""
    sums = np.zeros((2, 2, 2, 10))
    sums[0, 0, :, 4], sums[1, 0, :, 4] = (1, 0.3), (3, 0.3)
    table = profile(sums).track
    assert table.pairs[4] == 4
    assert table.mean[4] == pytest.approx(0.15)
    assert table.error[4] == pytest.approx(np.hypot(0.15, 0.15) / 4)
    assert table.mean[3] == 0
    assert table.error[3] is None


def test_a_bin_with_pairs_of_one_cluster_has_no_error() -> None:
    sums = np.zeros((2, 2, 2, 10))
    sums[0, 1, :, 2] = (5, 1.0)
    table = profile(sums).cluster
    assert table.mean[2] == pytest.approx(0.2)
    assert table.error[2] is None
