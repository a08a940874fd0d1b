"""Mistakes at Snakemake's command line are told in words, with the file and what to do."""

import logging
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from snakemake.cli import parse_config
from snakemake.common import parse_key_value_arg
from snakemake.common.configfile import load_configfile
from snakemake_interface_logger_plugins.common import LogEvent

from jetchain.core.registry import settings_class
from jetchain.plumbing import digest, targets
from jetchain.tagging import models
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


READERS = {
    "settings": lambda: settings_class("jetchain.tagging.models.mine", "MineSettings"),
    "digest": lambda: digest.code_digest("tagging.train", "tagging.models.mine"),
    "signature": lambda: digest.signature("tagging.models.mine.verb"),
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file of the package as a user begins to write it."""
    root = tmp_path / "jetchain"
    monkeypatch.setattr(mistakes, "ROOT", root)
    monkeypatch.setattr(models, "__path__", [str(root / "tagging/models")])
    ours = digest.module_path
    monkeypatch.setattr(
        digest, "module_path",
        lambda name: file if name == "jetchain.tagging.models.mine" else ours(name),
    )  # fmt: skip
    digest.code_digest.cache_clear()
    file = root / "tagging/models/mine.py"
    file.parent.mkdir(parents=True)
    yield file
    sys.modules.pop("jetchain.tagging.models.mine:MineSettings", None)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_the_package_that_is_no_python(mine, reader):
    mine.write_text("x = (\n")
    text = told(READERS[reader])
    assert text.startswith(f"{mine}, line 1: '(' was never closed: x = (\nRemedy: ")


def test_a_class_that_a_table_names_wrongly(mine):
    mine.write_text("class Mine: ...\n")
    text = told(READERS["settings"])
    assert text.startswith(f"{mine}: there is no class 'MineSettings', which a line of the table")


def test_a_model_in_the_table_whose_file_is_not_there():
    text = told(lambda: settings_class("jetchain.tagging.models.mine", "MineSettings"))
    assert text.startswith("There is no module jetchain.tagging.models.mine, ")
    assert "workflow/jetchain/tagging/models/mine.py" in text


def test_a_library_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(digest, "_version", lambda _: version("no-such-library"))
    digest.code_digest.cache_clear()
    text = told(lambda: digest.code_digest("tagging.train", "tagging.models.pfn"))
    assert text.startswith("tagging.train with tagging.models.pfn imports no-such-library, which")
    assert "pip install no-such-library" in text


def test_what_is_said_of_a_mistake_loads_no_model():
    """A model of the user's own that cannot be loaded must not keep the display from saying so."""
    code = "import sys, snakemake_logger_plugin_jetchain.mistakes; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "jetchain.plumbing.targets" in done.stdout
    assert "jetchain.tagging" not in done.stdout


def test_a_folder_that_cannot_be_written():
    text = told(lambda: Path("/proc/jetchain").touch())
    assert text.startswith("/proc/jetchain: No such file or directory.\nRemedy: The folder of the ")


def test_a_target_that_no_rule_makes(monkeypatch):
    def none_known():
        raise KeyError("all else")

    monkeypatch.setattr(targets, "KNOWN", None)
    assert told(none_known) == "Traceback ..."
