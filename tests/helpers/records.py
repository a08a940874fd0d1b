"""Pythia's events as HepMC and as Delphes files, and beside them what jetchain keeps of them.

Vertices as in Pythia8ToHepMC3 of Pythia 8 (include/Pythia8Plugins/HepMC3.h): particles with the
same first mother come from one vertex, which has a position where Pythia gives one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyhepmc
import uproot

from jetchain.generate.history import is_resonance
from jetchain.generate.processes import start_pythia
from jetchain.generate.record import INCOMING, ParticleTable, Record, Truth, truth_of
from jetchain.generate.settings import AS_THEY_ARE

QUIET = ["PartonLevel:MPI = off"]
SEED = 11


@cache
def pythia_events(process: str, number: int) -> tuple[list[dict[str, np.ndarray]], Truth]:
    """Records of some events of a process, without the line of the whole system, and their truth.

    Returns:
        columns of each event (id, status of HepMC, mothers as (n, 2) from 0 or -1, px ... e, m in
        GeV, x ... t in mm), and the truth of the same events.
    """
    pythia = start_pythia(process, QUIET, SEED)
    events = []
    for _ in range(number):
        assert pythia.next()
        lines = [pythia.event[i] for i in range(1, pythia.event.size())]
        events.append({
            "id": np.array([line.id() for line in lines]),
            "status": np.array([line.statusHepMC() for line in lines]),
            "mothers": [[m - 1 for m in sorted(line.motherList()) if m > 0] for line in lines],
            **{n: np.array([getattr(line, n)() for line in lines])
               for n in ("px", "py", "pz", "e", "m")},
            **{n: np.array([getattr(line, f"{n}Prod")() for line in lines]) for n in "xyzt"},
        })  # fmt: skip
    again = start_pythia(process, QUIET, SEED)
    batch = again.nextBatch(number, "skip")
    table = ParticleTable.of(again, AS_THEY_ARE)
    return events, truth_of(Record.of(batch), table, process)


def hepmc_event(
    columns: dict[str, Any], number: int, *, unit: float = 1.0, length: float = 1.0
) -> pyhepmc.GenEvent:
    """One event as HepMC, in GeV / unit and mm / length."""
    event = pyhepmc.GenEvent(
        pyhepmc.Units.GEV if unit == 1.0 else pyhepmc.Units.MEV,
        pyhepmc.Units.MM if length == 1.0 else pyhepmc.Units.CM,
    )
    event.event_number = number
    event.weights = [0.5 + number]
    particles = [
        pyhepmc.GenParticle(tuple(p / unit), int(code), int(status))
        for p, code, status in zip(
            np.stack([columns[n] for n in ("px", "py", "pz", "e")], axis=1),
            columns["id"],
            columns["status"],
            strict=True,
        )
    ]
    places = np.stack([columns[n] for n in "xyzt"], axis=1) / length
    vertices: dict[int, pyhepmc.GenVertex] = {}
    ended: set[int] = set()
    for i, mothers in enumerate(columns["mothers"]):
        if not mothers:
            continue
        first = mothers[0]
        if first not in vertices:
            vertices[first] = pyhepmc.GenVertex()
            for mother in set(mothers) - ended:
                vertices[first].add_particle_in(particles[mother])
            ended |= set(mothers)
            if places[i].any():
                vertices[first].position = tuple(places[i])
        vertices[first].add_particle_out(particles[i])
    event.add_tree(particles[:2])  # sorts what comes from the beams
    section = pyhepmc.GenCrossSection()
    event.cross_section = section
    section.set_cross_section(12.5, 0.25)
    event.attributes["signal_process_id"] = 601
    return event


def write_hepmc(path: Path, events: list[pyhepmc.GenEvent], format: str = "hepmc3") -> Path:
    """Write events as HepMC; returns the path."""
    with pyhepmc.open(path, "w", format=format) as file:
        for event in events:
            file.write(event)
    return path


def write_delphes(path: Path, events: list[dict[str, Any]], **change: Any) -> Path:
    """Write events as the branches Event and Particle of Delphes; returns the path.

    Args:
        path: where to.
        events: as of `pythia_events`.
        change: columns in the place of what is written, by names such as Particle_IsPU; None for a
            branch that is left out.
    """
    counts = [len(event["id"]) for event in events]

    def particles(name: str, dtype: str = "f4") -> ak.Array:
        flat = np.concatenate([event[name] for event in events]).astype(dtype)
        return ak.unflatten(flat, counts)

    def each(values: Any, dtype: str = "f4") -> ak.Array:
        return ak.unflatten(np.asarray(values, dtype), np.ones(len(events), int))

    mothers = [[parents[0] if parents else -1 for parents in event["mothers"]] for event in events]
    columns = {
        "Event_Weight": each([0.5 + i for i in range(len(events))]),
        "Event_ProcessID": each([9999] * len(events), "i4"),
        "Event_CrossSection": each([12.5] * len(events)),
        "Event_CrossSectionError": each([0.25] * len(events)),
        "Particle_PID": particles("id", "i4"),
        "Particle_Status": particles("status", "i4"),
        "Particle_IsPU": ak.values_astype(particles("id") * 0, "i4"),
        "Particle_M1": ak.values_astype(ak.Array(mothers), "i4"),
        **{f"Particle_{name.title()}": particles(name) for name in ("px", "py", "pz", "e")},
        **{f"Particle_{axis.upper()}": particles(axis) for axis in "xyz"},
    } | change
    records = {
        group: ak.zip(
            {
                name.partition("_")[2]: values
                for name, values in columns.items()
                if name.startswith(group) and values is not None
            }
        )
        for group in ("Event", "Particle")
    }
    with uproot.recreate(path) as file:
        tree = file.mktree(
            "Delphes",
            {group: record.type.content for group, record in records.items()},
            counter_name=lambda group: f"{group}_size",
            field_name=lambda group, name: f"{group}.{name}",
        )
        tree.extend(records)
    return path


def require_same_truth(found: dict[str, Any], truth: Truth, *, rtol: float) -> None:
    """Fail unless a table GENERATED holds the truth of its events, in whatever order in each."""
    for name, columns in truth.columns.items():
        assert ak.to_list(ak.num(found[name].pdgid)) == truth.counts[name].tolist(), name
        event = np.repeat(np.arange(len(truth.counts[name])), truth.counts[name])
        ours = {c: ak.to_numpy(ak.flatten(found[name][c])) for c in columns}
        theirs = dict(columns)
        if name == "parton":
            first = np.cumsum(truth.counts[name]) - truth.counts[name]
            for each in (ours, theirs):
                each["mother"] = _mothers(each, np.repeat(first, truth.counts[name]))
        orders = [np.lexsort((each["pz"], each["pdgid"], event)) for each in (ours, theirs)]
        if name == "particle":
            for each, order in zip((ours, theirs), orders, strict=True):
                each["vertex"] = _renumbered(each["vertex"], event, order)
        for column in columns:
            scale = np.abs(theirs[column]).max(initial=1e-3, where=np.isfinite(theirs[column]))
            np.testing.assert_allclose(
                ours[column][orders[0]], theirs[column][orders[1]],
                rtol=rtol, atol=rtol * scale, err_msg=f"{name} {column}",
            )  # fmt: skip


def _mothers(parton: dict[str, np.ndarray], first: np.ndarray) -> np.ndarray:
    """The mother of each parton by its code: rows depend on the order of the record.

    So does which of the two incoming partons comes first; they count as INCOMING alike.
    """
    row = parton["mother"] + first
    code = parton["pdgid"][row]
    code = np.where(is_resonance(code), code, INCOMING)
    return np.where(parton["mother"] < 0, 0, code)


def _renumbered(vertex: np.ndarray, event: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Vertices numbered by their first particle in an order; the numbers of a file depend on its.

    The primary vertex stays 0.
    """
    key = event * (1 + vertex.max()) + vertex
    _, first, inverse = np.unique(key[order], return_index=True, return_inverse=True)
    result = np.empty_like(vertex)
    result[order] = 1 + first[inverse]
    return np.where(vertex > 0, result, vertex)
