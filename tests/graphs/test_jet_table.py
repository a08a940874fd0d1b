"""Jets as flat columns: which constituents of which jets are taken, and in which order."""

import numpy as np
import pytest

from jetchain.graphs.jets import JetTable, leading
from jetchain.graphs.nodes import offsets


def table(pt_of_jets):
    """Jets of particles of these pT along x, whose numbers are not in the order of the jets."""
    number = [len(pt) for pt in pt_of_jets]
    pt = np.concatenate([np.zeros(0), *pt_of_jets])
    members = np.random.default_rng(1).permutation(len(pt))
    px = np.empty(len(pt))
    px[members] = pt
    jets = np.zeros(len(number), np.int64)
    particles = {"px": px, "py": np.zeros(len(pt))}
    return JetTable(jets, jets, jets, jets, {}, offsets(number), members, particles)


@pytest.mark.parametrize("most", [1, 2, 100])
def test_the_leading_constituents_are_taken_in_falling_pt_whatever_their_order(most):
    pt_of_jets = [[5.0, 3.0, 1.0], [], [1.0, 4.0, 2.0, 8.0], [7.0]]
    found = table(pt_of_jets)
    jets = np.array([2, 0, 1, 3])
    member, first = leading(found, jets, most)
    expected = [sorted(pt_of_jets[jet], reverse=True)[:most] for jet in jets]
    assert np.diff(first).tolist() == [len(pt) for pt in expected]
    assert found.particles["px"][member].tolist() == [pt for own in expected for pt in own]


def test_of_constituents_of_equal_pt_the_first_of_the_jet_comes_first():
    found = table([[2.0, 2.0, 3.0]])
    member, _ = leading(found, np.array([0]), 3)
    assert member.tolist() == found.members[[2, 0, 1]].tolist()
