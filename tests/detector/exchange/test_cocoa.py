"""COCOA's own files and ours: the same events come out of both."""

import awkward as ak
import numpy as np
import pytest
import uproot

from helpers.cocoa_file import EVENTS, FILE, NESTED
from helpers.detected import GEOMETRY
from helpers.events import generated_events
from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events, write_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.detector import COCOA, DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.core.trees import iterate_cocoa
from jetchain.detector.exchange import import_cocoa as detector_import
from jetchain.detector.exchange.cocoa import TRACK_WEIGHT, from_cocoa, to_cocoa
from jetchain.detector.exchange.export_cocoa import export_cocoa
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.simulate import simulate
from jetchain.generate import import_cocoa as generate_import
from jetchain.generate.imported import EVENTS_PER_FILE

FLOAT32 = 1e-6
FOUND_AGAIN = {
    collection: [name for name in declared if not name.startswith("to_node_")]
    for collection, declared in COCOA.collections.items()
}
"""What COCOA's branches hold of the table DETECTED."""


def take_in(source, folder, shard="0000"):
    """Both imports of a file: tables GENERATED and DETECTED, and the detector's account."""
    generate_import.import_cocoa(
        source=source, events=folder / "g.root", summary=folder / "g.json", shard=shard
    )
    detector_import.import_cocoa(
        source=source, events=folder / "g.root", output=folder / "d.root", account=folder / "d.json"
    )
    return (
        read_events(folder / "g.root", GENERATED),
        read_events(folder / "d.root", DETECTED),
        read_json(folder / "d.json"),
    )


def with_truth(source, folder):
    """The table DETECTED from COCOA's file, with the truth of its cells."""
    event = take_in(source, folder)[1]["event"]
    charge = read_events(folder / "g.root", GENERATED)["particle"].charge
    (arrays,) = iterate_cocoa(source, tuple(COCOA.collections))
    return from_cocoa(arrays, event, charge, source)


def export(path, detected):
    """Write events in our form of COCOA's branches."""
    write_events(path, COCOA, to_cocoa(detected))
    return path


def branch(name):
    return [event.get(name, []) for event in EVENTS]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The file that ROOT wrote, taken in as shard 2."""
    return take_in(FILE, tmp_path_factory.mktemp("real"), "0002")


def same(found, expected):
    assert ak.to_list(ak.num(found)) == [len(each) for each in expected]
    flat, values = ak.flatten(found, axis=None), ak.flatten(ak.Array(expected), axis=None)
    np.testing.assert_allclose(ak.to_numpy(flat), ak.to_numpy(values), rtol=FLOAT32)


def test_the_vectors_that_root_wrote_are_read(real):
    _, detected, _ = real
    assert ak.to_list(detected["event"].number) == [2 * EVENTS_PER_FILE + i for i in range(3)]
    assert ak.to_list(detected["event"].weight) == [1.0, 1.0, 1.0]
    for collection in ("cell", "particle", "track"):
        for name in DETECTED.collections[collection].keys() & FOUND_AGAIN[collection]:
            if (collection, name) != ("track", "reconstructed"):
                same(detected[collection][name], branch(f"{collection}_{name}"))
    assert ak.to_list(detected["particle"].truth_idx) == [[0, 1], [], [0]]


def test_a_track_outside_of_the_acceptance_is_not_reconstructed(real):
    assert ak.to_list(real[1]["track"].reconstructed) == [[1], [], [0]]


def test_tracks_get_the_resolutions_of_their_pt(real):
    # 9.56628 GeV: just below COCOA's step at 10 GeV, where d0 has 0.0172 and z0 0.0552 mm.
    track = real[1]["track"][0]
    assert 0.0172 < track.d0_err[0] < 0.019
    assert 0.0552 < track.z0_err[0] < 0.058


def test_clusters_come_in_order_and_their_layers_add_up(real):
    topo = real[1]["topo"]
    assert ak.to_list(topo.idx) == [[1, 2, 3], [], []]
    assert ak.to_list(topo.e[0]) == [7200.0, 500.0, 450.0]
    by_layer = np.array([ak.to_list(topo[f"e_layer_{layer}"][0]) for layer in range(6)])
    np.testing.assert_allclose(by_layer.sum(axis=0), [7200, 500, 450], rtol=FLOAT32)
    np.testing.assert_allclose(by_layer[:, 0], np.array([1000, 3000, 0, 0, 4000, 0]) * 0.9)


def test_the_incidence_moves_from_cells_to_clusters(real):
    link = real[1]["particle_to_node"]
    assert ak.to_list(link.particle) == [[0, 0, 1, 1], [], [0]]
    assert ak.to_list(link.idx) == [[0, 1, 1, 2], [], [0]]  # the track, then clusters 1, 1 and 2
    np.testing.assert_allclose(
        link.weight[0], [1.0, 4250 / 8000, 3750 / 8000, 1.0], rtol=FLOAT32
    )  # and cluster 3 is noise


def test_the_truth_is_what_went_into_the_detector(real):
    generated, _, _ = real
    particle = generated["particle"]
    assert ak.to_list(particle.pdgid) == [[211, 22], [], [321]]
    assert ak.to_list(particle.charge) == [[1.0, 0.0], [], [1.0]]
    pion = particle[0, 0]
    assert pion.e == pytest.approx(10.00097)
    assert np.hypot(pion.px, pion.py) == pytest.approx(9.56628)
    assert pion.pz == pytest.approx(9.56628 * np.sinh(0.3))
    assert pion.e**2 - pion.px**2 - pion.py**2 - pion.pz**2 == pytest.approx(0.0195, abs=1e-3)
    assert ak.to_list(particle.z[2]) == [pytest.approx(0.3)]
    assert ak.sum(ak.num(generated["parton"].pdgid)) == 0


def test_particles_have_the_charge_and_are_seen_as_the_truth_says(real, tmp_path):
    detected = with_truth(FILE, tmp_path)
    detected["particle"] = ak.zip(detected["particle"], depth_limit=2)
    assert ak.to_list(detected["particle"].charge) == [[1.0, 0.0], [], [1.0]]
    codes = ak.Array([[-1000020040, 1000022], [], [-411]])
    detected["particle"] = ak.with_field(detected["particle"], codes, "pdgid")
    generated, again, account = take_in(export(tmp_path / "c.root", detected), tmp_path)
    assert ak.to_list(generated["particle"].seen_as) == [[-1000020040, 0], [], [-411]]
    for found in (generated, again):
        assert ak.to_list(found["particle"].charge) == [[-2.0, 0.0], [], [-1.0]]
    assert account["energy"]["charged_hadron"]["true"] == pytest.approx(10.00097 + 9.15)


def test_origins_and_vertices_are_not_in_cocoas_files(real):
    for column in ("origin", "vertex"):
        assert ak.to_list(real[0]["particle"][column]) == [[-1, -1], [], [-1]]
        assert ak.to_list(real[1]["track"][column]) == [[-1], [], [-1]]


def test_the_account_counts_objects_and_the_energy_of_the_cells(real):
    account = real[2]
    assert account["events"] == 3
    assert account["objects"] == {"tracks": 2, "clusters": 3, "cells": 5}
    assert account["energy"]["photon"]["true"] == pytest.approx(5.15707)
    assert account["energy"]["charged_hadron"]["deposited"] == pytest.approx(4.25)
    assert account["energy_by_layer"]["photon"] == {
        "ECAL1": 0.75, "ECAL2": 3.5, "ECAL3": 0, "HCAL1": 0, "HCAL2": 0, "HCAL3": 0
    }  # fmt: skip


def test_what_was_read_from_vectors_is_written_again(tmp_path):
    path = export(tmp_path / "c.root", with_truth(FILE, tmp_path))
    with uproot.open(path) as file, uproot.open(FILE) as theirs:
        ours, theirs = file["Out_Tree"], theirs["Out_Tree"]
        order = ak.argsort(theirs["topo_idx"].array())
        for collection, declared in COCOA.collections.items():
            for name in (f"{collection}_{name}" for name in declared):
                # The places of its cells, which nobody measured, are not where eta and phi say;
                # conversion electrons are not in our table.
                if name in (
                    "track_reconstructed", "cell_x", "cell_y", "cell_z", "cell_conv_el_idx"
                ):  # fmt: skip
                    continue
                expected, found = theirs[name].array(), ours[name].array()
                if collection == "topo":
                    expected = expected[order]
                if name in NESTED:
                    assert ak.to_list(ours[f"{name}_n"].array()) == ak.to_list(
                        ak.num(expected, axis=2)
                    )
                    expected = ak.flatten(expected, axis=2)
                assert ak.to_list(ak.num(found)) == ak.to_list(ak.num(expected))
                np.testing.assert_allclose(
                    ak.flatten(found), ak.flatten(expected), rtol=FLOAT32, err_msg=name
                )


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Some simulated particles of every kind, exported and taken in again: before and after."""
    folder = tmp_path_factory.mktemp("simulated")
    random = np.random.default_rng(5)
    n = 60
    generated = generated_events(
        random.choice([211, -211, 22, 130, 11, 13], n),
        random.uniform(2, 60, n),
        random.uniform(-2.4, 2.4, n),
        random.uniform(-np.pi, np.pi, n),
        per_event=10,
    )
    write_events(folder / "e.root", GENERATED, generated)
    job = {
        "events": folder / "e.root", "pileup": [], "geometry": GEOMETRY,
        "settings": SimulationSettings(), "seed": 3,
    }  # fmt: skip
    simulate(**job, output=folder / "before.root", account=folder / "a.json")
    export_cocoa(**job, output=folder / "c.root")
    before = read_events(folder / "before.root", DETECTED)
    return before, take_in(folder / "c.root", folder)[1], read_events(folder / "c.root", COCOA)


def test_our_events_come_back_from_cocoas_form(simulated):
    before, after, _ = simulated
    assert ak.sum(ak.num(before["cell"].e)) > 1000
    assert ak.to_list(before["event"].weight) == ak.to_list(after["event"].weight)
    for collection, names in FOUND_AGAIN.items():
        for name in DETECTED.collections[collection].keys() & names:
            assert ak.array_equal(before[collection][name], after[collection][name]), name
    for layer in range(6):
        # Shared cells are stored with one cluster.
        moved = np.abs(before["topo"][f"e_layer_{layer}"] - after["topo"][f"e_layer_{layer}"])
        assert ak.sum(moved) < 0.02 * ak.sum(before["topo"].e)


def test_cells_are_exported_where_the_geometry_has_them(simulated, geometry):
    cells, exported = geometry.cells, simulated[2]["cell"]
    row = {key: n for n, key in enumerate(zip(cells.layer, cells.eta, cells.phi, strict=True))}
    keys = zip(
        *(ak.to_numpy(ak.flatten(exported[n])) for n in ("layer", "eta", "phi")), strict=True
    )
    rows = [row[key] for key in keys]
    for axis in "xyz":
        at = getattr(cells, axis)[rows]
        np.testing.assert_allclose(ak.flatten(exported[axis]), at, rtol=2e-6, atol=1e-2)


def test_our_incidence_comes_back_but_for_shared_cells_and_small_deposits(simulated):
    before, after = (each["particle_to_node"] for each in simulated[:2])
    clusters = ak.to_list(simulated[0]["topo"].e)
    tracks = ak.to_list(ak.num(simulated[0]["track"].d0))

    def links(event):
        rows = zip(
            *(ak.to_list(event[name]) for name in ("particle", "idx", "weight")), strict=True
        )
        return {(particle, node): weight for particle, node, weight in rows}

    moved = total = 0.0
    for one, two, energy, first in zip(before, after, clusters, tracks, strict=True):
        old, new = links(one), links(two)
        assert {key for key in old if key[1] < first} == {key for key in new if key[1] < first}
        for key in old.keys() | new.keys():
            if key[1] >= first:
                share = energy[key[1] - first]
                moved += abs(old.get(key, 0.0) - new.get(key, 0.0)) * share
                total += old.get(key, 0.0) * share
    assert moved < 0.02 * total


def test_weights_of_events_survive(tmp_path):
    detected = with_truth(FILE, tmp_path)
    detected["event"] = {"number": [0, 1, 2], "weight": [0.25, -3.0, 1.0]}
    for table in take_in(export(tmp_path / "c.root", detected), tmp_path)[:2]:
        assert ak.to_list(table["event"].weight) == [0.25, -3.0, 1.0]


def damaged(tmp_path, change):
    """A file of COCOA's branches in our form, with one collection changed."""
    data = read_events(export(tmp_path / "c.root", with_truth(FILE, tmp_path)), COCOA)
    change(data)
    write_events(tmp_path / "bad.root", COCOA, data)
    return tmp_path / "bad.root"


@pytest.mark.parametrize(
    ("collection", "name", "value", "words"),
    [
        ("cell", "topo_idx", 4, ["cell_topo_idx", "topoclusters"]),
        ("cell", "topo_idx", 0, ["cell_topo_idx", "topoclusters"]),
        ("cell", "parent_idx", 2, ["cell_parent_idx", "particles"]),
        ("cell", "parent_list", 2, ["cell_parent_list", "particles"]),
        ("cell", "layer", 6, ["cell_layer", "layers"]),
        ("track", "parent_idx", 5, ["track_parent_idx", "particles"]),
        ("particle", "track_idx", 1, ["particle_track_idx", "tracks"]),
        ("topo", "idx", 2, ["topo_idx", "from 1"]),
    ],
)
def test_events_that_contradict_themselves_are_refused(tmp_path, collection, name, value, words):
    def change(data):
        data[collection][name] = ak.full_like(data[collection][name], value)

    path = damaged(tmp_path, change)
    with pytest.raises(DataError) as refusal:
        take_in(path, tmp_path)
    for word in (str(path), *words):
        assert word in refusal.value.cause


def test_parents_without_energies_are_refused(tmp_path):
    def change(data):
        data["cell"]["parent_energy"] = data["cell"]["parent_energy"][:, :, 1:]

    with pytest.raises(DataError, match="cell_parent_list and cell_parent_energy"):
        take_in(damaged(tmp_path, change), tmp_path)


def test_a_file_that_is_not_the_one_of_the_truth_is_refused(tmp_path):
    take_in(FILE, tmp_path)
    truth = read_events(tmp_path / "g.root", GENERATED)
    write_events(tmp_path / "g.root", GENERATED, {n: v[:2] for n, v in truth.items()})
    with pytest.raises(DataError, match="3 events, but its truth was taken from 2"):
        detector_import.import_cocoa(
            source=FILE, events=tmp_path / "g.root", output=tmp_path / "x.root",
            account=tmp_path / "x.json",
        )  # fmt: skip
    assert not (tmp_path / "x.root").exists()


def test_conversion_electrons_among_the_particles_are_refused(tmp_path):
    path = tmp_path / "s.root"
    with uproot.recreate(path) as file:
        energies = ak.Array([[1.0], []])
        file.mktree("Out_Tree", {"supercluster_e": energies.type.content}).extend(
            {"supercluster_e": energies}
        )
    with pytest.raises(DataError) as refusal:
        list(generate_import.CocoaFile(path).chunks())
    assert f"{path}: the tree 'Out_Tree' has the branch supercluster_e" in refusal.value.cause
    assert "without superclusters" in refusal.value.remedy


def test_the_nodes_of_a_particle_share_its_weight(tmp_path):
    """A track takes half, the cells the rest by the energy that the particle left in them."""
    (pion, photon), (kaon,) = ak.to_list(
        to_cocoa(with_truth(FILE, tmp_path))["particle"]["to_node_weight"][[0, 2]]
    )
    assert sum(pion) == pytest.approx(1.0)
    assert pion[-1] == TRACK_WEIGHT
    assert sum(photon) == pytest.approx(1.0)
    assert kaon == [TRACK_WEIGHT]  # it has a track and no cell
