"""Where the final particles of a record come from: the origin and the vertex of each.

Both follow from the nearest ancestor, along first mothers, that decides them: a weakly decaying b
or c hadron, a tau, or whatever else but a pi0 ended more than `FLIGHT` away from where it began.
That makes the vertex a decay, and no place: what an excited hadron or a pi0 decays to belongs to
the vertex that it came from itself. Without such an ancestor a particle is primary.

- from_b, from_b_to_c, from_c: the nearest b or c hadron is one with b, is one with c that a hadron
  with b made, is one with c. A tau that such a hadron made takes its origin.
- from_tau: a tau of another origin, as of a W or Z.
- other_secondary: all else that flew. Pythia leaves K0S, Lambda and the like to the detector, which
  labels their products; in files of other programs they may have decayed.

Pile-up and fakes are the detector's. A particle without a mother has origin and vertex -1: its file
does not tell. A file that cuts the history short, say to final particles out of one vertex, makes
all of them primary; one that gives no positions does so with products of K0S and Lambda.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.schema.base import ORIGINS

PRIMARY, FROM_B, FROM_B_TO_C, FROM_C, FROM_TAU, OTHER_SECONDARY = (
    ORIGINS.index(name)
    for name in ("primary", "from_b", "from_b_to_c", "from_c", "from_tau", "other_secondary")
)
UNKNOWN = -1
FLIGHT = 0.1
"""mm; below it, decays belong to the vertex before."""

# PDG codes of the ground states with b or c quarks that decay weakly (PDG 2024, section 45).
WEAK_CHARM_HADRONS = (411, 421, 431, 4122, 4132, 4232, 4332, 4412, 4422, 4432)
WEAK_BOTTOM_HADRONS = (
    511, 521, 531, 541, 5122, 5132, 5232, 5332, 5142, 5242, 5342, 5512, 5522, 5532,
)  # fmt: skip
WEAK_HEAVY_HADRONS = WEAK_CHARM_HADRONS + WEAK_BOTTOM_HADRONS
TAU, PI0 = 15, 111


def origins(
    pdgid: NDArray[Any],
    mother: NDArray[np.int64],
    place: Sequence[NDArray[np.float64]],
    final: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> dict[str, NDArray[np.int32]]:
    """Origin and vertex of the final particles of some events.

    Args:
        pdgid: (entries,) PDG codes of all particles of the record.
        mother: (entries,) entry of the first mother, -1 for none.
        place: x, y, z of the production vertices, (entries,) each, mm.
        final: (n,) entries of the final particles, rising.
        offsets: (events + 1,) first entry of each event.

    Returns:
        `origin` (n,), index into ORIGINS, and `vertex` (n,): 0 for the primary one, from 1 on the
        decays that final particles come from, in the order of the record.
    """
    code = np.abs(pdgid)
    has_mother = np.flatnonzero(mother >= 0)
    of = mother[has_mother]
    # A particle whose daughter is itself goes on; the last one of the chain decays.
    goes_on = np.zeros(len(code), bool)
    goes_on[of[pdgid[of] == pdgid[has_mother]]] = True
    flown = np.zeros(len(code), bool)
    way = [axis[has_mother] - axis[of] for axis in place]
    ended = of[way[0] ** 2 + way[1] ** 2 + way[2] ** 2 > FLIGHT**2]
    flown[ended] = (mother[ended] >= 0) & ~_is_parton(code[ended]) & (code[ended] != PI0)
    bottom, heavy = np.isin(code, WEAK_BOTTOM_HADRONS), np.isin(code, WEAK_HEAVY_HADRONS)
    tau = code == TAU

    by = _nearest((flown | heavy | tau) & ~goes_on, mother)[mother[final]]
    found = by >= 0
    from_heavy = _nearest(heavy, mother)[by]
    from_bottom = _nearest(bottom, mother)[by]
    labelled = found & (heavy | tau)[by]
    origin = np.select(
        [
            mother[final] < 0,
            ~found,
            ~labelled,
            from_heavy < 0,
            from_bottom < 0,
            from_bottom == from_heavy,
        ],
        [UNKNOWN, PRIMARY, OTHER_SECONDARY, FROM_TAU, FROM_C, FROM_B],
        FROM_B_TO_C,
    )
    decays = np.unique(by[found])
    first = np.searchsorted(decays, offsets)  # decays before each event
    event = np.searchsorted(offsets, final, side="right") - 1
    vertex = np.where(found, np.searchsorted(decays, by) - first[event] + 1, 0)
    vertex[mother[final] < 0] = UNKNOWN
    return {"origin": origin.astype(np.int32), "vertex": vertex.astype(np.int32)}


def _is_parton(code: NDArray[Any]) -> NDArray[np.bool_]:
    """Quarks, gluons, diquarks, and what generators number from 81 to 100, such as strings.

    They fly nowhere: where a file places the primary vertex away from the beams, they lead to it.
    """
    diquark = (code >= 1000) & (code < 10_000) & (code // 10 % 10 == 0)
    return (code <= 8) | (code == 21) | ((code > 80) & (code <= 100)) | diquark


def _nearest(wanted: NDArray[np.bool_], mother: NDArray[np.int64]) -> NDArray[np.int64]:
    """The nearest wanted entry on the way up from each entry, itself included, -1 for none.

    Args:
        wanted: (entries,)
        mother: (entries,) entry of the first mother, -1 for none.

    Returns:
        (entries + 1,); the last is that of no entry, -1, so that -1 may be looked up.
    """
    # Where to look instead, one step up the history; then two, four, ...
    source = np.append(np.where(wanted, np.arange(len(wanted)), mother), -1)
    for _ in range(len(source).bit_length()):
        further = source[source]
        if np.array_equal(further, source):
            break
        source = further
    return np.where(np.append(wanted, False)[source], source, -1)
