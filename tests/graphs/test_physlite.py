"""DAOD_PHYSLITE: labels, tracks and vertices of its jets, and files that are not laid out so."""

import awkward as ak
import numpy as np
import pytest

from helpers import published
from helpers.jets_taken_in import take_in
from jetchain.core.errors import DataError
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS
from jetchain.core.trees import LINK
from jetchain.graphs.formats.physlite import Physlite

EVENTS = [2, 0, 3]
TRUTH = np.array([[5, 5], [4, 21], [15, -1], [0, 3], [0, 21]])


def read(folder, truth=TRUTH, **change):
    made = published.tracks_only(published.jets(sum(EVENTS)))
    columns = published.physlite_columns(made, truth, EVENTS)
    path = published.write_physlite(folder / "a.root", columns, **change)
    return take_in(path, "physlite")


def column(arrays, name):
    return arrays["constituents"][:, CONSTITUENT_COLUMNS.index(name)]


def test_heavy_hadrons_come_before_partons_in_the_label(tmp_path):
    arrays, _ = read(tmp_path)
    named = [Physlite.labels[each] for each in arrays["label"]]
    assert named == ["bottom", "charm", "tau", "quark", "gluon"]


@pytest.mark.parametrize("truth", [[0, -1], [0, 4], [0, 5], [0, 0]])
def test_what_is_none_of_the_labels_has_none(tmp_path, truth):
    arrays, _ = read(tmp_path, np.array([truth] * sum(EVENTS)))
    assert (arrays["label"] == -1).all()


def test_data_have_no_label(tmp_path):
    none = dict.fromkeys(("HadronConeExclTruthLabelID", "PartonTruthLabelID"), lambda values: None)
    arrays, cutflow = read(tmp_path, **none)
    assert (arrays["label"] == -1).all()
    assert cutflow["unmatched"] == sum(EVENTS)


def test_one_kind_of_truth_without_the_other_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has one of .* without the other"):
        read(tmp_path, PartonTruthLabelID=lambda values: None)


def test_jets_without_tracks_are_as_the_file_states_them(tmp_path):
    usual, _ = read(tmp_path)
    arrays, _ = read(tmp_path, GhostTrack=lambda links: ak.zip({n: 0 * links[n] for n in LINK}))
    assert not arrays["multiplicity"].any()
    for name in ("pt", "eta", "phi", "m"):
        i = JET_COLUMNS.index(name)
        np.testing.assert_array_equal(arrays["jet"][:, i], usual["jet"][:, i])


def test_jets_keep_their_own_momentum_beside_that_of_their_tracks(tmp_path):
    arrays, _ = read(tmp_path, pt=lambda pt: 1.2 * pt)
    usual, _ = read(tmp_path)
    np.testing.assert_allclose(arrays["jet"][:, 0], 1.2 * usual["jet"][:, 0], rtol=1e-6)
    np.testing.assert_array_equal(column(arrays, "px"), column(usual, "px"))


def test_distances_are_from_the_primary_vertex(tmp_path):
    # Without one the first stands at the beam spot, at z = 9 there: 0.3 + 0.1 jets - 9.
    arrays, _ = read(tmp_path, vertexType=lambda kind: 0 * kind)
    jets = np.repeat(EVENTS, EVENTS)[np.repeat(np.arange(sum(EVENTS)), arrays["multiplicity"])]
    np.testing.assert_allclose(column(arrays, "z0"), 0.3 + 0.1 * jets - 9.0, rtol=1e-5)


def moved(name, value, kind="uint32"):
    def change(links):
        fields = {each: links[each] for each in LINK}
        first = ak.local_index(links, axis=2) == 0
        fields[name] = ak.values_astype(ak.where(first, value, fields[name]), kind)
        return ak.zip(fields)

    return change


def twice(links):
    """The links of each jet, all of them a second time."""
    return ak.concatenate([links, links], axis=2)


def no_number(values):
    return ak.values_astype(values, "float32") * np.nan


def test_tracks_of_one_number_in_two_events_are_two(tmp_path):
    # One track each, the first of its event: the jets of an event share it.
    def first(links):
        return ak.zip({LINK[0]: links[LINK[0]], LINK[1]: 0 * links[LINK[1]]})[:, :, :1]

    arrays, _ = read(tmp_path, GhostTrack=first)
    assert arrays["multiplicity"].tolist() == [1] * sum(EVENTS)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("GhostTrack", moved("m_persIndex", 999), "leads to tracks that there are not"),
        ("GhostTrack", moved("m_persIndex", -1, "int32"), "leads to tracks that there are not"),
        ("GhostTrack", twice, "GhostTrack lists a particle of a jet twice: its momentum would"),
        ("GhostTrack", moved("m_persKey", 7), "more than one collection"),
        ("GhostTrack", lambda links: links[LINK[1]], "expected a list of lists of m_persKey and"),
        ("GhostTrack", lambda links: links[:, :1], "GhostTrack has more or fewer entries"),
        ("GhostTrack", lambda links: None, "lacks the branch AnalysisJetsAuxDyn:GhostTrack"),
        ("theta", lambda values: values[:, :1], "theta has more or fewer entries"),
        ("theta", lambda values: 0 * values, "a track with a theta of 0"),
        ("qOverP", lambda values: 0 * values, "a track without momentum: its qOverP is 0"),
        ("d0", lambda values: np.nan * values, "d0 of a constituent is nan"),
        ("definingParametersCovMatrixDiag", lambda rows: -rows, "has a negative variance"),
        ("definingParametersCovMatrixDiag", lambda rows: rows[:, :, :1], "less than two numbers"),
        ("z", lambda z: z[:, :0], "z has more or fewer entries|vertexType has more or fewer"),
        ("pt", lambda pt: -pt, "pt of the jet is -"),
        ("eta", lambda eta: eta[:, :0], "eta has more or fewer entries"),
        ("PartonTruthLabelID", lambda v: v[:, :0], "PartonTruthLabelID has more or fewer"),
        ("PartonTruthLabelID", no_number, "PartonTruthLabelID holds nan"),
        ("HadronConeExclTruthLabelID", no_number, "HadronConeExclTruthLabelID holds nan"),
        ("vertexType", no_number, "vertexType holds nan"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, name, change, words):
    with pytest.raises(DataError, match=words) as caught:
        read(tmp_path, **{name: change})
    assert caught.value.remedy
    assert not (tmp_path / "g.safetensors").exists()


def test_an_event_without_vertices_is_refused(tmp_path):
    none = dict.fromkeys(("z", "vertexType"), lambda values: values[:, :0])
    with pytest.raises(DataError, match="has an event without a vertex"):
        read(tmp_path, **none)


def test_a_tree_of_another_format_is_refused(tmp_path):
    path = published.write_root(tmp_path / "a.root", {"Jet_pt": [[1.0]]}, "Events")
    with pytest.raises(DataError, match="has no tree 'CollectionTree'; it has Events"):
        take_in(path, "physlite")
