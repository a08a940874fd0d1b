"""Run Snakemake on this repository, in a folder of the test's own."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

HOUSE = Path(__file__).resolve().parents[2]


def snakemake(
    folder: Path,
    *targets: str,
    options: tuple[str, ...] = (),
    overlay: dict | None = None,
    cores: int = 2,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake on the tiny configuration, with an overlay on top if one is given.

    The environment is the one that runs the tests, and what `environment` adds; stdout and stderr
    come together.
    """
    configfiles = ["config/test.yaml"]
    if overlay is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
        configfiles.append(str(folder / "overlay.yaml"))
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [
            "snakemake", "--cores", str(cores), "--directory", str(folder), *options,
            "--configfile", *configfiles, "--", *targets,
        ],
        cwd=HOUSE, env=os.environ | path | (environment or {}), text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def planned_rules(folder: Path, *targets: str, overlay: dict | None = None) -> dict[str, int]:
    """The rules that a dry run would execute, with the number of their jobs."""
    done = snakemake(folder, *targets, options=("--dry-run", "--quiet", "rules"), overlay=overlay)
    assert done.returncode == 0, done.stdout
    counts = {}
    lines = iter(done.stdout.splitlines())
    for line in lines:
        if line.startswith("job ") and "count" in line:
            next(lines)
            for row in lines:
                if not row.strip() or row.startswith("total"):
                    break
                name, number = row.rsplit(maxsplit=1)
                counts[name.strip()] = int(number)
    return counts
