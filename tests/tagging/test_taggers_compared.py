"""Comparisons of taggers: paired leads, and what a cut makes of the background's masses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from helpers.tagging import random_jets
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.metrics import rejection, resampled
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.taggers_compared import PairedMerits, Sculpting
from jetchain.core.schema.tagging import TAGGING_SCORES, TaggerMetrics
from jetchain.core.seeds import generator
from jetchain.tagging.class_settings import PairSettings
from jetchain.tagging.dependence import area, binned
from jetchain.tagging.evaluate import figures_of_merit
from jetchain.tagging.networks import build, forward_flops
from jetchain.tagging.paired import compare, paired
from jetchain.tagging.ranked import Ranked
from jetchain.tagging.scored import Scored
from jetchain.tagging.sculpting import EDGES, divergence, sculpted, sculpting
from jetchain.tagging.settings import ComparisonSettings

CLASSES = ["b", "s"]
PAIR = PairSettings(signal="s", background={"b": 1.0})
JETS = 400


def toy(strengths: tuple[float, ...], weighted: bool = False) -> list[Scored]:
    """Jets that taggers of these strengths have seen, with a noise of which they share a part."""
    random = np.random.default_rng(5)
    label = np.repeat([0, 1], JETS)
    weight = random.uniform(0.2, 2, 2 * JETS) if weighted else np.ones(2 * JETS)
    shared = random.normal(size=2 * JETS)
    found = []
    for strength in strengths:
        logit = strength * label + shared + 0.5 * random.normal(size=2 * JETS)
        signal = np.round(1 / (1 + np.exp(-logit)), 3)  # some are equal
        found.append(Scored(label, np.stack([1 - signal, signal], axis=1), weight, CLASSES))
    return found


def of_delong(truth: np.ndarray, scores: list[np.ndarray]) -> tuple[float, float]:
    """Difference of two AUC and its error, in closed form, without weights.

    DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837, by ranks.
    """
    above, below = [], []
    for score in scores:
        signal, background = score[truth == 1], score[truth == 0]
        every = rankdata(np.append(signal, background))
        above.append((every[: len(signal)] - rankdata(signal)) / len(background))
        below.append(1 - (every[len(signal) :] - rankdata(background)) / len(signal))
    first, second = above[0] - above[1], below[0] - below[1]
    variance = first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)
    return float(first.mean()), float(np.sqrt(variance))


def test_a_lead_has_the_error_of_delong() -> None:
    one, two = toy((1.5, 1.2))
    (row,) = compare({"one": one, "two": two}, "s_vs_b", PAIR, 400, 3)
    value, error = of_delong(one.label, [each.probability[:, 1] for each in (one, two)])
    assert row.auc.value == pytest.approx(value, abs=1e-12)
    assert row.auc.error == pytest.approx(error, rel=0.12)  # of 400 replicas: 3.5 %
    assert row.auc.significance == pytest.approx(row.auc.value / row.auc.error)
    apart = np.hypot(
        *(of_delong(one.label, [x.probability[:, 1], 0 * x.weight])[1] for x in (one, two))
    )
    assert row.auc.error < 0.7 * apart  # else it is not paired


@pytest.mark.parametrize("weighted", [False, True])
def test_merits_of_a_replica_are_those_of_scikit_learn(weighted: bool) -> None:
    (jets,) = toy((1.5,), weighted)
    score = jets.probability[:, 1]
    ranked = Ranked(jets.label, score, jets.weight)
    for times in resampled(jets.label, 3, np.random.default_rng(2)):
        assert times[:JETS].sum() == times[JETS:].sum() == JETS
        rows = np.repeat(np.arange(len(times)), times)
        drawn = (jets.label[rows], score[rows])
        area, *leaked = ranked.merits(times)
        assert area == pytest.approx(roc_auc_score(*drawn, sample_weight=jets.weight[rows]))
        for efficiency, found in zip((0.5, 0.3), leaked, strict=True):
            expected = 1 / rejection(*drawn, efficiency, jets.weight[rows])
            assert found == pytest.approx(expected)


def test_a_tagger_has_no_lead_over_itself_and_none_the_other_way_round() -> None:
    one, two = toy((2.0, 1.0))
    rows = compare({"a": one, "b": one, "c": two}, "s_vs_b", PAIR, 20, 3)
    assert [(row.first, row.second) for row in rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert (rows[0].auc.value, rows[0].auc.error, rows[0].auc.significance) == (0, 0, None)
    assert rows[1].auc == rows[2].auc
    (turned,) = compare({"c": two, "a": one}, "s_vs_b", PAIR, 20, 3)
    for name in ("auc", "background_50", "background_30"):
        assert getattr(turned, name).value == -getattr(rows[1], name).value != 0
        assert getattr(turned, name).error == pytest.approx(getattr(rows[1], name).error)
    assert rows[1].background_50.value > 0


def test_jensen_shannon_is_that_of_scipy_and_of_known_cases() -> None:
    random = np.random.default_rng(1)
    one, two = random.dirichlet(np.ones(9)), random.dirichlet(np.ones(9))
    assert divergence(one, two) == pytest.approx(jensenshannon(one, two, base=2) ** 2)
    assert divergence(one, one) == pytest.approx(0, abs=1e-12)
    assert divergence(np.array([1.0, 0]), np.array([0, 1.0])) == pytest.approx(1)
    # One bin of two is left: entropies of (3/4, 1/4), and half of one bit.
    quarter = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert divergence(np.array([0.5, 0.5]), np.array([1.0, 0])) == pytest.approx(quarter - 0.5)


def test_a_cut_that_knows_no_mass_sculpts_as_chance_does() -> None:
    random = np.random.default_rng(3)
    mass, weight = random.uniform(0, 260, 3000), random.uniform(0.5, 1.5, 3000)
    blind = sculpted(mass, weight, random.random(3000) < 0.1, 200, generator(1, "a"))
    assert blind.divergence is not None
    assert 0 < blind.divergence < 1.1 * (blind.chance_high or 0)
    # Of few of many jets by chance: (bins - 1) (1 / n - 1 / N) / (8 ln 2), as of a chi-squared.
    part = 1 / blind.passed - 1 / 3000
    expected = (len(EDGES) - 2) * part * (1 + 1 / 12) / (8 * np.log(2))  # weights flat in .5 to 1.5
    assert blind.chance == pytest.approx(expected, rel=0.2)
    window = sculpted(mass, weight, abs(mass - 80) < 10, 200, generator(1, "a"))
    assert (window.divergence or 0) > 20 * (window.chance_high or 1)
    for each in (blind, window):
        assert sum(each.before) == pytest.approx(1)
        assert sum(each.after) == pytest.approx(1)
    none = sculpted(mass, weight, mass < 0, 5, generator(1, "a"))
    assert (none.passed, none.divergence, none.chance_high) == (0, None, None)
    beyond = sculpted(mass + 1e4, weight, mass > 0, 5, generator(1, "a"))
    assert beyond.after[-1] == pytest.approx(1)


def written(folder: Path, jets: Scored, mass: np.ndarray) -> dict[str, Path]:
    """Files of `tagging.evaluate`, of a tagger that has the folder's name."""
    folder.mkdir()
    jet = np.zeros((len(mass), len(JET_COLUMNS)), np.float32)
    jet[:, JET_COLUMNS.index("msd")] = mass
    number = np.arange(len(mass))
    table = {"event_number": number, "jet_index": number.astype(np.int32), "label": jets.label}
    table |= {"weight": jets.weight, "jet": jet}
    table["probability"] = jets.probability.astype(np.float32)
    write_tensors(folder / "scores", TAGGING_SCORES, table)
    merit = figures_of_merit(jets, {"s_vs_b": PAIR}, 2, 1)
    about = {"model": folder.name, "feature_set": "full", "sees": "", "parameters": 1}
    write_result(
        folder / "metrics", TaggerMetrics(**dict(merit), **about, flops=1.0, training_jets=1)
    )
    return {"scores": folder / "scores", "metrics": folder / "metrics"}


def test_files_of_taggers_are_compared(tmp_path: Path) -> None:
    """One that cuts on the mass, one that does not."""
    blind, other = toy((2.0, 2.0))
    random = np.random.default_rng(1)
    mass = random.uniform(0, 200, 2 * JETS)
    mass[JETS:] = random.normal(80, 10, JETS)
    near = np.exp(-(((mass - 80) / 20) ** 2))
    sees = Scored(blind.label, np.stack([1 - near, near], axis=1), blind.weight, CLASSES)
    files = [written(tmp_path / name, jets, mass) for name, jets in (("z", blind), ("a", sees))]
    inputs = {name: [each[name] for each in files] for name in ("scores", "metrics")}
    settings = ComparisonSettings(bootstrap_replicas=20, pairs={"s_vs_b": PAIR})
    paired(**inputs, result=tmp_path / "paired", settings=settings, seed=1)
    (row,) = read_result(tmp_path / "paired", PairedMerits).rows
    assert (row.pair, row.first, row.second) == ("s_vs_b", "z", "a")
    sculpting(**inputs, result=tmp_path / "sculpting", settings=settings, seed=1)
    found = read_result(tmp_path / "sculpting", Sculpting)
    blind_one, seeing = (found.taggers[name]["s_vs_b"] for name in ("z", "a"))
    assert (blind_one.divergence or 1) < (blind_one.chance_high or 0)
    assert (seeing.divergence or 0) > 2 * (seeing.chance_high or 1)
    peak = np.argmax(seeing.after)
    assert 70 <= EDGES[peak] < 90
    moved = written(tmp_path / "moved", other, mass + 1)
    inputs["scores"][1] = moved["scores"]
    with pytest.raises(DataError, match="has other test jets"):
        paired(**inputs, result=tmp_path / "paired", settings=settings, seed=1)


def test_operations_are_those_of_the_layers() -> None:
    """PFN by hand: two a weight, of the first network for each real particle, of the other once."""
    torch.manual_seed(1)
    network = build("pfn", {"phi_sizes": [8, 6], "f_sizes": [5]}, inputs=17, classes=3)
    jets = random_jets([4, 1, 7], 9)
    phi, head = 2 * (17 * 8 + 8 * 6), 2 * (6 * 5 + 5 * 3)
    assert forward_flops(network, jets) == pytest.approx((12 * phi + 3 * head) / 3)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_area_of_a_bin_is_that_of_its_jets_alone(weighted: bool) -> None:
    (jets,) = toy((1.5,), weighted)
    score, edges = jets.probability[:, 1], np.array([0.0, 0.5, 1.0])
    values = np.random.default_rng(7).uniform(size=2 * JETS)
    values[0] = 1.0  # the upper edge counts
    bins = binned(values, edges)
    assert sum(map(len, bins)) == 2 * JETS
    for rows in bins:
        truth, seen, weight = jets.label[rows], score[rows], jets.weight[rows]
        found = area(truth, seen, weight, 200, np.random.default_rng(1))
        assert found.auc == pytest.approx(roc_auc_score(truth, seen, sample_weight=weight))
        if not weighted:
            _, error = of_delong(truth, [seen, 0 * weight])
            assert found.error == pytest.approx(error, rel=0.2)  # of 200 replicas: 5 %


def test_a_bin_of_few_jets_has_no_area() -> None:
    (jets,) = toy((1.5,))
    few = np.r_[0:JETS, JETS : JETS + 19]
    found = area(
        jets.label[few], jets.probability[few, 1], jets.weight[few], 9, np.random.default_rng(1)
    )
    assert (found.signal, found.background, found.auc, found.error) == (19, JETS, None, None)
