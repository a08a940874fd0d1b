"""The helpers of the rules: commands from signatures, params that hold only what is used."""

import json

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


def test_a_section_holds_only_what_it_names():
    assert json.loads(HELPERS.section("jets.clustering")) == {"radius": 0.8}
    named = HELPERS.section(jets="jets.clustering", sample="generate.samples.{sample}.generation")
    assert json.loads(named(Wildcards(sample="a", shard="0000"))) == {
        "jets": {"radius": 0.8},
        "sample": {"events": 3},
    }


def test_seeds_come_from_identity():
    seed = HELPERS.job_seed("verb", "{sample}", "{shard}")
    one = seed(Wildcards(sample="a", shard="0000"))
    assert one == derive_seed(5, "verb", "a", "0000")
    assert one != seed(Wildcards(sample="a", shard="0001"))
    assert HELPERS.job_seed("verb") == derive_seed(5, "verb")
    assert 0 < one < 2**31


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
        HELPERS.section("jets.clusterin")


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
