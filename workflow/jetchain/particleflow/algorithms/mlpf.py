"""MLPF: candidate particles at each node, by messages along the edges of the event graph.

The published network builds its graph by learned hashing; here the messages go along the edges of
the graphs room, which join tracks and topoclusters that lie near each other in the calorimeter.

A fifth of the neutral particles share their cluster. A cluster may have several candidates: its
particles in falling energy, of which those that are not none are as many as there are.

Reference: arXiv 2101.08578, which has one candidate an element; several are ours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from jetchain.core.settings import Settings, key
from jetchain.particleflow.batch import EventBatch
from jetchain.particleflow.messages import Message, edge_geometry, head
from jetchain.particleflow.network import FEATURES
from jetchain.particleflow.network_settings import NetworkTrainingSettings
from jetchain.particleflow.node_network import NodeNetwork, beside_own, possible
from jetchain.particleflow.targets import CLASSES, REGRESSION


class MlpfModelSettings(Settings):
    """Size of the network."""

    hidden: int = key(64, "Width of every layer.", ge=4)
    layers: int = key(3, "Rounds of messages along the edges.", ge=1)
    per_cluster: int = key(
        1, "Particles that a cluster may hold; what more there are is merged.", ge=1, le=8
    )


class MlpfSettings(Settings):
    """The MLPF network."""

    model: MlpfModelSettings = key(MlpfModelSettings(), "Size of the network.")
    training: NetworkTrainingSettings = key(NetworkTrainingSettings(), "Its training.")


class MlpfSeveralModelSettings(MlpfModelSettings):
    """Size of the network."""

    per_cluster: int = key(
        3, "Particles that a cluster may hold; what more there are is merged.", ge=1, le=8
    )


class MlpfSeveralSettings(Settings):
    """The MLPF network with several candidates a cluster."""

    model: MlpfSeveralModelSettings = key(MlpfSeveralModelSettings(), "Size of the network.")
    training: NetworkTrainingSettings = key(NetworkTrainingSettings(), "Its training.")


class Mlpf(NodeNetwork):
    """Class and momentum of the candidates at each node, in falling energy."""

    def __init__(self, settings: MlpfModelSettings) -> None:
        super().__init__()
        hidden, self.per_node = settings.hidden, settings.per_cluster
        self.encoder = nn.Sequential(
            nn.Linear(FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )
        self.messages = nn.ModuleList(Message(hidden) for _ in range(settings.layers))
        self.classes = head(hidden, self.per_node * len(CLASSES))
        self.momentum = head(hidden, self.per_node * len(REGRESSION))

    def forward(self, batch: EventBatch) -> tuple[Tensor, Tensor]:
        """Candidates of all nodes; see `NodeNetwork.forward`."""
        scaled = self.scaled(batch.x)  # (nodes, features)
        geometry = edge_geometry(batch.x, batch.edge_index)  # (edges, 4)
        hidden = self.encoder(scaled)  # (nodes, hidden)
        for message in self.messages:
            hidden = message(hidden, batch.edge_index, geometry)
        seen = torch.cat([hidden, scaled], dim=1)  # (nodes, hidden + features)
        x = batch.x.repeat_interleave(self.per_node, dim=0)  # (nodes x per_node, features)
        classes = self.classes(seen).view(len(x), len(CLASSES))
        momentum = self.momentum(seen).view(len(x), len(REGRESSION))
        return possible(classes, x), beside_own(momentum, x)
