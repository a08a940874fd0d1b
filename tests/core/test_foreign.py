"""The user's code: found unrun, known by what it is made of, imported as it stands."""

import sys
import textwrap

import pytest

from jetchain.core import foreign
from jetchain.core.errors import ConfigurationError, DataError

NET = """
    '''A network.'''
    import math
    import pydantic
    import shapes
    from jetchain.core.settings import key

    WIDTH = 3

    class Net:
        width = WIDTH + shapes.MORE

    def make():
        return Net()
"""


@pytest.fixture
def folder(tmp_path):
    """A module beside another and beside one that it does not import; a package."""

    def write(name, text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))

    write("net.py", NET)
    write("shapes.py", "MORE = 1\n")
    write("alone.py", "raise RuntimeError('imported')\n")
    write("nets/__init__.py", "")
    write("nets/deep.py", "from . import parts\nfrom .parts import WIDTH\nimport shapes\n")
    write("nets/parts.py", "WIDTH = 5\n")
    write("spread/inside.py", "from spread.other import WIDTH\n")
    write("spread/other.py", "WIDTH = 7\n")
    before, finders = set(sys.modules), list(sys.meta_path)
    yield tmp_path
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        del sys.modules[name]


def got(path, folder):
    return foreign.load(path, folder, foreign.sources(path, folder))


def test_a_name_is_found_and_imported(folder):
    for path in ("net.Net", "net.make", "nets.deep.WIDTH", "spread.inside.WIDTH"):
        foreign.require(path, folder)
    assert got("net.Net", folder).width == 4
    assert got("nets.deep.WIDTH", folder) == 5
    assert got("spread.inside.WIDTH", folder) == 7
    assert str(folder) not in sys.path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("Net", "'Net' is no import path"),
        ("net..Net", "is no import path"),
        ("net.", "is no import path"),
        ("nett.Net", "no module 'nett', neither in the folder"),
        ("net.more.Net", r"no module 'net\.more'"),
        ("nets.shallow.Net", r"no module 'nets\.shallow'"),
        ("net.Nett", r"net\.py has no 'Nett'\.\s.*Did you mean 'Net'"),
        ("shapes.Net", r"shapes\.py has no 'Net'\.\s.*Known names: MORE"),
        ("nets.Net", r"__init__\.py has no 'Net'"),
        ("random.Random", "'random' is no module of yours"),
        ("jetchain.tagging.models.pfn.PFN", "'jetchain' is no module of yours"),
    ],
)
def test_what_leads_nowhere_is_refused_unrun(folder, path, message):
    with pytest.raises(ConfigurationError, match=message):
        foreign.require(path, folder)
    assert "net" not in sys.modules


def test_a_folder_that_is_none_is_refused(folder):
    with pytest.raises(ConfigurationError, match=r"no folder .*/elsewhere"):
        foreign.require("net.Net", folder / "elsewhere")


@pytest.mark.parametrize("text", ["from shapes import *\n", "def __getattr__(name):\n    pass\n"])
def test_what_cannot_be_told_unrun_is_left_to_the_job(folder, text):
    (folder / "net.py").write_text(text)
    foreign.require("net.Net", folder)
    if "import" in text:
        with pytest.raises(ConfigurationError, match="has no 'Net'"):
            got("net.Net", folder)


def test_code_that_is_none_is_refused_with_its_line(folder):
    (folder / "shapes.py").write_text("MORE = 1\n\ndef f(:\n")
    with pytest.raises(ConfigurationError, match=r"shapes\.py, line 3: "):
        foreign.sources("net.Net", folder)


def test_what_it_is_made_of(folder):
    found = foreign.sources("net.Net", folder)
    assert list(found) == ["jetchain", "net", "pydantic", "shapes"]
    assert found["pydantic"].startswith("==2.")
    assert found["jetchain"].startswith("==")
    assert not found["net"].startswith("==")
    assert list(foreign.sources("nets.deep.WIDTH", folder)) == ["nets", "shapes"]


CHANGES = {
    "a comment": ("net.py", "WIDTH = 3", "# Wide.\n\n\nWIDTH = 3  # wide", set()),
    "the named file": ("net.py", "WIDTH = 3", "WIDTH = 4", {"net"}),
    "the same in text": ("net.py", "A network.", "A # network.", {"net"}),
    "what it imports": ("shapes.py", "MORE = 1", "MORE = 2", {"shapes"}),
    "one beside it": ("alone.py", "imported", "others", set()),
    "a package": ("nets/parts.py", "WIDTH = 5", "WIDTH = 6", set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_counts_as_a_change(folder, change):
    name, old, new, expected = CHANGES[change]
    before = foreign.sources("net.Net", folder)
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    now = foreign.sources("net.Net", folder)
    assert {each for each in before if before[each] != now[each]} == expected


def test_all_of_a_package_counts(folder):
    before = foreign.sources("nets.deep.WIDTH", folder)
    (folder / "nets" / "more.py").write_text("ANOTHER = 1\n")
    assert foreign.sources("nets.deep.WIDTH", folder)["nets"] != before["nets"]


def test_of_jetchain_count_the_modules_that_it_reaches(folder, monkeypatch):
    def made():
        return foreign.sources("net.Net", folder)["jetchain"]

    before, read = made(), foreign._read
    for name, counts in (("settings.py", True), ("errors.py", True), ("training.py", False)):
        changed = lambda file, name=name: (  # noqa: E731
            (read(file)[0] + "x", read(file)[1]) if file.name == name else read(file)
        )
        monkeypatch.setattr(foreign, "_read", changed)
        assert (made() != before) == counts, name


def test_changed_code_is_imported_anew_even_of_the_same_second_and_length(folder):
    assert got("net.Net", folder).width == 4
    (folder / "shapes.py").write_text("MORE = 2\n")
    assert got("net.Net", folder).width == 5
    assert not list(folder.rglob("__pycache__"))


def test_other_code_than_planned_is_not_run(folder):
    planned = foreign.sources("net.Net", folder)
    foreign.load("net.Net", folder, planned | {"pydantic": "==1.0", "jetchain": "==0"})
    (folder / "shapes.py").write_text("raise RuntimeError('run')\n")
    with pytest.raises(DataError, match=r"net\.Net is not what was planned.*'shapes' was"):
        foreign.load("net.Net", folder, planned)


def test_what_no_statement_imports_is_not_found(folder):
    (folder / "net.py").write_text("import importlib\nNet = importlib.import_module('shapes')\n")
    with pytest.raises(ConfigurationError, match=r"cannot be imported: .*'shapes'.*line 2"):
        got("net.Net", folder)


@pytest.mark.parametrize(("name", "whose"), [("random", "Python"), ("pydantic", "site-packages")])
def test_a_name_that_another_module_has_is_refused(folder, name, whose):
    (folder / "net.py").write_text(f"import {name}\nNet = 1\n")
    assert name not in [each.stem for each in folder.iterdir()]
    foreign.sources("net.Net", folder)
    (folder / f"{name}.py").write_text("")
    with pytest.raises(ConfigurationError, match=rf"{name}\.py: .*{whose}.* has this name already"):
        foreign.sources("net.Net", folder)


def test_an_installed_package_counts_by_its_version_and_one_for_developers_by_its_code(
    folder, tmp_path_factory, monkeypatch
):
    place = tmp_path_factory.mktemp("lib") / "site-packages"
    place.mkdir()
    (place / "theirs.py").write_text("import theirs_too\nNet = 1\n")
    (place / "theirs_too.py").touch()
    monkeypatch.syspath_prepend(str(place))
    foreign._version.cache_clear()
    assert not foreign.sources("theirs.Net", folder)["theirs"].startswith("==")
    (place / "theirs-1.2+cpu.dist-info").mkdir()
    (place / "theirs-1.2+cpu.dist-info" / "METADATA").write_text("Name: theirs\nVersion: 1.2+cpu\n")
    foreign._version.cache_clear()
    assert foreign.sources("theirs.Net", folder) == {"theirs": "==1.2"}
    assert got("theirs.Net", folder) == 1
    developed = tmp_path_factory.mktemp("developed")
    (developed / "mine.py").write_text("Net = 1\n")
    monkeypatch.syspath_prepend(str(developed))
    before = foreign.sources("mine.Net", folder)
    (developed / "mine.py").write_text("Net = 2\n")
    assert foreign.sources("mine.Net", folder) != before
    monkeypatch.setenv("PYTHONPATH", str(developed))
    with pytest.raises(ConfigurationError, match="jobs see no PYTHONPATH"):
        foreign.require("mine.Net", folder)
