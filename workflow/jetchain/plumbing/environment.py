"""The environment of a job: of the user's, what `KEPT` names, and nothing else.

Libraries read variables that change what they compute: the folder of Pythia's data, matplotlib's
settings, how numba compiles, whether Python checks assertions. No digest covers these, so a job is
not given them. Its home is a folder of the pipeline's own, as libraries read settings there too.
"""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from pathlib import Path

from jetchain.core.errors import ConfigurationError
from jetchain.plumbing import caches, digest

KEPT = (
    "PATH", "USER", "LOGNAME", "TMPDIR", "TEMP", "TMP",
    "LANG", "LANGUAGE", "LC_",
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES",
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_",
    "JETCHAIN_",
)  # fmt: skip
"""The variables that a job takes over; a name that ends in _ stands for all that begin with it."""
SET = {
    # One thread a process unless the settings say otherwise: Snakemake fills the cores, and a
    # library's own choice of threads would make results depend on the machine.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
}
"""What libraries read at import, as jobs and tests have it."""
# These act before the first line of Python.
_BEFORE_PYTHON = (
    "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_HWCAP_MASK", "GLIBC_TUNABLES",
    "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH",
)  # fmt: skip
# The C library takes large arrays from the system and gives each back when it is freed; the next is
# filled with zeros page by page, which took a quarter of the training of a graph network. Memory
# that a job has had stays its own instead, to be used again: its peak is the same.
MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
_READ = {
    "matplotlibrc": "matplotlib takes settings from it",
    ".numba_config.yaml": "numba takes settings from it",
    "python": "pythia8mc executes every file in it when it is imported",
}
"""What libraries look for in the folder that a job runs in."""


def prepare() -> None:
    """Set what libraries read at import: threads, matplotlib's backend, numba's cache."""
    code = caches.machine_code(digest.ROOT, digest.kernel_digest)
    os.environ |= {**SET, "NUMBA_CACHE_DIR": str(code)}


def isolate() -> None:
    """Make this process's environment that of a job; to be called before libraries are loaded."""
    home = caches.home()
    prepare()
    for name in set(os.environ) - {*SET, "NUMBA_CACHE_DIR"}:
        if not any(name == kept or (kept[-1] == "_" and name.startswith(kept)) for kept in KEPT):
            del os.environ[name]
    os.environ["HOME"] = str(home)
    # The tools of this Python's environment stand beside it, and need not be in the user's PATH.
    path = [os.path.dirname(sys.executable), *filter(None, [os.environ.get("PATH")])]
    os.environ["PATH"] = os.pathsep.join(path)


def shell_prefix() -> str:
    """What a shell does before a job's command, so that `python` starts as this process's does.

    The job has this Python and this package, whatever PATH and PYTHONPATH say, and no module from
    the folder that the run is in. It is handed over as a variable, for Snakemake shows what stands
    before a command that failed.
    """
    own = {
        "PATH": f"{shlex.quote(os.path.dirname(sys.executable))}:$PATH",
        "PYTHONPATH": shlex.quote(str(digest.ROOT.parent)),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        **MEMORY,
    }
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):  # it may need this to find its own library
        own["LD_LIBRARY_PATH"] = shlex.quote(sysconfig.get_config_var("LIBDIR"))
    exports = " ".join(f"{name}={value}" for name, value in own.items())
    unset = f"unset ${{!PYTHON@}} {' '.join(_BEFORE_PYTHON)}"
    os.environ["JETCHAIN_SHELL"] = f"set -euo pipefail; unset -f python; {unset}; export {exports}"
    return 'eval "$JETCHAIN_SHELL"; '


def require_plain_folders() -> None:
    """Refuse what would change a run, or break it, from the folders that it is in.

    Raises:
        ConfigurationError: a library would read something in the run's folder; or a folder cannot
            stand in PATH.
    """
    for name, what in _READ.items():
        if Path(name).exists():
            raise ConfigurationError(
                f"{Path(name).absolute()}: {what}, which may change results, and no job would be "
                "made anew for it.",
                "Rename it, or run in another folder (--directory).",
            )
    for folder in (os.path.dirname(sys.executable), str(digest.ROOT.parent)):
        if os.pathsep in folder:
            raise ConfigurationError(
                f"The folder {folder} has '{os.pathsep}' in its name, which separates folders in "
                "PATH and PYTHONPATH.",
                "Move it to a folder without it, and install anew.",
            )


def from_where_called(path: Path) -> str:
    """A path of the run's folder as the user's shell takes it, which may stand elsewhere."""
    return os.path.relpath(path, os.environ.get("PWD") or None)
