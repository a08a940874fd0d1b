"""How fast the networks find the particles of an event, and how that grows with its size."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import write_result
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow_jets import BenchedNetwork, ParticleflowBench
from jetchain.core.verbs import Inputs, Output
from jetchain.particleflow.batch import NODES, EventBatch, batch_of
from jetchain.particleflow.network import Network
from jetchain.particleflow.reconstruct import read_network
from jetchain.particleflow.settings import ParticleflowSettings

OVERLAID = (1, 2, 4, 8)
"""Collisions that make an event, as pile-up would: its tracks and clusters are all of theirs."""
EVENTS = 16
ROUNDS = 3
SIZE = 500
"""Elements of the event that the rate is given for."""


def bench(
    *, graphs: Inputs, weights: Inputs, report: Output, settings: ParticleflowSettings
) -> None:
    """Measure CPU milliseconds an event of growing size, event by event, on one thread.

    Args:
        graphs: event graphs (EVENT_GRAPHS); the first events serve.
        weights: of the networks, each in a folder of its key.
        report: written: ParticleflowBench.
        settings: the sizes of the networks.

    Raises:
        EmptySampleError: there is no event with a track or cluster.
    """
    read = Mapped(graphs, EVENT_GRAPHS)
    rows = np.arange(min(len(read), EVENTS))
    arrays = read.rows(rows, NODES)
    if not len(arrays["node_features"]):
        raise EmptySampleError(
            f"particleflow.bench: no track or cluster in the first events of {samples_of(graphs)}.",
            "Bench with a sample that has some.",
        )
    networks = {}
    for path in weights:
        name = Path(path).parent.name
        model = getattr(settings, name).model.model_dump()
        networks[name] = timed(read_network(name, model, path), read, len(rows))
        print(f"{name}: {networks[name].model_dump_json()}", file=sys.stderr, flush=True)
    write_result(report, ParticleflowBench(networks=networks))


def overlaid(read: Any, first: int, number: int, events: int) -> EventBatch:
    """Some events as one, with all their tracks, clusters and edges."""
    rows = (first + np.arange(number)) % events
    batch = batch_of(read.rows(rows, NODES))
    return EventBatch(
        batch.x, batch.momentum, batch.edge_index, torch.zeros_like(batch.event), batch.targets
    )


@torch.no_grad()
def timed(model: Network, read: Any, events: int) -> BenchedNetwork:
    """The time of events of growing size: the median of some rounds, after one that warms up."""
    torch.set_num_threads(1)
    elements, milliseconds = [], []
    for number in OVERLAID:
        batches = [overlaid(read, first, number, events) for first in range(0, events, number)]
        seconds = []
        for _ in range(ROUNDS + 1):
            started = time.process_time()
            for batch in batches:
                model.candidates(batch)
            seconds.append((time.process_time() - started) / len(batches))
        elements.append(float(np.mean([len(batch) for batch in batches])))
        milliseconds.append(1e3 * float(np.median(seconds[1:])))
    exponent, at_size = power_law(elements, milliseconds)
    return BenchedNetwork(
        elements=elements, milliseconds=milliseconds, exponent=exponent,
        events_per_second=1e3 / at_size,
    )  # fmt: skip


def power_law(elements: Sequence[float], milliseconds: Sequence[float]) -> tuple[float, float]:
    """The power law of least squares in the logarithms.

    Args:
        elements: of an event, (sizes,); at least two of them differ.
        milliseconds: an event takes, (sizes,).

    Returns:
        its exponent, and the milliseconds that it gives for `SIZE` elements.
    """
    at = np.log(np.asarray(elements) / SIZE)
    exponent, log_milliseconds = np.polyfit(at, np.log(milliseconds), 1)
    return float(exponent), float(np.exp(log_milliseconds))
