"""What differs between two makings in words; how long a plan takes."""

import pytest

from jetchain.core.errors import DataError
from jetchain.plumbing.provenance.artefacts import Making
from jetchain.plumbing.provenance.explain import (
    Plan,
    PlannedJob,
    as_text,
    changes,
    dry_run,
    expected_seconds,
)

BEFORE = Making(
    job="tagging/train/pfn", rule="train_tagger", verb="tagging.train",
    settings={"training": {"epochs": 12}, "model": {"sizes": [16]}}, seed=5,
    code={"core.io": "1", "tagging.train": "2"}, libraries={"torch": "2.13.0"},
    resources={"published/tagging.json": "3"},
)  # fmt: skip


def changed(**fields):
    return Making(**(vars(BEFORE) | fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"settings": {"training": {"epochs": 20}, "model": {"sizes": [16]}}},
            ["tagging.training.epochs: 12 -> 20"],
        ),
        (
            {"settings": {"training": {"epochs": 12, "fast": True}, "model": {"sizes": [8]}}},
            ["tagging.models.pfn.sizes: [16] -> [8]", "tagging.training.fast: (not set) -> True"],
        ),
        ({"seed": 6}, ["seed: another root seed"]),
        ({"code": {"core.io": "1", "tagging.train": "9"}}, ["module jetchain.tagging.train"]),
        ({"code": {"core.io": "1"}}, ["module jetchain.tagging.train"]),
        ({"libraries": {"torch": "2.14.0"}}, ["library torch: 2.13.0 -> 2.14.0"]),
        ({"resources": {"published/tagging.json": "4"}}, ["resources/published/tagging.json"]),
        ({}, []),
    ],
)
def test_a_change_is_said_in_words(fields, words):
    paths = {"training": "tagging.training", "model": "tagging.models.pfn"}
    assert changes(BEFORE, changed(**fields), paths) == words


def test_settings_that_are_one_section_are_named_in_full():
    old, new = changed(settings={"level": 0.05}), changed(settings={"level": 0.1})
    assert changes(old, new, {"": "inference.limits"}) == ["inference.limits.level: 0.05 -> 0.1"]


def job(name, causes=(), above=(), seconds=1.0):
    return PlannedJob(name, name.split()[0], "jets", list(causes), list(above), seconds)


def test_time_is_the_shared_work_or_the_longest_chain():
    chain = [job("a"), job("b", above=["a"], seconds=2.0), job("c", above=["b"], seconds=3.0)]
    assert expected_seconds(Plan(chain, 5, 2)) == 6.0
    wide = [job(f"a {i}", seconds=2.0) for i in range(8)]
    assert expected_seconds(Plan(wide, 8, 4)) == 4.0


def test_a_long_chain_needs_no_recursion():
    jobs = [job("j 0"), *(job(f"j {i}", above=[f"j {i - 1}"]) for i in range(1, 5000))]
    assert expected_seconds(Plan(jobs[::-1], 5000, 2)) == 5000.0


def test_the_plan_reads_well():
    jobs = [
        job("cluster top/0", ["jets.pt_min: 20.0 -> 25.0"], seconds=30.0),
        job("cluster W/0", ["jets.pt_min: 20.0 -> 25.0"], seconds=60.0),
        job("train pfn", above=["cluster top/0"], seconds=None),
    ]
    text = as_text(Plan(jobs, 9, 2))
    assert text.startswith("3 of 9 jobs would run, about 1 min 00 s on 2 cores.")
    assert "  jets.pt_min: 20.0 -> 25.0\n      cluster (2 jobs)\n" in text
    assert "  and what lies below\n      train pfn\n" in text
    assert "1 min 30 s, and 1 never timed" in text
    untimed = as_text(Plan([job("train pfn", ["never made"], seconds=None)], 9, 2))
    assert untimed.startswith("1 of 9 jobs would run, for how long nobody knows")
    assert as_text(Plan([], 9, 2)) == "Nothing would run: all 9 jobs are up to date.\n"


def test_an_option_that_asks_for_no_plan_is_told_so():
    with pytest.raises(DataError, match="Snakemake does not plan"):
        dry_run(["--version"])
