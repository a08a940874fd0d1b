"""ParticleNet: EdgeConv blocks over nearest neighbours that are found anew in each block.

Qu and Gouskos, arXiv:1902.08570, with the semantics and the parameter names of weaver-core's
`weaver.nn.model.ParticleNet`: 1 x 1 convolutions are written as linear layers, so its weights load
here once their trailing axes of length 1 are squeezed. Three things differ, none of them in what
an evaluated network gives:

- Only real particles are computed on, in one row each, jet after jet. Padding costs nothing, and
  batch statistics do not see it: a jet gets the same output however far it is padded, in training
  too (weaver-core counts padding as particles in its batch statistics).
- The first layer of a block acts on [x_i, x_j - x_i] with weights [A, B], which is
  (A - B) x_i + B x_j: two products a particle and a look-up, instead of one product an edge.
- A particle is excluded from its own neighbours by its index, not by its rank in distance.
"""

from __future__ import annotations

import contextlib
import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.norm import BatchNorm
from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import EdgeConvSettings
from jetchain.tagging.models.layers import head

FAR = 1e18  # squared distance of padding; as in weaver-core, beyond any particle


class ParticleNetSettings(EdgeConvSettings):
    """Sizes of ParticleNet (arXiv:1902.08570; ParticleNet-Lite by default)."""

    fusion: bool = key(
        False, "Whether a layer joins the outputs of all blocks, as in weaver-core's default."
    )
    fully_connected: list[Width] = key([128], "Widths of the per-jet layers.", min_length=1)
    dropout: float = key(0.1, "Dropout after each per-jet layer.", ge=0, lt=1)


class ParticleNet(nn.Module):
    """ParticleNet; its default sizes are those of ParticleNet-Lite.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: neighbours, widths, dropout.
    """

    claims = ("permutation",)

    def __init__(self, inputs: int, classes: int, settings: ParticleNetSettings) -> None:
        super().__init__()
        self.neighbours = settings.neighbours
        blocks = settings.channels
        self.bn_fts = BatchNorm(inputs)
        self.edge_convs = nn.ModuleList(
            EdgeConv(a, block)
            for a, block in zip([inputs, *(b[-1] for b in blocks)], blocks, strict=False)
        )
        pooled = blocks[-1][-1]
        self.fusion_block: nn.Module | None = None
        if settings.fusion:
            joined = sum(block[-1] for block in blocks)
            pooled = min(max(joined // 128 * 128, 128), 1024)
            self.fusion_block = nn.Sequential(
                nn.Linear(joined, pooled, bias=False), BatchNorm(pooled), nn.ReLU(inplace=True)
            )
        self.fc = head([pooled, *settings.fully_connected], classes, settings.dropout)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the features of its particles; (jets, classes).

        The points are the coordinates of the first neighbour search.
        """
        points, mask, rows = jets.points, jets.mask, jets.rows
        x = self.bn_fts(rows.take(jets.features))  # (rows, features)
        outputs = []
        for block in self.edge_convs:
            with torch.no_grad():
                near = nearest(points, mask, self.neighbours)  # (jets, particles, k), place in jet
                # Padding is given the row after the last, which holds zeros.
                near = rows.number.gather(1, near.flatten(1)).view(*near.shape)
                near = rows.take(near)  # (rows, k), row
            x = block(x, near)
            outputs.append(x)
            points = rows.spread(x.detach())
        if self.fusion_block is not None:
            x = self.fusion_block(torch.cat(outputs, dim=1))
        return self.fc(rows.total(x) / mask.sum(1, keepdim=True).clamp(min=1))


class EdgeConv(nn.Module):
    """Mean over neighbours of a perceptron on (particle, neighbour - particle), plus a shortcut.

    Args:
        inputs: features per particle.
        widths: of the perceptron's layers; the last is the number of outputs.

    Reference:
        arXiv:1902.08570, figure 1; EdgeConv: arXiv:1801.07829, eq. 7.
    """

    def __init__(self, inputs: int, widths: list[int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Linear(a, b, bias=False) for a, b in itertools.pairwise([2 * inputs, *widths])
        )
        self.bns = nn.ModuleList(BatchNorm(width) for width in widths)
        self.sc: nn.Module | None = None
        if inputs != widths[-1]:
            self.sc = nn.Linear(inputs, widths[-1], bias=False)
            self.sc_bn = BatchNorm(widths[-1])

    def forward(self, x: Tensor, near: Tensor) -> Tensor:
        """New features of each particle.

        Args:
            x: (rows, features).
            near: (rows, k), rows of the neighbours; the row after the last stands for zeros.

        Returns:
            (rows, widths[-1]).
        """
        rows, k = near.shape
        a, b = self.convs[0].weight.chunk(2, dim=1)
        centre = F.linear(x, a - b)
        neighbour = F.pad(F.linear(x, b), (0, 0, 0, 1))  # (rows + 1, width)
        edges = neighbour.index_select(0, near.flatten()).view(rows, k, len(a)) + centre[:, None]
        edges = F.relu_(self.bns[0](edges.flatten(0, 1)))  # (rows * k, width)
        for linear, norm in zip(self.convs[1:], self.bns[1:], strict=True):
            edges = F.relu_(norm(linear(edges)))
        shortcut = x if self.sc is None else self.sc_bn(self.sc(x))
        return F.relu_(edges.view(rows, k, edges.shape[1]).mean(dim=1) + shortcut)


def nearest(points: Tensor, mask: Tensor, k: int) -> Tensor:
    """The k nearest other particles of each particle; padding comes last.

    Args:
        points: (jets, particles, coordinates).
        mask: (jets, particles), bool, False where padded.
        k: number of neighbours, smaller than the number of places.

    Returns:
        (jets, particles, k), places in the jet, in no particular order.
    """
    # With 16 bits, in which the network may be trained, neighbours could not be told apart.
    device = points.device.type
    sixteen = torch.is_autocast_enabled(device)
    with torch.autocast(device, enabled=False) if sixteen else contextlib.nullcontext():
        points = points.float()
        square = points.square().sum(dim=2)
        # |x_j|^2 - 2 x_i x_j orders the x_j as |x_i - x_j|^2 does.
        distance = torch.baddbmm(square[:, None, :], points, points.mT, alpha=-2)
    distance = distance.masked_fill(~mask[:, None, :], FAR)
    itself = torch.eye(points.shape[1], dtype=torch.bool, device=points.device)
    return distance.masked_fill_(itself, torch.inf).topk(k, largest=False, sorted=False).indices
