"""The rooms in the order of the chain, and what each does, for a reader who sees it first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

REPORTING = Path("results/reporting")
# Figures and tables of the whole chain, which lie beside the rooms' folders.
WHOLE_CHAIN = ""


@dataclass(frozen=True)
class Room:
    """A room as the report shows it."""

    name: str
    title: str
    text: str = ""


_ROOMS = (
    Room(WHOLE_CHAIN, "The whole chain"),
    Room(
        "displays", "Event displays and jet images",
        "What the events look like in the detector, and the jets on average.",
    ),
    Room(
        "generate", "Generated events",
        "Pythia 8 collides protons, or fires single particles, and a filter keeps the events that "
        "the rooms below need. Samples can also come from files.",
    ),
    Room(
        "detector", "Detector",
        "A COCOA-style detector turns the particles into tracks, calorimeter cells and "
        "topological clusters, with the truth of who left what. The validation compares it with "
        "published numbers.",
    ),
    Room(
        "particleflow", "Particle flow",
        "Tracks and clusters become particles, by a parametric algorithm and by an MLPF-style "
        "network, both judged against the generated particles.",
    ),
    Room(
        "jets", "Jets",
        "Particles are clustered by anti-kT into large jets, groomed by soft drop, and labelled by "
        "the hard partons that they match.",
    ),
    Room(
        "graphs", "Graphs",
        "Events and jets as graphs: the input of the networks.",
    ),
    Room(
        "tagging", "Taggers",
        "Networks learn to tell the classes of jets apart; how well is measured on test jets that "
        "no training has seen.",
    ),
    Room(
        "anomaly", "Anomaly search",
        "A dijet search with a hidden signal: scores that need no or little knowledge of the "
        "signal are compared by how much they improve its significance.",
    ),
    Room(
        "background", "Backgrounds from data",
        "The background in the signal region is estimated from the data beside it, and the methods "
        "are tested on what they should and should not find.",
    ),
    Room(
        "inference", "Limits",
        "Statistical models in pyhf turn the counts into fits, and into upper limits on the "
        "cross-section of the signal.",
    ),
    Room(
        "firmware", "Firmware",
        "A small tagger is quantised, pruned and written as Verilog for a trigger's FPGA; the "
        "design is simulated and compared bit for bit.",
    ),
)  # fmt: skip
_BY_NAME: Mapping[str, Room] = {room.name: room for room in _ROOMS}


def room_of(path: Path) -> str:
    """The room that a file of results/reporting belongs to, `WHOLE_CHAIN` if to none."""
    parts = path.relative_to(REPORTING).parts if path.is_relative_to(REPORTING) else path.parts
    return parts[0] if len(parts) > 1 else WHOLE_CHAIN


def in_order(names: Iterable[str], chain: Iterable[str]) -> list[Room]:
    """Rooms in the order of the chain.

    Args:
        names: of the rooms to show.
        chain: rooms that come after those described here, in their order, such as that of the
            Snakefile; others come last, by name.
    """
    order = {name: place for place, name in enumerate(dict.fromkeys([*_BY_NAME, *chain]))}
    known = sorted(set(names), key=lambda name: (order.get(name, len(order)), name))
    return [title(name) for name in known]


def title(name: str) -> Room:
    """A room by its name; one that nobody has described is called by it."""
    return _BY_NAME.get(name) or Room(name, name.capitalize())
