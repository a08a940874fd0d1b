"""Faults lose nothing: each is injected into a real run of the tiny configuration.

The next run either goes on to the same bytes, or stops with the cause and the remedy.
"""

import base64
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from helpers.faults import contents, flip, jobs_of, replace, running, until, wait_for_job
from helpers.snakemake import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.faults]

# One job a row, at several points of the chain: its verb and what is removed, so that it runs.
JOBS = {
    "generate.sample": "results/generate/quark/0001.root",
    "detector.simulate": "results/detector/quark/0001.root",
    "jets.cluster": "results/jets/parametric/quark/0001.root",
    "tagging.train": "results/tagging/pfn/weights.safetensors",
    "inference.limits": "results/inference/cathode/limits.json",
}


def go_on(folder, before, *targets):
    """The next run ends well, and every byte is as it was."""
    done = snakemake(folder, *targets)
    assert done.returncode == 0, done.stdout[-3000:]
    after = contents(folder)
    assert after.keys() == before.keys()
    assert [path for path in before if after[path] != before[path]] == []


@pytest.mark.parametrize("verb", JOBS)
def test_a_killed_job_is_made_again(copy, verb):
    before = contents(copy)
    (copy / JOBS[verb]).unlink()
    with running(copy, JOBS[verb]) as run:
        wait_for_job(copy, verb).kill()
        output, _ = run.communicate()
    assert run.returncode != 0
    assert "Error in rule" in output
    go_on(copy, before, JOBS[verb])


@pytest.mark.parametrize("delay", [0.0, 1.5])
@pytest.mark.parametrize("verb", ["generate.sample", "tagging.train"])
def test_a_killed_snakemake_takes_its_jobs_along_and_the_next_goes_on(copy, verb, delay):
    before = contents(copy)
    (copy / JOBS[verb]).unlink()
    with running(copy, JOBS[verb]) as run:
        wait_for_job(copy, verb)
        time.sleep(delay)
        run.kill()
        run.communicate()
        until(lambda: not jobs_of(copy), "the orphaned job ends")
    assert list((copy / ".snakemake" / "locks").iterdir()), "a dead run leaves its locks"
    go_on(copy, before, JOBS[verb])


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_snakemake_ends_in_order(copy, sent):
    verb = "tagging.train"
    before = contents(copy)
    (copy / JOBS[verb]).unlink()
    with running(copy, JOBS[verb]) as run:
        wait_for_job(copy, verb)
        os.killpg(run.pid, sent) if sent == signal.SIGINT else run.send_signal(sent)
        run.communicate()
    until(lambda: not jobs_of(copy), "the interrupted job ends")
    go_on(copy, before, JOBS[verb])


def test_a_killed_run_does_not_write_into_one_with_another_configuration(copy):
    target = JOBS["tagging.train"]
    overlay = {"tagging": {"training": {"epochs": 2}}}
    shutil.copytree(copy, expected := copy.with_name("expected"))
    assert snakemake(expected, target, overlay=overlay).returncode == 0
    (copy / target).unlink()
    with running(copy, target) as run:
        wait_for_job(copy, "tagging.train")
        run.kill()
        done = snakemake(copy, target, overlay=overlay)
    assert done.returncode == 0, done.stdout[-3000:]
    until(lambda: not jobs_of(copy), "the orphaned job ends")
    assert (copy / target).read_bytes() == (expected / target).read_bytes()


def test_of_two_runs_at_once_the_second_is_refused_and_the_first_ends_well(copy):
    before = contents(copy)
    verb = "tagging.train"
    (copy / JOBS[verb]).unlink()
    with running(copy, JOBS[verb]) as first:
        job = wait_for_job(copy, verb)
        job.suspend()
        try:
            second = snakemake(copy, JOBS[verb])
        finally:
            job.resume()
        assert second.returncode != 0
        assert "Directory cannot be locked" in second.stdout
        first.communicate()
    assert first.returncode == 0
    go_on(copy, before, JOBS[verb])


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a small file system in a folder's place; needs root, as CI has."""
    mounted = []

    def mount(folder, size):
        content = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
        kept = tmp_path / "kept"
        shutil.move(folder, kept)
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip("mounting a file system is not allowed here")
        mounted.append(folder)
        for path in content:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(kept / path, folder / path)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder):
    """Leave no byte on a file system."""
    with open(folder / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return


def test_a_full_disk_stops_the_job_and_loses_nothing(copy, small_disk):
    before = contents(copy)
    target = copy / JOBS["inference.limits"]
    target.unlink()
    small_disk(copy / "results" / "inference", "2m")
    fill(copy / "results" / "inference")
    done = snakemake(copy, JOBS["inference.limits"])
    assert done.returncode != 0
    assert "no space is left on the disk" in done.stdout
    assert "what was finished is kept" in done.stdout
    (copy / "results" / "inference" / "filler").unlink()
    go_on(copy, before, JOBS["inference.limits"])


def test_a_full_disk_under_snakemakes_own_records_loses_nothing(copy, small_disk):
    before = contents(copy)
    target = copy / JOBS["inference.limits"]
    target.unlink()
    # What another test's dry run left: Snakemake removes it, and would have its room.
    shutil.rmtree(copy / ".snakemake" / "iocache")
    small_disk(copy / ".snakemake", "8m")
    fill(copy / ".snakemake")
    done = snakemake(copy, JOBS["inference.limits"])
    assert done.returncode != 0
    assert "No space left on device" in done.stdout
    (copy / ".snakemake" / "filler").unlink()
    go_on(copy, before, JOBS["inference.limits"])


DAMAGES = {
    "cut short": lambda content: content[: len(content) // 2],
    "one bit flipped": flip,
    "emptied": lambda content: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    ("source", "reader"),
    [
        ("results/generate/quark/0001.root", "results/detector/quark/0001.root"),
        ("results/tagging/jets/W/0000.safetensors", "results/tagging/pfn/weights.safetensors"),
        ("results/background/cathode/yields.json", "results/inference/cathode/limits.json"),
    ],
)
def test_a_damaged_file_stops_its_reader_and_is_made_again(copy, source, reader, damage):
    before = contents(copy)
    replace(copy / source, DAMAGES[damage](before[source]))
    done = snakemake(copy, reader)
    assert done.returncode != 0
    assert f"{source}: not what its job wrote" in done.stdout
    assert "Remedy: Remove it and run the same command again" in done.stdout
    (copy / source).unlink()
    go_on(copy, before, source, reader)


def test_a_damaged_end_result_is_found_by_verify_and_made_again(copy):
    before = contents(copy)
    result = "results/reporting/summary.csv"
    replace(copy / result, flip(before[result]))
    verify = [sys.executable, "-m", "jetchain.provenance", "--directory", str(copy), "verify"]
    found = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert f"  {result}: another content" in found.stdout
    (copy / result).unlink()
    go_on(copy, before, "all")
    assert subprocess.run(verify, check=False).returncode == 0


@pytest.mark.parametrize(
    "lost", ["results/jets/parametric/summary.json", "results/reporting/overview.png"]
)
def test_a_removed_file_is_made_again(copy, lost):
    before = contents(copy)
    (copy / lost).unlink()
    go_on(copy, before, "all")


def test_without_snakemakes_metadata_results_are_not_trusted(copy):
    before = contents(copy)
    shutil.move(copy / ".snakemake" / "metadata", copy / "metadata")
    done = snakemake(copy, "all")
    assert done.returncode != 0
    assert "results have no record in .snakemake/metadata" in done.stdout
    assert "Remedy: Bring .snakemake/metadata back" in done.stdout
    shutil.rmtree(copy / ".snakemake" / "metadata", ignore_errors=True)
    shutil.move(copy / "metadata", copy / ".snakemake" / "metadata")
    go_on(copy, before, "all")


def test_a_record_of_metadata_that_was_cut_off_is_not_trusted(copy):
    before = contents(copy)
    name = base64.urlsafe_b64encode(JOBS["inference.limits"].encode()).decode()
    record = copy / ".snakemake" / "metadata" / name
    replace(record, record.read_bytes()[:40])
    done = snakemake(copy, "all")
    assert done.returncode != 0
    assert "1 results have no record in .snakemake/metadata of how they were made" in done.stdout
    assert JOBS["inference.limits"] in done.stdout
    (copy / JOBS["inference.limits"]).unlink()
    go_on(copy, before, "all")


def test_lost_checksums_stop_the_reader(copy):
    before = contents(copy)
    target = JOBS["inference.limits"]
    shutil.rmtree(copy / "results" / "provenance" / "checksums" / "background")
    (copy / target).unlink()
    done = snakemake(copy, target)
    assert done.returncode != 0
    assert "nothing says how this file was made" in done.stdout
    adopt = [sys.executable, "-m", "jetchain.provenance", "--directory", str(copy), "adopt"]
    for path in ("results/background/cathode/yields.json", "results/background/disco/yields.json"):
        subprocess.run([*adopt, path], check=True)
    go_on(copy, before, target)


def test_what_a_killed_writer_left_does_not_stay(copy):
    before = contents(copy)
    target = copy / JOBS["inference.limits"]
    target.unlink()
    left = target.with_name(f".{target.name}.{psutil.pids()[-1]}.part")
    left.mkdir()
    (left / target.name).write_bytes(b"{")
    go_on(copy, before, JOBS["inference.limits"])
    assert not left.exists()
