"""The table of platforms, from what pip would answer."""

import re
import sys

import pytest

from jetchain.core.errors import ResourceError
from jetchain.plumbing import platforms

FAKE = """
import json, sys
if "{fails}" in " ".join(sys.argv):
    print("ERROR: No matching distribution found for {fails}==1", file=sys.stderr)
    sys.exit(1)
names = [word.partition("==")[0] for word in sys.argv if "==" in word]
report = sys.argv[sys.argv.index("--report") + 1]
taken = [
    {{"metadata": {{"name": name.upper()}}, "download_info": {{"url": f"https://x/{{name}}-1-cp311.whl"}}}}
    for name in names
]
json.dump({{"install": taken}}, open(report, "w"))
"""


def pip(tmp_path, monkeypatch, code):
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\n{code}")
    script.chmod(0o755)
    monkeypatch.setattr(platforms.sys, "executable", str(script))


def test_what_pip_does_not_find_is_left_out(tmp_path, monkeypatch):
    pip(tmp_path, monkeypatch, FAKE.format(fails="b_c"))
    assert platforms.wheels(["a==1", "b_c==1", "d.e==1"], ("win_amd64",)) == {
        "a==1": "a-1-cp311.whl",
        "d.e==1": "d.e-1-cp311.whl",
    }


def test_another_failure_of_pip_is_told(tmp_path, monkeypatch):
    pip(tmp_path, monkeypatch, "import sys; print('no network', file=sys.stderr); sys.exit(1)")
    with pytest.raises(ResourceError, match="no network"):
        platforms.wheels(["a==1"], ("win_amd64",))


def test_the_page_tells_compiled_ones_apart():
    found = {
        "Linux": {"a==1": "a-cp311-linux.whl", "b==1": "b-py3-none-any.whl"},
        "Windows": {"b==1": "b-py3-none-any.whl"},
    }
    text = platforms.page(["a==1", "b==1", "c==1"], found, "2026-11-28")
    assert "Of 3 packages 1 hold compiled code, 1 come as source everywhere\n(c==1)" in text
    assert "| a==1 | yes | **no** |" in text
    assert "| b==1" not in text
    assert "**Windows**: a==1 would have to be built" in text


def test_the_page_is_of_the_lock_as_it_is():
    page = platforms.PAGE.read_text(encoding="utf-8")
    lock = platforms.LOCK.read_text(encoding="utf-8").splitlines()
    rows = re.findall(r"^\| (\S+==\S+) \|", page, flags=re.MULTILINE)
    assert set(rows) <= set(lock), "run `make platforms`"
