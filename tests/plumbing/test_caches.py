"""Machine code is kept for as long as it is right and used, and no longer."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.digests import forget
from jetchain.plumbing import caches, digest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package, with caches of its own: a function that edits a file of it."""
    root = tmp_path / "jetchain"
    shutil.copytree(digest.ROOT, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "ROOT", root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def edit(name, old, new):
        path = root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        forget()

    forget()
    yield edit
    forget()


def machine_code():
    return caches.machine_code(digest.ROOT, digest.kernel_digest)


FUTURE = "from __future__ import annotations\n"


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("reporting/jets.py", FUTURE, f"{FUTURE}# A comment.\n", False),
        ("core/metrics.py", FUTURE, f"{FUTURE}LEVEL = 0.9\n", False),
        (
            "particleflow/algorithms/parametric.py",
            "MEV_PER_GEV = 1000.0",
            "MEV_PER_GEV = 1.0",
            False,
        ),
        # Numba itself compares the times of a function's own file.
        ("jets/label.py", "inside = distance < radius", "inside = distance < radius  # dR", False),
        ("jets/label.py", "inside = distance < radius", "inside = distance <= radius", True),
        ("particleflow/layers.py", "N_LAYERS = 6", "N_LAYERS = 7", True),
        ("core/compiled.py", "% (2 * np.pi) - np.pi", "% (2 * np.pi)", True),
        ("detector/geometry/description.py", "    face_radius: float", "    face_r: float", True),
    ],
)
def test_what_compiled_functions_reach_has_a_folder_of_its_own(package, name, old, new, changes):
    before = machine_code()
    package(name, old, new)
    assert (machine_code() != before) is changes


def test_the_digest_is_worked_out_once_for_the_same_sources(package, monkeypatch):
    first = machine_code()
    os.utime(first, (0, 0))
    monkeypatch.setattr(digest, "kernel_digest", lambda: pytest.fail("worked out again"))
    assert machine_code() == first
    assert time.time() - first.stat().st_mtime < 60  # it is in use


def test_without_a_place_to_write_jobs_still_run(package, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (tmp_path / ".snakemake").touch()
    monkeypatch.chdir(tmp_path)
    assert machine_code().parent == tmp_path / ".snakemake" / "jetchain"


DAY = 86400


def a_cache(folder, name, days, *files):
    """A cache that was last used some days ago; each file in a folder of a module."""
    for file in files:
        path = folder / name / "module_0a1b" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    os.utime(folder / name, (time.time() - days * DAY,) * 2)


def test_caches_of_no_use_are_removed_and_nothing_else(tmp_path):
    code = ("label.f-1.py311.nbi", "label.f-1.py311.1.nbc", "label.f-1.py311.nbi.tmp.0a1b2c")
    a_cache(tmp_path, "0123456789abcdef", 13, *code)
    a_cache(tmp_path, "1123456789abcdef", 15, *code)
    a_cache(tmp_path, "2123456789abcdef", 15, *code, "notes.txt")
    a_cache(tmp_path, "another_program", 15, *code)
    for name, days in (("3123456789abcdef.key", 13), ("4123456789abcdef.key", 15)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - days * DAY,) * 2)
    caches.remove_unused(tmp_path)
    left = {path.relative_to(tmp_path).parts for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        *(("0123456789abcdef", "module_0a1b", name) for name in code),
        ("2123456789abcdef", "module_0a1b", "notes.txt"),
        *(("another_program", "module_0a1b", name) for name in code),
        ("3123456789abcdef.key",),
    }
    assert not (tmp_path / "1123456789abcdef").exists()


def test_jobs_that_start_at_once_remove_together(tmp_path):
    for number in range(40):
        a_cache(tmp_path, f"{number:016x}", 15, *(f"f{n}.nbc" for n in range(10)))
    with ThreadPoolExecutor(8) as jobs:
        list(jobs.map(caches.remove_unused, [tmp_path] * 8))
    assert list(tmp_path.iterdir()) == []


def test_numba_compiles_what_was_removed(tmp_path):
    program = """
import os, shutil, sys
os.environ["NUMBA_CACHE_DIR"] = sys.argv[1]
sys.path.insert(0, sys.argv[2])
import compiled_here
shutil.rmtree(sys.argv[1])
print(compiled_here.double(2.0), os.path.isdir(sys.argv[1]))
"""
    (tmp_path / "compiled_here.py").write_text(
        "import numba\n@numba.njit(cache=True)\ndef double(x):\n    return 2 * x\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "code", tmp_path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "4.0 True\n"
