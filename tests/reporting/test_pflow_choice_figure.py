"""Figure and tables of the choice of particle flow show what the results say."""

import json
from pathlib import Path

import pytest

from jetchain.core.io.tables import read_csv, write_result
from jetchain.core.schema.pflow_choice import (
    ChoiceLead,
    ChoiceMerit,
    ChosenSearch,
    ChosenTagger,
    RegionEvents,
    SearchChoice,
    TaggingChoice,
)
from jetchain.core.schema.taggers_compared import Lead
from jetchain.reporting import pflow_choice

NAMES = {"parametric": "parametric", "mlpf": "MLPF"}
MODELS, METHODS = {"pfn": "PFN"}, {"cwola": "CWoLa", "cathode": "CATHODE"}


def lead(value: float, error: float = 0.002) -> Lead:
    return Lead(value=value, error=error, significance=value / error if error else None)


def merit(auc: float) -> ChoiceMerit:
    return ChoiceMerit(auc=auc, auc_error=0.004, background_50=0.1, background_50_error=0.02)


@pytest.fixture
def results(tmp_path: Path) -> tuple[list[Path], list[Path]]:
    tagging = TaggingChoice(
        algorithm="mlpf", reference_jets=210, other_jets=205, common_jets=190,
        rows=[
            ChosenTagger(
                pair=pair, tagger="pfn", signal=40, background=60, reference=merit(0.9),
                applied=merit(0.87), own=merit(0.91),
                applied_lead=ChoiceLead(auc=lead(-0.03), background_50=lead(-0.05)),
                own_lead=ChoiceLead(auc=lead(0.01), background_50=lead(0.0, 0.0)),
            )
            for pair in ("W_vs_QCD", "top_vs_QCD")
        ],
    )  # fmt: skip
    events = RegionEvents(background=5000, injected=200, signal_test=900)
    search = SearchChoice(
        algorithm="mlpf", background_efficiency=0.01, reference=events, other=events,
        common=events.model_copy(update={"background": 4800}),
        rows=[
            ChosenSearch(
                method="cwola", reference=8.0, reference_error=0.4, other=7.5, other_error=0.5,
                lead=lead(-0.5, 0.2),
            ),
            ChosenSearch(
                method="cathode", reference=None, reference_error=None, other=None,
                other_error=None, lead=None,
            ),
        ],
    )  # fmt: skip
    paths = [tmp_path / "taggers.json"], [tmp_path / "searches.json"]
    write_result(paths[0][0], tagging)
    write_result(paths[1][0], search)
    return paths


def test_tables_say_what_the_results_say(results, tmp_path) -> None:
    tagged, searched = results
    table = tmp_path / "table.csv"
    pflow_choice.taggers(taggers=tagged, algorithms=NAMES, models=MODELS, table=table)
    rows = read_csv(table)
    assert rows["algorithm"].tolist() == ["MLPF"] * 2
    assert rows["common_jets"].tolist() == [190] * 2
    assert rows["own_auc_lead"].tolist() == [0.01] * 2
    assert rows["applied_auc_lead_sigma"].tolist() == [-15.0] * 2
    assert [str(each) for each in rows["own_background_50_lead_sigma"]] in (["", ""], ["nan"] * 2)
    pflow_choice.searches(searches=searched, algorithms=NAMES, methods=METHODS, table=table)
    rows = read_csv(table)
    assert rows["method"].tolist() == ["CWoLa", "CATHODE"]
    assert float(rows["reference"][0]) == 8.0
    assert float(rows["other_lead_error"][0]) == 0.2
    assert str(rows["reference"][1]) in ("", "nan")
    assert rows["common_background"].tolist() == [4800, 4800]


def test_the_figure_draws_leads_and_improvements(results, tmp_path) -> None:
    tagged, searched = results
    to = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png")}
    pflow_choice.figure(
        taggers=tagged, searches=searched, algorithms=NAMES, models=MODELS, methods=METHODS,
        reference="parametric", data=tmp_path / "figure.json", **to,
    )  # fmt: skip
    drawn = (tmp_path / "figure.json").read_text()
    assert json.loads(drawn)
    for words in ("PFN, MLPF, retrained", "as trained on parametric jets", "CWoLa"):
        assert words in drawn
    for value in (-0.03, 0.01, 8.0, 7.5):
        assert str(value) in drawn
    assert all(path.stat().st_size > 1000 for path in to.values())


def test_without_taggers_the_figure_says_so(results, tmp_path) -> None:
    _, searched = results
    pflow_choice.figure(
        taggers=[], searches=searched, algorithms=NAMES, models={}, methods=METHODS,
        reference="parametric", data=tmp_path / "figure.json", pdf=tmp_path / "f.pdf",
        png=tmp_path / "f.png",
    )  # fmt: skip
    assert "nothing to compare" in (tmp_path / "figure.json").read_text()
