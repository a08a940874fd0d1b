"""Tiny runs with other root seeds: the tables that a comparison reads, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError, ToolError
from jetchain.core.io.atomic import atomic
from jetchain.plumbing.provenance.manifest import MANIFEST, read_manifest
from jetchain.regression.compare import FALSE_ALARM

ALIKE = ("verb", "settings", "code", "libraries", "resources")
"""What the manifest says that must be the same whatever the seed is."""
HOUSE = Path(__file__).resolve().parents[3]


def run_seeds(scratch: Path, seeds: Iterable[int], cores: int) -> dict[str, Path]:
    """Run the tiny configuration with each seed, unless it is done already.

    Of a finished run its tables are kept; one that was cut off is gone on with.

    Args:
        scratch: holds a folder a seed.
        seeds: root seeds.
        cores: for Snakemake.

    Returns:
        by seed the folder that holds its `results`.

    Raises:
        ToolError: a run failed.
    """
    done = {}
    for seed in seeds:
        folder = scratch.absolute() / str(seed)
        if not folder.exists():
            _run_one(scratch.absolute() / f"{seed}.running", seed, cores)
            _keep_tables(scratch.absolute() / f"{seed}.running", folder)
        done[str(seed)] = folder
    return done


def _run_one(folder: Path, seed: int, cores: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    overlay, log = folder / "seed.yaml", folder / "snakemake.log"
    overlay.write_text(f"seed: {seed}\n", encoding="utf-8")
    print(f"seed {seed}: running, {log}", flush=True)
    # Jobs start `python`, which must be this one.
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with log.open("w", encoding="utf-8") as out:
        finished = subprocess.run(
            [
                sys.executable, "-m", "snakemake", "--cores", str(cores), "--directory",
                str(folder), "--configfile", "config/test.yaml", str(overlay), "--", "tables",
            ],
            cwd=HOUSE, env=os.environ | path, stdout=out, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if finished.returncode:
        raise ToolError(
            f"The run with seed {seed} failed: {log}.",
            "Mend what it says and run the same command again; what was finished is kept.",
        )


def _keep_tables(run: Path, folder: Path) -> None:
    """Copy the tables, then remove the run."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for path in (run / "results").rglob("*"):
        if path.suffix in (".json", ".csv"):
            target = part / path.relative_to(run)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    part.rename(folder)
    shutil.rmtree(run)


def require_alike(run: Path, seeds: Mapping[str, Path]) -> None:
    """Require that the runs with other seeds were made as this run was.

    Args:
        run: the folder of the run with the reference seed.
        seeds: by seed the folder of its run.

    Raises:
        DataError: one was made with other code, libraries, settings or resources.
    """
    ours = read_manifest(run / MANIFEST)
    for seed, folder in seeds.items():
        theirs = read_manifest(folder / MANIFEST)
        for path in theirs:
            causes = [each for each in ALIKE if ours.get(path, {}).get(each) != theirs[path][each]]
            if causes:
                raise DataError(
                    f"{folder}: {path} was made with other {', '.join(causes)} than in {run}: the "
                    f"run with seed {seed} is an old one.",
                    f"Remove {folder.parent} and run the same command again; if {run} is the old "
                    "one, finish it first.",
                )


def write_record(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what each seed's comparison said, a seed a line."""
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    head = (
        f' "false_alarm": {FALSE_ALARM:g},\n "judged": "each seed by the tolerances of the others"'
    )
    with atomic(path) as temporary:
        temporary.write_text(f'{{\n{head},\n "seeds": [\n{lines}\n ]\n}}\n', encoding="utf-8")
