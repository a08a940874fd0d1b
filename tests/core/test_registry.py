"""One table owns a family: names, labels, classes, settings."""

import subprocess
import sys
import textwrap

import pytest

from jetchain.core.errors import ConfigurationError
from jetchain.core.registry import Member, Registry
from jetchain.plumbing import digest
from jetchain.tagging.models import MODELS

FILE = """
    from __future__ import annotations
    from pydantic import field_validator
    from jetchain.core.settings import Settings, key
    import a_library_that_nobody_has as heavy

    LEAST = 2

    class {name}Settings(Settings):
        width: int = key(3, "Width.", ge=1)

        @field_validator("width")
        @classmethod
        def _wide(cls, value: int) -> int:
            if value < LEAST:
                raise ValueError(f"at least {{LEAST}}")
            return value

    class {name}(heavy.Module):
        pass
"""


@pytest.fixture
def family(tmp_path, monkeypatch):
    """Two members with equal fields, whose files import what is not there."""
    folder = tmp_path / "toys"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in ("One", "Two"):
        (folder / f"{name.lower()}.py").write_text(textwrap.dedent(FILE.format(name=name)))
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("toys", "toy", {
        "one": Member("The one", "1234.56789", "one.One", "one.OneSettings"),
        "two": Member("The two", "", "two.Two", "two.TwoSettings"),
        "bare": Member("Bare", "", "three.Three"),
    })  # fmt: skip
    for name in [each for each in sys.modules if each.startswith("toys")]:
        del sys.modules[name]


def test_settings_are_read_without_the_rest_of_the_file(family):
    sections = family.sections()
    assert list(sections.model_fields) == ["one", "two"]
    assert sections().one.width == 3
    assert sections.model_fields["one"].description == "The one (arXiv:1234.56789)."
    with pytest.raises(ModuleNotFoundError, match="a_library_that_nobody_has"):
        family.load("one")


def test_each_member_is_decoded_with_its_own_class(family):
    one, two = family.decode("one", {"width": 4}), family.decode("two", {"width": 4})
    assert type(one).__name__ == "OneSettings"
    assert type(two).__name__ == "TwoSettings"
    with pytest.raises(ConfigurationError, match="at least 2"):
        family.decode("two", {"width": 1})
    with pytest.raises(ConfigurationError, match="Did you mean 'width'"):
        family.decode("two", {"widht": 4})


def test_an_unknown_member_is_refused_with_the_nearest(family):
    with pytest.raises(ConfigurationError, match=r"no toy 'ones'.*'one'"):
        family.load("ones")
    assert family.labels(["two"]) == {"two": "The two"}
    assert family.module("two") == "two"


def test_planning_imports_no_library_of_the_networks():
    program = (
        "import sys, jetchain.plumbing.configuration as c; c.Configuration();"
        "sys.exit(bool({'torch', 'sklearn', 'hls4ml', 'zuko'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", MODELS)
def test_a_table_enters_no_digest(name):
    pieces, _ = digest.closure("tagging.train", MODELS.module(name))
    assert ("jetchain.tagging.models", "MODELS") in pieces
    path = digest.module_path("jetchain.tagging.models")
    table = path.read_bytes()
    assert b"ParticleNet" in table
    of_table, of_another = (
        digest._read("jetchain.tagging.models", source, path).definitions["MODELS"].source
        for source in (table, table.replace(b"ParticleNet", b"Another"))
    )
    assert of_table == of_another
    assert f"jetchain.{MODELS.module(name)}" in {module for module, _ in pieces}
