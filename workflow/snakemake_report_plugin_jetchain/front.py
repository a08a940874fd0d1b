"""The front page: the story of the run, its headline figures, its key numbers.

Every number is read from the run's tables. What a run does not have is left out.
"""

from __future__ import annotations

import csv
import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jetchain.reporting.summary import AT_LEAST, EXPECTED
from snakemake_report_plugin_jetchain import rooms
from snakemake_report_plugin_jetchain.names import named
from snakemake_report_plugin_jetchain.numbers import counted, measured
from snakemake_report_plugin_jetchain.results import Result, thumbnail
from snakemake_report_plugin_jetchain.samples import Source

SUMMARY = rooms.REPORTING / "summary.csv"

# The headline figures in the order of the chain: names to look for, the first that is there counts.
_HEADLINES = (
    ("displays/event_display_top", "displays/event_display_*", "graphs/event_graph"),
    ("jets/jet_mass", "jets/jet_comparison"),
    ("tagging/tagging_roc", "tagging/tagging_history"),
    ("background/dijet_spectrum_*", "anomaly/significance_improvement"),
    ("inference/limits", "inference/cls_scan"),
    ("firmware/firmware_summary", "firmware/firmware_roc_*"),
)
# Which rows of the summary are the key numbers: whole names of quantities as patterns.
_KEY_NUMBERS = re.compile(
    r"soft-drop mass peak, .*|AUC, .+, (top|W|Hbb) vs QCD|AUC, .+, quark vs gluon"
    r"|SIC at .* background, .*"
    r"|ABCD corrected / observed, signal region, background|.* CL limit, .*|accuracy, .*"
    r"|latency|initiation interval"
)


@dataclass(frozen=True)
class Headline:
    """A headline figure: a small picture, and where the figure is."""

    target: str
    title: str
    room: str
    image: str
    alt: str


@dataclass(frozen=True)
class KeyNumber:
    """One row of the table of key numbers; `room` is where it was found."""

    room: str
    quantity: str
    text: str
    value: float | None


def headlines(results: Iterable[Result]) -> list[Headline]:
    """The headline figures that this run has."""
    found = {str(each.path.relative_to(rooms.REPORTING).with_suffix("")): each
             for each in results if each.image}  # fmt: skip
    chosen = [
        next(
            (
                found[name]
                for pattern in patterns
                for name in fnmatch.filter(sorted(found), pattern)
            ),
            None,
        )
        for patterns in _HEADLINES
    ]
    return [
        Headline(
            each.id, each.title, rooms.title(rooms.room_of(each.path)).title,
            thumbnail(each.path), each.alt,
        )
        for each in chosen
        if each is not None
    ]  # fmt: skip


def read_numbers(path: Path = SUMMARY) -> list[KeyNumber]:
    """All rows of the run's summary, written for people; none if there is no summary."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [_number(row) for row in csv.DictReader(file)]


def _number(row: dict[str, str]) -> KeyNumber:
    quantity = named(row["quantity"])
    try:
        value = float(row["value"])
    except ValueError:
        return KeyNumber(row["room"], quantity, row["value"], None)
    low, high = ((float(row[end]) if row[end] else None) for end in ("low", "high"))
    if AT_LEAST in row["quantity"] and low is not None:
        value, low, high = low, None, None
    return KeyNumber(row["room"], quantity, measured(value, low, high, row["unit"]), value)


def key_numbers(numbers: Iterable[KeyNumber]) -> dict[str, list[KeyNumber]]:
    """The choice of them that stands on the front page, by room."""
    chosen: dict[str, list[KeyNumber]] = {}
    for each in numbers:
        if _KEY_NUMBERS.fullmatch(each.quantity):
            chosen.setdefault(each.room, []).append(each)
    return chosen


def story(sources: Sequence[Source], numbers: Sequence[KeyNumber]) -> list[tuple[str, str]]:
    """The run in a few sentences, each with the room that it is about."""
    told = []
    collisions = [each for each in sources if not each.is_gun]
    if collisions:
        told.append((
            "generate",
            f"{counted(sum(each.events for each in collisions), 'simulated proton collision')} in "
            f"{counted(len(collisions), 'sample')} pass a COCOA-style detector and particle flow.",
        ))  # fmt: skip
    peaks = _rows(numbers, r"soft-drop mass peak, (\w+)")
    if peaks:
        listed = ", ".join(f"{name} at {number.text}" for name, number in peaks)
        told.append(("jets", f"The soft-drop mass of their jets shows its peaks: {listed}."))
    taggers = _rows(numbers, r"AUC, (.+), top vs QCD")
    if taggers:
        name, best = _most(taggers)
        told.append((
            "tagging",
            f"Of {counted(len(taggers), 'tagger')}, {name} tells top jets from those of quarks and "
            f"gluons best, with an AUC of {best.text}.",
        ) if len(taggers) > 1 else (
            "tagging",
            f"The tagger {name} tells top jets from those of quarks and gluons with an AUC of "
            f"{best.text}.",
        ))  # fmt: skip
    limits = _rows(numbers, rf"{EXPECTED}.* CL limit, (.+)")
    # What a search on data can use: the methods that have a limit.
    usable = {name for name, _ in limits}
    searches = [each for each in _rows(numbers, r"SIC at .* background, (.+)") if each[0] in usable]
    if searches:
        cut = searches[0][1].quantity.removeprefix("SIC at ").partition(" background")[0]
        told.append((
            "anomaly",
            f"Where a cut keeps {cut} of the background, searches that estimate it from the data "
            f"change the significance of a hidden signal by a factor of {_listed(searches)}: that "
            "takes the truth to know, and the intervals are of the finite number of events alone.",
        ))  # fmt: skip
    observed = dict(_rows(numbers, r"observed .* CL limit, (.+)"))
    if limits:
        level = limits[0][1].quantity.removeprefix(EXPECTED).partition(" limit")[0]
        seen = [(name, observed[name]) for name, _ in limits if name in observed]
        told.append((
            "inference",
            f"The limits on its cross-section at {level} that they expect, as trained, are "
            f"{_listed(limits)}" + (f"; observed are {_listed(seen)}." if seen else "."),
        ))  # fmt: skip
    verilog = _rows(numbers, r"accuracy, (Verilog)")
    cycles = [each for each in numbers if each.quantity == "latency"]
    if verilog and cycles:
        told.append((
            "firmware",
            f"A small tagger becomes trigger firmware that answers after "
            f"{' or '.join(each.text for each in cycles)}; its accuracy on the classes of jets is "
            f"{verilog[0][1].text}.",
        ))  # fmt: skip
    return told


def _listed(rows: Iterable[tuple[str, KeyNumber]]) -> str:
    """All of them in their order: which is best would be told by the signal that was injected."""
    return ", ".join(f"{number.text} ({name})" for name, number in rows)


def _rows(numbers: Iterable[KeyNumber], pattern: str) -> list[tuple[str, KeyNumber]]:
    """The numbers whose quantity matches, with what the group of the pattern holds."""
    found = ((re.fullmatch(pattern, each.quantity), each) for each in numbers)
    return [(match[1], each) for match, each in found if match and each.value is not None]


def _most(rows: Iterable[tuple[str, KeyNumber]]) -> tuple[str, KeyNumber]:
    return max(rows, key=lambda each: each[1].value or 0.0)
