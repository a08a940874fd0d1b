"""Train a network of particle flow on event graphs: from nothing or from weights, in stages."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import ConfigurationError, EmptySampleError, samples_of
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import write_csv, write_result
from jetchain.core.io.tensors import read_arrays, read_weights, write_weights
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow import TargetCounts
from jetchain.core.seeds import generator, make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.training_settings import TrainingSettings
from jetchain.core.trees import require_checksum
from jetchain.core.verbs import Inputs, Output
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.particleflow.balance import balance
from jetchain.particleflow.batch import NODES, TRUTH, Batches
from jetchain.particleflow.network import Network
from jetchain.particleflow.network_settings import SetTrainingSettings, TrainJobSettings
from jetchain.particleflow.targets import node_targets

EVENTS_AT_ONCE = 64  # where a file is read through


def train(
    *,
    graphs: Inputs,
    initial: Inputs,
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
        initial: weights to begin from, of the settings' checksum; none to draw them.
        weights: safetensors of the best epoch of the last stage.
        history: CSV, one row an epoch.
        targets: JSON: where the true particles of the files went (TargetCounts).
        settings: network and training.
        seed: of the initial weights, the split and the shuffling.
        algorithm: its key in ALGORITHMS.

    Raises:
        EmptySampleError: no file has an event to learn from beyond those held out.
        ConfigurationError: the weights to begin from are of another network.
        DataError: their file has another checksum.
    """
    events = Mapped(graphs, EVENT_GRAPHS)
    training: SetTrainingSettings = ALGORITHMS.decode(algorithm, settings).training
    if training.initial is not None:
        key = f"particleflow.{algorithm}.training.initial"
        for path in initial:
            require_checksum(
                path, training.initial.checksum, f"Correct {key}.checksum, or name another file."
            )
    chosen, validation = split(
        algorithm, training_rows(events, graphs, training), training.validation_fraction, seed
    )
    stages = stages_of(algorithm, training, chosen, validation, sample_of(events, graphs))
    model, columns = fit_network(algorithm, events, stages, settings, seed, *initial)
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


def sample_of(events: Mapped, files: Sequence[Path]) -> NDArray[np.str_]:
    """The sample of each event; each file lies in its sample's folder; (events,)."""
    return np.repeat([path.parent.name for path in files], np.diff(events.offset))


def split(
    algorithm: str, rows: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The events to train on and those to validate with, both in random order.

    Args:
        algorithm: its key in ALGORITHMS.
        rows: numbers of the events; (rows,).
        fraction: of those to validate with.
        seed: of the training.
    """
    order = generator(seed, "split").permutation(len(rows))
    held = max(1, round(fraction * len(rows)))
    validation, chosen = rows[order[:held]], rows[order[held:]]
    if not len(chosen):
        raise EmptySampleError(
            f"{algorithm}: {len(rows)} event is too few for training and validation.",
            "Raise max_events of the algorithm's training, or generate more events.",
        )
    return chosen, validation


def count_targets(events: Mapped) -> TargetCounts:
    """The counts of `node_targets` over all events."""
    counts: dict[str, int] = {}
    for rows in minibatches(len(events), EVENTS_AT_ONCE):
        for name, number in node_targets(events.rows(rows, (*NODES, *TRUTH))).counts.items():
            counts[name] = counts.get(name, 0) + number
    return TargetCounts.model_validate(counts)


@dataclass(frozen=True)
class Stage:
    """A stage of a training.

    Attributes:
        chosen: numbers of the events that it trains on, in their order; (chosen,).
        validation: of those that choose its best epoch; (validation,).
        fit: its training loop.
    """

    chosen: NDArray[np.int64]
    validation: NDArray[np.int64]
    fit: TrainingSettings


def stages_of(
    algorithm: str,
    training: SetTrainingSettings,
    chosen: NDArray[np.int64],
    validation: NDArray[np.int64],
    samples: NDArray[np.str_],
) -> list[Stage]:
    """The stages of the curriculum; all events at once if it has none.

    An event that validates one stage is trained on in none.

    Args:
        algorithm: its key in ALGORITHMS.
        training: its settings.
        chosen, validation: of `split`.
        samples: of all events; (events,).

    Raises:
        EmptySampleError: a stage has no event to train on or to validate with.
    """
    if not training.curriculum:
        return [Stage(chosen, validation, training.fit)]
    stages = []
    for number, each in enumerate(training.curriculum, start=1):
        rate = each.learning_rate or training.fit.learning_rate
        fit = training.fit.model_copy(update={"epochs": each.epochs, "learning_rate": rate})
        parts = [rows[np.isin(samples[rows], each.samples)] for rows in (chosen, validation)]
        if not all(map(len, parts)):
            raise EmptySampleError(
                f"{algorithm}: stage {number} of the curriculum has {len(parts[0])} events of "
                f"{', '.join(each.samples)} to train on and {len(parts[1])} to validate with.",
                "Generate more events of these samples, or raise validation_fraction.",
            )
        stages.append(Stage(parts[0], parts[1], fit))
    return stages


def fit_network(
    algorithm: str,
    events: Mapped,
    stages: Sequence[Stage],
    settings: TrainJobSettings,
    seed: int,
    initial: Path | None = None,
) -> tuple[Network, dict[str, list[float]]]:
    """Train a network on some events; returns it and the history of its training.

    Every stage is a training of its own, with its checkpoints: after a kill those that are done
    are not done again, and the next goes on.

    Args:
        algorithm: its key in ALGORITHMS.
        events: EVENT_GRAPHS.
        stages: one after another; without any the network stays what it was.
        settings: network and training.
        seed: of the initial weights and the shuffling.
        initial: weights to begin from, with what standardises the features; if not given, weights
            are drawn, and the events of all stages standardise.

    Returns:
        The network, and the columns of its history; of several stages with their number, and
        epochs counted through.
    """
    own = ALGORITHMS.decode(algorithm, settings)
    training: SetTrainingSettings = own.training
    make_deterministic(seed, training.fit.threads)
    model: Network = ALGORITHMS.load(algorithm)(own.model)
    if initial is not None:
        begin_from(initial, model, algorithm)
    else:
        seen = np.concatenate([stage.chosen for stage in stages])
        once = np.sort(np.unique(seen, return_index=True)[1])
        model.standardise(lambda: Batches(events, seen[once], EVENTS_AT_ONCE))
    history: dict[str, list[float]] = {}
    for number, stage in enumerate(stages, start=1):
        name = algorithm if number == 1 else f"{algorithm}, stage {number}"
        print(
            f"{name}: {len(stage.chosen)} training events, {len(stage.validation)} for validation, "
            f"{sum(p.numel() for p in model.parameters())} parameters",
            file=sys.stderr,
            flush=True,
        )
        columns = _fit_stage(model, events, stage, training, seed, name)
        if len(stages) > 1:
            of_stage: list[float] = [number] * len(columns["epoch"])
            columns = {"stage": of_stage, **columns}
            done = len(history.get("epoch", ()))
            columns["epoch"] = [done + epoch for epoch in columns["epoch"]]
        history = {column: history.get(column, []) + rows for column, rows in columns.items()}
    if stages:
        balance(model, events, stages[-1].chosen)
    return model.eval(), history


def _fit_stage(
    model: Network,
    events: Mapped,
    stage: Stage,
    training: SetTrainingSettings,
    seed: int,
    name: str,
) -> dict[str, list[float]]:
    """Train a network in place on the events of a stage; its history."""

    def read(some: NDArray[np.int64], shuffle: np.random.Generator | None) -> Batches:
        return Batches(events, some, stage.fit.batch_size, targets=model.targets, shuffle=shuffle)

    return fit(
        model,
        batches=lambda shuffle: read(stage.chosen, shuffle),
        validation=lambda: read(stage.validation, None),
        loss=lambda network, batch: network.loss(batch, training),
        settings=stage.fit,
        seed=seed,
        name=name,
    )


def begin_from(path: Path, model: Network, algorithm: str) -> None:
    """Load the weights that a training begins from.

    Raises:
        ConfigurationError: they are of another network, or of another size of it.
        DataError: the file is damaged.
    """
    found = {name: value.shape for name, value in read_arrays(path).items()}
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    wrong = [
        *(f"it has no '{name}'" for name in wanted if name not in found),
        *(f"'{name}' is unknown" for name in found if name not in wanted),
        *(
            f"'{name}' is {found[name]}, not {shape}"
            for name, shape in wanted.items()
            if found.get(name, shape) != shape
        ),
    ]
    if wrong:
        raise ConfigurationError(
            f"{path}: these are not the weights of a network {algorithm} of this size: {wrong[0]}"
            f"{f', and {len(wrong) - 1} more' * (len(wrong) > 1)}.",
            f"Set particleflow.{algorithm}.model to the sizes that they were trained with, or name "
            "the weights of another network.",
        )
    read_weights(path, model)
