"""Train a network of particle flow on event graphs."""

from __future__ import annotations

import itertools
import sys

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import write_csv, write_result
from jetchain.core.io.tensors import write_weights
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow import TargetCounts
from jetchain.core.seeds import generator, make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.verbs import Inputs, Output
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.particleflow.batch import NODES, TRUTH, Batches
from jetchain.particleflow.network import Network
from jetchain.particleflow.network_settings import SetTrainingSettings, TrainJobSettings
from jetchain.particleflow.targets import node_targets

EVENTS_AT_ONCE = 64  # where a file is read through


def train(
    *,
    graphs: Inputs,
    weights: Output,
    history: Output,
    targets: Output,
    settings: TrainJobSettings,
    seed: int,
    algorithm: str,
) -> None:
    """Train a network on the events of the graph files that are not held out for the evaluation.

    The files are never in memory as a whole: a batch is read when it is its turn.

    Args:
        graphs: event graphs (EVENT_GRAPHS), one file a shard.
        weights: safetensors of the best epoch.
        history: CSV, one row an epoch.
        targets: JSON: where the true particles of the files went (TargetCounts).
        settings: network and training.
        seed: of the initial weights, the split and the shuffling.
        algorithm: its key in ALGORITHMS.

    Raises:
        EmptySampleError: no file has an event to learn from beyond those held out.
    """
    events = Mapped(graphs, EVENT_GRAPHS)
    rows = training_rows(events, graphs, ALGORITHMS.decode(algorithm, settings).training)
    model, columns = fit_network(algorithm, events, rows, settings, seed)
    write_result(targets, count_targets(events))
    write_csv(history, columns)
    write_weights(weights, model)


def training_rows(
    events: Mapped, files: Inputs, settings: SetTrainingSettings
) -> NDArray[np.int64]:
    """The numbers of the events that are trained on, file by file.

    A file with no more events than are held out of it gives none; an event without a node has
    nothing to learn from.
    """
    rows = np.concatenate(
        [
            np.arange(start, stop)[settings.held_out :][: settings.max_events]
            for start, stop in itertools.pairwise(events.offset)
        ]
    )
    rows = rows[np.diff(events.rows(rows, ["node_offset"])["node_offset"]) > 0]
    if not len(rows):
        raise EmptySampleError(
            f"None of the {len(events)} events in {samples_of(files)} has a track or cluster and "
            f"lies beyond the first {settings.held_out} of its shard, which are held out for the "
            "evaluation.",
            "Lower held_out of the algorithm's training, or generate more events in a shard.",
        )
    return rows


def count_targets(events: Mapped) -> TargetCounts:
    """The counts of `node_targets` over all events."""
    counts: dict[str, int] = {}
    for rows in minibatches(len(events), EVENTS_AT_ONCE):
        for name, number in node_targets(events.rows(rows, (*NODES, *TRUTH))).counts.items():
            counts[name] = counts.get(name, 0) + number
    return TargetCounts.model_validate(counts)


def fit_network(
    algorithm: str,
    events: Mapped,
    rows: NDArray[np.int64],
    settings: TrainJobSettings,
    seed: int,
) -> tuple[Network, dict[str, list[float]]]:
    """Train a network on some events; returns it and the history of its training.

    Args:
        algorithm: its key in ALGORITHMS.
        events: EVENT_GRAPHS.
        rows: numbers of the events to train on and validate with; (rows,).
        settings: network and training.
        seed: of the initial weights, the split and the shuffling.
    """
    own = ALGORITHMS.decode(algorithm, settings)
    training: SetTrainingSettings = own.training
    make_deterministic(seed, training.fit.threads)
    order = generator(seed, "split").permutation(len(rows))
    held = max(1, round(training.validation_fraction * len(rows)))
    validation, chosen = rows[order[:held]], rows[order[held:]]
    if not len(chosen):
        raise EmptySampleError(
            f"{algorithm}: {len(rows)} event is too few for training and validation.",
            "Raise max_events of the algorithm's training, or generate more events.",
        )

    def read(some: NDArray[np.int64], shuffle: np.random.Generator | None) -> Batches:
        return Batches(
            events, some, training.fit.batch_size, targets=model.targets, shuffle=shuffle
        )

    model: Network = ALGORITHMS.load(algorithm)(own.model)
    model.standardise(lambda: Batches(events, chosen, EVENTS_AT_ONCE))
    print(
        f"{algorithm}: {len(chosen)} training events, {held} for validation, "
        f"{sum(p.numel() for p in model.parameters())} parameters",
        file=sys.stderr,
        flush=True,
    )
    columns = fit(
        model,
        batches=lambda shuffle: read(chosen, shuffle),
        validation=lambda: read(validation, None),
        loss=lambda network, batch: network.loss(batch, training),
        settings=training.fit,
        seed=seed,
        name=algorithm,
    )
    return model, columns
