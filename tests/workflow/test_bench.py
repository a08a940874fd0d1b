"""The bench of Snakemake itself, with a Snakemake that answers at once."""

import pytest

from jetchain.plumbing import bench, bench_chain

SAYS = """#!/bin/sh
case "$*" in
  *full.yaml*) printf 'job      count\\na            2\\ntotal       14\\n' ;;
  *"--dry-run all") echo "{answer}" ;;
esac
"""


@pytest.mark.parametrize(
    ("answer", "finished"),
    [("Nothing to be done (all requested files are present).", True), ("total 3", False)],
)
def test_jobs_are_counted_and_only_a_finished_run_is_timed(tmp_path, monkeypatch, answer, finished):
    (tmp_path / "snakemake").write_text(SAYS.replace("{answer}", answer))
    (tmp_path / "snakemake").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = bench.bench()
    assert found["planned_jobs"] == 14
    assert 0 < found["planning_seconds"] < 60
    assert (found["nothing_to_do_seconds"] is not None) is finished


PRINTS = """#!/bin/sh
for verb in generate.sample detector.simulate particleflow.untrained jets.cluster; do
  for sample in quark top; do
    echo "    Shell command: { python -m jetchain $verb --output r/$sample/0000.root --seed 1 \\
|| python -m jetchain.plumbing.ended $verb \\$?; } > log 2>&1"
  done
done
"""


def test_the_jobs_of_the_chain_are_those_of_the_plan(tmp_path, monkeypatch):
    (tmp_path / "snakemake").write_text(PRINTS)
    (tmp_path / "snakemake").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = bench_chain.commands_of("quark")
    assert list(found) == ["generation", "detector", "particle flow", "jets"]
    for words, verb in zip(found.values(), bench_chain.STEPS.values(), strict=True):
        assert words[1:4] == ["-m", "jetchain", verb]
        assert words[5:] == ["r/quark/0000.root", "--seed", "1"]


@pytest.mark.shared
def test_the_jobs_of_the_chain_are_timed_in_a_folder_of_their_own(tiny_run, monkeypatch):
    monkeypatch.chdir(tiny_run)
    before = sorted(path for path in tiny_run.rglob("results/**/*.root"))
    found = bench_chain.bench("--configfile", str(bench_chain.HOUSE / "config/test.yaml"), rounds=1)
    assert list(found) == list(bench_chain.SAMPLES)
    for steps in found.values():
        behind = sum(steps[step] for step in ("detector", "particle flow", "jets"))
        assert min(steps.values()) > 0
        assert steps["ratio"] == pytest.approx(behind / steps["generation"], rel=0.01)
    assert before == sorted(path for path in tiny_run.rglob("results/**/*.root"))
