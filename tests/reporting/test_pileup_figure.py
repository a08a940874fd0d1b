"""Figures and tables of the dependence on pile-up show what the results say."""

import json
from pathlib import Path

import pytest

from jetchain.core.io.tables import read_csv, write_result
from jetchain.core.schema.pflow_choice import AppliedTagger, ChoiceLead, ChoiceMerit
from jetchain.core.schema.pileup_dependence import PileupPoint, Shift, ShiftedJets
from jetchain.core.schema.taggers_compared import Lead
from jetchain.reporting import pileup_dependence

MODELS = {"pfn": "PFN"}


def point(mean: int, mitigation: str, auc: float) -> PileupPoint:
    lead = Lead(value=auc - 0.95, error=0.002, significance=(auc - 0.95) / 0.002)
    merits = [
        ChoiceMerit(auc=each, auc_error=0.004, background_50=0.1 + mean / 100,
                    background_50_error=0.02)
        for each in (0.95, auc)
    ]  # fmt: skip
    moved = Shift(bias=0.01 * mean, bias_error=0.003, resolution=0.07, resolution_error=0.002)
    return PileupPoint(
        mean=mean, mitigation=mitigation, reference_jets=400, other_jets=210, common_jets=200,
        rows=[
            AppliedTagger(
                pair=pair, tagger="pfn", signal=40, background=60, reference=merits[0],
                applied=merits[1], applied_lead=ChoiceLead(auc=lead, background_50=lead),
            )
            for pair in ("W_vs_QCD", "top_vs_QCD")
        ],
        shifts={
            "quark": ShiftedJets(jets=60, pt=moved, m=moved, msd=None),
            "top": ShiftedJets(jets=40, pt=moved, m=moved, msd=moved),
        },
    )  # fmt: skip


@pytest.fixture
def points(tmp_path: Path) -> list[Path]:
    found = [
        point(0, "none", 0.95), point(0, "puppi", 0.95), point(30, "none", 0.83),
        point(30, "puppi", 0.91),
    ]  # fmt: skip
    paths = [tmp_path / f"{each.mean}_{each.mitigation}.json" for each in found]
    for path, each in zip(paths, found, strict=True):
        write_result(path, each)
    return paths


def drawn_by(draw, folder: Path, **arguments) -> str:
    files = {kind: folder / f"figure.{kind}" for kind in ("pdf", "png")}
    draw(**arguments, **files, data=folder / "figure.json")
    assert all(path.stat().st_size > 1000 for path in files.values())
    text = (folder / "figure.json").read_text()
    assert json.loads(text)
    return text


@pytest.mark.parametrize(("merit", "values"), [("auc", (0.83, 0.91)), ("background_50", (0.4,))])
def test_figures_of_merit_are_drawn_against_the_mean(points, tmp_path, merit, values) -> None:
    drawn = drawn_by(
        pileup_dependence.taggers, tmp_path, points=points, taggers=MODELS, merit=merit
    )
    for words in ("PFN, nothing done", "PFN, PUPPI", pileup_dependence.MEAN):
        assert words in drawn
    for value in values:
        assert str(value) in drawn


@pytest.mark.parametrize(("number", "value"), [("bias", 0.3), ("resolution", 0.07)])
def test_masses_are_drawn_where_there_are_any(points, tmp_path, number, value) -> None:
    drawn = drawn_by(pileup_dependence.jets, tmp_path, points=points, number=number)
    assert "soft-drop mass, PUPPI" in drawn
    assert str(value) in drawn


def test_tables_say_what_the_results_say(points, tmp_path) -> None:
    table = tmp_path / "table.csv"
    pileup_dependence.tagger_table(points=points, taggers=MODELS, table=table)
    rows = read_csv(table)
    assert rows["mean"].tolist() == [0] * 4 + [30] * 4
    assert rows["mitigation"].tolist() == ["none", "none", "puppi", "puppi"] * 2
    assert rows["applied_auc"].tolist() == [0.95] * 4 + [0.83] * 2 + [0.91] * 2
    assert rows["applied_auc_lead"].tolist() == [0.0] * 4 + [-0.12] * 2 + [-0.04] * 2
    assert rows["applied_auc_lead_sigma"].tolist()[4:] == [-60.0] * 2 + [-20.0] * 2
    pileup_dependence.jet_table(points=points, table=table)
    rows = read_csv(table)
    assert rows["class"].tolist() == ["quark", "top"] * 4
    assert rows["m_bias"].tolist() == [0.0] * 4 + [0.3] * 4
    assert str(rows["msd_bias"][0]) in ("", "nan")
    assert float(rows["msd_resolution"][1]) == 0.07
