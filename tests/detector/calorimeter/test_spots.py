"""Spots: what lies in a slab comes to lie in cells or is lost beside them."""

import numpy as np
import pytest

from jetchain.detector.calorimeter import spots
from jetchain.detector.calorimeter.digitisation import empty_deposits, empty_hits, empty_readout
from jetchain.detector.flight.states import DEPOSITED, FATES, LEAKED, PASSIVE
from jetchain.detector.geometry.grid import build_grid, locate


def spread(geometry, energy, eta, rng, core=20.0, tail=60.0, spot=spots.TAIL_SPOT):
    """Spread an energy (MeV) in every slab around a ray of a direction; cells, account, layers."""
    slabs, cells = geometry.slabs, geometry.cells.layer.size
    shower = spots.empty_shower(slabs.mip.size)
    shower.energy[:] = energy
    shower.core[:], shower.tail[:], shower.share[:], shower.middle[:] = core, tail, 0.8, 0.5
    shower.spot[:] = spot
    shower.path[:] = np.linspace(0.0, 100.0 * slabs.mip.size, slabs.mip.size + 1)
    unit = (1 / np.cosh(eta), 0.0, np.tanh(eta))
    at = tuple(1500.0 * np.cosh(eta) * np.array(unit))
    layers = slabs.cells_eta.size
    memory = spots.cells_of(
        empty_readout(cells), empty_hits(cells),
        empty_deposits(spots.deposits_capacity(np.array([layers * energy]), layers)),
    )  # fmt: skip
    account, by_layer = np.zeros(len(FATES)), np.zeros(layers)
    count = spots.spread(
        rng, 4, at, unit, spots.segmentation(slabs, geometry.tracker.eta_max), shower,
        memory, 0, 0, account, by_layer,
    )  # fmt: skip
    return memory, count, account, by_layer


def test_all_energy_is_in_cells_or_passive_slabs(geometry):
    memory, count, account, by_layer = spread(geometry, 500.0, 0.4, np.random.default_rng(1))
    passive = np.count_nonzero(geometry.slabs.layer_of_slab < 0)
    assert account[PASSIVE] == pytest.approx(500.0 * passive)
    assert account[LEAKED] == 0
    assert account[DEPOSITED] == pytest.approx(by_layer.sum())
    assert memory.deposit_energy[:count].sum() == pytest.approx(account[DEPOSITED])
    np.testing.assert_allclose(by_layer, 500.0, rtol=1e-9)
    assert (memory.deposit_particle[:count] == 4).all()
    # A deposit for every cell that is hit, and the cell knows its layer.
    assert len(set(memory.deposit_hit[:count].tolist())) == count == memory.numbered[0]
    cells = memory.cell[:count]
    assert memory.number[cells].tolist() == list(range(count))
    assert memory.hit_layer[:count].tolist() == geometry.cells.layer[cells].tolist()


def test_at_the_edge_half_is_lost(geometry):
    rng, edge = np.random.default_rng(2), geometry.tracker.eta_max
    _, _, account, by_layer = spread(geometry, 20e3, edge, rng)
    assert account[LEAKED] / (account[LEAKED] + by_layer.sum()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("energy", [5e3, 50e3, 500e3])
@pytest.mark.parametrize("eta", [0.1, 2.3])
def test_one_shower_has_one_maximum_in_a_layer(geometry, energy, eta):
    # Clusters split at cells of more than 400 MeV that exceed all their neighbours.
    memory, count, *_ = spread(geometry, energy, eta, np.random.default_rng(3), 7.0, 70.0, 100.0)
    layout = build_grid(geometry).layout
    maps = [np.zeros((rows, columns)) for _, rows, columns in layout]
    for cell, deposit in zip(memory.cell[:count], memory.deposit_energy[:count], strict=True):
        layer, row, column = locate(cell, layout)
        maps[layer][row, column] += deposit
    for cells in maps:
        around = [np.roll(cells, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
        assert ((cells > 400.0) & (cells > np.max(around, axis=0))).sum() <= 1


def test_the_number_of_spots_grows_with_the_energy_and_as_its_root_where_dense():
    number, dense = spots.number_of_spots, spots.DENSE_SPOTS
    assert [number(wanted) for wanted in (0.01, 10.5, dense - 0.5)] == [1, 11, dense]
    assert number(100.0 * dense) == 10 * dense + 1


def test_there_is_room_for_as_many_deposits_as_showers_can_make(geometry):
    rng, layers = np.random.default_rng(4), geometry.slabs.cells_eta.size
    for energy in (1.0, 1e3, 1e5, 3e6):
        *_, by_layer = spread(geometry, energy, 0.3, rng)
        room = spots.deposits_capacity(np.array([layers * energy]), layers)
        most = sum(
            spots.number_of_spots(share * energy / spots.TAIL_SPOT)
            for share in (0.8, 0.2) for _ in by_layer
        )  # fmt: skip
        assert room >= most


def test_radii_hold_the_profiles_share_of_the_energy():
    cosine, sine, radius = spots.spot_tables()
    np.testing.assert_allclose(cosine**2 + sine**2, 1.0)
    # Within r lies r^2 / (1 + r^2) of what lies within the largest radius.
    share = (np.arange(spots.ENTRIES) + 0.5) / spots.ENTRIES
    expected = share * spots.RADIUS_MAX**2 / (1 + spots.RADIUS_MAX**2)
    np.testing.assert_allclose(radius**2 / (1 + radius**2), expected, rtol=1e-12)
    assert radius.max() < spots.RADIUS_MAX


@pytest.mark.parametrize("spots_", [1, 20, 1000])
def test_the_outermost_spot_has_a_radius_of_the_table(spots_):
    """Its share of the energy is 1 after rounding, as soon as less than 1e-16 lies beyond."""
    offset = np.nextafter(1.0, 0.0)
    kept = 1.0 - (spots_ - 1 + offset) / spots_
    assert 1.0 - kept**2 == 1.0
    assert spots.entry_within(1.0 - kept**2) == spots.ENTRIES - 1
    found = [spots.entry_within(share) for share in np.linspace(0, 1, 3 * spots.ENTRIES + 1)]
    assert found[0] == 0
    assert set(np.diff(found)) == {0, 1}
