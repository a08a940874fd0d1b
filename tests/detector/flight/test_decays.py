"""Decays: against Pythia's own table, and the laws of kinematics."""

import numpy as np
import pytest
import pythia8mc

from jetchain.detector.flight import decays

TABLE = decays.decay_table()


def parent(code, p):
    mass = decays.MASSES[abs(code)]
    return np.array([0.3 * p, -0.5 * p, np.sqrt(1 - 0.34) * p, np.hypot(p, mass)])


def many(code, p, n, seed=1):
    """Products (n, 3) and momenta (n, 3, 4) of n decays."""
    rng = np.random.default_rng(seed)
    products, momenta = np.zeros((n, 3), np.int64), np.zeros((n, 3, 4))
    for i in range(n):
        number = decays.decay(rng, code, parent(code, p), TABLE, products[i], momenta[i])
        products[i, number:] = 0
        momenta[i, number:] = 0
    return products, momenta


def test_masses_lifetimes_and_fractions_are_pythias():
    data = pythia8mc.Pythia("", False).particleData
    for code, mass in decays.MASSES.items():
        assert mass == pytest.approx(1e3 * data.m0(code), abs=0.01), code
        assert decays.charge_of(code, TABLE.species) == data.chargeType(code) / 3
    for code, (length, modes) in decays.DECAYS.items():
        if length == 0:
            continue  # the 1.2 % of Dalitz decays of pi0 are left out
        assert length == pytest.approx(data.tau0(code), rel=1e-3)
        entry = data.findParticle(code)
        known = {}
        for k in range(entry.sizeChannels()):
            channel = entry.channel(k)
            products = tuple(sorted(channel.product(j) for j in range(channel.multiplicity())))
            known[products] = channel.bRatio()
        for fraction, products in modes:
            assert fraction == pytest.approx(known[tuple(sorted(products))], abs=2e-3)
        # What is left out is below 1 %.
        assert sum(known[tuple(sorted(products))] for _, products in modes) > 0.985


@pytest.mark.parametrize("code", [c for c, (length, _) in decays.DECAYS.items()])
@pytest.mark.parametrize("sign", [1, -1])
def test_decays_conserve_momentum_charge_and_mass(code, sign):
    code *= 1 if code in decays.SELF_CONJUGATE else sign
    products, momenta = many(code, 3000.0, 300)
    np.testing.assert_allclose(momenta.sum(axis=1), np.tile(parent(code, 3000.0), (300, 1)),
                               rtol=1e-9)  # fmt: skip
    for row, four in zip(products, momenta, strict=True):
        charge = sum(decays.charge_of(c, TABLE.species) for c in row if c)
        assert charge == decays.charge_of(code, TABLE.species)
        for c, (px, py, pz, e) in zip(row, four, strict=True):
            if c:
                assert e**2 - px**2 - py**2 - pz**2 == pytest.approx(
                    decays.MASSES[abs(c)] ** 2, abs=1.0
                )


def test_modes_come_with_their_fractions():
    n = 6000
    products, _ = many(310, 1000.0, n)
    charged = (products[:, 0] == 211).mean()
    expected = 0.69224 / (0.69224 + 0.30701)
    assert abs(charged - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


def test_products_are_isotropic_in_the_rest_frame():
    # K0S -> pi pi: the energy of one pion is uniform between its kinematic limits.
    products, momenta = many(310, 5000.0, 4000)
    energy = momenta[:, 0, 3]
    e, p, mass = np.hypot(5000.0, 497.61), 5000.0, 497.61
    pair = products[:, 0] == 211
    star = decays.momentum_in_rest_frame(mass, 139.57, 139.57)
    half = p * star / mass
    scaled = (energy[pair] - e / 2) / half
    assert abs(scaled).max() <= 1 + 1e-9
    n = len(scaled)
    assert abs(scaled.mean()) < 4 / np.sqrt(3 * n)
    assert abs((scaled**2).mean() - 1 / 3) < 4 * np.sqrt(4 / 45 / n)


def test_three_bodies_fill_phase_space_evenly():
    # Dalitz: the density in m12^2 and m23^2 is flat, so the mean of m23^2 follows from the
    # boundary; K+ -> pi+ pi+ pi-, integrated here with a grid.
    products, momenta = many(321, 100.0, 30000, seed=5)
    three = (np.abs(products) == 211).all(axis=1)
    four = momenta[three]
    pair = four[:, 1] + four[:, 2]
    square = pair[:, 3] ** 2 - (pair[:, :3] ** 2).sum(axis=1)
    m, mass = 139.57, 493.68
    grid = np.linspace(4 * m**2, (mass - m) ** 2, 20001)[1:-1]
    # Width of the Dalitz plot at a given m23^2.
    e2 = np.sqrt(grid) / 2
    e1 = (mass**2 - grid - m**2) / (2 * np.sqrt(grid))
    width = np.sqrt(e2**2 - m**2) * np.sqrt(e1**2 - m**2)
    expected = (grid * width).sum() / width.sum()
    assert abs(square.mean() - expected) < 4 * square.std() / np.sqrt(len(square))
