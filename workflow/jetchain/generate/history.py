"""Histories of events from other programs as flat arrays, and what is kept of them.

HepMC and Delphes files say which particle comes from which, by other rules than Pythia's record
(`generate.record`). Here only the first mother of each particle is used, which both have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.generate.origins import WEAK_HEAVY_HADRONS, origins
from jetchain.generate.record import INCOMING, Truth

FINAL = 1
"""Status of a final particle in HepMC (arXiv:1912.08005)."""

# PDG codes of elementary particles that decay before they hadronise (PDG 2024, section 45): top,
# a fourth generation, W, Z, H, and from 32 on further bosons and mediators of dark matter.
RESONANCES = (6, 7, 8, 17, 18, 23, 24, 25, *range(32, 61))
# New particles, as of supersymmetry, have seven digits; with a quark in the digit of hundreds they
# are hadrons. From 9910000 on, generators use them for hadrons of their own.
NEW_PARTICLES = (1_000_000, 9_910_000)


@dataclass(frozen=True)
class History:
    """The particles of some events, one entry a particle.

    Attributes:
        offsets: (events + 1,) first entry of each event.
        pdgid: (entries,) PDG code.
        status: (entries,) status code of HepMC.
        mother: (entries,) entry of the first mother, -1 for none.
        momentum: px, py, pz, e, (entries,) each, GeV.
        vertex: production vertex x, y, z, (entries,) each, mm.
    """

    offsets: NDArray[np.int64]
    pdgid: NDArray[np.int64]
    status: NDArray[np.int64]
    mother: NDArray[np.int64]
    momentum: dict[str, NDArray[np.float64]]
    vertex: dict[str, NDArray[np.float64]]


def truth_of_history(history: History) -> Truth:
    """Final particles, hard process with the decays of resonances, and heavy hadrons.

    They mean what `record.truth_of` makes of Pythia's own record, and are the same for Pythia's
    events. The incoming and outgoing partons of the hard process need Pythia's status code 21 of
    the incoming ones, which HepMC leaves to the generators: from others, only resonances
    and their decay products are among the partons.

    Args:
        history: the particles; no loops, see `without_loops`.

    Returns:
        all that GENERATED declares but the properties of the final particles.
    """
    final = np.flatnonzero(history.status == FINAL)
    children = _first_children(history)
    hadrons = np.flatnonzero(np.isin(np.abs(history.pdgid), WEAK_HEAVY_HADRONS) & (children >= 0))
    partons, mother = _partons(history, children)
    rows = {"particle": final, "parton": partons, "hadron": hadrons}
    columns: dict[str, dict[str, NDArray[Any]]] = {
        name: {
            "pdgid": history.pdgid[entries].astype(np.int32),
            **{n: v[entries].astype(np.float32) for n, v in history.momentum.items()},
        }
        for name, entries in rows.items()
    }
    columns["particle"] |= {
        **_vertices(history, final),
        **origins(
            history.pdgid,
            history.mother,
            list(history.vertex.values()),
            final,
            history.offsets,
        ),
    }
    columns["parton"]["mother"] = mother
    # A hadron decays where its daughters are produced.
    columns["hadron"] |= _vertices(history, children[hadrons])
    return Truth(
        columns,
        {name: np.diff(np.searchsorted(rows[name], history.offsets)) for name in rows},
    )


def without_loops(history: History) -> tuple[History, NDArray[np.int64]]:
    """The history with every loop cut: its first particle in the record loses its mother.

    Returns:
        the history, and the entries that lost their mothers, rising.
    """
    # Twice as far up at each step: in the end, who is left stands in a loop.
    up = np.append(history.mother, -1)
    for _ in range(len(up).bit_length()):
        if not np.any(up >= 0):
            return history, np.zeros(0, np.int64)
        up = up[up]
    cut, seen = [], set()
    for entry in np.unique(up[up >= 0]).tolist():
        if entry not in seen:
            cut.append(entry)
        while entry not in seen:
            seen.add(entry)
            entry = int(history.mother[entry])
    mother = history.mother.copy()
    mother[cut] = -1
    return replace(history, mother=mother), np.array(cut, np.int64)


def is_resonance(pdgid: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether particles decay before they hadronise, from their PDG codes, (entries,)."""
    code = np.abs(pdgid)
    first, last = NEW_PARTICLES
    new = (code >= first) & (code < last) & (code // 100 % 10 == 0)
    return np.isin(code, RESONANCES) | new


def _vertices(history: History, entries: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    return {axis: v[entries].astype(np.float32) for axis, v in history.vertex.items()}


def _first_children(history: History) -> NDArray[np.int64]:
    """The first entry whose first mother each entry is, -1 for none, (entries,)."""
    with_mother = np.flatnonzero(history.mother >= 0)[::-1]
    result = np.full(len(history.pdgid), -1)
    result[history.mother[with_mother]] = with_mother  # the last assignment stays: the first child
    return result


def _partons(
    history: History, children: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Entries of the hard process and of the resonances' decays, and each one's mother.

    Resonances appear as their last copy; what comes from them or from the incoming partons, as it
    left: before its own radiation.

    Returns:
        entries in rising order (rows,), and event-local row of the mother or -1 (rows,).
    """
    pdgid, mother = history.pdgid, history.mother
    resonance = is_resonance(pdgid)
    has_mother = mother >= 0
    copy = has_mother & (pdgid[mother] == pdgid)
    copied = np.zeros(len(pdgid), bool)
    copied[mother[copy]] = True
    decaying = resonance & (children >= 0) & ~copied
    incoming = history.status == INCOMING
    product = has_mother & ~resonance & (decaying | incoming)[mother]
    # A resonance without daughters is stable: a product of the hard process like any other.
    stable = resonance & (children < 0) & has_mother & (decaying | incoming)[mother]
    kept = np.flatnonzero(decaying | incoming | product | stable)

    origin = np.where(incoming, -1, mother)[kept]
    while True:  # climb to the resonance's first copy
        climbing = (origin >= 0) & resonance[kept] & (pdgid[origin] == pdgid[kept])
        if not climbing.any():
            break
        origin[climbing] = mother[origin[climbing]]
    row = np.full(len(pdgid), -1)
    row[kept] = np.arange(len(kept))
    first_row = np.searchsorted(kept, history.offsets)
    event = np.searchsorted(history.offsets, kept, side="right") - 1
    result = np.where(origin >= 0, row[origin], -1)
    return kept, np.where(result >= 0, result - first_row[event], -1).astype(np.int32)
