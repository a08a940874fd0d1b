"""What a user can get wrong in the generate section, and what the process cards hold."""

import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from jetchain.core.errors import ConfigurationError, GeneratorError
from jetchain.core.settings import parse
from jetchain.generate.cards import card_digest, read_card
from jetchain.generate.processes import start_pythia
from jetchain.generate.settings import (
    GUN,
    GenerateSettings,
    GenerationSettings,
    GunSettings,
    known_processes,
)


def source(files):
    """A source of so many files, which exist."""
    here = sorted(map(str, Path(__file__).parent.glob("*.py")))
    return {"format": "hepmc3", "files": here[:files]}


def test_defaults_hold_the_samples_of_all_rooms():
    samples = GenerateSettings().samples
    assert {"quark", "gluon", "W", "Z", "top", "Hbb", "Hcc"} <= set(samples)
    assert {"lhco_background", "lhco_signal", "pion_gun"} <= set(samples)
    for name, sample in samples.items():
        assert sample.generation.process in known_processes(), name


def test_a_sample_from_files_needs_no_process():
    sample = parse(GenerateSettings, {"samples": {"a": {"shards": 2, "source": source(2)}}})
    assert sample.samples["a"].generation is None
    assert sample.samples["a"].source.files == source(2)["files"]


def test_settings_survive_json():
    settings = GenerateSettings().samples["lhco_background"].generation
    assert GenerationSettings.decode(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"samples": {}}, ["samples", "no sample"]),
        ({"samples": {"a b": {"generation": {"process": "W"}}}}, ["'a b'", "file names"]),
        ({"samples": {"a": {"generation": {"process": "quarks"}}}}, ["Did you mean 'quark'?"]),
        ({"samples": {"a": {"generation": {"process": "W", "event": 3}}}},
         ["samples.a.generation.event", "Did you mean 'events'?"]),
        ({"samples": {"a": {"generation": {"process": "W"}, "shards": 0}}}, ["samples.a.shards"]),
        ({"samples": {"a": {"generation": {"process": "W"}, "shards": 10_001}}}, ["four digits"]),
        ({"samples": {"a": {"generation": {"process": "W", "events": -5}}}},
         ["samples.a.generation.events", "-5"]),
        ({"samples": {"a": {"generation": {"process": "W", "overrides": ["Random:seed = 1"]}}}},
         ["derived from the key 'seed'"]),
        ({"samples": {"a": {"generation": {"process": "W", "overrides": ["Beams:LHEF = b.lhe"]}}}},
         ["Beams:LHEF", "of the format lhe"]),
        ({"samples": {"a": {"generation": {"process": "W", "overrides": [" merging:nJetMax=2"]}}}},
         ["merging:nJetMax", "of the format lhe"]),
        ({"samples": {"a": {"generation": {"process": "W", "overrides": ["Beams:frameType 4"]}}}},
         ["Beams:frameType 4", "of the format lhe"]),
        *(({"samples": {"a": {"source": source(1) | {
             "format": "lhe", "shower": {"overrides": [line]}}}}},
           ["samples.a.source.shower.overrides", line, "a hook", "hepmc3"])
          for line in ("JetMatching:merge = on", " POWHEG:veto = 1")),
        *(({"samples": {"a": {"generation": {"process": "gun", name: value}}}},
           ["samples.a.generation", f"the process gun does not read {name}: take it out"])
          for name, value in (("tune", "cp5"), ("variations", "shower"), ("overrides", ["A:b = 1"]),
                              ("filter", {"jet_pt_min": 9.0}), ("particles", {"invisible": [5]}))),
        ({"samples": {"a": {"generation": {"process": "W", "gun": {"maximum": 9.0}}}}},
         ["samples.a.generation", "the process W does not read gun"]),
        ({"samples": {"a": {"generation": {"process": "gun", "gun": {"maximum": 1e7}}}}},
         ["samples.a.generation.gun.maximum", "1000000"]),
        ({"samples": {"a": {}}}, ["samples.a", "generation", "source", "required"]),
        ({"samples": {"a": {"generation": None}}}, ["samples.a", "required"]),
        ({"samples": {"a": {"generation": {"process": "W"}, "source": source(1)}}},
         ["samples.a", "both generation and source", "generation to null"]),
        ({"samples": {"a": {"shards": 3, "source": source(2)}}},
         ["samples.a", "shards is 3", "names 2", "set shards to 2"]),
        ({"samples": {"a": {"source": source(1) | {"events": 0}}}}, ["a.source.events", "got 0"]),
        *(({"samples": {"a": {"generation": {"process": "W"}, name: value}}}, [f"samples.a.{name}"])
          for name in ("cross_section", "luminosity") for value in (0.0, -1.0, float("nan"))),
        ({"samples": {"a": {"generation": {"process": "gun"}, "luminosity": 1.0}}},
         ["samples.a", "no cross-section", "take out luminosity"]),
        ({"samples": {"a": {"source": source(1) | {"shower": {"tune": "a14"}}}}},
         ["samples.a.source", "format lhe"]),
        ({"samples": {"a": {"source": source(1) | {"files": []}}}}, ["samples.a.source.files"]),
        ({"samples": {"a": {"source": source(1) | {"format": "hepmc"}}}},
         ["samples.a.source.format", "'hepmc3'", "(got 'hepmc')"]),
        ({"samples": {"a": {"source": {"format": "delphes", "files": ["none/x.root"]}}}},
         ["samples.a.source.files", "no file 'none/x.root'"]),
        ({"samples": {"a": {"source": source(1) | {"file": "x"}}}},
         ["samples.a.source.file", "Did you mean 'files'?"]),
    ],
)  # fmt: skip
def test_bad_sections_are_refused(values, words):
    with pytest.raises(ConfigurationError) as refusal:
        parse(GenerateSettings, values)
    for word in words:
        assert word in str(refusal.value)


def from_file(name):
    return parse(
        GenerateSettings, {"samples": {"a": {"source": {"format": "hepmc3", "files": [str(name)]}}}}
    )


@pytest.mark.parametrize("name", ["{a}.hepmc", "{", "}/a.hepmc", "{{a}}"])
def test_a_source_file_that_snakemake_cannot_name_is_refused(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(ConfigurationError, match="has braces"):
        from_file(path)


def test_a_source_file_from_the_future_is_refused(tmp_path):
    file, link = tmp_path / "a b.hepmc", tmp_path / "link"
    file.touch()
    link.symlink_to(file)
    later = (time.time() + 3600,) * 2
    for path, also in ((file, link), (link, link)):
        os.utime(path, later, follow_symlinks=False)
        for name in {path, also}:
            with pytest.raises(ConfigurationError, match="in the future") as refusal:
                from_file(name)
            assert f"(touch -h {shlex.quote(str(path))})" in str(refusal.value)
        subprocess.run(["touch", "-h", path], check=True)
        from_file(also)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"pdgids": [212]}, "Did you mean"),
        ({"pdgids": []}, "pdgids"),
        ({"minimum": 10.0, "maximum": 5.0}, "above maximum"),
        ({"variable": "energy", "minimum": 0.1}, "mass of the heaviest"),
        ({"variable": "pT"}, "variable"),
    ],
)
def test_bad_guns_are_refused(values, word):
    with pytest.raises(ConfigurationError, match=word):
        parse(GunSettings, values)


def test_every_card_says_where_it_is_from_and_at_which_energy(monkeypatch):
    from jetchain.generate.settings import CARDS

    for process in known_processes():
        assert "Provenance:" in (CARDS / f"{process}.cmnd").read_text(encoding="utf-8")
        settings = [line for _, line in read_card(process)]
        assert ("Beams:eCM = 13000." in settings) == (process != GUN)


def test_lhco_cards_are_those_of_the_reference():
    signal = [line for _, line in read_card("lhco_signal")]
    assert "9000001:new = Xp Xm 1 3 0 500. 1.0 0. 0." in signal
    assert "34:oneChannel = 1 1.0 100 9000001 9000002" in signal
    assert "PartonLevel:MPI = off" in signal
    background = [line for _, line in read_card("lhco_background")]
    assert "PhaseSpace:pTHatMin = 1000." in background
    assert "PartonLevel:MPI = off" in background


@pytest.fixture
def cards(tmp_path, monkeypatch):
    """A folder for cards of the test's own."""
    monkeypatch.setattr("jetchain.generate.cards.CARDS", tmp_path)
    return tmp_path


def test_a_comment_leaves_the_digest_and_a_setting_changes_it(cards):
    card = cards / "mine.cmnd"
    card.write_text("! first\nHardQCD:all = on\n")
    first = card_digest("mine")
    card.write_text("# second\n\n  HardQCD:all = on\n")
    assert card_digest("mine") == first
    card.write_text("HardQCD:all = off\n")
    assert card_digest("mine") != first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("! a\nHardQCDD:all = on\n", ["mine.cmnd", "line 2", "HardQCDD:all = on", "not found"]),
        ("PhaseSpace:pTHatMin = much\n", ["line 1", "not meaningful"]),
        ("Beams:eCM = 13000.\n", ["cannot initialise", "PYTHIA"]),
        ("Beams:eCM = 13000.\nHardQCD:all = on\nPhaseSpace:pTHatMin = 9000.\n",
         ["cannot initialise", "PYTHIA"]),
    ],
)  # fmt: skip
def test_what_pythia_refuses_is_told_in_its_words(cards, text, words):
    (cards / "mine.cmnd").write_text(text)
    with pytest.raises(GeneratorError) as refusal:
        start_pythia("mine", ["PartonLevel:MPI = off"], 1)
    for word in words:
        assert word in str(refusal.value)


def test_a_refused_override_is_named():
    with pytest.raises(GeneratorError, match=r"entry of 'overrides', 'PartonLevel:MPIs = off'"):
        start_pythia("quark", ["PartonLevel:MPIs = off"], 1)
