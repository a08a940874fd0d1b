"""What a run shows: lines in a file, a live display on a terminal, a summary at the end."""

import dataclasses
import errno
import io
import logging
import os
import pty
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from helpers.snakemake import HOUSE, snakemake
from jetchain.core.progress import duration
from jetchain.plumbing import configuration
from jetchain.plumbing.provenance.manifest import MANIFEST, read_rules
from jetchain.plumbing.rules import Record
from snakemake_logger_plugin_jetchain import LogHandler, handler
from snakemake_logger_plugin_jetchain.account import Account, Job, rooms_of_rules
from snakemake_logger_plugin_jetchain.display import Display
from snakemake_logger_plugin_jetchain.text import finished_line, summary, time_left

TARGET = "results/generate/quark/0000.json"
BAD = {"generate": {"samples": {"quark": {"generation": {"overrides": ["HardQCD:al = on"]}}}}}
ROOMS = {"make": "first", "take": "second"}
# The rules that the display knows of.
BOOK = "snakemake_logger_plugin_jetchain.account.BOOK"


def job(rule, number, started, log=None):
    return Job(rule, ROOMS[rule], f"{ROOMS[rule]}.{rule} {number}", log, started)


@pytest.fixture
def account():
    account = Account(ROOMS, opened=90.0)
    account.plan({"all": 1, "make": 4, "take": 2})
    return account


def test_every_rule_is_recorded_with_its_room(tiny_run, monkeypatch):
    rules = read_rules(tiny_run / MANIFEST)
    listed = subprocess.run(
        ["snakemake", "--list-rules", "--cores", "1"],
        cwd=HOUSE, text=True, capture_output=True, check=True,
        env=os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"},
    )  # fmt: skip
    names = {line.strip() for line in listed.stdout.splitlines() if re.fullmatch(r"\w+", line)}
    assert len(names) > 50
    monkeypatch.setattr(BOOK, {name: Record(**rules[name]) for name in rules})
    rooms = rooms_of_rules()
    named = {
        "all",
        "anomaly_bump_hunt",
        "anomaly_scan",
        "applications",
        "bench",
        "finished",
        "firmware_autoencoder",
        "firmware_designs",
        "firmware_distillation",
        "firmware_scan",
        "firmware_synthesis",
        "firmware_trees",
        "firmware_trigger",
        "full_particleflow",
        "full_tagging",
        "learning_curve",
        "patchsets",
        "pflow_choice",
        "pflow_transfer",
        "pileup_dependence",
        "publication",
        "quick",
        "tables",
    }
    assert names - set(rules) == named | set(rooms.values())  # each room is a target as well
    assert rooms["generate_sample"] == "generate"
    assert rooms["figure_jet_mass"] == "reporting"


def test_every_place_that_the_rules_name_is_in_the_configuration(tiny_run):
    rules = read_rules(tiny_run / MANIFEST)
    assert rules["summarise_jets"]["settings"] == {"": "jets.summary"}
    assert rules["train_tagger"]["settings"]["model"] == "tagging.models.{model}"
    values = configuration.Configuration().model_dump(mode="json")
    values["generate"]["samples"]["mine"] = {"source": {"particles": {}, "shower": []}}
    values["inference"]["workspaces"]["theirs"] = {}
    values["inference"]["grids"]["theirs"] = {}
    values["inference"]["applications"]["operators"]["theirs"] = {}
    values["graphs"]["samples"]["theirs"] = {"source": {"format": "", "checksums": {}}}

    def stands(inside, parts):
        """Whether a place is there; a wildcard may be any name, of which one has it."""
        if not parts:
            return True
        first, *rest = parts
        below = inside.values() if "{" in first else [inside[first]] if first in inside else []
        return any(stands(each, rest) for each in below if not rest or isinstance(each, dict))

    for place in [place for rule in rules.values() for place in rule["settings"].values()]:
        assert stands(values, place.split(".")), place


def test_the_time_left_counts_what_is_known(account):
    assert time_left(account, 100.0) == ""
    account.start(1, job("make", 1, 100.0))
    account.start(2, job("make", 2, 100.0))
    account.finish(1, 400.0)
    # Three jobs of 300 s are left, one of them all but done, two at a time; `take` is unknown.
    assert account.left(400.0) == (300.0, False)
    assert time_left(account, 400.0) == "about 5 min or more"
    account.finish(2, 400.0)
    account.start(5, job("take", 1, 400.0))
    account.expect(account.running[5], 600.0)
    work, complete = account.left(400.0)
    assert complete
    assert work == pytest.approx((2 * 300 + 2 * 600) / 2)
    account.finish(5, 1000.0)
    assert account.rules["take"].expected == {}


def typical(rule, number, started, seconds):
    return dataclasses.replace(job(rule, number, started), typical=seconds)


def test_the_time_left_of_a_first_run_is_known_from_its_first_job(account):
    """From what jobs take elsewhere, at the pace of this machine as soon as jobs are done."""
    account.typical = {"make": 40.0, "take": 200.0}  # 4 jobs of 10 s, 2 of 100 s
    account.start(1, typical("make", 1, 100.0, 10.0))
    account.start(2, typical("make", 2, 100.0, 10.0))
    assert account.left(101.0) == ((240 - 2) / 2, True)
    for number in (1, 2):
        account.finish(number, 120.0)  # half as fast as elsewhere
    work, complete = account.left(120.0)
    assert complete
    assert work == pytest.approx((2 * 20 + 2 * 200) / 2)


def test_the_time_left_counts_jobs_by_what_each_takes(account):
    """Small jobs that come first do not make the large ones of their rule small."""
    account.typical = {"make": 1 + 1 + 100 + 100, "take": 0.5}
    for number, seconds in ((1, 1.0), (2, 1.0)):
        account.start(number, typical("make", number, 100.0, seconds))
        account.finish(number, 100.0 + seconds)
    assert account.left(101.0)[0] == pytest.approx(200.5 / 2, rel=0.01)


def test_a_run_takes_no_less_than_its_longest_job(account):
    account.typical = {"make": 4.0, "take": 400.0}
    for number in (1, 2, 3, 4):
        account.start(number, typical("make", number, 100.0, 1.0))
        account.finish(number, 101.0)
    account.start(5, typical("take", 1, 101.0, 300.0))
    account.start(6, typical("take", 2, 101.0, 100.0))
    assert account.left(151.0)[0] == pytest.approx(250.0)
    account.finish(6, 201.0)
    assert account.left(301.0)[0] == pytest.approx(100.0)
    account.expect(account.running[5], 500.0)  # as its own progress tells
    assert account.left(301.0)[0] == pytest.approx(300.0)


def test_a_job_that_is_tried_again_has_not_failed(account):
    account.start(1, job("make", 1, 100.0))
    account.fail(1)
    assert (account.done, len(account.running), len(account.failed)) == (0, 0, 1)
    account.start(1, job("make", 1, 110.0))
    account.finish(1, 115.0)
    assert (account.done, len(account.running), len(account.failed)) == (1, 0, 0)
    assert account.rooms["first"].seconds == 5.0
    assert account.rooms["first"].running == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.7, "1 min 00 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")],
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text


def test_the_line_of_a_finished_job_tells_what_is_left(account):
    account.start(1, job("make", 1, 100.0))
    done = account.finish(1, 123.0)
    assert finished_line(account, done, 123.0) == (
        "[1/7] first.make 1 in 23 s; 6 jobs left, about 1 min or more"
    )


@pytest.mark.parametrize(
    ("called", "shown"),
    [
        ("/a/.venv/bin/snakemake", "snakemake"),
        ("/a/site-packages/snakemake/__main__.py", "python -m snakemake"),
    ],
)
def test_the_command_is_one_that_can_be_typed(monkeypatch, called, shown):
    monkeypatch.setattr("sys.argv", [called, "all", "--directory", "my run"])
    assert handler._command() == f"{shown} all --directory 'my run'"


def test_the_summary_of_a_failed_run_says_how_to_go_on(account):
    account.start(1, job("make", 1, 100.0))
    account.finish(1, 130.0)
    account.start(2, job("make", 2, 130.0, "results/logs/first/2.log"))
    account.fail(2)
    text = summary(account, 150.0, "snakemake all")
    assert "first     1          30 s   100%  first.make 1, 30 s" in text
    assert "1 of 7 jobs done in 1 min 00 s. What was finished is kept." in text
    assert "1 job failed:\n  first.make 2  (log: results/logs/first/2.log)" in text
    assert text.endswith("run the same command:\n  snakemake all")
    account.cores = 2
    busy = "1 of 7 jobs done in 1 min 00 s; the 2 cores worked 25% of it on jobs. What was"
    assert busy in summary(account, 150.0, "")
    account.start(3, job("make", 3, 130.0))
    assert "2 jobs did not finish:\n  first.make 2 " in summary(account, 150.0, "")


def test_the_headline_stands_under_a_run_that_wrote_it(account, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "results" / "reporting" / "summary.txt"
    text.parent.mkdir(parents=True)
    text.write_text("limit 12 fb\n")
    account.total, account.began = 0, time.time() - 10
    end = summary(account, 150.0, "")
    assert "limit 12 fb" in end
    assert "overview.png" in end
    assert "make report" in end
    os.utime(text, (1000, 1000))
    assert "limit 12 fb" not in summary(account, 150.0, "")


class Feed:
    """Gives a handler Snakemake's records, and keeps what it prints."""

    def __init__(self, monkeypatch, **settings):
        self.stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", self.stream)
        monkeypatch.setattr(BOOK, {"generate_sample": Record("generate.sample", {}, [])})
        usual = {
            "printshellcmds": False, "nocolor": False, "quiet": None, "debug_dag": False,
            "verbose": False, "show_failed_logs": True, "stdout": False, "dryrun": False,
        }  # fmt: skip
        self.handler = LogHandler(SimpleNamespace(**usual | settings), None)

    def __call__(self, event, message="", **said):
        record = logging.LogRecord("", logging.INFO, "", 0, message, None, None)
        record.__dict__ |= {"event": event, **said}
        self.handler.handle(record)

    def start(self, number, log):
        self(
            LogEvent.JOB_INFO, jobid=number, rule_name="generate_sample", log=[str(log)],
            wildcards={"sample": "quark", "shard": f"{number:04d}"},
            shellcmd="python -m jetchain generate.sample --events x",
        )  # fmt: skip

    def plan(self, jobs):
        self.handler._account = Account({}, opened=time.time())
        self(LogEvent.RUN_INFO, stats={"generate_sample": jobs, "total": jobs})

    @property
    def text(self):
        return self.stream.getvalue()


def test_records_become_lines(monkeypatch, tmp_path):
    monkeypatch.setattr(handler, "SECONDS_BETWEEN_LINES", 0.05)
    log = tmp_path / "0000.log"
    feed = Feed(monkeypatch)
    feed.plan(2)
    feed(LogEvent.JOB_STARTED, "Execute 1 jobs...", jobs=[0])
    feed.start(0, log)
    log.write_text("progress: 5,200/8,000 events, 172/s\n")
    time.sleep(0.3)
    feed(LogEvent.JOB_FINISHED, "Finished jobid: 0", job_id=0)
    feed(LogEvent.PROGRESS, None, done=1, total=2)
    feed(None, "A message of Snakemake's.")
    feed.handler.close()
    assert feed.text.splitlines()[:4] == [
        "2 jobs to run: generate 2",
        "      generate.sample quark/0000 for 0 s: 5,200/8,000 events, 172/s",
        "[1/2] generate.sample quark/0000 in 0 s; 1 job left, about 10 s",
        "A message of Snakemake's.",
    ]
    assert "\x1b" not in feed.text
    assert "To go on, run the same command" in feed.text


@pytest.mark.parametrize("settings", [{"dryrun": True}, {"verbose": True}, {"debug_dag": True}])
def test_where_the_user_asks_for_snakemakes_messages_they_come(monkeypatch, settings):
    feed = Feed(monkeypatch, **settings)
    feed(LogEvent.PROGRESS, None, done=1, total=2)
    feed.handler.close()
    assert feed.text == "1 of 2 steps (50%) done\n"


def test_a_fault_of_the_display_loses_no_message(monkeypatch):
    feed = Feed(monkeypatch)
    feed(LogEvent.JOB_FINISHED, "Finished jobid: 7")  # no job_id: not as Snakemake 9 logs it
    feed(LogEvent.PROGRESS, None, done=1, total=2)
    feed.handler.close()
    assert "The progress of the run cannot be shown" in feed.text
    assert "Finished jobid: 7" in feed.text
    assert "1 of 2 steps (50%) done" in feed.text


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("height", [7, 24])
def test_the_display_fits_the_terminal(account, monkeypatch, height):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", str(height))
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    display = Display(stream, nocolor=True)
    for number in range(1, 4):
        account.start(number, job("make", number, 100.0))
    shown = list(account.running.values())[: display.lines_for_jobs]
    stream.truncate(0)
    display.show(account, dict.fromkeys(shown, "5,200/8,000 events"), 130.0)
    lines = stream.getvalue().splitlines()
    display.close()
    assert len(lines) <= height
    text = "\n".join(lines)
    assert "5,200/8,000 events" in text
    assert "0 of 7 jobs done, 7 left; 40 s so far" in text
    assert ("second" in text) is (height == 24)
    assert "\x1b[3" not in text  # no colour


@pytest.mark.shared
@pytest.mark.workflow
def test_a_run_into_a_file_has_lines_without_control_characters(tmp_path):
    done = snakemake(tmp_path, TARGET)
    assert done.returncode == 0, done.stdout
    assert "1 job to run: generate 1" in done.stdout
    assert "[1/1] generate.sample quark/0000 in " in done.stdout
    assert "1 of 1 job done in " in done.stdout
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    again = snakemake(tmp_path, TARGET)
    assert "Nothing to be done" in again.stdout
    assert "job done" not in again.stdout


@pytest.mark.shared
@pytest.mark.workflow
def test_a_failed_job_shows_its_log_its_command_and_the_way_on(tmp_path):
    done = snakemake(tmp_path, TARGET, overlay=BAD)
    assert done.returncode != 0
    for message in (
        "Error in rule generate_sample",
        "Remedy:",
        "python -m jetchain generate.sample",
        "1 job failed:\n  generate.sample quark/0000  (log: results/logs/generate/sample/quark/",
        "To go on, run the same command:",
    ):
        assert message in done.stdout


def on_terminal(folder, *, interrupt_at=None, **environment):
    """Run on a pseudo-terminal; gives the exit code and all that the terminal received."""
    overlay = folder / "slow.yaml"
    events = 10_000 if interrupt_at else 400  # what is interrupted must not end before
    overlay.write_text(f"generate: {{samples: {{quark: {{generation: {{events: {events}}}}}}}}}")
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update({"TERM": "xterm", "LINES": "30", "COLUMNS": "100"} | environment)
        os.environ["PATH"] = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        os.chdir(HOUSE)
        os.execvp("snakemake", [
            "snakemake", "--cores", "1", "--directory", str(folder),
            "--configfile", "config/test.yaml", str(overlay), "--", TARGET,
        ])  # fmt: skip
    received = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            break
        if not part:
            break
        received += part
        if interrupt_at and interrupt_at in received:
            os.write(terminal, b"\x03")
            interrupt_at = None
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), received.decode()


HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


@pytest.mark.shared
@pytest.mark.workflow
def test_a_terminal_shows_the_run_live_and_is_restored(tmp_path):
    code, text = on_terminal(tmp_path)
    assert code == 0, text
    assert HIDE in text
    assert text.rindex(SHOW) > text.rindex(HIDE)
    live = text[text.index(HIDE) : text.rindex(SHOW)]
    assert "0/1" in live
    assert "1 running" in live
    assert "generate.sample quark/0000" in live
    after = text[text.rindex(SHOW) :]
    assert "1 of 1 job done in " in after
    assert "Execute 1 jobs" not in text


@pytest.mark.shared
@pytest.mark.workflow
def test_an_interrupted_run_restores_the_terminal_and_says_how_to_go_on(tmp_path):
    code, text = on_terminal(tmp_path, interrupt_at=b"1 running", NO_COLOR="1")
    assert code != 0
    assert text.rindex(SHOW) > text.rindex(HIDE)
    after = text[text.rindex(SHOW) :]
    assert "0 of 1 job done" in after
    assert "To go on, run the same command" in after
    assert not re.search(r"\x1b\[3[0-9]m", text)
