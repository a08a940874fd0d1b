"""What a figure shows: jets, events and luminosity, as the run's tables state them."""

import pytest

from jetchain.core.io.tables import write_json
from snakemake_report_plugin_jetchain.contents import contents
from snakemake_report_plugin_jetchain.rooms import REPORTING

TABLES = {
    "tagging/pfn/metrics.json": {
        "training_jets": 900, "confusion": {"counts": [[300, 20], [30, 1250]]},
    },
    "tagging/mine/metrics.json": {
        "training_jets": 900, "confusion": {"counts": [[280, 40], [10, 1270]]},
    },
    "anomaly/metrics.json": {"background_events": 5012, "signal_events_evaluated": 340},
    "anomaly/cutflow.json": {"injected_events": 150, "data": 20150},
    "background/normalisation.json": {"luminosity_fb": 0.0314},
    "firmware/mlp/latency.json": {"test_jets": 1},
}  # fmt: skip
TAGGERS = ["results/tagging/pfn/metrics.json", "results/tagging/mine/metrics.json"]
SEARCH = "pseudo-data of 20,150 events, 31 pb⁻¹"
SCORES = "5,012 background and 340 signal events of the signal region"


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, table in TABLES.items():
        write_json(tmp_path / "results" / name, table)
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("name", "tables", "text"),
    [
        ("tagging/tagging_roc.png", TAGGERS, "1,600 test jets"),
        ("tagging/tagging_performance.csv", TAGGERS[:1], "1,600 test jets"),
        ("tagging/tagging_history.png", TAGGERS, "900 training jets"),
        ("anomaly/significance_improvement.png", ["results/anomaly/metrics.json"], SCORES),
        ("background/abcd_disco.png", ["results/background/disco/plane.csv"], SEARCH),
        ("inference/limits.png", ["results/inference/cwola/limits.json"], SEARCH),
        ("firmware/firmware_summary.png", [], "1 test jet of the trigger tagger"),
        ("firmware/firmware_weights_mlp.png", [], ""),
        ("jets/jet_mass.png", [], ""),
        ("overview.png", TAGGERS,
         f"1,600 test jets; {SCORES}; {SEARCH}; 1 test jet of the trigger tagger"),
    ],
)  # fmt: skip
def test_a_figure_says_what_its_tables_state(name, tables, text):
    assert contents(REPORTING / name, tables) == text


def test_taggers_that_were_evaluated_on_other_jets_are_told_apart(run):
    write_json(run / "tagging/mine/metrics.json", {"confusion": {"counts": [[70]]}})
    shown = contents(REPORTING / "tagging/tagging_roc.png", TAGGERS)
    assert shown == "70 test jets, 1,600 test jets"


def test_tables_that_are_not_there_state_nothing(run):
    (run / "background/normalisation.json").unlink()
    assert contents(REPORTING / "background/abcd_disco.png", []) == "pseudo-data of 20,150 events"
    (run / "anomaly/cutflow.json").unlink()
    assert contents(REPORTING / "background/abcd_disco.png", []) == ""
    (run / "anomaly/metrics.json").unlink()
    assert not contents(REPORTING / "anomaly/significance_improvement.png", [])
