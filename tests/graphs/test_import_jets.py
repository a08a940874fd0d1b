"""Published jets become JET_GRAPHS: each format's own layout, labels and features; bad files."""

import hashlib
import itertools
import json
import shutil
from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pytest

from helpers import published
from helpers.jets_taken_in import take_in
from jetchain.core.errors import DataError
from jetchain.core.io.tensors import JaggedWriter, read_about, read_tensors, write_tensors
from jetchain.core.kinematics import delta_phi, pt_eta_phi
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, JET_GRAPHS, ImportedJets
from jetchain.core.schema.tagging import FEATURE_SETS
from jetchain.graphs import imported
from jetchain.graphs.formats import (
    FORMATS,
    hls4ml,
    jetclass,
    nanoaod,
    physlite,
    quark_gluon,
    top_tagging,
)

JETS = 11
LABEL = np.arange(JETS) % 2
FLAVOUR = {"nanoaod": [21, -1], "nanoaod_ak8": [0, 5], "nanoaod_v15": [0, 5]}
NAMES = {"top_tagging": ["QCD", "top"], "quark_gluon": ["gluon", "quark"],
         "jetclass": ["QCD", "Hbb"], "jetclass2": ["0", "1"], "hls4ml": ["g", "q"],
         "nanoaod": ["gluon", "quark"], "nanoaod_ak8": ["light", "bottom"],
         "nanoaod_v15": ["light", "bottom"], "physlite": ["gluon", "quark"]}  # fmt: skip
TRUTH = np.array([[0, 21], [0, 1]])  # of hadrons and partons in PHYSLITE, of the labels 0 and 1
EVENTS = [2, 0, 1, 3, 4, 1]
FILES = [(name, "root") for name in FORMATS] + [("jetclass", "parquet")]
TREE = Path(__file__).with_name("physlite.root")  # of helpers.make_physlite_tree: what `write` has
WITH_TREE = [*FILES, ("physlite", "tree")]


def jets_of(form):
    """What stands in the files of a format."""
    made = published.jets(JETS)
    return published.tracks_only(made) if form == "physlite" else made


def write(folder, form, kind="root", made=None, label=LABEL):
    """A file of a format, of jets with the labels NAMES[form][label]."""
    if kind == "tree":
        return Path(shutil.copy(TREE, folder / "a.root"))
    made = jets_of(form) if made is None else made
    if form == "physlite":
        columns = published.physlite_columns(made, TRUTH[label], EVENTS if len(label) else [])
        return published.write_physlite(folder / "a.root", columns)
    if form == "top_tagging":
        return published.write_top_tagging(folder / "a.h5", made, label)
    if form == "quark_gluon":
        return published.write_quark_gluon(folder / "a.npz", made, label)
    if form == "hls4ml":
        return published.write_hls4ml(folder / "a.h5", made, label)
    if form.startswith("jetclass"):
        columns = published.jetclass_columns(made, label, two=form == "jetclass2")
        if kind == "parquet" or form == "jetclass2":
            return published.write_parquet(folder / "a.parquet", columns)
        return published.write_root(folder / "a.root", columns)
    jet = {"nanoaod": "Jet", "nanoaod_ak8": "FatJet", "nanoaod_v15": "FatJet15"}[form]
    flavour = np.array(FLAVOUR[form])[label]
    columns = published.nanoaod_columns(made, flavour, EVENTS, jet)
    return published.write_root(folder / "a.root", columns, "Events")


def test_every_format_has_its_labels_once_and_a_known_set_of_features():
    for name in FORMATS:
        form = FORMATS.load(name)
        assert len(set(form.labels)) == len(form.labels) > 1
        assert form.feature_set in FEATURE_SETS
    loaded = {FORMATS.load(name).__module__ for name in FORMATS}
    modules = (hls4ml, jetclass, nanoaod, physlite, quark_gluon, top_tagging)
    assert loaded == {module.__name__ for module in modules}


def in_chunks(monkeypatch, size):
    for module in (imported, jetclass, nanoaod, physlite):
        monkeypatch.setattr(module, "STEP", size)


def column(arrays, name):
    return arrays["constituents"][:, CONSTITUENT_COLUMNS.index(name)]


@pytest.mark.parametrize(("form", "kind"), WITH_TREE)
def test_every_format_gives_the_jets_that_stand_in_its_file(tmp_path, monkeypatch, form, kind):
    in_chunks(monkeypatch, 4)
    made = jets_of(form)
    arrays, cutflow = take_in(write(tmp_path, form, kind), form)
    about = read_about(tmp_path / "g.safetensors", ImportedJets)
    counts = [len(each) for each in made["pt"]]
    names = NAMES[form]

    assert about.feature_set == FORMATS.load(form).feature_set
    assert [about.labels[each] for each in arrays["label"]] == [names[each] for each in LABEL]
    assert np.diff(arrays["constituent_offset"]).tolist() == counts
    assert arrays["multiplicity"].tolist() == counts
    assert (cutflow["jets"], cutflow["graphs"], cutflow["unmatched"]) == (JETS, JETS, 0)
    assert cutflow["constituents"] == cutflow["constituents kept"] == sum(counts)

    mass = form in ("quark_gluon", "jetclass", "jetclass2", "physlite")
    momentum = published.momenta(made, mass)
    sums = np.array([each.sum(axis=0) for each in momentum])
    pt, eta, phi = pt_eta_phi(*sums[:, :3].T)
    jet = dict(zip(JET_COLUMNS, arrays["jet"].T, strict=True))
    np.testing.assert_allclose(jet["pt"], pt, rtol=1e-5)
    np.testing.assert_allclose(jet["eta"], eta, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(delta_phi(jet["phi"], phi), 0, atol=1e-5)
    m2 = sums[:, 3] ** 2 - (sums[:, :3] ** 2).sum(axis=1)
    np.testing.assert_allclose(jet["m"], np.sqrt(np.maximum(m2, 0)), rtol=0.01, atol=0.5)
    if form.startswith("jetclass"):  # as the file states them
        assert np.all(jet["msd"] == 0.5)
        assert np.all(jet["tau3"] == 3.5)
    else:
        alone = np.array(counts) == 1
        assert np.all(jet["msd"] <= jet["m"] + 1)
        assert np.all(jet["tau1"][~alone] > 0)

    flat = np.concatenate(momentum)
    for i, name in enumerate(("px", "py", "pz", "e")):
        np.testing.assert_allclose(column(arrays, name), flat[:, i], rtol=1e-4, atol=1e-3)
    owner = np.repeat(np.arange(JETS), counts)
    delta = np.concatenate(made["eta"]) - eta[owner]
    np.testing.assert_allclose(column(arrays, "delta_eta"), delta, atol=1e-4)

    what = np.concatenate(made["what"])
    identity = FEATURE_SETS["identity"][7:]
    for name in identity[1:]:
        kind = name.removeprefix("is_")
        expected = np.array(published.KINDS)[what] == kind
        expected = expected if about.feature_set != "kinematics" else 0
        np.testing.assert_array_equal(column(arrays, name), expected)
    charge = published.CHARGES[what] * (about.feature_set != "kinematics")
    np.testing.assert_array_equal(column(arrays, "charge"), charge)
    tracks = {"d0": 0.1, "z0": 0.3, "d0_err": 0.2, "z0_err": 0.4}  # cm of NanoAOD are mm here
    for name, value in tracks.items():
        if form.startswith("jetclass"):
            value = {"d0": 0.1, "d0_err": 0.2, "z0": 0.3, "z0_err": 0.4}[name]
        expected = value * (charge != 0) * (about.feature_set == "full")
        np.testing.assert_allclose(column(arrays, name), expected, rtol=1e-5)


def test_events_of_nanoaod_keep_their_jets(tmp_path):
    arrays, _ = take_in(write(tmp_path, "nanoaod"), "nanoaod", "0002")
    event = np.repeat(np.arange(len(EVENTS)), EVENTS)
    assert (arrays["event_number"] - 20_000_000).tolist() == event.tolist()
    assert arrays["jet_index"].tolist() == [i for number in EVENTS for i in range(number)]


def test_nanoaod_as_an_rntuple_is_the_tree(tmp_path):
    columns = published.nanoaod_columns(published.jets(JETS), np.zeros(JETS, int), EVENTS)
    tree, _ = take_in(published.write_root(tmp_path / "a.root", columns, "Events"), "nanoaod")
    ntuple, _ = take_in(published.write_ntuple(tmp_path / "b.root", columns, "Events"), "nanoaod")
    for name, values in tree.items():
        np.testing.assert_array_equal(ntuple[name], values)


@pytest.mark.parametrize("form", ["nanoaod_ak8", "nanoaod_v15"])
def test_candidates_of_large_jets_are_weighted_by_puppi(tmp_path, form):
    made = published.jets(JETS)
    # NanoAOD 15 has no column of the weights: they are in pT (and mass) already.
    jet, name, code = {
        "nanoaod_ak8": ("FatJet", "PFCands_puppiWeight", "PFCands_pdgId"),
        "nanoaod_v15": ("FatJet15", "PFCand_pt", "PFCand_pdgId"),
    }[form]
    columns = published.nanoaod_columns(made, np.zeros(JETS, int), EVENTS, jet)
    weight = ak.where(columns[code] == 22, 0.0, 0.5)
    columns[name] = ak.values_astype(weight * columns[name], "float32")
    arrays, _ = take_in(published.write_root(tmp_path / "a.root", columns, "Events"), form)
    assert not column(arrays, "is_photon").any()
    what = np.concatenate(made["what"])
    expected = 0.5 * np.concatenate(made["pt"])[np.array(published.KINDS)[what] != "photon"]
    np.testing.assert_allclose(
        np.hypot(column(arrays, "px"), column(arrays, "py")), expected, rtol=1e-4
    )


@pytest.mark.parametrize(("form", "kind"), WITH_TREE)
def test_the_parts_of_a_file_are_the_file(tmp_path, monkeypatch, form, kind):
    in_chunks(monkeypatch, 3)
    path = write(tmp_path, form, kind)
    whole, _ = take_in(path, form)
    parts = [take_in(path, form, f"{shard:04d}", parts=3)[0] for shard in (6, 7, 8)]
    for name in ("label", "jet", "constituents", "multiplicity", "jet_index"):
        joined = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(joined, whole[name])
    assert [part["event_number"].min() for part in parts] == [60_000_000, 70_000_000, 80_000_000]
    few, _ = take_in(path, form, limit=3)
    np.testing.assert_array_equal(few["label"], whole["label"][: len(few["label"])])
    assert 0 < len(few["label"]) < JETS
    with pytest.raises(DataError, match="fewer than the 99"):
        take_in(path, form, limit=99)


def test_selection_order_and_truncation_are_those_of_other_samples(tmp_path):
    made = published.jets(JETS)
    order = [np.random.default_rng(i).permutation(len(pt)) for i, pt in enumerate(made["pt"])]
    mixed = {name: [each[o] for each, o in zip(values, order, strict=True)]
             for name, values in made.items()}  # fmt: skip
    path = published.write_top_tagging(tmp_path / "a.h5", mixed, LABEL)
    arrays, cutflow = take_in(path, "top_tagging", eta_max=1.0, max_constituents=4, neighbours=2)
    pt = np.hypot(column(arrays, "px"), column(arrays, "py"))
    offset = arrays["constituent_offset"]
    assert np.all(np.diff(offset) <= 4)
    for first, last in itertools.pairwise(offset):
        assert np.all(np.diff(pt[first:last]) <= 0)
    assert cutflow["graphs"] == cutflow["|eta| < 1"] == len(arrays["label"]) < cutflow["jets"]
    assert np.all(np.abs(arrays["jet"][:, JET_COLUMNS.index("eta")]) < 1)
    leading = {round(float(each[0]), 2) for each in made["pt"]}
    assert {round(float(pt[first]), 2) for first in offset[:-1]} <= leading
    assert np.all(np.diff(arrays["edge_offset"]) <= 8)


def test_without_edges_all_else_is_the_same(tmp_path):
    path = write(tmp_path, "jetclass")
    (arrays, cutflow), (without, same) = (
        take_in(path, "jetclass", neighbours=number) for number in (7, 0)
    )
    assert without.pop("edge_index").shape == (2, 0)
    assert without.pop("edge_offset").tolist() == [0] * (JETS + 1)
    for name, values in without.items():
        np.testing.assert_array_equal(values, arrays[name])
    assert cutflow == same


# pandas writes no empty table, and events without jets are in the other tests.
@pytest.mark.parametrize(("form", "kind"), [FILES[i] for i in (1, 2, 3, 4, -1)])
def test_a_file_without_jets_is_a_shard_without_jets(tmp_path, form, kind):
    none = published.jets(0)
    arrays, cutflow = take_in(write(tmp_path, form, kind, none, LABEL[:0]), form)
    assert len(arrays["label"]) == cutflow["jets"] == 0
    assert arrays["constituent_offset"].tolist() == [0]


@pytest.mark.parametrize(("form", "kind"), FILES)
@pytest.mark.parametrize("kept", [0, 0.6])
def test_empty_and_truncated_files_are_refused(tmp_path, form, kind, kept):
    path = write(tmp_path, form, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match=r"cut short or damaged|events and no more") as caught:
        take_in(path, form)
    assert "Copy or make the file anew" in caught.value.remedy
    assert not (tmp_path / "g.safetensors").exists()
    assert not (tmp_path / "c.json").exists()


def drop(name):
    return lambda frame: frame.drop(columns=name)


def put(name, value):
    def change(frame):
        frame.loc[4, name] = value
        return frame

    return change


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"change": drop("is_signal_new")}, "lacks the columns is_signal_new"),
        ({"change": drop("PZ_3")}, "lacks the columns PZ_3"),
        ({"key": "jets"}, "has no pandas table 'table'"),
        ({"change": put("PX_0", np.nan)}, "in row 5 of the file, px of a constituent is nan"),
        ({"change": put("E_0", -1.0)}, "in row 5 of the file, the energy of a constituent is -1"),
        ({"change": put("is_signal_new", 2)}, "in row 5 of the file, the label of the jet is 2"),
        ({"change": put("is_signal_new", -1)}, "the label of a jet is -1, no whole number"),
    ],
)
def test_bad_tables_of_top_tagging_are_refused(tmp_path, how, words):
    path = published.write_top_tagging(tmp_path / "a.h5", published.jets(JETS), LABEL, **how)
    with pytest.raises(DataError, match=words):
        take_in(path, "top_tagging")


def test_a_table_of_pandas_in_its_other_form_is_read(tmp_path):
    path = published.write_top_tagging(tmp_path / "a.h5", published.jets(JETS), LABEL, form="fixed")
    assert take_in(path, "top_tagging", parts=2)[1]["jets"] == JETS // 2
    none = published.write_top_tagging(
        tmp_path / "b.h5", published.jets(JETS), LABEL, form="fixed",
        change=lambda frame: frame.iloc[:0],
    )  # fmt: skip
    assert take_in(none, "top_tagging")[1]["jets"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": None}, "lacks the arrays y.npy"),
        ({"X": np.ones((JETS, 9, 3))}, r"the shapes \(11, 9, 3\) and \(11,\)"),
        ({"y": np.zeros(3)}, r"the shapes \(11, 139, 4\) and \(3,\)"),
        ({"X": np.full((JETS, 2, 4), 11, object)}, "X holds object"),
        ({"X": np.full((JETS, 2, 4), np.inf)}, "no particle with the PDG code inf"),
        ({"X": np.full((JETS, 2, 4), 7.5)}, "no particle with the PDG code 7.5"),
        ({"X": np.full((JETS, 2, 4), [-1.0, 0, 0, 22])}, "the energy of a constituent is -1"),
        ({"y": np.full(JETS, 0.5)}, "the label of a jet is 0.5, no whole number"),
        ({"y": np.full(JETS, -1)}, "the label of a jet is -1, no whole number"),
        ({"X": np.full((JETS, 2, 4), [5.0, 0, 0, 0])}, "no particle with the PDG code 0"),
    ],
)
def test_bad_arrays_of_quark_and_gluon_jets_are_refused(tmp_path, change, words):
    path = tmp_path / "a.npz"
    published.write_quark_gluon(path, published.jets(JETS), LABEL, **change)
    with pytest.raises(DataError, match=words):
        take_in(path, "quark_gluon")


def with_nan(columns):
    columns["part_d0val"] = ak.where(ak.local_index(columns["part_px"]) == 0, np.nan,
                                     columns["part_d0val"])  # fmt: skip
    return columns


@pytest.mark.parametrize("kind", ["root", "parquet"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: {n: v for n, v in c.items() if n != "part_px"}, "part_px"),
        (lambda c: {n: v for n, v in c.items() if n != "label_Tbl"}, "lacks the .* label_Tbl"),
        (with_nan, "in row 1 of the file, d0 of a constituent is nan"),
        (lambda c: c | {"label_Hcc": np.ones(JETS)}, "not 1 for one of them and 0 else"),
        (lambda c: c | {"part_py": c["part_py"][:, :0]}, "part_py has more or fewer entries"),
        (
            lambda c: c | {"jet_pt": np.full(JETS, np.inf)},
            "row 1 of the file, pt of the jet is inf",
        ),
        (lambda c: c | {"jet_pt": np.zeros(JETS)}, "row 1 of the file, pt of the jet is 0"),
        (lambda c: c | {"jet_energy": c["jet_pt"] / 2}, "row 1 of the file, m of the jet is nan"),
        (lambda c: c | {"jet_energy": -c["jet_energy"]}, "row 1 of the file, m of the jet is nan"),
        (lambda c: c | {"label_QCD": ak.Array([[1]] * JETS)}, "label_QCD is of type .*, expected"),
        (lambda c: c | {"part_px": np.ones(JETS)}, "part_px is of type .*, expected a list"),
    ],
)
def test_bad_columns_of_jetclass_are_refused(tmp_path, kind, change, words):
    columns = change(published.jetclass_columns(published.jets(JETS), LABEL))
    path = tmp_path / f"a.{kind}"
    (published.write_parquet if kind == "parquet" else published.write_root)(path, columns)
    with pytest.raises(DataError, match=words):
        take_in(path, "jetclass")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jet_pt", [None] + [600.0] * (JETS - 1)),
        ("part_px", [None] + [[1.0]] * (JETS - 1)),
        ("part_px", [[None]] + [[1.0]] * (JETS - 1)),
    ],
)
def test_rows_of_parquet_without_a_value_are_refused(tmp_path, name, value):
    columns = published.jetclass_columns(published.jets(JETS), LABEL) | {name: ak.Array(value)}
    path = published.write_parquet(tmp_path / "a.parquet", columns)
    with pytest.raises(DataError, match=f"the column {name} has rows without a value"):
        take_in(path, "jetclass")


def test_parquet_is_known_by_its_first_bytes(tmp_path):
    path = write(tmp_path, "jetclass", "parquet").rename(tmp_path / "a.pq")
    assert take_in(path, "jetclass")[1]["graphs"] == JETS


@pytest.mark.parametrize("kind", ["f2", "f8"])
def test_numbers_of_other_precision_are_the_same_jets(tmp_path, kind):
    path = write(tmp_path, "hls4ml")
    single, _ = take_in(path, "hls4ml")
    with h5py.File(path, "a") as file:
        values = file["jetConstituentList"][()].astype(kind)
        del file["jetConstituentList"]
        file["jetConstituentList"] = values
    other, _ = take_in(path, "hls4ml")
    np.testing.assert_allclose(other["constituents"][:, :4], single["constituents"][:, :4], 1e-3)
    np.testing.assert_array_equal(other["multiplicity"], single["multiplicity"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"jetFeatureNames": None}, "lacks the data sets jetFeatureNames"),
        ({"particleFeatureNames": np.array(["j1_px"], "S9")}, "j1_py, j1_pz, j1_e"),
        ({"jets": np.zeros((3, 59))}, r"the shapes \(11, 150, 16\), \(3, 59\)"),
        ({"jets": np.ones((JETS, 59))}, "not 1 for one of them"),
        ({"jetConstituentList": np.full((JETS, 9, 16), b"a")}, "could not convert"),
    ],
)
def test_bad_data_sets_of_hls4ml_are_refused(tmp_path, change, words):
    path = published.write_hls4ml(tmp_path / "a.h5", published.jets(JETS), LABEL, **change)
    with pytest.raises(DataError, match=words):
        take_in(path, "hls4ml")


def test_the_checksum_of_a_file_is_compared(tmp_path):
    path = write(tmp_path, "hls4ml")
    right = hashlib.md5(path.read_bytes()).hexdigest()
    take_in(path, "hls4ml", checksums={"a.h5": f"md5:{right.upper()}", "b.h5": "md5:" + 32 * "0"})
    with pytest.raises(DataError, match=f"its checksum is md5:{right}, not md5:000"):
        take_in(path, "hls4ml", checksums={"a.h5": "md5:" + 32 * "0"})


def test_a_table_written_in_parts_is_the_table_written_at_once(tmp_path):
    arrays, _ = take_in(write(tmp_path, "jetclass"), "jetclass")
    write_tensors(tmp_path / "once.safetensors", JET_GRAPHS, arrays)
    nodes, edges = arrays["constituent_offset"], arrays["edge_offset"]
    with JaggedWriter(tmp_path / "parts.safetensors", JET_GRAPHS) as writer:
        for first, last in ((0, 3), (3, 3), (3, JETS)):
            part = {name: values[first:last] for name, values in arrays.items()}
            node, edge = slice(nodes[first], nodes[last]), slice(edges[first], edges[last])
            for name in ("constituents", "constituent_truth"):
                part[name] = arrays[name][node]
            part["edge_index"] = arrays["edge_index"][:, edge]
            part["constituent_offset"] = nodes[first : last + 1] - nodes[first]
            part["edge_offset"] = edges[first : last + 1] - edges[first]
            writer.write(part)
    read = read_tensors(tmp_path / "parts.safetensors", JET_GRAPHS)
    for name, values in read_tensors(tmp_path / "once.safetensors", JET_GRAPHS).items():
        np.testing.assert_array_equal(read[name], values)


def test_the_header_is_plain_json_that_safetensors_reads(tmp_path):
    take_in(write(tmp_path, "top_tagging"), "top_tagging")
    raw = (tmp_path / "g.safetensors").read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    assert json.loads(header["__metadata__"]["about"])["labels"] == ["QCD", "top"]
