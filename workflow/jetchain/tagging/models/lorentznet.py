"""LorentzNet: messages between all particles that depend on Lorentz products of momenta alone.

Gong et al., arXiv:2201.08187. Without the beams no boost and no rotation of a jet changes its
answer; with them a particle's products with the beams are inputs too. As in ParticleNet the first
layer of a message acts on each particle once, and only pairs of real particles are computed on.
The published sizes, as the authors' repository names them (sdogsq/LorentzNet-release, README.md),
are a width of 72, six layers, a dropout of 0.2 and a step of 0.005 for top jets, 0.001 for quarks
and gluons.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from jetchain.core.norm import BatchNorm
from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.invariants import BEAMS, KINDS, labels, mass2, product, squashed
from jetchain.tagging.models import MomentumSettings
from jetchain.tagging.pairs import Pairs, compact


class LorentzNetSettings(MomentumSettings):
    """Sizes of LorentzNet (arXiv:2201.08187; a small one by default)."""

    width: int = key(16, "Width of all layers.", ge=1)
    layers: int = key(3, "Rounds of messages.", ge=1)
    dropout: float = key(0.2, "Dropout before the last layer.", ge=0, lt=1)
    step: float = key(1e-3, "Factor of the change of a momentum in a round.", gt=0)


class LorentzNet(nn.Module):
    """LorentzNet.

    Args:
        inputs: not used: it takes momenta, charge and kind.
        classes: number of classes.
        settings: width, number of layers, dropout.
    """

    claims = ("permutation", "lorentz")

    def __init__(self, inputs: int, classes: int, settings: LorentzNetSettings) -> None:
        super().__init__()
        width, self.given = settings.width, (settings.identity, settings.beams)
        inputs = 1 + KINDS * settings.identity + BEAMS * settings.beams
        self.embed = nn.Linear(inputs, width)
        self.rounds = nn.ModuleList(
            Round(width, inputs, settings.step, last=n == settings.layers - 1)
            for n in range(settings.layers)
        )
        self.head = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(settings.dropout),
            nn.Linear(width, classes),
        )  # fmt: skip

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from momenta and kinds of its particles; (jets, classes)."""
        pairs = Pairs(compact(jets.rows), "others")
        momentum = jets.rows.take(jets.momentum)  # (rows, 4)
        known = torch.cat([mass2(jets), labels(jets, *self.given)], dim=1)  # (rows, inputs)
        h = self.embed(known)  # (rows, width)
        number = jets.mask.sum(dim=1, keepdim=True).clamp(min=1)  # (jets, 1)
        others = (number - 1).clamp(min=1).to(h.dtype)
        others = jets.rows.take(others.expand(jets.mask.shape)[..., None])  # (rows, 1)
        for each in self.rounds:
            h, momentum = each(h, momentum, known, pairs, others)
        return self.head(jets.rows.total(h) / number)


class Round(nn.Module):
    """A Lorentz group equivariant block.

    Args:
        width: of all layers.
        inputs: what is known of a particle.
        step: factor of the change of momenta.
        last: whether momenta are not asked for any more.
    """

    def __init__(self, width: int, inputs: int, step: float, last: bool) -> None:
        super().__init__()
        self.step = step
        self.of_first = nn.Linear(width, width, bias=False)
        self.of_second = nn.Linear(width, width, bias=False)
        self.of_products = nn.Linear(2, width, bias=False)
        self.message = nn.Sequential(
            BatchNorm(width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.weight = nn.Sequential(nn.Linear(width, 1), nn.Sigmoid())
        self.change: nn.Module | None = None
        if not last:
            self.change = nn.Sequential(
                nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1, bias=False)
            )
        self.update = nn.Sequential(
            nn.Linear(2 * width + inputs, width), BatchNorm(width), nn.ReLU(),
            nn.Linear(width, width),
        )  # fmt: skip

    def forward(
        self, h: Tensor, momentum: Tensor, known: Tensor, pairs: Pairs, others: Tensor
    ) -> tuple[Tensor, Tensor]:
        """New h and momenta.

        Args:
            h: (rows, width).
            momentum: (rows, 4).
            known: (rows, inputs).
            pairs: "others".
            others: number of other particles in the jet, at least 1; (rows, 1).
        """
        one, other = momentum[pairs.first], momentum[pairs.second]  # (pairs, 4)
        apart = one - other
        products = torch.stack([product(apart, apart), product(one, other)], dim=1)
        message = self.message(
            self.of_first(h)[pairs.first]
            + self.of_second(h)[pairs.second]
            + self.of_products(squashed(products))
        )  # (pairs, width)
        if self.change is not None:
            moved = pairs.total(apart * self.change(message)) / others
            momentum = momentum + self.step * moved
        heard = pairs.total(message * self.weight(message))  # (rows, width)
        return h + self.update(torch.cat([h, heard, known], dim=1)), momentum
