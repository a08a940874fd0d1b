"""LLoCa: a transformer in which each particle is seen from a frame of its own.

Spinner et al., arXiv:2505.20280; layers as in the authors' package `lloca` 2.0.0, which is not
asked for here: it would add another package to the lock. A small network of pairs predicts three
vectors a particle; the first gives a boost, the others a rotation: its frame. Of what is written in
its frame no boost and no rotation changes anything, so that any network may act on it. Particles
hear of each other in vectors, which are turned from the frame of one to that of another. What
differs:

- A particle is a partner of its own, so that three particles are enough for a frame. Of fewer, or
  of particles along one line, the missing axes are those of the detector, not random ones.
- Momenta are first boosted to the jet's rest frame, which changes nothing but the rounding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import model_validator
from torch import Tensor, nn

from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.frames import METRIC, frame_of, physical, rest
from jetchain.tagging.invariants import KINDS, labels, mass2, product, squashed
from jetchain.tagging.models import MomentumSettings
from jetchain.tagging.pairs import compact

VECTORS = 3
REFERENCES = [[0.0, 0, 1, 1], [0, 0, -1, 1], [0, 0, 0, 1]]  # beams and time, as px, py, pz, e
SOFT = 1.0  # GeV, added in quadrature to the mass of a pair, by which its momentum is divided
NEVER = -3e4  # bias of the attention to padding


class LLoCaSettings(MomentumSettings):
    """Sizes of the LLoCa transformer (arXiv:2505.20280; a small one by default)."""

    width: int = key(32, "Values of a particle.", ge=1)
    blocks: int = key(2, "Blocks of attention.", ge=1)
    heads: int = key(4, "Attention heads, of a multiple of 8 values: half scalars, half vectors.")
    mlp_ratio: int = key(2, "Width of the layers of a particle over that of its values.", ge=1)
    frame_width: int = key(16, "Width of the layers that predict the frames.", ge=1)

    @model_validator(mode="after")
    def _divide(self) -> LLoCaSettings:
        if self.heads < 1 or self.width % (8 * self.heads):
            raise ValueError(f"width ({self.width}) must be a multiple of 8 x heads ({self.heads})")
        return self


class LLoCa(nn.Module):
    """The LLoCa transformer, and the mean of what it says of the particles.

    Args:
        inputs: not used: it takes momenta, charge and kind.
        classes: number of classes.
        settings: widths, numbers of blocks and heads.
    """

    claims = ("permutation", "lorentz")

    def __init__(self, inputs: int, classes: int, settings: LLoCaSettings) -> None:
        super().__init__()
        self.identity, width = settings.identity, settings.width
        references = torch.tensor(REFERENCES if settings.beams else []).view(-1, 4)
        self.register_buffer("references", references)
        known = 1 + KINDS * self.identity
        self.frames = Frames(known, settings.frame_width)
        self.embed = nn.Linear(known + 4 * (2 + len(references)), width)
        self.blocks = nn.ModuleList(
            Block(width, settings.heads, settings.mlp_ratio) for _ in range(settings.blocks)
        )
        self.head = nn.Linear(width, classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from momenta and kinds of its particles; (jets, classes)."""
        real = compact(jets.rows)
        mask, momentum = real.mask, physical(real.spread(jets.rows.take(jets.momentum)).double())
        known = torch.cat([mass2(jets), labels(jets, self.identity, False)], dim=1)
        known = real.spread(known)  # (jets, n, known)
        whole = momentum.sum(dim=1, keepdim=True)  # (jets, 1, 4)
        boost = rest(whole)  # (jets, 1, 4, 4)
        momentum = turned(boost, momentum[:, :, None])[:, :, 0]
        frames = self.frames(momentum, known, mask)  # (jets, n, 4, 4)
        # The jet, and the beams if it knows them, are as far from the frames as momenta are.
        others = torch.cat([whole, self.references.double().expand(whole.shape[0], -1, -1)], dim=1)
        others = turned(boost, others[:, None]).expand(-1, momentum.shape[1], -1, -1)
        seen = turned(frames, torch.cat([momentum[:, :, None], others], dim=2))
        seen = squashed(seen).flatten(2).to(known.dtype)
        x = self.embed(torch.cat([known, seen], dim=2))  # (jets, n, width)
        frames = frames.to(known.dtype)
        for block in self.blocks:
            x = block(x, frames, mask)
        logits = self.head(F.layer_norm(x, x.shape[2:])).masked_fill(~mask[..., None], 0)
        return logits.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)


class Frames(nn.Module):
    """The frame of each particle, which turns with it: L(A p) = L(p) / A for boosts and rotations.

    Args:
        known: what is known of a particle beside its momentum.
        width: of the layer of pairs.
    """

    def __init__(self, known: int, width: int) -> None:
        super().__init__()
        self.of_first = nn.Linear(known, width)
        self.of_second = nn.Linear(known, width, bias=False)
        self.of_product = nn.Linear(1, width, bias=False)
        # Without a bias, to which a softmax is blind.
        self.weights = nn.Linear(width, VECTORS, bias=False)

    def forward(self, momentum: Tensor, known: Tensor, mask: Tensor) -> Tensor:
        """Frames in float64, in which alone boosts of large gamma are exact enough.

        Args:
            momentum: px, py, pz, e in float64; (jets, n, 4).
            known: (jets, n, known).
            mask: (jets, n).

        Returns:
            (jets, n, 4, 4).
        """
        products = product(momentum[:, :, None], momentum[:, None])  # (jets, n, n)
        hidden = F.relu(
            self.of_first(known)[:, :, None]
            + self.of_second(known)[:, None]
            + self.of_product(squashed(products)[..., None].to(known.dtype))
        )
        # Positive weights: the sums of momenta are timelike.
        scores = self.weights(hidden).masked_fill(~mask[:, None, :, None], NEVER)
        weights = scores.softmax(dim=2).double()  # (jets, n, n, VECTORS)
        own = product(momentum, momentum)
        mass = own[:, :, None] + own[:, None] + 2 * products
        weights = weights / (mass.clamp(min=0) + SOFT**2).sqrt()[..., None]
        vectors = torch.einsum("bijk,bjm->bikm", weights, momentum * mask[..., None])
        vectors = vectors + weights.sum(dim=2)[..., None] * momentum[:, :, None]
        return frame_of(vectors)


class Block(nn.Module):
    """Attention between particles in their frames, then two layers on each particle.

    Args:
        width: of a particle.
        heads: of the attention.
        ratio: width of the layer of a particle over this.
    """

    def __init__(self, width: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, ratio * width), nn.GELU(), nn.Linear(ratio * width, width)
        )

    def forward(self, x: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
        """(jets, n, width) to the same; frames (jets, n, 4, 4), mask (jets, n)."""
        places = x.shape[1]
        values = self.in_proj(F.layer_norm(x, x.shape[2:]))
        values = values.view(-1, places, 3, self.heads, x.shape[2] // self.heads)
        half = values.shape[-1] // 2
        scalars, vectors = values[..., :half], values[..., half:].unflatten(-1, (-1, 4))
        metric = METRIC.to(x)
        # From the frames to one that all share: the inverse of a frame is its transpose in g.
        back = metric[:, None] * frames.mT * metric
        shared = turned(back, vectors.flatten(2, 4)).view(vectors.shape)
        q, k, v = torch.cat([scalars, shared.flatten(-2)], dim=-1).permute(2, 0, 3, 1, 4)
        q = torch.cat(
            [q[..., :half], (q[..., half:].unflatten(-1, (-1, 4)) * metric).flatten(-2)], -1
        )
        bias = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, NEVER)[:, None, None]
        weight = (q @ k.mT / values.shape[-1] ** 0.5 + bias).softmax(dim=3)
        heard = (weight @ v).transpose(1, 2)  # (jets, n, heads, values)
        own = turned(frames, heard[..., half:].unflatten(-1, (-1, 4)).flatten(2, 3))
        own = own.view(-1, places, self.heads, half)
        x = x + self.out_proj(torch.cat([heard[..., :half], own], dim=-1).flatten(2))
        return x + self.mlp(F.layer_norm(x, x.shape[2:]))


def turned(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Vectors (..., k, 4) in another frame (..., 4, 4)."""
    return vectors @ matrix.mT
