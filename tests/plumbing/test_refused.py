"""A point of a scan that has no result says why, and hands it on; other failures stay failures."""

from pathlib import Path

import pytest

from jetchain.core.errors import DataError, EmptySampleError, TrainingError
from jetchain.core.io.refusals import refusal, write_refusal
from jetchain.core.io.tables import write_json
from jetchain.plumbing import checksums, refused
from jetchain.plumbing.rules import LAUNCH_POINT


def called(folder, error, inputs=()):
    """What becomes of a job that ended with an error, and its two outputs."""
    log, outputs = folder / "job.log", [Path("results/anomaly/a.json"), Path("results/b/c.csv")]
    log.write_text(f"progress: 1/2\njetchain anomaly.search failed: {error}\n")
    arguments = [str(error.exit_code), str(log), *map(str, inputs), "--", *map(str, outputs)]
    return refused.main(arguments), outputs, log


@pytest.mark.parametrize("kind", [EmptySampleError, TrainingError])
def test_too_few_events_stand_in_the_outputs_and_are_handed_on(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    status, outputs, log = called(tmp_path, kind("Only 3 bins\nhold events.", "Make more."))
    assert status == 0
    assert [refusal(path) for path in outputs] == ["Only 3 bins\nhold events."] * 2
    assert "the others of its scan go on" in log.read_text()
    checksums.require_unchanged(outputs)  # jobs that read them are not stopped by it
    # The next job can't read its input, which is a failure of another kind.
    later, more, _ = called(tmp_path, DataError("cut short", "Remove it."), outputs)
    assert later == 0
    assert refusal(more[0]) == "Only 3 bins\nhold events."


def test_all_other_failures_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "whole.json", {"refuse": 1})
    status, outputs, _ = called(tmp_path, DataError("damaged", "x"), [tmp_path / "whole.json"])
    assert status == DataError.exit_code
    assert not any(path.exists() for path in outputs)
    (tmp_path / "job.log").write_text("Segmentation fault\n")
    arguments = [str(EmptySampleError.exit_code), str(tmp_path / "job.log"), "--", str(outputs[0])]
    assert refused.main(arguments) == EmptySampleError.exit_code  # nobody said why


def test_a_result_is_no_refusal_and_a_refusal_is_read_as_it_was_written(tmp_path):
    for text in ("", "{", '{\n "refuse": 1\n}\n', "method,window\n"):
        (tmp_path / "result").write_text(text)
        assert refusal(tmp_path / "result") is None
    write_refusal(tmp_path / "result", 'a "b"\n\\c')
    assert refusal(tmp_path / "result") == 'a "b"\n\\c'


def test_the_command_of_a_point_asks_for_it_after_a_failure_alone():
    assert LAUNCH_POINT.startswith("{params.command} > {log:q} 2>&1 || python -m jetchain.")
