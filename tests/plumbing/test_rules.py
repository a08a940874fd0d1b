"""The helpers of the rules: commands from signatures, params that hold only what is used."""

import json
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from jetchain.core import resources
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.seeds import derive_seed
from jetchain.generate.import_hepmc import import_hepmc
from jetchain.plumbing import digest, launcher, rules


class Wildcards(dict):
    """Stands for Snakemake's wildcards: items() is all that is used."""


CONFIGURATION = {
    "seed": 5,
    "generate": {
        "samples": {
            "a": {"shards": 2, "generation": {"events": 3}, "source": {}},
            "b": {"shards": 1},
        }
    },
    "jets": {"clustering": {"radius": 0.8}},
}
HELPERS = rules.Rules(CONFIGURATION)
ONE = Wildcards(sample="a", shard="0000")


FILES = {
    "truth": "t.root", "particles": ["a b.root", "c.root"], "calibration": [], "jets": "j.root",
    "dataset": "d.json", "weights": "w", "history": "h.csv", "shards": ["0", "1"],
}  # fmt: skip


def fresh() -> rules.Rules:
    """Rules of a Snakefile of their own."""
    return rules.Rules(CONFIGURATION)


def options(params, wildcards=ONE):
    """The options of a job's command, as a shell hands them over."""
    words = shlex.split(params["command"](wildcards, FILES, FILES))
    end = words.index("||")
    assert words[end:] == ["||", *["python", "-m", "jetchain.plumbing.ended"], words[4], "$?;", "}"]
    words = words[1:end]
    assert words[:3] == ["python", "-m", "jetchain"]
    found: dict[str, list[str]] = {}
    for word in words[4:]:
        if word.startswith("--"):
            found[word] = []
        else:
            found[list(found)[-1]].append(word)
    return found


def test_a_command_has_the_files_and_settings_of_its_job():
    params = fresh().job("jets.cluster", settings="jets.clustering", other="resource@1")
    assert params["verb"] == "jets.cluster"
    # What Snakemake compares, since it does not compare what is derived from files.
    assert json.loads(params["settings"]) == {"radius": 0.8}
    assert params["other"] == "resource@1"
    found = options(params)
    assert list(found) == ["--truth", "--particles", "--calibration", "--jets", "--settings"]
    assert found["--calibration"] == []
    assert found["--particles"] == ["a b.root", "c.root"]
    assert json.loads(found["--settings"][0]) == {"radius": 0.8}
    named = fresh().job(
        "jets.cluster",
        settings={"jets": "jets.clustering", "sample": "generate.samples.{sample}.generation"},
    )
    assert json.loads(options(named)["--settings"][0]) == {
        "jets": {"radius": 0.8}, "sample": {"events": 3}
    }  # fmt: skip


@pytest.mark.parametrize("name", ["-x.hepmc", "--seed", "-", "a b", "$HOME", "x > y", "~t", "*"])
def test_no_name_of_a_file_is_an_option_or_a_shell_s(name):
    places = "generate.samples.a.source"
    params = fresh().job("generate.import_hepmc", settings=places, parts=1, limit=0, checksum="")
    files = {"source": name, "events": "e.root", "summary": "s.json"}
    words = shlex.split(params["command"](ONE, files, files))
    values = launcher.parse_arguments(import_hepmc, words[5 : words.index("||")])
    assert values["source"] == Path(name)
    assert values["shard"] == "0000"


@pytest.mark.parametrize(
    ("verb", "name", "wrong", "right"),
    [
        ("anomaly.scan.inject", "strength", ["-1", "1e400", "nan", ".", "1.2.3", "1e300"],
         ["0", "0.25", "1e-3", "4"]),
        ("anomaly.scan.inject", "replica", ["9" * 400, "9" * 5000], ["0", "12"]),
        ("anomaly.trigger.apply", "rate", ["0", "1.5", "-", "e5", "1e-400"], ["1", "0.05", "1e-3"]),
        ("firmware.scan.measure", "sparsity", ["1", "1.0", "-0.5", "."], ["0", "0.5"]),
        ("firmware.scan.measure", "beta", ["0", "-1", "nan", "e-6"], ["1e-06", "3"]),
        ("firmware.scan.measure", "constituents", ["0", "3", "256", "9" * 400], ["8", "16"]),
    ],
)  # fmt: skip
def test_a_target_without_a_number_where_one_belongs_is_refused(verb, name, wrong, right):
    keywords = digest.signature(verb)
    known = dict.fromkeys(rules.WILDCARDS, "0")
    known |= {"rate": "1", "constituents": "8", "beta": "1"}
    kinds = ("Input", "Inputs", "Output", "Outputs")
    files = {each: "x" for each, kind in keywords.items() if kind in kinds}
    given = {"settings": "jets.clustering", "seed": ["1"]}
    more = {each: given.get(each, "1") for each in keywords if each not in {*files, *known}}
    command = fresh().job(verb, **more)["command"]
    for text in right:
        assert f"--{name} {text}" in command(Wildcards(known | {name: text}), files, files)
    for text in wrong:
        with pytest.raises(ConfigurationError, match=f"the {name} '{re.escape(text)}' must be"):
            command(Wildcards(known | {name: text}), files, files)


def seed_of(wildcards, seed):
    params = fresh().job(
        "tagging.train", settings="jets.clustering", seed=seed, members=["tagging.models.{model}"]
    )
    return int(options(params, Wildcards(wildcards))["--seed"][0])


def test_seeds_come_from_identity():
    one = seed_of({"model": "pfn"}, ["verb", "{model}"])
    assert one == derive_seed(5, "verb", "pfn")
    assert one != seed_of({"model": "particlenet"}, ["verb", "{model}"])
    assert seed_of({"model": "pfn"}, ["verb"]) == derive_seed(5, "verb")
    assert 0 < one < 2**31


def test_a_rule_may_say_from_its_wildcards_what_a_job_is():
    def identity(wildcards):
        return ["train", *([] if wildcards["model"] == "pfn" else [wildcards["model"]])]

    assert seed_of({"model": "pfn"}, identity) == derive_seed(5, "train")
    assert seed_of({"model": "new"}, identity) == derive_seed(5, "train", "new")


def test_what_is_derived_is_handed_over_and_is_no_place_of_the_configuration(monkeypatch):
    monkeypatch.setattr(rules, "BOOK", {})
    helpers = rules.Rules(CONFIGURATION, {"radii": {"a": [0.8], "b": [1.0]}})
    params = helpers.job(
        "jets.cluster",
        settings={"radius": "jets.clustering.radius", "radii": "derived.radii.{sample}"},
    )
    for sample, radii in (("a", [0.8]), ("b", [1.0])):
        found = options(params, Wildcards(sample=sample))["--settings"][0]
        assert json.loads(found) == {"radius": 0.8, "radii": radii}
    helpers.record([SimpleNamespace(name="cluster", params=params)])
    assert rules.BOOK["cluster"].settings == {"radius": "jets.clustering.radius"}


def test_what_a_verb_takes_has_to_be_given():
    with pytest.raises(TypeError, match=r"gives jets\.cluster no 'settings'"):
        fresh().job("jets.cluster")
    with pytest.raises(LookupError, match="defines no 'clutser'"):
        fresh().job("jets.clutser")


def test_what_rules_say_is_recorded(monkeypatch):
    monkeypatch.setattr(rules, "BOOK", {})
    helpers = fresh()
    params = helpers.job(
        "tagging.train", settings={"model": "tagging.models.{model}"}, seed=["train"],
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


def test_a_job_depends_on_the_file_of_the_member_that_it_loads():
    code = fresh().job(
        "tagging.train", settings="jets.clustering", seed=["x"],
        members=["tagging.models.{model}"],
    )["code"]  # fmt: skip

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


def test_a_member_is_called_as_the_class_that_its_section_names():
    own = {"tagging": {"models": {"own": {"network": "mynets.MyNet"}, "pfn": {"width": 3}}}}
    names = ["pfn", "own", "efn"]
    for configuration, called in ((own, "MyNet"), ({}, "Own network")):
        found = json.loads(rules.Rules(configuration).labels("tagging.models", names))
        assert found == {"pfn": "PFN", "own": called, "efn": "EFN"}
    # A list of algorithms holds no sections.
    listed = rules.Rules({"particleflow": {"algorithms": ["mlpf"]}})
    assert "mlpf" in json.loads(listed.labels("particleflow.algorithms"))
