"""PELICAN: layers between pairs of particles, of which products of momenta are the only inputs.

Bogatskiy et al., arXiv:2211.00454. A layer makes of a value for each pair (i, j) another one, by
linear maps that do not know the order of the particles. There are fifteen. The products are the
same both ways, and so is all that is computed here: the nine maps remain that keep it so, and each
pair is computed on once. They take the value itself; sums over j (r_i), values on the diagonal
(t_i), and the sums of both over the jet; and put these at all j and i, or on the diagonal.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.norm import BatchNorm
from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.invariants import BEAMS, KINDS, labels, product
from jetchain.tagging.models import MomentumSettings
from jetchain.tagging.pairs import Pairs, compact
from jetchain.tagging.rows import Rows

TYPICAL = 50.0  # particles, where means over them are not scaled
SLOPE = 0.01  # of LeakyReLU below 0


class PELICANSettings(MomentumSettings):
    """Sizes of PELICAN (arXiv:2211.00454; a tiny one by default)."""

    width: int = key(8, "Values of a pair.", ge=1)
    hidden: int = key(8, "Values of a pair inside a block.", ge=1)
    blocks: int = key(2, "Blocks of a layer of each pair and one between pairs.", ge=1)
    dropout: float = key(0.025, "Dropout behind the layers of a pair.", ge=0, lt=1)


class PELICAN(nn.Module):
    """PELICAN, for classification.

    Args:
        inputs: not used: it takes momenta, charge and kind.
        classes: number of classes.
        settings: widths, number of blocks, dropout.
    """

    claims = ("permutation", "lorentz")

    def __init__(self, inputs: int, classes: int, settings: PELICANSettings) -> None:
        super().__init__()
        width, hidden = settings.width, settings.hidden
        self.given = settings.identity, settings.beams
        known = KINDS * settings.identity + BEAMS * settings.beams
        self.power = nn.Parameter(torch.linspace(0.05, 0.5, width))
        self.first = Aggregation(width, width, known)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [
                    nn.Sequential(
                        nn.Linear(width, hidden), nn.LeakyReLU(SLOPE), BatchNorm(hidden),
                        nn.Dropout(settings.dropout),
                    ),
                    Aggregation(hidden, width, 0),
                ]
            )
            for _ in range(settings.blocks)
        )  # fmt: skip
        self.scale = nn.Parameter(torch.zeros(width))
        self.head = nn.Sequential(
            nn.Linear(2 * width, width), nn.LeakyReLU(SLOPE), nn.Linear(width, classes)
        )

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from momenta and kinds of its particles; (jets, classes)."""
        momentum = jets.rows.take(jets.momentum)  # (rows, 4)
        known = labels(jets, *self.given)  # (rows, known)
        among = Among(compact(jets.rows), momentum)
        pairs = among.pairs
        products = product(momentum[pairs.first], momentum[pairs.second]).clamp(min=0)
        # ((1 + x)^(2a) - 1) / a^2 with learned a, as there.
        power = self.power.abs() + 1e-3
        x = torch.expm1(2 * power * products.log1p()[:, None]) / power**2  # (pairs, width)
        x = F.leaky_relu(self.first(x, among, known), SLOPE)
        for layer, aggregation in self.blocks:
            x = F.leaky_relu(aggregation(layer(x), among, known[:, :0]), SLOPE)
        return self.head(among.of_jets(torch.cat(among.of_particles(x, self.scale), dim=1)))


class Among:
    """Means over the pairs of a batch.

    Args:
        rows: compact.
        like: of the type of the values.
    """

    def __init__(self, rows: Rows, like: Tensor) -> None:
        self.rows, self.pairs = rows, Pairs(rows, "unordered")
        self.number = rows.mask.sum(dim=1, keepdim=True).clamp(min=1).to(like.dtype)  # (jets, 1)
        self.of_row = rows.take(self.number.expand(rows.mask.shape)[..., None])  # (rows, 1)
        # Where each particle meets itself.
        self.own = rows.take(self.pairs.number.diagonal(dim1=1, dim2=2))  # (rows,)

    def of_particles(self, x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Mean over the pairs of each particle, times (n / TYPICAL)^scale, and its own value.

        Args:
            x: (pairs, width).
            scale: (width,).

        Returns:
            (rows, width) both.
        """
        own = F.pad(x, (0, 0, 0, 1))[self.own]
        total = self.pairs.total(x) + self.pairs.total(x, over_first=True) - own
        return total / self.of_row * (self.of_row / TYPICAL) ** scale, own

    def of_jets(self, x: Tensor) -> Tensor:
        """Mean over the particles of each jet: (rows, width) to (jets, width)."""
        return self.rows.total(x) / self.number

    def of_jet_of(self, x: Tensor) -> Tensor:
        """What belongs to a jet, for each of its particles: (jets, width) to (rows, width)."""
        return self.rows.take(x[:, None].expand(-1, self.rows.places, -1))


class Aggregation(nn.Module):
    """The nine maps, and what is known of single particles.

    Args:
        inputs, outputs: values of a pair.
        known: values of a particle that come in as well.
    """

    def __init__(self, inputs: int, outputs: int, known: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(inputs))
        self.pair = nn.Linear(inputs, outputs, bias=False)
        self.both = nn.Linear(4 * inputs + known, outputs)
        self.diagonal = nn.Linear(4 * inputs + known, outputs)

    def forward(self, x: Tensor, among: Among, known: Tensor) -> Tensor:
        """(pairs, inputs) to (pairs, outputs); known: (rows, known)."""
        seen = torch.cat(among.of_particles(x, self.scale), dim=1)
        seen = torch.cat([seen, among.of_jet_of(among.of_jets(seen)), known], dim=1)
        both, pairs = self.both(seen), among.pairs
        y = self.pair(x) + both[pairs.first] + both[pairs.second]
        return F.pad(y, (0, 0, 0, 1)).index_add(0, among.own, self.diagonal(seen))[:-1]
