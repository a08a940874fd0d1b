"""Methods and models as the figures call them, in the place of their names in files."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup

from jetchain.core.schema.background import NO_CUT
from jetchain.plumbing.rules import family

_NAMES = NO_CUT | family("anomaly.methods").labels() | family("tagging.models").labels()


_PAPER = re.compile(r"arXiv(?::|\s)\s*(\d{4}\.\d{4,5}|[a-z-]+/\d{7})")


def learn(labels: Mapping[str, str]) -> None:
    """What this run calls its taggers: one may be a network of the user's."""
    _NAMES.update(labels)


def named(text: str) -> str:
    """A list of words with commas, each name in it as the figures have it: ``AUC, PFN``."""
    return ", ".join(_NAMES.get(part, part) for part in text.split(", "))


def papers(html: str) -> Markup:
    """HTML with a link to each paper that it names by its arXiv id."""
    return Markup(_PAPER.sub(r'<a href="https://arxiv.org/abs/\1">arXiv:\1</a>', str(html)))
