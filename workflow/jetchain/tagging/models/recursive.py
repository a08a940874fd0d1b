"""Recursive network on the jet's clustering tree.

Louppe, Cho, Becot and Cranmer, arXiv:1702.00748, the simple one, without gates. The
state of a particle is a function of its momentum; that of two joined ones, of their two states and
of their joint momentum; the jet's answer is a perceptron on the state of the root. The tree is that
of a sequential clustering (anti-kT, Cambridge/Aachen or kT) of the constituents, down to one jet,
found here on tensors, all jets of a batch at once; of two joined, the harder comes first.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.kinematics import delta_phi
from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import OfMomenta
from jetchain.tagging.models.layers import head

POWER = {"anti-kt": -1, "cambridge": 0, "kt": 1}
FAR = 1e30


class RecursiveSettings(OfMomenta):
    """Sizes of the recursive network (arXiv:1702.00748)."""

    algorithm: Literal["anti-kt", "cambridge", "kt"] = key("kt", "Clustering that gives the tree.")
    width: int = key(40, "Width of a state.", ge=1)
    fully_connected: list[Width] = key([40, 40], "Widths of the per-jet layers.", min_length=1)

    def sees(self, feature_set: str) -> str:
        """See `TaggerSettings`."""
        return "momenta"


class Recursive(nn.Module):
    """States from the leaves of the tree to its root, and a perceptron on that of the root.

    Args:
        inputs: features per particle, which are not looked at.
        classes: number of classes.
        settings: algorithm, widths.
    """

    claims = ("permutation",)

    def __init__(self, inputs: int, classes: int, settings: RecursiveSettings) -> None:
        super().__init__()
        self.power = POWER[settings.algorithm]
        self.momentum = nn.Linear(5, settings.width)
        self.join = nn.Linear(3 * settings.width, settings.width)
        self.fc = head([settings.width, *settings.fully_connected], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the momenta of its particles; (jets, classes)."""
        mask, momentum = jets.mask, jets.momentum * jets.mask[..., None]
        steps = mask.shape[1] if jets.dense else int(mask.sum(dim=1).max())
        pairs, joined, real = cluster(momentum, mask, self.power, steps - 1)
        whole = momentum.sum(dim=1, keepdim=True)
        state = F.relu(self.momentum(coordinates(momentum, whole)))  # (jets, particles, width)
        branches = F.relu(self.momentum(coordinates(joined, whole)))  # (jets, steps, width)
        root = mask.int().argmax(dim=1)[:, None]  # the place of a jet's only particle
        for step in range(steps - 1):
            pair, there = pairs[:, step], real[:, step, None]  # (jets, 2), (jets, 1)
            two = state.gather(1, pair[..., None].expand(-1, -1, state.shape[2]))
            new = F.relu(self.join(torch.cat([two.flatten(1), branches[:, step]], dim=1)))
            first = pair[:, :1]
            place = first[..., None].expand(-1, -1, state.shape[2])
            state = state.scatter(1, place, torch.where(there, new, two[:, 0])[:, None])
            root = torch.where(there, first, root)
        of_root = state.gather(1, root[..., None].expand(-1, -1, state.shape[2]))[:, 0]
        return self.fc(of_root * mask.any(dim=1)[:, None])


@torch.no_grad()
def cluster(
    momentum: Tensor, mask: Tensor, power: int, steps: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Join the two nearest of each jet, again and again; d_ij = min(pT_i, pT_j)^2p dR_ij^2.

    Args:
        momentum: px, py, pz, e; (jets, particles, 4).
        mask: (jets, particles).
        power: p.
        steps: how often.

    Returns:
        The places of those joined, the harder first, which is where the new one stands from then
        on, (jets, steps, 2); its momentum, (jets, steps, 4); and whether there were two, (jets,
        steps).
    """
    jets, places = mask.shape
    jet = torch.arange(jets, device=mask.device)
    now = momentum.clone()
    distance = _distances(now, now, power)
    both = mask[:, :, None] & mask[:, None, :]
    both = both & ~torch.eye(places, dtype=torch.bool, device=mask.device)
    distance = distance.masked_fill(~both, FAR)
    pairs, joined, real = [], [], []
    for _ in range(steps):
        nearest, index = distance.flatten(1).min(dim=1)
        pair = torch.stack([index // places, index % places], dim=1)  # (jets, 2)
        pt = now[jet[:, None], pair, :2].norm(dim=2)
        pair = torch.where(pt[:, :1] >= pt[:, 1:], pair, pair.flip(1))
        there = nearest < FAR
        first, second = pair.unbind(1)
        new = now[jet, first] + now[jet, second]
        now[jet, first] = torch.where(there[:, None], new, now[jet, first])
        # The second is gone, and the first has new distances to those that are left.
        fresh = _distances(now[jet, first][:, None], now, power)[:, 0]
        left = distance[jet, first] < FAR
        left[jet, second] = False
        fresh = torch.where(left & there[:, None], fresh, FAR)
        for place, values in ((second, torch.full_like(fresh, FAR)), (first, fresh)):
            values = torch.where(there[:, None], values, distance[jet, place])
            distance[jet, place] = values
            distance[jet, :, place] = values
        pairs.append(pair)
        joined.append(new)
        real.append(there)
    if not pairs:
        empty = mask.new_zeros(jets, 0)
        return empty[..., None].expand(-1, -1, 2).long(), momentum[:, :0], empty
    return torch.stack(pairs, dim=1), torch.stack(joined, dim=1), torch.stack(real, dim=1)


def _distances(one: Tensor, two: Tensor, power: int) -> Tensor:
    """d_ij of (jets, n, 4) and (jets, m, 4); (jets, n, m)."""
    (pt, y, phi), (other_pt, other_y, other_phi) = map(_cylindrical, (one, two))
    turn = delta_phi(phi[:, :, None], other_phi[:, None, :])
    square = (y[:, :, None] - other_y[:, None, :]) ** 2 + turn**2
    hardness = pt ** (2 * power), other_pt ** (2 * power)
    return square * torch.minimum(hardness[0][:, :, None], hardness[1][:, None, :])


def _cylindrical(momentum: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """pT, rapidity and phi of px, py, pz, e; of nothing, small numbers and 0."""
    px, py, pz, e = momentum.unbind(-1)
    pt = momentum[..., :2].norm(dim=-1).clamp(min=1e-6)
    transverse = ((e - pz) * (e + pz)).clamp(min=1e-12).sqrt()
    return pt, (pz / torch.maximum(transverse, pt)).asinh(), torch.atan2(py, px)


def coordinates(momentum: Tensor, whole: Tensor) -> Tensor:
    """What the network sees of momenta: y and phi from the jet's, ln pT, its share and ln mT.

    Args:
        momentum: px, py, pz, e in GeV; (jets, nodes, 4).
        whole: of the jet; (jets, 1, 4).

    Returns:
        (jets, nodes, 5), of the order of 1.
    """
    (pt, y, phi), (jet_pt, jet_y, jet_phi) = map(_cylindrical, (momentum, whole))
    turn = delta_phi(phi, jet_phi)
    outwards = torch.where(jet_y < 0, -1.0, 1.0)
    mass = (momentum[..., 3] ** 2 - momentum[..., :3].square().sum(dim=2)).clamp(min=0)
    heavy = (mass + pt**2).sqrt()
    return torch.stack(
        [
            4 * outwards * (y - jet_y), 4 * turn, 0.5 * (pt.log() - 1.7),
            0.5 * ((pt / jet_pt).log() + 4.7), 0.5 * (heavy.log() - 1.7),
        ],
        dim=2,
    )  # fmt: skip
