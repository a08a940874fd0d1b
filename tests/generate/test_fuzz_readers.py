"""Odd and damaged files of the three formats: refused by name, or taken in whole; never a crash.

Every example runs in a process of its own (helpers/fuzzing.py); they are the same each time.
"""

import gzip
import tempfile
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from helpers.cocoa_file import EVENTS, FILE, INTEGERS, NESTED
from helpers.fuzzing import refusal
from helpers.records import hepmc_event, pythia_events, write_delphes, write_hepmc
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.detector import DETECTED
from jetchain.core.schema.generate import GENERATED
from jetchain.detector.exchange import import_cocoa as detector
from jetchain.generate.import_cocoa import import_cocoa
from jetchain.generate.import_delphes import import_delphes
from jetchain.generate.import_hepmc import import_hepmc

REFUSED = (0, 99, 6, 23, 24, -24)
"""Codes that nothing knows, or that a detector cannot meet."""
CODES = (11, -13, 22, 111, 211, -211, 2212, 511, -411, 15, 21, 5, 10**9 + 20040, *REFUSED)
NUMBERS = ("nan", "-inf", "1e400", "0", "-5", "1e30")


def fuzz(examples):
    return settings(
        derandomize=True, max_examples=examples, deadline=None, database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )  # fmt: skip


def take_in(reader, path, folder, law=lambda data: None):
    """Take a file in, both ways if it is COCOA's, and require what holds for all events."""
    events, summary = folder / "e.out", folder / "s.out"
    reader(source=path, events=events, summary=summary, shard="0002")
    data = read_events(events, GENERATED)
    for record in data.values():
        for name in record.fields:
            values = ak.to_numpy(ak.flatten(record[name], axis=None))
            allowed = np.isposinf(values) if name == "ctau" else False  # of stable particles
            assert np.all(np.isfinite(values) | allowed), name
    account = read_json(summary)
    assert account["cutflow"]["kept"] == len(data["event"]) > 0
    assert np.isclose(account["sum_of_weights_kept"], ak.sum(data["event"].weight))
    law(data)
    if reader is import_cocoa:
        out = {"output": folder / "d.out", "account": folder / "a.out"}
        detector.import_cocoa(source=path, events=events, **out)
        assert len(read_events(out["output"], DETECTED)["event"]) == len(data["event"])


def outcome(reader, path, law=lambda data: None):
    """What a file is refused with, "" if it is taken in and the laws hold."""
    said = refusal(lambda: take_in(reader, path, path.parent, law))
    assert not said or said.startswith(f"{path}: "), said
    return said


@pytest.fixture(scope="module", autouse=True)
def ready(tmp_path_factory):
    """What the readers import and compile is there before the processes of the examples start."""
    folder = tmp_path_factory.mktemp("ready")
    take_in(import_cocoa, FILE, folder)
    empty = [{"code": [22], "status": [1], "mother": [-1], "pt": [1.0], "odd": None, "weight": "1"}]
    (folder / "a.hepmc").write_text(hepmc3(empty))
    take_in(import_hepmc, folder / "a.hepmc", folder)


@st.composite
def histories(draw):
    """Some events: code, status, mother (from 0; any number) and momentum of each particle."""
    events = []
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, 8))
        whole = st.lists(st.integers(-2, number), min_size=number, max_size=number)
        events.append({
            "code": draw(st.lists(st.sampled_from(CODES), min_size=number, max_size=number)),
            "status": draw(
                st.lists(st.sampled_from((1, 2, 4, 21)), min_size=number, max_size=number)
            ),
            "mother": draw(whole),
            "pt": draw(st.lists(st.floats(0, 1e3, width=32), min_size=number, max_size=number)),
            "odd": draw(st.sampled_from((None, None, None, *NUMBERS))),
            "weight": draw(st.sampled_from(("1", "1", "-0.5", "0", "nan"))),
        })  # fmt: skip
    return events


def final(events):
    """Code and energy of the final particles of each event."""
    return [
        [(code, pt) for code, status, pt in zip(e["code"], e["status"], e["pt"], strict=True)
         if status == 1]
        for e in events
    ]  # fmt: skip


def require_final(events):
    def law(data):
        for found, expected in zip(data["particle"], final(events), strict=True):
            assert sorted(found.pdgid) == sorted(code for code, _ in expected)
            assert np.isclose(ak.sum(found.e), sum(e for _, e in expected), rtol=1e-5)

    return law


def hepmc3(events):
    """The events as text; mothers become particles, vertices of one or two particles, or none."""
    lines = ["HepMC::Version 3.02.05", "HepMC::Asciiv3-START_EVENT_LISTING"]
    for number, event in enumerate(events):
        body, vertices = [], {}
        for i, mother in enumerate(event["mother"]):
            name = mother + 1
            if mother >= 0 and i % 2:  # an explicit vertex
                if mother not in vertices:
                    vertices[mother] = -1 - len(vertices)
                    also = f",{1 + (i * 3) % len(event['mother'])}" if i % 3 else ""
                    place = " @ 0 0 1.5 1" if i % 5 == 0 else ""
                    body.append(f"V {vertices[mother]} 0 [{name}{also}]{place}")
                name = vertices[mother]
            pt = event["pt"][i]
            px = event["odd"] if event["odd"] and i == 1 else repr(pt)
            body.append(f"P {i + 1} {max(name, -9)} {event['code'][i]} {px} 0 0.0 {pt!r} 0 "
                        f"{event['status'][i]}")  # fmt: skip
        implicit = {m for i, m in enumerate(event["mother"]) if m >= 0 and not i % 2}
        lines += [f"E {number} {len(vertices) + len(implicit)} {len(event['mother'])}",
                  "U GEV MM", f"W {event['weight']}", *body]  # fmt: skip
    return "\n".join([*lines, "HepMC::Asciiv3-END_EVENT_LISTING", "", ""])


def sound(events):
    return all(
        e["weight"] != "nan" and not (e["odd"] and len(e["code"]) > 1) for e in events
    ) and any(e["weight"] != "0" for e in events)


@pytest.mark.shared
@fuzz(100)
@given(histories())
def test_any_history_in_hepmc_is_taken_in_or_refused(events):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.hepmc")
        path.write_text(hepmc3(events))
        said = outcome(import_hepmc, path, require_final(events))
        if any(e["weight"] == "nan" for e in events):
            assert said


@pytest.mark.shared
@fuzz(30)
@given(histories())
def test_any_history_in_delphes_is_taken_in_or_refused(events):
    columns = [
        {
            "id": np.array(e["code"], int), "status": np.array(e["status"], int),
            "mothers": [[m] for m in e["mother"]],
            "px": np.array(e["pt"]), "e": np.array(e["pt"]),
            **dict.fromkeys(("py", "pz", "x", "y", "z"), np.zeros(len(e["pt"]))),
        }
        for e in events
    ]  # fmt: skip
    for e, c in zip(events, columns, strict=True):
        if e["odd"] and len(e["code"]) > 1:
            c["px"][1] = float(e["odd"])
    weight = ak.unflatten(np.array([float(e["weight"]) for e in events], "f4"), [1] * len(events))
    with tempfile.TemporaryDirectory() as folder:
        path = write_delphes(Path(folder, "a.root"), columns, Event_Weight=weight)
        said = outcome(import_delphes, path, require_final(events))
        outside = any(m >= len(e["code"]) for e in events for m in e["mother"])
        refused = any(code in REFUSED for event in final(events) for code, _ in event)
        if sound(events) and not outside and not refused:
            assert not said


@st.composite
def changes(draw):
    """Changes of the values of COCOA's branches: name, event, place, value."""
    names = sorted(EVENTS[0])
    return draw(
        st.lists(
            st.tuples(
                st.sampled_from(names), st.integers(0, 2), st.integers(0, 4),
                st.sampled_from((-1, 0, 3, 7, 1e9, np.nan, np.inf, "drop", "empty")),
            ),
            max_size=3,
        )
    )  # fmt: skip


def cocoa(path, changed):
    """The events of helpers/cocoa_file.py in flat branches, changed; returns the path."""
    events = [{name: [*event.get(name, [])] for name in EVENTS[0]} for event in EVENTS]
    for name, event, place, value in changed:
        values = events[event][name]
        if value == "empty":
            for each in (
                events[event]
                if place == 0
                else [n for n in events[event] if n.startswith(name.split("_")[0])]
            ):
                events[event][each] = []
        elif place < len(values):
            if value == "drop":
                del values[place]
            else:
                nested = isinstance(values[place], list)
                values[place] = [value] * len(values[place]) if nested else value
    branches = {}
    for name in EVENTS[0]:
        column = [event[name] for event in events]
        if name in NESTED:
            branches[f"{name}_n"] = [[len(inner) for inner in outer] for outer in column]
            column = [[value for inner in outer for value in inner] for outer in column]
        branches[name] = column
    arrays = {}
    for name, column in branches.items():
        flat = [value for values in column for value in values]
        whole = name.endswith("_n") or (name in INTEGERS and np.all(np.isfinite(flat)))
        arrays[name] = ak.unflatten(
            np.array(flat, np.int32 if whole else np.float32), [len(values) for values in column]
        )
    with uproot.recreate(path) as file:
        types = {name: f"var * {array.type.content.content}" for name, array in arrays.items()}
        file.mktree("Out_Tree", types).extend(arrays)
    return path


@pytest.mark.shared
@fuzz(10)
@given(changes())
def test_any_values_in_cocoas_branches_are_taken_in_or_refused(changed):
    with tempfile.TemporaryDirectory() as folder:
        said = outcome(import_cocoa, cocoa(Path(folder, "a.root"), changed))
        assert changed or not said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ([("cell_e", 0, 1, np.nan)], "the number 20000000, cell_e is nan"),
        ([("particle_e", 2, 0, np.inf)], "in event 3 of the file, e of a particle"),
        ([("cell_parent_list", 0, 0, np.nan)], "cell_parent_list names particles that"),
        ([("topo_e", 0, 0, "drop")], "topo_e is longer or shorter"),
        ([(name, i, 0, "empty") for name in EVENTS[0] for i in (0, 2)], ""),
    ],
)
def test_cocoas_values_are_named_and_events_may_be_empty(tmp_path, changed, words):
    said = outcome(import_cocoa, cocoa(tmp_path / "a.root", changed))
    assert words in said
    assert bool(words) == bool(said)


@st.composite
def damages(draw):
    """How bytes are damaged: kind, where (a fraction), how many, with what."""
    return draw(
        st.lists(
            st.tuples(
                st.sampled_from(("set", "cut", "copy", "truncate", "word", "line")),
                st.floats(0, 0.999), st.integers(1, 40), st.integers(0, 255),
            ),
            min_size=1, max_size=3,
        )
    )  # fmt: skip


WORDS = (b"-1", b"0", b"7", b"-7", b"2000000000", b"99999999999999", b"nan", b"", b"[1,2]", b"\\")


def damaged(content, damage):
    for kind, where, number, byte in damage:
        at = int(where * len(content))
        if kind == "set":
            content = content[:at] + bytes([byte]) + content[at + 1 :]
        elif kind == "cut":
            content = content[:at] + content[at + number :]
        elif kind == "copy":
            content = content[:at] + content[at : at + number] + content[at:]
        elif kind == "truncate" and number > 35:
            content = content[:at]
        else:
            mark = b" " if kind == "word" else b"\n"
            first = content.find(mark, at) + 1
            last = content.find(mark, first)
            if 0 < first < last:
                word = WORDS[byte % len(WORDS)] if kind == "word" else b""
                content = content[:first] + word + content[last:]
                if kind == "line" and byte % 2:
                    content = content[:at] + b"\n" + content[first:last] + content[at:]
    return content


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """A small file of each format."""
    folder = tmp_path_factory.mktemp("valid")
    short = [{n: v[:80] for n, v in c.items()} for c in pythia_events("quark", 2)[0]]
    for c in short:
        c["mothers"] = [[mother for mother in each if mother < 80] for each in c["mothers"]]
    return {
        name: write_hepmc(folder / name, [hepmc_event(c, i) for i, c in enumerate(short)], name)
        for name in ("hepmc2", "hepmc3")
    } | {"delphes": write_delphes(folder / "delphes", short), "cocoa": FILE}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "reader", "examples"),
    [("hepmc2", import_hepmc, 50), ("hepmc3", import_hepmc, 50), ("gzip", import_hepmc, 12),
     ("delphes", import_delphes, 25), ("cocoa", import_cocoa, 12)],
)  # fmt: skip
def test_damaged_bytes_are_taken_in_or_refused(valid, name, reader, examples):
    content = valid["hepmc3" if name == "gzip" else name].read_bytes()
    if name == "gzip":
        content = gzip.compress(content, mtime=0)

    @fuzz(examples)
    @given(damages())
    def check(damage):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a")
            path.write_bytes(damaged(content, damage))
            outcome(reader, path)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        path.write_bytes(content)
        assert outcome(reader, path) == ""
    check()
