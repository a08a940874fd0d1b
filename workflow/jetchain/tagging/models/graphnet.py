"""A small network of one kind of layers on the graph of nearest neighbours.

The three flavours of message passing (Bronstein et al., arXiv:2104.13478) and the
general block that has them all (Battaglia et al., arXiv:1806.01261, algorithm 1), as layers of
PyTorch Geometric:

- convolution: neighbours with fixed weights (`GCNConv`, arXiv:1609.02907);
- attention: with weights that follow from both particles (`GATv2Conv`, arXiv:2105.14491);
- message: any function of both (`EdgeConv`, arXiv:1801.07829);
- block: edges, particles and the jet as a whole are updated in turn (`MetaLayer`).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch_geometric.nn import EdgeConv, GATv2Conv, GCNConv, MetaLayer
from torch_geometric.utils import scatter

from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import NeighbourSettings
from jetchain.tagging.models.layers import head
from jetchain.tagging.models.particlenet import nearest

Flavour = Literal["convolution", "attention", "message", "block"]


class GraphNetSettings(NeighbourSettings):
    """Kind and sizes of the layers."""

    flavour: Flavour = key("block", "Kind of the layers.")
    width: int = key(32, "Width of all layers.", ge=1)
    layers: int = key(2, "Number of layers.", ge=1)


class ConvolutionSettings(GraphNetSettings):
    """The convolutional flavour."""

    flavour: Flavour = key("convolution", "Kind of the layers.")


class AttentionSettings(GraphNetSettings):
    """The attentional flavour."""

    flavour: Flavour = key("attention", "Kind of the layers.")


class MessageSettings(GraphNetSettings):
    """The message-passing flavour."""

    flavour: Flavour = key("message", "Kind of the layers.")


class GraphNet(nn.Module):
    """Layers of one flavour, with a shortcut around each.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: flavour, neighbours, width and number of layers.
    """

    claims = ("permutation",)

    def __init__(self, inputs: int, classes: int, settings: GraphNetSettings) -> None:
        super().__init__()
        width, self.neighbours = settings.width, settings.neighbours
        self.embed = head([inputs, width], width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(settings.layers))
        kind = LAYERS[settings.flavour]
        self.layers = nn.ModuleList(kind(width) for _ in range(settings.layers))
        self.head = head([width, width], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the features of its particles; (jets, classes)."""
        rows = jets.rows
        # The row and the jet after the last are what padding belongs to.
        edges = self._edges(jets)  # (2, edges)
        jet = torch.arange(rows.jets, device=edges.device)[:, None].expand(jets.mask.shape)
        jet = rows.take(jet.masked_fill(~jets.mask, rows.jets))
        jet = torch.cat([jet, jet.new_full((1,), rows.jets)])  # (rows + 1,)
        x = self.embed(rows.take(jets.features))  # (rows, width)
        points = torch.cat([rows.take(jets.points), x.new_zeros(1, 2)])
        edge = points[edges[0]] - points[edges[1]]  # (edges, 2)
        whole = x.new_zeros(rows.jets + 1, x.shape[1])  # (jets + 1, width)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            given = torch.cat([norm(x), x.new_zeros(1, x.shape[1])])
            new, edge, whole = layer(given, edges, edge, whole, jet)
            x = x + torch.relu(new[:-1])
        mean = rows.total(x) / jets.mask.sum(1, keepdim=True).clamp(min=1)
        return self.head(mean + whole[:-1])

    def _edges(self, jets: Jets) -> Tensor:
        """From each neighbour to each particle; (2, rows * neighbours).

        Where one of the two is padding the edge leads from the row after the last to itself.
        """
        rows = jets.rows
        near = nearest(jets.points, jets.mask, self.neighbours)
        near = rows.take(rows.number.gather(1, near.flatten(1)).view(*near.shape))
        itself = rows.take(rows.number)[:, None].expand(near.shape)
        outside = (near == rows.count) | (itself == rows.count)
        return torch.stack([near, itself]).masked_fill(outside, rows.count).flatten(1)


class Nodes(nn.Module):
    """A layer that changes particles only, with the arguments of a `MetaLayer`."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self, x: Tensor, edges: Tensor, edge: Tensor, whole: Tensor, jet: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x: (rows + 1, width), to the same."""
        return self.layer(x, edges), edge, whole


class EdgeModel(nn.Module):
    """New values of the edges, from both ends, where one lies from the other, and the jet."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = head([3 * width + 2, width], width)

    def forward(
        self, source: Tensor, target: Tensor, edge: Tensor, whole: Tensor, jet: Tensor
    ) -> Tensor:
        """To (edges, 2 + width): where the source lies stays beside what is new.

        Args:
            source, target: the particles at both ends; (edges, width).
            edge: (edges, 2) or (edges, 2 + width).
            whole: (jets + 1, width).
            jet: of each edge; (edges,).
        """
        apart = edge[:, :2]
        return torch.cat(
            [apart, self.layers(torch.cat([source, target, apart, whole[jet]], dim=1))], dim=1
        )


class NodeModel(nn.Module):
    """New particles, from the mean of the edges that lead to them, themselves and the jet."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = head([3 * width, width], width)

    def forward(self, x: Tensor, edges: Tensor, edge: Tensor, whole: Tensor, jet: Tensor) -> Tensor:
        """x: (rows + 1, width), to the same."""
        heard = scatter(edge[:, 2:], edges[1], 0, x.shape[0], "mean")
        return self.layers(torch.cat([x, heard, whole[jet]], dim=1))


class JetModel(nn.Module):
    """The new jet, from the means of its particles and its edges, and itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = head([3 * width, width], width)

    def forward(self, x: Tensor, edges: Tensor, edge: Tensor, whole: Tensor, jet: Tensor) -> Tensor:
        """whole: (jets + 1, width), to the same."""
        number = whole.shape[0]
        particles = scatter(x, jet, 0, number, "mean")
        between = scatter(edge[:, 2:], jet[edges[1]], 0, number, "mean")
        return self.layers(torch.cat([whole, particles, between], dim=1))


LAYERS = {
    "convolution": lambda width: Nodes(GCNConv(width, width, add_self_loops=False)),
    "attention": lambda width: Nodes(GATv2Conv(width, width, add_self_loops=False)),
    "message": lambda width: Nodes(EdgeConv(head([2 * width, width], width), aggr="mean")),
    "block": lambda width: MetaLayer(EdgeModel(width), NodeModel(width), JetModel(width)),
}
