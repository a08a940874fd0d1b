"""Rooms, results, usage, configuration and front page of the report, from small inputs."""

import csv
import re
from dataclasses import replace
from importlib.metadata import version

import pytest

from jetchain.core.schema.inference import Limits
from jetchain.plumbing.checksums import Checksum
from jetchain.plumbing.provenance.artefacts import Artefact, Making
from jetchain.reporting.summary import COLUMNS, limit_rows
from snakemake_report_plugin_jetchain import front, names, results, rooms, usage
from snakemake_report_plugin_jetchain.names import named, papers
from snakemake_report_plugin_jetchain.origin import ABSENT, NONE, Change, changes, origin
from snakemake_report_plugin_jetchain.samples import Source


def figure(width, height=10):
    return results.Result(
        id=f"{width}", path=rooms.REPORTING / f"jets/{width}.png", title="", labels={}, caption="",
        rule="", seconds=None, contents="", sources=[], links={}, width=width, height=height,
    )  # fmt: skip


def test_figures_stand_in_pairs_and_a_single_one_beside_its_caption():
    shown = [figure(width) for width in (12, 11, 13, 40, 10, 30, 12, 12)]
    places = [place for place, _ in results.arrange(shown)]
    assert places == ["half", "half", "beside", "wide", "beside", "wide", "half", "half"]
    assert [each for _, each in results.arrange(shown)] == shown


@pytest.mark.parametrize(
    ("text", "shown", "number"),
    [
        ("201 +- 4", "201 ± 4", 201.0), ("-13.736", "−13.74", -13.736), ("cwola", "CWoLa", None),
        ("6 +3 -3", "6 +3 −3", 6.0), ("", "", None), ("arXiv:2202.03772", "arXiv:2202.03772", None),
        ("2-3 layers", "2-3 layers", None), ("1e-05", "1e−05", 1e-5),
    ],
)  # fmt: skip
def test_cells_are_read_and_sort_by_their_number(text, shown, number):
    assert results.cell(text) == results.Cell(shown, number)


def test_a_column_is_numeric_if_all_that_is_filled_is(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("model,auc_error,note\npfn,0.1,4\nother,,high\n")
    header, rows = results.read_table(table)
    assert header == ["model", "auc error", "note"]
    result = figure(1)
    result.rows.extend(rows)
    assert result.numeric == {1}


def test_an_alternative_text_is_the_first_sentence():
    caption = "<p>Mass of jets (R = 0.8, pT &lt; 1 TeV) of\nall <em>classes</em>. Look for it.</p>"
    assert results.alternative("Jet mass", {"tagger": "PFN"}, caption) == (
        "Jet mass, PFN. Mass of jets (R = 0.8, pT < 1 TeV) of all classes."
    )


def test_rooms_come_in_the_order_of_the_chain_and_new_ones_after_them():
    chain = ["generate", "mine", "jets"]
    found = rooms.in_order({"jets", "mine", "zoo", "generate", rooms.WHOLE_CHAIN}, chain)
    assert [room.name for room in found] == ["", "generate", "jets", "mine", "zoo"]
    assert found[3].title == "Mine"
    assert rooms.room_of(rooms.REPORTING / "summary.csv") == rooms.WHOLE_CHAIN
    assert rooms.room_of(rooms.REPORTING / "jets/mass.png") == "jets"


def artefact(job, rule, seconds, memory=None, libraries=(), started=100.0):
    checksum = Checksum("", "", 1, cpu_seconds=seconds / 2, memory_mb=memory)
    making = Making(job, rule, "", None, None, {}, dict(libraries), {})
    return Artefact(f"results/{job}", making, [], started, started + seconds, checksum)


def test_time_and_memory_are_counted_once_a_job():
    made = [
        artefact("a/1", "make", 30.0, 100), artefact("a/1", "make", 30.0, 100),
        artefact("a/2", "make", 30.0, 300), artefact("b", "take", 20.0, None),
    ]  # fmt: skip
    rooms_of = {"make": "first", "take": "second", "never": "third"}
    first, second = usage.by_room(usage.jobs_of(made).values(), rooms_of)
    assert (first.room, first.jobs, first.seconds, first.share) == ("first", 2, 60.0, 0.75)
    assert (first.largest.name, first.cpu_seconds) == ("a/2", 30.0)
    assert (second.longest.name, second.largest) == ("b", None)


def test_a_library_that_was_upgraded_during_a_run_has_all_its_versions(tmp_path):
    made = [
        artefact("a", "make", 9.0, libraries={"torch": "2.9.1", "numpy": "2.4.6"}, started=500.0),
        artefact("b", "make", 9.0, libraries={"torch": "2.10.0"}, started=900.0),
        artefact("c", "make", 9.0, libraries={"torch": "2.9.1"}, started=100.0),
    ]
    versions = origin({}, made, tmp_path).versions
    assert (versions["torch"], versions["numpy"]) == ("2.9.1, 2.10.0", "2.4.6")
    assert versions["jetchain"] == version("jetchain")


def test_changed_keys_are_named_with_their_paths():
    default = {"seed": 1, "jets": {"radii": [0.8], "pt": 5.0}, "samples": {"top": {"n": 1}}}
    used = {"seed": 1, "jets": {"radii": [0.4], "pt": None}, "samples": {"own": {"n": 2}}}
    assert changes(default, used) == [
        Change("jets.radii", "[0.8]", "[0.4]"),
        Change("jets.pt", "5.0", NONE),
        Change("samples.top", '{"n": 1}', ABSENT),
        Change("samples.own", ABSENT, '{"n": 2}'),
    ]
    assert changes(default, default) == []


SUMMARY = """room,quantity,value,low,high,unit,source
jets,"soft-drop mass peak, W",81.1,80.1,82.1,GeV,x
tagging,"AUC, pfn, top vs QCD",0.9894,0.9876,0.9912,,x
tagging,"AUC, particlenet, top vs QCD",0.9917,0.9901,0.9933,,x
tagging,"rejection at 50 %, pfn, top vs QCD",400,300,500,,x
tagging,"rejection at 50 %, at least, pfn, Hbb vs QCD",1377,748.4,1377,,x
anomaly,"SIC at 1 % background, supervised",9,8,10,,x
anomaly,"SIC at 1 % background, cathode",6.6,6.2,7.0,,x
anomaly,"SIC, disco",too few events,,,,x
inference,"observed 95 % CL limit, cathode",141.2,,,fb,x
inference,"expected, as trained, 95 % CL limit, cathode",87,60,130,fb,x
inference,"95 % CL limit, disco",no sensitivity,,,,x
firmware,"accuracy, Verilog",0.558,0.549,0.567,,x
firmware,latency,6,,,cycles,x
"""


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "summary.csv"
    path.write_text(SUMMARY)
    return front.read_numbers(path)


def test_the_story_is_told_from_the_tables(numbers):
    sources = [Source("top", 900, 0.1, False), Source("W", 100, 0.1, False),
               Source("gun", 7, None, True)]  # fmt: skip
    told = dict(front.story(sources, numbers))
    assert list(told) == ["generate", "jets", "tagging", "anomaly", "inference", "firmware"]
    assert "1,000 simulated proton collisions in 2 samples" in told["generate"]
    assert "W at 81.1 ± 1.0 GeV" in told["jets"]
    assert "Of 2 taggers, ParticleNet" in told["tagging"]
    assert "0.9917 ± 0.0016" in told["tagging"]
    # The supervised search knows the truth and sets no limit.
    assert "supervised" not in told["anomaly"].lower()
    assert "keeps 1 % of the background" in told["anomaly"]
    assert "a factor of 6.6 ± 0.4 (CATHODE)" in told["anomaly"]
    assert "at 95 % CL that they expect" in told["inference"]
    assert "87 +43 −27 fb (CATHODE)" in told["inference"]
    assert "141.2 fb (CATHODE)" in told["inference"].partition("observed")[2]
    assert "after 6 cycles" in told["firmware"]


def test_no_search_is_called_the_best_by_the_signal_that_was_injected(numbers):
    """In whatever order their numbers are: all are told, in the order of the table."""
    row = next(each for each in numbers if each.quantity == "SIC at 1 % background, CATHODE")
    limit = next(
        each for each in numbers if re.match(r"expected.*CL limit, CATHODE", each.quantity)
    )
    more = [
        replace(row, quantity="SIC at 1 % background, CWoLa", value=9.0, text="9"),
        replace(limit, quantity=limit.quantity.replace("CATHODE", "CWoLa"), value=1.0, text="1 fb"),
    ]
    told = dict(front.story([], [*numbers, *more]))
    assert "6.6 ± 0.4 (CATHODE), 9 (CWoLa)" in told["anomaly"]
    assert "87 +43 −27 fb (CATHODE), 1 fb (CWoLa)" in told["inference"]


def test_the_story_has_the_limit_as_the_summary_calls_it(tmp_path):
    limit = Limits(
        method="cathode", sensitive=True, level=0.001, observed_fb=9.0,
        expected_fb=(3.0, 4.0, 6.0, 9.0, 13.0), reference_cross_section_fb=1.0,
    )  # fmt: skip
    with (tmp_path / "summary.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(limit_rows(limit, "limits.json"))
    told = dict(front.story([], front.read_numbers(tmp_path / "summary.csv")))
    assert "at 99.9 % CL that they expect" in told["inference"]
    assert "6.0 +3.0 −2.0 fb (CATHODE); observed are 9 fb (CATHODE)." in told["inference"]


def test_a_lower_limit_is_told_as_one_and_not_as_a_measurement(numbers):
    (bound,) = (each for each in numbers if "at least" in each.quantity)
    assert bound.text == "748.4"


def test_what_a_run_does_not_have_is_left_out_of_the_story(tmp_path):
    assert front.read_numbers(tmp_path / "none.csv") == []
    assert front.story([], []) == []


def test_key_numbers_are_a_choice_by_room(numbers):
    chosen = front.key_numbers(numbers)
    assert list(chosen) == ["jets", "tagging", "anomaly", "inference", "firmware"]
    quantities = [each.quantity for members in chosen.values() for each in members]
    assert "AUC, PFN, top vs QCD" in quantities
    assert "95 % CL limit, Double DisCo" in quantities
    assert not [each for each in quantities if "rejection" in each]


def test_names_are_those_of_the_figures():
    assert named("AUC, particlenet, top vs QCD") == "AUC, ParticleNet, top vs QCD"
    assert named("inclusive") == "no cut"


def test_a_network_of_the_users_is_called_as_the_run_calls_it(monkeypatch):
    monkeypatch.setattr(names, "_NAMES", dict(names._NAMES))
    names.learn({"own": "MyNet"})
    assert named("AUC, own, pfn") == "AUC, MyNet, PFN"


def test_papers_are_linked_and_nothing_else():
    def link(name):
        return f'<a href="https://arxiv.org/abs/{name}">arXiv:{name}</a>'

    html = "<p>(arXiv:1902.09914), arXiv\n1402.2657, arXiv physics/0605123; 2.2657 &lt; 3</p>"
    assert str(papers(html)) == (
        f"<p>({link('1902.09914')}), {link('1402.2657')}, {link('physics/0605123')}; "
        "2.2657 &lt; 3</p>"
    )
