"""Run Snakemake on this repository, in a folder of the test's own."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

HOUSE = Path(__file__).resolve().parents[2]


def start(
    folder: Path,
    *targets: str,
    options: tuple[str, ...] = (),
    overlay: dict | None = None,
    cores: int = 2,
    python: str | Path = sys.executable,
    environment: dict[str, str] | None = None,
    **popen: Any,
) -> subprocess.Popen[str]:
    """Start Snakemake on the tiny configuration, with an overlay on top if one is given.

    The environment is the one that runs the tests, and what `environment` adds; stdout and stderr
    come together.
    """
    configfiles = ["config/test.yaml"]
    if overlay is not None:
        folder.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(overlay)
        # Named by its content: another worker may plan the same folder with another overlay.
        written = folder / f"overlay_{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml"
        written.write_text(text)
        configfiles.append(str(written))
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.Popen(
        [
            str(python), "-Pm", "snakemake", "--cores", str(cores), "--directory", str(folder),
            *options, "--configfile", *configfiles, "--", *targets,
        ],
        cwd=HOUSE, env=os.environ | path | (environment or {}), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **popen,
    )  # fmt: skip


def snakemake(folder: Path, *targets: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run Snakemake to its end; the arguments are those of `start`."""
    with start(folder, *targets, **how) as process:
        output, _ = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output)


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
