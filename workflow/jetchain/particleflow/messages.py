"""Messages along the edges of an event graph, which several networks of particle flow share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from jetchain.core.kinematics import delta_phi
from jetchain.particleflow.along_edges import messages
from jetchain.particleflow.network import COLUMN, FEATURES

GEOMETRY = 4  # numbers that describe an edge
SCALE = 0.1  # of the distances in eta and phi along an edge


class Message(nn.Module):
    """One round: each node hears the sum of its neighbours' messages and updates itself.

    m_ij = relu(A x_i + B x_j + C g_ij), x_i' = x_i + MLP([norm(x_i), norm(sum_j m_ij)])

    The sum, not a mean: the energies of the tracks that reach a cluster add up.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
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
        heard = messages(
            self.centre(normed), self.neighbour(normed), geometry, self.geometry.weight, edge_index
        )
        return x + self.update_node(torch.cat([normed, self.heard(heard)], dim=1))


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


def head(hidden: int, outputs: int) -> nn.Sequential:
    """Two layers on what a node has heard beside its own features."""
    return nn.Sequential(
        nn.Linear(hidden + FEATURES, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )


def precise(x: Tensor) -> Tensor:
    """The same in 32 bits or more: with the 16 of autocast numbers near 1 or beyond 65504 end."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
