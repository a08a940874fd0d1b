"""Les Houches files as programs write them: Pythia is handed the events that they have, no more."""

import gzip
import math

import awkward as ak
import pylhe
import pytest

from helpers.les_houches import LEAST, les_houches
from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events
from jetchain.core.schema.generate import GENERATED
from jetchain.generate.import_lhe import LesHouchesFile, import_lhe
from jetchain.generate.les_houches_text import WEIGHTED, opened
from jetchain.generate.settings import LesHouchesJob, ShowerSettings

EVENTS = 4
PLAIN = les_houches(EVENTS, processes=((7, 30.0, 0.3), (8, 20.0, 0.4)))
BARE = LesHouchesJob(
    shower=ShowerSettings(overrides=["PartonLevel:MPI = off", "HadronLevel:all = off"])
)
ONE = PLAIN[PLAIN.index("<event>") : PLAIN.index("</event>") + len("</event>\n")]


def handed_on(path, content, chosen=range(EVENTS)):
    """What Pythia gets of a file of this content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
    out = path.with_name("out.lhe")
    LesHouchesFile(path).write(chosen, out)
    return out.read_text()


def before(tag, text, place=0):
    """The plain file with a text in front of one of its tags."""
    parts = PLAIN.split(tag)
    return tag.join(parts[: place + 1]) + text + tag + tag.join(parts[place + 1 :])


FORMS = {
    "an event named in a comment": before("<event>", "<!-- text <event> -->\n", 1),
    "an event in a comment of one line": before("<event>", f"<!--{ONE}-->".replace("\n", " "), 1),
    "an event in a comment": before("<event>", f"<!--\n{ONE}-->\n", 1),
    "the last event in a comment": before("</LesHouchesEvents>", f"<!--\n{ONE}-->\n"),
    "a comment in an event": before("21 1 1 2 501", "<!-- x -->\n", 1),
    "a comment on a line of numbers": before("\n21 1 1 2 501", " <!-- 1 2 -->", 1),
    "a line of # between particles": before("21 1 1 2 501", "# x\n", 1),
    "a line of # and a tag": before("</event>", "# <event>\n", 1),
    "a group of events": before("<event>", '<eventgroup nreal="1">\n').replace(
        "</LesHouchesEvents>", "</eventgroup>\n</LesHouchesEvents>"
    ),
    "two comments": before("<init>", "<!-- a -->\n<!-- b -->\n"),
    "a comment behind the header": before("<init>", "<header>\nx\n</header>\n<!-- a -->\n"),
    "-- in a comment": before("<init>", "<!--\nptcut 1 ! a -- b\n<init>\n-->\n"),
    "& and < in the header": before("<init>", "<header>\na<b && c <init> d\n</header>\n"),
    "& and < behind the particles": before("</event>", "#rwgt 1 < 2 & 3\n", 1),
    "an open quote": before("</event>", "<rwgt a='1>\n", 1),
    "weights of no table": before("</event>", "<weights> 1 2 </weights>\n", 1),
    "weights": before("</event>", "<rwgt>\n<wgt id='1'> 2 </wgt>\n</rwgt>\n", 1),
    "a letter of Latin 1": before("<init>", "<!-- \xe9 -->\n"),
    "a comment in <init>": before("</init>", "<!-- a -->\n"),
    "lines of # in <init>": before("</init>", "# a\n").replace("<init>", "<init>\n# b"),
    "a generator": before("</init>", "<generator name='a'>1 & 2</generator>\n"),
    "a declaration": '<?xml version="1.0"?>\n' + PLAIN,
    "blank lines": PLAIN.replace("\n", "\n\n"),
    "tags on one line": PLAIN.replace("</event>\n<event>", "</event><event>"),
    "broken attributes": PLAIN.replace("<event>", "<event a='1>"),
    "lines of Windows": PLAIN.replace("\n", "\r\n"),
    "a mark of the byte order": b"\xef\xbb\xbf" + PLAIN.encode(),
    "gzip in two pieces": gzip.compress(PLAIN[:900].encode()) + gzip.compress(PLAIN[900:].encode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_pythia_is_handed_the_events_in_any_form(tmp_path, form):
    plain = handed_on(tmp_path / "plain.lhe", PLAIN)
    assert plain.count("<event>") == EVENTS
    assert handed_on(tmp_path / "form.lhe", FORMS[form]) == plain


def test_parts_of_a_file_are_its_events_in_order(tmp_path):
    def lists(text):
        return text[text.index("</init>") :].replace("</LesHouchesEvents>\n", "").split("</init>")

    parts = [handed_on(tmp_path / "a.lhe", PLAIN, range(*part)) for part in ((0, 1), (1, 4))]
    whole = handed_on(tmp_path / "a.lhe", PLAIN)
    assert "".join(lists(part)[1] for part in parts).replace("\n\n", "\n") == lists(whole)[1]


def test_the_numbers_are_those_that_pylhe_reads(tmp_path):
    handed_on(tmp_path / "a.lhe", PLAIN)
    ours, theirs = (
        list(pylhe.LHEFile.fromfile(tmp_path / name).events) for name in ("out.lhe", "a.lhe")
    )
    assert len(ours) == EVENTS
    for one, other in zip(ours, theirs, strict=True):
        assert one.eventinfo == other.eventinfo
        assert one.particles == other.particles


def test_shards_have_every_event_once_whatever_stands_around_them(tmp_path):
    text = PLAIN.replace("</event>", "<!-- <event> -->\n# b\n</event>\n<!-- c <event> -->")
    text = text.replace("</init>", f"# a\n</init>\n<eventgroup>\n<!--\n{ONE}-->")
    path = tmp_path / "a.lhe"
    path.write_text(text.replace("</LesHouchesEvents>", "</eventgroup>\n</LesHouchesEvents>"))
    found = []
    for shard in ("0000", "0001"):
        out = tmp_path / "e.root"
        import_lhe(
            source=path, events=out, summary=tmp_path / "s.json", shard=shard, settings=BARE,
            seed=5, parts=2,
        )  # fmt: skip
        data = read_events(out, GENERATED)
        found += (ak.sum(data["parton"].e[:, 2:4], axis=1) / 2).to_list()
    assert found == pytest.approx([LEAST + event for event in range(EVENTS)], abs=0.1)


def test_scales_densities_and_attributes_reach_pythia(tmp_path):
    kept = ["#pdf 21 21 0.05 0.05 300. 1. 1.", "#scaleShowers 60. 30."]
    text = PLAIN.replace("<event>", "<event npLO=' 1 ' npNLO='-1'>").replace(
        "</event>", "\n".join([*kept, "#pdf of a & b", "<scales muf='100.'\nmur='9'/>", "</event>"])
    )
    first = handed_on(tmp_path / "a.lhe", text).split("</event>")[0].splitlines()
    assert first[-3:] == [*kept, "<scales muf='100.' mur='9'></scales>"]
    assert "<event npLO=' 1 ' npNLO='-1'>" in first


def test_decays_of_the_header_s_spectrum_are_pythia_s(tmp_path):
    e, mass = 300.0, 125.0
    p = math.sqrt(e**2 - mass**2)
    lines = [
        '<LesHouchesEvents version="3.0">', "<header>", "<slha>", "DECAY 25 4.0E-03 # a < b",
        "  1.0 2 13 -13", "</slha>", "</header>", "<init>",
        "2212 2212 6500. 6500. 0 0 247000 247000 3 1", "1. 0.1 1. 1", "</init>",
        "<event>", f"4 1 1. {e} 0.0078 0.1", f"21 -1 0 0 501 502 0 0 {e} {e} 0 0 9",
        f"21 -1 0 0 502 501 0 0 -{e} {e} 0 0 9", f"25 1 1 2 0 0 {p} 0 0 {e} {mass} 0 9",
        f"25 1 1 2 0 0 -{p} 0 0 {e} {mass} 0 9", "</event>", "</LesHouchesEvents>",
    ]  # fmt: skip
    (tmp_path / "a.lhe").write_text("\n".join(lines))
    import_lhe(
        source=tmp_path / "a.lhe", events=tmp_path / "e.root", summary=tmp_path / "s.json",
        shard="0000", settings=BARE, seed=5,
    )  # fmt: skip
    codes = ak.flatten(read_events(tmp_path / "e.root", GENERATED)["particle"].pdgid).to_list()
    assert (codes.count(13), codes.count(-13)) == (2, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("4 8 1.0 301.0", "0 8 1.0 301.0"), "event 2 of the file, the number of particles is 0,"),
        (("4 8 1.0 301.0", "5 8 1.0 301.0"), "particles is 5, but there are lines for 4"),
        (("4 8 1.0 301.0", "4 8 1.0 nan"), "event 2 of the file, the scale or a coupling is not"),
        (("4 8 1.0 301.0", "4 8 1.0D0 301.0"), "event 2 of the file, the line '4 8 1.0D0 301"),
        (
            ("4 8 1.0 301.0", "4 9999999999 1.0 301.0"),
            "'4 9999999999 1.0 301.0 .* does not begin with 6",
        ),
        (("-301.0 301.0 0 0 9", "-301.0 301.0 0 0"), "0 0' does not begin with 13 numbers"),
        (("-301.0 301.0 0 0 9", "-301.0 301.0 0 inf 9"), "a number of a particle is not finite"),
        (("21 -1 0 0 502 503 0 0 -301", "21 1 0 0 502 503 0 0 -301"), "incoming particles is 1,"),
        (("</event>\n<event>", "<event>"), "damaged after event 0 .*<event> stands in front of"),
        (("<event>", "<event>\n<init>"), "damaged after event 0 .*<init> stands in front of"),
        (("<event>", "<init>\n<event>"), "damaged after event 0 .*<init> stands between"),
        (("<event>", "<!--\n<event>"), "damaged after event 0 .*a comment, <!--, has no end"),
        (("<event>", "<event\na='1'>"), "the tag '<event' does not end on its line"),
        (('"3.0"', '"9"'), 'version="9"> is not of version 1, 2 or 3'),
        (("<init>", "<header>\n<init>"), "<header> has no end"),
        (("247000 3 2", "247000 3"), "247000 247000 3' does not begin with 10 numbers"),
        (("30.0 0.3 1.0 7", "30.0 0.3 7"), "'30.0 0.3 7' does not begin with 4 numbers"),
        (("247000 3 2", "247000 3 3"), "there is no line of 4 numbers"),
        (("247000 3 2", "247000 3 0"), "<init> has no process"),
        (("6500. 6500.", "nan 6500."), "a beam or a largest weight in <init> is not finite"),
        (("30.0 0.3 1.0 7", "30.0 0.3 inf 7"), "a beam or a largest weight in <init> is not"),
    ],
)
def test_what_is_wrong_is_named_with_its_event(tmp_path, change, words):
    assert change[0] in PLAIN
    with pytest.raises(DataError, match=words):
        handed_on(tmp_path / "a.lhe", PLAIN.replace(*change))


def test_the_events_are_those_of_pylhe(tmp_path):
    path = tmp_path / "events.lhe"
    path.write_text(les_houches(6, weights=(20.0, -5.0), strategy=WEIGHTED))
    theirs = list(pylhe.LHEFile.fromfile(path).events)
    with opened(path) as text:
        ours = list(text.events())
    assert [each.weight for each in ours] == [each.eventinfo.weight for each in theirs]
    assert [each.process for each in ours] == [each.eventinfo.pid for each in theirs]
