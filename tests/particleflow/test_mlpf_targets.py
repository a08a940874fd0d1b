"""Targets of the network on hand-made events, and ideal answers turned back into particles."""

import awkward as ak
import numpy as np
import pytest

from helpers.detected import FakeEvent
from helpers.graph_events import ECAL, HCAL, as_read, random_event
from jetchain.core.io.events import read_events, write_events
from jetchain.core.kinematics import pt_eta_phi
from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES
from jetchain.core.schema.particleflow import PARTICLE_CLASSES, RECONSTRUCTED
from jetchain.graphs.build import event_graphs
from jetchain.graphs.settings import EventGraphSettings
from jetchain.particleflow.batch import batch_of
from jetchain.particleflow.node_network import at_nodes
from jetchain.particleflow.reconstruct import MASSES, reconstructed
from jetchain.particleflow.targets import CLASSES, NONE, node_targets

IS_TRACK = EVENT_GRAPH_FEATURES.index("is_track")


def targets_of(*events):
    arrays = event_graphs(as_read(list(events)), EventGraphSettings())
    return arrays, node_targets(arrays)


def answered(arrays, label, regression):
    """The particles of some answers at the nodes."""
    node = np.flatnonzero(label != NONE)
    answer = regression[node].astype(np.float64)
    odds = np.zeros(len(node))
    return reconstructed(arrays, at_nodes(batch_of(arrays), node, label[node], answer, odds))


def names(targets):
    return [CLASSES[label] for label in targets.label]


def incidence(event, rows):
    """Replace the incidence on topoclusters: (particle, topo from 1, weight)."""
    event.rows["particle_to_node"] = [
        {"particle": particle, "topo": topo, "weight": weight} for particle, topo, weight in rows
    ]


def test_charged_particles_go_to_their_tracks_and_their_clusters_stay_empty():
    event = FakeEvent()
    for code in (211, 13, -11):
        index = event.particle(code, pt=10.0, eta=0.1 * code / 13, phi=0.0)
        event.cluster(5000.0, 0.1 * code / 13, 0.0, HCAL, parent=index)
    _, targets = targets_of(event)
    assert names(targets) == ["charged_hadron", "muon", "electron", "none", "none", "none"]
    np.testing.assert_allclose(targets.regression[:3, 0], 0.0, atol=1e-5)  # a perfect track


def test_a_neutral_particle_goes_to_the_cluster_with_most_of_its_energy():
    event = FakeEvent()
    photon = event.particle(22, pt=10.0, eta=0.0, phi=0.0)
    event.cluster(1000.0, 0.0, 0.1, ECAL)  # all of it from the photon, but little
    event.cluster(8000.0, 0.0, 0.0, ECAL)
    incidence(event, [(photon, 1, 1.0), (photon, 2, 0.9)])
    arrays, targets = targets_of(event)
    assert names(targets) == ["none", "photon"]
    energy = arrays["node_momentum"][1, 3]
    expected = [np.log(10 / energy), np.log(10 / energy), 0.0, 0.0, 1.0]
    np.testing.assert_allclose(targets.regression[1], expected, atol=2e-3)
    assert np.all(targets.regression[0] == 0)


def test_two_neutrals_in_one_cluster_are_merged_and_counted():
    event = FakeEvent()
    soft = event.particle(2112, pt=4.0, eta=0.0, phi=0.1)
    hard = event.particle(22, pt=10.0, eta=0.0, phi=0.0)
    event.cluster(13000.0, 0.0, 0.03, ECAL)
    incidence(event, [(soft, 1, 0.25), (hard, 1, 0.75)])
    arrays, targets = targets_of(event)
    assert names(targets) == ["photon"]  # the class of the more energetic one
    total = arrays["node_momentum"][0, 3] * np.exp(targets.regression[0, 1])
    np.testing.assert_allclose(total, 10.0 + np.hypot(4.0, 0.93957), rtol=1e-5)
    phi = np.arctan2(targets.regression[0, 3], targets.regression[0, 4])
    expected = np.arctan2(4 * np.sin(0.1), 10 + 4 * np.cos(0.1))
    np.testing.assert_allclose(phi, expected, atol=1e-5)
    assert targets.counts["merged into a more energetic one"] == 1
    assert targets.counts["on a topocluster"] == 2


def test_charged_particles_without_a_track_look_neutral():
    event = FakeEvent()
    for code, fractions in ((211, HCAL), (11, ECAL), (13, HCAL)):
        index = event.particle(code, pt=5.0, eta=0.2 * code / 11, phi=1.0, track=False)
        event.cluster(4000.0, 0.2 * code / 11, 1.0, fractions, parent=index)
    _, targets = targets_of(event)
    assert names(targets) == ["neutral_hadron", "photon", "none"]
    assert targets.counts["charged without a track, on a topocluster"] == 2
    assert targets.counts["muons without a track"] == 1


def test_a_particle_that_left_nothing_is_counted():
    event = FakeEvent()
    event.particle(22, pt=1.0, eta=0.0, phi=0.0)
    event.cluster(500.0, 1.0, 2.0, ECAL)  # noise
    _, targets = targets_of(event)
    assert names(targets) == ["none"]
    assert targets.counts["without a node"] == 1


def test_every_particle_is_counted_once():
    _, targets = targets_of(random_event(1), FakeEvent(number=1), random_event(2, 30, 30, 2))
    counts = targets.counts
    assert counts["particles"] == 82
    assert counts["particles"] == sum(
        counts[name]
        for name in ("on their track", "on a topocluster", "without a node",
                     "muons without a track")
    )  # fmt: skip
    assert np.sum(targets.label != NONE) == 82 - counts["merged into a more energetic one"]


def test_events_do_not_mix():
    events = [random_event(seed, 6, 5, seed) for seed in range(4)]
    arrays, together = targets_of(*events)
    apart = [targets_of(event)[1] for event in events]
    np.testing.assert_array_equal(together.label, np.concatenate([t.label for t in apart]))
    np.testing.assert_array_equal(
        together.regression, np.concatenate([t.regression for t in apart])
    )
    assert arrays["node_offset"][-1] == len(together.label)


def test_no_particle_and_no_node():
    _, targets = targets_of(FakeEvent())
    assert targets.label.shape == (0,)
    assert targets.regression.shape == (0, 5)


@pytest.fixture
def ideal():
    """Events of well separated particles, and what an ideal network makes of them."""
    events = [random_event(5, 8, 6, 0), FakeEvent(number=1), random_event(6, 0, 4, 2)]
    arrays, targets = targets_of(*events)
    assert targets.counts["merged into a more energetic one"] == 0
    return arrays, answered(arrays, targets.label, targets.regression)


def test_ideal_answers_give_the_truth_back(ideal):
    arrays, data = ideal
    pflow = ak.zip(data["pflow"])
    assert ak.num(pflow).tolist() == [14, 0, 4]
    pt, eta, phi = pt_eta_phi(
        *(ak.to_numpy(ak.flatten(pflow[axis])) for axis in ("px", "py", "pz"))
    )
    np.testing.assert_allclose(pt, arrays["particle"][:, 0], rtol=1e-4)
    np.testing.assert_allclose(eta, arrays["particle"][:, 1], atol=1e-4)
    np.testing.assert_allclose(np.cos(phi), np.cos(arrays["particle"][:, 2]), atol=1e-4)
    np.testing.assert_array_equal(ak.flatten(pflow.label), arrays["particle_label"])
    np.testing.assert_array_equal(ak.flatten(pflow.charge), arrays["particle_charge"])
    # Neutrons get the mass of the long-lived kaon.
    photons = arrays["particle_label"] == PARTICLE_CLASSES.index("photon")
    energy = ak.to_numpy(ak.flatten(pflow.e))
    np.testing.assert_allclose(energy[photons], arrays["particle"][photons, 3], rtol=1e-4)


def test_every_particle_is_on_its_mass_shell_and_names_its_node(ideal, tmp_path):
    _, data = ideal
    write_events(tmp_path / "pflow.root", RECONSTRUCTED, data)
    pflow = ak.flatten(read_events(tmp_path / "pflow.root", RECONSTRUCTED)["pflow"])
    mass2 = sum(np.float64(s) * ak.values_astype(pflow[a], float) ** 2
                for a, s in (("e", 1), ("px", -1), ("py", -1), ("pz", -1)))  # fmt: skip
    energy2 = ak.to_numpy(pflow.e).astype(float) ** 2
    np.testing.assert_allclose(mass2 / energy2, MASSES[pflow.label] ** 2 / energy2, atol=1e-6)
    charged = ak.to_numpy(pflow.charge) != 0
    assert np.all((pflow.track_idx >= 0) == charged)
    assert np.all((pflow.topo_idx >= 1) == ~charged)
    assert np.all((pflow.d0_err > 0) == charged)


def test_particles_carry_the_truth_of_their_tracks_past_the_network():
    """Only node_truth holds it: other truth changes nothing else of the particles."""
    event = random_event(5, 8, 6, 0)
    made = []
    for shift in (0, 3):
        for row, track in enumerate(event.rows["track"]):
            track |= {"origin": (row + shift) % 8, "vertex": 10 + row + shift}
        arrays, targets = targets_of(event)
        made.append(ak.zip(answered(arrays, targets.label, targets.regression)["pflow"])[0])
        for particle in made[-1].to_list():
            expected = (-1, -1)
            if (row := particle["track_idx"]) >= 0:
                expected = ((row + shift) % 8, 10 + row + shift)
            assert (particle["origin"], particle["vertex"]) == expected
    assert ak.sum(made[0].track_idx >= 0) == 8
    for name in set(made[0].fields) - {"origin", "vertex"}:
        assert ak.array_equal(made[0][name], made[1][name])


def test_nodes_of_class_none_give_no_particle():
    arrays, targets = targets_of(random_event(7))
    data = answered(arrays, np.zeros_like(targets.label), targets.regression)
    assert ak.num(data["pflow"]["px"]).tolist() == [0]
