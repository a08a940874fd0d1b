"""L-GATr slim: a transformer of Lorentz vectors and scalars, by the package `lgatr`.

Spinner et al., arXiv:2405.14806, and Brehmer et al., arXiv:2411.00446; the slim variant
(Petitjean et al., arXiv:2512.17011) has vectors and scalars in the place of whole multivectors.
No boost and no rotation of a jet changes its answer, unless it is given the beams and the
detector's rest frame as vectors too: then rotations about the beam alone do not.
The answer is that of one token more than there are particles, as in the authors' code
(heidelberg-hepml/lorentz-gatr): a mean over the particles could not count them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from lgatr import LGATrSlim
from torch import Tensor, nn

from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.invariants import KINDS, labels, mass2
from jetchain.tagging.models import MomentumSettings
from jetchain.tagging.pairs import compact

SCALE = 20.0  # GeV, unit of the momenta inside
REFERENCES = [[1.0, 0, 0, 1], [1, 0, 0, -1], [1, 0, 0, 0]]  # beams and time, as E, px, py, pz


class LGATrSettings(MomentumSettings):
    """Sizes of L-GATr slim (arXiv:2512.17011; a small one by default)."""

    blocks: int = key(2, "Blocks of attention.", ge=1)
    vector_channels: int = key(8, "Hidden vectors of a particle.", ge=1)
    scalar_channels: int = key(16, "Hidden scalars of a particle.", ge=1)
    heads: int = key(2, "Attention heads; they divide both.", ge=1)
    mlp_ratio: int = key(2, "Width of the layers of a particle over that of its values.", ge=1)


class LGATr(nn.Module):
    """L-GATr slim, and what it says of a token that stands for the jet.

    Args:
        inputs: not used: it takes momenta, charge and kind.
        classes: number of classes.
        settings: numbers of blocks, channels and heads.
    """

    claims = ("permutation", "lorentz")

    def __init__(self, inputs: int, classes: int, settings: LGATrSettings) -> None:
        super().__init__()
        self.identity = settings.identity
        references = torch.tensor(REFERENCES if settings.beams else []).view(-1, 4)
        self.register_buffer("references", references)
        self.network = LGATrSlim(
            num_blocks=settings.blocks,
            in_v_channels=1 + len(references),
            out_v_channels=0,
            hidden_v_channels=settings.vector_channels,
            in_s_channels=2 + KINDS * settings.identity,
            out_s_channels=classes,
            hidden_s_channels=settings.scalar_channels,
            num_heads=settings.heads,
            mlp_ratio=settings.mlp_ratio,
        )

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from momenta and kinds of its particles; (jets, classes)."""
        real = compact(jets.rows)
        momentum = real.spread(jets.rows.take(jets.momentum)) / SCALE
        vectors = momentum[..., [3, 0, 1, 2]].unsqueeze(2)  # (jets, n, 1, 4)
        references = self.references.expand(*momentum.shape[:2], -1, -1)
        vectors = torch.cat([vectors, references], dim=2)
        scalars = real.spread(torch.cat([mass2(jets), labels(jets, self.identity, False)], dim=1))
        # The token of the jet is a zero vector, and a scalar that no particle has.
        token = F.pad(torch.ones_like(scalars[:, :1, :1]), (scalars.shape[2], 0))
        _, logits = self.network(
            F.pad(vectors, (0, 0, 0, 0, 1, 0)),
            torch.cat([token, F.pad(scalars, (0, 1))], dim=1),
            attn_mask=F.pad(real.mask, (1, 0), value=True)[:, None, None],
        )  # (jets, 1 + n, classes)
        return logits[:, 0]
