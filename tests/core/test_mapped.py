"""Rows read from files are those of the whole files, and cost the memory of the rows alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jetchain.core.errors import DataError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.base import Tensor, TensorTable

TABLE = TensorTable(
    "toy",
    {
        "number": Tensor("int64", ("rows",), "", "number"),
        "node_offset": Tensor("int64", ("rows+1",), "", "first node of each row"),
        "edge_offset": Tensor("int64", ("rows+1",), "", "first edge of each row"),
        "dense": Tensor("float32", ("rows", 3, 2), "", "of the row"),
        "node": Tensor("float32", ("nodes", 2), "", "of the node"),
        "edge": Tensor("int32", (2, "edges"), "", "of the edge, along the second axis"),
    },
)
WITH_CONSTANT = TensorTable(
    "toy with constant",
    {**TABLE.tensors, "mean": Tensor("float64", (3,), "", "of the file")},
)


def write(path: Path, rows: int, seed: int, table: TensorTable = TABLE) -> Path:
    """Random rows, some of them without nodes or edges."""
    random = np.random.default_rng(seed)
    nodes, edges = (np.cumsum([0, *random.integers(0, 4, rows)]) for _ in range(2))
    data = {
        "number": 1000 * seed + np.arange(rows),
        "node_offset": nodes,
        "edge_offset": edges,
        "dense": random.normal(size=(rows, 3, 2)),
        "node": random.normal(size=(nodes[-1], 2)),
        "edge": random.integers(0, 9, (2, edges[-1])),
        "mean": random.normal(size=3),
    }
    write_tensors(path, table, {name: data[name] for name in table.tensors})
    return path


@pytest.fixture
def shards(tmp_path):
    sizes = (5, 0, 7, 1)
    return [write(tmp_path / f"{seed}.safetensors", rows, seed) for seed, rows in enumerate(sizes)]


def by_row(path: Path) -> list[dict[str, np.ndarray]]:
    """Row by row what a whole file holds."""
    read = read_tensors(path, TABLE)
    return [
        {
            "number": read["number"][row],
            "dense": read["dense"][row],
            "node": read["node"][slice(*read["node_offset"][row : row + 2])],
            "edge": read["edge"][:, slice(*read["edge_offset"][row : row + 2])],
        }
        for row in range(len(read["number"]))
    ]


@pytest.mark.parametrize("indices", [[12, 0, 5, 4, 11, 5], range(13), [], [3]])
def test_rows_are_those_of_the_whole_files(shards, indices):
    """In any order, across files, one row twice, no row."""
    whole = [row for path in shards for row in by_row(path)]
    mapped = Mapped(shards, TABLE)
    assert len(mapped) == len(whole)
    got = mapped.rows(np.array(indices, dtype=int))
    assert got.keys() == TABLE.tensors.keys()
    expected = [whole[index] for index in indices]
    assert got["number"].tolist() == [row["number"] for row in expected]
    for place, row in enumerate(expected):
        np.testing.assert_array_equal(got["dense"][place], row["dense"])
        nodes, edges = (slice(*got[f"{x}_offset"][place : place + 2]) for x in ("node", "edge"))
        np.testing.assert_array_equal(got["node"][nodes], row["node"])
        np.testing.assert_array_equal(got["edge"][:, edges], row["edge"])
    assert len(got["node"]) == got["node_offset"][-1]
    for name, tensor in TABLE.tensors.items():
        assert got[name].dtype == tensor.dtype


def test_one_file_in_order_is_that_file(shards):
    whole = read_tensors(shards[2], TABLE)
    got = Mapped(shards[2:3], TABLE).rows(np.arange(7))
    for name, array in whole.items():
        np.testing.assert_array_equal(got[name], array)


def test_only_what_is_asked_for(shards):
    got = Mapped(shards, TABLE).rows(np.array([6, 1]), ["edge", "dense"])
    assert [*got] == ["edge", "dense"]


def test_an_array_of_the_file_is_whole_and_of_one_file_only(tmp_path):
    paths = [write(tmp_path / f"{n}.safetensors", 4, n, WITH_CONSTANT) for n in (1, 2)]
    mean = read_tensors(paths[0], WITH_CONSTANT)["mean"]
    got = Mapped(paths[:1], WITH_CONSTANT).rows(np.array([2]), ["mean"])
    np.testing.assert_array_equal(got["mean"], mean)
    with pytest.raises(DataError, match="mean"):
        Mapped(paths, WITH_CONSTANT).rows(np.array([2]), ["mean"])


def test_a_row_that_is_not_there(shards):
    for wrong in (-1, 13):
        with pytest.raises(IndexError):
            Mapped(shards, TABLE).rows(np.array([wrong]))


def test_a_file_cut_short_or_of_another_kind_is_refused(shards, tmp_path):
    whole = shards[0].read_bytes()
    for length in (0, 4, 40, len(whole) - 1):
        shards[0].write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut short|damaged"):
            Mapped(shards, TABLE)
    shards[0].write_bytes(whole)
    with pytest.raises(DataError, match="lacks mean"):
        Mapped(shards, WITH_CONSTANT)
    with pytest.raises(DataError, match="no such file"):
        Mapped([tmp_path / "none.safetensors"], TABLE)


@pytest.mark.parametrize("start", [b"root\0\0\xf7\x3e", b"\x89HDF\r\n\x1a\n", b"PK\3\4\x14\0\0\0"])
def test_a_file_of_the_users_own_of_another_kind_is_no_damaged_one(tmp_path, start):
    path = tmp_path / "mine.root"
    path.write_bytes(start + 100 * b"\0")
    with pytest.raises(DataError, match=f"{path}: no safetensors file") as caught:
        Mapped([path], TABLE)
    assert "If it is a file of your own, name the one that is meant" in caught.value.remedy
    assert not caught.value.remedy.startswith("Remove")


MEASURE = '''
import sys
from pathlib import Path

import numpy as np
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.base import Tensor, TensorTable

table = TensorTable("toy", {"dense": Tensor("float32", ("rows", 250), "", "")})

def peak():
    """Of this program alone: getrusage counts what the one that started it had, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

mapped = Mapped([sys.argv[1]], table)
before = peak()
for start in range(0, len(mapped), 1000):
    mapped.rows(np.arange(start, start + 1000))
after = peak()
read_tensors(sys.argv[1], table)
print(after - before, peak() - after)
'''


def test_an_epoch_of_a_large_file_takes_the_memory_of_a_batch(tmp_path):
    """A file of 100 MB, read once through in batches of 1 MB, and whole for comparison."""
    if not Path("/proc/self/status").exists():
        pytest.skip("reads the peak of the memory in /proc")
    table = TensorTable("toy", {"dense": Tensor("float32", ("rows", 250), "", "")})
    path = tmp_path / "large.safetensors"
    write_tensors(path, table, {"dense": np.zeros((100_000, 250), np.float32)})
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    by_batch, whole = map(float, run.stdout.split())
    assert by_batch < 20 < whole


def test_no_file_stays_open(shards):
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("counts open files in /proc")
    mapped = Mapped(shards, TABLE)
    before = len([*handles.iterdir()])
    kept = [mapped.rows(np.arange(13)) for _ in range(5)]
    assert len([*handles.iterdir()]) == before
    assert len(kept) == 5
