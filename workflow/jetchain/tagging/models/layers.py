"""What several taggers are made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.tagging.batches import Jets


def dense(widths: Sequence[int], dropout: float | None = None) -> list[nn.Sequential]:
    """Fully connected layers with ReLU, and dropout if its rate is given.

    Args:
        widths: of the input, and of each layer.
        dropout: its rate.
    """
    after = [] if dropout is None else [dropout]
    return [
        nn.Sequential(nn.Linear(a, b), nn.ReLU(), *map(nn.Dropout, after))
        for a, b in itertools.pairwise(widths)
    ]


class Dropout(nn.Dropout):
    """Sets a share of the numbers to zero in the training, and scales the others up for it.

    In a quarter of the time: of one draw of the generator come the bits of four numbers, 16 each,
    to which the share is rounded.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Numbers of any shape."""
        dropped = round(self.p * 2**16)  # of the values of 16 bits
        if not self.training or not dropped:
            return x
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        bits = draws.random_(-(2**63), None).view(torch.int16)[: x.numel()].view(x.shape)
        kept = (bits >= dropped - 2**15).to(x.dtype)
        return x * kept.mul_(2**16 / (2**16 - dropped))


def head(widths: Sequence[int], classes: int, dropout: float | None = None) -> nn.Sequential:
    """Fully connected layers, then one number a class; arguments of `dense`."""
    return nn.Sequential(*dense(widths, dropout), nn.Linear(widths[-1], classes))


def leading(jets: Jets, particles: int) -> Tensor:
    """Features of the first particles of each jet, 0 where it has fewer.

    Args:
        jets: a batch.
        particles: how many.

    Returns:
        (jets, particles, features).
    """
    features = jets.features[:, :particles] * jets.mask[:, :particles, None]
    return F.pad(features, (0, 0, 0, particles - features.shape[1]))


def share_of_pt(jets: Jets) -> Tensor:
    """Share of each particle in the sum of the pT of its jet; (jets, particles), 0 where padded."""
    pt = jets.momentum[..., :2].norm(dim=2) * jets.mask
    return pt / pt.sum(dim=1, keepdim=True).clamp(min=1e-12)
