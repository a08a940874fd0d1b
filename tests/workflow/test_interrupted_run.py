"""One run from its start, in a folder of its own, on one core, killed again and again: in the end
every artefact has the bytes of the run on two cores that nobody disturbed."""

import os
import random
import signal
import subprocess
import sys

import pytest

from helpers.faults import jobs_of, running, until
from helpers.snakemake import snakemake
from jetchain.plumbing.provenance.manifest import read_manifest

pytestmark = [pytest.mark.workflow, pytest.mark.faults]

KILLS = 8


def test_cores_folder_and_interruptions_change_no_byte(tiny_run, tmp_path):
    moments = random.Random(20261124)
    made = []
    for _ in range(KILLS):
        before = finished(tmp_path)
        wanted = before + moments.randint(3, 25)
        with running(tmp_path, "all", cores=1) as run:
            until(
                lambda wanted=wanted, run=run: (
                    finished(tmp_path) >= wanted or run.poll() is not None
                ),
                "some more files",
            )
            assert run.poll() is None, run.communicate()[0][-3000:]
            if moments.random() < 0.5:
                run.kill()
            else:
                os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
            until(lambda: not jobs_of(tmp_path), "the orphaned jobs end")
        made.append(finished(tmp_path))
    assert made == sorted(made), "what was finished is kept"
    done = snakemake(tmp_path, "all", cores=1)
    assert done.returncode == 0, done.stdout[-3000:]
    manifest = tiny_run / "results" / "provenance" / "manifest.json"
    verify = [sys.executable, "-m", "jetchain.provenance", "--directory", str(tmp_path), "verify"]
    found = subprocess.run([*verify, str(manifest)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    assert len(read_manifest(manifest)) > 250
    again = tmp_path / "results" / "provenance" / "manifest.json"
    assert again.read_bytes() == manifest.read_bytes()


def finished(folder):
    """How many outputs have a checksum: the last thing that a job does."""
    return sum(1 for _ in (folder / "results" / "provenance" / "checksums").rglob("*.json"))
