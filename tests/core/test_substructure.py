"""Soft drop and N-subjettiness: FastJet's contrib classes as the oracle, and their laws."""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np
import pytest

from jetchain.core.kinematics import cartesian
from jetchain.core.substructure import substructure

RADIUS = 0.8
ORACLE = 1e-9  # GeV for masses, absolute for tau: rounding only


def massless(pt, eta, phi) -> np.ndarray:
    """(n, 4) momenta of massless particles."""
    return np.stack(cartesian(np.asarray(pt, float), eta, phi), axis=1)


def random_jets(seed: int, jets: int = 40) -> list[np.ndarray]:
    """Jets of 1 to 120 constituents around one to three prongs, some across phi = pi."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(jets):
        count = int(random.integers(1, 120))
        prongs = random.normal([0.5, 3.0], 0.4, (int(random.integers(1, 4)), 2))
        centre = prongs[random.integers(0, len(prongs), count)]
        eta, phi = (centre + random.normal(0, 0.1, (count, 2))).T
        pt, mass = random.exponential(8, count) + 0.1, random.choice([0, 0.13957, 0.938], count)
        made.append(np.stack(cartesian(pt, eta, phi, mass), axis=1))
    return made


def measure(jets: list[np.ndarray], zcut: float = 0.1, beta: float = 0.0):
    offset = np.concatenate([[0], np.cumsum([len(jet) for jet in jets])])
    return substructure(np.concatenate(jets), offset, RADIUS, zcut, beta)


def contrib(jets: list[np.ndarray]) -> fastjet.ClusterSequence:
    flat, counts = np.concatenate(jets), [len(jet) for jet in jets]
    record = ak.zip(dict(zip(("px", "py", "pz", "E"), flat.T, strict=True)))
    return fastjet.ClusterSequence(
        ak.unflatten(record, counts),
        fastjet.JetDefinition(fastjet.cambridge_algorithm, 1000.0),
    )


@pytest.mark.parametrize(("zcut", "beta"), [(0.1, 0.0), (0.2, 0.0), (0.1, 1.0), (0.05, 2.0)])
def test_soft_drop_equals_fastjet_contrib(zcut: float, beta: float) -> None:
    jets = random_jets(1)
    mass, sharing, radius = measure(jets, zcut, beta)[0].T
    oracle = contrib(jets).exclusive_jets_softdrop_grooming(
        njets=1, beta=beta, symmetry_cut=zcut, R0=RADIUS
    )
    np.testing.assert_allclose(mass**2, np.asarray(oracle.msoftdrop) ** 2, atol=1e-6, rtol=1e-9)
    split = np.asarray(oracle.symmetrysoftdrop) > 0  # contrib: -1 where no splitting passes
    np.testing.assert_array_equal(sharing > 0, split)
    np.testing.assert_allclose(sharing[split], np.asarray(oracle.symmetrysoftdrop)[split])
    np.testing.assert_allclose(radius[split], np.asarray(oracle.deltaRsoftdrop)[split], rtol=1e-6)
    assert not radius[~split].any()


def test_n_subjettiness_equals_fastjet_contrib() -> None:
    jets = random_jets(2)
    _, tau = measure(jets)
    oracle = contrib(jets).njettiness(
        "NormalizedMeasure", "WTA_KT_Axes", [1, 2, 3], beta=1.0, R0=RADIUS
    )
    np.testing.assert_allclose(tau, np.asarray(oracle), atol=ORACLE)


def test_tau_falls_with_the_number_of_axes() -> None:
    _, tau = measure(random_jets(3))
    assert np.all(tau[:, 0] >= tau[:, 1] - ORACLE)
    assert np.all(tau[:, 1] >= tau[:, 2] - ORACLE)
    assert np.all(tau >= 0)


@pytest.mark.parametrize("prongs", [1, 2, 3])
def test_tau_n_vanishes_for_n_particles(prongs: int) -> None:
    jet = massless([100, 80, 60], [0.0, 0.3, -0.3], [0.0, 0.3, 0.2])[:prongs]
    _, tau = measure([jet])
    assert np.all(tau[0, prongs - 1 :] == 0)
    assert np.all(tau[0, : prongs - 1] > 0)


def test_tau1_of_two_prongs_by_hand() -> None:
    # The axis lies on the harder particle, so tau_1 = pT2 dR / ((pT1 + pT2) R).
    _, tau = measure([massless([300, 100], [0.1, 0.4], [1.0, 1.4])])
    assert tau[0, 0] == pytest.approx(100 * 0.5 / (400 * RADIUS), rel=1e-12)


@pytest.mark.parametrize(("z", "kept"), [(0.05, False), (0.095, False), (0.105, True), (0.4, True)])
def test_soft_drop_of_two_prongs_by_hand(z: float, kept: bool) -> None:
    distance = 0.3
    jet = massless([500 * (1 - z), 500 * z], [0.0, distance], [0.0, 0.0])
    # m^2 = 2 pT1 pT2 (cosh d_eta - cos d_phi)
    full = 500 * np.sqrt(2 * z * (1 - z) * (np.cosh(distance) - 1))
    ((mass, sharing, radius),), _ = measure([jet])
    assert mass == pytest.approx(full if kept else 0.0, rel=1e-7, abs=1e-4)
    assert sharing == pytest.approx(z if kept else 0.0)
    assert radius == pytest.approx(distance if kept else 0.0)


def test_soft_drop_with_beta_keeps_collinear_branches() -> None:
    # z = 0.05 > 0.1 (0.2/0.8)^2, but not at the jet's edge.
    for distance, kept in ((0.2, True), (0.75, False)):
        jet = massless([475, 25], [0.0, distance], [0.0, 0.0])
        ((mass, sharing, _),), _ = measure([jet], zcut=0.1, beta=2.0)
        assert (mass > 1) == (sharing > 0) == kept


def test_soft_drop_removes_soft_wide_radiation_and_keeps_the_prongs() -> None:
    prongs = massless([300, 200], [0.0, 0.25], [0.0, 0.1])
    soft = massless([4, 3, 2, 1], [0.6, -0.6, -0.5, 0.1], [0.0, 0.1, -0.4, -0.6])
    alone, _ = measure([prongs])
    dressed, _ = measure([np.concatenate([prongs, soft])])
    assert dressed[0, 0] == pytest.approx(alone[0, 0], rel=1e-12)


def assert_same_grooming(after: np.ndarray, before: np.ndarray) -> None:
    """Mass (squared: rounding near zero), zg and rg of several jets, (jets, 3)."""
    np.testing.assert_allclose(after[:, 0] ** 2, before[:, 0] ** 2, rtol=1e-8, atol=1e-5)
    np.testing.assert_allclose(after[:, 1:], before[:, 1:], atol=1e-6)


def test_infrared_and_collinear_safety() -> None:
    jets = random_jets(4)
    random = np.random.default_rng(5)
    changed = []
    for jet in jets:
        eta, phi = random.uniform(0, 1, 20), random.uniform(2.5, 3.5, 20)
        share = random.uniform(0.2, 0.8, (len(jet), 1))
        changed.append(
            np.concatenate([share * jet, massless(np.full(20, 1e-25), eta, phi), (1 - share) * jet])
        )
    (groomed, tau), (groomed_after, tau_after) = measure(jets), measure(changed)
    # zg and rg are not safe: a jet that no splitting passes takes the new, collinear one.
    np.testing.assert_allclose(groomed_after[:, 0] ** 2, groomed[:, 0] ** 2, rtol=1e-8, atol=1e-5)
    # A jet of n <= N constituents has tau_N = 0 before and up to rounding after.
    np.testing.assert_allclose(tau_after, tau, atol=1e-7)


def test_rotation_and_boost_along_the_beam_change_nothing() -> None:
    jets = random_jets(6)
    angle, boost = 2.2, 0.7
    moved = []
    for jet in jets:
        px, py, pz, e = jet.T
        moved.append(
            np.stack(
                [
                    px * np.cos(angle) - py * np.sin(angle),
                    px * np.sin(angle) + py * np.cos(angle),
                    pz * np.cosh(boost) + e * np.sinh(boost),
                    e * np.cosh(boost) + pz * np.sinh(boost),
                ],
                axis=1,
            )
        )
    (groomed, tau), (groomed_after, tau_after) = measure(jets), measure(moved)
    assert_same_grooming(groomed_after, groomed)
    np.testing.assert_allclose(tau_after, tau, atol=1e-9)


def test_order_of_constituents_does_not_matter() -> None:
    jets = random_jets(7)
    random = np.random.default_rng(8)
    shuffled = [jet[random.permutation(len(jet))] for jet in jets]
    (groomed, tau), (groomed_after, tau_after) = measure(jets), measure(shuffled)
    assert_same_grooming(groomed_after, groomed)
    np.testing.assert_allclose(tau_after, tau, atol=1e-12)
