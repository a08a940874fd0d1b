"""Regions of the dijet mass: half-open, so that neighbours share no event and leave none out."""

import itertools

import numpy as np
import pytest

from helpers.dijets import dijet_tables
from jetchain.core.dijets import inside, read_dijets, read_scores, read_truth, sidebands
from jetchain.core.errors import DataError
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES

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


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("m_jj", 7, np.nan, "m_jj of 1 of 60 events is no finite number, the first of event 7"),
        ("features", (9, 2), np.inf, "features of 1 of 60 .*event 9: .* inf"),
        ("m_jj", 3, 0.0, "event 3 has the m_jj 0"),
        ("fold", 5, -1, "event 5 has the fold -1"),
    ],
)
def test_events_that_no_cut_or_fit_can_place_are_named(tmp_path, name, place, value, message):
    data, truth, _ = dijet_tables(background=50, injected=10, test=5)
    write_tensors(tmp_path / "data", DIJETS, data)
    write_tensors(tmp_path / "truth", DIJET_TRUTH, truth)
    read = read_dijets(tmp_path / "data")
    assert all(np.array_equal(read[each], data[each]) for each in data)
    assert np.array_equal(read_truth(tmp_path / "truth", read), truth["is_signal"])
    write_tensors(tmp_path / "none", DIJETS, {key: each[:0] for key, each in data.items()})
    assert len(read_dijets(tmp_path / "none")["m_jj"]) == 0  # all signal may be injected
    data[name][place] = value
    write_tensors(tmp_path / "data", DIJETS, data)
    with pytest.raises(DataError, match=message):
        read_dijets(tmp_path / "data")


def test_scores_that_are_no_numbers_and_truth_of_other_events_are_refused(tmp_path):
    data, truth, _ = dijet_tables(background=50, injected=10, test=5)
    score = np.ones((60, 2))
    score[4, 1] = np.nan  # a fold would lose all its events: no score is above such a threshold
    write_tensors(tmp_path / "scores", SCORES, {"event_id": data["event_id"], "score": score})
    with pytest.raises(DataError, match=r"score of 1 of 60 .*event 4"):
        read_scores(tmp_path / "scores", data)
    fewer = {key: values[:40] for key, values in truth.items()}
    write_tensors(tmp_path / "truth", DIJET_TRUTH, fewer)
    with pytest.raises(DataError, match="not those of the data"):
        read_truth(tmp_path / "truth", data)
