"""From a process card to an initialised Pythia, with Pythia's own words where it refuses."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pythia8mc

from jetchain.core.errors import GeneratorError
from jetchain.generate.cards import read_card

MAX_PYTHIA_SEED = 900_000_000

# Applied before every card. Particles with a proper decay length above 10 mm (K0S, Lambda, charged
# pions, ...) stay undecayed, as is usual where the detector simulation takes over: their decays
# would lie inside or beyond the tracker. Hadrons with b and c quarks, and taus, do decay.
REMEDY = (
    "Check that the card switches a process on, and that its mass and pTHat windows leave room for "
    "it at this beam energy."
)
FIRST_NUCLEUS = 1_000_000_000  # PDG code
FROM_FILE = 4  # Beams:frameType of Les Houches files; 5 is of programs that are linked in
REMEDY_LHE = "Correct source.shower.overrides of the sample in generate.samples, or the file."
COMMON = (
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 10.",
    "Next:numberShowInfo = 0",
    "Next:numberShowProcess = 0",
    "Next:numberShowEvent = 0",
    "Next:numberCount = 0",
    "Init:showProcesses = off",
    "Init:showMultipartonInteractions = off",
    "Init:showChangedSettings = off",
    "Init:showChangedParticleData = off",
)


def start_pythia(
    process: str,
    overrides: Sequence[str],
    seed: int,
    hook: Any | None = None,
    before: Sequence[str] = (),
    events: Sequence[str] = (),
) -> pythia8mc.Pythia:
    """Configure and initialise Pythia.

    Args:
        process: name of the card in resources/processes; or the file of Les Houches events.
        overrides: settings applied after the card's.
        seed: any positive integer; reduced to Pythia's range.
        hook: a `pythia8mc.UserHooks` to install; the caller must keep it alive.
        before: settings applied before the card's: of a tune, and of variations.
        events: settings that read the file of Les Houches events, in the place of a card.

    Raises:
        GeneratorError: Pythia refuses a setting, or cannot initialise the process; or the beams
            are nuclei.
    """
    card = process if events else f"resources/processes/{process}.cmnd"
    pythia = pythia8mc.Pythia("", False)
    lines = [("a setting that jetchain always makes", line) for line in COMMON]
    lines += [("a setting of the tune or of the variations", line) for line in before]
    if events:
        lines += [("a setting that reads the file", line) for line in events]
    else:
        lines += [(f"line {number}", line) for number, line in read_card(process)]
    lines += [("an entry of 'overrides'", line) for line in overrides]
    lines += [
        ("the seed", "Random:setSeed = on"),
        ("the seed", f"Random:seed = {1 + seed % MAX_PYTHIA_SEED}"),
    ]
    for where, line in lines:
        with captured_output() as words:
            accepted = pythia.readString(line)
        if not accepted:
            raise GeneratorError(
                f"{card}: Pythia refuses {where}, '{line.strip()}': {_first_message(words)}",
                "Correct the line; the names and ranges stand in the Pythia 8.317 manual.",
            )
    frame = pythia.mode("Beams:frameType")
    if not events and frame >= FROM_FILE:
        raise GeneratorError(
            f"{card}: 'Beams:frameType = {frame}' reads a file of events, of which every shard "
            "would take the first ones.",
            "Give the file as the source of a sample, of the format lhe.",
        )
    beams = [pythia.mode(f"Beams:id{which}") for which in "AB"]
    if max(beams) >= FIRST_NUCLEUS or pythia.mode("HeavyIon:mode") > 1:
        raise GeneratorError(
            f"{card}: collisions of nuclei (beams {beams[0]} and {beams[1]}; Angantyr) are not "
            "supported: they have many hard processes, and jets a background that nothing here "
            "takes off.",
            "Set Beams:idA and Beams:idB to protons, antiprotons, electrons or positrons.",
        )
    if hook is not None:
        pythia.setUserHooksPtr(hook)
    with captured_output() as words:
        initialised = pythia.init()
    if not initialised:
        raise GeneratorError(
            f"{card}: Pythia cannot initialise this process: {_first_message(words)}",
            REMEDY_LHE if events else REMEDY,
        )
    return pythia


@contextmanager
def captured_output() -> Iterator[list[str]]:
    """Collect what C++ code prints on standard output as lines, once the block has ended."""
    lines: list[str] = []
    sys.stdout.flush()
    saved = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield lines
        finally:
            ctypes.CDLL(None).fflush(None)
            os.dup2(saved, 1)
            os.close(saved)
            file.seek(0)
            lines.extend(file.read().decode(errors="replace").splitlines())


def _first_message(lines: Sequence[str]) -> str:
    """Pythia's first error, with the continuation line that follows it."""
    texts = [line.strip() for line in lines if line.strip()]
    for position, text in enumerate(texts):
        if "PYTHIA Error" in text or "PYTHIA Abort" in text:
            following = texts[position + 1 : position + 2] if text.endswith(":") else []
            return " ".join([text, *following])
    return texts[-1] if texts else "no message"
