"""Features of the nodes on hand-made events; charges of PDG codes."""

import awkward as ak
import numpy as np
import pytest

from helpers.detected import FakeEvent
from helpers.graph_events import ECAL, as_read, random_event
from jetchain.core.errors import DataError
from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.graphs.nodes import event_nodes, particle_label


# Review of Particle Physics: name: (code, charge).
def test_labels_follow_the_classes():
    codes = np.array([211, -2212, 130, 2112, 22, 11, -11, 13, 3322, 1000010020])
    labels = particle_label(codes, np.array([1, -1, 0, 0, 0, -1, 1, -1, 0, 1]))
    assert [PARTICLE_CLASSES[label] for label in labels] == [
        "charged_hadron", "charged_hadron", "neutral_hadron", "neutral_hadron", "photon",
        "electron", "electron", "muon", "neutral_hadron", "charged_hadron",
    ]  # fmt: skip


def features_of(read):
    nodes = event_nodes(read["track"], read["topo"])
    columns = dict(zip(EVENT_GRAPH_FEATURES, nodes.features.T, strict=True))
    return nodes, columns


def test_features_of_a_muon_and_a_photon():
    event = FakeEvent()
    event.particle(13, pt=20.0, eta=0.7, phi=-2.0)
    photon = event.particle(22, pt=5.0, eta=-1.0, phi=3.0)
    event.cluster(5000 * np.cosh(1.0), -1.0, 3.0, ECAL, parent=photon)
    nodes, columns = features_of(as_read([event]))
    assert nodes.is_track.tolist() == [True, False]
    assert nodes.index.tolist() == [0, 1]
    expected = {
        "is_track": (1, 0), "is_topo": (0, 1), "is_muon": (1, 0), "is_electron": (0, 0),
        "charge": (-1, 0), "log_pt_gev": (np.log(20), np.log(5)), "eta": (0.7, -1.0),
        "log_energy_gev": (np.log(20 * np.cosh(0.7)), np.log(5 * np.cosh(1.0))),
        "sin_phi": (np.sin(-2.0), np.sin(3.0)), "cos_phi": (np.cos(-2.0), np.cos(3.0)),
        "eta_calo": (0.7, -1.0), "cos_phi_calo": (np.cos(-2.0), np.cos(3.0)),
        "d0_significance": (0.5, 0), "z0_significance": (1 / 3, 0),
        "fraction_layer_0": (0, 0.15), "fraction_layer_1": (0, 0.84), "sigma_eta": (0, 0.05),
    }  # fmt: skip
    for name, values in expected.items():
        # The fake cluster's barycentre is that of its cells, up to half a cell off.
        tolerance = 0.02 if "eta" in name or "phi" in name or "pt" in name else 1e-5
        np.testing.assert_allclose(columns[name], values, atol=tolerance, err_msg=name)
    px, py, pz, energy = nodes.momentum.T
    np.testing.assert_allclose(energy, np.sqrt(px**2 + py**2 + pz**2), rtol=1e-5)
    np.testing.assert_allclose(np.hypot(px, py)[0], 20.0, rtol=1e-5)
    np.testing.assert_allclose(nodes.track[0], [0.01, 0.02, 0.02, 0.06], rtol=1e-5)
    assert np.all(nodes.track[1] == 0)


def test_nodes_are_tracks_then_clusters_of_each_event():
    read = as_read([random_event(1, 3, 2), FakeEvent(number=1), random_event(2, 1, 4, 2)])
    nodes = event_nodes(read["track"], read["topo"])
    assert nodes.offset.tolist() == [0, 8, 8, 14]
    assert nodes.event.tolist() == [0] * 8 + [2] * 6
    assert nodes.is_track.tolist() == [True] * 3 + [False] * 5 + [True] + [False] * 5
    assert nodes.index.tolist() == [0, 1, 2, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]


def test_nodes_have_the_truth_of_their_tracks():
    event = random_event(1, 3, 2)
    for row, track in enumerate(event.rows["track"]):
        track |= {"origin": 2 + row, "vertex": 5 * row, "reconstructed": int(row != 1)}
    read = as_read([event])
    nodes = event_nodes(read["track"], read["topo"])
    assert nodes.truth.tolist() == [[2, 0], [4, 10]] + 5 * [[-1, -1]]


def test_a_track_that_is_not_extrapolated_stays_at_its_own_direction():
    event = FakeEvent()
    event.particle(211, pt=1.0, eta=0.4, phi=1.0)
    read = as_read([event])
    for axis in "xyz":
        read["track"] = ak.with_field(read["track"], [[np.nan]], f"{axis}_layer_1")
    nodes, _ = features_of(read)
    np.testing.assert_allclose(nodes.position, [[0.4, 1.0]], atol=1e-6)


def test_a_cluster_without_energy_is_refused():
    event = random_event(1, 0, 1)
    event.rows["topo"][0]["e"] = 0.0
    read = as_read([event])
    with pytest.raises(DataError, match="positive energy"):
        event_nodes(read["track"], read["topo"])
