"""Captions of the documentation: filled in with what the figure's run was made with."""

import sys

import pytest

from helpers.snakemake import HOUSE
from jetchain.core.io.tables import write_json
from jetchain.plumbing.checksums import compute

sys.path.append(str(HOUSE / "docs" / "_ext"))
import from_run

CAPTION = HOUSE / "workflow" / "report" / "jet_mass.rst"
TABLE = "results/jets/parametric/summary.json"
NAME = "results/reporting/jets/jet_mass.png"
RULES = {
    "summarise_jets": {"verb": "jets.summarise", "settings": {"": "jets.summary"}, "members": []},
    "figure_jet_mass": {"verb": "reporting.jets.mass", "settings": {}, "members": []},
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run with jets of another radius and pT than in config/config.yaml, and its manifest."""
    folder = tmp_path / "results"
    monkeypatch.setenv("JETCHAIN_RESULTS", str(folder))
    figure = tmp_path / NAME
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"a figure")
    artefacts = {
        TABLE: {
            "rule": "summarise_jets",
            "settings": {"radius": 1.2, "pt_min": 111.0, "pt_max": 222.0},
            "parents": [],
        },
        NAME: {
            "rule": "figure_jet_mass",
            "settings": None,
            "parents": [TABLE],
            "sha256": compute(figure).sha256,
        },
    }
    return figure, artefacts


def write_manifest(figure, artefacts):
    write_json(
        figure.parents[2] / "provenance" / "manifest.json", {"artefacts": artefacts, "rules": RULES}
    )


def test_a_caption_has_the_values_of_the_run_that_made_the_figure(run):
    write_manifest(*run)
    text = " ".join(from_run.written_out(CAPTION, run[0]).split())
    assert "R = 1.2, 111 < pT < 222 GeV" in text


def test_a_run_that_does_not_say_is_refused(run):
    figure, artefacts = run
    with pytest.raises(from_run.RunError, match="no manifest"):
        from_run.written_out(CAPTION, figure)
    write_manifest(figure, {TABLE: artefacts[TABLE]})
    with pytest.raises(from_run.RunError, match=f"does not know {NAME}"):
        from_run.written_out(CAPTION, figure)


def test_a_setting_that_the_figure_does_not_depend_on_is_refused(run):
    figure, artefacts = run
    write_manifest(figure, artefacts | {NAME: artefacts[NAME] | {"parents": []}})
    with pytest.raises(from_run.RunError, match=r"jet_mass\.rst shows a setting"):
        from_run.written_out(CAPTION, figure)


def test_a_figure_that_the_manifest_does_not_describe_is_refused(run):
    figure, artefacts = run
    write_manifest(figure, artefacts)
    figure.write_bytes(b"another figure")
    with pytest.raises(from_run.RunError, match="not the file that the run's manifest describes"):
        from_run.written_out(CAPTION, figure)
