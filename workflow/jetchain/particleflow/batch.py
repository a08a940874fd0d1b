"""Events as the networks see them: some graphs as one, read from graph files as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jetchain.core.io.mapped import Mapped
from jetchain.core.training import minibatches

NODES = ("node_offset", "edge_offset", "node_features", "node_momentum", "edge_index")
TRUTH = (
    "particle_offset", "incidence_offset", "particle", "particle_label", "particle_charge",
    "incidence_index", "incidence_weight",
)  # fmt: skip

TargetsOf = Callable[[Any], dict[str, Tensor]]
"""From the arrays NODES and TRUTH of some events."""


@dataclass(frozen=True)
class EventBatch:
    """The tracks and topoclusters of some events: one graph, without an edge between two events.

    Attributes:
        x: node features, see EVENT_GRAPH_FEATURES; (nodes, features).
        momentum: px, py, pz, e of the track or cluster, GeV; (nodes, 4).
        edge_index: source, target, counted through the batch; (2, edges).
        event: which event of the batch a node belongs to; (nodes,).
        targets: what the network that asked for them should answer (`Network.targets`).
    """

    x: Tensor
    momentum: Tensor
    edge_index: Tensor
    event: Tensor
    targets: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.x)

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        return type(self)(
            self.x.to(device),
            self.momentum.to(device),
            self.edge_index.to(device),
            self.event.to(device),
            {name: value.to(device) for name, value in self.targets.items()},
        )


def batch_of(arrays: Mapping[str, NDArray[Any]], targets: TargetsOf | None = None) -> EventBatch:
    """A batch of all events of the arrays.

    Args:
        arrays: NODES of EVENT_GRAPHS, and TRUTH if there are targets.
        targets: makes them of the arrays.
    """
    nodes, edges = (np.diff(arrays[f"{name}_offset"]) for name in ("node", "edge"))
    start = np.repeat(arrays["node_offset"][:-1], edges)
    return EventBatch(
        x=torch.from_numpy(arrays["node_features"]),
        momentum=torch.from_numpy(arrays["node_momentum"]),
        edge_index=torch.from_numpy(arrays["edge_index"] + start),
        event=torch.from_numpy(np.repeat(np.arange(len(nodes)), nodes)),
        targets={} if targets is None else targets(arrays),
    )


@dataclass(frozen=True)
class Batches:
    """The events of some rows, each once, read as they are asked for.

    Attributes:
        events: EVENT_GRAPHS.
        rows: numbers of events; (rows,).
        size: events in a batch.
        targets: see `batch_of`.
        shuffle: draws the order, across all files; that of `rows` if not given.
    """

    events: Mapped
    rows: NDArray[np.integer]
    size: int
    targets: TargetsOf | None = field(default=None, kw_only=True)
    shuffle: np.random.Generator | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        """The number of batches: nothing is read for it."""
        return -(-len(self.rows) // self.size)

    def __iter__(self) -> Iterator[EventBatch]:
        names = NODES if self.targets is None else (*NODES, *TRUTH)
        for part in minibatches(len(self.rows), self.size, self.shuffle):
            yield batch_of(self.events.rows(self.rows[part], names), self.targets)
