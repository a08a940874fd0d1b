"""How long the jobs from generated events to jets take, beside that of the generation.

``python -m jetchain.plumbing.bench_chain`` (part of ``make bench``) writes
results/bench/chain.json. The jobs are those of the run in this folder, for the first shard of a
sample each; they run again in a folder of their own, one after the other, with the calibrations of
this run. Their CPU seconds hold all that a job takes: start, imports, checksums.
"""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from jetchain.core.io.tables import write_json
from jetchain.plumbing import checksums, environment

HOUSE = Path(__file__).resolve().parents[3]
REPORT = Path("results/bench/chain.json")
SAMPLES = ("gluon", "lhco_background")
"""Boosted QCD with underlying event, and the dijets of LHC Olympics. Not quark jets: the weights of
their shower variations double the time of their generation."""
ROUNDS = 3
TARGET = "results/jets/parametric/{sample}/0000.root"
STEPS = {
    "generation": "generate.sample",
    "detector": "detector.simulate",
    "particle flow": "particleflow.untrained",
    "jets": "jets.cluster",
}


def bench(*arguments: str, rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """CPU seconds of every step, and those behind the generation over those of the generation.

    Every round runs all steps once, so that a change of the machine's load meets all; both are
    medians of the rounds.

    Args:
        arguments: of the run's own for Snakemake, such as ``--configfile my.yaml``.
        rounds: of all steps.
    """
    commands = {sample: commands_of(sample, *arguments) for sample in SAMPLES}
    found: dict[str, dict[str, list[float]]] = {sample: {} for sample in SAMPLES}
    with tempfile.TemporaryDirectory() as folder:
        for pattern in ("particleflow/*.json", "jets/*/calibration.json"):
            for path in Path("results").glob(pattern):
                for file in (path, checksums.record_of(path)):
                    if file:
                        (Path(folder) / file.parent).mkdir(parents=True, exist_ok=True)
                        shutil.copy(file, Path(folder) / file)
        for _ in range(rounds):
            for sample, steps in commands.items():
                times = {step: _cpu_seconds(words, folder) for step, words in steps.items()}
                times["ratio"] = sum(times.values()) / times["generation"] - 1.0
                for step, value in times.items():
                    found[sample].setdefault(step, []).append(value)
    return {
        sample: {step: round(statistics.median(values), 3) for step, values in steps.items()}
        for sample, steps in found.items()
    }


def commands_of(sample: str, *arguments: str) -> dict[str, list[str]]:
    """The commands of a sample's first shard by step, as Snakemake would run them."""
    target = TARGET.format(sample=sample)
    printed = subprocess.run(
        ["snakemake", "--snakefile", str(HOUSE / "workflow" / "Snakefile"), "--dry-run",
         "--forceall", "--printshellcmds", *arguments, "--", target],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
    ).stdout  # fmt: skip
    found = {}
    for run in re.findall(r"\{ (python -m jetchain .*?) \|\| python -m jetchain", printed):
        words = shlex.split(run)
        for step, verb in STEPS.items():
            mine = any(f"/{sample}/0000." in word for word in words) and "uncalibrated" not in run
            if words[3] == verb and mine:
                found[step] = [sys.executable, *words[1:]]
    return {step: found[step] for step in STEPS}


def _cpu_seconds(words: list[str], folder: str) -> float:
    """User and system time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = os.environ | environment.MEMORY
    done = subprocess.run(words, cwd=folder, stderr=subprocess.PIPE, env=own, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(words)} failed:\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    write_json(REPORT, bench(*sys.argv[1:]))
