"""The launcher: failures end in two sentences and an exit code of their own."""

import errno
import gc
import signal
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest

from jetchain.core import checkpoints, training
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tensors import write_weights
from jetchain.core.settings import Settings, key
from jetchain.core.training_settings import TrainingSettings
from jetchain.core.verbs import Input, Inputs, Output, Outputs
from jetchain.plumbing import checksums, ended, launcher


class Options(Settings):
    size: int = key(3, "size", ge=1)


def verb(*, first: Inputs, out: Output, settings: Options, seed: int, sample: str) -> None:
    """Write what it was given."""
    if sample == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if sample == "bad":
        raise DataError("the file is bad.", "Mend it.")
    out.write_text(f"{[p.name for p in first]} {settings.size} {seed} {sample}")


def other(*, source: Input) -> None:
    """Nothing."""


@pytest.fixture
def toy(monkeypatch):
    module = types.ModuleType("jetchain.toy.verb")
    module.verb = verb
    monkeypatch.setitem(sys.modules, "jetchain.toy", types.ModuleType("jetchain.toy"))
    monkeypatch.setitem(sys.modules, "jetchain.toy.verb", module)


def call(tmp_path, sample, settings='{"size": 4}'):
    return launcher.main([
        "toy.verb.verb", "--first", "a", "b", "--out", str(tmp_path / "o"),
        "--settings", settings, "--seed", "7", "--sample", sample,
    ])  # fmt: skip


def test_arguments_follow_the_signature(toy, tmp_path):
    assert call(tmp_path, "ok") == 0
    assert (tmp_path / "o").read_text() == "['a', 'b'] 4 7 ok"


def test_what_a_job_took_stands_with_its_output_and_in_its_log(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    out = Path("results/toy/o")
    out.parent.mkdir(parents=True)
    words = ["toy.verb.verb", "--first", "a", "--out", str(out), "--settings", '{"size": 4}']
    assert launcher.main([*words, "--seed", "7", "--sample", "ok"]) == 0
    found = checksums.read(out)
    assert 0 <= found.seconds < 60
    assert found.cpu_seconds > 0.1
    assert 10 < found.memory_mb < 20_000
    assert f"peak memory {found.memory_mb} MB" in capsys.readouterr().err


def several(*, source: Inputs, out: Outputs) -> None:
    """Write a file for each name."""
    for path in out:
        path.write_text(path.name)


def test_each_of_several_outputs_has_its_checksum(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("results/toy")
    folder.mkdir(parents=True)
    paths = [folder / "a", folder / "b"]
    words = ["--source", "--out", *map(str, paths)]
    values = launcher.parse_arguments(several, words)
    assert values == {"source": [], "out": paths}
    launcher.run_verb(several, values, words)
    first, second = (checksums.read(path).sha256 for path in paths)
    assert first != second


def test_a_failure_is_two_sentences(toy, tmp_path, capsys):
    assert call(tmp_path, "bad") == DataError.exit_code
    error = capsys.readouterr().err
    assert error == "jetchain toy.verb.verb failed: the file is bad.\nRemedy: Mend it.\n"


def test_the_garbage_collector_runs_again_after_loading(capsys):
    assert launcher.main(["no.such.verb"]) == ConfigurationError.exit_code
    assert gc.isenabled()


def test_a_full_disk_is_told_as_such(toy, tmp_path, capsys):
    assert call(tmp_path, "full") == 9
    assert "no space is left on the disk" in capsys.readouterr().err


class Killed(BaseException):
    pass


def learn(*, source: Input, weights: Output, seed: int) -> None:
    """Train on a file, step by step; one of the steps may be the last."""
    import torch

    data = torch.tensor([[float(byte)] for byte in source.read_bytes()]) / 100

    def loss(model, batch):
        learn.steps += 1
        if learn.steps == learn.last:
            raise Killed
        return (model(batch) - 1).square().mean(), len(batch)

    model = torch.nn.Linear(1, 1)
    torch.nn.init.ones_(model.weight)
    torch.nn.init.zeros_(model.bias)
    training.fit(
        model, batches=lambda random: [data], validation=lambda: [data], loss=loss,
        settings=TrainingSettings(epochs=10), seed=seed, name="toy",
    )  # fmt: skip
    write_weights(weights, model)


def test_a_job_that_was_killed_goes_on_unless_something_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))
    source, weights = Path("results/toy/source"), Path("results/toy/weights")
    source.parent.mkdir(parents=True)

    arguments = ["learn", "--seed", "1"]

    def result(content, last=0):
        source.write_text(content)
        checksums.record(source)
        learn.steps, learn.last = 0, last
        launcher.run_verb(learn, {"source": source, "weights": weights, "seed": 1}, arguments)
        return learn.steps, weights.read_bytes()

    steps, undisturbed = result("abc")
    with pytest.raises(Killed):
        result("abc", last=steps - 4)
    assert {path.name for path in source.parent.iterdir()} == {
        "source", "weights", ".weights.checkpoint"
    }  # fmt: skip
    taken, weights_then = result("abc")
    assert taken < steps / 2
    assert weights_then == undisturbed
    assert {path.name for path in source.parent.iterdir()} == {"source", "weights"}
    for change in ("input", "arguments", "code"):
        with pytest.raises(Killed):
            result("abc", last=steps - 4)
        if change == "arguments":
            arguments.append("--more")
        if change == "code":
            monkeypatch.setattr(launcher, "_sources", lambda: "other")
        assert result("abd" if change == "input" else "abc")[0] == steps, change


def test_ctrl_c_ends_a_job_though_a_library_swallows_exceptions():
    program = textwrap.dedent("""
        import signal, time
        from jetchain.plumbing import ended
        signal.signal(signal.SIGINT, ended.stop_at_once)
        print("started", flush=True)
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    """)
    job = subprocess.Popen(
        [sys.executable, "-c", program], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert job.stdout.readline() == "started\n"
    job.send_signal(signal.SIGINT)
    _, said = job.communicate(timeout=20)
    assert job.returncode == ended.EXIT_STOPPED
    assert said == "jetchain: stopped on request\n"


def test_bad_settings_and_unknown_verbs_are_refused(toy, tmp_path, capsys):
    assert call(tmp_path, "ok", '{"sise": 4}') == ConfigurationError.exit_code
    assert "Did you mean 'size'?" in capsys.readouterr().err
    assert launcher.main(["toy.nothing"]) == ConfigurationError.exit_code
    assert "There is no verb 'toy.nothing'" in capsys.readouterr().err
