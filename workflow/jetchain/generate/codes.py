"""Pythia's process code of every event, which `Pythia.nextBatch` does not give.

A hook in Python can note it, but costs about 4 % of the time of QCD without multiparton
interactions. So the code comes from the event record where it follows from it: a card with a single
process, and QCD 2 -> 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pythia8mc
from numpy.typing import NDArray

from jetchain.core.errors import GeneratorError
from jetchain.generate.processes import start_pythia

# Pythia 8.317 manual, page "QCD Hard Processes".
QCD = frozenset({111, 112, 113, 114, 115, 116, 121, 122, 123, 124})
LIGHT_FLAVOURS = 3

# Entries of the record that hold a 2 -> 2 process: incoming, outgoing.
HARD_ENTRIES = (3, 4, 5, 6)
GLUON = 21


class HardProcessLog(pythia8mc.UserHooks):
    """Notes the hard process of every event; vetoes nothing and draws no random number."""

    def __init__(self) -> None:
        super().__init__()
        self.pythia: Any = None
        self.events: list[tuple[float, float, int]] = []

    def onEndEvent(self, status: Any) -> None:
        """Note momentum fractions and process of an event that did not fail."""
        if status == pythia8mc.PhysicsBase.COMPLETE:
            info = self.pythia.infoPython()
            self.events.append((info.x1(), info.x2(), self.code()))

    def code(self) -> int:
        """Of the event's process."""
        return int(self.pythia.infoPython().code())

    def take(self, batch: Any) -> NDArray[np.int32]:
        """Process codes of a batch (events,), which are the events noted, in their order.

        The fractions are looked at as well, but may be the same of all: leptons have the whole
        momentum of their beams.
        """
        info = batch.layout.content("info")
        fractions = zip(
            info.content("x1").data.tolist(), info.content("x2").data.tolist(), strict=True
        )
        noted = iter(self.events)
        codes = [next(code for *pair, code in noted if pair == [*each]) for each in fractions]
        self.events.clear()
        return np.array(codes, np.int32)


class ProcessCodes:
    """Tells the process codes of batches in the cheapest way that the card's processes allow.

    Attributes:
        hook: what must be installed in the Pythia that makes the batches, None for nothing.
    """

    def __init__(self, process: str, overrides: Sequence[str], seed: int) -> None:
        enabled, new_flavours = _enabled(process, overrides, seed)
        self._single = enabled[0] if len(enabled) == 1 else None
        from_record = set(enabled) <= QCD and new_flavours == LIGHT_FLAVOURS
        self.hook = None if self._single or from_record else HardProcessLog()

    def of(self, batch: Any) -> NDArray[np.int32]:
        """Process codes of a batch of `Pythia.nextBatch` (events,)."""
        if self._single:
            return np.full(len(batch), self._single, np.int32)
        if self.hook is not None:
            return self.hook.take(batch)
        lists = batch.layout.content("prt")
        rows = lists.offsets.data[:-1] + np.array(HARD_ENTRIES)[:, None]
        pdgid, colour, anticolour = (
            lists.content.content(name).data[rows] for name in ("id", "col", "acol")
        )
        return qcd_codes(pdgid, colour[:2], anticolour[:2])


def qcd_codes(
    pdgid: NDArray[Any], colour: NDArray[Any], anticolour: NDArray[Any]
) -> NDArray[np.int32]:
    """Process code of QCD 2 -> 2 from its flavours and the colour flow of the incoming pair.

    Flavours leave one ambiguity: q qbar -> q qbar of the same flavour, by exchange (code 114, the
    incoming colours annihilate) or by annihilation and pair creation (116, 122 or 124, they flow
    out).

    Args:
        pdgid: (4, events) two incoming, two outgoing partons.
        colour, anticolour: (2, events) colour tags of the incoming partons.

    Reference:
        Pythia 8.317 manual, page "QCD Hard Processes"; colour flows of SigmaQCD.cc.
    """
    gluons = pdgid == GLUON
    incoming, outgoing = gluons[:2].sum(axis=0), gluons[2:].sum(axis=0)
    heavy = np.abs(pdgid[2])
    from_gluons = np.select([heavy == 4, heavy == 5], [121, 123], 112)
    from_quarks = np.select([heavy == 4, heavy == 5], [122, 124], 116)
    created = (
        (pdgid[0] == -pdgid[1])
        & (pdgid[2] == -pdgid[3])
        & (colour.sum(axis=0) != anticolour.sum(axis=0))
    )
    return np.select(
        [(incoming == 2) & (outgoing == 2), incoming == 2, incoming == 1, outgoing == 2, created],
        [111, from_gluons, 113, 115, from_quarks],
        114,
    ).astype(np.int32)


def _enabled(process: str, overrides: Sequence[str], seed: int) -> tuple[list[int], int]:
    """Codes of all processes that a card switches on, and QCD's number of new flavours.

    Pythia lists the codes once it has made an event: a bare hard process is enough.

    Raises:
        GeneratorError: the card switches the hard process off, or Pythia cannot make it.
    """
    bare = [*overrides, "PartonLevel:all = off", "HadronLevel:all = off"]
    pythia = start_pythia(process, bare, seed)
    if not pythia.flag("ProcessLevel:all"):
        raise GeneratorError(
            f"Process '{process}': with 'ProcessLevel:all = off' there is no hard process.",
            "Take this setting out of the card and of 'overrides'; process 'gun' throws particles.",
        )
    if not any(pythia.next() for _ in range(100)):
        raise GeneratorError(
            f"Process '{process}': Pythia gave up 100 of 100 hard processes.",
            "Check the mass and pTHat windows of the card.",
        )
    return list(pythia.infoPython().codesHard()), pythia.mode("HardQCD:nQuarkNew")
