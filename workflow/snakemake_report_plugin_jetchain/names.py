"""Methods and models as the figures call them, in the place of their names in files."""

from __future__ import annotations

from jetchain.core.schema.background import NO_CUT
from jetchain.plumbing.rules import family

_NAMES = NO_CUT | family("anomaly.methods").labels() | family("tagging.models").labels()


def named(text: str) -> str:
    """A list of words with commas, each name in it as the figures have it: ``AUC, PFN``."""
    return ", ".join(_NAMES.get(part, part) for part in text.split(", "))
