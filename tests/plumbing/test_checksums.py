"""A job refuses inputs that are not what their job wrote."""

import hashlib
from pathlib import Path

import pytest

from jetchain.core.errors import DataError
from jetchain.plumbing import checksums

ARTEFACT = Path("results/jets/a.json")


@pytest.fixture
def artefact(tmp_path, monkeypatch):
    monkeypatch.setattr(checksums, "_WAITS", ())
    monkeypatch.chdir(tmp_path)
    ARTEFACT.parent.mkdir(parents=True)
    ARTEFACT.write_text('{"x": 1}\n')
    return ARTEFACT


def test_a_checksum_is_recorded_beside_the_artefact_and_found_again(artefact):
    checksums.record(artefact)
    found = checksums.read(artefact)
    assert found.sha256 == hashlib.sha256(artefact.read_bytes()).hexdigest()
    assert found.bytes == 9
    assert not found.adopted
    assert checksums.artefact_of(checksums.record_of(artefact)) == artefact
    checksums.require_unchanged([artefact])


@pytest.mark.parametrize(
    ("content", "how"), [('{"x": 2}\n', "same size"), ('{"x": ', "6 bytes instead of 9"), ("", "0")]
)
def test_damage_is_refused_with_the_remedy(artefact, content, how):
    checksums.record(artefact)
    artefact.write_text(content)
    with pytest.raises(DataError, match=how) as raised:
        checksums.require_unchanged([artefact])
    assert str(artefact) in raised.value.cause
    assert "Remove it and run the same command again" in raised.value.remedy


def test_a_file_without_a_checksum_is_refused_and_one_outside_results_is_nobodys_business(artefact):
    with pytest.raises(DataError, match="nothing says how this file was made"):
        checksums.require_unchanged([artefact])
    for path in ("other.json", "results/logs/jets/a.log", "results/provenance/manifest.json"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("x")
        checksums.require_unchanged([Path(path)])
        checksums.record(Path(path))
        assert checksums.record_of(Path(path)) is None


def test_a_record_that_comes_into_sight_late_is_waited_for(artefact, monkeypatch):
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 2:
            checksums.record(artefact)

    monkeypatch.setattr(checksums, "_WAITS", (0.5, 2.0))
    monkeypatch.setattr(checksums.time, "sleep", sleep)
    checksums.require_unchanged([artefact])
    assert waited == [0.5, 2.0]


def test_a_missing_input_is_left_to_the_verb_that_knows_what_it_is(artefact):
    checksums.require_unchanged([Path("results/jets/none.json")])
