"""A job that a signal ended: its log says which signal, where the crash was, and what to do."""

import signal
import subprocess
import sys

import pytest

from jetchain.plumbing import rules
from jetchain.plumbing.ended import EXIT_STOPPED, describe


def run(tmp_path, body):
    """Run a job's command, with a verb that is this body in the place of python -m jetchain."""
    call = rules.Rules({"none": {}}).job(
        "generate.import_hepmc", settings="none", parts=1, limit=0, checksum=""
    )["command"]
    files = {"source": "a b.hepmc", "events": "e.root", "summary": "s.json"}
    command = call({"shard": "0000"}, files, files)
    fake = tmp_path / "fake.py"
    fake.write_text(f"import faulthandler, os, signal, sys\nfaulthandler.enable()\n{body}\n")
    launched = "python -m jetchain generate.import_hepmc"
    assert launched in command
    command = command.replace(launched, f"{sys.executable} {fake}")
    command = command.replace(
        "python -m jetchain.plumbing", f"{sys.executable} -m jetchain.plumbing"
    )
    log = tmp_path / "log"
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail; {command} > {log} 2>&1"], capture_output=True
    )
    return done.returncode, log.read_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SIGKILL", ["memory", "fewer --cores"]),
        ("SIGSEGV", ["a library crashed", "Fatal Python error: Segmentation fault", "fake.py"]),
        ("SIGABRT", ["a library crashed", "Fatal Python error: Aborted"]),
        ("SIGFPE", ["a library crashed", "Fatal Python error"]),
        ("SIGBUS", ["a library crashed", "Fatal Python error"]),
        ("SIGTERM", ["ended from outside", "run the same command again"]),
    ],
)
def test_a_job_that_a_signal_ended_says_so_and_fails(tmp_path, name, words):
    number = signal.Signals[name]
    status, log = run(tmp_path, f"os.kill(os.getpid(), {int(number)})")
    assert status == 128 + number
    assert "jetchain generate.import_hepmc failed: it was " in log or "failed: a library" in log
    assert name in log
    assert "Remedy: " in log.splitlines()[-1]
    for word in words:
        assert word in log


@pytest.mark.parametrize("status", [1, 4, EXIT_STOPPED])
def test_other_failures_keep_their_status_and_their_words(tmp_path, status):
    assert run(tmp_path, f"print('said'); sys.exit({status})") == (status, "said\n")
    assert describe(status) is None


def test_a_job_that_succeeds_starts_nothing_more(tmp_path):
    assert run(tmp_path, "print('done')") == (0, "done\n")


def test_every_job_tells_where_it_crashed():
    """`faulthandler` is at work in what `python -m jetchain` starts."""
    program = (
        "import faulthandler, runpy, sys\nsys.argv = ['jetchain', '--help']\n"
        "try:\n    runpy.run_module('jetchain', run_name='__main__')\n"
        "except SystemExit:\n    print(faulthandler.is_enabled())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "True"
