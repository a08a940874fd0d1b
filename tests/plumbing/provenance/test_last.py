"""The configuration of the last run is remembered; going back to the defaults takes a word."""

from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from jetchain.core.errors import ConfigurationError
from jetchain.core.io.tables import read_json
from jetchain.plumbing.configuration import Configuration, load
from jetchain.plumbing.provenance import last, manifest
from snakemake_report_plugin_jetchain.origin import origin

SEED = {"seed": 7, "jets": {"summary": {"mass_bins": 20}}}
SAMPLE = {"generate": {"samples": {"mine": {"generation": {"process": "quark", "events": 10}}}}}
# A class is taken out with the pairs that need it, and a pair alone.
WITHOUT = {"tagging": {"classes": {"Hcc": None}, "pairs": {"Hbb_vs_top": None}}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def used(overlay):
    values = Configuration().model_dump(mode="json")
    update_config(values, overlay)
    return load(values)


def run(overlay, *files):
    last.begin(used(overlay), overlay, [Path(file) for file in files])


@pytest.mark.parametrize("overlay", [{}, SEED, SAMPLE, WITHOUT])
def test_what_is_remembered_makes_the_same_configuration(overlay):
    run(overlay)
    kept = yaml.safe_load(last.LAST.read_text())
    assert used(kept) == used(overlay) == last.configuration()
    run(kept, last.LAST)


def test_a_class_that_was_taken_out_does_not_come_back_silently():
    run(WITHOUT)
    assert "Hcc" not in last.configuration().tagging.classes
    with pytest.raises(ConfigurationError, match=r"tagging\.classes\.Hcc \(was None\)"):
        run({})


def test_the_code_of_a_users_network_is_looked_at_by_every_plan():
    """Remembered, it would hide a change of the code from a run that goes on with this file."""
    code = Path("mynets.py")
    code.write_text("def net(inputs, classes): return 1\n")
    own = {"tagging": {"taggers": ["pfn", "own"], "models": {"own": {"network": "mynets.net"}}}}
    run(own)
    before = last.configuration().tagging.models.own.sources
    code.write_text("def net(inputs, classes): return 2\n")
    assert last.read() == own
    assert last.configuration().tagging.models.own.sources != before


def test_the_manifest_carries_it():
    manifest.write_manifest()
    assert read_json(manifest.MANIFEST)["configuration"] is None
    run(SEED)
    manifest.write_manifest()
    assert read_json(manifest.MANIFEST)["configuration"] == SEED


@pytest.mark.parametrize(
    ("overlay", "lost"),
    [
        ({}, ["seed (was 7)", "jets.summary.mass_bins (was 20)"]),
        ({"seed": 8}, ["jets.summary.mass_bins (was 20)"]),
        ({"jets": {"summary": {"mass_bins": 30}}}, ["seed (was 7)"]),
    ],
)
def test_a_forgotten_overlay_is_refused_with_its_keys(overlay, lost):
    run(SEED)
    with pytest.raises(ConfigurationError, match=r"config/config\.yaml") as error:
        run(overlay)
    for key in ("seed (was 7)", "jets.summary.mass_bins (was 20)"):
        assert (key in error.value.cause) == (key in lost)
    assert last.read() == SEED


@pytest.mark.parametrize(
    ("before", "overlay", "files"),
    [
        ({}, SEED, []),
        (SEED, SEED, []),
        (SEED, SEED | {"jets": {"summary": {"mass_bins": 30}}}, []),
        (SEED, SEED | {"seed": Configuration().seed}, []),
        (SEED, {}, ["config/config.yaml"]),
        (SAMPLE, {}, []),
    ],
)
def test_going_on_and_a_word_to_go_back(before, overlay, files):
    run(before)
    run(overlay, *files)
    assert last.configuration() == used(overlay)


def test_the_report_states_the_runs_own_configuration():
    assert not origin({}, [], Path()).remembered
    run(SEED)
    found = origin({}, [], Path())
    assert found.remembered
    assert {(each.path, each.used) for each in found.changes} == {
        ("seed", "7"),
        ("jets.summary.mass_bins", "20"),
    }
