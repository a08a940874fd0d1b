"""A job is not changed by the variables, home folder and PATH of whoever starts it."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import jetchain
from jetchain.core.errors import ConfigurationError
from jetchain.generate.settings import GenerationSettings
from jetchain.plumbing import caches, digest, environment

PROBE = """
import json, os, sys
from jetchain.plumbing import environment
environment.isolate()
import jetchain
print(json.dumps([dict(os.environ), sys.flags.optimize, jetchain.__file__, sys.path[0]]))
"""


@pytest.fixture
def hostile(tmp_path):
    """An environment that changes results wherever it is read."""
    shadow = tmp_path / "shadow"
    for name in ("numpy", "pythia8mc", "jetchain"):
        (shadow / name).mkdir(parents=True)
        (shadow / name / "__init__.py").write_text("raise SystemExit('the wrong module')\n")
    (tmp_path / "bashrc").write_text("export PYTHONPATH=/no/such PYTHONOPTIMIZE=2\n")
    home = tmp_path / "home"
    (home / ".config" / "matplotlib").mkdir(parents=True)
    (home / ".config" / "matplotlib" / "matplotlibrc").write_text("lines.linewidth: 9\n")
    return os.environ | {
        "HOME": str(home), "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PYTHONPATH": str(shadow), "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error",
        "PYTHONINSPECT": "1", "PYTHONHASHSEED": "7", "PYTHONSTARTUP": "/no/such",
        "PYTHIA8DATA": "/no/such", "PYTHIA8": "/no/such", "LHAPDF_DATA_PATH": "/no/such",
        "ROOTSYS": "/no/such", "OMP_NUM_THREADS": "3", "OMP_DYNAMIC": "true", "MKL_CBWR": "SSE2",
        "OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "AVX2",
        "NUMBA_DISABLE_JIT": "1", "NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": "/no/such",
        "ATEN_CPU_CAPABILITY": "default", "TORCH_LOGS": "+all", "CUBLAS_WORKSPACE_CONFIG": ":0:0",
        "MPLBACKEND": "svg", "MPLCONFIGDIR": str(home / ".config" / "matplotlib"),
        "MATPLOTLIBRC": str(home / ".config" / "matplotlib" / "matplotlibrc"),
        "SOURCE_DATE_EPOCH": "1", "CXXFLAGS": "-ffast-math", "MAKEFLAGS": "-n",
        "VERILATOR_ROOT": "/no/such", "A_NAME_NOBODY_THOUGHT_OF": "1",
        "LD_PRELOAD": "", "LD_LIBRARY_PATH": "/no/such", "GLIBC_TUNABLES": "",
        "CUDA_VISIBLE_DEVICES": "1", "LC_ALL": "C.UTF-8", "JETCHAIN_SNAKEMAKE": "",
        "BASH_FUNC_python%%": "() { echo 'the wrong python'; return 1; }",
        "BASH_ENV": str(tmp_path / "bashrc"),
    }  # fmt: skip


def as_a_job(command, folder, environ):
    """Run a command as Snakemake runs that of a job."""
    command = environment.shell_prefix() + command
    environ["JETCHAIN_SHELL"] = os.environ["JETCHAIN_SHELL"]
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environ,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_job_has_this_package_and_only_what_is_kept_of_the_environment(tmp_path, hostile):
    (tmp_path / "json.py").write_text("raise SystemExit('a module of the folder of the run')\n")
    (tmp_path / "probe").write_text(PROBE)
    hostile["PATH"] = "/usr/bin:/bin"  # snakemake was called by its path
    found, optimize, package, first = json.loads(as_a_job("python probe", tmp_path, hostile))
    assert optimize == 0
    assert package == jetchain.__file__
    assert first == str(Path(jetchain.__file__).parents[1])
    own = {"PATH", "HOME", "NUMBA_CACHE_DIR", *environment.SET}
    for name in set(found) - own:
        assert name in environment.KEPT or name.startswith(("LC_", "JETCHAIN_")), name
    assert {name: found[name] for name in environment.SET} == environment.SET
    assert found["CUDA_VISIBLE_DEVICES"] == "1"
    assert found["LC_ALL"] == "C.UTF-8"
    assert Path(found["HOME"]) == tmp_path / "cache" / "jetchain" / "home"
    assert Path(found["PATH"].split(":")[0]) == Path(sys.executable).parent


@pytest.mark.skipif(sys.platform != "linux", reason="of the C library of GNU")
def test_a_job_is_given_the_pages_of_a_large_array_once(tmp_path):
    """Ten arrays of 64 MB, each freed before the next: pages of one, not of ten."""
    (tmp_path / "arrays").write_text(
        "import resource\n"
        "for _ in range(10): array = bytearray(1 << 26); del array\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt * resource.getpagesize())\n"
    )
    assert int(as_a_job("python arrays", tmp_path, dict(os.environ))) < 3 << 26


def other_pythia(folder):
    """A copy of Pythia's data in which the Z boson has another mass."""
    files = metadata.files("pythia8mc") or []
    data = next(file for file in files if file.name == "ParticleData.xml")
    source = Path(str(data.locate())).resolve()
    target = folder / "xmldoc"
    target.mkdir()
    for path in source.parent.iterdir():
        (target / path.name).symlink_to(path)
    (target / source.name).unlink()
    text = source.read_text()
    assert 'm0="91.18760"' in text
    (target / source.name).write_text(text.replace('m0="91.18760"', 'm0="70.00000"'))
    return target


def test_events_have_the_same_bytes_in_another_environment(tmp_path, hostile):
    hostile["PYTHIA8DATA"] = str(other_pythia(tmp_path))
    settings = GenerationSettings(process="Z", events=3).model_dump_json()
    made = []
    for name, environ in (("usual", dict(os.environ)), ("hostile", hostile)):
        folder = tmp_path / name
        folder.mkdir()
        as_a_job(
            "python -m jetchain generate.sample --events e.root --summary s.json "
            f"--settings '{settings}' --shard 0000 --seed 5", folder, environ,
        )  # fmt: skip
        made.append([(folder / file).read_bytes() for file in ("e.root", "s.json")])
    assert made[0] == made[1]


@pytest.mark.parametrize("name", ["matplotlibrc", ".numba_config.yaml", "python"])
def test_what_a_library_would_read_in_the_run_s_folder_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    environment.require_plain_folders()
    (tmp_path / name).touch()
    with pytest.raises(ConfigurationError, match=name):
        environment.require_plain_folders()


def test_a_folder_that_cannot_stand_in_a_path_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/a:b/bin/python")
    with pytest.raises(ConfigurationError, match="/a:b/bin has ':' in its name"):
        environment.require_plain_folders()


@pytest.mark.parametrize("home", ["/dev/null/none", ""])
def test_caches_stand_in_the_run_s_folder_where_there_is_no_home(tmp_path, monkeypatch, home):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    if not home:  # nor has the user one by name
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert caches.home() == tmp_path / ".snakemake" / "jetchain" / "home"
    assert caches.home().is_dir()
    assert caches.machine_code(digest.ROOT, digest.kernel_digest).is_dir()
    assert [path.name for path in tmp_path.iterdir()] == [".snakemake"]


def test_a_path_of_the_run_is_named_as_the_users_shell_takes_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PWD", str(tmp_path))
    (tmp_path / "quick").mkdir()
    monkeypatch.chdir(tmp_path / "quick")
    assert environment.from_where_called(Path("results")) == "quick/results"
    monkeypatch.chdir(tmp_path)
    assert environment.from_where_called(Path("results")) == "results"
