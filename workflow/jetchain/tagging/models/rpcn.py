"""rPCN: the particles of a jet, weighted and summed by filters that are turned about its axis.

Shimmin, arXiv:2107.02908, of which only the summary could be read here; the layers are those of an
adaptation of it (ofivite/tatoo, `model/taco.py`), and so are the sizes, not the paper's. A filter
is a learned function of the distance from the axis for each of some frequencies in the azimuth
about it. Its sum over the particles, turned by so many angles, is a function on a circle, on which
convolutions act; the mean over the angles is left. Here the convolutions go around the circle, so
that no turn by one of the angles changes the answer, and batch normalisation stands before them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.norm import BatchNorm
from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import TaggerSettings
from jetchain.tagging.models.layers import dense, head

ANGLES = 2  # of the features, the first: d-eta and d-phi, which a turn changes


class RPCNSettings(TaggerSettings):
    """Sizes of the particle convolution network (arXiv:2107.02908; those of an adaptation)."""

    filters: int = key(10, "Filters.", ge=1)
    frequencies: int = key(4, "Highest frequency of a filter in the azimuth.", ge=0)
    rotations: int = key(32, "Angles by which the filters are turned.", ge=1)
    hidden: int = key(16, "Width of the layers of a particle, and of those of the jet.", ge=2)
    convolutions: int = key(5, "Convolutions over the angles.", ge=0)
    kernel: int = key(3, "Angles that a convolution sees; an odd number.", ge=1)


class RPCN(nn.Module):
    """Filters, convolutions over their angles, and a perceptron on the mean.

    Args:
        inputs: features per particle, those of FEATURE_SETS.
        classes: number of classes.
        settings: sizes.
    """

    claims = ("permutation", "turn")

    def __init__(self, inputs: int, classes: int, settings: RPCNSettings) -> None:
        super().__init__()
        filters, hidden = settings.filters, settings.hidden
        self.frequencies, self.rotations = settings.frequencies, settings.rotations
        size = 2 * settings.frequencies + 1
        self.radial = nn.Sequential(
            nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, filters * size)
        )
        self.weight = nn.Sequential(*dense([inputs - ANGLES, hidden]), nn.Linear(hidden, filters))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(
                filters, filters, settings.kernel,
                padding=settings.kernel // 2, padding_mode="circular",
            )
            for _ in range(settings.convolutions)
        )  # fmt: skip
        self.norm = BatchNorm(filters)
        self.fc = head([filters, hidden, max(hidden // 2, 1)], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from points and features of its particles; (jets, classes)."""
        rows = jets.rows
        x, y = rows.take(jets.points).unbind(dim=1)
        radius = (x.square() + y.square() + 1e-12).sqrt()[:, None]  # (rows, 1)
        weight = self.weight(rows.take(jets.features)[:, ANGLES:])  # (rows, filters)
        m = torch.arange(self.frequencies + 1, device=x.device)
        turned = torch.atan2(y, x)[:, None] * m  # (rows, frequencies + 1)
        parts = weight[..., None] * self.radial(radius).unflatten(1, (weight.shape[1], -1))
        even, odd = parts[..., : len(m)], F.pad(parts[..., len(m) :], (1, 0))
        cosine, sine = turned.cos()[:, None], turned.sin()[:, None]
        # The sum of R exp(i m azimuth) with R = even + i odd, real and imaginary.
        real, imaginary = (
            rows.total(each.flatten(1)).unflatten(1, even.shape[1:])
            for each in (even * cosine - odd * sine, even * sine + odd * cosine)
        )  # (jets, filters, frequencies + 1)
        angle = torch.arange(self.rotations).to(x) * (2 * math.pi / self.rotations) * m[:, None]
        wave = self.norm(real @ angle.cos() - imaginary @ angle.sin())  # (jets, filters, rotations)
        x = wave
        for convolution in self.convolutions:
            x = F.relu(convolution(x)) + wave
        return self.fc(x.mean(dim=2))
