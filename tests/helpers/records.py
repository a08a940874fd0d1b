"""Pythia's events as HepMC and as Delphes files, and beside them what jetchain keeps of them.

Vertices as in Pythia8ToHepMC3 of Pythia 8 (include/Pythia8Plugins/HepMC3.h): particles with the
same first mother come from one vertex, which has a position where Pythia gives one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyhepmc

from jetchain.generate.processes import start_pythia
from jetchain.generate.record import ParticleTable, Record, Truth, truth_of

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
    return events, truth_of(Record.of(batch), ParticleTable.of(again))


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
    return event


def write_hepmc(path: Path, events: list[pyhepmc.GenEvent], format: str = "hepmc3") -> Path:
    """Write events as HepMC; returns the path."""
    with pyhepmc.open(path, "w", format=format) as file:
        for event in events:
            file.write(event)
    return path
