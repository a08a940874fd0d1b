"""How figures call classes of jets, their pairs and their collections."""

from __future__ import annotations

import re

TITLES = {
    "quark": "quark", "gluon": "gluon", "W": "W", "Z": "Z", "top": "top",
    "Hbb": r"$H\to b\bar{b}$", "Hcc": r"$H\to c\bar{c}$", "QCD": "quark + gluon",
}  # fmt: skip


def titled(text: str) -> str:
    """A text with the titles of the classes that it names, such as "Hbb jets, 500 GeV"."""
    return re.sub(r"\w+", lambda word: TITLES.get(word[0], word[0]), text)


def pair_title(pair: str) -> str:
    """Of a pair such as top_vs_QCD."""
    signal, _, background = pair.partition("_vs_")
    return " vs ".join(TITLES.get(each, each) for each in (signal, background) if each)


def confidence(level: float) -> str:
    """Of a limit, such as 95 % CL, from 1 - confidence level."""
    return f"{100 * (1 - level):g} % CL"


def collection_title(collection: str) -> str:
    """Of a collection of jets such as ak8, see `jetchain.core.schema.jets.jet_collection`."""
    return rf"anti-$k_T$ $R$ = {int(collection.removeprefix('ak')) / 10:.1f}"
