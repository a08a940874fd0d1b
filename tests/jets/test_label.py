"""Labels of jets on partons made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from jetchain.core.schema.jets import JET_CLASSES
from jetchain.jets.label import label_jets

RADIUS = 0.8

# Each parton: PDG code, eta, phi, mother.
TOP = [
    (6, 0.0, 3.10, -1), (24, 0.1, 3.0, 0), (5, -0.2, -3.1, 0), (2, 0.2, 3.1, 1), (-1, 0.1, 2.8, 1),
]  # fmt: skip


def boson(code: int, first: int, second: int) -> list[tuple]:
    return [(code, 0.0, 0.0, -1), (first, 0.2, 0.1, 0), (second, -0.2, 0.1, 0)]


def label(partons: list[tuple], jets: list[tuple]) -> list[str | None]:
    columns = [np.array(column) for column in zip(*partons, strict=True)]
    eta, phi = np.array(jets, dtype=float).T
    found = label_jets(
        (eta, phi, np.array([0, len(jets)])), (*columns, np.array([0, len(partons)])), RADIUS
    )
    return [JET_CLASSES[each] if each >= 0 else None for each in found]


@pytest.mark.parametrize(
    ("partons", "expected"),
    [
        (boson(24, 2, -1), "W"),
        (boson(-24, 3, -4), "W"),
        (boson(23, 5, -5), "Z"),
        (boson(25, 5, -5), "Hbb"),
        (boson(25, 4, -4), "Hcc"),
        (boson(25, 21, 21), None),
        (boson(24, 11, -12), None),
        ([(1, 0, 0, -1)], "quark"),
        ([(-3, 0, 0, -1)], "quark"),
        ([(4, 0, 0, -1)], None),
        ([(21, 0, 0, -1)], "gluon"),
        ([(21, 0.5, 0, -1), (2, 0.1, 0, -1)], "quark"),
        ([(21, 0.1, 0, -1), (2, 0.5, 0, -1)], "gluon"),
        ([(21, 0.9, 0, -1)], None),
        # incoming partons are the mothers of the outgoing ones
        ([(21, 9.0, 0, -1), (2, -9.0, 0, -1), (2, 0.1, 0, 0), (21, 0.1, 3, 0)], "quark"),
        # copies of the boson between it and its decay
        ([(24, 0, 0, -1), (24, 0, 0, 0), (2, 0.1, 0, 1), (-1, -0.1, 0, 1)], "W"),
        # an unknown resonance is neither of the classes
        ([(9000002, 0, 0, -1), (1, 0.1, 0, 0), (-1, 0.2, 0, 0)], None),
        # one quark of the boson is lost: not even the gluon beside it counts
        ([(24, 0.5, 0, -1), (2, 0.2, 0, 0), (-1, 0.9, 0, 0), (21, 0.1, 0.1, -1)], None),
    ],
)
def test_one_jet_at_the_origin(partons: list[tuple], expected: str | None) -> None:
    assert label(partons, [(0.0, 0.0)]) == [expected]


def test_top_needs_its_three_quarks() -> None:
    assert label(TOP, [(0.0, 3.1)]) == ["top"]
    assert label(TOP, [(0.0, -3.1)]) == ["top"]  # across phi = pi
    far_b = [*TOP[:2], (5, -1.2, -3.1, 0), *TOP[3:]]
    assert label(far_b, [(0.1, 3.0)]) == ["W"]
    far_quark = [*TOP[:4], (-1, 1.5, 2.8, 1)]
    assert label(far_quark, [(0.0, 3.1)]) == [None]
    leptonic = [*TOP[:3], (-11, 0.2, 3.1, 1), (12, 0.1, 2.8, 1)]
    assert label(leptonic, [(0.0, 3.1)]) == [None]


def test_two_bosons_each_label_their_own_jet() -> None:
    partons = [
        (24, 0.0, 0.0, -1), (25, 0.0, 3.0, -1),
        (2, 0.1, 0.0, 0), (-1, 0.0, 0.2, 0), (5, 0.1, 3.0, 1), (-5, 0.0, 3.1, 1),
    ]  # fmt: skip
    assert label(partons, [(0.0, 0.0), (0.0, 3.0), (2.0, 1.5)]) == ["W", "Hbb", None]


def test_events_are_kept_apart() -> None:
    # The second event has no parton, the third one has only the first event's mirror image.
    found = label_jets(
        (np.zeros(3), np.zeros(3), np.array([0, 1, 2, 3])),
        (
            np.array([21, 1]), np.zeros(2), np.zeros(2), np.array([-1, -1]),
            np.array([0, 1, 1, 2]),
        ),
        RADIUS,
    )  # fmt: skip
    assert found.tolist() == [1, -1, 0]


def test_no_jets_no_labels() -> None:
    none = np.zeros(0)
    found = label_jets(
        (none, none, np.zeros(2, dtype=int)),
        (np.array([21]), np.zeros(1), np.zeros(1), np.array([-1]), np.array([0, 1])),
        RADIUS,
    )
    assert len(found) == 0
