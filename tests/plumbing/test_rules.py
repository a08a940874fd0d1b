"""The helpers of the rules: commands from signatures, params that hold only what is used."""

import json
from types import SimpleNamespace

import pytest

from jetchain.core import resources
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.seeds import derive_seed
from jetchain.plumbing import rules


class Wildcards(dict):
    """Stands for Snakemake's wildcards: items() is all that is used."""


CONFIGURATION = {
    "seed": 5,
    "generate": {"samples": {"a": {"shards": 2, "generation": {"events": 3}}, "b": {"shards": 1}}},
    "jets": {"clustering": {"radius": 0.8}},
}
HELPERS = rules.Rules(CONFIGURATION)
ONE = Wildcards(sample="a", shard="0000")


def fresh() -> rules.Rules:
    """Rules of a Snakefile of their own: a verb has its settings from one place."""
    return rules.Rules(CONFIGURATION)


def test_a_job_is_handed_only_what_it_names():
    params = fresh().job("jets.cluster", settings="jets.clustering", other="resource@1")
    assert json.loads(params["settings"]) == {"radius": 0.8}
    assert params["other"] == "resource@1"
    assert "seed" not in params
    named = fresh().job(
        "jets.cluster",
        settings={"jets": "jets.clustering", "sample": "generate.samples.{sample}.generation"},
    )
    assert json.loads(named["settings"](ONE)) == {"jets": {"radius": 0.8}, "sample": {"events": 3}}


def test_seeds_come_from_identity():
    seed = fresh().job("jets.cluster", seed=["verb", "{sample}", "{shard}"])["seed"]
    one = seed(ONE)
    assert one == derive_seed(5, "verb", "a", "0000")
    assert one != seed(Wildcards(sample="a", shard="0001"))
    assert fresh().job("jets.cluster", seed=["verb"])["seed"] == derive_seed(5, "verb")
    assert 0 < one < 2**31


def test_a_rule_names_its_verb_once():
    helpers = fresh()
    helpers.job("jets.cluster")
    command = helpers.launch()
    assert command == rules.command("jets.cluster")
    assert command.startswith("python -m jetchain jets.cluster --truth {input.truth:q} ")
    with pytest.raises(TypeError, match="follows the params"):
        helpers.launch()


def test_what_rules_say_is_recorded(monkeypatch):
    monkeypatch.setattr(rules, "BOOK", {})
    helpers = fresh()
    params = helpers.job(
        "tagging.train", settings={"model": "tagging.models.{model}"},
        members=["tagging.models.{model}"],
    )  # fmt: skip
    helpers.record([
        SimpleNamespace(name="train_tagger", params=params), SimpleNamespace(name="all", params={})
    ])  # fmt: skip
    assert {
        "train_tagger": rules.Record(
            "tagging.train", {"model": "tagging.models.{model}"}, ["tagging.models.{model}"]
        )
    } == rules.BOOK
    assert rules.BOOK["train_tagger"].room == "tagging"


def test_a_rule_may_say_from_its_wildcards_what_a_job_is():
    def identity(wildcards):
        return ["train", *([] if wildcards["design"] == "old" else [wildcards["design"]])]

    seed = fresh().job("jets.cluster", seed=identity)["seed"]
    assert seed(Wildcards(design="old")) == derive_seed(5, "train")
    assert seed(Wildcards(design="new")) == derive_seed(5, "train", "new")


def test_a_job_depends_on_the_file_of_the_member_that_it_loads():
    code = fresh().job("tagging.train", members=["tagging.models.{model}"])["code"]
    assert "tagging.models.pfn=" in code(Wildcards(model="pfn"))
    assert "tagging.models.particlenet=" not in code(Wildcards(model="pfn"))
    with pytest.raises(ConfigurationError, match=r"no tagger 'pnf'.*'pfn'"):
        code(Wildcards(model="pnf"))


def test_shards_expand_and_leave_other_wildcards():
    assert HELPERS.shards("r/{sample}/{shard}", ["a", "b"]) == ["r/a/0000", "r/a/0001", "r/b/0000"]
    later = HELPERS.shards("r/{algorithm}/{sample}/{shard}", ["b"])
    assert later(Wildcards(algorithm="mlpf")) == ["r/mlpf/b/0000"]
    own = HELPERS.shards("r/{sample}/{shard}")
    assert own(Wildcards(sample="a")) == ["r/a/0000", "r/a/0001"]


def test_an_unknown_sample_or_section_is_named():
    with pytest.raises(ConfigurationError, match="Sample 'c' is used but not defined"):
        HELPERS.shards("{sample}{shard}", ["c"])
    with pytest.raises(ConfigurationError, match=r"no 'jets\.clusterin'"):
        fresh().job("jets.cluster", settings="jets.clusterin")


def test_a_resource_is_its_name_and_content_wherever_jetchain_lies(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "RESOURCES", tmp_path / "one")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.yaml").write_text("x: 1\n")
    named = resources.resource_name("a.yaml")
    assert resources.resource_path(named).read_text() == "x: 1\n"
    (tmp_path / "one").rename(tmp_path / "two")
    monkeypatch.setattr(resources, "RESOURCES", tmp_path / "two")
    assert resources.resource_name("a.yaml") == named
    (tmp_path / "two" / "a.yaml").write_text("# The x.\nx:   1\n")
    assert resources.resource_name("a.yaml") == named
    (tmp_path / "two" / "a.yaml").write_text("x: 2\n")
    assert resources.resource_name("a.yaml") != named
    with pytest.raises(DataError, match="changed since this job was planned"):
        resources.resource_path(named)
    with pytest.raises(DataError, match="no such file"):
        resources.resource_path("b.yaml@0")
