"""Tracker hits: on the helix and on the layers, of the right particle, and good for a track fit."""

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from helpers.events import generated_events
from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events, write_events
from jetchain.core.schema.detector import DETECTED, HITS
from jetchain.core.schema.generate import GENERATED
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight.hits import hit_resolutions
from jetchain.detector.geometry.description import DISKS, END, POSITION, START
from jetchain.detector.hits import hit_chunk, hits
from jetchain.detector.settings import PileupSettings, SimulationSettings
from jetchain.detector.simulate import simulate

COCOA = Path(__file__).parents[2] / "resources" / "geometry" / "cocoa.yaml"
EXACT = {"smear_tracks": False}


def hits_of(geometry, events, **settings):
    simulation = EventSimulation(geometry, SimulationSettings(**settings), 3)
    return ak.zip(hit_chunk(events["event"], events["particle"], simulation)[0]["hit"])


def muons(n, pt, eta, **rest):
    return generated_events(13, pt, eta, np.linspace(-3, 3, n), **rest)


def test_hits_of_a_muon_lie_on_its_helix_and_on_the_layers(geometry):
    """On the circle through the beam of R = pT / (0.3 B), and in z along the arc."""
    events = muons(40, 3.0, np.linspace(-2.2, 2.2, 40))
    radius = 1e3 * 3.0 / (0.299792458 * geometry.table.magnetic_field)  # mm
    layers = geometry.tracker.layers
    for hit, particle in zip(hits_of(geometry, events, **EXACT), events["particle"], strict=True):
        px, py, pz = (ak.to_numpy(particle[name])[0] for name in ("px", "py", "pz"))
        # A negative charge turns to the left: the centre lies there.
        centre = radius * np.array([-py, px]) / np.hypot(px, py)
        x, y, z = (ak.to_numpy(hit[axis]) for axis in "xyz")
        np.testing.assert_allclose(np.hypot(x - centre[0], y - centre[1]), radius, rtol=1e-9)
        chord = np.hypot(x, y)
        arc = 2 * radius * np.arcsin(chord / (2 * radius))
        np.testing.assert_allclose(z, arc * pz / np.hypot(px, py), rtol=1e-6)
        assert np.all(np.diff(arc) > 0)
        layer = layers[ak.to_numpy(hit.layer)]
        disk = layer[:, DISKS] > 0
        np.testing.assert_allclose(np.where(disk, np.abs(z), chord), layer[:, POSITION], rtol=1e-9)
        assert np.all(np.where(disk, chord, np.abs(z)) <= layer[:, END])
        assert np.all(chord[disk] >= layer[disk, START])


def test_a_stiff_muon_hits_the_layers_that_its_line_crosses(geometry):
    eta = np.linspace(-2.4, 2.4, 60)
    found = hits_of(geometry, muons(60, 4000.0, eta), **EXACT)
    slope = np.sinh(eta)[:, None]
    disk, position, start, end = geometry.tracker.layers[:, [DISKS, POSITION, START, END]].T
    radius = np.where(disk > 0, position / np.abs(slope), position)
    crossed = np.where(disk > 0, (radius >= start) & (radius <= end), position * abs(slope) <= end)
    assert [sorted(event.to_list()) for event in found.layer] == [
        np.flatnonzero(row).tolist() for row in crossed
    ]
    assert ak.num(found.layer)[30] == 9  # the cylinders: five of pixels, four of strips


def test_measured_hits_stay_on_their_layer_and_scatter_by_its_resolution(geometry):
    events = muons(600, 20.0, np.linspace(-2.3, 2.3, 600))
    true, measured = (
        {name: ak.to_numpy(ak.flatten(found[name])) for name in found.fields}
        for found in (hits_of(geometry, events, **EXACT), hits_of(geometry, events))
    )
    assert np.array_equal(true["layer"], measured["layer"])
    disk = geometry.tracker.layers[true["layer"], DISKS] > 0
    radius, seen = (np.hypot(each["x"], each["y"]) for each in (true, measured))
    turn = np.arctan2(measured["y"], measured["x"]) - np.arctan2(true["y"], true["x"])
    across = radius * np.angle(np.exp(1j * turn))
    along = np.where(disk, seen - radius, measured["z"] - true["z"])
    off = np.where(disk, measured["z"] - true["z"], seen - radius)
    assert np.abs(off).max() < 1e-9
    for kind in (disk, ~disk):
        for column, shift in enumerate((across, along)):
            resolution = hit_resolutions(geometry.table)[true["layer"], column]
            pull = (shift / resolution)[kind]
            assert abs(pull.mean()) < 4 / np.sqrt(len(pull))
            assert abs(pull.std() - 1) < 4 / np.sqrt(2 * len(pull))


def test_a_circle_through_the_hits_gives_back_the_momentum(geometry):
    """x^2 + y^2 + D x + E y + F = 0 by least squares; its error from that of the hits.

    A hit that is off by s changes the left side by 2 R s. Pulls of 400 central muons.
    """
    n, pt = 400, 10.0
    events = muons(n, pt, 0.2)
    pulls, z_pulls = [], []
    true = 1e3 * pt / (0.299792458 * geometry.table.magnetic_field)
    for hit in hits_of(geometry, events):
        x, y, z = (ak.to_numpy(hit[axis]) for axis in "xyz")
        across, along = hit_resolutions(geometry.table)[ak.to_numpy(hit.layer)].T
        assert len(x) == 9
        design = np.stack([x, y, np.ones(9)], axis=1) / (2 * true * across)[:, None]
        covariance = np.linalg.inv(design.T @ design)
        found = covariance @ design.T @ (-(x**2 + y**2) / (2 * true * across))
        radius = np.sqrt(found[0] ** 2 / 4 + found[1] ** 2 / 4 - found[2])
        by = np.array([found[0] / 4, found[1] / 4, -0.5]) / radius
        pulls.append((radius - true) / np.sqrt(by @ covariance @ by))
        arc = 2 * true * np.arcsin(np.hypot(x, y) / (2 * true))
        line = np.stack([arc, np.ones(9)], axis=1) / along[:, None]
        covariance = np.linalg.inv(line.T @ line)
        slope = (covariance @ line.T @ (z / along))[0]
        z_pulls.append((slope - np.sinh(0.2)) / np.sqrt(covariance[0, 0]))
    for each in (np.array(pulls), np.array(z_pulls)):
        assert abs(each.mean()) < 4 / np.sqrt(n)
        assert abs(each.std() - 1) < 4 / np.sqrt(2 * n)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Particles of every kind with pile-up, their detector events and their hits."""
    folder = tmp_path_factory.mktemp("hits")
    rng = np.random.default_rng(6)
    n = 480
    for name, first in (("hard", 0), ("pool", 1000)):
        events = generated_events(
            np.tile([211, -211, 22, 310, 11, 13, 2212, 12], n // 8), 10 ** rng.uniform(0, 1.5, n),
            rng.uniform(-3, 3, n), rng.uniform(-np.pi, np.pi, n),
            per_event=8, first_number=first,
        )  # fmt: skip
        write_events(folder / f"{name}.root", GENERATED, events)
    inputs = {
        "events": folder / "hard.root",
        "pileup": [folder / "pool.root"],
        "geometry": COCOA,
        "settings": SimulationSettings(store_cells=False, pileup=PileupSettings(mean=2.0)),
        "seed": 5,
    }
    simulate(**inputs, output=folder / "detected.root", account=folder / "account.json")
    hits(**inputs, detected=folder / "detected.root", output=folder / "hits.root")
    return folder, inputs


def test_hits_name_the_particles_and_tracks_of_the_detector_file(files, geometry):
    folder, _ = files
    detected = read_events(folder / "detected.root", DETECTED)
    found = read_events(folder / "hits.root", HITS)
    assert ak.array_equal(found["event"].number, detected["event"].number)
    hit, track, particle = found["hit"], detected["track"], detected["particle"]
    with_track = hit[hit.track >= 0]
    assert ak.all(track.parent_idx[with_track.track] == with_track.particle)
    # Neutral particles leave none but through their conversions.
    code = particle.pdgid[hit.particle]
    neutral = (code == 22) | (code == 310) | (code == 130) | (code == 2112)
    converted = abs(track.pdgid[with_track.track]) != abs(particle.pdgid[with_track.particle])
    assert ak.all(particle.pdgid[with_track.particle][converted] == 22)
    assert ak.all(code[neutral] == 22)
    # A track is reconstructed where it has hits enough (the efficiency is 1).
    checked = 0
    for event, tracks, codes in zip(hit, track, particle.pdgid, strict=True):
        number = np.bincount(event.track[event.track >= 0], minlength=len(tracks))
        table = geometry.table
        conversion = ak.to_numpy(tracks.pdgid) != ak.to_numpy(codes[tracks.parent_idx])
        needed = np.where(conversion, table.conversion_hits, table.minimum_hits)
        assert (number >= needed).tolist() == (tracks.reconstructed == 1).to_list()
        checked += len(tracks)
    assert checked > 300
    assert ak.sum(track.reconstructed == 0) > 5
    assert ak.sum(hit.track < 0) > 10


def test_hits_begin_in_the_direction_of_their_track(files):
    """The helix of the measured track passes the first hit of each muon within its errors."""
    folder, _ = files
    detected = read_events(folder / "detected.root", DETECTED)
    hit = read_events(folder / "hits.root", HITS)["hit"]
    found = []
    for event, track in zip(hit, detected["track"], strict=True):
        for row in np.flatnonzero(abs(track.pdgid) == 13):
            mine = event[event.track == row]
            if len(mine):
                found.append((mine.y[0], mine.x[0], track.phi[row]))
    y, x, phi = np.array(found).T
    assert len(phi) > 50
    # The first layer at 39 mm: a muon of 1 GeV has turned by 22 mrad there.
    assert np.abs(np.angle(np.exp(1j * (np.arctan2(y, x) - phi)))).max() < 0.05


def test_the_same_bytes_again_and_other_seeds_are_refused(files, tmp_path):
    folder, inputs = files
    hits(**inputs, detected=folder / "detected.root", output=tmp_path / "hits.root")
    assert (tmp_path / "hits.root").read_bytes() == (folder / "hits.root").read_bytes()
    with pytest.raises(DataError, match=r"detected\.root: is not what detector\.simulate makes"):
        hits(**inputs | {"seed": 6}, detected=folder / "detected.root", output=tmp_path / "no.root")
    assert not (tmp_path / "no.root").exists()
