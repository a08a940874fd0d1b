"""Trees of other programs: read whole, and refused with the file, the branch and what is wrong."""

import awkward as ak
import numpy as np
import pytest
import uproot

from jetchain.core.errors import DataError
from jetchain.core.trees import LIST, NESTED, NUMBER, iterate_tree

BRANCHES = {"weight": NUMBER, "cell_e": LIST, "cell_parents": NESTED}


def content(events=7):
    random = np.random.default_rng(2)
    number = random.integers(0, 4, events)
    lengths = random.integers(0, 3, number.sum())
    return {
        "weight": random.normal(size=events),
        "cell_e": ak.unflatten(random.normal(size=number.sum()), number),
        "cell_parents": ak.unflatten(
            ak.unflatten(random.normal(size=lengths.sum()), lengths), number
        ),
    }


def write(path, columns, tree="Tree"):
    """With uproot, which writes nested lists flat beside their lengths."""
    flat = dict(columns)
    if "cell_parents" in flat:
        nested = flat["cell_parents"]
        flat["cell_parents"] = ak.flatten(nested, axis=2)
        flat["cell_parents_n"] = ak.num(nested, axis=2)
    with uproot.recreate(path) as file:
        types = {
            name: values.dtype if isinstance(values, np.ndarray) else values.type.content
            for name, values in flat.items()
        }
        made = file.mktree(tree, types)
        if len(next(iter(flat.values()))):
            made.extend(flat)
    return path


def refusal(path, branches=BRANCHES, tree="Tree", **more):
    with pytest.raises(DataError) as caught:
        list(iterate_tree(path, tree, branches, **more))
    assert caught.value.cause.startswith(f"{path}: ")
    assert "source.files" in caught.value.remedy or "refused" in more
    return caught.value


@pytest.mark.parametrize("step", [1, 3, 100])
def test_chunks_add_up_to_the_whole(tmp_path, step):
    columns = content()
    path = write(tmp_path / "a.root", columns)
    chunks = list(iterate_tree(path, "Tree", BRANCHES, step=step))
    assert len(chunks) == -(-7 // step)
    for name, values in columns.items():
        assert ak.to_list(ak.concatenate([chunk[name] for chunk in chunks])) == ak.to_list(values)


def test_an_optional_branch_may_be_missing_and_is_read_where_it_is(tmp_path):
    columns = content()
    path = write(tmp_path / "a.root", columns)
    del columns["weight"]
    without = write(tmp_path / "b.root", columns)
    found, lacking = (
        next(iterate_tree(each, "Tree", BRANCHES, optional=("weight",))) for each in (path, without)
    )
    assert set(found) == set(BRANCHES)
    assert set(lacking) == set(BRANCHES) - {"weight"}


def test_a_missing_file_is_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.root").cause


@pytest.mark.parametrize("text", [b"", b"HepMC::Version 3.02.05\nno ROOT file at all\n"])
def test_what_is_no_root_file_is_refused(tmp_path, text):
    path = tmp_path / "a.root"
    path.write_bytes(text)
    assert "cannot be read as a ROOT file" in refusal(path).cause


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path, fraction):
    path = write(tmp_path / "a.root", content(200))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(fraction * len(whole))])
    assert "cut short or damaged" in refusal(path).cause


def test_damaged_bytes_of_a_branch_are_refused(tmp_path):
    path = write(tmp_path / "a.root", content(2000))
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle - 2000 : middle + 2000] = bytes(4000)
    path.write_bytes(whole)
    assert "cut short or damaged" in refusal(path).cause


def test_a_missing_tree_is_named_beside_those_that_are_there(tmp_path):
    error = refusal(write(tmp_path / "a.root", content(), "Delphes"), tree="Out_Tree")
    assert "no tree 'Out_Tree'; it has Delphes" in error.cause
    assert "source.format" in error.remedy


def test_missing_branches_are_named(tmp_path):
    columns = content()
    del columns["cell_e"], columns["weight"]
    error = refusal(write(tmp_path / "a.root", columns))
    assert "lacks the branches cell_e, weight" in error.cause


@pytest.mark.parametrize(
    ("name", "values", "found", "expected"),
    [
        ("cell_e", np.zeros(3), "double", "a list of numbers"),
        ("weight", ak.Array([[1.0], [], [2.0]]), "double[]", "a number"),
        ("weight", ak.Array(["a", "b", "c"]), "char*", "a number"),
        ("cell_parents", ak.Array([[1.0], [], [2.0]]), "double[]", "a list of lists of numbers"),
    ],
)
def test_a_branch_of_another_type_is_named(tmp_path, name, values, found, expected):
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file.mktree("Tree", {name: values.dtype if isinstance(values, np.ndarray)
                             else values.type.content}).extend({name: values})  # fmt: skip
    cause = refusal(path, {name: BRANCHES[name]}).cause
    assert f"branch {name} is of type {found}, expected {expected} an event" in cause


def test_a_tree_without_events_gives_one_chunk_of_none(tmp_path):
    empty = {name: values[:0] for name, values in content().items()}
    (chunk,) = iterate_tree(write(tmp_path / "a.root", empty), "Tree", BRANCHES)
    (whole,) = iterate_tree(write(tmp_path / "b.root", content()), "Tree", BRANCHES)
    assert {name: str(values.type.content) for name, values in chunk.items()} == {
        name: str(values.type.content) for name, values in whole.items()
    }
    assert all(len(values) == 0 for values in chunk.values())


def test_a_refused_branch_comes_with_its_own_remedy(tmp_path):
    path = write(tmp_path / "a.root", content())
    error = refusal(path, {"weight": NUMBER}, refused={"cell_e": "Do without."})
    assert "has the branch cell_e" in error.cause
    assert error.remedy == "Do without."
