"""A network of the user's in a run: found, trained and named; its code trains it again, alone."""

import numpy as np
import pytest

from helpers import published
from helpers.snakemake import planned_rules, snakemake
from jetchain.plumbing import forkserver

pytestmark = pytest.mark.workflow

NET = """
from torch import nn

from mine.pooling import pooled


class MyNet(nn.Module):
    def __init__(self, inputs, classes, width):
        super().__init__()
        self.each, self.all = nn.Linear(inputs, width), nn.Linear(width, classes)

    def forward(self, jets):
        return self.all(pooled(self.each(jets.features).relu(), jets.mask))
"""
POOLING = """
def pooled(x, mask):
    return (x * mask[..., None]).sum(dim=1)
"""
TRAINED = "results/tagging/own/weights.safetensors"
ROC = "results/reporting/tagging/tagging_roc.json"
TARGETS = (ROC, "results/tagging/own/scores/jets/0000.safetensors")
AGAIN = {"train_tagger": 1, "evaluate_tagger": 1, "score_jets": 1, "figure_tagging_roc": 1}


def overlay(shards=1, **own):
    section = {"network": "mine.net.MyNet", "folder": "code", "options": {"width": 6}} | own
    classes = dict.fromkeys(("quark", "gluon", "W", "Z", "Hbb", "Hcc"))
    for name, label in (("QCD", "QCD"), ("top", "top")):
        classes[name] = {"samples": ["jets"], "label": label}
    return {
        "graphs": {
            "samples": {
                "jets": {
                    "source": {"format": "top_tagging", "files": ["jets.h5"]}, "shards": shards
                }
            }
        },
        "tagging": {
            "taggers": ["pfn", "own"], "explained": ["pfn"], "feature_set": "kinematics",
            "classes": classes,
            "pairs": {"reference": {"signal": "top", "background": {"QCD": 1.0}}},
            "models": {"own": section},
        },
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """The folder of a run, with jets and code."""
    published.write_top_tagging(tmp_path / "jets.h5", published.jets(300), np.arange(300) % 2)
    (tmp_path / "code" / "mine").mkdir(parents=True)
    (tmp_path / "code" / "mine" / "net.py").write_text(NET)
    (tmp_path / "code" / "mine" / "pooling.py").write_text(POOLING)
    return tmp_path


@pytest.mark.shared
def test_only_it_is_trained_again_when_its_code_changes(folder):
    done = snakemake(folder, *TARGETS, overlay=overlay())
    assert done.returncode == 0, done.stdout[-4000:]
    assert '"MyNet' in (folder / ROC).read_text()
    assert "PFN" in (folder / ROC).read_text()

    def planned(name, text, **own):
        path = folder / "code" / name
        before = path.read_text() if path.exists() else None
        path.write_text(text)
        try:
            return planned_rules(folder, *TARGETS, overlay=overlay(**own))
        finally:
            path.unlink() if before is None else path.write_text(before)

    pooling = "mine/pooling.py"
    assert planned(pooling, POOLING) == {}
    assert planned(pooling, f"# Sums.\n{POOLING}\n\n") == {}
    assert planned("other.py", "MORE = 1\n") == {}
    assert planned(pooling, POOLING.replace("sum", "mean")) == AGAIN
    assert planned("mine/more.py", "MORE = 1\n") == AGAIN
    assert planned(pooling, POOLING, options={"width": 7}) == AGAIN


@pytest.mark.shared
def test_it_is_the_same_whoever_starts_its_job(folder):
    """Forked from the server of a run, and in a process of its own with a bare environment."""
    shards = forkserver.LEAST_JOBS // 2
    weights = {}
    for server in ("", forkserver.OFF):
        done = snakemake(
            folder, TRAINED, overlay=overlay(shards), options=("--force",),
            environment={forkserver.SOCKET: server, "PYTHONPATH": str(folder / "code")},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
        weights[server] = (folder / TRAINED).read_bytes()
    assert weights[""] == weights[forkserver.OFF]


def test_what_is_wrong_with_it_is_said_before_any_job(folder):
    for own, message in (
        ({"network": "mine.net.MyNett"}, "has no 'MyNett'. Did you mean 'MyNet'"),
        ({"folder": "."}, "There is no module 'mine.net', neither in the folder"),
    ):
        done = snakemake(folder, TRAINED, overlay=overlay(**own))
        assert done.returncode != 0
        assert "tagging.models.own: network: " in done.stdout
        assert message in done.stdout
        assert "Traceback" not in done.stdout
        assert not (folder / "results").exists()


def test_what_its_job_finds_is_said_with_cause_and_remedy(folder):
    (folder / "code" / "mine" / "pooling.py").write_text(POOLING.replace("sum(dim=1)", "relu()"))
    done = snakemake(folder, TRAINED, overlay=overlay())
    assert done.returncode != 0
    assert "mine.net.MyNet gives (32, 32, 2) for 32 jets and 2 classes." in done.stdout
    assert "Remedy: Return one number a jet and class" in done.stdout
    assert not (folder / TRAINED).exists()


def test_it_is_one_of_all_taggers_once_it_is_named(folder):
    target = "results/reporting/tagging/tagging_full.csv"
    with_it, without = (
        planned_rules(folder, target, overlay=overlay(network=network))
        for network in ("mine.net.MyNet", None)
    )
    assert with_it["train_tagger"] == without["train_tagger"] + 1
