"""Results opened by name."""

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

import jetchain
from jetchain.core.errors import DataError
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import write_csv, write_json, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import SCORES
from jetchain.core.schema.background import CountingBin, Search, SearchYields
from jetchain.core.schema.base import Estimate
from jetchain.core.schema.jets import jets_table
from jetchain.plumbing.opening import branches

TABLE = jets_table((0.4, 1.2))


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A folder of results, in the folder of a run."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results"
    collections = {
        name: {
            column: ak.Array([[[1], [2, 3]], [[]]] if each.nested else [[1, 2], [3]])
            for column, each in columns.items()
        }
        for name, columns in TABLE.collections.items()
    }
    event = {"number": np.array([5, 9]), "weight": np.ones(2)}
    write_events(folder / "jets/top/0000.root", TABLE, {"event": event, **collections})
    write_json(folder / "jets/top/0000.json", {"anything": 1})
    rows = {
        name: np.zeros([3 if isinstance(axis, str) else axis for axis in tensor.axes], tensor.dtype)
        for name, tensor in SCORES.tensors.items()
    }
    write_tensors(folder / "anomaly/cwola/scores.safetensors", SCORES, rows)
    write_result(folder / "jets/estimate.json", Estimate(value=2, low=1, high=3, std=1))
    save_histograms(folder / "jets/histograms.json", {"m": weighted("m", [1.0], [0.0, 2.0])})
    write_csv(folder / "jets/history.csv", {"epoch": [1, 2], "loss": [0.5, 0.25]})
    return folder


def test_an_event_table_is_read_by_its_branches(results):
    table = jetchain.open("jets/top/0000.root")
    assert table.name == "jets"
    assert list(table) == list(branches(TABLE))
    assert table["number"].tolist() == [5, 9]
    assert table["ak12_pt"].tolist() == [[1, 2], [3]]
    assert table["ak4_constituents"].tolist() == [[[1], [2, 3]], [[]]]
    assert table.columns["ak12_pt"].unit == "GeV"
    assert "GeV" in repr(table)
    assert "<td>GeV</td>" in table._repr_html_()


def test_a_tensor_table_says_what_its_columns_are(results):
    table = jetchain.open("results/anomaly/cwola/scores")
    assert table.columns == SCORES.tensors
    with pytest.raises(KeyError, match="did you mean"):
        table[f"{next(iter(SCORES.tensors))}s"]


def test_json_comes_as_what_it_is(results):
    assert jetchain.open("jets/estimate") == Estimate(value=2, low=1, high=3, std=1)
    assert jetchain.open("jets/histograms")["m"].sum().value == 1
    assert jetchain.open("jets/top/0000.json") == {"anything": 1}
    assert jetchain.open("jets/history")["loss"].tolist() == [0.5, 0.25]


def test_a_result_that_others_build_upon_is_not_taken_for_one_of_them(results):
    """The yields of a search know of no systematic uncertainty: they are not said to have none."""
    one = CountingBin(
        name="a", observed=3, background=2.0, background_uncertainty=1.0, signal=1.0,
        signal_uncertainty=0.1,
    )  # fmt: skip
    counts = SearchYields(
        method="one", constraint="gaussian", bins=[one], luminosity_fb=1.0,
        reference_cross_section_fb=2.0,
    )  # fmt: skip
    write_result(results / "yields.json", counts)
    write_result(results / "search.json", Search(**counts.model_dump(), signal_statistics=[0.0]))
    assert type(jetchain.open("yields")) is SearchYields
    assert type(jetchain.open("search")) is Search


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jets/top/0000", r"2 files: jets/top/0000\.root, jets/top/0000\.json"),
        ("jets/top/0001", "Nearest: jets/top/0000"),
        ("anomaly/cwola/score", "Nearest: anomaly/cwola/scores"),
        ("", r"a folder.\nRemedy: Name what is in it: anomaly, jets\."),
        ("jets", r"a folder.\nRemedy: .* estimate\.json, .* history\.csv, picture\.png, top\."),
        ("./jets/picture.png", "no data, but a picture"),
        ("jets/pictures.png", "no 'jets/pictures.png' that can be opened"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_what_is(results, name, message):
    (results / "jets/picture.png").touch()
    with pytest.raises(DataError, match=message):
        jetchain.open(name)


@pytest.mark.parametrize(
    "name",
    [Path("results/jets/estimate.json"), "./results/jets/estimate.json", "jets/top/../estimate"],
)
def test_a_name_counts_as_a_path(results, name):
    assert jetchain.open(name).value == 2


@pytest.mark.parametrize(("key", "message"), [(0, "has no '0'"), ("ak12_pT", "ak12_pt")])
def test_a_column_that_is_not_there_is_answered_with_the_nearest(results, key, message):
    with pytest.raises(KeyError, match=message):
        jetchain.open("jets/top/0000.root")[key]


def test_another_runs_results_can_be_named(results, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="no results here"):
        jetchain.open("jets/estimate")
    for named in (str(results), results, results.parent):
        assert jetchain.open("jets/estimate", results=named).value == 2
    monkeypatch.setenv("JETCHAIN_RESULTS", str(results))
    assert jetchain.open("jets/estimate").value == 2
