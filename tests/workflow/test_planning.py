"""The published scale, planned by a real dry run."""

import re
import time

import pytest
import yaml

from helpers.snakemake import HOUSE, planned_rules, snakemake
from jetchain.particleflow.calibration_settings import shower_calibration
from jetchain.plumbing import costs

pytestmark = pytest.mark.workflow


@pytest.mark.shared
def test_the_published_scale_is_planned_shard_by_shard(tmp_path):
    full = yaml.safe_load((HOUSE / "config/full.yaml").read_text())
    # The tiny configuration below it calibrates with one gun.
    full["particleflow"]["shower_calibration"] = {"samples": shower_calibration().samples}
    shards = {name: each["shards"] for name, each in full["generate"]["samples"].items()}
    assert sum(shards.values()) >= 1_000
    events = [
        each["shards"] * each["generation"]["events"]
        for each in full["generate"]["samples"].values()
    ]
    assert sum(events) >= 10_000_000
    guns = sum(count for name, count in shards.items() if "gun" in name) + shards["pion_20"]
    guns -= shards["particle_gun"]  # which validates particle flow
    begin = time.perf_counter()
    planned = planned_rules(tmp_path, overlay=full)  # with no target named: all
    print(f"{sum(planned.values())} jobs planned in {time.perf_counter() - begin:.0f} s")
    # What has no line yet asks for as much as the greediest that has one.
    measured = planned.keys() & costs.read().rules()
    assert len(measured) > 0.9 * len(planned), planned.keys() - measured
    # Named apart: whose events stay, and whose are removed after particle flow.
    planned["simulate_detector"] += planned["simulate_passing"]
    for rule in ("generate_sample", "simulate_detector", "untrained_particleflow"):
        assert planned[rule] == sum(shards.values()) - guns * (rule == "untrained_particleflow")
    assert planned["trained_particleflow"] == shards["quark"] + shards["top"]
    searched = shards["lhco_background"] + shards["lhco_signal"]
    assert planned["cluster_jets"] - planned["jet_graphs"] == searched


def test_a_run_that_the_machine_has_no_memory_for_does_not_start(tmp_path):
    target = "results/generate/top/summary.json"
    done = snakemake(tmp_path, target, options=("--resources", "mem_mb=10"))
    assert done.returncode == 1
    assert "A job of the rule generate_sample takes" in done.stdout
    assert "and 10 MB are free here" in done.stdout
    assert "--resources mem_mb=" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results/generate").exists()


def test_the_first_look_goes_through_every_room_with_few_jobs(tmp_path):
    quick = yaml.safe_load((HOUSE / "config/quick.yaml").read_text())
    planned = planned_rules(tmp_path, "quick", overlay=quick)
    named = " ".join(planned)
    for rule in ("generate_sample", "simulate_detector", "untrained_particleflow", "cluster_jets",
                 "jet_graphs", "train_tagger", "search_cwola", "fit_spectrum", "set_limits",
                 "simulate_firmware_rtl", "figure_overview"):  # fmt: skip
        assert rule in planned, named
    assert sum(planned.values()) < 160


def test_jobs_that_others_wait_for_come_first(tmp_path):
    done = snakemake(tmp_path, "results/jets/parametric/calibration.json", options=("--dry-run",))
    assert done.returncode == 0, done.stdout
    first = {}
    for job in re.split(r"\n(?:local)?rule ", done.stdout)[1:]:
        shard = re.search(r"wildcards: .*sample=(\w+), shard=(\d+)", job)
        priority = re.search(r"priority: (\d+)", job)
        name = (job.partition(":")[0], *(shard.groups() if shard else ()))
        first[name] = int(priority[1]) if priority else 0
    calibrating = [value for name, value in first.items() if name[1:] == ("dijets", "0000")]
    assert len(calibrating) == 4, "generated, simulated, reconstructed, clustered"
    assert calibrating == [3] * 4
    rest = {name: value for name, value in first.items() if name[1:] and name[2] != "0000"}
    others = [value for name, value in rest.items() if name[0].startswith("simulate")]
    generated = [value for name, value in rest.items() if name[0] == "generate_sample"]
    assert others
    assert max(others) < min(generated)


def test_the_longest_trainings_of_taggers_go_first(tmp_path):
    """So that the last one does not run alone; trees are fitted once, whatever the epochs."""
    epochs = {"efn": 20, "bdt": 20, "particlenet": 20, "part": 20, "pfn": 2000}
    models = {name: {"training": {"epochs": often}} for name, often in epochs.items()}
    overlay = {"tagging": {"models": models}}
    targets = [f"results/tagging/{name}/weights.safetensors" for name in epochs]
    done = snakemake(tmp_path, *targets, options=("--dry-run",), overlay=overlay)
    assert done.returncode == 0, done.stdout
    found = re.findall(r"wildcards: model=(\w+)\n +priority: (\d+)", done.stdout)
    priority = {name: int(value) for name, value in found}
    assert sorted(priority, key=priority.__getitem__) == list(epochs)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("results/anomaly/scan/strength/3300-3700/mu-1/seed0/injection.json",
         "injection.json: the strength '-1' must be a number from 0 to 1e+09."),
        ("results/anomaly/scan/strength/3300-3700/muNaN/seed0/injection.json",
         "muNaN/seed0/injection.json: no such file."),
        ("results/firmware/scan/deepsets/16-1e5.json",
         "16-1e5.json: the sparsity '1e5' must be a number from 0 to below 1."),
    ],
)  # fmt: skip
def test_a_target_without_a_number_is_refused_before_any_job(tmp_path, target, words):
    done = snakemake(tmp_path, target, options=("--dry-run",))
    assert done.returncode == 1
    assert words in done.stdout
    assert "Traceback" not in done.stdout


def test_a_misspelt_target_is_told_with_the_nearest(tmp_path):
    done = snakemake(tmp_path, "results/jets/parametric/qaurk/0000.root", "taging")
    assert done.returncode == 1
    assert "there is no sample 'qaurk'. Did you mean 'results/jets/parametric/quark" in done.stdout
    assert "taging: no such file. Did you mean 'tagging'?" in done.stdout
    assert "Traceback" not in done.stdout
