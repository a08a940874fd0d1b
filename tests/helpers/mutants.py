"""A copy of the house with one wrong line: a finished run goes on with it, or tests run on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from helpers.snakemake import HOUSE

PACKAGE = "workflow/jetchain"
PARTS = ("config", "profiles", "resources", "workflow", "pyproject.toml")


def copy_house(target: Path, *more: str) -> Path:
    """Copy what a run needs of the repository, and what else is named."""
    target.mkdir()
    for part in (*PARTS, *more):
        if (HOUSE / part).is_dir():
            leave = shutil.ignore_patterns("__pycache__", "figures", "*.egg-info")
            shutil.copytree(HOUSE / part, target / part, ignore=leave)
        else:
            shutil.copy2(HOUSE / part, target / part)
    return target


def mutate(house: Path, file: str, right: str, wrong: str) -> None:
    """Replace what stands there exactly once."""
    text = read_once(house, file, right)
    (house / file).write_text(text.replace(right, wrong), encoding="utf-8")


def read_once(house: Path, file: str, right: str) -> str:
    """The text of a file in which something stands exactly once."""
    text = (house / file).read_text(encoding="utf-8")
    assert text.count(right) == 1, f"{file} holds {text.count(right)} times: {right}"
    return text


def fork(run: Path, target: Path) -> Path:
    """A run of one's own that shares the artefacts: no job writes into a file that exists.

    Logs are written into, and so are Snakemake's records: these are copied.
    """
    shutil.copytree(
        run / "results", target / "results", copy_function=os.link,
        ignore=shutil.ignore_patterns("logs", "provenance"),
    )  # fmt: skip
    shutil.copytree(
        run / "results" / "provenance", target / "results" / "provenance", dirs_exist_ok=True
    )
    shutil.copytree(run / ".snakemake" / "metadata", target / ".snakemake" / "metadata")
    return target


def go_on(house: Path, run: Path, targets: list[str], caches: Path) -> None:
    """Make some targets of a run with a house's code and resources."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(house / "workflow"),
        "XDG_CACHE_HOME": str(caches),  # of machine code, which is of no use afterwards
    }
    done = subprocess.run(
        [
            "snakemake", "--cores", "1", "--directory", str(run),
            "--configfile", "config/test.yaml", "--", *targets,
        ],
        cwd=house, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Nothing to be done" not in done.stdout, "no job depends on the changed line"


def run_tests(house: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests of a house on its own package, up to the first that fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "--tb=short", "-p", "no:cacheprovider", *tests],
        cwd=house, env=os.environ | {"PYTHONPATH": str(house / "workflow")}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    # An editable install of another house stands behind the PYTHONPATH.
    assert f"jetchain: {house / PACKAGE}\n" in done.stdout, done.stdout[-4000:]
    return done
