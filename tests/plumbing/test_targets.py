"""A target that no rule makes is refused with the nearest one that a rule makes."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.snakemake import HOUSE
from jetchain.core.errors import ConfigurationError
from jetchain.plumbing.targets import Targets, that_are_made

LISTED = ["results/tagging/pfn/metrics.json", "results/reporting/jets/jet_mass.png"]


class Rule:
    def __init__(self, name, *patterns):
        self.name, self.patterns = name, patterns

    def get_wildcards(self, path):
        return next(filter(None, (re.fullmatch(p, path) for p in self.patterns))).groupdict()

    def is_producer(self, path):
        return any(re.fullmatch(pattern, path) for pattern in self.patterns)


RULES = [
    Rule("tagging"),
    Rule("generate_sample", r"results/generate/(?P<sample>\w+)/(?P<shard>\d{4})\.root"),
    Rule("cluster_jets", r"results/jets/(?P<algorithm>parametric|mlpf)/(?P<sample>\w+)\.root"),
    Rule("train_tagger", r"results/tagging/(?P<model>\w+)/metrics\.json"),
    Rule("figure_jet_mass", r"results/reporting/jets/jet_mass\.png"),
]


def refused(*asked):
    workflow = SimpleNamespace(rules=RULES, dag_settings=SimpleNamespace(targets=asked))
    known = {"model": ["pfn"], "algorithm": ["parametric", "mlpf"]}
    samples = {"quark": ["0000", "0001"], "top": ["0000"]}
    try:
        Targets(workflow, samples, known, LISTED).require_known()
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "target",
    ["tagging", "results/generate/quark/0001.root", "results/jets/mlpf/top.root", *LISTED],
)
def test_what_a_rule_makes_is_let_through(target):
    assert refused(target) == ""


def test_a_file_that_is_there_but_that_no_rule_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("own.root", "my.yaml"):
        (tmp_path / name).touch()
    assert "own.root: a file that is there, but that no rule makes.\n" in refused("own.root")
    assert "makes. A configuration is named behind --configfile.\n" in refused("my.yaml")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("results/generate/qaurk/0000.root",
         "no sample 'qaurk'. Did you mean 'results/generate/quark/0000.root'?"),
        ("results/generate/quark/0002.root", "the shards of 'quark' are 0000 to 0001."),
        ("results/jets/parametrc/tpo.root", "Did you mean 'results/jets/parametric/top.root'?"),
        ("results/tagging/pnf/metrics.json",
         "no model 'pnf'. Did you mean 'results/tagging/pfn/metrics.json'?"),
        ("result/reporting/jets/jet_mass.png", "Did you mean 'results/reporting/jets/jet_mass"),
        ("generate/quark/0001.root", "file. Did you mean 'results/generate/quark/0001.root'?"),
        ("/some/run/results/generate/top/0000.root",
         "Did you mean 'results/generate/top/0000.root'? The folder of a run is named by "
         "--directory /some/run."),
        ("quick/results/tagging/pfn/metrics.json", "named by --directory quick."),
        ("results/tagging", "Did you mean 'tagging'?"),
        ("results/tagging/", "Did you mean 'tagging'?"),
        ("tagginng", "no such file. Did you mean 'tagging'?"),
        ("xyz", "xyz: no such file.\n"),
    ],
)  # fmt: skip
def test_the_nearest_name_is_told(target, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where none of them lies
    assert message in refused(target)


def test_the_targets_with_a_name_stand_in_the_reference():
    snakefile = (HOUSE / "workflow/Snakefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^rule (\w+):", snakefile, flags=re.MULTILINE))
    page = (HOUSE / "docs/reference/targets.md").read_text(encoding="utf-8")
    # That is the report's, and makes nothing.
    assert {name for name in named if f"| `{name}` |" not in page} == {"finished"}


def test_all_wrong_targets_are_told_at_once():
    assert refused("taging", "tagging", "xyz").count("\n  - ") == 2


def test_what_lies_beside_a_lost_picture_is_not_asked_for(tmp_path, monkeypatch):
    """Snakemake makes no report of a job whose picture is gone, whatever else is there."""
    monkeypatch.chdir(tmp_path)
    there = ["a.pdf", "b.png", "b.pdf", "b.json", "c.txt", "d.json", "d.csv", "e.json"]
    for name in there:
        Path(name).touch()
    asked = [*there, "a.png", "c.csv", "f.png", "f.pdf"]
    assert that_are_made(asked) == ["b.png", "b.pdf", "b.json", "d.json", "d.csv", "e.json"]
