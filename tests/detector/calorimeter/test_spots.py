"""Spots: what lies in a slab comes to lie in cells or is lost beside them."""

import numpy as np
import pytest

from jetchain.detector.calorimeter import spots
from jetchain.detector.calorimeter.digitisation import empty_deposits, empty_hits, empty_readout
from jetchain.detector.flight.states import (
    CHARGED_HADRON,
    DEPOSITED,
    ELECTRON,
    FATES,
    LEAKED,
    MUON,
    PASSIVE,
)


def test_the_number_of_spots_grows_with_the_energy_up_to_a_limit():
    number = spots.number_of_spots
    assert [number(MUON, 0, energy) for energy in (1.0, 1e6)] == [1, 1]
    assert [number(ELECTRON, 0, energy) for energy in (1.0, 400.0, 1e6)] == [1, 11, 20]
    assert [number(ELECTRON, 1, energy) for energy in (1.0, 150.0, 1e6)] == [1, 11, 150]
    assert [number(CHARGED_HADRON, 0, energy) for energy in (1.0, 800.0, 1e6)] == [1, 11, 200]


def spread(geometry, kind, energy, eta, rng):
    """Spread an energy (MeV) in every slab around a ray of a direction; cells, account, layers."""
    slabs, cells = geometry.slabs, geometry.cells.layer.size
    shower = spots.empty_shower(slabs.mip.size)
    shower.energy[:] = energy
    shower.core[:], shower.tail[:], shower.share[:], shower.middle[:] = 20.0, 60.0, 0.8, 0.5
    shower.path[:] = np.linspace(0.0, 100.0 * slabs.mip.size, slabs.mip.size + 1)
    unit = (1 / np.cosh(eta), 0.0, np.tanh(eta))
    at = tuple(1500.0 * np.cosh(eta) * np.array(unit))
    layers = slabs.cells_eta.size
    memory = spots.cells_of(
        empty_readout(cells), empty_hits(cells),
        empty_deposits(spots.deposits_capacity(1, layers)),
    )  # fmt: skip
    account, by_layer = np.zeros(len(FATES)), np.zeros(layers)
    count = spots.spread(
        rng, kind, 4, at, unit, spots.segmentation(slabs, geometry.tracker.eta_max), shower,
        memory, 0, 0, account, by_layer,
    )  # fmt: skip
    return memory, count, account, by_layer


@pytest.mark.parametrize("kind", [ELECTRON, CHARGED_HADRON, MUON])
def test_all_energy_is_in_cells_or_passive_slabs(geometry, kind):
    memory, count, account, by_layer = spread(geometry, kind, 500.0, 0.4, np.random.default_rng(1))
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
    _, _, account, by_layer = spread(geometry, CHARGED_HADRON, 20e3, edge, rng)
    assert account[LEAKED] / (account[LEAKED] + by_layer.sum()) == pytest.approx(0.5, abs=0.05)


def test_radii_hold_the_profiles_share_of_the_energy():
    cosine, sine, *radii = spots.spot_tables()
    np.testing.assert_allclose(cosine**2 + sine**2, 1.0)
    for radius, largest in zip(radii, (8.0, 4.0), strict=True):
        # Within r lies r^2 / (1 + r^2) of what lies within the largest radius.
        share = (np.arange(spots.ENTRIES) + 0.5) / spots.ENTRIES
        expected = share * largest**2 / (1 + largest**2)
        np.testing.assert_allclose(radius**2 / (1 + radius**2), expected, rtol=1e-12)
        assert radius.max() < largest
