"""Files of random event graphs, for the networks of particle flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers.graph_events import as_read, random_event
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.graphs.build import event_graphs
from jetchain.graphs.settings import EventGraphSettings


def arrays_of(count: int, charged: int = 8, neutral: int = 8, first: int = 0) -> dict[str, Any]:
    """The arrays of EVENT_GRAPHS of some random events."""
    seeds = range(first, first + count)
    events = [random_event(seed, charged, neutral, seed) for seed in seeds]
    return event_graphs(as_read(events), EventGraphSettings(track_radius=1.0, topo_radius=1.0))


def write_graphs(path: Path, count: int, **options: int) -> Path:
    """A file of them."""
    write_tensors(path, EVENT_GRAPHS, arrays_of(count, **options))
    return path


def mapped_graphs(path: Path, count: int, **options: int) -> Mapped:
    """A file of them, read by rows."""
    return Mapped([write_graphs(path, count, **options)], EVENT_GRAPHS)
