"""Files are checked both ways, written whole or not at all, and the same byte for byte."""

import os
import time
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import atomic
from jetchain.core.io.events import count_events, read_event_chunks, read_events, write_events
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_csv, read_json, write_csv, write_json
from jetchain.core.io.tensors import read_about, read_tensors, write_tensors, write_weights
from jetchain.core.schema.base import Result, Tensor, TensorTable
from jetchain.core.schema.jets import JET, jets_table

TABLE = jets_table((0.8,))
GRAPH = TensorTable(
    "toy",
    {
        "offset": Tensor("int64", ("rows+1",), "", "offsets"),
        "values": Tensor("float32", ("rows", 2), "GeV", "values"),
    },
)


def jets(events: int = 7) -> dict:
    random = np.random.default_rng(3)

    def collection(declared):
        number = random.integers(0, 4, events)
        total = number.sum()
        columns = {
            name: ak.unflatten(random.normal(size=total).astype("f4"), number)
            for name, column in declared.items()
            if not column.nested
        }
        columns["label"] = ak.unflatten(random.integers(-1, 7, total), number)
        inner = random.integers(0, 5, total)
        nested = ak.unflatten(random.integers(0, 90, inner.sum()), inner)
        columns["constituents"] = ak.unflatten(nested, number)
        return columns

    data = {"event": {"number": np.arange(events), "weight": np.ones(events)}}
    return data | {name: collection(each) for name, each in TABLE.collections.items()}


def test_events_come_back_with_their_nested_lists(tmp_path):
    data = jets()
    write_events(tmp_path / "a.root", TABLE, data)
    back = read_events(tmp_path / "a.root", TABLE)
    assert ak.to_list(back["event"].number) == list(range(7))
    for name, declared in TABLE.collections.items():
        for column in declared:
            assert ak.to_list(back[name][column]) == ak.to_list(data[name][column])


@pytest.mark.parametrize("events", [3, 250, 1000])
def test_chunks_of_events_are_the_whole_file_in_order(tmp_path, events):
    data = jets(601)  # over more than one basket
    write_events(tmp_path / "a.root", TABLE, data)
    chunks = list(read_event_chunks(tmp_path / "a.root", TABLE, None, events))
    assert [len(chunk["event"]) for chunk in chunks[:-1]] == [events] * (len(chunks) - 1)
    assert count_events(tmp_path / "a.root", TABLE) == 601
    for name, declared in TABLE.collections.items():
        for column in declared:
            joined = ak.concatenate([chunk[name][column] for chunk in chunks])
            assert ak.to_list(joined) == ak.to_list(data[name][column])


def test_a_file_without_events_is_one_empty_chunk(tmp_path):
    empty = {name: ak.zip(group, depth_limit=1)[:0] for name, group in jets().items()}
    write_events(tmp_path / "a.root", TABLE, empty)
    (chunk,) = read_event_chunks(tmp_path / "a.root", TABLE)
    assert len(chunk["event"]) == 0
    assert chunk["ak8"].fields == list(TABLE.collections["ak8"])


def test_a_file_without_events_can_be_read(tmp_path):
    full = jets()
    empty = {name: ak.zip(group, depth_limit=1)[:0] for name, group in full.items()}
    write_events(tmp_path / "a.root", TABLE, empty)
    back = read_events(tmp_path / "a.root", TABLE)
    assert len(back["event"]) == 0
    assert back["ak8"].fields == list(TABLE.collections["ak8"])


def test_bytes_depend_on_the_content_alone(tmp_path, monkeypatch):
    data = jets()
    (tmp_path / "one").mkdir()
    write_events(tmp_path / "one" / "a.root", TABLE, data)
    time.sleep(1.1)  # ROOT's clock ticks in seconds
    monkeypatch.setattr("os.getpid", lambda: 1234567)
    write_events(tmp_path / "another" / "a.root", TABLE, data)
    one, two = (tmp_path / folder / "a.root" for folder in ("one", "another"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.99])
def test_a_file_cut_short_names_itself_and_the_remedy(tmp_path, fraction):
    path = tmp_path / "a.root"
    write_events(path, TABLE, jets(200))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(fraction * len(whole))])
    with pytest.raises(
        DataError, match=r"a\.root.*cut short or damaged[\s\S]*Remedy: If a job made"
    ):
        read_events(path, TABLE)


@pytest.mark.parametrize(
    "read",
    [
        lambda path: read_events(path, TABLE),
        lambda path: Mapped([path], GRAPH),
        lambda path: read_tensors(path, GRAPH),
        lambda path: read_about(path, Result),
        read_json,
        read_csv,
    ],
)
def test_a_folder_in_the_place_of_a_file_is_told(tmp_path, read):
    with pytest.raises(DataError, match=f"{tmp_path}: a folder, no file") as caught:
        read(tmp_path)
    assert "correct the path" in caught.value.remedy


def test_a_missing_column_is_named(tmp_path):
    import uproot

    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("Jets", {"number": "i8", "weight": "f8", "ak8_m": "f4"})
        ones = np.ones(3)
        file["Jets"].extend({"number": np.arange(3), "weight": ones, "ak8_m": ones})
    with pytest.raises(DataError, match=r"a\.root: 'jets' lacks column ak8_pt\."):
        read_events(tmp_path / "a.root", TABLE, {"ak8": ["pt"]})


def test_another_unit_is_refused(tmp_path):
    import dataclasses

    write_events(tmp_path / "a.root", TABLE, jets())
    column = dataclasses.replace(JET["pt"], unit="MeV")
    other = dataclasses.replace(TABLE, collections={"ak8": JET | {"pt": column}})
    with pytest.raises(DataError, match="ak8_pt is in 'GeV', expected 'MeV'"):
        read_events(tmp_path / "a.root", other)


def test_a_writer_must_give_exactly_the_declared_columns(tmp_path):
    data = jets()
    del data["ak8"]["msd"]
    data["ak8"]["mass"] = data["ak8"]["m"]
    with pytest.raises(DataError, match=r"missing columns \['msd'\], unknown columns \['mass'\]"):
        write_events(tmp_path / "a.root", TABLE, data)
    assert list(tmp_path.iterdir()) == []


def test_columns_of_unequal_lengths_are_refused(tmp_path):
    data = jets()
    data["ak8"]["pt"] = data["ak8"]["pt"][:, :0]
    with pytest.raises((DataError, ValueError)):
        write_events(tmp_path / "a.root", TABLE, data)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})

    def interrupted():
        with atomic(path) as temporary:
            temporary.write_text("{")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        interrupted()
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_every_file_may_be_read_as_the_umask_says(tmp_path, umask):
    """Whatever mode the library that writes it gives it: safetensors' is 0600."""
    import torch

    before = os.umask(umask)
    try:
        table = TensorTable("two", {"x": Tensor("float32", (2,), "", "")})
        write_tensors(tmp_path / "a", table, {"x": np.zeros(2)})
        write_weights(tmp_path / "b", torch.nn.Linear(1, 1))
        write_json(tmp_path / "c", {})
        for name, mode in (("d", 0o600), ("e", 0o777)):
            with atomic(tmp_path / name) as temporary:
                temporary.touch()
                temporary.chmod(mode)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys("abcde", 0o666 & ~umask)


def test_tensors_are_checked_in_both_directions(tmp_path):
    path = tmp_path / "a.safetensors"
    good = {"offset": np.arange(4), "values": np.ones((3, 2))}
    write_tensors(path, GRAPH, good)
    assert read_tensors(path, GRAPH)["values"].dtype == np.float32
    with pytest.raises(DataError, match="axis 'rows' should be 3"):
        write_tensors(path, GRAPH, good | {"values": np.ones((4, 2))})
    with pytest.raises(DataError, match="unknown \\['extra'\\]"):
        write_tensors(path, GRAPH, good | {"extra": np.ones(1)})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match="cut short or damaged"):
        read_tensors(path, GRAPH)


def test_small_tables_read_back_exactly(tmp_path):
    values = {"x": np.array([0.1, 1e-300, 3.0]), "name": np.array(["a", "b", "c"])}
    write_csv(tmp_path / "a.csv", values)
    back = read_csv(tmp_path / "a.csv")
    assert np.array_equal(back["x"], values["x"])
    assert back["name"].tolist() == ["a", "b", "c"]
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text()[:-3])
    with pytest.raises(DataError, match=r"a\.csv: cut short"):
        read_csv(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"a\.json cannot be written: a result is no finite number"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    with pytest.raises(DataError, match=r"nothing\.json: no such file"):
        read_json(Path(tmp_path / "nothing.json"))
