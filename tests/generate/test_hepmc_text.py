"""The text of HepMC events: what is handed on holds the same particles, and no more lines."""

import io

import pyhepmc
import pytest

from helpers.records import hepmc_event, pythia_events, write_hepmc
from jetchain.generate.hepmc_text import Malformed, checked, texts
from jetchain.generate.import_hepmc import _parsed

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


def _hepmc2_event(*body, vertices):
    head = f"E 0 -1 -1 -1 -1 0 -1 {vertices} 1 2 0 1 1.0"
    return [line.encode() for line in (head, "U GEV MM", *body)]


def _p(barcode, end):
    return f"P {barcode} 211 1 0 0 1.1 0 {2 if end else 1} 0 0 {end} 0"


def test_particles_from_nothing_in_hepmc2_are_read(tmp_path):
    # HepMC3's reader ends the process at the first kind, and loses particles of the second.
    gun = _hepmc2_event("V -1 0 1 2 3 4 0 2 0", _p(1, 0), _p(2, 0), vertices=1)
    beside = _hepmc2_event(
        "V -1 0 0 0 0 0 1 1 0", _p(1, -1), _p(2, 0), "V -2 0 1 2 3 4 0 1 0", _p(3, 0), vertices=2
    )
    for lines, final in ((gun, 2), (beside, 2)):
        event = _parsed(lines, "hepmc2").event
        found = [p for p in event.particles if p.status == 1]
        assert len(found) == final
        assert found[-1].production_vertex.position.z == 3


def test_a_loop_in_hepmc2_that_comes_from_nothing_is_named():
    lines = _hepmc2_event(
        "V -1 0 0 0 0 0 0 2 0", _p(1, -2), _p(2, 0), "V -2 0 0 0 0 0 0 1 0", _p(3, -1), vertices=2
    )
    with pytest.raises(Malformed, match=r"barcode [13] is its own ancestor"):
        checked(lines, "hepmc2")


def test_mothers_in_hepmc3_stand_in_front():
    lines = b"E 0 1 2\nU GEV MM\nP 1 2 22 1 0 0 1 0 1\nP 2 0 23 1 0 0 1 0 2".split(b"\n")
    with pytest.raises(Malformed, match="particle 1 names particle 2 as its mother"):
        checked(lines, "hepmc3")


@pytest.mark.parametrize("format", ["hepmc2", "hepmc3"])
@pytest.mark.parametrize("number", [-7, 2**31 - 1, 10**15])
def test_numbers_of_events_may_be_large(format, number):
    lines = {
        "hepmc2": _hepmc2_event("V -1 0 0 0 0 0 0 1 0", _p(1, 0), vertices=1),
        "hepmc3": [b"E 0 0 1", b"U GEV MM", b"P 1 0 22 1 0 0 1 0 1"],
    }[format]
    lines[0] = lines[0].replace(b"E 0", b"E %d" % number)
    assert _parsed(lines, format).event.particles[-1].status == 1


@pytest.mark.parametrize("format", ["hepmc2", "hepmc3"])
def test_what_hepmc_writes_of_a_gun_is_read(tmp_path, format):
    event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    for z in (3.0, 5.0):
        vertex = pyhepmc.GenVertex((1, 2, z, 4))
        vertex.add_particle_out(pyhepmc.GenParticle((1, 0, 0, 1), 23, 2))
        event.add_vertex(vertex)
        decay = pyhepmc.GenVertex((1, 2, 2 * z, 4))
        decay.add_particle_in(vertex.particles_out[0])
        decay.add_particle_out(pyhepmc.GenParticle((1, 0, 0, 1), 22, 1))
        event.add_vertex(decay)
    path = write_hepmc(tmp_path / "a", [event, event], format)
    with path.open("rb") as file:
        found = [_parsed(lines, format).event for lines in texts(file)]
    for each in found:
        final = [p for p in each.particles if p.status == 1]
        assert sorted(p.production_vertex.position.z for p in final) == [6, 10]
        assert [m.pid for p in final for m in p.production_vertex.particles_in] == [23, 23]
