"""The steps of a flight keep energy, momentum and mass shells."""

import numpy as np
import pytest

from jetchain.detector.flight import states, steps
from jetchain.detector.flight.decays import ELECTRON_MASS, decay_table
from jetchain.detector.flight.helix import flight, to_face
from jetchain.detector.flight.states import CHARGE, CODE, COLUMNS, SECONDARY, SOURCE, E, X, Z

HERE, AHEAD = (10.0, -20.0, 30.0), (0.48, 0.6, 0.64)


def a_row(code, charge, momentum, mass, secondary=0.0):
    row = np.zeros(COLUMNS)
    row[:3], row[E] = momentum, np.sqrt(np.dot(momentum, momentum) + mass**2)
    row[CODE], row[CHARGE], row[SOURCE], row[SECONDARY] = code, charge, 7, secondary
    return row


def masses(rows):
    return rows[:, E] ** 2 - (rows[:, :3] ** 2).sum(axis=1)


@pytest.mark.parametrize(("secondary", "leaves"), [(0.0, states.CONVERSION), (1.0, 1.0)])
def test_a_conversion_shares_the_energy_and_keeps_the_direction(secondary, leaves):
    photon = a_row(22, 0.0, [300.0, 400.0, 1200.0], 0.0, secondary)
    pair = np.zeros((3, COLUMNS))
    steps.convert(np.random.default_rng(1), photon, AHEAD, HERE, pair)
    assert pair[:2, CODE].tolist() == [11, -11]
    assert pair[:2, CHARGE].tolist() == [-1, 1]
    assert pair[:2, E].sum() == pytest.approx(1300.0)
    np.testing.assert_allclose(masses(pair[:2]), ELECTRON_MASS**2, atol=1e-6)
    np.testing.assert_allclose(np.cross(pair[:2, :3], AHEAD), 0.0, atol=1e-9)
    assert pair[:2, X : Z + 1].tolist() == [list(HERE)] * 2
    assert pair[:2, SOURCE].tolist() == [7, 7]
    assert pair[:2, SECONDARY].tolist() == [leaves] * 2
    assert not pair[2].any()


def test_an_electron_radiates_above_the_threshold_only():
    rng = np.random.default_rng(2)
    electron = a_row(11, -1.0, [0.0, 2000.0, 500.0], ELECTRON_MASS)
    line = flight(0.0, 0.0, 0.0, *electron[:3], -1.0, 3.8)
    path = np.array([100.0, 200.0])
    lost = []
    for _ in range(2000):
        made = np.zeros((2, COLUMNS))
        if steps.radiate(rng, electron, line, path, np.array([0.01, 0.02]), 2, made):
            assert made[:, CODE].tolist() == [22, 11]
            assert made[:, E].sum() == pytest.approx(electron[E])
            lost.append(made[0, E])
            distance = np.linalg.norm(made[0, X : Z + 1])
            assert min(abs(distance - step * 1.03) for step in path) < 1.0  # of the path in x, y
    assert 0 < len(lost) < 2000
    assert min(lost) >= steps.RADIATED_MIN
    nothing = np.zeros((2, COLUMNS))
    assert not steps.radiate(rng, electron, line, path, np.zeros(2), 2, nothing)
    assert not nothing.any()


def test_neutrinos_of_new_primaries_are_summed_up_and_all_others_get_rows():
    table, products = decay_table(), np.array([13, 14, 211])
    momenta = np.array([[1.0, 2, 3, 110], [4.0, 5, 6, 9], [7.0, 8, 9, 141]])
    for secondary, codes, energy in ((0.0, [13, 211], 9.0), (1.0, [13, 14, 211], 0.0)):
        rows, neutrinos = np.zeros((4, COLUMNS)), np.zeros(1)
        n = steps.begin(rows, products, momenta, HERE, 5.0, secondary, table.species, neutrinos)
        assert rows[:n, CODE].tolist() == codes
        assert rows[:n, CHARGE].tolist() == [{13: -1, 14: 0, 211: 1}[code] for code in codes]
        assert (rows[:n, SOURCE] == 5).all()
        assert (rows[:n, SECONDARY] == secondary).all()
        assert rows[:n, E].sum() + neutrinos[0] == pytest.approx(260.0)
        assert neutrinos[0] == energy


def test_the_parent_of_a_decay_is_on_its_mass_shell():
    parent = np.empty(4)
    steps.on_shell(a_row(310, 0.0, [30.0, 40.0, 120.0], 400.0), AHEAD, 497.6, parent)
    assert np.linalg.norm(parent[:3]) == pytest.approx(130.0 * np.linalg.norm(AHEAD))
    assert parent[3] ** 2 - 130.0**2 == pytest.approx(497.6**2)


def test_what_arrives_has_lost_its_rest_mass_if_it_is_a_baryon(geometry):
    tracker = geometry.tracker
    for code, kept in ((2112, -1), (-2112, 1), (211, 0)):
        row = a_row(code, 0.0, [3000.0, 0.0, 0.0], 939.57)
        line = flight(0.0, 0.0, 0.0, *row[:3], 0.0, 3.8)
        end, status = to_face(line, tracker.face_radius, tracker.face_z)
        account, counts = np.zeros((1, len(states.FATES))), np.zeros(len(states.COUNTS), np.int64)
        pieces, direction = np.zeros((2, COLUMNS)), np.zeros((2, 3))
        assert steps.arrive(
            row, line, tracker, states.NOT_ENDED, status, steps.place_at(line, end),
            account, 0, counts, pieces, direction, 1,
        )  # fmt: skip
        assert pieces[1, E] == pytest.approx(row[E] + kept * states.NUCLEON_MASS)
        assert account[0, states.REST] == pytest.approx(-kept * states.NUCLEON_MASS)
        assert pieces[1, X] == pytest.approx(tracker.face_radius)
        np.testing.assert_allclose(direction[1], [1, 0, 0], atol=1e-12)
        assert not counts.any()


@pytest.mark.parametrize(
    ("code", "baryons"),
    [(2212, 1), (-3122, -1), (211, 0), (22, 0), (1000010020, 2), (-1000020040, -4),
     (1000822080, 208), (1010010030, 3)],
)  # fmt: skip
def test_baryon_numbers_of_hadrons_and_nuclei(code, baryons):
    assert states.baryon_number(code) == baryons
