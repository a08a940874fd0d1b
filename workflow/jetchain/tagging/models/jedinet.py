"""JEDI-net: an interaction network of all pairs of particles.

Moreno et al., arXiv:1908.05318: each particle receives the sum of the effects that the
others have on it; what follows of it is summed over the particles ("sum O"), or handed on for one
particle after the other, so that their order matters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import TaggerSettings
from jetchain.tagging.models.layers import dense, head
from jetchain.tagging.pairs import Pairs, compact


class JEDINetSettings(TaggerSettings):
    """Sizes of JEDI-net (arXiv:1908.05318)."""

    relation: list[Width] = key([32, 16, 8], "Widths of the layers of a pair.", min_length=1)
    particle: list[Width] = key([32, 16], "Widths of the layers of a particle.", min_length=1)
    jet: list[Width] = key([32], "Widths of the layers of a jet.")


class JEDINetOrderedSettings(JEDINetSettings):
    """The same without the sum."""

    leading: int = key(30, "Particles that are handed on, those of the highest pT.", ge=1)


class JEDINet(nn.Module):
    """JEDI-net with the sum over particles.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: widths.
    """

    claims: tuple[str, ...] = ("permutation",)

    def __init__(self, inputs: int, classes: int, settings: JEDINetSettings) -> None:
        super().__init__()
        # The first layer acts on [x_i, x_j] as A x_i + B x_j: on each particle once.
        self.of_first = nn.Linear(inputs, settings.relation[0])
        self.of_second = nn.Linear(inputs, settings.relation[0], bias=False)
        self.relation = nn.Sequential(nn.ReLU(), *dense(settings.relation))
        self.particle = nn.Sequential(*dense([inputs + settings.relation[-1], *settings.particle]))
        pooled = settings.particle[-1] * self._handed_on(settings)
        self.jet = head([pooled, *settings.jet], classes)

    def _handed_on(self, settings: JEDINetSettings) -> int:
        """Particles that the layers of a jet see apart from each other."""
        return 1

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the features of its particles; (jets, classes)."""
        pairs = Pairs(compact(jets.rows), "others")
        x = jets.rows.take(jets.features)  # (rows, inputs)
        relation = self.of_first(x)[pairs.first] + self.of_second(x)[pairs.second]
        effect = pairs.total(self.relation(relation))  # (rows, relation[-1])
        particle = self.particle(torch.cat([x, effect], dim=1))  # (rows, particle[-1])
        return self.jet(self._pooled(particle, jets))

    def _pooled(self, particle: Tensor, jets: Jets) -> Tensor:
        return jets.rows.total(particle)


class JEDINetOrdered(JEDINet):
    """JEDI-net without the sum: of the leading particles, one after the other."""

    claims = ()

    def _handed_on(self, settings: JEDINetSettings) -> int:
        assert isinstance(settings, JEDINetOrderedSettings)
        self.leading = settings.leading
        return settings.leading

    def _pooled(self, particle: Tensor, jets: Jets) -> Tensor:
        """(jets, leading * particle[-1]), 0 where there are fewer particles."""
        places = compact(jets.rows).spread(particle)[:, : self.leading]
        return F.pad(places, (0, 0, 0, self.leading - places.shape[1])).flatten(1)
