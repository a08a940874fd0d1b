"""Lines of progress: rare, readable, read back from the end of a log."""

import os

import pytest

from jetchain.core import progress
from jetchain.core.progress import Progress, latest


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_lines_are_rare_and_the_last_one_is_printed(clock, capsys):
    loop = Progress(8000, "events")
    for done in range(100, 8001, 100):
        clock.now += 0.125
        loop.report(done)
    assert capsys.readouterr().err.splitlines() == [
        "progress: 4,000/8,000 events, 800/s",
        "progress: 8,000/8,000 events, 800/s",
    ]


def test_a_short_loop_says_nothing(clock, capsys):
    loop = Progress(3, "trainings")
    for done in (1, 2, 3):
        clock.now += 1
        loop.report(done)
    assert capsys.readouterr().err == ""


def test_metrics_stand_in_the_line(clock, capsys):
    loop = Progress(12, "epochs", "particlenet")
    clock.now += 60
    loop.report(7, loss=0.41234567, validation=1.5e-7)
    assert (
        capsys.readouterr().err
        == "progress: particlenet 7/12 epochs, loss 0.4123, validation 1.5e-07\n"
    )


def test_what_is_printed_is_read_back(clock, capsys, tmp_path):
    loop = Progress(12000, "epochs", "flow 2/3")
    for done in (3000, 6000):
        clock.now += 60
        loop.report(done, loss=0.5)
    log = tmp_path / "job.log"
    log.write_text("PYTHIA says much\n" * 10000 + capsys.readouterr().err + "a warning\nprogress: ")
    report = latest(log, since=0)
    assert report.text == "flow 2/3 6,000/12,000 epochs, loss 0.5"
    assert report.fraction == 0.5


@pytest.mark.parametrize("content", [b"", b"nothing to see\n", b"progress: 1/2 ev", b"\xff\xfe\n"])
def test_a_log_without_a_line_gives_none(tmp_path, content):
    (tmp_path / "job.log").write_bytes(content)
    assert latest(tmp_path / "job.log", since=0) is None
    assert latest(tmp_path / "missing.log", since=0) is None


def test_the_log_of_an_earlier_run_does_not_count(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("progress: 1/2 events\n")
    os.utime(log, (1000, 1000))
    assert latest(log, since=1000).fraction == 0.5
    assert latest(log, since=1010) is None
