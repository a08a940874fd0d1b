"""The sum over a plan: core hours, the longest chain, what stays on the disk."""

from types import SimpleNamespace

import pytest

from jetchain.plumbing.costs import Cost, Events
from jetchain.plumbing.provenance.estimate import add_up, as_text
from jetchain.plumbing.rules import BOOK, Record


class Job(SimpleNamespace):
    """Stands for Snakemake's job."""

    __hash__ = object.__hash__


def job(rule, outputs=1, passing=False):
    output = [f"results/{rule}/{number}" for number in range(outputs)]
    return Job(rule=SimpleNamespace(name=rule), output=output, temp_output=output * passing)


class Planner:
    """Every job takes an hour on 100 events, and writes 2 GB."""

    def cost(self, job):
        return Cost(job.rule.name, 3600.0, 900.0, 2000.0, "", *[0.0] * 6)

    def events(self, job):
        return Events(100, 100)

    def seconds(self, job):
        return 3600.0

    def gpu(self, job):
        return job.rule.name == "train"


@pytest.fixture
def found(monkeypatch):
    for name in list(BOOK):
        monkeypatch.delitem(BOOK, name)
    for name in ("generate_sample", "simulate", "train"):
        monkeypatch.setitem(BOOK, name, Record(f"{name}.verb", {}, []))
    made = [job("generate_sample", outputs=2) for _ in range(3)]
    detected = [job("simulate", passing=True) for _ in made]
    train, target = job("train"), job("all")
    dag = SimpleNamespace(
        toposorted=lambda: [made, detected, [train], [target]],
        dependencies={
            **{each: {} for each in made},
            **{b: {a: []} for a, b in zip(made, detected, strict=True)},
            train: {each: [] for each in detected},
            target: {train: []},
        },
    )
    return add_up(dag, Planner())


def test_jobs_are_added_up(found):
    assert (found.whole.jobs, found.events) == (7, 300)
    assert found.whole.seconds == 7 * 3600
    assert found.chain == 3 * 3600, "generate, simulate, train follow each other"
    assert found.whole.gpu_seconds == 3600
    assert (found.whole.kept_mb, found.whole.passing_mb) == (8000, 6000)
    assert found.whole.files == 7 + 3 * (3 * 2 + 3 + 1)
    assert found.rooms["simulate"].jobs == 3


def test_the_text_names_them(found):
    text = as_text(found)
    for part in ("7 jobs", "300 generated events", "7.0 hours of one core", "8.0 GB in 37 files"):
        assert part in text
    assert "1.0 hours if" in text
