"""Methods and models as the figures call them, in the place of their names in files."""

from __future__ import annotations

from jetchain.reporting import anomaly, inference
from jetchain.tagging.models import MODELS

_NAMES = anomaly.NAMES | inference.NAMES | MODELS.labels()


def named(text: str) -> str:
    """A list of words with commas, each name in it as the figures have it: ``AUC, PFN``."""
    return ", ".join(_NAMES.get(part, part) for part in text.split(", "))
