"""Delphes files: the generated particles come back as from Pythia; others are refused."""

import awkward as ak
import numpy as np
import pytest

from helpers.records import pythia_events, require_same_truth, write_delphes
from jetchain.core.errors import DataError
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.generate import GENERATED
from jetchain.generate.import_delphes import import_delphes

FLOAT32 = 1e-6
EVENTS = 4


def take_in(path, folder):
    import_delphes(source=path, events=folder / "e.root", summary=folder / "s.json", shard="0001")
    return read_events(folder / "e.root", GENERATED), read_json(folder / "s.json")


@pytest.mark.parametrize("process", ["quark", "top", "Hbb"])
def test_pythias_events_give_the_truth_that_pythias_record_gives(tmp_path, process):
    columns, truth = pythia_events(process, EVENTS)
    data, _ = take_in(write_delphes(tmp_path / "a.root", columns), tmp_path)
    require_same_truth(data, truth, rtol=FLOAT32)


def test_weights_process_and_cross_section_come_from_the_file(tmp_path):
    data, account = take_in(
        write_delphes(tmp_path / "a.root", pythia_events("top", EVENTS)[0]), tmp_path
    )
    assert ak.to_list(data["event"].weight) == [0.5, 1.5, 2.5, 3.5]
    assert ak.to_list(data["event"].process) == [9999] * EVENTS
    assert (account["cross_section_pb"], account["cross_section_error_pb"]) == (12.5, 0.25)
    assert account["process"] == "delphes"


@pytest.mark.parametrize(
    "change",
    [
        {"Event_CrossSectionError": None},  # events that Delphes read from LHE files
        {"Event_CrossSection": ak.Array(np.zeros((EVENTS, 1), "f4"))},
    ],
)
def test_a_cross_section_that_nobody_told_is_none(tmp_path, change):
    change = {name: value if value is None else ak.from_regular(value)
              for name, value in change.items()}  # fmt: skip
    path = write_delphes(tmp_path / "a.root", pythia_events("top", EVENTS)[0], **change)
    assert take_in(path, tmp_path)[1]["cross_section_pb"] is None


def like(columns, name, value):
    """A column of one value, of particles or of events."""
    counts = [len(event["id"]) if name.startswith("Particle") else 1 for event in columns]
    kind = "i4" if isinstance(value, int) else "f4"
    return ak.unflatten(np.full(sum(counts), value, kind), counts)


def test_loops_are_cut_and_named_and_empty_events_kept(tmp_path, capsys):
    columns, _ = pythia_events("top", EVENTS)
    columns = [*columns[:1], {n: v[:0] for n, v in columns[1].items()}, *columns[2:]]
    columns[2] = {**columns[2], "mothers": [[i] for i in range(len(columns[2]["id"]))]}
    columns[2]["mothers"][5], columns[2]["mothers"][7] = [7], [5]
    data, _ = take_in(write_delphes(tmp_path / "a.root", columns), tmp_path)
    number = len(columns[2]["id"])
    said = capsys.readouterr().err
    assert "event 3, particle 1; event 3, particle 2; event 3, particle 3 and" in said
    assert f"and {number - 1 - 3} more" in said
    expected = [int(np.sum(event["status"] == 1)) for event in columns]
    assert ak.to_list(ak.num(data["particle"].pdgid)) == expected
    assert expected[1] == 0
    assert set(ak.to_list(data["particle"].origin[2])) <= {-1, 2}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Particle_PID", None, ["lacks the branch Particle.PID"]),
        ("Event_Weight", None, ["lacks the branch Event.Weight"]),
        ("Particle_IsPU", 1, ["Particle.IsPU", "pile-up"]),
        ("Particle_M1", 5000, ["Particle.M1", "does not have"]),
        ("Particle_PID", 490011199, ["PDG codes 490011199"]),
        ("Particle_Px", np.nan, ["in event 1 of the file, px of a particle", "is nan"]),
        ("Particle_E", -1.0, ["in event 1 of the file, the energy of a particle"]),
        ("Event_Weight", np.inf, ["in event 1 of the file, the weight is inf"]),
        ("Event_Weight", 0.0, ["the weight of event 1 is 0", f"all {EVENTS} events"]),
        ("Event_CrossSection", np.nan, ["the cross-section is nan pb"]),
        ("Particle_M1", 0.5, ["Particle.M1 does not hold whole numbers"]),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, value, words):
    columns, _ = pythia_events("top", EVENTS)
    column = None if value is None else like(columns, name, value)
    path = write_delphes(tmp_path / "a.root", columns, **{name: column})
    with pytest.raises(DataError) as refusal:
        take_in(path, tmp_path)
    for word in (f"{path}: ", *words):
        assert word in refusal.value.cause
    assert not (tmp_path / "e.root").exists()
