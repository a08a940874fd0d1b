"""Tables of the particle-flow room."""

from __future__ import annotations

from jetchain.core.schema.base import EVENT, MOMENTUM, Column, EventTable

PARTICLE_CLASSES = ("charged_hadron", "neutral_hadron", "photon", "electron", "muon")

RECONSTRUCTED = EventTable(
    name="reconstructed particles",
    tree="Events",
    event={**EVENT},
    collections={
        "pflow": {
            **MOMENTUM,
            "label": Column("i4", "", "class: index into " + ", ".join(PARTICLE_CLASSES)),
            "charge": Column("f4", "e", "electric charge"),
            "d0": Column("f4", "mm", "transverse impact parameter of its track, 0 for neutrals"),
            "z0": Column("f4", "mm", "longitudinal impact parameter, 0 for neutrals"),
            "d0_err": Column("f4", "mm", "resolution of d0, 0 for neutrals"),
            "z0_err": Column("f4", "mm", "resolution of z0, 0 for neutrals"),
            "track_idx": Column("i4", "", "index of its track in the detector event, -1 for none"),
            "origin": Column("i4", "", "of its track: index into ORIGINS, -1 without a track"),
            "vertex": Column("i4", "", "of its track: number of the true vertex, -1 likewise"),
            "topo_idx": Column("i4", "", "idx of its main topocluster (from 1), -1 for none"),
        }
    },
)
