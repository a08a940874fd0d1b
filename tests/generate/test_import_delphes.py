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


def like_particles(columns, value):
    counts = [len(event["id"]) for event in columns]
    return ak.unflatten(np.full(sum(counts), value, "i4"), counts)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Particle_PID", None, ["lacks the branch Particle.PID"]),
        ("Event_Weight", None, ["lacks the branch Event.Weight"]),
        ("Particle_IsPU", 1, ["Particle.IsPU", "pile-up"]),
        ("Particle_M1", 5000, ["Particle.M1", "does not have"]),
        ("Particle_PID", 490011199, ["PDG codes 490011199"]),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, value, words):
    columns, _ = pythia_events("top", EVENTS)
    column = None if value is None else like_particles(columns, value)
    path = write_delphes(tmp_path / "a.root", columns, **{name: column})
    with pytest.raises(DataError) as refusal:
        take_in(path, tmp_path)
    for word in (f"{path}: ", *words):
        assert word in refusal.value.cause
    assert not (tmp_path / "e.root").exists()
