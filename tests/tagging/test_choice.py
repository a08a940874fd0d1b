"""Taggers on jets of two algorithms of particle flow: which jets are the same, and their leads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.jetgraphs import write_toy_samples
from helpers.tagging import COMPARED, compared_files, make_dataset
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.pflow_choice import ChosenTagger, TaggingChoice
from jetchain.tagging.choice import choice, compare, matched
from jetchain.tagging.class_settings import PairSettings
from jetchain.tagging.scored import Scored
from jetchain.tagging.settings import FeatureSettings

PAIR = PairSettings(signal="s", background={"b": 1.0})
N = 20


def jets(*rows: tuple[str, int, int, float, float]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Jets of (sample, label, event, eta, phi) as a table of scores, and their samples."""
    table = np.zeros((len(rows), len(JET_COLUMNS)), np.float32)
    for column, place in (("eta", 3), ("phi", 4)):
        table[:, JET_COLUMNS.index(column)] = [row[place] for row in rows]
    label, event = (np.array([row[n] for row in rows]) for n in (1, 2))
    return {"label": label, "event_number": event, "jet": table}, np.array([r[0] for r in rows])


def test_the_same_true_jet_is_of_one_event_and_class_and_the_nearest() -> None:
    one, of_one = jets(
        ("quark", 0, 7, 0.0, 3.1),  # across phi = pi
        ("quark", 0, 7, 1.5, 0.0),  # two are near: the nearer one is it
        ("top", 1, 7, 0.0, 1.0),  # the same number, another sample
        ("quark", 0, 8, 0.0, 0.0),  # not within half of the radius
        ("quark", 0, 9, 0.0, 0.0),  # another class there
        ("quark", 0, 10, 0.0, 0.0),  # and that one's nearest is
        ("quark", 0, 10, 0.3, 0.0),  # this
    )
    other, of_other = jets(
        ("quark", 1, 9, 0.0, 0.0),
        ("quark", 0, 7, 1.6, 0.2),
        ("quark", 0, 7, 0.0, -3.1),
        ("quark", 0, 10, 0.25, 0.0),
        ("quark", 0, 7, 1.5, 0.1),
        ("top", 1, 7, 0.0, 1.1),
        ("quark", 0, 8, 0.41, 0.0),
    )
    rows = matched(one, other, of_one, of_other, radius=0.8)
    assert np.array_equal(np.stack(rows, axis=1), [[0, 2], [1, 4], [2, 5], [6, 3]])


def scored(low: list[int]) -> Scored:
    """N jets of each class; all of the signal rank above the background, but for those named."""
    label = np.repeat([1, 0], N)
    signal = np.where(label == 1, 0.9, 0.5) - 1e-3 * np.arange(2 * N)
    signal[low] = 0.1
    return Scored(label, np.stack([1 - signal, signal], axis=1), np.ones(2 * N), ["b", "s"])


def test_the_bootstrap_is_paired() -> None:
    # By hand: each misplaced jet of n costs 1/n of the area, t/n where a replica has it t times,
    # and t is binomial: the error of one is sqrt(1 - 1/n) / n. Jet 3, which both misplace, is no
    # part of the difference.
    three = {"reference": scored([3]), "applied": scored([3]), "own": scored([3, 8])}
    row = compare(ChosenTagger, three, "pfn", "s_vs_b", PAIR, 1000, 4)
    assert row is not None
    assert row.reference.auc == pytest.approx(1 - 1 / N)
    assert row.own.auc == pytest.approx(1 - 2 / N)
    one = np.sqrt(1 - 1 / N) / N
    assert row.reference.auc_error == pytest.approx(one, rel=0.09)  # of 1000 replicas: 2 %
    lead = row.own_lead.auc
    assert (lead.value, lead.error) == (pytest.approx(-1 / N), pytest.approx(one, rel=0.09))
    assert (row.signal, row.background) == (N, N)


def test_the_same_jets_differ_by_exactly_nothing() -> None:
    same = dict.fromkeys(("reference", "applied", "own"), scored([1]))
    row = compare(ChosenTagger, same, "pfn", "p", PAIR, 9, 4)
    assert row is not None
    for each in (row.applied_lead, row.own_lead):
        for lead in (each.auc, each.background_50):
            assert (lead.value, lead.error, lead.significance) == (0.0, 0.0, None)


def test_too_few_jets_have_no_row() -> None:
    rows = np.r_[:4, N : 2 * N]  # four of the signal
    whole = scored([1])
    few = Scored(whole.label[rows], whole.probability[rows], whole.weight[rows], whole.classes)
    three = dict.fromkeys(("reference", "applied", "own"), few)
    assert compare(ChosenTagger, three, "pfn", "s_vs_b", PAIR, 9, 4) is None


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """The same jets and scores, as the reference's and as the other algorithm's."""
    found = compared_files(tmp_path)
    return found | {"own": found["reference"], "result": tmp_path / "result.json"}


def test_an_algorithm_beside_itself_has_all_jets_and_no_lead(files, tmp_path) -> None:
    choice(**files, algorithm="parametric", settings=COMPARED, seed=1)
    found = read_result(files["result"], TaggingChoice)
    assert found.reference_jets == found.other_jets == found.common_jets > 100
    (row,) = found.rows
    assert row.reference == row.applied == row.own
    assert row.own_lead.auc.value == row.own_lead.auc.error == row.own_lead.background_50.error == 0


def test_scores_of_other_jets_are_refused(files, tmp_path) -> None:
    graphs = write_toy_samples(tmp_path / "others", 80)
    settings = FeatureSettings(particles=8, test_fraction=0.5, validation_fraction=0.2)
    made = make_dataset(tmp_path / "apart", graphs, settings)
    others = {"other_dataset": made["dataset"], "other_jets": made["jets"]}
    with pytest.raises(DataError, match="different test jets"):
        choice(**files | others, algorithm="mlpf", settings=COMPARED, seed=1)
