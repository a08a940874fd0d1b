"""Classes of jets, and the pairs of them that are told apart: settings of the tagging room."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import field_validator

from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.settings import Settings, key


class ClassSettings(Settings):
    """A class of jets: where its jets come from, and which they are."""

    samples: list[str] = key(..., "Samples that its jets come from.", min_length=1)
    label: str | None = key(
        None, "Truth label that its jets have; none: all jets of its samples belong to it."
    )


class PairSettings(Settings):
    """A signal class and what it is told from."""

    signal: str = key(..., "The signal class.")
    background: dict[str, float] = key(
        ...,
        "Share of each background class in the weight of the background; those of a default pair "
        "stay beside what is written, but for one set to null.",
        min_length=1,
    )

    @field_validator("background")
    @classmethod
    def _positive(cls, shares: dict[str, float]) -> dict[str, float]:
        if min(shares.values(), default=1.0) <= 0:
            raise ValueError("every share must be above 0")
        return shares


QCD = {"quark": 1.0, "gluon": 1.0}
CLASSES = {name: ClassSettings(samples=[name], label=name) for name in JET_CLASSES}
PAIRS = {
    f"{name}_vs_QCD": PairSettings(signal=name, background=QCD)
    for name in ("top", "W", "Z", "Hbb", "Hcc")
} | {
    "quark_vs_gluon": PairSettings(signal="quark", background={"gluon": 1.0}),
    "Hbb_vs_top": PairSettings(signal="Hbb", background={"top": 1.0}),
}


def class_names(classes: Iterable[str]) -> list[str]:
    """The names in the order of the labels, however the configuration orders them.

    Those of JET_CLASSES come first, in their order, and others by the alphabet.
    """
    return sorted(classes, key=lambda name: ([*JET_CLASSES, name].index(name), name))


def samples_of(classes: Mapping[str, ClassSettings]) -> list[str]:
    """The samples of all classes, each once, in the order of the classes."""
    return [*dict.fromkeys(each for name in class_names(classes) for each in classes[name].samples)]


def without_null(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without classes, pairs and shares that are null, and the pairs that need a class left out.

    Args:
        values: of the tagging room, not yet checked.
    """
    classes, pairs = values.get("classes", CLASSES), values.get("pairs")
    if not isinstance(classes, dict) or not isinstance(pairs, dict | None):
        return values
    gone = {name for name, each in classes.items() if each is None}
    for name in sorted(map(str, gone - set(CLASSES))):  # others may be of another overlay
        known = {each.lower(): each for each in CLASSES}
        if near := difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75):
            raise ValueError(
                f"classes.{name}: null takes a class out, but there is no '{name}'. Did you "
                f"mean '{known[near[0]]}'?"
            )
    if pairs is None:
        pairs, gone = PAIRS, gone | (set(CLASSES) - set(classes))
    written = {name: _as_written(name, each, gone) for name, each in pairs.items() if each}
    kept = {name: each for name, each in written.items() if not _mentioned(each) & gone}
    classes = {name: each for name, each in classes.items() if each is not None}
    return {**values, "classes": classes, "pairs": kept}


def _as_written(name: str, pair: Any, gone: set[str]) -> Any:
    """A pair without the shares that are null.

    What a user writes of a default pair lies on top of it, so the default's shares are still there:
    in one with a background of the user's, those of classes that are left out go.
    """
    shares = pair.get("background") if isinstance(pair, dict) else None
    if not isinstance(shares, dict):
        return pair
    default = PAIRS[name].background if name in PAIRS else {}
    left_over = gone & default.keys() if shares.keys() - default.keys() else set()
    kept = {k: each for k, each in shares.items() if each is not None and k not in left_over}
    return {**pair, "background": kept}


def require_the_name_true(name: str, pair: PairSettings, classes: Mapping[str, Any]) -> None:
    """Raise ValueError, for use in validators, where a pair is called what it is not.

    Figures take their titles from the name, <signal>_vs_<background>.

    Args:
        name: of the pair.
        pair: its classes.
        classes: by name.
    """
    signal, _, background = name.partition("_vs_")
    said = {background}
    if background == "QCD" and "QCD" not in classes:
        said = {*QCD}
    if signal in classes and signal != pair.signal:
        raise ValueError(f"pairs.{name}: the name says '{signal}', but its signal is {pair.signal}")
    if said <= classes.keys() and said != pair.background.keys():
        raise ValueError(
            f"pairs.{name}: the name says {' and '.join(sorted(said))}, but its background is "
            f"{', '.join(sorted(pair.background))}. The shares of a default pair stay beside those "
            "that you write: set them to null, or give your pair another name"
        )


def _mentioned(pair: Any) -> set[str]:
    """The classes that a pair names, checked or not yet."""
    if isinstance(pair, PairSettings):
        return {pair.signal, *pair.background}
    if not isinstance(pair, dict):
        return set()
    shares = pair.get("background")
    return {str(pair.get("signal")), *(shares if isinstance(shares, dict) else ())}
