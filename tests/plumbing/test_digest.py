"""A comment reruns nothing; a change of a formula reruns exactly what used it."""

import pytest

from helpers.digests import forget
from jetchain.plumbing import digest

FILES = {
    "core/__init__.py": "",
    "room/__init__.py": "",
    "core/tools.py": '''
import numpy as np
FACTOR = 2
"""The factor."""
def double(x):
    """Twice x."""
    return np.multiply(FACTOR, x)
def other(x):
    return x
''',
    "room/verb.py": """
from jetchain.core.tools import double
from jetchain.core import tools
from jetchain.core.progress import Progress
from jetchain.core.settings import key
class Options:
    size: int = key(3, "how large")
def helper(x): return tools.double(x)
def unused(x): return tools.other(x)
def hidden(hidden_too): return tools.other(hidden_too)
def hidden_too(x): return tools.other(x)
def verb(*, options: Options) -> None:
    import scipy.stats as stats
    hidden = [hidden_too for hidden_too in range(3)]
    Progress()
    helper(stats.norm)
    (lambda unused: unused)(hidden)
""",
    "core/settings.py": "def key(default, meaning): return default\n",
    "core/progress.py": 'class Progress:\n    LINE = "progress"\n',
    "room/model.py": "WIDTH = 3\nclass Net: pass\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(digest, "ROOT", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def edit(name, old, new):
        path = tmp_path / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        forget()

    forget()
    yield edit
    forget()


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("core/tools.py", "FACTOR = 2", "FACTOR = 3", True),
        ("core/tools.py", "np.multiply(FACTOR, x)", "np.divide(FACTOR, x)", True),
        ("room/verb.py", "helper(stats.norm)", "helper(stats.expon)", True),
        ("core/tools.py", "Twice x.", "Two times x.", False),
        ("core/tools.py", "FACTOR = 2", "FACTOR = 2  # the factor", False),
        ("core/tools.py", "The factor.", "Two.", False),
        ("core/tools.py", "    return x", "    return x + 1", False),
        ("room/verb.py", "unused(x): return tools.other(x)", "unused(x): return 3", False),
        ("room/verb.py", "return tools.other(hidden_too)", "return 3", False),
        ("room/verb.py", "hidden_too(x): return tools.other(x)", "hidden_too(x): pass", False),
        ("room/verb.py", '"how large"', '"the size"', False),
        ("room/verb.py", "key(3", "key(4", False),
        ("core/progress.py", '"progress"', '"so far"', False),
    ],
)
def test_exactly_what_the_verb_reaches_counts(package, name, old, new, changes):
    before = digest.code_digest("room.verb")
    package(name, old, new)
    assert (digest.code_digest("room.verb") != before) is changes


def test_a_module_reached_by_name_counts_only_where_it_is_named(package):
    plain, named = digest.code_digest("room.verb"), digest.code_digest("room.verb", "room.model")
    package("room/model.py", "WIDTH = 3", "WIDTH = 4")
    assert digest.code_digest("room.verb") == plain
    assert digest.code_digest("room.verb", "room.model") != named


def test_library_versions_count(package, monkeypatch):
    assert digest.closure("room.verb")[1] == ("numpy", "scipy")
    before = digest.code_digest("room.verb")
    digest.code_digest.cache_clear()
    monkeypatch.setattr(digest, "_version", lambda name: "0.0")
    assert digest.code_digest("room.verb") != before


def test_a_library_in_the_user_s_pythonpath_does_not_count(tmp_path, monkeypatch):
    """Jobs do not see it."""
    look_up = digest._version.__wrapped__
    installed = look_up("numpy")
    (tmp_path / "numpy-99.0.dist-info").mkdir()
    (tmp_path / "numpy-99.0.dist-info" / "METADATA").write_text("Name: numpy\nVersion: 99.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert look_up("numpy") == "99.0"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert look_up("numpy") == installed


def test_an_unknown_verb_is_refused(package):
    with pytest.raises(LookupError, match="defines no 'verv'"):
        digest.code_digest("room.verb.verv")


@pytest.mark.parametrize("damage", [None, "", "{", "removed"])
def test_what_a_source_says_is_kept_and_read_again_if_damaged(
    package, tmp_path, monkeypatch, damage
):
    first = digest.code_digest("room.verb")
    (kept,) = (
        path for path in tmp_path.glob("cache/jetchain/*.json") if "helper" in path.read_text()
    )
    if damage == "removed":
        kept.unlink()
    elif damage is not None:
        kept.write_text(damage)
    read, ours = [], digest._read
    monkeypatch.setattr(digest, "_read", lambda *given: read.append(given[0]) or ours(*given))
    forget()
    assert digest.code_digest("room.verb") == first
    assert read == ([] if damage is None else ["jetchain.room.verb"])


def test_another_module_in_the_package_may_change_what_a_name_means(package, tmp_path):
    package("room/verb.py", "tools.double(x)", "double(x)")
    first = digest.code_digest("room.verb")
    (tmp_path / "core/tools").mkdir()
    (tmp_path / "core/tools/double.py").write_text("WIDTH = 1")
    forget()
    assert digest.code_digest("room.verb") != first


def test_what_is_kept_is_what_was_read():
    forget()
    modules = digest._modules()
    assert len(modules) > 300
    for module in modules:
        path = digest.module_path(module)
        assert digest._parse(module) == digest._read(module, path.read_bytes(), path)
