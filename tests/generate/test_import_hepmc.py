"""HepMC files: Pythia's events come back as from Pythia, and broken files are told from whole."""

import gzip

import awkward as ak
import numpy as np
import pyhepmc
import pytest

from helpers.records import hepmc_event, pythia_events, require_same_truth, write_hepmc
from jetchain.core.errors import DataError
from jetchain.core.io.events import count_events, read_events
from jetchain.core.io.tables import read_json, read_result
from jetchain.core.schema.base import ORIGINS
from jetchain.core.schema.generate import GENERATED, ShardAccount
from jetchain.generate.import_hepmc import import_hepmc
from jetchain.generate.imported import EVENTS_PER_FILE

FLOAT32 = 1e-6
EVENTS = 4


def take_in(path, folder, shard="0000"):
    import_hepmc(source=path, events=folder / "e.root", summary=folder / "s.json", shard=shard)
    return read_events(folder / "e.root", GENERATED), read_json(folder / "s.json")


def refusal(path, folder):
    with pytest.raises(DataError) as caught:
        take_in(path, folder)
    assert caught.value.cause.startswith(f"{path}: ")
    assert not (folder / "e.root").exists()
    return caught.value


@pytest.fixture(scope="module")
def events():
    return [hepmc_event(columns, i) for i, columns in enumerate(pythia_events("top", EVENTS)[0])]


@pytest.mark.parametrize("process", ["quark", "gluon", "W", "Z", "top", "Hbb", "lhco_signal"])
def test_pythias_events_give_the_truth_that_pythias_record_gives(tmp_path, process):
    columns, truth = pythia_events(process, EVENTS)
    path = write_hepmc(tmp_path / "a.hepmc", [hepmc_event(c, i) for i, c in enumerate(columns)])
    require_same_truth(take_in(path, tmp_path)[0], truth, rtol=FLOAT32)


@pytest.mark.parametrize("format", ["hepmc2", "hepmc3"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_form_of_file_gives_the_same(tmp_path, events, format, suffix):
    path = write_hepmc(tmp_path / f"a.hepmc{suffix}", events, format)
    require_same_truth(take_in(path, tmp_path)[0], pythia_events("top", EVENTS)[1], rtol=FLOAT32)


def test_units_of_the_file_are_converted(tmp_path):
    columns, truth = pythia_events("top", EVENTS)
    events = [hepmc_event(c, i, unit=1e-3, length=10.0) for i, c in enumerate(columns)]
    path = write_hepmc(tmp_path / "a.hepmc", events)
    assert b"U MEV CM" in path.read_bytes()
    require_same_truth(take_in(path, tmp_path)[0], truth, rtol=FLOAT32)


@pytest.mark.parametrize("format", ["hepmc2", "hepmc3"])
def test_numbers_weights_and_cross_section_come_from_the_file(tmp_path, events, format):
    path = write_hepmc(tmp_path / "a.hepmc", events, format)
    data, account = take_in(path, tmp_path, "0003")
    assert ak.to_list(data["event"].number) == [3 * EVENTS_PER_FILE + i for i in range(EVENTS)]
    assert ak.to_list(data["event"].weight) == [0.5, 1.5, 2.5, 3.5]
    assert ak.to_list(data["event"].process) == [601] * EVENTS
    assert account["cross_section_pb"] == 12.5
    assert account["cross_section_error_pb"] == 0.25
    assert account["cutflow"]["kept"] == account["cutflow"]["tried"] == EVENTS
    assert account["sum_of_weights_kept"] == 8.0
    assert account["sum_of_squared_weights_kept"] == 0.25 + 2.25 + 6.25 + 12.25


def test_more_events_than_a_chunk_keep_their_order(tmp_path, events, monkeypatch):
    path = write_hepmc(tmp_path / "a.hepmc", events)
    whole, _ = take_in(path, tmp_path)
    monkeypatch.setattr("jetchain.generate.import_hepmc.CHUNK", 3)
    chunked, _ = take_in(path, tmp_path)
    for name in whole:
        assert ak.to_list(chunked[name]) == ak.to_list(whole[name])


def decay_chain():
    """p p -> B0 at the origin; B0 -> D- pi+ at (1, 2, 3) mm; the D- decays at no stated place."""
    event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    momenta = [(0, 0, 50, 50), (0, 0, -50, 50), (3, 0, 0, 6), (1, 0, 0, 3), (2, 0, 0, 3),
               (1, 0, 0, 3)]  # fmt: skip
    codes, statuses = (2212, 2212, 511, -411, 211, -211), (4, 4, 2, 2, 1, 1)
    vertices = (((0, 1), (2,), None), ((2,), (3, 4), (1.0, 2.0, 3.0, 4.0)), ((3,), (5,), None))
    particles = [
        pyhepmc.GenParticle(momentum, code, status)
        for momentum, code, status in zip(momenta, codes, statuses, strict=True)
    ]
    for incoming, outgoing, where in vertices:
        vertex = pyhepmc.GenVertex()
        for i in incoming:
            vertex.add_particle_in(particles[i])
        for i in outgoing:
            vertex.add_particle_out(particles[i])
        if where:
            vertex.position = where
        event.add_vertex(vertex)
    return event


def test_a_vertex_without_a_place_lies_where_its_particle_was_made(tmp_path):
    path = write_hepmc(tmp_path / "a.hepmc", [decay_chain()])
    data, account = take_in(path, tmp_path)
    particle, hadron = data["particle"][0], data["hadron"][0]
    assert ak.to_list(particle.pdgid) == [211, -211]
    assert ak.to_list(particle.charge) == [1.0, -1.0]
    for axis, value in zip("xyz", (1.0, 2.0, 3.0), strict=True):
        assert ak.to_list(particle[axis]) == [value, value]
        assert ak.to_list(hadron[axis]) == [value, value]
    assert ak.to_list(hadron.pdgid) == [511, -411]
    assert [ORIGINS[code] for code in particle.origin] == ["from_b", "from_b_to_c"]
    assert ak.to_list(particle.vertex) == [1, 2]
    assert account["cross_section_pb"] is None
    assert ak.to_list(data["event"].weight) == [1.0]


def test_without_pythias_status_codes_resonances_and_their_decays_are_left(tmp_path):
    columns, truth = pythia_events("top", EVENTS)
    others = [
        {**c, "status": np.where(np.isin(c["status"], (1, 2, 4)), c["status"], 11)} for c in columns
    ]
    path = write_hepmc(tmp_path / "a.hepmc", [hepmc_event(c, i) for i, c in enumerate(others)])
    parton = take_in(path, tmp_path)[0]["parton"]
    expected = np.split(truth.columns["parton"]["pdgid"], EVENTS)
    for event, before in zip(parton, expected, strict=True):
        assert sorted(event.pdgid) == sorted(before[2:])  # without the two incoming ones
        tops = np.flatnonzero(abs(event.pdgid) == 6)
        for top in tops:
            daughters = event.pdgid[event.mother == top]
            assert sorted(abs(daughters)) == [5, 24]
            w = np.flatnonzero((event.mother == top) & (abs(event.pdgid) == 24))[0]
            assert ak.sum(event.mother == w) == 2


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.55, 0.9, 0.9999])
@pytest.mark.parametrize("format", ["hepmc2", "hepmc3"])
def test_a_file_cut_in_the_middle_is_refused(tmp_path, events, format, fraction):
    path = write_hepmc(tmp_path / "a.hepmc", events, format)
    whole = path.read_bytes().rstrip()
    path.write_bytes(whole[: int(fraction * len(whole))])
    cause = refusal(path, tmp_path).cause
    assert "cut short or damaged after event" in cause
    assert "END_EVENT_LISTING" in cause


def test_a_file_without_its_last_line_is_refused_though_its_events_are_whole(tmp_path, events):
    path = write_hepmc(tmp_path / "a.hepmc", events)
    path.write_bytes(path.read_bytes().replace(b"HepMC::Asciiv3-END_EVENT_LISTING", b""))
    assert f"after event {EVENTS} of the file" in refusal(path, tmp_path).cause


@pytest.mark.parametrize("format", ["hepmc2", "hepmc3"])
def test_a_damaged_event_in_the_middle_is_refused(tmp_path, events, format):
    path = write_hepmc(tmp_path / "a.hepmc", events, format)
    first, *rest = path.read_text().split("\nE ")
    lines = rest[1].split("\n")
    del lines[len(lines) // 2]
    rest[1] = "\n".join(lines)
    path.write_text("\nE ".join([first, *rest]))
    cause = refusal(path, tmp_path).cause
    assert "damaged after event 1 of the file" in cause
    assert "of event 2, " in cause


def test_a_compressed_file_cut_in_the_middle_is_refused(tmp_path, events):
    path = write_hepmc(tmp_path / "a.hepmc.gz", events)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "its compression is broken" in refusal(path, tmp_path).cause


def test_damaged_compression_is_refused(tmp_path, events):
    """Two members, of which the second one begins with a block of a type that there is not."""
    path = write_hepmc(tmp_path / "a.hepmc", events)
    text = path.read_bytes()
    half = len(text) // 2
    second = bytearray(gzip.compress(text[half:], mtime=0))
    second[10] = 0b111  # after the header of ten bytes: RFC 1951, section 3.2.3
    path = tmp_path / "a.hepmc.gz"
    path.write_bytes(gzip.compress(text[:half], mtime=0) + second)
    assert "its compression is broken" in refusal(path, tmp_path).cause


@pytest.mark.parametrize(
    "content", [b"", b"<LesHouchesEvents>\n", gzip.compress(b"no events\n", mtime=0)]
)
def test_what_is_no_hepmc_file_is_refused(tmp_path, content):
    path = tmp_path / "a.hepmc"
    path.write_bytes(content)
    error = refusal(path, tmp_path)
    assert "not a HepMC file: none of HepMC::Asciiv3, HepMC::IO_GenEvent" in error.cause
    assert "source.format" in error.remedy


@pytest.mark.parametrize("format", ["Asciiv3", "IO_GenEvent"])
def test_a_file_without_events_is_an_empty_shard(tmp_path, format):
    path = tmp_path / "a.hepmc"
    path.write_text(
        f"HepMC::Version 3.02.05\nHepMC::{format}-START_EVENT_LISTING\n"
        f"HepMC::{format}-END_EVENT_LISTING\n"
    )
    events, summary = tmp_path / "e.root", tmp_path / "s.json"
    import_hepmc(source=path, events=events, summary=summary, shard="0001")
    assert count_events(events, GENERATED) == 0
    account = read_result(summary, ShardAccount)
    assert (account.cutflow.kept, account.filter_efficiency) == (0, None)


def test_a_missing_file_is_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.hepmc", tmp_path).cause


def test_a_final_particle_of_unknown_charge_is_named(tmp_path):
    event = decay_chain()
    event.particles[-1].pid = 4900111_99
    path = write_hepmc(tmp_path / "a.hepmc", [event])
    assert "PDG codes 490011199" in refusal(path, tmp_path).cause


LINES = (
    "E {i} 1 4", "U GEV MM", "W 1.0", "A 0 GenCrossSection 12.5 0.25 1 1",
    "P 1 0 2212 0.0 0.0 6.5e3 6.5e3 0.0 4", "P 2 0 2212 0.0 0.0 -6.5e3 6.5e3 0.0 4",
    "V -1 0 [1,2]", "P 3 -1 211 300.0 0.0 10.0 300.2 0.139 1",
    "P 4 -1 -211 -3e2 0 -10 300.2 0.139 1",
)  # fmt: skip


def written(path, change, events=3):
    """A file of equal events, in whose second each text of `change` stands for another."""
    lines = ["HepMC::Version 3.02.05", "HepMC::Asciiv3-START_EVENT_LISTING"]
    for i in range(events):
        text = "\n".join(LINES).format(i=i)
        for old, new in change.items() if i == 1 else ():
            assert old in text
            text = text.replace(old, new)
        lines.append(text)
    path.write_text("\n".join([*lines, "HepMC::Asciiv3-END_EVENT_LISTING", "", ""]))
    return path


NO_PARTICLES = "\n".join(LINES[3:])


def test_an_event_without_particles_is_an_event(tmp_path):
    path = written(tmp_path / "a.hepmc", {"1 1 4": "1 0 0", NO_PARTICLES: "A 0 x y"})
    data, account = take_in(path, tmp_path)
    assert ak.to_list(ak.num(data["particle"].pdgid)) == [2, 0, 2]
    assert account["cutflow"]["kept"] == 3


@pytest.mark.parametrize("format", ["hepmc2", "hepmc3"])
def test_vertices_that_nothing_comes_out_of_are_read(tmp_path, format):
    """HepMC3 counts them and leaves them out; here its own reader gives up."""
    event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    beams = pyhepmc.GenVertex()
    for sign in (1, -1):
        beams.add_particle_in(pyhepmc.GenParticle((0, 0, sign * 50, 50), 2212, 4))
    event.add_vertex(beams)
    lost, kaon = (pyhepmc.GenParticle((1, 0, 0, 2), code, 2) for code in (511, 310))
    path = write_hepmc(tmp_path / "beams.hepmc", [event], format)
    assert ak.to_list(ak.num(take_in(path, tmp_path)[0]["particle"])) == [0]
    for each in (lost, kaon):
        beams.add_particle_out(each)
        vertex = pyhepmc.GenVertex()
        vertex.position = (3.0, 2.0, 1.0, 4.0)
        vertex.add_particle_in(each)
        event.add_vertex(vertex)
    vertex.add_particle_out(pyhepmc.GenParticle((1, 0, 0, 2), 130, 1))
    path = write_hepmc(tmp_path / "a.hepmc", [event], format)
    particle = take_in(path, tmp_path)[0]["particle"]
    assert ak.to_list(particle.pdgid) == [[130]]
    assert [ak.to_list(particle[axis]) for axis in "xyz"] == [[[3.0]], [[2.0]], [[1.0]]]


def test_files_of_empty_events_alone_and_of_both_formats_are_taken_in(tmp_path, events):
    empty = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    empty.weights = [2.0]
    for format in ("hepmc2", "hepmc3"):
        path = write_hepmc(tmp_path / "a.hepmc", [empty, empty], format)
        data, _ = take_in(path, tmp_path)
        assert ak.to_list(ak.num(data["particle"].pdgid)) == [0, 0]
        assert ak.to_list(data["event"].weight) == [2.0, 2.0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"W 1.0": "W nan"}, "in event 2 of the file, the weight is nan"),
        ({"W 1.0": "W -inf 1.0"}, "in event 2 of the file, the weight is -inf"),
        ({"W 1.0": "W -1e200"}, "in event 2 of the file, the weight is -1e+200"),
        ({"W 1.0": "W one"}, "of event 2, the line 'W one'"),
        ({"211 300.0 0.0": "211 nan 0.0"}, "in event 2 of the file, px of a particle with PDG"),
        ({"10.0 300.2": "10.0 1e400"}, "in event 2 of the file, e of a particle with PDG code 211"),
        ({"10.0 300.2": "10.0 1.5e6"}, "(at most 1e+06 GeV can be simulated) is 1.5e+06"),
        ({"10.0 300.2": "10.0 -300.2"}, "energy of a particle with PDG code 211 and momentum"),
        ({"10.0 300.2": "10.0 30.2"}, "energy of a particle with PDG code 211 and momentum"),
        ({"[1,2]": "[1,2] @ 0 inf 0 0"}, "in event 2 of the file, y of a particle"),
        ({"12.5 0.25": "nan 0.25"}, "the cross-section is"),
        ({"[1,2]": "[1,9]"}, "of event 2, its history names particles that it does not have"),
        ({"P 3 -1 211": "P 3 9 211"}, "of event 2, its history names particles"),
        ({"P 3 -1 211": "P 3 -7 211"}, "of event 2, its particles come from vertices"),
        ({"V -1 0": "V -99999 0"}, "of event 2, its particles come from vertices"),
        ({"P 3 -1 211": "P 4 -1 211"}, "of event 2, its particles are not numbered"),
        ({"E 1 1 4": "E 1 1 1999999999"}, "of event 2, it announces 1999999999 particles"),
        ({"E 1 1 4": "E 1 1999999999 4"}, "of event 2, it announces 1999999999 vertices"),
        ({"U GEV MM\n": ""}, "of event 2, it has 0 lines of units"),
        ({"300.0 0.0 10.0": "300.0 0.0"}, "of event 2, the line 'P 3 -1 211 300.0 0.0 300.2"),
        ({"211 300.0": "211 300.x0"}, "of event 2, the line 'P 3"),
        ({"P 3": "Q 3"}, "of event 2, "),
        ({"A 0 GenCrossSection 12.5": "A 0 GenCrossSection " + 300_000 * "1"}, "a line has 3000"),
    ],
)
def test_what_an_event_cannot_have_is_named(tmp_path, change, words):
    # The last event's cross-section counts.
    path = written(tmp_path / "a.hepmc", change, events=2 if "12.5" in str(change) else 3)
    assert words in refusal(path, tmp_path).cause


def test_a_file_of_zero_weights_is_refused_a_single_one_is_not(tmp_path):
    path = written(tmp_path / "a.hepmc", {"W 1.0": "W 0.0"})
    assert ak.to_list(take_in(path, tmp_path)[0]["event"].weight) == [1.0, 0.0, 1.0]
    (tmp_path / "e.root").unlink()
    path.write_text(path.read_text().replace("W 1.0", "W 0"))
    assert "the weight of event 1 is 0, and so are those of all 3" in refusal(path, tmp_path).cause


def test_a_cross_section_with_a_negative_error_is_unknown(tmp_path):
    path = written(tmp_path / "a.hepmc", {"12.5 0.25": "12.5 -1"}, events=2)
    assert take_in(path, tmp_path)[1]["cross_section_pb"] is None


def test_attributes_that_nobody_reads_may_be_anything(tmp_path):
    odd = "A 0 x \\\\\\\nA 1 no_value\nA 99 flow1 \\\nA 0 " + 600 * "n" + " 5"
    data, account = take_in(written(tmp_path / "a.hepmc", {"W 1.0": f"W 1.0\n{odd}"}), tmp_path)
    assert len(data["event"]) == 3
    assert account["cross_section_pb"] == 12.5


def test_a_circle_of_particles_without_positions_is_cut(tmp_path, capsys):
    """V -2 takes what V -3 makes, and the other way round; with the pion from the first of them."""
    circle = (
        "P 3 -1 211 300.0 0.0 10.0 300.2 0.139 1\nP 4 -3 24 3e2 0 10 313 80 2\nV -2 0 [4]\n"
        "P 5 -2 24 3e2 0 10 313 80 2\nV -3 0 [5]\nP 6 -3 -211 -3e2 0 -10 300.2 0.139 1"
    )
    path = written(tmp_path / "a.hepmc", {"E 1 1 4": "E 1 3 6", "\n".join(LINES[7:]): circle})
    data, _ = take_in(path, tmp_path)
    assert "ancestors have lost their mothers: event 2, particle 4\n" in capsys.readouterr().err
    assert ak.to_list(data["particle"].pdgid) == [[211, -211]] * 3
    assert ak.to_list(data["parton"].pdgid)[1] == [24, -211]
    for axis in "xyz":
        assert ak.to_list(data["particle"][axis])[1] == [0.0, 0.0]
