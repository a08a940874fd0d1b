"""Regions of the dijet mass: half-open, so that neighbours share no event and leave none out."""

import itertools

import numpy as np

from jetchain.core.dijets import inside, sidebands

# On both edges, the nearest numbers on either side of them, and far away.
EDGES = np.array([2.8, 3.3, 3.7, 6.5])
MASSES = np.concatenate([EDGES, np.nextafter(EDGES, 0), np.nextafter(EDGES, 9), [1.0, 3.5, 8.0]])


def test_the_lower_edge_belongs_to_a_region_and_the_upper_one_does_not():
    assert inside(np.array([3.3, np.nextafter(3.7, 0), 3.5]), [3.3, 3.7]).all()
    assert not inside(np.array([np.nextafter(3.3, 0), 3.7, 8.0]), [3.3, 3.7]).any()


def test_neighbouring_regions_hold_every_event_of_the_range_once():
    pieces = [inside(MASSES, region) for region in itertools.pairwise(EDGES)]
    assert np.array_equal(np.sum(pieces, axis=0), inside(MASSES, (2.8, 6.5)).astype(int))
    side = sidebands(MASSES, (3.3, 3.7), (2.8, 6.5))
    assert np.array_equal(side, pieces[0] | pieces[2])
