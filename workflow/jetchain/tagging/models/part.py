"""Particle Transformer: attention that is biased by what two particles are to each other.

Qu, Li and Qian, arXiv:2202.03772, with the semantics, the initial weights and the parameter names
of weaver-core's `weaver.nn.model.ParticleTransformer`: 1 x 1 convolutions are written as linear
layers, so its weights load here once their trailing axes of length 1 are squeezed. Two things
differ, none of them in what an evaluated network gives:

- Layers of particles and of pairs compute on real ones only, one row each, in training too;
  batch statistics do not see padding, nor does a jet's output depend on it.
- weaver-core drops a random part of the longest jets' particles in training; here none is dropped.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import model_validator
from torch import Tensor, nn

from jetchain.core.kinematics import delta_phi
from jetchain.core.norm import BatchNorm
from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import TaggerSettings
from jetchain.tagging.models.layers import Dropout
from jetchain.tagging.pairs import Pairs, compact
from jetchain.tagging.rows import Rows

PAIR_FEATURES = 4
SMALL = 1e-8  # below which pair features are cut off before their logarithm, as in weaver-core
GROUPS = 4  # parts of a batch, of jets alike in length
NEVER = -3e4  # bias of the attention to padding


class ParTSettings(TaggerSettings):
    """Sizes of the Particle Transformer (arXiv:2202.03772; a small one by default)."""

    embedding: list[Width] = key([32, 32], "Widths of the layers of a particle.", min_length=1)
    pair_embedding: list[Width] = key([16], "Widths of the layers of a pair.", min_length=1)
    heads: int = key(4, "Attention heads; they divide the last width.", ge=1)
    layers: int = key(2, "Blocks of attention between particles.", ge=1)
    class_layers: int = key(1, "Blocks of attention of the class token.", ge=1)
    dropout: float = key(0.1, "Dropout in the blocks of particles.", ge=0, lt=1)

    @model_validator(mode="after")
    def _divide(self) -> ParTSettings:
        if self.embedding[-1] % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide the width {self.embedding[-1]}")
        return self


class ParT(nn.Module):
    """Particle Transformer.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: widths, heads, numbers of blocks, dropout.
    """

    claims = ("permutation",)

    def __init__(self, inputs: int, classes: int, settings: ParTSettings) -> None:
        super().__init__()
        width, heads = settings.embedding[-1], settings.heads
        self.embed = Embedding(inputs, settings.embedding)
        self.pair_embed = PairEmbedding([*settings.pair_embedding, heads])
        self.blocks = nn.ModuleList(
            Block(width, heads, settings.dropout) for _ in range(settings.layers)
        )
        self.cls_blocks = nn.ModuleList(
            Block(width, heads, 0.0) for _ in range(settings.class_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Sequential(nn.Linear(width, classes))
        self.cls_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, width), std=0.02))
        self._initialise()

    def _initialise(self) -> None:
        """Weights of the linear layers as in weaver-core (weight_init "moco", fix_init)."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear) and not name.startswith("pair_embed"):
                # Queries, keys and values are three layers in one.
                outputs = module.out_features // (3 if name.endswith("in_proj") else 1)
                bound = math.sqrt(6 / (outputs + module.in_features))
                nn.init.uniform_(module.weight, -bound, bound)
                nn.init.zeros_(module.bias)
        with torch.no_grad():
            for number, block in enumerate(self.blocks, 1):
                for layer in (block.attn.out_proj, block.fc2):
                    layer.weight /= math.sqrt(2 * number)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from features and momenta of its particles; (jets, classes)."""
        lengths = jets.mask.sum(dim=1)
        order = None if jets.dense else np.argsort(lengths.numpy(force=True), kind="stable")
        if order is not None:
            jets = jets[order]
        real = compact(jets.rows)
        groups = [real] if order is None else alike(real)
        x = self.embed(jets.rows.take(jets.features))  # (rows, width)
        biases = self.pair_embed(jets.rows.take(jets.momentum), groups)
        for block in self.blocks:
            x = block(x, groups, biases)
        # The class token stands before the particles, and is never padding.
        mask = F.pad(real.mask, (1, 0), value=True)
        bias = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, NEVER)[:, None, None]
        particles = real.spread(x)  # (jets, n, width)
        token = self.cls_token.expand(mask.shape[0], -1, -1)
        for block in self.cls_blocks:
            token = block.of_token(token, particles, bias)
        logits = self.fc(self.norm(token[:, 0]))
        return logits if order is None else logits[np.argsort(order)]


def alike(real: Rows) -> list[Rows]:
    """The rows of GROUPS parts of a batch, whose jets are sorted by their length.

    Attention between all places of a jet costs the square of the longest one of its part.
    """
    parts = real.mask.tensor_split(GROUPS)
    return [compact(Rows(each)) for each in parts if len(each)]


class Embedding(nn.Module):
    """Layers on the normalised features of a particle."""

    def __init__(self, inputs: int, widths: list[int]) -> None:
        super().__init__()
        self.input_bn = BatchNorm(inputs)
        self.embed = nn.Sequential(
            *itertools.chain.from_iterable(
                (nn.LayerNorm(a), nn.Linear(a, b), nn.GELU())
                for a, b in itertools.pairwise([inputs, *widths])
            )
        )

    def forward(self, features: Tensor) -> Tensor:
        """(rows, features) to (rows, widths[-1])."""
        return self.embed(self.input_bn(features))


class PairEmbedding(nn.Module):
    """What two particles are to each other, as a bias of the attention.

    Args:
        widths: of the layers; the last is the number of heads.
    """

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = [BatchNorm(PAIR_FEATURES)]
        for a, b in itertools.pairwise([PAIR_FEATURES, *widths]):
            layers += [nn.Linear(a, b), BatchNorm(b), nn.GELU()]
        self.embed = nn.Sequential(*layers[:-1])

    def forward(self, momentum: Tensor, groups: list[Rows]) -> list[Tensor]:
        """A pair is computed on once, a particle with itself too.

        Args:
            momentum: (rows, 4), px, py, pz, e.
            groups: where the rows of each part of the batch are.

        Returns:
            of each part (jets, heads, n, n), NEVER where one of the two is padding.
        """
        columns = torch.cat([_pt_y_phi(momentum), momentum], dim=1)
        pairs = [Pairs(real, "unordered") for real in groups]
        features = torch.cat(
            [
                pair_features(part.index_select(0, each.first), part.index_select(0, each.second))
                for each, part in zip(pairs, columns.split([g.count for g in groups]), strict=True)
            ]
        )
        embedded = self.embed(features).split([each.count for each in pairs])
        return [_spread(*each) for each in zip(embedded, pairs, strict=True)]


def _spread(embedded: Tensor, pairs: Pairs) -> Tensor:
    """By places what is given by pair: (pairs, heads) to (jets, heads, n, n)."""
    number = pairs.number
    bias = F.pad(embedded, (0, 0, 0, 1), value=NEVER).index_select(0, number.flatten())
    return bias.view(*number.shape, -1).permute(0, 3, 1, 2).contiguous()


class Attention(nn.Module):
    """The weights of an attention of several heads; weaver-core has them under these names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)


class Block(nn.Module):
    """Attention, then two layers on each particle, with normalisation inside (NormFormer).

    Args:
        width: of a particle.
        heads: of the attention.
        dropout: behind the attention's weights and each layer.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = Dropout(dropout)
        self.pre_attn_norm = nn.LayerNorm(width)
        self.attn = Attention(width)
        self.post_attn_norm = nn.LayerNorm(width)
        self.pre_fc_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.post_fc_norm = nn.LayerNorm(4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.c_attn = nn.Parameter(torch.ones(heads))
        self.w_resid = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor, groups: list[Rows], biases: list[Tensor]) -> Tensor:
        """Particles that have looked at each other: (rows, width) to the same.

        Args:
            x: the particles.
            groups: where the rows of each part of the batch are.
            biases: of the attention of each; (jets, heads, n, n).
        """
        qkv = self.attn.in_proj(self.pre_attn_norm(x))  # (rows, 3 * width)
        parts, attended = qkv.split([real.count for real in groups]), []
        for part, real, bias in zip(parts, groups, biases, strict=True):
            q, k, v = real.spread(part).chunk(3, dim=2)  # (jets, n, width)
            attended.append(real.take(self._attend(q, k, v, bias)))
        return self._rest(torch.cat(attended), x)

    def of_token(self, token: Tensor, particles: Tensor, bias: Tensor) -> Tensor:
        """A token that has looked at itself and the particles: (jets, 1, width) to the same.

        Args:
            token: the token, which is not normalised for its query (as in weaver-core).
            particles: (jets, n, width).
            bias: of the attention; (jets, 1, 1, 1 + n).
        """
        seen = self.pre_attn_norm(torch.cat([token, particles], dim=1))
        width, layer = token.shape[2], self.attn.in_proj
        q = F.linear(token, layer.weight[:width], layer.bias[:width])
        k, v = F.linear(seen, layer.weight[width:], layer.bias[width:]).chunk(2, dim=2)
        return self._rest(self._attend(q, k, v, bias), token)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        """What each query takes of the values; (jets, queries, width)."""
        q, k, v = (x.unflatten(2, (self.heads, -1)).transpose(1, 2) for x in (q, k, v))
        weight = (q / math.sqrt(q.shape[3]) @ k.mT + bias).softmax(dim=3)
        return (self.dropout(weight) @ v).transpose(1, 2).flatten(2)

    def _rest(self, attended: Tensor, x: Tensor) -> Tensor:
        # Behind the projection, as in weaver-core: each head scales its share of the width.
        heads = self.attn.out_proj(attended).unflatten(-1, (self.heads, -1)) * self.c_attn[:, None]
        x = x + self.dropout(self.post_attn_norm(heads.flatten(-2)))
        hidden = self.dropout(F.gelu(self.fc1(self.pre_fc_norm(x))))
        return self.w_resid * x + self.dropout(self.fc2(self.post_fc_norm(hidden)))


def pair_features(one: Tensor, other: Tensor) -> Tensor:
    """ln kT, ln z, ln Delta and ln m2 of pairs; (pairs, 4).

    Args:
        one, other: pT, rapidity, azimuth, px, py, pz and E; (pairs, 7).

    Reference:
        arXiv:2202.03772, eq. 3, in the order of weaver-core.
    """
    # Not torch.hypot, which ONNX lacks.
    apart = torch.stack([one[:, 1] - other[:, 1], delta_phi(one[:, 2], other[:, 2])], dim=1)
    delta = apart.square().sum(dim=1).sqrt()
    softer = torch.minimum(one[:, 0], other[:, 0])
    share = softer / (one[:, 0] + other[:, 0]).clamp(min=SMALL)
    both = one[:, 3:] + other[:, 3:]
    mass2 = both[:, 3].square() - both[:, :3].square().sum(dim=1)
    values = torch.stack([softer * delta, share, delta, mass2], dim=1)
    return values.clamp(min=SMALL).log()


def _pt_y_phi(momentum: Tensor) -> Tensor:
    px, py, pz, e = momentum.unbind(dim=1)
    # Not -1, of which the logarithm is none: so it rounds, or an energy is below |pz|.
    rapidity = (2 * pz / (e - pz).clamp(min=1e-20)).clamp(min=2**-24 - 1).log1p() / 2
    pt = momentum[:, :2].square().sum(dim=1).sqrt()
    return torch.stack([pt, rapidity, torch.atan2(py, px)], dim=1)
