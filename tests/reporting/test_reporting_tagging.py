"""Figures and tables of the taggers, from small result tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jetchain.core.histograms import save_histograms
from jetchain.core.io.tables import read_csv, read_json, read_result, write_csv, write_result
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.taggers_compared import Calibrations, PairedMerits, Sculpting
from jetchain.core.schema.tagging import TAGGING_FEATURES, TaggerMetrics
from jetchain.core.verbs import Labels
from jetchain.reporting import explanation, taggers_compared, tagging
from jetchain.tagging.calibration import reliability
from jetchain.tagging.class_settings import PAIRS
from jetchain.tagging.evaluate import distributions, figures_of_merit, roc_bands
from jetchain.tagging.paired import compare
from jetchain.tagging.scored import Scored
from jetchain.tagging.sculpting import EDGES, sculpted

NAMES = Labels({"pfn": "PFN", "particlenet_kinematics": "ParticleNet, kinematics"})
PUBLISHED = Path(__file__).parents[2] / "resources" / "published" / "tagging.json"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Results of two taggers of unequal strength on 60 jets a class."""
    files: dict[str, list[Path]] = {
        "metrics": [], "curves": [], "histories": [], "histograms": []
    }  # fmt: skip
    random = np.random.default_rng(1)
    label = np.repeat(np.arange(len(JET_CLASSES)), 60)
    for model, strength in (("pfn", 1.0), ("particlenet_kinematics", 6.0)):
        folder = tmp_path_factory.mktemp(model)
        logits = random.normal(size=(len(label), 7)) + strength * np.eye(7)[label]
        probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        for name, paths in files.items():
            paths.append(folder / name)
        jets = Scored(label, probability, np.ones(len(label)), JET_CLASSES)
        merit = figures_of_merit(jets, PAIRS, 10, 1)
        write_result(
            folder / "metrics",
            TaggerMetrics(
                **dict(merit),
                model=model,
                parameters=9,
                flops=2.5e6,
                training_jets=100,
                feature_set=model.partition("_")[2] or "full",
                sees="",
            ),
        )
        write_csv(folder / "curves", roc_bands(jets, PAIRS, 9, 10, 1))
        save_histograms(folder / "histograms", distributions(jets, PAIRS))
        losses = {"epoch": [1, 2], "train_loss": [2.0, 1.0], "validation_loss": [1.5, 1.6]}
        write_csv(folder / "histories", losses)
    return files


@pytest.mark.parametrize("figure", ["roc", "confusion", "history", "scores"])
def test_figures_are_drawn(results: dict[str, list[Path]], tmp_path: Path, figure: str) -> None:
    inputs: dict[str, dict] = {
        "roc": {"metrics": results["metrics"], "curves": results["curves"],
                "published": PUBLISHED},
        "confusion": {"metrics": results["metrics"][1]},
        "history": {"metrics": results["metrics"], "histories": results["histories"]},
        "scores": {"metrics": results["metrics"][0], "histograms": results["histograms"][0]},
    }  # fmt: skip
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    getattr(tagging, figure)(**inputs[figure], taggers=NAMES, **files)
    assert files["png"].read_bytes().startswith(b"\x89PNG")
    assert files["pdf"].read_bytes().startswith(b"%PDF")
    assert files["png"].stat().st_size > 10_000


def test_many_taggers_are_drawn_and_told_apart_without_colour(
    results: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagging, "save_figure", lambda figure, *files: kept.append(figure))
    kept: list = []
    number = 21
    tagging.roc(
        metrics=results["metrics"][:1] * number, curves=results["curves"][:1] * number,
        published=PUBLISHED, taggers=NAMES, pdf=tmp_path, png=tmp_path, data=tmp_path,
    )  # fmt: skip
    kept[0].draw_without_rendering()
    for ax in kept[0].axes[:7]:
        legend = ax.get_legend().get_window_extent()
        assert legend.y1 < ax.get_window_extent().y0  # it hides no curve
        curves = [line for line in ax.get_lines() if "AUC" in str(line.get_label())]
        looks = {
            (line._unscaled_dash_pattern, line.get_marker(), line.get_fillstyle())
            if line.get_marker() != "None" else line._unscaled_dash_pattern
            for line in curves
        }  # fmt: skip
        assert len(curves) == len(looks) == number


def test_performance_lists_every_pair_of_every_tagger(
    results: dict[str, list[Path]], tmp_path: Path
) -> None:
    tagging.performance(metrics=results["metrics"], table=tmp_path / "table.csv")
    table = read_csv(tmp_path / "table.csv")
    truth = read_result(results["metrics"][1], TaggerMetrics).pairs["top_vs_QCD"]
    row = (table["model"] == "particlenet_kinematics") & (table["pair"] == "top_vs_QCD")
    assert len(table["pair"]) == 2 * 7
    assert table["auc"][row] == round(truth.auc.value, 4)
    assert table["background_jets"][row] == 120
    assert table["rejection_50_bound"][row] == 1  # no background passes the strong tagger
    assert table["rejection_50_passed"][row] == 0
    weak = (table["model"] == "pfn") & (table["pair"] == "top_vs_QCD")
    assert table["rejection_50_passed"][weak] > 0


def test_comparison_puts_sources_beside_all_numbers(
    results: dict[str, list[Path]], tmp_path: Path
) -> None:
    tagging.comparison(
        metrics=results["metrics"], published=PUBLISHED, taggers=NAMES,
        table=tmp_path / "table.csv",
    )  # fmt: skip
    table = read_csv(tmp_path / "table.csv")
    # Not the PFN, which sees more than the published ones.
    assert table["model"][0] == "ParticleNet, kinematics"
    assert table["rejection_30"][0].startswith("> ")
    assert (table["parameters"][0], table["MFLOP"][0]) == ("9", "2.5")
    assert all(source for source in table["source"])
    published = table["model"].tolist().index("ParticleNet")
    assert table["source"][table["model"].tolist().index("PFN")] == "arXiv:2202.03772"
    assert table["rejection_50"][published] == "397 +- 7"  # arXiv:2202.03772
    assert table["source"][published] == "arXiv:2202.03772"


def test_names_and_published_points_are_those_of_the_taggers_given(
    results: dict[str, list[Path]], tmp_path: Path
) -> None:
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    inputs = {"metrics": results["metrics"], "curves": results["curves"], "published": PUBLISHED}
    names = Labels({"pfn": "my network", "particlenet_kinematics": "ParticleNet, kinematics"})
    tagging.roc(**inputs, taggers=names, **files)
    drawn = {series["label"] for series in read_json(files["data"])["axes"][0]["series"]}
    assert "ParticleNet, published" in drawn
    assert any(name and name.startswith("my network, AUC") for name in drawn)
    assert not any(name and name.startswith("PFN") for name in drawn)
    with pytest.raises(KeyError, match="particlenet"):
        tagging.roc(**inputs, taggers=Labels({"pfn": "PFN"}), **files)


def test_comparisons_are_drawn_with_bounds_marked(
    results: dict[str, list[Path]], tmp_path: Path
) -> None:
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    taggers_compared.rejections(metrics=results["metrics"], taggers=NAMES, **files)
    drawn = read_json(files["data"])["axes"][0]["series"]
    assert any(each["label"] == "PFN" for each in drawn)
    assert any(each["label"] == "ParticleNet, kinematics, lower bound" for each in drawn)
    random = np.random.default_rng(1)
    mass = random.exponential(60, 300)
    of_pair = {
        pair: sculpted(mass, np.ones(300), mass > cut, 5, random)
        for pair, cut in zip(PAIRS, (1000, 80, 0, 0, 0, 0, 0), strict=True)
    }
    write_result(
        tmp_path / "sculpting",
        Sculpting(
            signal_efficiency=0.5, edges=EDGES.tolist(),
            taggers=dict.fromkeys(NAMES, of_pair),
        ),
    )  # fmt: skip
    taggers_compared.sculpting(
        sculpting=tmp_path / "sculpting", metrics=results["metrics"], taggers=NAMES, **files
    )
    drawn = read_json(files["data"])["axes"][0]["series"]
    assert any(each["label"] == "PFN: none passes" for each in drawn)
    taggers_compared.decorrelation(
        sculpting=tmp_path / "sculpting", metrics=results["metrics"], taggers=NAMES, **files
    )
    first, second, *_ = read_json(files["data"])["axes"]
    assert any(each["label"] == "PFN: none passes" for each in first["series"])
    (point,) = (each for each in second["series"] if each["label"] == "PFN")
    pair = list(PAIRS)[1]
    merit = read_result(results["metrics"][0], TaggerMetrics).pairs[pair]
    assert point["x"] == [pytest.approx(merit.rejection_50.value)]
    assert point["y"] == [pytest.approx(of_pair[pair].divergence)]


def test_a_calibration_is_drawn_and_tabled(results: dict[str, list[Path]], tmp_path: Path) -> None:
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    outputs = np.linspace(0, 0.5, 30)  # none above
    one = reliability(outputs, outputs > 0.3, np.ones(30), 3, 1)
    of_class = dict.fromkeys(JET_CLASSES, one)
    write_result(
        tmp_path / "calibration",
        Calibrations(edges=[0.0, 1.0], taggers=dict.fromkeys(NAMES, of_class)),
    )
    taggers_compared.calibration(
        calibration=tmp_path / "calibration", metrics=results["metrics"], taggers=NAMES, **files
    )
    drawn = read_json(files["data"])["axes"]
    assert any(each["label"].startswith("PFN: ") for each in drawn[6]["series"] if each["label"])
    taggers_compared.calibration_errors(
        calibration=tmp_path / "calibration", table=tmp_path / "table.csv"
    )
    table = read_csv(tmp_path / "table.csv")
    assert sorted(set(table["model"])) == sorted(NAMES)
    assert table["calibration_error"] == pytest.approx([one.error] * 14, abs=1e-5)


def test_a_learning_curve_has_a_point_a_training(
    results: dict[str, list[Path]], tmp_path: Path
) -> None:
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    parts = []
    for path in results["metrics"]:
        result = read_result(path, TaggerMetrics)
        for number in (50, 25):
            parts.append(tmp_path / f"{result.model}_{number}")
            write_result(parts[-1], result.model_copy(update={"training_jets": number}))
    taggers_compared.learning(metrics=results["metrics"], parts=parts, taggers=NAMES, **files)
    drawn = read_json(files["data"])["axes"][0]["series"]
    assert next(each["x"] for each in drawn if each["label"] == "PFN") == [25, 50, 100]


@pytest.mark.parametrize("number", [1, 2])
def test_leads_stand_in_a_table(tmp_path: Path, number: int) -> None:
    random = np.random.default_rng(1)
    label = np.repeat(np.arange(len(JET_CLASSES)), 20)
    scored = {}
    for name in ("pfn", "particlenet")[:number]:
        probability = random.dirichlet(np.ones(7), len(label))
        scored[name] = Scored(label, probability, np.ones(len(label)), JET_CLASSES)
    rows = compare(scored, "top_vs_QCD", PAIRS["top_vs_QCD"], 10, 1)
    write_result(tmp_path / "paired", PairedMerits(rows=rows))
    taggers_compared.paired(paired=tmp_path / "paired", table=tmp_path / "table.csv")
    table = read_csv(tmp_path / "table.csv")
    assert len(table["pair"]) == number - 1
    if rows:
        assert table["auc_lead"][0] == round(rows[0].auc.value, 4)
        assert table["auc_lead_sigma"][0] == round(rows[0].auc.significance or 0, 1)


def test_every_feature_has_a_displayed_name() -> None:
    assert tuple(explanation.FEATURES) == TAGGING_FEATURES


@pytest.mark.parametrize(
    ("errors", "places"),
    [([0.2, 0.4, 3.0], 2), ([0.004, 0.006, 0.2], 3), ([1e-5, 2e-5], 4), ([0.0], 2), ([], 2)],
)
def test_shares_are_written_with_as_many_places_as_their_errors_allow(
    errors: list[float], places: int
) -> None:
    assert explanation.decimals(errors) == places
