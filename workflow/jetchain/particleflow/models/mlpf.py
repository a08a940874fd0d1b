"""MLPF: one candidate particle a node, by messages along the edges of the event graph.

The published network builds its graph by learned hashing; here the messages go along the edges of
the graphs room, which join tracks and topoclusters that lie near each other in the calorimeter.

Reference: arXiv 2101.08578.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from jetchain.core.schema.graphs import EVENT_GRAPH_FEATURES
from jetchain.particleflow.mlpf_settings import MlpfModelSettings
from jetchain.particleflow.targets import CLASSES, REGRESSION

FEATURES = len(EVENT_GRAPH_FEATURES)
COLUMN = {name: index for index, name in enumerate(EVENT_GRAPH_FEATURES)}
GEOMETRY = 4  # numbers that describe an edge
SCALE = 0.1  # of the distances in eta and phi along an edge

# Columns with tails of many powers of ten: asinh keeps their sign and small values.
LONG_TAILED = [COLUMN["d0_significance"], COLUMN["z0_significance"]]
ON_TRACKS = [name in ("none", "charged_hadron", "electron", "muon") for name in CLASSES]
ON_TOPOS = [name in ("none", "neutral_hadron", "photon") for name in CLASSES]


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
        """The message of each edge; all (edges, hidden)."""
        return torch.relu(centre_i + neighbour_j + geometry)


class Mlpf(nn.Module):
    """Class and momentum of the candidate at each node."""

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, settings: MlpfModelSettings) -> None:
        super().__init__()
        hidden = settings.hidden
        self.register_buffer("feature_mean", torch.zeros(FEATURES))
        self.register_buffer("feature_scale", torch.ones(FEATURES))
        self.encoder = nn.Sequential(
            nn.Linear(FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )
        self.messages = nn.ModuleList(Message(hidden) for _ in range(settings.layers))
        self.classes = _head(hidden, len(CLASSES))
        self.momentum = _head(hidden, len(REGRESSION))

    def standardise(self, x: Tensor) -> None:
        """Take mean and spread of the features from training nodes; x: (nodes, features)."""
        x = _compress(x).double()
        self.feature_mean.copy_(x.mean(dim=0))
        spread = x.std(dim=0, correction=0)
        self.feature_scale.copy_(torch.where(spread > 1e-6, spread, 1.0))

    def forward(self, x: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
        """Candidates of all nodes.

        Args:
            x: node features, see EVENT_GRAPH_FEATURES; (nodes, features).
            edge_index: source, target; (2, edges).

        Returns:
            Logits of CLASSES, those that the node's kind excludes at the smallest float,
            (nodes, classes); and REGRESSION, (nodes, 5), where eta, sin phi and cos phi are
            learned as differences from the node's own.
        """
        scaled = (_compress(x) - self.feature_mean) / self.feature_scale  # (nodes, features)
        geometry = edge_geometry(x, edge_index)  # (edges, 4)
        hidden = self.encoder(scaled)  # (nodes, hidden)
        for message in self.messages:
            hidden = message(hidden, edge_index, geometry)
        seen = torch.cat([hidden, scaled], dim=1)  # (nodes, hidden + features)
        is_track = x[:, COLUMN["is_track"], None] > 0
        allowed = torch.where(
            is_track, *(torch.tensor([each], device=x.device) for each in (ON_TRACKS, ON_TOPOS))
        )
        logits = self.classes(seen)
        logits = logits.masked_fill(~allowed, torch.finfo(logits.dtype).min)
        regression = self.momentum(seen)
        own = x[:, [COLUMN["eta"], COLUMN["sin_phi"], COLUMN["cos_phi"]]]
        return logits, torch.cat([regression[:, :2], own + regression[:, 2:]], dim=1)


def edge_geometry(x: Tensor, edge_index: Tensor) -> Tensor:
    """Where the neighbour lies, seen from the centre, at the calorimeter; (edges, 4).

    Differences in eta and phi and dR in units of SCALE, and the logarithm of the energy ratio.
    """
    source, target = edge_index
    eta, energy = x[:, COLUMN["eta_calo"]], x[:, COLUMN["log_energy_gev"]]
    phi = torch.atan2(x[:, COLUMN["sin_phi_calo"]], x[:, COLUMN["cos_phi_calo"]])
    d_eta = eta[source] - eta[target]
    d_phi = torch.remainder(phi[source] - phi[target] + torch.pi, 2 * torch.pi) - torch.pi
    return torch.stack(
        [
            d_eta / SCALE,
            d_phi / SCALE,
            torch.hypot(d_eta, d_phi) / SCALE,
            energy[source] - energy[target],
        ],
        dim=1,
    )


def _compress(x: Tensor) -> Tensor:
    x = x.clone()
    x[:, LONG_TAILED] = torch.asinh(x[:, LONG_TAILED])
    return x


def _head(hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(hidden + FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )
