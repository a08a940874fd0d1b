"""The text of HepMC events: what is handed on holds the same particles, and no more lines."""

import io

import pyhepmc
import pytest

from helpers.records import hepmc_event, pythia_events, write_hepmc
from jetchain.generate.hepmc_text import Malformed, checked, texts

EVENTS = 3


@pytest.mark.parametrize("format", ["hepmc2", "hepmc3"])
def test_each_event_alone_is_what_pyhepmc_reads_of_the_whole_file(tmp_path, format):
    events = [hepmc_event(c, i) for i, c in enumerate(pythia_events("quark", EVENTS)[0])]
    path = write_hepmc(tmp_path / "a", events, format)
    with path.open("rb") as file:
        found = [checked(lines, format) for lines in texts(file)]
    with pyhepmc.open(path, format=format) as file:
        whole = list(file)
    assert len(found) == len(whole) == EVENTS
    for said, event in zip(found, whole, strict=True):
        with pyhepmc.open(io.BytesIO(said.text), format=format) as file:
            alone = file.read()
        assert said.particles == len(event.particles) == len(alone.particles)
        assert [str(p) for p in alone.particles] == [str(p) for p in event.particles]
        assert said.weight == event.weights[0]
        section = event.cross_section
        assert said.cross_section == (section.xsec(), section.xsec_err())
        assert said.process == 601


def test_lists_of_events_may_follow_each_other_in_one_file():
    first = [b"HepMC::X-START", b"", b"E 1", b"P 1", b"HepMC::X-END"]
    lines = [*first, b"W names", b"E 2", b" ", b"E 3"]
    assert list(texts(lines)) == [[b"E 1", b"P 1"], [b"E 2"], [b"E 3"]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("E 1 0 0 extra", "'E 1 0 0 extra' does not have its form"),
        ("E 1 0 3000000000", "does not have its form"),
        ("E 1 0 1", "announces 1 particles and has 0"),
        ("E 1 0", "does not have its form"),
    ],
)
def test_the_first_line_has_its_form(line, words):
    with pytest.raises(Malformed, match=words):
        checked([line.encode(), b"U GEV MM"], "hepmc3")
