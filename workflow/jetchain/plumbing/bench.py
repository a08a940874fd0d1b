"""How long Snakemake itself takes: to plan the published scale, and to find nothing to do.

``python -m jetchain.plumbing.bench`` (part of ``make bench``) writes results/bench/workflow.json.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

from jetchain.core.io.tables import write_json

HOUSE = Path(__file__).resolve().parents[3]
REPORT = Path("results/bench/workflow.json")


def bench() -> dict[str, float | int | None]:
    """Wall seconds of a dry run of config/full.yaml in an empty folder, and of a finished run.

    Returns:
        `planned_jobs` and `planning_seconds` of the former; `nothing_to_do_seconds` of ``all`` in
        this folder, None where it is not finished.
    """
    with tempfile.TemporaryDirectory() as folder:
        full = ["--configfile", str(HOUSE / "config/full.yaml"), "--directory", folder]
        seconds, _ = _time("--dry-run", "--quiet", "rules", "progress", *full)
        _, output = _time("--dry-run", "--quiet", "rules", *full)
    total = re.search(r"^total\s+(\d+)$", output, flags=re.MULTILINE)
    nothing, output = _time("--dry-run", "all")
    finished = "Nothing to be done" in output
    if finished:
        nothing, _ = _time("--cores", "1", "all")
    return {
        "planned_jobs": int(total[1]) if total else None,
        "planning_seconds": seconds,
        "nothing_to_do_seconds": nothing if finished else None,
    }


def _time(*arguments: str) -> tuple[float, str]:
    """Wall seconds of a Snakemake call, and what it printed."""
    begin = time.perf_counter()
    done = subprocess.run(
        ["snakemake", "--snakefile", str(HOUSE / "workflow/Snakefile"), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
    )  # fmt: skip
    return time.perf_counter() - begin, done.stdout


if __name__ == "__main__":
    write_json(REPORT, bench())
