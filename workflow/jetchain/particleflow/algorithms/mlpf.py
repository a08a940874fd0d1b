"""MLPF: one candidate particle a node, by messages along the edges of the event graph.

The published network builds its graph by learned hashing; here the messages go along the edges of
the graphs room, which join tracks and topoclusters that lie near each other in the calorimeter.

Reference: arXiv 2101.08578.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from jetchain.core.kinematics import delta_phi
from jetchain.core.settings import Settings, key
from jetchain.particleflow.batch import EventBatch
from jetchain.particleflow.network import COLUMN, FEATURES, Network, beside_own, possible
from jetchain.particleflow.network_settings import NetworkTrainingSettings
from jetchain.particleflow.targets import CLASSES, REGRESSION

GEOMETRY = 4  # numbers that describe an edge
SCALE = 0.1  # of the distances in eta and phi along an edge


class MlpfModelSettings(Settings):
    """Size of the network."""

    hidden: int = key(64, "Width of every layer.", ge=4)
    layers: int = key(3, "Rounds of messages along the edges.", ge=1)


class MlpfSettings(Settings):
    """The MLPF network."""

    model: MlpfModelSettings = key(MlpfModelSettings(), "Size of the network.")
    training: NetworkTrainingSettings = key(NetworkTrainingSettings(), "Its training.")


class Message(MessagePassing):
    """One round: each node hears the sum of its neighbours' messages and updates itself.

    m_ij = relu(A x_i + B x_j + C g_ij), x_i' = x_i + MLP([norm(x_i), norm(sum_j m_ij)])

    The sum, not a mean: the energies of the tracks that reach a cluster add up.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__(aggr="sum")
        self.norm = nn.LayerNorm(hidden)
        self.centre = nn.Linear(hidden, hidden)
        self.neighbour = nn.Linear(hidden, hidden, bias=False)
        self.geometry = nn.Linear(GEOMETRY, hidden, bias=False)
        self.heard = nn.LayerNorm(hidden)
        self.update_node = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )

    def forward(self, x: Tensor, edge_index: Tensor, geometry: Tensor) -> Tensor:
        """x: (nodes, hidden), edge_index: (2, edges), geometry: (edges, 4) -> (nodes, hidden)."""
        normed = self.norm(x)
        heard = self.propagate(
            edge_index,
            centre=self.centre(normed),
            neighbour=self.neighbour(normed),
            geometry=self.geometry(geometry),
        )
        return x + self.update_node(torch.cat([normed, self.heard(heard)], dim=1))

    def message(self, centre_i: Tensor, neighbour_j: Tensor, geometry: Tensor) -> Tensor:
        """The message of each edge; all (edges, hidden).

        The first is made for this call, and nobody else has it: in its place the sum takes no fresh
        memory, which costs as much as the sum itself.
        """
        return centre_i.add_(neighbour_j).add_(geometry).relu_()


class Mlpf(Network):
    """Class and momentum of the candidate at each node."""

    def __init__(self, settings: MlpfModelSettings) -> None:
        super().__init__()
        hidden = settings.hidden
        self.encoder = nn.Sequential(
            nn.Linear(FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )
        self.messages = nn.ModuleList(Message(hidden) for _ in range(settings.layers))
        self.classes = _head(hidden, len(CLASSES))
        self.momentum = _head(hidden, len(REGRESSION))

    def forward(self, batch: EventBatch) -> tuple[Tensor, Tensor]:
        """Candidates of all nodes; see `Network.forward`."""
        scaled = self.scaled(batch.x)  # (nodes, features)
        geometry = edge_geometry(batch.x, batch.edge_index)  # (edges, 4)
        hidden = self.encoder(scaled)  # (nodes, hidden)
        for message in self.messages:
            hidden = message(hidden, batch.edge_index, geometry)
        seen = torch.cat([hidden, scaled], dim=1)  # (nodes, hidden + features)
        return possible(self.classes(seen), batch.x), beside_own(self.momentum(seen), batch.x)


def edge_geometry(x: Tensor, edge_index: Tensor) -> Tensor:
    """Where the neighbour lies, seen from the centre, at the calorimeter; (edges, 4).

    Differences in eta and phi and dR in units of SCALE, and the logarithm of the energy ratio.
    """
    source, target = edge_index
    eta, energy = x[:, COLUMN["eta_calo"]], x[:, COLUMN["log_energy_gev"]]
    phi = torch.atan2(x[:, COLUMN["sin_phi_calo"]], x[:, COLUMN["cos_phi_calo"]])
    d_eta = eta[source] - eta[target]
    d_phi = delta_phi(phi[source], phi[target])
    return torch.stack(
        [
            d_eta / SCALE,
            d_phi / SCALE,
            torch.hypot(d_eta, d_phi) / SCALE,
            energy[source] - energy[target],
        ],
        dim=1,
    )


def _head(hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(hidden + FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )
