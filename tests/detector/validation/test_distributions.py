"""What the detector's histograms are filled with, of events made by hand and of muons."""

import awkward as ak
import numpy as np
import pytest

from helpers.detected import FakeEvent, detected_data
from helpers.guns import GEOMETRY, gun_files
from jetchain.core.io.events import read_events, write_events
from jetchain.core.schema.detector import DETECTED
from jetchain.detector.geometry.description import read_geometry
from jetchain.detector.validation.distributions import (
    COLUMNS,
    HISTOGRAMS,
    SHOWERING,
    attribute,
    distributions,
    spectrum_weights,
)


@pytest.fixture
def data(tmp_path):
    """A pion and a photon that share a cluster, a second cluster of the pion, and an empty event.

    Shared: 6 GeV in ECAL2 and HCAL1, of which the pion made a third.
    """
    event = FakeEvent()
    pion = event.particle(211, pt=10.0, eta=0.0, phi=0.5)
    photon = event.particle(22, pt=5.0, eta=0.0, phi=0.52)
    event.cluster(6000.0, 0.0, 0.5, [0, 0.75, 0, 0.25, 0, 0], parent=pion)
    event.cluster(3000.0, 0.1, 0.5, [0, 0.0, 0, 1.0, 0, 0], parent=pion)
    rows = event.rows["particle_to_node"]
    rows[0]["weight"] = 1 / 3
    rows.append({"particle": photon, "topo": 1, "weight": 2 / 3})
    write_events(tmp_path / "d.root", DETECTED, detected_data([FakeEvent(), event]))
    return read_events(tmp_path / "d.root", DETECTED, COLUMNS)


def test_energy_of_a_cluster_goes_to_those_who_made_it(data):
    found = attribute(data)
    np.testing.assert_allclose(found.seen, [2 + 3, 4], rtol=1e-5)  # pion, photon; GeV
    np.testing.assert_allclose(found.seen_hcal, [0.5 + 3, 1], rtol=1e-5)


def test_every_histogram_gets_its_values(data):
    values = distributions(data)
    assert set(values) == set(HISTOGRAMS)
    expected = {
        "clusters_per_event": [0, 2], "tracks_per_event": [0, 1], "cluster_energy": [6.0, 3.0],
        "track_pt": [10.0], "d0": [0.01], "d0_significance": [0.5], "pt_residual": [0.0],
        "response_charged_hadron": [0.5], "response_electron": [], "hcal_share": [0.7],
        "d0_pull": [], "bending": [0.0],
    }  # fmt: skip
    for name, numbers in expected.items():
        np.testing.assert_allclose(values[name], numbers, rtol=2e-4, atol=1e-5, err_msg=name)


def test_weights_of_events_reach_the_entries_of_the_spectra(data):
    data["event"] = ak.with_field(data["event"], [3.0, 0.5], "weight")
    weights = spectrum_weights(data)
    values = distributions(data)
    assert {name: list(of_entries) for name, of_entries in weights.items()} == {
        "clusters_per_event": [3.0, 0.5], "tracks_per_event": [3.0, 0.5],
        "cluster_energy": [0.5, 0.5], "track_pt": [0.5], "d0": [0.5], "d0_significance": [0.5],
    }  # fmt: skip
    assert all(len(values[name]) == len(of_entries) for name, of_entries in weights.items())


def test_a_track_of_another_particle_shows_no_residual(data):
    data["track"] = ak.with_field(data["track"], -data["track"]["pdgid"], "pdgid")
    values = distributions(data)
    assert len(values["track_pt"]) == 1
    assert len(values["pt_residual"]) == len(values["bending"]) == 0


def test_the_bending_of_muons_shows_the_field(tmp_path):
    simulation = {"store_cells": False, "noise": False}
    detected, _ = gun_files(
        tmp_path, 150, pdgids=[13, -13], variable="pt", minimum=4.0, maximum=20.0, eta_max=1.0,
        simulation=simulation,
    )  # fmt: skip
    field = distributions(read_events(detected, DETECTED, COLUMNS))["bending"]
    assert len(field) > 100
    # The spread is the resolution of pT, 1 to 2 %: the median is good to 0.3 %.
    assert np.median(field) == pytest.approx(read_geometry(GEOMETRY).magnetic_field, rel=0.01)


def test_edges_of_histograms():
    assert all(np.all(np.diff(edges) > 0) for edges, _ in HISTOGRAMS.values())
    assert {f"response_{kind}" for kind in SHOWERING} < set(HISTOGRAMS)
