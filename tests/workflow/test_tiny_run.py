"""The tiny configuration for real, through every room; then what a user does to a finished run."""

import os
import re

import pytest

from helpers.snakemake import planned_rules, snakemake
from jetchain.core.io.tables import read_json

pytestmark = pytest.mark.workflow


def test_every_room_leaves_its_results_and_every_figure_comes_thrice(tiny_run):
    rooms = {path.name for path in (tiny_run / "results").iterdir()}
    assert rooms >= {
        "generate", "detector", "particleflow", "jets", "graphs", "tagging", "anomaly",
        "background", "inference", "firmware", "reporting",
    }  # fmt: skip
    figures = sorted((tiny_run / "results" / "reporting").rglob("*.png"))
    assert len(figures) >= 15
    for figure in figures:
        assert figure.with_suffix(".pdf").stat().st_size > 1000, figure
        assert figure.stat().st_size > 5000, figure
        shown = read_json(figure.with_suffix(".json"))["axes"]
        numbers = [
            value for axes in shown for series in axes["series"] for value in series.values()
        ]
        assert any(isinstance(value, list) and value for value in numbers), figure
        # A wildcard that was not filled in stands as it is. Formulas have braces of their own.
        words = [re.sub(r"\$.*?\$", "", text) for axes in shown for text in axes["titles"]]
        assert not [text for text in words if "{" in text], figure


def test_a_second_run_has_nothing_to_do(tiny_run):
    done = snakemake(tiny_run, "all")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_the_default_profile_is_used(tiny_run):
    done = snakemake(tiny_run, "all")
    assert "Using workflow specific profile" in done.stdout
    assert "profiles/default" in done.stdout


def test_a_touched_file_reruns_nothing(copy):
    for path in (copy / "results").rglob("*"):
        os.utime(path)
    assert planned_rules(copy, "all") == {}


def test_a_figure_that_lost_its_png_pdf_or_data_is_drawn_again(copy):
    lost = {"jet_mass": "png", "jet_response": "pdf", "jet_substructure": "json"}
    for figure, kind in lost.items():
        (copy / "results" / "reporting" / "jets" / f"{figure}.{kind}").unlink()
    assert planned_rules(copy, "all") == {"all": 1, **{f"figure_{name}": 1 for name in lost}}


def test_a_changed_key_reruns_what_depends_on_it_and_nothing_above(tiny_run):
    planned = planned_rules(tiny_run, "all", overlay={"inference": {"limits": {"level": 0.1}}})
    rooms = " ".join(planned)
    assert planned
    assert "limits" in rooms
    for above in ("generate", "detector", "simulate", "cluster", "train", "cathode"):
        assert above not in rooms, planned


def test_another_root_seed_reruns_the_generation(tiny_run):
    planned = planned_rules(tiny_run, "all", overlay={"seed": 3})
    assert any("generate" in rule for rule in planned), planned


@pytest.mark.parametrize(
    ("overlay", "messages"),
    [
        (
            {"jets": {"clustering": {"pt_minimum": 3.0}}},
            ["jets.clustering.pt_minimum: unknown key. Did you mean 'pt_min'?"],
        ),
        (
            {"jets": {"clustering": {"pt_min": -3.0}}},
            ["jets.clustering.pt_min", "greater than", "(got -3.0)"],
        ),
        (
            {"generate": {"samples": {"quark": {"generation": {"process": "qark"}}}}},
            ["generate.samples.quark.generation.process", "Did you mean 'quark'?"],
        ),
        (
            {"tagging": {"models": {"particlenett": {}}}},
            ["tagging.models", "Did you mean 'particlenet'?"],
        ),
        ({"generate": {"samples": None}}, ["generate.samples"]),
    ],
)
def test_a_wrong_configuration_is_refused_before_any_job(tmp_path, overlay, messages):
    done = snakemake(tmp_path, "all", overlay=overlay)
    assert done.returncode != 0
    for message in messages:
        assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("generation", "messages"),
    [
        ({"overrides": ["HardQCD:al = on"]}, ["HardQCD:al", "Remedy:"]),
        ({"overrides": ["HardQCD:all = off", "HardQCD:gg2qqbar = off"]}, []),
        (
            {"filter": {"jet_pt_min": 6000.0}},
            ["Sample 'quark'", "by the filter", "Remedy:"],
        ),
    ],
)
def test_a_sample_that_cannot_be_made_stops_its_job_only(tmp_path, generation, messages):
    target = "results/generate/quark/summary.json"
    overlay = {"generate": {"samples": {"quark": {"generation": generation}}}}
    done = snakemake(tmp_path, target, overlay=overlay)
    assert (done.returncode != 0) is bool(messages)
    for message in messages:
        assert message in done.stdout
    assert (tmp_path / target).exists() is not bool(messages)
