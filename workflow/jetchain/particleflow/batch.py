"""Events as the networks see them: some graphs as one, read from graph files as they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jetchain.core.io.mapped import Mapped
from jetchain.core.training import minibatches
from jetchain.particleflow.targets import node_targets

NODES = ("node_offset", "edge_offset", "node_features", "node_momentum", "edge_index")
TRUTH = (
    "particle_offset", "incidence_offset", "particle", "particle_label", "particle_charge",
    "incidence_index", "incidence_weight",
)  # fmt: skip


@dataclass(frozen=True)
class EventBatch:
    """The tracks and topoclusters of some events: one graph, without an edge between two events.

    Attributes:
        x: node features, see EVENT_GRAPH_FEATURES; (nodes, features).
        momentum: px, py, pz, e of the track or cluster, GeV; (nodes, 4).
        edge_index: source, target, counted through the batch; (2, edges).
        event: which event of the batch a node belongs to; (nodes,).
        label: true class, index into CLASSES; (nodes,), None where there is no truth.
        regression: true REGRESSION; (nodes, 5), likewise.
    """

    x: Tensor
    momentum: Tensor
    edge_index: Tensor
    event: Tensor
    label: Tensor | None = None
    regression: Tensor | None = None

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.x)

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        moved = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self)(
            **{name: None if value is None else value.to(device) for name, value in moved.items()}
        )


def batch_of(arrays: dict[str, NDArray[Any]], truth: bool = False) -> EventBatch:
    """A batch of all events of the arrays.

    Args:
        arrays: NODES of EVENT_GRAPHS, and TRUTH if it is wanted.
        truth: whether to assign the true particles to the nodes (`node_targets`).
    """
    nodes, edges = (np.diff(arrays[f"{name}_offset"]) for name in ("node", "edge"))
    start = np.repeat(arrays["node_offset"][:-1], edges)
    targets = node_targets(arrays) if truth else None
    return EventBatch(
        x=torch.from_numpy(arrays["node_features"]),
        momentum=torch.from_numpy(arrays["node_momentum"]),
        edge_index=torch.from_numpy(arrays["edge_index"] + start),
        event=torch.from_numpy(np.repeat(np.arange(len(nodes)), nodes)),
        label=None if targets is None else torch.from_numpy(targets.label),
        regression=None if targets is None else torch.from_numpy(targets.regression),
    )


@dataclass(frozen=True)
class Batches:
    """The events of some rows, each once, read as they are asked for.

    Attributes:
        events: EVENT_GRAPHS.
        rows: numbers of events; (rows,).
        size: events in a batch.
        truth: see `batch_of`.
        shuffle: draws the order, across all files; that of `rows` if not given.
    """

    events: Mapped
    rows: NDArray[np.integer]
    size: int
    truth: bool = field(default=False, kw_only=True)
    shuffle: np.random.Generator | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        """The number of batches: nothing is read for it."""
        return -(-len(self.rows) // self.size)

    def __iter__(self) -> Iterator[EventBatch]:
        names = (*NODES, *TRUTH) if self.truth else NODES
        for part in minibatches(len(self.rows), self.size, self.shuffle):
            yield batch_of(self.events.rows(self.rows[part], names), self.truth)
