"""What a killed Snakemake leaves, and what a new one does about it."""

import base64
import fcntl
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jetchain.core.errors import DataError
from jetchain.core.io.tables import write_json
from jetchain.plumbing import checksums, runs

ARTEFACT = Path("results/jets/a.json")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one artefact that Snakemake knows, and one stale lock."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "_held", [])
    monkeypatch.setenv("JETCHAIN_SNAKEMAKE", "")
    ARTEFACT.parent.mkdir(parents=True)
    ARTEFACT.write_text("{}\n")
    checksums.record(ARTEFACT)
    metadata(ARTEFACT).write_text('{"rule": "cluster_jets"}')
    Path(".snakemake/locks").mkdir(parents=True)
    Path(".snakemake/locks/0.output.lock").write_text(f"{ARTEFACT}\n")
    yield tmp_path
    for descriptor in runs._held:
        os.close(descriptor)


def metadata(path):
    encoded = base64.urlsafe_b64encode(str(path).encode()).decode()
    parts = [encoded[i : i + 254] for i in range(0, len(encoded), 254)]
    record = Path(".snakemake/metadata", *[f"@{part}" for part in parts[:-1]], parts[-1])
    record.parent.mkdir(parents=True, exist_ok=True)
    return record


def locks():
    return list(Path(".snakemake/locks").glob("*"))


def test_locks_of_a_dead_run_are_removed(folder):
    runs.begin(main_process=True)
    assert locks() == []
    assert os.environ["JETCHAIN_SNAKEMAKE"] == str(os.getpid())


def test_results_from_the_future_get_the_present_time(folder):
    """Snakemake removes what it makes from an input that is newer."""
    before = ARTEFACT.stat().st_mtime_ns
    runs.begin(main_process=True)
    assert ARTEFACT.stat().st_mtime_ns == before
    os.utime(ARTEFACT, (time.time() + 1e6,) * 2)
    runs.begin(main_process=True)
    assert ARTEFACT.stat().st_mtime <= time.time()


def test_locks_of_a_living_run_stay(folder):
    with open(".snakemake/jetchain.lock", "w") as living:
        fcntl.flock(living, fcntl.LOCK_SH)
        runs.begin(main_process=True)
    assert len(locks()) == 1


def test_a_first_run_in_an_empty_folder_is_seen_by_the_second(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "_held", [])
    monkeypatch.setenv("JETCHAIN_SNAKEMAKE", "")
    runs.begin(main_process=True)
    (first,) = runs._held
    lock = Path(".snakemake/locks/0.output.lock")
    lock.parent.mkdir()
    lock.touch()
    ARTEFACT.parent.mkdir(parents=True)
    monkeypatch.setattr(runs, "_held", [])
    runs.begin(main_process=True)
    assert lock.exists()
    with pytest.raises(DataError, match="A run is at work"):
        runs.require_alone()
    for descriptor in (first, *runs._held):
        os.close(descriptor)
    runs.require_alone()


@pytest.mark.parametrize("why", ["another host", "a cluster"])
def test_locks_that_may_be_of_a_run_elsewhere_stay(folder, why):
    if why == "another host":
        runs.LOCK.write_text("farm-login-2")
    else:
        mark = Path(".snakemake/incomplete", metadata(ARTEFACT).name)
        mark.parent.mkdir()
        mark.write_text('{"external_jobid": "17"}')
    runs.begin(main_process=True)
    assert len(locks()) == 1


def test_a_file_system_without_locks_is_no_obstacle(folder, monkeypatch):
    def unsupported(descriptor, how):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(runs.fcntl, "flock", unsupported)
    runs.begin(main_process=True)
    assert len(locks()) == 1


def test_a_job_on_a_node_leaves_locks_alone(folder):
    runs.begin(main_process=False)
    assert len(locks()) == 1


@pytest.mark.parametrize("content", [None, "", '{"rule": "clus'])
def test_results_without_metadata_are_refused(folder, content):
    if content is None:
        metadata(ARTEFACT).unlink()
    else:
        metadata(ARTEFACT).write_text(content)
    with pytest.raises(DataError, match=r"1 results have no record .* results/jets/a\.json"):
        runs.begin(main_process=True)
    checksums.record(ARTEFACT, adopted=True)
    runs.begin(main_process=True)


def test_a_job_cut_off_before_its_metadata_is_left_to_snakemake(folder):
    mark = Path(".snakemake/incomplete", metadata(ARTEFACT).name)
    mark.parent.mkdir()
    mark.write_text("{}")
    metadata(ARTEFACT).unlink()
    runs.begin(main_process=True)
    mark.unlink()
    with pytest.raises(DataError, match="1 results"):
        runs.begin(main_process=True)


def test_a_long_name_is_found_in_snakemakes_folders(folder):
    long = Path("results/jets") / ("x" * 120) / ("y" * 120) / "a.json"
    long.parent.mkdir(parents=True)
    long.write_text("{}")
    checksums.record(long)
    metadata(long).write_text("{}")
    runs.begin(main_process=True)
    metadata(long).unlink()
    with pytest.raises(DataError, match="1 results"):
        runs.begin(main_process=True)


def test_a_job_whose_snakemake_is_gone_publishes_nothing(folder, monkeypatch):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setenv("JETCHAIN_SNAKEMAKE", str(gone.pid))
    with pytest.raises(DataError, match="the Snakemake that asked for it is gone"):
        write_json(ARTEFACT, {"x": 2})
    assert ARTEFACT.read_text() == "{}\n"
    assert list(ARTEFACT.parent.iterdir()) == [ARTEFACT]


def test_a_job_ends_when_its_snakemake_is_killed(folder):
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    program = textwrap.dedent("""
        import time
        from jetchain.plumbing import runs
        runs.end_with_snakemake(0.05)
        print("watching", flush=True)
        time.sleep(60)
    """)
    job = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"JETCHAIN_SNAKEMAKE": str(parent.pid)},
    )  # fmt: skip
    assert job.stdout.readline() == "watching\n"
    assert job.poll() is None
    parent.kill()
    parent.wait()
    assert job.wait(timeout=20) == 1


def test_what_a_killed_job_left_half_written_is_removed_by_the_next(folder):
    left = ARTEFACT.with_name(".a.json.99999.part")
    other = ARTEFACT.with_name(".ab.json.99999.part")
    for each in (left, other):
        each.mkdir()
        (each / "a.json").write_text("{")
    write_json(ARTEFACT, {"x": 2})
    assert not left.exists()
    assert other.exists()
