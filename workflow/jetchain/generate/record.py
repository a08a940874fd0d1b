"""Pythia's event record as flat arrays, and what is kept of it.

`Pythia.nextBatch` gives the whole record of many events, about a thousand entries an event of which
a third is final. Everything here works on the flat columns of a batch at once, which costs a few
per cent of the generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from jetchain.core.schema.generate import GENERATED
from jetchain.generate.origins import WEAK_HEAVY_HADRONS, origins
from jetchain.generate.properties import Properties
from jetchain.generate.settings import ParticleSettings

# Bits of ParticleTable.kind.
RESONANCE = 1  # handled as a resonance by Pythia: W, Z, t, H, and what a card declares as one
HEAVY = 2  # weakly decaying hadron with b or c quarks

# Status codes (absolute values) of the Pythia 8.317 manual, page "Particle Properties".
INCOMING, OUTGOING, LAST_PARTON_LEVEL = 21, 23, 79

# Codes from here on are nuclei: neither resonances nor heavy hadrons.
TABLE_SIZE = 10_000_000


@dataclass(frozen=True)
class ParticleTable:
    """What particles are to a record, by absolute PDG code, and to a detector.

    Attributes:
        kind: (TABLE_SIZE,) bits `RESONANCE`, `HEAVY`.
        properties: of the final ones.
    """

    kind: NDArray[np.uint8]
    properties: Properties

    @classmethod
    def of(cls, pythia: Any, settings: ParticleSettings) -> ParticleTable:
        """Read Pythia's particle data, a card's new particles included."""
        kind = np.zeros(TABLE_SIZE, np.uint8)
        data = pythia.particleData
        code = 1  # the down quark is the first
        while 0 < code < TABLE_SIZE:
            kind[code] = RESONANCE * data.isResonance(code)
            code = data.nextId(code)
        kind[list(WEAK_HEAVY_HADRONS)] |= HEAVY
        return cls(kind, Properties(settings, pythia))

    def kinds(self, pdgid: NDArray[Any]) -> NDArray[np.uint8]:
        """Bits of each particle (entries,)."""
        return self.kind[np.minimum(np.abs(pdgid), TABLE_SIZE - 1)]


@dataclass(frozen=True)
class Record:
    """The records of a batch of events, one entry a line of Pythia's listing.

    Attributes:
        offsets: (events + 1,) first entry of each event.
        columns: id, status, mother1, daughter1, daughter2 (event-local), px, py, pz, e in GeV.
        vertex_row: (entries,) row of the production vertex, -1 for the origin.
        vertices: x, y, z in mm, (rows,) each.
    """

    offsets: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    vertex_row: NDArray[np.int64]
    vertices: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, batch: Any) -> Record:
        """View an awkward batch of `Pythia.nextBatch` as flat columns, without copying."""
        lists = batch.layout.content("prt")
        entries = lists.content
        columns = {
            name: entries.content(name).data
            for name in ("id", "status", "mother1", "daughter1", "daughter2")
        }
        momentum, vertex = entries.content("p"), entries.content("vProd")
        columns |= {name: momentum.content(name).data for name in ("px", "py", "pz", "e")}
        return cls(
            offsets=lists.offsets.data.astype(np.int64),
            columns=columns,
            vertex_row=vertex.index.data,
            vertices={axis: vertex.content.content(f"p{axis}").data for axis in "xyz"},
        )

    def production(self, entries: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Production vertices of some entries, in mm."""
        row = self.vertex_row[entries]
        displaced = row >= 0
        result = {}
        for axis, values in self.vertices.items():
            result[axis] = np.zeros(len(row), np.float32)
            result[axis][displaced] = values[row[displaced]]
        return result

    def places(self) -> list[NDArray[np.float64]]:
        """Production vertices of all entries: x, y, z, (entries,) each, mm."""
        return [np.append(values, 0.0)[self.vertex_row] for values in self.vertices.values()]

    def mothers(self) -> NDArray[np.int64]:
        """Entry of each one's first mother, -1 for none, (entries,)."""
        first = self.columns["mother1"].astype(np.int64)
        return np.where(first > 0, first + np.repeat(self.offsets[:-1], np.diff(self.offsets)), -1)

    def momenta(self, entries: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Four-momenta of some entries, in GeV."""
        return {n: self.columns[n][entries].astype(np.float32) for n in ("px", "py", "pz", "e")}

    def counts(self, entries: NDArray[Any]) -> NDArray[np.int64]:
        """How many of some entries, which are in rising order, lie in each event (events,)."""
        return np.diff(np.searchsorted(entries, self.offsets))


@dataclass(frozen=True)
class Truth:
    """What is kept of a batch: per collection its flat columns and the number of rows an event.

    Attributes:
        columns: collection -> column -> (rows,) array, as the schema declares.
        counts: collection -> (events,) rows of each event.
    """

    columns: dict[str, dict[str, NDArray[Any]]]
    counts: dict[str, NDArray[np.int64]]

    def select(self, keep: NDArray[np.bool_]) -> Truth:
        """The same for some of the events; `keep` is (events,)."""
        rows = {name: np.repeat(keep, number) for name, number in self.counts.items()}
        return Truth(
            {n: {c: v[rows[n]] for c, v in group.items()} for n, group in self.columns.items()},
            {name: number[keep] for name, number in self.counts.items()},
        )


def join_truths(truths: Sequence[Truth]) -> dict[str, dict[str, ak.Array]]:
    """The collections of the table GENERATED, from the truths of batches one after the other."""
    result: dict[str, dict[str, ak.Array]] = {}
    for name, columns in GENERATED.collections.items():
        counts = np.concatenate([np.empty(0, np.int64), *(truth.counts[name] for truth in truths)])
        result[name] = {
            column: ak.unflatten(
                np.concatenate(
                    [
                        np.empty(0, declared.dtype),
                        *(truth.columns[name][column] for truth in truths),
                    ]
                ),
                counts,
            )
            for column, declared in columns.items()
        }
    return result


def truth_of(record: Record, table: ParticleTable, process: str) -> Truth:
    """Final-state particles, hard partons with the resonances' decays, and heavy hadrons.

    Args:
        record: the records of a batch.
        table: properties of the particles.
        process: its name, for the message.

    Raises:
        GeneratorError: the detector cannot simulate one of the final particles.
    """
    pdgid, status = record.columns["id"], record.columns["status"]
    final = np.flatnonzero(status > 0)
    decayed = np.flatnonzero(status < 0)
    kind = table.kinds(pdgid[decayed])
    hadrons = decayed[(kind & HEAVY) > 0]
    hard = decayed[-status[decayed] <= LAST_PARTON_LEVEL]
    hard_kind = kind[-status[decayed] <= LAST_PARTON_LEVEL]
    partons, mother = _partons(record, hard, hard_kind, final, table)
    daughter = record.columns["daughter1"][hadrons] + _starts(record, hadrons)
    rows = {"particle": final, "parton": partons, "hadron": hadrons}
    columns: dict[str, dict[str, NDArray[Any]]] = {
        name: {"pdgid": pdgid[entries], **record.momenta(entries)} for name, entries in rows.items()
    }
    columns["particle"] |= {
        **table.properties.columns(pdgid[final], f"Process '{process}'"),
        **record.production(final),
        **origins(pdgid, record.mothers(), record.places(), final, record.offsets),
    }
    columns["parton"]["mother"] = mother
    # A hadron decays where its daughters are produced.
    columns["hadron"] |= record.production(daughter)
    return Truth(
        {name: {c: columns[name][c] for c in GENERATED.collections[name]} for name in columns},
        {name: record.counts(entries) for name, entries in rows.items()},
    )


def _starts(record: Record, entries: NDArray[Any]) -> NDArray[np.int64]:
    """First entry of the event that each of some entries lies in."""
    event = np.searchsorted(record.offsets, entries, side="right") - 1
    return record.offsets[event]


def _partons(
    record: Record,
    hard: NDArray[np.int64],
    kind: NDArray[np.uint8],
    final: NDArray[np.int64],
    table: ParticleTable,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Entries of the hard process and of the resonances' decays, and each one's mother.

    Resonances appear once, as their last copy, whose daughters are their decay products: earlier
    copies have not taken the recoil of the radiation yet. Quarks, gluons and leptons appear as they
    leave the hard process or the decay, before they radiate.

    Args:
        hard: entries of the parton level that branched or decayed.
        kind: their bits of the particle table.
        final: final-state entries (a resonance's stable lepton or neutrino is one).
        table: properties of the particles.

    Returns:
        entries in rising order (rows,), and event-local row of the mother or -1 (rows,).
    """
    pdgid, status = record.columns["id"], np.abs(record.columns["status"])
    resonances = hard[(kind & RESONANCE) > 0]
    start = _starts(record, resonances)
    first = record.columns["daughter1"][resonances] + start
    second = np.maximum(record.columns["daughter2"][resonances] + start, first)
    last_copy = (pdgid[first] != pdgid[resonances]) & (pdgid[second] != pdgid[resonances])
    # A copy chain W -> W ends; partons of the hard process keep their first copy, before showers.
    at_hard = (status[hard] == INCOMING) | (status[hard] == OUTGOING)
    partons = hard[at_hard & ((kind & RESONANCE) == 0)]
    stable = final[status[final] == OUTGOING]
    kept = np.sort(np.concatenate([partons, stable, resonances[last_copy]]))

    origin = _starts(record, kept)
    mother = record.columns["mother1"][kept] + origin
    copies = (table.kinds(pdgid[kept]) & RESONANCE) > 0
    while True:  # climb to the resonance's first copy
        climbing = copies & (pdgid[mother] == pdgid[kept])
        if not climbing.any():
            break
        mother[climbing] = record.columns["mother1"][mother[climbing]] + origin[climbing]
    row = np.full(len(pdgid), -1)
    row[kept] = np.arange(len(kept))
    result = row[mother]
    # An incoming parton's own mother is the beam or its shower: not part of the hard process.
    known = (result >= 0) & (status[kept] != INCOMING)
    first_row = np.searchsorted(kept, origin)
    return kept, np.where(known, result - first_row, -1).astype(np.int32)
