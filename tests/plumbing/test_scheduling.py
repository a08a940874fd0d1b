"""What rules ask for, and what a run is refused for."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from helpers.snakemake import HOUSE
from jetchain.core.errors import ResourceError
from jetchain.plumbing import scheduling
from jetchain.plumbing.rules import BOOK, Record
from jetchain.plumbing.scheduling import (
    GROUPS,
    Planner,
    require_disk,
    require_memory,
    results_folder,
    wants_gpu,
)

CONFIGURATION = {
    "generate": {
        "samples": {
            "top": {"generation": {"events": 1000}, "source": None},
            "mine": {"generation": {"events": 5}, "source": {"files": ["a.hepmc"]}},
        }
    },
    "tagging": {"models": {"a": {"device": "cuda"}, "b": {"device": "cpu"}}},
}


@pytest.fixture
def workflow(monkeypatch):
    """Stands for Snakemake's, with three rules."""
    book = {
        "simulate_detector": Record("detector.simulate", {}, []),
        "train_tagger": Record("tagging.train", {"": "tagging.models.{model}"}, []),
        "figure_mass": Record("reporting.jets.mass", {}, []),
    }
    for name in list(BOOK):
        monkeypatch.delitem(BOOK, name)
    for name, record in book.items():
        monkeypatch.setitem(BOOK, name, record)
    rules = [SimpleNamespace(name=name, resources={}, group=None) for name in [*book, "all"]]
    settings = SimpleNamespace(
        nodes=None, _parsed_overwrite_resources={"figure_mass": {"mem_mb": 7}}
    )
    return SimpleNamespace(rules=rules, resource_settings=settings, global_resources={})


def asked(workflow, name, resource, attempt=1, **wildcards):
    """What a rule asks for."""
    (rule,) = [rule for rule in workflow.rules if rule.name == name]
    if resource == "gpu":
        return rule.resources["gpu"](wildcards, name)
    return rule.resources[resource](wildcards, [], attempt, name)


def test_every_rule_with_a_job_states_memory_time_and_disk(workflow):
    Planner(workflow, CONFIGURATION).state()
    *with_job, target = workflow.rules
    assert not target.resources
    assert all({"runtime", "disk_mb"} <= rule.resources.keys() for rule in with_job)
    assert [rule.name for rule in with_job if "mem_mb" not in rule.resources] == ["figure_mass"], (
        "what the user set was overwritten"
    )
    assert [rule.group for rule in workflow.rules] == [None] * 4


def test_a_retry_asks_for_more_and_larger_shards_take_longer(workflow):
    Planner(workflow, CONFIGURATION).state()
    shard = {"sample": "top", "shard": "0000"}
    for resource in ("mem_mb", "runtime"):
        first, second = (
            asked(workflow, "simulate_detector", resource, attempt, **shard) for attempt in (1, 2)
        )
        assert 1.8 * first < second
    larger = {**CONFIGURATION, "generate": {"samples": {"top": {"generation": {"events": 99_000}}}}}
    before = asked(workflow, "simulate_detector", "runtime", **shard)
    Planner(workflow, larger).state()
    assert asked(workflow, "simulate_detector", "runtime", **shard) > 1.5 * before


def test_what_a_job_takes_is_worked_out_once(workflow, monkeypatch):
    counted = []
    of_job = scheduling.Counter.of_job

    def counting(self, output, *rest):
        counted.append(output)
        return of_job(self, output, *rest)

    monkeypatch.setattr(scheduling.Counter, "of_job", counting)
    Planner(workflow, CONFIGURATION).state()
    for shard in ("0000", "0001"):
        for attempt in (1, 2):
            for resource in ("mem_mb", "runtime", "disk_mb"):
                asked(workflow, "simulate_detector", resource, attempt, sample="top", shard=shard)
    assert counted == ["results/top/0000.root", "results/top/0001.root"]


def test_on_one_machine_the_folder_for_temporary_files_is_evaluated_once(workflow):
    default, own = SimpleNamespace(raw="system_tmpdir"), SimpleNamespace(raw="'/scratch'")
    for rule, given in zip(workflow.rules, (default, own, default, default), strict=True):
        rule.resources["tmpdir"] = given
    workflow.resource_settings.nodes = 200
    Planner(workflow, CONFIGURATION).state()
    assert workflow.rules[0].resources["tmpdir"] is default, "it is the node's"
    workflow.resource_settings.nodes = None
    Planner(workflow, CONFIGURATION).state()
    assert workflow.rules[0].resources["tmpdir"] == tempfile.gettempdir()
    assert workflow.rules[1].resources["tmpdir"] is own


def test_a_gpu_is_asked_for_by_a_training_on_cuda_alone(workflow):
    Planner(workflow, CONFIGURATION).state()
    assert [rule.name for rule in workflow.rules if "gpu" in rule.resources] == ["train_tagger"]
    assert asked(workflow, "train_tagger", "gpu", model="a") == 1
    assert asked(workflow, "train_tagger", "gpu", model="b") is None
    assert not wants_gpu({"device": "auto", "fit": {"device": "cpu"}})


def test_on_a_batch_system_short_jobs_go_together(workflow):
    workflow.resource_settings.nodes = 200
    Planner(workflow, CONFIGURATION).state()
    assert [rule.group for rule in workflow.rules] == ["simulate", None, "figures", None]
    assert asked(workflow, "simulate_detector", "htcondor_request_mem_mb", sample="top") > 0


@pytest.mark.parametrize("name", ["slurm", "htcondor", "kubernetes"])
def test_a_profile_groups_what_has_a_group_and_its_plugin_is_pinned(name):
    profile = yaml.safe_load((HOUSE / "profiles" / name / "config.yaml").read_text())
    grouped = {each.partition("=")[0] for each in profile["group-components"]}
    assert grouped == {*GROUPS.values(), "figures"}
    assert profile["resources"] == ["turn=1"]
    assert profile["set-resource-scopes"] == ["turn=local"]
    assert f"snakemake-executor-plugin-{name}==" in (HOUSE / "envs/farm.txt").read_text()


def test_memory_is_capped_by_the_machine_unless_the_user_says(workflow, monkeypatch):
    monkeypatch.setattr(scheduling.machine, "memory_mb", lambda: 3000)
    planner = Planner(workflow, CONFIGURATION)
    planner.limit_memory()
    assert workflow.global_resources == {"mem_mb": 3000}
    workflow.global_resources["mem_mb"] = 9000
    planner.limit_memory()
    assert workflow.global_resources == {"mem_mb": 9000}


def test_a_job_that_cannot_fit_is_refused_before_the_run():
    require_memory([(2900.0, "a"), (100.0, "b")], 3000.0)
    with pytest.raises(ResourceError, match=r"rule a takes 3\.1 GB .* 3\.0 GB are free(.|\n)*3200"):
        require_memory([(3120.0, "a"), (100.0, "a")], 3000.0)


def test_a_run_that_would_fill_the_disk_is_refused():
    require_disk(10.0, 20.0, lambda: pytest.fail("there was room"))
    require_disk(100.0, 20.0, lambda: 85.0)  # it is there already, and is replaced
    with pytest.raises(ResourceError, match=r"take 5\.0 GB, and 4\.0 GB are free"):
        require_disk(5000.0, 4000.0, lambda: 10.0)


def test_the_disk_is_that_of_the_results_behind_a_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert results_folder() == Path()
    (tmp_path / "large").mkdir()
    (tmp_path / "results").symlink_to("large")
    with pytest.raises(ResourceError, match=f"free where they go, {tmp_path}/large"):
        require_disk(5000.0, 4000.0, lambda: 10.0)
