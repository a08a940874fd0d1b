"""Published jets that would count twice or be lost in silence; numbers in narrow types."""

import warnings

import awkward as ak
import numpy as np
import pytest

from helpers import published
from helpers.jets_taken_in import take_in
from jetchain.core.errors import DataError
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS

JETS = 11
LABEL = np.arange(JETS) % 2
EVENTS = [2, 0, 1, 3, 4, 1]
JET = {"nanoaod": "Jet", "nanoaod_ak8": "FatJet", "nanoaod_v15": "FatJet15"}
LINKS = {
    "nanoaod": ("JetPFCands_jetIdx", "JetPFCands_pFCandsIdx"),
    "nanoaod_ak8": ("FatJetPFCands_jetIdx", "FatJetPFCands_pFCandsIdx"),
    "nanoaod_v15": ("FatJetPFCand_jetIdx", "FatJetPFCand_pfCandIdx"),
}


def nanoaod(folder, form, **change):
    """A file of NanoAOD, some of whose branches are changed."""
    made = published.nanoaod_columns(published.jets(JETS), np.zeros(JETS, int), EVENTS, JET[form])
    changed = {name: each(made[name]) for name, each in change.items()}
    return published.write_root(folder / "a.root", made | changed, "Events")


def momenta(arrays):
    return arrays["constituents"][:, [CONSTITUENT_COLUMNS.index(n) for n in ("px", "py", "pz")]]


@pytest.mark.parametrize("form", JET)
def test_a_candidate_that_a_jet_lists_twice_is_refused(tmp_path, form):
    first, second = LINKS[form]
    twice = dict.fromkeys(LINKS[form], lambda each: ak.concatenate([each, each], axis=1))
    path = nanoaod(tmp_path, form, **twice)
    with pytest.raises(DataError, match=f"{first} with {second} lists a particle of a jet twice"):
        take_in(path, form)


def test_pairs_of_no_jet_and_candidates_of_two_jets_may_be_listed_again(tmp_path):
    usual, _ = take_in(nanoaod(tmp_path, "nanoaod"), "nanoaod")
    jet, candidate = LINKS["nanoaod"]

    def none(each):
        return ak.concatenate([each, 0 * each - 1], axis=1)

    arrays, _ = take_in(nanoaod(tmp_path, "nanoaod", **{jet: none, candidate: none}), "nanoaod")
    np.testing.assert_array_equal(arrays["constituents"], usual["constituents"])
    path = nanoaod(tmp_path, "nanoaod", **{candidate: shared_out})
    shared, _ = take_in(path, "nanoaod", pt_max=1e9)
    assert shared["multiplicity"].tolist() == usual["multiplicity"].tolist()


def shared_out(candidate):
    """Each jet has the first candidates of its event, which other jets have too."""
    made = published.nanoaod_columns(published.jets(JETS), np.zeros(JETS, int), EVENTS)
    jets = made["JetPFCands_jetIdx"].tolist()
    return ak.Array([[of[:i].count(jet) for i, jet in enumerate(of)] for of in jets])


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("form", JET)
def test_an_index_that_is_not_whole_is_named(tmp_path, form, which):
    name = LINKS[form][which]
    path = nanoaod(tmp_path, form, **{name: lambda each: each + 0.5})
    with pytest.raises(DataError, match=f"the branch {name} does not hold whole numbers"):
        take_in(path, form)


@pytest.mark.parametrize(
    ("form", "flavour"),
    [
        ("nanoaod", "Jet_partonFlavour"),
        ("nanoaod_ak8", "FatJet_hadronFlavour"),
        ("nanoaod_v15", "FatJet_hadronFlavour"),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_flavour_that_is_no_number_is_refused(tmp_path, form, flavour, value):
    def change(each):
        return ak.where(ak.local_index(each) == 1, value, each)

    with pytest.raises(DataError, match=f"{flavour} holds {value}"):
        take_in(nanoaod(tmp_path, form, **{flavour: change}), form)


def test_a_large_code_is_told_with_all_its_digits(tmp_path):
    path = nanoaod(tmp_path, "nanoaod", PFCands_pdgId=lambda each: 0 * each + 1000022)
    with pytest.raises(DataError, match="PFCands_pdgId is 1000022, no candidate's code"):
        take_in(path, "nanoaod")


def jetclass(folder, kind, **change):
    """A file of JetClass, some of whose columns are changed."""
    made = published.jetclass_columns(published.jets(JETS), LABEL)
    changed = {name: each(made[name]) for name, each in change.items()}
    write = published.write_parquet if kind == "parquet" else published.write_root
    return write(folder / f"a.{kind}", made | changed)


@pytest.mark.parametrize("kind", ["root", "parquet"])
def test_momenta_in_whole_numbers_are_those_of_the_same_size(tmp_path, kind):
    names = ("part_px", "part_py", "part_pz", "part_energy")

    def rounded(to):  # away from 0, and beyond the root of the largest number of 16 bits
        def change(each):
            up = np.sign(each) * np.ceil(10 * abs(each))
            return ak.values_astype(up, to)

        return dict.fromkeys(names, change)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole, _ = take_in(jetclass(tmp_path, kind, **rounded("int16")), "jetclass")
        real, _ = take_in(jetclass(tmp_path, kind, **rounded("float32")), "jetclass")
    assert np.abs(momenta(real)).max() > 2**8  # a square would overflow
    for name, values in real.items():
        np.testing.assert_array_equal(whole[name], values)


def test_small_momenta_of_half_precision_are_read(tmp_path):
    def small(each):
        return ak.values_astype(0 * each + 1e-4, "float16")

    change = dict.fromkeys(("part_px", "part_py", "part_pz"), small)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        arrays, _ = take_in(jetclass(tmp_path, "parquet", **change), "jetclass")
    np.testing.assert_allclose(momenta(arrays), 1e-4, rtol=1e-2)


@pytest.mark.parametrize(("size", "told"), [(1e-60, "0"), (1e60, "inf")])
def test_momenta_beyond_the_graphs_precision_are_refused(tmp_path, size, told):
    def change(each):
        return size * ak.values_astype(each, "float64")

    path = jetclass(tmp_path, "root", **dict.fromkeys(("part_px", "part_py"), change))
    with pytest.raises(DataError, match=f"row 1 of the file, the pT of a constituent is {told}"):
        take_in(path, "jetclass")


@pytest.mark.parametrize("kind", ["root", "parquet"])
def test_a_flag_of_a_particle_that_is_no_number_is_refused(tmp_path, kind):
    path = jetclass(tmp_path, kind, part_isMuon=lambda each: each * np.nan)
    with pytest.raises(DataError, match="part_isMuon holds nan"):
        take_in(path, "jetclass")


def quark_gluon(folder, **change):
    path = folder / "a.npz"
    return published.write_quark_gluon(path, published.jets(JETS), LABEL, **change)


@pytest.mark.parametrize("code", [9902210, 1000022, 7.5])
def test_a_code_of_no_particle_is_told_as_it_is(tmp_path, code):
    path = quark_gluon(tmp_path, X=np.full((JETS, 2, 4), [5.0, 0.0, 0.0, code]))
    with pytest.raises(DataError, match=f"no particle with the PDG code {code}"):
        take_in(path, "quark_gluon")


def test_arrays_of_whole_numbers_are_read(tmp_path):
    rows = np.array([[[500, 1, 2, 211], [100, -1, 3, 22], [0, 0, 0, 0]]] * JETS)
    real, _ = take_in(quark_gluon(tmp_path, X=rows.astype(float)), "quark_gluon")
    for kind in ("int16", "int64"):
        whole, _ = take_in(quark_gluon(tmp_path, X=rows.astype(kind)), "quark_gluon")
        np.testing.assert_array_equal(whole["constituents"], real["constituents"])


@pytest.mark.parametrize(
    ("change", "words", "remedy"),
    [
        (np.asfortranarray, "X is stored by columns", "Write numpy.ascontiguousarray"),
        (lambda x: x.astype(complex), "X holds complex128, no", "Write X.astype"),
    ],
)
def test_arrays_that_cannot_be_read_in_parts_say_how_to_write_them(tmp_path, change, words, remedy):
    rows = np.full((JETS, 2, 4), [5.0, 0.0, 0.0, 22.0])
    with pytest.raises(DataError, match=words) as caught:
        take_in(quark_gluon(tmp_path, X=change(rows)), "quark_gluon")
    assert caught.value.remedy.startswith(remedy)


@pytest.mark.parametrize(("name", "value"), [("jetIdx", 9), ("pFCandsIdx", 999)])
def test_indices_of_nanoaod_that_lead_nowhere_are_refused(tmp_path, name, value):
    columns = published.nanoaod_columns(published.jets(JETS), np.zeros(JETS, int), EVENTS)
    columns[f"JetPFCands_{name}"] = columns[f"JetPFCands_{name}"] * 0 + value
    path = published.write_root(tmp_path / "a.root", columns, "Events")
    with pytest.raises(DataError, match="names jets or candidates that there are not"):
        take_in(path, "nanoaod")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("PFCands_eta", lambda v: v[:, :1], "PFCands_eta has more or fewer entries"),
        ("Jet_partonFlavour", lambda v: v[:, :0], "Jet_partonFlavour has more or fewer entries"),
        ("PFCands_pt", lambda v: -v, "energy of a constituent is -"),
        ("PFCands_pdgId", lambda v: 0 * v + 321, "PFCands_pdgId is 321, no candidate's code"),
        ("JetPFCands_jetIdx", lambda v: v * np.nan, "does not hold whole numbers"),
        ("FatJetPFCands_puppi", lambda v: v * np.nan, "px of a constituent is nan"),
        ("FatJetPFCands_puppi", lambda v: -v, "energy of a constituent is -"),
    ],
)
def test_candidates_of_nanoaod_that_cannot_be_are_refused(tmp_path, name, change, words):
    large = name.startswith("FatJet")
    made = published.nanoaod_columns(
        published.jets(JETS), np.zeros(JETS, int), EVENTS, "FatJet" if large else "Jet"
    )
    name = "PFCands_puppiWeight" if large else name
    path = published.write_root(
        tmp_path / "a.root", made | {name: change(made[name])}, "Events"
    )  # fmt: skip
    with pytest.raises(DataError, match=words):
        take_in(path, "nanoaod_ak8" if large else "nanoaod")
