"""The table behind the figures, and the figures."""

import numpy as np
import pytest

from helpers.graph_events import as_read, random_event
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_json
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, EVENT_GRAPHS, JET_COLUMNS, JET_GRAPHS
from jetchain.graphs.build import event_graphs
from jetchain.graphs.display import display
from jetchain.graphs.settings import EventGraphSettings
from jetchain.reporting.graphs import event_graph, jet_graph


def one_jet():
    """A top jet of a 30 GeV photon and a 40 GeV charged hadron, joined both ways."""
    constituents = np.zeros((2, len(CONSTITUENT_COLUMNS)), np.float32)
    for row, values in enumerate([
        {"px": 30.0, "is_photon": 1, "delta_eta": 0.1, "delta_phi": -0.2},
        {"py": -40.0, "is_charged_hadron": 1, "delta_eta": -0.3},
    ]):  # fmt: skip
        for name, value in values.items():
            constituents[row, CONSTITUENT_COLUMNS.index(name)] = value
    return {
        "event_number": [3], "jet_index": [0], "weight": [1.0], "label": [4],
        "jet": np.arange(len(JET_COLUMNS), dtype=np.float32)[None] + 600,
        "multiplicity": [2], "constituent_offset": [0, 2], "constituents": constituents,
        "constituent_truth": np.full((2, 2), -1),
        "edge_offset": [0, 2], "edge_index": [[1, 0], [0, 1]],
    }  # fmt: skip


@pytest.fixture
def graphs(tmp_path):
    events = event_graphs(as_read([random_event(1)]), EventGraphSettings())
    write_tensors(tmp_path / "events", EVENT_GRAPHS, events)
    write_tensors(tmp_path / "jets", JET_GRAPHS, one_jet())
    return {
        "events": [tmp_path / "events"], "jets": [tmp_path / "jets"], "table": tmp_path / "table",
    }  # fmt: skip


def test_the_table_holds_the_graphs(graphs):
    display(**graphs)
    table = read_json(graphs["table"])
    jet, event = table["jet"], table["event"]
    assert jet["label"] == "top"
    assert jet["pt"] == 600
    assert jet["constituent_pt"] == [30, 40]
    assert jet["constituent_class"] == ["photon", "charged_hadron"]
    assert jet["edges"] == [[1, 0], [0, 1]]
    assert len(event["eta"]) == len(event["energy"]) == len(event["is_track"]) == 34
    assert sum(event["is_track"]) == 12
    assert len(event["particle_pt"]) == 22
    assert 0 <= np.min(event["edges"]) <= np.max(event["edges"]) < 34


def test_figures_are_the_same_byte_for_byte(graphs, tmp_path):
    kinds = ("pdf", "png", "data")
    display(**graphs)
    for draw in (event_graph, jet_graph):
        for folder in ("a", "b"):
            paths = {kind: tmp_path / folder / f"{draw.__name__}.{kind}" for kind in kinds}
            draw(table=graphs["table"], **paths)
        for kind in kinds:
            first, second = (tmp_path / f / f"{draw.__name__}.{kind}" for f in "ab")
            assert first.read_bytes() == second.read_bytes()
            assert first.stat().st_size > 500


def test_the_jet_is_the_first_that_matches_a_parton(graphs):
    two = {name: np.concatenate([values, values]) for name, values in one_jet().items()}
    two |= {
        "label": [-1, 4], "event_number": [3, 4], "constituent_offset": [0, 2, 4],
        "edge_offset": [0, 2, 4], "edge_index": np.tile([[1, 0], [0, 1]], 2),
    }  # fmt: skip
    two["jet"] = two["jet"] + np.array([[0], [50]], np.float32)
    write_tensors(graphs["jets"][0], JET_GRAPHS, two)
    display(**graphs)
    jet = read_json(graphs["table"])["jet"]
    assert (jet["label"], jet["pt"]) == ("top", 650)
    write_tensors(graphs["jets"][0], JET_GRAPHS, two | {"label": [-1, -1]})
    display(**graphs)
    assert read_json(graphs["table"])["jet"]["pt"] == 600


def test_nothing_to_draw_is_an_error(graphs):
    empty = {
        name: np.array(values)[..., :0] if name == "edge_index" else
        np.zeros(1, np.int64) if name.endswith("_offset") else np.array(values)[:0]
        for name, values in one_jet().items()
    }  # fmt: skip
    write_tensors(graphs["jets"][0], JET_GRAPHS, empty)
    with pytest.raises(EmptySampleError, match=r"graphs\.display\.sample"):
        display(**graphs)
