"""The map of hadronic showers: its parts, its limits, and Geant4's table that it is to give."""

import importlib.util

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from helpers.events import generated_events, selected
from jetchain.core.io.tables import read_result
from jetchain.core.resources import RESOURCES
from jetchain.core.schema.particleflow import PublishedResponse
from jetchain.detector.calorimeter import response
from jetchain.detector.calorimeter.spots import empty_shower, segmentation
from jetchain.detector.event import EventSimulation
from jetchain.detector.flight import states
from jetchain.detector.geometry.description import HadronicResponse, read_geometry
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.validation.showers import pion_responses

COCOA = RESOURCES / "geometry" / "cocoa.yaml"
PUBLISHED = read_result(RESOURCES / "published" / "cocoa_response.json", PublishedResponse)


@pytest.fixture(scope="module")
def derive():
    spec = importlib.util.spec_from_file_location("derive", COCOA.parent / "derive_response.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def inside(geometry):
    """A shower of 10 GeV at eta = 0.3 that leaves 1 GeV in every slab, and how it is mapped."""
    unit = np.array([1.0, 0.0, np.sinh(0.3)]) / np.cosh(0.3)
    at = tuple(geometry.table.inner_radius * np.cosh(0.3) * unit)
    parts = segmentation(geometry.slabs, geometry.tracker.eta_max)

    def mapped(offset, slope, lost=0.0, energy=10e3, unseen=2e3, seed=1):
        shower = empty_shower(geometry.slabs.mip.size)
        shower.path[1:] = np.cumsum(np.diff(geometry.slabs.depth))
        shower.own[:] = shower.energy[:] = 1e3
        shower.core[:], shower.tail[:], shower.middle[:] = 5.0, 50.0, 0.5
        flat = np.zeros((4, 2, 2))
        table = response.response_map(geometry.table, geometry.slabs)._replace(
            log_pt=np.array([0.0, 1.0]), eta=np.array([0.0, 1.0]), offset=flat + offset,
            slope=flat + slope, lost=lost,
        )  # fmt: skip
        left = response.respond(
            np.random.default_rng(seed), energy, 10e3, unseen, at, tuple(unit), parts, table, shower
        )
        return shower.energy, left

    return mapped


def test_what_the_cells_gain_nuclei_do_not_swallow(inside, geometry):
    cells = geometry.slabs.layer_of_slab >= 0
    for offset, slope, expected in ((0.0, 1.0, 6e3), (0.1, 1.0, 7e3), (0.3, 0.25, 4.5e3)):
        energy, unseen = inside(offset, slope)
        assert energy[cells].sum() == pytest.approx(expected)
        assert energy[cells].sum() + unseen == pytest.approx(8e3)
        assert energy[~cells].sum() == pytest.approx(2e3)


def test_no_shower_shows_more_than_it_has_or_less_than_nothing(inside, geometry):
    cells = geometry.slabs.layer_of_slab >= 0
    for offset, expected in ((5.0, 8e3), (-5.0, response.LEAST_SHARE * 10e3)):
        energy, unseen = inside(offset, 1.0)
        assert energy[cells].sum() == pytest.approx(expected)
        assert (energy > 0).all()
        assert unseen >= 0
        assert energy[cells].sum() + unseen == pytest.approx(8e3)


def test_of_a_share_of_the_hadrons_little_is_seen(inside, geometry):
    cells = geometry.slabs.layer_of_slab >= 0
    for energy, share in ((15e3, 0.3), (200e3, 0.03), (1e3, 0.03)):
        seen = np.array(
            [inside(0.0, 1.0, 0.3, energy, seed=k)[0][cells].sum() for k in range(1000)]
        )
        low = (seen < 0.1 * 6e3).mean()
        assert low == pytest.approx(share, abs=4 * np.sqrt(share / 1000))


def test_the_table_is_interpolated_without_a_step():
    rng = np.random.default_rng(4)
    x, y = np.sort(rng.random(5)), np.sort(rng.random(4))
    values = rng.random((4, 5))
    reference = RegularGridInterpolator((y, x), values)
    for at in rng.uniform((y[0], x[0]), (y[-1], x[-1]), (200, 2)):
        found = response.interpolated(
            values, *response.between(y, at[0]), *response.between(x, at[1])
        )
        assert found == pytest.approx(float(reference(at)[0]))
    for value, edge in ((-1.0, 0), (2.0, -1)):  # the ends go on
        found = response.interpolated(
            values, *response.between(y, value), *response.between(x, value)
        )
        assert found == pytest.approx(values[edge, edge])


def test_weighted_shares_are_those_of_the_profile_in_the_cells():
    # 2 r R^2 / (r^2 + R^2)^2 thrown as spots; its projection on one axis, cell by cell.
    rng = np.random.default_rng(5)
    u, phi = rng.random(400_000), rng.uniform(0, 2 * np.pi, 400_000)
    for width, scale, track, axis in ((0.0234, 1.3, 7.4, 7.9), (0.094, 0.4, 3.1, 3.4)):
        found = response.weighted_share(track, axis, scale, 2 * scale, width)
        for size, share in zip((scale, 2 * scale), found, strict=True):
            cell = np.floor(axis + size * np.sqrt(u / (1 - u)) * np.cos(phi))
            r = (cell + 0.5 - track) * width / response.DENSITY_WIDTH
            assert share == pytest.approx(np.exp(-0.5 * r**2).mean(), abs=0.005)


def test_a_shower_in_one_layer_is_densest_there(geometry):
    unit, slabs = (1.0, 0.0, 0.0), geometry.slabs
    parts = segmentation(slabs, geometry.tracker.eta_max)
    table = response.response_map(geometry.table, slabs)
    for k in np.flatnonzero(slabs.layer_of_slab >= 0):
        shower = empty_shower(slabs.mip.size)
        shower.path[1:] = np.cumsum(np.diff(slabs.depth))
        shower.energy[k] = 50e3
        shower.core[:], shower.tail[:], shower.share[:] = 5.0, 50.0, 1.0
        at = (geometry.table.inner_radius, 0.0, 0.0)
        assert response.densest_layer(at, unit, parts, shower, table) == slabs.layer_of_slab[k]


def test_a_detector_without_a_map_shows_showers_as_they_are_drawn(geometry):
    bare = geometry.table.model_copy(update={"hadronic_response": None})
    table = response.response_map(bare, geometry.slabs)
    assert (table.offset == 0).all()
    assert (table.slope == 1).all()
    assert table.lost == 0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pt", [2.0, 1.0], "pt must rise"),
        ("pt", [0.0, 1.0], "positive"),
        ("offset", [[[0.0, 0.0]]], "row of pT for every eta"),
        ("slope", [[[1.0, 1.0], [1.0, 1.0]]] * 2, "as many layers"),
    ],
)
def test_a_map_of_the_wrong_shape_is_refused(key, value, message):
    content = {
        "source": "", "lost": 0.0, "pt": [1.0, 2.0], "eta": [0.0, 1.0],
        "offset": [[[0.0, 0.0]] * 2], "slope": [[[1.0, 1.0]] * 2],
    }  # fmt: skip
    HadronicResponse(**content)
    with pytest.raises(ValueError, match=message):
        HadronicResponse(**content | {key: value})


def test_bins_of_pions_have_geant4s_mean_and_spread(derive, tmp_path, monkeypatch):
    """5 % in the mean and 15 % in the spread, and three standard deviations of a small gun."""
    monkeypatch.setattr(derive, "GUNS", [(2.0, 60.0, 1)])
    events = derive.throw(tmp_path, 15_000)
    table = derive.measure(events, COCOA, tmp_path, 3)
    mean, spread = derive.wanted(PUBLISHED)
    entries, found, width = derive.by_layer(table)
    enough = entries[:, :5, 1:6] >= 100
    wanted, spread, found, width, n = (
        values[:, :5, 1:6][enough] for values in (mean, spread, found, width, entries)
    )
    assert len(n) > 20
    assert (np.abs(found / wanted - 1) < 0.05 + 3 * width / found / np.sqrt(n)).all()
    assert (np.abs(width / spread - 1) < 0.15 + 3 / np.sqrt(2 * n)).mean() > 0.95
    assert abs((found / wanted - 1).mean()) < 0.02
    assert abs((width / spread - 1).mean()) < 0.06


def test_a_round_moves_the_map_towards_what_is_wanted(derive, tmp_path, monkeypatch):
    mean, spread = derive.wanted(PUBLISHED)
    assert (np.diff(mean[:, :, 5:], axis=2) > 0).all()
    assert (np.diff((spread / mean)[:, :5, 5:], axis=2) <= 0).all()
    monkeypatch.setattr(derive, "GUNS", [(20.0, 60.0, 1)])
    events = derive.throw(tmp_path, 3000)
    offset, slope = derive.current(read_geometry(COCOA))
    changed = offset - 0.1
    derive.write(tmp_path / "cocoa.yaml", changed, slope)
    read = read_geometry(tmp_path / "cocoa.yaml")
    np.testing.assert_allclose(read.hadronic_response.offset, changed, atol=1e-4)
    assert read.slabs == read_geometry(COCOA).slabs
    table = derive.measure(events, tmp_path / "cocoa.yaml", tmp_path, 3)
    new, _ = derive.moved(changed, slope, table, (mean, spread))
    drawn = derive.by_layer(table)[1] - changed
    gained = new + slope * drawn / slope - changed - drawn
    assert np.median(gained[:2, :5, 5]) > 0.03


def ratios(geometry, pdgid, energy, n, seed=2):
    """E(clusters) / E(true) of single particles, |eta| < 2.5."""
    rng = np.random.default_rng(seed)
    eta = rng.uniform(-2.5, 2.5, n)
    events = generated_events(pdgid, energy / np.cosh(eta), eta, rng.uniform(-3, 3, n))
    simulation = EventSimulation(geometry, SimulationSettings(store_cells=False), seed)
    records = simulation.run(np.arange(n), selected(events, simulation.settings))
    return np.array([record.moments[:, 5].sum() for record in records]) / (1e3 * energy), records


def test_pions_of_20_gev_pass_cocoas_own_check(geometry):
    """RunTest.cc: mean .50 and spread .23, each within .05; and the energy adds up."""
    ratio, records = ratios(geometry, 211, 20.0, 3000)
    assert ratio.mean() == pytest.approx(0.50, abs=0.05)
    assert ratio.std(ddof=1) == pytest.approx(0.23, abs=0.05)
    for record in records[:200]:
        account, particles = record.flown.account, record.flown.particles
        np.testing.assert_allclose(account.sum(axis=1), particles[:, states.E], rtol=1e-6)
        assert (account[:, : states.REST] >= 0).all()


def test_the_resolution_of_pions_falls_to_1_tev(geometry):
    found = pion_responses(EventSimulation(geometry, SimulationSettings(), 5), 300, 5)
    resolution = np.array([pion.resolution for pion in found])
    assert (np.diff(resolution) < 0.01).all()
    assert (np.diff([pion.median for pion in found]) > 0).all()
    assert 0.06 < resolution[-1] < 0.13
    assert resolution[-1] < 0.5 * resolution[0]
