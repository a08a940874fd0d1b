"""A finished run explains itself, is verified, and goes on elsewhere with no job run."""

import json
import subprocess
import sys

import pytest

from helpers.snakemake import HOUSE, planned_rules, snakemake
from helpers.tiny import at_rest
from jetchain.core.errors import DataError
from jetchain.detector.settings import DetectorSettings
from jetchain.plumbing.provenance.manifest import read_manifest

pytestmark = pytest.mark.workflow

MANIFEST = "results/provenance/manifest.json"


def provenance(folder, *words):
    def once():
        done = subprocess.run(
            [sys.executable, "-m", "jetchain.provenance", "--directory", str(folder), *words],
            cwd=HOUSE, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if "A run is at work" in done.stdout:
            raise DataError(done.stdout, "")
        return done

    return at_rest(once)


def test_every_artefact_is_in_the_manifest_with_its_parents(tiny_run):
    entries = read_manifest(tiny_run / MANIFEST)
    results = tiny_run / "results"
    here = {
        str(path.relative_to(tiny_run))
        for path in results.rglob("*")
        if path.is_file() and path.relative_to(results).parts[0] not in ("logs", "provenance")
    }
    assert entries.keys() == here
    passing = tuple(f"results/detector/{name}/" for name in DetectorSettings().passing_samples)
    for path, entry in entries.items():
        gone = {each for each in entry["parents"] if each.startswith(passing)}
        assert set(entry["parents"]) - gone <= here, path
        assert not gone or path.startswith("results/particleflow/"), path
        assert entry["code"], path
        assert entry["settings"] is not None or "settings" not in entry["code"], path
    events = entries["results/generate/quark/0000.root"]
    assert events["settings"]["events"] == 40
    assert events["libraries"]["pythia8mc"] == "8.317.2"
    assert events["resources"].keys() == {"processes/quark.cmnd"}
    assert events["parents"] == []
    assert entries["results/jets/parametric/summary.json"]["parents"]


def test_a_finished_run_agrees_with_its_manifest(tiny_run):
    done = provenance(tiny_run, "verify")
    assert done.returncode == 0, done.stdout
    assert f"All {len(read_manifest(tiny_run / MANIFEST))} artefacts" in done.stdout


@pytest.mark.shared
def test_a_packed_run_goes_on_elsewhere_with_no_job_run(tiny_run, tmp_path):
    archive, elsewhere = tmp_path / "run.tar", tmp_path / "a" / "b" / "elsewhere"
    assert provenance(tiny_run, "pack", str(archive)).returncode == 0
    elsewhere.mkdir(parents=True)
    done = provenance(elsewhere, "unpack", str(archive))
    assert done.returncode == 0, done.stdout
    done = snakemake(elsewhere, "all")
    assert "Nothing to be done" in done.stdout
    overlay = {"inference": {"limits": {"level": 0.1}}}
    assert planned_rules(elsewhere, "all", overlay=overlay) == planned_rules(
        tiny_run, "all", overlay=overlay
    )


@pytest.mark.shared
def test_a_fork_analyses_the_same_simulation_with_another_configuration(tiny_run, tmp_path):
    target = tmp_path / "second"
    before = (tiny_run / MANIFEST).read_bytes()
    assert provenance(tiny_run, "fork", str(target)).returncode == 0
    assert "Nothing to be done" in snakemake(target, "all").stdout
    limits = "results/inference/cathode/limits.json"
    done = snakemake(target, limits, overlay={"inference": {"limits": {"level": 0.1}}})
    assert done.returncode == 0, done.stdout[-3000:]
    assert json.loads((target / limits).read_text())["level"] == 0.1
    assert json.loads((tiny_run / limits).read_text())["level"] != 0.1
    events = "results/generate/quark/0000.root"
    assert (target / events).samefile(tiny_run / events)
    assert (tiny_run / MANIFEST).read_bytes() == before
    assert provenance(tiny_run, "verify").returncode == 0


def explained(folder, tmp_path, overlay):
    (tmp_path / "overlay.yaml").write_text(json.dumps(overlay))
    done = subprocess.run(
        [
            "python", "-m", "jetchain.provenance", "explain", "--cores", "2",
            "--directory", str(folder), "all",
            "--configfile", "config/test.yaml", str(tmp_path / "overlay.yaml"),
        ],
        cwd=HOUSE, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_explain_says_that_nothing_would_run(tiny_run, tmp_path):
    assert "Nothing would run: all " in explained(tiny_run, tmp_path, {})


@pytest.mark.shared
def test_explain_names_the_key_the_jobs_and_the_time(tiny_run, tmp_path):
    overlay = {"inference": {"limits": {"level": 0.1}}, "tagging": {"training": {"epochs": 4}}}
    text = explained(tiny_run, tmp_path, overlay)
    assert "inference.limits.level: 0.05 -> 0.1\n      set_limits (4 jobs)" in text
    assert "tagging.training.epochs: 3 -> 4\n      train_tagger (2 jobs)" in text
    assert "and what lies below" in text
    assert "evaluate_tagger (2 jobs)" in text
    planned = sum(planned_rules(tiny_run, "all", overlay=overlay).values())
    first = text.partition("\n")[0]
    assert first.startswith(f"{planned - 1} of ")  # `all` itself is no job
    assert "about 0 s" not in first


@pytest.mark.shared
def test_explain_names_a_missing_file(copy, tmp_path):
    (copy / "results/jets/parametric/summary.json").unlink()
    (copy / "results/inference/disco/limits.json").unlink()
    text = explained(copy, tmp_path, {})
    assert "missing: results/jets/parametric/summary.json\n      summarise_jets" in text
    assert "missing: results/inference/disco/limits.json\n      set_limits disco" in text
    assert "never made" not in text


@pytest.mark.shared
def test_explain_names_more_shards(tiny_run, tmp_path):
    text = explained(tiny_run, tmp_path, {"generate": {"samples": {"quark": {"shards": 3}}}})
    assert "never made" in text
    assert "reads 1 more file (results/" in text


def test_explain_passes_on_what_snakemake_refuses(tmp_path):
    (tmp_path / "overlay.yaml").write_text("jets: {clusterin: 3}\n")
    done = subprocess.run(
        [sys.executable, "-m", "jetchain.provenance", "explain", "all",
         "--directory", str(tmp_path), "--configfile", str(tmp_path / "overlay.yaml")],
        cwd=HOUSE, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert "Did you mean 'clustering'?" in done.stdout
    assert "Snakemake cannot plan" in done.stdout


def test_the_run_as_an_ro_crate(tiny_run, tmp_path):
    target = tmp_path / "crate"
    assert provenance(tiny_run, "fork", str(target)).returncode == 0
    assert provenance(target, "crate").returncode == 0
    graph = json.loads((target / "results" / "ro-crate-metadata.json").read_text())["@graph"]
    entries = read_manifest(target / MANIFEST)
    files = {f"results/{each['@id']}" for each in graph if each["@type"] == "File"}
    assert entries.keys() <= files
    jobs = [each for each in graph if each["@type"] == "CreateAction"]
    names = {f"#{entry['job']}" for entry in entries.values()}
    assert {*names, "#run"} == {each["@id"] for each in jobs}
    assert all(each["startTime"] <= each["endTime"] for each in jobs)
