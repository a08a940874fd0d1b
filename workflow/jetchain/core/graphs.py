"""Graph files as PyTorch Geometric data: one `Data` an event or a jet.

The tensors, but for those of indices, are views of the file's arrays, so that a list of graphs
costs little memory; batch them with ``torch_geometric.data.Batch.from_data_list``.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.graphs import EVENT_GRAPHS, JET_GRAPHS

INDICES = ("edge_index", "incidence_index", "particle_label")
"""What torch counts with."""


class EventGraph(Data):
    """A graph of tracks and topoclusters, with the truth.

    Attributes (see EVENT_GRAPHS for columns and units):
        x: node features; (nodes, features).
        edge_index: source, target; (2, edges).
        momentum: px, py, pz, e of the nodes; (nodes, 4).
        track: d0, z0, d0_err, z0_err; (nodes, 4).
        origin: track index or topocluster idx (from 1); (nodes,).
        particle: pt, eta, phi, e of the truth; (particles, 4).
        particle_label, particle_charge: (particles,).
        incidence_index: particle, node; (2, incidences).
        incidence_weight: (incidences,).
        number, weight: of the event; (1,).
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """What the next graph of a batch adds to an index: particles and nodes before it."""
        if key == "incidence_index":
            return torch.tensor([[len(self.particle)], [len(self.x)]])
        return super().__inc__(key, value, *args, **kwargs)


def read_event_graphs(path: Path) -> list[EventGraph]:
    """The event graphs of a file, in the order of its events.

    Raises:
        DataError: the file is missing, damaged or of another kind.
    """
    return event_graphs(read_tensors(path, EVENT_GRAPHS))


def event_graphs(arrays: dict[str, NDArray[Any]]) -> list[EventGraph]:
    """The arrays of EVENT_GRAPHS as one graph an event."""
    tensors = _tensors(arrays)
    nodes, edges, particles, incidences = (
        [slice(*pair) for pair in itertools.pairwise(arrays[f"{name}_offset"].tolist())]
        for name in ("node", "edge", "particle", "incidence")
    )
    return [
        EventGraph(
            x=tensors["node_features"][nodes[row]],
            edge_index=tensors["edge_index"][:, edges[row]],
            momentum=tensors["node_momentum"][nodes[row]],
            track=tensors["node_track"][nodes[row]],
            origin=tensors["node_index"][nodes[row]],
            particle=tensors["particle"][particles[row]],
            particle_label=tensors["particle_label"][particles[row]],
            particle_charge=tensors["particle_charge"][particles[row]],
            incidence_index=tensors["incidence_index"][:, incidences[row]],
            incidence_weight=tensors["incidence_weight"][incidences[row]],
            number=tensors["number"][row : row + 1],
            weight=tensors["weight"][row : row + 1],
        )
        for row in range(len(nodes))
    ]


def read_jet_graphs(path: Path) -> list[Data]:
    """The jet graphs of a file, in its order.

    Raises:
        DataError: the file is missing, damaged or of another kind.
    """
    return jet_graphs(read_tensors(path, JET_GRAPHS))


def jet_graphs(arrays: dict[str, NDArray[Any]]) -> list[Data]:
    """The arrays of JET_GRAPHS as one graph a jet.

    Returns:
        Data with x (constituents, columns), edge_index (2, edges), y (1,) the label, jet
        (1, columns), weight (1,), event_number (1,) and jet_position (1,), its index in its event.
    """
    tensors = _tensors(arrays)
    nodes, edges = arrays["constituent_offset"].tolist(), arrays["edge_offset"].tolist()
    return [
        Data(
            x=tensors["constituents"][nodes[row] : nodes[row + 1]],
            edge_index=tensors["edge_index"][:, edges[row] : edges[row + 1]],
            y=tensors["label"][row : row + 1],
            jet=tensors["jet"][row : row + 1],
            weight=tensors["weight"][row : row + 1],
            event_number=tensors["event_number"][row : row + 1],
            jet_position=tensors["jet_index"][row : row + 1],
        )
        for row in range(len(tensors["label"]))
    ]


def _tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    return {
        # In files they are narrow; torch counts with 64 bits.
        name: torch.from_numpy(np.ascontiguousarray(array, np.int64 if name in INDICES else None))
        for name, array in arrays.items()
    }
