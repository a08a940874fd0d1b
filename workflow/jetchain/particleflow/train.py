"""Train MLPF on event graphs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from jetchain.core.errors import EmptySampleError
from jetchain.core.graphs import EventGraph, event_graphs
from jetchain.core.io.tables import write_csv, write_json
from jetchain.core.io.tensors import read_tensors, write_weights
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.seeds import generator, make_deterministic
from jetchain.core.training import fit, minibatches
from jetchain.core.verbs import Inputs, Output
from jetchain.particleflow.mlpf_settings import MlpfSettings, MlpfTrainingSettings
from jetchain.particleflow.models.mlpf import COLUMN, Mlpf
from jetchain.particleflow.targets import NONE, node_targets

# Of log pT, log E, eta, sin phi, cos phi (jpata/particleflow).
REGRESSION_WEIGHTS = (1.0, 1.0, 0.01, 0.01, 0.01)


def train(
    *,
    graphs: Inputs,
    weights: Output,
    history: Output,
    targets: Output,
    settings: MlpfSettings,
    seed: int,
) -> None:
    """Train MLPF on the events of the graph files that are not held out for the evaluation.

    Args:
        graphs: event graphs (EVENT_GRAPHS), one file a shard.
        weights: safetensors of the best epoch.
        history: CSV, one row an epoch.
        targets: JSON: where the true particles of the training events went.
        settings: network and training.
        seed: of the initial weights, the split and the shuffling.

    Raises:
        EmptySampleError: a file has no event beyond those held out.
    """
    examples, counts = read_examples(graphs, settings.training)
    model, columns = fit_mlpf(examples, settings, seed)
    write_json(targets, counts)
    write_csv(history, columns)
    write_weights(weights, model)


def read_examples(
    files: Sequence[Path], settings: MlpfTrainingSettings
) -> tuple[list[EventGraph], dict[str, int]]:
    """The training events of graph files, and the counts of `node_targets` over whole files."""
    examples: list[EventGraph] = []
    counts: dict[str, int] = {}
    for path in files:
        arrays = read_tensors(path, EVENT_GRAPHS)
        assigned = node_targets(arrays)
        for name, number in assigned.counts.items():
            counts[name] = counts.get(name, 0) + number
        chosen = slice(settings.held_out, settings.held_out + settings.max_events)
        graphs = with_targets(arrays, assigned.label, assigned.regression)[chosen]
        if not graphs:
            raise EmptySampleError(
                f"{path}: {len(arrays['number'])} events, none beyond the first "
                f"{settings.held_out}, which are held out for the evaluation.",
                "Lower particleflow.mlpf.training.held_out, or generate more events in a shard.",
            )
        examples += graphs
    return examples, counts


def with_targets(
    arrays: dict[str, np.ndarray], label: np.ndarray, regression: np.ndarray
) -> list[EventGraph]:
    """The graphs of a file with `label` (nodes,) and `regression` (nodes, 5) of each node."""
    graphs = event_graphs(arrays)
    for row, graph in enumerate(graphs):
        start, stop = arrays["node_offset"][row : row + 2]
        graph.label = torch.from_numpy(label[start:stop])
        graph.regression = torch.from_numpy(regression[start:stop])
    return graphs


def fit_mlpf(
    examples: list[EventGraph], settings: MlpfSettings, seed: int
) -> tuple[Mlpf, dict[str, list[float]]]:
    """Train a network on graphs with targets; returns it and the history of its training."""
    training = settings.training
    make_deterministic(seed, training.fit.threads)
    order = generator(seed, "split").permutation(len(examples))
    held = max(1, round(training.validation_fraction * len(examples)))
    validation = [examples[index] for index in order[:held]]
    chosen = [examples[index] for index in order[held:]]
    if not chosen:
        raise EmptySampleError(
            f"MLPF: {len(examples)} event is too few for training and validation.",
            "Raise particleflow.mlpf.training.max_events, or generate more events.",
        )
    model = Mlpf(settings.model)
    model.standardise(torch.cat([graph.x for graph in chosen]))
    print(
        f"mlpf: {len(chosen)} training events, {held} for validation, "
        f"{sum(p.numel() for p in model.parameters())} parameters",
        file=sys.stderr,
        flush=True,
    )

    def batches(graphs: list[EventGraph], shuffle: np.random.Generator | None) -> Iterable[Batch]:
        for rows in minibatches(len(graphs), training.fit.batch_size, shuffle):
            yield join([graphs[row] for row in rows])

    columns = fit(
        model,
        batches=lambda shuffle: batches(chosen, shuffle),
        validation=lambda: batches(validation, None),
        loss=partial(mlpf_loss, settings=training),
        settings=training.fit,
        seed=seed,
        name="mlpf",
    )
    return model, columns


def join(graphs: list[EventGraph]) -> Batch:
    """A batch of graphs without what the network does not need."""
    names = {"x", "edge_index", "label", "regression"}
    excluded = [name for name in graphs[0].keys() if name not in names]  # noqa: SIM118
    return Batch.from_data_list(graphs, exclude_keys=excluded)


def mlpf_loss(
    model: nn.Module, batch: Batch, *, settings: MlpfTrainingSettings
) -> tuple[Tensor, int]:
    """Focal loss of the classes, and squared errors of the momenta of neutral particles.

    Charged particles keep the momentum of their track, so theirs is not learned.

    Returns:
        The mean loss, and the number of nodes.

    Reference: arXiv 2101.08578; focal loss arXiv 1708.02002, Eq. 4.
    """
    logits, regression = model(batch.x, batch.edge_index)
    log_probability = torch.log_softmax(logits, dim=1).gather(1, batch.label[:, None])[:, 0]
    focal = -((1 - log_probability.exp()) ** settings.focal_gamma) * log_probability
    neutral = (batch.x[:, COLUMN["is_topo"]] > 0) & (batch.label != NONE)
    error = (regression - batch.regression)[neutral] ** 2
    error = error * error.new_tensor(REGRESSION_WEIGHTS)
    momentum = error.sum() / max(1, int(neutral.sum()))
    return focal.mean() + settings.regression_weight * momentum, len(batch.label)
