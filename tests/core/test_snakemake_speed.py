"""What is replaced in Snakemake: the same plans come out, and other versions are left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import snakemake

from jetchain.core import planning

SNAKEFILE = """
rule all:
    input: expand("out/{i}.txt", i=range(3)), "sum.txt"
rule one:
    input: "in/{i}.txt"
    output: "out/{i}.txt", "out/{i}.json"
    log: "logs/{i}.log"
    benchmark: "benchmarks/{i}.tsv"
    shell: "cp {input} {output[0]}; touch {output[1]}"
rule total:
    input: expand("out/{i}.txt", i=range(3))
    output: "sum.txt"
    shell: "cat {input} > {output}"
"""
SPEED_UP = "from jetchain.core.planning import speed_up\nassert speed_up()\n"


def run(folder: Path, *options: str, fast: bool) -> str:
    (folder / "Snakefile").write_text((SPEED_UP if fast else "") + SNAKEFILE)
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["snakemake", "--cores", "2", *options],
        cwd=folder, env=os.environ | path, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def plan(folder: Path, *, fast: bool) -> list[str]:
    output = run(folder, "--dry-run", "--max-checksum-file-size", "1000000", fast=fast)
    wanted = ("output: ", "reason: ", "Nothing to be done")
    lines = [line.strip() for line in output.splitlines() if line.strip().startswith(wanted)]
    # Snakemake lists files in the order of a set.
    return sorted(" ".join(sorted(line.replace(",", "").split())) for line in lines)


def touch(folder: Path) -> None:
    os.utime(folder / "in/0.txt")


def change(folder: Path) -> None:
    (folder / "in/1.txt").write_text("changed")


def lose_an_output(folder: Path) -> None:
    (folder / "out/2.txt").unlink()


@pytest.mark.parametrize("fast", [False, True], ids=["run as it comes", "run sped up"])
def test_plans_are_those_of_snakemake(tmp_path, fast):
    (tmp_path / "in").mkdir()
    for i in range(3):
        (tmp_path / f"in/{i}.txt").write_text(str(i))
    assert plan(tmp_path, fast=True) == plan(tmp_path, fast=False)
    run(tmp_path, fast=fast)
    assert (tmp_path / "sum.txt").read_text() == "012"
    for event in (None, touch, change, lose_an_output):
        if event:
            event(tmp_path)
        planned = plan(tmp_path, fast=True)
        assert planned == plan(tmp_path, fast=False)
        if event in (None, touch):
            assert "Nothing" in planned[0]
        else:
            assert len(planned) > 1


def test_another_version_of_snakemake_is_left_alone(monkeypatch):
    monkeypatch.setattr(snakemake, "__version__", "9.99.0")
    monkeypatch.setitem(sys.modules, "jetchain.core.snakemake_speed", None)  # cannot be imported
    assert planning.speed_up() is False


def test_a_hash_is_found_anew_when_the_file_is_written_again(tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(3):
        (tmp_path / f"in/{i}.txt").write_text(str(i))
    run(tmp_path, fast=True)
    (tmp_path / "in/0.txt").write_text("5")
    run(tmp_path, fast=True)
    assert (tmp_path / "sum.txt").read_text() == "512"
    assert "Nothing" in plan(tmp_path, fast=False)[0]
