"""Shapes of clusters, and the calibrations from guns of photons, neutral hadrons and muons."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.calibrations import write_calibrations
from helpers.detected import GEOMETRY, FakeEvent, write_detected
from jetchain.core.errors import EmptySampleError
from jetchain.particleflow.algorithms.parametric import read_shower_calibration
from jetchain.particleflow.calibrate_showers import calibrate_showers, hadron_curves, muon_table
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.detected import read_detected
from jetchain.particleflow.layers import read_layers
from jetchain.particleflow.robust import bounded_moments, closing_factors
from jetchain.particleflow.shapes import Described, centres, describe, is_photon

LAYERS = read_layers(GEOMETRY)
SETTINGS = CalibrationSettings(pt_edges=[0.0, 10.0, 40.0], eta_edges=[0.0], minimum_entries=20)
PHOTON, HADRON = [0.2, 0.78, 0.02, 0, 0, 0], [0.05, 0.3, 0.05, 0.4, 0.2, 0]


def gun(random: np.random.Generator, count: int) -> list[FakeEvent]:
    """A photon, a neutral hadron of response 0.6 and a muon of 2.4 GeV an event, far apart."""
    events = []
    for number in range(count):
        event = FakeEvent(number=number)
        e = random.uniform(3.0, 60.0)
        event.cluster(900.0 * e, 0.0, 0.5, PHOTON, parent=event.particle(22, e, 0.0, 0.5))
        event.cluster(600.0 * e, 0.0, 2.5, HADRON, parent=event.particle(130, e, 0.0, 2.5))
        event.particle(13, 20.0, 0.0, -1.5)
        event.cluster(2400.0, 0.0, -1.5, HADRON)
        events.append(event)
    return events


def test_guns_of_known_showers_are_recovered(tmp_path):
    source, target = tmp_path / "gun.root", tmp_path / "showers.json"
    write_detected(source, gun(np.random.default_rng(2), 100))
    photons = write_calibrations(tmp_path, photon_response=0.9)["photon_calibration"]
    calibrate_showers(
        detected=[source], photons=photons, geometry=GEOMETRY, calibration=target,
        settings=SETTINGS,
    )  # fmt: skip
    table = read_shower_calibration(target)
    assert table.muons.mean == pytest.approx([2400.0], rel=1e-4)
    np.testing.assert_allclose(table.muons.share[0], HADRON, atol=1e-3)
    np.testing.assert_allclose(table.hadrons[0].factor, 1 / 0.6, rtol=0.01)
    _, _, clusters = next(read_detected(source, LAYERS))
    photon = is_photon(describe(clusters), table.shapes).reshape(-1, 3)
    assert np.all(photon[:, 0])
    assert not np.any(photon[:, 1])


def test_too_few_muons_are_refused(tmp_path):
    events = gun(np.random.default_rng(3), 30)
    for event in events:
        event.rows["track"].clear()
    with pytest.raises(EmptySampleError, match="0 isolated muons"):
        calibrate_showers(
            detected=[write_detected(tmp_path / "gun.root", events)],
            photons=write_calibrations(tmp_path)["photon_calibration"], geometry=GEOMETRY,
            calibration=tmp_path / "showers.json", settings=SETTINGS,
        )  # fmt: skip


def test_descriptions_are_sums_over_the_cells(tmp_path):
    source = write_detected(tmp_path / "gun.root", gun(np.random.default_rng(4), 5))
    _, _, clusters = next(read_detected(source, LAYERS))
    found = describe(clusters)
    np.testing.assert_allclose(found.ecal + found.hcal, clusters.e, rtol=1e-6)
    eta, phi = centres(found)
    np.testing.assert_allclose(eta, clusters.eta, atol=0.02)
    np.testing.assert_allclose(phi, clusters.phi, atol=0.02)
    np.testing.assert_allclose(found.ecal[::3], clusters.e[::3], rtol=1e-6)
    np.testing.assert_allclose(found.first[::3], 0.2 * clusters.e[::3], rtol=1e-3)


def test_hadrons_close_in_every_bin_of_their_energy():
    """A response that rises, with a resolution of 60 %/sqrt(E) and losses at zero."""
    random = np.random.default_rng(7)
    energy = np.exp(random.uniform(np.log(3.0), np.log(100.0), 20_000))
    response = 0.4 + 0.1 * np.log10(energy)
    measured = np.maximum(
        energy * response * (1 + 0.6 / np.sqrt(energy) * random.normal(size=len(energy))), 0.05
    )
    edges = [0.0, 6.0, 12.0, 25.0, 50.0]
    settings = CalibrationSettings(pt_edges=edges, eta_edges=[0.0])
    zero, owner = np.zeros(len(energy)), np.arange(len(energy))
    (curve,) = hadron_curves(energy, zero, zero, owner, measured, settings=settings)
    factor = np.interp(np.log(measured), np.log(curve.measured), curve.factor)
    for low, high in zip(edges, [*edges[1:], 1e3], strict=True):
        mine = (energy >= low) & (energy < high)
        assert (measured * factor / energy)[mine].mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_of_a_few_hadrons_makes_no_factors_swing(seed: int) -> None:
    """A response of .60 to .83 with a resolution of 40 %/sqrt(E), learned from 1,000 hadrons."""

    def thrown(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        energy = np.exp(random.uniform(0, np.log(100), count))
        ratio = random.normal(0.6 + 0.05 * np.log(energy), 0.4 / np.sqrt(energy))
        return energy, energy * np.maximum(ratio, 0.05)

    energy, seen = thrown(1000, seed)
    groups = np.array_split(np.argsort(energy), 10)
    nodes = np.array([np.median(seen[group]) for group in groups])
    factor = closing_factors(energy, 0 * energy, np.arange(1000), seen, groups, nodes)
    assert np.abs(np.diff(np.log(factor), 2)).max() < 0.06
    energy, seen = thrown(20_000, seed + 10)
    ratio = seen * np.interp(np.log(seen), np.log(nodes), factor) / energy
    for group in np.array_split(np.argsort(energy), 5):
        assert bounded_moments(ratio[group])[0] == pytest.approx(1, abs=0.035)


def test_hadrons_that_are_taken_for_photons_are_made_up_for():
    """A fifth leave all of 0.5 E to photons; the total of all is right, in one cluster or three."""
    random = np.random.default_rng(8)
    energy = np.exp(random.uniform(np.log(3.0), np.log(100.0), 10_000))
    photon = random.uniform(size=len(energy)) < 0.2
    known = np.where(photon, 0.5 * energy, 0.0)
    pieces = random.choice([1, 3], len(energy))
    owner = np.repeat(np.flatnonzero(~photon), pieces[~photon])
    seen = 0.6 * (energy / pieces)[owner]
    edges = [0.0, 6.0, 12.0, 25.0, 50.0]
    settings = CalibrationSettings(pt_edges=edges, eta_edges=[0.0])
    (curve,) = hadron_curves(energy, np.zeros(len(energy)), known, owner, seen, settings=settings)
    factor = np.interp(np.log(seen), np.log(curve.measured), curve.factor)
    total = (known + np.bincount(owner, seen * factor, minlength=len(energy))) / energy
    for low, high in zip(edges, [*edges[1:], 1e3], strict=True):
        assert total[(energy >= low) & (energy < high)].mean() == pytest.approx(1.0, abs=0.02)


def test_one_radiating_muon_moves_no_mean():
    rows = np.zeros((100, 7))
    rows[:, 2] = np.random.default_rng(1).normal(2000.0, 200.0, 100)
    clean = muon_table(rows, SETTINGS).mean[0]
    rows[0, 2] = 1e6
    assert muon_table(rows, SETTINGS).mean[0] == pytest.approx(clean, abs=20.0)


def test_the_centre_of_two_parts_lies_between_them_over_the_cut_of_the_azimuth():
    zero = np.zeros(3)
    found = Described(
        ecal=np.array([3.0, 0.0, 2.0]), hcal=np.array([1.0, 2.0, 0.0]), first=zero, last=zero,
        ecal_eta=np.array([1.0, 0.0, 0.5]), ecal_phi=np.array([3.1, 0.0, -1.0]),
        hcal_eta=np.array([2.0, -1.0, 0.0]), hcal_phi=np.array([-3.1, 2.0, 0.0]), width=zero,
    )  # fmt: skip
    eta, phi = centres(found)
    assert eta == pytest.approx([1.25, -1.0, 0.5])
    assert phi == pytest.approx([3.1 + (2 * np.pi - 6.2) / 4, 2.0, -1.0])
