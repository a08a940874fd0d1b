"""Mistakes at Snakemake's command line are told in words, with the file and what to do."""

import logging
import os
from pathlib import Path

import pytest
from snakemake.cli import parse_config
from snakemake.common import parse_key_value_arg
from snakemake.common.configfile import load_configfile
from snakemake_interface_logger_plugins.common import LogEvent

from jetchain.plumbing import targets
from snakemake_logger_plugin_jetchain import mistakes


def told(act):
    """What the user reads of the error that something raises."""
    record = logging.LogRecord("snakemake", logging.ERROR, "", 0, "Traceback ...", (), None)
    record.event = LogEvent.ERROR
    try:
        act()
    except Exception:
        assert mistakes.explain(record)
        return record.getMessage()
    raise AssertionError("no error")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("my.yaml", None, "No such file"),
        ("my.yaml", "folder", "Is a directory"),
        ("my.yaml", b"", "keys at top level"),
        ("my.yaml", b"- a\n", "keys at top level"),
        ("my.yaml", b"only text", "keys at top level"),
        ("my.yaml", b"seed: 1\xff", "not text in UTF-8 (byte 7)"),
        ("my.yaml", b"a: [1\nb: 2\n", "not valid YAML: line 2, column 2: "),
        ("my.yaml", b"a:\n\tb: 2\n", "not valid YAML: line 2, column 1: "),
        ("my.yaml", b"a: b: c\n", "not valid YAML: line 1, column 5: "),
        ("my.yaml", b"a: !odd 1\n", "not valid YAML: line 1, column 4: "),
        ("my.yaml", b"a: {[1]: 2}\n", "not valid YAML: line 1, column 5: "),
        ("my.yaml", b"a: \x00\n", "special characters are not allowed"),
        ("my.yaml", b"a: 2026-99-99\n", "month must be in 1..12"),
        ("my.yaml", b"[" * 5000, "nested too deeply"),
        ("all", None, "name targets before it"),
        ("results", "folder", "name targets before it"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, monkeypatch, name, content, message):
    monkeypatch.chdir(tmp_path)
    if content == "folder":
        os.mkdir(name)
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    text = told(lambda: load_configfile(name))
    assert text.startswith(f"{name}: ")
    assert message in text
    assert text.count("\nRemedy: ") == 1
    assert "Traceback" not in text


def test_a_target_behind_config():
    text = told(lambda: parse_key_value_arg("all", "Invalid config definition: pairs."))
    assert "'all'" in text
    assert "name targets before it" in text


def test_a_key_with_points_behind_config():
    text = told(lambda: parse_config(["tagging.training.epochs=3"]))
    assert text.startswith("--config tagging.training.epochs=3: a point does not lead")
    assert text.endswith("--config 'tagging={training: {epochs: 3}}'")
    assert parse_config(["tagging={training: {epochs: 3}}"]) == {
        "tagging": {"training": {"epochs": "3"}}
    }


def test_a_folder_that_cannot_be_written():
    text = told(lambda: Path("/proc/jetchain").touch())
    assert text.startswith("/proc/jetchain: No such file or directory.\nRemedy: The folder of the ")


def test_a_target_that_no_rule_makes(monkeypatch):
    def none_known():
        raise KeyError("all else")

    monkeypatch.setattr(targets, "KNOWN", None)
    assert told(none_known) == "Traceback ..."
