"""Files of event graphs and jet graphs, made and read back."""

import awkward as ak
import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from helpers.detected import FakeEvent, write_detected
from helpers.graph_events import as_read, random_event
from helpers.raw import for_collections
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.graphs import read_event_graphs, read_jet_graphs
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import read_json
from jetchain.core.io.tensors import read_tensors
from jetchain.core.kinematics import delta_phi
from jetchain.core.schema.graphs import (
    CONSTITUENT_COLUMNS,
    EVENT_GRAPHS,
    JET_COLUMNS,
    JET_GRAPHS,
    TRACK_TRUTH,
)
from jetchain.core.schema.jets import jets_table
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.settings import parse
from jetchain.graphs.build import event_graphs, events, jet_graphs, jets
from jetchain.graphs.settings import EventGraphSettings, GraphsSettings, JetGraphSettings

COLUMN = {name: index for index, name in enumerate(CONSTITUENT_COLUMNS)}


def flow_and_jets(seed=0, multiplicity=(30, 5, 90), jet_pt=(600.0, 520.0, 700.0)):
    """Events with one jet each, made of every other particle."""
    rng = np.random.default_rng(seed)
    counts = np.array(multiplicity)
    size = counts.sum()
    pt, eta = rng.exponential(10, size), rng.normal(0.5, 0.2, size)
    phi = np.pi + rng.normal(0, 0.2, size)  # the jets sit on the seam
    flat = {name: np.zeros(size) for name in RECONSTRUCTED.collections["pflow"]}
    flat |= {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta)}
    flat |= {"e": pt * np.cosh(eta), "label": rng.integers(0, 5, size), "d0": rng.normal(size=size)}
    pflow = ak.zip({name: ak.unflatten(values, counts) for name, values in flat.items()})
    event = {"number": np.arange(len(counts)) + 10, "weight": np.full(len(counts), 0.5)}
    one = {name: ak.Array([[0.1 * row] for row in range(len(counts))])
           for name in ("m", "msd", "zg", "rg", "tau1", "tau2", "tau3", "reach")}  # fmt: skip
    one |= {"pt": ak.Array([[value] for value in jet_pt])}
    one |= {"eta": ak.Array([[0.5]] * len(counts)), "phi": ak.Array([[3.1]] * len(counts))}
    one |= {"label": ak.Array([[row] for row in range(len(counts))])}
    one |= {"constituents": ak.Array([[list(range(0, n, 2))] for n in multiplicity])}
    return event, pflow, ak.zip(one, depth_limit=2)


def write_flow_and_jets(folder, event, pflow, collection):
    write_events(folder / "particles.root", RECONSTRUCTED, {"event": event, "pflow": pflow})
    columns = {name: collection[name] for name in collection.fields}
    nothing = {name: values[:, :0] for name, values in columns.items()}
    table = jets_table((0.8, 1.0))
    found = for_collections(table, nothing) | {"ak8": for_collections(table, columns)["ak8"]}
    write_events(folder / "jets.root", table, {"event": event, **found})
    return {name: folder / file for name, file in (
        ("jets", "jets.root"), ("particles", "particles.root"),
        ("graphs", "graphs.safetensors"), ("cutflow", "cutflow.json"),
    )}  # fmt: skip


def test_event_graphs_read_back_as_data(tmp_path):
    made = [random_event(1, 5, 4, 7), FakeEvent(number=8), random_event(2, 0, 3, 9)]
    detected = write_detected(tmp_path / "detected.root", made)
    paths = {"graphs": tmp_path / "g.safetensors", "cutflow": tmp_path / "c.json"}
    events(detected=detected, settings=EventGraphSettings(), **paths)
    arrays = read_tensors(paths["graphs"], EVENT_GRAPHS)
    graphs = read_event_graphs(paths["graphs"])

    assert [graph.number.item() for graph in graphs] == [7, 8, 9]
    assert [graph.num_nodes for graph in graphs] == [14, 0, 3]
    assert [len(graph.particle) for graph in graphs] == [9, 0, 3]
    for name, column in (("x", "node_features"), ("momentum", "node_momentum"),
                         ("track", "node_track"), ("origin", "node_index"),
                         ("particle", "particle"), ("particle_label", "particle_label"),
                         ("incidence_weight", "incidence_weight")):  # fmt: skip
        joined = torch.cat([graph[name] for graph in graphs])
        np.testing.assert_array_equal(joined.numpy(), arrays[column])
    for name in ("edge_index", "incidence_index"):
        joined = torch.cat([graph[name] for graph in graphs], dim=1)
        np.testing.assert_array_equal(joined.numpy(), arrays[name])
    for graph in graphs:
        assert graph.validate()
    counts = read_json(paths["cutflow"])
    assert counts["events"] == 3
    assert counts["track nodes"] == 5
    assert counts["topocluster nodes"] == 12
    assert counts["edges"] == arrays["edge_index"].shape[1] > 0


def test_a_batch_shifts_edges_by_nodes_and_the_incidence_by_particles_and_nodes(tmp_path):
    detected = write_detected(tmp_path / "d.root", [random_event(s, 4, 3) for s in range(3)])
    paths = {"graphs": tmp_path / "g.safetensors", "cutflow": tmp_path / "c.json"}
    events(detected=detected, settings=EventGraphSettings(), **paths)
    batch = Batch.from_data_list(read_event_graphs(paths["graphs"]))
    particle, node = batch.incidence_index
    is_track = batch.x[:, 0] > 0
    # Every charged particle of the fake events owns the track of its own direction.
    on_track = is_track[node]
    assert on_track.sum() == 12
    torch.testing.assert_close(
        batch.particle[particle[on_track], 1], batch.x[node[on_track], 4], atol=1e-5, rtol=0
    )
    source, target = batch.edge_index
    assert torch.equal(batch.batch[source], batch.batch[target])


def test_unreconstructed_tracks_become_no_nodes_and_the_incidence_follows():
    first, second = random_event(3, 4, 2), random_event(4, 3, 2)
    first.rows["track"][1]["reconstructed"] = 0
    second.rows["track"][0]["reconstructed"] = 0
    arrays = event_graphs(as_read([first, second]), EventGraphSettings())
    assert np.diff(arrays["node_offset"]).tolist() == [9, 7]
    assert arrays["node_index"].tolist() == [0, 2, 3, *range(1, 7), 1, 2, *range(1, 6)]
    counts = np.diff(arrays["incidence_offset"])
    assert counts.tolist() == [9, 7]
    node = arrays["incidence_index"][1] + np.repeat(arrays["node_offset"][:-1], counts)
    particle = arrays["incidence_index"][0] + np.repeat(arrays["particle_offset"][:-1], counts)
    np.testing.assert_allclose(  # particle and node still lie in the same direction
        arrays["particle"][particle, 1], arrays["node_features"][node, 4], atol=0.03
    )


def test_event_graphs_of_no_events(tmp_path):
    detected = write_detected(tmp_path / "detected.root", [FakeEvent(), FakeEvent(number=1)])
    paths = {"graphs": tmp_path / "g.safetensors", "cutflow": tmp_path / "c.json"}
    events(detected=detected, settings=EventGraphSettings(), **paths)
    assert [graph.num_nodes for graph in read_event_graphs(paths["graphs"])] == [0, 0]


def test_graph_files_are_the_same_byte_for_byte(tmp_path):
    detected = write_detected(tmp_path / "d.root", [random_event(s) for s in range(3)])
    for name in ("a", "b"):
        events(
            detected=detected,
            graphs=tmp_path / f"{name}.safetensors",
            cutflow=tmp_path / f"{name}.json",
            settings=EventGraphSettings(),
        )
    first, second = (tmp_path / f"{name}.safetensors" for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_jet_graphs_read_back_as_data(tmp_path):
    event, pflow, collection = flow_and_jets()
    paths = write_flow_and_jets(tmp_path, event, pflow, collection)
    settings = JetGraphSettings(max_constituents=20, neighbours=3)
    jets(**paths, settings=settings)
    graphs = read_jet_graphs(paths["graphs"])
    arrays = read_tensors(paths["graphs"], JET_GRAPHS)
    assert [graph.num_nodes for graph in graphs] == [15, 3, 20]
    # What the truncation has cut is still known.
    assert arrays["multiplicity"].tolist() == [15, 3, 45]
    assert [graph.y.item() for graph in graphs] == [0, 1, 2]
    assert [graph.event_number.item() for graph in graphs] == [10, 11, 12]
    assert [graph.weight.item() for graph in graphs] == [0.5] * 3
    np.testing.assert_array_equal(
        torch.cat([graph.x for graph in graphs]).numpy(), arrays["constituents"]
    )
    assert arrays["jet"][:, JET_COLUMNS.index("pt")].tolist() == [600, 520, 700]
    # Three constituents have two neighbours each; the others three.
    assert [graph.num_edges for graph in graphs] == [45, 6, 60]
    assert read_json(paths["cutflow"]) == {
        "jets": 3, "pt >= 500 GeV": 3, "pt < 1000 GeV": 3, "|eta| < 2": 3, "graphs": 3,
        "constituents": 63, "constituents kept": 38, "unmatched": 0,
    }  # fmt: skip


def test_constituents_are_the_leading_ones_relative_to_the_axis():
    event, pflow, collection = flow_and_jets()
    settings = JetGraphSettings(max_constituents=10)
    arrays, _ = jet_graphs(event, collection, pflow, settings)
    first = arrays["constituents"][:10]
    pt = np.hypot(first[:, COLUMN["px"]], first[:, COLUMN["py"]])
    assert np.all(np.diff(pt) <= 0)
    own = pflow[0][collection.constituents[0][0]]
    expected = np.sort(np.hypot(own.px, own.py))[::-1][:10]
    np.testing.assert_allclose(pt, expected, rtol=1e-5)
    phi = np.arctan2(first[:, COLUMN["py"]], first[:, COLUMN["px"]])
    np.testing.assert_allclose(first[:, COLUMN["delta_phi"]], delta_phi(phi, 3.1), atol=1e-5)
    assert np.all(np.abs(first[:, COLUMN["delta_phi"]]) < 1.5)  # not 2 pi off across the seam
    flags = first[:, [COLUMN[f"is_{name}"] for name in (
        "charged_hadron", "neutral_hadron", "photon", "electron", "muon")]]  # fmt: skip
    assert np.all(flags.sum(axis=1) == 1)


def test_the_truth_of_the_constituents_stands_in_their_order_and_nowhere_else():
    event, pflow, collection = flow_and_jets()
    size, counts = int(ak.count(pflow.px)), ak.num(pflow)
    rng = np.random.default_rng(3)
    truth = {"origin": rng.integers(-1, 8, size), "vertex": rng.permutation(size)}
    told = pflow
    for name, values in truth.items():
        told = ak.with_field(told, ak.unflatten(values, counts), name)
    settings = JetGraphSettings(max_constituents=20)
    arrays, _ = jet_graphs(event, collection, told, settings)
    found = arrays["constituent_truth"]
    assert found.shape == (38, len(TRACK_TRUTH))
    # Each d0 is one particle's.
    by_d0 = {np.float32(d0): row for row, d0 in enumerate(ak.flatten(pflow.d0).to_list())}
    rows = [by_d0[d0] for d0 in arrays["constituents"][:, COLUMN["d0"]]]
    for column, name in enumerate(TRACK_TRUTH):
        assert found[:, column].tolist() == truth[name][rows].tolist()
    without, _ = jet_graphs(event, collection, pflow, settings)
    for name in arrays.keys() - {"constituent_truth"}:
        np.testing.assert_array_equal(arrays[name], without[name])


def test_jet_selection_is_counted_cut_by_cut():
    event, pflow, collection = flow_and_jets(jet_pt=(499.0, 1000.0, 999.0))
    collection = ak.with_field(collection, [[0.0], [0.0], [-2.5]], "eta")
    arrays, counts = jet_graphs(event, collection, pflow, JetGraphSettings(eta_max=3.0))
    assert counts["pt >= 500 GeV"] == 2
    assert counts["pt < 1000 GeV"] == 1
    assert arrays["event_number"].tolist() == [12]
    _, counts = jet_graphs(event, collection, pflow, JetGraphSettings())
    assert counts["graphs"] == 0


def test_jets_of_other_events_are_refused(tmp_path):
    event, pflow, collection = flow_and_jets()
    paths = write_flow_and_jets(tmp_path, event, pflow, collection)
    write_events(
        paths["particles"], RECONSTRUCTED,
        {"event": {**event, "number": event["number"] + 1}, "pflow": pflow},
    )  # fmt: skip
    with pytest.raises(DataError, match="same events"):
        jets(**paths, settings=JetGraphSettings())


def test_a_truncated_graph_file_is_refused(tmp_path):
    detected = write_detected(tmp_path / "d.root", [random_event(0)])
    paths = {"graphs": tmp_path / "g.safetensors", "cutflow": tmp_path / "c.json"}
    events(detected=detected, settings=EventGraphSettings(), **paths)
    content = paths["graphs"].read_bytes()
    paths["graphs"].write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"g\.safetensors"):
        read_event_graphs(paths["graphs"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"jets": {"pt_min": 900.0, "pt_max": 800.0}}, "must be above pt_min"),
        ({"jets": {"neighbors": 3}}, "neighbours"),
        ({"events": {"track_radius": 0.0}}, "track_radius"),
    ],
)
def test_bad_settings_are_refused(values, message):
    with pytest.raises(ConfigurationError, match=message):
        parse(GraphsSettings, values)
