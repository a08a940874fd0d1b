"""The table of the taggers: medians of trainings; the errors of jets and of trainings apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jetchain.core.io.tables import read_csv, read_json, read_result, write_result
from jetchain.core.processor import processor
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.taggers_compared import BinnedArea, Dependence, TaggerTimes
from jetchain.core.schema.tagging import TaggerMetrics
from jetchain.core.verbs import Labels
from jetchain.reporting import tagger_table, taggers_compared
from jetchain.tagging.class_settings import PAIRS
from jetchain.tagging.dependence import VARIABLES
from jetchain.tagging.evaluate import figures_of_merit
from jetchain.tagging.models import MODELS, OWN
from jetchain.tagging.scored import Scored

RESOURCES = Path(__file__).parents[2] / "resources"
NAMES = Labels({"pfn": "PFN", "bdt": "BDT"})
TIMES = TaggerTimes(
    unit="ms", machine="", particles=64, mean_particles=45.0, training={"pfn": 0.5},
    inference={"pfn": 0.125}, fitted_once=["bdt"],
)  # fmt: skip


def trained(model: str, strength: float, seed: int) -> TaggerMetrics:
    """A tagger of this strength on 60 jets a class, the same ones but for their scores."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(JET_CLASSES)), 60)
    logits = random.normal(size=(len(label), 7)) + strength * np.eye(7)[label]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scored = Scored(label, probability, np.ones(len(label)), JET_CLASSES)
    sees = "kinematics" if model == "pfn" else "full"
    about = {"parameters": 9, "flops": 2.5e6, "training_jets": 100, "feature_set": sees,
             "sees": sees}  # fmt: skip
    return TaggerMetrics(**dict(figures_of_merit(scored, PAIRS, 10, 1)), **about, model=model)


@pytest.fixture
def made(tmp_path: Path) -> tuple[dict, dict[str, list[TaggerMetrics]]]:
    """The table's columns, and the trainings that it is of: three of the PFN, one of the trees."""
    trainings = {"pfn": [trained("pfn", 1.0, seed) for seed in (1, 2, 3)]}
    trainings["bdt"] = [trained("bdt", 9.0, 4)]
    files = {name: [tmp_path / f"{name}{n}" for n in range(len(each))]
             for name, each in trainings.items()}  # fmt: skip
    for name, paths in files.items():
        for path, result in zip(paths, trainings[name], strict=True):
            write_result(path, result)
    write_result(tmp_path / "times", TIMES)
    tagger_table.taggers(
        metrics=[paths[0] for paths in files.values()],
        repetitions=files["pfn"][1:],
        times=tmp_path / "times",
        published=RESOURCES / "published" / "tagging.json",
        taggers=NAMES,
        table=tmp_path / "table.csv",
    )
    return read_csv(tmp_path / "table.csv"), trainings


def test_numbers_are_medians_with_both_errors_apart(made) -> None:
    table, trainings = made
    pfn, bdt = 0, 1
    areas = [each.pairs["top_vs_QCD"].auc for each in trainings["pfn"]]
    values = [each.value for each in areas]
    assert table["auc"][pfn] == round(sorted(values)[1], 4)
    assert float(table["auc_bootstrap"][pfn]) == round(areas[0].std, 4)
    assert float(table["auc_trainings"][pfn]) == round(float(np.std(values, ddof=1)), 4)
    assert table["auc_trainings"][bdt] == ""
    first = trainings["pfn"][0].accuracy
    half = (first.high - first.low) / 2
    assert float(table["accuracy_bootstrap"][pfn]) == round(half, 4)
    accuracies = [each.accuracy.value for each in trainings["pfn"]]
    assert table["accuracy"][pfn] == round(sorted(accuracies)[1], 4)
    assert table["trainings"].tolist() == [3, 1]


def test_a_bound_is_printed_as_a_bound(made) -> None:
    table, trainings = made
    perfect = trainings["bdt"][0].pairs["top_vs_QCD"].rejection_30
    assert perfect.bound
    assert table["rejection_30"][1] == f"> {perfect.low:.0f}"
    assert table["rejection_30_high"][1] == ""


def test_times_and_published_numbers_stand_beside_the_taggers_that_have_them(made) -> None:
    table, _ = made
    assert table["training_jets_per_s"].tolist() == ["2e+03", ""]
    assert table["inference_jets_per_s"].tolist() == ["8e+03", ""]
    assert table["trained"].tolist() == ["in epochs", "in one fit"]
    assert table["published_auc"].tolist() == ["0.9819", ""]  # arXiv:2202.03772, table 3


def test_what_is_reached_is_drawn_against_what_it_takes(made, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    tagger_table.cost(table=tmp_path / "table.csv", **files)
    series = [each for each in read_json(files["data"])["axes"][0]["series"] if each["label"]]
    assert [each["label"] for each in series] == ["1 PFN"]  # the trees' time is not known
    assert series[0]["x"] == [0.5]


@pytest.mark.parametrize("variable", VARIABLES)
def test_bins_of_a_variable_are_drawn_and_empty_ones_are_not(
    made, tmp_path: Path, variable: str
) -> None:
    names = ["pfn0", "bdt0"]
    few = [BinnedArea(signal=9, background=9, auc=None, error=None)]
    areas = [BinnedArea(signal=50, background=60, auc=0.9, error=0.01)] * 3 + few
    write_result(
        tmp_path / "d",
        Dependence(
            edges={each: [0.0, 1.0, 2.0, 3.0, 4.0] for each in VARIABLES},
            taggers={
                name: {
                    pair: dict.fromkeys(VARIABLES, areas if pair == "top_vs_QCD" else 4 * few)
                    for pair in PAIRS
                }
                for name in NAMES
            },
        ),
    )
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    taggers_compared.dependence(
        dependence=tmp_path / "d", metrics=[tmp_path / name for name in names], taggers=NAMES,
        variable=variable, **files,
    )  # fmt: skip
    drawn = read_json(files["data"])["axes"][0]["series"]
    points = next(each for each in drawn if each["label"] == "BDT")
    assert points["y"] == pytest.approx([0.1] * 3)
    assert all(n < x < n + 1 for n, x in enumerate(points["x"]))


def test_the_stored_times_are_of_all_taggers() -> None:
    stored = read_result(RESOURCES / "measured" / "tagger_times.json", TaggerTimes)
    assert set(stored.training) == set(stored.inference) == {*MODELS} - {OWN}
    assert min(*stored.training.values(), *stored.inference.values()) > 0
    assert stored.machine


def test_the_processor_has_its_name(tmp_path: Path) -> None:
    about = tmp_path / "cpuinfo"
    about.write_text("processor\t: 0\nmodel name\t: Fast One\nmodel name\t: Fast One\n")
    assert processor(about) == "Fast One"
    assert processor(tmp_path / "none")
