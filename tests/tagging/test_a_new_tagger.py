"""A new tagger is one file and one line: it has a section, a name and jobs, and reruns no other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.digests import forget
from jetchain.plumbing import digest
from jetchain.tagging.models import MODELS

HOUSE = Path(__file__).parents[2]
REGISTRY = "tagging/models/__init__.py"
LINE = '        "toy": Member("Toy", "1612.00593", "toy.Toy", "toy.ToySettings"),\n'
# Its settings have the fields of the PFN's: what stands in the configuration does not tell them
# apart, its name does.
FILE = """
import torch
from torch import nn

from jetchain.core.settings import key
from jetchain.tagging.models import TaggerSettings


class ToySettings(TaggerSettings):
    phi_sizes: list[int] = key([4], "Widths of the per-particle layers.", min_length=1)
    f_sizes: list[int] = key([4], "Widths of the per-jet layers.", min_length=1)

    def complaint(self, particles):
        return "phi_sizes are too many" if len(self.phi_sizes) > particles else ""


class Toy(nn.Module):
    def __init__(self, inputs, classes, settings):
        super().__init__()
        assert type(settings).__name__ == "ToySettings"
        self.last = nn.Linear(4, classes)

    def forward(self, jets):
        return self.last(jets.momentum.sum(dim=1))
"""
ASK = """
import json, sys
from helpers.tagging import random_jets
from jetchain.core.errors import ConfigurationError
from jetchain.plumbing.configuration import load
from jetchain.plumbing.rules import Rules
from jetchain.tagging.models import MODELS
from jetchain.tagging.networks import build

assert "jetchain.tagging.models.toy" not in sys.modules, "planning loads no network"
sizes = {"phi_sizes": [9, 8, 7], "f_sizes": [3]}
taggers = {"taggers": ["pfn", "toy"], "models": {"toy": sizes, "pfn": sizes}}
configuration = load({"tagging": taggers})
try:
    load({"tagging": taggers | {"features": {"particles": 2}}})
except ConfigurationError as error:
    complaint = str(error)
rules = Rules(configuration.model_dump(mode="json"))
job = rules.job(
    "tagging.train",
    settings={"training": "tagging.training", "model": "tagging.models.{model}"},
    seed=["tagging.train", "{model}"],
    members=["tagging.models.{model}"],
)
params = {
    model: {name: job[name]({"model": model}) for name in ("settings", "seed", "code")}
    for model in ("pfn", "toy")
}
json.dump({
    "params": params,
    "labels": rules.labels("tagging.models", configuration.tagging.taggers),
    "complaint": complaint,
    "kinds": [type(MODELS.decode(name, sizes)).__name__ for name in ("pfn", "toy")],
    "shape": list(build("toy", sizes, inputs=17, classes=7)(random_jets([3, 2], 4)).shape),
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with one more tagger."""
    house = tmp_path_factory.mktemp("house")
    copy = house / "workflow" / "jetchain"
    shutil.copytree(digest.ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (house / "resources").symlink_to(HOUSE / "resources")
    (copy / "tagging" / "models" / "toy.py").write_text(FILE)
    text = (copy / REGISTRY).read_text()
    first = text.index('        "pfn": Member(')
    (copy / REGISTRY).write_text(text[:first] + LINE + text[first:])
    return copy


@pytest.fixture
def sources_forgotten() -> Iterator[None]:
    yield
    forget()


def digests() -> dict[str, str]:
    """Of every verb of the rules that has to do with taggers, with each tagger where it loads one.

    Other rooms cannot import this one.
    """
    rules = "\n".join(path.read_text() for path in (HOUSE / "workflow" / "rules").rglob("*.smk"))
    verbs = set(re.findall(r"\bjob\(\s*\"([\w.]+)\"", rules))
    # A figure's first line is its name, the second its verb.
    verbs |= set(re.findall(r"\b(?:Figure|Table)\(\s*\"[^\"]+\",\s*\"([\w.]+)\"", rules))
    room = re.compile(r"tagging|reporting\.(explanation|overview|summary)")
    found = {verb: digest.code_digest(verb) for verb in verbs if room.search(verb)}
    for model in MODELS:
        for verb in ("tagging.train", "tagging.evaluate", "tagging.explain"):
            found[f"{verb} {model}"] = digest.code_digest(verb, MODELS.module(model))
    return found


def test_no_job_of_another_tagger_nor_of_a_figure_changes(
    package: Path, sources_forgotten: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget()
    before = digests()
    expected = {"tagging.features", "tagging.bench", "reporting.tagging.roc", "reporting.summary"}
    assert expected <= set(before)
    monkeypatch.setattr(digest, "ROOT", package)
    forget()
    assert digests() == before
    # The file itself counts for the jobs that load it.
    toy = digest.code_digest("tagging.train", "tagging.models.toy")
    assert "tagging.models.toy=" in toy
    assert toy not in before.values()


def test_it_has_a_section_a_name_and_jobs_of_its_own(package: Path) -> None:
    path = os.pathsep.join([str(package.parent), str(HOUSE / "tests")])
    run = subprocess.run(
        [sys.executable, "-P", "-B", "-c", ASK], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    toy, pfn = found["params"]["toy"], found["params"]["pfn"]
    own = {"feature_set": None, "training": {}}
    assert json.loads(toy["settings"])["model"] == {
        "phi_sizes": [9, 8, 7], "f_sizes": [3], **own
    }  # fmt: skip
    assert "tagging.models.toy=" in toy["code"]
    assert "toy" not in pfn["code"]
    assert toy["seed"] != pfn["seed"]
    assert json.loads(found["labels"]) == {"pfn": "PFN", "toy": "Toy"}
    assert found["kinds"] == ["PFNSettings", "ToySettings"]
    assert "models.toy.phi_sizes are too many" in found["complaint"]
    assert found["shape"] == [2, 7]
