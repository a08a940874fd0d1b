"""`make` in folders with odd names and without a home: what it starts, with stand-ins for that."""

import os
import re
import shutil
import subprocess
from importlib.metadata import distribution

import pytest
from packaging.specifiers import SpecifierSet

from helpers.snakemake import HOUSE

SAY = """#!/bin/sh
echo NAME; for word in "$@"; do echo "[$word]"; done
echo "cache: $XDG_CACHE_HOME"
"""


def make(folder, *words, home, tools=SAY):
    """Run make in a copy of what it reads; the programs of the environment say how they started."""
    for name in ("Makefile", "pyproject.toml", "envs/requirements.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOUSE / name, folder / name)
    bin = folder / ".venv" / "bin"
    bin.mkdir(parents=True, exist_ok=True)
    for name in ("snakemake", "python", "pytest"):
        (bin / name).write_text(tools.replace("NAME", name))
        (bin / name).chmod(0o755)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.run(
        ["make", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def installed(folder):
    """A folder whose environment is newer than what it is made from."""
    folder.mkdir(parents=True)
    (folder / ".venv").mkdir()
    stamp = folder / ".venv" / ".installed"
    stamp.touch()
    os.utime(stamp, (4e9, 4e9))
    return folder


NAME = "a  b é #h 'q' (x) & -d"


def test_a_folder_with_a_space_in_its_name(tmp_path):
    done = make(installed(tmp_path / NAME), "all", 'ARGS=--configfile "my own.yaml"', home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\nsnakemake\n[--cores]\n[all]\n[all]\n[--configfile]\n[my own.yaml]\n" in done.stdout
    assert done.stdout.endswith("cache: \n")


def test_the_environment_is_made_in_such_a_folder(tmp_path):
    (tmp_path / NAME).mkdir()
    done = make(tmp_path / NAME, "install", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[--no-build-isolation]\n[-e]\n[.]\n" in done.stdout
    assert (tmp_path / NAME / ".venv" / ".installed").exists()


@pytest.mark.parametrize(
    ("words", "handed"),
    [
        (["verify", "MANIFEST=a b/m.json"], "[verify]\n[a b/m.json]"),
        (["verify"], "[verify]"),
        (["pack", "ARCHIVE=a b.tar"], "[pack]\n[a b.tar]"),
        (["fork", "TO=../a b"], "[fork]\n[../a b]"),
    ],
)
def test_a_file_with_a_space_in_its_name(tmp_path, words, handed):
    done = make(installed(tmp_path / NAME), *words, home=tmp_path)
    assert f"python\n[-m]\n[jetchain.provenance]\n{handed}\ncache" in done.stdout, done.stderr


def test_a_first_look_has_a_folder_of_its_own(tmp_path):
    done = make(installed(tmp_path / NAME), "quick", home=tmp_path)
    assert (
        "[--directory]\n[quick]\n[--configfile]\n[config/quick.yaml]\n[--]\n[quick]" in done.stdout
    )


@pytest.mark.parametrize("run", [".", "quick", "second run"])
def test_the_report_takes_the_configuration_of_its_run(tmp_path, run):
    folder = installed(tmp_path / NAME)
    without = make(folder, "report", f"RUN={run}", home=tmp_path).stdout
    assert f"[--directory]\n[{run}]\n[finished]\n" in without
    assert "[--configfile]" not in without
    kept = folder / run / "results/provenance/configuration.yaml"
    kept.parent.mkdir(parents=True)
    kept.touch()
    asked = make(folder, "report", f"RUN={run}", home=tmp_path).stdout
    assert f"[--configfile]\n[{run}/results/provenance/configuration.yaml]\n" in asked
    # Of two, Snakemake would take the last: what the user says stands for what is remembered.
    other = make(folder, "report", f"RUN={run}", "ARGS=--configfile my.yaml", home=tmp_path).stdout
    assert other.count("[--configfile]") == 1
    assert "[--configfile]\n[my.yaml]\n" in other


def test_a_home_that_cannot_be_written(tmp_path):
    folder = installed(tmp_path / NAME)
    done = make(folder, "test", home="/dev/null/none")
    assert done.returncode == 0, done.stderr
    assert f"cache: {folder}/.snakemake/cache\n" in done.stdout


STAND_IN = """#!/bin/sh
case "$*" in *venv*) mkdir -p .venv/bin; cp "$0" .venv/bin/python; echo made;; esac
"""


def test_an_environment_of_another_folder_is_made_anew(tmp_path):
    """Its programs begin with the path of its Python, which nothing is at any more."""
    folder, python = installed(tmp_path / NAME), tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    stamp = folder / ".venv/.installed"
    stamp.write_text("/where/it/was\n")
    os.utime(stamp, (4e9, 4e9))
    done = make(folder, "install", f"PYTHON={python}", home=tmp_path)
    assert "The folder was moved: .venv is made anew.\nmade\n" in done.stdout, done.stderr
    assert not (folder / ".venv/bin/pytest").exists()
    assert stamp.read_text() == f"{folder}\n"
    again = make(folder, "install", f"PYTHON={python}", home=tmp_path)
    assert "moved" not in again.stdout


def test_an_environment_of_an_older_python_is_refused(tmp_path):
    folder = installed(tmp_path / NAME)
    os.utime(folder / ".venv/.installed", (0, 0))
    done = make(folder, "install", home=tmp_path, tools="#!/bin/sh\n[ $1 != -c ]\n")
    assert done.returncode != 0
    assert "older than 3.11: remove it" in done.stderr


@pytest.mark.parametrize("name", ["a:b", 'a"b', "a$b", "a`b", "a\\b", "{a}"])
def test_a_name_that_no_environment_can_have_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    done = make(tmp_path / name, "install", home=tmp_path)
    assert done.returncode != 0
    assert name in done.stderr
    assert "rename it" in done.stderr


def test_every_package_of_the_lock_takes_the_oldest_python_that_is_promised():
    """pip on a newer one does not notice: Debian 12 has Python 3.11.2."""
    lock = (HOUSE / "envs/requirements.txt").read_text(encoding="utf-8")
    names = re.findall(r"^([\w.-]+)==", lock, flags=re.MULTILINE)
    asked = {name: distribution(name).metadata.get("Requires-Python") for name in names}
    assert len(asked) > 100
    assert [
        name for name, range_ in asked.items() if "3.11.0" not in SpecifierSet(range_ or "")
    ] == []
