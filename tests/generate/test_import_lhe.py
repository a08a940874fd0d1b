"""Les Houches files: Pythia showers each event once, with the file's weights and cross-section."""

import awkward as ak
import numpy as np
import pytest
import pythia8mc

from helpers.les_houches import LEAST, les_houches, write_les_houches
from jetchain.core.errors import DataError, GeneratorError
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.generate import GENERATED
from jetchain.generate.import_lhe import import_lhe
from jetchain.generate.imported import EVENTS_PER_FILE
from jetchain.generate.settings import FilterSettings, LesHouchesJob, ShowerSettings

QUICK = ShowerSettings(overrides=["PartonLevel:MPI = off", "HadronLevel:all = off"])
FAST = LesHouchesJob(shower=QUICK)


def take_in(path, folder, shard="0000", settings=FAST, **which):
    import_lhe(
        source=path, events=folder / "e.root", summary=folder / "s.json", shard=shard,
        settings=settings, seed=5, **which,
    )  # fmt: skip
    return read_events(folder / "e.root", GENERATED), read_json(folder / "s.json")


def energies(data):
    """Of the gluons of each event, as the file has them, GeV."""
    return (ak.to_numpy(ak.sum(data["parton"].e[:, 2:4], axis=1)) / 2).round().astype(int).tolist()


@pytest.mark.parametrize("name", ["a b.lhe", "a.txt.gz"])
def test_every_event_is_in_one_shard(tmp_path, name):
    path = write_les_houches(tmp_path / name, les_houches(7))
    parts = [take_in(path, tmp_path, f"{shard:04d}", parts=3, limit=6) for shard in (3, 4, 5)]
    found = [energy for data, _ in parts for energy in energies(data)]
    assert found == [int(LEAST) + event for event in range(6)]
    first = [int(data["event"].number[0]) for data, _ in parts]
    assert first == [shard * EVENTS_PER_FILE for shard in (3, 4, 5)]


def test_cross_section_weights_and_process_are_the_files(tmp_path):
    text = les_houches(
        4, weights=(20.0, -5.0), strategy=-4, processes=((7, 30.0, 0.3), (8, 20.0, 0.4))
    )
    data, account = take_in(write_les_houches(tmp_path / "a.lhe", text), tmp_path)
    assert ak.to_list(data["event"].weight) == [20.0, -5.0, 20.0, -5.0]
    assert ak.to_list(data["event"].process) == [7, 8, 7, 8]
    assert account["cross_section_pb"] == 50.0
    assert account["cross_section_error_pb"] == pytest.approx(0.5)
    assert (account["process"], account["cutflow"]["kept"]) == ("lhe", 4)


@pytest.mark.parametrize("strategy", [1, -1, 2, -2, 3, -3, 4, -4])
def test_weights_of_one_size_become_one(tmp_path, strategy):
    size = 20.3  # which Pythia itself gives back as 20.300000000000004
    weights = (size, size, -size if strategy < 0 else size)
    # A largest weight that is larger, by which Pythia would reject some events of 1 and 2.
    text = les_houches(3, weights=weights, strategy=strategy).replace(f"1.0 {size} 7", "1.0 99 7")
    data, _ = take_in(write_les_houches(tmp_path / "a.lhe", text), tmp_path)
    assert ak.to_list(data["event"].weight) == [1.0, 1.0, -1.0 if strategy < 0 else 1.0]
    assert energies(data) == [300, 301, 302]


@pytest.mark.parametrize(
    ("strategy", "weights"), [(4, (20.0, 5.0)), (-4, (20.0, -5.0)), (-4, (20.0, 0.0, 5.0))]
)
def test_weights_of_several_sizes_are_the_files(tmp_path, strategy, weights):
    path = write_les_houches(tmp_path / "a.lhe", les_houches(6, weights=weights, strategy=strategy))
    data = [take_in(path, tmp_path, f"{shard:04d}", parts=2)[0]["event"] for shard in (0, 1)]
    assert ak.concatenate(data).weight.to_list() == [weights[i % len(weights)] for i in range(6)]


@pytest.mark.parametrize(
    ("strategy", "weights", "words"),
    [
        (1, (20.0, 5.0), "accepted or rejected by their weights, but those of events 1 and 2"),
        (-2, (20.0, -20.0, 0.0), "rejected by their weights, but those of events 1 and 3 are 20"),
        (3, (20.0, 20.0, 5.0), "of one size, but those of events 1 and 3 are 20 and 5"),
        (-3, (20.0, 0.0, 5.0), "of one size, but those of events 1 and 2 are 20 and 0"),
        (2, (20.0, -20.0), "no weight is negative, but that of event 2 is -20"),
        (3, (20.0, -5.0), "no weight is negative, but that of event 2 is -5"),
        (0, (20.0,), "which says nothing of the weights"),
        (5, (20.0,), "which says nothing of the weights"),
    ],
)
def test_weights_that_are_not_what_the_file_says_are_refused(tmp_path, strategy, weights, words):
    path = write_les_houches(tmp_path / "a.lhe", les_houches(3, weights=weights, strategy=strategy))
    with pytest.raises(DataError, match=rf"IDWTUP in <init> is {strategy}, .*{words}"):
        take_in(path, tmp_path)


def test_the_process_is_the_event_s_also_where_init_does_not_list_it(tmp_path):
    text = les_houches(3).replace("4 7 1.0 301.0", "4 9 1.0 301.0")
    data, _ = take_in(write_les_houches(tmp_path / "a.lhe", text), tmp_path)
    assert ak.to_list(data["event"].process) == [7, 9, 7]


def test_processes_of_events_with_the_same_momenta_are_told_apart(tmp_path):
    """As of electrons on positrons: the momentum fractions are the same of all events."""
    text = les_houches(1, processes=((7, 30.0, 0.3), (8, 20.0, 0.4)))
    event = text[text.index("<event>") : text.index("</LesHouchesEvents>")]
    codes = [7, 8, 8, 7, 9, 8]
    events = "".join(event.replace("4 7 1.0", f"4 {code} 1.0") for code in codes)
    path = write_les_houches(tmp_path / "a.lhe", text.replace(event, events))
    assert ak.to_list(take_in(path, tmp_path)[0]["event"].process) == codes


def test_a_file_that_knows_no_cross_section_is_read(tmp_path):
    text = les_houches(2).replace("50.0 1.0 1.0 7", "0 0 0 7")
    data, account = take_in(write_les_houches(tmp_path / "a.lhe", text), tmp_path)
    assert energies(data) == [300, 301]
    assert account["cross_section_pb"] is None


def test_jets_hadrons_and_the_filter_are_those_of_any_sample(tmp_path):
    path = write_les_houches(tmp_path / "a.lhe", les_houches(4))
    shower = ShowerSettings(overrides=QUICK.overrides[:1], filter=FilterSettings(jet_pt_min=5000.0))
    data, account = take_in(path, tmp_path, settings=LesHouchesJob(shower=shower))
    assert account["cutflow"]["removed_by_filter"] == 4
    assert len(data["event"]) == 0
    data, _ = take_in(path, tmp_path, settings=LesHouchesJob(shower=ShowerSettings()))
    assert {21} == set(np.asarray(ak.flatten(data["parton"].pdgid)).tolist())
    total = ak.to_numpy(ak.sum(data["particle"].e, axis=1))
    assert total == pytest.approx(13_000, rel=1e-3)  # nothing is lost, nor counted twice


def test_a_file_without_events_is_an_empty_shard(tmp_path):
    data, account = take_in(write_les_houches(tmp_path / "a.lhe", les_houches(0)), tmp_path)
    assert len(data["event"]) == account["cutflow"]["kept"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[: len(text) // 2], "cut short or damaged after event 1"),
        (lambda text: text.replace("</LesHouchesEvents>", ""), "cut short or damaged"),
        (lambda text: text + text, "holds 2 lists of events"),
        (lambda text: text.replace("<init>", "<start>"), "not a file of Les Houches events"),
        (lambda _: "HepMC::Version 3", "not a file of Les Houches events"),
        (lambda text: text.replace("7 1.0 301.0", "7 nan 301.0"), "in event 2 of the file"),
        (lambda text: text.replace("301.0 301.0", "nan 301.0"), "in event 2 of the file, the mom"),
        (lambda text: text.replace("7 1.0 ", "7 0.0 "), "the weight of event 1 is 0"),
        (lambda text: text.replace("50.0 1.0", "-50.0 1.0"), "in <init> is -50 pb"),
        (lambda text: text.replace("50.0 1.0", "nan 1.0"), "cross-section is nan pb"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, words):
    path = write_les_houches(tmp_path / "a.lhe", change(les_houches(3)))
    with pytest.raises(DataError, match=words) as caught:
        take_in(path, tmp_path)
    assert caught.value.cause.startswith(f"{path}: ")
    assert not (tmp_path / "e.root").exists()


def test_events_that_all_fail_are_refused_and_single_ones_counted(tmp_path):
    text = les_houches(3)
    broken = text.replace("504 503", "604 503")
    with pytest.raises(GeneratorError, match="Pythia gave up 3 of 3 events"):
        take_in(write_les_houches(tmp_path / "a.lhe", broken), tmp_path)
    last = text.rindex("504 503")
    path = write_les_houches(tmp_path / "b.lhe", text[:last] + "6" + text[last + 1 :])
    tries = take_in(path, tmp_path)[1]["cutflow"]
    assert (tries["tried"], tries["failed_in_generator"], tries["kept"]) == (3, 1, 2)


def test_settings_that_pythia_does_not_know_are_named(tmp_path):
    path = write_les_houches(tmp_path / "a.lhe", les_houches(1))
    settings = LesHouchesJob(shower=ShowerSettings(overrides=["PartonLevel:XYZ = off"]))
    with pytest.raises(GeneratorError, match=r"a\.lhe: Pythia refuses an entry of 'overrides'"):
        take_in(path, tmp_path, settings=settings)


MERGING = (
    "Merging:doKTMerging = on", "Merging:ktType = 1", "Merging:Process = pp>jj",
    "Merging:TMS = 30.", "Merging:nJetMax = 2", "Merging:nQuarksMerge = 5",
)  # fmt: skip


@pytest.mark.parametrize("unit", [1.0, 20.0])
def test_merging_leaves_the_part_of_the_cross_section_that_pythia_says(tmp_path, unit):
    """Sudakov factors as weights, most of them 0: 50 pb of gluon pairs without a third jet."""
    path = write_les_houches(tmp_path / "a.lhe", les_houches(60, weights=(unit,)))
    shower = ShowerSettings(overrides=[*QUICK.overrides, *MERGING])
    data, account = take_in(path, tmp_path, settings=LesHouchesJob(shower=shower))
    weight = ak.to_numpy(data["event"].weight)
    assert 0 < np.count_nonzero(weight) < 45
    assert account["sum_of_weights_generated"] == pytest.approx(weight.sum())
    assert account["cross_section_pb"] == pytest.approx(50.0 * weight.sum() / 60)
    spread = 50.0 * weight.std() / np.sqrt(60)
    by_hand = np.hypot(1.0 * weight.sum() / 60, spread)
    assert account["cross_section_error_pb"] == pytest.approx(by_hand)

    pythia = pythia8mc.Pythia("", False)
    for line in (
        "Print:quiet = on", "Beams:frameType = 4", f"Beams:LHEF = {path}", *shower.overrides,
        "Random:setSeed = on", "Random:seed = 77",
    ):  # fmt: skip
        assert pythia.readString(line)
    assert pythia.init()
    for _ in range(60):
        pythia.next()
    apart = 1e9 * pythia.infoPython().sigmaGen() - account["cross_section_pb"]
    assert abs(apart) < 4 * np.sqrt(2) * spread


def test_what_merging_vetoes_is_no_failure_and_lacks_in_the_cross_section(tmp_path):
    """A third gluon of 20 GeV lies below the scale of 100 GeV: the shower makes those events."""
    soft = [
        "<event>", "5 7 1.0 200. 0.0078 0.1", "21 -1 0 0 501 502 0 0 210.25 210.25 0 0 9",
        "21 -1 0 0 502 503 0 0 -210.25 210.25 0 0 9", "21 1 1 2 501 504 200.0 -10 0 200.25 0 0 9",
        "21 1 1 2 504 505 -200.0 -10 0 200.25 0 0 9", "21 1 1 2 505 503 0 20 0 20 0 0 9",
        "</event>", "",
    ]  # fmt: skip
    text = les_houches(40).replace(
        "</LesHouchesEvents>", "\n".join(soft) * 20 + "</LesHouchesEvents>"
    )
    path = write_les_houches(tmp_path / "a.lhe", text)
    scale = [line.replace("30.", "100.") for line in MERGING]
    shower = ShowerSettings(overrides=[*QUICK.overrides, *scale])
    _, account = take_in(path, tmp_path, settings=LesHouchesJob(shower=shower))
    assert (account["cutflow"]["tried"], account["cutflow"]["kept"]) == (60, 40)
    total = account["sum_of_weights_kept"]
    assert account["cross_section_pb"] == pytest.approx(50.0 * total / 60)
    without = [line for line in shower.overrides if not line.startswith("Merging")]
    plain = LesHouchesJob(shower=ShowerSettings(overrides=without))
    assert take_in(path, tmp_path, settings=plain)[1]["cross_section_pb"] == 50.0


CARD = "<header>\n<MGRunCard>\n<![CDATA[\n {} ! matching\n]]>\n</MGRunCard>\n</header>\n<init>"


@pytest.mark.parametrize("line", ["1 = ickkw", "3  = ickkw", "30.0 = ktdurham", "2.5e1 = ptlund"])
def test_events_that_are_to_be_matched_are_refused_without(tmp_path, line):
    text = les_houches(20).replace("<init>", CARD.format(line))
    path = write_les_houches(tmp_path / "a.lhe", text)
    with pytest.raises(DataError, match=f"header has {' '.join(line.split())}") as refused:
        take_in(path, tmp_path)
    assert "HepMC" in refused.value.remedy
    shower = ShowerSettings(overrides=[*QUICK.overrides, *MERGING])
    assert take_in(path, tmp_path, settings=LesHouchesJob(shower=shower))[1]["cutflow"]["kept"] > 0


@pytest.mark.parametrize("line", ["0 = ickkw", "-1.0 = ktdurham", "-1 = ickkw", "none = ptlund"])
def test_events_that_need_no_matching_are_taken(tmp_path, line):
    text = les_houches(2).replace("<init>", CARD.format(line))
    assert energies(take_in(write_les_houches(tmp_path / "a.lhe", text), tmp_path)[0]) == [300, 301]
