"""Point cloud transformer: EdgeConv blocks, then attention between all particles.

Mikuni and Canelli, arXiv:2102.05073, with the offset-attention of Guo et al., arXiv:2012.09688;
the outputs of the attention and what it starts from are joined. EdgeConv is ParticleNet's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from jetchain.core.norm import BatchNorm
from jetchain.core.settings import Widths, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import EdgeConvSettings
from jetchain.tagging.models.particlenet import EdgeConv, nearest
from jetchain.tagging.pairs import compact
from jetchain.tagging.rows import Rows

NEVER = -3e4  # logarithm of the attention to padding


class PCTSettings(EdgeConvSettings):
    """Sizes of the point cloud transformer (arXiv:2102.05073; a small one by default)."""

    channels: list[Widths] = key(
        [[32, 32], [32, 32]], "Widths of the layers of each EdgeConv block.", min_length=1
    )
    attention_layers: int = key(2, "Layers of attention.", ge=1)
    particle: int = key(64, "Width of the last layer of a particle.", ge=1)
    jet: int = key(64, "Width of the layer of a jet.", ge=1)
    dropout: float = key(0.5, "Dropout before the last layer.", ge=0, lt=1)


class PCT(nn.Module):
    """Point cloud transformer.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: neighbours, widths, number of layers, dropout.
    """

    claims = ("permutation",)

    def __init__(self, inputs: int, classes: int, settings: PCTSettings) -> None:
        super().__init__()
        blocks, layers = settings.channels, settings.attention_layers
        self.neighbours = settings.neighbours
        self.edge_convs = nn.ModuleList(
            EdgeConv(a, block)
            for a, block in zip([inputs, *(b[-1] for b in blocks)], blocks, strict=False)
        )
        width = blocks[-1][-1]
        self.attention = nn.ModuleList(OffsetAttention(width) for _ in range(layers))
        joined = (1 + layers) * width
        self.particle = nn.Sequential(
            nn.Linear(joined, settings.particle, bias=False), BatchNorm(settings.particle),
            nn.ReLU(),
        )  # fmt: skip
        self.jet = nn.Sequential(
            nn.Linear(settings.particle, settings.jet), nn.ReLU(),
            nn.Dropout(settings.dropout), nn.Linear(settings.jet, classes),
        )  # fmt: skip

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the features of its particles; (jets, classes)."""
        rows, mask = jets.rows, jets.mask
        real = compact(rows)
        x, points = rows.take(jets.features), jets.points
        for block in self.edge_convs:
            with torch.no_grad():
                near = nearest(points, mask, self.neighbours)  # (jets, particles, k), place in jet
                near = rows.take(rows.number.gather(1, near.flatten(1)).view(*near.shape))
            x = block(x, near)  # (rows, width)
            points = rows.spread(x.detach())
        outputs = [x]
        for layer in self.attention:
            x = layer(x, real)  # (rows, width)
            outputs.append(x)
        x = self.particle(torch.cat(outputs, dim=1))  # (rows, particle)
        return self.jet(rows.total(x) / mask.sum(1, keepdim=True).clamp(min=1))


class OffsetAttention(nn.Module):
    """x + ReLU(norm(linear(what attention gives - x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.narrow = max(width // 4, 1)
        self.project = nn.Linear(width, 2 * self.narrow + width, bias=False)
        self.last = nn.Sequential(nn.Linear(width, width), BatchNorm(width), nn.ReLU())

    def forward(self, x: Tensor, real: Rows) -> Tensor:
        """(rows, width) to the same."""
        projected = real.spread(self.project(x))  # (jets, n, 2 * narrow + width)
        q, k, v = projected.split([self.narrow, self.narrow, x.shape[1]], dim=2)
        weight = (q @ k.mT / math.sqrt(self.narrow)).masked_fill(~real.mask[:, None], NEVER)
        attended = real.take(weight.softmax(dim=2) @ v)
        return x + self.last(attended - x)
