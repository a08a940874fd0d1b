"""Tables of the generate room."""

from __future__ import annotations

from jetchain.core.schema.base import EVENT, MOMENTUM, Column, EventTable

GENERATED = EventTable(
    name="generated events",
    tree="Events",
    event={
        **EVENT,
        "process": Column("i4", "", "Pythia's process code"),
        "pthat": Column("f4", "GeV", "transverse momentum of the hard process"),
    },
    collections={
        "particle": {
            "pdgid": Column("i4", "", "PDG code of the final-state particle, neutrinos included"),
            **MOMENTUM,
            "charge": Column("f4", "e", "electric charge"),
            "x": Column("f4", "mm", "production vertex, x"),
            "y": Column("f4", "mm", "production vertex, y"),
            "z": Column("f4", "mm", "production vertex, z"),
            # What decides both, and what files of other programs do not tell: generate/origins.py.
            "origin": Column("i4", "", "index into ORIGINS, -1 where the file tells no history"),
            "vertex": Column(
                "i4",
                "",
                "number of its vertex in the event: 0 is the primary one, then one for each decay "
                "of a b or c hadron or tau, or of what flew 0.1 mm; -1 as for origin",
            ),
        },
        "parton": {
            "pdgid": Column("i4", "", "PDG code of a hard-process parton, boson or decay product"),
            **MOMENTUM,
            "mother": Column("i4", "", "index of its mother in this collection, -1 for none"),
        },
        "hadron": {
            "pdgid": Column("i4", "", "PDG code of a weakly decaying b or c hadron"),
            **MOMENTUM,
            "x": Column("f4", "mm", "decay vertex, x"),
            "y": Column("f4", "mm", "decay vertex, y"),
            "z": Column("f4", "mm", "decay vertex, z"),
        },
    },
)
