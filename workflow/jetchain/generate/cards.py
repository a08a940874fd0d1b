"""Process cards: files of Pythia settings in resources/processes."""

from __future__ import annotations

import hashlib

from jetchain.generate.settings import CARDS


def read_card(process: str) -> list[tuple[int, str]]:
    """Line number and text of every setting of a card; ``!`` and ``#`` begin comments."""
    text = (CARDS / f"{process}.cmnd").read_text(encoding="utf-8")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    return [(number, line) for number, line in lines if line and line[0] not in "!#"]


def card_digest(process: str) -> str:
    """Name and hash of a card's settings: its comments, which change no event, do not enter."""
    text = "\n".join(line for _, line in read_card(process))
    return f"processes/{process}.cmnd@{hashlib.sha256(text.encode()).hexdigest()[:10]}"
