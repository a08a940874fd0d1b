"""Jobs forked from a server that has loaded their modules: the same results, codes and ends."""

import os
import subprocess
import sys

import psutil
import pytest

from helpers.faults import until
from jetchain.core.errors import ConfigurationError
from jetchain.core.io.atomic import SNAKEMAKE
from jetchain.generate.settings import GenerationSettings, GunSettings
from jetchain.plumbing import environment, forkserver

VERB = "generate.sample"


def settings(events):
    gun = GunSettings(pdgids=[211], variable="energy", minimum=20.0, maximum=20.0, eta_max=2.5)
    return GenerationSettings(process="gun", gun=gun, events=events).model_dump_json()


@pytest.fixture(scope="module")
def server():
    """The socket of a server with the modules of one verb."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SNAKEMAKE, str(os.getpid()))
        patch.delenv(forkserver.SOCKET, raising=False)
        forkserver.start([VERB] * forkserver.LEAST_JOBS, environment.shell_prefix())
        path = os.environ[forkserver.SOCKET]
        until(lambda: os.path.exists(path), "the server is ready")
        yield path
        processes(path)[0].kill()
        patch.delenv(forkserver.SOCKET)


def processes(path):
    """The server, its keepers and its jobs, the oldest first."""
    found = []
    for process in psutil.process_iter():
        try:
            if path in process.cmdline() and process.status() != "zombie":
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return sorted(found, key=lambda process: process.pid)


def start(folder, events=10, where=None, **more):
    variables = os.environ | ({} if where is None else {forkserver.SOCKET: where})
    folder.mkdir(exist_ok=True)
    arguments = {
        "events": "0.root", "summary": "0.json", "shard": "0000", "seed": "1",
        "settings": settings(events), **more,
    }  # fmt: skip
    options = [word for name, value in arguments.items() for word in (f"--{name}", value)]
    return subprocess.Popen(
        [sys.executable, "-m", "jetchain", VERB, *options],
        cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_fork_writes_what_a_process_of_its_own_writes(server, tmp_path):
    written = {}
    for name, where in (("forked", server), ("own", forkserver.OFF)):
        job = start(tmp_path / name, where=where)
        assert f"{VERB}: done in" in job.communicate()[1]
        assert job.returncode == 0
        written[name] = [(tmp_path / name / f"0.{kind}").read_bytes() for kind in ("root", "json")]
    assert written["forked"] == written["own"]


def test_a_fork_that_fails_says_so_and_its_code_arrives(server, tmp_path):
    job = start(tmp_path / "bad", settings='{"evnts": 1}')
    said = job.communicate()[1]
    assert job.returncode == ConfigurationError.exit_code
    assert "Did you mean 'events'?" in said


def work(server, job):
    """The process that does a job: the youngest that the server has, when it has begun."""
    return until(lambda: len(processes(server)) == 3 and processes(server)[-1], "the job began")


def test_a_killed_fork_is_told_as_the_shell_tells_it(server, tmp_path):
    job = start(tmp_path / "killed", events=10_000_000)
    work(server, job).kill()
    job.communicate()
    assert job.returncode == 137


def test_a_killed_caller_takes_the_fork_along(server, tmp_path):
    job = start(tmp_path / "caller", events=10_000_000)
    work(server, job)
    job.kill()
    job.communicate()
    until(lambda: len(processes(server)) == 1, "the forks end")
    assert not (tmp_path / "caller" / "0.root").exists()


def test_without_a_server_a_job_runs_by_itself(tmp_path):
    job = start(tmp_path / "alone", where=str(tmp_path / "nobody"))
    job.communicate()
    assert job.returncode == 0
    assert (tmp_path / "alone" / "0.root").exists()


def test_a_server_ends_with_its_snakemake(tmp_path, monkeypatch):
    snakemake = subprocess.Popen(["sleep", "1000"])
    monkeypatch.setenv(SNAKEMAKE, str(snakemake.pid))
    monkeypatch.delenv(forkserver.SOCKET, raising=False)
    forkserver.start([VERB] * forkserver.LEAST_JOBS, environment.shell_prefix())
    path = os.environ[forkserver.SOCKET]
    until(lambda: os.path.exists(path), "the server is ready")
    snakemake.kill()
    snakemake.wait()
    until(lambda: not processes(path), "the server ends")
    assert not os.path.exists(os.path.dirname(path))


def test_a_job_leaves_with_its_code_and_all_that_it_printed():
    # Registered first, called last: what libraries leave to the end of the process is done before.
    script = """if True:
        import atexit, os, sys
        from jetchain.plumbing import forkserver
        code = [1]
        atexit.register(forkserver._leave, os.getpid(), code)
        if not os.fork():
            atexit.register(print, "handler", end="")
            print("printed", end=" ")
            code[0] = 7
            sys.exit(7)
        sys.exit(os.waitstatus_to_exitcode(os.wait()[1]) + 1)
    """
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert (done.stdout, done.returncode) == ("printed handler", 8)  # the server's own end is usual


@pytest.mark.parametrize(("jobs", "said"), [(1, ""), (1000, forkserver.OFF)])
def test_for_a_few_jobs_or_where_it_is_off_no_server_starts(jobs, said, monkeypatch):
    monkeypatch.setenv(forkserver.SOCKET, said)
    forkserver.start([VERB] * jobs, environment.shell_prefix())
    assert os.environ[forkserver.SOCKET] == said
