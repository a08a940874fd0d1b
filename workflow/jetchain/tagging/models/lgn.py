"""LGN: a network of Lorentz tensors, multiplied by each other and sorted by how they transform.

Bogatskiy et al., arXiv:2006.04780; layers and sizes as in the authors' repository
(fizisist/LorentzGroupNetwork: `lgn_cg.py`, `lgn_levels.py`, `position_levels.py`, and the channels
2 3 4 3, three levels, `maxdim` 3, `max_zf` 1, ten pairs of bells and layers of `args.py`). Each
level makes of the tensors of a particle their products with each other, and the sum over the other
particles of theirs with the momentum between the two, weighted by learned functions of its square;
it mixes the channels of each representation, and a perceptron acts on the scalars. What differs:

- The products of Clebsch and Gordan are written in real tensors: scalars, vectors, antisymmetric
  and traceless symmetric ones of rank two are the (0, 0), (1, 1), (2, 0) + (0, 2) and (2, 2), all
  that `maxdim` 3 keeps. A complex weight of (2, 0) is one of a tensor and one of its dual;
  those of scalars and vectors are real.
- Sums over particles are means, so that numbers do not grow with them, and batch normalisation
  stands before the last layer; products of a representation
  with itself that vanish, and what a last level does not need for scalars, are left out.
- Momenta are first boosted to the jet's rest frame, which changes nothing but the rounding.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.norm import BatchNorm
from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.frames import METRIC, physical, rest
from jetchain.tagging.invariants import BEAMS, KINDS, labels, mass2, product, squashed
from jetchain.tagging.models import MomentumSettings
from jetchain.tagging.pairs import Pairs, compact

Tensors = dict[str, list[Tensor]]
SCALE = 20.0  # GeV, unit of the momenta inside
AXES = {"scalar": 0, "vector": 1, "antisymmetric": 2, "symmetric": 2}  # indices of each

EPSILON = torch.zeros(4, 4, 4, 4)  # e^ijkl g_kk g_ll / 2
for order in itertools.permutations(range(4)):
    sign = torch.linalg.det(torch.eye(4)[list(order)]).round()
    EPSILON[order] = sign * METRIC[order[2]] * METRIC[order[3]] / 2


class LGNSettings(MomentumSettings):
    """Sizes of the Lorentz group network (arXiv:2006.04780)."""

    channels: list[Width] = key(
        [2, 3, 4, 3], "Channels of each representation before, and after each level.", min_length=2
    )
    bells: int = key(20, "Functions of a pair's square, of which weights are made.", ge=1)
    depth: int = key(3, "Hidden layers of the perceptron on the scalars.", ge=1)
    ratio: int = key(2, "Their width over the number of scalars.", ge=1)


class LGN(nn.Module):
    """The Lorentz group network.

    Args:
        inputs: not used: it takes momenta, charge and kind.
        classes: number of classes.
        settings: channels, and sizes of what acts on scalars.
    """

    claims = ("permutation", "lorentz")

    def __init__(self, inputs: int, classes: int, settings: LGNSettings) -> None:
        super().__init__()
        self.given = settings.identity, settings.beams
        known = 1 + KINDS * settings.identity + BEAMS * settings.beams
        first, *later = settings.channels
        self.scalars = nn.Linear(known, first)
        self.vectors = nn.Linear(1, first, bias=False)
        counts = {"scalar": first, "vector": first}
        self.levels = nn.ModuleList()
        for number, channels in enumerate(later):
            level = Level(counts, channels, settings, last=number == len(later) - 1)
            self.levels.append(level)
            counts = dict.fromkeys(level.mix, channels)
        self.norm = BatchNorm(sum(settings.channels))
        self.head = nn.Linear(sum(settings.channels), classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from momenta and kinds of its particles; (jets, classes)."""
        real = compact(jets.rows)
        momentum = physical(real.spread(jets.rows.take(jets.momentum)).double())  # (jets, n, 4)
        momentum = momentum @ rest(momentum.sum(dim=1)).mT / SCALE
        known = real.spread(torch.cat([mass2(jets), labels(jets, *self.given)], dim=1))
        # Of both orders of two particles the square is the same.
        pairs, rows = Pairs(real, "unordered"), real.take(momentum)
        between = rows[pairs.first] - rows[pairs.second]
        square = squashed(product(between, between)).to(known.dtype)[:, None]  # (pairs, 1)
        momentum = momentum.to(known.dtype)
        others = real.mask[:, :, None] & real.mask[:, None]
        others = others & ~torch.eye(others.shape[1], dtype=torch.bool, device=others.device)
        share = others / others.sum(dim=2, keepdim=True).clamp(min=1)  # (jets, n, n)
        number = pairs.number
        x = {
            "scalar": self.scalars(known),
            "vector": self.vectors(momentum[..., None]).movedim(-1, 2),  # (jets, n, channels, 4)
        }
        found = [x["scalar"]]
        for level in self.levels:
            x = level(x, momentum, level.weigh(square)[number] * share[..., None])
            found.append(x["scalar"])
        scalars = torch.cat(found, dim=2).masked_fill(~real.mask[..., None], 0)
        number = real.mask.sum(dim=1, keepdim=True).clamp(min=1)
        return self.head(self.norm(scalars.sum(dim=1) / number))


class Level(nn.Module):
    """Products of a particle's tensors, and of the others' with the momenta between; mixed.

    Args:
        counts: channels of each representation that comes in.
        channels: of each that goes out.
        settings: sizes of what acts on scalars.
        last: whether scalars alone are asked for.
    """

    def __init__(
        self, counts: dict[str, int], channels: int, settings: LGNSettings, last: bool
    ) -> None:
        super().__init__()
        inputs, self.last = next(iter(counts.values())), last
        bells = settings.bells
        self.height, self.width, self.floor = (nn.Parameter(torch.randn(bells)) for _ in range(3))
        self.weights = nn.Linear(bells, 2 * inputs)
        # What one particle without others gives tells how many channels there are to mix.
        none = {name: torch.zeros(1, 1, inputs, *[4] * AXES[name]) for name in counts}
        parts = self._parts(none, torch.zeros(1, 1, 4), torch.zeros(1, 1, 1, 2 * inputs))
        self.mix = nn.ModuleDict(
            {
                name: nn.Linear(sum(each.shape[2] for each in tensors), channels, bias=False)
                for name, tensors in parts.items()
            }
        )
        widths = [channels, *[settings.ratio * channels] * settings.depth]
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            layers += [nn.Linear(a, b), nn.LeakyReLU()]
        self.perceptron = nn.Sequential(*layers, nn.Linear(widths[-1], channels))

    def weigh(self, square: Tensor) -> Tensor:
        """The weights of two particles for each other.

        Args:
            square: of the momentum between them, squashed; (pairs, 1).

        Returns:
            (pairs + 1, 2 * channels), those of padding last.
        """
        bells = self.floor + self.height / (1 + (self.width * square).square())
        return F.pad(self.weights(bells), (0, 0, 0, 1))

    def forward(self, x: dict[str, Tensor], momentum: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """The new tensors of each particle.

        Args:
            x: (jets, n, channels) of scalars, with an axis of 4 for each index of the others.
            momentum: (jets, n, 4).
            weights: of the others in a mean, 0 for none; (jets, n, n, 2 * channels).
        """
        parts = self._parts(x, momentum, weights)
        new = {
            name: self.mix[name](torch.cat(tensors, dim=2).movedim(2, -1)).movedim(-1, 2)
            for name, tensors in parts.items()
        }
        return new | {"scalar": self.perceptron(new["scalar"])}

    def _parts(self, x: dict[str, Tensor], momentum: Tensor, weights: Tensor) -> Tensors:
        """All that is mixed, by representation."""
        of_scalar, of_vector = weights.chunk(2, dim=3)
        found = _joined([{name: [each] for name, each in x.items()}, squares(x)])
        for name, each in x.items():
            found[name].append(_sum(of_scalar, each))
        # The momentum between two is a difference: of products the sums are those of particles.
        here = times(momentum, {name: _sum(of_vector, each) for name, each in x.items()})
        there = times(momentum, x)
        for name, tensors in there.items():
            found.setdefault(name, []).extend(
                one - _sum(of_vector, other) for one, other in zip(here[name], tensors, strict=True)
            )
        if self.last:
            return {"scalar": found["scalar"]}
        if "antisymmetric" in found:
            found["antisymmetric"] += [dual(each) for each in found["antisymmetric"]]
        return found


def squares(x: dict[str, Tensor]) -> Tensors:
    """The products of a particle's tensors, each pair of representations once, channel by channel.

    Args:
        x: (jets, n, channels) with an axis of 4 for each index.
    """
    s, v = x["scalar"], x["vector"]
    outer = v[..., :, None] * v[..., None, :]
    found: Tensors = {
        "scalar": [s * s, trace(outer)], "vector": [s[..., None] * v],
        "symmetric": [symmetric(outer)],
    }  # fmt: skip
    if "antisymmetric" not in x:
        return found
    f, t = x["antisymmetric"], x["symmetric"]
    g = METRIC.to(s)
    star = dual(f)
    ff, ft, st, tt = ((a * g) @ b for a, b in ((f, f), (f, t), (star, t), (t, t)))
    found["scalar"] += [trace(ff), trace((f * g) @ star), trace(tt)]
    found["vector"] += [((each * g) @ v[..., None])[..., 0] for each in (f, star, t)]
    found["antisymmetric"] = [s[..., None, None] * f, antisymmetric(ft)]
    found["symmetric"] += [s[..., None, None] * t, *map(symmetric, (ff, ft, st, tt))]
    return found


def times(p: Tensor, x: dict[str, Tensor]) -> Tensors:
    """The products of a vector (jets, n, 4) with tensors as in `squares`."""
    p = p[:, :, None]  # (jets, n, 1, 4)
    outer = p[..., :, None] * x["vector"][..., None, :]
    found: Tensors = {
        "scalar": [trace(outer)], "vector": [x["scalar"][..., None] * p],
        "antisymmetric": [antisymmetric(outer)], "symmetric": [symmetric(outer)],
    }  # fmt: skip
    if "antisymmetric" in x:
        several = (x["antisymmetric"], dual(x["antisymmetric"]), x["symmetric"])
        found["vector"] += [((each * METRIC.to(p)) @ p[..., None])[..., 0] for each in several]
    return found


def trace(tensor: Tensor) -> Tensor:
    """g_ij T^ij; (..., 4, 4) to (...)."""
    return (tensor.diagonal(dim1=-2, dim2=-1) * METRIC.to(tensor)).sum(dim=-1)


def antisymmetric(tensor: Tensor) -> Tensor:
    """(T^ij - T^ji) / 2."""
    return (tensor - tensor.mT) / 2


def symmetric(tensor: Tensor) -> Tensor:
    """(T^ij + T^ji) / 2 without its trace."""
    metric = torch.diag(METRIC).to(tensor)
    return (tensor + tensor.mT) / 2 - metric * trace(tensor)[..., None, None] / 4


def dual(tensor: Tensor) -> Tensor:
    """e^ijkl T_kl / 2 of an antisymmetric tensor."""
    return torch.einsum("ijkl,...kl->...ij", EPSILON.to(tensor), tensor)


def _sum(weights: Tensor, x: Tensor) -> Tensor:
    """Sums over the others with weights (jets, n, n, channels) of x (jets, n, channels, ...)."""
    flat = x.reshape(*x.shape[:3], -1).transpose(1, 2)  # (jets, channels, n, components)
    return (
        (weights.permute(0, 3, 1, 2) @ flat)
        .transpose(1, 2)
        .reshape(weights.shape[0], weights.shape[1], *x.shape[2:])
    )


def _joined(several: list[Tensors]) -> Tensors:
    """The tensors of each representation in one list."""
    found: Tensors = {}
    for each in several:
        for name, tensors in each.items():
            found.setdefault(name, []).extend(tensors)
    return found
